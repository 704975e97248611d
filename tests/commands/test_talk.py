"""What people say."""

import json
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stores import FailingStore, SlowStore
from world import Client, Logged, World, broken

from chat.base import limits


@pytest.fixture
def amy(world: World) -> Client:
    return world.enter("amy")


@pytest.fixture
def bob(world: World, amy: Client) -> Client:
    bob = world.enter("bob")
    amy.take()
    return bob


# /msg and /reply


def test_private_talk_is_shown_to_its_author_once_it_is_stored() -> None:
    store = SlowStore()
    world = World(store)
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    store.slow = True
    amy.type("/msg bob psst")
    assert amy.lines == bob.lines == []
    store.let()
    world.turn()
    assert amy.take() == ["[you -> bob] psst"]
    assert bob.take() == ["[amy -> you] psst"]


def test_private_talk_is_shown_with_the_nickname_as_it_is_written(amy: Client, bob: Client) -> None:
    amy.type("/w BOB psst", "/nick Amelia")
    amy.type("/tell bob hello")
    assert amy.lines[0] == "[you -> bob] psst"
    assert bob.lines == ["[amy -> you] psst", "-!- amy is now known as Amelia", "[Amelia -> you] hello"]


def test_one_may_write_to_oneself(amy: Client) -> None:
    amy.type("/msg amy remember the milk")
    assert amy.lines == ["[you -> amy] remember the milk"]


def test_whom_one_writes_to_while_they_are_away_is_told_with_what_they_said(amy: Client, bob: Client) -> None:
    bob.type("/away back at 3")
    amy.type("/msg bob psst")
    assert amy.lines == ["[you -> bob] psst", '-> bob is away: "back at 3"']


def test_private_talk_that_was_not_stored_names_the_line(world: World, amy: Client, bob: Client) -> None:
    store = SlowStore()
    world = World(store)
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    store.slow = True
    amy.type("/msg bob psst")
    store.refuse()
    world.turn()
    assert amy.lines[0].startswith("! not-stored: “psst” was not said: ")
    assert bob.lines == []


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/msg nobody hi", "! not-here: Nobody here is called nobody. /who shows who is here."),
        ("/msg #ops hi", "! no-room: There is no room #ops. /join #ops makes it."),
        ("/msg", "! usage: /msg NICK|#room text: say something to one person, or to another room"),
        ("/reply hi", "! gone: Nobody has written to you in private yet."),
        ("/end", "! usage: There is no draft; /paste begins one."),
        ("/cancel", "! usage: Nothing of yours waits to be said, and there is no draft."),
        ("/post x hi", "! usage: You are in the chat: just say it."),
    ],
)
def test_what_cannot_be_said_is_answered(amy: Client, line: str, answer: str) -> None:
    amy.type(line)
    assert amy.lines == [answer]


# Limits


def test_a_long_message_is_refused_with_its_length_in_bytes(amy: Client, bob: Client) -> None:
    amy.type("é" * 1001)
    assert amy.lines == ["! too-long: This has 2002 bytes, the limit is 2000."]
    assert bob.lines == []


def test_a_message_of_the_longest_length_is_said(amy: Client, bob: Client) -> None:
    amy.type("é" * 1000)
    assert bob.lines == [f"<amy> {'é' * 1000}"]


@pytest.mark.parametrize("command", ["/me ", "/msg bob ", "/msg #lobby "])
def test_the_limit_is_the_same_for_every_way_of_talking(amy: Client, bob: Client, command: str) -> None:
    amy.type(command + "x" * 2001)
    assert amy.lines == ["! too-long: This has 2001 bytes, the limit is 2000."]
    assert bob.lines == []


def test_talk_of_programs_may_have_several_lines_but_a_command_never(world: World, bob: Client) -> None:
    program = world.enter("bot", wire="json")
    bob.take()
    program.type("one\ntwo", id="1")
    assert bob.take() == ["<bot> one", "  | two"]
    for number, line in enumerate(("/me one\ntwo", "/msg bob one\ntwo", "/quit\n", "/topic one\ntwo")):
        program.type(line, id=f"c{number}")
    assert [keys.get("code") for keys in program.take_objects()] == [None, "usage", "usage", "usage", "usage"]
    assert bob.take() == []


