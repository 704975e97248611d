"""The end of somebody's input, whose will it was, and what becomes of their place; who is idle, and who is silent."""

import ipaddress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxy_headers import GOOD
from proxy_headers import connect as connect_by_proxy
from returning import KeepingStore, code_of, enter, restarted, resume, texts
from world import Client, World

from chat.base import limits
from chat.base.bans import Bans, parse_ban
from chat.core.disconnected import Disconnected
from chat.doors.lines import NOP

WRONG = ["! code-wrong: Nobody has this code, or its day is over."]


def end_by_fin(client: Client) -> None:
    """As `nc -N`, Ctrl-D in nc, and nearly every proxy do."""
    client.close()


def end_by_ctrl_d(client: Client) -> None:
    """As telnet does, which sends the byte and no FIN."""
    client.send(b"\x04")
    client.world.turn()


ENDS = pytest.mark.parametrize("end", [end_by_fin, end_by_ctrl_d])


# The code stays good.


@ENDS
def test_for_the_others_an_end_is_a_leave_and_the_code_brings_all_back(world: World, end) -> None:  # type: ignore[no-untyped-def]
    bob, _ = enter(world, "bob")
    amy, code = enter(world, "amy")
    amy.type("/join #ops", "/ignore bob", "/away tea")
    bob.type("/join #ops", "seen")
    world.wait(2)
    bob.take()
    end(amy)
    assert [line for line in bob.take() if "amy" in line] == ["-!- amy left (2 s)"]
    carl, _ = enter(world, "carl")
    carl.type("/join #ops", "for the late", "/join #lobby", "here too")
    world.wait(3600)
    back = resume(world, code)
    lines = back.take()
    assert any("Welcome back amy" in line for line in lines)
    assert sorted(line for line in lines if "<carl>" in line) == [
        "10:04 #lobby <carl> here too",
        "10:04 #ops <carl> for the late",
    ]
    bob.type("/join #ops", "not for her")
    carl.type("but this")
    assert [line for line in back.take() if "<" in line] == ["#lobby <carl> but this"]
    back.type("/whois amy")
    assert "tea" in back.bytes.decode()


@ENDS
def test_the_nickname_is_free_and_the_place_comes_back_beside_its_next_owner(world: World, end) -> None:  # type: ignore[no-untyped-def]
    amy, code = enter(world, "amy")
    end(amy)
    world.wait(3)
    assert "Hello amy." in world.connect("/nick amy").bytes.decode()
    assert "Welcome back amy2" in resume(world, code).bytes.decode()


def test_the_code_is_good_for_its_day_and_no_longer(world: World) -> None:
    one, early = enter(world, "one")
    two, late = enter(world, "two")
    one.close()
    world.wait(120)
    two.close()
    world.wait(limits.CODE_SECONDS - 60, step=60)
    assert resume(world, early).lines == WRONG
    assert "Welcome back two" in resume(world, late).bytes.decode()


@pytest.mark.parametrize("wrong_by", [timedelta(days=-2), timedelta(days=2)])
def test_of_a_day_the_date_tells_nothing(world: World, wrong_by: timedelta) -> None:
    """It may be set: a machine that has no battery has none until it has asked for it."""
    amy, code = enter(world, "amy")
    bob = world.enter("bob")
    bob.session.person.password = "a hash"
    device = world.device(bob, "json")
    amy.close()
    device.cut()
    world.wait(3600, step=60)
    world.wrong_by = wrong_by
    bob.type("/sessions")
    assert "gone for 60 min;" in bob.take()[-1]
    assert '"welcome"' in resume(world, code_of(device), "json").bytes.decode()
    world.wait(limits.CODE_SECONDS - 3600 + 60, step=60)
    assert resume(world, code).lines == WRONG


@pytest.mark.parametrize("command", ["/quit", "/quit see you"])
def test_who_has_quit_has_no_code_though_the_input_ends_behind_it(world: World, command: str) -> None:
    amy, code = enter(world, "amy")
    amy.send(command.encode() + b"\n")
    amy.close()
    assert resume(world, code).lines == WRONG


