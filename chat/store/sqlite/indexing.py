"""The search index, and the lists of what people said, `said` and `said_by_date`: they are made late, of many lines at
once, and a line that is stored writes nothing of them.

`logs.indexed` says up to which number a log's entries are in the index, and `logs.listed` up to which they are in the
lists; what is behind is read as it is (`queries`).  So an index row never waits in anybody's way, and a database whose
index was made otherwise begins anew at 0.
"""

import json
import sqlite3
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from chat.base import limits
from chat.base.folding import FOLDING, SIGNS_OF_ASCII, folded
from chat.base.named_tuples import NamedTuple
from chat.core.ports import Appended
from chat.log.events import Entry, Said
from chat.store.rows import SEQ_BITS, SEQ_MOST, as_json
from chat.store.sqlite.connection import insert, transaction


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


def _is_ascii(text: str) -> bool:
    """Whether it is stored in ASCII."""
    return text.isascii() and "\0" not in text


@dataclass(slots=True)
class _Known:
    """What the entries of a log behind this number hold; of those before it nothing is known."""

    behind: int
    signs: set[str] = field(default_factory=set)
    beyond_ascii: list[int] = field(default_factory=list)


class Indexing:
    """What the writer's thread does when it has nothing else to do, a step at a time."""

    def __init__(self) -> None:
        self._behind: dict[str, None] | None = None
        self._known: dict[str, _Known] = {}
        self._noted: list[Appended] = []
        """What was stored and not looked at: their texts are in memory as long."""
        self._noted_rows = 0
        self._new = 0

    def note(self, appended: Sequence[Appended]) -> None:
        """These were stored.  What is in them is looked at later, of many at once: a line is not to wait for it."""
        rows = sum([len(log.entries) for log in appended if log.recorded])
        self._noted += [log for log in appended if log.recorded]
        self._noted_rows += rows
        self._new += rows
        if self._noted_rows >= limits.INDEX_NOTED:
            self._look_into_noted()

    def _look_into_noted(self) -> None:
        noted, self._noted, self._noted_rows = self._noted, [], 0
        by_log: dict[str, list[Entry]] = {}
        for log in noted:
            by_log.setdefault(log.key, []).extend(log.entries)
        if self._behind is not None:
            self._behind.update(dict.fromkeys(by_log))
        for key, entries in by_log.items():
            said = [(entry.seq, entry.fact.text) for entry in entries if isinstance(entry.fact, Said)]
            whole = "".join([text for _, text in said])
            known = self._known.setdefault(key, _Known(entries[0].seq - 1))
            known.signs.update([sign for sign in SIGNS_OF_ASCII if sign in whole])
            if not _is_ascii(whole):
                known.beyond_ascii += [seq for seq, text in said if not _is_ascii(text)]
            if len(known.beyond_ascii) > limits.INDEX_KNOWN:
                self._known[key] = _Known(entries[-1].seq)

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
        self._look_into_noted()
        if self._behind is None:
            rows = connection.execute(
                # What is damaged and set aside may have anything for a head.
                "SELECT key FROM logs WHERE indexed < head AND typeof(head) = 'integer' ORDER BY id"
            )
            self._behind = dict.fromkeys(key for (key,) in rows)
        if not self._behind:
            return
        marks: dict[str, _Mark] = {}
        left = limits.INDEX_ROWS
        with transaction(connection):
            for key in self._behind:
                marks[key] = mark = _index(connection, key, self._known.get(key), left)
                left -= mark.rows
                if left <= 0 or len(marks) >= limits.TRIM_LOGS:
                    break
        for key, mark in marks.items():
            if mark.at_end:
                del self._behind[key]
                self._known.pop(key, None)
            elif (known := self._known.get(key)) and known.behind < mark.seq:
                known.behind = mark.seq
                del known.beyond_ascii[: bisect_right(known.beyond_ascii, mark.seq)]


class _Mark(NamedTuple):
    """Up to where a log is indexed, whether that is its end, and how many entries that took."""

    seq: int
    at_end: bool
    rows: int


_SAID = """
    SELECT id, text FROM entries WHERE text IS NOT NULL AND id > ? AND id <= ? ORDER BY id LIMIT ?
"""