@pytest.mark.parametrize(
    "text", ["/quit now", "//x", "/usr/bin", " /msg bob x", "/paste", "plain", "\uff0fquit", "/quit\nand more"]
)
def test_a_program_can_say_anything(world: World, bob: Client, text: str) -> None:
    bot = world.enter("bot", wire="json")
    world.take_all()
    bot.send(json.dumps({"say": text, "id": "x1", "room": "#lobby"}).encode() + b"\n")
    world.turn()
    (ack,) = bot.objects
    assert (ack["type"], ack["id"]) == ("ack", "x1")
    first, *more = text.split("\n")
    assert bob.take() == [f"<bot> {first}", *(f"  | {line}" for line in more)]


def test_a_program_says_it_to_somebody_by_their_name_as_a_room(world: World, amy: Client, bob: Client) -> None:
    bot = world.enter("bot", wire="json")
    world.take_all()
    for keys in ({"say": "/quit now"}, {"line": "psst"}):
        for _ in range(2):
            bot.send(json.dumps({**keys, "id": str(keys), "room": "@amy"}).encode() + b"\n")
            world.turn()
    acks = [keys for keys in bot.objects if keys["type"] == "ack"]
    assert [keys["seq"] for keys in acks] == [1, 1, 2, 2]
    assert amy.take() == ["[bot -> you] /quit now", "[bot -> you] psst"]
    assert bob.take() == []
    bot.send(b'{"say": "psst", "id": "x", "room": "@nobody"}\n')
    world.turn()
    assert (bot.objects[-1]["code"], bot.objects[-1]["id"]) == ("not-here", "x")


def test_talk_of_programs_has_a_hundred_lines_at_most(world: World, bob: Client) -> None:
    program = world.enter("bot", wire="json")
    program.type("\n".join("x" * 100), id="1")
    program.type("\n".join("x" * 101), id="2")
    ack, error = program.take_objects()
    assert (ack["type"], error["code"], error["id"]) == ("ack", "too-long", "2")
    assert error["text"] == "This has 101 lines, the limit is 100."


def test_an_empty_line_with_an_id_is_answered(world: World, bob: Client) -> None:
    program = world.enter("bot", wire="json")
    bob.take()
    program.type("", id="1")
    (answer,) = program.take_objects()
    assert (answer["type"], answer["code"], answer["id"]) == ("error", "nothing-said", "1")
    assert bob.lines == []


def test_what_a_terminal_would_obey_is_seen_instead(amy: Client, bob: Client) -> None:
    amy.type("\x1b]0;PWNED\x07 \x9b31m \u202eevil \u2066x", "/me \x1b[2J")
    text = bob.bytes.decode()
    assert not set(text) & set("\x1b\x07\x9b\u202e\u2066")
    assert "␛]0;PWNED␇" in text


def test_no_line_of_anybodys_begins_with_a_mark_of_the_service(amy: Client, bob: Client) -> None:
    for line in ("-> hi", "! internal: x", "-!- bob left", "-- now --", "\r-> forged", "a\x0b\x0c\x85\u2028-> forged"):
        amy.type(line)
    amy.type("/paste", "-> one", "-!- two", "/end", "/me \r\n-!- three")
    for line in bob.take():
        assert line.startswith(("<amy> ", "* amy ", "  | ")), line


# /paste


def test_a_paste_is_one_message(amy: Client, bob: Client) -> None:
    amy.type("/paste")
    assert amy.take() == ["-> Paste your lines; /end on a line of its own says them, /cancel forgets them."]
    amy.type("def f():", "    return '/quit'", "/quit", "", "/end")
    assert amy.take() == []
    assert bob.take() == ["<amy> def f():", "  |     return '/quit'", "  | /quit", "  | "]


