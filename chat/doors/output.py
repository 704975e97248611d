"""The one way out of a connection, and when it is full.

On a plain TCP socket with nothing buffered, bytes are written to the socket at once: through the transport's buffer
each recipient would cost the reactor two more system calls (measured: 12.3 us instead of 6.1 for a single message).
What the kernel does not take goes to the transport's buffer; from then on the connection is blocked until that is
empty.  On any other transport (TLS, which does so itself, and unix) bytes always go through it, and it says when it is
full.
"""

from socket import socket
from typing import Protocol

from twisted.internet import tcp
from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer

from chat.core.carrier import Sealed
from chat.doors.tls_connection import TlsConnection


class Sender(Protocol):
    """Whose bytes go out."""

    def full(self) -> None:
        """No more is taken."""

    def writable(self) -> None:
        """More is taken again."""

    def unreachable(self) -> None:
        """Nothing will be taken any more."""


class Output:
    """Sends on a transport, and tells the sender when that takes no more, and when it does again."""

    __slots__ = ("_sender", "_shut", "_socket", "_transport", "blocked", "broken", "direct")

    broken: bool
    """They are gone without a word.  The kernel has said so here, and what it says to the reactor is the end of the
    input, as if they had left."""

    direct: socket | Sealed | None
    """What bytes may be given to while nothing is blocked, past all of this: the socket itself, and what it does not
    take is for `send`; or a TLS connection, which takes all."""

    def __init__(self, transport: tcp.Server | TlsConnection, sender: Sender) -> None:
        # Not hasattr(...): wrappers delegate what they lack to the transport below, and plain text would go out in TLS.
        self._socket = transport.getHandle() if type(transport) is tcp.Server and not transport.TLS else None
        self.direct = transport if isinstance(transport, TlsConnection) else self._socket
        self.blocked = False
        self.broken = False
        self._shut = False
        self._transport = transport
        self._sender = sender
        if self._socket is None:
            transport.registerProducer(_Push(self), True)

    def send(self, chunk: bytes) -> None:
        """Let these bytes go out, after all that went before."""
        if self._socket is not None and not self.blocked:
            try:
                sent = self._socket.send(chunk)
            except BlockingIOError:
                sent = 0
            except OSError:
                # What they said before is still to be read.
                self.direct = self._socket = None
                self.broken = self._shut = True
                self._sender.unreachable()
                return
            if sent != len(chunk):
                self.queue(chunk[sent:])
        elif not self._shut:
            self._transport.write(chunk)

    def queue(self, chunk: bytes) -> None:
        """Let these bytes go out after what the transport still holds, even of others; then it is as before."""
        if self._socket is not None:
            self.block()
        self._transport.write(chunk)
        if self._socket is not None:
            self._transport.registerProducer(_Pull(self), False)

    @property
    def is_plain(self) -> bool:
        """Whether bytes go to a TCP socket as they are."""
        return self._socket is not None

    def shut(self) -> None:
        """Nothing more goes out than what has been sent."""
        self._shut = self.blocked = True
        # A producer that is still registered keeps a TLS transport, and a half-close, from ever happening.
        self._transport.unregisterProducer()

    def block(self) -> None:
        """The transport takes no more."""
        self.blocked = True
        self._sender.full()

    def unblock(self) -> None:
        """The transport has room again."""
        if not self._shut:
            self.blocked = False
            self._sender.writable()


@implementer(IPullProducer)
class _Pull:
    """Told when a transport's buffer is empty, after which bytes are written directly again."""

    def __init__(self, outlet: Output) -> None:
        self._output = outlet
        self._registered = False

    def resumeProducing(self) -> None:
        """The first call comes with the registration, the next when everything was taken."""
        if self._registered:
            self._output._transport.unregisterProducer()
            self._output.unblock()
        self._registered = True

    def stopProducing(self) -> None:
        """The connection is lost; its protocol is told."""


@implementer(IPushProducer)
class _Push:
    """Told when a transport's buffer is full and when it has room.

    Not the protocol itself: LineReceiver's own pauseProducing stops reading.
    """

    def __init__(self, outlet: Output) -> None:
        self.pauseProducing = outlet.block
        self.resumeProducing = outlet.unblock

    def stopProducing(self) -> None:
        """The connection is lost; its protocol is told."""
