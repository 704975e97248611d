"""The process as commands know it (`chat.core.ports.Process`): read anew, copied, stopped."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.base.reasons import system_reason
from chat.server.log_counts import LogCounts
from chat.store.sqlite.connection import reason
from chat.store.unusable import not_copied

logger = Logger()


class Copied(Protocol):
    """A store of which a copy can be made."""

    def backup(self, directory: Path, stamp: str) -> Deferred[Path]:
        """The copy of this moment."""


class RunningProcess:
    """Of a server whose `store` is none that could be copied, or which has no directory for copies, none is made."""

    def __init__(
        self,
        reload: Callable[[], Sequence[Sentence]],
        stop: Callable[[], None],
        store: Copied | None,
        backup_to: Path | None,
        now: Callable[[], datetime],
        counts: LogCounts,
    ) -> None:
        self.reload = reload
        self.stop = stop
        self.started_at = now()
        self._counts = counts
        self._store = store
        self._backup_to = backup_to
        self._now = now
        self._copying = False

    @property
    def log_entries(self) -> Mapping[str, int]:
        """(Process)"""
        return self._counts.by_level

    def back_up(self) -> Deferred[Path]:
        """(Process) One at a time: each reads all of the disk's part that the database is."""
        if self._store is None:
            return fail(Refused("unavailable", say("Talk is kept until the server ends: there is nothing to copy.")))
        if self._backup_to is None:
            return fail(
                Refused(
                    "unavailable",
                    say(
                        "The server has no directory for copies: start it with --backup-to DIR, or make one with "
                        "chat-server backup PATH."
                    ),
                )
            )
        if self._copying:
            return fail(Refused("busy", say("A copy is being made just now.")))
        self._copying = True
        stamp = f"{self._now().astimezone():%Y-%m-%d-%H%M%S}"
        return self._store.backup(self._backup_to, stamp).addBoth(self._copied)

    def _copied(self, result: Path | Failure) -> Path:
        self._copying = False
        if isinstance(result, Path):
            logger.info("Talk was copied to {path}", path=result)
            return result
        logger.failure("Talk could not be copied to {directory}", result, directory=self._backup_to)
        error = result.value
        if isinstance(error, sqlite3.Error | OSError):
            why = reason(error) if isinstance(error, sqlite3.Error) else system_reason(error)
            raise not_copied(why)
        result.raiseException()
