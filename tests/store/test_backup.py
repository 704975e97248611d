"""Copies of a database in use: whole, of one moment, and only so many."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from database import START, Database, lines, opened

from chat.base import limits
from chat.store.sqlite import backup
from chat.store.sqlite.backup import Interrupted
from chat.store.worker import Worker

DAY = date(2026, 11, 21)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with opened(tmp_path / "chat.sqlite3") as database:
        database.commit(lines(*(f"line {number} {'x' * 100}" for number in range(1, 1001))))
        yield database


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "copies"
    directory.mkdir()
    return directory


def names(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir())


def test_a_copy_is_used_as_the_database_was(database: Database, directory: Path) -> None:
    copy = database.wait(database.store.backup(directory, DAY.isoformat()))
    assert copy == directory / "chat-2026-11-21.sqlite3"
    assert names(directory) == ["chat-2026-11-21.sqlite3"]
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with opened(copy) as restored:
        assert restored.texts() == database.texts()
        assert [log.head for log in restored.prepared.kept.logs] == [1000]
        restored.commit(lines("it goes on", first=1001))


def test_a_copy_is_for_its_owner_alone(database: Database, directory: Path) -> None:
    copy = database.wait(database.store.backup(directory, DAY.isoformat()))
    assert oct(copy.stat().st_mode & 0o777) == "0o600"


def test_a_copy_is_of_one_moment_and_holds_nobody_up(
    database: Database, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Any] = []

    def write(_: float) -> None:
        """Instead of a pause: somebody says something, which is stored before the copy goes on."""
        with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
            head = 1001 + len(written)
            log = other.execute("SELECT id FROM logs").fetchone()[0]
            entry = other.execute("SELECT max(id) + 1 FROM entries").fetchone()[0]
            other.execute("BEGIN IMMEDIATE")
            other.execute("INSERT INTO entries (id, at, kind, text) VALUES (?, 0, 'message', 'x')", (entry,))
            other.execute("UPDATE logs SET head = ? WHERE id = ?", (head, log))
            other.execute("COMMIT")
        written.append(entry)

    monkeypatch.setattr(limits, "COPY_PAGES", 5)
    monkeypatch.setattr(backup.time, "sleep", write)
    copy = database.wait(database.store.backup(directory, DAY.isoformat()))
    assert len(written) > 5
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*), head FROM entries, logs").fetchone() == (1000, 1000)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_day_is_copied_once(database: Database, directory: Path) -> None:
    copy = database.wait(database.store.backup(directory, DAY.isoformat()))
    before = copy.stat().st_mtime_ns
    database.commit(lines("more", first=1001))
    assert database.wait(database.store.backup(directory, DAY.isoformat())) == copy
    assert copy.stat().st_mtime_ns == before


def test_the_seven_newest_stay_and_nothing_else_is_touched(database: Database, directory: Path) -> None:
    others = ["chat-2026.sqlite3", "chat.sqlite3", "chats-2020-01-01.sqlite3", "notes"]
    for name in others:
        (directory / name).touch()
    for days in range(10):
        database.wait(database.store.backup(directory, (DAY + timedelta(days=days)).isoformat()))
    newest = [f"chat-{DAY + timedelta(days=days)}.sqlite3" for days in range(3, 10)]
    assert names(directory) == sorted(newest + others)


def test_those_of_a_moment_and_those_of_the_nights_stay_beside_each_other(database: Database, directory: Path) -> None:
    nights = [f"2026-11-2{day}" for day in range(7)]
    moments = [f"2026-11-27-10000{second}" for second in range(8)]
    for stamp in (*nights, *moments):
        database.wait(database.store.backup(directory, stamp))
    assert names(directory) == sorted(f"chat-{stamp}.sqlite3" for stamp in (*nights, *moments[1:]))


def test_a_copy_that_was_cut_off_is_begun_anew(database: Database, directory: Path) -> None:
    (directory / "chat-2026-11-21.sqlite3.part").write_bytes(b"half of it")
    database.wait(database.store.backup(directory, DAY.isoformat()))
    assert names(directory) == ["chat-2026-11-21.sqlite3"]


def test_a_copy_that_is_not_possible_is_told_and_the_store_goes_on(database: Database, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        database.wait(database.store.backup(tmp_path / "missing", DAY.isoformat()))
    database.commit(lines("more", first=1001, at=START))


def test_who_closes_the_store_ends_a_copy_first(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To close any file of the database lets go of the locks of all."""
    monkeypatch.setattr(limits, "COPY_PAGES", 5)
    began, goes_on = Event(), Event()
    monkeypatch.setattr(backup.time, "sleep", lambda _: (began.set(), goes_on.wait(10)))
    database = Database(tmp_path / "chat.sqlite3")
    database.commit(lines(*(f"line {number} {'x' * 100}" for number in range(1, 1001))))
    copied = database.store.backup(directory, DAY.isoformat())
    assert began.wait(10)
    ended: list[str] = []
    close = Worker.close
    monkeypatch.setattr(Worker, "close", lambda worker: ended.append(worker._name) or close(worker))
    closed = database.store.close()
    assert ended == [], "it waits for the copy"
    goes_on.set()
    database.wait(closed)
    assert ended == ["chat-searcher", "chat-reader", "chat-writer"]
    with pytest.raises(Interrupted):
        database.wait(copied)
    assert names(directory) == []
