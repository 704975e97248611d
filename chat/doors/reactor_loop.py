"""An event loop of asyncio over whatever reactor runs, as far as prompt_toolkit needs one: things are called, soon or
later, and nothing is waited for that is no timer.
"""

import asyncio
from asyncio import events
from collections.abc import Callable
from contextvars import Context
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

if TYPE_CHECKING:  # by its types it would be all of one
    _Base = Any
else:
    _Base = asyncio.AbstractEventLoop

T = TypeVar("T")
logger = Logger()


class _Timer(asyncio.TimerHandle):
    """Something that is called later."""

    __slots__ = ("delayed",)

    delayed: IDelayedCall


class ReactorLoop(_Base):  # type: ignore[misc]
    """One of somebody: how long the work of it takes is told."""

    slow_callback_duration = 1.0

    def __init__(self, clock: IReactorTime, spent: Callable[[float], None]) -> None:
        self._clock = clock
        self._spent = spent

    def within(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do this as if it were called by the loop."""
        outer, begun = events._get_running_loop(), perf_counter()
        events._set_running_loop(self)
        try:
            return work(*arguments)
        finally:
            events._set_running_loop(outer)
            self._spent(perf_counter() - begun)

    def _call(self, handle: asyncio.Handle) -> None:
        if not handle.cancelled():
            self.within(handle._run)

    # asyncio.AbstractEventLoop

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        """As soon as nothing else is done."""
        handle = asyncio.Handle(callback, args, self, context)
        self._clock.callLater(0, self._call, handle)
        return handle

    call_soon_threadsafe = call_soon  # there are no threads here

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """After so many seconds."""
        timer = _Timer(self.time() + delay, callback, args, self, context)
        timer.delayed = self._clock.callLater(max(0.0, delay), self._call, timer)
        return timer

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """At this time of the loop's."""
        return self.call_later(when - self.time(), callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: _Timer) -> None:
        if handle.delayed.active():
            handle.delayed.cancel()

    def time(self) -> float:
        """In seconds."""
        return self._clock.seconds()

    def create_future(self) -> "asyncio.Future[Any]":
        """Something that is not known yet."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **options: Any) -> "asyncio.Task[Any]":
        """Do this by and by."""
        return asyncio.Task(coro, loop=self, **options)

    def get_debug(self) -> bool:
        """Nothing is looked at more closely."""
        return False

    def is_running(self) -> bool:
        """As long as the reactor does."""
        return True

    def is_closed(self) -> bool:
        """The same."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What nobody took."""
        if (error := context.get("exception")) is not None:
            logger.failure("An editor of a line", Failure(error))

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        """Signals are the process's, and no terminal's."""

    def remove_signal_handler(self, sig: int) -> bool:
        """The same."""
        return True
