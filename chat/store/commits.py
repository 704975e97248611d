"""How a batch is written: one transaction, and one statement for each kind of row."""

import json
import sqlite3
from collections.abc import Mapping, Sequence

from chat.events import Place
from chat.store import Batch, Duplicates, LineId
from chat.store.connection import transaction
from chat.store.rows import SEQ_BITS, as_json, date, microseconds, values


def _parts(first: int, last: int) -> str:
    """These parts of a row, as the columns of a SELECT."""
    return ", ".join(f"json_extract(row.value, '$[{part}]')" for part in range(first, last + 1))


_LOGS = f"""
    INSERT INTO logs (key, name, head, oldest) SELECT {_parts(0, 3)} FROM json_each(?) AS row WHERE true
    ON CONFLICT (key) DO UPDATE
        SET name = excluded.name, head = excluded.head, oldest = coalesce(oldest, excluded.oldest)
"""

# Sorted, for the search index writes itself out each time that it is given a lower id than before.
_ENTRIES = f"""
    INSERT INTO entries (id, at, kind, person, session, nick, text, details, other)
    SELECT (logs.id << {SEQ_BITS}) + {_parts(1, 9)}
    FROM json_each(?) AS row CROSS JOIN logs ON logs.key = {_parts(0, 0)} ORDER BY 1
"""

_LINE_IDS = f"""
    INSERT INTO line_ids (log, person, id, seq, at)
    SELECT logs.id, {_parts(1, 4)} FROM json_each(?) AS row CROSS JOIN logs ON logs.key = {_parts(0, 0)}
"""

_KNOWN = f"""
    SELECT row.key, logs.key, logs.name, seq, at FROM json_each(?) AS row
    CROSS JOIN line_ids ON (person, line_ids.id) = ({_parts(0, 1)}) CROSS JOIN logs ON logs.id = log
"""

_RECORDS_GONE = f"DELETE FROM records WHERE (kind, key) IN (SELECT {_parts(0, 1)} FROM json_each(?) AS row)"
_RECORDS = f"INSERT OR REPLACE INTO records SELECT {_parts(0, 2)} FROM json_each(?) AS row"


def commit(connection: sqlite3.Connection, batch: Batch) -> None:
    """Keep a batch; raises `Duplicates` or SQLite's error, and nothing of it was kept."""
    try:
        with transaction(connection):
            _write(connection, batch)
    except sqlite3.IntegrityError:
        places = known(connection, list(batch.ids))
        if not places:
            raise
        raise Duplicates(places) from None


def _write(connection: sqlite3.Connection, batch: Batch) -> None:
    logs, entries = [], []
    for log in batch.appended:
        added = log.entries if log.recorded else ()
        logs.append([log.key, log.name, log.entries[-1].seq, microseconds(added[0].at) if added else None])
        entries += [[log.key, *values(log.key, entry)] for entry in added]
    line_ids = [
        [place.key, line.person, _in_ascii(line.id), place.seq, microseconds(place.at)]
        for line, place in batch.ids.items()
    ]
    records = {(record.kind, record.key): record.value for record in batch.records}
    for statement, rows in (
        (_LOGS, logs),
        (_LINE_IDS, line_ids),
        (_ENTRIES, entries),
        (_RECORDS_GONE, [[*record] for record, value in records.items() if value is None]),
        (_RECORDS, [[*record, value] for record, value in records.items() if value is not None]),
    ):
        if rows:
            connection.execute(statement, (as_json(rows),))


def known(connection: sqlite3.Connection, lines: Sequence[LineId]) -> Mapping[LineId, Place]:
    """Where those of these lines stand that were stored before."""
    rows = connection.execute(_KNOWN, (as_json([[line.person, _in_ascii(line.id)] for line in lines]),))
    return {lines[index]: Place(key, name, seq, date(at)) for index, key, name, seq, at in rows}


def _in_ascii(id: str) -> str:
    """An id that a program made up, so that two different ones stay different whatever is in them."""
    return json.dumps(id)
