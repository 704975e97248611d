"""How long something took, counted: so many times up to each of some bounds, so that two servers' counts add up."""

from bisect import bisect_left
from itertools import accumulate

from chat.base import limits


class Latency:
    """What was noted since the start, in seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(limits.LATENCY_BOUNDS) + 1)
        """How often it took no longer than each of the bounds, and longer than the one before; the last: than all."""
        self.seconds = 0.0
        """All of it together."""

    def note(self, seconds: float) -> None:
        """It took this long once more."""
        self.counts[bisect_left(limits.LATENCY_BOUNDS, seconds)] += 1
        self.seconds += seconds

    def within(self, part: float) -> float | None:
        """The bound within which this part of all stayed; None where it is beyond all, or nothing was noted."""
        wanted = part * sum(self.counts)
        reached = (number for number, count in enumerate(accumulate(self.counts)) if count >= wanted > 0)
        number = next(reached, len(limits.LATENCY_BOUNDS))
        return limits.LATENCY_BOUNDS[number] if number < len(limits.LATENCY_BOUNDS) else None
