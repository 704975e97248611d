"""From where on somebody may read: whatever a client claims to have seen, never from before they came."""

import pytest
from returning import KeepingStore, enter, restarted, resume
from world import Client, World

from chat.base import limits

ROOM = "#coffee"


@pytest.fixture
def world() -> World:
    return World(unrecorded=[ROOM])


def told(client: Client) -> list[str]:
    """What they were given of what others did, as words."""
    kinds = ("message", "action", "joined", "left", "topic", "renamed")
    return [keys.get("text") or keys["type"] for keys in client.take_objects() if keys["type"] in kinds]


def missed(client: Client) -> list[tuple[str, int]]:
    return [(keys["room"], keys["count"]) for keys in client.objects if keys["type"] == "missed"]


def program(world: World, nick: str, *lines: str) -> tuple[Client, str]:
    client, code = enter(world, nick, wire="json")
    client.type(*lines)
    client.take()
    return client, code


@pytest.mark.parametrize("seen", [0, 1, 2])
def test_what_an_unrecorded_room_said_before_one_came_is_not_brought_by_a_claim(world: World, seen: int) -> None:
    amy, _ = enter(world, "amy")
    amy.type(f"/join {ROOM}", "between us", "/me whispers", "/topic tulips")
    eve, code = program(world, "eve", f"/join {ROOM}")
    amy.type("hello eve")
    eve.cut()
    amy.type("are you there?")
    back = resume(world, code, wire="json", seen={ROOM: seen})
    assert [text for text in told(back) if text != "joined"] == [
        "hello eve",
        "are you there?",
    ]


def test_who_left_and_came_again_between_does_not_get_what_was_said_while_they_were_out(
    world: World,
) -> None:
    amy, _ = enter(world, "amy")
    amy.type(f"/join {ROOM}", "first")
    eve, code = program(world, "eve", f"/join {ROOM}", f"/leave {ROOM}")
    amy.type("eve is gone")
    eve.type(f"/join {ROOM}")
    amy.type("hello again")
    eve.cut()
    back = resume(world, code, wire="json", seen={ROOM: 0})
    assert [text for text in told(back) if text not in ("joined", "left")] == ["hello again"]


def test_a_recorded_room_brings_no_coming_and_going_of_before_one_came(
    world: World,
) -> None:
    amy, _ = enter(world, "amy")
    bob, _ = enter(world, "bob")
    bob.type("/quit my new number is 555 0199")
    eve, code = program(world, "eve")
    eve.cut()
    amy.type("hello")
    back = resume(world, code, wire="json", seen={"#lobby": 0})
    assert told(back) == ["hello"]


def test_an_unrecorded_room_forgets_when_its_last_member_leaves(world: World) -> None:
    amy, _ = enter(world, "amy")
    amy.type(f"/join {ROOM}", "between us")
    log = world.hub.rooms["#coffee"].log
    assert len(log.oldest()) > 1
    amy.type(f"/leave {ROOM}")
    assert [type(entry.fact).__name__ for entry in log.oldest()] == ["Left"]
    enter(world, "eve")[0].type(f"/join {ROOM}")
    assert [type(entry.fact).__name__ for entry in log.oldest()] == ["Joined"]


def test_whose_line_is_down_is_a_member_and_the_room_does_not_forget(
    world: World,
) -> None:
    amy, _ = enter(world, "amy")
    amy.type(f"/join {ROOM}")
    bob, code = program(world, "bob", f"/join {ROOM}")
    bob.cut()
    amy.type("for bob", f"/leave {ROOM}")
    back = resume(world, code, wire="json")
    assert "for bob" in told(back)


def test_who_did_not_come_back_in_time_has_left_an_unrecorded_room_and_is_told_what_is_gone(
    world: World,
) -> None:
    amy, _ = enter(world, "amy")
    amy.type(f"/join {ROOM}")
    bob, code = program(world, "bob", f"/join {ROOM}")
    bob.cut()
    world.wait(limits.GRACE_SECONDS + 1)
    amy.type("bob has left")
    before = world.hub.rooms["#coffee"].log.head
    back = resume(world, code, wire="json", seen={ROOM: before - 2})
    assert missed(back) == [(ROOM, 2)]
    assert "bob has left" not in back.bytes.decode()
    back.take()
    amy.type("welcome back")
    assert told(back) == ["welcome back"]


def test_people_are_told_what_is_gone_inside_their_frame(world: World) -> None:
    amy, _ = enter(world, "amy")
    amy.type(f"/join {ROOM}")
    bob, code = enter(world, "bob")
    bob.type(f"/join {ROOM}")
    bob.cut()
    world.wait(limits.GRACE_SECONDS + 1)
    amy.type("bob has left")
    back = resume(world, code)
    lines = back.take()
    frame = lines[[line.startswith("-- since") for line in lines].index(True) :]
    assert any(line.startswith("-- ") and "of #coffee" in line and "gone" in line for line in frame), lines
    assert "bob has left" not in "\n".join(lines)


def test_the_place_survives_a_restart() -> None:
    store = KeepingStore()
    world = World(store)
    bob, _ = enter(world, "bob")
    bob.type("/quit goodbye for ever")
    amy, _ = enter(world, "amy")
    code = program(world, "eve")[1]
    amy.type("one")
    world = restarted(world, store)
    back = resume(world, code, wire="json", seen={"#lobby": 0})
    assert told(back) == ["one"]


def test_of_a_room_for_which_there_is_no_place_any_more_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    bob, code = program(world, "bob", "/join #one", "/join #two")
    bob.cut()
    world.wait(limits.GRACE_SECONDS + 1)
    monkeypatch.setattr(limits, "ROOMS", 2)
    world.enter("amy", "/join #three")
    session = resume(world, code, wire="json").session
    assert "#one" not in session.person.rooms
    assert session.person.joined.keys() == session.person.rooms.keys()
    assert "#one" not in session.subscriptions.given.keys() | session.person.read.keys()


def test_a_room_that_was_closed_meanwhile_is_the_same_room_for_who_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "ROOMS", 2)
    world = World()
    amy, _ = enter(world, "amy")
    bob, code = program(world, "bob", "/join #one")
    bob.cut()
    world.wait(limits.GRACE_SECONDS + 1)
    amy.type("/join #two")
    amy.type("/leave #two")
    resume(world, code, wire="json")
    amy.type("/join #one", "found you")
    assert world.hub.rooms["#one"].users == ["bob", "amy"]
