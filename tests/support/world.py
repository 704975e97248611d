"""A whole chat without a reactor, a network or a wait: lines in, bytes out, time that only passes when a test says so.

`World` owns the clock, the store, the hub and the factory; `Client` is somebody with a terminal or a program.  What
lies between them is Twisted's own file descriptor, with an imaginary kernel below it: it buffers, pauses producers,
half-closes and aborts as a socket does.  Nothing happens before `World.turn`, and after it nothing is left to do.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import NoReturn, Protocol

from twisted.internet import error, main
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits, resume_codes
from chat.base.bans import Bans, parse_ban
from chat.base.errors import Unfit
from chat.base.language import Sentence, language
from chat.base.passwords import Shared
from chat.commands.welcome import tell_welcome
from chat.core.hub import Hub, Settings
from chat.core.nodes import OtherNodes
from chat.core.person import Person
from chat.core.ports import NOTHING_KEPT, Kept, Store
from chat.core.restoring import restore
from chat.core.session import Session
from chat.doors.control import ControlFactory
from chat.doors.factory import ChatFactory
from chat.doors.tcp import ChatProtocol
from chat.store.memory import MemoryStore
from chat.visit.visit import Visit
from chat.wire.wires import Kind, Wires, kinds

START = datetime(2026, 11, 22, 10, 4, tzinfo=UTC)
"""The date at which every world begins: a Sunday."""

ENDLESS = 2**40

logger = Logger()


class Hashed:
    """Passwords that cost nothing."""

    def __init__(self) -> None:
        self.verified = 0

    def hash(self, password: str) -> Deferred[str]:
        return succeed(blake2b(password.encode()).hexdigest())

    def verify(self, hash: str | None, password: str) -> Deferred[bool]:
        self.verified += 1
        return succeed(blake2b(password.encode()).hexdigest() == hash)


class Process:
    """The process around a world: what was asked of it, and what it answers."""

    def __init__(self) -> None:
        self.changes: Sequence[Sentence] | Unfit = ()
        self.copy: Deferred[Path] = Deferred()
        self.stopped = 0
        self.started_at = START
        self.log_entries = {"warn": 2, "error": 1, "critical": 0}

    def reload(self) -> Sequence[Sentence]:
        if isinstance(self.changes, Unfit):
            raise self.changes
        return self.changes

    def back_up(self) -> Deferred[Path]:
        return self.copy

    def stop(self) -> None:
        self.stopped += 1


class Kernel:
    """What a reactor does for the sockets of a world, by its clock."""

    def __init__(self, clock: Clock) -> None:
        self.callLater = clock.callLater
        self._wanted: set[tuple[str, Socket]] = set()

    def addReader(self, socket: "Socket") -> None:
        self._add("read", socket)

    def addWriter(self, socket: "Socket") -> None:
        self._add("write", socket)

    def removeReader(self, socket: "Socket") -> None:
        self._wanted.discard(("read", socket))

    def removeWriter(self, socket: "Socket") -> None:
        self._wanted.discard(("write", socket))

    def look(self, socket: "Socket") -> None:
        """Something changed at the far end: serve what is wanted and possible, once the clock goes on."""
        for want in ("read", "write"):
            if (want, socket) in self._wanted:
                self.callLater(0, self._serve, want, socket)

    def _add(self, want: str, socket: "Socket") -> None:
        self._wanted.add((want, socket))
        self.callLater(0, self._serve, want, socket)

    def _serve(self, want: str, socket: "Socket") -> None:
        while (want, socket) in self._wanted and (socket.readable if want == "read" else socket.writable):
            try:
                why = socket.doRead() if want == "read" else socket.doWrite()
            except Exception as bug:  # as every reactor does
                logger.failure("Unhandled in {socket}", socket=socket)
                why = bug
            if why is not None:
                self.removeReader(socket)
                if want == "read" and isinstance(why, error.ConnectionDone):
                    socket.readConnectionLost(Failure(why))
                else:
                    socket.connectionLost(Failure(why))


class Socket(FileDescriptor):
    """A connection as the server sees it, and (`sent`, `received`, `room`) what the far end did with it."""

    def __init__(self, kernel: Kernel, host: str) -> None:
        super().__init__(kernel)
        self.connected = 1
        self.protocol: ChatProtocol | None = None
        self.sent: deque[bytes] = deque()
        """What the far end sent and the server has not read; an empty one is its FIN."""
        self.received = bytearray()
        self.room = ENDLESS
        """So many bytes more the far end will take."""
        self.ended = False
        """The far end has got the server's FIN, or a reset."""
        self._host = host

    @property
    def readable(self) -> bool:
        return bool(self.sent)

    @property
    def writable(self) -> bool:
        return self.room > 0 or not (self.dataBuffer or self._tempDataBuffer)

    # FileDescriptor

    def doRead(self) -> Exception | None:
        data = self.sent.popleft()
        if not data:
            return main.CONNECTION_DONE
        self.protocol.dataReceived(data)
        return None

    def writeSomeData(self, data: bytes) -> int:
        taken = bytes(data[: self.room])
        self.received += taken
        self.room -= len(taken)
        return len(taken)

    def readConnectionLost(self, reason: Failure) -> None:
        if IHalfCloseableProtocol.providedBy(self.protocol):
            try:
                self.protocol.readConnectionLost()
            except Exception:  # as tcp.Connection does
                logger.failure("Unhandled in {socket}", socket=self)
                self.connectionLost(Failure())
        else:
            self.connectionLost(reason)

    def _closeWriteConnection(self) -> None:
        self.ended = True
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.writeConnectionLost()

    def connectionLost(self, reason: Failure) -> None:
        if not self.disconnected:
            super().connectionLost(reason)
            self.ended = True
            self.protocol.connectionLost(reason)

    # ITCPTransport

    def abortConnection(self) -> None:
        if not self.disconnected:
            self.stopReading()
            self.stopWriting()
            self.reactor.callLater(0, self.connectionLost, Failure(error.ConnectionAborted()))

    def _postLoseConnection(self) -> Exception | None:
        # As TLS does: it never closes while a producer is registered.
        return main.CONNECTION_DONE if self.producer is None else None

    def unregisterProducer(self) -> None:
        super().unregisterProducer()
        if self.disconnecting:
            self.startWriting()

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", self._host, 50000)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "10.0.0.1", 12345)


