"""What is remembered of people and sessions: a record that is not as it was written is told from one that is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import get_args

from chat.base import limits
from chat.base.text import visible
from chat.core.ports import PersonRecord, Role, SessionRecord, Token

_ROLES = get_args(Role)
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def wrong_person(id: object, record: PersonRecord | None) -> str:
    """What is wrong with what is remembered of somebody, "" where nothing is; None has a date that is none."""
    if record is None:
        return "wrong date"
    return _first_wrong(
        ("id", _is_id(id)),
        ("nick", _is_name(record.nick)),
        ("away", record.away is None or _is_text(record.away)),
        ("last_from", record.last_from is None or _is_id(record.last_from)),
        ("entered_at", _is_date(record.entered_at)),
        ("spoke_at", _is_date(record.spoke_at)),
        ("rooms", _are_places(record.rooms)),
        ("read", _are_places(record.read)),
        ("ignored", all(map(_is_id, record.ignored)) and all(map(_is_text, record.ignored.values()))),
        ("password", record.password is None or _is_text(record.password)),
        ("senders", all(map(_is_id, record.senders))),
        ("roles", all(map(_is_id, record.roles)) and all(role in _ROLES for role in record.roles.values())),
        ("tokens", all(map(_is_token, record.tokens))),
        ("admitted", _are_places({key: admission.behind for key, admission in record.admitted.items()})),
        ("user", _is_text(record.user)),
        ("realname", _is_text(record.realname)),
    )


def wrong_session(digest: object, record: SessionRecord | None) -> str:
    """What is wrong with what is remembered of a session, "" where nothing is; None has a date that is none."""
    if record is None:
        return "wrong date"
    return _first_wrong(
        ("code", _is_id(digest)),
        ("id", _is_id(record.id)),
        ("person", _is_id(record.person)),
        ("host", _is_text(record.host)),
        ("current", _is_text(record.current)),
        ("language", record.language is None or _is_text(record.language)),
        ("seen_at", _is_date(record.seen_at)),
        ("ended_at", record.ended_at is None or _is_date(record.ended_at)),
        ("given", _are_places(record.given)),
        ("guest", record.guest is None or _is_id(record.guest)),
        ("token", record.token is None or _is_text(record.token)),
    )


def _first_wrong(*parts: tuple[str, bool]) -> str:
    return next((f"wrong {name}" for name, is_right in parts if not is_right), "")


def _is_text(part: object) -> bool:
    return isinstance(part, str) and not any("\ud800" <= char <= "\udfff" for char in part)


def _is_id(part: object) -> bool:
    return _is_text(part) and part != ""


def _is_name(part: object) -> bool:
    return (
        isinstance(part, str) and 0 < len(part) <= limits.NAME_READ and visible(part) == part and part.split() == [part]
    )


def _is_token(token: Token) -> bool:
    return (
        _is_id(token.digest)
        and _is_name(token.name)
        and isinstance(token.rooms, list)
        and all(map(_is_text, token.rooms))
        and _is_date(token.made_at)
        and (token.used_at is None or _is_date(token.used_at))
    )


def _are_places(places: Mapping[str, object]) -> bool:
    return all(_is_id(key) and type(seq) is int and seq >= 0 for key, seq in places.items())


def _is_date(part: object) -> bool:
    return isinstance(part, datetime) and _FIRST <= part < _LAST
