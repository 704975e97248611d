"""When the store is looked after, and when it is left alone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher

from chat.base import limits
from chat.base.errors import StoreAway
from chat.base.language import say
from chat.store.keep import Keep, Size
from chat.store.maintenance import Maintenance
from chat.store.retention import Trimmed

DAY = timedelta(days=1)
NIGHT = datetime(2026, 11, 21, limits.BACKUP_HOUR).astimezone()
"""When a copy is due, by the clock of whoever runs the tests."""


class Tended:
    """A store that notes what is asked of it."""

    def __init__(self) -> None:
        self.trimmed: list[datetime] = []
        self.copied: list[date] = []
        self.counted: list[Keep] = []
        self.keeps: list[Keep] = []
        self.undated: list[str] = []
        self.left = 0
        self.in_journal = 0
        self.path = Path("chat.sqlite3")
        self.trim_error: Exception | None = None
        self.backup_error: Exception | None = None
        self.looked = 0
        self.space_error: Exception | None = None

    def due(self, keep: Keep, now: datetime) -> Deferred[int]:
        self.counted.append(keep)
        return succeed(self.left)

    def trim(self, keep: Keep, now: datetime) -> Deferred[Trimmed]:
        self.keeps.append(keep)
        self.trimmed.append(now)
        if self.trim_error is not None:
            return fail(self.trim_error)
        gone = min(self.left, 1000)
        self.left -= gone
        return succeed(Trimmed(gone, gone / 2, self.undated))

    def look_at_space(self) -> Deferred[None]:
        self.looked += 1
        return succeed(None) if self.space_error is None else fail(self.space_error)

    def journal(self) -> int:
        return self.in_journal

    def backup(self, directory: Path, stamp: str) -> Deferred[Path]:
        self.copied.append(date.fromisoformat(stamp))
        return fail(self.backup_error) if self.backup_error is not None else succeed(directory / "copy")


class World:
    """A clock, a date that can be set, and what is logged as an error."""

    def __init__(self, begin: datetime, backup_to: Path | None = None) -> None:
        self.clock = Clock()
        self.store = Tended()
        self.set_by = timedelta(0)
        self.slept = timedelta(0)
        self.begin = begin
        self.errors: list[LogEvent] = []
        self.upkeep = Maintenance(self.clock, self.now, self.elapsed, self.store, 30 * DAY, backup_to, self.store)
        self.upkeep.start()

    def now(self) -> datetime:
        return self.begin + timedelta(seconds=self.elapsed()) + self.set_by

    def elapsed(self) -> float:
        return self.clock.seconds() + self.slept.total_seconds()

    def log(self, event: LogEvent) -> None:
        if event["log_level"] == LogLevel.error:
            self.errors.append(event)

    def minutes(self, count: int) -> None:
        self.clock.pump([60.0] * count)


@pytest.fixture
def world() -> Iterator[World]:
    world = World(NIGHT - timedelta(hours=2))
    globalLogPublisher.addObserver(world.log)
    yield world
    globalLogPublisher.removeObserver(world.log)


@pytest.fixture
def events() -> Iterator[list[LogEvent]]:
    """Everything that is logged."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


def test_what_is_too_old_is_looked_for_each_minute(world: World) -> None:
    assert world.store.trimmed == []
    world.minutes(3)
    assert world.store.trimmed == [world.begin + timedelta(minutes=minutes) for minutes in (1, 2, 3)]


def test_the_free_space_is_looked_at_each_minute_whatever_comes_of_it(world: World, logged: object) -> None:
    world.store.space_error = OSError("no answer")
    world.minutes(3)
    assert world.store.looked == len(world.store.trimmed) == 3
    logged.expect(OSError)  # type: ignore[attr-defined]


def test_as_long_as_there_is_something_it_goes_on_with_pauses(world: World) -> None:
    world.store.left = 2500
    world.minutes(1)
    for _ in range(5):
        world.clock.advance(limits.TRIM_PAUSE_SECONDS)
    assert len(world.store.trimmed) == 4
    assert world.store.left == 0


@pytest.mark.parametrize("jump", [2 * DAY, -2 * DAY, 3650 * DAY])
def test_after_the_date_was_set_nothing_is_taken_away_and_that_is_logged_once(world: World, jump: timedelta) -> None:
    world.minutes(2)
    world.set_by = jump
    world.minutes(5)
    world.set_by = timedelta(0)
    world.minutes(5)
    assert len(world.store.trimmed) == 2
    assert ["date was changed" in event["log_format"] for event in world.errors] == [True]


def test_after_a_long_sleep_of_the_machine_the_date_is_believed(world: World) -> None:
    world.minutes(2)
    world.slept = 3 * DAY
    world.minutes(2)
    assert len(world.store.trimmed) == 4
    assert world.errors == []


def test_a_date_that_is_corrected_a_little_is_believed(world: World) -> None:
    for hours in (20, -3, 17):
        world.set_by = timedelta(hours=hours)
        world.minutes(1)
    assert len(world.store.trimmed) == 3


def test_a_failure_is_logged_and_the_next_minute_tried_again(world: World, logged: object) -> None:
    world.store.trim_error = OSError("disk full")
    world.minutes(2)
    assert len(world.store.trimmed) == 2
    logged.expect(OSError)  # type: ignore[attr-defined]


