"""What the operator is told of a reactor that stalls, and of a process that does not run."""

import selectors
import socket
import threading
import time
from collections.abc import Callable

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from chat.base import limits
from chat.server.sleeping import Sleep
from chat.server.watchdog import Pulse, Stalled, Stopped, Watchdog, doing

BEAT = limits.HEARTBEAT_SECONDS
STALL = limits.REACTOR_STALL_SECONDS


class Life:
    """A process whose heart beats, which computes, or does not run at all; it is looked at as by the watchdog."""

    def __init__(self) -> None:
        self.now = self.worked = self.beat_at = 0.0
        self.where = ""
        self.pulse = Pulse(0, 0)
        self.told: list[Stalled | Stopped] = []

    def look(self) -> None:
        found = self.pulse.look(self.now, self.worked, self.beat_at, lambda: self.where)
        if found is not None:
            self.told.append(found)

    def idle(self, seconds: float) -> None:
        """The heart beats, nothing else happens."""
        for _ in range(round(seconds / BEAT)):
            self.now += BEAT
            self.beat_at = self.now - BEAT / 2
            self.look()

    def stall(self, seconds: float, where: str, look_every: float = BEAT) -> None:
        """The heart does not beat for a while; the thread runs."""
        self.where = where
        end = self.now + seconds
        while self.now + look_every < end:
            self.now += look_every
            self.worked += look_every
            self.look()
        self.now = self.beat_at = end
        self.where = ""

    def stop(self, seconds: float) -> None:
        """Nothing runs."""
        self.now += seconds


@pytest.fixture
def life() -> Life:
    life = Life()
    life.idle(1)
    return life


def test_a_heart_that_beats_is_nothing_to_tell(life: Life) -> None:
    life.idle(60)
    assert life.told == []


@pytest.mark.parametrize("seconds", [STALL, 1, 60])
def test_a_stall_is_told_with_its_length_and_what_was_done(life: Life, seconds: float) -> None:
    life.stall(seconds, "commit")
    life.idle(1)
    (told,) = life.told
    assert isinstance(told, Stalled)
    assert told.where == "commit"
    assert seconds - 0.001 <= told.seconds <= seconds + BEAT + 0.001


def test_two_stalls_are_told_each_with_its_own(life: Life) -> None:
    for where in ("commit", "search"):
        life.stall(1, where)
        life.idle(1)
    assert [told.where for told in life.told if isinstance(told, Stalled)] == ["commit", "search"]


def test_a_beat_that_is_a_little_late_is_nothing_to_tell(life: Life) -> None:
    for _ in range(100):
        life.stall(STALL / 3, "something")
        life.idle(BEAT)
    assert life.told == []


def test_a_reactor_that_only_waits_longer_than_it_wanted_does_not_stall(life: Life) -> None:
    """Its thread had something to do, and the machine too much."""
    life.stall(1, "")
    life.idle(1)
    assert life.told == []


@pytest.mark.parametrize("seconds", [0.5, 60, 100_000])
def test_a_process_that_did_not_run_is_told_as_such_and_not_as_a_stall(life: Life, seconds: float) -> None:
    life.stop(seconds)
    life.look()
    life.idle(1)
    assert life.told == [Stopped(pytest.approx(seconds))]


def test_a_heart_that_beats_first_after_a_stop_is_no_stall(life: Life) -> None:
    life.stop(60)
    life.beat_at = life.now
    life.look()
    life.idle(1)
    assert life.told == [Stopped(pytest.approx(60))]


def test_a_process_that_is_stopped_in_the_middle_of_something_has_not_stalled(life: Life) -> None:
    life.where = "commit"
    life.stop(60)
    life.look()
    life.where = ""
    life.idle(1)
    assert life.told == [Stopped(pytest.approx(60))]


def test_what_lets_no_other_thread_run_is_a_stall(life: Life) -> None:
    """A regular expression, say: the process computed all the time, and the thread sees it only at the end."""
    life.stall(1, "search", look_every=0.9)
    life.idle(1)
    (told,) = life.told
    assert isinstance(told, Stalled)
    assert told.where == "search"


def test_a_beat_that_was_not_looked_at_yet_hides_no_stall(life: Life) -> None:
    life.now += BEAT / 2
    life.beat_at = life.now
    life.stall(1, "search", look_every=0.9)
    life.idle(1)
    (told,) = life.told
    assert isinstance(told, Stalled)
    assert told.where == "search"


def test_a_busy_machine_that_lets_the_process_run_a_little_is_no_stop(life: Life) -> None:
    life.now += 2
    life.worked += 0.5
    life.beat_at = life.now
    life.look()
    life.idle(1)
    assert life.told == []


# The thread.


class Reactor(Clock):
    """A reactor that this thread runs by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Callable[[], object]] = []
        self.called = threading.Event()

    def doIteration(self, delay: float) -> None:
        """Nothing waits here."""

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        self.asked.append(lambda: call(*arguments))
        self.called.set()


class Logged:
    """What is logged."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        self.texts.append(formatEvent(event))


