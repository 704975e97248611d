"""Somebody who comes by ssh, in a world: Conch's client at the far end of an imaginary socket."""

import struct
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.connection import SSHConnection
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import SSHClientTransport
from twisted.conch.ssh.userauth import SSHUserAuthClient
from twisted.internet.defer import Deferred, fail, succeed
from world import Socket, World

from chat.base import limits
from chat.doors.ssh import Link, SshFactory

HOST_KEY = Ed25519PrivateKey.generate()


def new_key() -> Key:
    """A key of somebody."""
    return Key(Ed25519PrivateKey.generate())


class Opened(SSHChannel):
    """A session, as its client sees it."""

    name = b"session"

    def __init__(self, by: "BySsh", window: int) -> None:
        super().__init__(localWindow=window)
        self.by = by
        self.opened: bool | None = None
        self.out, self.errors = b"", b""
        self.status: int | None = None
        self.over = False

    def channelOpen(self, specificData: bytes) -> None:
        self.opened = True

    def openFailed(self, reason: Any) -> None:
        self.opened = False

    def dataReceived(self, data: bytes) -> None:
        self.out += data

    def extReceived(self, dataType: int, data: bytes) -> None:
        self.errors += data

    def request_exit_status(self, data: bytes) -> bool:
        self.status = int.from_bytes(data, "big")
        return True

    def closed(self) -> None:
        self.over = True

    # What they do.

    def asks(self, request: bytes, data: bytes = b"") -> bool | None:
        """Ask for this; returns whether it was done, None where there was no answer."""
        answers: list[bool] = []
        asked = self.conn.sendRequest(self, request, data, wantReply=True)
        asked.addCallbacks(lambda _: answers.append(True), lambda _: answers.append(False))
        self.by.pump()
        return answers[0] if answers else None

    def shell(self) -> "Opened":
        assert self.asks(b"shell")
        return self

    def terminal(self, term: str = "xterm-256color", columns: int = 80, rows: int = 24) -> bool | None:
        """Ask for a terminal of this size."""
        return self.asks(b"pty-req", NS(term.encode()) + struct.pack(">4L", columns, rows, 0, 0) + NS(b""))

    def presses(self, keys: str) -> None:
        """Type these keys; what comes of them is drawn."""
        self.write(keys.encode())
        self.by.pump()
        self.by.world.wait(limits.SSH_GATHER_SECONDS)
        self.by.pump()

    def runs(self, command: str) -> "Opened":
        assert self.asks(b"exec", NS(command.encode()))
        return self

    def type(self, *lines: str) -> None:
        self.write("".join(f"{line}\n" for line in lines).encode())
        self.by.pump()

    def ends(self) -> None:
        self.conn.sendEOF(self)
        self.by.pump()

    def take(self) -> list[str]:
        """The lines that came since the last time."""
        self.by.pump()
        lines, self.out = self.out.decode().splitlines(), b""
        return lines


class _Login(SSHUserAuthClient):
    def __init__(self, user: str, key: Key | None, connection: SSHConnection) -> None:
        super().__init__(user.encode(), connection)
        self.key, self._shown = key, False

    def getPublicKey(self) -> Key | None:
        if self.key is None or self._shown:
            return None
        self._shown = True
        return self.key.public()

    def getPrivateKey(self) -> Deferred[Key]:
        return succeed(self.key)

    def getPassword(self, prompt: bytes | None = None) -> Deferred[bytes]:
        return fail(RuntimeError("no password"))

    def getGenericAnswers(self, name: bytes, instruction: bytes, prompts: Any) -> Deferred[list[bytes]]:
        assert not prompts
        return succeed([])


class _Transport(SSHClientTransport):
    def __init__(self, login: _Login) -> None:
        self.login = login
        self.told: str | None = None

    def verifyHostKey(self, hostKey: bytes, fingerprint: bytes) -> Deferred[int]:
        return succeed(1)

    def connectionSecure(self) -> None:
        if self.service is None:  # it is called after each exchange of keys
            self.requestService(self.login)

    def receiveError(self, reasonCode: int, description: bytes) -> None:
        self.told = description.decode()


class _Wire:
    """What the client writes to."""

    def __init__(self, by: "BySsh") -> None:
        self.by = by

    def write(self, data: bytes) -> None:
        self.by.socket.sent.append(data)
        self.by.world.kernel.look(self.by.socket)

    def loseConnection(self) -> None:
        self.write(b"")


class BySsh:
    """A connection by ssh."""

    def __init__(self, world: World, user: str = "amy", key: Key | None = None, host: str = "192.0.2.1") -> None:
        self.world = world
        self.socket = Socket(world.kernel, host)
        self.link = SshFactory(world.factory, HOST_KEY).buildProtocol(self.socket.getPeer())
        assert isinstance(self.link, Link)
        self.socket.protocol = self.link
        self.connection = SSHConnection()
        self.client = _Transport(_Login(user, key, self.connection))
        self._taken = 0

    def comes(self) -> "BySsh":
        """Connect, and log in."""
        self.socket.startReading()
        self.link.makeConnection(self.socket)
        self.client.makeConnection(_Wire(self))
        self.pump()
        return self

    def pump(self) -> None:
        """Let both sides say all that they have to."""
        for _ in range(50):
            self.world.turn()
            data = bytes(self.socket.received[self._taken :])
            self._taken += len(data)
            if not data:
                break
            self.client.dataReceived(data)

    @property
    def entered(self) -> bool:
        return self.client.service is self.connection

    def opens(self, window: int = 2**20) -> Opened:
        """A session more."""
        channel = Opened(self, window)
        self.connection.openChannel(channel)
        self.pump()
        return channel

    def talks(self, *lines: str) -> Opened:
        """A session in which these lines are typed."""
        channel = self.opens().shell()
        channel.type(*lines)
        return channel

    def cut(self) -> None:
        """Be gone without a word."""
        self.link.transport.sent.append(b"")
        self.world.kernel.look(self.socket)
        self.world.turn()
