"""The reactor makes room for a thread that came late to its work, and for no other."""

import sqlite3
from collections.abc import Callable
from threading import Event

import pytest
from database import Reactor
from twisted.internet.task import Clock

from chat.base import limits
from chat.store import worker
from chat.store.worker import Worker


class Busy(Reactor):
    """A reactor with a clock, which counts its pauses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.clock = Clock()
        self.pauses: list[float] = []
        monkeypatch.setattr(worker, "select", lambda reads, writes, errors, seconds: self.pauses.append(seconds))

    def callLater(self, delay: float, callable: Callable[..., object]) -> None:
        self.clock.callLater(delay, callable)


@pytest.fixture
def reactor(monkeypatch: pytest.MonkeyPatch) -> Busy:
    return Busy(monkeypatch)


class Watch:
    """A clock that goes on by so much with each look at it."""

    def __init__(self) -> None:
        self.step = 0.0
        self._seconds = 0.0

    def __call__(self) -> float:
        self._seconds += self.step
        return self._seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def thread(reactor: Busy, watch: Watch) -> Worker:
    started = Worker("test", lambda: sqlite3.connect(":memory:"), reactor, seconds=watch)
    started.start()
    return started


def test_the_reactor_pauses_again_and_again_while_a_thread_that_came_late_is_at_work(
    reactor: Busy, thread: Worker, watch: Watch
) -> None:
    began, may_end = Event(), Event()

    def work(connection: sqlite3.Connection) -> bool:
        began.set()
        return may_end.wait(30)

    watch.step = 2 * limits.LOCK_AFTER_SECONDS
    done = thread.do(work)
    assert began.wait(30)
    reactor.call_next()
    reactor.clock.pump([limits.LOCK_AFTER_SECONDS] * 2)
    assert reactor.pauses == [limits.LOCK_SECONDS] * 3
    may_end.set()
    assert reactor.wait(done)
    reactor.clock.pump([limits.LOCK_AFTER_SECONDS] * 3)
    assert len(reactor.pauses) == 3
    assert not reactor.clock.getDelayedCalls()
    reactor.wait(thread.close())


def test_after_work_that_began_late_the_reactor_looks_to_the_next_by_itself(
    reactor: Busy, thread: Worker, watch: Watch
) -> None:
    watch.step = 2 * limits.LOCK_AFTER_SECONDS
    reactor.wait(thread.do(lambda connection: None))
    reactor.clock.advance(limits.LOCK_AFTER_SECONDS)
    assert not reactor.clock.getDelayedCalls()
    watch.step = 0.0
    done = thread.do(lambda connection: None)
    assert len(reactor.clock.getDelayedCalls()) == 1
    reactor.wait(done)
    reactor.clock.pump([limits.LOCK_AFTER_SECONDS] * 2)
    done = thread.do(lambda connection: None)
    assert not reactor.clock.getDelayedCalls()
    reactor.wait(done)
    reactor.wait(thread.close())


def test_a_thread_that_comes_in_time_sets_no_timer(reactor: Busy, thread: Worker) -> None:
    may_end = Event()
    done = thread.do(lambda connection: may_end.wait(30))
    assert not reactor.clock.getDelayedCalls()
    may_end.set()
    assert reactor.wait(done)
    assert reactor.pauses == []
    reactor.wait(thread.close())


def test_the_reactor_does_not_pause_for_what_was_quick(reactor: Busy, thread: Worker) -> None:
    for number in range(3):
        assert reactor.wait(thread.do(lambda connection, number=number: number)) == number
    with pytest.raises(sqlite3.OperationalError):
        reactor.wait(thread.do(lambda connection: connection.execute("nonsense")))
    reactor.clock.pump([limits.LOCK_AFTER_SECONDS] * 2)
    assert reactor.pauses == []
    reactor.wait(thread.close())
