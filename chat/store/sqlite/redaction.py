"""Lines that are taken back go from the file: from their rows, from the search index, and from what SQLite leaves over.

SQLite overwrites what it frees (`secure_delete`, which the writer has on: a row that is removed, a page that is not
used any more).  It leaves copies in the unused part of a page whose rows it divides among its neighbours: of one line
in ten without that setting, of one in a thousand with it (measured, 20 000 lines in 50 rooms).  So the rows around a
line are written anew with it, to other pages, and afterwards the file is looked through for what is still left.

The search index is made of segments, to which a removal is only added: the words go when all of them are merged.  And
what was written stands in the write-ahead file until that begins anew.  All this is done when nobody asks for anything.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from time import monotonic

from chat.base import limits
from chat.base.named_tuples import NamedTuple
from chat.core.ports import Redaction
from chat.log.events import Entry
from chat.log.redaction import emptied
from chat.store.rows import COLUMNS, SAID_KINDS, SEQ_BITS, entry, values
from chat.store.sqlite.connection import insert, transaction
from chat.store.sqlite.indexing import unindex
from chat.store.sqlite.statements import ENTRY_SIZE, WRITTEN

_ROW = "id, at, kind, person, session, nick, text, details, other"


def take_back(connection: sqlite3.Connection, redactions: Sequence[Redaction]) -> list[str]:
    """Within a transaction: what these lines said goes, and the rows stay; returns what they said."""
    texts = []
    for key, targets in redactions:
        log = connection.execute("SELECT id FROM logs WHERE key = ?", (key,)).fetchone()
        if log is not None:
            texts += [text for seq in targets if (text := _empty(connection, log[0], key, seq)) is not None]
            for first, last in stretches([(log[0] << SEQ_BITS) + seq for seq in sorted(targets)]):
                write_anew(connection, first, last)
    connection.execute("INSERT INTO scrubbing VALUES (1)")
    return texts


def _empty(connection: sqlite3.Connection, log: int, key: str, seq: int) -> str | None:
    """Returns what the line said, None where there is none."""
    place = (log << SEQ_BITS) + seq
    row = connection.execute(
        f"SELECT {ENTRY_SIZE}, text, {COLUMNS} FROM entries WHERE id = ? AND kind IN ({SAID_KINDS})", (place,)
    ).fetchone()
    if row is None:
        return None
    size, text, *said = row
    rewrite(connection, log, key, emptied(entry(said)), size, was_said=True)
    return str(text)


def rewrite(connection: sqlite3.Connection, log: int, key: str, after: Entry, size: int, was_said: bool) -> None:
    """Let an entry be this one, which took so many bytes before; `was_said`: it was a line, and is none any more."""
    place = (log << SEQ_BITS) + after.seq
    (_, *columns) = values(log, key, after)
    if was_said:
        unindex(connection, log, place, place)
    connection.execute(
        "UPDATE entries SET (at, kind, person, session, nick, text, details, other) = (?, ?, ?, ?, ?, ?, ?, ?) "
        "WHERE id = ?",
        (*columns, place),
    )
    connection.execute(
        f"""
        UPDATE logs SET said = said - ?, size = max(0, size - ? + (SELECT {ENTRY_SIZE} FROM entries WHERE id = ?))
        WHERE id = ?
        """,
        (was_said, size, place, log),
    )


def stretches(ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of these entries, in their order, those together that are near to each other."""
    first = 0
    for place in range(1, len(ids) + 1):
        if place == len(ids) or ids[place] - ids[place - 1] > limits.WRITTEN_ANEW:
            yield ids[first], ids[place - 1]
            first = place


