"""Lines that are taken back, in the database and in its files: rows stay, and nothing of what they said is left."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from database import AMY, BOB, MINUTE, ON_DISK, START, Database, batch, lines, log, opened, private
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.base import limits
from chat.base.folding import folded
from chat.core.ports import Query, Redaction
from chat.log.events import Entry, Message, Redacted
from chat.log.redaction import Speaker
from chat.store.sqlite.redaction import Scrubbing
from chat.store.sqlite.schema import prepare


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with opened(tmp_path / "chat.sqlite3") as database:
        yield database


def take_back(database: Database, *targets: int, key: str = "#lobby", more: int = 0) -> None:
    """With the fact that tells of it, as the next entry."""
    head = database.entries(key)[-1].seq
    fact = Redacted(AMY, targets, START)
    database.wait(database.store.commit(batch(log(key, [fact], head + 1), redactions=[Redaction(key, targets)])))


def bytes_of(path: Path) -> bytes:
    """All that is in the database's files."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


def found(database: Database, **query: object) -> list[str]:
    held = database.wait(database.store.said(Query(("#lobby",), 100, **query)))  # type: ignore[arg-type]
    return [getattr(entry.fact, "text", "") for _, entry in held.entries]


@pytest.fixture(params=ON_DISK)
def held(request: pytest.FixtureRequest, opened_as: Any) -> Iterator[Any]:
    """A database of each kind."""
    with opened_as(request.param) as database:
        yield database


@pytest.mark.parametrize("indexed", [False, True])
def test_the_row_stays_and_is_found_by_nothing_that_it_said(held: Any, indexed: bool) -> None:
    database = held
    database.commit(lines("one", "tulip two", "three"))
    if indexed:
        database.index()
    take_back(database, 2)
    first, second, third, fact = database.entries()
    assert second == Entry(2, START + MINUTE, Redacted(AMY, (2,), START + MINUTE))
    assert (first.seq, third.seq, fact.seq) == (1, 3, 4)
    assert found(database) == ["one", "three"]
    assert found(database, words="tulip") == found(database, words="two") == []
    assert found(database, by=Speaker(AMY.person)) == ["one", "three"]
    assert found(database, words="three") == ["three"]


def test_what_a_log_holds_is_counted_without_it(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path) as one, opened(tmp_path / "other.sqlite3") as other:
        one.commit(lines("one", "tulip", "three"))
        take_back(one, 2)
        fact = Redacted(AMY, (2,), START)
        other.commit(lines("one"), log("#ops", [fact, fact]), lines("three", key="#tea"))
        said, size = _counted(path)
        assert said == 2
        assert size == sum(_counted(tmp_path / "other.sqlite3", key)[1] for key in ("#lobby", "#ops", "#tea"))


def _counted(path: Path, key: str = "#lobby") -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT said, size FROM logs WHERE key = ?", (key,)).fetchone()
        return row[0], row[1]


def test_what_is_taken_back_twice_is_taken_back_once(held: Any) -> None:
    database = held
    database.commit(lines("one", "tulip"))
    take_back(database, 2)
    take_back(database, 2, 99)
    assert [type(entry.fact) for entry in database.entries()] == [Message, Redacted, Redacted, Redacted]
    assert found(database) == ["one"]


def test_the_copies_of_a_private_line_are_found_by_what_they_say(held: Any) -> None:
    database = held
    psst, other = private(AMY, BOB, "psst"), private(AMY, BOB, "other")
    database.commit(log("@p-amy", [psst]), log("@p-bob", [private(BOB, AMY, "hi"), psst, psst, other]))
    (entry,) = database.entries("@p-amy")
    copies = database.wait(database.store.copies("@p-bob", entry._replace(at=START + MINUTE)))
    assert copies == [2]
    assert database.wait(database.store.copies("@nobody", entry)) == []


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("length", [1, 60, 400])
def test_no_byte_of_it_is_left_in_any_file(tmp_path: Path, indexed: bool, length: int) -> None:
    path, canary = tmp_path / "chat.sqlite3", "Zanzibar0tulip " * length
    with opened(path) as database:
        database.commit(lines(*(f"line {n} of a room" for n in range(50))))
        database.commit(lines(canary, "after it", first=51))
        database.commit(lines(*(f"line {n} of another" for n in range(500)), key="#ops"))
        if indexed:
            database.index()
        assert b"Zanzibar0tulip" in bytes_of(path)
        take_back(database, 51)
        database.scrub()
        data = bytes_of(path)
    assert b"Zanzibar0tulip" not in data
    assert folded(canary).split()[0].encode() not in data
    assert path.with_name("chat.sqlite3-wal").exists() is False


