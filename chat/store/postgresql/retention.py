"""What is no longer kept goes, a step at a time (`chat.store.retention`): of a database of PostgreSQL."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from chat.base import limits
from chat.store.keep import Keep, Size
from chat.store.postgresql.connection import Link
from chat.store.retention import EARLIEST_STORED, Log, Share, Trimmed, before, judge, last_of_share, shares
from chat.store.rows import microseconds

_HALF_OF_PRIVATE = "CASE WHEN key LIKE '@%' THEN 2.0 ELSE 1 END"


def due(link: Link, keep: Keep, now: datetime) -> int:
    """About how many lines people said must go; private talk stands in two logs and is counted once."""
    if keep is None:
        return 0
    if isinstance(keep, Size):
        lines, size = link.ask(f"SELECT coalesce(sum(said / {_HALF_OF_PRIVATE}), 0), coalesce(sum(size), 0) FROM logs")[
            0
        ]
        return int(lines * max(0, size - keep.bytes) / size) if size else 0
    if isinstance(keep, int):
        query = f"SELECT coalesce(sum((said - :keep) / {_HALF_OF_PRIVATE}), 0) FROM logs WHERE said > :keep"
        return int(link.value(query, {"keep": keep}))
    query = "SELECT count(*) - count(other) / 2.0 FROM entries WHERE at < :before AND text IS NOT NULL"
    return int(link.value(query, {"before": before(keep, now)}))


def trim(link: Link, keep: Keep, now: datetime) -> Trimmed:
    """One step, within a transaction that holds all others up; no rows went when nothing is left to do."""
    rows, lines = 0, 0.0
    undated: list[str] = []
    rows += len(
        link.ask(
            """
            DELETE FROM line_ids WHERE at < :before
            AND number IN (SELECT number FROM line_ids ORDER BY number LIMIT :most) RETURNING 1
            """,
            {"before": microseconds(now - timedelta(seconds=limits.LINE_ID_SECONDS)), "most": limits.TRIM_ROWS},
        )
    )
    seen = []
    sizes = {share.log: share for share in _shares(link, keep)} if isinstance(keep, Size) else {}
    for log in _logs(link, list(sizes)) if sizes else _overdue(link, keep, now):
        if rows >= limits.TRIM_ROWS:
            break
        last = None
        if isinstance(keep, Size):
            last = last_of_share(_oldest(link, log, "entry_size(text)"), sizes[log.id])
        elif isinstance(keep, int):
            last = _last_of_too_many(link, log, keep)
        elif keep is not None:
            last = _last_of_too_old(link, log, before(keep, now), microseconds(now), undated)
        if last is not None:
            gone = _take_away(link, log, last, limits.TRIM_ROWS - rows, microseconds(now))
            rows, lines = rows + gone[0], lines + gone[1]
        seen.append(log.id)
    _forget_logs(link, seen)
    return Trimmed(rows, lines, undated)


_COLUMNS = "id, name, said, coalesce(gone, 0)"


def _overdue(link: Link, keep: Keep, now: datetime) -> list[Log]:
    """Some logs from which something must go, or whose first entry has a date that cannot be right."""
    if isinstance(keep, timedelta):
        query = f"""
            (SELECT {_COLUMNS} FROM logs WHERE oldest < :before AND undated < head ORDER BY oldest LIMIT :most)
            UNION (SELECT {_COLUMNS} FROM logs WHERE oldest > :now AND undated < head LIMIT :most) ORDER BY 1
        """
        earliest = max(before(keep, now), EARLIEST_STORED)
        values = {"before": earliest, "now": microseconds(now), "most": limits.TRIM_LOGS}
        return [Log(*row) for row in link.ask(query, values)]
    if isinstance(keep, int):
        query = f"SELECT {_COLUMNS} FROM logs WHERE said > :keep ORDER BY id LIMIT :most"
        return [Log(*row) for row in link.ask(query, {"keep": keep, "most": limits.TRIM_LOGS})]
    return []


def _shares(link: Link, keep: Size) -> list[Share]:
    """What goes in one step: of the largest log a quarter, and of others what they have beyond the rest of it."""
    total, largest = link.ask("SELECT coalesce(sum(size), 0), coalesce(max(size), 0) FROM logs")[0]
    stays = largest * 3 / 4
    rows = link.ask(
        "SELECT id, size FROM logs WHERE size > :stays ORDER BY size DESC LIMIT :most",
        {"stays": int(stays), "most": limits.TRIM_LOGS},
    )
    return shares(rows, stays, min(total - keep.bytes, limits.TRIM_BYTES))


def _logs(link: Link, ids: Sequence[int]) -> list[Log]:
    """These logs, in this order."""
    query = f"""
        SELECT {_COLUMNS} FROM jsonb_array_elements_text(:ids) WITH ORDINALITY AS a (log, place)
        JOIN logs ON id = log::bigint ORDER BY place
    """
    return [Log(*row) for row in link.ask(query, {"ids": json.dumps(ids)})]


def _oldest(link: Link, log: Log, what: str) -> list[Sequence[int]]:
    """Of the oldest entries of a log the id, and something else."""
    first, last = log.ids
    return link.ask(
        f"SELECT id, {what} FROM entries WHERE id BETWEEN :first AND :last ORDER BY id LIMIT :most",
        {"first": first, "last": last, "most": limits.TRIM_ROWS},
    )


def _last_of_too_many(link: Link, log: Log, keep: int) -> int | None:
    """The last id before the first line that stays, or before one that may go later: what others did goes with it."""
    first, last = log.ids
    rows = link.ask(
        """
        SELECT id - 1 FROM entries WHERE text IS NOT NULL AND id BETWEEN :first AND :last
        ORDER BY id LIMIT 1 OFFSET :skipped
        """,
        {"first": first, "last": last, "skipped": min(log.said - keep, limits.TRIM_ROWS)},
    )
    return rows[0][0] if rows else None


def _last_of_too_old(link: Link, log: Log, before: int, now: int, undated: list[str]) -> int | None:
    """The id of the last entry of a step that must go; where none must, the log's age is noted, or that it has none."""
    rows = _oldest(link, log, "at")

    def following(behind: int, latest: int) -> int | None:
        found = link.ask(
            """
            SELECT at FROM (
                SELECT id, at FROM entries WHERE id > :behind AND id <= :last ORDER BY id LIMIT :most
            ) AS next WHERE at BETWEEN :latest AND :now ORDER BY id LIMIT 1
            """,
            {"behind": behind, "last": log.ids[1], "most": limits.DOUBTED_ROWS, "latest": latest, "now": now},
        )
        return found[0][0] if found else None

    last, age = judge(rows, log, before, now, following)
    if last is None:
        if rows and age is None:
            undated.append(log.name)
        link.ask(
            """
            UPDATE logs SET oldest = CASE WHEN :held THEN coalesce(:age, oldest) END,
                undated = CASE WHEN :without THEN head ELSE 0 END WHERE id = :log
            """,
            {"held": bool(rows), "age": age, "without": bool(rows) and age is None, "log": log.id},
        )
    return last


