"""`--since`: all that was said, oldest first, by as many pages as it takes."""

import json
import time
from collections.abc import Iterator

import pytest
from faced import World
from hypothesis import given
from hypothesis import strategies as st
from memory_server import HELLO, welcome
from twisted.internet.error import ConnectionRefusedError

from chat.base import limits
from chat.client.faces.stdio import Status
from chat.client.faces.transcript import Transcript


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def transcript(since: str = "30m", room: str | None = None, raw: bool = False, nick: str | None = None) -> World:
    return World(lambda ground: Transcript(ground, nick, since, room or "#lobby", raw), nick, room, makes_room=False)


def message(seq: int, text: str = "", room: str = "#lobby") -> dict[str, object]:
    at = f"2026-11-22T08:{seq // 60 % 60:02}:{seq % 60:02}Z"
    return {"type": "message", "room": room, "seq": seq, "at": at, "from": "bob", "text": text or str(seq)}


def enter(world: World) -> None:
    world.server.accept()
    world.server.send(HELLO)
    assert world.server.lines[-1] == "/nick guest"
    world.server.send(welcome("guest", resume="c0de"))


def refuse(world: World, line: str, code: str, text: str) -> None:
    ((asked, id),) = world.server.requests
    assert asked == line
    world.server.send({"type": "error", "code": code, "text": text, "id": id})


class Room:
    """A server with this much to tell, that counts only so far; what is said meanwhile stays in."""

    def __init__(self, seqs: list[int], since: int, counted: int = 10_000, page: int = limits.HISTORY_MOST) -> None:
        self.seqs, self.since, self.counted, self.page = seqs, since, counted, page
        self.asked: list[str] = []

    def answer(self, keys: dict[str, object]) -> dict[str, object]:
        word, _, count = str(keys["line"]).partition(" ")
        self.asked.append(str(keys["line"]))
        before = keys.get("before")
        assert isinstance(before, int | None)
        found = [seq for seq in self.seqs if before is None or seq < before]
        if word == "/since":
            found = [seq for seq in found if seq >= self.since]
            # Time goes on: what was within the last half hour is so no more.
            self.since += 1
        found = found[-self.counted :]
        shown = found[-self.page :] if word == "/since" else found[-int(count) :]
        events = [message(seq) for seq in shown]
        total = len(found)
        return {"type": "history", "room": "#lobby", "events": events, "total": total, "more": total > len(events)}


def serve(world: World, room: Room) -> list[int]:
    """Answer until it says goodbye; returns what was written, by its numbers."""
    while True:
        (asked,) = world.server.objects
        if asked["line"] == "/quit":
            world.lose()
            return [int(line.split()[-1]) for line in world.shown()]
        world.server.send({**room.answer(asked), "id": asked["id"]})


def test_a_page_is_written_with_full_dates_and_it_is_over() -> None:
    world = transcript()
    enter(world)
    first, _ = world.server.objects[0], None
    assert first["line"] == "/since 30m"
    assert "before" not in first
    history = {"type": "history", "room": "#lobby", "total": 2, "id": first["id"]}
    world.server.send(history | {"events": [message(1, "one\ntwo"), message(2) | {"type": "action"}]})
    (rest,) = world.server.objects
    assert (rest["line"], rest["before"]) == ("/since 30m", 1)
    world.server.send({**history, "events": [], "total": 0, "id": rest["id"]})
    assert world.server.lines == ["/quit"]
    world.lose()
    assert world.shown() == [
        "2026-11-22T08:00:01+00:00 #lobby <bob> one",
        "#lobby   | two",
        "2026-11-22T08:00:02+00:00 #lobby * bob 2",
    ]
    assert world.warned() == []
    assert world.result == [Status.WELL]


@given(
    st.sets(st.integers(1, 60), max_size=60).map(sorted),
    st.integers(1, 60),
    st.integers(1, 12),
    st.integers(3, 20),
)
def test_exactly_what_was_said_since_then_is_written_however_the_server_pages_and_counts(
    seqs: list[int], since: int, page: int, counted: int
) -> None:
    world = transcript()
    enter(world)
    room = Room(seqs, since, counted, page)
    written = serve(world, room)
    # Each question by time moves the moment: at the edge, no more is missing than the questions took.
    assert written == seqs[len(seqs) - len(written) :]
    assert len([seq for seq in seqs if seq >= room.since]) <= len(written)
    assert len(written) <= len([seq for seq in seqs if seq >= since])
    assert world.result == [Status.WELL]


def test_of_many_pages_the_time_is_asked_for_only_at_the_ends() -> None:
    world = transcript()
    enter(world)
    room = Room(list(range(1, 1801)), 1)
    assert serve(world, room) == list(range(2, 1801))
    assert room.asked == ["/since 30m", "/since 30m", "/last 500", "/last 299", "/since 30m"]


def test_what_grew_too_old_meanwhile_is_declared_gone() -> None:
    world = transcript()
    enter(world)
    room = Room(list(range(1, 1101)), 1)
    for _ in range(2):
        (asked,) = world.server.objects
        world.server.send({**room.answer(asked), "id": asked["id"]})
    room.seqs = room.seqs[200:]
    (asked,) = world.server.objects
    assert asked["line"] == "/last 99"
    world.server.send({**room.answer(asked), "id": asked["id"]})
    assert world.server.lines == ["/quit"]
    world.lose()
    first, *rest = world.shown()
    assert first == "-- 99 lines of #lobby are gone --"
    assert len(rest) == 1000


