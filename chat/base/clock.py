"""Two times that no one can set: the one in which a server's time-outs run, and the one in which a laptop sleeps.

Twisted's own is the clock on the wall: set back by an hour, it stops every timer for an hour; set forward, all of
them fire at once.
"""

import sys
import time
from collections.abc import Callable

from chat.base import limits

_ELAPSED = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC


def elapsed() -> float:
    """Seconds that went by, also (on Linux) those in which the machine was suspended."""
    return time.clock_gettime(_ELAPSED)


class RunningTime:
    """Seconds in which this process ran: after a SIGSTOP, or a pause of its virtual machine, nobody has timed out who
    had not before.

    It has to be asked more often than every `PAUSE_SECONDS`, or it stands still: the watchdog's heartbeat sees to it.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._asked_at = monotonic()
        self._paused = 0.0

    def __call__(self) -> float:
        """(IReactorTime.seconds)"""
        now = self._monotonic()
        gap = now - self._asked_at
        if gap > limits.PAUSE_SECONDS:
            self._paused += gap
        self._asked_at = now
        return now - self._paused
