"""A stop that was set for later: everybody is told when it is, and again as it comes nearer."""

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from chat.base import limits
from chat.base.errors import NotStored
from chat.log.events import Author, StopAnnounced

logger = Logger()


class Shutdown:
    """The one stop that is set, or none; `tell` lets everybody read it, and `stop` ends the process."""

    def __init__(
        self,
        clock: IReactorTime,
        tell: Callable[[StopAnnounced], Awaitable[None]],
        stop: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._stop = stop
        self._next: IDelayedCall | None = None
        self._ends_at = 0.0

    @property
    def left(self) -> int | None:
        """In how many seconds the server stops, None where nothing is set."""
        return None if self._next is None else max(0, round(self._ends_at - self._clock.seconds()))

    async def set(self, seconds: int, by: Author | None) -> None:
        """Stop in so many seconds, whatever was set before; it is so, too, where it cannot be told to anybody."""
        self.cancel()
        self._ends_at = self._clock.seconds() + seconds
        self._wait(seconds)
        logger.info("The server stops in {seconds} s, as {nick} set it", seconds=seconds, nick=_who(by))
        await self._told(StopAnnounced(by, seconds))

    async def take_back(self, by: Author | None) -> None:
        """Stop no more; where nothing was set, nobody is told."""
        if self._next is not None:
            self.cancel()
            logger.info("The server does not stop after all: {nick} took it back", nick=_who(by))
            await self._told(StopAnnounced(by, None))

    def cancel(self) -> None:
        """Nothing is set any more, and nobody is told: the server stops for another reason."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _wait(self, left: float) -> None:
        """For the moment at which it is told again: not soon after the last time."""
        mark = next((mark for mark in limits.SHUTDOWN_TOLD if mark <= left * limits.SHUTDOWN_NOT_SOON), None)
        if mark is None:
            self._next = self._clock.callLater(left, self._end)
        else:
            self._next = self._clock.callLater(left - mark, self._again, mark)

    def _again(self, left: int) -> None:
        self._wait(left)
        Deferred.fromCoroutine(self._told(StopAnnounced(None, left)))

    def _end(self) -> None:
        self._next = None
        logger.info("The server stops, as was set")
        self._stop()

    async def _told(self, fact: StopAnnounced) -> None:
        try:
            await self._tell(fact)
        except NotStored:
            logger.error("Nobody could be told of the stop: nothing is stored")


def _who(by: Author | None) -> str:
    return "the control socket" if by is None else by.nick
