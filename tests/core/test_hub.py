"""Who has which nickname, and which rooms there are."""

from datetime import UTC, datetime
from typing import Any

import pytest
from alike import same
from hypothesis import given
from hypothesis import strategies as st
from returning import enter, resume
from stores import SlowStore
from world import Client, World

from chat.base import limits, names
from chat.base.errors import Refused
from chat.core.hub import Hub, Settings
from chat.core.ports import Kept, KeptLog
from chat.log.tail import size
from chat.store.memory import MemoryStore

NOW = datetime(2026, 11, 21, tzinfo=UTC)

# Nicknames.


def test_a_nickname_that_looks_like_ones_own_and_like_anothers_is_not_free(world: World) -> None:
    other, ivan = world.enter("lvan"), world.enter("ivan")
    ivan.type("/nick Ivan")
    assert "nick-alike" in ivan.bytes.decode()
    other.take()
    world.enter("amy", "/msg lvan psst")
    assert other.lines[-1] == "[amy -> you] psst"


LOOKALIKES = ["ivan", "Ivan", "lvan", "IVAN", "m", "rn", "emie", "ernie", "b0b", "bob", "BOB", "Amy", "amy"]


@given(
    st.lists(st.tuples(st.sampled_from(["take", "leave"]), st.integers(0, 3), st.sampled_from(LOOKALIKES)), max_size=30)
)
def test_whatever_people_call_themselves_no_two_look_alike(steps: list[tuple[str, int, str]]) -> None:
    world = World()
    hub = world.hub
    people = [world.connect() for _ in range(4)]
    called: dict[int, str] = {}
    for action, person, nick in steps:
        if action == "take":
            others = [name for other, name in called.items() if other != person]
            if not any(same(nick, name) for name in others):
                called[person] = nick
            people[person].type(f"/nick {nick}")
            world.wait(limits.NICK_PAUSE_SECONDS)
        elif called.pop(person, None):
            people[person].type("/quit")
            people[person] = world.connect()
        assert {person.author.nick for person in hub.people.values()} == set(called.values())
        for name in called.values():
            assert hub.find(name).author.nick == name
    for nick in LOOKALIKES:
        if not any(names.fold(nick) == names.fold(name) for name in called.values()):
            with pytest.raises(Refused):
                hub.find(nick)


# Rooms.


def test_a_room_is_one_whatever_its_spelling(world: World) -> None:
    amy, bob = world.enter("amy", "/join #Ops"), world.enter("bob", "/join #ops")
    assert amy.take()[-1].endswith("bob joined #Ops (2 here)")
    bob.type("hi")
    assert amy.take() == ["#Ops <bob> hi"]


def test_a_room_that_an_older_program_folded_in_another_way_is_found(world: World) -> None:
    older = KeptLog("#o\u02bcbrien", "#O\u02bcBrien", 3)
    hub = Hub(world.clock, lambda: NOW, MemoryStore(), str, Settings("pi"), Kept([older], []))
    for name in ("#o'brien", "#O\u02bcBRIEN"):
        assert hub.rooms.find(name, ()) is hub.rooms.make(name)
        assert hub.rooms.make(name).log.key == older.key
        assert not hub.rooms.is_new(name)


def test_an_empty_room_keeps_its_numbers(world: World) -> None:
    ann = world.enter("ann", "/join #ops", "hi", "/leave #ops", wire="json")
    ann.type("/join #ops", "ho", id="c1")
    assert [keys["seq"] for keys in ann.objects if keys["type"] == "ack" and "seq" in keys] == [5]


def forgotten(monkeypatch: pytest.MonkeyPatch, world: World, most: int = 3) -> Client:
    """Bob, after a room of amy's with talk and a topic had to make place for others, if there may not be more."""
    monkeypatch.setattr(limits, "ROOMS", most)
    bob = world.enter("bob", wire="json")
    world.enter("amy", "/join #ops", "/topic tea", "hi", "/leave #ops", "/join #a", "/join #b")
    assert ("#ops" in world.hub.rooms) == (most > 3)
    bob.take()
    return bob


