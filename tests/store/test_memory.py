"""The memory store's bounds: what it drops, and that nobody reads around the hole."""

from datetime import UTC, datetime

import pytest
from database import batch
from twisted.internet.task import Clock

from chat.base import limits
from chat.core.ports import Appended, Duplicates, Known, LineId, Query
from chat.log.events import Author, Entry, Message, Place
from chat.log.tail import size
from chat.store.memory import MemoryStore

AT = datetime(2026, 11, 22, 10, 4, tzinfo=UTC)
AMY = Author("p1", "s1", "amy")
ENTRY = limits.ENTRY_OVERHEAD + len("text")


def keep(store: MemoryStore, key: str, first: int, last: int) -> None:
    entries = [Entry(seq, AT, Message(AMY, "text")) for seq in range(first, last + 1)]
    assert size(entries[0]) == ENTRY
    store.commit(batch(Appended(key, key, True, entries)))


def held(store: MemoryStore, key: str, position: int = 0) -> list[int]:
    return [entry.seq for entry in store.after(key, position, 1000).result]


def test_a_log_keeps_its_last_events() -> None:
    store = MemoryStore(events=5)
    keep(store, "#a", 1, 3)
    keep(store, "#a", 4, 12)
    keep(store, "#b", 1, 2)
    assert held(store, "#a") == [8, 9, 10, 11, 12]
    assert held(store, "#b") == [1, 2]


def test_what_stands_before_a_hole_is_followed_by_what_stands_behind_it() -> None:
    store = MemoryStore(events=5)
    keep(store, "#a", 1, 12)
    assert held(store, "#a", 3) == [8, 9, 10, 11, 12]
    assert held(store, "#a", 10) == [11, 12]


def test_all_logs_together_are_bounded_and_the_one_quiet_longest_gives_first() -> None:
    store = MemoryStore(most=10 * ENTRY)
    keep(store, "#a", 1, 6)
    keep(store, "#b", 1, 4)
    keep(store, "#a", 7, 8)
    keep(store, "#c", 1, 1)
    assert (held(store, "#b"), held(store, "#a"), held(store, "#c")) == ([4], list(range(1, 9)), [1])
    keep(store, "#c", 2, 5)
    assert (held(store, "#b"), held(store, "#a"), held(store, "#c")) == ([], list(range(4, 9)), [1, 2, 3, 4, 5])


def test_a_log_whose_events_all_went_goes_on() -> None:
    store = MemoryStore(most=3 * ENTRY)
    keep(store, "#a", 1, 3)
    keep(store, "#b", 1, 3)
    keep(store, "#a", 4, 5)
    assert held(store, "#a", 2) == [4, 5]
    assert [entry.seq for _, entry in store.said(Query(("#a",), 9)).result.entries] == [4, 5]


def test_so_many_ids_are_remembered_the_last_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MEMORY_IDS", 2)
    store = MemoryStore()

    def said(id: str) -> bool:
        """Whether the line is new."""
        try:
            store.commit(batch(known={LineId("p1", id): Known(Place("#a", "#a", 1, AT), 0)}))
        except Duplicates:
            return False
        return True

    assert [said(id) for id in ("one", "two", "two", "three", "one", "three")] == [True, True, False, True, True, False]


def of_many_lines() -> tuple[Clock, MemoryStore]:
    """A store that was filled with three portions of lines, and to which each look at the time costs."""
    clock = Clock()

    def seconds() -> float:
        clock.rightNow += limits.PORTION_SECONDS
        return clock.rightNow

    store = MemoryStore(clock=clock, seconds=seconds)
    rows = 3 * limits.MEMORY_ROWS
    keep(store, "#a", 1, rows)
    return clock, store


def test_a_search_lets_others_work_between_its_portions() -> None:
    clock, store = of_many_lines()
    found = store.said(Query(("#a",), 9, words="text"))
    assert not found.called
    keep(store, "#a", 1000, 1001)
    clock.pump([0.0] * 3)
    assert (found.result.total, found.result.whole) == (3 * limits.MEMORY_ROWS, True)


def test_a_search_that_takes_too_long_answers_with_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEARCH_SECONDS", 1.5 * limits.PORTION_SECONDS)
    clock, store = of_many_lines()
    found = store.said(Query(("#a",), 9, words="text"))
    clock.pump([0.0] * 3)
    assert (found.result.total, found.result.whole) == (limits.MEMORY_ROWS, False)
    assert found.result.entries[-1][1].seq == 3 * limits.MEMORY_ROWS
