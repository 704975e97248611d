"""What the client understands of a server's objects: nothing that a server sends is an exception."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base.errors import BadInput
from chat.client.talk.objects import (
    Ack,
    Came,
    Hello,
    History,
    Missed,
    Object,
    Problem,
    Redacted,
    Reply,
    Room,
    Said,
    Welcome,
    understand,
)
from chat.wire import jsonl
from chat.wire.requests import Request

AT = datetime(2026, 11, 22, 8, 58, 1, 500_000, tzinfo=UTC)
STAMP = "2026-11-22T08:58:01.500Z"


def said(**keys: object) -> Said:
    values = {"room": "#lobby", "author": "bob", "text": "hi", "seq": 17, "at": AT, "to": None, "action": False}
    return Said(**(values | keys))  # type: ignore[arg-type]  # a test's shorthand


MESSAGE = {"type": "message", "room": "#lobby", "seq": 17, "at": STAMP, "from": "bob", "text": "hi"}


@pytest.mark.parametrize(
    ("raw", "understood"),
    [
        ({"type": "hello", "server": "pi", "version": "1"}, Hello("pi", ())),
        ({"type": "hello", "server": "pi", "motd": ["a", "b"]}, Hello("pi", ("a", "b"))),
        (
            {
                "type": "welcome",
                "nick": "amy",
                "room": "#lobby",
                "rooms": {"#lobby": {"head": 3, "here": 9, "users": ["amy", "bob"], "topic": "x"}},
                "id": "1",
                "resume": "c0de",
                "back": True,
            },
            Welcome("amy", "#lobby", (Room("#lobby", 3, 9, ("amy", "bob"), "x"),), "c0de", True, "1"),
        ),
        (MESSAGE, said()),
        (MESSAGE | {"type": "action"}, said(action=True)),
        (MESSAGE | {"room": "@bob", "to": "amy"}, said(room="@bob", to="amy")),
        (
            {"type": "joined", "room": "#lobby", "seq": 1, "at": STAMP, "from": "amy", "who": ["amy"], "here": 3},
            Came("joined", "#lobby", "amy", 1, AT, ("amy",), 3, None, False, "", "", None),
        ),
        (
            {"type": "left", "room": "#lobby", "at": STAMP, "from": "amy", "stayed": 60, "quit": True, "fact": "f"},
            Came("left", "#lobby", "amy", None, AT, ("amy",), None, 60, True, "", "", "f"),
        ),
        (
            {"type": "renamed", "room": "#lobby", "from": "amy", "to": "dee", "fact": "f"},
            Came("renamed", "#lobby", "amy", None, None, ("amy",), None, None, False, "dee", "", "f"),
        ),
        ({"type": "missed", "room": "#lobby", "count": 3}, Missed("#lobby", 3)),
        ({"type": "ack", "id": "1", "at": STAMP, "room": "@bob", "seq": 1}, Ack("1", "@bob", AT, 1)),
        ({"type": "ack", "id": "1"}, Ack("1", None, None)),
        (
            {"type": "error", "code": "nick-taken", "text": "no", "id": "1", "proposal": "amy2"},
            Problem("nick-taken", "no", "1", "amy2"),
        ),
        (
            {"type": "history", "room": "#lobby", "events": [MESSAGE, {"type": "new"}], "more": True},
            History("#lobby", (said(),), True, None, None),
        ),
        ({"type": "history", "room": None, "events": [], "total": 0}, History(None, (), False, 0, None)),
    ],
)
def test_objects_are_understood(raw: dict[str, object], understood: Object) -> None:
    assert understand(raw) == understood


def test_a_history_in_a_history_is_none() -> None:
    nested: dict[str, object] = {"type": "history", "events": [MESSAGE]}
    for _ in range(5000):
        nested = {"type": "history", "events": [nested, MESSAGE]}
    assert understand(nested) == History(None, (said(),), False, None, None)


def test_an_endless_code_is_none() -> None:
    welcome = {"type": "welcome", "nick": "amy", "room": "#lobby", "resume": "x" * 65}
    assert understand(welcome) == Welcome("amy", "#lobby", (), None, False, None)


def test_a_reply_keeps_its_facts() -> None:
    raw = {"type": "reply", "command": "who", "text": "amy", "users": ["amy"]}
    assert understand(raw) == Reply("who", "amy", raw, None)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"type": "comet", "room": "#lobby"},
        {"type": ["message"]},
        {"type": "message", "room": "#lobby", "from": "bob"},
        MESSAGE | {"text": 7},
        {"type": "measure", "room": "#lobby", "what": "what is to come", "of": "#lobby"},
        MESSAGE | {"from": None},
        {"type": "missed", "room": "#lobby", "count": -1},
        {"type": "missed", "room": "#lobby", "count": True},
        {"type": "renamed", "room": "#lobby", "from": "amy"},
        {"type": "error", "text": "no"},
        {"type": "reply", "text": "x"},
    ],
)
def test_what_is_unknown_or_lacks_what_it_needs_is_none_of_ours(raw: dict[str, object]) -> None:
    assert understand(raw) is None


@pytest.mark.parametrize("seq", [-1, 2**63, 1.5, True, "17", None, [17]])
def test_a_number_out_of_range_counts_as_missing(seq: object) -> None:
    assert understand(MESSAGE | {"seq": seq}) == said(seq=None)


@pytest.mark.parametrize("at", ["", "yesterday", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 0, None, "2026-13-01"])
def test_a_date_that_no_calendar_shows_counts_as_missing(at: object) -> None:
    assert understand(MESSAGE | {"at": at}) == said(at=None)


def test_a_date_without_a_zone_is_utc() -> None:
    assert understand(MESSAGE | {"at": "2026-11-22T08:58:01.500"}) == said()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"[]",
        b"17",
        b'{"type": NaN}',
        b'{"seq": 1e999999, "x": Infinity}',
        b'{"seq": ' + b"9" * 5000 + b"}",
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b'{"type": "x"} {"type": "y"}',
    ],
)
def test_what_is_no_json_object_is_none(line: bytes) -> None:
    assert jsonl.parse(line) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TYPES = [
    "hello",
    "welcome",
    "message",
    "action",
    "joined",
    "left",
    "renamed",
    "topic",
    "missed",
    "ack",
    "error",
    "history",
    "reply",
]
KEYS = [
    "room",
    "rooms",
    "seq",
    "at",
    "from",
    "text",
    "to",
    "who",
    "here",
    "stayed",
    "quit",
    "fact",
    "count",
    "id",
    "code",
    "proposal",
    "events",
    "more",
    "command",
    "nick",
    "users",
    "server",
    "motd",
    "topic",
]


@given(
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(KEYS), json_values, max_size=10),
)
def test_no_object_is_an_exception(kind: str, keys: dict[str, object]) -> None:
    understand(keys | {"type": kind})


@given(st.binary(max_size=80))
def test_no_bytes_are_an_exception(line: bytes) -> None:
    understand(jsonl.parse(line) or {})


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4))
def test_objects_are_passed_on_as_one_line_that_no_terminal_obeys(keys: dict[str, object]) -> None:
    line = jsonl.safe(keys)
    assert line.isascii()
    assert line.isprintable()


@pytest.mark.parametrize(("text", "length"), [("x" * 16_000, 16_000), ("ñ" * 8_000, 16_000)])
def test_a_request_is_one_line_with_its_id(text: str, length: int) -> None:
    data = jsonl.encode_request(Request(text, "r-1"))
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    assert jsonl.parse(data) == {"line": text, "id": "r-1"}


def test_a_request_that_no_server_would_read_is_refused_here() -> None:
    with pytest.raises(BadInput) as error:
        jsonl.encode_request(Request("x" * 17_000, "r-1"))
    assert error.value.code == "too-long"


@pytest.mark.parametrize(
    ("keys", "targets"),
    [({"target": 3}, (3,)), ({"targets": [3, 5]}, (3, 5)), ({"targets": [3, "x", -1, True]}, (3,))],
)
def test_which_lines_were_taken_back(keys: dict, targets: tuple[int, ...]) -> None:
    gone = understand({"type": "redacted", "room": "#ops", "seq": 9, **keys})
    assert isinstance(gone, Redacted)
    assert gone.targets == targets


@pytest.mark.parametrize("keys", [{}, {"target": "3"}, {"targets": []}, {"targets": 3}, {"target": [3]}])
def test_a_redaction_of_nothing_is_none(keys: dict) -> None:
    assert understand({"type": "redacted", "room": "#ops", "seq": 9, **keys}) is None
