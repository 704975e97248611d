"""Each limit that somebody can meet answers with its code and a line that names it; and who does not meet them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from world import Client, World

from chat.base import limits
from chat.base.bans import Bans, parse_ban
from chat.core.batch import Sessions
from chat.core.session import Session

Meet = Callable[[World], Client]

FAST = 1e5
"""Lines a second: a limit that no test here is about."""


def typed(*lines: str, nick: str = "amy", wire: str = "plain") -> Meet:
    """Somebody who is in the chat types these lines."""
    return lambda world: _typed(world.enter(nick, wire=wire), *lines)


def _typed(client: Client, *lines: str) -> Client:
    client.type(*lines)
    if client.world.hub.settings.rate == FAST:
        client.world.wait(0.01, step=0.001)  # a burst is said at once, the rest as fast as that
    return client


def _nth_connection(number: int, **keys: str) -> Meet:
    return lambda world: [world.connect("", **keys) for _ in range(number)][-1]


def _come_and_go(world: World) -> Client:
    for _ in range(limits.ARRIVALS * world.hub.settings.max_per_host):
        world.connect("/quit")
    return world.connect("")


def _say_nothing(world: World) -> Client:
    client = world.connect()
    world.wait(limits.NICK_SECONDS, step=10)
    return client


def _guess_often(world: World) -> Client:
    for _ in range(limits.GUESSES_PER_HOST // limits.GUESSES):
        world.connect(*["/resume K7F2Q-X9M4T"] * limits.GUESSES)
    return [world.connect("/resume K7F2Q-X9M4T") for _ in range(4)][-1]


def _ignore_many(world: World) -> Client:
    amy = world.enter("amy")
    nicks = [f"user{number}" for number in range(limits.IGNORES + 1)]
    for nick in nicks:
        world.enter(nick)
    amy.type(*[f"/ignore {nick}" for nick in nicks])
    return amy


def _open_many_rooms(world: World) -> Client:
    bob = world.enter("bob")
    while len(world.hub.rooms) <= limits.ROOMS:  # the operators have one that does not count
        room = world.hub.rooms.make(f"#r{len(world.hub.rooms)}")
        room.members["somebody"] = next(iter(world.hub.lobby.members.values()))
    return _typed(bob, "/join #one-more")


def _moves() -> list[str]:
    return [f"/{word} #r{number // 2}" for number in range(limits.MOVES) for word in [("join", "leave")[number % 2]]]


def _page(lines: int) -> list[str]:
    return ["/paste", *["x"] * lines]


def _with(**keys: object) -> Callable[[], World]:
    return lambda: World(**keys)  # type: ignore[arg-type]


MET: dict[str, tuple[Callable[[], World], Meet, str]] = {
    "connections in all": (_with(max_clients=2), _nth_connection(3), "! too-many: The chat is full: 2 connections."),
    "connections from an address": (
        _with(max_per_host=2),
        _nth_connection(3),
        "! too-many: Your address has 2 connections already.",
    ),
    "arrivals from an address": (
        _with(max_per_host=2),
        _come_and_go,
        "! too-many: Your address connects too often. Come again in 20 seconds.",
    ),
    "a ban": (
        _with(bans=["192.0.2.0/24"]),
        _nth_connection(1),
        "! banned: The operator of this server has banned your address.",
    ),
    "time to choose a nickname": (World, _say_nothing, "! nick-timeout: "),
    "a nickname": (World, lambda world: world.connect("x" * 21), "! nick-bad: A name has at most 20 letters"),
    "a nickname's columns": (
        World,
        lambda world: world.connect("漢" * 13),
        "! nick-bad: A name is at most 24 columns",
    ),
    "codes on a connection": (
        World,
        lambda world: world.connect(*["/resume K7F2Q-X9M4T"] * limits.GUESSES),
        "! too-many: Connect again to try once more.",
    ),
    "codes from an address": (
        World,
        _guess_often,
        "-> Your address tried many codes or passwords: this line waits 4 s.",
    ),
    "the rate of lines": (
        _with(rate=2),
        typed(*["hi"] * limits.BURST),
        "-> /cancel drops those that still wait.",
    ),
    "a line": (World, typed("x" * 20_000), "! too-long: This line has 20000 bytes, the limit is 16384."),
    "a message": (World, typed("é" * 1001), "! too-long: This has 2002 bytes, the limit is 2000."),
    "lines of a paste": (World, typed(*_page(101)), "! too-long: A message has at most 100 lines and 16384 bytes;"),
    "bytes of a paste": (
        World,
        typed("/paste", *["x" * 4000] * 5),
        "! too-long: A message has at most 100 lines and 16384 bytes;",
    ),
    "a topic": (World, typed("/topic " + "x" * 201), "! too-long: This has 201 bytes, the limit is 200."),
    "words on going away": (World, typed("/away " + "x" * 201), "! too-long: This has 201 bytes, the limit is 200."),
    "a room's name": (World, typed("/join #" + "x" * 33), "! room-bad: A name has at most 32 letters"),
    "rooms of a person": (
        World,
        typed(*[f"/join #r{number}" for number in range(limits.ROOMS_PER_PERSON)]),
        "! too-many: You are in 50 rooms. /leave one of them first.",
    ),
    "new rooms": (
        _with(rate=FAST),
        typed(
            *[f"/join #r{number}" for number in range(limits.NEW_ROOMS - 1)],
            *["/leave #r0", "/leave #r1", f"/join #r{limits.NEW_ROOMS}", f"/join #r{limits.NEW_ROOMS + 1}"],
        ),
        "! slow-down: You made many rooms: the next new one is possible in 60 seconds.",
    ),
    "rooms in all": (World, _open_many_rooms, "! too-many: There are 10000 rooms already."),
    "people one ignores": (World, _ignore_many, "! too-many: You ignore 100 people already."),
    "changes of a nickname": (
        _with(rate=FAST),
        typed(*[f"/nick amy{number}" for number in range(limits.RENAMES + 1)]),
        "! slow-down: That was often: /nick works again in 20 seconds.",
    ),
    "changes of a topic": (
        _with(rate=FAST),
        typed(*[f"/topic {number}" for number in range(limits.TOPICS + 1)]),
        "! slow-down: That was often: /topic works again in 20 seconds.",
    ),
    "joining": (
        _with(rate=FAST),
        typed(*_moves(), "/join #more"),
        "! slow-down: That was often: /join works again in 2 seconds.",
    ),
    "leaving": (
        _with(rate=FAST),
        typed(*_moves(), "/leave #lobby"),
        "! slow-down: That was often: /leave works again in 2 seconds.",
    ),
}


@pytest.mark.parametrize("name", MET)
def test_a_limit_answers_with_a_line_that_names_it(name: str) -> None:
    made, meet, line = MET[name]
    assert last_answer(meet(made())).startswith(line)


def last_answer(client: Client) -> str:
    """The last thing that they were answered, of however many lines."""
    lines = client.lines
    first = max(number for number, line in enumerate(lines) if re.match("-> |! [a-z-]+: ", line))
    return " ".join([lines[first], *(line.removeprefix("! ") for line in lines[first + 1 :])])


def object_of(**keys: object) -> str:
    return json.dumps(keys)


FOR_PROGRAMS = {
    "an id": (object_of(line="hi", id="x" * 65), "too-long", "An id has at most 64 characters."),
    "a message": (object_of(line="x" * 2001, id="a"), "too-long", "This has 2001 bytes, the limit is 2000."),
    "lines of a message": (object_of(line="x\n" * 100, id="a"), "too-long", "This has 101 lines, the limit is 100."),
    "a line": (object_of(line="x" * 20_000, id="a"), "too-long", "This line has 20024 bytes, the limit is 16384."),
}


@pytest.mark.parametrize("name", FOR_PROGRAMS)
def test_a_program_that_meets_a_limit_gets_an_error(world: World, name: str) -> None:
    line, code, text = FOR_PROGRAMS[name]
    error = typed(line, wire="json")(world).objects[-1]
    assert (error["type"], error["code"]) == ("error", code)
    assert text.split(",")[0].rstrip("0123456789 bytes") in error["text"]


def test_a_program_is_refused_a_change_with_an_error_that_has_its_id() -> None:
    world = World(rate=FAST)
    bot = world.enter("bot", wire="json")
    for number in range(limits.RENAMES + 1):
        bot.type(f"/nick bot{number}", id=f"n{number}")
    error = bot.objects[-1]
    assert (error["type"], error["code"], error["id"]) == ("error", "slow-down", f"n{limits.RENAMES}")


# Changes: how often one may do what others see.


def refusals(client: Client, *lines: str) -> list[str]:
    """What of these lines is refused because it was often."""
    client.take()
    _typed(client, *lines)
    return [line for line in client.take() if line.startswith("! slow-down")]


def renames(client: Client, count: int, stem: str = "zoe") -> int:
    """So many of that many changes of the nickname are refused."""
    return len(refusals(client, *[f"/nick {stem}{number}" for number in range(count)]))


def test_a_change_that_was_refused_for_its_haste_works_when_it_was_said_to() -> None:
    world = World(rate=FAST)
    amy = world.enter("amy")
    assert renames(amy, limits.RENAMES + 1) == 1
    world.wait(limits.RENAME_SECONDS)
    assert renames(amy, 2, "ann") == 1


def test_a_line_behind_a_refused_change_does_not_wait() -> None:
    world = World(rate=FAST)
    amy, bob = world.enter("amy"), world.enter("bob")
    renames(amy, limits.RENAMES + 5)
    amy.type("hi")
    assert bob.take()[-1] == "<zoe9> hi"


def test_what_changes_nothing_is_not_counted() -> None:
    world = World(rate=FAST)
    amy = world.enter("amy", "/join #ops", "/topic first")
    world.enter("bob")
    often = ["/topic", "/nick amy", "/nick bob", "/nick 1", "/join #ops", "/join #lobby", "/leave #none"] * 50
    assert refusals(amy, *often) == []


def test_the_kinds_of_changes_are_counted_apart() -> None:
    world = World(rate=FAST)
    amy = world.enter("amy")
    assert renames(amy, limits.RENAMES + 1) == 1
    assert refusals(amy, "/topic new", "/join #ops", "/leave #ops") == []


def test_a_proposal_that_is_taken_is_a_change_too() -> None:
    world = World(rate=FAST)
    amy = world.enter("amy")
    world.enter("bob")
    assert refusals(amy, *["/nick bob", "", "/nick amy"] * (limits.RENAMES // 2)) == []
    assert len(refusals(amy, "/nick bob", "")) == 1


def test_coming_back_does_not_give_new_changes() -> None:
    world = World(rate=FAST)
    amy = world.connect("amy")
    code = amy.lines[-1].split()[-1]
    assert renames(amy, limits.RENAMES) == 0
    amy.cut()
    again = world.connect(f"/resume {code}")
    assert renames(again, 1, "ann") == 1


def test_leaving_and_coming_again_gives_an_address_no_more_than_forty_people_have() -> None:
    world = World(rate=FAST, max_per_host=limits.MAX_PER_HOST)
    allowed = 0
    for person in range(2 * limits.CHANGES_BY):
        amy = world.enter("amy")
        allowed += limits.RENAMES - renames(amy, limits.RENAMES, f"p{person}x")
        amy.type("/quit")
    refilled = world.clock.seconds() / (limits.RENAME_SECONDS / limits.CHANGES_BY)
    assert limits.CHANGES_BY * limits.RENAMES <= allowed <= limits.CHANGES_BY * limits.RENAMES + refilled
    other = world.connect("bob", host="192.0.2.2")
    assert renames(other, limits.RENAMES) == 0


def test_without_a_limit_for_addresses_leaving_and_coming_again_is_not_counted() -> None:
    world = World(rate=FAST, max_per_host=0)
    for person in range(limits.CHANGES_BY + 1):
        amy = world.enter("amy")
        assert renames(amy, limits.RENAMES, f"p{person}x") == 0
        amy.type("/quit")


def test_where_lines_have_no_limit_changes_have_none() -> None:
    world = World(rate=0, max_per_host=limits.MAX_PER_HOST)
    assert renames(world.enter("amy"), 1000) == 0


def test_a_class_behind_one_address_never_meets_a_limit() -> None:
    world = World(max_per_host=limits.MAX_PER_HOST, rate=limits.RATE)
    pupils = [world.connect(f"pupil{number}x") for number in range(40)]
    codes = [pupil.session.code for pupil in pupils]
    for _ in range(9):
        for pupil in pupils:
            pupil.cut()
        pupils = [world.connect(f"/resume {code}") for code in codes]
    rooms = [f"/join #r{number}" for number in range(10)]
    for number, pupil in enumerate(pupils):
        pupil.type(*rooms, *[f"/nick p{number}x{time}" for time in range(limits.RENAMES)])
    assert not [line for pupil in pupils for line in pupil.lines if line.startswith("! ")]


# Arrivals.


def arrivals(world: World, count: int, host: str = "192.0.2.1") -> int:
    """So many of that many connections are let in; all are gone afterwards."""
    clients = [world.connect("/quit", host=host) for _ in range(count)]
    world.turn()
    return sum("Bye" in client.bytes.decode() for client in clients)


def test_who_was_told_to_come_later_may_come_then() -> None:
    world = World(max_per_host=40)
    assert arrivals(world, 100) == limits.ARRIVALS * 40
    assert world.connect("").lines == ["! too-many: Your address connects too often. Come again in a second."]
    world.wait(1)
    assert arrivals(world, 3) == 1


def test_a_flood_from_one_address_keeps_nobody_else_out() -> None:
    world = World(max_per_host=5, max_clients=20)
    flood = [world.connect("") for _ in range(1000)]
    assert sum("Welcome" in client.bytes.decode() for client in flood) == 5
    assert arrivals(world, 5, host="192.0.2.2") == 5


def test_0_connections_from_an_address_is_no_limit_of_arrivals_either() -> None:
    world = World(max_per_host=0)
    assert arrivals(world, 1000) == 1000


# Bans.


BANNED = "! banned: The operator of this server has banned your address."


def ban(world: World, *networks: str) -> None:
    """As a reload does."""
    world.hub.settings = replace(world.hub.settings, bans=Bans(map(parse_ban, networks)))
    world.factory.enforce_bans()
    world.turn()


def enter(world: World, nick: str, host: str) -> tuple[Client, str]:
    """Somebody enters from this address; returns their resume code too."""
    client = world.connect(nick, host=host)
    return client, client.take()[-1].split()[-1]


def test_on_a_ban_who_is_connected_is_told_and_leaves_and_others_stay(world: World) -> None:
    amy, _ = enter(world, "amy", "192.0.2.1")
    bob, _ = enter(world, "bob", "192.0.2.2")
    ban(world, "192.0.2.1")
    assert amy.lines[-1] == BANNED
    assert amy.gone
    assert bob.take() == ["-!- amy left (0 s)"]
    assert not bob.ended


def test_a_program_is_told_by_an_error(world: World) -> None:
    bot = world.enter("bot", wire="json")
    ban(world, "192.0.2.0/24")
    assert (bot.objects[-1]["type"], bot.objects[-1]["code"]) == ("error", "banned")


def test_a_ban_ends_the_code_of_who_is_connected_of_whose_line_is_down_and_of_who_did_not_come_back(
    world: World,
) -> None:
    people = [enter(world, nick, "2001:db8::1") for nick in ("amy", "bob", "carl")]
    people[0][0].cut()
    world.wait(limits.GRACE_SECONDS)
    people[1][0].cut()
    ban(world, "2001:db8::2")
    for _, code in people:
        assert world.connect(f"/resume {code}", host="192.0.2.3").lines[-1].startswith("! code-wrong")
    assert not world.hub.people


def test_who_is_banned_and_asks_nothing_yet_is_told_too(world: World) -> None:
    nobody = world.connect()
    ban(world, "192.0.2.1")
    assert nobody.lines[-1] == BANNED
    assert nobody.gone


def test_a_ban_that_was_taken_away_is_none(world: World) -> None:
    ban(world, "192.0.2.1")
    ban(world)
    assert world.connect("").lines[0].startswith("-> Welcome")


def stored_host(session: Session) -> str:
    sessions: Sessions = {}
    session.remember({}, sessions)
    (record,) = sessions.values()
    assert record is not None
    return record.host


def test_the_address_of_who_is_connected_is_stored_for_after_a_crash(world: World) -> None:
    amy, code = enter(world, "amy", "192.0.2.1")
    session = amy.session
    assert stored_host(session) == "192.0.2.1"
    amy.cut()
    world.connect(f"/resume {code}", host="192.0.2.2").cut()
    assert stored_host(session) == "192.0.2.2"
    assert [person.host for person in world.hub.down] == ["192.0.2.2"]
