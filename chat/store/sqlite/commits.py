"""How a batch is written: one transaction, and few statements for each kind of row.

A statement for each row would let go of the interpreter's lock each time, and wait for the reactor's thread to get it
back; and the search index would write out each row by itself (measured: a third of the speed).  So entries are written
by statements of many rows, and the few rows of other kinds are one parameter in JSON, which one statement takes apart.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from chat.core.ports import Appended, Batch, Duplicates, Known, LineId
from chat.log.events import Place, Said
from chat.store.rows import as_json, date, entry_size, in_ascii, is_usual, microseconds, values, values_of_message
from chat.store.sqlite import people
from chat.store.sqlite.connection import insert, transaction
from chat.store.sqlite.indexing import Fresh, fresh
from chat.store.sqlite.redaction import take_back
from chat.store.sqlite.statements import WRITTEN, WRITTEN_OF_MESSAGE


def _parts(first: int, last: int) -> str:
    """These parts of a row, as the columns of a SELECT."""
    return ", ".join(f"json_extract(row.value, '$[{part}]')" for part in range(first, last + 1))


_IDS = "SELECT logs.key, logs.id, oldest IS NULL FROM json_each(?) AS row CROSS JOIN logs ON logs.key = row.value"

_NEW_LOGS = f"INSERT INTO logs (key, name, head) SELECT {_parts(0, 1)}, 0 FROM json_each(?) AS row"
_LOGS = f"""
    UPDATE logs SET (name, head, said, size) = ({_parts(1, 2)}, said + {_parts(4, 4)}, size + {_parts(5, 5)})
    FROM json_each(?) AS row WHERE logs.key = {_parts(0, 0)}
"""
_OLDEST = f"UPDATE logs SET oldest = {_parts(3, 3)} FROM json_each(?) AS row WHERE logs.key = {_parts(0, 0)}"
"""Statements of their own, for nearly always nothing of it changes: each would write a page of its own (the sequence of
the logs' numbers, and their index by age), of the eight that a line writes."""

_LINE_IDS = f"""
    INSERT INTO line_ids (log, person, id, seq, at, digest)
    SELECT logs.id, {_parts(1, 5)} FROM json_each(?) AS row CROSS JOIN logs ON logs.key = {_parts(0, 0)}
"""

_KNOWN = f"""
    SELECT row.key, logs.key, logs.name, seq, at, digest FROM json_each(?) AS row
    CROSS JOIN line_ids ON (person, line_ids.id) = ({_parts(0, 1)}) CROSS JOIN logs ON logs.id = log
"""

_RECORDS_GONE = f"DELETE FROM records WHERE (kind, key) IN (SELECT {_parts(0, 1)} FROM json_each(?) AS row)"
_RECORDS = f"INSERT OR REPLACE INTO records SELECT {_parts(0, 2)} FROM json_each(?) AS row"


class Committed(NamedTuple):
    """About how many bytes the entries take, what is new for the search index, and what the lines said that were taken
    back."""

    size: int
    new: Mapping[str, Fresh]
    taken_back: Sequence[str]


def commit(connection: sqlite3.Connection, batch: Batch, written: people.Written) -> Committed:
    """Keep a batch; raises `Duplicates` or SQLite's error, and nothing of
    it was kept."""
    kept = False
    try:
        with transaction(connection):
            done = _write(connection, batch, written)
        kept = True
        return done
    except sqlite3.IntegrityError:
        duplicates = known(connection, list(batch.ids))
        if not duplicates:
            raise
        raise Duplicates(duplicates) from None
    finally:
        if not kept:
            written.clear()


def _write(connection: sqlite3.Connection, batch: Batch, written: people.Written) -> Committed:
    logs, total, new = [], 0, {}
    for log in batch.appended:
        oldest, lines, size = None, 0, 0
        if log.recorded:
            oldest = microseconds(log.entries[0].at)
            said = [(entry.seq, entry.fact.text) for entry in log.entries if isinstance(entry.fact, Said)]
            lines = len(said)
            size = sum([entry_size(text) for _, text in said]) + (len(log.entries) - lines) * entry_size(None)
            total += size
            new[log.key] = fresh(log.entries, said)
        logs.append([log.key, log.name, log.entries[-1].seq, oldest, lines, size])
    line_ids = [
        [place.key, line.person, in_ascii(line.id), place.seq, microseconds(place.at), digest]
        for line, (place, digest) in batch.ids.items()
    ]
    ids = _ids_of(connection, logs)
    records = {(record.kind, record.key): record.value for record in batch.records}
    for statement, rows in (
        (_LOGS, logs),
        (_LINE_IDS, line_ids),
        (_RECORDS_GONE, [[*record] for record, value in records.items() if value is None]),
        (_RECORDS, [[*record, value] for record, value in records.items() if value is not None]),
    ):
        if rows:
            connection.execute(statement, (as_json(rows),))
    people.write(connection, batch.remembered, written)
    _write_entries(connection, [log for log in batch.appended if log.recorded], ids)
    return Committed(total, new, take_back(connection, batch.redactions) if batch.redactions else ())


def _ids_of(connection: sqlite3.Connection, logs: Sequence[Sequence[object]]) -> Mapping[str, int]:
    """The numbers of these logs by their keys; those that are new are made, and whose first entry comes is dated."""
    keys = json.dumps([key for key, *_ in logs])
    found = connection.execute(_IDS, (keys,)).fetchall()
    if len(found) < len(logs):
        known = {key for key, *_ in found}
        connection.execute(_NEW_LOGS, (as_json([log for log in logs if log[0] not in known]),))
        found = connection.execute(_IDS, (keys,)).fetchall()
    empty = {key for key, _, is_empty in found if is_empty}
    if dated := [log for log in logs if log[0] in empty and log[3] is not None]:
        connection.execute(_OLDEST, (as_json(dated),))
    return {key: id for key, id, _ in found}


def _write_entries(connection: sqlite3.Connection, recorded: Sequence[Appended], ids: Mapping[str, int]) -> None:
    # Sorted, for the search index writes itself out each time that it is given a lower id than before.
    recorded = sorted(recorded, key=lambda log: ids[log.key])
    entries = [(ids[log.key], log.key, entry) for log in recorded for entry in log.entries]
    for usual, run in groupby(entries, lambda place: is_usual(place[2].fact)):
        if usual:
            insert(connection, *WRITTEN_OF_MESSAGE, [values_of_message(log, entry) for log, _, entry in run])
        else:
            insert(connection, *WRITTEN, [values(log, key, entry) for log, key, entry in run])


def known(connection: sqlite3.Connection, lines: Sequence[LineId]) -> Mapping[LineId, Known]:
    """The lines with these ids that were stored before."""
    rows = connection.execute(_KNOWN, (as_json([[line.person, in_ascii(line.id)] for line in lines]),))
    return {lines[index]: Known(Place(key, name, seq, date(at)), digest) for index, key, name, seq, at, digest in rows}
