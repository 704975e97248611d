"""The order in which lines are handled: as they came, and what overtakes and drops where they have to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits
from chat.visit.line_queue import LineQueue, affordable
from chat.visit.order import Order
from chat.wire.requests import INTERRUPT, Typed


def name_of(line: Typed) -> str:
    return line[1:] if isinstance(line, str) and line.startswith("/") else ""


def waiting(*lines: str, one_waits: bool = False) -> LineQueue:
    queue = LineQueue()
    queue.add(lines, 0, one_waits)
    queue.begin_to_wait(Order(name_of, drafting=False), one_waits)
    return queue


def rest(queue: LineQueue) -> list[Typed]:
    found = []
    while queue.lines:
        found.append(queue.pop())
    return found


def test_lines_are_handled_as_they_came() -> None:
    queue = LineQueue()
    queue.add(["1", "/cancel"], 0, False)
    queue.add(["2"], 0, False)
    assert rest(queue) == ["1", "/cancel", "2"]


def test_where_they_wait_what_looks_around_goes_first_in_its_own_order() -> None:
    queue = waiting("1", "2")
    assert queue.add(["/who", "3", "/ping"], 0, False) is None
    assert rest(queue) == ["/who", "/ping", "1", "2", "3"]


@pytest.mark.parametrize("end", [["/cancel"], ["/quit", "/quit"], [INTERRUPT]])
def test_what_stops_drops_what_stands_before_it_and_tells_which(end: list[str]) -> None:
    queue = waiting("1", "2")
    assert queue.add(["3", *end, "4"], 0, False) == ["1", "2", "3", *end[:-1]]
    assert rest(queue) == [end[-1], "4"]


def test_two_that_stop_drop_what_each_of_them_finds() -> None:
    queue = waiting("1")
    assert queue.add(["/cancel", "2", "/cancel", "3"], 0, False) == ["1", "2"]
    assert rest(queue) == ["/cancel", "/cancel", "3"]


def test_a_key_that_stops_is_nothing_where_there_is_nothing_to_stop() -> None:
    queue = waiting("/ping")
    assert queue.add([INTERRUPT], 0, False) is None
    assert rest(queue) == ["/ping"]


def test_it_stops_the_line_that_waits_for_its_turn_as_well() -> None:
    queue = waiting(one_waits=True)
    assert queue.add([INTERRUPT], 0, True) == []
    assert rest(queue) == [INTERRUPT]


def test_a_line_that_was_not_handled_after_all_is_the_next_one_again() -> None:
    queue = waiting("1", "2")
    queue.put_back("0")
    assert queue.forget() == ["0", "1", "2"]
    assert queue.forget() == []


def test_very_many_are_put_in_order_little_by_little_and_none_overtakes_before_that() -> None:
    queue = waiting("0")
    many = [*map(str, range(1, 100)), "/cancel", "100"]
    assert queue.add(many, 0, False) is None
    assert len(queue) == len(many) + 1
    assert len(queue.lines) == limits.LINES_PER_READ + 1
    assert queue.add(["/ping"], 0, False) is None
    assert not queue.has_room_ahead(paused=False)
    dropped = queue.place(False)
    assert dropped == [*map(str, range(100))]
    assert not queue.rest
    assert rest(queue) == ["/cancel", "/ping", "100"]


LINES = st.sampled_from(["hi", "/who", "/ping", "/cancel", "/quit", "/paste", "/end", INTERRUPT])


@given(st.lists(st.lists(LINES, max_size=6), max_size=6))
def test_no_line_is_lost_and_none_comes_twice(packets: list[list[str]]) -> None:
    every = [line for packet in packets for line in packet]
    lines = [f"{number} {line}" if line == "hi" else line for number, line in enumerate(every)]
    queue = waiting()
    dropped: list[Typed] = []
    came = 0
    for packet in packets:
        dropped += queue.add(lines[came : came + len(packet)], 0, False) or []
        came += len(packet)
    left = [*dropped, *rest(queue)]
    # A key that stops nothing is nothing.
    assert sorted(line for line in left if line != INTERRUPT) == sorted(line for line in lines if line != INTERRUPT)


def test_of_lines_that_wait_only_so_many_are_read_ahead() -> None:
    queue = waiting()
    queue.add(["x" * (limits.AHEAD - 10)], 0, False)
    assert not queue.has_room_ahead(paused=True)
    assert queue.has_room_ahead(paused=False)
    queue.add(["x"] * limits.AHEAD_LINES, 0, False)
    assert not queue.has_room_ahead(paused=False)


def test_the_first_line_is_affordable_whatever_it_costs() -> None:
    lines: list[Typed] = ["x" * 4 * limits.LINE_PRICE, "y" * limits.LINE_PRICE]
    assert affordable(lines, 2) == [4, 1]
    assert len(lines) == 1
