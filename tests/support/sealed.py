"""Somebody who speaks TLS with the chat of a `world`: OpenSSL at both ends, and the imaginary kernel between."""

import errno
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

from OpenSSL import SSL
from twisted.internet import main
from twisted.internet.task import Clock
from world import Socket, World

from chat.doors import certificate
from chat.doors.certificate import Files
from chat.doors.tls import Certificates
from chat.doors.tls_connection import TlsConnection, TlsFactory

NOW = datetime(2026, 11, 22, 10, 4, tzinfo=UTC)


def files(directory: Path, now: datetime = NOW) -> Files:
    """A certificate in this directory."""
    return certificate.make(directory, "pi", ["192.0.2.9"], now)


@cache
def certificates() -> Certificates:
    """One certificate for many tests."""
    return Certificates(files(Path(mkdtemp())), Clock(), lambda: NOW + timedelta(days=1))


class RawSocket(Socket):
    """TCP beneath TLS: it closes also where a producer is registered, and may be given bytes past its buffer."""

    def getHandle(self) -> Self:
        return self

    def send(self, data: bytes) -> int:
        if self.disconnected:
            raise OSError(errno.EBADF, "closed")
        if not self.room:
            raise BlockingIOError
        return self.writeSomeData(data)

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Nothing is delayed here."""

    def _postLoseConnection(self) -> Exception:
        return main.CONNECTION_DONE


class Sealed:
    """A client; its handshake is done unless it is not to be."""

    def __init__(
        self,
        world: World,
        *lines: str,
        host: str = "192.0.2.1",
        handshake: bool = True,
        shown: Certificates | None = None,
        context: SSL.Context | None = None,
    ) -> None:
        self.world = world
        self.socket = RawSocket(world.kernel, host)
        factory = TlsFactory(shown or certificates(), world.factory)
        self.transport: TlsConnection = factory.buildProtocol(self.socket.getPeer())
        self.protocol = self.transport.wrappedProtocol
        self.socket.protocol = self.transport
        self.received = bytearray()
        self.ended = False
        """The server has said goodbye."""
        self._taken = 0
        self._read = 0
        self.socket.startReading()
        self.transport.makeConnection(self.socket)
        self.tls = SSL.Connection(context or SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        self.tls.set_connect_state()
        if handshake:
            self.pump()
            self.pump()
        self.type(*lines)

    # What they do.

    def raw(self, data: bytes) -> None:
        """Send bytes without TLS; an empty one is a FIN."""
        self.socket.sent.append(data)
        self.world.kernel.look(self.socket)
        self.world.turn()

    def hello(self) -> bytes:
        """The first packet of a handshake."""
        with suppress(SSL.WantReadError):
            self.tls.do_handshake()
        return self.tls.bio_read(65536)

    def type(self, *lines: str) -> None:
        """Say these lines."""
        for line in lines:
            self.tls.sendall(line.encode() + b"\n")
            self.pump()

    def say(self, text: bytes) -> None:
        """Send this, whole lines or not."""
        self.tls.sendall(text)
        self.pump()

    def goodbye(self) -> None:
        """Send close_notify, and read on."""
        self.tls.shutdown()
        self.pump()

    def fin(self) -> None:
        """End TCP's input, and read on."""
        with suppress(SSL.WantReadError):
            self.socket.sent.append(self.tls.bio_read(65536))
        self.raw(b"")
        self.pump()

    def pump(self) -> None:
        """Let everything pass that is under way."""
        for _ in range(4):
            with suppress(SSL.WantReadError):
                self.tls.do_handshake()
            with suppress(SSL.WantReadError):
                while data := self.tls.bio_read(65536):
                    self.socket.sent.append(data)
            self.world.kernel.look(self.socket)
            self.world.turn()
            fresh = bytes(self.socket.received[self._read :])
            self._read += len(fresh)
            if fresh:
                self.tls.bio_write(fresh)
            try:
                while True:
                    self.received += self.tls.recv(65536)
            except SSL.WantReadError:
                pass
            except SSL.ZeroReturnError:
                self.ended = True

    # What they get.

    @property
    def clear(self) -> bytes:
        """All that crossed the wire towards them."""
        return bytes(self.socket.received)

    def take(self) -> list[str]:
        """The lines since the last time."""
        self.pump()
        lines = self.received[self._taken :].decode().splitlines()
        self._taken = len(self.received)
        return lines

    @property
    def gone(self) -> bool:
        """The connection is no more."""
        return bool(self.socket.disconnected)
