"""The client against a server that means harm, is broken, or is no chat at all.

Whatever it sends is text on the screen or nothing: no exception, no order that the terminal obeys, memory and time that
are bounded, and what is typed still goes out.  The real program on a real terminal comes last.
"""

import json
import os
import re
import socket
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Queue
from typing import Any

import pyte
import pytest
from faced import MESSAGE, World
from hypothesis import given
from hypothesis import strategies as st
from memory_server import HELLO, HISTORY, welcome
from test_program import ENVIRONMENT, Programs, Server

from chat.base import limits
from chat.client.faces.pipe import Pipe
from chat.client.faces.plain import PlainFace
from chat.client.faces.stdio import Status, StreamFace
from chat.client.faces.transcript import Transcript

MEGABYTE = 2**20

FACES: dict[str, Callable[[Any], StreamFace]] = {
    "person": lambda ground: PlainFace(ground, None),
    "pipe": lambda ground: Pipe(ground, "amy", follow=False, raw=False),
    "recorder": lambda ground: Pipe(ground, "amy", follow=True, raw=False),
    "json": lambda ground: Pipe(ground, "amy", follow=True, raw=True),
    "transcript": lambda ground: Transcript(ground, None, "30m", "#lobby", raw=False),
}


@pytest.fixture(autouse=True)
def _in_utc_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def person() -> World:
    """Somebody at a terminal, who is in."""
    world = World(FACES["person"], "amy")
    world.enter(resume="c0de")
    return world


# --- what a terminal would obey ------------------------------------------------------------------------------------

ORDERS = [
    *("\x1b[31m", "\x1b[2J\x1b[H", "\x1b]0;PWNED\x07", "\x1b]52;c;ZXZpbA==\x07", "\x1bPq#0\x1b\\", "\x1b_x\x1b\\"),
    *("\x1b[?1049h", "\x1b(0\x0e", "\x1bc", "\x9b31m", "\x9d0;PWNED\x9c", "\x1b[6n", "\x05", "\x1b[5;10r"),
    *("\r-!- root joined", "\n! fake", "\x0b\x0c\x85\u2028", "\u202egnirts\u2066\u200f", "\x08\x08\x08\x7f", "\0"),
    *("a" + "\u0335" * 200, "\U000e0041\ufeff\u200b", "\ud800", "{0} %s %n {nick.__class__}"),
]

FIELDS = [
    HELLO | {"server": "X", "motd": ["X", "a\nX"], "version": "X"},
    welcome("X", resume="X") | {"rooms": {"#lobby": {"users": ["X", "Y"], "topic": "X"}, "X": {}}},
    HISTORY,
    MESSAGE | {"from": "X", "text": "X\nX"},
    MESSAGE | {"type": "action", "from": "X", "text": "X", "room": "X"},
    MESSAGE | {"from": "X", "to": "amy", "room": "@X", "text": "X"},
    MESSAGE | {"from": "amy", "to": "X", "room": "@X"},
    {"type": "joined", "room": "X", "from": "X", "who": ["X", "Y"], "here": 2},
    {"type": "left", "room": "X", "from": "X", "stayed": 1, "quit": True, "text": "X", "fact": "X"},
    {"type": "renamed", "room": "X", "from": "X", "to": "X", "fact": "Z"},
    {"type": "topic", "room": "X", "from": "X", "text": "X"},
    {"type": "missed", "room": "X", "count": 3},
    {"type": "ack", "room": "@X", "id": "run-2"},
    {"type": "error", "code": "X", "text": "X", "proposal": "X"},
    {"type": "error", "code": "X", "text": "X", "id": "run-3"},
    {"type": "history", "room": "X", "events": [MESSAGE | {"from": "X", "text": "X"}], "total": 9},
    {"type": "history", "room": None, "events": [MESSAGE | {"room": "X", "text": "X"}], "id": "run-4"},
    {"type": "reply", "command": "X", "text": "X\nX", "X": "X"},
    {"type": "X", "text": "X"},
]


