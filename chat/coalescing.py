"""When the next turn begins: at once, until many talk to many; then after a pause, in which more gathers.

What a turn costs is one send for each recipient, however much is sent.  So a pause that is some times as long as
the sends of the turn before it keeps them to a small part of the time under any load, and grows with the room.
Where one or two talk there is none, at any rate: they may wait for each other, and gain nothing by waiting for more.
"""

from collections import deque
from collections.abc import Iterable
from itertools import chain

from chat import limits


class Coalescing:
    """Learns from each turn, and says when the next one may begin.  Times are the reactor's, in seconds."""

    __slots__ = ("_authors", "_not_before")

    def __init__(self) -> None:
        self._authors: deque[frozenset[str]] = deque(maxlen=limits.COALESCE_TURNS)
        self._not_before = 0.0

    def pause(self, now: float) -> float:
        """How long the next turn still has to wait."""
        return max(0.0, self._not_before - now)

    def turned(self, now: float, authors: Iterable[str], recipients: int) -> None:
        """A turn has ended: it brought what these said to so many."""
        self._authors.append(frozenset(authors))
        many = recipients >= limits.COALESCE_FROM
        if many and len(set(chain.from_iterable(self._authors))) >= limits.COALESCE_AUTHORS:
            self._not_before = now + min(recipients * limits.COALESCE_PER_RECIPIENT, limits.COALESCE_SECONDS)
