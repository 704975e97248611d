"""Tells the operator when the reactor stalls, and what it was doing then.

A thread looks whether the reactor's thread waits for something to do; where it does not it is asked whether it runs.
Where that is not answered in time the thread takes the stack of the reactor's thread, without any values, which may be
people's words; with the answer the log gets both.  Where the thread itself was late and the process did not compute,
it is no stall: the process was stopped.

Both sleep while nothing happens (`chat.server.sleeping`).
"""

import os
import selectors
import sys
import time
import traceback
from collections.abc import Callable, Collection
from itertools import takewhile
from threading import Event, Lock, Thread, get_ident
from types import CodeType, FrameType
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from chat.base import clock, limits
from chat.base.named_tuples import NamedTuple
from chat.server.sleeping import Sleep

logger = Logger()


_LOOPS = ("mainLoop", "_run_once")


class Stalled(NamedTuple):
    """The reactor did only this for some time."""

    seconds: float
    where: str


class Stopped(NamedTuple):
    """The process did not run for some time."""

    seconds: float


class Pulse:
    """What looks at a heart tell; times are `clock.elapsed`'s, and `worked` is what the process has computed so far."""

    def __init__(self, now: float, worked: float) -> None:
        self._looked_at = self._beat_at = self._ran_at = now
        self._worked = worked
        self._where = ""

    def look(self, now: float, worked: float, beat_at: float, where: Callable[[], str]) -> Stalled | Stopped | None:
        """Called every `HEARTBEAT_SECONDS`; the reactor waited, or answered, last at `beat_at`, and `where` tells what
        is done now, if anything is."""
        gap, self._looked_at = now - self._looked_at, now
        work, self._worked = worked - self._worked, worked
        if gap >= limits.HEARTBEAT_SECONDS + limits.REACTOR_STALL_SECONDS and work < gap / 10:
            self._beat_at, self._ran_at, self._where = beat_at, now, ""
            return Stopped(gap)
        found = None
        if beat_at != self._beat_at:
            silence = beat_at - max(self._beat_at, self._ran_at)
            if self._where and silence >= limits.REACTOR_STALL_SECONDS:
                found = Stalled(silence, self._where)
            self._beat_at, self._where = beat_at, ""
        # Half of the time, so that it is still at it: a stall of just this length would be over at the next look.
        if not self._where and now - max(beat_at, self._ran_at) >= limits.REACTOR_STALL_SECONDS / 2:
            self._where = where()
        return found