def test_objects_are_written_as_they_came() -> None:
    world = transcript(raw=True)
    enter(world)
    for events in ([message(7, "ñ\x1b") | {"new": 1}], []):
        (asked,) = world.server.objects
        world.server.send({"type": "history", "room": "#lobby", "events": events, "total": 1, "id": asked["id"]})
    (line,) = world.shown()
    assert line.isascii()
    assert json.loads(line) == message(7, "ñ\x1b") | {"new": 1}


def test_where_nothing_was_said_that_is_told_beside_the_output() -> None:
    world = transcript("2030-01-01")
    enter(world)
    assert serve(world, Room([], 1)) == []
    assert world.warned() == ["-- nothing was said in #lobby since 2030-01-01 --"]
    assert world.result == [Status.WELL]


def test_a_time_that_is_none_is_refused_with_the_servers_reason() -> None:
    world = transcript("someday")
    enter(world)
    world.answer({"type": "error", "code": "usage", "text": "/since takes 22:00."})
    world.lose()
    assert world.warned() == ["! usage: /since takes 22:00."]
    assert (world.shown(), world.result) == ([], [Status.REFUSED])


def test_another_room_is_gone_to_first() -> None:
    world = transcript(room="#ops")
    enter(world)
    refuse(world, "/who #ops", "not-in-room", "You are not in #ops.")
    assert world.server.lines == ["/join #ops"]


def test_a_room_that_is_not_there_is_not_made_but_told() -> None:
    world = transcript(room="#typo")
    enter(world)
    refuse(world, "/who #typo", "no-room", "There is no room #typo.")
    assert world.server.lines == ["/quit"]
    world.lose()
    assert world.warned()[0] == "! no-room: There is no room #typo."
    assert (world.shown(), world.result) == ([], [Status.REFUSED])


def test_a_nickname_that_is_taken_does_not_matter() -> None:
    world = transcript(nick="amy")
    world.server.accept()
    world.server.send(HELLO)
    world.answer({"type": "error", "code": "nick-taken", "text": "no", "proposal": "amy2"})
    assert world.server.lines == ["/nick amy2"]


def test_what_is_typed_and_what_others_say_meanwhile_is_not_in_it() -> None:
    world = transcript()
    world.face.typed("hi")
    world.face.input_ended("")
    enter(world)
    world.server.send(message(99), {"type": "reply", "command": "slow-down", "text": "That was fast."})
    assert serve(world, Room([1], 1)) == [1]


@pytest.mark.parametrize("back", [True, False])
def test_a_cut_between_two_pages_changes_nothing(back: bool) -> None:
    world = transcript()
    enter(world)
    room = Room(list(range(1, 901)), 1)
    (asked,) = world.server.objects
    world.server.send({**room.answer(asked), "id": asked["id"]})
    world.server.transport.clear()
    world.lose()
    if back:
        world.come_again(welcome("guest", resume="c0de", back=True))
    else:
        world.come_again({"type": "error", "code": "code-wrong", "text": "no"})
        world.answer(welcome("guest"))
    assert serve(world, room) == list(range(2, 901))
    assert world.result == [Status.WELL]


def test_a_page_whose_answer_was_cut_off_before_its_end_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HELLO, "acks", True)
    world = transcript()
    enter(world)
    room = Room([1, 2, 3], 1, page=2)
    (first,) = world.server.objects
    world.server.send({**room.answer(first), "id": first["id"]})
    (second,) = world.server.objects
    world.server.transport.clear()
    world.lose()
    world.come_again(welcome("guest", resume="c0de", back=True))
    assert [keys["id"] for keys in world.server.objects] == [first["id"], second["id"]]
    for keys in (first, second):
        world.server.send({**room.answer(keys), "id": keys["id"]}, {"type": "ack", "id": keys["id"]})
    while (asked := world.server.objects) and asked[0]["line"] != "/quit":
        world.server.send({**room.answer(asked[0]), "id": asked[0]["id"]}, {"type": "ack", "id": asked[0]["id"]})
    world.lose()
    assert [int(line.split()[-1]) for line in world.shown()] == [2, 3]


def test_without_a_server_there_is_no_transcript_and_the_status_says_so() -> None:
    world = transcript()
    world.server.refuse(ConnectionRefusedError())
    world.clock.advance(0)
    assert world.result == [Status.NO_CONNECTION]


def test_a_server_that_pages_in_circles_is_not_asked_for_ever() -> None:
    world = transcript()
    enter(world)
    for _ in range(2):
        (asked,) = world.server.objects
        world.server.send({"type": "history", "room": "#lobby", "events": [message(7)], "total": 9, "id": asked["id"]})
    assert world.server.lines == ["/quit"]


@pytest.mark.parametrize("raw", [False, True])
def test_what_was_taken_back_since_a_page_came_is_left_out(raw: bool) -> None:
    world = transcript(raw=raw)
    enter(world)
    ((_, id),) = world.server.requests
    page = {"type": "history", "room": "#lobby", "events": [message(8, "tulip"), message(9, "tea")], "more": True}
    world.server.send({**page, "total": 3, "id": id})
    gone = {"type": "redacted", "room": "#lobby", "seq": 10, "from": "bob", "target": 8, "at": message(10)["at"]}
    world.server.send(gone, {**gone, "room": "#ops", "target": 9})
    (_, id) = world.server.requests[-1]
    world.server.send({"type": "history", "room": "#lobby", "events": [], "more": False, "total": 0, "id": id})
    world.lose()
    assert "tulip" not in world.streams.out
    assert "tea" in world.streams.out
