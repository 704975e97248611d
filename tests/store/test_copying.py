"""All that is kept, from a file to a database of PostgreSQL and back: whole, or nothing of it is there."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from database import AMY, BOB, START, lines, log, opened, person, private, session
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rows import entries

from chat.base.language import language
from chat.core.ports import Admission, Place, Query, Record, Redaction, Token
from chat.log.events import Entry
from chat.store.unusable import Unusable

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'twisted-chat[postgres]'")

from postgresql import Server, stored  # they need it

from chat.store.postgresql.copying import from_file, to_file

pytestmark = pytest.mark.slow

TABLES = (
    "logs", "entries", "line_ids", "records", "people", "memberships", "read", "ignored", "senders", "sessions",
    "given", "roles", "tokens", "admissions",
)  # fmt: skip


def rows(path: Path) -> dict[str, list[Any]]:
    """All of a file, but for how far its index goes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE logs SET indexed = 0, listed = 0")
        return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


def fill(path: Path, count: int = 3) -> None:
    psst = private(AMY, BOB, "psst")
    with opened(path) as database:
        place = Place("#lobby", "#LOBBY", 1, START)
        database.commit(lines("one", "two \U0001f44d", *["three"] * count), ids=[("c1", place)])
        database.commit(log("@p-amy", [psst]), log("@p-bob", [psst]), lines("gone", key="#ops"))
        database.commit(redactions=[Redaction("#ops", [1])], records=[Record("topic", "#lobby", "tea")])
        token = Token("d", "bot", ["#lobby"], True, START, None)
        database.commit(
            people={
                "p-amy": person("amy", rooms={"#ops": 1, "#lobby": 0}, tokens=[token], roles={"*": "operator"}),
                "p-bob": person(
                    "bob",
                    password="hash",
                    user="b",
                    realname="Bob",
                    admitted={"#ops": Admission(1, True)},
                    senders=["p-amy"],
                ),
            },
            sessions={"x": session("p-amy", given={"#lobby": 2})},
        )


@pytest.mark.door
def test_there_and_back_it_is_equal_row_by_row(postgresql: Server, tmp_path: Path) -> None:
    path, back = tmp_path / "chat.sqlite3", tmp_path / "back.sqlite3"
    fill(path)
    where = postgresql.emptied()
    from_file(path, where)
    to_file(where, back)
    assert rows(back) == rows(path)
    with opened(back) as one, stored(where) as other:
        for held in (one, other):
            assert held.texts()[:2] == ["one", "two \U0001f44d"]
            assert held.wait(held.store.said(Query(["#lobby"], 9, words="two"))).total == 1
            held.commit(lines("new", key="#new"))
        assert sorted(one.prepared.kept.logs) == sorted(other.prepared.kept.logs)
        assert one.prepared.kept.records == other.prepared.kept.records


@settings(max_examples=15)
@given(held=st.lists(entries, min_size=1, max_size=8))
def test_any_entry_is_the_same_there_and_back(
    postgresql: Server, tmp_path_factory: pytest.TempPathFactory, held: list[Entry]
) -> None:
    directory = tmp_path_factory.mktemp("copied")
    with opened(directory / "one") as database:
        database.commit(log("#lobby", [entry.fact for entry in held]))
    where = postgresql.cleared()
    from_file(directory / "one", where)
    to_file(where, directory / "back")
    assert rows(directory / "back") == rows(directory / "one")


def test_a_database_in_which_something_is_is_left_as_it_is(postgresql: Server, tmp_path: Path) -> None:
    fill(tmp_path / "chat.sqlite3")
    where = postgresql.emptied()
    with stored(where) as held:
        held.commit(lines("mine"))
    with pytest.raises(Unusable) as caught:
        from_file(tmp_path / "chat.sqlite3", where)
    assert language("en").words(caught.value.sentence) == f"{where} is not empty. Choose another one."
    with stored(where) as held:
        assert held.texts() == ["mine"]


def test_a_file_that_a_server_uses_is_not_copied(postgresql: Server, tmp_path: Path) -> None:
    where = postgresql.emptied()
    with opened(tmp_path / "chat.sqlite3"), pytest.raises(Unusable) as caught:
        from_file(tmp_path / "chat.sqlite3", where)
    assert "Another server keeps its talk in" in language("en").words(caught.value.sentence)


@pytest.mark.parametrize("back", [False, True])
def test_killed_in_the_middle_it_leaves_nothing(postgresql: Server, tmp_path: Path, back: bool) -> None:
    path, where = tmp_path / "chat.sqlite3", postgresql.emptied()
    fill(path, 60)
    if back:
        from_file(path, where)
    words = [where, f"sqlite:{tmp_path / 'back'}"] if back else [f"sqlite:{path}", where]
    killed = f"""
import os, signal
from chat.base import limits
from chat.server import copy_command
from chat.store.postgresql import copying
limits.COPIED_ROWS = 10
count = 0
def kill(page, *arguments):
    global count
    for rows in page(*arguments):
        count += 1
        if count == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        yield rows
for name in ("_pages_of_file", "_pages_of_database"):
    page = getattr(copying, name)
    setattr(copying, name, lambda *arguments, page=page: kill(page, *arguments))
copy_command.main({words!r})
"""
    ended = subprocess.run([sys.executable, "-c", killed], check=False)
    assert ended.returncode == -signal.SIGKILL
    if back:
        assert not (tmp_path / "back").exists()
        to_file(where, tmp_path / "back")
        assert rows(tmp_path / "back") == rows(path)
    else:
        assert postgresql.ask("SELECT 1 FROM pg_namespace WHERE nspname = 'chat'", "chat") == []
        from_file(path, where)
        with stored(where) as held:
            assert len(held.texts()) == 62


def test_a_copy_of_each_night_is_made_of_a_database_in_use(postgresql: Server, tmp_path: Path) -> None:
    with stored(postgresql.emptied()) as held:
        held.commit(lines("one"))
        path = held.wait(held.store.backup(tmp_path, "2026-11-29"))
        assert path == tmp_path / "chat-2026-11-29.sqlite3"
        held.commit(lines("two", first=2))
    with opened(path) as database:
        assert database.texts() == ["one"]
    assert os.stat(path).st_mode & 0o777 == 0o600
