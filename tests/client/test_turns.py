"""Which of a chat's addresses is tried next."""

from hypothesis import given
from hypothesis import strategies as st

from chat.client.link.turns import Turns


def tried(turns: Turns, times: int) -> list[int | str]:
    """So many attempts from now on that come to nothing, and the pauses between them."""
    found: list[int | str] = []
    for _ in range(times):
        if not turns.go_on():
            found.append("pause")
        found.append(turns.at)
    return found


def test_each_is_tried_at_once_in_its_order_before_there_is_a_pause() -> None:
    turns = Turns(3)
    assert turns.at == 0
    assert tried(turns, 6) == [1, 2, "pause", 0, 1, 2, "pause", 0]


def test_the_only_one_is_tried_again_after_a_pause() -> None:
    assert tried(Turns(1), 2) == ["pause", 0, "pause", 0]


def test_who_was_in_by_one_goes_on_behind_it_and_comes_to_all_others_without_a_pause() -> None:
    turns = Turns(3)
    assert tried(turns, 1) == [1]
    turns.stayed()
    assert tried(turns, 3) == [2, 0, "pause", 1]


def test_one_that_is_barred_is_not_tried_again_until_all_may_be() -> None:
    turns = Turns(3)
    tried(turns, 1)
    assert turns.bar()
    assert tried(turns, 4) == [2, "pause", 0, 2, "pause", 0]
    turns.pardon()
    assert tried(turns, 3) == [1, 2, "pause", 0]


def test_where_all_are_barred_none_is_left() -> None:
    turns = Turns(2)
    assert turns.bar()
    turns.go_on()
    assert not turns.bar()
    assert turns.others == []


@given(st.integers(1, 5), st.lists(st.sampled_from(["failed", "stayed", "barred", "pardoned"]), max_size=40))
def test_between_two_pauses_none_is_tried_twice_and_none_that_may_be_is_left_out(count: int, events: list[str]) -> None:
    turns = Turns(count)
    round_, barred = {0}, set[int]()
    for event in events:
        match event:
            case "stayed":
                turns.stayed()
                round_ = {turns.at}
            case "pardoned":
                turns.pardon()
                barred.clear()
                round_ = {turns.at}
            case "barred":
                if len(barred | {turns.at}) == count:
                    continue
                assert turns.bar()
                barred.add(turns.at)
        if event not in ("failed", "barred"):
            continue
        left = set(range(count)) - barred - round_
        assert set(turns.others) == left
        if turns.go_on():
            assert turns.at in left
            round_.add(turns.at)
        else:
            assert not left
            round_ = {turns.at}
        assert turns.at not in barred
