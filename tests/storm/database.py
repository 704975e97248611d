"""What the database holds when the server has ended, read past the server: all entries, coming and going too."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from chat.log.events import Private
from chat.store.rows import COLUMNS, SEQ_BITS, SEQ_MOST, entry
from chat.wire import jsonl
from tests.storm.record import PRIVATE, Event, Fault, event_of

WHO = "the database"


def read(path: Path) -> tuple[dict[str, list[Event]], list[Fault]]:
    """Each room's log, and what is wrong with the file itself."""
    with closing(sqlite3.connect(path)) as connection:
        faults = [Fault("database", WHO, text) for text in _damage(connection)]
        return logs_of(lambda statement: connection.execute(statement).fetchall(), faults), faults


def logs_of(ask: Callable[[str], Sequence[Any]], faults: list[Fault]) -> dict[str, list[Event]]:
    """Each room's log, of any kind of database."""
    logs = {}
    for id, key, name, head in ask("SELECT id, key, name, head FROM logs"):
        places = f"entries.id BETWEEN {id << SEQ_BITS} AND {(id << SEQ_BITS) + SEQ_MOST}"
        entries = [entry(row) for row in ask(f"SELECT {COLUMNS} FROM entries WHERE {places} ORDER BY entries.id")]
        if [each.seq for each in entries] != list(range(1, head + 1)):
            faults.append(Fault("database", WHO, f"{name} does not hold each number up to {head} once"))
        if any(isinstance(each.fact, Private) for each in entries) == (not key.startswith(PRIVATE)):
            faults.append(Fault("database", WHO, f"{name} holds what it should not"))
        if not key.startswith(PRIVATE):
            logs[name] = [event_of(json.loads(jsonl.encode(jsonl.event(name, each)))) for each in entries]
    return logs


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
