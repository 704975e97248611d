"""The mechanism: logs, their tails, and cursors."""

from datetime import UTC, datetime

import pytest

from chat.base import limits
from chat.log.events import Action, Author, Entry, Fact, Joined, Left, Message, Private, Renamed, TopicSet
from chat.log.log import Cursor, Log
from chat.log.tail import Tails, said, size

AT = datetime(2026, 11, 22, 10, 4, tzinfo=UTC)
AMY = Author("p1", "s1", "amy")


def entry(seq: int, fact: Fact | None = None) -> Entry:
    return Entry(seq, AT, fact or Message(AMY, f"line {seq}"))


def entries(first: int, last: int) -> list[Entry]:
    return [entry(seq) for seq in range(first, last + 1)]


def a_log(last: int = 0, tails: Tails | None = None) -> Log:
    log = Log("#lobby", "#lobby", Tails() if tails is None else tails)
    if last:
        log.extend(entries(1, last))
    return log


def numbers(page: list[Entry] | None) -> list[int] | None:
    return None if page is None else [entry.seq for entry in page]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tails of ten entries."""
    monkeypatch.setattr(limits, "TAIL_EVENTS", 10)


def test_the_head_is_the_last_number() -> None:
    log = a_log()
    assert log.head == 0
    log.extend(entries(1, 3))
    assert log.head == 3


def test_a_log_goes_on_from_the_head_it_is_given() -> None:
    log = Log("#lobby", "#lobby", Tails(), 41)
    log.extend(entries(42, 43))
    assert (log.head, numbers(log.after(41, 10)), log.after(40, 10)) == (43, [42, 43], None)


def test_readers_are_woken_when_the_head_has_moved() -> None:
    class Readers:
        def advanced(self, entries: list[Entry]) -> None:
            woken.append((log.head, numbers(entries)))

    woken: list[tuple] = []
    log = a_log()
    log.readers = Readers()
    log.extend(entries(1, 2))
    assert woken == [(2, [1, 2])]


@pytest.mark.parametrize(
    ("position", "most", "found"), [(0, 9, [1, 2, 3]), (1, 1, [2]), (2, 9, [3]), (3, 9, []), (0, 2, [1, 2])]
)
def test_what_stands_behind_a_position_is_found(position: int, most: int, found: list[int]) -> None:
    assert numbers(a_log(3).after(position, most)) == found


@pytest.mark.usefixtures("short")
def test_a_tail_keeps_so_many_events() -> None:
    log = a_log(25)
    assert log.after(14, 99) is None
    assert numbers(log.after(15, 99)) == list(range(16, 26))
    assert numbers(log.oldest()) == list(range(16, 26))


def test_a_tail_keeps_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TAIL_BYTES", 5 * (1000 + limits.ENTRY_OVERHEAD))
    log = a_log()
    for seq in range(1, 20):
        log.extend([entry(seq, Message(AMY, "x" * 1000))])
    assert numbers(log.oldest()) == [15, 16, 17, 18, 19]


def test_a_tail_keeps_its_last_event_however_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TAIL_BYTES", 10)
    assert numbers(a_log(3).oldest()) == [3]


def test_all_tails_together_are_bounded_and_the_quiet_ones_give_first() -> None:
    tails = Tails(30 * size(entry(1)))
    quiet, busy = a_log(10, tails), a_log(0, tails)
    for seq in range(1, 26):
        busy.extend([entry(seq)])
        assert tails.used <= 30 * size(entry(1)) + 25
    assert quiet.oldest() == []
    assert quiet.after(9, 1) is None
    assert len(busy.oldest()) == 25


def test_a_log_whose_tail_was_given_away_goes_on() -> None:
    tails = Tails(1)
    one, other = a_log(3, tails), a_log(3, tails)
    one.extend(entries(4, 5))
    assert numbers(one.after(3, 9)) == [4, 5]
    assert other.oldest() == []
    assert tails.used == sum(map(size, one.oldest()))


def test_history_is_what_people_said() -> None:
    facts: list[Fact] = [
        Joined(AMY, ("amy",), 1),
        Message(AMY, "hi"),
        Action(AMY, "waves"),
        Renamed(AMY, "dee", "f1", ("#lobby",)),
        TopicSet(AMY, "tea"),
        Private(AMY, "bob", "p2", "psst"),
        Left(AMY, ("amy",), 0),
    ]
    found = [entry(seq, fact) for seq, fact in enumerate(facts, 1)]
    assert numbers(list(said(found))) == [2, 3, 6]


def test_the_last_that_people_said_before_a_number_is_found() -> None:
    log = a_log(10)
    assert numbers(log.said_before(11, 3)) == [8, 9, 10]
    assert numbers(log.said_before(5, 3)) == [2, 3, 4]
    assert numbers(log.said_before(1, 3)) == []


@pytest.mark.usefixtures("short")
def test_history_that_the_tail_may_not_hold_is_left_to_the_store() -> None:
    log = a_log(25)
    assert numbers(log.said_before(26, 10)) == list(range(16, 26))
    assert log.said_before(26, 11) is None
    assert log.said_before(10, 1) is None


def test_a_cursor_takes_a_page_and_knows_the_hole_before_it() -> None:
    log = a_log(20)
    cursor = Cursor(log, 3)
    assert cursor.take(entries(4, 6)) == 0
    assert cursor.position == 6
    assert cursor.take(entries(17, 20)) == 10
    assert cursor.position == log.head


def test_a_cursor_that_gives_up_stands_at_the_head() -> None:
    cursor = Cursor(a_log(20), 3)
    assert cursor.skip_to_head() == 17
    assert cursor.position == cursor.log.head
