"""A start on a database with damaged rows: one line says which, and there is a way on without them."""

import json
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from database import AMY, BOB, START, Database, lines, log, opened, private
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from world import World

from chat.base.language import language
from chat.core.hub import Hub, Settings
from chat.core.ports import Record
from chat.core.session import Session
from chat.core.session_record import check
from chat.log.events import Joined
from chat.store.memory import MemoryStore
from chat.store.sqlite.schema import Prepared, Unusable, prepare


def record() -> dict[str, Any]:
    """What is kept of somebody, as the program itself writes it."""
    world = World()
    world.enter("amy")
    (session,) = world.hub.people.values()
    value: dict[str, Any] = json.loads(session.record().value or "")
    return value


RECORD = record()


def make(path: Path) -> None:
    """A database with something of everything."""
    with opened(path) as database:
        said = private(AMY, BOB, "psst")
        database.commit(
            lines("one", "two"),
            log("#ops", [Joined(AMY, ("amy",), 1)]),
            log("@token1", [said]),
            log("@p-bob", [said]),
            records=[Record("session", "d1" * 16, json.dumps(RECORD)), Record("topic", "#lobby", "tea")],
        )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "whole.sqlite3"
    make(path)
    return path


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "chat.sqlite3"))


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement, values)


def started(path: Path, skip: bool = False) -> tuple[Prepared, Hub]:
    """Start on it as the program does."""
    prepared = prepare(path, now=START, check=check, skip_damaged=skip)
    os.close(prepared.lock)
    clock = Clock()
    hub = Hub(clock, lambda: START, MemoryStore(), lambda: "token9", Settings("pi"), prepared.kept)
    Session.restore(hub, prepared.kept.records)
    return prepared, hub


def refusal(path: Path) -> str:
    with pytest.raises(Unusable) as caught:
        started(path)
    return language("en").words(caught.value.sentence)


def test_what_is_whole_is_no_damage(path: Path) -> None:
    prepared, hub = started(path)
    assert len(prepared.summary) == 1
    assert [person.author.nick for person in hub.people.values()] == ["amy"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("[]", "no JSON object"),
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("{}", "wrong person"),
        (json.dumps({**RECORD, "nick": 7}), "wrong nick"),
        (json.dumps({**RECORD, "nick": "a\x1b[2J"}), "wrong nick"),
        (json.dumps({**RECORD, "rooms": [["#lobby"]]}), "wrong rooms"),
        (json.dumps({**RECORD, "seen": {"#lobby": "1"}}), "wrong seen"),
        (json.dumps({**RECORD, "seen": {"#lobby": -1}}), "wrong seen"),
        (json.dumps({**RECORD, "away": []}), "wrong away"),
        (json.dumps({**RECORD, "seen_at": "2026-13-01T00:00:00+00:00"}), "wrong seen_at"),
        (json.dumps({**RECORD, "ended_at": "2026-12-01T00:00:00"}), "wrong ended_at"),
        (json.dumps({**RECORD, "spoke_at": "0001-01-01T00:00:00+14:00"}), "wrong spoke_at"),
        (b"\xff\xfe", "no text"),
    ],
)
def test_a_damaged_record_is_told_and_can_be_left_out(path: Path, value: str | bytes, reason: str) -> None:
    change(path, "UPDATE records SET value = ? WHERE kind = 'session'", value)
    assert f"is damaged: in the table records the row session d1d1d1d1d1d1 ({reason})." in refusal(path)
    prepared, hub = started(path, skip=True)
    assert language("en").words(prepared.summary[1]) == (
        f"1 damaged row is set aside and stays in the file: records session d1d1d1d1d1d1 ({reason})."
    )
    assert not hub.people
    assert hub.lobby.topic == "tea"
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        kept = [row for (row,) in connection.execute("SELECT value FROM records WHERE kind LIKE 'damaged %'")]
    assert kept == [value if isinstance(value, bytes) else value.encode()]
    assert len(started(path)[0].summary) == 1


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"UPDATE logs SET head = {2**63 - 1} WHERE key = '#ops'", "logs the row id 2 (impossible head)"),
        ("UPDATE logs SET head = -1 WHERE key = '#ops'", "logs the row id 2 (impossible head)"),
        ("UPDATE logs SET head = 'x' WHERE key = '#ops'", "logs the row id 2 (impossible head)"),
        ("UPDATE logs SET head = 1 WHERE key = '#lobby'", "logs the row id 1 (head below entry 2)"),
        ("UPDATE logs SET name = '' WHERE key = '#ops'", "logs the row id 2 (wrong name)"),
        ("UPDATE logs SET key = x'ff' WHERE key = '#ops'", "logs the row id 2 (wrong key)"),
        ("UPDATE logs SET said = 'many' WHERE key = '#ops'", "logs the row id 2 (wrong numbers)"),
        ("UPDATE entries SET at = 9000000000000000000 WHERE text = 'one'", "entries the row id"),
        ("UPDATE entries SET at = -1 WHERE text = 'one'", "entries the row id"),
        ("UPDATE entries SET at = 'noon' WHERE text = 'one'", "entries the row id"),
        ("UPDATE entries SET kind = 'song' WHERE text = 'one'", "entries the row id"),
        ("UPDATE entries SET details = '{' WHERE kind = 'joined'", "entries the row id"),
        ("UPDATE entries SET nick = x'00' WHERE text = 'one'", "entries the row id"),
    ],
)
def test_a_damaged_row_is_told_and_can_be_left_out(path: Path, statement: str, told: str) -> None:
    change(path, statement)
    assert told in refusal(path)
    prepared, _ = started(path, skip=True)
    assert len(prepared.summary) == 2
    assert len(started(path)[0].summary) == 1
    with opened(path) as database:
        if "entries" in statement:
            assert len(database.entries("#lobby")) + len(database.entries("#ops")) == 2
        assert writable(database)


