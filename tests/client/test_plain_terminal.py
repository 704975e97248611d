"""A person at a terminal: the nickname, what is shown, what is kept while the server is away."""

import time
from collections.abc import Iterator

import pytest
from faced import MESSAGE, World
from memory_server import HELLO, welcome
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionLost

from chat.base.language import say
from chat.client.faces.plain import PlainFace
from chat.client.faces.stdio import Status
from chat.client.link.trust import Unsafe
from chat.client.settings import Settings
from chat.client.talk.me import SentLine
from chat.client.talk.state import SavedState


def person(nick: str | None = None) -> World:
    return World(lambda ground: PlainFace(ground, nick), nick)


@pytest.fixture(autouse=True)
def _in_utc_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


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


def test_the_pin_of_a_class_may_stand_behind_it() -> None:
    world = person()
    world.server.accept()
    world.server.send(HELLO)
    world.shown()
    world.face.typed("José María 482913")
    assert "482913" not in str(world.shown()), "what is proposed is the nickname alone"
    world.face.typed(" José-María   482913")
    assert world.server.lines == ["/json", "/nick José-María 482913"]


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
    world.enter(resume="c0de")
    world.face.typed("sent")
    world.lose(ConnectionLost())
    world.face.typed("kept")
    world.face.typed("kept too")
    assert world.shown() == [
        "-- the connection is lost: it was cut --",
        "-- trying again in 2 s --",
        "-- not connected: what you type is kept, and sent as soon as you are --",
    ]
    world.come_again(welcome(resume="c0de", back=True))
    assert world.server.lines == ["sent", "kept", "kept too"]
    assert world.shown()[1:] == [
        "-> Welcome back amy. Nobody else is in #lobby yet; what you say is kept for",
        "->   them.",
    ]


def test_what_went_wrong_on_the_way_does_not_make_leaving_an_error() -> None:
    world = person("amy")
    world.enter()
    world.face.typed("/foo")
    world.answer({"type": "error", "code": "unknown-command", "text": "/foo."})
    world.face.typed("x")
    world.lose()
    world.come_again(welcome())
    assert "! Not confirmed, so perhaps not said: x" in world.shown()
    world.face.input_ended("")
    world.lose()
    assert world.result == [Status.WELL]


def test_leaving_with_a_line_that_is_not_confirmed_is_one() -> None:
    world = person("amy")
    world.enter()
    world.face.typed("x")
    world.face.input_ended("")
    assert world.server.lines == ["x", "/quit"]
    world.lose()
    assert world.result == [Status.NOT_CONFIRMED]


def test_leaving_while_the_server_is_away_tells_what_was_not_said() -> None:
    world = person("amy")
    world.enter(resume="c0de")
    world.face.typed("sent")
    world.lose()
    world.face.typed("kept")
    world.shown()
    world.face.input_ended("")
    assert world.shown() == ["! Not confirmed, so perhaps not said: sent", "! Not sent: kept"]
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


# --- after a crash -------------------------------------------------------------------------------------------------


class Left:
    """What an earlier run left, in memory."""

    def __init__(self, *more: str) -> None:
        self.lines = [SentLine(f"old-{number}", text) for number, text in enumerate(["of before\nand more", *more])]

    def read(self) -> SavedState:
        return SavedState("c0de", {}, self.lines)

    def write(self, state: SavedState) -> None:
        """Kept well."""

    def close(self) -> None:
        """Let go."""


def test_a_person_whose_client_was_killed_is_not_asked_and_sees_what_is_sent_now() -> None:
    world = World(lambda ground: PlainFace(ground, None), kept=Left())
    world.face.typed("hi")
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome(resume="c0de", back=True))
    assert world.server.lines == ["of before\nand more", "hi"]
    assert world.shown()[-1] == "-- sent now, from before: of before… --"


def test_of_many_lines_that_are_sent_now_only_the_first_are_shown() -> None:
    world = World(lambda ground: PlainFace(ground, None), kept=Left("b", "c", "d", "e"))
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome(resume="c0de", back=True))
    assert world.shown()[-2:] == ["-- sent now, from before: c --", "-- and 2 lines more --"]


def test_they_are_asked_where_their_code_has_ended() -> None:
    world = World(lambda ground: PlainFace(ground, None), kept=Left())
    world.server.accept()
    world.server.send(HELLO)
    world.answer({"type": "error", "code": "code-wrong", "text": "no"})
    assert world.shown()[-1] == "Nickname: "
    world.face.typed("amy")
    world.answer(welcome())
    assert world.shown()[0] == "! Not confirmed, so perhaps not said: of before…"


def test_what_cannot_be_kept_is_said_once() -> None:
    world = person("amy")
    world.enter()
    for _ in range(3):
        world.face.not_kept(OSError(28, "No space left on device"))
    assert world.shown() == ["-- nothing is kept for after a crash of this program: No space left on device --"]


