"""How the reactor waits while nothing happens: as long as it can, so that the machine sleeps.

Twisted's epoll reactor asks the kernel here what has happened, so this is where it is known when it begins to wait and
when that is over.  With another reactor nobody sleeps for long.
"""

import select
from collections.abc import Callable
from typing import Any

from chat.base import limits
from chat.base.clock import RunningTime, Unhurried

Events = list[tuple[int, int]]


class Sleep:
    """The `epoll` of a reactor, which waits as that asked, or more: what is `unhurried` is done when something else
    happens, `SLEEP_SECONDS` later at most."""

    def __init__(self, reactor: Any, running: RunningTime, unhurried: Unhurried) -> None:
        kernel = self._kernel = reactor._poller
        self._ask: Callable[[float, int], Events] = kernel.poll
        self.register, self.modify, self.unregister = kernel.register, kernel.modify, kernel.unregister
        self.close, self.fileno = kernel.close, kernel.fileno
        self._reactor = reactor
        self._running = running
        self._unhurried = unhurried
        self.when_over: Callable[[], None] | None = None
        """Called once when the reactor goes on, before anything else is done."""
        self.waits = False
        """It waits for something to happen; it does something, else."""

    def poll(self, timeout: float, most: int) -> Events:
        """(epoll) What has happened; -1 is no time-out."""
        self.waits = True
        try:
            events = self._wait(timeout, most)
        finally:
            self.waits = False
        if self.when_over is not None:
            done, self.when_over = self.when_over, None
            done()
        return events

    def _wait(self, timeout: float, most: int) -> Events:
        if 0 < timeout < limits.EXACT_SECONDS:  # epoll would wait a whole millisecond
            select.select((self._kernel,), (), (), timeout)
            timeout = 0
        soon = 0 <= timeout <= limits.PAUSE_SECONDS / 2
        return self._ask(timeout, most) if soon else self._sleep(timeout, most)

    def _sleep(self, timeout: float, most: int) -> Events:
        """Half of what would be taken for a pause, again and again where somebody could time out."""
        tick = limits.PAUSE_SECONDS / 2
        events = self._ask(tick, most)
        if events or self._unhurried.others_wait():
            while not events and timeout > tick:
                timeout -= tick
                self._running()
                events = self._ask(min(timeout, tick), most)
            return events
        events = self._ask(-1 if timeout < 0 else max(timeout, limits.SLEEP_SECONDS), most)
        self._running.slept()
        return events


def let_sleep(reactor: Any, running: RunningTime, unhurried: Unhurried) -> Sleep | None:
    """Let this reactor sleep; None where it cannot, and is woken now and then."""
    if hasattr(reactor, "_poller") and hasattr(reactor._poller, "fileno"):
        # Twisted has no public way to it.
        sleep = reactor._poller = Sleep(reactor, running, unhurried)
        return sleep
    return None
