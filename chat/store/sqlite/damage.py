"""Rows that no version of this program wrote: each is told, and may be set aside instead of stopping the start.

Set aside is not destroyed: a log or a record stays under another key or kind, and an entry in another table, where
nobody looks for it.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from chat.base.named_tuples import NamedTuple
from chat.core import measures
from chat.core.remembered import wrong_person, wrong_session
from chat.store.rows import DATES, KINDS, KINDS_WITHOUT_AUTHOR, SAID_KINDS, SEQ_BITS, SEQ_MOST
from chat.store.sqlite.connection import transaction
from chat.store.sqlite.people import people, sessions
from chat.store.sqlite.statements import ENTRY_SIZE

HEAD_MOST = SEQ_MOST // 2
"""A thousand a second for a year: no log came so far."""


class Damage(NamedTuple):
    """A row that cannot be used: of which table, by which it is found there, and why."""

    table: str
    row: str
    reason: str
    aside: Sequence[str]
    """The statements that set it aside."""
    values: tuple[object, ...]
    """What is to be put into each."""


def find(connection: sqlite3.Connection, entries: bool) -> Sequence[Damage]:
    """All of them; those of entries only where that is asked for, for there can be very many."""
    with _undecoded(connection):
        found = [*_logs(connection), *_records(connection), *_remembered(connection)]
        return [*found, *_entries(connection)] if entries else found


def set_aside(connection: sqlite3.Connection, found: Sequence[Damage]) -> None:
    """Let the start go on without them."""
    with transaction(connection):
        for damage in found:
            for statement in damage.aside:
                connection.execute(statement, damage.values)


@contextmanager
def _undecoded(connection: sqlite3.Connection) -> Iterator[None]:
    """Texts that are none are to be seen, not replaced."""
    before, connection.text_factory = connection.text_factory, lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        connection.text_factory = before


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)


def _logs(connection: sqlite3.Connection) -> Iterator[Damage]:
    rows = connection.execute(
        f"""
        SELECT id, key, name, head, oldest, said, size, gone, undated,
            (SELECT max(entries.id) FROM entries
                WHERE entries.id BETWEEN logs.id << {SEQ_BITS} AND (logs.id << {SEQ_BITS}) + {SEQ_MOST}) & {SEQ_MOST}
        FROM logs WHERE key NOT LIKE 'damaged %'
        """
    ).fetchall()
    for id, key, name, head, oldest, said, size, gone, undated, last in rows:
        reason = ""
        if not 0 < id < 1 << 63 - SEQ_BITS:
            reason = "wrong id"
        elif not (_is_text(key) and key[:1] in ("#", "@", "*")):
            reason = "wrong key"
        elif not (_is_text(name) and name):
            reason = "wrong name"
        elif not (isinstance(head, int) and 0 <= head <= HEAD_MOST):
            reason = "impossible head"
        elif last is not None and head < last:
            reason = f"head below entry {last}"
        elif not all(isinstance(number, int) for number in (oldest or 0, said, size, gone or 0, undated)):
            reason = "wrong numbers"
        if reason:
            yield Damage(
                "logs",
                f"id {id}",
                reason,
                ["UPDATE logs SET key = 'damaged ' || id || ' ' || CAST(key AS TEXT) WHERE id = ?"],
                (id,),
            )


def _records(connection: sqlite3.Connection) -> Iterator[Damage]:
    rows = connection.execute("SELECT kind, key, value FROM records WHERE kind NOT LIKE 'damaged %'").fetchall()
    for kind, key, value in rows:
        reason = ""
        if not all(map(_is_text, (kind, key, value))):
            reason = "no text"
        elif kind == "session":
            reason = "not as it was written"  # or it would have been made rows of `people`
        elif kind == measures.RECORDS and measures.read(key, value) is None:
            reason = "not as it was written"
        if reason:
            # Of a key no more than tells it from others: that of a session is made of its code.
            shown = ascii(f"{kind} {str(key)[:12]}")[1:-1]
            yield Damage("records", shown, reason, [_RECORD_ASIDE], tuple(map(_bytes, (kind, key))))


_RECORD_ASIDE = """
    UPDATE records SET kind = 'damaged ' || hex(randomblob(4)) || ' ' || CAST(kind AS TEXT)
    WHERE (CAST(kind AS BLOB), CAST(key AS BLOB)) = (?, ?)
"""


def _remembered(connection: sqlite3.Connection) -> Iterator[Damage]:
    """Of people and sessions; a column that belongs to another table's row is told of that one."""
    for id, person in people(connection):
        if reason := wrong_person(id, person):
            yield _not_remembered("people", "id", id, reason)
    for digest, session in sessions(connection):
        if reason := wrong_session(digest, session):
            yield _not_remembered("sessions", "digest", digest, reason)


def _not_remembered(table: str, column: str, key: object, reason: str) -> Damage:
    aside = f"""
        UPDATE {table} SET {column} = 'damaged ' || hex(randomblob(4)) || ' ' || CAST({column} AS TEXT)
        WHERE CAST({column} AS BLOB) = ?
    """
    # Of a key no more than tells it from others: that of a session is made of its code.
    return Damage(table, ascii(str(key)[:12])[1:-1], reason, [aside], (_bytes(key),))


def _bytes(value: object) -> object:
    """A text as the bytes that it is, for no parameter can be a text that is none."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def _entries(connection: sqlite3.Connection) -> Iterator[Damage]:
    first, last = DATES
    rows = connection.execute(
        f"""
        SELECT id FROM entries WHERE typeof(at) != 'integer' OR at NOT BETWEEN {first} AND {last}
            OR kind NOT IN ({KINDS}) OR typeof(coalesce(text, '')) != 'text' OR typeof(coalesce(nick, '')) != 'text'
            OR typeof(coalesce(person, '')) != 'text' OR typeof(coalesce(session, '')) != 'text'
            OR (text IS NULL) = (kind IN ({SAID_KINDS}))
            OR (person IS NULL AND kind NOT IN ({KINDS_WITHOUT_AUTHOR}))
            OR NOT json_valid(coalesce(details, '{{}}'))
        """
    ).fetchall()
    for (id,) in rows:
        yield Damage("entries", f"id {id}", "not as it was written", _ENTRY_ASIDE, (id,))


_ENTRY_ASIDE = (
    f"""
    UPDATE logs SET said = said - lines, size = max(0, size - its_size)
    FROM (SELECT log AS its_log, text IS NOT NULL AS lines, {ENTRY_SIZE} AS its_size FROM entries WHERE id = ?)
    WHERE logs.id = its_log
    """,
    """
    INSERT INTO damaged_entries SELECT id, at, kind, person, session, nick, text, other, details FROM entries
    WHERE id = ?
    """,
    "DELETE FROM said WHERE id = ?",
    f"DELETE FROM said_by_date WHERE (log, id) IN (SELECT gone >> {SEQ_BITS}, gone FROM (SELECT ? AS gone))",
    "DELETE FROM entries WHERE id = ?",
    # What the index has of it cannot be told any more: that is begun anew.
    "DELETE FROM search_made_by WHERE ? IS NOT NULL",
)
