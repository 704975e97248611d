"""One connection to the server, as long as it lasts: bytes to lines, silence noticed, reasons in words.

What is above it is an `Owner`, who is told of lines; it never sees a transport or a Failure.
"""

from collections.abc import Callable
from typing import Protocol as Interface

from twisted.internet import error
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime, ITransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.language import Sentence, say
from chat.base.text import visible
from chat.client.link.lines import Lines, TooLong

UNCONFIRMED = say("the server confirmed nothing for a while")
"""Why one is given up that speaks, and answers nothing."""


class Owner(Interface):
    """Who uses a connection."""

    def opened(self, link: "Link") -> None:
        """It is connected."""

    def line_received(self, line: bytes | TooLong) -> None:
        """A whole line came, without its end."""

    def silent(self) -> None:
        """Nothing came, or went out, for a while: the moment to ask for a sign of life, and to give one."""

    def closed(self, reason: Sentence) -> None:
        """It is gone."""


class Link(Protocol):
    """The connection; it aborts itself when the other side stays silent."""

    transport: Connection

    def __init__(self, owner: Owner, clock: IReactorTime) -> None:
        self._owner = owner
        self._clock = clock
        self._lines = Lines(limits.OBJECT)
        self._why: Sentence | None = None
        self._ending = self._listens = False
        self._spoke_at = clock.seconds()
        self._timer: IDelayedCall | None = None

    def makeConnection(self, transport: ITransport) -> None:
        """(IProtocol) What is read at once is handled at once, and meanwhile no key is."""
        transport.bufferSize = limits.CLIENT_READ  # type: ignore[attr-defined]  # Twisted's own, of all of its sockets
        super().makeConnection(transport)

    def send(self, data: bytes) -> None:
        """Send these bytes."""
        self._spoke_at = self._clock.seconds()
        self.transport.write(data)

    def expect(self) -> None:
        """What was sent is answered: a silence from now on is noticed sooner."""
        if self._listens and self._timer is not None:
            left = self._timer.getTime() - self._clock.seconds()
            self._timer.reset(min(left, limits.PONG_SECONDS))

    def pause(self) -> None:
        """Stop reading; a silence of our own making does not count, and the server still hears of us."""
        if not self._ending:
            self._show_life()
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Read on."""
        if not self._ending:
            self._listen()
            self.transport.resumeProducing()

    def end(self) -> None:
        """Give the other side a moment to close, which lets it read what was sent, then let go."""
        self.transport.resumeProducing()
        self._ending = True
        self._wait(limits.LEAVE_SECONDS, self.transport.abortConnection)

    def abort(self, why: Sentence) -> None:
        """Let go at once, for this reason."""
        self._why = why
        self.transport.abortConnection()

    # IProtocol

    def connectionMade(self) -> None:
        self._listen()
        self._owner.opened(self)

    def dataReceived(self, data: bytes) -> None:
        if not self._ending:
            self._listen()
        for line in self._lines.feed(data):
            if self._why is None:
                self._owner.line_received(line)
        # A server that has heard a ping expects the next one, also while it has enough to say itself.
        if not self._ending and self._why is None and self._clock.seconds() - self._spoke_at >= limits.PING_SECONDS:
            self._owner.silent()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stop_waiting()
        self._owner.closed(self._why or reason_of(reason))

    # Silence.

    def _listen(self) -> None:
        self._wait(limits.PING_SECONDS, self._ask)
        self._listens = True

    def _ask(self) -> None:
        self._wait(limits.PONG_SECONDS, self.abort, say("nothing came from the server for a while"))
        self._owner.silent()

    def _show_life(self) -> None:
        self._wait(limits.PING_SECONDS, self._show_life_and_on)

    def _show_life_and_on(self) -> None:
        self._owner.silent()
        self._show_life()

    def _wait(self, seconds: float, then: Callable[..., object], *arguments: object) -> None:
        self._stop_waiting()
        self._timer = self._clock.callLater(seconds, then, *arguments)

    def _stop_waiting(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._listens = False


class Links(Factory):
    """Makes the connections of one owner."""

    noisy = False

    def __init__(self, owner: Owner, clock: IReactorTime) -> None:
        self._owner = owner
        self._clock = clock

    def buildProtocol(self, addr: IAddress | None) -> Link:
        return Link(self._owner, self._clock)


class HandshakeTimedOut(error.TimeoutError):
    """It is connected, and no TLS came of it."""


class HandshakeFailed(Exception):
    """The other side speaks TLS, and broke it off; in OpenSSL's words."""


def reason_of(failure: Failure) -> Sentence:
    """Why there is no connection, in words."""
    for kind, sentence in _REASONS.items():
        if failure.check(kind):
            return sentence
    if failure.check(HandshakeFailed):
        return say("TLS failed, {reason}", reason=visible(failure.getErrorMessage()))
    # The system's own words; there is nothing to translate.
    return Sentence("{reason}", {"reason": visible(failure.getErrorMessage())})


_REASONS: dict[type[Exception], Sentence] = {
    error.ConnectionDone: say("the server closed it"),
    error.ConnectionRefusedError: say("nothing answers at this port"),
    error.DNSLookupError: say("there is no computer of this name"),
    error.NoRouteError: say("there is no way to it from here"),
    HandshakeTimedOut: say("it is connected, but does not answer to TLS"),
    error.TimeoutError: say("no answer came"),
    error.ConnectionLost: say("it was cut"),
    error.ConnectionAborted: say("it was cut"),
}
