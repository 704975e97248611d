"""Stores made for tests: one that takes its time, and one that cannot write.

Both keep what they keep as the memory store does.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred

from chat.base.errors import NotStored
from chat.base.language import say
from chat.core.ports import InDoubt
from chat.store.memory import MemoryStore

DISK_FULL = say("disk full")
AWAY = say("the database cannot be reached")

Waiting = deque[tuple[Callable[[], Deferred[Any]], Deferred[Any]]]


class SlowStore(MemoryStore):
    """Commits, or reads, wait until the test lets them, in order, once it has said so by `slow` or `slow_to_read`.

    With `written_early` a commit can be read while its answer is still under way, as from a thread of its own.
    """

    def __init__(self, *, slow: bool = False, slow_to_read: bool = False, written_early: bool = False) -> None:
        super().__init__()
        self.slow = slow
        self.slow_to_read = slow_to_read
        self.slow_to_look_up = False
        """Rooms that the hub does not know wait, too."""
        self.commits: Waiting = deque()
        self.reads: Waiting = deque()
        self.most_at_once = 0
        """So many commits were in flight at once."""
        self._written_early = written_early

    def commit(self, batch: Any) -> Deferred[None]:
        commit = super().commit
        if not self.slow:
            return commit(batch)
        if not self._written_early:
            done = _wait(self.commits, lambda: commit(batch))
        else:
            written = commit(batch)
            done = _wait(self.commits, lambda: written)
        self.most_at_once = max(self.most_at_once, len(self.commits))
        return done

    def after(self, key: str, position: int, most: int) -> Deferred[Any]:
        after = super().after
        return self._read(lambda: after(key, position, most))

    def said(self, query: Any) -> Deferred[Any]:
        said = super().said
        return self._read(lambda: said(query))

    def spoken(self, speaker: Any, behind: int) -> Deferred[Any]:
        spoken = super().spoken
        return self._read(lambda: spoken(speaker, behind))

    def room(self, key: str) -> Deferred[Any]:
        room = super().room
        return _wait(self.reads, lambda: room(key)) if self.slow_to_look_up else room(key)

    def let(self) -> None:
        """Let the first of the commits that wait happen."""
        _let(self.commits)

    def let_read(self) -> None:
        """Let the first of the reads that wait happen."""
        _let(self.reads)

    def refuse(self) -> None:
        """Let the first of the commits that wait fail."""
        _, done = self.commits.popleft()
        done.errback(NotStored(DISK_FULL))

    def _read(self, act: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        return _wait(self.reads, act) if self.slow_to_read else act()


def _wait(waiting: Waiting, act: Callable[[], Deferred[Any]]) -> Deferred[Any]:
    done: Deferred[Any] = Deferred()
    waiting.append((act, done))
    return done


def _let(waiting: Waiting) -> None:
    act, done = waiting.popleft()
    maybeDeferred(act).chainDeferred(done)


class FailingStore(MemoryStore):
    """The next commits fail as they may (`failures`) or as no store should (`bug`); reads may fail too."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0
        """So many commits fail from now on."""
        self.bug: Exception | None = None
        """The next commit raises this."""
        self.reads_fail = False

    def commit(self, batch: Any) -> Deferred[None]:
        if self.bug is not None:
            bug, self.bug = self.bug, None
            raise bug
        if self.failures:
            self.failures -= 1
            return fail(NotStored(DISK_FULL))
        return super().commit(batch)

    def after(self, key: str, position: int, most: int) -> Deferred[Any]:
        return fail(OSError("a read error")) if self.reads_fail else super().after(key, position, most)

    def said(self, query: Any) -> Deferred[Any]:
        return fail(OSError("a read error")) if self.reads_fail else super().said(query)


class DoubtfulStore(MemoryStore):
    """While it is `away` its first commit is in doubt, until the test says what became of it; others are refused."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self._doubted: tuple[Any, Deferred[Any]] | None = None
        self._asked: Waiting = deque()

    def known(self, ids: Any) -> Deferred[Any]:
        known = super().known
        return known(ids) if self._doubted is None else _wait(self._asked, lambda: known(ids))

    def commit(self, batch: Any) -> Deferred[Any]:
        if not self.away:
            return super().commit(batch)
        if self._doubted is not None:
            return fail(NotStored(AWAY))
        later: Deferred[Any] = Deferred()
        self._doubted = batch, later
        return fail(InDoubt(later))

    def back(self, kept: bool) -> None:
        """It is there again, and the batch that was in doubt is too, or is not."""
        assert self._doubted is not None
        batch, later = self._doubted
        self.away, self._doubted = False, None
        if kept:
            maybeDeferred(super().commit, batch).chainDeferred(later)
        else:
            later.errback(NotStored(AWAY))
        while self._asked:
            _let(self._asked)
