"""People and sessions as records in JSON, and back: who can come back after a restart, to where, and what they were
given.

A record names its parts as `chat.core.ports` does; a part that is missing, as a later version may have more, is as it
is for everybody who never had it; and one that is not known, where another node is of a later version, is left out.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from sys import intern
from typing import Any

from chat.base.unchanged import NOTHING
from chat.core import measures
from chat.core.ports import Admission, PersonRecord, Progress, Remembered, SessionRecord, Token
from chat.core.progress import read_on
from chat.core.remembered import wrong_person, wrong_session
from chat.store.postgresql.connection import Link
from chat.store.rows import as_json, date, microseconds

_DATES = ("entered_at", "spoke_at", "seen_at", "ended_at")


def _pairs(parts: list[list[Any]]) -> Mapping[str, Any]:
    """Nodes have records of everybody: what stands in many of them is there once."""
    return {_once(key): value for key, value in parts} or NOTHING


def _once(key: Any) -> Any:
    return intern(key) if isinstance(key, str) else key


_ORDERED: Mapping[str, Callable[[Any], Any]] = {
    "rooms": _pairs,
    "read": _pairs,
    "ignored": _pairs,
    "roles": _pairs,
    "given": _pairs,
    "current": _once,
    "admitted": lambda parts: _pairs([[key, Admission(*admission)] for key, admission in parts]),
    "senders": tuple,
    "tokens": lambda parts: tuple(map(_token, parts)),
}
"""Parts that are pairs, for their order counts, and lists, and a key."""


def written(record: PersonRecord | SessionRecord) -> str:
    """A record as a text."""
    parts = record._asdict()
    for name, part in parts.items():
        if isinstance(part, Mapping):
            parts[name] = list(part.items())
        elif isinstance(part, tuple):
            parts[name] = list(part)
    return as_json(parts, default=microseconds)


def written_progress(progress: Progress) -> str:
    """How far somebody has read, as a text."""
    seen_at, spoke_at, given, read = progress
    return as_json([microseconds(seen_at), microseconds(spoke_at), list(given.items()), list(read.items())])


_PROGRESS = """
    SELECT digest, progress.record,
        CASE WHEN said IS DISTINCT FROM hashtextextended(sessions.record, 0) THEN sessions.record END
    FROM sessions {} JOIN progress USING (digest) WHERE sessions.record IS NOT NULL
"""
"""Whatever was kept of it, and the session's record, where that is later."""


def progress(link: Link, sessions: Collection[str]) -> Mapping[str, Progress]:
    """How far people have read on these sessions, by the hashes of their codes."""
    asked = _PROGRESS.format("LEFT") + "AND digest IN (SELECT jsonb_array_elements_text(:digests))"
    return _progress(link.ask(asked, {"digests": as_json(list(sessions))}))


def _progress(rows: Iterable[Sequence[Any]]) -> Mapping[str, Progress]:
    found = {}
    for digest, text, later in rows:
        seen_at, spoke_at, given, read = json.loads(text or "[0, 0, [], []]")
        kept = Progress(date(seen_at), date(spoke_at), _pairs(given), _pairs(read))
        if later is not None:
            record = session(later)
            kept = kept._replace(seen_at=record.seen_at, given=record.given)
        found[digest] = kept
    return found


def _read(text: str, known: Collection[str]) -> dict[str, Any]:
    parts = {name: part for name, part in json.loads(text).items() if name in known}
    dates: dict[int, datetime] = {}  # who came and has said nothing has one
    for name in _DATES:
        if (at := parts.get(name)) is not None:
            parts[name] = dates.get(at) or dates.setdefault(at, date(at))
    for name, make in _ORDERED.items():
        if name in parts:
            parts[name] = make(parts[name])
    return parts


def _token(parts: list[Any]) -> Token:
    token = Token(*parts)
    used_at: datetime | None = None if token.used_at is None else date(token.used_at)  # type: ignore[arg-type]
    return token._replace(made_at=date(token.made_at), used_at=used_at)  # type: ignore[arg-type]


def person(text: str) -> PersonRecord:
    """Of somebody."""
    return PersonRecord(**_read(text, PersonRecord._fields))


def session(text: str) -> SessionRecord:
    """Of a session."""
    return SessionRecord(**_read(text, SessionRecord._fields))


def remembered(link: Link) -> Remembered:
    """All of them: people by their ids, sessions by the hash of their codes."""
    people = {
        id: person(record)
        for id, record in link.ask("SELECT id, record FROM people WHERE record IS NOT NULL ORDER BY id")
    }
    rows = link.ask("SELECT digest, record, ended_at FROM sessions WHERE record IS NOT NULL ORDER BY digest")
    sessions = {digest: _ended(session(record), ended_at) for digest, record, ended_at in rows}
    return read_on(Remembered(people, sessions), _progress(link.ask(_PROGRESS.format(""))))


def _ended(record: SessionRecord, ended_at: int | None) -> SessionRecord:
    return record if record.ended_at is not None or ended_at is None else record._replace(ended_at=date(ended_at))


def wrong(found: Remembered) -> str:
    """What of it no version of this program wrote, "" where that is nothing; of a key no more than tells it from
    others."""
    for id, person in found.people.items():
        if reason := wrong_person(id, person):
            return f"people {id[:12]}: {reason}"
    for digest, session in found.sessions.items():
        if reason := wrong_session(digest, session):
            return f"sessions {digest[:12]}: {reason}"
    return ""


def wrong_record(kind: str, key: str, value: str) -> str:
    """The same of another record."""
    is_wrong = kind == measures.RECORDS and measures.read(key, value) is None
    return f"records {kind} {key[:12]}: not as it was written" if is_wrong else ""
