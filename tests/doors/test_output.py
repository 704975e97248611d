"""The way out on a real TCP socket: bytes go to the kernel at once, and nothing overtakes anything when it is full.

The sockets are real, the reactor is not: a test says when it looks at them, and the time is the world's.
"""

import select
import socket
from collections.abc import Iterator

import pytest
from pages import head, masked, open_web, upgrade
from stores import SlowStore
from twisted.internet import error, tcp
from twisted.internet.interfaces import IReactorFDSet
from twisted.python.failure import Failure
from world import World
from zope.interface import implementer

from chat.base import limits
from chat.core.fanout import fanout


@implementer(IReactorFDSet)
class Reactor:
    """Looks at its sockets when it is told to."""

    def __init__(self, world: World) -> None:
        self.callLater = world.clock.callLater
        self.seconds = world.clock.seconds
        self.readers: set[tcp.Server] = set()
        self.writers: set[tcp.Server] = set()
        self.addReader, self.removeReader = self.readers.add, self.readers.discard
        self.addWriter, self.removeWriter = self.writers.add, self.writers.discard
        self._world = world

    def look(self) -> None:
        """Serve all sockets until none is ready."""
        self._world.turn()
        while True:
            readable, writable, _ = select.select(list(self.readers), list(self.writers), [], 0)
            if not (readable or writable):
                return
            for server in readable:
                self._serve(server, server.doRead)
            for server in writable:
                if server in self.writers:
                    self._serve(server, server.doWrite)
            self._world.turn()

    def _serve(self, server: tcp.Server, serve: object) -> None:
        if why := serve():
            if isinstance(why, error.ConnectionDone) and serve == server.doRead:
                self.removeReader(server)
                server.readConnectionLost(Failure(why))
            else:
                server.connectionLost(Failure(why))


class Peer:
    """Somebody at the other end of a real connection, whose buffers are as small as the kernel lets them be."""

    def __init__(self, world: World, reactor: Reactor) -> None:
        self.reactor = reactor
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            self.socket.connect(listening.getsockname())
            ours, address = listening.accept()
        ours.setblocking(False)
        self.socket.setblocking(False)
        self.protocol = world.factory.buildProtocol(None)
        self.server = tcp.Server(ours, self.protocol, address, None, 0, reactor)
        self.protocol.makeConnection(self.server)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)

    def type(self, *lines: str) -> None:
        for line in lines:
            self.socket.sendall(line.encode() + b"\n")
        self.reactor.look()

    def read(self, most: int = 10**9) -> bytes:
        """What came, as the server goes on; up to so many bytes."""
        data = bytearray()
        while len(data) < most:
            self.reactor.look()
            try:
                some = self.socket.recv(min(1000, most - len(data)))
            except BlockingIOError:
                break
            if not some:
                break
            data += some
        return bytes(data)

    def hang_up(self) -> None:
        """Close both ends."""
        self.socket.close()
        if not self.server.disconnected:
            self.server.connectionLost(Failure(error.ConnectionDone()))

    @property
    def ended(self) -> bool:
        """The server's half is closed, and everything was read."""
        try:
            return self.socket.recv(1) == b""
        except BlockingIOError:
            return False


@pytest.fixture
def reactor(world: World) -> Reactor:
    return Reactor(world)


@pytest.fixture
def amy(world: World, reactor: Reactor) -> Iterator[Peer]:
    """In the lobby, with nothing to read."""
    peer = Peer(world, reactor)
    peer.type("amy")
    assert b"Hello amy." in peer.read()
    yield peer
    peer.hang_up()


def numbered(count: int) -> list[str]:
    return [f"{number} {'x' * 1000}" for number in range(count)]


def test_what_the_kernel_takes_never_asks_the_reactor_to_write(world: World, reactor: Reactor, amy: Peer) -> None:
    bob = world.enter("bob")
    amy.read()
    reactor.addWriter = lambda server: pytest.fail("through the reactor")
    amy.server.reactor = reactor
    bob.type("hi")
    assert amy.socket.recv(100) == b"<bob> hi\r\n"


def test_one_whose_kernel_is_full_gets_everything_in_order(world: World, amy: Peer) -> None:
    bob, lines = world.enter("bob"), numbered(500)
    amy.read()
    bob.type(*lines)
    assert amy.protocol.visit.blocked
    assert amy.read() == "".join(f"<bob> {line}\r\n" for line in lines).encode()
    assert not amy.protocol.visit.blocked
    bob.type("hi")
    assert amy.read() == b"<bob> hi\r\n"


def test_whoever_is_full_keeps_little_in_memory(world: World, amy: Peer) -> None:
    bob = world.enter("bob")
    bob.type(*numbered(2000))
    buffered = sum(map(len, [amy.server.dataBuffer, *amy.server._tempDataBuffer]))
    assert buffered <= limits.PAGE_BYTES


def test_replies_do_not_overtake_what_is_still_to_be_read(world: World, amy: Peer) -> None:
    bob, lines = world.enter("bob"), numbered(100)
    amy.read()
    amy.socket.sendall(b"hi\n/ping\n")
    bob.type(*lines)
    amy.reactor.look()
    assert amy.read().decode().splitlines() == [*(f"<bob> {line}" for line in lines), "-> pong"]