class Watchdog:
    """Watches the reactor of the thread that calls `start`, until `stop`; it rests while that does, where that can."""

    def __init__(self, reactor: Any, sleep: Sleep | None = None) -> None:
        self._reactor = reactor
        self._sleep = sleep
        self._waits = {getattr(reactor.doIteration, "__code__", None)}
        self._answered_at = 0.0
        self._asked = False
        self._stopped = False
        self._ends = Lock()
        """Held until it is to stop.  An `Event` calls five functions for each look, with cold caches."""
        self._ends.acquire()
        self._stirred = Event()
        self._timer: IDelayedCall | None = None
        self._told_at = -limits.LOG_SECONDS
        self._untold = 0

    def start(self) -> None:
        """Begin: after `twistd` has gone to the background, for threads do not survive that."""
        if self._sleep is None:
            self._look_at_clock()
        Thread(target=self._watch, args=(get_ident(),), name="chat-watchdog", daemon=True).start()

    def stop(self) -> None:
        """No more is told."""
        self._stopped = True
        self._ends.release()
        self._stirred.set()
        if self._timer is not None:
            self._timer.cancel()

    def _look_at_clock(self) -> None:
        """What waits for long is no pause (`clock.RunningTime`)."""
        self._timer = self._reactor.callLater(limits.PAUSE_SECONDS / 2, self._look_at_clock)

    def _watch(self, thread: int) -> None:
        rested = 0.0
        while not self._stopped:
            self._look_on(thread, rested < limits.WATCH_SECONDS)
            rested = self._rest(thread)

    def _look_on(self, thread: int, long: bool) -> None:
        """Until the reactor waits, and for some time more where that helps; for ever where it cannot sleep."""
        begun = self._answered_at = clock.elapsed()
        pulse = Pulse(begun, time.process_time())
        while not self._ends.acquire(timeout=limits.HEARTBEAT_SECONDS):
            now, busy = clock.elapsed(), self._is_at_work(thread)
            if not busy:
                self._answered_at = now
            elif not self._asked:
                self._asked = True
                self._reactor.callFromThread(self._answer)
            found = pulse.look(now, time.process_time(), self._answered_at, lambda: self._doing(thread))
            if found is not None:
                self._reactor.callFromThread(self._tell, found)
            if self._sleep is not None and not busy and (now - begun >= limits.WATCH_SECONDS or not long):
                return

    def _is_at_work(self, thread: int) -> bool:
        """Whether the reactor does not wait for something to do; where it tells, no stack need be looked at."""
        return at_work(thread, self._waits) if self._sleep is None else not self._sleep.waits

    def _doing(self, thread: int) -> str:
        found = doing(thread, self._waits)
        return found if self._is_at_work(thread) else ""

    def _rest(self, thread: int) -> float:
        """Until the reactor goes on; returns for how many seconds."""
        begun, suspended = clock.elapsed(), clock.suspended()
        self._stirred.clear()
        if not self._stopped and self._sleep is not None:
            self._sleep.when_over = self._stirred.set
            # It may have gone on just before, and then tells only of the next time.
            if not self._is_at_work(thread):
                self._stirred.wait()
        slept = clock.suspended() - suspended
        if slept >= limits.REACTOR_STALL_SECONDS:
            self._reactor.callFromThread(self._tell, Stopped(slept))
        return clock.elapsed() - begun

    def _answer(self) -> None:
        """(In the reactor's thread) It runs."""
        self._asked, self._answered_at = False, clock.elapsed()

    def _tell(self, found: Stalled | Stopped) -> None:
        now = clock.elapsed()
        if now - self._told_at < limits.LOG_SECONDS:
            self._untold += 1
            return
        more = f" ({self._untold} more since the last line)" if self._untold else ""
        self._told_at, self._untold = now, 0
        if isinstance(found, Stopped):
            logger.warn(
                "The process did not run for {seconds:.1f} s: it was stopped, or the machine slept or was busy{more}",
                seconds=found.seconds,
                more=more,
            )
        else:
            logger.warn(
                "Nobody was served for {seconds:.1f} s{more}; what took so long: {where}",
                seconds=found.seconds,
                where=found.where,
                more=more,
            )


def at_work(thread: int, waits: Collection[CodeType | None]) -> bool:
    """Whether a thread is `doing` something."""
    return _works(sys._current_frames().get(thread), waits)


def doing(thread: int, waits: Collection[CodeType | None] = ()) -> str:
    """What a thread is doing, the innermost function first; no values, and no source, which would have to be read.

    Nothing if it has ended, or waits in one of these for something to do.
    """
    frame = sys._current_frames().get(thread)
    if not _works(frame, waits):
        return ""
    # What called the reactor, or asyncio's loop, is no news.
    frames = takewhile(lambda call: call[0].f_code.co_name not in _LOOPS, traceback.walk_stack(frame))
    stack = traceback.StackSummary.extract(frames, limit=limits.STALL_FRAMES, lookup_lines=False)
    return ", called by ".join(f"{call.name} ({_module(call.filename)}:{call.lineno})" for call in stack)


def _works(frame: FrameType | None, waits: Collection[CodeType | None]) -> bool:
    return not (frame is None or frame.f_code in waits or _selects(frame.f_code))


def _selects(code: CodeType) -> bool:
    """Whether this is where asyncio's loop waits: its `doIteration` is never called."""
    return code.co_name == "select" and code.co_filename == selectors.__file__


def _module(path: str) -> str:
    """A file, told by its last names: `chat/core/turn.py`."""
    return os.sep.join(path.split(os.sep)[-3:])