def _take_away(link: Link, log: Log, last: int, most: int, now: int) -> tuple[int, float]:
    """Take away a log's entries up to this one, or so many; returns how many, and how many lines that were."""
    first, end = log.ids
    rows, said, others, size, latest = link.ask(
        f"""
        WITH gone AS (
            DELETE FROM entries WHERE id IN (
                SELECT id FROM entries WHERE id BETWEEN :first AND :last ORDER BY id LIMIT :most
            ) RETURNING at, text, other
        )
        SELECT count(*), count(text), count(other), coalesce(sum(entry_size(text)), 0)::bigint,
            max(at) FILTER (WHERE at BETWEEN {EARLIEST_STORED} AND :now) FROM gone
        """,
        {"first": first, "last": last, "most": most, "now": now},
    )[0]
    link.ask(
        f"""
        UPDATE logs SET said = said - :said, size = greatest(0, size - :size), gone = :gone, undated = 0, oldest = (
            SELECT at FROM entries WHERE id BETWEEN :first AND :end ORDER BY id LIMIT 1
        ) WHERE id = {log.id}
        """,
        {"said": said, "size": size, "gone": max(latest or 0, log.gone) or None, "first": first, "end": end},
    )
    return rows, said - others / 2


def _forget_logs(link: Link, logs: Sequence[int]) -> None:
    """Forget those that are empty now and belong to somebody who cannot come back."""
    if logs:
        link.ask(
            """
            DELETE FROM logs WHERE id IN (SELECT value::bigint FROM jsonb_array_elements_text(:ids))
                AND oldest IS NULL AND key LIKE '@%'
                AND substr(key, 2) NOT IN (SELECT id FROM people WHERE record IS NOT NULL)
            """,
            {"ids": json.dumps(logs)},
        )