def test_what_an_end_of_the_process_left_undone_is_done_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        database.commit(lines("one", "Zanzibar0tulip", "three"))
        database.index()
        take_back(database, 2)
    assert b"zanzibar0tulip" in bytes_of(path)
    with opened(path) as database:
        database.scrub()
        assert b"zanzibar0tulip" not in bytes_of(path)


def test_while_somebody_reads_the_journal_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        database.commit(lines("one", "Zanzibar0tulip", "three"))
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entries").fetchone()
        take_back(database, 2)
        scrubbing = database.store._scrubbing
        for _ in range(5):
            database.wait(database.store._writer.do(scrubbing.step))
        assert scrubbing.wanted() is not None
        reader.execute("ROLLBACK")
        database.scrub()
        assert b"Zanzibar0tulip" not in bytes_of(path)


@pytest.mark.parametrize("scrubbed", [False, True])
def test_another_program_that_looks_in_takes_no_line_away(tmp_path: Path, scrubbed: bool) -> None:
    path, copy = tmp_path / "chat.sqlite3", tmp_path / "copy"
    copy.mkdir()
    look = (
        f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('SELECT * FROM entries').fetchall(); c.close()"
    )
    with opened(path) as database:
        database.commit(lines("one", "tulip tulip", "three"))
        take_back(database, 2)
        if scrubbed:
            database.scrub()
        subprocess.run([sys.executable, "-c", look, str(path)], check=True)
        database.commit(lines("four", "five", first=5))
        for file in (path, Path(f"{path}-wal")):  # as they are at the end of the process
            shutil.copy(file, copy)
    with opened(copy / path.name) as database:
        assert database.texts()[-2:] == ["four", "five"]


def divided(database: Database) -> tuple[set[str], set[str]]:
    """Take back half of what is said in many rooms; returns what is left, and what is not.

    SQLite leaves what was in a page in its unused part, when it divides the page among its neighbours.
    """
    random = Random(26)  # where that is so
    held: dict[str, list[str]] = {}
    for _ in range(150):
        appended = []
        for room in {int(random.paretovariate(1)) % 20 for _ in range(3)}:
            texts = [f"{random.getrandbits(128):032x}" * random.choice([1, 2, 20]) for _ in range(3)]
            before = held.setdefault(f"#room{room}", [])
            appended.append(lines(*texts, first=len(before) + 1, key=f"#room{room}"))
            before += texts
        database.commit(*appended)
    gone: set[str] = set()
    for key, texts in held.items():
        targets = tuple(range(1, len(texts) + 1, 2))
        gone.update(texts[target - 1] for target in targets)
        fact = log(key, [Redacted(AMY, targets, START)], len(texts) + 1)
        database.wait(database.store.commit(batch(fact, redactions=[Redaction(key, targets)])))
    return {text for texts in held.values() for text in texts} - gone, gone


def left(texts: set[str], path: Path) -> set[str]:
    data = bytes_of(path)
    return {text for text in texts if text[:32].encode() in data}


