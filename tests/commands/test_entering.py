"""Coming in, changing the wire, finding help, and going."""

from dataclasses import replace
from itertools import groupby
from typing import get_args

import pytest
from stores import SlowStore
from world import Client, World

from chat import __version__
from chat.commands.help import in_order
from chat.commands.registry import TABLE
from chat.wire import replies


@pytest.fixture
def amy(world: World) -> Client:
    return world.enter("amy")


# Coming in


def test_the_first_lines_say_where_one_is_and_what_to_do(world: World) -> None:
    assert world.connect().take() == [
        "-> Welcome to the chat on pi. Nobody is here yet.",
        "-> Type a nickname and press Enter.  (/help: commands, /quit: leave)",
    ]
    world.enter("amy")
    assert world.connect().take()[0] == "-> Welcome to the chat on pi. One person is here."
    world.enter("bob")
    assert world.connect().take()[0] == "-> Welcome to the chat on pi. 2 people are here."


def test_the_message_of_the_day_stands_before_the_question() -> None:
    world = World(motd=("Be kind.", "", "Server reboots at 5."))
    assert world.connect().take()[1:4] == ["-> Be kind.", "-> ", "-> Server reboots at 5."]


def test_alone_one_is_told_that_words_are_kept(world: World) -> None:
    lines = world.connect("amy").take()
    assert lines[2] == "-> Hello amy. Nobody else is in #lobby yet; what you say is kept for them."


def test_whom_one_can_talk_to_is_told(world: World) -> None:
    world.enter("bob")
    assert world.connect("amy").take()[2] == "-> Hello amy. You are in #lobby with bob: what you type, they see."
    assert (
        world.connect("dee").take()[2] == "-> Hello dee. You are in #lobby with bob and amy: what you type, they see."
    )


def test_in_a_crowd_the_number_is_told(world: World) -> None:
    for number in range(39):
        world.enter(f"p{number}")
    lines = world.connect("amy").take()
    assert "-> Hello amy. You are in #lobby with 39 others: what you type, they see." in lines


def test_what_was_said_before_is_shown_first(world: World) -> None:
    world.enter("bob", "hello?", "/me waits", "/paste", "one", "two", "/end")
    assert world.connect("amy").take()[2:8] == [
        "-- last 3 lines of #lobby, times UTC --",
        "10:04 <bob> hello?",
        "10:04 * bob waits",
        "10:04 <bob> one",
        "  | two",
        "-- now Sunday 2026-11-22 10:04 --",
    ]


def test_the_topic_of_the_lobby_is_told(world: World) -> None:
    world.enter("bob", "/topic tea at four")
    assert '-> Topic of #lobby: "tea at four"' in world.connect("amy").take()


@pytest.mark.parametrize("word", ["help", "HELP", " help ", "/help", "/h"])
def test_help_is_understood_where_a_nickname_is_asked_for(world: World, word: str) -> None:
    guest = world.connect(word)
    assert guest.lines[2].startswith("-> What you type, everybody in the room sees.")
    guest.type("amy")
    assert "Hello amy." in guest.bytes.decode()


def test_quit_is_understood_where_a_nickname_is_asked_for(world: World) -> None:
    guest = world.connect("quit")
    assert guest.lines[-1] == "-> Bye. Press Enter (or Ctrl-C) if your prompt does not come back."
    assert guest.gone


def test_a_command_behind_blanks_is_no_nickname(world: World) -> None:
    guest = world.connect(" /quit")
    assert not world.hub.people
    assert guest.lines[-1].startswith("! ")


def test_blanks_around_a_nickname_do_not_count(world: World) -> None:
    world.connect("  amy\t")
    assert world.hub.lobby.users == ["amy"]


# /json


def test_a_program_is_greeted_and_welcomed_with_objects(world: World, amy: Client) -> None:
    program = world.connect(wire="json")
    hello = {"type": "hello", "server": "pi", "version": __version__, "here": 1, "motd": [], "acks": True}
    assert program.take_objects() == [hello]
    program.type("/nick bot", id="1")
    welcome, history, _ = program.take_objects()
    assert welcome["type"] == "welcome"
    assert (welcome["nick"], welcome["room"], welcome["id"]) == ("bot", "#lobby", "1")
    lobby = welcome["rooms"]["#lobby"]
    assert (lobby["users"], lobby["topic"]) == (["amy", "bot"], "")
    assert (history["type"], history["room"], history["events"], history["more"]) == ("history", "#lobby", [], False)


def test_whoever_is_here_already_may_change_to_objects(world: World, amy: Client) -> None:
    bob = world.enter("bob", "/join #ops")
    amy.take()
    amy.type("/json")
    hello, welcome = amy.take_objects()
    assert (hello["type"], welcome["type"], list(welcome["rooms"])) == ("hello", "welcome", ["#lobby"])
    bob.type("/msg #lobby hi")
    (message,) = amy.take_objects()
    assert (message["type"], message["from"], message["text"]) == ("message", "bob", "hi")


def test_a_program_may_send_plain_lines(world: World, amy: Client) -> None:
    program = world.connect(wire="json")
    program.send(b"/nick bot\nhi\n")
    world.turn()
    assert amy.take()[-1] == "<bot> hi"


def test_a_program_may_say_which_room_a_line_is_for(world: World, amy: Client) -> None:
    amy.type("/join #ops")
    program = world.enter("bot", "/join #ops", "/join #dev", wire="json")
    amy.take()
    program.type("hi", room="#OPS")
    program.type("/me waves", room="#ops")
    program.type("/topic tea", room="#ops")
    program.type("hello", room="#nowhere", id="1")
    assert amy.take() == ["#ops <bot> hi", "#ops * bot waves", '-!- bot set the topic of #ops: "tea"']
    assert program.take_objects()[-1]["code"] == "no-room"


