"""How long something took, counted."""

from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits
from chat.core.latency import Latency

BOUNDS = limits.LATENCY_BOUNDS


def test_of_nothing_nothing_is_told() -> None:
    assert Latency().within(0.5) is None


def test_most_were_short_and_one_was_long() -> None:
    latency = Latency()
    for _ in range(99):
        latency.note(0.004)
    latency.note(3)
    assert (latency.within(0.5), latency.within(0.99), latency.within(1)) == (0.005, 0.005, 5.0)
    latency.note(1000)
    assert latency.within(1) is None


@given(st.lists(st.floats(0, 20), min_size=1), st.floats(0.01, 1))
def test_so_many_are_within_what_is_told_and_fewer_within_less(times: list[float], part: float) -> None:
    latency = Latency()
    for seconds in times:
        latency.note(seconds)
    told = latency.within(part)
    within = sum(seconds <= told for seconds in times) if told is not None else len(times)
    assert within >= part * len(times) - 1e-9
    below = [bound for bound in BOUNDS if bound < (told or 1e9)]
    assert not below or sum(seconds <= below[-1] for seconds in times) < part * len(times) + 1e-9
    assert sum(latency.counts) == len(times)
