"""The turn, as the people in a chat see it: nothing early, nothing lost, nothing shown when refused."""

from typing import NoReturn

import pytest
from returning import KeepingStore
from stores import FailingStore, SlowStore
from world import Client, Logged, World, broken

from chat.base import limits
from chat.core.batch import Change, OpenBatch
from chat.core.ports import Line, LineId, Record
from chat.log.events import Author, Message
from chat.log.log import Log
from chat.log.tail import Tails

AMY = Author("amy", "amy", "amy")


def numbers(client: Client) -> list[tuple[str, int]]:
    """The rooms and numbers of what a program heard, and of what it was acknowledged."""
    objects = client.take_objects()
    return [(keys["room"], keys["seq"]) for keys in objects if "seq" in keys]


def texts(client: Client) -> list[str]:
    return [line.partition("> ")[2] for line in client.take() if line.startswith("<")]


def let_all(world: World, store: SlowStore) -> None:
    while store.commits:
        store.let()
        world.turn()


def test_numbers_are_dense_in_each_room(world: World) -> None:
    reader = world.enter("ann", "/join #ops", wire="json")
    bob = world.enter("bob", "/join #ops")
    bob.type("one", "/msg #lobby two", "/me three", "/nick bo", "/topic four", "/leave", "five")
    world.enter("carl", "/quit")
    heard = numbers(reader)
    for room in ("#lobby", "#ops"):
        counted = [seq for name, seq in heard if name == room]
        assert counted == list(range(counted[0], counted[0] + len(counted)))
        assert len(counted) >= 5


def test_an_acknowledgement_has_the_number_that_others_see(world: World) -> None:
    ann, bob = world.enter("ann", wire="json"), world.enter("bob", wire="json")
    ann.take()
    bob.type("hi", id="c1")
    (ack,), (message,) = bob.take_objects(), ann.take_objects()
    assert ack == {"type": "ack", "id": "c1", "at": message["at"], "room": "#lobby", "seq": message["seq"]}


def test_a_burst_is_one_commit_and_one_write() -> None:
    store = SlowStore()
    world = World(store)
    ann, bob = world.enter("ann"), world.enter("bob")
    ann.take()
    store.slow = True
    for number in range(50):
        bob.send(f"line {number}\n".encode())
    world.turn()
    assert len(store.commits) == 1
    let_all(world, store)
    assert texts(ann) == [f"line {number}" for number in range(50)]


def test_one_batch_is_in_flight_while_the_next_gathers() -> None:
    store = SlowStore()
    world = World(store)
    ann, bob = world.enter("ann"), world.enter("bob")
    ann.take()
    store.slow = True
    for number in range(10):
        bob.type(f"line {number}")
    assert (len(store.commits), store.most_at_once) == (1, 1)
    store.let()
    world.turn()
    assert texts(ann) == ["line 0"]
    store.let()
    world.turn()
    assert texts(ann) == [f"line {number}" for number in range(1, 10)]
    assert not store.commits
    assert store.most_at_once == 1


def test_a_refused_batch_leaves_no_number_behind(world: World) -> None:
    store = FailingStore()
    world = World(store)
    ann = world.enter("ann", wire="json")
    bob = world.enter("bob", wire="json")
    ann.take()
    bob.type("one")
    store.failures = 1
    bob.type("two")
    bob.type("three")
    heard = numbers(ann)
    assert heard == [("#lobby", heard[0][1]), ("#lobby", heard[0][1] + 1)]


def test_the_authors_of_a_refused_batch_are_told_the_beginning_of_each_line() -> None:
    store = FailingStore()
    world = World(store)
    amy, bob = world.enter("amy"), world.enter("bob", wire="json")
    amy.take()
    store.failures = 1
    amy.send(b"a line that is a good deal longer than the forty characters which are told\nshort\n")
    bob.send(b'{"line": "/me waves", "id": "c1"}\n')
    world.turn()
    told = " ".join(line.removeprefix("! ") for line in amy.take())
    assert "not-stored: “a line that is a good deal longer than t” was not said: " in told
    assert "not-stored: “short” was not said: " in told
    assert "disk full" in told
    (error,) = bob.take_objects()
    assert (error["code"], error["id"]) == ("not-stored", "c1")
    assert "“waves”" in error["text"]


