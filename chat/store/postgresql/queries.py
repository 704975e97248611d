"""What is read from the database: pages of a log, and what people said that fits a question.

The answers are those of SQLite's file (`chat.store.sqlite.queries`): a question looks at the newest `COUNTED` things of
a log that an index finds for it.
"""

import json
from collections.abc import Mapping, Sequence
from heapq import merge
from time import monotonic
from typing import Any

from chat.base import limits, names
from chat.base.folding import phrases
from chat.base.mentions import calls
from chat.core.ports import Found, KeptLog, Query, Stretch
from chat.log.events import Entry
from chat.log.redaction import Speaker
from chat.log.unread import Listener, Unread
from chat.store.postgresql.connection import ONE_VIEW, WORD_MOST, Link
from chat.store.postgresql.exchange import TIMED_OUT, Failed
from chat.store.rows import COLUMNS, SEQ_BITS, SEQ_MOST, entry, microseconds


def after(link: Link, key: str, position: int, most: int) -> list[Entry]:
    """Up to `most` of the oldest entries behind a position, of long ones a page."""
    rows = link.ask(
        f"""
        WITH log AS MATERIALIZED (SELECT id << {SEQ_BITS} AS place FROM logs WHERE key = :key),
        behind AS (
            SELECT {COLUMNS} FROM entries
            WHERE id > (SELECT place FROM log) + :position::bigint AND id <= (SELECT place FROM log) + {SEQ_MOST}
            ORDER BY id LIMIT :most
        ), summed AS (
            SELECT *, sum(length(coalesce(text, '')) + {limits.FRAME}) OVER (
                ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS before FROM behind
        )
        SELECT {_COLUMNS} FROM summed WHERE coalesce(before, 0) < {limits.PAGE_BYTES} ORDER BY id
        """,
        {"key": key, "position": min(max(position, 0), SEQ_MOST), "most": most},
    )
    return list(map(entry, rows))


_COLUMNS = COLUMNS.replace("entries.", "")


def room(link: Link, key: str) -> KeptLog | None:
    """The room of this key."""
    rows = link.ask(
        """
        SELECT logs.key, name, head, coalesce(value, '') FROM logs
        LEFT JOIN records ON (kind, records.key) = ('topic', logs.key) WHERE logs.key = :key
        """,
        {"key": key},
    )
    return KeptLog(*rows[0]) if rows else None


def said(link: Link, query: Query, seconds: float | None = None) -> Found:
    """What people said; what was said in the same turn is in the order of the keys.

    After so many seconds it is answered with what was found.
    """
    words = phrases(query.words)
    if query.words and not words:
        return Found([], 0)
    ends_at = None if seconds is None else monotonic() + seconds
    total, whole = 0, True
    found = []
    try:
        with link.transaction(ONE_VIEW):
            for key in query.keys:
                if ends_at is not None:
                    _until(link, ends_at)
                count, entries, in_full = _in_log(link, key, query, words)
                found.append([(key, entry) for entry in entries])
                total += count
                whole = whole and in_full
    except Failed as error:
        if error.state != TIMED_OUT:
            raise
        whole = False
    in_order = list(merge(*found, key=lambda place: place[1].at))
    return Found(in_order[-query.most :], total, whole)


def _until(link: Link, ends_at: float) -> None:
    """No statement of this transaction takes longer; this connection never commits anything."""
    left = max(1, round((ends_at - monotonic()) * 1000))
    link.ask("SELECT set_config('statement_timeout', :left, true)", {"left": str(left)})


