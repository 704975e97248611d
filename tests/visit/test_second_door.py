"""Another door than TCP's lines, in forty lines: what a visit is does not depend on how bytes come and go.

This one has messages instead of lines, as a WebSocket has, each with its length in front.
"""

import pytest
from twisted.internet.testing import StringTransport
from twisted.protocols.basic import NetstringReceiver
from world import World, until

from chat.base import limits
from chat.visit.door import Door
from chat.visit.visit import Visit


class Messages(NetstringReceiver, Door):
    """A connection of messages: what a visit needs of it as a door and, for its one way out, as an output."""

    blocked = broken = sealed = private = False
    direct = None

    def __init__(self, world: World, host: str) -> None:
        self.visit = Visit(world.hub, world.factory, self, host, proxied=False)
        self.asked: list[str] = []

    def connectionMade(self) -> None:
        self.visit.begin(self, shaking=False)

    def stringReceived(self, message: bytes) -> None:
        self.visit.meet()
        self.visit.received([message.decode()], len(message))

    def connectionLost(self, reason: object = None) -> None:
        self.visit.lost()

    # Output

    def send(self, chunk: bytes) -> None:
        self.sendString(chunk)

    def shut(self) -> None:
        self.blocked = True

    # Door

    def pause(self, paused: bool) -> None:
        self.asked.append("pause" if paused else "go on")

    def hang_up(self) -> None:
        self.transport.loseConnection()

    def abort(self) -> None:
        self.transport.abortConnection()


class Somebody:
    """Who comes by that door."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.door = Messages(world, "192.0.2.7")
        self.transport = StringTransport()
        self.door.makeConnection(self.transport)

    def say(self, *messages: str) -> None:
        self.door.dataReceived(b"".join(b"%d:%b," % (len(text), text.encode()) for text in messages))
        self.world.turn()

    def take(self) -> list[str]:
        data, lines = self.transport.value(), []
        self.transport.clear()
        while data:
            size, _, data = data.partition(b":")
            lines += data[: int(size)].decode().splitlines()
            data = data[int(size) + 1 :]
        return lines


@pytest.fixture
def zoe(world: World) -> Somebody:
    return Somebody(world)


def test_who_comes_by_another_door_talks_with_all_others(world: World, zoe: Somebody) -> None:
    ann = world.enter("ann")
    zoe.say("zoe", "hello, ann")
    assert ann.take() == ["-!- zoe joined #lobby (2 here)", "<zoe> hello, ann"]
    ann.type("hello, zoe")
    assert "-> Hello zoe. You are in #lobby with ann: what you type, they see." in zoe.take()[2:]


def test_they_are_greeted_reminded_and_sent_away_in_time(world: World, zoe: Somebody) -> None:
    assert zoe.take() == []
    world.wait(limits.GREET_SECONDS)
    assert "nickname" in zoe.take()[-1]
    world.wait(limits.NICK_REMINDER_SECONDS)
    assert zoe.take() == ["-> Type a nickname within 60 s to stay."]
    world.wait(limits.NICK_SECONDS - limits.NICK_REMINDER_SECONDS)
    assert zoe.take() == ["! nick-timeout: No nickname was chosen in 3 min."]
    assert zoe.transport.disconnecting


def test_what_they_send_too_fast_waits_and_can_be_dropped() -> None:
    world = World(rate=2)
    zoe = Somebody(world)
    ann = world.enter("ann")
    zoe.say("zoe", *(str(number) for number in range(limits.BURST + 39)))
    assert zoe.take()[-1] == "-> /cancel drops those that still wait."
    zoe.say("/who", "/cancel", "sorry")
    until(world, lambda: "<zoe> sorry" in ann.lines, 10, 0.5)
    assert zoe.take()[-1] == "-> The 40 lines that waited are dropped."


def test_a_request_after_the_other_and_the_end(world: World, zoe: Somebody) -> None:
    ann = world.enter("ann")
    zoe.say("zoe")
    ann.take()
    zoe.say("/nick zora", "/me waves", "/quit bye", "too late")
    assert ann.take() == ["-!- zoe is now known as zora", "* zora waves", '-!- zora left (0 s): "bye"']
    assert zoe.take()[-1] == "! nothing-said: The last line was not said."
    assert zoe.transport.disconnecting


def test_when_it_is_lost_they_may_come_back_by_any_door(world: World, zoe: Somebody) -> None:
    ann = world.enter("ann")
    zoe.say("zoe")
    code = zoe.door.visit.session.code
    zoe.door.connectionLost()
    ann.type("are you there?")
    again = world.connect(f"/resume {code}")
    assert [line.partition(" ")[2] for line in again.lines if "<ann>" in line] == ["<ann> are you there?"]


def test_when_the_server_stops_all_doors_are_closed(world: World, zoe: Somebody) -> None:
    zoe.say("zoe")
    zoe.take()
    world.factory.hold()
    zoe.say("too late")
    world.factory.drain()
    world.turn()
    assert zoe.take() == ["-> The server is stopping.", "! nothing-said: The last line was not said."]
    assert zoe.transport.disconnecting
