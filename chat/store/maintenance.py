"""What a durable store needs now and then: what is too much is taken away, a copy made each night, and the free space
of the disk looked at where nobody writes.

Nothing is taken away on the word of a clock that was set: whoever corrects a date by a year would lose a year.  What
fails is logged and costs nothing else.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from chat.base import limits
from chat.base.errors import ChatError
from chat.base.language import language
from chat.store.keep import Keep, plan, spelled
from chat.store.retention import EARLIEST, Trimmed

logger = Logger()


class Tended(Protocol):
    """What upkeep needs of a store."""

    def due(self, keep: Keep, now: datetime) -> Deferred[int]:
        """About how many lines must go."""

    def trim(self, keep: Keep, now: datetime) -> Deferred[Trimmed]:
        """Take away some of what is no longer kept; fires with what that was, no rows when nothing is left to do."""

    def backup(self, directory: Path, stamp: str) -> Deferred[Path]:
        """The copy of this date, made if there is none."""


class OnDisk(Protocol):
    """A store that is a file of ours, on a disk that may become full."""

    def look_at_space(self) -> Deferred[None]:
        """Look how much of the disk is free; the log says where that is little."""

    def min_free(self, size: int | None) -> None:
        """So much of the disk stays free from now on."""

    @property
    def path(self) -> Path:
        """The file of the database."""

    def journal(self) -> int:
        """Bytes of what is on its way into the database."""


class Maintenance:
    """Looks after a store from `start` to `stop`.

    `now` is the date, which can be wrong; `elapsed` tells how much time went by, also while the server slept.
    """

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], datetime],
        elapsed: Callable[[], float],
        store: Tended,
        keep: Keep,
        backup_to: Path | None,
        disk: OnDisk | None = None,
    ) -> None:
        self._clock = clock
        self._now = now
        self._elapsed = elapsed
        self._store = store
        self._disk = disk
        self._keep = keep
        self._took_away = 0.0
        self._undated: set[str] = set()
        """Of these logs it was told."""
        self._backup_to = backup_to
        self._told_bytes = limits.JOURNAL_TOLD_BYTES
        """From this size on the journal is told."""
        self._began_at = now() - timedelta(seconds=elapsed())
        self._is_date_right = True
        self._copied: date | None = None
        self._timer: IDelayedCall | None = None
        self._running = False

    def start(self) -> None:
        """Look from now on; the first time soon."""
        self._running = True
        self._look_in(limits.UPKEEP_SECONDS)

    def keep(self, keep: Keep) -> None:
        """Keep this much from now on.  What that takes away is told a minute before, while it can be put right."""
        if keep != self._keep:
            self._keep = keep
            if self._timer is not None:
                self._timer.reset(limits.UPKEEP_SECONDS)
            Deferred.fromCoroutine(self._tell(keep))

    async def _tell(self, keep: Keep) -> None:
        try:
            lines = await self._store.due(keep, self._now())
            logger.info("{change}", change=language("en").words(plan(keep, lines)))
        except Exception as error:
            _failed(error, "What is too old could not be counted")

    def stop(self) -> None:
        """Ask nothing more of the store."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_in(self, seconds: float) -> None:
        if self._running:
            self._timer = self._clock.callLater(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        Deferred.fromCoroutine(self._tend()).addCallback(self._look_in)

    async def _tend(self) -> float:
        """One step of everything; returns the seconds to the next."""
        if self._disk is not None:
            self._look_at_journal(self._disk)
            await self._look_at_space(self._disk)
        await self._back_up()
        return limits.TRIM_PAUSE_SECONDS if await self._trim() else limits.UPKEEP_SECONDS

    async def _look_at_space(self, disk: OnDisk) -> None:
        try:
            await disk.look_at_space()
        except Exception:
            logger.failure("How much of the disk is free could not be looked at")

    def _look_at_journal(self, disk: OnDisk) -> None:
        """Nothing of it gets into the database, nor is its place used again, while another program reads."""
        size = disk.journal()
        if size < limits.JOURNAL_TOLD_BYTES:
            self._told_bytes = limits.JOURNAL_TOLD_BYTES
        elif size >= self._told_bytes:
            self._told_bytes = 2 * size
            logger.warn(
                "{path}-wal has grown to {size} MB: another program keeps the database open, in a transaction that "
                "does not end, and with each line the file grows on; `fuser {path}` tells which one. For a copy there "
                "is chat-server backup",
                path=disk.path,
                size=size // 1_000_000,
            )

    async def _trim(self) -> int:
        self._check_date()
        if not self._is_date_right:
            return 0
        keep = self._keep
        try:
            gone = await self._store.trim(keep, self._now())
        except Exception as error:
            _failed(error, "What is too old could not be taken away")
            return 0
        self._took_away += gone.lines
        if not gone.rows and self._took_away:
            logger.info(
                "{count} lines were taken away (--keep {what})", count=round(self._took_away), what=spelled(keep)
            )
            self._took_away = 0
        for name in sorted(set(gone.undated) - self._undated):
            self._undated.add(name)
            logger.warn(
                "Nothing can be taken away from {log}: the dates of its oldest entries cannot be right, and none "
                "follows by which they could be judged; they stay until one does",
                log="somebody's private talk" if name == "@" else name,
            )
        return gone.rows

    def _check_date(self) -> None:
        """Compare how far the date moved since the last look with the time that went by."""
        began_at = self._now() - timedelta(seconds=self._elapsed())
        if self._is_date_right and abs((began_at - self._began_at).total_seconds()) > limits.JUMP_SECONDS:
            self._is_date_right = False
            logger.error("The date was changed by more than a day: nothing is taken away until the next start")
        if self._is_date_right and self._now() < EARLIEST:
            self._is_date_right = False
            logger.error("The date cannot be right: nothing is taken away until the next start")
        self._began_at = began_at

    async def _back_up(self) -> None:
        """The night's copy, or the last night's where the server was not running then."""
        day = (self._now().astimezone() - timedelta(hours=limits.BACKUP_HOUR)).date()
        if self._backup_to is None or self._copied == day:
            return
        self._copied = day
        try:
            path = await self._store.backup(self._backup_to, day.isoformat())
            logger.info("Talk was copied to {path}", path=path)
        except Exception as error:
            _failed(error, f"Talk could not be copied to {self._backup_to}")


def _failed(error: Exception, what: str) -> None:
    """A database that is away is no bug, whose place in the code would be told."""
    if isinstance(error, ChatError):
        logger.warn("{what}: {reason}", what=what, reason=language("en").words(error.sentence))
    else:
        logger.failure("{what}", what=what)
