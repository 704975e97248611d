"""What the server's file holds when the server has ended, read past the server: all entries, coming and going too."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from chat.log.events import Private
from chat.store.rows import COLUMNS, entry
from chat.wire import jsonl
from tests.storm.record import PRIVATE, Event, Fault, event_of

WHO = "the database"


def read(path: Path) -> tuple[dict[str, list[Event]], list[Fault]]:
    """Each room's log, and what is wrong with the file itself."""
    with closing(sqlite3.connect(path)) as connection:
        logs = {}
        faults = [Fault("database", WHO, text) for text in _damage(connection)]
        for id, key, name, head in connection.execute("SELECT id, key, name, head FROM logs").fetchall():
            rows = connection.execute(f"SELECT {COLUMNS} FROM entries WHERE log = ? ORDER BY entries.id", (id,))
            entries = [entry(row) for row in rows]
            if [each.seq for each in entries] != list(range(1, head + 1)):
                faults.append(Fault("database", WHO, f"{name} does not hold each number up to {head} once"))
            if any(isinstance(each.fact, Private) for each in entries) == (not key.startswith(PRIVATE)):
                faults.append(Fault("database", WHO, f"{name} holds what it should not"))
            if not key.startswith(PRIVATE):
                logs[name] = [event_of(json.loads(jsonl.encode(jsonl.event(name, each)))) for each in entries]
        return logs, faults


def _damage(connection: sqlite3.Connection) -> Iterator[str]:
    for (verdict,) in connection.execute("PRAGMA integrity_check"):
        if verdict != "ok":
            yield verdict
    try:
        connection.execute("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")
    except sqlite3.Error as error:
        yield f"the search index: {error}"
    wrong = """
        SELECT count(*) FROM line_ids LEFT JOIN entries ON entries.log = line_ids.log AND entries.seq = line_ids.seq
        WHERE entries.id IS NULL OR entries.person != line_ids.person OR entries.at != line_ids.at
    """
    (count,) = connection.execute(wrong).fetchone()
    if count:
        yield f"{count} ids of lines that are not there"
