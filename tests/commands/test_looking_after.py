"""What whoever runs the server does with it while it runs: read it anew, copy it, stop it in a while."""

import json
from pathlib import Path

import pytest
from stores import FailingStore, SlowStore
from twisted.internet.defer import Deferred, fail
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from world import Client, World

from chat import __version__
from chat.base import limits
from chat.base.errors import Refused, Unfit
from chat.base.language import say


def ask(client: Client, line: str) -> tuple[dict, ...]:
    """What comes of a line."""
    client.take()
    client.type(line, id="1")
    return tuple(keys for keys in client.take_objects() if keys["type"] in ("reply", "ack", "error"))


def told(client: Client) -> list[str]:
    """What they heard of the stop."""
    return [line for line in client.take() if "server" in line]


# /admin reload


def test_a_reload_tells_what_has_changed(world: World) -> None:
    world.process.changes = [say("{option}: {what}", option="grace", what="180 -> 60"), say("added {new}", new="x")]
    reply, ack = ask(world.operator(), "/admin reload")
    assert (reply["changes"], reply["text"]) == (["grace: 180 -> 60", "added x"], "grace: 180 -> 60\nadded x")
    assert ack["type"] == "ack"
    world.process.changes = ()
    reply, _ = ask(world.operator(), "/admin reload")
    assert (reply["changes"], reply["text"]) == ([], "Nothing changed.")


def test_a_file_that_is_wrong_is_an_error_that_says_where(world: World) -> None:
    world.process.changes = Unfit(say("chat.conf, line 2: {what}", what="grace soon"))
    (error,) = ask(world.operator(), "/admin reload")
    assert error["code"] == "unavailable"
    assert error["text"] == "All options stay as they were: chat.conf, line 2: grace soon"


# /admin backup


def test_a_copy_is_answered_when_it_is_there(world: World) -> None:
    world.process.copy = Deferred()
    boss = world.operator()
    assert ask(boss, "/admin backup") == ()
    world.enter("amy").type("all goes on")
    world.process.copy.callback(Path("/copies/chat-2026.sqlite3"))
    world.turn()
    reply, ack = boss.take_objects()
    assert (reply["path"], reply["text"]) == ("/copies/chat-2026.sqlite3", "The copy is /copies/chat-2026.sqlite3")
    assert ack["type"] == "ack"


def test_where_no_copy_can_be_made_the_reason_is_told(world: World) -> None:
    world.process.copy = fail(Refused("unavailable", say("The disk is full.")))
    (error,) = ask(world.operator(), "/admin backup")
    assert (error["code"], error["text"]) == ("unavailable", "The disk is full.")


# /admin shutdown


def test_everybody_is_told_when_it_is_set_and_again_as_it_comes_nearer(world: World) -> None:
    amy, eva = world.enter("amy"), world.enter("eva", "/language es")
    boss = world.operator("/nick boss")
    for client in (amy, eva):
        client.take()
    reply, _ = ask(boss, "/admin shutdown 10m")
    assert (reply["stops_in"], reply["text"]) == (600, "The server stops in 10 min; /admin shutdown off takes it back.")
    assert told(amy) == ["-!- boss stops the server in 10 min"]
    assert eva.take() == ["-!- boss detiene el servidor en 10 min"]
    world.wait(299, 1)
    assert told(amy) == []
    world.wait(1)
    assert told(amy) == ["-!- The server stops in 5 min"]
    world.wait(290, 1)
    assert told(amy) == [f"-!- The server stops in {left}" for left in ("1 min", "30 s", "10 s")]
    assert world.process.stopped == 0
    world.wait(10)
    assert world.process.stopped == 1
    assert told(amy) == []


def test_programs_get_it_in_their_language_with_the_seconds(world: World) -> None:
    bot = world.enter("bot", "/language es", wire="json")
    world.operator().type("/admin shutdown 90m")
    assert [(keys["room"], keys["stops_in"], keys["text"], "from" in keys) for keys in bot.take_objects()[-1:]] == [
        ("*", 5400, "El servidor se detiene en 90 min", False)
    ]
    world.operator().type("/admin shutdown off")
    assert bot.take_objects()[-1]["stops_in"] is None


def test_it_is_taken_back_and_nothing_stops(world: World) -> None:
    amy, boss = world.enter("amy"), world.operator("/nick boss")
    boss.type("/admin shutdown 1m")
    amy.take()
    reply, _ = ask(boss, "/admin shutdown off")
    assert (reply["stops_in"], reply["text"]) == (None, "No stop of the server is set; /admin shutdown 10m sets one.")
    assert told(amy) == ["-!- boss took it back: the server does not stop"]
    world.wait(120, 1)
    assert (told(amy), world.process.stopped) == ([], 0)
    ask(boss, "/admin shutdown no")
    assert told(amy) == []


def test_it_is_not_told_again_right_away(world: World) -> None:
    amy = world.enter("amy")
    world.operator().type("/admin shutdown 70s")
    amy.take()
    world.wait(39, 1)
    assert told(amy) == []
    world.wait(1)
    assert told(amy) == ["-!- The server stops in 30 s"]


def test_alone_it_tells_how_it_is_and_changes_nothing(world: World) -> None:
    amy, boss = world.enter("amy"), world.operator()
    assert ask(boss, "/admin shutdown")[0]["stops_in"] is None
    boss.type("/admin shutdown 1h")
    world.wait(1200, 60)
    amy.take()
    assert ask(boss, "/admin shutdown")[0]["stops_in"] == 2400
    assert told(amy) == []


def test_set_anew_only_the_new_one_counts(world: World) -> None:
    amy, boss = world.enter("amy"), world.operator()
    boss.type("/admin shutdown 1m", "/admin shutdown 2h")
    world.wait(120, 1)
    assert world.process.stopped == 0
    assert told(amy) == ["-!- The server stops in 1 min", "-!- The server stops in 2 h"]