def with_order(value: Any, order: str) -> Any:
    """The same object with this where an X was."""
    if isinstance(value, dict):
        return {with_order(key, order): with_order(item, order) for key, item in value.items()}
    if isinstance(value, list):
        return [with_order(item, order) for item in value]
    return value.replace("X", order) if isinstance(value, str) else value


def obeyed(out: str) -> list[object]:
    """What a terminal did beside printing lines."""
    screen = pyte.Screen(80, 24)
    answers: list[str] = []
    screen.write_process_input = answers.append
    pyte.Stream(screen).feed(out.replace("\n", "\r\n"))
    looks = {cell._replace(data="") for row in screen.buffer.values() for cell in row.values()}
    return [screen.title, screen.icon_name, screen.mode, screen.margins, screen.charset, looks, answers]


MARKED = re.compile(
    r"-> |! |-!- |-- |\d\d:\d\d |\d{4}-\d\d-\d\dT[\d:+]+ |(?:\S+ )?(?:<|\* )|\[|(?:.* )? \| |Nickname: |$"
)


@pytest.mark.parametrize("name", ["person", "pipe", "recorder", "json"])
@pytest.mark.parametrize("order", ORDERS)
def test_no_field_of_any_object_is_obeyed_by_the_terminal(name: str, order: str) -> None:
    world = World(FACES[name], "amy")
    world.enter()
    for number in range(3):
        world.face.typed(f"/msg bob {number}")
    world.server.send(*with_order(FIELDS, order))
    world.face.typed("still here")
    world.lose(RuntimeError(order))
    for out in (world.streams.out, world.streams.err):
        assert obeyed(f"-> quiet\n{out}") == obeyed("-> quiet\n")
        for line in out.split("\n"):
            assert name == "json" or MARKED.match(line), line


def test_what_a_server_that_is_no_chat_says_is_not_shown() -> None:
    world = World(FACES["person"], "amy")
    world.server.accept()
    world.server.wire.dataReceived(b"\x1b]0;PWNED\x07HTTP/1.1 400 Bad Request\r\n\r\n" * 100)
    assert world.shown() == ["-- connecting to pi:12345 --"]


# --- too much ------------------------------------------------------------------------------------------------------


def test_an_endless_line_costs_no_more_memory_than_the_longest() -> None:
    world = person()
    for _ in range(128):
        world.server.wire.dataReceived(b'{"' * 32 * 1024)
        assert len(world.server.wire._lines._rest) <= limits.OBJECT
    world.server.wire.dataReceived(b"\n")
    world.server.send(MESSAGE)
    assert world.shown()[-1] == "08:58 <bob> hi"


def test_a_flood_of_lines_that_are_nothing_is_mentioned_once() -> None:
    world = person()
    for line in (b"x\n", b"{}\n", b"\n", b"[]\n", b'{"type":0}\n'):
        world.server.wire.dataReceived(line * 50_000)
    world.face.typed("hello")
    assert world.server.lines == ["hello"]
    assert world.shown() == ["-- the server sends something that is not understood; it is left out --"]


MUCH = "x " * 500_000

