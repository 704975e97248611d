"""Two times that no one can set: the one in which a server's time-outs run, and the one in which a laptop sleeps.

Twisted's own is the clock on the wall: set back by an hour, it stops every timer for an hour; set forward, all of
them fire at once.
"""

import sys
import time
from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from chat.base import limits

_ELAPSED = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC


def elapsed() -> float:
    """Seconds that went by, also (on Linux) those in which the machine was suspended."""
    return time.clock_gettime(_ELAPSED)


def suspended() -> float:
    """Seconds of those in which the machine was suspended, more or less some constant."""
    return elapsed() - time.monotonic()


class RunningTime:
    """Seconds in which this process ran: after a SIGSTOP, or a pause of its virtual machine, nobody has timed out who
    had not before.

    It has to be asked more often than every `PAUSE_SECONDS`, or it stands still: `chat.server.sleeping` sees to it.
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

    def slept(self) -> None:
        """The process waited for as long as it liked, and nobody could time out meanwhile: that is no pause."""
        self._asked_at = self._monotonic()


@implementer(IReactorTime)
class Unhurried:
    """The timers of a reactor for what is to be done now and then: nobody times out by them, so they may be late."""

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._calls: set[IDelayedCall] = set()

    def seconds(self) -> float:
        """(IReactorTime)"""
        return self._reactor.seconds()

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kwargs: object) -> IDelayedCall:
        """(IReactorTime)"""
        call = self._reactor.callLater(delay, callable, *args, **kwargs)
        self._calls = {other for other in self._calls if other.active()} | {call}
        return call

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """(IReactorTime) Those of them that are to come."""
        return [call for call in self._calls if call.active()]

    def others_wait(self) -> bool:
        """Whether anything else has a timer."""
        return any(call not in self._calls for call in self._reactor.getDelayedCalls())
