"""What PostgreSQL notifies a node of: the turns of all, in their order.

The reactor itself reads the connection by which they come: a thread that waited for them would hand each over, and take
the interpreter's lock for it from the one that commits.  A thread connects, and reads from the table what was missed
and what was too long to be notified of; meanwhile the reactor leaves the connection alone.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from socket import socket
from time import perf_counter, sleep
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.core.ports import Kept
from chat.store.postgresql.connection import Link
from chat.store.postgresql.exchange import Failed, Unreachable
from chat.store.postgresql.store import Last, in_log
from chat.store.worker import Reactor, Worker

logger = Logger()

Told = Mapping[str, Any]


class Reading(Reactor, Protocol):
    """A reactor that reads what has a descriptor."""

    def addReader(self, reader: Any) -> object:
        """Let this read whenever something has come."""

    def removeReader(self, reader: Any) -> object:
        """No more."""


class Listener:
    """Tells `hear` of each turn after `tick`, of those of this `epoch` only that they came; and where some are not kept
    any more, `hear_anew` of all that is held, which `read` reads.  (IReadDescriptor)"""

    def __init__(
        self,
        link: Link,
        reactor: Reading,
        epoch: int,
        tick: int,
        hear: Callable[[int, Told | None], None],
        read: Callable[[Link], tuple[int, Kept]],
        hear_anew: Callable[[int, Kept], None],
    ) -> None:
        self._link = link
        self._reactor = reactor
        self._epoch = epoch
        self.last = Last(tick)
        """The turn that was heard last."""
        self._hear = hear
        self._read_all = read
        self._hear_anew = hear_anew
        self._expected = tick
        """So far the turns went when that was asked last."""
        self._closing = False
        self._end: socket | None = None
        """Of the connection, while the reactor reads it."""
        self._texts: dict[str, list[str]] = {}
        """What came of the turn that is being notified of, by its kind."""
        self._worker = Worker("chat-listener", lambda: link, reactor)
        fits = link.fit

        def fit(link: Link) -> None:
            fits(link)
            channel = link.value("SELECT channel FROM clock")
            link.ask(f'LISTEN "{channel}"')

        link.fit = fit

    def start(self) -> None:
        """Begin."""
        self._worker.start()
        self._catch_up()

    def close(self) -> Deferred[None]:
        """Fires when the connection is closed."""
        self._closing = True
        self._stop_reading()
        return self._worker.close()

    def expect(self, tick: int) -> None:
        """The turns go so far by now.  What they went to when this was said before has been heard, or never will be: a
        connection may hang, or be one to a server that was replaced, and nobody is told."""
        if self._end is not None and (self.last.tick < self._expected or self._link.is_replaced):
            self._catch_up(anew=True)
        self._expected = tick

    # What the reactor wants of it.

    def fileno(self) -> int:
        """(IReadDescriptor)"""
        return -1 if self._end is None else self._end.fileno()

    def logPrefix(self) -> str:
        """(IReadDescriptor)"""
        return "listener"

    def doRead(self) -> None:
        """(IReadDescriptor) Something has come."""
        try:
            self._link.take()
        except Unreachable:
            self._catch_up(anew=True)
        else:
            self._go_on()

    def connectionLost(self, reason: Failure) -> None:
        """(IReadDescriptor) The connection is gone."""
        self._catch_up(anew=True)

    # Turns.

    def _go_on(self) -> None:
        """Tell of what has come; of more than a moment's in parts, so that others are served meanwhile."""
        begun = perf_counter()
        while self._end is not None and (notified := self._link.notified()) is not None:
            try:
                self._notified(notified)
            except Exception:  # what it could not be told of stands in the table
                logger.failure("Another server could not be heard")
                self._catch_up()
            if perf_counter() - begun > limits.PORTION_SECONDS:
                self._reactor.callLater(0, self._go_on)
                return

    def _notified(self, notified: str) -> None:
        """One of the notifications of a turn: whose it is, how many follow, of what kind its text is, and that."""
        number, epoch, left, kind, text = notified.split(" ", 4)
        tick = int(number)
        if tick <= self.last.tick:
            return
        if int(epoch) != self._epoch:
            self._texts.setdefault(kind, []).append(text)
        if left != "0":
            return
        texts, self._texts = self._texts, {}
        passing = texts.get("passing", ())
        if tick != self.last.tick + 1 or "read" in texts:
            self._catch_up(tick, passing)
        else:
            told = json.loads("".join(texts["told"])) if texts else None
            self._heard(Last(tick, int(epoch)), told, passing)

    def _heard(self, last: Last, told: Told | None, passing: Sequence[str] = ()) -> None:
        if last.tick > self.last.tick:
            self.last = last
            self._hear(last.tick, {**told, "passing": passing} if told and passing else told)

    def _catch_up(self, most: int | None = None, passing: Sequence[str] = (), anew: bool = False) -> None:
        """Have read from the table what goes before this turn, and it, without what was only notified of; or all."""
        self._texts.clear()
        self._stop_reading()
        if not self._closing:
            read = partial(self._read, most=most, passing=passing, anew=anew)
            self._worker.do(read).addCallback(self._caught_up).addErrback(_failed)

    def _caught_up(self, end: socket | None) -> None:
        if end is not None and self._closing:
            end.close()
        elif end is not None:
            self._end = end
            self._reactor.addReader(self)
            self._go_on()  # what came with the last answer

    def _stop_reading(self) -> None:
        if self._end is not None:
            self._reactor.removeReader(self)
            self._end.close()
            self._end = None

    def _read(self, link: Link, most: int | None, passing: Sequence[str], anew: bool) -> socket | None:
        """(In the thread.)  Returns what the reactor reads then."""
        if anew:
            link.abandon()
        tick, hears = self.last.tick, True
        while not self._closing:
            try:
                while rows := link.ask(_MISSED, {"tick": tick, "most": most, "epoch": self._epoch, "rows": _ROWS}):
                    for number, epoch, told in rows:
                        if number != tick + 1:
                            tick = self._anew(link)
                            break
                        tick = number
                        heard = None if told is None else json.loads(told)
                        in_passing = passing if tick == most else ()
                        self._reactor.callFromThread(self._heard, Last(tick, epoch), heard, in_passing)
                last = most or max((tick for (tick,) in link.ask(_QUIET, {"tick": tick})), default=0)
                if tick >= last:
                    return link.end()
                tick = self._anew(link)
                continue
            except (Unreachable, Failed) as error:
                if hears:
                    logger.warn("The other servers cannot be heard: {reason}", reason=in_log(error.reason))
                hears = False
            except Exception:
                logger.failure("Another server could not be heard")
            most = None
            link.close()
            if not self._closing:
                sleep(limits.RECONNECT_LEAST_SECONDS)
        return None

    def _anew(self, link: Link) -> int:
        """(In the thread.)  It has not listened for so long that turns are not kept any more."""
        tick, held = self._read_all(link)
        self._reactor.callFromThread(self._heard_anew, tick, held)
        return tick

    def _heard_anew(self, tick: int, held: Kept) -> None:
        self.last = Last(tick)
        self._hear_anew(tick, held)


_QUIET = "SELECT tick FROM clock WHERE NOT EXISTS (SELECT FROM turns WHERE tick > :tick)"

_ROWS = limits.TURNS_READ

_MISSED = """
    SELECT tick, epoch, CASE WHEN epoch = :epoch THEN NULL ELSE told END FROM turns
    WHERE tick > :tick AND tick <= coalesce(:most::bigint, tick) ORDER BY tick LIMIT :rows
"""


def _failed(failure: Failure) -> None:
    logger.failure("What other servers stored could not be read", failure)
