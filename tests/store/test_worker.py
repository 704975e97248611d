"""The reactor makes room for a thread that is at work, and for no other."""

import sqlite3
from collections.abc import Callable
from threading import Event

import pytest
from twisted.internet.task import Clock

from chat import limits
from chat.store import worker
from chat.store.worker import Worker

from .database import Reactor


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


@pytest.fixture
def thread(reactor: Busy) -> Worker:
    started = Worker("test", lambda: sqlite3.connect(":memory:"), reactor)
    started.start()
    return started


def test_the_reactor_pauses_again_and_again_while_the_thread_is_at_work(reactor: Busy, thread: Worker) -> None:
    may_end = Event()
    done = thread.do(lambda connection: may_end.wait(30))
    reactor.clock.pump([limits.LOCK_AFTER_SECONDS] * 3)
    assert reactor.pauses == [limits.LOCK_SECONDS] * 3
    may_end.set()
    assert reactor.wait(done)
    reactor.clock.pump([limits.LOCK_AFTER_SECONDS] * 3)
    assert len(reactor.pauses) == 3
    assert not reactor.clock.getDelayedCalls()
    reactor.wait(thread.close())


def test_the_reactor_does_not_pause_for_what_was_quick(reactor: Busy, thread: Worker) -> None:
    for number in range(3):
        assert reactor.wait(thread.do(lambda connection, number=number: number)) == number
    with pytest.raises(sqlite3.OperationalError):
        reactor.wait(thread.do(lambda connection: connection.execute("nonsense")))
    reactor.clock.pump([limits.LOCK_AFTER_SECONDS] * 2)
    assert reactor.pauses == []
    reactor.wait(thread.close())
