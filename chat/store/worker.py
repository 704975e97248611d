"""A thread with one connection to the database, which does one thing after another."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

logger = Logger()

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Any]


class Worker:
    """Work may be given to it before it is started.  The connection is opened then, in the thread that uses it, as
    SQLite wants it, and while there are file descriptors; where that fails the first work tries anew, and fails, too.

    The process does not wait for the thread: a disk that hangs must not keep it from ending.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], sqlite3.Connection],
        call_from_thread: Callable[..., object],
    ) -> None:
        self._connect = connect
        self._call_from_thread = call_from_thread
        self._queue: SimpleQueue[tuple[Work, Deferred[Any]] | None] = SimpleQueue()
        self._closed: Deferred[None] = Deferred()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with what was given."""
        self._thread.start()

    def do(self, work: Callable[[sqlite3.Connection], Result]) -> Deferred[Result]:
        """Fires with what the work returns, or raises, when all that was given before is done."""
        done: Deferred[Result] = Deferred()
        self._queue.put((work, done))
        return done

    def close(self) -> Deferred[None]:
        """Fires when all is done and the connection closed; no work comes after this."""
        self._queue.put(None)
        return self._closed

    def _run(self) -> None:
        connection = None
        with suppress(Exception):  # whoever asks for something first is told why
            connection = self._connect()
        while (task := self._queue.get()) is not None:
            work, done = task
            try:
                connection = connection or self._connect()
                self._call_from_thread(done.callback, work(connection))
            except Exception:
                self._call_from_thread(done.errback, Failure())
        try:
            if connection is not None:
                connection.close()
        except sqlite3.Error:
            logger.failure("The database could not be closed")
        self._call_from_thread(self._closed.callback, None)
