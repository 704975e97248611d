"""Rooms: going there and leaving, which there are, and their topics."""

import pytest
from stores import SlowStore
from world import Client, World

from chat.base import limits


@pytest.fixture
def amy(world: World) -> Client:
    return world.enter("amy")


@pytest.fixture
def bob(world: World, amy: Client) -> Client:
    bob = world.enter("bob")
    amy.take()
    return bob


# /join


def test_joining_says_where_one_speaks_and_what_is_still_heard(amy: Client) -> None:
    amy.type("/join #ops")
    assert amy.take() == [
        "-> You speak in #ops now. You still hear #lobby; /join #lobby goes back.",
        "-> #ops is new, you are alone in it.",
    ]
    amy.type("/join #dev")
    assert amy.take()[0] == "-> You speak in #dev now. You still hear #lobby and #ops; /join #ops goes back."


def test_joining_shows_who_is_there_the_topic_and_what_was_said(amy: Client, bob: Client) -> None:
    bob.type("/join #ops", "/topic release on Friday", "hi", "/me waves")
    amy.type("/join #ops")
    assert amy.take() == [
        "-- last 2 lines of #ops, times UTC --",
        "10:04 <bob> hi",
        "10:04 * bob waves",
        "-- now Sunday 2026-11-22 10:04 --",
        "-> You speak in #ops now. You still hear #lobby; /join #lobby goes back.",
        "-> With you in #ops: bob.",
        '-> Topic of #ops: "release on Friday"',
    ]


def test_history_and_what_is_said_then_have_no_gap_and_no_repeat(amy: Client, bob: Client) -> None:
    bob.type("/join #ops", *(f"line {number}" for number in range(30)))
    bob.send(b"at once\n")
    amy.type("/join #ops")
    bob.type("after")
    heard = [line for line in amy.take() if "<bob>" in line]
    assert [line.partition("<bob> ")[2] for line in heard] == [
        *(f"line {number}" for number in range(10, 30)),
        "at once",
        "after",
    ]


def test_a_room_of_many_tells_how_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "COMPANY_SHOWN", 2)
    for nick in ("bob", "carl", "dee"):
        world.enter(nick, "/join #ops")
    amy = world.enter("amy")
    amy.type("/join #ops")
    assert amy.take()[1] == "-> 3 others are in #ops; /who lists them."


def test_joining_is_answered_to_a_program_with_history_and_state(world: World, amy: Client) -> None:
    amy.type("/join #ops", "/topic tea", "hi")
    program = world.enter("bot", wire="json")
    program.type("/join #ops", id="1")
    history, reply, _ = program.take_objects()
    assert (history["type"], history["room"], history["more"]) == ("history", "#ops", False)
    assert [(event["seq"], event["text"]) for event in history["events"]] == [(3, "hi")]
    assert (reply["command"], reply["room"], reply["head"], reply["id"]) == ("join", "#ops", 3, "1")
    assert (reply["users"], reply["topic"]) == (["amy", "bot"], "tea")


@pytest.mark.parametrize("name", ["#", "#-x", "##x", "#" + "x" * 33, "#a/b", "#\u202ex"])
def test_what_is_no_rooms_name_is_refused(amy: Client, name: str) -> None:
    amy.type(f"/join {name}")
    assert amy.lines[0].startswith("! room-bad: ")


@pytest.mark.parametrize("line", ["/join ops", "/join \uff03ops", "/sala ops", "/join: #ops,", "/join#ops"])
def test_a_room_may_be_written_without_its_sign_where_only_a_room_can_stand(amy: Client, line: str) -> None:
    amy.type(line)
    assert amy.lines[0].startswith("-> You speak in #ops now.")
    amy.take()
    amy.type("/leave ops")
    assert amy.lines[0].startswith("-> You left #ops.")


# /leave


def test_leaving_goes_back_to_the_room_joined_last(amy: Client) -> None:
    amy.type("/join #ops", "/join #dev")
    amy.take()
    amy.type("/leave", "/leave", "/leave", "/leave")
    assert amy.take() == [
        "-> You left #dev. You speak in #ops.",
        "-> You left #ops. You speak in #lobby.",
        "-> You left #lobby. You are in no room now; /join #lobby goes back.",
        "! not-in-room: You are in no room; /join #lobby goes back.",
    ]


def test_last_words_in_a_room_are_told_to_it(amy: Client, bob: Client) -> None:
    amy.type("/join #ops")
    bob.type("/join #ops")
    bob.take()
    amy.type("/leave #ops see you", "/leave lobby and here, too")
    assert bob.take() == ['-!- amy left #ops (0 s): "see you"', '-!- amy left #lobby (0 s): "and here, too"']