@pytest.fixture
def texts() -> object:
    logged = Logged()
    globalLogPublisher.addObserver(logged)
    yield logged.texts
    globalLogPublisher.removeObserver(logged)


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


def goes_on(reactor: Reactor, texts: list[str]) -> None:
    """It does what it is asked until the watchdog had something to tell."""
    while not texts:
        if reactor.called.wait(limits.HEARTBEAT_SECONDS / 10):
            reactor.called.clear()
        while reactor.asked:
            reactor.asked.pop(0)()


def linger(awaited: threading.Event) -> None:
    """What takes so long."""
    awaited.wait(2 * limits.REACTOR_STALL_SECONDS)


@pytest.mark.slow  # the time is a real one, in which a busy machine may keep the thread waiting, too
def test_the_thread_tells_what_the_reactors_thread_was_doing(reactor: Reactor, texts: list[str]) -> None:
    watchdog = Watchdog(reactor)
    watchdog.start()
    linger(threading.Event())
    goes_on(reactor, texts)
    watchdog.stop()
    assert texts[0].startswith("Nobody was served for 0.")
    assert "called by linger (tests/server/test_watchdog.py:" in texts[0]


class Waiting(Sleep):
    """A reactor that can sleep, and does so until a test says that something happens."""

    def __init__(self) -> None:
        self.when_over = None
        self.happens = threading.Event()
        self.asked_at: list[float] = []
        self._waits = False

    @property
    def waits(self) -> bool:  # type: ignore[override]
        """(Sleep) When this was asked is noted."""
        self.asked_at.append(time.monotonic())
        return self._waits

    def poll(self, timeout: float = 0, most: int = 0) -> list[tuple[int, int]]:
        self._waits = True
        self.happens.wait()
        self._waits = False
        assert self.when_over is not None
        self.when_over()
        return []


@pytest.mark.slow  # as above
def test_the_watchdog_rests_while_nothing_happens_and_sees_what_stalls_first_after_it(
    reactor: Reactor, texts: list[str]
) -> None:
    sleep = Waiting()
    watchdog = Watchdog(reactor, sleep)

    def serve() -> None:
        watchdog.start()
        sleep.poll()
        linger(threading.Event())
        goes_on(reactor, texts)

    thread = threading.Thread(target=serve)
    thread.start()
    time.sleep(2 * limits.WATCH_SECONDS)
    rests_since = sleep.asked_at[-1]
    time.sleep(5 * limits.HEARTBEAT_SECONDS)
    assert sleep.asked_at[-1] == rests_since
    sleep.happens.set()
    thread.join(10)
    watchdog.stop()
    assert texts[0].startswith("Nobody was served for 0.")
    assert "called by linger (tests/server/test_watchdog.py:" in texts[0]


def test_after_stop_neither_heart_nor_thread_goes_on(reactor: Reactor) -> None:
    before = set(threading.enumerate())
    watchdog = Watchdog(reactor)
    watchdog.start()
    (thread,) = set(threading.enumerate()) - before
    watchdog.stop()
    thread.join(10)
    assert (thread.is_alive(), reactor.getDelayedCalls()) == (False, [])


def test_one_line_is_written_in_ten_seconds_and_says_how_many_there_were(
    reactor: Reactor, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("chat.base.clock.elapsed", lambda: now)
    watchdog = Watchdog(reactor)
    for _ in range(100):
        watchdog._tell(Stalled(0.25, "commit"))
    now = limits.LOG_SECONDS
    watchdog._tell(Stopped(60))
    assert texts == [
        "Nobody was served for 0.2 s; what took so long: commit",
        "The process did not run for 60.0 s: it was stopped, or the machine slept or was busy"
        " (99 more since the last line)",
    ]


def test_a_stack_shows_where_and_no_values() -> None:
    canary = "xyzzy"

    def inner() -> str:
        return doing(threading.get_ident())

    text = inner()
    assert text.startswith("doing (chat/server/watchdog.py:")
    assert ", called by inner (tests/server/test_watchdog.py:" in text
    assert canary not in text
    assert len(text.split(", called by ")) == limits.STALL_FRAMES


def test_a_thread_that_waits_for_something_to_do_does_nothing() -> None:
    assert doing(threading.get_ident(), {doing.__code__}) == ""
    assert doing(-1) == ""


def test_a_thread_that_waits_in_a_selector_as_asyncio_does_does_nothing() -> None:
    with selectors.DefaultSelector() as selector:
        thread = threading.Thread(target=selector.select)
        one, other = socket.socketpair()
        with one, other:
            selector.register(one, selectors.EVENT_READ)
            thread.start()
            assert thread.ident is not None
            while doing(thread.ident):
                pass  # until it waits
            other.send(b"x")
            thread.join()
