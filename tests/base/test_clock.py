"""The time in which time-outs run: never backwards, and not while the process does not."""

import pytest
from twisted.internet.base import ReactorBase
from twisted.internet.task import Clock

from chat.base import clock, limits
from chat.base.clock import RunningTime, Unhurried


class Monotonic:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


def test_time_goes_by_while_the_process_runs(monotonic: Monotonic) -> None:
    running = RunningTime(monotonic)
    begun = running()
    for _ in range(100):
        monotonic.now += limits.PAUSE_SECONDS
        last = running()
    assert last - begun == 100 * limits.PAUSE_SECONDS


def test_time_stands_still_while_the_process_does_not_run(monotonic: Monotonic) -> None:
    running = RunningTime(monotonic)
    begun = running()
    for _ in range(3):
        monotonic.now += 3600
        assert running() == begun
    monotonic.now += 1
    assert running() == begun + 1


class Reactor(ReactorBase):
    """Twisted's timers, with nothing to wait for."""

    def installWaker(self) -> None:
        """There are no threads."""

    def removeAll(self) -> list[object]:
        return []


def test_after_a_minute_without_the_processor_no_time_out_has_come_nearer(monotonic: Monotonic) -> None:
    reactor = Reactor()
    reactor.seconds = RunningTime(monotonic)
    due: list[float] = []
    for seconds in (1, 10, 30, 59, 180):
        reactor.callLater(seconds, due.append, seconds)
    monotonic.now += 0.5
    reactor.runUntilCurrent()
    monotonic.now += 60
    reactor.runUntilCurrent()
    assert due == []
    monotonic.now += 0.5
    reactor.runUntilCurrent()
    assert due == [1]


def test_elapsed_time_goes_on() -> None:
    assert clock.elapsed() <= clock.elapsed()


def test_a_long_sleep_in_which_nobody_could_time_out_is_no_pause(monotonic: Monotonic) -> None:
    running = RunningTime(monotonic)
    begun = running()
    monotonic.now += 600
    running.slept()
    monotonic.now += 1
    assert running() - begun == 601


def test_what_is_unhurried_is_told_from_what_others_wait_for() -> None:
    reactor = Clock()
    unhurried = Unhurried(reactor)
    done: list[str] = []
    unhurried.callLater(60, done.append, "upkeep")
    assert not unhurried.others_wait()
    other = reactor.callLater(60, done.append, "grace")
    assert unhurried.others_wait()
    other.cancel()
    assert not unhurried.others_wait()
    assert len(unhurried.getDelayedCalls()) == 1
    reactor.advance(60)
    assert (done, list(unhurried.getDelayedCalls()), unhurried.seconds()) == (["upkeep"], [], 60)
