"""Which databases are used and which are not, and the way from older ones."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from database import AMY, BOB, START, lines, log, opened, person, private, refusal

from chat.base import limits
from chat.base.language import language
from chat.core.ports import KeptLog, Line, LineId, Query, Record, Token
from chat.store.rows import SEQ_BITS
from chat.store.sqlite.schema import MIGRATIONS, prepare

NEWEST = len(MIGRATIONS)
NEXT = [*MIGRATIONS, "ALTER TABLE logs ADD COLUMN colour TEXT; UPDATE logs SET colour = 'blue'"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with two lines."""
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        database.commit(lines("one", "two"))
    return path


def answer(path: Path, query: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchone()[0]


def summary(path: Path) -> str:
    prepared = prepare(path)
    os.close(prepared.lock)
    return language("en").words(prepared.summary[0])


def test_a_new_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        database.commit(lines("one"))
        assert {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == dict.fromkeys(
            ("chat.sqlite3", "chat.sqlite3-wal", "chat.sqlite3-shm", "chat.sqlite3.lock"), "0o600"
        )


def test_a_clean_end_leaves_one_file_and_its_lock(path: Path) -> None:
    assert sorted(file.name for file in path.parent.iterdir()) == ["chat.sqlite3", "chat.sqlite3.lock"]


@pytest.mark.parametrize("name", ["a b.sqlite3", "100%.sqlite3", "a?b#c.sqlite3", "niño.sqlite3", "a&mode=memory"])
def test_a_database_may_have_any_name(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        with opened(tmp_path / name) as database:
            assert database.path.exists()


def test_nothing_kept_is_said_at_start(tmp_path: Path) -> None:
    assert summary(tmp_path / "chat.sqlite3") == f"Talk is kept in {tmp_path}/chat.sqlite3, a new database."


def test_what_is_kept_is_said_at_start(path: Path) -> None:
    day = START.astimezone().date()
    assert summary(path) == f"Talk is kept in {path} (2 lines since {day})."


def test_private_talk_is_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        said = private(AMY, BOB, "psst")
        database.commit(log("@p-amy", [said]), log("@p-bob", [said]))
    assert "(1 line since" in summary(path)


def test_a_relative_path_is_said_in_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    assert str(path) in summary(Path("chat.sqlite3"))


def test_what_those_need_who_can_come_back_is_read_at_start_and_other_rooms_when_they_are_asked_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "chat.sqlite3"
    tokens = [Token("d1", "bot", ["#ops"], True, START, None), Token("d2", "cron", [], False, START, START)]
    amy = person("amy", rooms={"#ops": 1}, tokens=tokens)
    topic = Record("topic", "#lobby", "hello")
    tea = Record("topic", "#old", "tea")
    said = private(AMY, BOB, "psst")
    with opened(path) as database:
        database.commit(
            lines("one", "two"), lines("three", key="#ops", recorded=False), records=[topic], people={"p-amy": amy}
        )
        database.commit(lines("four", key="#old"), lines("five", key="#Ärger"), records=[tea])
        database.commit(log("@p-amy", [said]), log("@p-bob", [said]))
    prepared = prepare(path)
    os.close(prepared.lock)
    assert sorted(prepared.kept.logs, key=lambda log: log.key) == [
        KeptLog("#lobby", "#LOBBY", 2),
        KeptLog("#ops", "#OPS", 1),
        KeptLog("@p-amy", "@P-AMY", 1),
    ]
    assert prepared.kept.records == [topic]
    assert prepared.kept.remembered.people == {"p-amy": amy}
    assert prepared.kept.older == {"#ärger": "#Ärger"}
    with opened(path) as database:
        assert database.wait(database.store.room("#old")) == KeptLog("#old", "#OLD", 1, "tea")
        assert database.wait(database.store.room("#ops")) == KeptLog("#ops", "#OPS", 1)
        assert database.wait(database.store.room("#nope")) is None


def test_a_record_is_replaced_and_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        database.commit(records=[Record("one", "#a", "old"), Record("one", "#a", "new"), Record("one", "#b", "x")])
        database.commit(records=[Record("one", "#b", None), Record("one", "#c", None)])
        database.commit(records=[Record("one", "#d", "x"), Record("one", "#d", None)])
    with opened(path) as database:
        assert database.prepared.kept.records == [Record("one", "#a", "new")]


def test_the_name_of_a_log_is_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        database.commit(lines("one"))
        appended = lines("two", first=2)
        database.commit(type(appended)(appended.key, "#Lobby", True, appended.entries))
    with opened(path) as database:
        assert database.prepared.kept.logs == [KeptLog("#lobby", "#Lobby", 2)]


# What is refused; the file stays as it was.


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    path.touch()
    assert "a new database" in summary(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    path.write_bytes(b"#!/bin/sh\necho hello\n" * 100)
    before = path.read_bytes()
    assert refusal(path) == (
        f"{path} is damaged (file is not a database). Put a backup in its place, or move it away to begin a new one."
    )
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()
    assert refusal(path) == f"{path} belongs to another program. Choose another file with --database."
    assert path.read_bytes() == before


def test_a_newer_database_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    assert refusal(path) == (
        f"{path} was written by a newer version of this server. Install that one, or choose another database "
        "with --database."
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize("offset", [0, 16, 100, 2048, 3 * 2048 + 8, -2048], ids=str)
def test_a_damaged_database_is_refused_or_was_not_hurt(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    begin = offset % len(content)
    content[begin : begin + 64] = b"\xff" * 64
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path} is damaged (")
    assert path.read_bytes() == content


def test_a_database_that_was_cut_is_refused(path: Path) -> None:
    content = path.read_bytes()[:-2048]
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path} is damaged (")
    assert path.read_bytes() == content


def test_of_a_large_database_only_the_schema_is_checked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECKED_BYTES", 1000)
    begin = 2048 * (int(str(answer(path, "SELECT rootpage FROM sqlite_master WHERE name = 'line_ids'"))) - 1)
    content = bytearray(path.read_bytes())
    content[begin : begin + 64] = b"\xff" * 64
    path.write_bytes(content)
    os.close(prepare(path).lock)
    content[:16] = b"\xff" * 16
    path.write_bytes(content)
    assert "is damaged" in refusal(path)


def test_a_directory_that_is_missing_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path / "missing" / "chat.sqlite3") == (
        f"Talk cannot be kept in {tmp_path}/missing (No such file or directory). Create it or make it writable, or "
        "choose another file with --database."
    )


def test_a_directory_in_place_of_the_database_is_refused(tmp_path: Path) -> None:
    assert f"{tmp_path}/chat cannot be used (" in refusal(_made(tmp_path / "chat"))


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


AS_SOMEBODY = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from database import refusal
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
print(refusal(Path(sys.argv[1])))
"""


def refusal_of_somebody(path: Path) -> str:
    """Why somebody who is not root may not use it."""
    script = AS_SOMEBODY.format(tests=str(Path(__file__).parents[1] / "support"))
    return subprocess.run([sys.executable, "-c", script, path], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that anybody may reach; pytest's own are shut again by each run that begins meanwhile."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_a_directory_that_is_not_writable_is_told(public: Path) -> None:
    directory = _made(public / "chat")
    directory.chmod(0o555)
    assert "(Permission denied). Create it or make it writable" in refusal_of_somebody(directory / "chat.sqlite3")
    assert list(directory.iterdir()) == []


def test_a_database_of_somebody_else_is_refused(public: Path) -> None:
    directory = _made(public / "chat")
    with opened(directory / "chat.sqlite3"):
        pass
    directory.chmod(0o777)
    (directory / "chat.sqlite3.lock").chmod(0o666)
    assert "cannot be used (cannot be opened)" in refusal_of_somebody(directory / "chat.sqlite3")


def test_a_second_server_is_refused_as_long_as_the_first_one_runs(path: Path) -> None:
    with opened(path):
        assert refusal(path) == (
            f"Another server keeps its talk in {path}. Stop it, or choose another file with --database."
        )
    os.close(prepare(path).lock)


FORKED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from chat.store.sqlite.schema import prepare
from chat.store.sqlite.store import SqliteStore
from database import Reactor, batch, lines, refusal
path = Path(sys.argv[1])
reactor = Reactor()
prepared = prepare(path)
store = SqliteStore(prepared, reactor)
if os.fork():
    os._exit(0)
store.start()
reactor.wait(store.commit(batch(lines("three", first=3))))
print(refusal(path))
reactor.wait(store.close())
"""


def test_lock_and_store_go_on_in_the_background(path: Path) -> None:
    script = FORKED.format(tests=str(Path(__file__).parents[1] / "support"))
    said = subprocess.run([sys.executable, "-c", script, path], check=True, capture_output=True, text=True)
    assert said.stdout.startswith("Another server")
    assert said.stderr == ""
    with opened(path) as database:
        assert database.texts() == ["one", "two", "three"]


def test_nothing_stays_locked_after_a_refusal(path: Path) -> None:
    assert "newer" in refusal(path, migrations=[])
    os.close(prepare(path).lock)


def test_a_database_that_another_program_holds_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOCKED_SECONDS", 0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        assert "cannot be used (locked by another program)" in refusal(path)


# Migration.


def test_an_older_database_is_migrated_with_a_copy_before(path: Path) -> None:
    os.close(prepare(path, NEXT).lock)
    copy = path.with_name(f"chat.sqlite3.v{NEWEST}.copy")
    assert answer(path, "PRAGMA user_version") == NEWEST + 1
    assert answer(path, "SELECT colour FROM logs") == "blue"
    assert answer(copy, "PRAGMA user_version") == NEWEST
    assert answer(copy, "SELECT count(*) FROM entries") == 2
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_database_that_is_up_to_date_is_not_copied(path: Path) -> None:
    before = path.read_bytes()
    os.close(prepare(path).lock)
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["chat.sqlite3", "chat.sqlite3.lock"]


def test_a_migration_that_fails_leaves_the_older_version(path: Path) -> None:
    failing = [*NEXT, "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)"]
    assert "cannot be used (no such table: nowhere)" in refusal(path, migrations=failing)
    # The steps before it are not kept either: whoever made the file can still use it.
    assert answer(path, "PRAGMA user_version") == NEWEST
    assert answer(path, "SELECT count(*) FROM sqlite_master WHERE name = 'half'") == 0
    os.close(prepare(path).lock)
    os.close(prepare(path, NEXT).lock)


def of_version(path: Path, version: int) -> None:
    """An empty database as a program of then would have made it."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{';'.join(MIGRATIONS[:version])}; PRAGMA user_version = {version}")


def test_a_line_of_before_digests_were_kept_is_acknowledged_whatever_comes_under_its_id(path: Path) -> None:
    of_version(path, 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO logs (key, name, head) VALUES ('#lobby', '#lobby', 7)")
        connection.execute("INSERT INTO line_ids (person, id, log, seq, at) VALUES ('p-amy', '\"c1\"', 1, 7, 0)")
    with opened(path) as database:
        id, other = LineId("p-amy", "c1"), LineId("p-amy", "c2")
        known = database.wait(database.store.known([id, other]))
        assert {line: known.digest for line, known in known.items()} == {id: None}
        assert known[id].same(Line(id, 1))
        assert known[id].same(Line(id, -1))


def test_what_was_indexed_by_tables_of_before_is_found(path: Path) -> None:
    (before,) = (number for number, script in enumerate(MIGRATIONS) if "CREATE TABLE said" in script)
    of_version(path, before)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO logs (key, name, head, said) VALUES ('#lobby', '#lobby', 3, 2)")
        for seq, kind, text in ((1, "message", "one"), (2, "joined", None), (3, "message", "three")):
            connection.execute(
                """
                INSERT INTO entries (id, at, kind, person, session, nick, text, details)
                VALUES (?, ?, ?, 'p-amy', 's-amy', 'amy', ?, ?)
                """,
                ((1 << SEQ_BITS) + seq, seq, kind, text, None if text else '{"nicks": ["amy"], "people": 1}'),
            )
        connection.execute(
            """
            INSERT INTO line_ids (person, id, log, seq, at, digest)
            VALUES ('p-amy', '"c3"', 1, 3, 0, 9), ('p-amy', '"c1"', 1, 1, 0, 9)
            """
        )
    with opened(path) as database:
        assert database.listed_wrong() == set()
        database.commit(lines("four", first=4))
        for _ in range(2):
            found = database.wait(database.store.said(Query(["#lobby"], 9)))
            assert [entry.seq for _, entry in found.entries] == [1, 3, 4]
            database.index()
        known = database.wait(database.store.known([LineId("p-amy", f"c{seq}") for seq in (1, 2, 3)]))
        assert {line.id: (at.place.seq, at.digest) for line, at in known.items()} == {"c1": (1, 9), "c3": (3, 9)}


KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
sys.path[:0] = [{support!r}, {here!r}]
from chat.store.sqlite import schema
from test_schema import NEXT
connect = schema.connect
def mortal(*arguments):
    connection = connect(*arguments)
    connection.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
    return connection
schema.connect = mortal
schema.prepare(Path(sys.argv[1]), [*NEXT[:int(sys.argv[2])], NEXT[int(sys.argv[2])] + "; SELECT die()"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", [0, NEWEST])
def test_a_crash_in_the_middle_of_a_migration_leaves_the_older_version(path: Path, version: int) -> None:
    if version == 0:
        path.unlink()
    here = Path(__file__).parent
    script = KILLED.format(support=str(here.parent / "support"), here=str(here))
    assert subprocess.run([sys.executable, "-c", script, path, str(version)], check=False).returncode == -9
    assert answer(path, "PRAGMA user_version") == version
    with opened(path) as database:
        assert len(database.texts()) == (2 if version else 0)
    os.close(prepare(path, NEXT).lock)
    assert answer(path, "PRAGMA user_version") == NEWEST + 1
