"""The faces on the standard streams, with streams in memory: what is shown where, and how it ends."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from memory_server import HELLO, Server, welcome
from memory_streams import Streams
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock

from chat import limits
from chat.client.connection import Connection
from chat.client.lines import TooLong
from chat.client.person import Person
from chat.client.pipe import Pipe
from chat.client.stdio import Ground, Status, StreamFace
from chat.language import Language

NOW = datetime(2026, 11, 22, 9, 4, tzinfo=UTC)
MESSAGE = {"type": "message", "room": "#lobby", "seq": 1, "at": "2026-11-22T08:58:00Z", "from": "bob", "text": "hi"}


class World:
    """A face, its server, and its streams."""

    def __init__(self, make: Callable[[Ground], StreamFace], nick: str | None = None, room: str | None = None) -> None:
        self.clock, self.server, self.streams = Clock(), Server(), Streams()

        def connect(face: StreamFace) -> Connection:
            return Connection(self.server, self.clock, face, "run", nick, room, lambda: 0.0)

        ground = Ground(self.streams, Language("en"), lambda: NOW, "pi:12345", connect)  # type: ignore[arg-type]
        self.face = make(ground)
        self.result: list[Status] = []
        self.face.start(None).addCallback(self.result.append)  # type: ignore[arg-type]

    def enter(self) -> None:
        """Be in, and forget what was shown on the way."""
        self.server.accept()
        self.server.send(HELLO)
        self.answer(welcome())
        self.streams.out = self.streams.err = ""

    def answer(self, keys: dict[str, object]) -> None:
        """Answer the last line that arrived."""
        self.server.send({**keys, "id": self.server.requests[-1][1]})

    def ack_all(self) -> None:
        """Confirm all that arrived."""
        self.server.send(*({"type": "ack", "id": id, "room": "#lobby"} for _, id in self.server.requests))

    def lose(self, error: Exception | None = None) -> None:
        self.server.close(error)
        self.clock.advance(0)

    def shown(self) -> list[str]:
        """What stands on standard output since the last look."""
        out, self.streams.out = self.streams.out, ""
        return out.splitlines()

    def warned(self) -> list[str]:
        """The same of standard error."""
        err, self.streams.err = self.streams.err, ""
        return err.splitlines()


def pipe(nick: str | None = "bot", room: str | None = None, follow: bool = False, raw: bool = False) -> World:
    return World(lambda ground: Pipe(ground, nick, follow, raw), nick, room)


def person(nick: str | None = None) -> World:
    return World(lambda ground: Person(ground, nick), nick)


@pytest.fixture(autouse=True)
def _in_utc_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("COLUMNS", "80")
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


def test_what_is_not_confirmed_when_the_connection_is_lost_is_an_error() -> None:
    world = pipe()
    world.enter()
    world.face.typed("done")
    world.lose(ConnectionLost())
    assert world.warned() == [
        "-- the connection is lost: it was cut --",
        "! Not confirmed, so perhaps not said: done",
    ]
    assert world.result == [Status.NOT_CONFIRMED]


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
    world.enter()
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
    ("first", "sent"), [("/who x", "//who x\nb"), ("/usr/bin", "/usr/bin\nb"), ("/who", "/who\nb")]
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


# --- a person at a terminal ----------------------------------------------------------------------------------------


def test_a_person_is_asked_for_a_nickname_again_while_it_is_refused() -> None:
    world = person()
    world.server.accept()
    world.server.send(HELLO)
    assert world.streams.out == "-- connecting to pi:12345 --\n-- connected --\nNickname: "
    world.shown()
    world.face.typed("amy")
    world.answer({"type": "error", "code": "nick-taken", "text": "amy is here already.", "proposal": "amy2"})
    assert world.streams.out == "! nick-taken: amy is here already. Enter takes amy2.\nNickname: "
    world.face.typed("")
    assert world.server.lines == ["/nick amy2"]


def test_a_nickname_that_cannot_be_is_refused_here_with_a_proposal() -> None:
    world = person()
    world.server.accept()
    world.server.send(HELLO)
    world.shown()
    world.face.typed("José María")
    *error, prompt = world.shown()
    assert error[0].startswith("! nick-bad: ")
    assert error[-1].endswith("Enter takes José-María.")
    assert prompt == "Nickname: "
    world.face.typed("")
    assert world.server.lines == ["/json", "/nick José-María"]


def test_who_just_presses_enter_is_a_guest() -> None:
    world = person()
    world.server.accept()
    world.server.send(HELLO)
    world.shown()
    world.face.typed("")
    world.answer({"type": "error", "code": "nick-taken", "text": "no", "proposal": "guest7"})
    assert world.server.lines == ["/nick guest7"]
    assert world.shown() == []


def test_commands_work_at_the_question_and_it_is_asked_again() -> None:
    world = person()
    world.server.accept()
    world.server.send(HELLO)
    world.shown()
    world.face.typed("/who")
    world.answer({"type": "reply", "command": "who", "text": "2 people are here."})
    assert world.streams.out == "-> 2 people are here.\nNickname: "


def test_what_comes_during_the_question_begins_a_line_of_its_own() -> None:
    world = person()
    world.server.accept()
    world.server.send(HELLO)
    world.shown()
    world.server.send({"type": "reply", "command": "nick", "text": "Type a nickname."})
    assert world.streams.out == "\n-> Type a nickname.\nNickname: "


def test_a_person_sees_the_conversation_with_local_times() -> None:
    world = person("amy")
    world.enter()
    world.server.send(
        MESSAGE, MESSAGE | {"text": "a\nb"}, MESSAGE | {"type": "joined", "text": "", "who": ["bob"], "here": 2}
    )
    assert world.shown() == ["08:58 <bob> hi", "08:58 <bob> a", "  | b", "08:58 -!- bob joined #lobby (2 here)"]


def test_what_the_service_says_is_broken_at_blanks_and_what_people_say_is_not() -> None:
    world = person("amy")
    world.enter()
    long = "word " * 30
    world.server.send({"type": "reply", "command": "x", "text": long}, MESSAGE | {"text": long})
    *reply, talk = world.shown()
    assert len(reply) == 2
    assert all(line.startswith("-> ") and len(line) <= 80 for line in reply)
    assert talk == f"08:58 <bob> {long}"


def test_a_lost_connection_is_told_and_what_is_typed_meanwhile_is_kept() -> None:
    world = person("amy")
    world.enter()
    world.face.typed("sent")
    world.lose(ConnectionLost())
    world.face.typed("kept")
    world.face.typed("kept too")
    assert world.shown() == [
        "-- the connection is lost: it was cut --",
        "! Not confirmed, so perhaps not said: sent",
        "-- trying again in 2 s --",
        "-- not connected: what you type is kept, and sent as soon as you are --",
    ]
    world.clock.advance(1.5)
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome())
    assert world.server.lines == ["kept", "kept too"]


def test_what_went_wrong_on_the_way_does_not_make_leaving_an_error() -> None:
    world = person("amy")
    world.enter()
    world.face.typed("/foo")
    world.answer({"type": "error", "code": "unknown-command", "text": "/foo."})
    world.face.typed("x")
    world.lose()
    world.face.input_ended("")
    assert world.result == [Status.WELL]


def test_leaving_with_a_line_that_is_not_confirmed_is_one() -> None:
    world = person("amy")
    world.enter()
    world.face.typed("x")
    world.face.input_ended("")
    assert world.server.lines == ["x", "/quit"]
    world.lose()
    assert world.result == [Status.NOT_CONFIRMED]


@pytest.mark.parametrize("code", ["kicked", "taken-over"])
def test_who_is_sent_away_is_told_and_does_not_come_back(code: str) -> None:
    world = person("amy")
    world.enter()
    world.server.send({"type": "error", "code": code, "text": "Out."})
    world.lose()
    assert world.shown() == [f"! {code}: Out."]
    assert world.result == [Status.REFUSED]


def test_a_line_that_was_only_begun_is_not_said() -> None:
    world = person("amy")
    world.enter()
    world.face.input_ended("half a li")
    assert world.server.lines == ["/quit"]
    assert world.streams.out == "\n"
