"""What is no longer kept goes, a step at a time (`chat.store.retention`): of SQLite's file."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from chat.base import limits
from chat.store.keep import Keep, Size
from chat.store.retention import EARLIEST_STORED, Log, Trimmed, before, judge
from chat.store.rows import microseconds
from chat.store.sqlite import largest
from chat.store.sqlite.connection import transaction
from chat.store.sqlite.indexing import unindex
from chat.store.sqlite.statements import ENTRY_SIZE, SAID, UNLISTED


def due(connection: sqlite3.Connection, keep: Keep, now: datetime) -> int:
    """About how many lines people said must go; private talk stands in two logs and is counted once."""
    if keep is None:
        return 0
    if isinstance(keep, Size):
        query = "SELECT coalesce(sum(said / iif(key LIKE '@%', 2.0, 1)), 0) FROM logs"
        (lines,) = connection.execute(query).fetchone()
        lines *= largest.due(connection, keep)
    elif isinstance(keep, int):
        query = "SELECT coalesce(sum((said - :keep) / iif(key LIKE '@%', 2.0, 1)), 0) FROM logs WHERE said > :keep"
        (lines,) = connection.execute(query, {"keep": keep}).fetchone()
    else:
        query = f"""
            SELECT coalesce(sum(iif(key LIKE '@%', 0.5, 1)), 0) FROM (
                SELECT key FROM logs CROSS JOIN said_by_date ON log = logs.id AND at < :before
                UNION ALL SELECT key FROM {UNLISTED} AND at < :before
            )
        """
        (lines,) = connection.execute(query, {"before": before(keep, now)}).fetchone()
    return int(lines)


def trim(connection: sqlite3.Connection, keep: Keep, now: datetime, line_ids: "LineIds") -> Trimmed:
    """One step, in one transaction; no rows went when nothing is left to do."""
    rows, lines = 0, 0.0
    undated: list[str] = []
    with transaction(connection):
        rows += line_ids.trim(connection, now)
        seen = []
        shares = {share.log: share for share in largest.shares(connection, keep)} if isinstance(keep, Size) else {}
        for log in _logs(connection, list(shares)) if shares else _overdue(connection, keep, now):
            if rows >= limits.TRIM_ROWS:
                break
            last = None
            if isinstance(keep, Size):
                last = largest.last_of_share(connection, shares[log.id])
            elif isinstance(keep, int):
                last = _last_of_too_many(connection, log, keep)
            elif keep is not None:
                last = _last_of_too_old(connection, log, before(keep, now), microseconds(now), undated)
            if last is not None:
                gone = _take_away(connection, log, last, limits.TRIM_ROWS - rows, microseconds(now))
                rows, lines = rows + gone[0], lines + gone[1]
            seen.append(log.id)
        _forget_logs(connection, seen)
    return Trimmed(rows, lines, undated)


class LineIds:
    """The ids of lines that are too old to come again.  They stand in no order of time, so a portion is looked through
    after the other, and each goes on behind the last."""

    def __init__(self) -> None:
        self._behind = "", ""

    def trim(self, connection: sqlite3.Connection, now: datetime) -> int:
        """Take away those of a portion; returns how many."""
        before = microseconds(now - timedelta(seconds=limits.LINE_ID_SECONDS))
        found = connection.execute(
            "SELECT person, id, at < ? FROM line_ids WHERE (person, id) > (?, ?) ORDER BY person, id LIMIT ?",
            (before, *self._behind, limits.LINE_IDS_LOOKED_AT),
        ).fetchall()
        old = [(person, id) for person, id, is_old in found if is_old][: limits.TRIM_ROWS]
        if not old:
            self._behind = found[-1][:2] if len(found) == limits.LINE_IDS_LOOKED_AT else ("", "")
            return 0
        behind, self._behind = self._behind, old[-1]
        return connection.execute(
            "DELETE FROM line_ids WHERE (person, id) > (?, ?) AND (person, id) <= (?, ?) AND at < ?",
            (*behind, *self._behind, before),
        ).rowcount


def _overdue(connection: sqlite3.Connection, keep: Keep, now: datetime) -> list[Log]:
    """Some logs from which something must go, or whose first entry has a date that cannot be right."""
    if isinstance(keep, timedelta):
        query = f"""
            SELECT * FROM (SELECT {_COLUMNS} FROM logs WHERE oldest < ? AND undated < head ORDER BY oldest LIMIT ?)
            UNION SELECT * FROM (SELECT {_COLUMNS} FROM logs WHERE oldest > ? AND undated < head LIMIT ?)
        """
        values = (max(before(keep, now), EARLIEST_STORED), limits.TRIM_LOGS, microseconds(now), limits.TRIM_LOGS)
        return [Log(*row) for row in connection.execute(query, values)]
    if isinstance(keep, int):
        query = f"SELECT {_COLUMNS} FROM logs WHERE said > ? LIMIT ?"
        return [Log(*row) for row in connection.execute(query, (keep, limits.TRIM_LOGS))]
    return []


def _logs(connection: sqlite3.Connection, ids: Sequence[int]) -> list[Log]:
    """These logs, in this order."""
    query = f"SELECT {_COLUMNS} FROM json_each(?) AS row CROSS JOIN logs ON logs.id = row.value ORDER BY row.key"
    return [Log(*row) for row in connection.execute(query, (json.dumps(ids),))]


_COLUMNS = "logs.id, name, said, coalesce(gone, 0)"


def _last_of_too_many(connection: sqlite3.Connection, log: Log, keep: int) -> int | None:
    """The last id before the first line that stays, or before one that may go later: what others did goes with it."""
    first, last = log.ids
    (listed,) = connection.execute("SELECT listed FROM logs WHERE id = ?", (log.id,)).fetchone()
    row = connection.execute(
        f"{SAID} ORDER BY id LIMIT 1 OFFSET :skipped",
        {"first": first, "last": last, "listed": first + listed, "skipped": min(log.said - keep, limits.TRIM_ROWS)},
    ).fetchone()
    return None if row is None else int(row[0]) - 1


def _last_of_too_old(connection: sqlite3.Connection, log: Log, before: int, now: int, undated: list[str]) -> int | None:
    """The id of the last entry of a step that must go; where none must, the log's age is noted, or that it has none."""
    first, end = log.ids
    rows = connection.execute(
        "SELECT id, at FROM entries WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?", (first, end, limits.TRIM_ROWS)
    ).fetchall()

    def following(behind: int, latest: int) -> int | None:
        row = connection.execute(
            """
            SELECT at FROM (SELECT id, at FROM entries WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?)
            WHERE at BETWEEN ? AND ? ORDER BY id LIMIT 1
            """,
            (behind + 1, end, limits.DOUBTED_ROWS, latest, now),
        ).fetchone()
        return None if row is None else int(row[0])

    last, age = judge(rows, log, before, now, following)
    if last is None:
        if rows and age is None:
            undated.append(log.name)
        connection.execute(
            "UPDATE logs SET oldest = iif(?, coalesce(?, oldest), NULL), undated = iif(?, head, 0) WHERE id = ?",
            (bool(rows), age, bool(rows) and age is None, log.id),
        )
    return last


