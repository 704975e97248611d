"""Guesses of resume codes: so many at once from one address and one network, then each in its turn.

Codes of people are short, so whoever may try many finds one.  But others come from the same address: a guess is never
refused.  Those from one address stand in a line, each connection in it once and with one guess, so that who tries many
comes after who tries one; so do the addresses of a network.  What was no guess but right costs nothing, for a whole
class comes back after a restart.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from chat.base import limits
from chat.base.token_bucket import Allowance, Rates
from chat.core.disconnected import network

F = TypeVar("F")

_OF_HOST = Allowance("guess", limits.GUESSES_PER_HOST, 60 / limits.GUESSES_PER_HOST)
_OF_NETWORK = Allowance("guess of a network", limits.GUESSES_PER_NETWORK, 60 / limits.GUESSES_PER_NETWORK)


class Asker(Protocol):
    """What stands in a line: a connection."""

    host: str

    def waits(self, seconds: float) -> None:
        """It does, at least for so long."""


class Guesses:
    """All lines of those who guess."""

    def __init__(
        self, clock: IReactorTime, rates: Rates, tell: Callable[[str, str], None] = lambda host, person: None
    ) -> None:
        """`tell` is told of each wrong one, by its address."""
        self._clock = clock
        self._rates = rates
        self._tell = tell
        self._lines: dict[str, _Queue] = {}
        self._waiting: dict[Asker, Deferred[None]] = {}

    async def guess(self, asker: Asker, look: Callable[[], F | None]) -> F | None:
        """What `look` finds, when it is their turn; raises `CancelledError` where they are dropped meanwhile."""
        stood: list[tuple[_Queue, Deferred[None]]] = []
        wrong = False
        try:
            for line in self._of(asker.host):
                turn = line.stand()
                stood.append((line, turn))
                if not turn.called:
                    self._waiting[asker] = turn
                    asker.waits(line.wait())
                    await turn
            found = look()
            wrong = found is None
            return found
        finally:
            self._waiting.pop(asker, None)
            if wrong:
                self.count(asker.host)
                self._tell(asker.host, "")
            for line, turn in stood:
                line.leave(turn)
                if not line:
                    del self._lines[line.who]

    def __contains__(self, asker: Asker) -> bool:
        return asker in self._waiting

    def drop(self, asker: Asker) -> bool:
        """They wait no more; returns whether they did."""
        turn = self._waiting.pop(asker, None)
        if turn is not None:
            turn.cancel()
        return turn is not None

    def count(self, host: str) -> None:
        """A guess from this address was wrong, here or on another node."""
        for allowance, who in _counted(host):
            self._rates.take(allowance, who, self._clock.seconds())

    def _of(self, host: str) -> Iterator["_Queue"]:
        """The line at this address, and behind it that of its network where it has one."""
        for allowance, who in _counted(host):
            yield self._line(allowance, who)

    def _line(self, allowance: Allowance, who: str) -> "_Queue":
        line = self._lines.get(who)
        if line is None:
            line = self._lines[who] = _Queue(self._clock, self._rates, allowance, who)
        return line


def _counted(host: str) -> Iterator[tuple[Allowance, str]]:
    """For whom a guess counts."""
    yield _OF_HOST, host
    if (whole := network(host)) != host:
        yield _OF_NETWORK, whole


class _Queue:
    """Those who wait at one place; the first of them has the turn, once that may be."""

    __slots__ = ("_allowance", "_clock", "_rates", "_standing", "who")

    def __init__(self, clock: IReactorTime, rates: Rates, allowance: Allowance, who: str) -> None:
        self.who = who
        self._clock = clock
        self._rates = rates
        self._allowance = allowance
        self._standing: deque[Deferred[None]] = deque()

    def __len__(self) -> int:
        """How many stand here."""
        return len(self._standing)

    def wait(self) -> float:
        """The seconds that the last of them waits at least."""
        return self._first_waits() + (len(self) - 1) * self._allowance.seconds

    def stand(self) -> Deferred[None]:
        """Fires when it is their turn, which ends with `leave`; at once where nobody waits and one may."""
        turn: Deferred[None] = Deferred()
        self._standing.append(turn)
        if len(self) == 1:
            if self._first_waits():
                self._serve()
            else:
                turn.callback(None)
        return turn

    def leave(self, turn: Deferred[None]) -> None:
        """They are done, or wait no more."""
        was_first = self._standing[0] is turn
        self._standing.remove(turn)
        if was_first and self:
            self._serve()

    def _first_waits(self) -> float:
        return self._rates.wait(self._allowance, self.who, self._clock.seconds())

    def _serve(self) -> None:
        """Give the first one the turn when that may be; never at once, for hundreds may follow one another."""
        turn = self._standing[0]
        self._clock.callLater(self._first_waits(), lambda: None if turn.called else turn.callback(None))
