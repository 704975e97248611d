"""What somebody said, wherever it stands, and how somebody is forgotten: a part of the table after the other."""

import json
import sqlite3
from collections.abc import Collection

from chat.base import limits, names
from chat.core.ports import Emptied, Spoken
from chat.log.events import Said, TopicSet
from chat.log.forgetting import Forgotten, without
from chat.log.redaction import Speaker
from chat.store.rows import COLUMNS, SEQ_BITS, SEQ_MOST, entry
from chat.store.sqlite.connection import transaction
from chat.store.sqlite.indexing import unindex
from chat.store.sqlite.redaction import rewrite, stretches, write_anew
from chat.store.sqlite.statements import ENTRY_SIZE


def spoken(connection: sqlite3.Connection, speaker: Speaker, behind: int) -> Spoken:
    """What somebody said, in the next rows."""
    # First how far that is: a line that is taken back between the two questions then costs no other one.
    (last, count) = connection.execute(
        """
        SELECT max(id), count(*) FROM (
            SELECT id FROM entries WHERE id > ? ORDER BY id LIMIT ?)
        """,
        (behind, limits.SPOKEN_LOOKED_AT),
    ).fetchone()
    rows = connection.execute(
        f"""
        SELECT {COLUMNS}, key FROM entries JOIN logs ON logs.id = entries.id >> {SEQ_BITS}
        WHERE text IS NOT NULL AND entries.id > ? AND entries.id <= ? AND (person = ? OR ?) ORDER BY entries.id
        """,
        (behind, last, speaker.person, speaker.nick is not None),
    ).fetchall()
    found = [
        (key, entry(row)) for *row, key in rows if row[3] == speaker.person or names.fold(row[5] or "") == speaker.nick
    ]
    return Spoken(found, last if count == limits.SPOKEN_LOOKED_AT else None)


def nicks(connection: sqlite3.Connection, ids: Collection[str]) -> Collection[str]:
    """The nicknames under which these people stand anywhere."""
    rows = connection.execute(
        "SELECT DISTINCT nick FROM entries WHERE person IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
    )
    return {nick for (nick,) in rows}


def called(connection: sqlite3.Connection, nick: str) -> Collection[str]:
    """The ids of those who stand anywhere under this folded nickname."""
    rows = connection.execute("SELECT DISTINCT person, nick FROM entries WHERE person IS NOT NULL")
    return {person for person, shown in rows if names.fold(shown) == nick}


def forget(connection: sqlite3.Connection, gone: Forgotten, behind: int) -> tuple[Emptied, list[str]]:
    """Let nothing of these people be left in the next rows; returns what went as well, to be looked for in the file."""
    texts: list[str] = []
    lines: dict[str, list[int]] = {}
    others, topics = 0, []
    with transaction(connection):
        if not behind:
            texts += _own(connection, gone)
        rows = connection.execute(
            f"""
            SELECT key, logs.id, {ENTRY_SIZE}, text, {COLUMNS} FROM (
                SELECT * FROM entries WHERE id > ? ORDER BY id LIMIT ?
            ) AS entries JOIN logs ON logs.id = entries.id >> {SEQ_BITS} ORDER BY entries.id
            """,
            (behind, limits.FORGOTTEN_AT_ONCE),
        ).fetchall()
        changed = []
        for key, log, size, text, *row in rows:
            if row[3] not in gone.ids and row[7] is None:
                continue  # somebody else said it, and nobody is named in it
            before = entry(row)
            after = without(before, gone)
            if after is before:
                continue
            said = text is not None and not isinstance(after.fact, Said)
            if said:
                texts.append(text)
                lines.setdefault(key, []).append(before.seq)
            else:
                others += 1
                if isinstance(before.fact, TopicSet) and gone.said(before):
                    topics.append((key, before.fact.text))
            rewrite(connection, log, key, after, size, said)
            changed.append(row[0])
        for first, final in stretches(changed):
            write_anew(connection, first, final)
        if changed or not behind:
            connection.execute("INSERT INTO scrubbing VALUES (1)")
    last = rows[-1][4] if len(rows) == limits.FORGOTTEN_AT_ONCE else None
    return Emptied(lines, others, topics, last), texts


def _own(connection: sqlite3.Connection, gone: Forgotten) -> list[str]:
    """Their own logs, and what else is only theirs."""
    texts: list[str] = []
    ids = json.dumps(list(gone.ids))
    logs = connection.execute(
        "SELECT id FROM logs WHERE key IN (SELECT '@' || value FROM json_each(?))", (ids,)
    ).fetchall()
    for (log,) in logs:
        first, last = log << SEQ_BITS, (log << SEQ_BITS) + SEQ_MOST
        unindex(connection, log, first, last)
        rows = connection.execute(
            "SELECT text FROM entries WHERE text IS NOT NULL AND id BETWEEN ? AND ?", (first, last)
        )
        texts += [text for (text,) in rows.fetchall()]
        connection.execute("DELETE FROM entries WHERE id BETWEEN ? AND ?", (first, last))
        connection.execute("DELETE FROM logs WHERE id = ?", (log,))
    for table in ("line_ids", "damaged_entries"):
        connection.execute(f"DELETE FROM {table} WHERE person IN (SELECT value FROM json_each(?))", (ids,))
    return texts
