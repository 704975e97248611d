"""All of a database as a file of SQLite, and all of such a file as a database: whole, or nothing of it is there.

The rows are the same in both, but for people and sessions, which are records here, and the search index, which each
makes of its own.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from math import inf
from pathlib import Path
from typing import Any

from chat.base import limits
from chat.base.folding import FOLDING, tokens
from chat.base.language import say
from chat.store.address import shown
from chat.store.postgresql import people
from chat.store.postgresql.connection import ONE_VIEW, Link
from chat.store.postgresql.exchange import Failed, Unreachable
from chat.store.postgresql.opening import lock_out, patiently, suits
from chat.store.postgresql.schema import check_newest, make, version
from chat.store.postgresql.servers import Servers
from chat.store.rows import as_json
from chat.store.sqlite import people as of_file
from chat.store.sqlite.backup import partial
from chat.store.sqlite.connection import connect, insert
from chat.store.sqlite.schema import MIGRATIONS, PAGES, prepare
from chat.store.unusable import Unusable, unusable

_LOGS = ("id", "key", "name", "head", "oldest", "said", "size", "gone", "undated")
_ENTRIES = ("id", "at", "kind", "person", "session", "nick", "text", "details", "other")
_LINE_IDS = ("person", "id", "log", "seq", "at", "digest")
_RECORDS = ("kind", "key", "value")

_TABLES: Mapping[str, Sequence[str]] = {
    "logs": _LOGS,
    "entries": _ENTRIES,
    "line_ids": _LINE_IDS,
    "records": _RECORDS,
}
"""What both have alike, with the columns."""

_IN_ORDER = {"logs": "id", "entries": "id", "line_ids": "number"}
"""By which a table of a database is read in pages; records are few."""

_NUMBERS = ("id", "at", "head", "oldest", "said", "size", "gone", "undated", "log", "seq", "digest")


def to_file(address: str, target: Path, pause: Callable[[], None] = lambda: None) -> None:
    """Copy a database, as it is at this moment, into a new file; raises `Unusable`, `Unreachable`, `Failed` or the
    system's error.

    `pause` is called between two pages.
    """
    with (
        closing(Link(Servers(address), suits, inf)) as link,
        link.transaction(ONE_VIEW),
        partial(target) as part,
        closing(connect(part)) as connection,
    ):
        check_newest(address, link)
        connection.execute(PAGES)
        for number, script in enumerate(MIGRATIONS, 1):
            connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT")
        connection.execute("BEGIN")
        for table, columns in _TABLES.items():
            for rows in _pages_of_database(link, table, columns):
                insert(connection, f"{table} ({', '.join(columns)})", f"({', '.join('?' * len(columns))})", rows)
                pause()
        of_file.write(connection, people.remembered(link), of_file.Written())
        connection.execute("COMMIT")


def _pages_of_database(link: Link, table: str, columns: Sequence[str]) -> Iterator[list[Sequence[Any]]]:
    names, order = ", ".join(columns), _IN_ORDER.get(table)
    if order is None:
        yield link.ask(f"SELECT {names} FROM {table}")
        return
    behind = 0
    while rows := link.ask(
        f"SELECT {order}, {names} FROM {table} WHERE {order} > :behind ORDER BY {order} LIMIT :most",
        {"behind": behind, "most": limits.COPIED_ROWS},
    ):
        yield [row[1:] for row in rows]
        behind = rows[-1][0]


def from_file(source: Path, address: str) -> None:
    """Copy a file that no server uses into a database in which nothing is; raises `Unusable`."""
    prepared = prepare(source)
    try:
        with closing(Link(Servers(address), suits, inf)) as link, closing(connect(prepared.path, "ro")) as connection:
            try:
                _fill(link, address, connection)
            except Unreachable as error:
                raise error.unusable or unusable(shown(address), error.reason) from None
            except Failed as error:
                raise unusable(shown(address), error.reason) from None
    finally:
        os.close(prepared.lock)


def _fill(link: Link, address: str, connection: sqlite3.Connection) -> None:
    patiently(lambda: lock_out(address, link))
    with link.transaction():
        make(link, version(address, link))
        if link.value("SELECT EXISTS (SELECT FROM logs) OR EXISTS (SELECT FROM people)"):
            raise Unusable(say("{database} is not empty. Choose another one.", database=shown(address)))
        for table, columns in _TABLES.items():
            for rows in _pages_of_file(connection, table, columns):
                _insert(link, table, columns, rows)
        for table, found in (("people", of_file.people(connection)), ("sessions", of_file.sessions(connection))):
            rows = [[key, people.written(record)] for key, record in found if record is not None]
            key = "id" if table == "people" else "digest"
            link.ask(
                f"INSERT INTO {table} ({key}, record) SELECT part->>0, part->>1 "
                "FROM jsonb_array_elements(:rows) AS part",
                {"rows": as_json(rows)},
            )
        link.ask("SELECT setval(pg_get_serial_sequence('logs', 'id'), coalesce(max(id), 0) + 1, false) FROM logs")
        link.ask("DELETE FROM search_made_by")
        link.ask("INSERT INTO search_made_by VALUES (:folding)", {"folding": FOLDING})


def _pages_of_file(
    connection: sqlite3.Connection, table: str, columns: Sequence[str]
) -> Iterator[list[Sequence[object]]]:
    """What was damaged and set aside stays behind."""
    where = {"logs": "key NOT LIKE 'damaged %'", "records": "kind NOT LIKE 'damaged %'"}.get(table, "true")
    if table == "entries":
        where = "log IN (SELECT id FROM logs WHERE key NOT LIKE 'damaged %')"
    order = "at" if table == "line_ids" else columns[0]  # a database numbers them as they come
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE {where} ORDER BY {order}")
    while page := rows.fetchmany(limits.COPIED_ROWS):
        yield page


def _insert(link: Link, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    names, values = list(columns), [_value(place, name, table) for place, name in enumerate(columns)]
    if table == "entries":
        names.append("folded")
        values.append(f"part->>{len(columns)}")
        at = columns.index("text")
        rows = [[*row, None if row[at] is None else " ".join(tokens(str(row[at])))] for row in rows]
    link.ask(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM jsonb_array_elements(:rows) AS part",
        {"rows": as_json(rows)},
    )


def _value(place: int, name: str, table: str) -> str:
    """A part of a row as what the column holds; the ids of lines are texts."""
    is_number = name in _NUMBERS and (table, name) != ("line_ids", "id")
    return f"(part->>{place})::bigint" if is_number else f"part->>{place}"


def pause() -> None:
    """Let others have the processor, and the interpreter's lock."""
    time.sleep(limits.COPY_PAUSE_SECONDS)
