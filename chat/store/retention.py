"""What is no longer kept: the oldest entries of each log, a step at a time, and the line ids of yesterday.

What is old is told by the dates, which can be wrong: a clock that stood years ahead, or at its beginning.  The numbers
are the order.  An entry whose date cannot be right (after this moment, before there was this program, or before that
of an entry which stood in front of it) is as old as the next entry with a date that can be: it was said before that
one.  Where there is none it stays, and that is told.  An entry with a date that can be right never goes before its
time, and nothing goes from behind what stays.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from chat.base.named_tuples import NamedTuple
from chat.store.rows import SEQ_BITS, SEQ_MOST, microseconds

EARLIEST = datetime(2024, 1, 1, tzinfo=UTC)
"""Before there was this program nothing was said."""


class Trimmed(NamedTuple):
    """What one step took away, and what it met that has no date by which it could go."""

    rows: int
    lines: float
    """How many of them people had said; private talk is half a line in each of its two logs."""
    undated: Sequence[str]
    """The names of logs from which nothing goes until somebody says something under a right date."""


EARLIEST_STORED = microseconds(EARLIEST)


class Log(NamedTuple):
    """A log from which something may have to go."""

    id: int
    name: str
    said: int
    gone: int
    """The latest date of what went: what comes behind it was said later."""

    @property
    def ids(self) -> tuple[int, int]:
        """The first and the last that a row of it can have."""
        return self.id << SEQ_BITS, (self.id << SEQ_BITS) + SEQ_MOST


class Judged(NamedTuple):
    """The id of the last entry of a step that must go, or else the date by which the log's first one will."""

    last: int | None
    age: int | None


def before(keep: timedelta, now: datetime) -> int:
    """The date before which what was said is too old."""
    try:
        return microseconds(now - keep)
    except OverflowError:  # longer than there are dates
        return -(1 << 63)


def judge(
    rows: Sequence[Sequence[int]], log: Log, before: int, now: int, following: Callable[[int, int], int | None]
) -> Judged:
    """What is too old of the oldest rows of a log, each an id and a date.

    `following` is asked for the next date behind an id that can be right, and is not before another one.
    """
    last, age, latest = None, None, max(log.gone, EARLIEST_STORED)
    for id, at in rows:
        if latest <= at <= now:
            if at >= before:
                age = at
                break
            last, latest = id, at
    if rows and last is None and age is None:
        # Not one of them has a date that can be right: the next that has is behind these, or those will do that are
        # only out of order.
        next_at = following(rows[-1][0], latest)
        if next_at is None:
            last = next((id for id, at in reversed(rows) if EARLIEST_STORED <= at <= now), None)
        elif next_at < before:
            last = rows[-1][0]
        else:
            age = next_at
    return Judged(last, age)


class Share(NamedTuple):
    """How much of a log's `size` has to go in one step."""

    log: int
    size: float


def shares(sizes: Iterable[Sequence[int]], stays: float, left: float) -> list[Share]:
    """Of the largest logs, each an id and a size, what they have beyond what stays, until that is enough."""
    found: list[Share] = []
    for log, size in sizes:
        if left <= 0:
            break
        found.append(Share(log, min(size - stays, left)))
        left -= found[-1].size
    return found


def last_of_share(rows: Iterable[Sequence[int]], share: Share) -> int | None:
    """The id of the last entry that has to go, of the oldest ones, each an id and a size; one at least, if there is
    any."""
    last, gone = None, 0
    for id, size in rows:
        last, gone = id, gone + size
        if gone >= share.size:
            break
    return last