class Client:
    """Somebody at the far end of a connection."""

    def __init__(self, world: "World", protocol: ChatProtocol, socket: Socket) -> None:
        self.world = world
        self.protocol = protocol
        self.socket = socket
        self._taken = 0

    @property
    def visit(self) -> Visit:
        """What the server makes of the connection."""
        return self.protocol.visit

    @property
    def session(self) -> Session:
        """Whose the lines are."""
        return self.visit.session

    # What they do.

    def send(self, data: bytes) -> None:
        """Send bytes; the server reads them with the next turn."""
        self.socket.sent.append(data)
        self.world.kernel.look(self.socket)

    def type(self, *lines: str, **keys: object) -> None:
        """Send these lines, as objects with these keys if there are any, and let the server handle them."""
        for line in lines:
            text = json.dumps({"line": line, **keys}) if keys else line
            self.send(text.encode() + b"\n")
        self.world.turn()

    def close(self) -> None:
        """End the input (FIN), and read on."""
        self.send(b"")
        self.world.turn()

    def cut(self) -> None:
        """Be gone without a word; half a line that was read is forgotten."""
        del self.socket.received[self.socket.received.rfind(b"\n") + 1 :]
        self.socket.connectionLost(Failure(error.ConnectionLost()))
        self.world.turn()

    def full(self, room: int = 0) -> None:
        """Read nothing more after so many bytes."""
        self.socket.room = room

    def drain(self, room: int = ENDLESS) -> None:
        """Read on, so many bytes."""
        self.socket.room = room
        self.world.kernel.look(self.socket)
        self.world.turn()

    # What they get.

    @property
    def bytes(self) -> bytes:
        """All bytes received since the last `take`."""
        return bytes(self.socket.received[self._taken :])

    @property
    def lines(self) -> list[str]:
        """All whole lines received since the last `take`, without their ends."""
        *lines, rest = self.bytes.decode(errors="backslashreplace").split("\n")
        assert not rest, f"half a line: {rest!r}"
        return [line.removesuffix("\r") for line in lines]

    @property
    def objects(self) -> list[dict]:
        """The same as objects, on the wire of programs; what came before its hello is skipped."""
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def take(self) -> list[str]:
        """The lines, and forget them."""
        lines = self.lines
        self._taken = len(self.socket.received)
        return lines

    def take_objects(self) -> list[dict]:
        """The objects, and forget them."""
        objects = self.objects
        self.take()
        return objects

    @property
    def ended(self) -> bool:
        """The server has closed its side, and all before that was read."""
        return self.socket.ended

    @property
    def gone(self) -> bool:
        """The connection is no more."""
        return bool(self.socket.disconnected)


