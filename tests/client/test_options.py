"""The command line of chat-client."""

import pytest

from chat.base.command_line import Wrong
from chat.base.language import language
from chat.client.options import HELP, Options, Server, locale_language, parse_address, parse_addresses, parse_server
from chat.client.settings import Saved


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("pi", Server("pi", 12345)),
        ("pi:4000", Server("pi", 4000)),
        ("10.0.0.1:1", Server("10.0.0.1", 1)),
        ("[::1]:4000", Server("::1", 4000)),
        ("[::1]", Server("::1", 12345)),
        ("::1", Server("::1", 12345)),
        ("fe80::1%eth0", Server("fe80::1%eth0", 12345)),
        (":4000", Server("localhost", 4000)),
    ],
)
def test_a_server_is_a_host_and_perhaps_a_port(text: str, server: Server) -> None:
    assert parse_server(text) == server


@pytest.mark.parametrize(
    "text",
    ["pi:", "pi:x", "pi:0", "pi:65536", "pi:-1", "pi:٣", "[::1]:", "[::1", "::1]:2", "a:b:c", "pi:" + "1" * 5000],
)
def test_anything_else_is_answered_with_what_would_be_right(text: str) -> None:
    with pytest.raises(Wrong) as error:
        parse_server(text)
    assert "pi.local:12345" in str(error.value)


@pytest.mark.parametrize(
    ("server", "text"),
    [(Server("pi", 1), "pi:1"), (Server("::1", 1), "[::1]:1"), (Server("10.0.0.1", 1), "10.0.0.1:1")],
)
def test_a_server_is_written_as_it_is_typed(server: Server, text: str) -> None:
    assert str(server) == text


@pytest.mark.parametrize(
    "words",
    [
        "--nick bob --follow pi",
        "pi --nick bob --follow",
        "--follow pi -n bob",
        "-fn bob pi",
        "pi --nick=bob -f",
    ],
)
def test_options_may_stand_before_and_after_the_server(words: str) -> None:
    options = Options({})
    options.parseOptions(words.split())
    assert (options.servers[0].host, options["nick"], options["follow"]) == ("pi", "bob", 1)


@pytest.mark.parametrize(
    ("words", "server"),
    [
        (["--tls"], Server("localhost", 12346)),
        (["--tls", "pi"], Server("pi", 12346)),
        (["pi:4000", "--tls"], Server("pi", 4000)),
        (["pi", "--fingerprint", "a1" * 32], Server("pi", 12346)),
        (["pi", "4000", "--tls"], Server("pi", 4000)),
        (["pi"], Server("pi", 12345)),
    ],
)
def test_an_encrypted_port_is_another_one(words: list[str], server: Server) -> None:
    options = Options({})
    options.parseOptions(words)
    assert (options.servers, options["tls"]) == ((server._replace(tls=words != ["pi"]),), words != ["pi"])


def test_a_fingerprint_may_be_written_as_openssl_does() -> None:
    options = Options({})
    options.parseOptions(["--fingerprint", "sha256 Fingerprint=" + ":".join(["a1"] * 32)])
    assert options["fingerprint"] == "SHA256:" + ":".join(["A1"] * 32)


def test_without_options_it_is_this_computer() -> None:
    options = Options({})
    options.parseOptions([])
    assert options.servers == (Server("localhost", 12345),)


@pytest.mark.parametrize("host", ["pi", "::1", "[::1]"])
def test_host_and_port_may_be_two_words_as_nc_has_them(host: str) -> None:
    options = Options({})
    options.parseOptions([host, "4000"])
    assert options.servers == (Server(host.strip("[]"), 4000),)


@pytest.mark.parametrize(
    ("words", "servers"),
    [
        (["pi", "po:4000"], [Server("pi", 12345), Server("po", 4000)]),
        (["pi,po", "::1"], [Server("pi", 12345), Server("po", 12345), Server("::1", 12345)]),
        (["tls://pi", "po"], [Server("pi", 12346, True), Server("po", 12346, True)]),
        (["pi", "po:1", "--tls"], [Server("pi", 12346, True), Server("po", 1, True)]),
        (["pi", "pi:12345", "po"], [Server("pi", 12345), Server("po", 12345)]),
        (["work", "po"], [Server("a", 1, True), Server("b", 2, True), Server("po", 12346, True)]),
    ],
)
def test_a_chat_may_have_several_addresses_all_of_them_encrypted_or_none(
    words: list[str], servers: list[Server]
) -> None:
    saved = {"work": Saved("tls://a:1 tls://b:2", "amy")}
    options = Options({}, saved.get)
    options.parseOptions(words)
    assert options.servers == tuple(servers)
    assert parse_addresses(options.servers.address) == options.servers
    assert options["nick"] == ("amy" if "work" in words else None)


