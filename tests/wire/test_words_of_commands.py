"""What looks like a command is never said."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from world import Client, World

from chat.commands.registry import NAMES, TABLE
from chat.wire import vocabulary
from chat.wire.grammar import command_in, fold, spoken, talk


@pytest.mark.parametrize(
    ("line", "word", "rest"),
    [
        ("/quit", "quit", ""),
        ("/msg bob hi", "msg", "bob hi"),
        ("/msg\tbob", "msg", "bob"),
        ("/msg: bob secret", "msg", "bob secret"),
        ("/msg,bob hi", "msg", "bob hi"),
        ("/msg2 bob", "msg2", "bob"),
        ("/ msg bob", "msg", "bob"),
        ("/\u200bmsg bob", "msg", "bob"),
        ("\uff0f\u3000msg\u3000bob\u3000hi", "msg", "bob\u3000hi"),
        ("\u2044msg bob hi", "msg", "bob hi"),
        ("\u2215msg bob hi", "msg", "bob hi"),
        ("/join#ops", "join", "#ops"),
        ("/me... waves", "me", "waves"),
        ("/contraseña tulip", "contraseña", "tulip"),
        ("/contrasen\u0303a tulip", "contrasen\u0303a", "tulip"),
        ("/пароль x", "пароль", "x"),
        ("/消息 x", "消息", "x"),
        ("/नमस्ते x", "नमस्ते", "x"),
        ("/?", "?", ""),
        ("/:)", ":)", ""),
        ("/2", "2", ""),
        ("/quit\nme", "quit", "me"),
    ],
)
def test_a_command_is_a_slash_and_a_word_however_it_is_written(line: str, word: str, rest: str) -> None:
    typed = command_in(line)
    assert typed is not None
    assert (typed.word, typed.rest, typed.misplaced) == (word, rest, False)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "quit",
        "/",
        "/ ",
        "/\n/x",
        "//quit",
        "// x",
        "\uff0f/x",
        "/usr/bin/x",
        "/ usr/bin",
        "/*",
        "/ * x",
        "/a\uff0fb",
    ],
)
def test_talk_may_begin_with_a_slash_alone_two_of_them_a_path_or_a_comment(line: str) -> None:
    assert command_in(line) is None


@pytest.mark.parametrize("before", [" ", "\t", "\ufeff", "\u200b", "\u00a0", " \u2060"])
def test_a_command_behind_what_shows_nothing_is_one_in_the_wrong_place(before: str) -> None:
    typed = command_in(f"{before}/msg bob secret")
    assert typed is not None
    assert typed.misplaced


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("//quit", "/quit"),
        ("//quit now", "/quit now"),
        ("//contraseña x", "/contraseña x"),
        ("//etc/passwd", "/etc/passwd"),
        ("/  /quit", "  /quit"),
        ("\uff0f\uff0fx", "\uff0fx"),
        ("// x", "// x"),
        ("/// x", "/// x"),
        ("//", "//"),
    ],
)
def test_two_slashes_say_one(line: str, said: str) -> None:
    assert command_in(line) is None
    assert spoken(line) == said


# Control characters edit a line, which is for the line layer's tests.
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=8)
LINES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", " ", "\t", "\ufeff", "\u200b"]),
        st.sampled_from(["/", "\uff0f"]),
        st.sampled_from(["", " ", "\u3000"]),
        st.sampled_from(["", *sorted(NAMES)]) | TEXT,
        st.sampled_from(["", " ", ":", ",", "2", "/", "*", "?"]),
        TEXT,
    ),
)


def allowed(line: str) -> bool:
    """The rule once more, in other words."""
    line = line.lstrip(" \t\ufeff\u200b").replace("\uff0f", "/")
    behind = line[1:]
    if behind.startswith("/") or "/" not in line[:1]:
        return True
    kinds = ("Zs", "Zl", "Zp", "Cf", "Cc")
    while behind and (unicodedata.category(behind[0]) in kinds or fold(behind[0]) == ""):
        behind = behind[1:]
    first = (behind.split() or [""])[0]
    return first[:1] in ("", "*") or "/" in first


@example("/msg: bob secret")
@example("/\u3164msg bob secret")
@given(LINES)
def test_no_line_whose_first_sign_is_a_slash_is_said_unless_the_rule_says_so(line: str) -> None:
    assert allowed(line) or command_in(line) is not None


@pytest.mark.parametrize("wire", ["plain", "json"])
@given(line=LINES.filter(lambda line: command_in(line) is not None))
def test_what_looks_like_a_command_reaches_nobody(wire: str, line: str) -> None:
    world = World()
    amy, bob = world.enter("amy", wire=wire), world.enter("bob")
    typed = command_in(line)
    assert typed is not None
    if vocabulary.name_of(typed.word) in ("me", "msg", "nick", "topic", "join", "leave", "quit", "json", "paste"):
        return  # these are seen by others because they are commands
    amy.take()
    if wire == "json":
        amy.type(line, id="1")
    else:
        amy.send(line.encode("utf-8", "replace") + b"\n")
    world.wait(1)
    assert not [heard for heard in bob.take() if heard.startswith("<amy>")]
    assert amy.take()


@given(st.text(max_size=20))
def test_a_text_can_be_said_whatever_it_begins_with(text: str) -> None:
    line = talk(text)
    if command_in(text) is None or not text.startswith(("/ ", "\uff0f ")):
        assert command_in(line) is None
        assert spoken(line) == text or text[:1] in "/\uff0f"


# The registry.


def test_no_word_means_two_commands_or_one_that_is_planned() -> None:
    words = [fold(word) for name, row in TABLE.items() for word in (name, *row.aliases)]
    assert len(words) == len(set(words))
    assert not set(words) & (vocabulary.RESERVED | vocabulary.OF_CLIENTS)
    assert set(vocabulary.ALIASES) <= set(TABLE)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("mensaje", "msg"), ("QUIÉN", "who"), ("quien", "who"), ("sí", ""), ("últimos", "last"), ("ULTIMOS", "last"),
        ("apodo", "nick"), ("sala", "join"), ("dejar", "leave"), ("tema", "topic"), ("buscar", "grep"), ("?", "help"),
        ("ayuda", "help"), ("salir", "quit"), ("q", "quit"),
        ("\uff4d\uff53\uff47", "msg"), ("whoami", "whois"), ("fin", "end"),
    ],
)  # fmt: skip
def test_aliases_of_every_language_are_taken(alias: str, name: str) -> None:
    row = NAMES.get(fold(alias))
    assert (row.name if row else "") == name


@pytest.fixture
def amy(world: World) -> Client:
    world.enter("bob")
    return world.enter("amy")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/contraseña tulip", "not-allowed"),
        ("/pasword tulip", "unknown-command"),
        ("/passwordtulip", "unknown-command"),
        ("/login amy tulip", "needs-tls"),
        ("/register: tulip", "usage"),
        ("/operator tulip", "not-allowed"),
    ],
)
def test_what_may_hold_a_password_is_refused_without_a_word_of_it(amy: Client, line: str, code: str) -> None:
    amy.type(line)
    assert "tulip" not in amy.bytes.decode()
    assert amy.take()[0].startswith(f"! {code}: ")


@pytest.mark.parametrize("word", ["login", "lgoin", "logn", "pasword", "identfy", "opertor", "contrsena", "acceedr"])
def test_a_password_behind_a_mistyped_word_is_not_shown_again_either(word: str) -> None:
    assert vocabulary.quotable(f"/{word} amy tulip") == "/\u2026"


def test_no_other_command_is_taken_for_one_that_is_told_a_password_or_a_code() -> None:
    hidden = {NAMES[word].name for word in NAMES if vocabulary.quotable(f"/{word} x") != f"/{word} x"}
    assert hidden == {"login", "operator", "password", "register", "resume", "unregister", "word"}


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/qiut", "! unknown-command: There is no /qiut; is it /quit? To say it, type //qiut"),
        ("/jion #ops", "! unknown-command: There is no /jion; is it /join? To say it, type //jion"),
        ("/xyzzy", "! unknown-command: /xyzzy. /help lists commands. To say it, type //xyzzy"),
        ("/set nick bob", "! not-here: /set is a command of chat-client."),
        ("/Reconnect", "! not-here: /reconnect is a command of chat-client."),
        ("/msg bbo hi", "! not-here: Nobody here is called bbo; is it bob?"),
        ("/msg @bob: hi", "[you -> bob] hi"),
        ("/msg bob, hi", "[you -> bob] hi"),
        ("/whois zoe", "! not-here: Nobody here is called zoe. /who shows who is here."),
    ],
)
def test_the_nearest_is_offered_and_what_is_understood_is_done(amy: Client, line: str, answer: str) -> None:
    amy.type(line)
    assert amy.take() == [answer]


@pytest.mark.parametrize("word", ["help", "Ayuda", "?", "\uff0fhelp", "who", "quién", "QUIEN", "quit", "salir"])
def test_at_the_question_for_a_nickname_some_words_are_commands(world: World, word: str) -> None:
    client = world.connect()
    client.take()
    client.type(word)
    world.wait(1)
    assert client.take()[0].startswith("-> ")
    assert not world.hub.people


def test_the_help_of_a_language_shows_its_own_placeholders() -> None:
    client = World(words="es").connect("/help msg")
    assert any("APODO|#sala texto" in line for line in client.take())
