"""The database file: its schema and the way from older ones, who may open it, and what it holds at start.

All of it happens before `twistd` goes into the background: what is wrong is told in one sentence to whoever started
the server, with the file as it was.  No connection is left open, for SQLite's must not cross a fork; the lock does.
"""

import errno
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from chat.base import limits
from chat.base.folding import SIGNS_OF_ASCII
from chat.base.language import Sentence, say, say_n
from chat.base.lookalikes import fold
from chat.base.named_tuples import NamedTuple
from chat.base.reasons import system_reason
from chat.core.ports import Kept, KeptLog, Record, Remembered
from chat.store.keep import Keep, plan
from chat.store.retention import EARLIEST
from chat.store.rows import DATES, SEQ_BITS, SEQ_MOST, date
from chat.store.sqlite import damage, people
from chat.store.sqlite.backup import copy
from chat.store.sqlite.connection import APPLICATION_ID, connect, reason
from chat.store.sqlite.indexing import check_folding
from chat.store.sqlite.retention import due
from chat.store.unusable import Unusable, begun, damaged, holding, too_new, unusable


def _session_parts(*names: str) -> str:
    """Parts of a session's record of before, as columns."""
    return ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names)


def _session_dates(*names: str) -> str:
    """The same of dates, which were texts."""
    return ", ".join(
        f"CAST(round((julianday(json_extract(value, '$.{name}')) - 2440587.5) * 86400000) AS INTEGER) * 1000 AS {name}"
        for name in names
    )