_SOME = "SELECT id, text FROM entries WHERE text IS NOT NULL AND id IN (SELECT value FROM json_each(?))"


@cache
def _insertion(signs: str, folded: bool) -> str:
    """The statement that indexes what was said between two ids, all of it in ASCII and with these signs only; or
    `folded` for what is not, which comes as JSON.

    The tokenizer does the rest that `folding.folded` does with ASCII.  In the order of the ids, for the index writes
    itself out each time that it is given a lower one than before.
    """
    text = "text"
    for sign in signs:
        text = f"replace({text}, '{sign}', ' {sign} ')"
    ascii = f"SELECT id, {text} FROM entries WHERE text IS NOT NULL AND id > :first AND id <= :last"
    if folded:
        ascii += """
            AND id NOT IN (SELECT json_extract(value, '$[0]') FROM json_each(:folded))
            UNION ALL SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:folded)
        """
    return f"INSERT INTO search (rowid, text) {ascii} ORDER BY 1"


def _index(connection: sqlite3.Connection, key: str, known: _Known | None, most: int) -> _Mark:
    """Index so many of a log's entries at most."""
    log = connection.execute("SELECT id, indexed, listed, head FROM logs WHERE key = ?", (key,)).fetchone()
    if log is None:
        return _Mark(0, True, 0)
    id, indexed, listed, head = log
    first = (id << SEQ_BITS) + indexed
    if known is not None and known.behind <= indexed:
        seq = min(head, indexed + most)
        mark = _Mark(seq, seq == head, seq - indexed)
        _index_known(connection, first, first + mark.rows, known)
    else:
        rows = connection.execute(_SAID, (first, (id << SEQ_BITS) + min(head, SEQ_MOST), most)).fetchall()
        insert(connection, "search (rowid, text)", "(?, ?)", [(place, folded(text)) for place, text in rows])
        at_end = len(rows) < most
        mark = _Mark(head if at_end else rows[-1][0] & SEQ_MOST, at_end, len(rows))
    _list(connection, (id << SEQ_BITS) + listed, (id << SEQ_BITS) + min(mark.seq, SEQ_MOST))
    connection.execute("UPDATE logs SET indexed = ?, listed = ? WHERE id = ?", (mark.seq, max(listed, mark.seq), id))
    return mark


def _list(connection: sqlite3.Connection, first: int, last: int) -> None:
    """List what was said behind the one id up to the other."""
    said = "FROM entries WHERE text IS NOT NULL AND id > ? AND id <= ?"
    connection.execute(f"INSERT INTO said SELECT id {said}", (first, last))
    connection.execute(f"INSERT INTO said_by_date SELECT log, at, id {said}", (first, last))


def _index_known(connection: sqlite3.Connection, first: int, last: int, known: _Known) -> None:
    """Index the entries behind the one id up to the other; only what is not in ASCII leaves SQLite for it."""
    log = first & ~SEQ_MOST
    beyond = [log + seq for seq in known.beyond_ascii if first < log + seq <= last]
    rows = connection.execute(_SOME, (json.dumps(beyond),)).fetchall() if beyond else []
    texts = as_json([[place, folded(text)] for place, text in rows])
    statement = _insertion("".join(sorted(known.signs)), bool(rows))
    connection.execute(statement, {"first": first, "last": last, "folded": texts})


def unindex(connection: sqlite3.Connection, log: int, first: int, last: int) -> None:
    """Take a log's entries of these ids out of the index and the lists, those that are in them; before they go."""
    (indexed,) = connection.execute("SELECT indexed FROM logs WHERE id = ?", (log,)).fetchone()
    rows = connection.execute(
        "SELECT id, text FROM entries WHERE text IS NOT NULL AND id BETWEEN ? AND ?",
        (first, min(last, (log << SEQ_BITS) + indexed)),
    ).fetchall()
    gone = [(place, folded(text)) for place, text in rows]
    insert(connection, "search (search, rowid, text)", "('delete', ?, ?)", gone)
    connection.execute("DELETE FROM said WHERE id BETWEEN ? AND ?", (first, last))
    connection.execute(
        """
        DELETE FROM said_by_date WHERE (log, at, id) IN (SELECT log, at, id FROM entries WHERE id BETWEEN ? AND ?)
        """,
        (first, last),
    )