def test_a_room_that_was_forgotten_is_there_again_when_somebody_asks_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = forgotten(monkeypatch, world)
    monkeypatch.setattr(limits, "ROOMS", 4)
    bob.type("/topic #ops", "/post", "/topic #nope")
    assert [what["code"] for what in bob.take_objects()] == ["not-in-room", "usage", "no-room"]
    bob.type("/join #OPS", "/last", id="c1")
    answers = {what.get("command") or what["type"]: what for what in bob.take_objects()}
    assert (answers["join"]["room"], answers["join"]["topic"], answers["join"]["here"]) == ("#ops", "tea", 1)
    assert [event["text"] for event in answers["history"]["events"]] == ["hi"]
    bob.type("ho", room="#ops", id="c2")
    (ack,) = bob.take_objects()
    # amy came, set the topic, spoke and left; bob came.
    assert ack["seq"] == 6


LINES_ABOUT_A_ROOM = [
    *(
        "/topic #ops",
        "/topic #ops coffee",
        "/who #OPS",
        "/who ops",
        "/leave #ops",
        "/leave ops",
        "/last #ops",
        "/last 5 #ops",
    ),
    *("/since #ops 1h", "/missed #ops", "/grep #ops hi", "/msg #ops hi", "/join ops", "/topic #nope", "/who nope"),
    *("/topic #o\u200bps", "/who @ben"),
]


