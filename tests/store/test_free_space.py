"""The disk is not filled: it is told in time, then refused, and comes back by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from database import lines, opened
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher

from chat.base import limits
from chat.base.errors import NotStored
from chat.base.language import language
from chat.core.ports import Record
from chat.store.sqlite.free_space import FreeSpace, MinFree, Space, shortage

PATH = Path("/data/chat.sqlite3")
GB = 10**9


class Disk:
    """A disk and a clock; what is free and how late it is says the test."""

    def __init__(self, wanted: MinFree, free: int, total: int = 1000 * GB) -> None:
        self.free = free
        self.total = total
        self.now = 0.0
        self.looks = 0
        self.error: OSError | None = None
        self.space = FreeSpace(PATH, wanted, lambda call: call(), self.look, lambda: self.now)

    def look(self, path: Path) -> Space:
        assert path == PATH
        self.looks += 1
        if self.error is not None:
            raise self.error
        return Space(self.free, self.total)

    def refuses(self) -> str:
        """Why a line is not stored now, "" where it is."""
        try:
            self.space.check()
        except NotStored as error:
            return language("en").words(error.sentence)
        return ""


@pytest.fixture
def said() -> Iterator[list[tuple[LogLevel, str]]]:
    found: list[tuple[LogLevel, str]] = []

    def note(event: LogEvent) -> None:
        found.append((event["log_level"], formatEvent(event)))

    globalLogPublisher.addObserver(note)
    yield found
    globalLogPublisher.removeObserver(note)


def test_it_warns_then_refuses_and_comes_back_by_itself(said: list[tuple[LogLevel, str]]) -> None:
    disk = Disk(GB, 5 * GB)
    assert disk.refuses() == ""
    for free in (2 * GB, 2 * GB - 1, 2 * GB, 1_500_000_000):
        disk.free = free
        disk.now += limits.SPACE_SECONDS
        assert disk.refuses() == ""
    disk.free = GB - 1
    disk.now += limits.SPACE_SECONDS
    for _ in range(3):
        assert disk.refuses() == "The server could not store it (less than 1.0 GB is free on its disk)."
    disk.free = 6 * GB
    assert disk.refuses() != ""
    disk.now += limits.SPACE_LOW_SECONDS
    assert disk.refuses() == ""
    assert said == [
        (
            LogLevel.warn,
            "Only 1.9 GB are free where /data/chat.sqlite3 is: below 1.0 GB no line is stored (--min-free)",
        ),
        (
            LogLevel.error,
            "No line is stored: only 999 MB are free where /data/chat.sqlite3 is, not 1.0 GB (--min-free)",
        ),
        (LogLevel.info, "Lines are stored again: 6.0 GB are free where /data/chat.sqlite3 is"),
    ]


def test_a_line_does_not_cost_a_look_each() -> None:
    disk = Disk(GB, 5 * GB)
    for _ in range(1000):
        disk.space.check()
        disk.space.wrote(300)
    assert disk.looks == 1
    for _ in range(3000):
        disk.space.check()
        disk.space.wrote(3000)
    assert disk.looks == 1 + (300_000 + 9_000_000) // limits.SPACE_BYTES


@pytest.mark.parametrize(
    ("wanted", "total", "least"),
    [(None, 1000 * GB, GB), (None, 8 * GB, 160_000_000), (None, 10**6, 20_000), (5 * GB, 8 * GB, 5 * GB)],
)
def test_by_itself_it_is_a_gigabyte_or_of_a_small_disk_a_fiftieth(wanted: MinFree, total: int, least: int) -> None:
    assert Disk(wanted, least, total).refuses() == ""
    assert Disk(wanted, least - 1, total).refuses() != ""
    assert Disk(0, 0, total).refuses() == ""


def test_what_cannot_be_told_stops_nothing(said: list[tuple[LogLevel, str]]) -> None:
    assert Disk(GB, 0, 0).refuses() == ""
    disk = Disk(GB, 0)
    disk.error = OSError("no answer")
    assert disk.refuses() == ""
    assert shortage(PATH, GB, lambda _: Space(0, 0)) is None
    assert shortage(PATH, GB, disk.look) is None
    assert said == []


def test_another_value_counts_at_the_next_look() -> None:
    disk = Disk(GB, GB // 2)
    assert disk.refuses() != ""
    disk.space.wanted = 0
    disk.now += limits.SPACE_LOW_SECONDS
    assert disk.refuses() == ""


@pytest.mark.parametrize(
    ("free", "told"),
    [
        (2 * GB, None),
        (1_500_000_000, "Only 1.5 GB are free where {} is: below 1.0 GB no line is stored (--min-free)."),
        (1_500_000, "Only 1.5 MB are free where {} is: no line is stored until there are 1.0 GB (--min-free)."),
        (1_500, "Only 1 kB are free where {} is: no line is stored until there are 1.0 GB (--min-free)."),
    ],
)
def test_a_start_says_where_there_is_little(free: int, told: str | None) -> None:
    found = shortage(PATH, None, lambda _: Space(free, 1000 * GB))
    assert (found and language("en").words(found)) == (told and told.format(PATH))


def test_nothing_is_stored_on_a_disk_that_has_too_little_and_all_is_still_read(tmp_path: Path) -> None:
    with opened(tmp_path / "chat.sqlite3") as database:
        database.commit(lines("one"))
        database.store.min_free(10**18)
        database.wait(database.store.look_at_space())
        with pytest.raises(NotStored, match="free on its disk"):
            database.commit(lines("two", first=2))
        database.commit(records=[Record("session", "digest", None)])
        assert database.texts() == ["one"]
        database.store.min_free(0)
        database.wait(database.store.look_at_space())
        database.commit(lines("two", first=2))
        assert database.texts() == ["one", "two"]
