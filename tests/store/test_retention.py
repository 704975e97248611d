"""What is taken away, in what steps, and what stays."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from database import AMY, BOB, MINUTE, ON_DISK, START, Database, lines, log, opened, person, private
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.base import limits
from chat.base.errors import Unfit
from chat.core.ports import Duplicates, KeptLog, LineId, Place, Query
from chat.store.keep import Keep, Size, parse_keep, spelled

DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.sqlite3"


@pytest.fixture(params=ON_DISK)
def database(request: pytest.FixtureRequest, opened_as: Any) -> Iterator[Any]:
    with opened_as(request.param) as database:
        yield database


def trim(database: Database, keep: Keep, now: timedelta = timedelta(0)) -> list[int]:
    """Trim until nothing is left to do, so long after the start; returns how much went in each step."""
    steps = []
    while gone := database.wait(database.store.trim(keep, START + now)).rows:
        steps.append(gone)
    return steps


def test_what_is_too_old_goes(database: Database) -> None:
    database.commit(lines("one", "two", "three"), lines("four", "five", key="#ops", at=START + 2 * MINUTE))
    assert trim(database, DAY, DAY + 2 * MINUTE) == [2]
    assert (database.texts(), database.texts("#ops")) == (["three"], ["four", "five"])
    assert trim(database, DAY, DAY + 2 * MINUTE) == []


def test_of_each_log_the_last_ones_stay(database: Database) -> None:
    database.commit(lines("one", "two", "three"), lines("four", key="#ops"))
    assert trim(database, 2) == [1]
    assert (database.texts(), database.texts("#ops")) == (["two", "three"], ["four"])


def test_all_is_kept_for_ever(database: Database) -> None:
    database.commit(lines("one"))
    assert trim(database, None, 100_000 * DAY) == []
    assert database.texts() == ["one"]


def test_what_went_is_neither_found_nor_counted(database: Database) -> None:
    database.commit(lines("red one", "red two", "red three"))
    trim(database, 1)
    for more in ({}, {"words": "red"}, {"since": START}):
        assert database.wait(database.store.said(Query(["#lobby"], 5, **more))).total == 1  # type: ignore[arg-type]


def test_a_log_goes_in_steps(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TRIM_ROWS", 10)
    database.commit(lines(*map(str, range(45))), lines(*map(str, range(5)), key="#ops"))
    assert trim(database, DAY, 9 * DAY) == [10, 10, 10, 10, 10]
    assert (database.texts(), database.texts("#ops")) == ([], [])


def test_many_logs_go_in_steps(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TRIM_LOGS", 10)
    database.commit(*(lines("one", "two", "three", key=f"#room{number}") for number in range(25)))
    assert trim(database, 1) == [20, 20, 10]


def test_the_numbers_of_an_empty_log_go_on(path: Path) -> None:
    with opened(path) as database:
        database.commit(lines("one", "two"))
        assert trim(database, DAY, 9 * DAY) == [2]
    with opened(path) as database:
        assert database.prepared.kept.logs == [KeptLog("#lobby", "#LOBBY", 2)]
        database.commit(lines("three", first=3, at=START + 9 * DAY))
        assert database.texts() == ["three"]
        assert trim(database, DAY, 11 * DAY) == [1]


def test_nothing_goes_from_behind_what_stays(database: Database) -> None:
    database.commit(lines("one"))
    database.commit(lines("of a clock that was wrong", first=2, at=START - 900 * DAY))
    assert trim(database, DAY, timedelta(0)) == []


def test_a_gap_is_no_reason_to_keep_more_or_less(database: Database) -> None:
    database.commit(lines("one", "two"))
    database.commit(lines(*map(str, range(100)), first=3, recorded=False))
    database.commit(lines("last", first=103))
    assert trim(database, 2) == [1]
    assert database.texts() == ["two", "last"]
    assert trim(database, 2) == []


def test_an_unrecorded_log_is_no_work(database: Database) -> None:
    database.commit(lines(*map(str, range(100)), recorded=False))
    assert trim(database, 1) == []
    assert trim(database, DAY, 9 * DAY) == []


def test_the_empty_log_of_somebody_who_cannot_come_back_is_forgotten(path: Path) -> None:
    said = private(AMY, BOB, "psst")
    with opened(path) as database:
        database.commit(log("@p-amy", [said]), log("@p-bob", [said]), lines("one"), people={"p-amy": person("amy")})
        assert trim(database, DAY, 9 * DAY) == [3]
    with closing(sqlite3.connect(path)) as connection:
        assert sorted(connection.execute("SELECT key, head FROM logs")) == [("#lobby", 1), ("@p-amy", 1)]


def test_the_number_of_a_forgotten_log_is_not_given_to_another(path: Path) -> None:
    said = private(AMY, BOB, "psst")
    place = Place("@p-bob", "@", 1, START + 9 * DAY)
    with opened(path) as database:
        database.commit(log("@p-bob", [said]), ids=[("c1", place)])
        trim(database, DAY, 9 * DAY)
        database.commit(log("@p-amy", [said]), ids=[("c2", place._replace(key="@p-amy"))])
        with pytest.raises(Duplicates) as caught:
            database.commit(log("@p-amy", [said], first=2), ids=[("c2", place._replace(key="@p-amy", seq=2))])
        assert [known.place.key for known in caught.value.known.values()] == ["@p-amy"]


def test_line_ids_go_after_a_day(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TRIM_ROWS", 10)
    ids = [(f"c{number}", Place("#lobby", "#LOBBY", 1, START)) for number in range(25)]
    database.commit(lines("one"), ids=ids)
    assert trim(database, None, DAY) == []
    with pytest.raises(Duplicates):
        database.commit(lines("again", first=2), ids=ids)
    assert trim(database, None, DAY + MINUTE) == [10, 10, 5]
    database.commit(lines("two", first=2), ids=ids)


def test_line_ids_are_looked_through_a_portion_after_the_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LINE_IDS_LOOKED_AT", 3)
    old, new = (Place("#lobby", "#LOBBY", 1, START + age) for age in (0 * DAY, DAY))
    ids = [f"c{number}" for number in range(8)]
    with opened(path) as database:
        database.commit(lines("one"), ids=[(id, new if id in ("c1", "c2", "c3") else old) for id in ids])
        # c0; of c1 to c3 none; c4, c5 and c6; c7; none is behind that; and again from the first one that is left.
        steps = [database.wait(database.store.trim(None, START + DAY + MINUTE)).rows for _ in range(7)]
        assert steps == [1, 0, 3, 1, 0, 0, 0]
        known = database.wait(database.store.known([LineId(AMY.person, id) for id in ids]))
        assert sorted(line.id for line in known) == ["c1", "c2", "c3"]


def test_a_step_that_is_refused_leaves_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOCKED_SECONDS", 0.01)
    with opened(path) as database:
        database.commit(lines("one", "two"))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(sqlite3.OperationalError):
                trim(database, 1)
        assert trim(database, 1) == [1]


@given(
    turns=st.lists(
        st.tuples(st.integers(1, 9), st.booleans(), st.none() | st.integers(1, 6), st.booleans()), max_size=12
    ),
)
@settings(max_examples=40)
def test_what_stays_is_the_end_of_the_log(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, bool, int | None, bool]]
) -> None:
    path = tmp_path_factory.mktemp("turns") / "chat.sqlite3"
    held: list[int] = []
    head = 0
    with opened(path) as database:
        for count, recorded, keep, indexed in turns:
            numbers = list(range(head + 1, head + count + 1))
            database.commit(lines(*map(str, numbers), first=head + 1, recorded=recorded))
            head += count
            held += numbers if recorded else []
            if indexed:
                database.index()
            if keep is not None:
                trim(database, keep)
                held = held[-keep:]
            assert [entry.seq for entry in database.entries()] == held
            assert database.wait(database.store.said(Query(["#lobby"], 1000))).total == len(held)
            assert database.listed_wrong() == set()


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("all", None),
        ("forever", None),
        ("30d", 30 * DAY),
        ("1d", DAY),
        ("8w", 56 * DAY),
        ("36h", DAY * 3 / 2),
        ("90m", DAY / 16),
        ("30s", MINUTE / 2),
        ("100000", 100_000),
        ("1000", 1000),
        ("1lines", 1),
        ("1line", 1),
        ("999lines", 999),
        ("10GB", Size(10 * 10**9)),
        ("100mb", Size(10**8)),
        ("1TB", Size(10**12)),
        ("999999GB", Size(999_999 * 10**9)),
    ],
)
def test_what_to_keep_is_understood(text: str, keep: Keep) -> None:
    assert parse_keep(text) == keep


@pytest.mark.parametrize(
    "text",
    [
        "",
        "d",
        "0",
        "0d",
        "-1",
        "30 d",
        "30y",
        "1.5d",
        "ALL",
        "٣",
        "٣d",
        "99999999999d",
        "9" * 30,
        "0lines",
        "lines",
        "10G",
        "1.5GB",
        "10 GB",
        "GB",
    ],
)
def test_what_would_be_right_is_told(text: str) -> None:
    with pytest.raises(
        Unfit,
        match="neither all, nor a time such as 12h, 30d or 8w, nor lines of each room such as 5000lines, nor a size "
        "such as 10GB",
    ):
        parse_keep(text)


@pytest.mark.parametrize("number", [1, 30, 365, 999])
def test_a_small_number_alone_is_asked_about_with_both_spellings(number: int) -> None:
    with pytest.raises(Unfit, match=f"{number}d .* {number}lines "):
        parse_keep(str(number))


@pytest.mark.parametrize("text", ["0MB", "99MB", "1001TB", "9999999999999TB"])
def test_a_size_that_nobody_means_is_answered_with_those_that_are_right(text: str) -> None:
    with pytest.raises(Unfit, match="a size from 100MB to 1000TB would be right"):
        parse_keep(text)


@given(
    st.none()
    | st.integers(1, limits.KEEP_MOST)
    | st.integers(100, 10**9).map(lambda size: Size(size * 10**6))
    | st.integers(1, limits.KEEP_DAYS_MOST * 86400).map(lambda seconds: timedelta(seconds=seconds))
)
def test_what_is_kept_is_spelled_as_it_is_asked_for(keep: Keep) -> None:
    assert parse_keep(spelled(keep)) == keep


@given(st.text("0123456789dhwmslineaGMTB .-+", max_size=16))
def test_whatever_is_asked_for_is_understood_or_told(text: str) -> None:
    try:
        keep = parse_keep(text)
    except Unfit:
        return
    assert parse_keep(spelled(keep)) == keep


def test_the_longest_time_can_be_kept(database: Database) -> None:
    database.commit(lines("one"))
    assert trim(database, parse_keep(f"{limits.KEEP_DAYS_MOST}d")) == []
    assert trim(database, parse_keep(str(limits.KEEP_MOST))) == []