class World:
    """A chat with its clock; `rate` 0 lets people type as fast as a test does."""

    def __init__(
        self,
        store: Store | None = None,
        *,
        rate: float = 0,
        history: int = 20,
        grace: float = limits.GRACE_SECONDS,
        motd: Sequence[str] = (),
        max_clients: int = 0,
        max_per_host: int = 0,
        bans: Sequence[str] = (),
        proxies: Sequence[str] = (),
        unrecorded: Sequence[str] = (),
        password: str | None = None,
        registered_only: bool = False,
        guards_newcomers: bool = False,
        words: str = "en",
        tokens: str = "token",
        clock: Clock | None = None,
        wires: Mapping[str, Kind] | None = None,
        kept: Kept = NOTHING_KEPT,
    ) -> None:
        self.clock = clock or Clock()
        self.wrong_by = timedelta(0)
        self.store = store or MemoryStore()
        self.kernel = Kernel(self.clock)
        numbers = count(1)
        settings = Settings(
            "pi",
            tuple(motd),
            history,
            grace,
            frozenset(unrecorded),
            rate=rate,
            max_clients=max_clients,
            max_per_host=max_per_host,
            bans=Bans(map(parse_ban, bans)),
            proxies=Bans(map(parse_ban, proxies)),
            registered_only=registered_only,
            password=None if password is None else Shared(password),
            guards_newcomers=guards_newcomers,
        )
        self.passwords = Hashed()
        token = lambda: f"{tokens}{next(numbers)}"  # noqa: E731
        self.hub = Hub(self.clock, self.now, self.store, token, settings, kept, self.passwords)
        if self.store.shared:
            restore(self.hub, kept.remembered, kept.elsewhere)
            OtherNodes(self.hub, self.store, kept)  # type: ignore[arg-type]
        self.process = self.hub.process = Process()
        self.factory = ChatFactory(self.hub, Wires(kinds(UTC) if wires is None else wires, language(words)))
        self.clients: list[Client] = []

    def now(self) -> datetime:
        """The date, which goes with the clock, and may be wrong."""
        return START + timedelta(seconds=self.clock.seconds()) + self.wrong_by

    def turn(self) -> None:
        """Let everything happen that needs no time."""
        self.clock.advance(0)

    def wait(self, seconds: float, step: float | None = None) -> None:
        """Let time pass, in steps."""
        step = step or seconds
        for _ in range(round(seconds / step)):
            self.clock.advance(step)

    def connect(self, *lines: str, wire: str = "plain", host: str = "192.0.2.1", greeted: bool = True) -> Client:
        """Somebody connects and types these lines, or waits for the greeting."""
        socket = Socket(self.kernel, host)
        protocol = self.factory.buildProtocol(socket.getPeer())
        socket.protocol = protocol
        client = Client(self, protocol, socket)
        self.clients.append(client)
        socket.startReading()
        protocol.makeConnection(socket)
        if wire != "plain":
            client.type(f"/{wire}")
        client.type(*lines)
        if greeted and not lines and wire == "plain":
            self.wait(limits.GREET_SECONDS)
        return client

    def operator(self, *lines: str) -> Client:
        """Whoever runs the server comes by the control socket, and types these lines."""
        socket = Socket(self.kernel, "")
        client = Client(self, ControlFactory(self.factory).buildProtocol(None), socket)
        socket.protocol = client.protocol
        self.clients.append(client)
        socket.startReading()
        client.protocol.makeConnection(socket)
        client.type(*lines)
        return client

    def device(self, of: Client, wire: str = "plain") -> Client:
        """One more device of somebody who is here, as a login brings it: it is told its code, and reads on."""
        return self.log_in(of.session.person, wire)

    def log_in(self, person: Person, wire: str = "plain") -> Client:
        """The same of somebody who may be away."""
        client = self.connect(wire=wire)
        client.take()
        session = client.session
        session.enter_as(person, resume_codes.for_programs())
        Deferred.fromCoroutine(tell_welcome(session, True, None)).addCallback(lambda _: session.hear_on())
        self.turn()
        return client

    def enter(self, nick: str, *lines: str, wire: str = "plain") -> Client:
        """Somebody enters under this nickname, types these lines, and has read everything so far."""
        client = self.connect(f"/nick {nick}", wire=wire)
        assert f"Hello {nick}." in client.bytes.decode() or '"welcome"' in client.bytes.decode(), client.lines
        client.type(*lines)
        client.take()
        return client

    def take_all(self) -> None:
        """Everybody has read everything so far."""
        for client in self.clients:
            client.take()


class Logged(Protocol):
    """The fixture `logged`: what was logged and must be expected."""

    def expect(self, *kinds: type[BaseException]) -> list[Failure]:
        """Take the failures of these kinds; the test fails if there are none."""


def broken(*_: object, **__: object) -> NoReturn:
    """Stands in for a part of the server that has a bug."""
    raise ZeroDivisionError("a bug")


def until(world: World, condition: Callable[[], bool], seconds: float, step: float) -> float:
    """Let time pass until this holds; returns how long that took."""
    for number in range(int(seconds / step) + 1):
        if condition():
            return number * step
        world.wait(step)
    raise AssertionError(f"not within {seconds} s")
