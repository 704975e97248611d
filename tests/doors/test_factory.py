"""All connections together: how many may come, and who counts as one address."""

from collections import Counter

import pytest
from world import Socket, World

from chat.base import limits
from chat.doors import sockets
from chat.doors.tcp import ChatProtocol
from chat.visit.visit import Visit


def test_a_connection_is_known_as_long_as_it_lasts(world: World) -> None:
    amy = world.connect()
    assert world.factory.clients == {amy.visit}
    amy.cut()
    assert world.factory.clients == set()


def test_when_the_chat_is_full_newcomers_are_told_and_closed() -> None:
    world = World(max_clients=2)
    first, _ = world.connect(), world.connect()
    third = world.connect()
    assert third.take() == ["! too-many: The chat is full: 2 connections."]
    assert third.gone
    first.cut()
    assert world.connect().take()[0].startswith("-> Welcome")


def test_who_may_not_stay_is_told_so_when_it_is_known_what_they_speak() -> None:
    world = World(max_clients=1)
    world.connect()
    assert world.connect(greeted=False).lines == []
    talks = world.connect("amy", "hello", greeted=False)
    assert talks.take() == ["! too-many: The chat is full: 1 connections."]
    assert talks.gone
    silent = world.connect(greeted=False)
    silent.close()
    assert silent.take() == ["! too-many: The chat is full: 1 connections."]


def test_who_is_refused_may_stay_where_there_is_room_when_they_are_to_be_told() -> None:
    world = World(max_clients=1)
    amy = world.connect()
    talks, silent = world.connect(greeted=False), world.connect(greeted=False)
    amy.cut()
    talks.send(b"ben\n")
    world.turn()
    assert talks.visit.session.named
    world.wait(limits.GREET_SECONDS)
    assert silent.lines == ["! too-many: The chat is full: 1 connections."]
    talks.cut()
    assert world.connect().take()[0].startswith("-> Welcome")


def test_who_came_too_often_and_may_stay_after_all_has_come_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ARRIVALS_REFILL_SECONDS", limits.GREET_SECONDS / 2)
    world = World(max_per_host=1)
    for _ in range(limits.ARRIVALS):
        world.connect(greeted=False).cut()
    waits = world.connect(greeted=False)
    world.wait(limits.ARRIVALS_REFILL_SECONDS)
    waits.send(b"ben\n")
    world.turn()
    assert waits.visit.session.named
    waits.cut()
    again = world.connect("cho", greeted=False)
    assert again.take() == ["! too-many: Your address connects too often. Come again in a second."]


def test_one_address_may_have_so_many_connections_and_another_one_is_not_affected() -> None:
    world = World(max_per_host=2)
    first = world.connect(host="192.0.2.1")
    world.connect(host="192.0.2.1")
    third = world.connect(host="192.0.2.1")
    assert third.take() == ["! too-many: Your address has 2 connections already."]
    assert world.connect(host="192.0.2.2").take()[0].startswith("-> Welcome")
    first.cut()
    assert world.connect(host="192.0.2.1").take()[0].startswith("-> Welcome")


def test_0_is_no_limit() -> None:
    world = World(max_clients=0, max_per_host=0)
    assert len({world.connect().visit for _ in range(limits.MAX_PER_HOST + 1)}) == limits.MAX_PER_HOST + 1
    assert not any(client.ended for client in world.clients)


def test_ipv4_inside_ipv6_and_a_customers_ipv6_network_are_one_address() -> None:
    world = World(max_per_host=1)
    for one, other in [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8:1:2::3", "2001:db8:1:2:ffff::4")]:
        world.connect(host=one)
        assert world.connect(host=other).ended


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("/run/chat.socket", "/run/chat.socket"),
        ("", ""),
    ],
)
def test_the_address_that_limits_count_by(address: str, host: str) -> None:
    assert sockets.host(address) == host


def test_nothing_waits_for_a_clock_when_nobody_is_connected(world: World) -> None:
    amy, bob = world.connect(), world.enter("bob")
    amy.cut()
    bob.type("/quit")
    world.wait(1000, step=10)
    assert world.clock.getDelayedCalls() == []


def test_many_are_looked_at_in_portions_and_each_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOOK_AT", 4)
    world = World()
    looked: list[tuple[float, Visit]] = []
    monkeypatch.setattr(Visit, "look_what_is_seen", lambda client: looked.append((world.clock.seconds(), client)))
    people = [world.connect().visit for _ in range(10)]
    world.clock.pump([limits.LOOK_SECONDS / 30] * 61)
    looked.clear()
    world.clock.pump([limits.LOOK_SECONDS / 30] * 75)
    assert {client for _, client in looked} == set(people)
    assert max(Counter(at for at, _ in looked).values()) == 4
    for person in people:
        once, again = [at for at, client in looked if client is person][-2:]
        assert again - once == pytest.approx(limits.LOOK_SECONDS, abs=limits.LOOK_SECONDS / 10)