MIGRATIONS: Sequence[str] = (
    f"""
    PRAGMA application_id = {APPLICATION_ID};

    -- `oldest` is the date of the first entry that is held and `first` its number or a lower one: where keeping ends.
    CREATE TABLE logs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        head INTEGER NOT NULL,
        first INTEGER NOT NULL DEFAULT 1,
        oldest INTEGER
    );
    CREATE INDEX logs_by_age ON logs (oldest) WHERE oldest IS NOT NULL;

    -- `text` is what people said, `other` the folded nickname of the other one in private talk; dates are microseconds.
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        log INTEGER AS (id >> {SEQ_BITS}) VIRTUAL,
        seq INTEGER AS (id & {SEQ_MOST}) VIRTUAL,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        person TEXT,
        session TEXT,
        nick TEXT,
        text TEXT,
        other TEXT,
        details TEXT
    );
    CREATE INDEX said ON entries (id) WHERE text IS NOT NULL;
    CREATE INDEX said_by_date ON entries (log, at) WHERE text IS NOT NULL;
    CREATE INDEX said_to ON entries (log, other) WHERE other IS NOT NULL;

    CREATE VIRTUAL TABLE search USING fts5 (
        text, content = 'entries', content_rowid = 'id', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER entry_added AFTER INSERT ON entries WHEN new.text IS NOT NULL BEGIN
        INSERT INTO search (rowid, text) VALUES (new.id, new.text);
    END;
    CREATE TRIGGER entry_removed AFTER DELETE ON entries WHEN old.text IS NOT NULL BEGIN
        INSERT INTO search (search, rowid, text) VALUES ('delete', old.id, old.text);
    END;

    -- In the order of their coming, so that those of yesterday are the first ones.
    CREATE TABLE line_ids (
        number INTEGER PRIMARY KEY,
        person TEXT NOT NULL,
        id TEXT NOT NULL,
        log INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        UNIQUE (person, id)
    );

    CREATE TABLE records (kind TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
    -- The logs of people who can come back.
    CREATE VIEW own_logs (key) AS SELECT '@' || json_extract(value, '$.person') FROM records WHERE kind = 'session';
    """,
    # By which a line that comes again is told from another one with its id; of the lines of before it is not known.
    "ALTER TABLE line_ids ADD COLUMN digest INTEGER",
    # `said` is how many of a log's entries are what people said, `gone` the latest date of what was taken away, and
    # `undated` the head at which nothing told how old its first entry is. (`first` is of no use any more.)
    f"""
    ALTER TABLE logs ADD COLUMN said INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE logs ADD COLUMN gone INTEGER;
    ALTER TABLE logs ADD COLUMN undated INTEGER NOT NULL DEFAULT 0;
    UPDATE logs SET said = (
        SELECT count(*) FROM entries INDEXED BY said
        WHERE text IS NOT NULL AND entries.id BETWEEN logs.id << {SEQ_BITS} AND (logs.id << {SEQ_BITS}) + {SEQ_MOST}
    );
    """,
    # What was damaged and set aside, as it was.
    "CREATE TABLE damaged_entries (id, at, kind, person, session, nick, text, other, details)",
    # The search index is made late (`indexing`), by our own folding: the tokens are what stands between blanks.
    f"""
    DROP TRIGGER entry_added;
    DROP TRIGGER entry_removed;
    DROP TABLE search;
    CREATE VIRTUAL TABLE search USING fts5 (
        text, content = '', columnsize = 0, tokenize = "ascii tokenchars '{SIGNS_OF_ASCII}'"
    );
    CREATE TABLE search_made_by (folding TEXT NOT NULL);
    ALTER TABLE logs ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
    """,
    # `size` is what a log's entries take, roughly (`statements.ENTRY_SIZE`): by it the largest logs are found.
    f"""
    ALTER TABLE logs ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
    UPDATE logs SET size = (
        SELECT coalesce(sum(150 + coalesce(length(CAST(text AS BLOB)), 0) * 3 / 2), 0) FROM entries
        WHERE entries.id BETWEEN logs.id << {SEQ_BITS} AND (logs.id << {SEQ_BITS}) + {SEQ_MOST}
    );
    """,
    # Whoever can come back stood in one record with their session.  Without constraints, for what is damaged is told
    # by `damage`, not by a statement that fails; for the same reason what is no JSON stays where it is.
    f"""
    CREATE TABLE people (
        id TEXT PRIMARY KEY, nick TEXT, absent INTEGER, away TEXT, last_from TEXT, entered_at INTEGER, spoke_at INTEGER
    ) WITHOUT ROWID;
    -- In the order of `place`.
    CREATE TABLE memberships (
        person TEXT, log TEXT, joined INTEGER, place INTEGER, PRIMARY KEY (person, log)
    ) WITHOUT ROWID;
    CREATE TABLE read (person TEXT, log TEXT, seq INTEGER, PRIMARY KEY (person, log)) WITHOUT ROWID;
    CREATE TABLE ignored (person TEXT, other TEXT, nick TEXT, PRIMARY KEY (person, other)) WITHOUT ROWID;
    CREATE TABLE senders (person TEXT, sender TEXT, PRIMARY KEY (person, sender)) WITHOUT ROWID;
    -- By the hash of its code.
    CREATE TABLE sessions (
        digest TEXT PRIMARY KEY, id TEXT, person TEXT, host TEXT, current TEXT, quiet INTEGER, language TEXT,
        seen_at INTEGER, ended_at INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE given (session TEXT, log TEXT, seq INTEGER, PRIMARY KEY (session, log)) WITHOUT ROWID;

    CREATE VIEW old AS SELECT key, value, {
        _session_parts(
            "person",
            "nick",
            "absent",
            "away",
            "last_from",
            "host",
            "current",
            "quiet",
            "language",
        )
    }, {_session_dates("entered_at", "spoke_at", "seen_at", "ended_at")} FROM records
        WHERE kind = 'session' AND json_valid(value) AND json_type(value, '$.person') = 'text';
    INSERT OR IGNORE INTO people
        SELECT person, nick, absent, away, last_from, coalesce(entered_at, spoke_at), spoke_at FROM old;
    -- Of a room that an older record does not name in `joined`, they had what they had seen.
    INSERT OR IGNORE INTO memberships
        SELECT person, room.value, coalesce(
            (SELECT place.value FROM json_each(
                old.value, iif(json_type(old.value, '$.joined') IS NULL, '$.seen', '$.joined')
            ) AS place WHERE place.key = room.value),
            (SELECT head FROM logs WHERE logs.key = room.value),
            0
        ), room.key FROM old, json_each(old.value, '$.rooms') AS room
        WHERE json_type(old.value, '$.rooms') = 'array';
    INSERT OR IGNORE INTO read
        SELECT person, place.key, place.value FROM old, json_each(old.value, '$.seen') AS place;
    INSERT OR IGNORE INTO ignored
        SELECT person, other.key, other.value FROM old, json_each(old.value, '$.ignored') AS other;
    INSERT OR IGNORE INTO senders
        SELECT person, sender.value FROM old, json_each(old.value, '$.senders') AS sender;
    INSERT OR IGNORE INTO sessions
        SELECT key, person, person, host, current, quiet, language, seen_at, ended_at FROM old;
    INSERT OR IGNORE INTO given
        SELECT old.key, place.key, place.value FROM old, json_each(old.value, '$.seen') AS place;
    -- Who did not come back is told in the log of whoever wrote to them.
    INSERT INTO entries (id, at, kind, details)
        SELECT (logs.id << {SEQ_BITS}) + head + 1 + untold.key, spoke_at, 'not-delivered',
            json_object('nick', untold.value)
        FROM old JOIN logs ON logs.key = '@' || person, json_each(old.value, '$.untold') AS untold
        WHERE json_type(old.value, '$.untold') = 'array' AND spoke_at IS NOT NULL;
    UPDATE logs SET head = head + json_array_length(value, '$.untold') FROM old
        WHERE logs.key = '@' || person AND json_array_length(value, '$.untold') > 0 AND spoke_at IS NOT NULL;
    DROP VIEW old;
    DELETE FROM records
        WHERE kind = 'session' AND json_valid(value) AND json_type(value, '$.person') = 'text';

    -- The logs of people who can come back.
    DROP VIEW own_logs;
    CREATE VIEW own_logs (key) AS SELECT '@' || id FROM people;
    """,
    # What is kept of the password of an account; a guest has none.
    "ALTER TABLE people ADD COLUMN password TEXT",
    # By the key of the room's log, or by that of the server's.
    "CREATE TABLE roles (person TEXT, log TEXT, role TEXT, PRIMARY KEY (person, log)) WITHOUT ROWID",
    # The tokens of an account, by what they are called; and by which one a session came in.
    """
    CREATE TABLE tokens (
        person TEXT, name TEXT, digest TEXT, rooms TEXT, talks INTEGER, made_at INTEGER, used_at INTEGER,
        PRIMARY KEY (person, name)
    ) WITHOUT ROWID;
    ALTER TABLE sessions ADD COLUMN token TEXT;
    """,
    # As which guest somebody was on a session before they logged in: their lines' ids are looked up for it.
    "ALTER TABLE sessions ADD COLUMN guest TEXT",
    # To which private rooms somebody belongs, and from where on they read them.
    """
    CREATE TABLE admissions (
        person TEXT, log TEXT, behind INTEGER, came INTEGER, place INTEGER, PRIMARY KEY (person, log)
    ) WITHOUT ROWID
    """,
    # Lines were taken back, and what is left of them outside their rows is to be overwritten.
    "CREATE TABLE scrubbing (since_redaction INTEGER)",
    # As many parts of the index as may stand beside each other before they are made one: with 4, as SQLite has it, that
    # took a fifth of all work on the index (measured).
    "INSERT INTO search (search, rank) VALUES ('automerge', 8)",
    # What people call themselves besides, with an IRC client.
    """
    ALTER TABLE people ADD COLUMN user TEXT NOT NULL DEFAULT '';
    ALTER TABLE people ADD COLUMN realname TEXT NOT NULL DEFAULT '';
    """,
    # A line writes few pages: where it stands among what people said is listed late, for many at once (`indexing`), and
    # its id is one row of one tree.  (`said` has no text and no rowid, so that none of its pages looks like entries'.)
    """
    DROP INDEX said;
    DROP INDEX said_by_date;
    CREATE TABLE said (id INTEGER PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE said_by_date (log INTEGER, at INTEGER, id INTEGER, PRIMARY KEY (log, at, id)) WITHOUT ROWID;
    INSERT INTO said SELECT id FROM entries WHERE text IS NOT NULL ORDER BY id;
    INSERT INTO said_by_date SELECT log, at, id FROM entries WHERE text IS NOT NULL ORDER BY log, at, id;
    ALTER TABLE logs ADD COLUMN listed INTEGER NOT NULL DEFAULT 0;
    UPDATE logs SET listed = head;

    ALTER TABLE line_ids RENAME TO numbered;
    CREATE TABLE line_ids (
        person TEXT NOT NULL,
        id TEXT NOT NULL,
        log INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        digest INTEGER,
        PRIMARY KEY (person, id)
    ) WITHOUT ROWID;
    INSERT INTO line_ids SELECT person, id, log, seq, at, digest FROM numbered ORDER BY person, id;
    DROP TABLE numbered;
    """,
)
"""What makes each version out of the one before; what was released is never changed, only added to."""


