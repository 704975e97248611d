"""A person at a real terminal: what stands around the line that is typed, and what becomes of it."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from faced import MESSAGE, World
from memory_server import HELLO, HISTORY, welcome
from memory_streams import Streams
from twisted.internet.error import ConnectionLost

from chat.client.faces.stdio import Status
from chat.client.faces.terminal.face import TerminalFace
from chat.client.settings import Settings


class Screen(Streams):
    """An editor in memory."""

    columns, ruled = 80, True

    def __init__(self) -> None:
        super().__init__()
        self.rung = 0

    def refresh(self) -> None:
        """It is looked at when a test wants to."""

    def ring(self) -> None:
        self.rung += 1

    def signal(self, sequence: str) -> None:
        self.rung += 1

    def clear(self) -> None:
        self.out = ""


def person(nick: str | None = None) -> World:
    screen, settings = Screen(), Settings()
    settings.override("color", "off")
    return World(lambda ground: TerminalFace(ground, nick, screen, settings, {}), nick, streams=screen, echoes=True)


def status(world: World, columns: int = 80) -> str:
    return "".join(text for _, text in world.face.below(columns))


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def world() -> World:
    """amy is in."""
    world = person("amy")
    world.enter(resume="c0de")
    assert "/help all" in world.server.lines
    return world


def test_the_question_stands_before_what_is_typed() -> None:
    world = person()
    world.server.accept()
    world.server.send(HELLO)
    assert world.face.prompt() == "Nickname: "
    world.face.typed("amy")
    greeting, (_, id) = world.server.requests
    assert greeting == ("/json echo", None)
    world.server.send(welcome(id=id))
    world.server.send(HISTORY)
    assert world.face.prompt() == "[#lobby] "


def test_what_is_typed_goes_to_the_open_conversation_and_waits_above_it(world: World) -> None:
    world.face.typed("hello")
    (said,) = world.server.objects
    assert said["room"] == "#lobby"
    assert world.face.above() == ["... hello"]
    world.server.send(
        MESSAGE | {"from": "amy", "text": "hello", "seq": 2, "id": said["id"]},
        {"type": "ack", "id": "run-4", "room": "#lobby", "seq": 2},
    )
    assert (world.face.above(), world.shown()) == ([], ["08:58 <amy> hello"])


@pytest.mark.parametrize("line", ["/join #ops", "/join #ops tulip"])
def test_whoever_goes_to_a_room_by_its_word_speaks_there_too(line: str) -> None:
    world = person("amy")
    world.server.accept()
    world.server.send(HELLO | {"acks": True})
    (_, id) = world.server.requests[-1]
    world.server.send(welcome(id=id), HISTORY, {"type": "ack", "id": id})
    world.shown()
    world.face.typed(line)
    reply = {"type": "reply", "command": "join", "text": "In.", "room": "#ops", "head": 3, "users": ["amy"]}
    (_, id) = world.server.requests[-1]
    world.server.send(HISTORY | {"room": "#ops", "id": id}, reply | {"id": id}, {"type": "ack", "id": id})
    assert world.face.prompt() == "[#ops] "
    assert [row for row in world.shown() if "#ops" in row] == ["\u2500\u2500 #ops \u2500\u2500"]
    world.face.typed("hello")
    assert world.server.objects[-1]["room"] == "#ops"


def test_a_password_is_hidden_while_it_is_asked_for(world: World) -> None:
    world.face.typed("/login amy")
    world.answer({"type": "reply", "command": "login", "text": "", "asks": "present", "nick": "amy"})
    assert world.streams.hidden
    world.lose(ConnectionLost())
    assert (world.streams.hidden, world.streams.dropped) == (False, 1)


def test_a_bad_network_is_one_quiet_line(world: World) -> None:
    world.lose(ConnectionLost())
    world.face.typed("kept")
    assert world.shown() == ["-- the connection is lost, it was cut; it comes back by itself --"]
    assert (world.face.above(), status(world)) == (["... kept"], " not connected, next try in 2 s  1:#lobby  amy ")
    world.clock.advance(2)
    world.server.refuse(ConnectionLost())
    world.clock.advance(0)
    assert world.shown() == []
    world.come_again(welcome(resume="c0de", back=True))
    world.server.send(HISTORY)
    assert world.shown() == []
    assert status(world) == " 1:#lobby  amy "
    assert "kept" in world.server.lines


def test_what_is_wanted_at_once_is_tried_at_once(world: World) -> None:
    world.lose(ConnectionLost())
    assert world.server.attempts == []
    world.face.typed("/reconnect")
    assert len(world.server.attempts) == 1


def test_one_goes_by_names_numbers_and_to_what_is_new() -> None:
    world = person("amy")
    world.enter(rooms={"#lobby": {}, "#ops": {}})
    world.server.send(MESSAGE | {"room": "#ops"})
    assert status(world) == " 1:#lobby  2:#ops 1  amy "
    world.face.go_on(1)
    assert world.shown() == ["── #ops, 1 new ──", "08:58 <bob> hi"]
    world.face.go_to(1)
    world.face.typed("/go op")
    world.face.go_to(9)
    assert world.shown() == ["── #lobby ──", "── #ops ──"]
    world.face.typed("/go nowhere")
    assert world.shown() == ["! no-room: There is no conversation nowhere; /join #nowhere goes to a room."]


def test_a_mention_rings_the_bell_and_stands_out(world: World) -> None:
    world.server.send(MESSAGE, MESSAGE | {"seq": 2, "text": "amy?"})
    assert world.streams.rung == 1


def test_a_screen_without_room_for_all_shows_what_is_open_or_new() -> None:
    world = person("amy")
    world.enter(rooms={"#lobby": {}, "#ops": {}, "#tea": {}})
    world.server.send(MESSAGE | {"room": "#tea", "text": "amy!"})
    assert status(world, 40) == " 1:#lobby  2:#ops  3:#tea 1!  amy "
    assert status(world, 33) == " 1:#lobby  3:#tea 1!  amy "


def test_of_many_conversations_those_with_something_new_are_shown() -> None:
    world = person("amy")
    world.enter(rooms={f"#room{number}": {} for number in range(10, 20)})
    assert "3:#room12" in status(world, 200)
    world.server.send(MESSAGE | {"room": "#room13"})
    (opened,) = (glance.name for glance in world.face.view.glance if glance.open)
    assert status(world, 80).split() == ["4:#room13", "1", f"{int(opened[-1]) + 1}:{opened}", "amy"]


def test_help_knows_the_commands_of_the_client() -> None:
    world = person("amy")
    world.enter(resume="c0de")
    world.server.requests.clear()
    world.face.typed("/help go")
    world.face.typed("/help /again")
    assert world.shown() == [
        "-> /go [#room|NICK]: opens a conversation; the beginning of its name is enough",
        "! not-here: /again is for --plain; here the terminal scrolls back, and PageUp",
        "!   shows what is older.",
    ]
    assert world.server.lines == []
    world.face.typed("/help all")
    world.answer({"type": "reply", "command": "help", "text": "/msg", "commands": []})
    shown = world.shown()
    assert shown[:2] == ["-> /msg", "-> Of this program:"]
    assert [row.split()[1] for row in shown[1:] if "/" in row] == ["/go", "/set", "/reconnect:", "/clear:"]


def test_a_login_is_told_though_one_was_here_before(world: World) -> None:
    world.server.send(welcome(nick="ana", resume="another", back=True))
    world.server.send(HISTORY)
    assert any(row.startswith("-> Welcome back ana.") for row in world.shown())
    assert status(world) == " 1:#lobby  ana "


def test_many_pasted_lines_are_shown_by_their_number(world: World) -> None:
    assert world.face.paste(40) == ("[40 lines]", "Enter says them as one message, Esc drops them.")


def test_the_servers_table_helps_with_commands() -> None:
    world = person("amy")
    world.enter(rooms={"#lobby": {"users": ["amy", "bob"]}})
    ((_, id),) = [asked for asked in world.server.requests if asked[0] == "/help all"]
    commands = [{"name": "msg", "usage": "/msg NICK|#room text", "aliases": ["w"]}]
    commands[0]["arguments"] = [{"kind": "place", "optional": False}, {"kind": "text", "optional": False}]
    world.server.send({"type": "reply", "command": "help", "text": "-", "commands": commands, "id": id})
    assert world.shown() == []
    assert world.face.hint("/w") == "/msg NICK|#room text"
    assert [offer.text for offer in world.face.offers("/w b")] == ["bob "]


def test_no_password_and_no_code_is_kept_in_the_history(world: World) -> None:
    typed = ["hi", "/login amy tulip", "/contraseña tulip", "/resume K7F2Q-X9M4T", "/msg bob psst"]
    typed += ["hi\n/login amy tulip", "/set keyring on\n/resume K7F2Q-X9M4T", "hi\nyou"]
    assert [line for line in typed if world.face.keeps(line)] == ["hi", "/msg bob psst", "hi\nyou"]
    assert not person().face.keeps("my answer")


def test_a_command_of_several_lines_is_none(world: World) -> None:
    world.face.typed("/topic a\nb")
    assert world.shown()[0].startswith("! usage: A command is one line.")
    assert world.server.lines == []


def test_a_private_message_of_several_lines_is_said_in_private(world: World) -> None:
    world.face.typed("/msg bob a\nb")
    (said,) = world.server.objects
    assert (said["say"], said["room"]) == ("a\nb", "@bob")


@pytest.mark.parametrize("typed", ["/query bob", "/msg bob", "/w @bob,"])
def test_a_message_without_a_text_opens_the_private_conversation(typed: str) -> None:
    world = person("amy")
    world.enter(rooms={"#lobby": {"users": ["amy", "bob"]}})
    world.server.requests.clear()
    world.face.typed(typed)
    assert world.shown() == ["\u2500\u2500 @bob \u2500\u2500"]
    world.face.typed("/query nobody")
    assert world.server.lines == ["/query nobody"]


def test_before_one_is_anywhere_the_prompt_names_nothing() -> None:
    assert person("amy").face.prompt() == "> "


def test_leaving_a_private_conversation_closes_it(world: World) -> None:
    world.server.send(MESSAGE | {"room": "@bob", "to": "amy"})
    world.face.typed("/go bob")
    world.face.typed("/leave")
    assert world.shown()[-1] == "── #lobby ──"
    assert status(world) == " 1:#lobby  amy "
    assert world.server.lines == []


def test_older_history_is_asked_for_where_it_is_missing(world: World) -> None:
    world.server.send(MESSAGE | {"seq": 7})
    world.face.page_up()
    (asked,) = world.server.objects
    assert (asked["line"], asked["room"], asked["before"]) == ("/last 20", "#lobby", 7)


def test_settings_are_shown_and_changed_at_once(world: World) -> None:
    world.face.typed("/set time off")
    world.face.typed("/set notify trumpet")
    world.face.typed("/set nonsense")
    world.server.send(MESSAGE)
    assert world.shown() == [
        "-> time off (on, off): the time before each line, the days between them",
        "! usage: notify takes one of: auto, bell, osc9, osc777, notify-send, off  (/set",
        "!   notify trumpet)",
        "! usage: There is no setting nonsense. There are: show, fold, time, color,",
        "!   notify, on-mention, words, keyring, theme, zoom, nick, server  (/set",
        "!   nonsense)",
        "<bob> hi",
    ]
    assert world.server.lines == []


def test_another_server_is_told_and_left() -> None:
    world = person("amy")
    world.server.accept()
    world.server.wire.dataReceived(b"HTTP/1.1 400 Bad Request\r\n")
    assert world.shown()[-2:] == [
        "! pi:12345 is no chat server: a web server (HTTP) answers there. Is it another",
        "!   port? 12345 is usual.",
    ]
    world.lose()
    assert world.result == [Status.NO_CONNECTION]


def test_a_silent_one_is_told() -> None:
    world = person("amy")
    world.server.accept()
    world.clock.advance(5)
    assert world.shown()[-1] == "-- connected, but no chat server answers yet: is it the right port? --"


def test_the_server_is_told_how_far_was_read_but_not_with_each_key() -> None:
    world = person("amy")
    world.enter(rooms={"#lobby": {"head": 0, "read": 0}})
    world.server.send(MESSAGE)
    world.face.attended()
    assert world.server.objects[-1] == {"read": {"#lobby": 1}}
    world.server.send(MESSAGE | {"seq": 2})
    world.face.attended()
    assert world.server.objects == []
    world.now += timedelta(seconds=6)
    world.face.attended()
    assert world.server.objects == [{"read": {"#lobby": 2}}]