def test_nothing_is_pasted_where_there_are_no_lines(amy: Client, bob: Client) -> None:
    amy.type("/paste", "/end", "/paste", "x", "/cancel", "/end")
    assert amy.take()[1::2][:2] == ["-> Nothing was said.", "-> Nothing was said."]
    assert bob.take() == []


def test_a_paste_of_too_many_lines_goes_as_far_as_it_fits_and_is_told(amy: Client, bob: Client) -> None:
    amy.type("/paste", *["x"] * 101)
    (error,) = [line for line in amy.take() if line.startswith("! too-long")]
    assert error.startswith("! too-long: A message has at most 100 lines and 16384 bytes;")
    amy.type("/end")
    assert len(bob.take()) == 100


@pytest.mark.parametrize("line", ["x" * 1999, "é" * 999, "☃" * 660])
def test_a_paste_of_too_many_bytes_is_refused_line_by_line_and_what_fits_is_said(
    amy: Client, bob: Client, line: str
) -> None:
    amy.type("/paste", *[line] * 20)
    assert any(line.startswith("! too-long: ") for line in amy.take())
    amy.type("/end")
    assert amy.take() == []
    heard = bob.take()
    assert heard[0] == f"<amy> {line}"
    assert sum(len(text.encode()) for text in heard) > 12_000


def test_a_program_says_several_lines_as_one_and_pastes_nothing(world: World, bob: Client) -> None:
    program = world.enter("bot", wire="json")
    program.type("/paste", id="1")
    (error,) = program.take_objects()
    assert (error["code"], error["id"]) == ("usage", "1")


# /post


def test_a_post_is_one_line_and_the_connection_is_closed(world: World, amy: Client) -> None:
    poster = world.connect("/post deploy all is well")
    assert poster.lines[-1] == "-> posted"
    assert poster.gone
    assert amy.take() == ["<deploy/post> all is well"]
    assert "deploy" not in world.hub.lobby.users


def test_a_post_may_be_for_a_room(world: World, amy: Client) -> None:
    amy.type("/join #ops")
    amy.take()
    world.connect("/post deploy #ops all is well")
    assert amy.take() == ["#ops <deploy/post> all is well"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/post amy hi", "nick-taken"),
        ("/post Аmy hi", "nick-alike"),  # noqa: RUF001
        ("/post admin hi", "nick-reserved"),
        ("/post 2 hi", "nick-bad"),
        ("/post deploy #nowhere hi", "no-room"),
        ("/post deploy " + "x" * 2001, "too-long"),
    ],
)
def test_a_post_that_is_refused_is_answered_and_closed_too(world: World, amy: Client, line: str, code: str) -> None:
    poster = world.connect(line)
    assert poster.lines[2].startswith(f"! {code}: ")
    assert poster.gone
    assert amy.take() == []


def test_a_post_without_a_text_may_be_tried_again(world: World) -> None:
    poster = world.connect("/post deploy")
    assert poster.lines[2].startswith("! usage: ")
    assert not poster.ended


def test_a_post_is_acknowledged_to_a_program(world: World) -> None:
    program = world.connect(wire="json")
    program.type("/post deploy all is well", id="1")
    ack = program.take_objects()[-1]
    assert (ack["type"], ack["id"], ack["room"], ack["seq"]) == ("ack", "1", "#lobby", 1)
    assert program.gone


def test_a_post_that_waits_for_the_store_is_confirmed_only_then() -> None:
    store = SlowStore(slow=True)
    world = World(store)
    poster = world.connect("/post deploy all is well")
    poster.close()
    assert (poster.lines[2:], poster.ended) == ([], False)
    store.let()
    world.turn()
    assert (poster.lines[2:], poster.gone) == (["-> posted"], True)


def test_limits_are_those_that_are_told() -> None:
    assert (limits.TEXT, limits.PASTE_LINES, limits.PASTE_TEXT) == (2000, 100, 16 * 1024)


# Bursts

