"""Durations as people write them."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chat.base.durations import exactly, parse_duration
from chat.base.errors import Refused


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("0s", 0, "0 s"),
        ("30s", 30, "30 s"),
        ("90s", 90, "90 s"),
        ("120s", 120, "2 min"),
        ("10M", 600, "10 min"),
        ("90m", 5400, "90 min"),
        ("2h", 7200, "2 h"),
        ("36h", 129600, "36 h"),
        ("3d", 259200, "3 d"),
        ("1w", 604800, "7 d"),
    ],
)
def test_a_duration_is_what_was_written(text: str, seconds: int, shown: str) -> None:
    assert (parse_duration(text), exactly(seconds)) == (seconds, shown)


@given(st.integers(0, 10**9 - 1), st.sampled_from("smhdw"))
def test_no_second_is_lost(number: int, unit: str) -> None:
    seconds = parse_duration(f"{number}{unit}")
    count, name = exactly(seconds).split()
    assert int(count) * {"s": 1, "min": 60, "h": 3600, "d": 86400}[name] == seconds


@given(st.text())
def test_anything_else_is_refused(text: str) -> None:
    assume(not re.fullmatch("[0-9]{1,9}[smhdw]", text, re.IGNORECASE | re.ASCII))
    with pytest.raises(Refused) as refused:
        parse_duration(text)
    assert refused.value.code == "usage"
