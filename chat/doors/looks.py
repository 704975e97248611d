"""Looks at visits now and then, as long as there is something to see: a server where nothing happens sleeps."""

from collections.abc import Callable, Iterable
from math import ceil

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from chat.base import limits
from chat.visit.visit import Visit


class Looks:
    """Has each of some visits looked at once in so many seconds, until a look says that it was the last one.

    A part of them at a time, so that nobody's line waits until all are looked at; who is `found` when a round begins
    belongs to it.
    """

    def __init__(
        self,
        clock: IReactorTime,
        seconds: float,
        look: Callable[[Visit], bool],
        found: Callable[[], Iterable[Visit]] = tuple,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._look_at = look
        self._found = found
        self._visits: set[Visit] = set()
        self._left: list[Visit] = []
        """Those of this round that were not looked at yet."""
        self._pause = seconds
        self._timer: IDelayedCall | None = None

    def add(self, visit: Visit) -> None:
        """Look at this one, too."""
        self._visits.add(visit)
        self.go_on()

    def remove(self, visit: Visit) -> None:
        """It is gone."""
        self._visits.discard(visit)

    def go_on(self) -> None:
        """There may be something to see."""
        if self._timer is None:
            self._timer = self._clock.callLater(self._seconds, self._look)

    def stop(self) -> None:
        """Nobody is there."""
        self._visits.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if not self._left:
            self._visits.update(self._found())
            self._left = list(self._visits)
            self._pause = self._seconds / max(1, ceil(len(self._left) / limits.LOOK_AT))
        some = self._left[: limits.LOOK_AT]
        del self._left[: limits.LOOK_AT]
        for visit in some:
            if visit in self._visits and not self._look_at(visit):
                self._visits.discard(visit)
        if self._left or self._visits:
            self._timer = self._clock.callLater(self._pause, self._look)