def _in_log(link: Link, key: str, query: Query, words: Sequence[str]) -> tuple[int, Sequence[Entry], bool]:
    """How many of one log fit, the last ones of these, oldest first, and whether all was looked at."""
    last = SEQ_MOST if query.before is None else min(max(query.before - 1, 0), SEQ_MOST)
    stretch = _stretch(link, key, Stretch(query.behind.get(key, 0), last))
    if stretch is None:
        return 0, (), True
    if query.to is not None:
        mentions = _mentions(link, stretch, key, query.to, query.other)
        return len(mentions), _entries(link, mentions[: query.most]), True
    if query.by is not None:
        ids, whole = _spoken(link, stretch, query.by, None if query.since is None else microseconds(query.since))
        return len(ids), _entries(link, ids[: query.most]), whole
    values: dict[str, Any] = {
        **stretch,
        "since": query.since and microseconds(query.since),
        "now": (1 << 63) - 1 if query.now is None else microseconds(query.now),
        "other": query.other,
        "counted": limits.COUNTED,
        "most": query.most,
    }
    if query.since is not None:
        values["right"] = _first_right(link, values)
    holding, phrased = _holding(stretch["log"], words)
    [(count, ids)] = link.ask(
        f"""
        WITH fitting AS MATERIALIZED ({_fitting(query, holding)})
        SELECT (SELECT count(*) FROM fitting), coalesce(json_agg(id), '[]')
        FROM (SELECT id FROM fitting ORDER BY id DESC LIMIT :most) AS newest
        """,
        {**values, **phrased},
    )
    return count, _entries(link, ids), True


def _entries(link: Link, ids: Sequence[int]) -> list[Entry]:
    """Those of these ids, oldest first."""
    if not ids:
        return []
    rows = link.ask(
        f"""
        SELECT {COLUMNS} FROM entries WHERE id IN (SELECT value::bigint FROM jsonb_array_elements_text(:ids))
        ORDER BY id
        """,
        {"ids": json.dumps(ids)},
    )
    return list(map(entry, rows))


def unread(link: Link, stretches: Mapping[str, Stretch], listener: Listener) -> Mapping[str, Unread]:
    """What is new for somebody in stretches of logs, of each no more than the last `UNREAD_MOST` things."""
    found = {}
    with link.transaction(ONE_VIEW):
        for key, wanted in stretches.items():
            stretch = _stretch(link, key, wanted)
            found[key] = Unread() if stretch is None else _unread(link, stretch, key, listener)
    return found


def _unread(link: Link, stretch: dict[str, int], key: str, listener: Listener) -> Unread:
    [(first, count)] = link.ask(
        """
        SELECT min(id), count(*) FILTER (WHERE person NOT IN (SELECT jsonb_array_elements_text(:unheard))) FROM (
            SELECT id, person FROM entries
            WHERE text IS NOT NULL AND id > :first AND id <= :last ORDER BY id DESC LIMIT :most) AS newest
        """,
        {**stretch, "unheard": json.dumps([listener.person, *listener.ignored]), "most": limits.UNREAD_MOST},
    )
    if not count:
        return Unread()
    return Unread(count, len(_mentions(link, {**stretch, "first": first - 1}, key, listener)))


def _stretch(link: Link, key: str, stretch: Stretch) -> dict[str, int] | None:
    """A stretch of a log as the ids of its entries."""
    rows = link.ask("SELECT id FROM logs WHERE key = :key", {"key": key})
    if not rows:
        return None
    behind, last = (min(max(seq, 0), SEQ_MOST) for seq in stretch)
    start = rows[0][0] << SEQ_BITS
    return {"log": rows[0][0], "first": start + behind, "last": start + last}


def _holding(log: int, words: Sequence[str]) -> tuple[str, Mapping[str, str]]:
    """That an entry of this log holds these phrases, as a condition, and its values; by the index of all words."""
    if not words:
        return "", {}
    looked_up = [f"\1{log}", *{token[:WORD_MOST] for phrase in words for token in phrase.split()}]
    values = {f"phrase_{_LETTERS[number // 26]}{_LETTERS[number % 26]}": phrase for number, phrase in enumerate(words)}
    in_rows = "".join(f" AND strpos(' ' || folded || ' ', :{name}) > 0" for name in values)
    looking = "ARRAY(SELECT jsonb_array_elements_text(:looked_up))"
    return f"words(id, folded) @> {looking}{in_rows}", {"looked_up": json.dumps(looked_up), **values}


