"""The wire of people: every event and every answer as it is seen in a terminal."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base.errors import BadInput
from chat.base.language import language, say
from chat.base.text import visible
from chat.log.events import Action, Author, Entry, Fact, Joined, Left, Message, Place, Private, Renamed, TopicSet
from chat.log.log import Log
from chat.log.tail import Tails
from chat.wire import replies
from chat.wire.answers import (
    Answer,
    Greeting,
    History,
    Latest,
    Matching,
    Missed,
    Problem,
    Reply,
    RoomState,
    Since,
    Stored,
    UpToNow,
    Welcome,
)
from chat.wire.plain import Plain, PlainFormat
from chat.wire.requests import Expected, Invoke, Parsed, Request, Say

CET = timezone(timedelta(hours=1), "CET")
NOW = datetime(2026, 11, 22, 9, 4, tzinfo=UTC)
YESTERDAY = datetime(2026, 11, 21, 8, 58, 59, tzinfo=UTC)
AMY, BOB = Author("p1", "s1", "amy"), Author("p2", "s2", "bob")

LOBBY = Log("#lobby", "#lobby", Tails())
AMYS, BOBS = Log("@p1", "@", Tails()), Log("@p2", "@", Tails())

WIRE = Plain(PlainFormat(language("en"), CET))


def event(fact: Fact, log: Log = LOBBY, named: bool = False, timed: bool = False) -> list[str]:
    return _lines(WIRE.format.event(log, Entry(7, NOW, fact), named, timed))


def answer(answer: Answer) -> list[str]:
    return _lines(WIRE.answer(answer))


def _lines(data: bytes) -> list[str]:
    """Lines that all end in CRLF."""
    text = data.decode()
    assert text.count("\n") == text.count("\r\n") == text.count("\r")
    assert not text or text.endswith("\r\n")
    return text.split("\r\n")[:-1]


# Events.


@pytest.mark.parametrize(
    ("fact", "line"),
    [
        (Message(AMY, "hi"), "<amy> hi"),
        (Message(AMY, "  def f():\treturn 1"), "<amy>   def f():\treturn 1"),
        (Action(AMY, "waves"), "* amy waves"),
        (Joined(AMY, ("amy",), 3), "-!- amy joined #lobby (3 here)"),
        (Joined(None, ("amy", "bob"), 34), "-!- amy and bob joined #lobby (34 here)"),
        (Joined(None, ("amy", "bob", "carl", "dee"), 34), "-!- amy, bob, carl and dee joined #lobby (34 here)"),
        (
            Joined(None, ("amy", "bob", "carl", *map(str, range(9))), 34),
            "-!- amy, bob, carl and 9 more joined #lobby (34 here)",
        ),
        (Left(AMY, ("amy",), 2, 720), "-!- amy left #lobby (12 min)"),
        (Left(AMY, ("amy",), 2, 720, "", True, "f1", ("#lobby",)), "-!- amy left (12 min)"),
        (Left(AMY, ("amy",), 2, 720, "see you", True, "f1", ("#lobby",)), '-!- amy left (12 min): "see you"'),
        (Left(None, ("amy", "bob"), 32), "-!- amy and bob left #lobby (32 here)"),
        (Renamed(AMY, "dee", "f1", ("#lobby",)), "-!- amy is now known as dee"),
        (TopicSet(AMY, "release on Friday"), '-!- amy set the topic of #lobby: "release on Friday"'),
        (TopicSet(AMY, ""), "-!- amy took away the topic of #lobby"),
    ],
)
def test_an_event_is_a_line(fact: Fact, line: str) -> None:
    assert event(fact) == [line]


@pytest.mark.parametrize(
    ("fact", "lines"),
    [
        (Message(AMY, "first\nnext\n"), ["<amy> first", "  | next", "  | "]),
        (Action(AMY, "first\nnext"), ["* amy first", "  | next"]),
    ],
)
def test_a_message_of_several_lines_is_held_together_by_a_bar(fact: Fact, lines: list[str]) -> None:
    assert event(fact) == lines


@pytest.mark.parametrize(
    ("fact", "lines"),
    [
        (Message(AMY, "hi"), ["#lobby <amy> hi"]),
        (Action(AMY, "waves"), ["#lobby * amy waves"]),
        (Message(AMY, "first\nnext"), ["#lobby <amy> first", "#lobby   | next"]),
        (Joined(AMY, ("amy",), 3), ["-!- amy joined #lobby (3 here)"]),
        (Renamed(AMY, "dee", "f1", ("#lobby",)), ["-!- amy is now known as dee"]),
    ],
)
def test_in_several_rooms_every_line_says_which_one_it_is(fact: Fact, lines: list[str]) -> None:
    assert event(fact, named=True) == lines


def test_private_talk_shows_its_direction() -> None:
    fact = Private(AMY, "bob", "p2", "psst\nnext")
    assert event(fact, BOBS) == ["[amy -> you] psst", "  | next"]
    assert event(fact, AMYS) == ["[you -> bob] psst", "  | next"]
    assert event(fact, BOBS, named=True) == ["[amy -> you] psst", "  | next"]


@pytest.mark.parametrize(
    ("fact", "line"),
    [
        (Message(AMY, "hi"), "10:04 #lobby <amy> hi"),
        (Action(AMY, "waves"), "10:04 #lobby * amy waves"),
        (Joined(AMY, ("amy",), 3), "10:04 -!- amy joined #lobby (3 here)"),
    ],
)
def test_what_was_missed_has_its_time(fact: Fact, line: str) -> None:
    assert event(fact, named=True, timed=True) == [line]


def test_what_a_terminal_would_obey_is_seen_instead_even_if_it_was_stored_so() -> None:
    assert event(Message(AMY, "\x1b[31m\x9b\u202e\r")) == ["<amy> ␛[31m\ufffd\ufffd␍"]
    assert event(TopicSet(AMY, "\x1b[31m")) == ['-!- amy set the topic of #lobby: "␛[31m"']


def test_a_long_announcement_is_wrapped_behind_its_mark() -> None:
    lines = event(TopicSet(AMY, "word " * 39))
    assert len(lines) > 1
    assert all(line.startswith("-!- ") and len(line) <= 80 for line in lines)


def test_peoples_words_are_not_wrapped() -> None:
    assert event(Message(AMY, "word " * 100)) == ["<amy> " + "word " * 100]


# Answers.

HI = [("#lobby", Entry(5, YESTERDAY, Message(BOB, "build is red again")))]
LOOKS = [("#lobby", Entry(6, YESTERDAY + timedelta(minutes=3), Action(AMY, "looks")))]


def history(
    *entries: tuple[str, Entry], room: str | None = "#lobby", total: int | None = None, more: bool = False
) -> History:
    return History(Matching("tea") if room is None else Latest(), room, entries, more, NOW, total)


def room(*users: str, name: str = "#lobby", topic: str = "", recorded: bool = True) -> RoomState:
    return RoomState(name, 17, len(users), users, topic, recorded)


@pytest.mark.parametrize(
    ("what", "lines"),
    [
        (
            Greeting("pi", "1.0", 0),
            [
                "-> Welcome to the chat on pi. Nobody is here yet.",
                "-> Type a nickname and press Enter.  (/help: commands, /quit: leave)",
            ],
        ),
        (
            Greeting("pi", "1.0", 3, ("Be kind.", "", "x" * 100)),
            [
                "-> Welcome to the chat on pi. 3 people are here.",
                "-> Be kind.",
                "-> ",
                "-> " + "x" * 77,
                "->   " + "x" * 23,
                "-> Type a nickname and press Enter.  (/help: commands, /quit: leave)",
            ],
        ),
        (
            Welcome("amy", "#lobby", [room("amy")], "K7F2Q-X9M4T"),
            [
                "-> Hello amy. Nobody else is in #lobby yet; what you say is kept for them.",
                "-> If the line drops: connect again and type  /resume K7F2Q-X9M4T",
            ],
        ),
        (
            Welcome("amy", "#lobby", [room("bob", "carl", "dee", "amy", topic="tea")], "K7F2Q-X9M4T"),
            [
                "-> Hello amy. You are in #lobby with bob, carl and dee: what you type, they see.",
                '-> Topic of #lobby: "tea"',
                "-> If the line drops: connect again and type  /resume K7F2Q-X9M4T",
            ],
        ),
        (
            Welcome("amy", "#lobby", [room(*(f"p{number}" for number in range(39)), "amy")], "K7F2Q-X9M4T"),
            [
                "-> Hello amy. You are in #lobby with 39 others: what you type, they see.",
                "-> If the line drops: connect again and type  /resume K7F2Q-X9M4T",
            ],
        ),
        (Reply("nick", replies.Called("dee"), "1"), ["-> You are dee now."]),
        (
            Reply("ignore", replies.Ignoring([f"somebody-{number}" for number in range(10)])),
            [
                "-> You ignore somebody-0, somebody-1, somebody-2, somebody-3, somebody-4,",
                "->   somebody-5, somebody-6, somebody-7, somebody-8 and somebody-9.",
            ],
        ),
        (Stored(Place("#lobby", "#lobby", 7, NOW), "1"), []),
        (Stored(Place("#lobby", "#lobby", 7, NOW), None, None, Reply("post", replies.Posted())), ["-> posted"]),
        (
            Stored(Place("@p1", "@", 7, NOW), None, Private(AMY, "bob", "p2", "psst\nnext")),
            ["[you -> bob] psst", "  | next"],
        ),
        (
            Problem("nick-taken", say("{nick} is here already.", nick="amy"), "1", "amy2"),
            ["! nick-taken: amy is here already. Enter takes amy2; /resume CODE if it is you."],
        ),
        (
            Problem("nick-alike", say("{nick} looks like {other}, who is here.", nick="b0b", other="bob"), "1", "b0b2"),
            ["! nick-alike: b0b looks like bob, who is here. Enter takes b0b2."],
        ),
        (
            Problem("unknown-command", say("/{name}. /help lists commands. To say it, type //{name}", name="foo")),
            ["! unknown-command: /foo. /help lists commands. To say it, type //foo"],
        ),
        (Missed("#lobby", 1), ["-- 1 line of #lobby is gone --"]),
        (Missed("#lobby", 12), ["-- 12 lines of #lobby are gone --"]),
        (Missed("@", 1), ["-- 1 private line is gone --"]),
        (Missed("@", 2), ["-- 2 private lines are gone --"]),
        (Since(NOW - timedelta(minutes=6), NOW), ["-- since 09:58, times CET --"]),
        (Since(YESTERDAY, NOW), ["-- since Saturday 2026-11-21 09:58, times CET --"]),
        (UpToNow(NOW), ["-- now Sunday 2026-11-22 10:04 --"]),
        (history(), []),
        (history(total=0), ["-> Nothing was found."]),
        (
            history(*HI, *LOOKS),
            [
                "-- last 2 lines of #lobby, times CET --",
                "-- Saturday 2026-11-21 --",
                "09:58 <bob> build is red again",
                "10:01 * amy looks",
                "-- now Sunday 2026-11-22 10:04 --",
            ],
        ),
        (
            history(("#lobby", Entry(9, NOW, Message(AMY, "one\ntwo"))), total=31, more=True),
            [
                "-- last line of #lobby, times CET --",
                "10:04 <amy> one",
                "  | two",
                "-- now Sunday 2026-11-22 10:04, 1 of 31 --",
            ],
        ),
        (
            history(
                ("@bob", Entry(9, NOW, Private(AMY, "bob", "p2", "psst"))),
                ("@bob", Entry(9, NOW, Private(BOB, "amy", "p1", "what?"))),
                ("#ops", Entry(9, NOW, Message(BOB, "what?"))),
                room=None,
                total=3,
            ),
            [
                "-- lines with tea, times CET --",
                "10:04 [you -> bob] psst",
                "10:04 [bob -> you] what?",
                "10:04 #ops <bob> what?",
                "-- now Sunday 2026-11-22 10:04, 3 of 3 --",
            ],
        ),
    ],
)
def test_an_answer_is_lines(what: Answer, lines: list[str]) -> None:
    assert answer(what) == lines


def test_an_error_is_wrapped_and_each_line_has_its_mark() -> None:
    lines = answer(Problem("usage", say("word " * 40)))
    assert len(lines) > 1
    assert all(line.startswith("! ") and len(line) <= 80 for line in lines)


def test_the_welcome_of_one_who_comes_back_says_so_and_names_the_rooms() -> None:
    lines = answer(
        Welcome("amy", "#ops", [room("amy", "bob"), room("amy", name="#ops", topic="tea")], "K7F2Q-X9M4T", None, True)
    )
    assert lines[:2] == [
        "-> Welcome back amy. Nobody else is in #ops yet; what you say is kept for them.",
        '-> Topic of #ops: "tea"',
    ]
    assert any("#lobby" in line for line in lines)


def test_a_room_that_is_not_recorded_says_so() -> None:
    lines = answer(Welcome("amy", "#lobby", [room("amy", recorded=False)], "K7F2Q-X9M4T"))
    assert lines[:2] == ["-> Hello amy. Nobody else is in #lobby yet.", "-> #lobby is not recorded."]


# Lines.


@pytest.mark.parametrize(
    ("line", "expected", "parsed"),
    [
        *((line, Expected.TALK, Say(line, Request(line))) for line in ("hi", "", "  hi", '{"line": "hi"}', "/usr/x")),
        ("//quit", Expected.TALK, Say("/quit", Request("//quit"))),
        ("/W bob hi", Expected.TALK, Invoke("msg", "W", "bob hi", Request("/W bob hi"))),
        ("/nope", Expected.TALK, Invoke("nope", "nope", "", Request("/nope"))),
        *((line, Expected.DRAFT, Say(line, Request(line))) for line in ("hi", "/quit", " /msg bob hi", "//x", "quit")),
        ("/fin", Expected.DRAFT, Invoke("end", "fin", "", Request("/fin"))),
        ("/cancel", Expected.DRAFT, Invoke("cancel", "cancel", "", Request("/cancel"))),
        *((line, Expected.NICKNAME, Say(line, Request(line))) for line in ("amy", "", "//x", "José María")),
        ("quién", Expected.NICKNAME, Invoke("who", "quién", "", Request("/quién"))),
        ("/nick amy", Expected.NICKNAME, Invoke("nick", "nick", "amy", Request("/nick amy"))),
        *(
            (line, Expected.NICKNAME, Invoke("resume", word, "K7F2Q-X9M4T", Request(line)))
            for line, word in (
                ("k7f2qx9m4t", ""),
                ("resume: K7F2Q-X9M4T", ""),
                ("//K7F2Q-X9M4T", ""),
                ("/retomar K7F2Q-X9M4T", "resume"),
            )
        ),
    ],
)
def test_what_a_line_means_depends_on_what_it_answers(line: str, expected: Expected, parsed: Parsed) -> None:
    assert WIRE.read(line, expected) == parsed


@pytest.mark.parametrize("expected", [Expected.TALK, Expected.NICKNAME])
@pytest.mark.parametrize(("line", "code"), [(" /msg bob hi", "slash-space"), ("/msg bob\nhi", "usage")])
def test_what_may_be_talk_or_a_command_is_neither(line: str, code: str, expected: Expected) -> None:
    with pytest.raises(BadInput) as refused:
        WIRE.read(line, expected)
    assert refused.value.code == code


MARKS = ("-> ", "! ", "-!- ", "-- ", "<amy> ", "* amy ", "  | ", "#lobby ", "[amy -> you] ", "[you -> bob] ")


@given(st.text(), st.sampled_from([Message, Action, TopicSet]), st.booleans(), st.booleans())
def test_whatever_was_stored_nobodys_words_begin_a_line_or_reach_the_terminal_as_orders(
    text: str, kind: type, named: bool, timed: bool
) -> None:
    data = WIRE.format.event(LOBBY, Entry(1, NOW, kind(AMY, text)), named, timed)
    for line in _lines(data):
        assert line.removeprefix("10:04 ").startswith(MARKS)
        assert visible(line) == line


@given(st.text())
def test_whatever_was_asked_the_answer_has_its_mark_and_its_width(text: str) -> None:
    asked: Sequence[Answer] = [
        Reply("topic", replies.Topic("#ops", text)),
        Problem("usage", say("You said {text}.", text=text)),
    ]
    for what in asked:
        for line in answer(what):
            assert line.startswith(("-> ", "! "))
            assert visible(line) == line


# --- P7: no words begin a line as the service does ---------------------------------------------------

_FORGED = [
    "-!-",
    "->",
    "!",
    "--",
    "amy",
    "left",
    "(2 h)",
    "a" * 79,
    "\u4e2d" * 40,
    "/resume",
    "",
    "\t",
    "\u3000",
    "<bob>",
]


@given(
    words=st.lists(st.sampled_from(_FORGED), min_size=1, max_size=30).map(" ".join),
    code=st.sampled_from(["en", "es"]),
    pad=st.integers(1, 40),
)
def test_whatever_people_say_a_sentence_of_the_service_begins_once(words: str, code: str, pad: int) -> None:
    plain = Plain(PlainFormat(language(code), UTC))
    text = f"{'x' * pad} {words}"
    amy, tea = Author("p", "s", "amy"), Log("#tea", "#tea", Tails())
    found = [("#tea", Entry(1, NOW, Message(amy, "hi")))]
    history = History(Matching(text), "#tea", found, False, NOW)
    shown = [
        (1, plain.format.event(tea, Entry(1, NOW, TopicSet(amy, text)), False, False)),
        (1, plain.format.event(tea, Entry(2, NOW, Left(amy, ("amy",), 2, 60, text)), False, False)),
        (1, plain.answer(Reply("msg", replies.IsAway("amy", text)))),
        (1, plain.answer(Problem("usage", say("“{begin}” was not said: {reason}", begin=text, reason="why")))),
        (3, plain.answer(Greeting("pi", "1.0", 1, (text,)))),
        (2, plain.answer(history)),
    ]
    for sentences, chunk in shown:
        lines = chunk.decode().split("\r\n")[:-1]
        begun = [line for line in lines if re.match(r"(->|-!-|!|--) [^ ]", line)]
        assert len(begun) == sentences
        assert all(re.match(r"(->|-!-|!|--)   |\d\d:\d\d <amy> hi", line) for line in lines if line not in begun)