def test_a_database_that_is_away_is_told_in_a_line(world: World, events: list[LogEvent]) -> None:
    world.store.trim_error = StoreAway(say("the database cannot be reached"))
    world.minutes(1)
    why = "The server could not store it (the database cannot be reached)."
    assert infos(events) == [f"What is too old could not be taken away: {why}"]


def test_after_the_stop_nothing_is_asked(world: World) -> None:
    world.minutes(1)
    world.upkeep.stop()
    world.minutes(5)
    assert len(world.store.trimmed) == 1
    assert world.clock.getDelayedCalls() == []


def test_a_stop_during_a_step_is_the_end_too(world: World) -> None:
    done: Deferred[int] = Deferred()
    world.store.trim = lambda keep, now: done  # type: ignore[method-assign]
    world.minutes(1)
    world.upkeep.stop()
    done.callback(Trimmed(5, 5, ()))
    assert world.clock.getDelayedCalls() == []


def infos(events: list[LogEvent]) -> list[str]:
    return [formatEvent(event) for event in events if event["log_level"] in (LogLevel.info, LogLevel.warn)]


def test_what_went_is_logged_once_it_is_all(world: World, events: list[LogEvent]) -> None:
    world.store.left = 2500
    world.minutes(1)
    assert infos(events) == []
    world.clock.pump([limits.TRIM_PAUSE_SECONDS] * 5)
    world.minutes(5)
    assert infos(events) == ["1250 lines were taken away (--keep 30d)"]


def test_keeping_something_else_is_told_with_what_goes_a_minute_before(world: World, events: list[LogEvent]) -> None:
    world.minutes(2)
    world.clock.advance(59)
    world.store.left = 7
    world.upkeep.keep(7 * DAY)
    assert infos(events) == ["What is older than 7d is taken away: 7 lines in a minute, then more as it gets older."]
    world.clock.advance(59)
    assert world.store.keeps == [30 * DAY] * 2
    world.clock.advance(1)
    assert world.store.keeps == [30 * DAY] * 2 + [7 * DAY]
    world.upkeep.keep(7 * DAY)
    assert world.store.counted == [7 * DAY]


def test_a_size_is_told_before_and_after(world: World, events: list[LogEvent]) -> None:
    world.store.left = 1
    world.upkeep.keep(Size(10**10))
    world.store.left = 4000
    world.clock.advance(60)
    world.clock.pump([limits.TRIM_PAUSE_SECONDS] * 5)
    assert infos(events) == [
        "The database may hold 10GB: about 1 line goes in a minute, then more as new ones come; of the largest rooms, "
        "the oldest first.",
        "2000 lines were taken away (--keep 10GB)",
    ]


def test_a_log_from_which_nothing_can_go_is_told_once(world: World, events: list[LogEvent]) -> None:
    world.store.undated = ["#lobby", "@"]
    world.minutes(3)
    world.store.undated = ["#lobby", "#ops"]
    world.minutes(3)
    assert [info.split(":")[0] for info in infos(events)] == [
        "Nothing can be taken away from #lobby",
        "Nothing can be taken away from somebody's private talk",
        "Nothing can be taken away from #ops",
    ]


def test_on_a_date_before_there_was_this_program_nothing_goes() -> None:
    world = World(datetime(1970, 1, 3, tzinfo=UTC))
    globalLogPublisher.addObserver(world.log)
    world.minutes(5)
    globalLogPublisher.removeObserver(world.log)
    assert world.store.trimmed == []
    assert ["date cannot be right" in event["log_format"] for event in world.errors] == [True]


def test_without_a_directory_nothing_is_copied(world: World) -> None:
    world.minutes(24 * 60)
    assert world.store.copied == []


def test_a_copy_is_made_each_night(tmp_path: Path) -> None:
    world = World(NIGHT - timedelta(minutes=3), tmp_path)
    world.minutes(2)
    assert world.store.copied == [NIGHT.date() - DAY]
    world.minutes(2)
    assert world.store.copied == [NIGHT.date() - DAY, NIGHT.date()]
    world.minutes(24 * 60)
    assert world.store.copied[2:] == [NIGHT.date() + DAY]


def test_a_copy_that_failed_is_logged_and_the_next_night_is_tried(tmp_path: Path, logged: object) -> None:
    world = World(NIGHT + timedelta(hours=1), tmp_path)
    world.store.backup_error = OSError("no such disk")
    world.minutes(10)
    assert world.store.copied == [NIGHT.date()]
    world.minutes(24 * 60)
    assert world.store.copied == [NIGHT.date(), NIGHT.date() + DAY]
    assert len(logged.expect(OSError)) == 2  # type: ignore[attr-defined]


def test_a_journal_that_somebody_keeps_from_ending_is_told_each_time_it_has_doubled(
    world: World, events: list[LogEvent]
) -> None:
    told = []
    for size in (16, 63, 70, 100, 139, 141, 150, 1, 70):
        world.store.in_journal = size * 1024 * 1024
        events.clear()
        world.minutes(1)
        told.append([text for event in events if "-wal has grown to" in (text := formatEvent(event))])
    assert [bool(texts) for texts in told] == [False, False, True, False, False, True, False, False, True]
    assert told[2][0].startswith("chat.sqlite3-wal has grown to 73 MB: another program keeps the database open")
