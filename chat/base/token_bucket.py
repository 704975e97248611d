"""How fast somebody may do something: a burst, then so much a second.

`TokenBucket` is one connection's: what is too fast waits, and is never lost.  `Rates` are those of many people and
addresses, who come and go: what is too fast is refused, with the seconds after which it is possible again.
"""

from collections import OrderedDict

from chat.base.named_tuples import NamedTuple

_HAIR = 1e-6
"""What adding up may have lost: after the wait that was told one may, at any rate."""


class TokenBucket:
    """A bucket of tokens, full at the start."""

    __slots__ = ("_burst", "_counted_at", "_tokens", "rate")

    def __init__(self, burst: int, rate: float, now: float) -> None:
        self._burst = self._tokens = float(burst)
        self.rate = rate
        self._counted_at = now

    @property
    def rested(self) -> bool:
        """So little was done lately that the whole burst, but for the last token, is there again."""
        return self._tokens >= self._burst - 1

    def allows(self, most: int, now: float) -> int:
        """How many of so many may be done now; a rate of 0 is no limit."""
        if not self.rate:
            return most
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self.rate)
        self._counted_at = now
        return max(0, min(most, int(self._tokens + _HAIR)))

    def take_one(self, now: float) -> bool:
        """One is done, if it may be done now; returns whether it may."""
        if self.rate:
            self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self.rate)
            self._counted_at = now
            if self._tokens + _HAIR < 1:
                return False
            self._tokens -= 1
        return True

    def wait(self) -> float:
        """After `allows` has said none: the seconds until there is one."""
        return (1 - self._tokens) / self.rate

    def take(self, count: int) -> None:
        """So many were done; it may be more than there are, which then are waited for."""
        if self.rate:
            self._tokens -= count


class Allowance(NamedTuple):
    """So many at once, then one each so many seconds; `name` says what of.  A burst of 0 is no limit."""

    name: str
    burst: int
    seconds: float

    def of(self, many: int) -> "Allowance":
        """What so many may do together; where each has their own, they can never come to its end."""
        return Allowance(f"{self.name} of {many}", self.burst * many, self.seconds / many)


class Rates:
    """How much of their allowances people and addresses have used, of the latest `most` that used any.

    Of each only the moment is kept at which nothing will be used any more; whoever is past it is forgotten.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._rested_at: OrderedDict[tuple[Allowance, str], float] = OrderedDict()

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._rested_at)

    def wait(self, allowance: Allowance, who: str, now: float) -> float:
        """The seconds until this one may; 0 is now."""
        used = self._rested_at.get((allowance, who), now) - now
        most = (allowance.burst - 1) * allowance.seconds
        return used - most if allowance.burst and used > most + _HAIR else 0.0

    def take(self, allowance: Allowance, who: str, now: float) -> None:
        """This one did."""
        if not allowance.burst:
            return
        rested_at = max(now, self._rested_at.pop((allowance, who), now)) + allowance.seconds
        self._rested_at[allowance, who] = rested_at
        while len(self._rested_at) > self._most or next(iter(self._rested_at.values())) <= now:
            self._rested_at.popitem(last=False)

    def give_back(self, allowance: Allowance, who: str) -> None:
        """It was none of what is counted."""
        if (allowance, who) in self._rested_at:
            self._rested_at[allowance, who] -= allowance.seconds
