"""TLS as a transport: the same bytes on both sides, however they are cut, whatever is full and in what order it ends.

At the other end is OpenSSL, which may change its keys whenever it likes; between them the imaginary kernel of `world`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openssl import MOST, VERSIONS, Peer
from sealed import RawSocket, certificates
from twisted.internet import task
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IPullProducer, IPushProducer
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from world import ENDLESS, Kernel
from zope.interface import implementer

from chat.base import limits
from chat.doors.handshakes import Handshakes
from chat.doors.tls_connection import TlsConnection


@implementer(IHandshakeListener, IPushProducer)
class Listener:
    """What is carried: it hears, and is told when it may say more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.heard = bytearray()
        self.overheads = 0
        self.events: list[str] = []
        self.full = False

    def makeConnection(self, transport: TlsConnection) -> None:
        self.transport = transport

    def handshakeCompleted(self) -> None:
        self.events.append("handshake")

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def readConnectionLost(self) -> None:
        self.events.append("end")

    def cut_off(self) -> None:
        self.events.append("cut")

    def connectionLost(self, reason: Failure) -> None:
        self.events.append("lost")

    def overhead(self, size: int) -> None:
        self.overheads += size

    def in_turn(self, work: Callable[[], None]) -> None:
        self._clock.callLater(0, work)

    def needs_tls(self, data: bytes) -> bytes:
        return b"speak TLS\n"

    def close(self) -> None:
        self.transport.loseConnection()

    # IPushProducer

    def pauseProducing(self) -> None:
        assert not self.full
        self.full = True

    def resumeProducing(self) -> None:
        assert self.full
        self.full = False

    def stopProducing(self) -> None:
        self.events.append("stop")


class Line:
    """A connection with all that is under way."""

    def __init__(self, version: str = "1.3") -> None:
        self.clock = Clock()
        self.peer = Peer(version)
        self.kernel = Kernel(self.clock)
        self.socket = RawSocket(self.kernel, "192.0.2.1")
        self.listener = Listener(self.clock)
        self.server = TlsConnection(certificates(), self.listener)
        self.socket.protocol = self.server
        self.socket.startReading()
        self.server.makeConnection(self.socket)
        self.to_server = b""
        self._read = 0

    def shake(self) -> None:
        while not self.peer.shake():
            self.pass_on()
            self.come_back()
        self.pass_on()
        assert self.listener.events == ["handshake"]

    def pass_on(self, most: int = MOST) -> None:
        """So many of their bytes come to the server, as one packet."""
        self.to_server += self.peer.made()
        packet, self.to_server = self.to_server[:most], self.to_server[most:]
        if packet:
            self.socket.sent.append(packet)
            self.look()

    def look(self) -> None:
        self.kernel.look(self.socket)
        self.clock.advance(0)

    def take(self, room: int) -> None:
        """So many bytes more of the server's get under way."""
        self.socket.room = room
        self.look()

    def come_back(self) -> None:
        """What is under way comes to them."""
        fresh = bytes(self.socket.received[self._read :])
        self._read += len(fresh)
        for start in range(0, len(fresh), MOST):
            self.peer.hear(fresh[start : start + MOST])

    def settle(self) -> None:
        """All comes where it is to come."""
        for _ in range(4):
            self.take(ENDLESS)
            self.come_back()
            self.pass_on(ENDLESS)

    def fin(self) -> None:
        self.socket.sent.append(b"")
        self.look()


@pytest.fixture
def line() -> Iterator[Line]:
    with _line() as line:
        line.shake()
        yield line


@contextmanager
def _line(version: str = "1.3") -> Iterator[Line]:
    line = Line(version)
    try:
        yield line
    finally:
        line.peer.close()


SIZES = st.one_of(st.integers(1, 300), st.integers(1, 40_000))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["client says", "server says", "pass on", "take", "room"]), SIZES),
        st.tuples(st.sampled_from(["change keys", "change both keys", "come back", "take", "pass on"]), st.just(0)),
        st.tuples(st.sampled_from(["client ends", "server ends", "pause", "resume"]), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS, st.sampled_from(list(VERSIONS)), st.booleans())
