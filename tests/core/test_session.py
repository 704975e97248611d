"""One participant: what is told to whom, cursors in several rooms, and what is owed to a reader who is behind."""

import pytest
from stores import FailingStore, SlowStore
from twisted.internet.defer import Deferred
from world import Client, Logged, World

from chat.base import limits
from chat.store.memory import MemoryStore


def let_all(world: World, store: SlowStore) -> None:
    while store.commits or store.reads:
        if store.commits:
            store.let()
        if store.reads:
            store.let_read()
        world.turn()


def said(client: Client) -> list[str]:
    """What others said, with the room where it is named."""
    return [line for line in client.take() if "<" in line]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tails of five entries: whoever is further behind asks the store, three entries at a time."""
    monkeypatch.setattr(limits, "TAIL_EVENTS", 5)
    monkeypatch.setattr(limits, "PAGE_EVENTS", 3)


# What is told to whom.


def test_in_one_room_its_name_is_not_told_and_in_two_it_is(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    amy.take()
    bob.type("one")
    amy.type("/join #ops")
    bob.type("two", "/me three")
    amy.type("/leave #ops")
    bob.type("four")
    assert [line for line in amy.take() if "bob" in line] == [
        "<bob> one",
        "#lobby <bob> two",
        "#lobby * bob three",
        "<bob> four",
    ]


def test_programs_hear_of_one_who_left_several_rooms_with_one_fact_in_each(world: World) -> None:
    ann = world.enter("ann", "/join #ops", wire="json")
    world.enter("bob", "/join #ops", "/nick bo", "/quit bye")
    facts = [keys for keys in ann.take_objects() if keys["type"] in ("renamed", "left")]
    for verb in ("renamed", "left"):
        assert {keys["room"] for keys in facts if keys["type"] == verb} == {"#lobby", "#ops"}
        assert len({keys["fact"] for keys in facts if keys["type"] == verb}) == 1
    assert len(facts) == 4


def test_who_quits_is_told_in_a_small_room_at_once_though_a_large_one_gathers(world: World) -> None:
    ann, bob, *crowd = [world.enter(f"p{number}") for number in range(limits.GATHER_FROM + 1)]
    for client in (ann, bob):
        client.type("/join #ops")
    world.wait(100)
    crowd[0].type("/quit")
    world.take_all()
    bob.type("/quit")
    assert ann.take() == ["-!- p1 left (1 min)"]
    world.wait(100)
    assert ann.take() == ["-!- p2 and p1 left #lobby (12 here)"]


def test_who_speaks_in_a_large_room_is_announced_before(world: World) -> None:
    crowd = [world.enter(f"p{number}") for number in range(limits.GATHER_FROM)]
    world.take_all()
    newcomer = world.enter("newcomer")
    assert crowd[0].take() == []
    newcomer.type("hi")
    assert crowd[0].take() == ["-!- newcomer joined #lobby (14 here)", "<newcomer> hi"]


def test_who_sets_a_topic_in_a_large_room_is_announced_before(world: World) -> None:
    crowd = [world.enter(f"p{number}") for number in range(limits.GATHER_FROM)]
    world.take_all()
    world.enter("newcomer", "/topic tea")
    assert crowd[0].take() == [
        "-!- newcomer joined #lobby (14 here)",
        '-!- newcomer set the topic of #lobby: "tea"',
    ]


def test_who_takes_another_nickname_in_a_large_room_is_announced_before(world: World) -> None:
    crowd = [world.enter(f"p{number}") for number in range(limits.GATHER_FROM)]
    newcomer = world.enter("newcomer")
    world.take_all()
    newcomer.type("/nick amy")
    assert crowd[0].take() == ["-!- newcomer joined #lobby (14 here)", "-!- newcomer is now known as amy"]


def test_who_takes_the_nickname_of_one_who_left_a_large_room_is_announced_after_that(world: World) -> None:
    crowd = [world.enter(f"p{number}") for number in range(limits.GATHER_FROM)]
    crowd[1].type("/quit")
    world.take_all()
    crowd[2].type("/nick p1")
    assert crowd[0].take() == ["-!- p1 left #lobby (12 here)", "-!- p2 is now known as p1"]


# Readers who are behind.


@pytest.mark.usefixtures("short")
def test_one_who_is_behind_in_several_rooms_reads_them_in_turn(world: World) -> None:
    amy, bob = world.enter("amy", "/join #a", "/join #b"), world.enter("bob", "/join #a", "/join #b")
    world.take_all()
    amy.full()
    amy.socket.bufferSize = 10
    for number in range(20):
        bob.type(f"/msg #a a{number}", f"/msg #b b{number}")
    amy.drain()
    heard = said(amy)
    for room in "ab":
        assert [line for line in heard if line.startswith(f"#{room}")] == [
            f"#{room} <bob> {room}{number}" for number in range(20)
        ]
    first_half = heard[:20]
    assert {line[:2] for line in first_half} == {"#a", "#b"}


@pytest.mark.usefixtures("short")
def test_one_who_leaves_the_room_whose_history_is_being_read_goes_on_with_the_others() -> None:
    store = SlowStore()
    world = World(store)
    amy, bob = world.enter("amy", "/join #a", "/join #b"), world.enter("bob", "/join #a", "/join #b")
    world.take_all()
    amy.full()
    amy.socket.bufferSize = 10
    for number in range(20):
        bob.type(f"/msg #a a{number}", f"/msg #b b{number}")
    store.slow_to_read = True
    amy.drain()
    assert store.reads
    amy.type("/leave #a", "/leave #b")
    let_all(world, store)
    amy.take()
    bob.type("/msg #lobby hi")
    assert amy.take() == ["<bob> hi"]


@pytest.mark.usefixtures("short")
def test_nothing_is_shown_from_the_store_that_the_turn_has_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAGE_EVENTS", 100)
    store = SlowStore(written_early=True)
    world = World(store)
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.full()
    amy.socket.bufferSize = 10
    for number in range(20):
        bob.type(f"line {number}")
    store.slow = True
    bob.type("in flight")
    amy.drain()
    assert "<bob> in flight" not in amy.lines
    let_all(world, store)
    bob.type("after it")
    let_all(world, store)
    assert said(amy) == [*(f"<bob> line {number}" for number in range(20)), "<bob> in flight", "<bob> after it"]


def test_what_is_gone_is_told_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TAIL_EVENTS", 5)
    world = World(MemoryStore(events=10))
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.full()
    amy.socket.bufferSize = 10
    for number in range(30):
        bob.type(f"line {number}")
    amy.drain()
    assert amy.take() == [
        "<bob> line 0",
        "-- 19 lines of #lobby are gone --",
        *(f"<bob> line {number}" for number in range(20, 30)),
    ]


def test_a_store_that_holds_nothing_more_leaves_what_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TAIL_EVENTS", 5)
    world = World(MemoryStore(events=1))
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.full()
    amy.socket.bufferSize = 10
    for number in range(30):
        bob.type(f"line {number}")
    amy.drain()
    assert amy.take() == [
        "<bob> line 0",
        "-- 24 lines of #lobby are gone --",
        *(f"<bob> line {number}" for number in range(25, 30)),
    ]


@pytest.mark.usefixtures("short")
def test_what_the_store_cannot_read_is_told_as_gone_and_all_else_is_shown(logged: Logged) -> None:
    store = FailingStore()
    world = World(store)
    amy, bob, carl = world.enter("amy"), world.enter("bob"), world.enter("carl")
    world.take_all()
    amy.full()
    amy.socket.bufferSize = 10
    for number in range(20):
        bob.type(f"line {number}")
    store.reads_fail = True
    amy.drain()
    assert amy.take() == [
        "<bob> line 0",
        "-- 14 lines of #lobby are gone --",
        *(f"<bob> line {number}" for number in range(15, 20)),
    ]
    assert len(said(carl)) == 20
    logged.expect(OSError)


@pytest.mark.usefixtures("short")
def test_a_reader_who_switches_to_json_while_behind_misses_nothing(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.full()
    amy.socket.bufferSize = 10
    amy.send(b"/json\n")
    for number in range(20):
        bob.type(f"line {number}")
    amy.drain()
    plain = [line for line in amy.lines if line.startswith("<bob>")]
    json = [keys["text"] for keys in amy.take_objects() if keys["type"] == "message"]
    assert [line.removeprefix("<bob> ") for line in plain] + json == [f"line {number}" for number in range(20)]


# Coming in while the store is slow.


def test_what_is_said_while_the_history_is_read_comes_after_it() -> None:
    store = SlowStore()
    world = World(store)
    ann, bob = world.enter("ann", "before"), world.enter("bob")
    world.hub.lobby.log.forget()
    store.slow_to_read = True
    amy = world.connect("amy")
    bob.type("meanwhile")
    assert len(amy.take()) == 2
    let_all(world, store)
    lines = amy.take()
    assert lines.index("10:04 <ann> before") < lines.index("<bob> meanwhile")
    assert len([line for line in lines if "meanwhile" in line]) == 1
    ann.type("after")
    assert amy.take() == ["<ann> after"]


def test_who_hangs_up_while_coming_in_is_gone_without_a_trace_in_the_log() -> None:
    store = SlowStore()
    world = World(store)
    ann = world.enter("ann")
    world.hub.lobby.log.forget()
    store.slow_to_read = True
    amy = world.connect("amy")
    amy.close()
    bob = world.connect("bob")
    bob.cut()
    let_all(world, store)
    assert (amy.gone, bob.gone) == (True, True)
    ann.type("/ping")
    assert ann.lines[-1] == "-> pong"


def test_all_that_was_said_is_settled_when_it_is_stored() -> None:
    store = SlowStore()
    world = World(store)
    amy = world.enter("amy")
    store.slow = True
    saying = amy.session.posting
    settled: list[Deferred[None]] = [saying.settled()]
    amy.type("hi")
    settled.append(saying.settled())
    assert [done.called for done in settled] == [True, False]
    let_all(world, store)
    assert [done.called for done in settled] == [True, True]


def test_a_person_can_be_in_so_many_rooms(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROOMS_PER_PERSON", 3)
    amy = world.enter("amy", "/join #a", "/join #b")
    amy.type("/join #c")
    assert amy.take() == ["! too-many: You are in 3 rooms. /leave one of them first."]
    amy.type("/leave #a", "/join #c")
    assert "-> You speak in #c now." in amy.bytes.decode()
