"""A start on a database with damaged rows: one line says which, and there is a way on without them."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from database import AMY, BOB, START, Database, lines, log, opened, person, private, session
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from chat.base.language import language
from chat.core.hub import Hub, Settings
from chat.core.ports import Admission, Record, Token
from chat.core.restoring import restore
from chat.log.events import Joined
from chat.store.memory import MemoryStore
from chat.store.sqlite.schema import Prepared, prepare
from chat.store.unusable import Unusable


def make(path: Path) -> None:
    """A database with something of everything."""
    with opened(path) as database:
        said = private(AMY, BOB, "psst")
        database.commit(
            lines("one", "two"),
            log("#ops", [Joined(AMY, ("amy",), 1)]),
            log("@token1", [said]),
            log("@p-bob", [said]),
            records=[Record("topic", "#lobby", "tea")],
            people={
                "token1": person(
                    "amy",
                    rooms={"#lobby": 0},
                    read={"#lobby": 1},
                    ignored={"p": "q"},
                    senders=["s"],
                    tokens=[Token("ff" * 32, "bot", ["#ops"], True, START, None)],
                    roles={"#ops": "owner"},
                    admitted={"#ops": Admission(0, True)},
                )
            },
            sessions={"d1" * 16: session("token1", given={"#lobby": 1})},
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
    prepared = prepare(path, now=START, skip_damaged=skip)
    os.close(prepared.lock)
    clock = Clock()
    hub = Hub(clock, lambda: START, MemoryStore(), lambda: "token9", Settings("pi"), prepared.kept)
    restore(hub, prepared.kept.remembered)
    return prepared, hub


def refusal(path: Path) -> str:
    with pytest.raises(Unusable) as caught:
        started(path)
    return language("en").words(caught.value.sentence)


def test_what_is_set_aside_stands_in_no_list(path: Path) -> None:
    with opened(path) as database:
        database.index()
    change(path, "UPDATE entries SET kind = 'said' WHERE text = 'one'")
    os.close(prepare(path, skip_damaged=True).lock)
    with opened(path) as database:
        assert database.listed_wrong() == set()
        database.index()


def test_what_is_whole_is_no_damage(path: Path) -> None:
    prepared, hub = started(path)
    assert len(prepared.summary) == 1
    assert [person.author.nick for person in hub.people.values()] == ["amy"]


@pytest.mark.parametrize(
    ("change_it", "row", "reason"),
    [
        ("people SET nick = NULL", "people token1", "wrong nick"),
        ("people SET nick = 'a' || char(27) || '[2J'", "people token1", "wrong nick"),
        ("people SET nick = x'ff'", "people token1", "wrong nick"),
        ("people SET away = x'07'", "people token1", "wrong away"),
        ("people SET entered_at = 'noon'", "people token1", "wrong date"),
        ("people SET spoke_at = 9223372036854775807", "people token1", "wrong date"),
        ("people SET spoke_at = -1", "people token1", "wrong spoke_at"),
        ("memberships SET joined = 'one'", "people token1", "wrong rooms"),
        ("memberships SET log = x'ff'", "people token1", "wrong rooms"),
        ("read SET seq = -1", "people token1", "wrong read"),
        ("ignored SET nick = NULL", "people token1", "wrong ignored"),
        ("senders SET sender = ''", "people token1", "wrong senders"),
        ("tokens SET digest = ''", "people token1", "wrong tokens"),
        ("tokens SET rooms = '[7]'", "people token1", "wrong tokens"),
        ("tokens SET rooms = 'x'", "people token1", "wrong tokens"),
        ("tokens SET made_at = NULL", "people token1", "wrong tokens"),
        ("tokens SET used_at = 'noon'", "people token1", "wrong tokens"),
        ("sessions SET token = x'ff'", "sessions d1d1d1d1d1d1", "wrong token"),
        ("roles SET role = 'king'", "people token1", "wrong roles"),
        ("roles SET log = ''", "people token1", "wrong roles"),
        ("admissions SET behind = 'one'", "people token1", "wrong admitted"),
        ("admissions SET log = ''", "people token1", "wrong admitted"),
        ("people SET realname = x'ff'", "people token1", "wrong realname"),
        ("sessions SET host = NULL", "sessions d1d1d1d1d1d1", "wrong host"),
        ("sessions SET seen_at = NULL", "sessions d1d1d1d1d1d1", "wrong date"),
        ("sessions SET ended_at = 'noon'", "sessions d1d1d1d1d1d1", "wrong date"),
        ("given SET seq = 1.5", "sessions d1d1d1d1d1d1", "wrong given"),
    ],
)
def test_what_is_remembered_wrong_is_told_and_can_be_left_out(
    path: Path, change_it: str, row: str, reason: str
) -> None:
    change(path, f"UPDATE {change_it}")
    table, key = row.split()
    assert f"is damaged: in the table {table} the row {key} ({reason})." in refusal(path)
    prepared, hub = started(path, skip=True)
    assert language("en").words(prepared.summary[1]) == (
        f"1 damaged row is set aside and stays in the file: {row} ({reason})."
    )
    assert not hub.people
    assert hub.lobby.topic == "tea"
    with closing(sqlite3.connect(path)) as connection:
        column = {"people": "id", "sessions": "digest"}[table]
        (kept,) = connection.execute(f"SELECT count(*) FROM {table} WHERE {column} LIKE 'damaged %'").fetchone()
    assert kept == 1
    assert len(started(path)[0].summary) == 1


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("INSERT INTO records VALUES ('measure', 'mute p #ops', '{}')", "records the row measure mute p #ops"),
        ("INSERT INTO records VALUES ('measure', 'mute', '{}')", "records the row measure mute (not as it"),
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
        database.index()


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


CELLS = [
    *(("logs", column) for column in ("key", "name", "head", "oldest", "said", "gone", "undated")),
    *(("records", column) for column in ("kind", "key", "value")),
    *(("people", column) for column in ("id", "nick", "absent", "away", "last_from", "entered_at", "spoke_at")),
    *(("memberships", column) for column in ("person", "log", "joined", "place")),
    *(("read", column) for column in ("person", "log", "seq")),
    *(("ignored", column) for column in ("person", "other", "nick")),
    *(("senders", column) for column in ("person", "sender")),
    *(("roles", column) for column in ("person", "log", "role")),
    *(("admissions", column) for column in ("person", "log", "behind", "came", "place")),
    *(("sessions", column) for column in ("digest", "id", "person", "host", "current", "quiet", "language")),
    *(("sessions", column) for column in ("seen_at", "ended_at", "guest")),
    *(("given", column) for column in ("session", "log", "seq")),
    *(("entries", column) for column in ("at", "kind", "person", "session", "nick", "text", "other", "details")),
    *(("line_ids", column) for column in ("person", "id", "log", "seq", "at", "digest")),
]
KEYS = {
    "records": "key", "people": "id", "sessions": "digest", "given": "session", "memberships": "person",
    "read": "person", "ignored": "person", "senders": "person", "roles": "person",
    "admissions": "person", "line_ids": "person",
}  # fmt: skip
"""Of tables without numbers of rows."""

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
        found = f"{table}.{KEYS.get(table, 'rowid')}"
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


PARTS = (
    "person", "nick", "host", "rooms", "current", "away", "quiet", "ignored", "last_from", "senders", "untold", "seen",
    "joined", "absent", "entered_at", "spoke_at", "seen_at", "ended_at", "language",
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def of_version_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("old") / "old.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((Path(__file__).parent / "of_version_1.sql").read_text())
    return path


@given(
    changes=st.dictionaries(st.sampled_from(PARTS), json_values, max_size=3),
    whole=st.none() | st.sampled_from(["", "{", "[]", "7", "null", '"x"', "[" * 100_000]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_in_a_record_of_before_the_start_is_refused_in_one_line_and_goes_on_without_it(
    of_version_1: Path, tmp_path_factory: pytest.TempPathFactory, changes: dict[str, object], whole: str | None
) -> None:
    path = Path(shutil.copy(of_version_1, tmp_path_factory.mktemp("records") / "chat.sqlite3"))
    with closing(sqlite3.connect(path)) as connection:
        (before,) = connection.execute("SELECT value FROM records WHERE kind = 'session' LIMIT 1").fetchone()
    value = json.dumps({**json.loads(before), **changes}) if whole is None else whole
    change(path, "UPDATE records SET value = ? WHERE value = ?", value, before)
    said = ""
    try:
        started(path)
    except Unusable as error:
        said = language("en").words(error.sentence)
    assert "\n" not in said
    assert whole is None or "the table records the row session" in said
    started(path, skip=True)
    _, hub = started(path)
    assert len(hub.people) + len(hub.absent) >= 1