def test_a_fingerprint_stands_in_one_piece_and_what_others_may_have_written_does_not() -> None:
    world = person()
    mark = "AB:" * 31 + "AB"
    sentence = say("Its fingerprint is {fingerprint}", fingerprint=f"SHA256:{mark}")
    world.face.tell(Unsafe(say("The certificate is of {names}.", names="x" * 200), sentence))
    *others, last = world.shown()
    assert last == f"! Its fingerprint is SHA256:{mark}"
    assert all(len(line) <= 80 for line in others)


# --- for whoever listens -------------------------------------------------------------------------------------------


def listener() -> World:
    world = World(lambda ground: PlainFace(ground, "amy", words=True), "amy")
    world.enter()
    return world


def test_marks_are_words_and_frames_one_line() -> None:
    world = listener()
    world.server.send(
        MESSAGE,
        MESSAGE | {"text": "a\nb"},
        MESSAGE | {"type": "action", "text": "waves"},
        MESSAGE | {"room": "@bob", "to": "amy", "text": "psst"},
        MESSAGE | {"type": "joined", "text": "", "who": ["bob"], "here": 2},
        {"type": "error", "code": "too-long", "text": "No."},
        {"type": "reply", "command": "x", "text": "word " * 30},
        {"type": "history", "room": "#lobby", "events": [MESSAGE | {"at": "2026-11-20T08:00:00Z"}], "id": "1"},
    )
    assert world.shown() == [
        "bob: hi",
        "bob: a",
        "  b",
        "* bob waves",
        "private from bob: psst",
        "bob joined #lobby (2 here)",
        "error: too-long: No.",
        "word " * 30,
    ]
    world.face.typed("/msg bob hi")
    world.answer({"type": "ack", "room": "@bob", "seq": 2})
    assert world.shown() == ["private to bob: hi"]


def test_a_history_is_told_by_its_title_alone() -> None:
    world = listener()
    world.face.typed("/last 1")
    world.answer({"type": "history", "room": "#lobby", "events": [MESSAGE | {"at": "2026-11-20T08:00:00Z"}]})
    assert world.shown() == ["last line of #lobby", "bob: hi"]


def test_nobody_can_be_called_like_a_word_of_the_service() -> None:
    world = listener()
    world.server.send(MESSAGE | {"from": "error", "text": "all is lost"}, MESSAGE | {"from": "Private"})
    assert world.shown() == ["<error> all is lost", "<Private> hi"]


def test_what_was_shown_last_is_repeated() -> None:
    world = listener()
    world.server.send(*(MESSAGE | {"seq": number, "text": str(number)} for number in range(9)))
    world.shown()
    world.face.typed("/again 2")
    assert world.shown() == ["bob: 7", "bob: 8"]
    world.face.typed("/again")
    assert len(world.shown()) == 5
    world.face.typed("/again much")
    assert world.shown() == ["error: usage: /again takes a number up to 200.  (/again much)"]
    assert world.server.lines == []


def test_commands_of_the_client_are_there_too() -> None:
    world = listener()
    world.face.typed("/set time")
    world.face.typed("/help again")
    world.face.typed("/clear")
    assert world.shown() == [
        "time on (on, off): the time before each line, the days between them",
        "/again [n]: shows the last lines once more",
        "error: not-here: /clear is for a screen that is drawn; here lines come as they come.",
    ]
    assert world.server.lines == []


def test_one_goes_to_rooms_that_one_is_in() -> None:
    world = World(lambda ground: PlainFace(ground, "amy", words=True), "amy")
    world.enter(rooms={"#lobby": {}, "#ops": {}, "#opera": {}})
    for name, wanted in (("op", "#ops"), ("#OPERA", "#opera"), ("", "#ops")):
        world.face.typed(f"/go {name}")
        assert world.server.lines == [f"/join {wanted}"]
    world.face.typed("/go nowhere")
    assert world.shown() == ["error: no-room: There is no conversation nowhere; /join #nowhere goes to a room."]
    assert world.server.lines == []


def test_a_command_is_told_of_calls_and_of_nothing_else() -> None:
    told: list[str] = []

    def run(argv: object, text: str) -> Deferred:
        told.append(text)
        return succeed(None)

    settings = Settings()
    settings.override("on-mention", "wall")
    world = World(lambda ground: PlainFace(ground, "amy", settings, run=run), "amy")
    world.enter()
    world.server.send(MESSAGE, MESSAGE | {"text": "amy?"}, MESSAGE | {"room": "@bob", "to": "amy"})
    assert told == ["bob: amy?\n", "bob: hi\n"]
    assert "\a" not in world.streams.out


def test_what_was_taken_back_is_not_repeated() -> None:
    world = listener()
    message = {"type": "message", "room": "#lobby", "at": "2026-11-22T10:04:00Z", "from": "bob"}
    world.server.send({**message, "seq": 8, "text": "tulip"}, {**message, "seq": 9, "text": "tea"})
    gone = {"type": "redacted", "room": "#lobby", "seq": 10, "from": "bob", "target": 8, "said": message["at"]}
    world.server.send({**gone, "at": message["at"]})
    world.streams.out = ""
    world.face.typed("/again 5")
    assert "tulip" not in world.streams.out
    assert "bob: tea" in world.streams.out
    assert "bob took back a line of 10:04" in world.streams.out
