"""What is kept, as the operator writes it and as it is told before anything goes."""

from datetime import timedelta

from chat.base import limits, sizes
from chat.base.errors import Unfit
from chat.base.language import Sentence, say, say_n
from chat.base.named_tuples import NamedTuple
from chat.base.patterns import pattern


class Size(NamedTuple):
    """So many bytes of the database may be in use."""

    bytes: int


Keep = timedelta | int | Size | None
"""How long entries are kept, how many lines that people said of each log, or how much of all together; None is all of
them, for ever."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_KEEP = pattern(r"([0-9]{1,13})(s|m|h|d|w|lines?|)")


def parse_keep(text: str) -> Keep:
    """`all`, a time such as `30d`, `5000lines`, or a size such as `10GB`; raises `Unfit`.

    A small number alone is nobody's choice: who means a month by 30 would lose all but 30 lines.
    """
    if text in ("all", "forever"):
        return None
    if (size := sizes.parse_size(text)) is not None:
        return _size(size)
    match = _KEEP.fullmatch(text)
    number, unit = (int(match[1]), match[2]) if match else (0, "")
    if unit in _UNITS and 0 < number <= limits.KEEP_DAYS_MOST * 86400:
        age = timedelta(**{_UNITS[unit]: number})
        if age <= timedelta(days=limits.KEEP_DAYS_MOST):
            return age
    elif unit not in _UNITS and 0 < number <= limits.KEEP_MOST:
        if unit or number >= limits.KEEP_BARE_LEAST:
            return number
        raise Unfit(
            say("is that time or lines? {number}d keeps {number} days, {number}lines so many lines.", number=number)
        )
    raise Unfit(
        say(
            "neither all, nor a time such as 12h, 30d or 8w, nor lines of each room such as 5000lines, nor a size such "
            "as 10GB."
        )
    )


def _size(size: int) -> Size:
    if not limits.KEEP_BYTES_LEAST <= size <= limits.KEEP_BYTES_MOST:
        raise Unfit(
            say(
                "a size from {least} to {most} would be right.",
                least=sizes.spelled(limits.KEEP_BYTES_LEAST),
                most=sizes.spelled(limits.KEEP_BYTES_MOST),
            )
        )
    return Size(size)


def spelled(keep: Keep) -> str:
    """As `parse_keep` takes it."""
    if keep is None:
        return "all"
    if isinstance(keep, Size):
        return sizes.spelled(keep.bytes)
    if isinstance(keep, int):
        return f"{keep}lines"
    seconds = int(keep.total_seconds())
    unit, size = next((unit, size) for unit, size in _SECONDS if not seconds % size)
    return f"{seconds // size}{unit}"


_SECONDS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def plan(keep: Keep, due: int) -> Sentence:
    """What is kept, and how many lines are about to go at the next look."""
    if isinstance(keep, timedelta):
        return say_n(
            "What is older than {age} is taken away: {count} line in a minute, then more as it gets older.",
            "What is older than {age} is taken away: {count} lines in a minute, then more as it gets older.",
            due,
            age=spelled(keep),
        )
    if isinstance(keep, Size):
        return say_n(
            "The database may hold {size}: about {count} line goes in a minute, then more as new ones come; of the "
            "largest rooms, the oldest first.",
            "The database may hold {size}: about {count} lines go in a minute, then more as new ones come; of the "
            "largest rooms, the oldest first.",
            due,
            size=spelled(keep),
        )
    if isinstance(keep, int):
        return say_n(
            "Of each room the last {most} lines are kept: {count} line goes in a minute, then more as new ones come.",
            "Of each room the last {most} lines are kept: {count} lines go in a minute, then more as new ones come.",
            due,
            most=keep,
        )
    return say("Nothing is ever taken away; --keep says what may be.")