def test_who_is_banned_afterwards_does_not_come_back(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.close()
    world.hub.settings = replace(world.hub.settings, bans=Bans([parse_ban("192.0.2.1")]))
    world.factory.enforce_bans()
    world.hub.settings = replace(world.hub.settings, bans=Bans())
    assert resume(world, code).lines == WRONG


def test_who_is_banned_while_their_line_is_down_did_not_come_back_either(world: World) -> None:
    amy = world.connect("/nick amy", host="203.0.113.9")
    bob, _ = enter(world, "bob")
    amy.cut()
    bob.type("/msg amy psst")
    bob.take()
    world.hub.settings = replace(world.hub.settings, bans=Bans([parse_ban("203.0.113.9")]))
    world.factory.enforce_bans()
    world.turn()
    assert "! not-delivered: amy did not come back." in bob.take()


def test_what_is_said_while_the_last_lines_are_stored_is_answered_and_comes_once(world: World) -> None:
    bob, _ = enter(world, "bob")
    amy, code = enter(world, "amy")
    world.take_all()
    amy.send(b"last words\n")
    amy.send(b"")
    bob.send(b"meanwhile\n")
    world.turn()
    assert "<amy> last words" in bob.lines
    first = amy.lines.count("<bob> meanwhile")
    back = resume(world, code)
    assert first + sum("<bob> meanwhile" in line for line in back.lines) >= 1
    assert not any("last words" in line for line in back.lines)


def test_the_place_survives_a_restart_however_soon(world: World) -> None:
    store = KeepingStore()
    world = World(store)
    bob, bob_code = enter(world, "bob", wire="json")
    amy, code = enter(world, "amy")
    amy.send(b"")
    world.turn()  # her connection is still being closed
    world = restarted(world, store)
    assert [person.author.nick for person in world.hub.people.values()] == ["bob"]
    bob = resume(world, bob_code, wire="json", seen={"#lobby": 2})
    bob.type("since then")
    back = resume(world, code)
    assert "Welcome back amy" in back.bytes.decode()
    assert any("<bob> since then" in line for line in back.lines)


def test_who_comes_back_before_the_old_connection_is_closed_keeps_the_place(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.socket.room = 0
    amy.send(b"")
    world.turn()
    back = resume(world, code)
    assert "Welcome back amy" in back.bytes.decode()
    world.wait(limits.CLOSE_SECONDS + 1, step=1)
    assert amy.gone
    back.type("/who")
    assert "amy" in back.bytes.decode()
    assert not back.ended


# A proxy's.


@pytest.mark.parametrize("header", ["text, IPv4", "text, unknown", "binary, IPv6", "binary, local", "binary, unix"])
def test_at_a_proxys_door_an_end_is_a_cut(world: World, header: str) -> None:
    bob, _ = enter(world, "bob")
    amy = connect_by_proxy(world, GOOD[header][0] + b"amy\n")
    world.turn()
    bob.take()
    amy.close()
    world.wait(limits.GRACE_SECONDS - 1)
    assert bob.take() == []
    world.wait(2)
    assert [line.partition(" (")[0] for line in bob.take()] == ["-!- amy left"]


@pytest.mark.parametrize("proxy", ["192.0.2.1", "192.0.2.0/24", "::ffff:192.0.2.1"])
def test_from_a_proxys_address_an_end_is_a_cut(proxy: str) -> None:
    world = World(proxies=[proxy])
    amy, code = enter(world, "amy")
    other = world.connect("/nick bob", host="198.51.100.1")
    amy.close()
    other.close()
    assert [person.author.nick for person in world.hub.people.values()] == ["amy"]
    assert "Welcome back amy" in resume(world, code).bytes.decode()


def test_what_is_typed_is_no_proxys_doing() -> None:
    world = World(proxies=["192.0.2.1"])
    amy, _ = enter(world, "amy")
    bob, _ = enter(world, "bob")
    end_by_ctrl_d(amy)
    bob.type("/quit")
    assert not world.hub.people


# Who is kept.


class Person:
    """Somebody to be kept."""

    def __init__(self, id: str, host: str) -> None:
        self.id = id
        self.host = host


def test_ends_without_number_from_one_address_cost_nobody_elses_place() -> None:
    world = World()
    world.hub.detached = Disconnected(10, 6)
    codes = []
    for number in range(5):
        client = world.connect(f"/nick person{number}", host=f"198.51.100.{number}")
        codes.append(client.session.code)
        client.close()
    for number in range(50):
        world.connect(f"/nick flood{number}", host="203.0.113.9").close()
    for code in codes:
        assert "Welcome back" in resume(world, code).bytes.decode()


@given(
    st.lists(st.integers(0, 2**16 - 1), min_size=60, max_size=200),
    st.integers(1, 12),
)
def test_a_site_with_all_its_networks_pushes_out_only_its_own(flood: list[int], others: int) -> None:
    held: Disconnected[Person] = Disconnected(50, 10)
    kept = [Person(f"kept{number}", f"192.0.2.{number}") for number in range(others)]
    for person in kept:
        assert held.add(person) == []
    for number, subnet in enumerate(flood):
        network = ipaddress.ip_network((0x20010DB8 << 96 | subnet << 64, 64))
        gone = held.add(Person(f"flood{number}", str(network)))
        assert all(person.id.startswith("flood") for person in gone)
    assert all(person.id in held for person in kept)
    assert len(list(held)) <= 50


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 4)), max_size=80))
def test_who_is_kept_is_counted_right_whoever_comes_and_goes(steps: list[tuple[bool, int, int]]) -> None:
    held: Disconnected[Person] = Disconnected(8, 3)
    people: dict[str, Person] = {}
    for come, number, host in steps:
        digest = f"d{number}"
        if come and digest not in people:
            people[digest] = person = Person(digest, f"192.0.2.{host}")
            for gone in held.add(person):
                del people[gone.id]
        elif not come and digest in people:
            held.drop(people.pop(digest))
        assert [person.id for person in held] == list(people)
        assert len(people) <= 8
        hosts = [person.host for person in people.values()]
        assert all(hosts.count(host) <= 3 for host in hosts)
    for person in list(people.values()):
        held.drop(person)
    assert not held._from


