"""All that somebody said, for them; and somebody who is forgotten, of whom nothing is left."""

import dataclasses
import json

import pytest
from returning import KeepingStore, restarted
from stores import SlowStore
from test_account import register
from test_roles import founded
from test_staff import boss
from world import Client, World

from chat.base import limits
from chat.log.forgetting import Forgotten


def exported(client: Client) -> list[tuple[str, str]]:
    """The rooms and texts that a program was given as history."""
    pages = [keys for keys in client.take_objects() if keys["type"] == "history" and keys["room"] is None]
    return [(event["room"], event["text"]) for page in pages for event in page["events"]]


def answers(client: Client) -> list[str]:
    """What whoever runs the server was answered, as text."""
    return [
        keys.get("code", "") + ("! " if "code" in keys else "") + keys["text"]
        for keys in client.take_objects()
        if "text" in keys
    ]


def test_one_has_all_that_one_said_and_nothing_of_others(world: World) -> None:
    amy, bob = world.enter("amy", wire="json"), world.enter("bob")
    amy.type("one", "/join #ops", "/me waves", "/msg bob psst", "/leave #ops", "two")
    bob.type("hello", "/msg amy hi")
    amy.take()
    amy.type("/export", id="c1")
    told = list(amy.objects)
    assert sorted(exported(amy)) == [("#lobby", "one"), ("#lobby", "two"), ("#ops", "waves"), ("@bob", "psst")]
    assert [(keys["type"], keys.get("lines")) for keys in told[-2:]] == [("reply", 4), ("ack", None)]


def test_people_have_it_as_lines(world: World) -> None:
    amy = world.enter("amy", "one", "/msg amy note")
    amy.type("/export")
    assert [line for line in amy.lines if line[:2] == "10"] == ["10:04 #lobby <amy> one", "10:04 [you -> amy] note"]
    assert amy.lines[-1] == "-> 2 lines; that is all."


def test_it_comes_when_what_came_before_was_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HISTORY_AT_ONCE", 5)
    amy = world.enter("amy", *(f"line {number}" for number in range(200)), wire="json")
    amy.socket.bufferSize = 1000
    amy.full(500)
    amy.type("/export")
    world.wait(10, 0.1)
    assert len(amy.socket.dataBuffer) < 20_000
    amy.drain()
    world.wait(10, 0.1)
    assert len(exported(amy)) == 200


def test_an_operator_exports_what_they_may_read(world: World) -> None:
    staff, amy, bob = boss(world), founded(world, "#secret"), world.enter("bob")
    amy.type("/private on", "between us", "/msg bob psst", "/join #lobby", "hello")
    staff.take()
    staff.type("/admin export amy")
    said = [line.split("> ", 1)[1] for line in staff.take() if "<amy>" in line or "amy ->" in line]
    assert said == ["hello"]
    staff.type("/admin export #secret")
    assert staff.take() == ["! no-room: There is no room #secret. /join #secret makes it."]
    operator = world.operator("/admin export amy", "/admin export #secret")
    text = operator.bytes.decode()
    assert ("psst" in text, text.count("between us")) == (True, 2)
    assert bob.session.named


def test_who_asks_for_it_again_and_again_waits() -> None:
    amy = World(rate=10).enter("amy")
    for _ in range(limits.EXPORTS + 1):
        amy.type("/export")
        amy.world.wait(2)
    assert any(line.startswith("! slow-down: That was often: /export") for line in amy.lines)


# Somebody is forgotten.


def test_it_is_to_be_said_twice(world: World) -> None:
    amy = world.enter("amy", "tulip")
    operator = world.operator("/admin forget amy", "/admin forget amy bob")
    assert [line[:6] for line in answers(operator)] == ["usage!", "usage!"]
    amy.type("/last 1")
    assert "10:04 <amy> tulip" in amy.take()


def test_nothing_of_somebody_is_left_anywhere() -> None:
    store = KeepingStore()
    world = World(store)
    amy = register(world, "amyzanzibar")
    bob, carl = world.enter("bob"), world.enter("carl", wire="json")
    amy.type("tulipone", "/join #ops", "/topic tuliptwo", "/msg bob tulipthree", "/nick dorazanzibar", "tulipfour")
    bob.type("/msg dorazanzibar a line of bob's", "/ignore dorazanzibar", "/report dorazanzibar spam", "hello zed")
    carl.type("/join #ops")
    world.take_all()
    operator = world.operator("/admin forget dorazanzibar dorazanzibar")
    assert answers(operator)[0].startswith("dorazanzibar is forgotten: 3 lines say nothing any more.")
    assert amy.take()[-1].startswith("! taken-over: Whoever runs the server has you forgotten here.")
    assert amy.ended
    held = json.dumps([dataclasses.asdict(e.fact) for log in store._logs.values() for e in log], default=str)
    held += json.dumps(
        [[key, value] for key, value in store.remembered.people.items() if value is not None], default=str
    )
    held += json.dumps([value for value in store.remembered.sessions.values() if value is not None], default=str)
    held += str([record for record in store.records.values() if record.value is not None])
    for word in ("zanzibar", "tulip"):
        assert word not in held
    assert "a line of bob's" in held
    targets = [keys.get("targets") or [keys["target"]] for keys in carl.take_objects() if keys["type"] == "redacted"]
    assert len(targets) == 2
    bob.type("/last 20", "/last #ops 20", "/grep tulip", "/missed", "/ignore", "/topic #ops", "/who")
    assert not any("zanzibar" in line or "tulip" in line.replace("with tulip", "") for line in bob.take())
    after = restarted(world, store)
    late = after.enter("late", "/join #ops")
    late.type("/last 20", "/topic")
    assert "zanzibar" not in late.bytes.decode()
    assert "amyzanzibar" in after.enter("amyzanzibar").session.person.nick


