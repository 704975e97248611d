"""People and sessions as rows, and back: who can come back after a restart, to where, and what they were given.

A row that is as it was before is not written again, so that a line costs the pages that it changes and no others.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from chat.base import limits
from chat.core.ports import Admission, PersonRecord, Remembered, SessionRecord, Token
from chat.store.rows import as_json, date, microseconds

Row = Sequence[object]


class _Table:
    """A table and its statements; the first `keys` of its columns are its primary key."""

    def __init__(self, name: str, columns: tuple[str, ...], keys: int) -> None:
        self.name = name
        self.columns = columns
        names, changing = ", ".join(columns), columns[keys:]
        parts = ", ".join(f"json_extract(row.value, '$[{part}]')" for part in range(len(columns)))
        update = "NOTHING"
        if changing:
            new = ", ".join(f"excluded.{column}" for column in changing)
            changed = " OR ".join(f"{column} IS NOT excluded.{column}" for column in changing)
            update = f"UPDATE SET ({', '.join(changing)}) = ({new}) WHERE {changed}"
        self.upsert = (
            f"INSERT INTO {name} ({names}) SELECT {parts} FROM json_each(?) AS row WHERE true "
            f"ON CONFLICT ({', '.join(columns[:keys])}) DO {update}"
        )
        """Puts rows in, given as one parameter in JSON; those that are there as they are stay untouched."""
        first, second = columns[:2]
        self.gone = f"""
            DELETE FROM {name} WHERE {first} IN (SELECT value FROM json_each(?)) AND ({first}, {second}) NOT IN
            (SELECT json_extract(row.value, '$[0]'), json_extract(row.value, '$[1]') FROM json_each(?) AS row)
        """
        """Takes away the rows of these owners (the first column) that are not among these any more."""
        self.forget = f"DELETE FROM {name} WHERE {first} IN (SELECT value FROM json_each(?))"
        """Takes away the rows with these keys."""


_PEOPLE = _Table(
    "people",
    ("id", "nick", "absent", "away", "last_from", "entered_at", "spoke_at", "password", "user", "realname"),
    1,
)
_MEMBERSHIPS = _Table("memberships", ("person", "log", "joined", "place"), 2)
_READ = _Table("read", ("person", "log", "seq"), 2)
_IGNORED = _Table("ignored", ("person", "other", "nick"), 2)
_SENDERS = _Table("senders", ("person", "sender"), 2)
_ROLES = _Table("roles", ("person", "log", "role"), 2)
_TOKENS = _Table("tokens", ("person", "name", "digest", "rooms", "talks", "made_at", "used_at"), 2)
_ADMISSIONS = _Table("admissions", ("person", "log", "behind", "came", "place"), 2)

_SESSIONS = _Table(
    "sessions",
    ("digest", "id", "person", "host", "current", "quiet", "language", "seen_at", "ended_at", "token", "guest"),
    1,
)
_GIVEN = _Table("given", ("session", "log", "seq"), 2)


class Written:
    """What was written last of what belongs to people and sessions: what is as it was costs no statement.

    Of `WRITTEN` owners, those of whom something was written last: who says nothing needs no memory here.
    """

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Sequence[Row]]] = {}

    def changes(self, table: _Table, owner: str, rows: Sequence[Row]) -> bool:
        """These are an owner's rows from now on; returns whether they may be others than before."""
        written = self._rows[owner] = self._rows.pop(owner, {})
        if len(self._rows) > limits.WRITTEN:
            del self._rows[next(iter(self._rows))]
        if written.get(table.name) == rows:
            return False
        written[table.name] = rows
        return True

    def forget(self, owner: str) -> None:
        """There is no such owner any more."""
        self._rows.pop(owner, None)

    def clear(self) -> None:
        """What was written last was not kept."""
        self._rows.clear()


_Related = Callable[[str, Any], Sequence[Row]]

_OF_PEOPLE: Sequence[tuple[_Table, _Related]] = (
    (_MEMBERSHIPS, lambda id, person: [[id, *room, place] for place, room in enumerate(person.rooms.items())]),
    (_READ, lambda id, person: [[id, *read] for read in person.read.items()]),
    (_IGNORED, lambda id, person: [[id, *other] for other in person.ignored.items()]),
    (_SENDERS, lambda id, person: [[id, sender] for sender in person.senders]),
    (_ROLES, lambda id, person: [[id, *role] for role in person.roles.items()]),
    (_TOKENS, lambda id, person: [_token(id, token) for token in person.tokens]),
    (_ADMISSIONS, lambda id, person: [_admission(id, *place) for place in enumerate(person.admitted.items())]),
)
_OF_SESSIONS: Sequence[tuple[_Table, _Related]] = (
    (_GIVEN, lambda digest, session: [[digest, *given] for given in session.given.items()]),
)


def write(connection: sqlite3.Connection, remembered: Remembered, written: Written) -> None:
    """Remember these, and forget those that are None."""
    people, sessions = remembered
    if people:
        _write(connection, _PEOPLE, _person, _OF_PEOPLE, people, written)
    if sessions:
        _write(connection, _SESSIONS, _session, _OF_SESSIONS, sessions, written)


def _write(
    connection: sqlite3.Connection,
    table: _Table,
    row: Callable[[str, Any], Row],
    relations: Sequence[tuple[_Table, _Related]],
    owners: Mapping[str, Any],
    written: Written,
) -> None:
    _replace(connection, table, owners, [row(id, owner) for id, owner in owners.items() if owner is not None])
    for relation, related in relations:
        found = {id: [] if owner is None else related(id, owner) for id, owner in owners.items()}
        changed = {id: rows for id, rows in found.items() if written.changes(relation, id, rows)}
        if changed:
            _relate(connection, relation, list(changed), list(chain.from_iterable(changed.values())))
    for id, owner in owners.items():
        if owner is None:
            written.forget(id)


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
    absent, last_from, password = int(person.absent), person.last_from, person.password
    return [id, person.nick, absent, person.away, last_from, entered, spoke, password, person.user, person.realname]


def _token(person: str, token: Token) -> Row:
    used = None if token.used_at is None else microseconds(token.used_at)
    made, rooms = microseconds(token.made_at), json.dumps(list(token.rooms))
    return [person, token.name, token.digest, rooms, int(token.talks), made, used]


def _admission(person: str, place: int, admitted: tuple[str, Admission]) -> Row:
    key, admission = admitted
    return [person, key, admission.behind, int(admission.came), place]


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
    admitted = _admissions(connection)
    rows = connection.execute(f"SELECT {', '.join(_PEOPLE.columns)} FROM people WHERE id NOT LIKE 'damaged %'")
    for id, nick, absent, away, last_from, entered_at, spoke_at, password, user, realname in rows.fetchall():
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
                admitted.get(id, {}),
                user,
                realname,
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


def _admissions(connection: sqlite3.Connection) -> dict[Any, dict[Any, Admission]]:
    """Those of each person, in the order of their going there."""
    found: dict[Any, dict[Any, Admission]] = {}
    for person, log, behind, came in connection.execute(
        "SELECT person, log, behind, came FROM admissions ORDER BY person, place"
    ):
        found.setdefault(person, {})[log] = Admission(behind, bool(came))
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