HUGE: dict[str, Mapping[str, object]] = {
    "a word": {"type": "reply", "command": "x", "text": "é" * 1_000_000},
    "words": {"type": "error", "code": "x", "text": MUCH},
    "lines": {"type": "reply", "command": "x", "text": "x\n" * 600_000},
    "empty lines": {"type": "reply", "command": "x", "text": "\n" * 900_000},
    "a message of lines": MESSAGE | {"text": "x\n" * 600_000, "room": "#" * 100},
    "marks": MESSAGE | {"text": "a" + "\u0301" * 900_000},
    "controls": MESSAGE | {"text": "\x9b" * 900_000},
    "message of the day": HELLO | {"motd": ["x"] * 400_000},
    "users": welcome(rooms={"#lobby": {"users": ["amy"] * 200_000, "here": 2}}),
    "rooms": welcome(rooms={f"#room{number}": {"topic": "x"} for number in range(50_000)}),
    "who": {"type": "joined", "room": "#lobby", "who": ["x"] * 400_000, "here": 1},
    "events": {"type": "history", "room": "#ops", "events": [{}] * 500_000},
    "messages": {"type": "history", "room": "#ops", "events": [MESSAGE] * 10_000, "total": 1},
    "a name": MESSAGE | {"from": MUCH},
    "keys": {str(number): 0 for number in range(150_000)},
    "depth": {"type": "reply", "command": "x", "text": "x", "facts": json.loads("[" * 900 + "]" * 900)},
}


@pytest.mark.parametrize("name", ["person", "recorder"])
@pytest.mark.parametrize("what", HUGE)
def test_one_huge_object_holds_nobody_up(what: str, name: str) -> None:
    world = World(FACES[name], "amy")
    world.enter()
    data = json.dumps(HUGE[what], ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    assert len(data) <= limits.OBJECT
    begun = time.process_time()
    world.server.wire.dataReceived(data)
    world.server.send(MESSAGE | {"seq": 2})
    world.face.typed("hello")
    assert time.process_time() - begun < 5
    assert world.server.lines[-1] == "hello"
    # A control character of two bytes is shown as one of three.
    assert len((world.streams.out + world.streams.err).encode()) < 2 * limits.OBJECT
    assert "<bob> hi" in world.streams.out


def test_names_without_end_and_rooms_without_number_are_not_remembered() -> None:
    world = person()
    long, head = "x" * MEGABYTE, {"head": 2**63 - 1}
    world.server.send(
        welcome(long),
        welcome(room=long),
        welcome(rooms={f"#{long}": head, f"#{'!' * 40}": head, "#ops": head}, resume="c0de", back=True),
        *({"type": "reply", "command": "join", "room": f"#r{number}", **head} for number in range(500)),
        {"type": "reply", "command": "join", "room": "#dev", "head": 10**4000},
        {"type": "reply", "command": "join", "room": f"#{long}", "head": 1},
        {"type": "reply", "command": "leave", "room": "#dev", "current": f"#{long}"},
        {"type": "reply", "command": "nick", "nick": long},
        *(welcome(rooms={f"#w{number}": head}, resume="c0de", back=True) for number in range(500)),
        *(MESSAGE | {"room": long + str(number)} for number in range(3)),
        *(MESSAGE | {"type": "left", "fact": long + str(number)} for number in range(3)),
        {"type": "error", "code": "nick-taken", "text": "x", "proposal": long},
    )
    me, conversation = world.face.connection.me, world.face._conversation
    assert len(json.dumps([me.nick, me.rooms, me.seen, dict(me.shown)])) < limits.LINE
    assert all(len(key) < limits.NAME_READ for key in [*conversation._seen, *conversation._facts])
    world.lose()
    world.clock.advance(limits.RETRY_MOST_SECONDS)
    world.server.accept()
    world.server.send(HELLO)
    # What is asked on the way in is no longer than a server reads: else this would have raised.
    assert world.server.objects[-1]["line"] == "/resume c0de"


# --- numbers and answers -------------------------------------------------------------------------------------------

NUMBERS = [0, -1, 1, 3, 2, 2, 2**62, 2**63 - 1, 2**63, 10**300, 1.5, 1e300, True, None, "7", [], {}]


@pytest.mark.parametrize("key", ["seq", "count", "here", "stayed", "total", "head", "at"])
def test_numbers_may_be_anything_and_jump_anywhere(key: str) -> None:
    world = person()
    for number in NUMBERS:
        for raw in FIELDS[1:]:
            world.server.send(raw | {key: number, "room": "#lobby"})
        world.server.send({"type": "reply", "command": "join", "room": "#lobby", key: number})
        world.server.send(welcome(rooms={"#lobby": {key: number, "here": number}}, resume="c0de", back=True))
    world.lose()
    world.come_again(welcome(resume="c0de", back=True))
    world.face.typed("hello")
    assert world.server.lines[-1] == "hello"


def test_an_answer_that_comes_twice_or_to_nothing_confirms_nothing_else() -> None:
    world = person()
    world.face.typed("one")
    world.face.typed("two")
    id = world.server.requests[0][1]
    answer = {"type": "ack", "room": "#lobby", "id": id}
    world.server.send(answer, answer, answer | {"id": "run-9999"}, answer | {"id": 7}, answer | {"id": None})
    assert [line.text for line in world.face.connection.unconfirmed] == ["two"]


def chatter(world: World, seconds: float) -> None:
    """The server speaks all that time, and answers nothing."""
    for _ in range(round(seconds)):
        world.clock.advance(1)
        if world.server.transport.disconnected:
            return
        world.server.wire.dataReceived(b"blah\n" + json.dumps(MESSAGE).encode() + b"\n")


@pytest.mark.parametrize("after", ["nothing", "hello", "a line"])
def test_a_server_that_chatters_and_answers_nothing_is_left(after: str) -> None:
    world = World(FACES["pipe"], "amy")
    if after == "a line":
        world.enter()
        world.face.typed("hello")
    else:
        world.server.accept()
        if after == "hello":
            world.server.send(HELLO)
    chatter(world, limits.CONFIRM_SECONDS + 2)
    assert world.server.transport.disconnected


def test_nobody_is_hurried_to_choose_a_nickname() -> None:
    world = World(FACES["person"])
    world.server.accept()
    world.server.send(HELLO)
    chatter(world, 2 * limits.CONFIRM_SECONDS)
    world.face.typed("amy")
    chatter(world, limits.CONFIRM_SECONDS / 2)
    assert not world.server.transport.disconnected


# --- anything, in any order ----------------------------------------------------------------------------------------

SAMPLES: list[Any] = [
    *ORDERS,
    *NUMBERS,
    "",
    "X",
    "amy",
    "#lobby",
    "@bob",
    "run-1",
    "run-2",
    "c0de",
    "quit",
    "join",
    "x" * 200,
]
anything = st.recursive(
    st.sampled_from(SAMPLES) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["#lobby", "#ops", "X"]), inner),
    max_leaves=4,
)
KEYS = sorted(
    {key for raw in FIELDS for key in raw if isinstance(key, str)} | {"id", "resume", "back", "head", "current"}
)
objects = st.builds(
    lambda raw, keys: {**raw, **keys},
    st.sampled_from(FIELDS),
    st.dictionaries(st.sampled_from(KEYS), anything, max_size=4),
)
steps = st.lists(
    objects
    | st.binary(max_size=8)
    | st.sampled_from(["type", "enter", "answer", "refuse", "lose", "wait", "long", "written", "stop", "end"]),
    max_size=25,
)


