"""The durable store: logs in an SQLite database, one thread that writes to it and two that read: searches have
one of their own, so that who comes in does not wait for them.

A batch is one transaction in write-ahead mode, and acknowledged when the disk has it (`full`), or only the system
(`normal`, which survives the end of the process but not of the machine).  Reading goes on where writing fails.  A
batch that failed is never tried again here, for its authors were told.
"""

import os
import sqlite3
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal, NoReturn

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.errors import NotStored
from chat.core.ports import (
    Batch,
    Emptied,
    Found,
    KeptLog,
    Known,
    LineId,
    Numbered,
    Query,
    Spoken,
    StoreState,
    Stretch,
)
from chat.log.events import Entry
from chat.log.forgetting import Forgotten
from chat.log.redaction import Speaker
from chat.log.unread import Listener, Unread
from chat.store.keep import Keep
from chat.store.retention import Trimmed
from chat.store.sqlite.backup import back_up, copy
from chat.store.sqlite.commits import commit, known
from chat.store.sqlite.connection import connect, reason
from chat.store.sqlite.forgetting import called, forget, nicks, spoken
from chat.store.sqlite.free_space import FreeSpace, MinFree
from chat.store.sqlite.indexing import Indexing
from chat.store.sqlite.people import Written
from chat.store.sqlite.queries import after, copies, room, said, unread
from chat.store.sqlite.redaction import Scrubbing
from chat.store.sqlite.retention import LineIds, due, trim
from chat.store.sqlite.schema import Prepared
from chat.store.unusable import unreadable
from chat.store.worker import InTurn, Reactor, Worker

logger = Logger()


