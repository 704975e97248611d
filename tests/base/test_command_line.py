"""What both command lines share: the language, wherever it is asked for, and what is wrong with a word."""

import errno
import os
from collections.abc import Callable, Mapping

import pytest

from chat.base.command_line import CommandLine, Wrong
from chat.base.language import known_languages, language
from chat.base.reasons import _REASONS, system_reason
from chat.client.options import Options as ClientOptions
from chat.server.options import Options as ServerOptions

Make = Callable[[], CommandLine]
BOTH = [ServerOptions, lambda: ClientOptions({})]
both = pytest.mark.parametrize("make", BOTH, ids=["server", "client"])


def in_spanish(words: list[str], make: Make) -> str:
    """What is said of these words; the server's options end the process with it."""
    options = make()
    with pytest.raises((SystemExit, Wrong)) as refused:
        options.parseOptions(words)
    said = refused.value
    return options.language.words(said.sentence) if isinstance(said, Wrong) else str(said)


@both
@pytest.mark.parametrize("words", [["--language", "es", "--help"], ["--help", "--language=es"], ["-h", "--lang", "es"]])
def test_help_speaks_the_language_that_is_asked_for_wherever_that_stands(
    words: list[str], make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        make().parseOptions(words)
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("Uso: ")
    assert "Mostrar la versión." in said
    assert max(map(len, said.splitlines())) <= 80


@both
@pytest.mark.parametrize("words", [["--version"], ["--language", "es", "--version"]])
def test_the_version_is_the_chats(words: list[str], make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        make().parseOptions(words)
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("chat")


@pytest.mark.parametrize("code", ["en", "es"])
def test_the_help_of_the_server_has_each_option_once(code: str) -> None:
    options = ServerOptions()
    options.language = language(code)
    rows = [line.split()[0] for line in str(options).splitlines() if line.startswith("  --")]
    assert sorted(rows) == sorted(f"--{name}" for name in options.longOpt)


SLIPS: Mapping[str, tuple[list[str], str, str]] = {
    "unknown": (["--xyzzy"], "--xyzzy: there is no such option; --help lists them.", "no existe esa opción; --help"),
    "nearest": (["--langauge=x"], "is it --language? --help lists all.", "¿será --language? --help las muestra"),
    "unknown short": (["-x"], "-x: there is no such option; --help lists them.", "-x: no existe esa opción; --help"),
    "one dash": (["-langauge"], "-l: there is no such option; is it --language?", "¿será --language?"),
    "value for a flag": (["--help=x"], "--help: it takes no value.", "--help: no lleva ningún valor."),
}


@both
@pytest.mark.parametrize("slip", SLIPS)
def test_what_the_parser_finds_wrong_is_said_in_both_languages(slip: str, make: Make) -> None:
    words, english, spanish = SLIPS[slip]
    assert english in in_spanish(words, make)
    assert spanish in in_spanish([*words, "--language", "es"], make)
    assert spanish in in_spanish(["--language=es", *words], make)


@both
def test_a_language_that_there_is_not_is_told_with_those_that_there_are(make: Make) -> None:
    assert in_spanish(["--language", "tlh"], make).endswith(
        f"--language tlh: choose from {', '.join(known_languages())}."
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max=3"], "--max: puede ser el principio de --max-clients y --max-per-host; escríbelo entero."),
        (["--grace", "soon"], "--grace soon: lo correcto sería un número entero de 0 a 86400."),
        (["12345"], "12345: las opciones empiezan con dos guiones, como en --port 12345."),
        (["-port", "4000"], "-p: no existe esa opción; ¿será --port? --help las muestra todas."),
        (["--ban", "10.0.0.1/8"], "--ban 10.0.0.1/8: eso es una dirección dentro de una red;"),
        (["--keep", "30"], "--keep 30: ¿eso es tiempo o son líneas? 30d guarda 30 días,"),
        (["--reserved", "a b"], "--reserved a b: Un nombre no lleva espacios."),
        (["--motd", "/"], "--motd /: es un directorio."),
        (["--config", "/nowhere"], "--config /nowhere: no existe."),
        (["--port", "none"], "--port none: eso va solo con --tls-port o --ssh-port,"),
        (["--sync", "x"], "--sync x: elige full o normal."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_server_refuses_in_its_language(words: list[str], said: str) -> None:
    assert in_spanish([*words, "--language", "es"], ServerOptions).startswith(f"twistd chat: {said}")


def test_a_value_that_is_missing_is_told() -> None:
    server = "twistd chat: --port: falta su valor, como en --port VALOR."
    for words in (
        ["--language=es", "--port"],
        ["--port", "--language", "es"],
        ["--language", "es", "--port", "--log-json"],
    ):
        assert in_spanish(words, ServerOptions) == server
    assert in_spanish(["--language=es", "-n"], lambda: ClientOptions({})) == "-n: falta su valor, como en -n VALOR."


def test_a_value_may_look_like_an_option_where_it_is_meant() -> None:
    options = ServerOptions()
    options.parseOptions(["--database", "memory:", "--name=--port"])
    assert options["name"] == "--port"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", "b", "1"], "1: un servidor es HOST"),
        (["pi:x"], "pi:x: un puerto es un número"),
        (["--nick", "a b"], "--nick 'a b': debe ser una sola palabra"),
        (["--post"], "--post: habla en nombre de alguien"),
        (["--since", "1d", "--follow"], "--since: termina cuando"),
        (["--fingerprint", "AA"], "--fingerprint 'AA': es SHA256:"),
    ],
)
def test_the_client_refuses_in_the_language_of_who_typed(words: list[str], said: str) -> None:
    assert in_spanish(words, lambda: ClientOptions({"LANG": "es_ES.UTF-8"})).startswith(said)


@pytest.mark.parametrize("number", _REASONS)
def test_the_systems_reasons_read_as_the_system_has_them(number: int) -> None:
    reason = system_reason(OSError(number, ""))
    assert language("en").words(reason) == os.strerror(number)
    assert language("es").words(reason) != os.strerror(number)


def test_a_rare_reason_is_as_the_system_words_it() -> None:
    assert language("es").words(system_reason(OSError(errno.EXDEV, "Invalid cross-device link"))) == (
        "Invalid cross-device link"
    )