def _take_away(connection: sqlite3.Connection, log: Log, last: int, most: int, now: int) -> tuple[int, float]:
    """Take away a log's entries up to this one, or so many; returns how many, and how many lines that were."""
    first, end = log.ids
    rows, said, others, size, last, latest = connection.execute(
        f"""
        SELECT count(*), count(text), count(other), coalesce(sum({ENTRY_SIZE}), 0), max(id),
            max(iif(at BETWEEN {EARLIEST_STORED} AND :now, at, NULL))
        FROM (SELECT id, at, text, other FROM entries WHERE id BETWEEN :first AND :last ORDER BY id LIMIT :most)
        """,
        {"first": first, "last": last, "most": most, "now": now},
    ).fetchone()
    unindex(connection, log.id, first, last)
    connection.execute("DELETE FROM entries WHERE id BETWEEN ? AND ?", (first, last))
    row = connection.execute("SELECT at FROM entries WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1", (first, end))
    (oldest,) = row.fetchone() or (None,)
    connection.execute(
        "UPDATE logs SET oldest = ?, said = said - ?, size = max(0, size - ?), gone = ?, undated = 0 WHERE id = ?",
        (oldest, said, size, max(latest or 0, log.gone) or None, log.id),
    )
    return rows, said - others / 2


def _forget_logs(connection: sqlite3.Connection, logs: Sequence[int]) -> None:
    """Forget those that are empty now and belong to somebody who cannot come back."""
    if logs:
        connection.execute(
            """
            DELETE FROM logs WHERE id IN (SELECT value FROM json_each(?))
                AND oldest IS NULL AND key LIKE '@%' AND key NOT IN (SELECT key FROM own_logs)
            """,
            (json.dumps(logs),),
        )
