"""A conversation as a page: what stands on it, in which order, and what whoever draws it has to do."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits
from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.objects import Redacted, Said
from chat.client.talk.page import Page

MORNING = datetime(2026, 11, 22, 9, 4, tzinfo=UTC)


def day_line(day: date) -> Shown:
    return Shown(LineKind.FRAME, str(day), day=day)


def said(number: int, at: datetime = MORNING) -> Shown:
    return Shown(
        LineKind.TALK, f"<bob> {number}", at, source=Said("#lobby", "bob", str(number), number, at, None, False)
    )


def texts(page: Page) -> list[str]:
    return [shown.text for shown in page.lines]


@pytest.fixture
def page() -> Page:
    return Page(day_line)


def test_days_stand_before_their_lines(page: Page) -> None:
    for number, days in enumerate((0, 0, 1)):
        page.add(said(number, MORNING + timedelta(days=days)))
    assert texts(page) == ["2026-11-22", "<bob> 0", "<bob> 1", "2026-11-23", "<bob> 2"]


def test_older_lines_come_first_and_their_day_stands_once(page: Page) -> None:
    page.add(Shown(LineKind.REPLY, "Hello amy."))
    page.add(said(5))
    page.add_older([said(3, MORNING - timedelta(days=1)), said(4)])
    assert texts(page) == ["2026-11-21", "<bob> 3", "2026-11-22", "<bob> 4", "Hello amy.", "<bob> 5"]
    assert page.oldest == 3


def test_older_lines_may_be_the_only_ones(page: Page) -> None:
    page.add_older([said(1)])
    page.add(said(2))
    assert texts(page) == ["2026-11-22", "<bob> 1", "<bob> 2"]


def test_the_new_ones_begin_in_one_place(page: Page) -> None:
    for line in (said(1), Shown(LineKind.NEW, "new"), said(2), Shown(LineKind.NEW, "new"), said(3)):
        page.add(line, days=False)
    assert texts(page) == ["<bob> 1", "<bob> 2", "new", "<bob> 3"]


def test_what_was_taken_back_is_not_there_any_more(page: Page) -> None:
    for number in (1, 2, 3):
        page.add(said(number), days=False)
    page.take_back(Redacted("#lobby", "bob", 4, MORNING, (1, 3), "bob", MORNING))
    assert texts(page) == ["<bob> 2"]
    page.take_back(Redacted("#ops", "bob", 4, MORNING, (2,), "bob", MORNING))
    assert texts(page) == ["<bob> 2"]


def test_so_many_lines_are_kept_and_more_under_the_eyes_of_who_reads_older_ones(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAGE_LINES", 10)
    monkeypatch.setattr(limits, "PAGE_TRIM", 3)
    page.whole = True
    page.scrolled_up = True
    for number in range(20):
        page.add(said(number), days=False)
    assert page.oldest == 0
    assert page.whole
    page.scrolled_up = False
    page.trim()
    assert page.oldest == 10
    assert not page.whole
    page.scrolled_up = True
    for number in range(20, 100):
        page.add(said(number), days=False)
    assert len(page.lines) < 23


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 30), st.integers(0, 3)),
        st.tuples(st.just("new"), st.just(0), st.just(0)),
        st.tuples(st.just("older"), st.integers(1, 30), st.integers(0, 3)),
        st.tuples(st.just("gone"), st.integers(1, 30), st.just(0)),
        st.tuples(st.just("empty"), st.just(0), st.just(0)),
        st.tuples(st.just("draw"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@given(EVENTS)
def test_whoever_follows_the_edits_has_the_same_lines(events: Sequence[tuple[str, int, int]]) -> None:
    page, picture = Page(day_line), list[Shown]()
    page.add(said(0))
    picture += page.follow()

    def draw() -> None:
        for edit in page.edits():
            picture[edit.at : edit.at + edit.removed] = edit.added

    for what, number, days in events:
        at = MORNING + timedelta(days=days)
        match what:
            case "add":
                page.add(said(number, at))
            case "new":
                page.add(Shown(LineKind.NEW, "new"))
            case "older":
                page.add_older([said(number, at), said(number + 1, at)])
            case "gone":
                page.take_back(Redacted("#lobby", "bob", 99, at, (number,), "bob", at))
            case "empty":
                page.empty()
            case "draw":
                draw()
    draw()
    assert picture == page.lines
