"""How a batch is written: one transaction, and few statements for each kind of row.

A statement for each row would let go of the interpreter's lock each time, and wait for the reactor's thread to get it
back; and the search index would write out each row by itself (measured: a third of the speed).  So what nearly every
batch has is written by statements of many rows, and the few rows of other kinds are one parameter in JSON, which one
statement takes apart.
"""

import sqlite3
from collections.abc import Mapping, Sequence

from chat.base.named_tuples import NamedTuple
from chat.core.ports import Appended, Batch, Duplicates, Known, LineId, Record
from chat.log.events import Place, Said
from chat.store.rows import (
    as_json,
    date,
    entry_size,
    in_ascii,
    is_usual,
    microseconds,
    storable,
    values,
    values_of_message,
)
from chat.store.sqlite import people
from chat.store.sqlite.connection import for_rows, insert, transaction
from chat.store.sqlite.redaction import take_back
from chat.store.sqlite.statements import WRITTEN, WRITTEN_OF_MESSAGE


def _parts(first: int, last: int) -> str:
    """These parts of a row, as the columns of a SELECT."""
    return ", ".join(f"json_extract(row.value, '$[{part}]')" for part in range(first, last + 1))


_IDS = "SELECT key, id, oldest IS NULL FROM logs WHERE key IN ({rows})", "?"

_LOGS = (
    """
    UPDATE logs SET (name, head, said, size) = (column2, column3, said + column4, size + column5)
    FROM (VALUES {rows}) WHERE id = column1
    """,
    "(?, ?, ?, ?, ?)",
)
_OLDEST = "UPDATE logs SET oldest = column2 FROM (VALUES {rows}) WHERE id = column1", "(?, ?)"
"""Statements of their own, for nearly always nothing of it changes: each would write a page of its own (the sequence of
the logs' numbers, and their index by age), beside the three that a line writes."""

_LINE_IDS = "line_ids (log, person, id, seq, at, digest)", "(?, ?, ?, ?, ?, ?)"

_KNOWN = f"""
    SELECT row.key, logs.key, logs.name, seq, at, digest FROM json_each(?) AS row
    CROSS JOIN line_ids ON (person, line_ids.id) = ({_parts(0, 1)}) CROSS JOIN logs ON logs.id = log
"""

_RECORDS_GONE = f"DELETE FROM records WHERE (kind, key) IN (SELECT {_parts(0, 1)} FROM json_each(?) AS row)"
_RECORDS = f"INSERT OR REPLACE INTO records SELECT {_parts(0, 2)} FROM json_each(?) AS row"


class Committed(NamedTuple):
    """About how many bytes the entries take, and what the lines said that were taken back."""

    size: int
    taken_back: Sequence[str]


def commit(connection: sqlite3.Connection, batch: Batch, written: people.Written) -> Committed:
    """Keep a batch; raises `Duplicates` or SQLite's error, and nothing of it was kept."""
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
    ids = _ids_of(connection, batch.appended)
    logs, messages, others, total = [], [], [], 0
    for log in batch.appended:
        id, lines, size = ids[log.key], 0, 0
        for entry in log.entries if log.recorded else ():
            fact = entry.fact
            if isinstance(fact, Said):
                lines += 1
                size += entry_size(fact.text)
            else:
                size += entry_size(None)
            if is_usual(fact):
                messages.append(values_of_message(id, entry))
            else:
                others.append(values(id, log.key, entry))
        logs.append((id, storable(log.name), log.entries[-1].seq, lines, size))
        total += size
    for_rows(connection, *_LOGS, logs)
    insert(connection, *WRITTEN_OF_MESSAGE, messages)
    insert(connection, *WRITTEN, others)
    if batch.ids:
        line_ids = [
            (ids[place.key], line.person, in_ascii(line.id), place.seq, microseconds(place.at), digest)
            for line, (place, digest) in batch.ids.items()
        ]
        insert(connection, *_LINE_IDS, line_ids)
    if batch.records:
        _write_records(connection, batch.records)
    people.write(connection, batch.remembered, written)
    return Committed(total, take_back(connection, batch.redactions) if batch.redactions else ())


def _ids_of(connection: sqlite3.Connection, logs: Sequence[Appended]) -> Mapping[str, int]:
    """The numbers of these logs by their keys; those that are new are made, and whose first entry comes is dated."""
    keys = [(log.key,) for log in logs]
    found = for_rows(connection, *_IDS, keys)
    if len(found) < len(logs):
        known = {key for key, *_ in found}
        made = [(log.key, storable(log.name)) for log in logs if log.key not in known]
        insert(connection, "logs (key, name, head)", "(?, ?, 0)", made)
        found = for_rows(connection, *_IDS, keys)
    ids = {key: id for key, id, _ in found}
    if empty := {key for key, _, is_empty in found if is_empty}:
        dated = [(ids[log.key], microseconds(log.entries[0].at)) for log in logs if log.key in empty and log.recorded]
        for_rows(connection, *_OLDEST, dated)
    return ids


def _write_records(connection: sqlite3.Connection, changed: Sequence[Record]) -> None:
    records = {(record.kind, record.key): record.value for record in changed}
    for statement, rows in (
        (_RECORDS_GONE, [[*record] for record, value in records.items() if value is None]),
        (_RECORDS, [[*record, value] for record, value in records.items() if value is not None]),
    ):
        if rows:
            connection.execute(statement, (as_json(rows),))


def known(connection: sqlite3.Connection, lines: Sequence[LineId]) -> Mapping[LineId, Known]:
    """The lines with these ids that were stored before."""
    rows = connection.execute(_KNOWN, (as_json([[line.person, in_ascii(line.id)] for line in lines]),))
    return {lines[index]: Known(Place(key, name, seq, date(at)), digest) for index, key, name, seq, at, digest in rows}
