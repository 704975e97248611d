"""When the next turn begins, by itself and in a room with many people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import World

from chat import limits
from chat.coalescing import Coalescing

MANY = limits.COALESCE_FROM
THREE = ["amy", "bob", "carl"]


def test_the_first_turn_does_not_wait() -> None:
    assert Coalescing().pause(0.0) == 0


def test_one_or_two_who_talk_at_any_rate_are_never_held_up() -> None:
    coalescing = Coalescing()
    for number in range(100):
        coalescing.turned(number * 1e-4, [THREE[number % 2]], 10 * MANY)
        assert coalescing.pause(number * 1e-4) == 0


def test_where_three_talk_to_many_the_next_turn_waits_for_more() -> None:
    coalescing = Coalescing()
    coalescing.turned(5.0, THREE, MANY)
    assert coalescing.pause(5.0) == pytest.approx(MANY * limits.COALESCE_PER_RECIPIENT)


def test_whoever_comes_after_the_pause_does_not_wait() -> None:
    coalescing = Coalescing()
    coalescing.turned(5.0, THREE, MANY)
    assert coalescing.pause(5.0 + limits.COALESCE_SECONDS) == 0


def test_where_three_talk_to_few_nobody_waits() -> None:
    coalescing = Coalescing()
    coalescing.turned(5.0, THREE, MANY - 1)
    assert coalescing.pause(5.0) == 0


def test_who_has_not_talked_for_some_turns_does_not_count() -> None:
    coalescing = Coalescing()
    coalescing.turned(5.0, THREE, MANY)
    for _ in range(limits.COALESCE_TURNS):
        coalescing.turned(6.0, ["amy"], MANY)
    coalescing.turned(7.0, ["amy"], MANY)
    assert coalescing.pause(7.0) == 0


@given(st.lists(st.tuples(st.lists(st.sampled_from(THREE)), st.integers(0, 10**6)), max_size=20))
def test_nobody_waits_for_longer_than_nobody_notices(turns: list[tuple[list[str], int]]) -> None:
    coalescing = Coalescing()
    for authors, recipients in turns:
        coalescing.turned(0.0, authors, recipients)
        assert 0 <= coalescing.pause(0.0) <= limits.COALESCE_SECONDS


def test_in_a_busy_room_what_comes_within_the_pause_goes_out_in_one_piece(world: World) -> None:
    people = [world.enter(f"person{number}") for number in range(MANY + 5)]
    world.wait(1)
    listener, *talkers = people
    for talker in talkers[:3]:
        talker.type("hi")
    world.wait(1)
    sent: list[bytes] = []
    listener.socket.writeSomeData = lambda data: sent.append(bytes(data)) or len(data)  # type: ignore[method-assign]
    talkers[0].type("at once")
    assert [chunk.count(b"\n") for chunk in sent] == [1]
    for talker in talkers[:3]:
        talker.type("gathered")
    assert len(sent) == 1
    world.wait(limits.COALESCE_SECONDS)
    assert [chunk.count(b"\n") for chunk in sent] == [1, 3]
