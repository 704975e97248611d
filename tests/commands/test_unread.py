"""What somebody has not read: told on coming in and to rooms, shown by /missed, and what calls them by /mentions."""

import pytest
from returning import KeepingStore, code_of, resume
from stores import FailingStore, SlowStore
from twisted.internet.defer import Deferred, fail
from world import Client, World

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say
from chat.log.unread import Unread


@pytest.fixture
def bob(world: World) -> Client:
    return world.enter("bob")


@pytest.fixture
def amy(world: World, bob: Client) -> Client:
    return world.enter("amy", wire="json")


def standing(client: Client, room: str = "#lobby") -> dict:
    """What the last welcome told of a log."""
    *_, welcome = (keys for keys in client.objects if keys["type"] == "welcome")
    keys = welcome["private"] if room == "@" else welcome["rooms"][room]
    return {key: keys[key] for key in ("read", "unread", "mentions", "last")}


def test_who_is_new_has_nothing_to_read(world: World, bob: Client) -> None:
    bob.type("hello", "amy?")
    amy = world.connect("/nick amy", wire="json")
    assert standing(amy) == {"read": 3, "unread": 0, "mentions": 0, "last": 3}
    assert standing(amy, "@") == {"read": 0, "unread": 0, "mentions": 0, "last": 0}


def test_another_device_is_told_what_nobody_read(world: World, amy: Client, bob: Client) -> None:
    bob.type("one", "AMY, look", "dreamy", "/me waves at amy", "/msg amy psst")
    amy.type("mine")
    amy.type("/msg bob yes?")
    phone = world.device(amy, "json")
    assert standing(phone) == {"read": 1, "unread": 4, "mentions": 2, "last": 7}
    assert standing(phone, "@") == {"read": 0, "unread": 1, "mentions": 1, "last": 2}


def test_what_one_device_read_is_not_new_on_the_others(world: World, amy: Client, bob: Client) -> None:
    code = code_of(phone := world.device(amy, "json"))
    bob.type("one", "amy", "three", "/msg amy psst")
    phone.cut()
    amy.take()
    amy.type("", read={"#lobby": 4, "@": 1})
    phone = resume(world, code, "json", seen={"#lobby": 1})
    assert standing(phone) == {"read": 4, "unread": 1, "mentions": 0, "last": 5}
    assert standing(phone, "@") == {"read": 1, "unread": 0, "mentions": 0, "last": 1}


def test_whom_one_ignores_says_nothing_new(world: World, amy: Client, bob: Client) -> None:
    amy.type("/ignore bob")
    bob.type("amy?")
    assert standing(world.device(amy, "json"))["unread"] == 0


@pytest.mark.parametrize("unrecorded", [(), ("#ops",)])
def test_far_behind_is_counted_as_well(unrecorded: tuple[str, ...]) -> None:
    world = World(unrecorded=unrecorded)
    bob, amy = world.enter("bob", "/join #ops"), world.enter("amy", "/join #ops", wire="json")
    lines = limits.UNREAD_HELD + 20
    bob.type(*(f"{number} amy" if number % 10 == 0 else f"{number}" for number in range(lines)))
    assert standing(world.device(amy, "json"), "#ops") == {"read": 1, "unread": 120, "mentions": 12, "last": 122}


