"""One connection to the database: how it is opened, what a transaction is, and what its errors mean."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chat.base import limits
from chat.base.language import Sentence, say
from chat.store.unusable import DAMAGED, DISK_ERROR, DISK_FULL, READ_ONLY

APPLICATION_ID = 0x63686174
"""By this a database is known to be a chat's ("chat")."""

_REASONS = {
    sqlite3.SQLITE_FULL: DISK_FULL,
    sqlite3.SQLITE_IOERR: DISK_ERROR,
    sqlite3.SQLITE_BUSY: say("locked by another program"),
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: say("cannot be opened"),
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}


def connect(path: Path, mode: str = "rw") -> sqlite3.Connection:
    """A connection for the thread that asks for it; transactions are begun by `transaction` alone."""
    uri = f"file:{quote(str(path))}?mode={mode}"
    connection = sqlite3.connect(uri, timeout=limits.LOCKED_SECONDS, isolation_level=None, uri=True)
    # A text that is none, in a damaged file, is to cost itself alone and not what is read with it.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything within is kept, or nothing, even after a crash."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    try:
        connection.execute("COMMIT")
    except sqlite3.Error:
        # It may be in the log whole, only not synchronized: after a crash it would be found there and be valid. What
        # is written next takes its place, so something is.
        with suppress(sqlite3.Error):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raise


def insert(connection: sqlite3.Connection, table: str, row: str, rows: Sequence[Iterable[object]]) -> None:
    """Insert rows into a table with its columns, by few statements; `row` is the values of one, with a ? for each
    that is given."""
    for_rows(connection, f"INSERT INTO {table} VALUES {{rows}}", row, rows)


def for_rows(
    connection: sqlite3.Connection, statement: str, row: str, rows: Sequence[Iterable[object]]
) -> list[tuple[Any, ...]]:
    """Do something with these rows, by few statements, and return what it finds; `{rows}` stands for them.

    A statement for each row would let go of the interpreter's lock each time.  One that takes them apart from JSON does
    twice the work where there is one row (measured), and there nearly always is.
    """
    found, done = [], 0
    while rest := len(rows) - done:
        # By powers of two, so that few statements are ever compiled.
        count = min(1 << rest.bit_length() - 1, _ROWS)
        values = list(chain.from_iterable(rows[done : done + count]))
        found += connection.execute(_with_rows(statement, row, count), values).fetchall()
        done += count
    return found


_ROWS = 256
"""With nine values each, far below the 32 766 that SQLite takes."""


@cache
def _with_rows(statement: str, row: str, count: int) -> str:
    """The statement for so many rows."""
    return statement.format(rows=", ".join([row] * count))


def reason(error: sqlite3.Error) -> Sentence:
    """Why SQLite could not do it, in a few words."""
    # The lowest byte is the kind of error, the others say more.
    return _REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, say("{error}", error=error))
