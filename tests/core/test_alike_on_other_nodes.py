"""What people read is the same, whether others, and their own devices, are on their node or on another one."""

import re
from collections.abc import Sequence

import pytest
from cluster import Nodes
from returning import enter, resume
from world import Client, Hashed, World

from chat.core.person import Person

Worlds = Sequence[World]


def one() -> Worlds:
    """One server, where two are looked for."""
    world = World()
    return world, world


def two() -> Worlds:
    """Two nodes of one chat."""
    return Nodes(2).worlds


def wait(worlds: Worlds, seconds: int) -> None:
    for _ in range(seconds):
        for world in dict.fromkeys(worlds):
            world.wait(1)


def taken(*clients: Client) -> list[list[str]]:
    return [client.take() for client in clients]


def with_account(client: Client) -> Client:
    client.session.person.password = Hashed().hash("a secret").result
    client.session.hub.turn.touch(client.session.person)
    client.session.hub.turn.flush()
    return client


def at(world: World, client: Client) -> Person:
    return world.hub.people[client.session.person.id]


def own_device(worlds: Worlds, line: str, wire: str, by_the_later: bool) -> list[list[str]]:
    """What somebody reads on a device while they do this on their other one, and what comes then."""
    here, there = worlds
    bob = here.enter("bob")
    amy = with_account(here.enter("amy", "/join #tea", "/ignore bob", wire=wire))
    other = there.log_in(at(there, amy), wire=wire)
    taken(amy, bob, other)
    first, second = (other, amy) if by_the_later else (amy, other)
    first.type(line)
    read = _undated(second)
    bob.type("hi")
    return [read, _undated(second)]


def _undated(client: Client) -> list[str]:
    if client.visit.wire.people:
        return client.take()
    return [str({key: one[key] for key in one if key not in ("at", "resume")}) for one in client.take_objects()]


@pytest.mark.parametrize("by_the_later", [False, True])
@pytest.mark.parametrize("wire", ["plain", "json"])
@pytest.mark.parametrize(
    "line",
    ["/join #milk", "/leave #tea", "/nick amelie", "/away lunch", "/ignore carl", "/unignore bob", "/ignore", "tea?"],
)
def test_what_one_does_is_told_on_ones_device_on_another_node_as_on_one_on_the_same(
    line: str, wire: str, by_the_later: bool
) -> None:
    assert own_device(two(), line, wire, by_the_later) == own_device(one(), line, wire, by_the_later)


def whois_after(worlds: Worlds, line: str) -> list[str]:
    here, there = worlds
    amy, bob, carl = there.enter("amy"), here.enter("bob"), here.enter("carl")
    wait(worlds, 5)
    bob.type(line)
    wait(worlds, 5)
    taken(amy, carl)
    amy.type("/whois bob")
    return [re.sub(r"\d+ s", "some time", line) for line in amy.take()]


@pytest.mark.parametrize("line", ["/msg carl psst", "/msg amy psst", "hello", "/me waves"])
def test_who_talks_in_private_has_not_spoken_for_others_on_another_node_either(line: str) -> None:
    assert whois_after(two(), line) == whois_after(one(), line)


def at_a_door(worlds: Worlds, said: str, cut: bool) -> list[list[str]]:
    """What somebody reads who waits at the door of a room, and whoever lets them in, there."""
    here, there = worlds
    boss = with_account(here.enter("boss"))
    boss.type("/join #tea", "first")
    boss.type("/lock on")
    bob, code = enter(there, "bob")
    bob.type("/join #tea")
    read = taken(boss, bob)
    if cut:
        bob.cut()
    boss.type(said)
    if cut:
        bob = resume(there, code)
    read += taken(boss, bob)
    bob.type("it is I")
    boss.type("hello")
    return read + taken(boss, bob)


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("said", ["/admit bob", "/admit all", "/unlock", "/refuse bob later", "/private on"])
def test_who_is_let_in_from_another_node_is_told_of_the_room_and_speaks_there(said: str, cut: bool) -> None:
    assert at_a_door(two(), said, cut) == at_a_door(one(), said, cut)


def sent_away(worlds: Worlds, *lines: str) -> list[str]:
    here = worlds[0]
    boss, bob = (with_account(world.enter(nick)) for world, nick in zip(worlds, ("boss", "bob"), strict=True))
    here.hub.give_role(None, boss.session.person, "operator", None)
    here.turn()
    own = here.connect(host="127.0.0.1")  # where a password may be typed
    own.session.enter_as(at(here, bob), "a code")
    own.session.begin()
    here.turn()
    for client in (boss, bob, own):
        client.take()
    (own if lines[0] == "/password" else boss).type(*lines)
    here.wait(1)
    return [re.sub(r"\d+ min", "some time", line) for line in bob.take()]


@pytest.mark.parametrize(
    "lines",
    [
        ["/password", "a secret", "another one", "another one"],
        ["/admin reset bob"],
        ["/admin forget bob bob"],
        ["/admin kick bob noise"],
        ["/admin ban bob 1h noise"],
    ],
)
def test_whose_sessions_end_on_another_node_is_told_why(lines: list[str]) -> None:
    assert sent_away(two(), *lines) == sent_away(one(), *lines) != []


def test_a_client_that_tells_what_it_has_read_is_answered_its_ping_while_the_database_is_away() -> None:
    nodes = Nodes(2)
    amy = nodes.worlds[0].enter("amy", wire="json")
    nodes.late = True
    amy.type("hello", id="1")
    amy.take_objects()
    amy.send(b'{"read": {"#lobby": 1}}\n')
    amy.type("/ping", id="2")
    assert [keys["type"] for keys in amy.take_objects()] == ["reply", "ack"]
    amy.send(b'{"read": {"#lobby": 1}, "id": "3"}\n')
    assert amy.take_objects() == []
    nodes.late = False
    nodes.settle()
    assert amy.take_objects()[-1]["id"] == "3"


def by_irc(worlds: Worlds, line: str) -> list[str]:
    here, there = worlds
    amy = with_account(here.enter("amy", "/join #tea"))
    here.enter("bob", "/join #milk", "/topic cold")
    client = there.connect("NICK x", "USER x 0 * :x", greeted=False)
    client.session.enter_as(at(there, amy), "a code")
    client.session.begin()
    there.turn()
    client.take()
    amy.type(line)
    return client.take()


@pytest.mark.parametrize("line", ["/join #milk", "/leave #tea", "/nick amelie", "/away lunch"])
def test_an_irc_client_on_another_node_has_the_rooms_of_ones_other_device_in_its_list(line: str) -> None:
    assert by_irc(two(), line) == by_irc(one(), line) != []