@pytest.mark.parametrize(
    ("addresses", "is_safe"), [("localhost ::1", True), ("localhost pi", False), ("tls://a b", True)]
)
def test_a_chat_is_as_safe_as_the_least_safe_of_its_addresses(addresses: str, is_safe: bool) -> None:
    assert parse_addresses(addresses).is_safe is is_safe


@pytest.mark.parametrize(("room", "name"), [("ops", "#ops"), ("#ops", "#ops")])
def test_a_room_may_be_written_without_its_sign_which_shells_take_for_a_comment(room: str, name: str) -> None:
    options = Options({})
    options.parseOptions(["--room", room])
    assert options["room"] == name


@pytest.mark.parametrize(
    "words",
    [
        ["a", "b", "4000"],
        ["a", ""],
        ["--nick", ""],
        ["--nick", "José María"],
        ["--room", "a b"],
        ["--post"],
        ["--post", "--nick", "bob", "--follow"],
        ["--post", "--nick", "bob", "--json"],
        ["--language", "tlh"],
        ["--foo"],
        ["--nick"],
        ["pi:x"],
        [""],
        ["", "4000"],
        ["pi:1", "4000"],
        ["pi", "65536"],
        ["pi", "4000", "5000"],
        ["pi, lo:cal:1"],
        ["--fingerprint", "AA:BB"],
        ["--tls", "pi:"],
    ],
)
def test_a_mistake_is_one_line(words: list[str]) -> None:
    with pytest.raises(Wrong) as error:
        Options({}).parseOptions(words)
    text = str(error.value)
    assert text
    assert "\n" not in text


def test_the_help_names_every_option() -> None:
    text = language("en").words(HELP)
    for option in Options({}).longOpt:
        assert f"--{option.rstrip('=')}" in text


def test_the_help_fits_the_narrowest_of_usual_terminals() -> None:
    assert all(len(line) <= 80 for code in ("en", "es") for line in language(code).words(HELP).splitlines())


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_and_version_end_well(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        Options({}).parseOptions([word])
    assert end.value.code == 0
    assert "chat-client" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({}, "en"),
        ({"LANG": "es_ES.UTF-8"}, "es"),
        ({"LANG": "es_MX@euro"}, "es"),
        ({"LANG": "es_ES", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US", "LC_ALL": "es"}, "es"),
        ({"LANG": "es", "LC_ALL": ""}, "es"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "tlh_XX.UTF-8"}, "en"),
        ({"LANG": "../../etc"}, "en"),
    ],
)
def test_the_language_is_that_of_the_users_locale(environ: dict[str, str], code: str) -> None:
    assert locale_language(environ).code.partition("_")[0] == code


def test_a_language_that_is_asked_for_comes_first() -> None:
    options = Options({"LANG": "en_US"})
    options.parseOptions(["--language", "es"])
    assert options.language.code == "es"


@pytest.mark.parametrize(
    ("address", "is_safe"),
    [
        ("tls://pi", True),
        ("localhost", True),
        ("127.0.0.2:1", True),
        ("[::1]:1", True),
        ("pi", False),
        ("10.0.0.1", False),
    ],
)
def test_a_server_is_safe_where_nobody_else_can_answer(address: str, is_safe: bool) -> None:
    assert parse_address(address).is_safe is is_safe


TOKEN = "chat_token_" + "0123456789abcdef" * 2


def test_a_token_comes_by_the_environment_and_is_not_quoted() -> None:
    options = Options({"CHAT_TOKEN": f" {TOKEN.upper()}\n"})
    options.parseOptions(["pi"])
    assert options.token == TOKEN
    options = Options({"CHAT_TOKEN": ""})
    options.parseOptions(["pi"])
    assert options.token is None
    with pytest.raises(Wrong) as caught:
        Options({"CHAT_TOKEN": TOKEN[:-1]}).parseOptions(["pi"])
    assert TOKEN[11:-1] not in options.language.words(caught.value.sentence)