def write_anew(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Write these rows and those around them, whatever logs they are of, to other pages."""
    around = limits.WRITTEN_ANEW
    (start,) = connection.execute(
        "SELECT min(id) FROM (SELECT id FROM entries WHERE id <= ? ORDER BY id DESC LIMIT ?)", (first, around + 1)
    ).fetchone()
    (end,) = connection.execute(
        "SELECT max(id) FROM (SELECT id FROM entries WHERE id >= ? ORDER BY id LIMIT ?)", (last, around + 1)
    ).fetchone()
    if start is not None and end is not None:
        rows = connection.execute(f"SELECT {_ROW} FROM entries WHERE id BETWEEN ? AND ? ORDER BY id", (start, end))
        kept = rows.fetchall()
        connection.execute("DELETE FROM entries WHERE id BETWEEN ? AND ?", (start, end))
        insert(connection, *WRITTEN, kept)


class Scrubbing:
    """(Spare) After redactions, a step at a time: merge the search index, begin the write-ahead file anew, look through
    the database, and where something is left, write what is around it anew and look again."""

    def __init__(self, path: Path, seconds: Callable[[], float] = monotonic) -> None:
        self._path = path
        self._file: FileIO | None = None
        self._seconds = seconds
        self._due_since = self._stepped_at = seconds()
        self._texts: set[bytes] | None = None
        """Parts of what was taken back since the file was looked through; None where that is not known, as after a
        start, or too much."""
        self._due: bool | None = None
        """None: it is not known whether the last run had done all."""
        self._merging = False
        self._looked_at: int | None = None
        """Up to which byte of the file, None while it is not looked through."""
        self._noted = False
        """Whether anything was taken back since that began."""
        self._found = self._rounds = 0

    def note(self, texts: Sequence[str]) -> None:
        """This was taken back."""
        for text in texts:
            if self._texts is not None:
                self._texts.update(_parts(text.encode()))
                if len(self._texts) > limits.LOOKED_FOR_MOST:
                    self._texts = None
        if self._due is False:
            self._due_since = self._seconds()
        self._due, self._merging, self._noted, self._rounds = True, False, True, 0

    def wanted(self) -> float | None:
        """In how many seconds a step is due if nothing else comes; None if nothing is left to do.

        Where something comes all the time, steps are done in between after a while.
        """
        if self._due is False:
            return None
        pause = limits.INDEX_PAUSE_SECONDS if self._merging or self._looked_at is not None else limits.SCRUB_SECONDS
        now = self._seconds()
        if now - self._due_since < limits.SCRUB_WAITS_SECONDS:
            return pause
        return min(pause, max(0, self._stepped_at + limits.SCRUB_SECONDS - now))

    def step(self, connection: sqlite3.Connection) -> None:
        """Do what comes next; where somebody reads the write-ahead file just now, that is tried again later."""
        self._stepped_at = self._seconds()
        if self._looked_at is not None:
            self._looked_at = self._look(connection, self._looked_at)
            if self._looked_at is None:
                self._looked_through(connection)
        elif not connection.execute("SELECT 1 FROM scrubbing LIMIT 1").fetchone():
            self._done()
        elif not self._merge(connection) and _begun_anew(connection):
            self._looked_at, self._found, self._noted = 0, 0, False

    def _merge(self, connection: sqlite3.Connection) -> bool:
        """Merge a portion of the index; returns whether there was anything to merge."""
        pages = limits.MERGED_PAGES if self._merging else -limits.MERGED_PAGES  # which begins with all segments
        before = connection.total_changes
        with transaction(connection):
            connection.execute("INSERT INTO search (search, rank) VALUES ('merge', ?)", (pages,))
        self._merging = connection.total_changes - before >= _WORKED
        return self._merging

    def _look(self, connection: sqlite3.Connection, start: int) -> int | None:
        """Look through a portion of the file from there; returns where the next one begins, None at the end."""
        ends_at = self._seconds() + limits.LOOKED_SECONDS
        size: int
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        if self._file is None:
            self._file = FileIO(self._path)  # without a buffer, which would show what was there before
        self._file.seek(start)
        data = self._file.read(limits.LOOKED_THROUGH)
        for place in range(0, len(data) - size + 1, size):
            page = data[place : place + size]
            if self._is_left(_unused(page)) and _holds(connection, *(rows := _rows(page))):
                self._found += 1
                with transaction(connection):
                    write_anew(connection, rows.first, rows.last)
            if self._seconds() >= ends_at:
                return start + place + size
        return start + len(data) - len(data) % size if len(data) == limits.LOOKED_THROUGH else None

    def _is_left(self, unused: bytes) -> bool:
        """Whether anything of what was taken back is in there; where that is not known, anything at all."""
        if not unused or self._texts is None:
            return bool(unused)
        length = limits.LOOKED_FOR
        # One after the other, so that what it costs does not depend on how much was taken back.
        return not self._texts.isdisjoint(unused[at : at + length] for at in range(len(unused) - length + 1))

    def _looked_through(self, connection: sqlite3.Connection) -> None:
        """All is done, unless something was found, or taken back meanwhile."""
        self._rounds += 1
        # What others say alike may be found for ever.
        if not self._noted and (not self._found or self._rounds == limits.SCRUB_ROUNDS):
            with transaction(connection):
                connection.execute("DELETE FROM scrubbing")
            _begun_anew(connection)
            self._done()

    def _done(self) -> None:
        self._due, self._texts = False, set()

    def close(self) -> None:
        """Nothing is looked at any more, and no connection of this process has the database open.

        To close a file takes from the process all the locks that it has on it, also those of SQLite's: another program
        would then take itself for the last one, and remove the write-ahead file with what stands there.
        """
        if self._file is not None:
            self._file.close()


_WORKED = 2
"""Changes of a merge that did something, as SQLite's documentation says."""


class _Rows(NamedTuple):
    """The ids between which all rows of a page are, and how many these are."""

    first: int
    last: int
    held: int


def _parts(text: bytes) -> Sequence[bytes]:
    """By what a text is known, or what is left of its copy; a word that anybody may say anywhere is not looked for."""
    middle = len(text) // 2
    length = limits.LOOKED_FOR
    return [part for part in (text[:length], text[middle : middle + length], text[-length:]) if len(part) == length]


def _unused(page: bytes) -> bytes:
    """If this is a page of a table's rows: what is left in it where no row is; SQLite has overwritten nearly all of
    that with zeros.

    Its format: https://www.sqlite.org/fileformat2.html#b_tree_pages
    """
    count, content = int.from_bytes(page[3:5]), int.from_bytes(page[5:7])
    return page[_HEADER + 2 * count : content].strip(b"\0") if page[0] == _LEAF_OF_TABLE and count else b""


def _rows(page: bytes) -> _Rows:
    """The rows of such a page."""
    count = int.from_bytes(page[3:5])
    first, last = (int.from_bytes(page[place : place + 2]) for place in (_HEADER, _HEADER + 2 * count - 2))
    return _Rows(_id(page, first), _id(page, last), count)


_HEADER = 8
_LEAF_OF_TABLE = 13


def _id(page: bytes, cell: int) -> int:
    """The id of the row that begins there, behind its size: numbers of up to nine bytes, of which seven bits count."""
    while page[cell] & 0x80:
        cell += 1
    id = 0
    for place in range(cell + 1, cell + 10):
        if place == cell + 9:
            return id << 8 | page[place]
        id = id << 7 | page[place] & 0x7F
        if not page[place] & 0x80:
            break
    return id


def _holds(connection: sqlite3.Connection, first: int, last: int, held: int) -> bool:
    """Whether these are rows of entries, and as they were."""
    query = "SELECT count(*) FROM (SELECT 1 FROM entries WHERE id BETWEEN ? AND ? LIMIT ?)"
    return bool(connection.execute(query, (first, last, held + 1)).fetchone() == (held,))


def _begun_anew(connection: sqlite3.Connection) -> bool:
    """Write all of the write-ahead file into the database, and leave none of it; False where somebody reads it now."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {limits.LOCKED_SECONDS * 1000:.0f}")
    return not busy