def test_a_guest_of_before_is_forgotten_by_what_they_were_called(world: World) -> None:
    world.enter("amy", "tulip", "/quit bye all")
    bob = world.enter("bob")
    operator = world.operator("/admin forget amy amy")
    assert answers(operator)[0].split("\n")[0] == "amy is forgotten: 1 line says nothing any more."
    bob.type("/last 5", "/grep tulip")
    assert "amy" not in bob.bytes.decode()
    operator.type("/admin forget amy amy")
    assert answers(operator) == ["not-here! Nobody is known here as amy."]


def test_so_is_one_who_never_said_a_word(world: World) -> None:
    world.enter("amy", "/quit")
    operator = world.operator("/admin forget amy amy")
    assert answers(operator)[0].split("\n")[0] == "amy is forgotten: 0 lines say nothing any more."
    bob = world.enter("bob", wire="json")
    assert "amy" not in bob.bytes.decode()


def test_who_was_forgotten_in_part_is_forgotten_by_whoever_asks_again() -> None:
    """As where the process ended between two parts: here nothing of #ops was looked at."""
    world = World(store := KeepingStore())
    amy, bob = world.enter("amyzanzibar", "tulip", "/join #ops"), world.enter("bob", "/join #ops")
    gone = Forgotten({amy.session.person.id}, {"amyzanzibar"})
    amy.type("/topic tuliptwo", "/quit")
    bob.type("/leave #ops")
    ops = store._logs.pop("#ops")
    store.forget(gone, 0)
    store._logs["#ops"] = ops
    operator = world.operator("/admin forget amyzanzibar amyzanzibar")
    assert "amyzanzibar is forgotten: 0 lines" in answers(operator)[0]
    assert not any(word in str(store._logs["#ops"]) for word in ("zanzibar", "tulip"))


def test_nobody_forgets_themselves_and_no_others_but_operators(world: World) -> None:
    staff, amy = boss(world), founded(world)
    staff.type("/admin forget boss boss")
    assert staff.take()[-1].startswith("! not-allowed: That is you")
    amy.type("/admin forget boss boss")
    assert amy.take()[-1].startswith("! not-allowed")
    staff.type("/admin forget amy amy", "/admin audit")
    assert staff.take()[-1] == "-> 0 s ago boss: /forget ? on this server, 0 lines"


# What is not to be read.


def test_what_is_not_recorded_is_exported_to_nobody_who_did_not_hear_it() -> None:
    world = World(unrecorded=["#off"])
    world.enter("amy", "/join #off", "off the record")
    staff, control = boss(world), world.operator()
    for client in (staff, control):
        client.type("/admin export #off", "/admin export amy")
        text = client.bytes.decode()
        assert "record" not in text
        assert '"lines":0' in text or "0 lines" in text


def test_what_is_taken_back_while_a_room_is_read_is_not_exported() -> None:
    world = World(store := SlowStore())
    bob = world.enter("bob", "other", "a secret")
    seq, staff = world.hub.lobby.log.head, boss(world)
    world.hub.lobby.log.forget()
    store.slow_to_read = True
    staff.type("/admin export #lobby")
    read, done = store.reads.popleft()
    page = read()
    store.slow_to_read = False
    bob.type(f"/delete {seq}")
    page.addCallback(done.callback)
    world.turn()
    said = "\n".join(staff.take())
    assert ("secret" in said, "<bob> other" in said) == (False, True)


def test_nor_what_is_taken_back_while_its_reader_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HISTORY_AT_ONCE", 5)
    world = World()
    amy = world.enter("amy", *(f"line {number}" for number in range(100)))
    other = world.log_in(amy.session.person, wire="json")
    other.take()
    seq = world.hub.lobby.log.head
    other.socket.bufferSize = 1000
    other.full(500)
    other.type("/export")
    world.wait(1, 0.1)
    amy.type(f"/delete {seq}")
    other.drain()
    world.wait(10, 0.1)
    text = other.bytes.decode()
    assert ('"line 98"' in text, '"line 99"' in text) == (True, False)


# Who is forgotten, and nobody else.


def held(store: KeepingStore) -> str:
    """All facts in the store."""
    return json.dumps([dataclasses.asdict(e.fact) for log in store._logs.values() for e in log], default=str)


@pytest.mark.parametrize("went", [True, False])
def test_what_was_to_be_told_of_somebody_is_not_written_after_they_were_forgotten(went: bool) -> None:
    world = World(store := KeepingStore())
    others = [world.enter(f"p{chr(97 + number)}") for number in range(limits.GATHER_FROM + 3)]
    troll = world.enter("zanzibar", "hi")
    world.wait(60)
    others[-1].type("/quit")
    world.wait(1)
    if went:
        troll.type("/quit")
    operator = world.operator("/admin forget zanzibar zanzibar")
    assert answers(operator)[0].startswith("zanzibar is forgotten")
    world.wait(60)
    assert "zanzibar" not in held(store)


def test_whoever_has_a_nickname_now_that_the_forgotten_one_had_keeps_all_that_is_theirs() -> None:
    world = World(store := KeepingStore())
    world.enter("bob", "/nick zed")
    bob, amy = world.enter("bob"), founded(world)
    world.operator("/admin mute bob forever spam")
    amy.type("/msg bob psst", "/report bob noise")
    operator = world.operator("/admin forget zed zed")
    assert answers(operator)[0].startswith("zed is forgotten")
    bob.take(), amy.take()
    bob.type("hello")
    assert bob.take() == ['! muted: You are muted on this server for ever: "spam".']
    assert held(store).count('"to": "bob"') == 3  # twice what was written to them, and the report
    amy.type("/last bob")
    assert "10:04 [you -> bob] psst" in amy.take()
