"""The date where several servers use one database: by its clock, whatever theirs say.

Till when somebody is muted, and since when their line is down, one node says and another one goes by.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from twisted.logger import Logger

from chat.base import limits

logger = Logger()


class SharedDate:
    """What the database said last, and the time that went by since then."""

    def __init__(
        self,
        date: datetime,
        seconds: Callable[[], float] = time.monotonic,
        here: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._date = date
        self._seconds = seconds
        self._here = here
        self._asked_at = seconds()
        self._is_off = False

    def now(self) -> datetime:
        """The date of this moment."""
        return self._date + timedelta(seconds=self._seconds() - self._asked_at)

    def is_now(self, date: datetime) -> None:
        """The database says so; the operator is told where its clock was set, and where this machine's is wrong."""
        moved = (date - self.now()).total_seconds()
        if abs(moved) > limits.BACK_SECONDS:
            logger.error(
                "The database's clock was set {change} by {seconds} s, or a server with another clock took its place: "
                "what is said bears its date",
                change="forward" if moved > 0 else "back",
                seconds=round(abs(moved)),
            )
        self._date, self._asked_at = date, self._seconds()
        off = (self._here() - date).total_seconds()
        if (is_off := abs(off) > limits.BACK_SECONDS) and not self._is_off:
            logger.warn(
                "The clock of this machine is {seconds} s {where} the database's, by which all nodes go",
                where="ahead of" if off > 0 else "behind",
                seconds=round(abs(off)),
            )
        self._is_off = is_off
