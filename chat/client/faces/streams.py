"""Standard input, output and error as lines of text.

Input is UTF-8 or else what the locale, or Windows, writes; output is in the locale's encoding, and what that cannot
say becomes a question mark.  Whoever owns them is a `InputReader`, and what is written comes from a `Source`, which is
told when nobody takes it, and when all of it is out; the reactor's side of it is `StandardIO`.
"""

import fcntl
import os
import stat
import termios
from contextlib import suppress
from typing import Protocol as Interface

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPullProducer, IReactorFDSet
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.python.failure import Failure
from zope.interface import implementer

from chat.base import limits
from chat.client.link.lines import Lines, TooLong


class InputReader(Interface):
    """Who is told what happens on the standard streams."""

    def typed(self, line: str | TooLong) -> None:
        """A line of input."""

    def dropped(self) -> None:
        """A line of input was the rest of an answer to a question that is gone, and is nobody's."""

    def input_ended(self, rest: str | TooLong) -> None:
        """There is no more; `rest` is what came after the last line end."""

    def output_closed(self, failed: bool) -> None:
        """Nobody reads the output any more, or (`failed`) it is a file that cannot be written."""


class Source(Interface):
    """Where the output comes from."""

    def pause(self) -> None:
        """No more for now: it is not taken as fast."""

    def written(self) -> None:
        """All of it is written; go on."""


class StandardStreams(Interface):
    """What a face writes to, and is told by what was typed."""

    def open(self, reader: InputReader, reactor: IReactorFDSet, source: Source | None = None) -> None:
        """Begin to read."""

    def write(self, text: str) -> None:
        """Where somebody reads it."""

    def warn(self, text: str) -> None:
        """Where trouble is told."""

    def pause(self, paused: bool) -> None:
        """Take no input for now, or go on."""

    def hide(self, hidden: bool) -> None:
        """A terminal shows no more what is typed, or again."""

    def drop(self) -> None:
        """What was begun to be typed answers a question that is gone: up to the line's end nobody is to see it, nor to
        be given it."""

    def close(self) -> "Deferred[None]":
        """Write what is left; fires when it is written, or cannot be."""


@implementer(IHalfCloseableProtocol, IPullProducer)
class Streams(Protocol):
    """The standard streams; `encoding` is the locale's."""

    transport: StandardIO

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._lines = Lines(limits.LINE)
        self._paused = False
        self._hidden = self._dropping = False
        self._echoes = True
        self._unwritten = 0
        self._source: Source | None = None
        self._closed: Deferred[None] = Deferred()

    def open(self, reader: InputReader, reactor: IReactorFDSet, source: Source | None = None) -> None:
        """Begin to read."""
        self._reader = reader
        self._source = source
        StandardIO(self, reactor=reactor)
        # Of the two kinds only a pull producer is told each time that all is written.
        self.transport.registerProducer(self, False)

    def write(self, text: str) -> None:
        """To standard output."""
        data = text.encode(self._encoding, "replace")
        self._unwritten += len(data)
        self.transport.write(data)
        if self._source is not None and self._unwritten > limits.UNWRITTEN:
            self._source.pause()

    def warn(self, text: str) -> None:
        """To standard error, which may be closed, or full: that is no reason to stop."""
        with suppress(OSError):
            os.write(2, text.encode(self._encoding, "replace"))

    def pause(self, paused: bool) -> None:
        """Read no input for now, or read on."""
        if paused != self._paused:
            self._paused = paused
            (self.transport.pauseProducing if paused else self.transport.resumeProducing)()

    def hide(self, hidden: bool) -> None:
        """Standard input, if it is a terminal."""
        self._hidden, self._dropping = hidden, self._dropping and not hidden
        self._echo()

    def _echo(self) -> None:
        echoes = not (self._hidden or self._dropping)
        if echoes == self._echoes:
            return
        self._echoes = echoes
        with suppress(termios.error, OSError):
            attributes = termios.tcgetattr(0)
            attributes[3] = attributes[3] | termios.ECHO if echoes else attributes[3] & ~termios.ECHO
            termios.tcsetattr(0, termios.TCSADRAIN, attributes)

    def drop(self) -> None:
        """Of standard input, if it is a terminal."""
        with suppress(termios.error, OSError):
            self._dropping = _is_begun(0)
            termios.tcflush(0, termios.TCIFLUSH)
            self._lines.end()

    def close(self) -> "Deferred[None]":
        """Write what is left; fires when it is written, or cannot be."""
        self._dropping = False
        self.hide(False)
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        return self._closed

    # IPullProducer

    def resumeProducing(self) -> None:
        self._unwritten = 0
        if self._source is not None:
            self._source.written()

    def stopProducing(self) -> None:
        pass  # `writeConnectionLost` is called too

    # IProtocol

    def dataReceived(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            if self._dropping:
                self._dropping = False
                self._echo()
                self._reader.dropped()
                continue
            self._reader.typed(line if isinstance(line, TooLong) else self._decode(line))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._closed.called:
            self._closed.callback(None)

    # IHalfCloseableProtocol

    def readConnectionLost(self) -> None:
        """The end of the input."""
        rest = self._lines.end()
        self._reader.input_ended(self._decode(rest) if isinstance(rest, bytes) else rest or "")

    def writeConnectionLost(self) -> None:
        """`| head -1` has seen enough, the terminal is gone, or the disk is full."""
        self._closed.callback(None)
        mode = os.fstat(1).st_mode
        self._reader.output_closed(not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(1)))

    def _decode(self, line: bytes) -> str:
        """What is not UTF-8 was written in the locale's encoding, or where that is UTF-8, on Windows."""
        try:
            return line.decode()
        except UnicodeDecodeError:
            other = "cp1252" if self._encoding.lower().replace("-", "") == "utf8" else self._encoding
            return line.decode(other, "replace")


def _is_begun(terminal: int) -> bool:
    """Whether a line is begun at this terminal, which gives away whole lines alone: so for a moment it is to give away
    all; raises `termios.error` or `OSError` where it is none."""
    attributes = termios.tcgetattr(terminal)
    at_once = [*attributes[:3], attributes[3] & ~termios.ICANON, *attributes[4:]]
    termios.tcsetattr(terminal, termios.TCSANOW, at_once)
    try:
        return fcntl.ioctl(terminal, termios.FIONREAD, bytes(4)) != bytes(4)
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)