_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _mentions(
    link: Link, stretch: Mapping[str, int], key: str, listener: Listener, author: str | None = None
) -> Sequence[int]:
    """The ids of what calls somebody, the newest first; of an `author` only, who was called so when folded."""
    is_own, words = key == "@" + listener.person, phrases(listener.nick)
    if not (is_own or words):
        return []
    holding, values = ("true", {}) if is_own else _holding(stretch["log"], words)
    looked_at = link.ask(
        f"""
        SELECT id, person, nick, text FROM entries
        WHERE text IS NOT NULL AND id > :first AND id <= :last AND {holding} ORDER BY id DESC LIMIT :most
        """,
        {**stretch, **values, "most": limits.UNREAD_MOST},
    )
    are_called, unheard = calls(listener.nick), {listener.person, *listener.ignored}
    return [
        id
        for id, person, nick, text in looked_at
        if person not in unheard and (is_own or are_called(text)) and (author is None or names.fold(nick) == author)
    ]


def _spoken(link: Link, stretch: Mapping[str, int], by: Speaker, since: int | None) -> tuple[Sequence[int], bool]:
    """The ids of what somebody said since then, the newest first, and whether all that was said was looked at."""
    looked_at = link.ask(
        """
        SELECT id, at, person, nick FROM entries
        WHERE text IS NOT NULL AND id > :first AND id <= :last ORDER BY id DESC LIMIT :most
        """,
        {**stretch, "most": limits.SPOKEN_LOOKED_AT + 1},
    )
    ids = [
        id
        for id, at, person, nick in looked_at[: limits.SPOKEN_LOOKED_AT]
        if (person == by.person or (by.nick is not None and names.fold(nick) == by.nick))
        and (since is None or at >= since)
    ]
    return ids, len(looked_at) <= limits.SPOKEN_LOOKED_AT


def copies(link: Link, key: str, private: Entry) -> Sequence[int]:
    """The numbers of all private lines in this log that say what this one says, of the same turn."""
    rows = link.ask(
        f"""
        SELECT {COLUMNS} FROM entries
        WHERE id >> {SEQ_BITS} = (SELECT id FROM logs WHERE key = :key) AND at = :at AND text IS NOT NULL ORDER BY id
        """,
        {"key": key, "at": microseconds(private.at)},
    )
    return [copy.seq for copy in map(entry, rows) if copy.fact == private.fact]


def _first_right(link: Link, values: Mapping[str, Any]) -> int | None:
    """The id of the first that was said between these dates."""
    rows = link.ask(
        f"""
        SELECT id FROM entries
        WHERE id >> {SEQ_BITS} = :log AND text IS NOT NULL AND at BETWEEN :since AND :now ORDER BY at, id LIMIT 1
        """,
        values,
    )
    return rows[0][0] if rows else None


def _fitting(query: Query, holding: str) -> str:
    """The ids of the newest rows of a log that fit, the newest first."""
    source = "entries"
    if query.since is not None and not holding and query.other is None:
        # Two parts, so that a clock that was wrong for long has its bound, too.
        source = f"""
            ((SELECT * FROM entries WHERE {_BY_DATE} AND at BETWEEN :since AND :now
                ORDER BY at DESC, id DESC LIMIT :counted)
            UNION ALL
            (SELECT * FROM entries WHERE {_BY_DATE} AND at > :now ORDER BY at DESC, id DESC LIMIT :counted)) AS dated
        """
    conditions = [
        "id > :first AND id <= :last AND text IS NOT NULL",
        *([holding] if holding else []),
        *([f"id >> {SEQ_BITS} = :log AND other = :other"] if query.other is not None else []),
        *(["at >= :since AND (at <= :now OR id > :right)"] if query.since is not None else []),
    ]
    return f"SELECT id FROM {source} WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :counted"


_BY_DATE = f"id >> {SEQ_BITS} = :log AND id > :first AND id <= :last AND text IS NOT NULL"
