"""Who is handled when, where there is more to do than fits a moment; `perf_counter` goes on as a test says."""

from collections.abc import Callable

import pytest
from twisted.internet.task import Clock

from chat.base import fair_rounds, limits
from chat.base.fair_rounds import FairRounds


class Work:
    """A line of people whose portions take time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock, self.now, self.done = Clock(), 0.0, ""
        monkeypatch.setattr(fair_rounds, "perf_counter", lambda: self.now)
        self.rounds = FairRounds(self.clock)

    def of(self, name: str, portions: int = 1, seconds: float = 0.0) -> Callable[[], None]:
        """Somebody's work, who comes back for more until all portions are done."""

        def work() -> None:
            nonlocal portions
            self.done += name
            self.now += seconds
            portions -= 1
            if portions:
                self.rounds.stand_in_line(work, for_more=True)

        return work


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(monkeypatch)


def test_everybody_works_in_the_order_of_their_coming(work: Work) -> None:
    for name in "abc":
        work.rounds.stand_in_line(work.of(name), for_more=False)
    assert work.rounds.busy
    assert work.done == ""
    work.clock.advance(0)
    assert work.done == "abc"
    assert not work.rounds.busy


def test_who_comes_back_for_more_stands_behind_everybody(work: Work) -> None:
    work.rounds.stand_in_line(work.of("a", portions=3), for_more=False)
    work.rounds.stand_in_line(work.of("b", portions=2), for_more=False)
    work.clock.advance(0)
    assert work.done == "ababa"


def test_who_comes_new_goes_before_those_who_come_back_for_more(work: Work) -> None:
    work.rounds.stand_in_line(work.of("a", portions=3, seconds=limits.ROUND_SECONDS), for_more=False)
    work.clock.callLater(0, lambda: work.rounds.stand_in_line(work.of("b"), for_more=False))
    work.clock.advance(0)
    assert work.done == "abaa"


def test_a_round_ends_when_its_time_is_over_and_the_rest_of_the_server_goes_on(work: Work) -> None:
    for name in "abcd":
        work.rounds.stand_in_line(work.of(name, seconds=limits.ROUND_SECONDS * 0.6), for_more=False)
    work.clock.callLater(0, lambda: work.of("-")())
    work.clock.advance(0)
    assert work.done == "ab-cd"


def test_one_whose_work_fails_keeps_nobody_from_theirs(work: Work) -> None:
    def fails() -> None:
        raise ZeroDivisionError

    work.rounds.stand_in_line(fails, for_more=False)
    work.rounds.stand_in_line(work.of("a"), for_more=False)
    with pytest.raises(ZeroDivisionError):
        work.clock.advance(0)
    work.clock.advance(0)
    assert work.done == "a"


def test_who_only_reads_has_a_moment_of_a_round_and_nobody_waits_for_them(work: Work) -> None:
    for name in "xyz":
        work.rounds.read_in_line(work.of(name, seconds=limits.PORTION_SECONDS * 0.6))
    assert not work.rounds.busy
    work.rounds.stand_in_line(work.of("a"), for_more=False)
    work.clock.callLater(0, lambda: work.of("-")())
    work.clock.advance(0)
    assert work.done == "axy-z"


def test_of_many_who_come_in_at_once_some_are_let_in_now_and_the_rest_a_moment_of_each_round(work: Work) -> None:
    def comes(name: str) -> None:
        def comes_in() -> None:
            work.done += name
            work.now += limits.PORTION_SECONDS * 0.6
            work.clock.rightNow += limits.PORTION_SECONDS * 0.6

        work.rounds.let_in(comes_in)

    for name in "abcde":
        comes(name)
    assert work.done == "a"
    assert not work.rounds.busy
    work.clock.callLater(0, lambda: work.of("-")())
    work.clock.advance(0)
    assert work.done == "abc-de"
    work.clock.advance(limits.PORTION_SECONDS * limits.LET_IN_PART)
    comes("f")
    assert work.done == "abc-def"
