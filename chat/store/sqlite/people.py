"""People and sessions as rows, and back: who can come back after a restart, to where, and what they were given.

A row that is as it was before is not written again, so that a line costs the pages that it changes and no others.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chat.core.ports import PersonRecord, Remembered, SessionRecord, Token
from chat.store.sqlite.rows import as_json, date, microseconds

Row = Sequence[object]


class _Table(NamedTuple):
    """A table; the first `keys` of its columns are its primary key."""

    name: str
    columns: tuple[str, ...]
    keys: int

    @property
    def upsert(self) -> str:
        """Puts rows in, given as one parameter in JSON; those that are there as they are stay untouched."""
        names, changing = ", ".join(self.columns), self.columns[self.keys :]
        parts = ", ".join(f"json_extract(row.value, '$[{part}]')" for part in range(len(self.columns)))
        update = "NOTHING"
        if changing:
            new = ", ".join(f"excluded.{column}" for column in changing)
            changed = " OR ".join(f"{column} IS NOT excluded.{column}" for column in changing)
            update = f"UPDATE SET ({', '.join(changing)}) = ({new}) WHERE {changed}"
        return (
            f"INSERT INTO {self.name} ({names}) SELECT {parts} FROM json_each(?) AS row WHERE true "
            f"ON CONFLICT ({', '.join(self.columns[: self.keys])}) DO {update}"
        )

    @property
    def gone(self) -> str:
        """Takes away the rows of these owners (the first column) that are not among these any more."""
        first, second = self.columns[:2]
        return f"""
            DELETE FROM {self.name} WHERE {first} IN (SELECT value FROM json_each(?)) AND ({first}, {second}) NOT IN
            (SELECT json_extract(row.value, '$[0]'), json_extract(row.value, '$[1]') FROM json_each(?) AS row)
        """

    @property
    def forget(self) -> str:
        """Takes away the rows with these keys."""
        return f"DELETE FROM {self.name} WHERE {self.columns[0]} IN (SELECT value FROM json_each(?))"


_PEOPLE = _Table("people", ("id", "nick", "absent", "away", "last_from", "entered_at", "spoke_at", "password"), 1)
_MEMBERSHIPS = _Table("memberships", ("person", "log", "joined", "place"), 2)
_READ = _Table("read", ("person", "log", "seq"), 2)
_IGNORED = _Table("ignored", ("person", "other", "nick"), 2)
_SENDERS = _Table("senders", ("person", "sender"), 2)
_ROLES = _Table("roles", ("person", "log", "role"), 2)
_TOKENS = _Table("tokens", ("person", "name", "digest", "rooms", "talks", "made_at", "used_at"), 2)

_SESSIONS = _Table(
    "sessions",
    ("digest", "id", "person", "host", "current", "quiet", "language", "seen_at", "ended_at", "token", "guest"),
    1,
)
_GIVEN = _Table("given", ("session", "log", "seq"), 2)


def write(connection: sqlite3.Connection, remembered: Remembered) -> None:
    """Remember these, and forget those that are None."""
    people, sessions = remembered
    if people:
        rows = [_person(id, person) for id, person in people.items() if person is not None]
        _replace(connection, _PEOPLE, people, rows)
        present = [(id, person) for id, person in people.items() if person is not None]
        for table, related in (
            (
                _MEMBERSHIPS,
                [
                    [id, key, joined, place]
                    for id, person in present
                    for place, (key, joined) in enumerate(person.rooms.items())
                ],
            ),
            (_READ, [[id, key, seq] for id, person in present for key, seq in person.read.items()]),
            (_IGNORED, [[id, other, nick] for id, person in present for other, nick in person.ignored.items()]),
            (_SENDERS, [[id, sender] for id, person in present for sender in person.senders]),
            (_ROLES, [[id, key, role] for id, person in present for key, role in person.roles.items()]),
            (_TOKENS, [_token(id, token) for id, person in present for token in person.tokens]),
        ):
            _relate(connection, table, list(people), related)
    if sessions:
        rows = [_session(digest, session) for digest, session in sessions.items() if session is not None]
        _replace(connection, _SESSIONS, sessions, rows)
        given = [
            [digest, key, seq]
            for digest, session in sessions.items()
            if session is not None
            for key, seq in session.given.items()
        ]
        _relate(connection, _GIVEN, list(sessions), given)


def _replace(connection: sqlite3.Connection, table: _Table, all: Mapping[str, object], rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(table.upsert, (as_json(rows),))
    if gone := [key for key, value in all.items() if value is None]:
        connection.execute(table.forget, (json.dumps(gone),))


def _relate(connection: sqlite3.Connection, table: _Table, owners: Sequence[str], rows: Sequence[Row]) -> None:
    parameter = as_json(rows)
    connection.execute(table.gone, (json.dumps(owners), parameter))
    if rows:
        connection.execute(table.upsert, (parameter,))


def _person(id: str, person: PersonRecord) -> Row:
    entered, spoke = microseconds(person.entered_at), microseconds(person.spoke_at)
    absent = int(person.absent)
    return [id, person.nick, absent, person.away, person.last_from, entered, spoke, person.password]


def _token(person: str, token: Token) -> Row:
    used = None if token.used_at is None else microseconds(token.used_at)
    made, rooms = microseconds(token.made_at), json.dumps(list(token.rooms))
    return [person, token.name, token.digest, rooms, int(token.talks), made, used]


def _session(digest: str, session: SessionRecord) -> Row:
    ended = None if session.ended_at is None else microseconds(session.ended_at)
    seen = microseconds(session.seen_at)
    quiet = int(session.quiet)
    id, person, host, current, language = session.id, session.person, session.host, session.current, session.language
    return [digest, id, person, host, current, quiet, language, seen, ended, session.token, session.guest]


def people(connection: sqlite3.Connection) -> Iterator[tuple[Any, PersonRecord | None]]:
    """All of them by their ids; None for one whose dates are none."""
    rooms = _related(connection, _MEMBERSHIPS, "person, place")
    read, ignored = _related(connection, _READ), _related(connection, _IGNORED)
    senders, roles, tokens = _related(connection, _SENDERS), _related(connection, _ROLES), _tokens(connection)
    rows = connection.execute(f"SELECT {', '.join(_PEOPLE.columns)} FROM people WHERE id NOT LIKE 'damaged %'")
    for id, nick, absent, away, last_from, entered_at, spoke_at, password in rows.fetchall():
        entered, spoke = _date(entered_at), _date(spoke_at)
        if entered is None or spoke is None:
            yield id, None
            continue
        yield (
            id,
            PersonRecord(
                nick,
                bool(absent),
                away,
                last_from,
                entered,
                spoke,
                rooms.get(id, {}),
                read.get(id, {}),
                ignored.get(id, {}),
                list(senders.get(id, {})),
                password,
                roles.get(id, {}),
                tokens.get(id, ()),
            ),
        )


def _tokens(connection: sqlite3.Connection) -> dict[Any, list[Token]]:
    """Those of each person; what is damaged in them stays so, to be told."""
    found: dict[Any, list[Token]] = {}
    for person, name, digest, rooms, talks, made_at, used_at in connection.execute(
        f"SELECT {', '.join(_TOKENS.columns)} FROM tokens ORDER BY made_at"
    ):
        try:
            named = json.loads(rooms)
        except (TypeError, ValueError):
            named = None
        made: Any = _date(made_at)
        used: Any = None if used_at is None else _date(used_at) or used_at
        found.setdefault(person, []).append(Token(digest, name, named, bool(talks), made, used))
    return found


def sessions(connection: sqlite3.Connection) -> Iterator[tuple[Any, SessionRecord | None]]:
    """All of them by the hash of their codes; None for one whose dates are none."""
    given = _related(connection, _GIVEN)
    rows = connection.execute(f"SELECT {', '.join(_SESSIONS.columns)} FROM sessions WHERE digest NOT LIKE 'damaged %'")
    for digest, id, person, host, current, quiet, language, seen_at, ended_at, token, guest in rows.fetchall():
        seen, ended = _date(seen_at), None if ended_at is None else _date(ended_at)
        if seen is None or (ended is None) != (ended_at is None):
            yield digest, None
            continue
        places = given.get(digest, {})
        yield (
            digest,
            SessionRecord(id, person, host, current, bool(quiet), language, seen, ended, places, token, guest),
        )


def _related(connection: sqlite3.Connection, table: _Table, order: str = "") -> dict[str, dict[Any, Any]]:
    """What belongs to each owner: the second column by the third, if there is one."""
    owner, key, *value = table.columns[:3]
    rows = connection.execute(
        f"SELECT {owner}, {key}, {value[0] if value else key} FROM {table.name} ORDER BY {order or owner}"
    )
    found: dict[str, dict[Any, Any]] = {}
    for who, what, how in rows.fetchall():
        found.setdefault(who, {})[what] = how
    return found


def _date(stored: object) -> datetime | None:
    try:
        return date(stored)  # type: ignore[arg-type]  # is what is found out
    except (TypeError, OverflowError):
        return None
