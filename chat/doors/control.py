"""The control socket: a file through which whoever may open it gives the server orders, in the wire of programs.

Its permissions are the password.  So it is nobody else's for not a moment: it is made with them, and gets its name when
it is listened on.
"""

import errno
import os
import secrets
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from twisted.internet import unix
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorTime
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.errors import Unfit, about
from chat.base.language import Sentence, say
from chat.base.reasons import system_reason
from chat.doors.factory import ChatFactory
from chat.doors.tcp import ChatProtocol

NAME = "chat.control"
"""What it is called, in the directory of data."""

_ONLY_OURS = 0o177
"""The permissions that it lacks: it is 0600."""

_PATH_MOST = 107
"""Bytes of a path to which the kernel binds or connects (`sun_path`)."""


class InUse(Unfit):
    """A server that runs has it."""


class ControlFactory(ServerFactory):
    """Makes a connection of the factory of all of each that comes by the control socket."""

    noisy = False

    def __init__(self, clients: ChatFactory) -> None:
        self._clients = clients

    def buildProtocol(self, addr: IAddress | None) -> ChatProtocol:  # type: ignore[override]  # typed for itself
        """(IProtocolFactory) Always one."""
        return self._clients.for_operator()


def open_control(reactor: IReactorTime, path: Path, factory: ControlFactory) -> IListeningPort:
    """Listen there, in the place of what a server left behind; raises `Unfit`."""
    check(path)
    try:
        with _reachable(path) as there, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            hidden = there.with_name(f".{there.name}-{secrets.token_hex(4)}")
            before = os.umask(_ONLY_OURS)
            try:
                listening.bind(os.fsencode(hidden))
            finally:
                os.umask(before)
            try:
                listening.listen(limits.BACKLOG)
                os.rename(hidden, there)
            except OSError:
                os.unlink(hidden)
                raise
            listening.setblocking(False)
            port = _Port._fromListeningDescriptor(reactor, listening.fileno(), factory)
    except OSError as error:
        raise Unfit(_cannot(path, error)) from None
    port.at(path)
    port.startListening()
    return port  # type: ignore[no-any-return]  # it has no types


def check(path: Path) -> None:
    """Raises `Unfit` where it cannot be opened, `InUse` for one."""
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISSOCK(mode):
            raise Unfit(say("{path} is there already, and no socket. Take it away.", path=path))
        with connected(path):
            raise InUse(say("{path} is another server's, which runs.", path=path))
    except (FileNotFoundError, ConnectionRefusedError):
        pass
    except OSError as error:
        raise Unfit(_cannot(path, error)) from None
    if not os.access(path.parent, os.W_OK | os.X_OK):
        number = errno.EACCES if path.parent.is_dir() else errno.ENOENT
        raise Unfit(_cannot(path, OSError(number, "")))


def connected(path: Path) -> socket.socket:
    """A connection to the server that listens there; raises `OSError`."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(limits.CONTROL_SECONDS)
    try:
        with _reachable(path) as there:
            connection.connect(os.fsencode(there))
    except OSError:
        connection.close()
        raise
    return connection


def not_open(why: Sentence) -> Sentence:
    """There is none, though nobody said so."""
    return say("There is no control socket. {why}", why=why)


def _cannot(path: Path, error: OSError) -> Sentence:
    return about(str(path), say("{reason}.", reason=system_reason(error)))


@contextmanager
def _reachable(path: Path) -> Iterator[Path]:
    """The same file under a name that is short enough for sockets."""
    name = path.absolute()
    if len(os.fsencode(name)) + len(f".-{secrets.token_hex(4)}") <= _PATH_MOST:
        yield name
        return
    directory = os.open(name.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{directory}", name.name)
    finally:
        os.close(directory)


class _Port(unix.Port):
    """A port whose file was made by us; at the end it goes, unless it is another server's by then."""

    def at(self, path: Path) -> None:
        """Where it is, and what it is there."""
        self._path = path.absolute()
        self._inode = self._path.lstat().st_ino
        self._bindPath = b"\0" + os.fsencode(self._path)  # as of a name that is no file, so that Twisted leaves it

    def connectionLost(self, reason: Failure) -> None:
        """(IFileDescriptor) It is closed."""
        with suppress(OSError):
            if self._path.lstat().st_ino == self._inode:
                self._path.unlink()
        super().connectionLost(reason)