@given(st.sampled_from(list(FACES)), steps)
def test_whatever_a_server_does_every_face_survives_and_the_screen_obeys_nothing(name: str, script: list[Any]) -> None:
    world = World(FACES[name], None if name == "person" else "amy")
    for step in script:
        if world.server.attempts:
            world.server.accept()
            world.server.send(HELLO)
        if world.result:
            break
        do(world, step)
    for out in (world.streams.out, world.streams.err):
        assert all(
            char == "\n" or char.isprintable() or char in "\u200d\u3000\ufeff" or ord(char) > 0xFF for char in out
        )
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\u2029]", out)
        for line in out.split("\n"):
            assert name == "json" or MARKED.match(line), line


def do(world: World, step: Any) -> None:
    """One step of a script."""
    if isinstance(step, dict):
        world.server.wire.dataReceived(json.dumps(step).encode() + b"\n")
    elif isinstance(step, bytes):
        world.server.wire.dataReceived(step)
    elif step in ("answer", "refuse"):
        kind = (
            {"type": "ack", "room": "#lobby"} if step == "answer" else {"type": "error", "code": "x", "proposal": "z"}
        )
        for _, id in world.server.requests:
            world.server.send({**kind, "id": id})
    elif step == "lose":
        world.lose()
        world.clock.advance(limits.RETRY_MOST_SECONDS + 1)
    elif step in ("wait", "long"):
        world.clock.advance(1 if step == "wait" else limits.PING_SECONDS)
    elif step == "written":
        world.face.connection.pause()
        world.face.connection.written()
    elif step == "stop":
        world.face.stop()
    elif step == "end":
        world.face.input_ended("")
    else:
        world.face.typed("amy" if step == "enter" else "hello")