def test_the_store_is_asked_only_where_much_is_new_and_that_has_its_price(
    amy: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = amy.world
    asked: list[object] = []
    unread = world.store.unread
    monkeypatch.setattr(world.store, "unread", lambda *which: asked.append(which) or unread(*which))
    spent: list[float] = []
    monkeypatch.setattr("chat.visit.visit.Visit.spend", lambda _, price: spent.append(price))
    bob.type("few")
    world.device(amy, "json")
    assert not asked
    assert limits.PRICE_QUERY + limits.PRICE_UNREAD not in spent
    bob.type(*["more"] * limits.UNREAD_HELD)
    world.device(amy, "json")
    assert len(asked) == 1
    assert limits.PRICE_QUERY + limits.PRICE_UNREAD in spent


def test_where_it_cannot_be_counted_one_comes_in_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(store := FailingStore())
    bob, amy = world.enter("bob"), world.enter("amy", wire="json")
    bob.type(*["more"] * (limits.UNREAD_HELD + 1))
    monkeypatch.setattr(store, "unread", lambda *_: fail(Refused("internal", say("That cannot be read now."))))
    phone = world.device(amy, "json")
    assert standing(phone) == {"read": 1, "unread": None, "mentions": None, "last": 103}
    assert len([keys for keys in phone.objects if keys["type"] == "message"]) == limits.UNREAD_HELD + 1


def test_who_is_cut_off_while_it_is_counted_is_welcomed_when_they_are_back(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(store := KeepingStore())
    bob, amy = world.enter("bob"), world.connect("/nick amy", wire="json")
    code = code_of(amy)
    bob.type(*["more"] * (limits.UNREAD_HELD + 1))
    amy.cut()
    count, waiting = store.unread, Deferred()
    monkeypatch.setattr(store, "unread", lambda *_: waiting)
    lost = resume(world, code, "json")
    assert not [keys for keys in lost.objects if keys["type"] in ("welcome", "message")]
    lost.cut()
    monkeypatch.setattr(store, "unread", count)
    back = resume(world, code, "json")
    waiting.callback({})
    world.turn()
    kinds = [keys["type"] for keys in back.objects if keys["type"] in ("welcome", "message")]
    assert kinds == ["welcome", *["message"] * (limits.UNREAD_HELD + 1)]


def test_who_goes_back_to_a_room_is_told_what_is_new_there(world: World, bob: Client) -> None:
    carl = world.enter("carl", "/join #ops", "/join #lobby")
    bob.type("/join #ops", "carl?", "two")
    world.wait(2)
    carl.take()
    carl.type("/join #ops")
    assert carl.take()[1] == "-> 2 lines since you last read here, 1 of them to you."
    carl.session.mark_seen()
    carl.type("/join #lobby", "/join #ops")
    assert not [line for line in carl.take() if "last read" in line]


def test_a_program_is_told_the_same_of_a_room_that_it_joins(world: World, amy: Client, bob: Client) -> None:
    bob.type("hi amy")
    amy.take()
    amy.type("/join #lobby")
    (reply,) = (keys for keys in amy.objects if keys["type"] == "reply")
    assert {key: reply[key] for key in ("read", "unread", "mentions", "last")} == {
        "read": 1, "unread": 1, "mentions": 1, "last": 3,
    }  # fmt: skip


def test_a_marker_that_moves_while_one_comes_back_is_told_behind_the_welcome(
    world: World, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    amy = world.enter("amy", wire="json")
    code = code_of(phone := world.device(amy, "json"))
    bob.type(*["more"] * (limits.UNREAD_HELD + 1))
    phone.cut()
    waiting = Deferred()
    monkeypatch.setattr(world.store, "unread", lambda *_: waiting)
    back = resume(world, code, "json")
    amy.type("", read={"#lobby": 3})
    waiting.callback({"#lobby": Unread(101, 0)})
    world.turn()
    told = [keys for keys in back.objects if keys["type"] in ("welcome", "read")]
    assert [keys["type"] for keys in told] == ["welcome", "read"]
    assert (told[0]["rooms"]["#lobby"]["read"], told[1]["seq"]) == (1, 3)


def test_the_other_devices_are_told_of_a_marker_when_it_is_stored(world: World) -> None:
    world = World(store := SlowStore())
    bob, amy = world.enter("bob"), world.enter("amy", wire="json")
    phone = world.device(amy, "json")
    bob.type("one")
    phone.take()
    store.slow = True
    bob.type("two")
    amy.type("", read={"#lobby": 3})
    store.let()
    world.turn()
    assert [keys["type"] for keys in phone.take_objects()] == ["message"]
    store.let()
    world.turn()
    assert [(keys["type"], keys["seq"]) for keys in phone.take_objects()] == [("read", 3)]


# /missed


def histories(client: Client) -> list[tuple[str | None, list[str]]]:
    return [
        (keys["room"], [event["text"] for event in keys["events"]])
        for keys in client.take_objects()
        if keys["type"] == "history"
    ]


def test_what_one_missed_is_since_one_read_and_begins_with_what_is_for_one(
    world: World, amy: Client, bob: Client
) -> None:
    bob.type("one", "amy!", "three")
    world.wait(1)
    bob.type("/msg amy psst")
    amy.type("", read={"#lobby": 3})
    amy.take()
    amy.type("/missed", id="1")
    assert histories(amy) == [(None, ["amy!", "psst"]), ("#lobby", ["amy!", "three"])]
    amy.type("", read={"#lobby": 5, "@": 1})
    amy.type("/missed", id="2")
    assert histories(amy) == [("#lobby", [])]


def test_on_a_wire_of_people_it_is_since_one_spoke_in_the_room_that_one_sees(world: World, bob: Client) -> None:
    carl = world.enter("carl", "/join #ops", "/join #lobby")
    bob.type("before")
    carl.type("here")
    world.wait(1)
    bob.type("/join #ops", "carl, look", "/join #lobby", "behind")
    carl.take()
    carl.type("/missed")
    assert [line for line in carl.take() if not line.startswith("-- now")] == [
        "-- 1 line to you, times UTC --",
        "10:04 #ops <bob> carl, look",
        "-- #lobby since you last spoke, times UTC --",
        "10:04 <bob> behind",
    ]
    carl.type("/missed #ops")
    assert "-- #ops since you last read, times UTC --" in carl.take()


# /mentions


def test_mentions_are_what_others_said_to_one_anywhere(world: World, amy: Client, bob: Client) -> None:
    amy.type("/join #ops", "amy is here")
    for line in ("/join #ops", "amy?", "/join #lobby", "Amy!", "dreamy", "/msg amy psst"):
        bob.type(line)
        world.wait(1)
    amy.take()
    amy.type("/mentions", id="1")
    assert histories(amy) == [(None, ["amy?", "Amy!", "psst"])]
    amy.type("/mentions #ops", id="2")
    assert histories(amy) == [("#ops", ["amy?"])]
    amy.type("/mentions bob", id="3")
    assert histories(amy) == [(None, ["amy?", "Amy!", "psst"])]
    amy.type("/mentions", room="#lobby", id="4")
    assert histories(amy) == [("#lobby", ["Amy!"])]
    amy.type("/mentions carl", id="5")
    assert [keys["code"] for keys in amy.objects if keys["type"] == "error"] == ["not-here"]


def test_nobody_is_shown_a_mention_that_they_may_not_read(world: World, amy: Client, bob: Client) -> None:
    bob.type("/join #ops", "amy is not here", "/join #lobby")
    amy.take()
    amy.type("/mentions", id="1")
    assert histories(amy) == [(None, [])]
    amy.type("/mentions #ops", id="2")
    assert [keys["code"] for keys in amy.objects if keys["type"] == "error"] == ["not-in-room"]
