"""Somebody is forgotten by the database: nothing of them is in any row, nor in any byte of its files."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from database import AMY, AT_LENGTH, BOB, CARL, MINUTE, ON_DISK, START, Database, batch, log, opened, private
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_rows import entries

from chat.base import limits, names
from chat.core.ports import Redaction
from chat.log.events import Author, Entry, Joined, Left, Message, NotDelivered, Redacted, Renamed, RoleGiven, TopicSet
from chat.log.forgetting import Forgotten, without
from chat.log.redaction import Speaker
from chat.store.memory import MemoryStore
from chat.store.sqlite.damage import find
from chat.store.sqlite.forgetting import spoken

GONE = Forgotten({"p-amy"}, {"amy"})


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with opened(tmp_path / "chat.sqlite3") as database:
        yield database


@pytest.fixture(params=ON_DISK)
def held(request: pytest.FixtureRequest, opened_as: Any) -> Iterator[Any]:
    """A database of each kind."""
    with opened_as(request.param) as database:
        yield database


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("at_once", [2, 2000])
def test_no_byte_of_somebody_is_left_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indexed: bool, at_once: int
) -> None:
    monkeypatch.setattr(limits, "FORGOTTEN_AT_ONCE", at_once)
    path = tmp_path / "chat.sqlite3"
    amy = Author("p-amy-zanzibar", "s-amy-zanzibar", "amyzanzibar")
    gone = Forgotten({amy.person}, {"amyzanzibar"})
    facts = [
        Joined(amy, ("amyzanzibar",), 1),
        Message(amy, "tulipone " * 20),
        Message(BOB, "hello"),
        Joined(None, ("bob", "amyzanzibar"), 2),
        Renamed(amy, "dora", "f1", ("#lobby",)),
        TopicSet(amy, "tuliptwo"),
        RoleGiven(BOB, "amyzanzibar", "operator", "#lobby"),
        Left(amy, ("amyzanzibar",), 1, 3, "tulipthree"),
        NotDelivered("amyzanzibar"),
    ]
    with opened(path) as database:
        database.commit(log("#lobby", facts))
        psst, back = private(amy, BOB, "tulipfour"), private(BOB, amy, "mine")
        database.commit(log(f"@{amy.person}", [psst, back]), log("@p-bob", [psst, back]))
        if indexed:
            database.index()
        behind: int | None = 0
        while behind is not None:
            behind = database.wait(database.store.forget(gone, behind)).behind
        assert database.listed_wrong() == set()
        database.scrub()
        data = b"".join(file.read_bytes() for file in path.parent.iterdir())
        assert database.texts("@p-bob") == ["", "mine"]
        assert database.texts()[2] == "hello"
        assert database.wait(database.store.spoken(Speaker(BOB.person), 0)).entries[0][1].fact == facts[2]
    for word in (b"zanzibar", b"tulip"):
        assert word not in data


@settings(max_examples=100, deadline=None)
@given(entries, st.booleans())
def test_the_server_starts_again_on_what_is_left(entry: Entry, mine: bool) -> None:
    author = entry.fact.author or AMY
    gone = Forgotten({author.person if mine else "p-x"}, {names.fold(author.nick)})
    with TemporaryDirectory() as directory:
        path = Path(directory) / "chat.sqlite3"
        with opened(path) as database:
            database.commit(log("#lobby", [entry.fact, Message(BOB, "two")]))
            database.wait(database.store.forget(gone, 0))
            assert len(database.entries()) == 2
        with opened(path) as database, closing(sqlite3.connect(path)) as connection:
            assert find(connection, entries=True) == []


def test_what_is_near_to_each_other_is_written_anew_once(database: Database) -> None:
    """Each line with all around it, that would keep others' waiting for a second."""
    database.commit(log("#lobby", [Message(AMY, f"line {number}") for number in range(100)]))
    database.index()
    written: list[int] = []

    def count(connection: sqlite3.Connection) -> None:
        written.append(connection.total_changes)

    database.wait(database.store._writer.do(count))
    database.wait(database.store.forget(GONE, 0))
    database.wait(database.store._writer.do(count))
    assert written[1] - written[0] < 10 * 100


