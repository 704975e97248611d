"""What is remembered of somebody over a restart: a record that is not as we write it is told from one that is."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chat.base import limits
from chat.base.text import visible
from chat.core.ports import Record

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class Remembered(NamedTuple):
    """A session as its record has it; what older records lack has a default."""

    person: str
    nick: str
    host: str
    rooms: Sequence[str]
    current: str
    away: str | None
    quiet: bool
    ignored: Mapping[str, str]
    last_from: str | None
    senders: Sequence[str]
    untold: Sequence[str]
    seen: Mapping[str, int]
    absent: bool
    spoke_at: datetime
    seen_at: datetime
    ended_at: datetime | None
    joined: Mapping[str, int] | None = None
    entered_at: datetime | None = None
    language: str | None = None


def check(record: Record) -> None:
    """Raises `ValueError` with what is wrong with a record of any kind."""
    if record.kind == "session":
        remembered(record.value)


def remembered(value: str | None) -> Remembered:
    """What stands in a session's record; raises `ValueError` with what is wrong with it."""
    try:
        parts = json.loads(value or "")
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    if not isinstance(parts, dict):
        raise ValueError("no JSON object")
    return Remembered(**{name: _part(name, parts) for name in Remembered._fields})


def _part(name: str, parts: Mapping[str, Any]) -> Any:
    if name not in parts and name in Remembered._field_defaults:
        return Remembered._field_defaults[name]
    part = parts.get(name)
    if name not in parts or not _READS[name](part):
        raise ValueError(f"wrong {name}")
    return datetime.fromisoformat(part) if name.endswith("_at") and part is not None else part


def _is_text(part: object) -> bool:
    return isinstance(part, str)


def _is_name(part: object) -> bool:
    return (
        isinstance(part, str) and 0 < len(part) <= limits.NAME_READ and visible(part) == part and part.split() == [part]
    )


def _is_id(part: object) -> bool:
    return isinstance(part, str) and part != ""


def _are_texts(part: object) -> bool:
    return isinstance(part, list) and all(map(_is_text, part))


def _are_places(part: object) -> bool:
    return isinstance(part, dict) and all(type(seq) is int and seq >= 0 for seq in part.values())


def _is_flag(part: object) -> bool:
    return isinstance(part, bool)


def _is_date(part: object) -> bool:
    try:
        return _FIRST <= datetime.fromisoformat(part) < _LAST  # type: ignore[arg-type]  # is what is found out
    except (ValueError, TypeError, OverflowError):  # no date, no text or no time zone, out of range
        return False


def _or_none(reads: Any) -> Any:
    return lambda part: part is None or reads(part)


_READS = {
    "person": _is_id,
    "nick": _is_name,
    "host": _is_text,
    "rooms": _are_texts,
    "current": _is_text,
    "away": _or_none(_is_text),
    "quiet": _is_flag,
    "language": _or_none(_is_text),
    "ignored": lambda part: isinstance(part, dict) and all(map(_is_text, part.values())),
    "last_from": _or_none(_is_text),
    "senders": _are_texts,
    "untold": _are_texts,
    "seen": _are_places,
    "joined": _are_places,
    "absent": _is_flag,
    "entered_at": _is_date,
    "spoke_at": _is_date,
    "seen_at": _is_date,
    "ended_at": _or_none(_is_date),
}
