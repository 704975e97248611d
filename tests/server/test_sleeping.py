"""For how long the reactor waits, and who is told when that is over."""

import select
import socket
from types import SimpleNamespace
from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from chat.base import limits
from chat.base.clock import RunningTime, Unhurried
from chat.server.sleeping import Events, Sleep, let_sleep

HALF = limits.PAUSE_SECONDS / 2


class Kernel:
    """An epoll in which something happens after so many seconds."""

    register = modify = unregister = close = fileno = lambda *_: None

    def __init__(self) -> None:
        self.now = self.happens_at = 0.0
        self.asked: list[float] = []

    def poll(self, timeout: float, most: int) -> Events:
        self.asked.append(timeout)
        due = self.happens_at - self.now
        if timeout < 0 or due <= timeout:
            self.now = self.happens_at
            return [(1, 1)]
        self.now += timeout
        return []


class Night:
    """A reactor that sleeps, and the timers that it has."""

    def __init__(self) -> None:
        self.kernel, self.timers = Kernel(), Clock()
        self.running = RunningTime(lambda: self.kernel.now)
        self.unhurried = Unhurried(self.timers)
        reactor = cast(Any, SimpleNamespace(_poller=self.kernel))
        self.sleep = cast(Sleep, let_sleep(reactor, self.running, self.unhurried))
        assert reactor._poller is self.sleep

    def waits(self, timeout: float, happens_in: float) -> tuple[Events, list[float]]:
        """What it has seen, and how long it asked the kernel to wait."""
        self.kernel.happens_at = self.kernel.now + happens_in
        self.kernel.asked.clear()
        return self.sleep.poll(timeout, 1), self.kernel.asked


@pytest.fixture
def night() -> Night:
    return Night()


@pytest.mark.parametrize("timeout", [0, 0.005, HALF])
def test_what_is_due_soon_is_waited_for_as_asked(night: Night, timeout: float) -> None:
    assert night.waits(timeout, 60) == ([], [timeout])


def test_a_wait_of_less_than_a_millisecond_is_no_longer_than_that(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By epoll it would be, which knows whole ones only."""
    waited: list[float] = []
    monkeypatch.setattr(select, "select", lambda *asked: waited.append(asked[3]))
    assert night.waits(0.0003, 60) == ([], [0])
    assert night.waits(0.0003, 0) == ([(1, 1)], [0])
    assert waited == [0.0003, 0.0003]
    monkeypatch.undo()
    with select.epoll() as kernel:  # and that one can be waited for so
        one, other = socket.socketpair()
        with one, other:
            kernel.register(one.fileno(), select.EPOLLIN)
            assert not select.select((kernel,), (), (), 0.0)[0]
            other.send(b"x")
            assert select.select((kernel,), (), (), 60.0)[0] == [kernel]


def test_it_tells_when_it_waits(night: Night) -> None:
    seen: list[bool] = []
    night.kernel.poll, poll = (  # type: ignore[method-assign]
        lambda *asked: seen.append(night.sleep.waits) or poll(*asked),
        night.kernel.poll,
    )
    night.sleep._ask = night.kernel.poll
    night.waits(60, 3600)
    assert (seen, night.sleep.waits) == ([True, True], False)


def test_somebody_who_could_time_out_keeps_the_clock_going(night: Night) -> None:
    night.timers.callLater(61, lambda: None)
    begun = night.running()
    assert night.waits(61, 3600) == ([], [HALF] * 24 + [1])
    assert night.running() - begun == 61
    assert night.waits(61, 6) == ([(1, 1)], [HALF] * 3)
    assert night.running() - begun == 67


def test_nobody_else_does_and_what_is_unhurried_waits(night: Night) -> None:
    night.unhurried.callLater(60, lambda: None)
    begun = night.running()
    assert night.waits(60, 3600) == ([], [HALF, limits.SLEEP_SECONDS])
    assert night.running() - begun == HALF + limits.SLEEP_SECONDS


def test_without_any_timer_it_sleeps_until_something_happens(night: Night) -> None:
    begun = night.running()
    assert night.waits(-1, 1_000_000) == ([(1, 1)], [HALF, -1])
    assert night.running() - begun == 1_000_000


def test_what_happens_at_once_is_seen_at_once(night: Night) -> None:
    assert night.waits(60, 0.1) == ([(1, 1)], [HALF])


@pytest.mark.parametrize(("timeout", "happens_in"), [(0, 0), (0, 60), (60, 0.1), (60, 3600)])
def test_whoever_rests_meanwhile_is_told_once_that_it_is_over(night: Night, timeout: float, happens_in: float) -> None:
    told: list[float] = []
    night.sleep.when_over = lambda: told.append(night.kernel.now)
    night.waits(timeout, happens_in)
    assert told == [night.kernel.now]
    night.waits(timeout, happens_in)
    assert len(told) == 1


def test_a_reactor_without_an_epoll_does_not_sleep() -> None:
    assert let_sleep(Clock(), RunningTime(), Unhurried(Clock())) is None