def test_who_is_gone_before_it_is_their_turn_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOOK_AT", 1)
    world = World()
    looked: list[Visit] = []
    monkeypatch.setattr(Visit, "look_what_is_seen", lambda client: looked.append(client))
    clients = [world.connect(greeted=False) for _ in range(3)]
    while not looked:
        world.clock.advance(limits.LOOK_SECONDS / 10)
    gone = next(client for client in clients if client.visit is not looked[0])
    gone.cut()
    world.clock.pump([limits.LOOK_SECONDS / 10] * 40)
    assert set(looked) == {client.visit for client in clients} - {gone.visit}


def rest(world: World) -> None:
    """Until nothing is looked at any more; comings and goings are told after half a minute."""
    world.wait(limits.GATHER_SECONDS + 3 * limits.SWEEP_SECONDS, step=limits.LOOK_SECONDS)
    assert len(world.clock.getDelayedCalls()) == 0


@pytest.fixture
def acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells of the sockets of a world what it tells of its own."""
    monkeypatch.setattr(sockets, "all_has_come", lambda socket: socket.room > 0)


@pytest.mark.usefixtures("acknowledged")
def test_nothing_waits_for_a_clock_when_nobody_talks_and_all_is_seen(world: World) -> None:
    for number in range(5):
        world.enter(f"person-{'abcde'[number]}")
    world.connect(wire="json").type("/nick program")
    rest(world)


@pytest.mark.usefixtures("acknowledged")
def test_only_who_was_given_something_is_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    carl = world.enter("carl", "/leave", "/join #elsewhere")
    rest(world)
    looked: set[Visit] = set()
    look = Visit.look_what_is_seen
    monkeypatch.setattr(Visit, "look_what_is_seen", lambda client: looked.add(client) or look(client))
    bob.type("hello")
    position = amy.session.subscriptions.given["#lobby"]
    rest(world)
    assert looked == {amy.visit, bob.visit}
    assert amy.session.subscriptions.given["#lobby"] == position + 1
    assert carl.visit not in looked


@pytest.mark.usefixtures("acknowledged")
def test_who_was_heard_once_is_not_so_for_ever(world: World) -> None:
    """By ssh, keys come that are no line yet."""
    amy = world.enter("amy")
    rest(world)
    assert not amy.visit.heard_within(limits.IN_USE_SECONDS)
    amy.visit.hears()
    assert amy.visit.heard_within(1)
    rest(world)
    assert not amy.visit.heard_within(limits.IN_USE_SECONDS)


@pytest.mark.usefixtures("acknowledged")
def test_who_takes_nothing_is_looked_at_until_they_do(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    rest(world)
    amy.full()
    bob.type("hello")
    world.wait(2 * limits.SWEEP_SECONDS, step=limits.LOOK_SECONDS)
    assert (amy.visit.astir, bob.visit.astir) == (True, False)
    amy.drain()
    rest(world)
    assert amy.lines[-1] == "<bob> hello"


@pytest.mark.usefixtures("acknowledged")
@pytest.mark.parametrize("wire", ["irc", "telnet", "pings"])
def test_a_connection_that_is_kept_open_is_looked_at_all_the_time(world: World, wire: str) -> None:
    if wire == "irc":
        person = world.connect("NICK amy", "USER amy 0 * :Amy")
    else:
        person = world.enter("amy", wire="json" if wire == "pings" else "plain")
        person.type("/ping") if wire == "pings" else person.send(b"\xff\xfb\x00")
    world.wait(600, step=limits.LOOK_SECONDS)
    if wire == "pings":
        assert person.ended, "it is silent"
    else:
        assert person.visit.astir


def test_draining_when_nobody_is_connected_is_done_at_once(world: World) -> None:
    assert world.factory.drain().called


def test_draining_is_done_when_the_last_one_is_gone(world: World) -> None:
    amy, bob = world.connect(), world.enter("bob")
    bob.full()
    bob.type("/help")
    world.factory.hold()
    done = world.factory.drain()
    world.turn()
    assert (amy.gone, bob.gone, done.called) == (True, False, False)
    bob.drain()
    assert done.called


def test_every_connection_gets_a_protocol_of_its_own(world: World) -> None:
    one, other = (world.factory.buildProtocol(None) for _ in range(2))
    assert isinstance(one, ChatProtocol)
    assert one is not other


def test_only_so_many_of_the_refused_may_stay_to_read_why() -> None:
    """A flood of them must not use up the file descriptors that the rest of the server needs."""
    world = World(max_clients=1)
    world.connect()
    for number in range(3 * limits.REFUSED):
        socket = Socket(world.kernel, f"192.0.2.{number}")
        socket.room = 0  # who reads at once is gone at once
        socket.protocol = world.factory.buildProtocol(socket.getPeer())
        socket.protocol.makeConnection(socket)
    world.turn()
    assert len(world.factory.clients) == 1 + limits.REFUSED
    world.wait(limits.GREET_SECONDS)
    world.wait(limits.CLOSE_SECONDS)
    assert len(world.factory.clients) == 1
