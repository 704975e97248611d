"""How much of the server's time one connection and one address may take: so many microseconds at once, then so many a
second.

Each act has its price (`chat.base.limits`), which is taken when it is done, so that more may be taken than there is;
nothing else of that connection is done until that is made up for.  What an address has is that of many connections:
where they have taken more they stand in line, and go on one after the other.
"""

from collections import OrderedDict
from collections.abc import Callable
from math import inf

from twisted.internet.interfaces import IReactorTime

from chat.base import limits

_HAIR = 1e-3
"""What adding up may have lost: after the wait that was told there are some, at any rate."""


class Budget:
    """Microseconds, full at the start; counted only when there are none, so that what is idle costs nothing."""

    __slots__ = ("_burst", "_counted_at", "_rate", "left")

    left: float

    def __init__(self, burst: float, rate: float, now: float) -> None:
        self._burst = self.left = burst
        self._rate = rate
        self._counted_at = now

    def wait(self, now: float) -> float:
        """The seconds until some are left; 0 where some are."""
        if self.left >= 0:
            return 0.0
        self.left = min(self._burst, self.left + (now - self._counted_at) * self._rate)
        self._counted_at = now
        return -self.left / self._rate if self.left < -_HAIR else 0.0


class Spot:
    """The place of one who stands in line, where nothing is kept of who leaves it."""

    __slots__ = ("_line",)

    def __init__(self, line: OrderedDict["Spot", Callable[[], None]], then: Callable[[], None]) -> None:
        self._line = line
        line[self] = then

    def active(self) -> bool:
        """They still stand there."""
        return self in self._line

    def cancel(self) -> None:
        """They do not want it any more."""
        del self._line[self]

    def take(self) -> None:
        """It is theirs."""
        self._line.pop(self)()


class AddressBudget(Budget):
    """What all connections of one address may take together, and the line in which they stand where it is spent.

    If all went on at the same moment, the server would have a moment's work for each of them at once.  Coming is not
    waited for, so there is no end to what somebody may spend who comes and goes: who stays does not wait for all of it.
    """

    __slots__ = ("_clock", "_line", "_serves")

    def __init__(self, burst: float, rate: float, clock: IReactorTime) -> None:
        super().__init__(burst, rate, clock.seconds())
        self._clock = clock
        self._line: OrderedDict[Spot, Callable[[], None]] = OrderedDict()
        self._serves = False

    def wait(self, now: float) -> float:
        """The seconds until some are left, no more than `BUDGET_WAIT_SECONDS`."""
        self.left = max(self.left, -limits.BUDGET_WAIT_SECONDS * self._rate)
        return super().wait(now)

    def stand(self, then: Callable[[], None]) -> Spot:
        """Call this when it is their turn; never at once."""
        turn = Spot(self._line, then)
        self._serve_later()
        return turn

    def _serve_later(self) -> None:
        if self._line and not self._serves:
            self._serves = True
            self._clock.callLater(self.wait(self._clock.seconds()), self._serve)

    def _serve(self) -> None:
        self._serves = False
        try:
            if self._line and not self.wait(self._clock.seconds()):
                next(iter(self._line)).take()
        finally:
            self._serve_later()


class Budgets:
    """Those of the addresses that came latest: whoever leaves and comes again has no new one."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._addresses: OrderedDict[str, AddressBudget] = OrderedDict()
        self._no_limit = AddressBudget(inf, 1, clock)

    def of_address(self, host: str, limited: bool) -> AddressBudget:
        """That of an address; where it is not to be limited, one that is never spent."""
        if not limited:
            return self._no_limit
        found = self._addresses.pop(host, None)
        if found is None:
            many = limits.BUDGET_BY
            found = AddressBudget(many * limits.BUDGET_BURST, many * limits.BUDGET_RATE, self._clock)
        self._addresses[host] = found
        if len(self._addresses) > limits.PACES:
            self._addresses.popitem(last=False)
        return found

    def of_connection(self, limited: bool) -> Budget:
        """That of a new connection."""
        return Budget(limits.BUDGET_BURST if limited else inf, limits.BUDGET_RATE, self._clock.seconds())
