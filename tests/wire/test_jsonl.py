"""The wire of programs: every event and every answer as an object, and every line that a program may send."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits
from chat.base.errors import BadInput
from chat.base.language import language, say
from chat.base.text import visible
from chat.log.events import Action, Author, Entry, Fact, Joined, Left, Message, Place, Private, Renamed, TopicSet
from chat.log.log import Log
from chat.log.tail import Tails
from chat.log.unread import Unread
from chat.wire import jsonl, replies
from chat.wire.answers import (
    Answer,
    Done,
    Greeting,
    History,
    Latest,
    Missed,
    Problem,
    Reply,
    RoomState,
    Since,
    Standing,
    Stored,
    UpToNow,
    Welcome,
)
from chat.wire.json_wire import JsonFormat, JsonWire
from chat.wire.requests import Expected, Invoke, Request, Say

NOW = datetime(2026, 11, 22, 10, 4, 5, 678_900, tzinfo=timezone(timedelta(hours=1)))
AT = "2026-11-22T09:04:05.678Z"
AMY, BOB = Author("p1", "s1", "amy"), Author("p2", "s2", "bob")

LOBBY = Log("#lobby", "#lobby", Tails())
AMYS, BOBS = Log("@p1", "@", Tails()), Log("@p2", "@", Tails())

WIRE = JsonWire(JsonFormat(language("en")))


def event(fact: Fact, log: Log = LOBBY) -> str:
    data = WIRE.format.event(log, Entry(7, NOW, fact), True, False)
    assert data == WIRE.format.event(log, Entry(7, NOW, fact), False, True)
    assert data.endswith(b"\n")
    return data.decode()[:-1]


def answer(answer: Answer) -> list[str]:
    data = WIRE.answer(answer).decode()
    assert not data or data.endswith("\n")
    return data.split("\n")[:-1]


def line(**keys: object) -> str:
    return json.dumps(keys, separators=(",", ":"), ensure_ascii=False)


# Events.


@pytest.mark.parametrize(
    ("fact", "keys"),
    [
        (Message(AMY, "hi ☃"), {"type": "message", "from": "amy", "text": "hi ☃"}),
        (Message(AMY, "one\ntwo"), {"type": "message", "from": "amy", "text": "one\ntwo"}),
        (Action(AMY, "waves"), {"type": "action", "from": "amy", "text": "waves"}),
        (Joined(AMY, ("amy",), 3), {"type": "joined", "from": "amy", "who": ["amy"], "here": 3}),
        (Joined(None, ("amy", "bob"), 34), {"type": "joined", "from": "amy", "who": ["amy", "bob"], "here": 34}),
        (
            Left(AMY, ("amy",), 2, 720),
            {"type": "left", "from": "amy", "who": ["amy"], "here": 2, "quit": False, "stayed": 720},
        ),
        (
            Left(AMY, ("amy",), 2, 720, "bye", True, "f1", ("#lobby", "#ops")),
            {
                "type": "left",
                "from": "amy",
                "who": ["amy"],
                "here": 2,
                "quit": True,
                "stayed": 720,
                "text": "bye",
                "fact": "f1",
            },
        ),
        (
            Left(None, ("amy", "bob"), 32),
            {"type": "left", "from": "amy", "who": ["amy", "bob"], "here": 32, "quit": False},
        ),
        (
            Renamed(AMY, "dee", "f1", ("#lobby", "#ops")),
            {"type": "renamed", "from": "amy", "to": "dee", "fact": "f1"},
        ),
        (TopicSet(AMY, "tea"), {"type": "topic", "from": "amy", "text": "tea"}),
        (TopicSet(AMY, ""), {"type": "topic", "from": "amy", "text": ""}),
    ],
)
def test_an_event_is_an_object(fact: Fact, keys: dict[str, object]) -> None:
    type = keys.pop("type")
    assert event(fact) == line(type=type, room="#lobby", seq=7, at=AT, **keys)


def test_private_talk_has_the_other_ones_nickname_as_its_room() -> None:
    fact = Private(AMY, "bob", "p2", "psst")
    rest = {"seq": 7, "at": AT, "from": "amy", "to": "bob", "text": "psst"}
    assert event(fact, BOBS) == line(type="message", room="@amy", **rest)
    assert event(fact, AMYS) == line(type="message", room="@bob", **rest)


# Answers.

ROOM = RoomState("#lobby", 17, 2, ("bob", "amy"), "tea", True, Standing(12, Unread(4, 1), 17))


@pytest.mark.parametrize(
    ("what", "objects"),
    [
        (
            Greeting("pi", "1.0", 3, ("Be kind.",)),
            [{"type": "hello", "server": "pi", "version": "1.0", "here": 3, "motd": ["Be kind."], "acks": True}],
        ),
        (
            Welcome("amy", "#lobby", [ROOM], "c0de", None, False, "1", Standing(5, None, 9)),
            [
                {
                    "type": "welcome",
                    "nick": "amy",
                    "room": "#lobby",
                    "rooms": {
                        "#lobby": {
                            "head": 17,
                            "here": 2,
                            "users": ["bob", "amy"],
                            "topic": "tea",
                            "recorded": True,
                            "read": 12,
                            "unread": 4,
                            "mentions": 1,
                            "last": 17,
                        }
                    },
                    "private": {"read": 5, "unread": None, "mentions": None, "last": 9},
                    "resume": "c0de",
                    "back": False,
                    "id": "1",
                }
            ],
        ),
        (
            Reply("who", replies.Who("#lobby", [replies.User("amy", None, True, 5)], 1), "1"),
            [
                {
                    "type": "reply",
                    "command": "who",
                    "text": "One person is in #lobby: amy (line down 5 s)",
                    "room": "#lobby",
                    "users": [
                        {"nick": "amy", "away": None, "down": True, "role": "member", "bot": False, "voiced": False}
                    ],
                    "here": 1,
                    "id": "1",
                }
            ],
        ),
        (
            Reply("rooms", replies.Rooms([replies.RoomRow("#lobby", 2, "", True)], 3)),
            [
                {
                    "type": "reply",
                    "command": "rooms",
                    "text": "#lobby (2 people, you too)\nAnd 2 rooms more.",
                    "rooms": [{"name": "#lobby", "here": 2, "topic": ""}],
                    "count": 3,
                }
            ],
        ),
        (
            Reply("ping", replies.Pong("")),
            [{"type": "reply", "command": "ping", "text": "pong", "token": ""}],
        ),
        (
            Stored(Place("#lobby", "#lobby", 7, NOW), "1"),
            [{"type": "ack", "at": AT, "room": "#lobby", "seq": 7, "id": "1"}],
        ),
        (
            Stored(Place("@p1", "@", 7, NOW), "1", Private(AMY, "bob", "p2", "psst")),
            [{"type": "ack", "at": AT, "room": "@bob", "seq": 7, "id": "1"}],
        ),
        (
            Problem("nick-taken", say("{nick} is here already.", nick="amy"), "1", "amy2"),
            [
                {
                    "type": "error",
                    "code": "nick-taken",
                    "text": "amy is here already.",
                    "proposal": "amy2",
                    "id": "1",
                }
            ],
        ),
        (Stored(Place("#lobby", "#lobby", 7, NOW)), []),
        (Done(NOW, "1"), [{"type": "ack", "at": AT, "id": "1"}]),
        (
            Stored(Place("#lobby", "#lobby", 7, NOW), "1", None, Reply("topic", replies.NewTopic("#ops", ""), "1")),
            [
                {
                    "type": "reply",
                    "command": "topic",
                    "text": "#ops has no topic now.",
                    "room": "#ops",
                    "topic": "",
                    "id": "1",
                },
                {"type": "ack", "at": AT, "room": "#lobby", "seq": 7, "id": "1"},
            ],
        ),
        (Problem("gone", say("Gone.")), [{"type": "error", "code": "gone", "text": "Gone."}]),
        (Missed("#lobby", 12), [{"type": "missed", "room": "#lobby", "count": 12}]),
        (
            History(Latest(), "#lobby", [("#lobby", Entry(7, NOW, Message(AMY, "hi")))], True, NOW, None, "1"),
            [
                {
                    "type": "history",
                    "room": "#lobby",
                    "events": [{"type": "message", "room": "#lobby", "seq": 7, "at": AT, "from": "amy", "text": "hi"}],
                    "more": True,
                    "id": "1",
                }
            ],
        ),
        (
            History(Latest(), None, [], False, NOW, 0),
            [{"type": "history", "room": None, "events": [], "more": False, "total": 0}],
        ),
        (Since(NOW, NOW), []),
        (UpToNow(NOW), []),
    ],
)
def test_an_answer_is_an_object(what: Answer, objects: list[dict[str, object]]) -> None:
    assert answer(what) == [line(**keys) for keys in objects]


def test_what_was_said_before_comes_with_the_welcome() -> None:
    history = History(Latest(), "#lobby", [], False, NOW)
    types = [json.loads(line)["type"] for line in answer(Welcome("amy", "#lobby", [ROOM], "c0de", history))]
    assert types == ["welcome", "history"]


@given(st.text(), st.sampled_from([Message, Action, TopicSet]))
def test_whatever_was_stored_is_one_line_that_nobodys_terminal_obeys(text: str, kind: type) -> None:
    data = event(kind(AMY, text))
    assert visible(data) == data
    assert json.loads(data)["text"].split("\n") == [visible(line) for line in text.split("\n")]


@given(st.text(alphabet=st.characters() | st.sampled_from("\x7f\x9b\u202e\ud800\U000e0041\u0301")))
def test_whatever_is_given_back_to_its_author_stands_in_a_line_as_harmless_escapes(text: str) -> None:
    (line,) = answer(Problem("usage", say("no"), id=text)) if text else [""]
    assert not line or json.loads(line)["id"] == text
    assert all(visible(char) == char for char in line)


def test_what_a_program_may_have_meant_otherwise_is_told_apart() -> None:
    with pytest.raises(BadInput, match="An id is a text"):
        jsonl.decode('{"line": "hi", "id": 5}')
    with pytest.raises(BadInput, match="no object"):
        jsonl.decode("[1]")
    assert jsonl.decode(' {"line": "hi"}') == Request("hi")


def test_half_a_character_does_no_harm() -> None:
    assert json.loads(event(Message(AMY, "a\ud800b")))["text"] == "a\ufffdb"


# Lines.


@pytest.mark.parametrize(
    "text", ["hi", "", "[ok] done", "5 apples", '"x" is a letter', "nullify", "-", "/msg bob hi", "[1"]
)
def test_a_plain_line_is_what_was_typed(text: str) -> None:
    assert jsonl.decode(text) == Request(text)


@pytest.mark.parametrize(
    ("keys", "request_"),
    [
        ({"line": "hi"}, Request("hi")),
        ({"line": "one\ntwo"}, Request("one\ntwo")),
        ({"line": "hi", "id": "c42", "room": "#ops"}, Request("hi", "c42", "#ops")),
        ({"line": "hi", "id": None, "room": None, "before": None}, Request("hi")),
        ({"line": "/last", "before": 17}, Request("/last", None, None, 17)),
        ({"line": "/last", "before": 0}, Request("/last", None, None, 0)),
        (
            {"line": "/resume c0de", "seen": {"#lobby": 17, "@": 5}},
            Request("/resume c0de", seen={"#lobby": 17, "@": 5}),
        ),
        ({"line": "hi", "mood": {"happy": [True]}}, Request("hi")),
        ({"line": "x", "id": "i" * limits.ID}, Request("x", "i" * limits.ID)),
    ],
)
def test_an_object_is_a_request(keys: dict[str, object], request_: Request) -> None:
    assert jsonl.decode(json.dumps(keys)) == request_


@pytest.mark.parametrize("expected", list(Expected))
def test_a_program_says_anything_and_gives_commands_whatever_is_expected(expected: Expected) -> None:
    said = {"say": "/quit now", "room": "#ops", "id": "1"}
    assert WIRE.read(json.dumps(said), expected) == Say("/quit now", Request("/quit now", "1", "#ops", said=True))
    asked = {"line": "/w bob hi", "id": "2"}
    assert WIRE.read(json.dumps(asked), expected) == Invoke("msg", "w", "bob hi", Request("/w bob hi", "2"))
    assert WIRE.read("help", expected) == Say("help", Request("help"))


@pytest.mark.parametrize(("line", "code"), [(" /who", "slash-space"), ("/who\nhi", "usage")])
def test_a_doubtful_line_is_refused_under_its_id(line: str, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        WIRE.read(json.dumps({"line": line, "id": "1"}))
    assert (refused.value.code, refused.value.id) == (code, "1")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "usage"),
        (" {", "usage"),
        ("{}", "usage"),
        *((value, "usage") for value in ("[1]", '"x"', "5", "-1.5e3", "null", "true", " false ", "[[" * 5000)),
        ('{"line": 5}', "usage"),
        ('{"line": null}', "usage"),
        ('{"say": 5}', "usage"),
        ('{"say": 5, "line": "hi"}', "usage"),
        ('{"line": "hi", "id": 5}', "usage"),
        ('{"line": "hi", "room": ["#ops"]}', "usage"),
        ('{"line": "hi", "before": "1"}', "usage"),
        ('{"line": "hi", "before": true}', "usage"),
        ('{"line": "hi", "before": -1}', "usage"),
        ('{"line": "hi", "before": 1.0}', "usage"),
        ('{"line": "hi", "before": 9223372036854775808}', "usage"),
        ('{"line": "hi", "seen": []}', "usage"),
        ('{"line": "hi", "say": "hello"}', "usage"),
        ('{"line": "hi", "seen": {"#lobby": -1}}', "usage"),
        ('{"line": "hi"} more', "usage"),
        ('{"line": "hi", "x": NaN', "usage"),
        ('{"a":' * 5000, "usage"),
        ('{"line": "hi", "x": ' + "9" * 5000 + "}", "usage"),
        (json.dumps({"line": "x", "id": "i" * (limits.ID + 1)}), "too-long"),
    ],
)
def test_what_is_no_request_is_refused(text: str, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        jsonl.decode(text)
    assert refused.value.code == code


@given(
    st.text(max_size=200)
    | st.text(max_size=200).map("{".__add__)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
        lambda inside: (
            st.lists(inside, max_size=3)
            | st.dictionaries(
                st.sampled_from(["line", "id", "room", "before", "seen"]) | st.text(max_size=3), inside, max_size=5
            )
        ),
        max_leaves=12,
    ).map(json.dumps)
)
def test_any_line_is_a_request_or_refused(text: str) -> None:
    try:
        request = jsonl.decode(text)
    except BadInput:
        return
    assert isinstance(request.line, str)
    assert request.before is None or request.before >= 0


# The client's direction: what it makes, the server reads; what it gets, it survives.


@given(st.text(max_size=100), st.text(max_size=limits.ID))
def test_what_a_client_sends_is_what_the_server_reads(text: str, id: str) -> None:
    data = jsonl.encode_request(Request(text, id))
    assert data.endswith(b"\n")
    assert b"\n" not in data[:-1]
    request = jsonl.decode(data.decode()[:-1])
    assert (request.line, request.id) == (text, id)


def test_a_client_does_not_send_what_no_server_reads() -> None:
    with pytest.raises(BadInput) as refused:
        jsonl.encode_request(Request("x" * limits.LINE, "1"))
    assert refused.value.code == "too-long"


@pytest.mark.parametrize(
    "data",
    [b"", b"hi", b"[1]", b"5", b"null", b'{"a":NaN}', b'{"a": 1e999}', b'{"a": ', b"\xff", b'{"a":' * 10**5, b'"\xff"'],
)
def test_what_is_no_object_is_none_for_a_client(data: bytes) -> None:
    assert jsonl.parse(data) is None


@given(st.binary(max_size=100))
def test_any_bytes_are_an_object_or_none_for_a_client(data: bytes) -> None:
    assert jsonl.parse(data) is None or isinstance(jsonl.parse(data), dict)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=4))
def test_an_object_shown_raw_is_printable_ascii_and_the_same_object(keys: dict[str, str]) -> None:
    text = jsonl.safe(keys)
    assert all(" " <= char <= "~" for char in text)
    assert json.loads(text) == keys
