"""Servers that are measured at the same time, and how sure one is of what comes of it."""

import shutil

import pytest

from tests.bench.servers import KINDS
from tests.bench.together import LOADS, measure, median_within


def test_the_more_often_it_was_measured_the_closer_are_the_bounds_of_the_median() -> None:
    assert median_within([1.0]) == (1.0, 1.0, 1.0)
    assert median_within([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)
    # Of 100, those from the 40th to the 61st, as tables of the binomial distribution have it.
    assert median_within([float(number) for number in range(1, 101)]) == (50.5, 41.0, 61.0)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler (cc)")
def test_the_first_is_compared_with_the_others_and_each_has_its_turns() -> None:
    table = measure({name: KINDS[name] for name in ("naive", "limit")}, LOADS["ten"], 3)
    first, second = table.splitlines()
    assert first.split()[0] == "naive"
    assert first.endswith(" ms")
    assert second.split()[0] == "limit"
    ratio, bounds = second.split()[-2:]
    low, high = (float(bound) for bound in bounds.strip("()").split("-"))
    assert 1 < low <= float(ratio) <= high < 20
