"""A thread with one connection to a database, which does one thing after another.

It needs the interpreter's lock for a moment after each call of the database's.  A reactor that is never idle lets go
of the lock only for as long as its own system calls take, and has it back before this thread is awake; each time that
also begins anew the 5 ms after which Python would make it wait.  So where the thread was late to begin, the reactor
pauses now and then as long as it is at work.  Where it was not, nothing is done: a timer for each line would wake the
reactor once more, a tenth of what a line costs where one comes now and then.
"""

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from select import select
from threading import Thread
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits

logger = Logger()

Result = TypeVar("Result")


class Closable(Protocol):
    """A connection, as far as a worker needs to know what one is."""

    def close(self) -> None:
        """Nothing is asked by it any more."""


Connection = TypeVar("Connection", bound=Closable)
Given = TypeVar("Given", contravariant=True)


class Reactor(Protocol):
    """What is needed of the reactor, by its own names."""

    def callFromThread(self, callable: Callable[..., object], *args: object) -> object:
        """Call this in its thread."""

    def callLater(self, delay: float, callable: Callable[..., object]) -> object:
        """Call this after so many seconds."""


class Spare(Protocol[Given]):
    """Work of the thread's own, a step at a time, when nobody asks for anything."""

    def wanted(self) -> float | None:
        """In how many seconds a step is due if nothing else comes, 0 at once; None if nothing is left to do."""

    def step(self, connection: Given) -> None:
        """Do it."""


class InTurn(Generic[Connection]):
    """Several kinds of such work, one after the other: what is due first, is done."""

    def __init__(self, *kinds: Spare[Connection]) -> None:
        self._kinds = kinds

    def wanted(self) -> float | None:
        """In how many seconds the first of them is due."""
        due = self._due()
        return None if due is None else due[0]

    def step(self, connection: Connection) -> None:
        """Do that."""
        due = self._due()
        if due is not None:
            due[1].step(connection)

    def _due(self) -> tuple[float, Spare[Connection]] | None:
        found = [(seconds, kind) for kind in self._kinds if (seconds := kind.wanted()) is not None]
        return min(found, key=lambda one: one[0], default=None)


class Worker(Generic[Connection]):
    """Work may be given to it before it is started.  The connection is opened then, in the thread that uses it, as
    SQLite wants it, and while there are file descriptors; where that fails the first work tries anew, and fails, too.

    The process does not wait for the thread: a disk that hangs must not keep it from ending.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Connection],
        reactor: Reactor,
        spare: Spare[Connection] | None = None,
        seconds: Callable[[], float] = perf_counter,
    ) -> None:
        self._spare = spare
        self._connect = connect
        self._reactor = reactor
        self.undone = 0
        """How much was given that is not done."""
        self._pausing = False
        self._seconds = seconds
        self._late = False
        """Whether it began its last work so late that the reactor was in its way."""
        self._queue: SimpleQueue[tuple[Callable[[Connection], Any], Deferred[Any], float] | None] = SimpleQueue()
        self._closed: Deferred[None] = Deferred()
        self._name = name

    def start(self) -> None:
        """Begin with what was given; after a fork, not before, and no thread is made before it either.

        CPython 3.13.0 takes a thread that was made before a fork, and not begun, for one that has ended.
        """
        Thread(target=self._run, name=self._name, daemon=True).start()

    def do(self, work: Callable[[Connection], Result]) -> Deferred[Result]:
        """Fires with what the work returns, or raises, when all that was given before is done."""
        done: Deferred[Result] = Deferred()
        self.undone += 1
        self._queue.put((work, done, self._seconds()))
        if self._late:
            self._pause_later()
        return done

    def _did(self, tell: Callable[..., None], what: object) -> None:
        self.undone -= 1
        tell(what)

    def _pause_later(self) -> None:
        if not self._pausing:
            self._pausing = True
            self._reactor.callLater(limits.LOCK_AFTER_SECONDS, self._pause)

    def _pause(self) -> None:
        """(In the reactor's thread) If this one is still at work, let it have the interpreter's lock."""
        self._pausing = False
        if self.undone:
            select((), (), (), limits.LOCK_SECONDS)  # time.sleep cannot under a clock that libfaketime sets
            self._pause_later()

    def close(self) -> Deferred[None]:
        """Fires when all is done and the connection closed; no work comes after this."""
        self._queue.put(None)
        return self._closed

    def _next(self, connection: Connection | None) -> tuple[Callable[[Connection], Any], Deferred[Any], float] | None:
        """What is asked for next; until that comes, and before it where it cannot wait, spare work is done."""
        while self._spare is not None and connection is not None:
            seconds = self._spare.wanted()
            with suppress(Empty):
                if seconds != 0:
                    return self._queue.get(timeout=seconds)
            try:
                self._spare.step(connection)
            except Exception:
                # Such as a full disk: what comes in is not hindered, and the next step is tried with it.
                logger.failure("The search index could not be brought up to date")
                break
        return self._queue.get()

    def _run(self) -> None:
        connection = None
        with suppress(Exception):  # whoever asks for something first is told why
            connection = self._connect()
        idle_since = self._seconds()
        while (task := self._next(connection)) is not None:
            work, done, asked_at = task
            self._late = self._seconds() - max(asked_at, idle_since) > limits.LOCK_AFTER_SECONDS
            if self._late:
                self._reactor.callFromThread(self._pause)
            try:
                connection = connection or self._connect()
                self._reactor.callFromThread(self._did, done.callback, work(connection))
            except Exception:
                self._reactor.callFromThread(self._did, done.errback, Failure())
            idle_since = self._seconds()
        try:
            if connection is not None:
                connection.close()
        except Exception:
            logger.failure("The database could not be closed")
        self._reactor.callFromThread(self._closed.callback, None)