def test_a_line_whose_page_was_divided_before_leaves_no_copy(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        kept, gone = divided(database)
        database.scrub()
        assert len(kept) > 200
        assert left(kept, path) == kept
        assert left(gone, path) == set()


def test_nor_where_so_much_was_taken_back_that_it_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOOKED_FOR_MOST", 10)
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        database.scrub()
        kept, gone = divided(database)
        database.scrub()
        assert left(kept, path) == kept
        assert left(gone, path) == set()


def test_nor_after_an_end_of_the_process_in_between(tmp_path: Path) -> None:
    path, copy = tmp_path / "chat.sqlite3", tmp_path / "copy"
    copy.mkdir()
    with opened(path) as database:
        _, gone = divided(database)
        for file in (path, Path(f"{path}-wal")):
            shutil.copy(file, copy)
    with opened(copy / path.name) as database:
        database.scrub()
        assert left(gone, copy / path.name) == set()


class Watch:
    """A clock that goes on by so much with each look at it."""

    def __init__(self) -> None:
        self.step = self.now = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_what_is_looked_through_at_once_is_bounded_by_time(tmp_path: Path) -> None:
    path, watch = tmp_path / "chat.sqlite3", Watch()
    with opened(path) as database, closing(sqlite3.connect(path, isolation_level=None)) as connection:
        divided(database)
        with closing(Scrubbing(path, watch)) as scrubbing:
            while scrubbing._looked_at is None:
                scrubbing.step(connection)
            watch.step = limits.LOOKED_SECONDS * 3 / 4
            (size,) = connection.execute("PRAGMA page_size").fetchone()
            for number in range(10):
                assert scrubbing._looked_at == 2 * size * number
                scrubbing.step(connection)


def test_where_somebody_speaks_all_the_time_it_waits_a_while_and_then_no_longer(tmp_path: Path) -> None:
    path, watch = tmp_path / "chat.sqlite3", Watch()
    with opened(path) as database:
        database.scrub()
        scrubbing = database.store._scrubbing = Scrubbing(path, watch)
        database.scrub()
        database.commit(lines("one", "Zanzibar0tulip"))
        database.index()
        watch.now = 1000.0
        scrubbing.note(["Zanzibar0tulip"])
        take_back(database, 2)
        assert scrubbing.wanted() == limits.SCRUB_SECONDS
        watch.now += limits.SCRUB_WAITS_SECONDS - 1
        assert scrubbing.wanted() == limits.SCRUB_SECONDS
        watch.now += 1
        assert scrubbing.wanted() == 0
        database.wait(database.store._writer.do(scrubbing.step))
        assert scrubbing.wanted() == limits.INDEX_PAUSE_SECONDS  # no later than where nobody speaks
        watch.now += limits.SCRUB_SECONDS - 0.01
        assert scrubbing.wanted() == pytest.approx(0.01)
        watch.now += 0.01
        database.scrub()
        assert left({"Zanzibar0tulip"}, path) == set()


def test_who_takes_something_back_all_the_time_does_not_put_off_the_rest(tmp_path: Path) -> None:
    path, watch = tmp_path / "chat.sqlite3", Watch()
    with opened(path) as database, closing(sqlite3.connect(path, isolation_level=None)) as connection:
        divided(database)
        with closing(Scrubbing(path, watch)) as scrubbing:
            watch.step = limits.LOOKED_SECONDS  # a page at a time
            places = []
            for number in range(200):
                scrubbing.note([f"something {number}"])
                scrubbing.step(connection)
                places.append(scrubbing._looked_at or 0)
            assert places[-1] > places[100] > 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.lists(st.integers(1, 60), max_size=5)), min_size=1, max_size=8))
def test_the_other_lines_are_as_they_were(steps: list[tuple[int, list[int]]]) -> None:
    with TemporaryDirectory() as directory, opened(Path(directory) / "chat.sqlite3") as database:
        truth: dict[str, list[str]] = {}
        for number, (room, targets) in enumerate(steps):
            key = f"#room{room}"
            held = truth.setdefault(key, [])
            texts = [f"{number} {n}" for n in range(10)]
            gone = tuple({target for target in targets if target <= len(held)})
            appended = lines(*texts, first=len(held) + 1, key=key)
            redactions = [Redaction(key, gone)] if gone else []
            database.wait(database.store.commit(batch(appended, redactions=redactions)))
            held += texts
            for target in gone:
                held[target - 1] = ""
            if number % 2:
                database.index()
        for key, held in truth.items():
            assert database.texts(key) == held
            for text in filter(None, held):
                query = Query((key,), 100, words=f'"{text}"')
                assert len(database.wait(database.store.said(query)).entries) >= 1


def test_a_database_of_before_has_where_to_note_it(tmp_path: Path) -> None:
    prepared = prepare(tmp_path / "chat.sqlite3")
    with closing(sqlite3.connect(prepared.path)) as connection:
        assert connection.execute("SELECT count(*) FROM scrubbing").fetchone() == (0,)


def test_lines_of_somebody_are_looked_for_among_the_newest(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SPOKEN_LOOKED_AT", 3)
    database.commit(log("#lobby", [Message(AMY, "a1"), Message(BOB, "b1"), Message(AMY, "a2"), Message(BOB, "b2")]))
    held = database.wait(database.store.said(Query(("#lobby",), 100, by=Speaker(AMY.person))))
    assert ([entry.seq for _, entry in held.entries], held.whole) == ([3], False)
    assert found(database, by=Speaker(None, "bob")) == ["b1", "b2"]
    assert found(database, by=Speaker(None, "bob"), since=START + 3 * MINUTE) == ["b2"]
