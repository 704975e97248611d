"""Whose lines are handled next, where to handle all of them at once would keep everybody else waiting.

Two hundred clients that send a burst each have seconds of work for the server; reading, storing and delivering must
go on between them.  So whoever has more to do than fits a moment stands in line, and while somebody stands there
everybody else does, too, in front of those who come back for more.  Behind them all stand those who only read, and
those who come in many at once: what they do in a round is a moment's, however many they are, and nobody waits for them.
"""

from collections import deque
from collections.abc import Callable
from time import perf_counter

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from chat.base import limits


class FairRounds:
    """The line of all connections of one server."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._first: deque[Callable[[], None]] = deque()
        self._for_more: deque[Callable[[], None]] = deque()
        self._readers: deque[Callable[[], None]] = deque()
        self._scheduled = False
        self._let_in_until = 0.0
        self.busy = False
        """Somebody stands in line with lines to be handled."""

    def stand_in_line(self, work: Callable[[], None], for_more: bool) -> None:
        """Call this when it is their turn, once."""
        (self._for_more if for_more else self._first).append(work)
        self.busy = True
        self._schedule()

    def read_in_line(self, work: Callable[[], None]) -> None:
        """Call this, which reads on a page of what was said, when it is their turn, once."""
        self._readers.append(work)
        self._schedule()

    def let_in(self, work: Callable[[], None]) -> None:
        """Call this, by which somebody comes in, now; or, where that took much of the time just now, in their turn."""
        begun = self._clock.seconds()
        if self._let_in_until - begun > limits.PORTION_SECONDS:
            self.read_in_line(work)
        else:
            work()
            took = self._clock.seconds() - begun
            self._let_in_until = max(self._let_in_until, begun) + took * limits.LET_IN_PART

    def turn_to_read(self) -> Deferred[None]:
        """Fires when it is their turn: for who makes one long answer of what was said."""
        turn: Deferred[None] = Deferred()
        self.read_in_line(lambda: turn.callback(None))
        return turn

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._clock.callLater(0, self._round)

    def _round(self) -> None:
        """Let as many of them work as fit the time."""
        self._scheduled = False
        begun = perf_counter()
        try:
            # Who comes back for more works in the next round.
            for _ in range(len(self._first) + len(self._for_more)):
                work = (self._first or self._for_more).popleft()
                self.busy = bool(self._first or self._for_more)
                work()
                if perf_counter() - begun > limits.ROUND_SECONDS:
                    break
            self._let_some_read()
        finally:
            if self.busy or self._readers:
                self._schedule()

    def _let_some_read(self) -> None:
        begun = perf_counter()
        for _ in range(len(self._readers)):
            self._readers.popleft()()
            if perf_counter() - begun > limits.PORTION_SECONDS:
                break
