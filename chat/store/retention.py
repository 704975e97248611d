"""What is no longer kept: the oldest entries of each log, a step at a time, and the line ids of yesterday.

What is old is told by the dates, which can be wrong: a clock that stood years ahead, or at its beginning.  The numbers
are the order.  An entry whose date cannot be right (after this moment, before there was this program, or before that
of an entry which stood in front of it) is as old as the next entry with a date that can be: it was said before that
one.  Where there is none it stays, and that is told.  An entry with a date that can be right never goes before its
time, and nothing goes from behind what stays.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

EARLIEST = datetime(2024, 1, 1, tzinfo=UTC)
"""Before there was this program nothing was said."""


class Trimmed(NamedTuple):
    """What one step took away, and what it met that has no date by which it could go."""

    rows: int
    lines: float
    """How many of them people had said; private talk is half a line in each of its two logs."""
    undated: Sequence[str]
    """The names of logs from which nothing goes until somebody says something under a right date."""
