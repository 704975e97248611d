"""Durations as people write them, `30s 10m 2h 3d 1w`, the same in every command.  Pure."""

import re

from chat.base.errors import Refused
from chat.base.language import say
from chat.base.patterns import pattern

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_WRITTEN = pattern(r"([0-9]{1,9})([smhdw])", re.IGNORECASE)
_SPELLED = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def parse_duration(text: str) -> int:
    """The seconds of a duration; raises `Refused`, for a bare number with what it may mean."""
    match = _WRITTEN.fullmatch(text)
    if match:
        return int(match[1]) * _SECONDS[match[2].lower()]
    if text.isascii() and text.isdecimal():
        raise Refused("usage", say("{number} of what? {number}s, {number}m, {number}h, {number}d?", number=text[:9]))
    raise Refused("usage", say("A duration is written as 30s, 10m, 2h, 3d or 1w."))


def exactly(seconds: int) -> str:
    """A duration as it was written, in the largest unit that leaves nothing over; the units read the same in every
    language here."""
    unit, size = next(((unit, size) for unit, size in _SPELLED if seconds >= size and not seconds % size), ("s", 1))
    return f"{seconds // size} {unit}"