_CODE = "the code of amy"
_LINES = st.lists(
    st.sampled_from(
        ["hi", "ho", "", " hi", " /me", "//me", "/me waves", "x" * 500, "x" * 2000, "x" * 2001, "ä", "a\tb"]
    )
    | st.sampled_from(["{hi}", "a\x1bb", "a\x08b", _CODE, f"it is {_CODE}!", "\x04", "x" * 17_000])
    | st.sampled_from(
        ["/paste", "/end", "/cancel", "/nick dee", "/join #ops", "/leave", "/ping 1", "/msg bob psst", "/x"]
    )
    | st.text(max_size=9),
    max_size=30,
)


def what_is_heard(lines: list[str]) -> tuple[list[str], list[str]]:
    """What bob and amy read when amy sends these lines at once."""
    world = World()
    bob, amy = world.enter("bob", "/join #ops"), world.enter("amy")
    bob.take()
    code = amy.session.code
    assert code is not None
    amy.send("".join(line.replace(_CODE, code) + "\n" for line in lines).encode(errors="replace"))
    world.turn()
    return [line.replace(code, _CODE) for line in bob.lines], [line.replace(code, _CODE) for line in amy.lines]


@given(_LINES)
@example(["hi", "/leave", "hi", "ho"])
@example(["hi", " /me waves", "hi"])
@example(["/nick bob", "hi", "", "ho"])
@example(["hi", f"it is {_CODE}", "ho"])
def test_what_comes_at_once_is_heard_as_what_comes_line_by_line(lines: list[str]) -> None:
    with patch("chat.visit.visit.talk.say_lines", return_value=0):
        one_by_one = what_is_heard(lines)
    assert what_is_heard(lines) == one_by_one


def test_every_line_of_a_burst_that_was_not_stored_is_named() -> None:
    store = FailingStore()
    world = World(store)
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    store.failures = 1
    amy.send(b"one\ntwo\nthree\n")
    world.turn()
    assert [line.split("”")[0] for line in amy.lines] == [f"! not-stored: “{word}" for word in ("one", "two", "three")]
    assert bob.lines == []


def test_a_bug_in_a_burst_costs_its_author_the_connection(
    world: World, amy: Client, bob: Client, logged: Logged
) -> None:
    with patch("chat.commands.talk.text_checks.unremarkable", broken):
        amy.send(b"one\ntwo\n")
        world.turn()
    assert amy.lines == [
        "! internal: Something went wrong here; it was logged. Come again.",
        "! nothing-said: The last 2 lines were not said.",
    ]
    assert amy.ended
    bob.type("hi")
    assert not bob.ended
    logged.expect(ZeroDivisionError)


def test_a_burst_is_said_as_fast_as_the_rate_allows() -> None:
    world = World(rate=2)
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.send(b"".join(b"%d\n" % number for number in range(limits.BURST + 3)))
    world.turn()
    first = len(bob.take())
    assert limits.BURST - 2 <= first <= limits.BURST
    world.wait(1.0, step=0.5)
    assert len(bob.take()) == 2


BLANKS = ["   ", "\t", "\u3000", " \u00a0 ", "\u200b", "\u2800", "\u3164"]


@pytest.mark.parametrize("blanks", BLANKS, ids=ascii)
def test_a_line_of_blanks_says_nothing(world: World, blanks: str) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.type(blanks, "/paste", blanks, "/end")
    assert bob.take() == []
    assert amy.take()[-1] == "-> Nothing was said."


@pytest.mark.parametrize("line", ["/msg bob \u2800", "/me \u200b", "/msg #lobby \u3164"])
def test_nor_does_a_command_say_blanks(world: World, line: str) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.type(line)
    assert (amy.take(), bob.take()) == (["! nothing-said: An empty line says nothing."], [])


@pytest.mark.parametrize("blanks", BLANKS, ids=ascii)
def test_a_program_is_told_that_blanks_say_nothing(world: World, blanks: str) -> None:
    program, bob = world.enter("bot", wire="json"), world.enter("bob")
    program.take()
    program.type(blanks, id="1")
    assert [(answer["code"], answer["id"]) for answer in program.take_objects()] == [("nothing-said", "1")]
    assert bob.take() == []
