"""What retention does with entries whose dates are wrong: the numbers are the order."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from database import AMY, ON_DISK, START, Database, opened, private
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.base import limits
from chat.core.ports import Appended
from chat.log.events import Entry, Joined, Message
from chat.store.retention import EARLIEST, Trimmed

DAY = timedelta(days=1)
NOW = START + 10 * DAY
YEARS = 3000 * DAY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.sqlite3"


@pytest.fixture(params=ON_DISK)
def database(request: pytest.FixtureRequest, opened_as: Any) -> Iterator[Any]:
    with opened_as(request.param) as database:
        yield database


def dated(*dates: datetime, first: int = 1, key: str = "#lobby") -> Appended:
    """Lines that are called by their numbers."""
    entries = [Entry(seq, at, Message(AMY, str(seq))) for seq, at in enumerate(dates, first)]
    return Appended(key, key, True, entries)


def trim(database: Database, now: datetime = NOW, keep: timedelta | int = DAY) -> list[Trimmed]:
    """Trim until nothing is left to do."""
    steps: list[Trimmed] = []
    while not steps or steps[-1].rows:
        steps.append(database.wait(database.store.trim(keep, now)))
    return steps


def left(database: Database, key: str = "#lobby") -> list[int]:
    return [entry.seq for entry in database.entries(key)]


OLD, FRESH = NOW - 3 * DAY, NOW - DAY / 2
AHEAD, LONG_AGO, BACK = NOW + YEARS, datetime.fromtimestamp(7, EARLIEST.tzinfo), OLD - 60 * DAY


@pytest.mark.parametrize(
    ("dates", "stay"),
    [
        # before
        ([AHEAD, OLD, OLD], []),
        ([AHEAD, OLD, FRESH], [3]),
        ([AHEAD, AHEAD, OLD, FRESH], [4]),
        ([LONG_AGO, OLD, FRESH], [3]),
        ([LONG_AGO, FRESH], [1, 2]),
        ([AHEAD, FRESH], [1, 2]),
        # between
        ([OLD, AHEAD, OLD], []),
        ([OLD, AHEAD, OLD, FRESH], [4]),
        ([OLD, AHEAD, FRESH], [2, 3]),
        ([OLD, LONG_AGO, FRESH], [2, 3]),
        ([OLD, BACK, FRESH], [2, 3]),
        ([OLD, BACK, OLD, FRESH], [4]),
        ([FRESH, LONG_AGO, FRESH], [1, 2, 3]),
        ([FRESH, AHEAD, FRESH], [1, 2, 3]),
        ([OLD, AHEAD, LONG_AGO, AHEAD, OLD, FRESH], [6]),
        # after
        ([OLD, AHEAD], [2]),
        ([OLD, LONG_AGO], [2]),
        ([OLD, BACK], []),
        ([FRESH, LONG_AGO], [1, 2]),
        # nothing else
        ([AHEAD, AHEAD], [1, 2]),
        ([LONG_AGO], [1]),
        ([AHEAD, LONG_AGO], [1, 2]),
    ],
)
@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_a_wrong_date_stops_nothing_and_takes_nothing_with_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, dates: Sequence[datetime], stay: list[int], rows: int
) -> None:
    monkeypatch.setattr(limits, "TRIM_ROWS", rows)
    database.commit(dated(*dates))
    trim(database)
    assert left(database) == stay


def test_what_cannot_be_judged_is_told_and_goes_once_it_can(database: Database) -> None:
    database.commit(dated(AHEAD, AHEAD), dated(LONG_AGO, key="#ops"))
    assert sorted(name for step in trim(database) for name in step.undated) == ["#lobby", "#ops"]
    assert trim(database)[0].undated == []
    database.commit(dated(FRESH, first=3))
    assert (trim(database)[0].undated, left(database)) == ([], [1, 2, 3])
    trim(database, NOW + 2 * DAY)
    assert (left(database), left(database, "#ops")) == ([], [1])


def test_what_is_judged_by_its_neighbour_goes_with_it(database: Database) -> None:
    database.commit(dated(AHEAD, FRESH, AHEAD))
    trim(database)
    assert left(database) == [1, 2, 3]
    trim(database, FRESH + DAY + timedelta(seconds=1))
    assert left(database) == [3]


def test_logs_that_cannot_be_judged_are_no_hindrance_to_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TRIM_LOGS", 3)
    for number in range(10):
        database.commit(dated(AHEAD, key=f"#ahead{number}"), dated(LONG_AGO, key=f"#ago{number}"))
        database.commit(dated(OLD, key=f"#old{number}"))
    for _ in range(10):
        trim(database)
    assert [left(database, f"#old{number}") for number in range(10)] == [[]] * 10
    assert [left(database, f"#{name}{number}") for number in range(10) for name in ("ahead", "ago")] == [[1]] * 20


def test_many_wrong_dates_in_a_row(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TRIM_ROWS", 5)
    monkeypatch.setattr(limits, "DOUBTED_ROWS", 20)
    database.commit(dated(*[AHEAD] * 24, OLD, *[AHEAD] * 30, FRESH))
    assert trim(database)[-1].undated == ["#lobby"]
    assert left(database)[0] == 26


dates = st.lists(
    st.tuples(st.integers(0, 5 * 24), st.sampled_from([None, None, None, AHEAD, LONG_AGO, NOW + DAY])),
    min_size=1,
    max_size=12,
)


@given(dates=dates, rows=st.sampled_from([1, 2, 3, 1000]), hours=st.lists(st.integers(0, 200), max_size=3))
@settings(max_examples=60, deadline=None)
def test_no_entry_goes_before_its_time_and_every_one_goes_once_that_can_be_told(
    tmp_path_factory: pytest.TempPathFactory,
    dates: list[tuple[int, datetime | None]],
    rows: int,
    hours: list[int],
) -> None:
    """Whatever clocks were wrong; the true dates are in the order of the numbers."""
    true = [NOW - timedelta(hours=hours) for hours in sorted((hours for hours, _ in dates), reverse=True)]
    stamped = [wrong or right for right, (_, wrong) in zip(true, dates, strict=True)]
    with pytest.MonkeyPatch.context() as patch, opened(tmp_path_factory.mktemp("dates") / "chat.sqlite3") as database:
        patch.setattr(limits, "TRIM_ROWS", rows)
        database.commit(dated(*stamped))
        for now in [NOW, *(NOW + timedelta(hours=hours) for hours in sorted(hours))]:
            trim(database, now)
            stay = set(left(database))
            right = [at for at, wrong in zip(true, stamped, strict=True) if at == wrong]
            for seq, at in enumerate(true, 1):
                if at >= now - DAY:
                    assert seq in stay
                elif any(at <= other < now - DAY for other in right if other > at) and stamped[seq - 1] == at:
                    assert seq not in stay


def test_a_clock_at_its_beginning_takes_nothing_away(database: Database) -> None:
    database.commit(dated(OLD, OLD, LONG_AGO))
    trim(database, LONG_AGO + 2 * DAY)
    assert left(database) == [1, 2, 3]


# Lines are what people said.


def test_of_lines_those_that_people_said_count(database: Database) -> None:
    joins = [Entry(seq, START, Joined(AMY, ("amy",), 1)) for seq in range(4, 10)]
    database.commit(dated(START, START, START))
    database.commit(Appended("#lobby", "#lobby", True, joins))
    database.commit(dated(START, first=10))
    assert [step.lines for step in trim(database, keep=3)] == [1, 0]
    assert database.texts() == ["2", "3", "", "", "", "", "", "", "10"]
    assert [(step.rows, step.lines) for step in trim(database, keep=1)] == [(8, 2), (0, 0)]


@pytest.mark.parametrize("rows", [1, 2, 3, 1000])
def test_what_others_did_goes_with_the_lines_around_it_in_steps(
    database: Database, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(limits, "TRIM_ROWS", rows)
    joins = [Entry(seq, START, Joined(AMY, ("amy",), 1)) for seq in range(1, 8)]
    database.commit(Appended("#lobby", "#lobby", True, joins))
    database.commit(dated(*[START] * 5, first=8))
    assert sum(step.lines for step in trim(database, keep=2)) == 3
    assert left(database) == [11, 12]


def test_what_is_due_is_what_goes(database: Database) -> None:
    psst = private(AMY, AMY, "psst")
    both = [Appended(key, "@", True, [Entry(1, OLD, psst)]) for key in ("@p-amy", "@p-bob")]
    database.commit(dated(OLD, OLD, FRESH), *both)
    assert [database.wait(database.store.due(keep, NOW)) for keep in (DAY, 1, 2, None)] == [3, 2, 1, 0]
    assert sum(step.lines for step in trim(database)) == 3


def test_the_lines_of_each_log_are_counted(path: Path) -> None:
    with opened(path) as database:
        database.commit(dated(OLD, OLD, FRESH), dated(OLD, key="#ops"))
        database.commit(Appended("#ops", "#ops", True, [Entry(2, START, Joined(AMY, ("amy",), 1))]))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT key, said FROM logs ORDER BY key").fetchall() == [("#lobby", 3), ("#ops", 1)]