PAGES = "PRAGMA page_size = 2048"
"""Of a new database: a line changes few bytes in each of four pages, which are written whole, and with smaller ones who
joins, and many lines at once, take more calls of the system."""


class Prepared(NamedTuple):
    """A database that is ready, and what was in it; `lock` is the file descriptor that keeps others out."""

    path: Path
    lock: int
    kept: Kept
    summary: Sequence[Sentence]


def prepare(
    path: Path,
    migrations: Sequence[str] = MIGRATIONS,
    *,
    keep: Keep = None,
    now: datetime = EARLIEST,
    skip_damaged: bool = False,
) -> Prepared:
    """Lock, check and, if need be, make or migrate the database; raises `Unusable`.

    What `keep` takes away will be taken later; how much that is now stands in the summary.  Rows that are damaged are
    told, or set aside.
    """
    path = path.absolute()
    lock = _lock(path, os.O_RDWR | os.O_CREAT)
    try:
        with _explained(path):
            version = _check(path, len(migrations))
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(connect(path)) as connection:
                if not version:
                    connection.execute(PAGES)
                (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
                if mode != "wal":
                    raise unusable(path, say("no write-ahead file can be made beside it"))
                _migrate(connection, path, version, migrations)
                skipped = _check_rows(path, connection, skip_damaged)
                check_folding(connection)
                summary = [_summary(path, connection, version == 0), *skipped]
                if keep is not None:
                    summary.append(plan(keep, due(connection, keep, now)))
                return Prepared(path, lock, _kept(connection), summary)
    except BaseException:
        os.close(lock)
        raise


def examine(path: Path, *, skip_damaged: bool = False) -> Sequence[Sentence]:
    """Look whether `prepare` would take the database, and change nothing, not even times; raises `Unusable`.

    Returns what could not be looked at.
    """
    path = path.absolute()
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _nowhere(path, OSError(errno.EACCES if path.parent.is_dir() else errno.ENOENT, ""))
    if os.path.exists(f"{path}.lock"):
        os.close(_lock(path, os.O_RDWR))
    with _explained(path):
        if not path.exists():
            return ()
        mode = "ro&immutable=1"
        log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
        if log.exists() and log.stat().st_size:
            if not index.exists():
                return [say("{path} was not looked into: that would make a file beside it.", path=path)]
            mode = "ro&readonly_shm=1"
        version = _check(path, len(MIGRATIONS), mode)
        for file in (path, log, index):
            if file.exists() and not os.access(file, os.R_OK | os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if 0 < version < len(MIGRATIONS):
            return [say("{path} is of an older version: its rows are looked at when the server starts.", path=path)]
        if version and not skip_damaged:
            with closing(connect(path, mode)) as connection:
                _check_rows(path, connection, False)
        return ()


def look_into(path: Path) -> None:
    """Look whether a file is a database of ours, which a server may use; raises `Unusable`."""
    with _explained(path):
        _check(path, len(MIGRATIONS))


def _nowhere(path: Path, error: OSError) -> Unusable:
    return Unusable(
        say(
            "Talk cannot be kept in {directory} ({reason}). Create it or make it writable, or choose another file "
            "with --database.",
            directory=path.parent,
            reason=system_reason(error),
        )
    )


def _lock(path: Path, how: int) -> int:
    """A lock that lasts as long as its file descriptor is open, in this process and those that it forks."""
    try:
        lock = os.open(f"{path}.lock", how, 0o600)
    except OSError as error:
        raise _nowhere(path, error) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise Unusable(
            say("Another server keeps its talk in {path}. Stop it, or choose another file with --database.", path=path)
        ) from None
    return lock


def _check(path: Path, newest: int, mode: str = "ro") -> int:
    """The version of the database, 0 where there is none yet; only reads."""
    if not path.exists() or not path.stat().st_size:
        return 0
    with closing(connect(path, mode)) as connection:
        version, application, tables = (
            connection.execute(query).fetchone()[0]
            for query in ("PRAGMA user_version", "PRAGMA application_id", "SELECT count(*) FROM sqlite_master")
        )
        if application != APPLICATION_ID and tables:
            raise Unusable(
                say("{path} belongs to another program. Choose another file with --database.", path=path),
            )
        if version > newest:
            raise too_new(path)
        if path.stat().st_size <= limits.CHECKED_BYTES:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise damaged(path, verdict)
        return int(version)


def _migrate(connection: sqlite3.Connection, path: Path, version: int, migrations: Sequence[str]) -> None:
    """Bring the database to the newest version, all the way or not at all, even in a crash: a new one has many steps to
    go, and each that is made whole by itself waits for the disk."""
    if 0 < version < len(migrations):
        copy(connection, path.with_name(f"{path.name}.v{version}.copy"))
    if version < len(migrations):
        scripts = "; ".join(migrations[version:])
        connection.executescript(f"BEGIN IMMEDIATE; {scripts}; PRAGMA user_version = {len(migrations)}; COMMIT")


def _check_rows(path: Path, connection: sqlite3.Connection, skip: bool) -> Sequence[Sentence]:
    """Tell what of the rows is damaged, or set it aside; returns what is to be said of that."""
    found = damage.find(connection, path.stat().st_size <= limits.CHECKED_BYTES)
    if not found:
        return ()
    table, row, what, *_ = found[0]
    if not skip:
        raise Unusable(
            say_n(
                "{path} is damaged: in the table {table} the row {row} ({reason}). Put a backup in its place, or start "
                "with --skip-damaged, which goes on without it and leaves it in the file.",
                "{path} is damaged: in the table {table} the row {row} ({reason}), and others, {count} in all. Put a "
                "backup in its place, or start with --skip-damaged, which goes on without them and leaves them in the "
                "file.",
                len(found),
                path=path,
                table=table,
                row=row,
                reason=what,
            )
        )
    damage.set_aside(connection, found)
    return [
        say_n(
            "{count} damaged row is set aside and stays in the file: {table} {row} ({reason}).",
            "{count} damaged rows are set aside and stay in the file; the first: {table} {row} ({reason}).",
            len(found),
            table=table,
            row=row,
            reason=what,
        )
    ]


def _kept(connection: sqlite3.Connection) -> Kept:
    logs = [
        KeptLog(*log)
        for log in connection.execute(
            """
            SELECT key, name, head FROM (
                SELECT log AS key FROM memberships UNION SELECT '#lobby' UNION SELECT '#staff' UNION SELECT '*'
                UNION SELECT key FROM own_logs
            ) JOIN logs USING (key)
            """
        )
    ]
    records = connection.execute(
        """
        SELECT kind, key, value FROM records WHERE kind NOT LIKE 'damaged %' AND kind != 'topic'
        UNION ALL SELECT kind, records.key, records.value FROM json_each(?) AS logs JOIN records
            ON (kind, records.key) = ('topic', logs.value)
        """,
        (json.dumps([log.key for log in logs]),),
    )
    remembered = Remembered(dict(people.people(connection)), dict(people.sessions(connection)))
    return Kept(logs, [Record(*record) for record in records], _older(connection), remembered)


def _older(connection: sqlite3.Connection) -> Mapping[str, str]:
    """The keys of rooms whose names would be folded otherwise now; in ASCII that is done as ever."""
    rows = connection.execute("SELECT key, name FROM logs WHERE key LIKE '#%' AND name GLOB '*[^ -~]*'")
    return {folded: key for key, name in rows if (folded := fold(name)) != key}


def _summary(path: Path, connection: sqlite3.Connection, new: bool) -> Sentence:
    """How much is kept; private talk stands in two logs and is counted once."""
    (lines,) = connection.execute("SELECT coalesce(sum(said), 0) FROM logs").fetchone()
    (first,) = connection.execute("SELECT min(oldest) FROM logs WHERE oldest BETWEEN ? AND ?", DATES).fetchone()
    (copies,) = connection.execute(
        "SELECT count(*) / 2 FROM entries INDEXED BY said_to WHERE other IS NOT NULL"
    ).fetchone()
    if new:
        return begun(path)
    return holding(path, lines - copies, None if first is None else date(first).astimezone().date())


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What goes wrong becomes `Unusable`."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise damaged(path, str(error)) from None
        raise unusable(path, reason(error)) from None
    except OSError as error:
        raise unusable(path, system_reason(error)) from None
