"""What was said before, as people ask for it."""

import pytest
from world import Client, World

from chat import limits


@pytest.fixture
def amy(world: World) -> Client:
    amy = world.enter("amy")
    bob = world.enter("bob")
    bob.type(*(f"line {number}" for number in range(30)), "/me waves")
    amy.take()
    return amy


def said(client: Client) -> list[str]:
    return [line[6:] for line in client.take() if line[2:3] == ":"]


def test_the_last_lines_of_the_room_are_shown_in_a_frame(amy: Client) -> None:
    amy.type("/last 2")
    assert amy.take() == [
        "-- last 2 lines of #lobby, times UTC --",
        "10:04 <bob> line 29",
        "10:04 * bob waves",
        "-- now Sunday 2026-11-22 10:04, 2 of 31 --",
    ]


def test_without_a_number_there_are_twenty(amy: Client) -> None:
    amy.type("/last")
    assert len(said(amy)) == 20


def test_another_room_must_be_one_that_one_is_in(world: World, amy: Client) -> None:
    world.enter("carl", "/join #ops", "secret")
    amy.take()
    amy.type("/last #ops", "/last 5 #nowhere")
    assert amy.take() == [
        "! not-in-room: You are not in #ops. /join #ops goes there.",
        "! no-room: There is no room #nowhere. /join #nowhere makes it.",
    ]


def test_private_talk_with_somebody_is_shown_with_its_direction(world: World, amy: Client) -> None:
    carl = world.enter("carl")
    amy.type("/msg carl one", "/msg bob other")
    carl.type("/msg amy two")
    amy.take()
    amy.type("/last carl")
    assert amy.take() == [
        "-- last 2 lines with carl, times UTC --",
        "10:04 [you -> carl] one",
        "10:04 [carl -> you] two",
        "-- now Sunday 2026-11-22 10:04, 2 of 2 --",
    ]


def test_private_talk_is_for_its_two_people_only(world: World, amy: Client) -> None:
    carl = world.enter("carl")
    amy.type("/msg bob secret")
    carl.type("/last bob", "/last amy", "/last carl")
    assert "secret" not in carl.bytes.decode()


def test_the_next_holder_of_a_nickname_does_not_see_what_the_last_one_was_told(world: World, amy: Client) -> None:
    amy.type("/msg bob secret")
    world.clients[1].type("/quit")
    bob = world.enter("bob")
    bob.type("/last amy", "/last bob", "/last 500")
    assert "secret" not in bob.bytes.decode()


@pytest.mark.parametrize("count", ["0", str(limits.HISTORY_MOST + 1), "999999999"])
def test_a_number_out_of_range_is_answered_with_the_range(amy: Client, count: str) -> None:
    amy.type(f"/last {count}")
    assert amy.take() == ["! too-many: /last shows 1 to 500 lines."]


def test_where_nothing_was_said_that_is_told(amy: Client) -> None:
    amy.type("/join #quiet")
    amy.take()
    amy.type("/last")
    assert len(amy.take()) == 1


def test_presence_is_no_history(world: World) -> None:
    amy = world.enter("amy", "/nick dee", "/topic tea", "/nick amy")
    assert world.connect("bob").lines[2].startswith("-> Hello bob.")
    amy.take()
    amy.type("/last")
    assert said(amy) == []


def test_older_days_have_a_line_of_their_own(world: World) -> None:
    amy = world.enter("amy", "one")
    world.wait(86400)
    amy.type("two")
    world.wait(60)
    amy.type("/last")
    assert amy.take()[-6:] == [
        "-- last 2 lines of #lobby, times UTC --",
        "-- Sunday 2026-11-22 --",
        "10:04 <amy> one",
        "-- Monday 2026-11-23 --",
        "10:04 <amy> two",
        "-- now Monday 2026-11-23 10:05, 2 of 2 --",
    ]


def test_a_program_pages_back_without_gap_or_repeat(world: World, amy: Client) -> None:
    program = world.enter("bot", wire="json")
    program.type("/last 7", id="1")
    (page,) = program.take_objects()
    seen = page["events"]
    while page["more"]:
        program.type("/last 7", id="1", before=seen[0]["seq"])
        (page,) = program.take_objects()
        assert page["id"] == "1"
        seen = page["events"] + seen
    assert [event["text"] for event in seen] == [*(f"line {number}" for number in range(30)), "waves"]


@pytest.mark.parametrize("before", [0, 1])
def test_before_the_first_number_there_is_nothing(world: World, amy: Client, before: int) -> None:
    program = world.enter("bot", wire="json")
    program.type("/last 7", id="1", before=before)
    assert program.take_objects()[0]["events"] == []


def test_history_on_entering_can_be_turned_off() -> None:
    world = World(history=0)
    world.enter("amy", "hi")
    bob = world.connect("bob")
    assert "hi" not in [line[-2:] for line in bob.take()]