# Who is idle.


def idle(world: World, seconds: float) -> None:
    """Time goes on as the factory looks at it."""
    world.wait(seconds, step=limits.LOOK_SECONDS)


def test_a_telnet_that_hears_nothing_is_sent_a_nop_and_goes_on_as_before(world: World) -> None:
    amy = world.connect("amy")
    amy.send(b"\xff\xfb\x00")
    world.turn()
    times = []
    for second in range(200):
        amy.socket.received.clear()
        idle(world, 1)
        if amy.socket.received:
            assert bytes(amy.socket.received) == NOP
            times.append(second)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert times[0] <= 45
    assert gaps
    assert all(limits.IDLE_TELNET_SECONDS <= gap <= limits.IDLE_TELNET_SECONDS + limits.SWEEP_SECONDS for gap in gaps)


@pytest.mark.parametrize(
    "first", [b"amy\n", b"amy\r\n", b"amy\r\0", b"/json\n\xff\xfb\x00/nick amy\n"], ids=["nc", "nc -C", "raw", "json"]
)
def test_nobody_else_is(world: World, first: bytes) -> None:
    amy = world.connect(greeted=False)
    amy.send(first)
    world.turn()
    idle(world, 300)
    assert NOP not in amy.bytes


def test_a_telnet_that_does_not_read_is_sent_none(world: World) -> None:
    amy = world.connect("amy")
    amy.send(b"\xff\xfb\x00")
    world.turn()
    amy.full()
    world.enter("bob", "hello")
    idle(world, 100)
    assert NOP not in amy.bytes
    assert not amy.protocol._output._transport.dataBuffer.endswith(NOP)


# Who is silent.


def test_a_program_that_pinged_and_is_silent_is_cut_and_told(world: World) -> None:
    bob, _ = enter(world, "bob")
    bot, code = enter(world, "bot", wire="json")
    bot.type("/ping", id="1")
    world.take_all()
    idle(world, limits.SILENT_SECONDS - 1)
    assert bot.objects == []
    idle(world, limits.SWEEP_SECONDS + limits.CLOSE_SECONDS + 1)
    (error,) = bot.objects
    assert (error["type"], error["code"]) == ("error", "stalled")
    assert bot.ended
    bob.type("/who")
    assert "line down" in bob.lines[-1], "a cut: the nickname is held"
    assert resume(world, code, wire="json", seen={"#lobby": 2}).objects[0]["type"] == "welcome"


def test_a_program_that_never_pinged_or_pings_on_is_not(world: World) -> None:
    quiet, _ = enter(world, "quiet", wire="json")
    alive, _ = enter(world, "alive", wire="json")
    person, _ = enter(world, "person")
    person.type("/ping")
    for _ in range(20):
        alive.type("/ping", id="1")
        idle(world, limits.PING_SECONDS)
    assert not any(client.ended for client in (quiet, alive, person))


def test_a_program_whose_lines_wait_for_their_time_is_not_silent() -> None:
    world = World(rate=0.5)
    bot, _ = enter(world, "bot", wire="json")
    bot.type("/ping", id="1")
    bot.send(b"hi\n" * (limits.BURST + 100))
    idle(world, 190)
    assert not bot.ended
    idle(world, 200)
    assert bot.ended


def test_the_end_of_a_day_is_told_by_the_date_of_the_end(world: World) -> None:
    amy, _ = enter(world, "amy")
    world.wait(5000)
    amy.close()
    (session,) = world.hub.detached
    assert world.now() - session.ended_at < timedelta(seconds=1)


def test_programs_read_on_where_they_were(world: World) -> None:
    bob, _ = enter(world, "bob", wire="json")
    amy, code = enter(world, "amy")
    amy.close()
    bob.type("one", "two")
    back = resume(world, code, wire="json", seen={"#lobby": 2})
    assert texts(back) == ["one", "two"]
