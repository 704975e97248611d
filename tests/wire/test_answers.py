"""A program's line with an id is answered by one ack or one error, last, whatever it asks and whatever else happens."""

import json

import pytest
from any_input import nothing_goes_wrong
from hypothesis import given
from hypothesis import strategies as st
from stores import SlowStore
from world import Client, Logged, World, broken

from chat.commands.registry import TABLE
from chat.core.session import Session

_WITH_ROOM = ("#ops", "ops", "#nope", "@ann", "@away", "@cut", "@nobody", "@", "", "?")
_PRIVATE = ("ann hi", "away hi", "cut hi", "amy hi", "nobody hi", "#ops hi", "#nope hi", "ann")
_OTHERS = [name for name in TABLE if name not in ("quit", "resume", "nick", "join", "msg")]

LINES = [
    *({"line": line} for line in ("hi", "one\ntwo", "", " ", "//x", "/usr/x", " /who", "/who\nhi", "/nope", "/set")),
    *({"line": "x", "room": room} for room in _WITH_ROOM),
    *({"say": text} for text in ("/quit", "{}", "")),
    *({"line": f"/msg {rest}"} for rest in _PRIVATE),
    *({"line": f"/nick {nick}"} for nick in ("amy", "dee", "ann", "7up", "server", "")),
    *({"line": f"/join {room}"} for room in ("#ops", "#new", "lobby", "#", "")),
    *({"line": f"/resume {code}"} for code in ("", "CODE", "K7F2Q-X9M4T", "x")),
    *({"line": f"/{name}"} for name in _OTHERS),
    *({"line": f"/{name} x"} for name in _OTHERS),
    *({"line": f"/{line}", "room": room} for line in ("who", "last", "leave", "topic x") for room in ("@ann", "#ops")),
    *(
        {"line": f"/{line}"}
        for line in ("ignore ann", "whois ann", "last 5 ann", "since 1h", "json echo", "post me hi")
    ),
    {"line": "K7F2Q-X9M4T is it"},
    {"line": 5},
    {"line": "hi", "say": 5},
    {"line": "/last", "before": -1},
    {"line": "/quit"},
]


def send(client: Client, requests: list[dict], code: str = "") -> None:
    for number, keys in enumerate(requests):
        line = keys.get("line")
        named = {"line": line.replace("CODE", code)} if isinstance(line, str) else {}
        client.send(json.dumps({**keys, **named, "id": f"c{number}"}).encode() + b"\n")


def check(objects: list[dict], ids: list[str], ended: bool) -> None:
    """Each of these ids has one ack or error, last; where the connection was closed, those before have."""
    answers = [(keys["id"], keys["type"]) for keys in objects if "id" in keys]
    for keys in objects:
        assert "id" in keys or keys["type"] not in ("welcome", "history", "ack"), keys
        assert "id" in keys or keys["type"] != "reply" or keys["command"] == "slow-down", keys
    for id in ids:
        types = [type for other, type in answers if other == id]
        ends = [type in ("ack", "error") for type in types]
        assert ends == [False] * (len(ends) - 1) + [True] or (ended and not ends), (id, types)


@given(
    requests=st.lists(st.sampled_from(LINES), min_size=1, max_size=8),
    nick=st.sampled_from(["/nick amy", "/nick amy", "/ping"]),
    echo=st.sampled_from(["json", "json echo"]),
    written_early=st.booleans(),
    refusals=st.lists(st.booleans(), max_size=6),
)
def test_one_ack_or_error_and_nothing_behind_it(
    requests: list[dict], nick: str, echo: str, written_early: bool, refusals: list[bool]
) -> None:
    with nothing_goes_wrong():
        store = SlowStore(written_early=written_early)
        world = World(store)
        world.enter("ann", "/join #ops")
        world.enter("away", "/away tea")
        cut = world.connect("/nick cut", wire="json")
        (code,) = (keys["resume"] for keys in cut.objects if keys["type"] == "welcome")
        cut.cut()
        amy = world.connect(nick, wire=echo)
        amy.take()
        store.slow = store.slow_to_read = True
        send(amy, requests, code)
        world.turn()
        while store.commits or store.reads:
            if store.reads:
                store.let_read()
            elif refusals and refusals.pop() and not written_early:
                store.refuse()
            else:
                store.let()
            world.turn()
        check(amy.objects, [f"c{number}" for number in range(len(requests))], amy.ended)


@pytest.mark.parametrize(
    "line", ["hi", "/who", "/join #ops", "/msg ann hi", "/topic tea", "/nick dee", "/last", "/quit", "/json"]
)
def test_what_was_done_is_acknowledged(line: str, world: World) -> None:
    world.enter("ann")
    amy = world.enter("amy", wire="json")
    amy.type(line, id="x7qk-1")
    *others, last = amy.objects
    assert (last["type"], last["id"]) == ("ack", "x7qk-1")
    assert ("seq" in last) == (line in ("hi", "/msg ann hi", "/topic tea"))
    assert last["at"] == "2026-11-22T10:04:00.000Z"
    assert all(keys.get("id") == "x7qk-1" for keys in others if keys["type"] not in ("hello",))