def test_all_bytes_come_over_once_and_in_order(steps: list[tuple[str, int]], version: str, fin: bool) -> None:
    with _line(version) as line:
        line.shake()
        peer, server, listener = line.peer, line.server, line.listener
        server.registerProducer(listener, True)
        said = answered = b""
        client_ended = server_ended = False
        for number, (step, size) in enumerate(steps):
            text = (b"%d " % number * size)[:size]
            match step:
                case "client says" if not client_ended:
                    said += text
                    peer.say(text)
                    line.to_server += peer.made()
                case "server says" if not server_ended:
                    answered += text
                    server.write(text)
                case "pass on":
                    line.pass_on(size or MOST)
                case "take":
                    line.take(size)
                case "room":  # of which the reactor does not know yet
                    line.socket.room = size
                case "come back":
                    line.come_back()
                case "change keys" | "change both keys" if version == "1.3" and not client_ended:
                    peer.change_keys(both=step != "change keys")
                case "client ends" if not client_ended:
                    client_ended = True
                    peer.goodbye()
                case "server ends" if not server_ended:
                    server_ended = True
                    server.unregisterProducer()
                    server.loseConnection()
                case "pause":
                    server.pauseProducing()
                case "resume":
                    server.resumeProducing()
        server.resumeProducing()
        line.settle()
        assert bytes(listener.heard) == said
        assert bytes(peer.heard) == answered
        assert server_ended or not listener.full
        assert peer.ended is server_ended
        assert ("end" in listener.events) is (client_ended and not server_ended) or server_ended
        assert line.socket.disconnected == (client_ended and server_ended)
        if fin and not line.socket.disconnected:
            line.fin()
            assert ("cut" in listener.events) is not (client_ended or server_ended)
            server.unregisterProducer()
            server.loseConnection()
            line.settle()
            assert (peer.ended, line.socket.disconnected) == (True, 1)
            assert bytes(peer.heard) == answered
        if line.socket.disconnected:
            assert listener.events[-1] == "lost"


def test_what_the_socket_takes_needs_no_reactor(line: Line) -> None:
    """The imaginary kernel serves whoever wants to write, and nobody does."""
    asked: list[object] = []
    line.kernel.addWriter = asked.append  # type: ignore[method-assign]
    for size in (1, 100, 16_384, 40_000):
        line.server.write(b"x" * size)
    assert asked == []
    line.socket.room = 0
    line.server.write(b"x")
    assert asked


def test_nothing_overtakes_what_is_kept(line: Line) -> None:
    line.socket.room = 10
    line.server.write(b"one, ")
    line.socket.room = ENDLESS  # of which the reactor does not know yet
    line.server.write(b"two")
    line.settle()
    assert line.peer.heard == b"one, two"


def test_a_producer_is_paused_while_the_socket_is_full_and_no_longer(line: Line) -> None:
    line.server.registerProducer(line.listener, True)
    line.socket.room = 10
    line.server.write(b"hello")
    assert line.listener.full
    line.take(5)
    assert line.listener.full
    line.take(ENDLESS)
    assert not line.listener.full
    line.come_back()
    assert line.peer.heard == b"hello"