def test_an_acknowledgement_does_not_overtake_what_is_on_its_way() -> None:
    store = SlowStore()
    world = World(store)
    reactor = Reactor(world)
    amy = Peer(world, reactor)
    amy.type("amy")
    bob, lines = world.enter("bob"), numbered(100)
    amy.read()
    store.slow = True
    bob.type("first")
    amy.type("/msg bob psst")
    bob.type(*lines)
    while store.commits:
        store.let()
        world.turn()
    assert amy.protocol.visit.blocked
    heard = amy.read().decode().splitlines()
    amy.hang_up()
    assert heard.index("[you -> bob] psst") > 40
    assert [line for line in heard if line.startswith("<bob>")] == [f"<bob> {line}" for line in ["first", *lines]]


def test_bytes_of_one_line_stay_together_however_slowly_they_are_read(world: World, amy: Peer) -> None:
    bob, lines = world.enter("bob"), numbered(50)
    amy.read()
    heard = b""
    for line in lines:
        bob.type(line)
        heard += amy.read(700)
    heard += amy.read()
    assert heard == "".join(f"<bob> {line}\r\n" for line in lines).encode()


def test_the_last_words_arrive_though_input_was_not_read(world: World, amy: Peer) -> None:
    amy.type("/quit", *["and another thing"] * 100)
    assert amy.read().startswith(b"-> Bye amy.")
    assert amy.ended
    amy.type("hello?")
    amy.socket.shutdown(socket.SHUT_WR)
    amy.reactor.look()
    assert amy.server.disconnected


def test_whoever_does_not_hang_up_after_goodbye_is_cut_off(world: World, amy: Peer) -> None:
    amy.type("/quit")
    amy.read()
    assert not amy.server.disconnected
    world.wait(3 * limits.CLOSE_SECONDS, step=limits.CLOSE_SECONDS)
    assert amy.server.disconnected


def test_half_closing_gets_every_reply_and_then_the_end(world: World, amy: Peer) -> None:
    amy.socket.sendall(b"/ping one\n/ping two")
    amy.socket.shutdown(socket.SHUT_WR)
    assert amy.read() == b"-> pong one\r\n-> pong two\r\n"
    assert amy.ended
    assert amy.server.disconnected


def test_a_reset_is_a_cut_and_nobody_else_notices(world: World, reactor: Reactor, amy: Peer) -> None:
    bob = world.enter("bob")
    amy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    amy.socket.close()
    # The kernel tells whoever asks first, which is the one who writes; the reader then finds the end of input.
    bob.type("hi", "ho")
    reactor.look()
    assert amy.server.disconnected
    assert not bob.ended
    bob.type("/who")
    assert not [line for line in bob.lines if "left" in line]
    assert "amy (line down" in bob.lines[-1]


def test_half_a_line_is_not_said_where_a_reset_is_noticed_in_writing(world: World, reactor: Reactor, amy: Peer) -> None:
    bob = world.enter("bob")
    amy.socket.sendall(b"a whole line\nhalf a li")
    reactor.look()
    amy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    amy.socket.close()
    bob.type("hi", "ho")
    reactor.look()
    assert amy.server.disconnected
    assert bob.lines == ["<amy> a whole line"]


def test_what_was_said_after_a_reset_is_unread_however_late_the_reader_notices_it(
    world: World, reactor: Reactor, amy: Peer
) -> None:
    bob = world.enter("bob")
    amy.read()
    session = amy.protocol.visit.session
    amy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    amy.socket.close()
    # Their input is paused, as they were over their rate: only who writes is told.
    bob.type("hi", "ho")
    assert len(fanout(world.hub.lobby.log)) == 1
    world.wait(3 * limits.LOOK_SECONDS, step=limits.LOOK_SECONDS)
    amy.protocol.dataReceived(b"/join #x\n")  # they wrote it before
    bob.type("/join #x", "late")
    world.wait(3 * limits.LOOK_SECONDS, step=limits.LOOK_SECONDS)
    bob.type("later")
    reactor.look()
    assert amy.server.disconnected
    again = world.connect()
    again.type(f"/resume {session.code}")
    assert [line.rpartition("> ")[2] for line in again.take() if "<bob>" in line] == ["hi", "ho", "late", "later"]


def test_who_reads_a_little_now_and_then_is_not_given_up_and_who_reads_nothing_is(world: World, amy: Peer) -> None:
    bob = world.enter("bob")
    bob.type(*numbered(2000))
    for _ in range(8):
        world.wait(limits.STALL_SECONDS / 2, step=1)
        amy.read(5000)
    assert not amy.server.disconnected
    world.wait(limits.STALL_SECONDS + 2 * limits.SWEEP_SECONDS, step=1)
    assert amy.server.disconnected


def test_what_is_said_to_a_page_comes_behind_what_its_browser_was_answered(world: World, reactor: Reactor) -> None:
    open_web(world)
    browser = Peer(world, reactor)
    browser.socket.sendall(head("/chat.js"))
    [server] = reactor.readers
    server.doRead()
    browser.socket.sendall(upgrade() + masked(b"/nick zoe"))
    reactor.look()
    script, upgraded, talk = browser.read().partition(b"HTTP/1.1 101 ")
    assert script.startswith(b"HTTP/1.1 200 ")
    assert upgraded
    assert b'"nick":"zoe"' in talk
    browser.hang_up()