def test_a_store_that_raises_what_it_should_not_refuses_that_batch_only(logged: Logged) -> None:
    store = FailingStore()
    world = World(store)
    ann, bob = world.enter("ann"), world.enter("bob")
    ann.take()
    store.bug = ZeroDivisionError()
    bob.type("one")
    assert "not-stored" in bob.bytes.decode()
    bob.type("two")
    assert texts(ann) == ["two"]
    logged.expect(ZeroDivisionError)


def test_a_turn_that_fails_on_its_way_back_is_followed_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    ann, bob = world.enter("ann"), world.enter("bob")
    ann.take()
    with monkeypatch.context() as patched:
        patched.setattr("chat.core.latency.Latency.note", broken)
        bob.type("one")
    bob.type("two")
    assert texts(ann) == ["one", "two"]
    logged.expect(ZeroDivisionError)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_not_even_what_is_no_exception_stops_the_turns_of_all(
    kind: type[BaseException], world: World, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    ann, bob = world.enter("ann"), world.enter("bob")
    ann.take()

    def end(chunk: bytes) -> NoReturn:
        raise kind

    with monkeypatch.context() as patched:
        patched.setattr(ann.visit, "send", end)
        bob.type("one")
    bob.type("two")
    assert texts(ann) == ["two"]
    logged.expect(kind)


def test_a_disk_that_stays_broken_is_not_asked_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FailingStore()
    world = World(store)
    amy = world.enter("amy")
    asked: list[object] = []
    commit = store.commit

    def counted(batch: object) -> object:
        asked.append(batch)
        if len(asked) == 20:  # or this test would have no end, either
            store.failures = 0
        return commit(batch)

    monkeypatch.setattr(store, "commit", counted)
    store.failures = 10**6
    amy.type("/join #ops", "hi")
    world.wait(10)
    # What was asked for, and as one comes into a room, what would bring them back there.
    assert len(asked) == 2


def test_a_command_that_waits_for_the_store_is_answered_before_the_lines_after_it() -> None:
    store = SlowStore()
    world = World(store)
    amy = world.enter("amy")
    store.slow = True
    amy.type("/topic tea", "/ping")
    assert amy.lines == []
    let_all(world, store)
    assert amy.take() == ['-> Topic of #lobby: "tea"', "-> pong"]


def test_dates_never_go_back(world: World) -> None:
    ann, bob = world.enter("ann", wire="json"), world.enter("bob")
    world.wait(60)
    bob.type("one")
    world.clock.rightNow -= 50
    bob.type("two")
    one, two = (keys["at"] for keys in ann.take_objects() if keys["type"] == "message")
    assert one == two


def test_a_date_that_is_set_right_counts_from_then_on(world: World) -> None:
    """One line said while the clock stood years ahead is not to date all that follow."""
    ann, bob = world.enter("ann", wire="json"), world.enter("bob")
    world.wait(400 * 86400)
    bob.type("one")
    world.clock.rightNow -= 399 * 86400
    bob.type("two")
    one, two = (keys["at"] for keys in ann.take_objects() if keys["type"] == "message")
    assert (one[:4], two[:10]) == ("2027", "2026-11-23")


def test_authors_are_not_read_while_too_much_waits_for_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PENDING_EVENTS", 10)
    store = SlowStore()
    world = World(store)
    ann, amy, bob = world.enter("ann"), world.enter("amy"), world.enter("bob")
    ann.take()
    store.slow = True
    amy.type("the first")
    lines = [f"line {number}" for number in range(40)]
    amy.send("".join(f"a {line}\n" for line in lines).encode())
    bob.send("".join(f"b {line}\n" for line in lines).encode())
    world.turn()
    assert world.hub.turn.crowded
    bob.type("more")
    assert bob.socket.sent, "what bob sends now stays in the kernel"
    let_all(world, store)
    heard = texts(ann)
    assert [line for line in heard if line.startswith("a ")] == [f"a {line}" for line in lines]
    assert [line for line in heard if line.startswith("b ")] == [f"b {line}" for line in lines]
    assert heard[-1] == "more"


def test_one_who_leaves_while_the_store_hangs_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PENDING_EVENTS", 3)
    store = SlowStore()
    world = World(store)
    ann, amy, bob = world.enter("ann"), world.enter("amy"), world.enter("bob")
    ann.take()
    store.slow = True
    amy.type("one", "two", "three", "four", "five")
    bob.type("six")
    amy.cut()
    let_all(world, store)
    assert texts(ann) == ["one", "two", "three", "six"]
    bob.type("seven")
    let_all(world, store)
    assert texts(ann) == ["seven"]


@pytest.mark.parametrize(("name", "most"), [("PENDING_EVENTS", 2), ("PENDING_BYTES", 2 * limits.ENTRY_OVERHEAD)])
def test_what_is_taken_out_does_not_crowd(name: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, name, most)
    burst, log = OpenBatch(), Log("#lobby", "#lobby", Tails())
    first, second = (Line(LineId("amy", id), 0) for id in ("1", "2"))
    burst.add(Change([Message(AMY, "")], (log,), line=first))
    assert not burst.crowded
    burst.add(Change([Message(AMY, "")], (log,), line=second))
    assert burst.crowded
    burst.take_out(lambda change: change.line is first)
    assert not burst.crowded


def test_who_has_ended_is_told_what_became_of_the_last_of_several_turns() -> None:
    store = SlowStore()
    world = World(store)
    amy = world.enter("amy")
    store.slow = True
    amy.type("one")
    amy.type("two")
    amy.close()
    store.let()
    world.turn()
    assert not amy.ended
    store.refuse()
    world.turn()
    assert "“two” was not said" in amy.bytes.decode()


def test_a_bug_on_acknowledging_costs_that_author_the_connection_and_nobody_else_anything(
    world: World, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    ann, amy, bob = world.enter("ann"), world.enter("amy", wire="json"), world.enter("bob", wire="json")
    world.take_all()
    saying = amy.session.posting
    monkeypatch.setattr(type(saying), "stored", lambda self, *what: broken() if self is saying else None)
    amy.send(b'{"line": "one", "id": "1"}\n')
    bob.send(b'{"line": "two", "id": "2"}\n')
    world.turn()
    assert texts(ann) == ["one", "two"]
    assert (amy.gone, bob.gone) == (True, False)
    logged.expect(ZeroDivisionError)


def test_a_bug_on_refusing_costs_that_author_the_connection_and_nobody_else_anything(
    monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    store = FailingStore()
    world = World(store)
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    saying, refused = amy.session.posting, type(amy.session.posting).refused
    monkeypatch.setattr(
        type(saying), "refused", lambda self, *what: (broken if self is saying else refused)(self, *what)
    )
    store.failures = 1
    amy.send(b"one\n")
    bob.send(b"two\n")
    world.turn()
    assert "“two” was not said" in bob.bytes.decode()
    assert (amy.gone, bob.gone) == (True, False)
    bob.take()
    bob.type("/ping")
    assert bob.take() == ["-> pong"]
    logged.expect(ZeroDivisionError)


# Lines that come again.


def test_the_same_id_again_is_acknowledged_again_and_not_said_twice(world: World) -> None:
    ann, bob = world.enter("ann"), world.enter("bob", wire="json")
    ann.take()
    bob.type("hi", id="c1")
    world.wait(60)
    bob.type("hi", id="c1")
    first, second = bob.take_objects()
    assert first == second
    assert texts(ann) == ["hi"]


def test_the_same_id_twice_in_one_burst_is_said_once(world: World) -> None:
    ann, bob = world.enter("ann"), world.enter("bob", wire="json")
    ann.take()
    bob.send(b'{"line": "hi", "id": "c1"}\n{"line": "other"}\n{"line": "hi", "id": "c1"}\n')
    world.turn()
    first, second = bob.take_objects()
    assert first == second
    assert texts(ann) == ["hi", "other"]


@pytest.mark.parametrize("at_once", [True, False])
def test_an_id_that_comes_again_before_it_was_refused_is_refused_too(at_once: bool) -> None:
    store = SlowStore()
    world = World(store)
    ann, bob = world.enter("ann"), world.enter("bob", wire="json")
    world.take_all()
    store.slow = True
    bob.send(b'{"line": "hi", "id": "c1"}\n')
    if not at_once:
        world.turn()
    bob.type("hi", id="c1")
    store.refuse()
    world.turn()
    let_all(world, store)
    assert [(keys["type"], keys["id"]) for keys in bob.take_objects()] == [("error", "c1"), ("error", "c1")]
    assert texts(ann) == []


@pytest.mark.parametrize("again", [False, True])
def test_what_changes_twice_in_one_burst_is_stored_as_it_was_last(again: bool) -> None:
    store = KeepingStore()
    world = World(store)
    bob = world.enter("bob", wire="json")
    bob.type("hi", id="c1")
    bob.take()
    turn, log = world.hub.turn, world.hub.lobby.log
    turn.append_with(Record("kind", "one", "first"), log, Message(AMY, "first"))
    turn.append_with(Record("kind", "one", None))
    turn.append_with(Record("kind", "other", None))
    turn.append_with(Record("kind", "other", "last"), log, Message(AMY, "last"))
    if again:  # then nothing of it is stored at first
        bob.send(b'{"line": "hi", "id": "c1"}\n')
    world.turn()
    assert store.records["kind", "one"] == Record("kind", "one", None)
    assert store.records["kind", "other"] == Record("kind", "other", "last")
    assert len(bob.take_objects()) == 2 + again


def test_who_waits_for_a_record_beside_a_line_that_came_again_is_told_when_it_is_stored() -> None:
    store = KeepingStore()
    world = World(store)
    bob = world.enter("bob", wire="json")
    bob.type("hi", id="c1")
    stored: list[Record] = []
    bob.send(b'{"line": "hi", "id": "c1"}\n')
    done = world.hub.turn.change(Record("kind", "one", "value"))
    done.addCallback(lambda _: stored.append(store.records["kind", "one"]))
    world.turn()
    assert stored == [Record("kind", "one", "value")]


def test_private_talk_with_the_same_id_again_is_acknowledged_and_not_heard_twice(world: World) -> None:
    ann, bob = world.enter("ann", "/away lunch"), world.enter("bob", wire="json")
    ann.take()
    bob.type("/msg ann psst", id="c1")
    bob.type("/msg ann psst", id="c1")
    away, first, second = bob.take_objects()
    assert (away["type"], first) == ("reply", second)
    assert ann.take() == ["[bob -> you] psst"]


def test_an_id_is_its_persons_own(world: World) -> None:
    ann, amy, bob = world.enter("ann"), world.enter("amy", wire="json"), world.enter("bob", wire="json")
    ann.take()
    amy.type("one", id="c1")
    bob.type("two", id="c1")
    assert texts(ann) == ["one", "two"]


def test_an_id_that_was_refused_may_come_again() -> None:
    store = FailingStore()
    world = World(store)
    ann, bob = world.enter("ann"), world.enter("bob", wire="json")
    world.take_all()
    store.failures = 1
    bob.type("hi", id="c1")
    bob.type("hi", id="c1")
    assert [keys["type"] for keys in bob.take_objects()] == ["error", "ack"]
    assert texts(ann) == ["hi"]
