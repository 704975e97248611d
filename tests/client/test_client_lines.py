"""The client's bytes to lines: whole lines whatever the packets, and never more memory than the limit."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.client.link.lines import Lines, TooLong


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\r\nb\n", [b"a", b"b"]),
        (b"\n\n", [b"", b""]),
        (b"a\rb\n", [b"a\rb"]),
        (b"a\nb", [b"a"]),
    ],
)
def test_a_line_ends_with_a_line_feed(data: bytes, lines: list[bytes]) -> None:
    assert Lines(10).feed(data) == lines


@pytest.mark.parametrize(("data", "rest"), [(b"a\nb", b"b"), (b"a\n", None), (b"", None)])
def test_the_end_of_the_stream_ends_a_line_that_was_begun(data: bytes, rest: bytes | None) -> None:
    lines = Lines(10)
    lines.feed(data)
    assert lines.end() == rest


def test_of_a_line_that_is_too_long_only_the_fact_is_kept_and_the_next_one_is_read() -> None:
    lines = Lines(3)
    first, second, third = lines.feed(b"abc\nabcd\nab\n")
    assert (first, third) == (b"abc", b"ab")
    assert isinstance(second, TooLong)


def test_an_endless_line_takes_no_more_memory_than_the_limit() -> None:
    lines = Lines(1000)
    for _ in range(100):
        assert lines.feed(b"x" * 999) == []
        assert len(lines._rest) <= 1000
    assert isinstance(lines.end(), TooLong)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_the_lines_are_the_same_whatever_the_packets(data: bytes, cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(data)]
    split = Lines(8)
    found = [line for begin, end in itertools.pairwise(borders) for line in split.feed(data[begin:end])]
    whole = Lines(8).feed(data)
    assert [type(line) for line in found] == [type(line) for line in whole]
    assert [line for line in found if isinstance(line, bytes)] == [line for line in whole if isinstance(line, bytes)]
