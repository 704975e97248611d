"""Disks that are full, break or are held by others: nothing refused appears later, and writing goes on by itself."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from database import START, Database, lines, opened, refusal

from chat.base import limits
from chat.base.errors import NotStored, Refused
from chat.core.ports import Query, Record
from chat.store.sqlite.store import SqliteStore


def refused(database: Database, *texts: str, first: int) -> str:
    """Why these lines were not kept."""
    with pytest.raises(NotStored) as caught:
        database.commit(lines(*texts, first=first), records=[Record("topic", "#lobby", texts[0])])
    return caught.value.reason.text


def topics(database: Database) -> list[Record]:
    return list(database.prepared.kept.records)


def test_a_database_that_another_program_holds_is_read_and_later_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOCKED_SECONDS", 0.01)
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        database.commit(lines("one"))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert refused(database, "refused", first=2) == "locked by another program"
            assert database.texts() == ["one"]
            assert database.wait(database.store.said(Query(["#lobby"], 5))).total == 1
        database.commit(lines("two", first=2))
        assert database.texts() == ["one", "two"]
    with opened(path) as database:
        assert database.texts() == ["one", "two"]
        assert topics(database) == []


def test_a_batch_that_contradicts_what_is_kept_is_a_bug_and_not_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "chat.sqlite3") as database:
        database.commit(lines("one"))
        with pytest.raises(sqlite3.IntegrityError):
            database.commit(lines("zero", key="#ops"), lines("another one"))
        assert database.texts() == ["one"]
        assert database.texts("#ops") == []
        database.commit(lines("two", first=2))


def test_a_database_that_cannot_be_opened_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: object
) -> None:
    path, away = tmp_path / "chat.sqlite3", tmp_path / "away"
    start = SqliteStore.start

    def start_without_it(store: SqliteStore) -> None:
        path.rename(away)
        start(store)

    monkeypatch.setattr(SqliteStore, "start", start_without_it)
    with opened(path) as database:
        assert refused(database, "one", first=1) == "cannot be opened"
        with pytest.raises(Refused, match="cannot be opened"):
            database.wait(database.store.said(Query(["#lobby"], 5)))
        logged.expect(sqlite3.OperationalError)  # type: ignore[attr-defined]
        away.rename(path)
        database.commit(lines("one"))
        assert database.texts() == ["one"]


def test_what_is_open_at_the_start_serves_for_good(tmp_path: Path) -> None:
    """There may be no file descriptor left when the first question comes."""
    path, away = tmp_path / "chat.sqlite3", tmp_path / "away"
    with opened(path) as database:
        database.commit(lines("one"))
        path.rename(away)
        assert database.texts() == ["one"]
        away.rename(path)


def test_of_a_damaged_page_only_what_is_on_it_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: object
) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        database.commit(lines(*(f"line {number} {'x' * 200}" for number in range(1, 201))))
        database.index()
    content = bytearray(path.read_bytes())
    begin = content.index(b"line 100 ") // 2048 * 2048  # its page
    content[begin : begin + 64] = b"\xff" * 64
    path.write_bytes(content)
    monkeypatch.setattr(limits, "CHECKED_BYTES", 0)
    for seconds in ("INDEX_PAUSE_SECONDS", "INDEX_IDLE_SECONDS"):  # the index would be told of the page, too, or not
        monkeypatch.setattr(limits, seconds, 3600)
    with opened(path) as database:
        with pytest.raises(sqlite3.DatabaseError):
            database.texts()
        assert len(database.wait(database.store.after("#lobby", 150, 100))) == 50
        with pytest.raises(Refused, match="damaged"):
            database.wait(database.store.said(Query(["#lobby"], 150)))
        logged.expect(sqlite3.DatabaseError)  # type: ignore[attr-defined]
        assert len(database.wait(database.store.said(Query(["#lobby"], 50))).entries) == 50
        database.commit(lines("line 201", first=201))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    directory = tmp_path / "small"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", directory]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)


def fill(file: Path) -> None:
    """Take all the room on a disk."""
    with suppress(OSError), file.open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass


@pytest.mark.parametrize("synchronous", ["full", "normal"])
def test_a_full_disk_is_read_and_written_again_when_there_is_room(small_disk: Path, synchronous: str) -> None:
    path, filler = small_disk / "chat.sqlite3", small_disk / "filler"
    with opened(path, synchronous) as database:  # type: ignore[arg-type]
        database.commit(lines("one"))
        kept = ["one"]
        fill(filler)
        reasons = set()
        for number in range(40):
            try:
                database.commit(lines(f"line {number} {'x' * 900}", first=len(kept) + 1))
                kept.append(f"line {number} {'x' * 900}")
            except NotStored as error:
                reasons.add(error.reason.text)
            assert database.texts() == kept
        assert reasons == {"disk full"}
        assert database.wait(database.store.said(Query(["#lobby"], 100))).total == len(kept)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            database.wait(database.store.trim(timedelta(days=1), START + timedelta(days=9)))
        filler.unlink()
        database.commit(lines("last", first=len(kept) + 1))
        assert database.texts() == [*kept, "last"]
    with opened(path) as database:
        assert database.texts() == [*kept, "last"]


def test_a_full_disk_at_start_is_told_and_leaves_the_database_as_it_was(small_disk: Path) -> None:
    path = small_disk / "chat.sqlite3"
    with opened(path) as database:
        database.commit(lines("one"))
    before = path.read_bytes()
    fill(small_disk / "filler")
    assert refusal(path).startswith(f"{path} cannot be used (disk ")
    assert refusal(small_disk / "new.sqlite3").startswith(f"{small_disk}/new.sqlite3 cannot be used (disk ")
    assert path.read_bytes() == before
    (small_disk / "filler").unlink()
    for name in ("chat.sqlite3", "new.sqlite3"):
        with opened(small_disk / name):
            pass


LIMITED = """
import json, resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from chat.base.errors import NotStored
from database import lines, opened
report = {{"reasons": [], "kept": ["one"]}}
with opened(Path(sys.argv[1]), "full") as database:
    database.commit(lines("one"))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    for number in range(40):
        text = f"line {{number}} " + 5000 * "x"
        try:
            database.commit(lines(text, first=len(report["kept"]) + 1))
            report["kept"].append(text)
        except NotStored as error:
            report["reasons"].append(error.reason.text)
        assert database.texts() == report["kept"]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    database.commit(lines("last", first=len(report["kept"]) + 1))
    report["kept"].append("last")
print(json.dumps(report))
"""


def test_a_disk_that_fails_is_read_and_written_again_when_it_does_not(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    report = json.loads(run(LIMITED, path))
    assert set(report["reasons"]) == {"disk error"}
    assert 1 < len(report["kept"]) < 40
    with opened(path) as database:
        assert database.texts() == report["kept"]


def run(script: str, *arguments: object) -> str:
    """What a script prints."""
    script = script.format(tests=str(Path(__file__).parents[1] / "support"))
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