@pytest.mark.parametrize("room", ["#nope", "#ops"])
def test_who_leaves_a_room_they_are_not_in_is_told_where_they_are(amy: Client, bob: Client, room: str) -> None:
    bob.type("/join #ops")
    amy.type("/join #dev")
    amy.take()
    amy.type(f"/leave {room}")
    assert amy.take() == [f"! not-in-room: You are not in {room}, but in #lobby and #dev."]
    amy.type("/leave", "/leave")
    amy.take()
    amy.type(f"/leave {room}")
    assert amy.take() == ["! not-in-room: You are in no room; /join #lobby goes back."]


def test_for_a_room_that_is_not_there_the_nearest_one_is_offered(amy: Client, bob: Client) -> None:
    bob.type("/join #release", "/join #relays", "/leave #relays")
    amy.type("/topic #relaese")
    assert amy.take() == ["! no-room: There is no room #relaese; is it #release? /join #relaese makes it."]


def test_leaving_another_room_does_not_change_where_one_speaks(amy: Client) -> None:
    amy.type("/join #ops")
    amy.take()
    amy.type("/leave #lobby")
    assert amy.take() == ["-> You left #lobby. You speak in #ops."]


def test_leaving_tells_the_room_how_long_one_stayed(world: World, amy: Client, bob: Client) -> None:
    bob.type("/join #ops")
    amy.type("/join #ops")
    amy.take()
    world.wait(720)
    bob.type("/leave")
    assert amy.take() == ["-!- bob left #ops (12 min)"]


# /rooms


def test_rooms_are_listed_the_fullest_first_and_empty_ones_not(amy: Client, bob: Client) -> None:
    bob.type("/join #ops", "/topic release on Friday", "/join #gone", "/leave #gone")
    amy.type("/rooms")
    assert amy.take() == [
        "-> #lobby (2 people, you too)",
        '-> #ops (1 person): "release on Friday"',
    ]


def test_the_lobby_is_there_even_when_nobody_is(amy: Client) -> None:
    amy.type("/leave", "/rooms", "/join #lobby")
    lines = amy.take()
    assert lines[1] == "-> No room has anybody in it."
    assert lines[2] == "-> You speak in #lobby now."


def test_a_long_list_of_rooms_ends_with_how_many_more(amy: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROOMS_SHOWN", 2)
    amy.type("/join #a", "/join #b", "/join #c")
    amy.take()
    amy.type("/rooms")
    assert amy.take()[-1] == "-> And 2 rooms more."


def test_rooms_are_facts_for_a_program(world: World, amy: Client) -> None:
    program = world.enter("bot", wire="json")
    program.type("/rooms", id="1")
    reply, _ = program.take_objects()
    assert (reply["rooms"], reply["id"]) == ([{"name": "#lobby", "here": 2, "topic": ""}], "1")


# /topic


def test_a_topic_is_set_shown_and_taken_away(amy: Client, bob: Client) -> None:
    amy.type("/topic", "/topic  tea at four ", "/topic", "/topic -", "/topic")
    assert amy.take() == [
        "-> #lobby has no topic; /topic text sets one.",
        '-> Topic of #lobby: "tea at four"',
        '-> Topic of #lobby: "tea at four"',
        "-> #lobby has no topic now.",
        "-> #lobby has no topic; /topic text sets one.",
    ]
    assert bob.take() == [
        '-!- amy set the topic of #lobby: "tea at four"',
        "-!- amy took away the topic of #lobby",
    ]


def test_a_topic_is_short_and_harmless(amy: Client, bob: Client) -> None:
    amy.type("/topic " + "x" * 201, "/topic \x07red\u202e")
    assert amy.take()[0] == "! too-long: This has 201 bytes, the limit is 200."
    assert bob.take() == ['-!- amy set the topic of #lobby: "␇red\ufffd"']


def test_a_topic_is_harmless_for_programs_too(world: World, amy: Client) -> None:
    program = world.enter("bot", wire="json")
    amy.type("/topic \x07red\u202e")
    assert program.take_objects()[-1]["text"] == "␇red\ufffd"


def test_a_topic_changes_when_it_is_stored_and_not_before() -> None:
    store = SlowStore()
    world = World(store)
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    store.slow = True
    amy.type("/topic tea")
    bob.type("/topic")
    assert bob.take() == ["-> #lobby has no topic; /topic text sets one."]
    store.let()
    world.turn()
    bob.type("/topic")
    assert bob.take()[-1] == '-> Topic of #lobby: "tea"'


def test_the_last_topic_set_in_a_turn_is_the_one_that_stays(world: World, amy: Client, bob: Client) -> None:
    amy.send(b"/topic first\n")
    bob.send(b"/topic second\n")
    world.turn()
    amy.type("/topic")
    assert amy.take()[-1] == '-> Topic of #lobby: "second"'