def test_what_comes_with_a_room_has_the_id_of_the_line_that_led_there(world: World) -> None:
    world.enter("ann", "hi", "/join #ops", "ho")
    amy = world.connect(wire="json")
    amy.take()
    amy.type("/nick amy", id="1")
    amy.type("/join #ops", id="2")
    told = [(keys["type"], keys["id"]) for keys in amy.objects]
    assert told == [("welcome", "1"), ("history", "1"), ("ack", "1"), ("history", "2"), ("reply", "2"), ("ack", "2")]


@pytest.mark.parametrize(("line", "facts"), [("/away tea", {"away": "tea"}), ("/back", {})])
def test_what_one_should_know_of_the_other_is_told_before_the_ack(line: str, facts: dict, world: World) -> None:
    world.enter("ben", line)
    amy = world.enter("amy", wire="json")
    amy.type("/msg ben hi", id="1")
    *replies, ack = amy.objects
    assert (ack["type"], ack["room"], ack["seq"]) == ("ack", "@ben", 1)
    assert [(keys["type"], keys["id"], keys["away"]) for keys in replies] == [
        ("reply", "1", away) for away in facts.values()
    ]


def test_people_see_their_private_words_first_and_then_what_to_know(world: World) -> None:
    world.enter("ben", "/away tea")
    amy = world.enter("amy")
    amy.type("/msg ben hi")
    assert amy.lines == ["[you -> ben] hi", '-> ben is away: "tea"']


def test_a_line_that_was_dropped_while_it_waited_for_its_turn_is_answered_once(world: World) -> None:
    amy = world.enter("amy", wire="json")
    lines = [{"line": f"is it K7F2Q-{a}{b}M4T"} for a in "XYZVWRSQ" for b in "23456789X"]
    send(amy, [*lines, {"line": "/cancel"}])
    world.turn()
    check(amy.objects, [f"c{number}" for number in range(len(lines) + 1)], amy.ended)
    assert "nothing-said" in amy.bytes.decode()


def test_a_bug_of_ours_is_the_error_of_its_line(world: World, logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    amy = world.enter("amy", wire="json")
    monkeypatch.setattr(Session, "part", broken)
    amy.type("/leave", id="1")
    logged.expect(ZeroDivisionError)
    assert [(keys["code"], keys["id"]) for keys in amy.objects] == [("internal", "1")]


@pytest.mark.parametrize(
    "line", ["/who", "/topic tea", "/topic", "/leave", "/since 1h", "/missed", "/grep hi", "/me waves"]
)
def test_a_command_about_rooms_says_that_a_person_is_none(line: str, world: World) -> None:
    world.enter("ann", "hi")
    amy = world.enter("amy", wire="json")
    amy.type(line, id="1", room="@ann")
    (error,) = amy.objects
    assert (error["code"], error["text"]) == ("room-bad", "@ann is a person; a room is what this is about.")


def test_what_was_said_with_somebody_may_be_asked_for_as_talk_goes_there(world: World) -> None:
    world.enter("ann", "hi")
    amy = world.enter("amy", "/msg ann psst", wire="json")
    amy.type("/last", id="1", room="@ann")
    history, _ = amy.take_objects()
    assert [(event["room"], event["text"]) for event in history["events"]] == [("@ann", "psst")]
    amy.type("/last", id="2", room="@nobody")
    assert [keys["code"] for keys in amy.objects] == ["not-here"]


@pytest.mark.parametrize("room", ["ops", "#ops", "OPS", "\uff03ops"])
def test_a_room_needs_no_sign_beside_a_line(room: str, world: World) -> None:
    ann = world.enter("ann", "/join #ops")
    amy = world.enter("amy", "/join #ops", "/join #lobby", wire="json")
    ann.take()
    amy.type("hi", id="1", room=room)
    assert amy.objects[-1]["room"] == "#ops"
    assert ann.lines == ["#ops <amy> hi"]


@pytest.mark.parametrize(
    ("room", "code"), [("nope", "no-room"), ("#nope", "no-room"), ("", "room-bad"), ("a b", "room-bad")]
)
def test_what_is_no_room_is_told_with_the_right_advice(room: str, code: str, world: World) -> None:
    amy = world.enter("amy", wire="json")
    amy.type("hi", id="1", room=room)
    (error,) = amy.objects
    assert error["code"] == code
    if code == "no-room":
        assert error["text"] == "There is no room #nope. /join #nope makes it."
