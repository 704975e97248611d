"""When the next turn begins, by itself and in a room with many people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import World

from chat.base import limits
from chat.core.turn_delay import Coalescing

MANY = limits.COALESCE_FROM
THREE = ["amy", "bob", "carl"]
ALL_THREE = set(THREE)


def pause(coalescing: Coalescing, now: float) -> float:
    """How long a line that comes now waits, if no other does."""
    coalescing.came(now)
    rest = coalescing.rest(now)
    coalescing.begun()
    return rest


def test_the_first_turn_does_not_wait() -> None:
    assert pause(Coalescing(), 0.0) == 0


def test_one_or_two_who_talk_at_any_rate_are_never_held_up() -> None:
    coalescing = Coalescing()
    for number in range(100):
        coalescing.turned(number * 1e-4, {THREE[number % 2]}, 10 * MANY, 10 * MANY, 1)
        assert pause(coalescing, number * 1e-4) == 0


def test_where_three_talk_to_many_the_next_turn_waits_for_more() -> None:
    coalescing = Coalescing()
    coalescing.turned(5.0, ALL_THREE, MANY, MANY, 1)
    assert pause(coalescing, 5.0) == pytest.approx(MANY * limits.COALESCE_PER_RECIPIENT)


def test_whoever_comes_after_the_pause_does_not_wait() -> None:
    coalescing = Coalescing()
    coalescing.turned(5.0, ALL_THREE, MANY, MANY, 1)
    assert pause(coalescing, 5.0 + limits.COALESCE_SECONDS) == 0


def lines_a_second(rate: float) -> Coalescing:
    """After a second in which three talked to many at this rate, a line a turn."""
    coalescing = Coalescing()
    for number in range(int(rate) + 1):
        coalescing.turned(number / rate, {THREE[number % 3]}, 4 * MANY, 4 * MANY, 1)
    return coalescing


def test_at_a_rate_that_costs_little_nobody_waits() -> None:
    assert pause(lines_a_second(0.9 * limits.COALESCE_LOAD / limits.SEND_SECONDS / (4 * MANY) * 7 / 8), 1.0) == 0


def test_at_a_rate_that_costs_much_they_do() -> None:
    assert pause(lines_a_second(1.1 * limits.COALESCE_LOAD / limits.SEND_SECONDS / (4 * MANY)), 1.0) > 0


def test_once_it_has_begun_it_goes_on_while_as_much_is_said() -> None:
    coalescing = Coalescing()
    for number in range(20):
        coalescing.turned(
            number * 0.005, ALL_THREE, 4 * MANY, 5 * 4 * MANY, 5
        )  # a thousand lines a second, five a turn
    assert pause(coalescing, 19 * 0.005) > 0


def test_who_has_not_talked_for_some_turns_does_not_count() -> None:
    coalescing = Coalescing()
    coalescing.turned(5.0, ALL_THREE, MANY, MANY, 1)
    for _ in range(limits.COALESCE_TURNS):
        coalescing.turned(6.0, {"amy"}, MANY, MANY, 1)
    coalescing.turned(7.0, {"amy"}, MANY, MANY, 1)
    assert pause(coalescing, 7.0) == 0


@given(st.lists(st.tuples(st.sets(st.sampled_from(THREE)), st.integers(0, 10**6)), max_size=20))
def test_nobody_waits_for_longer_than_nobody_notices(turns: list[tuple[set[str], int]]) -> None:
    coalescing = Coalescing()
    for authors, recipients in turns:
        coalescing.turned(0.0, authors, recipients, recipients, 1)
        assert 0 <= pause(coalescing, 0.0) <= limits.COALESCE_SECONDS


def test_where_three_talk_to_few_nobody_waits(world: World) -> None:
    people = [world.enter(f"person{number}") for number in range(MANY - 1)]
    world.wait(1)
    world.take_all()
    for number in range(3 * limits.COALESCE_TURNS):
        people[number % 3].type("at once")
        assert people[-1].take() == [f"<person{number % 3}> at once"]


def test_in_a_busy_room_what_comes_within_the_pause_goes_out_in_one_piece(world: World) -> None:
    listener, *talkers = [world.enter(f"person{number}") for number in range(MANY + 5)]
    for _ in range(limits.COALESCE_TURNS):
        talkers[0].type("alone")
    world.wait(1)
    sent: list[bytes] = []
    listener.socket.writeSomeData = lambda data: sent.append(bytes(data)) or len(data)  # type: ignore[method-assign]
    for number in range(limits.COALESCE_TURNS):
        talkers[number % 3].type("at once")
    assert [chunk.count(b"\n") for chunk in sent] == [1] * limits.COALESCE_TURNS
    sent.clear()
    for talker in talkers[:3]:
        talker.type("gathered")
    assert not sent
    world.wait(limits.COALESCE_SECONDS)
    assert [chunk.count(b"\n") for chunk in sent] == [3]


def gathered(gap: float, pauses: int = limits.COALESCE_TURNS) -> tuple[Coalescing, float]:
    """After so many turns of ten lines, with such a gap between them; and when the last one ended."""
    coalescing, now = Coalescing(), 5.0
    for _ in range(pauses):
        for _ in range(10):
            coalescing.came(now)
            now += gap
        coalescing.begun()
        coalescing.turned(now, ALL_THREE, 4 * MANY, 10 * 4 * MANY, 10)
    return coalescing, now


def test_where_lines_come_together_a_short_silence_ends_the_pause() -> None:
    coalescing, now = gathered(1e-5)
    coalescing.came(now)
    assert coalescing.rest(now) == pytest.approx(limits.COALESCE_SILENCE_SECONDS)
    assert coalescing.rest(now + limits.COALESCE_SILENCE_SECONDS) == 0


def test_each_line_that_comes_puts_the_end_off_but_not_beyond_the_pause() -> None:
    coalescing, now = gathered(1e-5)
    for later in (0.0, 0.0002, 0.0004):
        coalescing.came(now + later)
        assert coalescing.rest(now + later) == pytest.approx(limits.COALESCE_SILENCE_SECONDS)
    coalescing.came(now + limits.COALESCE_SECONDS)
    assert coalescing.rest(now + limits.COALESCE_SECONDS) == 0


def test_where_lines_come_one_after_the_other_a_silence_as_usual_ends_nothing() -> None:
    coalescing, now = gathered(0.001)
    coalescing.came(now)
    assert coalescing.rest(now + 0.003) > 0


def test_what_came_while_a_turn_was_stored_waits_for_the_answers_to_that_turn() -> None:
    """Else a burst that was cut in two would stay two for ever, each half sent while the other one is on its way."""
    coalescing, now = gathered(1e-5)
    coalescing.came(now)
    coalescing.turned(now + 0.002, ALL_THREE, 4 * MANY, 10 * 4 * MANY, 10)
    assert coalescing.rest(now + 0.002) == pytest.approx(limits.COALESCE_SILENCE_SECONDS)
    coalescing.came(now + 0.0022)
    assert coalescing.rest(now + 0.0024) > 0
    assert coalescing.rest(now + 0.0026) == 0


def test_who_waits_for_those_lines_to_be_heard_is_not_waited_for(world: World) -> None:
    listener, *talkers = [world.enter(f"person{number}") for number in range(MANY + 5)]
    world.wait(1)
    world.take_all()
    for _ in range(2 * limits.COALESCE_TURNS):
        for talker in talkers[:8]:
            talker.type("now")
            world.wait(1e-5)
        world.wait(2 * limits.COALESCE_SILENCE_SECONDS, limits.COALESCE_SILENCE_SECONDS)
        heard = len(listener.take())
    assert heard == 8
