"""Sizes as an operator writes and reads them: in units of a thousand, as disks are sold."""

import re

from chat.base.patterns import pattern

_UNITS = {"TB": 10**12, "GB": 10**9, "MB": 10**6}
_SIZE = pattern(r"([0-9]{1,13})([TGM]B)", re.IGNORECASE)


def parse_size(text: str) -> int | None:
    """`10GB`, `500MB` or `2TB` in bytes; None where it is no size."""
    match = _SIZE.fullmatch(text)
    return int(match[1]) * _UNITS[match[2].upper()] if match else None


def spelled(size: int) -> str:
    """As `parse_size` takes it; for whole MB."""
    unit = next(unit for unit, bytes in _UNITS.items() if not size % bytes)
    return f"{size // _UNITS[unit]}{unit}"


def shown(size: int) -> str:
    """A size that people can take in: in the largest unit, with two digits at least."""
    unit, bytes = next(((unit, bytes) for unit, bytes in _UNITS.items() if size >= bytes), ("kB", 1000))
    return f"{size * 10 // bytes / 10:.1f} {unit}" if size < 10 * bytes and bytes > 1000 else f"{size // bytes} {unit}"