def writable(database: Database) -> bool:
    """Talk goes on in the rooms as they are now."""
    for key in ("#lobby", "#ops"):
        room = database.wait(database.store.room(key))
        database.commit(lines("three", first=(room.head if room else 0) + 1, key=key))
    return True


def test_several_are_counted(path: Path) -> None:
    change(path, "UPDATE entries SET at = -1")
    assert "and others, 5 in all. Put a backup" in refusal(path)
    assert "5 damaged rows are set aside" in language("en").words(started(path, skip=True)[0].summary[1])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM damaged_entries").fetchone() == (5,)
        assert connection.execute("SELECT sum(said) FROM logs").fetchone() == (0,)


def test_a_person_in_two_records_is_brought_back_once(path: Path) -> None:
    change(path, "INSERT INTO records VALUES ('session', 'd2', ?)", json.dumps({**RECORD, "nick": "ann"}))
    _, hub = started(path)
    assert len(hub.people) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@given(changes=st.dictionaries(st.sampled_from(sorted(RECORD)), json_values, max_size=3), whole=st.none() | json_values)
@settings(max_examples=150, deadline=None)
def test_whatever_is_in_a_record_it_is_brought_back_or_told(changes: dict[str, Any], whole: object) -> None:
    value = json.dumps({**RECORD, **changes} if whole is None else whole)
    record = Record("session", "digest", value)
    brought_back, wrong = 1, ""
    try:
        check(record)
    except ValueError as error:
        brought_back, wrong = 0, str(error)
    assert re.fullmatch("|no JSON( object)?|wrong [a-z_]+", wrong)
    hub = Hub(Clock(), lambda: START, MemoryStore(), lambda: "token9", Settings("pi"))
    Session.restore(hub, [record])
    assert len(hub.people) <= brought_back
    assert len(hub.people) == brought_back or "absent" in changes
    for person in hub.people.values():
        assert person.record().value


CELLS = [
    *(("logs", column) for column in ("key", "name", "head", "oldest", "said", "gone", "undated")),
    *(("records", column) for column in ("kind", "key", "value")),
    *(("entries", column) for column in ("at", "kind", "person", "session", "nick", "text", "other", "details")),
    *(("line_ids", column) for column in ("person", "id", "log", "seq", "at", "digest")),
]
cells = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.binary(max_size=6)
    | st.text(max_size=6).map(lambda text: text.encode("utf-8", "replace").decode())
)


@given(damages=st.lists(st.tuples(st.sampled_from(CELLS), st.integers(0, 5), cells), min_size=1, max_size=3))
@settings(max_examples=120, deadline=None)
def test_whatever_is_in_a_row_the_start_is_refused_in_one_line_and_goes_on_without_it(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, damages: list[tuple[tuple[str, str], int, object]]
) -> None:
    path = Path(shutil.copy(whole, tmp_path_factory.mktemp("cells") / "chat.sqlite3"))
    for (table, column), number, value in damages:
        found = f"{table}.rowid" if table != "records" else f"{table}.key"
        row = f"SELECT {found} FROM {table} LIMIT 1 OFFSET {number % 2}"
        try:
            change(path, f"UPDATE {table} SET {column} = ? WHERE {found} IN ({row})", value)
        except sqlite3.Error:  # that cannot stand there
            return
    said = ""
    try:
        started(path)
    except Unusable as error:
        said = language("en").words(error.sentence)
    assert "\n" not in said
    prepared, _ = started(path, skip=True)
    assert all("\n" not in language("en").words(sentence) for sentence in prepared.summary)
    started(path)
