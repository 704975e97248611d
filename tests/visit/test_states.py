"""The table of a visit: what can be come to, and what cannot be left."""

import pytest

from chat.visit.ending import Ending
from chat.visit.states import DEAF, ENDING, GONE, INPUTS, SHAKING, STRANGE, TABLE, WAITING, Event, Input, State


def after(state: State) -> set[State]:
    return {to[state] for to in TABLE.values() if state in to}


def test_every_state_can_be_come_to_from_the_first_one() -> None:
    found, new = {SHAKING}, {SHAKING}
    while new:
        new = set().union(*map(after, new)) - found
        found |= new
    assert found == set(State)


def test_a_connection_may_be_lost_at_any_time_and_nothing_comes_after_that() -> None:
    assert set(TABLE[Event.LOST]) == set(State) - {GONE}
    assert after(GONE) == set()


def test_who_is_let_go_never_has_a_line_handled_again() -> None:
    found, new = set(ENDING), set(ENDING)
    while new:
        new = set().union(*map(after, new)) - found
        found |= new
    assert found == ENDING
    assert ENDING < DEAF


def test_every_state_but_the_last_ones_can_be_left_with_a_goodbye() -> None:
    assert set(TABLE[Event.CLOSE]) == set(State) - ENDING


def test_nobody_stands_in_line_rests_or_waits_before_their_first_line() -> None:
    for state in STRANGE:
        assert after(state) <= STRANGE | {TABLE[Event.MET][state]} | ENDING | {TABLE[Event.HOLD][state]}
    assert not STRANGE & WAITING


@pytest.mark.parametrize("event", [event for event in Event if event not in TABLE])
def test_each_event_is_of_the_visit_or_of_its_input(event: Event) -> None:
    assert event in INPUTS


@pytest.mark.parametrize(
    ("events", "input", "own"),
    [
        ([], Input.OPEN, True),
        ([Event.END], Input.ENDED, True),
        ([Event.CUT], Input.CUT, False),
        ([Event.BREAK, Event.END], Input.CUT, False),
        ([Event.END, Event.BREAK], Input.CUT, False),
        ([Event.SIGN_OFF, Event.END], Input.SIGNED_OFF, True),
        ([Event.SIGN_OFF, Event.CUT], Input.SIGNED_OFF, True),
        ([Event.CUT, Event.END], Input.CUT, False),
    ],
)
def test_whose_will_the_end_of_the_input_was(events: list[Event], input: Input, own: bool) -> None:
    ending = Ending(proxied=False)
    for event in events:
        ending.happens(event)
    assert (ending.input, ending.is_own(broken=False)) == (input, own)
    assert ending.over == (input not in (Input.OPEN, Input.LAST))


def test_a_proxy_ends_what_it_likes() -> None:
    ending = Ending(proxied=True)
    ending.happens(Event.END)
    assert not ending.is_own(broken=False)
    ending = Ending(proxied=True)
    ending.happens(Event.SIGN_OFF)
    assert ending.is_own(broken=False)