class SqliteStore:
    """Keeps everything.  Nothing happens before `start`, which may come in another process than the preparation."""

    def __init__(
        self,
        prepared: Prepared,
        reactor: Reactor,
        synchronous: Literal["full", "normal"] = "full",
        min_free: MinFree = 0,
    ) -> None:
        self._path = prepared.path
        self._space = FreeSpace(prepared.path, min_free, reactor.callFromThread)
        self._lock = prepared.lock
        self._synchronous = synchronous
        self._reactor = reactor
        self._closing = False
        self._copied: Deferred[None] = succeed(None)
        """When all copies are made."""
        self._indexing = Indexing()
        self._written = Written()
        self._line_ids = LineIds()
        self._scrubbing = Scrubbing(prepared.path)
        spare = InTurn(self._indexing, self._scrubbing)
        self._writer = Worker("chat-writer", self._connect_writer, reactor, spare)
        self._reader = Worker("chat-reader", self._connect_reader, reactor)
        self._searcher = Worker("chat-searcher", self._connect_reader, reactor)

    shared = False

    def start(self) -> None:
        """Begin, with what was asked for so far."""
        self._writer.start()
        self._reader.start()
        self._searcher.start()

    def commit(self, batch: Batch) -> Deferred[Numbered]:
        """Keep a batch; fires when it is durable, fails with `NotStored` or `Duplicates` where nothing was kept."""
        return self._writer.do(partial(self._commit, batch=batch)).addErrback(_unwritten)

    def after(self, key: str, position: int, most: int) -> Deferred[list[Entry]]:
        """Up to `most` of the oldest entries that are held behind a position, of long ones a page."""
        return self._reader.do(lambda connection: after(connection, key, position, most))

    def said(self, query: Query) -> Deferred[Found]:
        """What people said, of each log no more than the newest `COUNTED` that an index finds."""
        worker, work = (self._searcher, self._search) if query.words or query.to else (self._reader, said)
        return worker.do(partial(work, query=query)).addErrback(_not_read)

    def unread(self, stretches: Mapping[str, Stretch], listener: Listener) -> Deferred[Mapping[str, Unread]]:
        """What is new for somebody in stretches of these logs, of each no more than the last `UNREAD_MOST` things."""
        return self._reader.do(lambda connection: unread(connection, stretches, listener)).addErrback(_not_read)

    def _search(self, connection: sqlite3.Connection, query: Query) -> Found:
        """What is found in the time that a search has; those that still wait when the server ends have none."""
        if self._closing:
            return Found([], 0, False)
        end = time.monotonic() + limits.SEARCH_SECONDS
        connection.set_progress_handler(lambda: self._closing or time.monotonic() > end, 1000)
        try:
            return said(connection, query)
        finally:
            connection.set_progress_handler(None, 0)

    def _commit(self, connection: sqlite3.Connection, batch: Batch) -> Numbered:
        if batch.appended:  # that somebody has left, or may come back, is little, and a code has to be void at once
            self._space.check()
        size, taken_back = commit(connection, batch, self._written)
        self._space.wrote(size)
        if batch.redactions:
            self._scrubbing.note(taken_back)
        self._indexing.note(batch.appended)
        return batch.proposed

    def known(self, ids: Sequence[LineId]) -> Deferred[Mapping[LineId, Known]]:
        """The lines with these ids that were stored."""
        return self._reader.do(lambda connection: known(connection, ids)).addErrback(_not_read)

    def copies(self, key: str, private: Entry) -> Deferred[Sequence[int]]:
        """The numbers of all private lines in the log of this key that say what this one says, of the same turn."""
        return self._reader.do(lambda connection: copies(connection, key, private)).addErrback(_not_read)

    def spoken(self, speaker: Speaker, behind: int) -> Deferred[Spoken]:
        """What somebody said, in all logs, a part after the other; the first is behind 0."""
        return self._searcher.do(lambda connection: spoken(connection, speaker, behind)).addErrback(_not_read)

    def nicks(self, ids: Collection[str]) -> Deferred[Collection[str]]:
        """The nicknames under which these people stand anywhere."""
        return self._searcher.do(lambda connection: nicks(connection, ids)).addErrback(_not_read)

    def called(self, nick: str) -> Deferred[Collection[str]]:
        """The ids of those who stand anywhere under this folded nickname."""
        return self._searcher.do(lambda connection: called(connection, nick)).addErrback(_not_read)

    def forget(self, gone: Forgotten, behind: int) -> Deferred[Emptied]:
        """Let nothing of these people be left in a part of all that is held, nor, with the first part, their logs."""

        def work(connection: sqlite3.Connection) -> Emptied:
            emptied, texts = forget(connection, gone, behind)
            if texts:
                self._scrubbing.note(texts)
            return emptied

        return self._writer.do(work).addErrback(_unwritten)

    def room(self, key: str) -> Deferred[KeptLog | None]:
        """The room of this key, as it was committed last; None where there never was one."""
        return self._reader.do(lambda connection: room(connection, key)).addErrback(_not_read)

    def let_go(self, room: KeptLog) -> None:
        """What was committed is here."""

    def due(self, keep: Keep, now: datetime) -> Deferred[int]:
        """About how many lines must go."""
        return self._reader.do(lambda connection: due(connection, keep, now))

    def trim(self, keep: Keep, now: datetime) -> Deferred[Trimmed]:
        """Take away some of what is no longer kept; fires with what that was, no rows when nothing is left to do."""
        return self._writer.do(lambda connection: trim(connection, keep, now, self._line_ids))

    def look_at_space(self) -> Deferred[None]:
        """Look how much of the disk is free; the log says where that is little."""
        return self._writer.do(lambda _: self._space.look())

    def min_free(self, size: MinFree) -> None:
        """So much of the disk stays free from now on."""
        self._space.wanted = size

    @property
    def path(self) -> Path:
        """The file of the database."""
        return self._path

    def journal(self) -> int:
        """Bytes of the write-ahead file: what is said stands there first."""
        try:
            return os.stat(f"{self._path}-wal").st_size
        except OSError:
            return 0

    def state(self) -> StoreState:
        """How large the files are, and how much is asked of the threads that was not done yet."""
        try:
            size = os.stat(self._path).st_size
        except OSError:
            size = 0
        waiting = sum(worker.undone for worker in (self._writer, self._reader, self._searcher))
        return StoreState("sqlite", size, self.journal(), self._space.free, waiting)

    def backup(self, directory: Path, stamp: str) -> Deferred[Path]:
        """The copy of this date, or moment, made if there is none, beside the last ones of others."""
        worker = Worker("chat-backup", partial(connect, self._path), self._reactor)
        worker.start()

        def work(connection: sqlite3.Connection) -> Path:
            return back_up(partial(copy, connection, ends=lambda: self._closing), directory, self._path.stem, stamp)

        done = worker.do(work)
        closed = worker.close()
        self._copied.addCallback(lambda _: closed)
        return done

    def close(self) -> Deferred[None]:
        """Fires when all that was asked for is done and others may open the database."""
        self._closing = True
        # One after the other: the last one folds the write-ahead file into the database, two at once leave it to each.
        # A copy before all: the scrub's file is not SQLite's, and to close it lets go of all locks on the database.
        closed = self._copied.addCallback(lambda _: self._searcher.close()).addCallback(lambda _: self._reader.close())
        closed.addCallback(lambda _: self._writer.close())
        closed.addCallback(lambda _: self._scrubbing.close())
        return closed.addCallback(lambda _: os.close(self._lock))

    def _connect_writer(self) -> sqlite3.Connection:
        connection = connect(self._path)
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute(f"PRAGMA journal_size_limit = {limits.JOURNAL_BYTES}")
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {limits.CHECKPOINT_BYTES // page}")
        return _opened(connection)

    def _connect_reader(self) -> sqlite3.Connection:
        return _opened(connect(self._path))


def _opened(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The write-ahead file is opened with the first question; later there may be no file descriptor left for it."""
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return connection


def _unwritten(failure: Failure) -> NoReturn:
    """A batch that the database did not take; one that contradicts what it has is a bug, and stays one."""
    error = failure.value
    if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
        raise NotStored(reason(error))
    failure.raiseException()


def _not_read(failure: Failure) -> NoReturn:
    """A question that the database could not answer: whoever asked is told."""
    error = failure.value
    if isinstance(error, sqlite3.Error):
        logger.failure("The database could not be read", failure)
        raise unreadable(reason(error))
    failure.raiseException()