# /quit


def test_goodbye_says_what_to_do_if_the_prompt_does_not_come_back(amy: Client) -> None:
    amy.type("/quit")
    assert amy.take() == ["-> Bye amy. Press Enter (or Ctrl-C) if your prompt does not come back."]
    assert amy.gone


def test_last_words_are_short_and_harmless(world: World, amy: Client) -> None:
    bob = world.enter("bob")
    amy.take()
    bob.type("/quit " + "x" * 201)
    assert bob.take() == ["! too-long: This has 201 bytes, the limit is 200."]
    bob.type("/quit \x07bye\u202e")
    assert amy.take() == ['-!- bob left (0 s): "␇bye\ufffd"']


def test_a_program_is_told_that_it_has_left(world: World) -> None:
    program = world.enter("bot", wire="json")
    program.type("/quit", id="1")
    reply, ack = program.take_objects()
    assert (reply["type"], reply["command"], reply["id"]) == ("reply", "quit", "1")
    assert (ack["type"], ack["id"]) == ("ack", "1")
    assert program.gone


def test_what_was_said_before_quitting_is_answered_first() -> None:
    store = SlowStore()
    world = World(store)
    program = world.enter("bot", wire="json")
    store.slow = True
    program.send(b'{"line": "hi", "id": "1"}\n{"line": "/quit", "id": "2"}\n')
    world.turn()
    assert program.take_objects() == []
    while store.commits:
        store.let()
        world.turn()
    answers = [(keys["type"], keys["id"]) for keys in program.take_objects()]
    assert answers == [("ack", "1"), ("reply", "2"), ("ack", "2")]
    assert program.gone


# /help and /version


def test_help_is_ten_short_lines(amy: Client) -> None:
    amy.type("/help")
    assert len(amy.lines) <= 10
    assert all(line.startswith("-> ") and len(line) <= 80 for line in amy.lines)


def test_help_for_all_lists_every_command(amy: Client) -> None:
    amy.type("/help all")
    told = {line.removeprefix("-> ").partition(":")[0].split()[0] for line in amy.lines if line.startswith("-> /")}
    for row in TABLE.values():
        assert (row.usage.text.split()[0] in told) is (row.role == "anybody")
    assert all(len(line) <= 80 for line in amy.lines)


def test_help_for_all_names_first_what_is_needed_first_a_family_after_the_other(world: World, amy: Client) -> None:
    assert sorted(row.name for row in in_order()) == sorted(TABLE)
    families = [family for family, _ in groupby(row.family for row in in_order())]
    assert families == list(get_args(replies.Family))
    amy.type("/help all")
    told = [line.removeprefix("-> ") for line in amy.take() if not line.startswith("->   ")]
    assert told[:2] == ["Talk:", "/msg NICK|#room text: say something to one person, or to another room"]
    heads = [line for line in told if not line.startswith("/")]
    assert heads == ["Talk:", "People:", "Rooms:", "What was said before:", "Accounts:", "Coming, staying, going:"]
    last = told[told.index(heads[-1]) + 1 :]
    assert [line.split()[0].rstrip(":") for line in last] == [
        "/help", "/quit", "/resume", "/language", "/json", "/version", "/motd",
    ]  # fmt: skip


@pytest.mark.parametrize("topic", ["msg", "/msg", "w", "MSG"])
def test_help_for_one_command_tells_its_usage_and_other_names(amy: Client, topic: str) -> None:
    amy.type(f"/help {topic}")
    assert amy.take() == [
        "-> /msg NICK|#room text: say something to one person, or to another room",
        "-> Also: /w /tell /query /dm /pm /m /whisper /mensaje /mp /susurrar",
    ]


@pytest.mark.parametrize(
    ("topic", "answer"),
    [
        ("foo", "! unknown-command: There is no such command; /help all shows every one."),
        ("jion", "! unknown-command: There is no /jion; is it /join? /help all shows every one."),
        ("/whios", "! unknown-command: There is no /whios; is it /whois? /help all shows every one."),
        ("set", "! not-here: /set is a command of chat-client."),
        ("timeout", "! unknown-command: There is no such command; /help all shows every one."),
    ],
)
def test_help_for_what_there_is_not(amy: Client, topic: str, answer: str) -> None:
    amy.type(f"/help {topic}")
    assert amy.take() == [answer]


def test_tips_are_told(amy: Client) -> None:
    amy.type("/help tips")
    assert len(amy.lines) >= 5
    assert all(len(line) <= 80 for line in amy.lines)


def test_a_program_gets_the_commands_as_facts(world: World) -> None:
    program = world.connect(wire="json")
    program.type("/help all", id="1")
    reply = program.objects[-2]
    assert {row["name"] for row in reply["commands"]} == {row.name for row in TABLE.values() if row.role == "anybody"}


def test_the_message_of_the_day_is_told_again(world: World, amy: Client) -> None:
    amy.type("/motd")
    assert amy.take() == ["-> There is no message of the day."]
    world.hub.settings = replace(world.hub.settings, motd=("Be kind, {all}.", "Backups at three."))
    program = world.connect(wire="json")
    amy.type("/motd")
    assert amy.take() == ["-> Be kind, {all}.", "-> Backups at three."]
    program.type("/motd", id="1")
    assert program.objects[-2]["motd"] == ["Be kind, {all}.", "Backups at three."]


def test_the_version_is_told(amy: Client) -> None:
    amy.type("/version")
    assert amy.take() == [f"-> chat {__version__} on pi"]
