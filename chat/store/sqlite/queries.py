"""What is read from the database: pages of a log, and what people said that fits a question.

A question looks at the newest `COUNTED` things of a log that an index finds for it, so that its cost has a bound
however much is kept; what is beyond is neither found nor counted.

Rows come together, as one text of JSON: for each row by itself this thread would let go of the interpreter's lock, and
wait up to 5 ms for a busy reactor to give it back.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import merge
from typing import Any

from chat.base import limits, names
from chat.base.folding import holds, phrases
from chat.base.mentions import calls
from chat.core.ports import Found, KeptLog, Query, Stretch
from chat.log.events import Entry
from chat.log.redaction import Speaker
from chat.log.unread import Listener, Unread
from chat.store.rows import COLUMNS, SEQ_BITS, SEQ_MOST, entry, microseconds
from chat.store.sqlite.statements import SAID, UNLISTED


def after(connection: sqlite3.Connection, key: str, position: int, most: int) -> list[Entry]:
    """Up to `most` of the oldest entries behind a position, of long ones a page."""
    (rows,) = connection.execute(
        f"""
        WITH behind AS (
            SELECT {COLUMNS} FROM logs CROSS JOIN entries
                ON entries.id > (logs.id << {SEQ_BITS}) + :position AND entries.id < ((logs.id + 1) << {SEQ_BITS})
            WHERE logs.key = :key ORDER BY entries.id LIMIT :most
        ), summed AS (
            SELECT *, sum(length(coalesce(text, '')) + :frame) OVER (
                ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS before FROM behind
        )
        SELECT {_TOGETHER} FROM summed WHERE coalesce(before, 0) < :page
        """,
        {
            "key": key,
            "position": min(max(position, 0), SEQ_MOST),
            "most": most,
            "frame": limits.FRAME,
            "page": limits.PAGE_BYTES,
        },
    ).fetchone()
    return _entries(rows)


_TOGETHER = f"json_group_array(json_array({COLUMNS.replace('entries.', '')}))"


def _entries(rows: str) -> list[Entry]:
    # Their order within the aggregate is SQLite's own affair; the ids, which come first, are all different.
    return [entry(row) for row in sorted(json.loads(rows))]


def room(connection: sqlite3.Connection, key: str) -> KeptLog | None:
    """The room of this key."""
    row = connection.execute(
        """
        SELECT logs.key, name, head, coalesce(value, '') FROM logs
        LEFT JOIN records ON (kind, records.key) = ('topic', logs.key) WHERE logs.key = ?
        """,
        (key,),
    ).fetchone()
    return None if row is None else KeptLog(*row)


def said(connection: sqlite3.Connection, query: Query) -> Found:
    """What people said; what was said in the same turn is in the order of the keys."""
    words = phrases(query.words)
    if query.words and not words:
        return Found([], 0)
    total, whole = 0, True
    found = []
    try:
        with _one_view(connection):
            for key in query.keys:
                count, entries, in_full = _in_log(connection, key, query, words)
                found.append([(key, entry) for entry in entries])
                total += count
                whole = whole and in_full
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        whole = False
    in_order = list(merge(*found, key=lambda place: place[1].at))
    return Found(in_order[-query.most :], total, whole)


@contextmanager
def _one_view(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is read shows one moment: what is indexed meanwhile would be found twice, or not at all."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _in_log(
    connection: sqlite3.Connection, key: str, query: Query, words: Sequence[str]
) -> tuple[int, Sequence[Entry], bool]:
    """How many of one log fit, the last ones of these, oldest first, and whether all was looked at."""
    last = SEQ_MOST if query.before is None else min(max(query.before - 1, 0), SEQ_MOST)
    stretch = _stretch(connection, key, Stretch(query.behind.get(key, 0), last))
    if stretch is None:
        return 0, (), True
    values = {
        **stretch,
        "since": query.since and microseconds(query.since),
        "now": (1 << 63) - 1 if query.now is None else microseconds(query.now),
        "other": query.other,
        "words": _matched(words),
        "counted": limits.COUNTED,
        "most": query.most,
    }
    whole = True
    if query.to is not None:
        mentions, whole = _mentions(connection, stretch, key, query.to, query.other)
        (rows,) = connection.execute(
            f"SELECT {_TOGETHER} FROM entries WHERE entries.id IN (SELECT value FROM json_each(?))",
            (json.dumps(mentions[: query.most]),),
        ).fetchone()
        return len(mentions), _entries(rows), whole
    if query.by is not None:
        ids, whole = _spoken(connection, stretch, query.by, None if query.since is None else microseconds(query.since))
        (rows,) = connection.execute(
            f"SELECT {_TOGETHER} FROM entries WHERE entries.id IN (SELECT value FROM json_each(?))",
            (json.dumps(ids[: query.most]),),
        ).fetchone()
        return len(ids), _entries(rows), whole
    if words:
        fresh, whole = _fresh(connection, values, words)
        values["fresh"] = json.dumps(fresh)
    if query.since is not None:
        values["right"] = _first_right(connection, values)
    count, rows = connection.execute(
        f"""
        WITH fitting AS ({_fitting(query)})
        SELECT (SELECT count(*) FROM fitting), {_TOGETHER} FROM entries
        WHERE entries.id IN (SELECT id FROM fitting LIMIT :most)
        """,
        values,
    ).fetchone()
    return count, _entries(rows), whole


def unread(
    connection: sqlite3.Connection, stretches: Mapping[str, Stretch], listener: Listener
) -> Mapping[str, Unread]:
    """What is new for somebody in stretches of logs, of each no more than the last `UNREAD_MOST` things."""
    found = {}
    with _one_view(connection):
        for key, wanted in stretches.items():
            stretch = _stretch(connection, key, wanted)
            found[key] = Unread() if stretch is None else _unread(connection, stretch, key, listener)
    return found


def _unread(connection: sqlite3.Connection, stretch: dict[str, int], key: str, listener: Listener) -> Unread:
    first, count = connection.execute(
        f"""
        SELECT min(id), count(*) FILTER (WHERE person NOT IN (SELECT value FROM json_each(:unheard))) FROM (
            SELECT id, person FROM ({SAID} ORDER BY id DESC LIMIT :most) CROSS JOIN entries USING (id))
        """,
        {**stretch, "unheard": json.dumps([listener.person, *listener.ignored]), "most": limits.UNREAD_MOST},
    ).fetchone()
    if not count:
        return Unread()
    mentions, _ = _mentions(connection, {**stretch, "first": first - 1}, key, listener)
    return Unread(count, len(mentions))


def _stretch(connection: sqlite3.Connection, key: str, stretch: Stretch) -> dict[str, int] | None:
    """A stretch of a log as the ids of its entries, and up to which of them the index and the lists go."""
    row = connection.execute("SELECT id, indexed, listed FROM logs WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    log, indexed, listed = row
    behind, last = (min(max(seq, 0), SEQ_MOST) for seq in stretch)
    start = log << SEQ_BITS
    return {
        "log": log,
        "first": start + behind,
        "last": start + last,
        "indexed": start + indexed,
        "listed": start + listed,
    }


def _matched(words: Sequence[str]) -> str:
    """These phrases as the index is asked for them."""
    return " ".join(f'"{phrase}"' for phrase in words)


def _mentions(
    connection: sqlite3.Connection, stretch: Mapping[str, int], key: str, listener: Listener, author: str | None = None
) -> tuple[Sequence[int], bool]:
    """The ids of what calls somebody, the newest first, and whether all was looked at that the index finds for it; of
    an `author` only, who was called so when folded."""
    is_own, words = key == "@" + listener.person, phrases(listener.nick)
    values = {**stretch, "words": _matched(words), "fresh_rows": limits.FRESH_ROWS + 1, "most": limits.UNREAD_MOST}
    if is_own:
        found = f"{SAID} ORDER BY id DESC LIMIT :most"
    else:
        fresh = """
            SELECT id FROM entries WHERE text IS NOT NULL AND id > max(:first, :indexed) AND id <= :last
            ORDER BY id DESC LIMIT :fresh_rows
        """
        indexed = """
            SELECT rowid FROM search WHERE search MATCH :words AND rowid > :first AND rowid <= min(:last, :indexed)
            ORDER BY rowid DESC LIMIT :most
        """
        parts = [fresh, *([indexed] if words else [])]
        found = " UNION ALL ".join(f"SELECT * FROM ({part})" for part in parts)
    (rows,) = connection.execute(
        f"""
        SELECT json_group_array(json_array(entries.id, person, nick, text))
        FROM ({found}) AS found CROSS JOIN entries ON entries.id = found.id WHERE text IS NOT NULL
        """,
        values,
    ).fetchone()
    looked_at = json.loads(rows)
    are_called, unheard = calls(listener.nick), {listener.person, *listener.ignored}
    ids = [
        id
        for id, person, nick, text in looked_at
        if person not in unheard and (is_own or are_called(text)) and (author is None or names.fold(nick) == author)
    ]
    return sorted(ids, reverse=True)[: limits.UNREAD_MOST], len(looked_at) <= limits.FRESH_ROWS


def _spoken(
    connection: sqlite3.Connection, stretch: Mapping[str, int], by: Speaker, since: int | None
) -> tuple[Sequence[int], bool]:
    """The ids of what somebody said since then, the newest first, and whether all that was said was looked at."""
    (rows,) = connection.execute(
        f"""
        SELECT json_group_array(json_array(id, at, person, nick))
        FROM ({SAID} ORDER BY id DESC LIMIT :most) CROSS JOIN entries USING (id)
        """,
        {**stretch, "most": limits.SPOKEN_LOOKED_AT + 1},
    ).fetchone()
    looked_at = sorted(json.loads(rows), reverse=True)
    ids = [
        id
        for id, at, person, nick in looked_at[: limits.SPOKEN_LOOKED_AT]
        if (person == by.person or (by.nick is not None and names.fold(nick) == by.nick))
        and (since is None or at >= since)
    ]
    return ids, len(looked_at) <= limits.SPOKEN_LOOKED_AT


def copies(connection: sqlite3.Connection, key: str, private: Entry) -> Sequence[int]:
    """The numbers of all private lines in this log that say what this one says, of the same turn."""
    rows = connection.execute(
        f"""
        SELECT {COLUMNS} FROM entries WHERE text IS NOT NULL AND id IN (
            SELECT said_by_date.id FROM logs CROSS JOIN said_by_date ON log = logs.id AND at = :at WHERE key = :key
            UNION ALL SELECT entries.id FROM {UNLISTED} AND at = :at AND key = :key
        ) ORDER BY entries.id
        """,
        {"at": microseconds(private.at), "key": key},
    )
    return [copy.seq for copy in map(entry, rows.fetchall()) if copy.fact == private.fact]


def _first_right(connection: sqlite3.Connection, values: dict[str, Any]) -> int | None:
    """The id of the first that was said between these dates."""
    row = connection.execute(
        f"""
        SELECT id, at FROM said_by_date WHERE log = :log AND id <= :listed AND at BETWEEN :since AND :now
        UNION ALL {_UNLISTED} AND at BETWEEN :since AND :now ORDER BY at, id LIMIT 1
        """,
        values,
    ).fetchone()
    return None if row is None else int(row[0])


def _fresh(connection: sqlite3.Connection, values: dict[str, Any], words: Sequence[str]) -> tuple[Sequence[int], bool]:
    """The ids of those with these words that are not in the index yet, the newest first, and whether these are all."""
    rows = connection.execute(
        """
        SELECT id, text FROM entries
        WHERE text IS NOT NULL AND id > max(:first, :indexed) AND id <= :last ORDER BY id DESC LIMIT :fresh_rows
        """,
        {**values, "fresh_rows": limits.FRESH_ROWS + 1},
    ).fetchall()
    wanted = list(words)
    return [id for id, text in rows[: limits.FRESH_ROWS] if holds(text, wanted)], len(rows) <= limits.FRESH_ROWS


def _fitting(query: Query) -> str:
    """The ids of the newest rows of a log that fit, the newest first, by the index that finds them."""
    if query.words:
        source = """
            (SELECT value AS match FROM json_each(:fresh) UNION ALL SELECT * FROM (
                SELECT rowid FROM search WHERE search MATCH :words AND rowid > :first AND rowid <= min(:last, :indexed)
                ORDER BY rowid DESC LIMIT :counted)) CROSS JOIN entries ON id = match
        """
    elif query.other is not None:
        source = "entries INDEXED BY said_to"
    elif query.since is None:
        return f"{SAID} ORDER BY id DESC LIMIT :counted"
    else:
        # Two parts, so that a clock that was wrong for long has its bound, too.
        source = f"""
            (SELECT * FROM ({_BY_DATE} AND at BETWEEN :since AND :now ORDER BY at DESC, id DESC LIMIT :counted)
            UNION ALL
            SELECT * FROM ({_BY_DATE} AND at > :now ORDER BY at DESC, id DESC LIMIT :counted)
            UNION ALL {_UNLISTED} AND id > :first AND id <= :last AND at >= :since)
        """
    conditions = [
        "id > :first AND id <= :last",
        *(["text IS NOT NULL"] if query.words or query.other is not None else []),
        *(["log = :log AND other = :other"] if query.other is not None else []),
        *(["at >= :since AND (at <= :now OR id > :right)"] if query.since is not None else []),
    ]
    return f"SELECT id FROM {source} WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :counted"


_BY_DATE = """
    SELECT id, at FROM said_by_date WHERE log = :log AND id > :first AND id <= min(:last, :listed)
"""
_UNLISTED = f"""
    SELECT id, at FROM entries WHERE text IS NOT NULL AND id > :listed AND id <= (:log << {SEQ_BITS}) + {SEQ_MOST}
"""
"""The ids and dates of what is not listed yet."""
