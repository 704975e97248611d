"""How fast somebody may do something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.pace import Pace


def test_the_burst_goes_at_once_and_then_one_waits() -> None:
    pace = Pace(3, 2.0, 100.0)
    assert [pace.wait(100.0) for _ in range(4)] == [0, 0, 0, 0.5]


def test_after_the_wait_that_was_told_it_goes_on() -> None:
    pace = Pace(1, 4.0, 0.0)
    assert pace.wait(0.0) == 0
    wait = pace.wait(0.1)
    assert wait == pytest.approx(0.15)
    assert pace.wait(0.1 + wait) == 0


def test_a_rest_brings_back_the_burst_and_no_more() -> None:
    pace = Pace(3, 2.0, 0.0)
    assert [pace.wait(0.0) for _ in range(3)] == [0, 0, 0]
    assert not pace.rested
    assert [bool(pace.wait(1000.0)) for _ in range(4)] == [False, False, False, True]


def test_whoever_did_little_is_rested() -> None:
    pace = Pace(3, 2.0, 0.0)
    assert pace.wait(0.0) == 0
    assert pace.rested


def test_a_rate_of_0_is_no_limit() -> None:
    pace = Pace(1, 0, 0.0)
    assert [pace.wait(0.0) for _ in range(100)] == [0] * 100


@given(st.lists(st.floats(0, 10), max_size=100))
def test_in_any_time_there_is_no_more_than_the_burst_and_the_rate_allow(pauses: list[float]) -> None:
    pace, now, done = Pace(5, 2.0, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        done += pace.wait(now) == 0
    assert done <= 5 + 2.0 * now + 1e-6
