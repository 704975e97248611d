"""When the next turn begins: at once, until many talk to many; then after a pause, in which more gathers.

What a turn costs is one send for each recipient, however much is sent.  So where sending every line by itself would
take a good part of the time, a pause that is some times as long as the sends of the turn before it keeps them to a
small part, and grows with the room.  Where one or two talk there is none, at any rate: they may wait for each other,
and gain nothing by waiting for more.
"""

from collections import deque
from collections.abc import Set

from chat.base import limits


class Coalescing:
    """Learns from each turn of at least COALESCE_FROM recipients, and says when the next one may begin.

    Times are the reactor's, in seconds.
    """

    __slots__ = ("_deliveries", "_not_before", "_turns")

    def __init__(self) -> None:
        self._turns: deque[tuple[float, Set[str], int]] = deque()
        self._deliveries = 0  # of these turns together
        self._not_before = 0.0

    def pause(self, now: float) -> float:
        """How long the next turn still has to wait."""
        return max(0.0, self._not_before - now)

    def turned(self, now: float, authors: Set[str], recipients: int, deliveries: int) -> None:
        """Such a turn has ended: it brought what these said to so many, so many lines in all."""
        if len(self._turns) == limits.COALESCE_TURNS:
            self._deliveries -= self._turns.popleft()[2]
        self._turns.append((now, authors, deliveries))
        self._deliveries += deliveries
        if self._is_busy(now):
            self._not_before = now + min(recipients * limits.COALESCE_PER_RECIPIENT, limits.COALESCE_SECONDS)

    def _is_busy(self, now: float) -> bool:
        """Whether enough people talked in the last turns, and so much that sending line by line would be dear."""
        if self._deliveries * limits.SEND_SECONDS < (now - self._turns[0][0]) * limits.COALESCE_LOAD:
            return False
        return len(set().union(*[authors for _, authors, _ in self._turns])) >= limits.COALESCE_AUTHORS