def test_what_somebody_said_is_found_part_after_part(held: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SPOKEN_LOOKED_AT", 2)
    database = held
    database.commit(log("#lobby", [Message(author, author.nick) for author in (AMY, BOB, AMY, CARL, AMY)]))
    database.commit(log("#ops", [Message(AMY, "there")]))
    found, behind, parts = [], 0, 0
    while behind is not None:
        part = database.wait(database.store.spoken(Speaker(AMY.person), behind))
        found += [(key, entry.seq) for key, entry in part.entries]
        behind, parts = part.behind, parts + 1
    assert found == [("#lobby", 1), ("#lobby", 3), ("#lobby", 5), ("#ops", 1)]
    assert parts > 2
    assert database.wait(database.store.nicks({"p-amy", "p-bob"})) == {"amy", "bob"}


def test_what_is_taken_back_while_somebody_looks_costs_no_other_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SPOKEN_LOOKED_AT", 3)
    path = tmp_path / "chat.sqlite3"
    facts = [Message(author, f"{author.nick} {number}") for number in range(6) for author in (BOB, AMY)]

    class Interrupted(sqlite3.Connection):
        def execute(self, *arguments: object) -> sqlite3.Cursor:
            rows = super().execute(*arguments)  # type: ignore[arg-type]
            if targets := [target for target in others if target not in gone][:1]:
                gone.extend(targets)
                database.wait(database.store.commit(batch(redactions=[Redaction("#lobby", targets)])))
            return rows

    with opened(path) as database:
        database.commit(log("#lobby", facts))
        others, gone = range(1, len(facts) + 1, 2), list[int]()
        found, behind = [], 0
        with closing(sqlite3.connect(path, factory=Interrupted)) as connection:
            while behind is not None:
                entries, behind = spoken(connection, Speaker(AMY.person), behind)
                found += [entry.fact for _, entry in entries]
    assert found == [fact for fact in facts if fact.author is AMY]
    assert gone


@pytest.mark.parametrize("kind", AT_LENGTH)
@settings(max_examples=100, deadline=None)
@given(room=st.lists(entries, max_size=5), own=st.lists(entries, max_size=5), mine=st.booleans())
@example(room=[Entry(1, START, private(BOB, AMY, "psst"))], own=[], mine=False)
def test_every_store_forgets_alike(opened_as: Any, kind: str, room: list[Entry], own: list[Entry], mine: bool) -> None:
    authors = [AMY, *(entry.fact.author for entry in [*room, *own] if entry.fact.author is not None and mine)]
    gone = Forgotten({author.person for author in authors}, {names.fold(author.nick) for author in authors})
    logs = [log(key, [entry.fact for entry in held]) for key, held in (("#lobby", room), ("@p-bob", own)) if held]
    memory = MemoryStore()
    memory.commit(batch(*logs))
    with opened_as(kind) as database:
        database.commit(*logs)
        emptied = database.wait(database.store.forget(gone, 0))
        assert emptied == database.wait(memory.forget(gone, 0))
        for key in ("#lobby", "@p-bob"):
            assert database.entries(key) == database.wait(memory.after(key, 0, 100))


@settings(max_examples=200, deadline=None)
@given(entries, st.booleans())
def test_of_any_entry_nothing_is_left_of_them(entry: Entry, mine: bool) -> None:
    author = entry.fact.author
    id, nick = ("nobody", "nobody") if author is None else (author.person, author.nick)
    after = without(entry, Forgotten({id} if mine else {"x"}, {nick.casefold()} if mine and nick else set()))
    assert after.seq == entry.seq
    if not mine:
        assert after is entry
    elif author is not None:
        assert after.fact.author is None or after.fact.author.person != id
        assert not getattr(after.fact, "text", "")
        assert isinstance(after.fact, Redacted | type(entry.fact))


def test_the_dates_stay() -> None:
    entry = Entry(3, START + MINUTE, Message(AMY, "tulip"))
    assert without(entry, GONE) == Entry(3, START + MINUTE, Redacted(None, (3,), START + MINUTE))