@pytest.mark.parametrize(
    ("word", "code", "text"),
    [
        ("10", "usage", "10 of what? 10s, 10m, 10h, 10d?"),
        ("soon", "usage", "A duration is written as 30s, 10m, 2h, 3d or 1w."),
        ("forever", "usage", "A duration is written as 30s, 10m, 2h, 3d or 1w."),
        ("on", "usage", "A duration is written as 30s, 10m, 2h, 3d or 1w."),
        ("-5m", "usage", "A duration is written as 30s, 10m, 2h, 3d or 1w."),
        ("2w", "too-long", "A stop is set 7 d ahead at most."),
        ("10m now", "usage", "/admin shutdown [DURATION|off]: "),
    ],
)
def test_another_word_is_an_error_and_changes_nothing(word: str, code: str, text: str, world: World) -> None:
    amy, boss = world.enter("amy"), world.operator()
    (error,) = ask(boss, f"/admin shutdown {word}")
    assert (error["code"], error["text"][: len(text)]) == (code, text)
    assert ask(boss, "/admin shutdown")[0]["stops_in"] is None
    assert told(amy) == []


def test_at_once_is_at_once(world: World) -> None:
    ask(world.operator(), "/admin shutdown 0s")
    assert world.process.stopped == 1


def test_it_stops_though_nobody_can_be_told(logged_texts: list[str]) -> None:
    store = FailingStore()
    world = World(store)
    store.failures = 1
    reply, _ = ask(world.operator(), "/admin shutdown 5s")
    assert reply["stops_in"] == 5
    world.wait(5)
    assert world.process.stopped == 1
    assert "Nobody could be told of the stop: nothing is stored" in logged_texts


def test_whoever_comes_back_meanwhile_reads_it_too(world: World) -> None:
    amy = world.enter("amy")
    code = amy.session.code
    amy.cut()
    world.operator().type("/admin shutdown 5m")
    assert any("The server stops in 5 min" in line for line in world.connect(f"/resume {code}").lines)


def test_the_longest_that_can_be_asked_for_is_told_from_the_day_before(world: World) -> None:
    amy = world.enter("amy")
    ask(world.operator(), "/admin shutdown 1w")
    amy.take()
    world.wait(limits.SHUTDOWN_MOST - 86400, 3600)
    assert told(amy) == ["-!- The server stops in 1 d"]


# /admin stats


CANARIES = ("xyzzy", "plugh", "192.0.2.77")
"""A nickname, a room, an address."""


def busy() -> World:
    """Somebody of each kind, who said something."""
    world = World()
    world.connect("/nick xyzzy", "/join #plugh", "hi", "/msg xyzzy2 psst", "/topic plugh", host="192.0.2.77")
    world.enter("xyzzy2", "/msg xyzzy psst", "/me waves", wire="json")
    world.enter("xyzzy3").cut()
    world.connect(host="192.0.2.77")
    return world


def test_stats_are_counts(world: World) -> None:
    world = busy()
    world.wait(7200, 60)
    reply, ack = ask(world.operator(), "/admin stats")
    assert {key: reply[key] for key in ("here", "down", "nameless", "sessions", "accounts", "rooms")} == {
        "here": 2, "down": 0, "nameless": 0, "sessions": {"json": 1, "plain": 1}, "accounts": 0, "rooms": 3,
    }  # fmt: skip
    assert (reply["lines"], reply["not_stored"], reply["warnings"], reply["errors"]) == (3, 0, 2, 1)
    assert reply["since"] == "2026-11-22T10:04:00.000Z"
    assert reply["store"]["kind"] == "memory"
    assert reply["store"]["size"] > 0
    assert reply["turns"] == sum(world.hub.turn.latency.counts) > 5
    assert reply["text"].splitlines()[:3] == [
        f"chat {__version__}, up for 2 h, since 2026-11-22 10:04 UTC",
        "2 here (json 1, plain 1), 0 with their line down, 0 without a nickname",
        "Rooms: 3; accounts: 0; lines said: 3; not stored: 0",
    ]
    assert ack["type"] == "ack"


def test_stats_tell_of_those_whose_line_is_down_and_who_has_no_name() -> None:
    reply, _ = ask(busy().operator(), "/admin stats")
    assert (reply["here"], reply["down"], reply["nameless"]) == (2, 1, 1)


def test_stats_name_nobody() -> None:
    answers = ask(busy().operator(), "/admin stats")
    assert not any(canary in json.dumps(answers) for canary in CANARIES)


def test_stats_tell_how_long_a_turn_takes_and_what_was_not_stored() -> None:
    store = FailingStore()
    world = World(store)
    amy, boss = world.enter("amy"), world.operator()
    begun = sum(world.hub.turn.latency.counts)
    store.failures = 1
    amy.type("lost")
    reply, _ = ask(boss, "/admin stats")
    assert (reply["not_stored"], reply["turns"]) == (1, begun)
    amy.type("kept")
    assert ask(boss, "/admin stats")[0]["turns"] == begun + 1


def test_a_turn_lasts_until_the_store_has_it() -> None:
    store = SlowStore()
    world = World(store)
    amy = world.enter("amy")
    store.slow = True
    before = world.hub.turn.latency.seconds
    amy.type("slowly")
    world.wait(0.3)
    store.let()
    world.turn()
    assert world.hub.turn.latency.seconds - before == pytest.approx(0.3)
    assert world.hub.turn.latency.counts[limits.LATENCY_BOUNDS.index(0.5)] == 1


@pytest.fixture
def logged_texts() -> list[str]:
    found: list[str] = []

    def observe(event: LogEvent) -> None:
        found.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)