@pytest.mark.parametrize("keys", [{}, {"room": "#ops"}, {"room": "ops"}, {"room": "#nope"}, {"room": "@ben"}])
def test_a_room_that_was_forgotten_is_as_one_that_was_not(
    keys: dict[str, str], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in [*LINES_ABOUT_A_ROOM, "/topic", "/me waves", "hi"]:
        answers = []
        for most in (3, 1000):
            world = World()
            bob = forgotten(monkeypatch, world, most)
            monkeypatch.setattr(limits, "ROOMS", 4)
            bob.type(line, id="c1", **keys)
            answers.append(bob.take_objects())
        assert answers[0] == answers[1], line


def test_a_line_about_a_room_that_was_forgotten_is_looked_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = forgotten(monkeypatch, world)
    monkeypatch.setattr(limits, "ROOMS", 4)
    guesses: list[object] = []
    guess = world.hub.guesses.guess

    async def counted(*what: Any) -> Any:
        guesses.append(what)
        return await guess(*what)

    monkeypatch.setattr(world.hub.guesses, "guess", counted)
    bob.type("/topic #ops the code was K7F2Q-X9M4T", id="c1")
    assert [what["code"] for what in bob.take_objects()] == ["not-in-room"]
    assert len(guesses) == 1


def test_two_who_ask_for_a_room_at_once_meet_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SlowStore()
    world = World(store)
    bob = forgotten(monkeypatch, world)
    carl = world.enter("carl", wire="json")
    monkeypatch.setattr(limits, "ROOMS", 4)
    store.slow_to_look_up = True
    bob.type("/join #ops")
    carl.type("/join #ops")
    while store.reads:
        store.let_read()
        world.turn()
    assert sorted(world.hub.rooms["#ops"].users) == ["bob", "carl"]
    assert world.hub.rooms["#ops"].log.head == 6


def test_what_was_said_last_in_a_room_that_is_forgotten_keeps_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SlowStore()
    world = World(store)
    monkeypatch.setattr(limits, "ROOMS", 3)
    amy = world.enter("amy", "/join #ops", "/join #a", wire="json")
    store.slow = True
    amy.type("/leave #ops")
    world.hub.rooms.make("#b")
    assert "#ops" not in world.hub.rooms
    world.turn()
    monkeypatch.setattr(limits, "ROOMS", 4)
    bob = world.connect("/nick bob", wire="json")
    bob.type("/join #ops")
    while store.commits:
        store.let()
        world.turn()
    assert world.hub.rooms["#ops"].log.head == 3


def test_who_comes_back_finds_rooms_that_were_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    amy, code = enter(world, "amy", wire="json")
    amy.type("/join #ops", "hi")
    amy.cut()
    world.wait(limits.GRACE_SECONDS + 1)
    monkeypatch.setattr(limits, "ROOMS", 2)
    world.enter("bob", "/join #a")
    assert "#ops" not in world.hub.rooms
    monkeypatch.setattr(limits, "ROOMS", 3)
    welcome = resume(world, code, wire="json").objects[0]
    assert sorted(welcome["rooms"]) == ["#lobby", "#ops"]
    assert world.hub.rooms["#ops"].users == ["amy"]


def test_there_are_only_so_many_rooms(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROOMS", 3)
    amy = world.enter("amy", "/join #a", "/join #b")
    amy.type("/join #c", "/join #a")
    assert amy.take()[0].startswith("! too-many: ")


HELD = "! too-many: Your address keeps 3 rooms open already. Leave one, or join one"


def test_one_address_holds_only_so_many_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROOMS_PER_HOST", 3)  # the lobby is the first
    world = World(max_per_host=200)
    amy, bob = (world.connect(f"/nick {nick}", host="192.0.2.1") for nick in ("amy", "bob"))
    carl = world.connect("/nick carl", host="192.0.2.2")
    amy.type("/join #a")
    bob.type("/join #b")
    carl.type("/join #c", "/join #a")
    for client in (amy, bob):
        client.take()
        client.type("/join #d")
        assert client.take()[0].startswith(HELD)
        client.type("/join #c")  # carl is there
        assert client.take()[-2].startswith("-> You speak in #c now.")
    assert "#d" not in world.hub.rooms
    # Who came second keeps a room open, and it is still of whoever opened it.
    amy.type("/leave #a", "/join #d")
    assert HELD in amy.lines[-2]
    carl.type("/leave #a")
    amy.take()
    amy.type("/join #d")
    assert amy.take()[-2].startswith("-> You speak in #d now.")


@pytest.mark.parametrize("end", ["/quit", "grace"])
def test_who_has_left_holds_no_room(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROOMS_PER_HOST", 2)
    world = World(max_per_host=200)
    amy, bob = (world.connect(f"/nick {nick}", "/join #a") for nick in ("amy", "bob"))
    for client in (amy, bob):
        if end == "/quit":
            client.type(end)
        else:
            client.cut()
            world.wait(1)
    carl = world.connect("/nick carl", "/join #b")
    assert any(line.startswith("! too-many") for line in carl.take()) == (end == "grace")
    world.wait(limits.GRACE_SECONDS + 1)
    carl.type("/join #b")
    assert "! too-many" not in "".join(carl.take())


def test_who_comes_back_holds_no_more_rooms_than_their_address_may(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(max_per_host=200)
    amy, code = enter(world, "amy", wire="json")
    amy.type("/join #a", "/join #b", "/join #c")
    bob = world.connect("/nick bob", "/join #c")
    amy.cut()
    world.wait(limits.GRACE_SECONDS + 1)
    monkeypatch.setattr(limits, "ROOMS_PER_HOST", 3)  # the lobby, #c which bob keeps open, and one more
    bob.take()
    welcome, problem = [
        what for what in resume(world, code, wire="json").objects if what["type"] in ("welcome", "error")
    ]
    assert sorted(welcome["rooms"]) == ["#a", "#c", "#lobby"]
    assert (problem["code"], "#b" in problem["text"], "id" in problem) == ("too-many", True, False)
    assert "#b" not in bob.bytes.decode()
    assert not world.hub.rooms["#b"].members


def test_an_operator_who_sets_no_limit_for_addresses_has_none_for_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROOMS_PER_HOST", 1)
    amy = World(max_per_host=0).enter("amy", "/join #a")
    amy.type("/join #b")
    assert amy.take()[0].startswith("-> You speak in #b now.")


def test_the_private_talk_of_who_is_gone_for_good_is_not_kept_in_memory(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    amy.type("/msg bob hi")
    of_amy, of_bob = amy.session.person.log, bob.session.person.log
    assert len(of_amy.oldest()) == len(of_bob.oldest()) == 1
    amy.type("/quit")
    bob.cut()
    world.wait(limits.GRACE_SECONDS + 1)
    assert (len(of_amy.oldest()), len(of_bob.oldest())) == (0, 1)
    world.wait(limits.CODE_SECONDS + 1)
    world.enter("carl").cut()
    world.wait(limits.GRACE_SECONDS + 1)
    assert of_bob.oldest() == []
    assert len(world.hub._tails) == 1
    assert world.hub._tails.used == sum(map(size, world.hub.lobby.log.oldest()))
