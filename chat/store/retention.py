"""What is no longer kept: the oldest entries of each log, a step at a time, and the line ids of yesterday."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from chat import limits
from chat.store.connection import transaction
from chat.store.rows import SEQ_BITS, SEQ_MOST, microseconds

Keep = timedelta | int | None
"""How long entries are kept, or how many of each log; None is all of them, for ever."""

_FOREVER = (1 << 63) - 1


def parse_keep(text: str) -> Keep:
    """`all`, `30d` or `100000`; raises `ValueError` with what would be right."""
    if text == "all":
        return None
    number = text.removesuffix("d")
    most = limits.KEEP_MOST if number == text else limits.KEEP_DAYS_MOST
    if not (number.isascii() and number.isdecimal() and 0 < int(number) <= most):
        raise ValueError(f"{text!r} is neither all, nor days such as 30d, nor lines of each room such as 100000.")
    return int(number) if number == text else timedelta(days=int(number))


def trim(connection: sqlite3.Connection, keep: Keep, now: datetime) -> int:
    """One step, in one transaction; returns how many rows went, 0 when nothing is left to do."""
    with transaction(connection):
        gone = connection.execute(
            "DELETE FROM line_ids WHERE at < ? AND number IN (SELECT number FROM line_ids ORDER BY number LIMIT ?)",
            (microseconds(now - timedelta(seconds=limits.LINE_ID_SECONDS)), limits.TRIM_ROWS),
        ).rowcount
        before = microseconds(now - keep) if isinstance(keep, timedelta) else _FOREVER
        overdue = _overdue(connection, keep, before)
        for log, head in overdue:
            last = head - keep if isinstance(keep, int) else SEQ_MOST
            gone += _trim_log(connection, log, last, before, limits.TRIM_ROWS - gone)
        _forget_logs(connection, [log for log, _ in overdue])
    return gone


def _overdue(connection: sqlite3.Connection, keep: Keep, before: int) -> list[tuple[int, int]]:
    """Some logs with entries that must go, and their heads."""
    if isinstance(keep, timedelta):
        query = "SELECT id, head FROM logs WHERE oldest < ? ORDER BY oldest LIMIT ?"
        return connection.execute(query, (before, limits.TRIM_LOGS)).fetchall()
    if isinstance(keep, int):
        query = "SELECT id, head FROM logs WHERE oldest IS NOT NULL AND head - first >= ? LIMIT ?"
        return connection.execute(query, (keep, limits.TRIM_LOGS)).fetchall()
    return []


def _trim_log(connection: sqlite3.Connection, log: int, last: int, before: int, most: int) -> int:
    """Take away a log's oldest entries up to a number, but none from a date on or behind such a one."""
    beginning = log << SEQ_BITS
    rows = connection.execute(
        "SELECT id, at FROM entries WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?", (beginning, beginning + last, most)
    ).fetchall()
    old = [id for id, _ in takewhile(lambda row: row[1] < before, rows)]
    if old:
        connection.execute("DELETE FROM entries WHERE id BETWEEN ? AND ?", (beginning, old[-1]))
    first, oldest = connection.execute(
        "SELECT min(seq), at FROM (SELECT seq, at FROM entries WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1)",
        (beginning, beginning + SEQ_MOST),
    ).fetchone()
    connection.execute("UPDATE logs SET first = coalesce(?, first), oldest = ? WHERE id = ?", (first, oldest, log))
    return len(old)


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
