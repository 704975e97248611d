"""Which entries go where the database may hold only so much: the oldest ones of the largest logs.

Not the oldest of all: who fills a room would so take away what was said in all the others, and a small room's years
are worth more than their bytes.  And not by dates, which can be wrong.  What counts is what the entries take, roughly:
the pages that are in use do not tell, for what is taken out of the search index makes it larger at first, and most of
the talk would go (measured: of half that was to go, four fifths).  The file itself does not get smaller; its free pages
are written to again.
"""

import sqlite3

from chat.base import limits
from chat.store import retention
from chat.store.keep import Size
from chat.store.retention import Share
from chat.store.rows import SEQ_BITS, SEQ_MOST
from chat.store.sqlite.statements import ENTRY_SIZE


def due(connection: sqlite3.Connection, keep: Size) -> float:
    """Which part of all that is held must go."""
    (total,) = connection.execute("SELECT coalesce(sum(size), 0) FROM logs").fetchone()
    return max(0, total - keep.bytes) / total if total else 0.0


def shares(connection: sqlite3.Connection, keep: Size) -> list[Share]:
    """What goes in one step: of the largest log a quarter, and of others what they have beyond the rest of it."""
    # All logs are looked through, 20 ms where there are 200 000: an index of sizes would cost each line a page.
    total, largest = connection.execute("SELECT coalesce(sum(size), 0), coalesce(max(size), 0) FROM logs").fetchone()
    stays, left = largest * 3 / 4, min(total - keep.bytes, limits.TRIM_BYTES)
    rows = connection.execute(
        "SELECT id, size FROM logs WHERE size > ? ORDER BY size DESC LIMIT ?", (stays, limits.TRIM_LOGS)
    )
    return retention.shares(rows, stays, left)


def last_of_share(connection: sqlite3.Connection, share: Share) -> int | None:
    """The id of the last entry that has to go; of a log one at least, if it has any."""
    first = share.log << SEQ_BITS
    rows = connection.execute(
        f"SELECT id, {ENTRY_SIZE} FROM entries WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
        (first, first + SEQ_MOST, limits.TRIM_ROWS),
    )
    return retention.last_of_share(rows, share)
