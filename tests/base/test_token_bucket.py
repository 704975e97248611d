"""How fast somebody may do something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base.token_bucket import Allowance, Rates, TokenBucket


def done(pace: TokenBucket, now: float, most: int) -> int:
    """Does as many of so many as may be done; returns how many these were."""
    allowed = pace.allows(most, now)
    pace.take(allowed)
    return allowed


def test_the_burst_goes_at_once_and_then_one_waits() -> None:
    pace = TokenBucket(3, 2.0, 100.0)
    assert [done(pace, 100.0, 2) for _ in range(3)] == [2, 1, 0]
    assert pace.wait() == 0.5


def test_what_was_allowed_and_not_done_is_still_allowed() -> None:
    pace = TokenBucket(3, 2.0, 0.0)
    assert pace.allows(3, 0.0) == 3
    pace.take(1)
    assert pace.allows(3, 0.0) == 2


def test_after_the_wait_that_was_told_it_goes_on() -> None:
    pace = TokenBucket(1, 4.0, 0.0)
    assert done(pace, 0.0, 1) == 1
    assert done(pace, 0.1, 1) == 0
    assert pace.wait() == pytest.approx(0.15)
    assert done(pace, 0.1 + pace.wait(), 1) == 1


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 9)), max_size=20), st.floats(0.01, 1000))
def test_the_wait_that_was_told_is_enough(tries: list[tuple[float, int]], rate: float) -> None:
    pace, now = TokenBucket(5, rate, 0.0), 0.0
    for pause, most in tries:
        now += pause
        if not done(pace, now, most):
            now += pace.wait()
            assert done(pace, now, most)


def test_a_rest_brings_back_the_burst_and_no_more() -> None:
    pace = TokenBucket(3, 2.0, 0.0)
    assert done(pace, 0.0, 3) == 3
    assert not pace.rested
    assert done(pace, 1000.0, 10) == 3


def test_whoever_did_little_is_rested() -> None:
    pace = TokenBucket(3, 2.0, 0.0)
    assert done(pace, 0.0, 1) == 1
    assert pace.rested


def test_a_rate_of_0_is_no_limit() -> None:
    pace = TokenBucket(1, 0, 0.0)
    assert [done(pace, 0.0, 100) for _ in range(100)] == [100] * 100
    assert pace.rested


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 9)), max_size=100))
def test_in_any_time_there_is_no_more_than_the_burst_and_the_rate_allow(tries: list[tuple[float, int]]) -> None:
    pace, now, count = TokenBucket(5, 2.0, 0.0), 0.0, 0
    for pause, most in tries:
        now += pause
        count += done(pace, now, most)
    assert count <= 5 + 2.0 * now + 1e-6


# Many at a time.

THREE = Allowance("try", 3, 20.0)


def tries(paces: Rates, allowance: Allowance, who: str, now: float, count: int) -> list[float]:
    """The waits of so many tries, each of which is made if it may be."""
    waits = []
    for _ in range(count):
        waits.append(paces.wait(allowance, who, now))
        if not waits[-1]:
            paces.take(allowance, who, now)
    return waits


def test_each_may_do_so_much_at_once_and_then_one_each_so_many_seconds() -> None:
    paces = Rates(10)
    assert tries(paces, THREE, "amy", 100.0, 4) == [0, 0, 0, 20]
    assert tries(paces, THREE, "bob", 100.0, 4) == [0, 0, 0, 20]
    assert tries(paces, THREE, "amy", 115.0, 1) == [5]
    assert tries(paces, THREE, "amy", 120.0, 2) == [0, 20]


def test_allowances_of_one_are_used_apart() -> None:
    paces = Rates(10)
    tries(paces, THREE, "amy", 0.0, 3)
    assert tries(paces, Allowance("other", 1, 5.0), "amy", 0.0, 2) == [0, 5]


def test_an_allowance_of_0_is_no_limit() -> None:
    paces = Rates(10)
    assert tries(paces, Allowance("try", 0, 20.0), "amy", 0.0, 100) == [0] * 100
    assert len(paces) == 0


def test_what_many_may_do_is_never_less_than_what_each_of_them_may() -> None:
    paces, together = Rates(100), THREE.of(5)
    for now in range(0, 1000, 7):
        for who in "abcde":
            while not paces.wait(THREE, who, now):
                paces.take(THREE, who, now)
                assert not paces.wait(together, "all", now)
                paces.take(together, "all", now)


def test_whoever_is_rested_is_forgotten() -> None:
    paces = Rates(1000)
    for number in range(100):
        tries(paces, THREE, f"user{number}", 0.0, 3)
    tries(paces, THREE, "amy", 60.0, 1)
    assert len(paces) == 1


def test_of_very_many_the_latest_are_remembered() -> None:
    paces = Rates(10)
    for number in range(100):
        tries(paces, THREE, f"user{number}", 0.0, 3)
    assert len(paces) == 10
    assert paces.wait(THREE, "user99", 0.0) == 20
    assert paces.wait(THREE, "user0", 0.0) == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=100))
def test_nobody_does_more_than_allowed_nor_waits_longer(steps: list[tuple[str, float]]) -> None:
    paces, now, done = Rates(10), 0.0, dict.fromkeys("abc", 0)
    for who, pause in steps:
        now += pause
        wait = paces.wait(THREE, who, now)
        assert 0 <= wait <= THREE.seconds + 1e-6
        now += wait
        assert paces.wait(THREE, who, now) == 0
        paces.take(THREE, who, now)
        done[who] += 1
        assert done[who] <= THREE.burst + now / THREE.seconds + 1e-6
