"""A file of options is the command line, line by line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base.language import known_languages, language
from chat.server import config
from chat.server.options import Options

KNOWN = {"port=", "name=", "log-json"}


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "chat.conf"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def chosen(path: Path, *words: str) -> Options:
    options = Options()
    options.parseOptions(["--config", str(path), *words])
    return options


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("port 4000", "--port=4000"),
        ("port=4000", "--port=4000"),
        ("port  =\t4000", "--port=4000"),
        ("  port 4000  \r", "--port=4000"),
        ("port tcp:4000:interface=127.0.0.1", "--port=tcp:4000:interface=127.0.0.1"),
        ("name The #1 = chat", "--name=The #1 = chat"),
        ("name --port", "--name=--port"),
        ("\ufeffport 4000", "--port=4000"),
        ("log-json", "--log-json"),
    ],
)
def test_a_line_is_a_word_of_the_command_line(tmp_path: Path, line: str, word: str) -> None:
    lines, wrong = config.read(written(tmp_path, line), KNOWN)
    assert ([line.word for line in lines], wrong) == ([word], [])


def test_empty_lines_and_comments_say_nothing_and_count(tmp_path: Path) -> None:
    path = written(tmp_path, "# port 1\n\n   # port 2\nport 3\n")
    assert config.read(path, KNOWN) == ([config.OptionLine(4, "--port=3")], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour red", "line 1: colour: there is no such option; --help lists them."),
        ("# one\nport 1\nlanguage tlh\n", f"line 3: language tlh: choose from {', '.join(known_languages())}."),
        ("grace soon", "line 1: grace soon: a whole number from 0 to 86400 would be right."),
        ("port 70000", "line 1: port 70000: a port is a number from 1 to 65535."),
        ("ban 10.0.0.1/8", "line 1: ban 10.0.0.1/8: that is an address in a network; 10.0.0.1 or 10.0.0.0/8"),
        ("motd /nowhere/motd", "line 1: motd /nowhere/motd: No such file or directory."),
        ("port", "line 1: port: its value is missing, as in port VALUE"),
        ("port =", "line 1: port: its value is missing"),
        ("--port 4000", "line 1: --port: options stand here without dashes, as in  port 12345"),
        ("config other", "line 1: config: there is no such option"),
        ("help", "line 1: help: there is no such option"),
        ("hist 20", "line 1: hist: there is no such option"),
        ("= 5", "line 1: = 5: there is no such option"),
        (b"port 1\nname caf\xe9\n", "line 2: this is not UTF-8."),
    ],
)
def test_what_is_wrong_is_one_line_with_the_file_the_line_and_what_would_be_right(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SystemExit) as refused:
        chosen(path)
    assert str(refused.value).startswith(f"twistd chat: {path}, {said}")
    assert "\n" not in str(refused.value)


def test_what_takes_no_value_gets_none(tmp_path: Path) -> None:
    path = written(tmp_path, "log-json yes")
    lines, wrong = config.read(path, KNOWN)
    assert (lines, list(map(language("en").words, wrong))) == ([], [f"{path}, line 1: log-json: it takes no value."])


def test_what_is_wrong_with_a_file_is_said_in_the_language_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "colour red\nlanguage es\n")
    with pytest.raises(SystemExit) as refused:
        chosen(path)
    assert str(refused.value) == (f"twistd chat: {path}, línea 1: colour: no existe esa opción; --help las muestra.")
    with pytest.raises(SystemExit) as refused:
        chosen(path, "--language", "en")
    assert str(refused.value).endswith("line 1: colour: there is no such option; --help lists them.")


@pytest.mark.parametrize(("name", "said"), [("missing", "No such file or directory."), (".", "Is a directory.")])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(SystemExit) as refused:
        chosen(tmp_path / name)
    assert str(refused.value) == f"twistd chat: --config {tmp_path / name}: {said}"


def test_the_command_line_wins(tmp_path: Path) -> None:
    options = chosen(written(tmp_path, "grace 5\nhistory 5\n"), "--grace", "6")
    assert (options["grace"], options["history"]) == (6, 5)


def test_a_mistake_on_the_command_line_is_not_the_files(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as refused:
        chosen(written(tmp_path, "grace 5"), "--grace", "soon")
    assert str(refused.value) == "twistd chat: --grace soon: a whole number from 0 to 86400 would be right."


def test_what_may_be_given_several_times_adds_up(tmp_path: Path) -> None:
    path = written(tmp_path, "port 4000\nport 4001\nban 192.0.2.1\nban 192.0.2.2\nunrecorded #a\n")
    options = chosen(path, "--port", "4002", "--ban", "192.0.2.3", "--unrecorded", "#b")
    assert options["ports"] == ["4000", "4001", "4002"]
    assert sorted(map(str, options["bans"])) == ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"]
    assert options["unrecorded"] == {"#a", "#b"}


def test_a_relative_path_is_seen_from_where_the_server_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "motd motd.txt\n")
    (tmp_path / "motd.txt").write_text("Be kind.")
    monkeypatch.chdir(tmp_path)
    options = chosen(Path("chat.conf"))
    monkeypatch.chdir("/")
    assert options.again()["motd"] == ("Be kind.",)


@given(text=st.text())
def test_any_file_is_words_or_one_line_that_says_why_not(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.conf"
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
    lines, wrong = config.read(path, KNOWN)
    said = [*(line.word for line in lines), *map(language("en").words, wrong)]
    assert all(word.startswith(("--port=", "--name=", "--log-json", f"{path}, line ")) for word in said)
