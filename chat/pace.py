"""How fast somebody may do something: a burst, then so much a second.  What is too fast waits, and is never lost."""


class Pace:
    """A bucket of tokens, full at the start."""

    __slots__ = ("_burst", "_counted_at", "_rate", "_tokens")

    def __init__(self, burst: int, rate: float, now: float) -> None:
        self._burst = self._tokens = float(burst)
        self._rate = rate
        self._counted_at = now

    @property
    def rested(self) -> bool:
        """So little was done lately that the whole burst, but for the last token, is there again."""
        return self._tokens >= self._burst - 1

    def wait(self, now: float) -> float:
        """Take a token and return 0, or return the seconds until there is one; a rate of 0 is no limit."""
        if not self._rate:
            return 0.0
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0.0
