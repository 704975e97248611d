"""What goes where the database may hold only so much."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from database import AMY, BOB, START, Database, lines, log, opened, private

from chat.base import limits
from chat.base.language import language
from chat.log.events import Joined
from chat.store.keep import Size
from chat.store.rows import entry_size
from chat.store.sqlite.schema import MIGRATIONS, prepare


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with opened(path) as database:
        yield database


def used(path: Path) -> int:
    """What all entries take, as it is counted."""
    return sum(sizes(path).values())


def in_use(path: Path) -> int:
    """The bytes of the file that are in use."""
    with closing(sqlite3.connect(path)) as connection:
        pages, free, page = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * page)


def sizes(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT key, size FROM logs"))


def fill(database: Database, key: str, count: int, text: str = "x" * 500, first: int = 1) -> None:
    database.commit(lines(*(f"{first + number} {text}" for number in range(count)), key=key, first=first))


def trim(database: Database, size: int) -> float:
    """Trim until nothing is left to do; returns how many lines went."""
    went = 0.0
    while (gone := database.wait(database.store.trim(Size(size), START))).rows:
        went += gone.lines
    return went


def numbers(database: Database, key: str) -> list[int]:
    return [entry.seq for entry in database.entries(key)]


def test_what_fits_stays(database: Database, path: Path) -> None:
    fill(database, "#lobby", 1000)
    assert trim(database, used(path)) == 0
    assert database.wait(database.store.due(Size(used(path)), START)) == 0


def test_the_oldest_lines_of_the_largest_log_go_and_a_small_one_keeps_its_years(database: Database, path: Path) -> None:
    fill(database, "#old", 50)
    fill(database, "#flood", 4000)
    fill(database, "#lobby", 500)
    size = used(path) // 2
    told = database.wait(database.store.due(Size(size), START))
    went = trim(database, size)
    assert used(path) <= size
    assert len(numbers(database, "#old")) == 50
    assert len(numbers(database, "#lobby")) == 500
    left = numbers(database, "#flood")
    assert left == list(range(4001 - len(left), 4001))
    assert went == 4000 - len(left)
    assert told == pytest.approx(went, rel=0.2)
    assert went == pytest.approx(2275, rel=0.01)
    # No more than had to.
    assert used(path) > size * 0.9


def test_logs_that_are_alike_lose_alike(database: Database, path: Path) -> None:
    for key in ("#a", "#b", "#c"):
        fill(database, key, 1000)
    trim(database, used(path) // 2)
    left = [len(numbers(database, key)) for key in ("#a", "#b", "#c")]
    assert max(left) - min(left) < 200


def test_long_lines_count_as_much_as_they_are(database: Database, path: Path) -> None:
    fill(database, "#long", 100, "x" * 15_000)
    fill(database, "#short", 1000, "x")
    trim(database, used(path) // 2)
    assert len(numbers(database, "#long")) < 60
    assert len(numbers(database, "#short")) == 1000


@pytest.mark.parametrize("text", ["a short line as people say them", "漢字かな交じり文の会話です", "x" * 3000])
def test_what_is_counted_is_about_what_the_file_takes(database: Database, path: Path, text: str) -> None:
    fill(database, "#lobby", 3000, text)
    database.index()
    assert used(path) == pytest.approx(in_use(path), rel=0.5)


def test_it_goes_in_steps_that_hold_nobody_up(database: Database, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TRIM_BYTES", 20_000)
    fill(database, "#lobby", 1000)
    gone = database.wait(database.store.trim(Size(1), START))
    assert 0 < gone.rows <= 20_000 // 500


def test_where_there_is_no_talk_nothing_goes(database: Database) -> None:
    assert trim(database, 1) == 0
    fill(database, "#lobby", 10)
    assert trim(database, 1) == 10
    fill(database, "#lobby", 1, first=11)
    assert numbers(database, "#lobby") == [11]


def test_the_size_of_a_log_is_that_of_what_it_holds(database: Database, path: Path) -> None:
    came = Joined(AMY, ("amy",), 1)
    said = private(AMY, BOB, "psst")
    database.commit(log("#lobby", [came]), lines("not kept", key="#x", recorded=False))
    database.commit(lines("three", first=2))
    database.commit(lines("größer", first=3), log("@p-amy", [said]), log("@p-bob", [said]))
    assert sizes(path) == {
        "#lobby": entry_size(None) + entry_size("three") + entry_size("größer"),
        "#x": 0,
        "@p-amy": 156,
        "@p-bob": 156,
    }
    database.wait(database.store.trim(1, START))
    assert sizes(path)["#lobby"] == entry_size("größer") == 150 + 12


def test_in_a_database_of_before_it_is_counted(path: Path) -> None:
    with opened(path) as database:
        fill(database, "#lobby", 10)
        database.commit(log("#ops", [Joined(AMY, ("amy",), 1)]))
    before = sizes(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("ALTER TABLE logs DROP COLUMN size; ALTER TABLE logs DROP COLUMN listed")
        tables = ("people", "memberships", "read", "ignored", "senders", "sessions", "given", "roles", "tokens")
        tables += ("admissions", "scrubbing", "said", "said_by_date")
        connection.executescript("; ".join(f"DROP TABLE {table}" for table in tables))
        connection.executescript("CREATE INDEX said ON entries (id); CREATE INDEX said_by_date ON entries (log, at)")
        (before_size,) = (number for number, script in enumerate(MIGRATIONS) if "ADD COLUMN size" in script)
        connection.execute(f"PRAGMA user_version = {before_size}")
    with opened(path):
        assert sizes(path) == before


def test_the_start_says_what_will_go(path: Path) -> None:
    with opened(path) as database:
        fill(database, "#lobby", 1000)
    prepared = prepare(path, keep=Size(10**8), now=START)
    assert language("en").words(prepared.summary[-1]) == (
        "The database may hold 100MB: about 0 lines go in a minute, then more as new ones come; of the largest rooms, "
        "the oldest first."
    )
