"""A program at a pipe: what goes to which stream, what is waited for, and how it ends."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from faced import MESSAGE, World
from memory_server import HELLO, welcome
from twisted.internet.error import ConnectionLost, ConnectionRefusedError

from chat.base import limits
from chat.client.faces.pipe import Pipe
from chat.client.faces.stdio import Status
from chat.client.link.lines import TooLong


def pipe(nick: str | None = "bot", room: str | None = None, follow: bool = False, raw: bool = False) -> World:
    return World(lambda ground: Pipe(ground, nick, follow, raw), nick, room)


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


# --- a program at a pipe -------------------------------------------------------------------------------------------


def test_a_pipe_ends_well_when_all_is_confirmed() -> None:
    world = pipe()
    world.face.typed("one")
    world.face.input_ended("two")
    world.enter()
    assert not world.result
    first, second = (id for _, id in world.server.requests)
    world.server.send({"type": "ack", "id": first})
    assert world.server.lines == []
    world.server.send({"type": "ack", "id": second})
    assert world.server.lines == ["/quit"]
    world.lose()
    assert world.result == [Status.WELL]
    assert (world.streams.out, world.streams.err) == ("", "")


def test_a_pipe_without_input_comes_and_goes() -> None:
    world = pipe()
    world.face.input_ended("")
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome())
    assert world.server.lines == ["/quit"]


def test_messages_go_to_standard_output_with_their_date_and_nothing_else_does() -> None:
    world = pipe()
    world.enter()
    world.server.send(
        MESSAGE,
        MESSAGE | {"type": "joined", "who": ["bob"], "here": 2},
        MESSAGE | {"type": "action", "text": "waves"},
        MESSAGE | {"to": "amy", "room": "@bob", "text": "psst\nmore"},
        {"type": "missed", "room": "#lobby", "count": 2},
        {"type": "reply", "command": "msg", "text": "bob is away."},
    )
    assert world.shown() == [
        "2026-11-22T08:58:00+00:00 #lobby <bob> hi",
        "2026-11-22T08:58:00+00:00 #lobby * bob waves",
        "2026-11-22T08:58:00+00:00 [bob -> you] psst",
        "  | more",
        "-- 2 lines of #lobby are gone --",
    ]
    assert world.warned() == ["-> bob is away."]


def test_a_refused_line_is_told_and_the_others_are_said() -> None:
    world = pipe()
    world.face.typed("/foo")
    world.face.typed("ok")
    world.face.input_ended("")
    world.enter()
    (_, foo), (_, ok) = world.server.requests
    world.server.send(
        {"type": "error", "code": "unknown-command", "text": "/foo.", "id": foo}, {"type": "ack", "id": ok}
    )
    world.lose()
    assert world.warned() == ["! unknown-command: /foo.  (/foo)"]
    assert world.result == [Status.REFUSED]


def test_without_a_server_a_script_is_told_at_once() -> None:
    world = pipe()
    world.face.typed("done")
    world.server.refuse(ConnectionRefusedError())
    world.clock.advance(0)
    assert world.warned() == [
        "-- no connection to pi:12345: nothing answers at this port --",
        "! Not sent: done",
    ]
    assert world.result == [Status.NO_CONNECTION]


def test_a_server_that_hangs_up_before_we_are_in_is_no_server() -> None:
    world = pipe()
    world.server.accept()
    world.lose()
    assert world.warned() == ["-- the connection is lost: the server closed it --"]
    assert world.result == [Status.NO_CONNECTION]


def test_a_script_whose_connection_is_cut_says_its_line_all_the_same() -> None:
    world = pipe()
    world.enter(resume="c0de")
    world.face.input_ended("done")
    first = world.server.requests
    world.lose(ConnectionLost())
    world.come_again(welcome(resume="c0de", back=True))
    assert world.server.requests == first
    world.server.send({"type": "ack", "id": first[0][1]})
    world.lose()
    assert world.result == [Status.WELL]
    assert world.warned() == [
        "-- the connection is lost: it was cut --",
        "-- trying again in 2 s --",
        "-- connected again --",
    ]


def test_what_a_server_that_knows_us_no_more_did_not_confirm_is_an_error() -> None:
    world = pipe()
    world.enter()
    world.face.input_ended("done")
    world.lose()
    world.warned()
    world.come_again(welcome())
    assert world.server.lines == ["/quit"]
    world.lose()
    assert world.warned()[0] == "! Not confirmed, so perhaps not said: done"
    assert world.result == [Status.NOT_CONFIRMED]


def stay_away(world: World, seconds: float) -> None:
    """The server is not there for a while."""
    world.now += timedelta(seconds=seconds)
    world.clock.advance(limits.RETRY_MOST_SECONDS)
    world.server.refuse(ConnectionRefusedError())
    world.clock.advance(0)


def test_a_script_does_not_wait_for_ever() -> None:
    world = pipe()
    world.enter(resume="c0de")
    world.face.input_ended("done")
    world.lose()
    stay_away(world, limits.CONFIRM_SECONDS)
    assert world.result == []
    stay_away(world, 1)
    assert world.result == [Status.NOT_CONFIRMED]
    assert world.warned()[-1] == "! Not confirmed, so perhaps not said: done"


def test_as_long_as_there_may_be_more_to_say_a_script_waits() -> None:
    world = pipe()
    world.enter(resume="c0de")
    world.face.typed("one")
    world.lose()
    stay_away(world, 10 * limits.CONFIRM_SECONDS)
    assert world.result == []


def test_every_answer_renews_the_patience_of_a_script() -> None:
    world = pipe()
    world.enter(resume="c0de")
    world.face.typed("one")
    world.face.input_ended("two")
    (_, one), _ = world.server.requests
    world.lose()
    stay_away(world, limits.CONFIRM_SECONDS)
    world.come_again(welcome(resume="c0de", back=True))
    world.server.send({"type": "ack", "id": one})
    world.lose()
    stay_away(world, limits.CONFIRM_SECONDS)
    assert world.result == []


def test_when_all_was_confirmed_a_lost_connection_is_only_an_interruption() -> None:
    world = pipe()
    world.enter()
    world.face.typed("one")
    world.ack_all()
    world.lose()
    world.face.typed("two")
    world.clock.advance(1.5)
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome())
    assert world.server.lines == ["two"]
    assert world.warned() == [
        "-- the connection is lost: the server closed it --",
        "-- trying again in 2 s --",
        "-- connected again --",
    ]


def test_input_that_ends_while_nothing_is_left_to_say_is_the_end_even_without_a_connection() -> None:
    world = pipe()
    world.enter()
    world.lose()
    world.face.input_ended("")
    assert world.result == [Status.WELL]


def test_a_refused_nickname_is_an_error() -> None:
    world = pipe("bot")
    world.face.input_ended("hi")
    world.server.accept()
    world.server.send(HELLO)
    world.answer({"type": "error", "code": "nick-taken", "text": "bot is here already.", "proposal": "bot2"})
    world.lose()
    assert world.warned() == ["! nick-taken: bot is here already.", "! Not sent: hi"]
    assert world.result == [Status.REFUSED]


@pytest.mark.parametrize(("nick", "follow"), [(None, False), (None, True), ("rec", True)])
def test_where_any_nickname_will_do_the_proposal_is_taken(nick: str | None, follow: bool) -> None:
    world = pipe(nick, follow=follow)
    world.server.accept()
    world.server.send(HELLO)
    world.answer({"type": "error", "code": "nick-taken", "text": "no", "proposal": "guest7"})
    assert world.server.lines == ["/nick guest7"]


def test_a_room_that_does_not_admit_us_is_an_error_and_nothing_is_said_elsewhere() -> None:
    world = pipe("bot", "#ops")
    world.face.input_ended("secret")
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome())
    world.answer({"type": "error", "code": "room-bad", "text": "no"})
    world.lose()
    assert "secret" not in "".join(world.server.lines)
    assert world.warned() == ["! room-bad: no", "! Not sent: secret"]
    assert world.result == [Status.REFUSED]


def test_a_recorder_comes_back_for_ever_and_does_not_end_with_its_input() -> None:
    world = pipe(follow=True)
    world.face.input_ended("")
    for _ in range(20):
        world.server.refuse(ConnectionRefusedError())
        world.clock.advance(0)
        world.clock.advance(limits.RETRY_MOST_SECONDS)
    world.enter()
    world.lose(ConnectionLost())
    assert world.result == []
    world.face.stop()
    assert world.result == [Status.WELL]


def test_a_recorder_writes_what_was_said_while_it_was_away_and_nothing_twice() -> None:
    world = pipe(follow=True)
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome())
    old = MESSAGE | {"seq": 1, "text": "old"}
    history = {"type": "history", "room": "#lobby", "more": False}
    world.server.send(history | {"events": [old]}, MESSAGE | {"seq": 2, "text": "live"})
    world.lose()
    world.clock.advance(1.5)
    world.server.accept()
    world.server.send(HELLO)
    live, away = MESSAGE | {"seq": 2, "text": "live"}, MESSAGE | {"seq": 3, "text": "away"}
    world.server.send(welcome(), history | {"events": [old, live, away]})
    assert [line.split()[-1] for line in world.shown()] == ["live", "away"]


def test_raw_objects_are_passed_on_and_only_trouble_is_told() -> None:
    world = pipe(raw=True)
    world.enter()
    world.server.send(
        MESSAGE | {"text": "ñ\x1b\x7f"}, {"type": "comet", "tail": 1}, {"type": "error", "code": "x", "text": "y"}
    )
    lines = world.shown()
    assert [json.loads(line)["type"] for line in lines] == ["message", "comet", "error"]
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert world.warned() == ["! x: y"]


def test_input_is_not_read_on_while_too_much_is_not_confirmed() -> None:
    world = pipe()
    for number in range(limits.LINES_KEPT):
        assert not world.streams.paused
        world.face.typed(str(number))
    assert world.streams.paused
    world.enter()
    assert world.streams.paused
    world.ack_all()
    assert not world.streams.paused


@pytest.mark.parametrize("line", [TooLong(), "x" * (limits.LINE - 5)])
def test_a_line_that_is_too_long_is_refused_here(line: str | TooLong) -> None:
    world = pipe()
    world.enter()
    world.face.input_ended(line)
    world.lose()
    assert world.warned()[0].startswith("! too-long: ")
    assert world.result == [Status.REFUSED]


def test_a_reader_that_closes_the_pipe_ends_it_quietly() -> None:
    world = pipe(follow=True)
    world.enter()
    world.face.output_closed(failed=False)
    world.lose()
    assert world.warned() == []
    assert world.result == [Status.WELL]


def test_a_file_that_cannot_be_written_is_an_error() -> None:
    world = pipe(follow=True)
    world.enter()
    world.face.output_closed(failed=True)
    world.lose()
    assert world.warned() == ["! The output cannot be written."]
    assert world.result == [Status.OUTPUT_FAILED]


def test_lines_after_quit_were_not_said() -> None:
    world = pipe()
    world.enter()
    world.face.typed("/quit")
    world.face.input_ended("late")
    world.server.send({"type": "reply", "command": "quit", "text": "Bye", "id": world.server.requests[0][1]})
    world.lose()
    assert world.warned() == ["! Not confirmed, so perhaps not said: late"]
    assert world.result == [Status.NOT_CONFIRMED]


def test_garbage_is_mentioned_once() -> None:
    world = pipe()
    world.enter()
    world.server.wire.dataReceived(b"?\n" * 1000)
    assert world.warned() == ["-- the server sends something that is not understood; it is left out --"]


# --- drafts --------------------------------------------------------------------------------------------------------


def test_a_draft_is_one_message() -> None:
    world = pipe()
    world.enter()
    for line in ("/paste", "one", "", "  /who", "/end", "after"):
        world.face.typed(line)
    assert world.server.lines == ["one\n\n  /who", "after"]


@pytest.mark.parametrize(
    ("first", "sent"), [("/who x", "//who x\nb"), ("/usr/bin", "/usr/bin\nb"), ("/who", "//who\nb")]
)
def test_a_draft_that_begins_like_a_command_is_talk(first: str, sent: str) -> None:
    world = pipe()
    world.enter()
    for line in ("/paste", first, "b", "/end"):
        world.face.typed(line)
    assert world.server.lines == [sent]


def test_a_cancelled_draft_and_an_empty_one_are_not_said() -> None:
    world = pipe()
    world.enter()
    for line in ("/paste", "one", "/cancel", "/paste", "/end"):
        world.face.typed(line)
    assert world.server.lines == []
    assert world.warned().count("-> Nothing was said.") == 2


def test_a_draft_outlives_the_connection() -> None:
    world = pipe(follow=True)
    world.enter()
    world.face.typed("/paste")
    world.face.typed("one")
    world.lose()
    world.face.typed("two")
    world.face.typed("/end")
    world.clock.advance(1.5)
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome())
    assert world.server.lines == ["one\ntwo"]


def test_a_draft_has_a_limit_and_is_not_lost_for_it() -> None:
    world = pipe()
    world.enter()
    world.face.typed("/paste")
    for number in range(limits.PASTE_LINES + 1):
        world.face.typed(str(number))
    world.face.typed("/end")
    assert world.warned()[-1].startswith("! too-long: ")
    (line,) = world.server.lines
    assert line.split("\n") == [str(number) for number in range(limits.PASTE_LINES)]


def test_a_draft_that_nobody_ended_is_not_said_and_that_is_told() -> None:
    world = pipe()
    world.enter()
    world.face.typed("/paste")
    world.face.input_ended("one")
    world.lose()
    assert world.warned()[-1] == "! nothing-said: The lines since /paste were not said."
    assert world.result == [Status.REFUSED]


# --- a program that speaks objects ---------------------------------------------------------------------------------


def objects(world: World) -> list[dict[str, object]]:
    return [json.loads(line) for line in world.streams.out.splitlines()]


def test_an_object_goes_out_with_its_own_id_and_room_and_its_answer_comes_back() -> None:
    world = pipe(raw=True)
    world.enter()
    world.face.typed('{"line": "hi", "id": "b-1", "room": "#ops"}')
    assert world.server.objects[-1] == {"line": "hi", "id": "b-1", "room": "#ops"}
    world.server.send({"type": "ack", "id": "b-1", "seq": 7})
    assert objects(world)[-1] == {"type": "ack", "id": "b-1", "seq": 7}


def test_what_is_to_be_said_is_said_whatever_it_begins_with() -> None:
    world = pipe(raw=True)
    world.enter()
    world.face.typed('{"say": "/quit now", "id": "b-1", "room": "@amy"}')
    assert world.server.objects[-1] == {"say": "/quit now", "id": "b-1", "room": "@amy"}


@pytest.mark.parametrize(("line", "code"), [("[1]", "usage"), ('"hi"', "usage"), ('{"line": "hi", "id": 5}', "usage")])
def test_what_the_server_would_not_say_is_told_at_once(line: str, code: str) -> None:
    world = pipe(raw=True)
    world.enter()
    world.face.typed(line)
    assert world.server.objects == []
    assert (objects(world)[-1]["type"], objects(world)[-1]["code"]) == ("error", code)


@pytest.mark.parametrize("line", ["[ok] done", "5 apples"])
def test_what_only_begins_as_json_is_talk(line: str) -> None:
    world = pipe(raw=True)
    world.enter()
    world.face.typed(line)
    assert world.server.objects[-1]["line"] == line


def test_a_plain_line_and_an_object_without_an_id_get_one_of_ours() -> None:
    world = pipe(raw=True)
    world.enter()
    world.face.typed("plain")
    world.face.typed('{"line": "/last 5", "before": 12}')
    plain, page = world.server.objects[-2:]
    assert (plain["line"], page["line"], page["before"]) == ("plain", "/last 5", 12)
    assert plain["id"] != page["id"]


def test_what_was_not_answered_is_sent_again_with_the_same_id_and_room() -> None:
    world = pipe(raw=True, follow=True)
    world.enter()
    world.face.typed('{"line": "hi", "id": "b-1", "room": "#ops"}')
    world.lose()
    world.face.typed('{"line": "later", "id": "b-2"}')
    world.clock.advance(60)
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome(back=True))
    assert [(keys["line"], keys["id"], keys.get("room")) for keys in world.server.objects] == [
        ("hi", "b-1", "#ops"),
        ("later", "b-2", None),
    ]


@pytest.mark.parametrize(
    ("line", "code", "id"),
    [
        ("{", "usage", None),
        ('{"id": "x"}', "usage", "x"),
        ('{"line": 5, "id": "x"}', "usage", "x"),
        ('{"line": "hi", "id": "b-1"}', "id-used", "b-1"),
        ('{"line": "' + "x" * limits.LINE + '", "id": "x"}', "too-long", "x"),
    ],
)
def test_what_is_wrong_with_an_object_is_told_as_one_and_not_sent(line: str, code: str, id: str | None) -> None:
    world = pipe(raw=True)
    world.enter()
    world.face.typed('{"line": "first", "id": "b-1"}')
    assert world.server.objects
    world.face.typed(line)
    told = objects(world)[-1]
    assert (told["type"], told["code"], told.get("id")) == ("error", code, id)
    assert world.server.objects == []
    assert world.face.status is Status.REFUSED


def test_without_json_an_object_is_a_line() -> None:
    world = pipe()
    world.enter()
    world.face.typed('{"line": "hi"}')
    assert world.server.objects[-1]["line"] == '{"line": "hi"}'


def test_a_recording_names_the_line_that_was_taken_back() -> None:
    world = pipe(follow=True)
    world.enter()
    world.server.send(
        {"type": "message", "room": "#lobby", "seq": 8, "at": "2026-11-22T10:04:00Z", "from": "bob", "text": "tulip"},
        {"type": "redacted", "room": "#lobby", "seq": 9, "at": "2026-11-22T10:05:00Z", "from": "bob", "target": 8},
    )
    *_, said, gone = world.streams.out.splitlines()
    assert said == "2026-11-22T10:04:00+00:00 #lobby <bob> tulip"
    assert gone == "-- bob took back a line of 10:05 (#lobby 8) --"