def test_who_takes_nothing_has_keys_changed_not_any_number_of_times(line: Line) -> None:
    for _ in range(3 * limits.SEALED_ANSWERS // 27):  # all is taken
        line.peer.change_keys(both=True)
        line.settle()
    assert line.listener.events == ["handshake"]
    line.socket.room = 0
    line.server.write(b"hello")
    for _ in range(limits.SEALED_ANSWERS // 27 + 50):
        line.peer.change_keys(both=True)
        line.pass_on(ENDLESS)
    assert line.listener.events == ["handshake", "lost"]


def test_one_that_is_pulled_is_asked_for_as_much_as_the_socket_takes(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    @implementer(IPullProducer)
    class Pulled:
        def __init__(self) -> None:
            self.left = 5

        def resumeProducing(self) -> None:
            line.server.write(b"part ")
            self.left -= 1
            if not self.left:
                line.server.unregisterProducer()

        def stopProducing(self) -> None:
            raise AssertionError

    monkeypatch.setattr(task, "_theCooperator", task.Cooperator(scheduler=lambda work: line.clock.callLater(0, work)))
    pulled = Pulled()
    line.socket.room = 30
    line.server.registerProducer(pulled, False)
    line.clock.pump([0] * 10)
    assert pulled.left == 3  # one record was taken, the next one not
    line.socket.room = ENDLESS
    line.look()
    line.clock.pump([0] * 10)
    line.settle()
    assert line.peer.heard == b"part " * 5


def test_only_one_producer_may_be_registered_and_none_where_the_connection_is_gone(line: Line) -> None:
    line.server.registerProducer(line.listener, True)
    with pytest.raises(RuntimeError):
        line.server.registerProducer(line.listener, True)
    line.server.abortConnection()
    line.clock.advance(0)
    assert line.listener.events[-2:] == ["stop", "lost"]
    line.server.registerProducer(line.listener, True)
    assert line.listener.events[-1] == "stop"


def test_goodbye_is_said_when_the_producer_is_done(line: Line) -> None:
    line.server.registerProducer(line.listener, True)
    line.server.loseConnection()
    line.server.write(b"last words")
    line.settle()
    assert (line.peer.heard, line.peer.ended) == (b"last words", False)
    line.server.unregisterProducer()
    line.server.write(b"too late")
    line.settle()
    assert (line.peer.heard, line.peer.ended) == (b"last words", True)


def test_what_is_said_before_the_handshake_comes_after_it() -> None:
    with _line() as early:
        early.server.write(b"one ")
        early.server.write(b"x" * 20_000)
        early.server.loseConnection()
        early.shake()
        early.settle()
        assert bytes(early.peer.heard) == b"one " + b"x" * 20_000
        assert early.peer.ended


def test_both_parts_of_a_handshake_are_done_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Callable[[], None]] = []
    with _line() as line:
        monkeypatch.setattr(line.listener, "in_turn", waiting.append)
        for events in ([], ["handshake"]):
            line.peer.shake()
            line.pass_on()
            line.pass_on()
            assert line.listener.events == []
            (open_it,) = waiting
            open_it()
            assert line.listener.events == events
            waiting.clear()
            line.come_back()


def test_what_comes_with_the_end_of_a_handshake_is_read_though_it_is_not_whole() -> None:
    with _line() as line:
        line.peer.shake()
        line.pass_on()
        line.come_back()
        line.peer.shake()
        line.peer.say(b"hello, ")
        line.peer.say(b"amy")
        line.to_server = line.peer.made()
        line.pass_on(len(line.to_server) - 5)
        assert (line.listener.events, line.listener.heard) == (["handshake"], b"hello, ")
        line.pass_on()
        assert line.listener.heard == b"hello, amy"


def test_a_handshake_is_over_when_it_is_done_or_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over: list[None] = []
    monkeypatch.setattr(limits, "HANDSHAKES_TRIMMED", 1)
    monkeypatch.setattr(certificates(), "handshakes", Handshakes(lambda: over.append(None)))
    with _line() as line, _line() as other:
        line.peer.shake()
        line.pass_on()
        other.shake()
        assert over == []
        line.server.abortConnection()
        line.clock.advance(0)
        assert over == [None]
        other.server.abortConnection()
        other.clock.advance(0)
        assert over == [None]


def test_what_is_no_tls_any_more_is_told_so_and_closed(line: Line) -> None:
    line.peer.say(b"hello")
    data = bytearray(line.peer.made())
    data[-1] ^= 1
    line.socket.sent.append(bytes(data))
    line.look()
    assert line.listener.heard == b""
    assert line.listener.events[-1] == "lost"
    assert line.socket.received[-24:-21] == b"\x17\x03\x03"  # an alert
    other = Line()
    other.shake()
    other.server.write(b"unharmed")
    other.settle()
    assert other.peer.heard == b"unharmed"
    other.peer.close()


def test_a_closed_line_takes_no_more(line: Line) -> None:
    line.server.abortConnection()
    before = len(line.socket.received)
    line.server.write(b"more")
    line.server.loseConnection()
    line.clock.advance(0)
    line.server.write(b"more")
    assert len(line.socket.received) == before
    assert line.listener.events == ["handshake", "lost"]


# Many at once.


@contextmanager
def _lines(count: int) -> Iterator[list[Line]]:
    lines = [Line() for _ in range(count)]
    try:
        yield lines
    finally:
        for line in lines:
            line.peer.close()


@pytest.mark.parametrize("size", [3, 2_000, 40_000])
def test_what_is_sent_to_all_comes_to_each_however_it_stands(size: int) -> None:
    with _lines(6) as lines:
        usual, full, behind, leaving, gone, early = lines
        for line in lines[:-1]:
            line.shake()
        full.socket.room = 10
        behind.socket.room = 0
        behind.server.write(b"before, ")
        behind.socket.room = ENDLESS  # of which the reactor does not know yet
        leaving.server.loseConnection()
        gone.socket.connectionLost(Failure(ConnectionLost()))
        servers = [line.server for line in lines]
        for text in (b"a" * size, b"b" * size):
            servers[0].send_to_all(servers, text)
        # What OpenSSL has to say of one is not taken for what happened to another.
        usual.peer.say(b"still here")
        usual.pass_on()
        assert (usual.listener.heard, usual.listener.events) == (b"still here", ["handshake"])
        early.shake()
        for line in lines:
            line.settle()
        said = b"a" * size + b"b" * size
        assert [bytes(line.peer.heard) for line in lines] == [said, said, b"before, " + said, b"", b"", said]


@pytest.mark.parametrize("version", list(VERSIONS))
def test_where_nothing_is_sent_to_all_nothing_is_sent(version: str) -> None:
    with _line(version) as line:
        line.shake()
        before = len(line.socket.received)
        line.server.send_to_all([line.server], b"")
        line.server.write(b"")
        assert len(line.socket.received) == before


def test_who_is_told_that_it_is_full_may_write_to_others_and_overtakes_nothing() -> None:
    with _lines(4) as lines:
        for line in lines:
            line.shake()
            line.server.registerProducer(line.listener, True)
        first, *others = lines
        others[-1].socket.room = first.socket.room = 5

        def tell() -> None:
            for line in others:
                line.socket.room = ENDLESS
                line.server.write(b"full!")

        first.listener.pauseProducing = tell  # type: ignore[method-assign]
        first.server.send_to_all([line.server for line in lines], b"hello, ")
        first.server.unregisterProducer()
        for line in lines:
            line.settle()
        assert [bytes(line.peer.heard) for line in lines] == [b"hello, ", *[b"hello, full!"] * 3]
