"""When the next turn begins: at once, until many talk to many; then after a pause, in which more gathers.

What a turn costs is one send for each recipient, however much is sent.  So where sending every line by itself would
take a good part of the time, a pause that is some times as long as the sends of the turn before it keeps them to a
small part, and grows with the room.  It ends before its time when nothing came for much longer than lines usually take
to follow one another, nor for so long after the turn before: whoever waits for us says nothing more.  Where one or two
talk there is none, at any rate: they may wait for each other, and gain nothing by waiting for more.
"""

from collections import deque
from collections.abc import Set

from chat.base import limits
from chat.base.named_tuples import NamedTuple


class _Ended(NamedTuple):
    """A turn: when it ended, who said something in it, to how many in all, how many lines, and how long these took to
    come."""

    at: float
    authors: Set[str]
    deliveries: int
    lines: int
    took: float


class Coalescing:
    """Learns from each turn of at least COALESCE_FROM recipients, and says when the next one may begin.

    Times are the reactor's, in seconds.
    """

    __slots__ = (
        "_deliveries", "_ended_at", "_first_at", "_last_at", "_not_before", "_silence", "_took", "_turns", "is_on",
    )  # fmt: skip

    is_on: bool
    """There are pauses: it wants to know of all that comes."""

    def __init__(self) -> None:
        self._turns: deque[_Ended] = deque()
        self._deliveries = 0  # of these turns together
        self._not_before = self._silence = 0.0
        self._first_at: float | None = None
        self._last_at = self._ended_at = self._took = 0.0
        self.is_on = False

    def came(self, now: float) -> None:
        """Something came, for the next turn."""
        self._last_at = now
        if self._first_at is None:
            self._first_at = now

    def rest(self, now: float) -> float:
        """How long the next turn still has to wait, if nothing more comes."""
        if not self.is_on:
            return 0.0
        # Whoever was just answered has had no time to go on.
        silent_since = max(self._last_at, self._ended_at)
        return max(0.0, min(self._not_before, silent_since + self._silence) - now)

    def begun(self) -> None:
        """A turn begins; what comes from now on is for the one after it."""
        self._took = 0.0 if self._first_at is None else self._last_at - self._first_at
        self._first_at = None

    def turned(self, now: float, authors: Set[str], recipients: int, deliveries: int, lines: int) -> None:
        """Such a turn has ended: it brought what these said to so many, so many lines."""
        if len(self._turns) == limits.COALESCE_TURNS:
            self._deliveries -= self._turns.popleft().deliveries
        self._turns.append(_Ended(now, authors, deliveries, lines, self._took))
        self._deliveries += deliveries
        self.is_on = self._is_busy(now)
        if self.is_on:
            self._ended_at = now
            self._not_before = now + min(recipients * limits.COALESCE_PER_RECIPIENT, limits.COALESCE_SECONDS)
            self._silence = self._usual_silence()

    def _is_busy(self, now: float) -> bool:
        """Whether enough people talked in the last turns, and so much that sending line by line would be dear."""
        if self._deliveries * limits.SEND_SECONDS < (now - self._turns[0].at) * limits.COALESCE_LOAD:
            return False
        return len(set().union(*[turn.authors for turn in self._turns])) >= limits.COALESCE_AUTHORS

    def _usual_silence(self) -> float:
        """After how long nothing more is to be expected."""
        gathered = [turn for turn in self._turns if turn.took]
        if not gathered:
            return limits.COALESCE_SECONDS
        gap = sum(turn.took for turn in gathered) / sum(max(turn.lines - 1, 1) for turn in gathered)
        return max(limits.COALESCE_SILENCE_SECONDS, limits.COALESCE_GAPS * gap)
