"""The search index, which is made late: a line that is stored writes nothing of it.

`logs.indexed` says up to which number a log's entries are in it; what is behind is read as it is (`queries`).  So an
index row never waits in anybody's way, and a database whose index was made otherwise begins anew at 0.
"""

import sqlite3
from collections.abc import Iterable

from chat.base import limits
from chat.base.folding import FOLDING, folded
from chat.store.sqlite.connection import insert, transaction
from chat.store.sqlite.rows import SEQ_BITS, SEQ_MOST


def check_folding(connection: sqlite3.Connection) -> None:
    """Where the index was made by another folding, or does not fit its entries, begin it anew."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'search_made_by'").fetchone():
        return  # the schema of an older version was asked for
    with transaction(connection):
        if connection.execute("SELECT folding FROM search_made_by").fetchall() != [(FOLDING,)]:
            connection.execute("INSERT INTO search (search) VALUES ('delete-all')")
            connection.execute("UPDATE logs SET indexed = 0")
            connection.execute("DELETE FROM search_made_by")
            connection.execute("INSERT INTO search_made_by VALUES (?)", (FOLDING,))


class Indexing:
    """What the writer's thread does when it has nothing else to do, a step at a time."""

    def __init__(self) -> None:
        self._behind: dict[str, None] | None = None
        self._new = 0

    def note(self, keys: Iterable[str], rows: int) -> None:
        """These logs have that many new entries."""
        if self._behind is not None:
            self._behind.update(dict.fromkeys(keys))
        self._new += rows

    def wanted(self) -> float | None:
        """In how many seconds a step is due if nothing else comes, 0 at once; None if nothing is left to do."""
        if self._new >= limits.INDEX_ROWS:
            return 0
        if self._new:
            return limits.INDEX_IDLE_SECONDS
        return limits.INDEX_PAUSE_SECONDS if self._behind or self._behind is None else None

    def step(self, connection: sqlite3.Connection) -> None:
        """Index `INDEX_ROWS` entries at most, in one transaction."""
        self._new = 0
        if self._behind is None:
            rows = connection.execute(
                # What is damaged and set aside may have anything for a head.
                "SELECT key FROM logs WHERE indexed < head AND typeof(head) = 'integer' ORDER BY id"
            )
            self._behind = dict.fromkeys(key for (key,) in rows)
        if not self._behind:
            return
        done, left = [], limits.INDEX_ROWS
        with transaction(connection):
            for key in self._behind:
                left -= _index(connection, key, left)
                if left <= 0:
                    break
                done.append(key)
                if len(done) >= limits.TRIM_LOGS:
                    break
        for key in done:
            del self._behind[key]


def _index(connection: sqlite3.Connection, key: str, most: int) -> int:
    """Index so many of a log's entries at most; returns how many that were."""
    log = connection.execute("SELECT id, indexed, head FROM logs WHERE key = ?", (key,)).fetchone()
    if log is None:
        return 0
    id, indexed, head = log
    rows = connection.execute(
        """
        SELECT id, text FROM entries INDEXED BY said WHERE text IS NOT NULL AND id > ? AND id <= ?
        ORDER BY id LIMIT ?
        """,
        ((id << SEQ_BITS) + indexed, (id << SEQ_BITS) + min(head, SEQ_MOST), most),
    ).fetchall()
    insert(connection, "search (rowid, text)", "(?, ?)", [(place, folded(text)) for place, text in rows])
    mark = head if len(rows) < most else rows[-1][0] & SEQ_MOST
    connection.execute("UPDATE logs SET indexed = ? WHERE id = ?", (mark, id))
    return len(rows)


def unindex(connection: sqlite3.Connection, log: int, first: int, last: int) -> None:
    """Take a log's entries of these ids out of the index, those that are in it."""
    (indexed,) = connection.execute("SELECT indexed FROM logs WHERE id = ?", (log,)).fetchone()
    rows = connection.execute(
        "SELECT id, text FROM entries INDEXED BY said WHERE text IS NOT NULL AND id BETWEEN ? AND ?",
        (first, min(last, (log << SEQ_BITS) + indexed)),
    ).fetchall()
    gone = [(place, folded(text)) for place, text in rows]
    insert(connection, "search (search, rowid, text)", "('delete', ?, ?)", gone)