# --- the real program on a real terminal ---------------------------------------------------------------------------


class Terminal:
    """The client on a pseudo-terminal, all of whose output is read."""

    def __init__(self, *words: str) -> None:
        self._ours, theirs = os.openpty()
        self.settings = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.programs = Programs()
        self.process = self.programs.start(*words, stdin=theirs, stdout=theirs, stderr=theirs)
        self.taken = 0
        self.seen = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):
            while data := os.read(self._ours, 65536):
                self.taken += len(data)
                self.seen = (self.seen + data)[-100_000:]

    def type(self, line: str) -> None:
        os.write(self._ours, line.encode() + b"\n")

    @property
    def restored(self) -> bool:
        """The terminal is as it was."""
        return termios.tcgetattr(self._theirs) == self.settings

    def memory(self) -> int:
        """The most that the program has had so far, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    def close(self) -> None:
        self.programs.close()
        os.close(self._theirs)
        self._reader.join(5)
        os.close(self._ours)


def flood(connection: socket.socket, data: bytes, heard: "Queue[str | None]", over: threading.Event) -> None:
    """Send this again and again, and in between confirm what was heard."""
    with suppress(OSError):
        while not over.is_set():
            connection.sendall(data)
            while not heard.empty():
                connection.sendall(json.dumps({"type": "ack", "id": heard.get()}).encode() + b"\n")


FLOODS = {
    "nothing": b"x\n" * 100_000,
    "objects": b"{}\n" * 100_000,
    "talk": b"".join(
        json.dumps(MESSAGE | {"seq": seq, "text": "\x1b[31m" * 5}).encode() + b"\n" for seq in range(5000)
    ),
    "endless": b"x" * 4 * MEGABYTE + b"\n",
    "huge": json.dumps(HUGE["words"]).encode() + b"\n" + json.dumps(HUGE["lines"]).encode() + b"\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", FLOODS)
def test_through_a_flood_somebody_at_a_terminal_can_still_type_and_leave(
    what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "XDG_STATE_HOME", str(tmp_path))
    server = Server()
    terminal = Terminal("--plain", "--nick", "amy", server.address)
    heard: Queue[str | None] = Queue()
    over = threading.Event()
    try:
        peer = server.accept()
        peer.enter("amy")
        thread = threading.Thread(target=flood, args=(peer.connection, FLOODS[what], heard, over), daemon=True)
        thread.start()
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            begun = time.monotonic()
            terminal.type("hello")
            text, id = peer.line()
            while text != "hello":
                text, id = peer.line()
            heard.put(id)
            assert time.monotonic() - begun < 10  # 3.8 s were seen: whoever floods has a processor, too
        assert terminal.memory() < 200 * MEGABYTE
        terminal.process.send_signal(2)
        assert terminal.process.wait(10) in (Status.WELL, Status.NOT_CONFIRMED)
        assert terminal.restored
        assert b"Traceback" not in terminal.seen
        assert b"\x1b" not in terminal.seen
    finally:
        over.set()
        terminal.close()
        server.close()
