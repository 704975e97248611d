"""chat-client as a program: real pipes, terminals and signals, against a server that the test plays on a socket.

Nothing sleeps: every wait is for something, and ends with an error after `SECONDS`.
"""

import fcntl
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from chat.base import limits

pytestmark = pytest.mark.slow

SECONDS = 15.0
CHECKOUT = Path(__file__).parent.parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CHECKOUT), "LC_ALL": "C.UTF-8", "TZ": "UTC", "COLUMNS": "80"}
COMMAND = (sys.executable, "-m", "chat.client")
MESSAGE = {"type": "message", "room": "#lobby", "seq": 1, "at": "2026-11-22T08:58:00Z", "from": "bob", "text": "hi"}
HISTORY = {"type": "history", "room": "#lobby", "events": [], "more": False}


@pytest.fixture(autouse=True)
def _at_home_in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "XDG_STATE_HOME", str(tmp_path / "home"))


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        self.connection = connection
        self._file = connection.makefile("rb")

    def line(self) -> tuple[str, str | None]:
        """The next line, and its id."""
        line = self._file.readline().decode().removesuffix("\n")
        keys = json.loads(line) if line.startswith("{") else {"line": line}
        return keys["line"], keys.get("id")

    def send(self, *objects: Mapping[str, object]) -> None:
        self.connection.sendall(b"".join(json.dumps(keys).encode() + b"\n" for keys in objects))

    def answer(self, line: str, **keys: object) -> None:
        """Expect this line and answer it."""
        text, id = self.line()
        assert text == line
        self.send({"type": "ack", "id": id} | keys)

    def enter(self, nick: str) -> None:
        """Let them in."""
        assert self.line()[0] in ("/json", "/json echo")
        self.send({"type": "hello", "server": "pi"})
        rooms = {"#lobby": {"users": [nick]}}
        self.answer(f"/nick {nick}", type="welcome", nick=nick, room="#lobby", rooms=rooms)
        self.send(HISTORY)

    def let_go(self) -> None:
        """Expect the goodbye, and close."""
        assert self.line()[0] == "/quit"
        self.close()

    def close(self) -> None:
        self._file.close()
        self.connection.close()


class Server:
    """A listening socket."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(SECONDS)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._peers: list[Peer] = []

    def accept(self) -> Peer:
        self._peers.append(Peer(self._socket.accept()[0]))
        return self._peers[-1]

    def close(self) -> None:
        self._socket.close()
        for peer in self._peers:
            peer.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


class Programs:
    """The programs of one test."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str, **how: Any) -> "subprocess.Popen[bytes]":
        """Run the client; its streams are pipes unless said otherwise."""
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        how = {"env": ENVIRONMENT, **streams, **how}
        program = subprocess.Popen([*COMMAND, *words], **how)
        self.running.append(program)
        return program

    def close(self) -> None:
        for program in self.running:
            program.kill()
            program.communicate()


@pytest.fixture
def programs() -> Iterator[Programs]:
    programs = Programs()
    yield programs
    programs.close()


def finish(program: "subprocess.Popen[bytes]", data: bytes | None = None) -> tuple[int, str, str]:
    """Exit code, output and errors, once it ends."""
    out, err = program.communicate(data, SECONDS)
    return program.returncode, out.decode() if out else "", err.decode() if err else ""


# --- pipes ---------------------------------------------------------------------------------------------------------


def test_echo_done_ends_well_once_it_is_confirmed(server: Server, programs: Programs) -> None:
    program = programs.start("--nick", "bot", server.address)
    assert program.stdin
    program.stdin.write(b"done")
    program.stdin.close()
    program.stdin = None
    peer = server.accept()
    peer.enter("bot")
    peer.send(MESSAGE)
    peer.answer("done")
    peer.let_go()
    assert finish(program) == (0, "2026-11-22T08:58:00+00:00 #lobby <bob> hi\n", "")


def test_without_a_server_it_says_so_and_fails(server: Server, programs: Programs) -> None:
    server.close()
    code, out, err = finish(programs.start("--nick", "bot", server.address), b"done\n")
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        f"-- no connection to {server.address}: nothing answers at this port --",
        "! Not sent: done",
    ]


def test_a_name_that_is_none_is_said_in_the_users_language(programs: Programs) -> None:
    code, _, err = finish(programs.start("--language", "es", "nobody.invalid"), b"")
    assert code == 1
    assert "nobody.invalid:12345" in err


def test_a_connection_that_is_cut_before_the_ack_is_an_error_where_nobody_knows_us_any_more(
    server: Server, programs: Programs
) -> None:
    program = programs.start("--nick", "bot", server.address)
    assert program.stdin
    program.stdin.write(b"done\n")
    program.stdin.close()
    program.stdin = None
    peer = server.accept()
    peer.enter("bot")
    assert peer.line()[0] == "done"
    peer.close()
    peer = server.accept()
    peer.enter("bot")
    peer.let_go()
    code, _, err = finish(program)
    assert code == 4
    assert "! Not confirmed, so perhaps not said: done" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("closed", [False, True])
def test_a_recorder_records_until_it_is_stopped(
    server: Server, programs: Programs, tmp_path: Path, number: signal.Signals, closed: bool
) -> None:
    record = tmp_path / "record"
    with record.open("wb") as output:
        close = (lambda: os.close(0)) if closed else None
        program = programs.start(
            "--follow", "-n", "rec", server.address, stdin=subprocess.DEVNULL, stdout=output, preexec_fn=close
        )
    peer = server.accept()
    peer.enter("rec")
    peer.send(MESSAGE)
    peer.close()
    peer = server.accept()
    peer.enter("rec")
    peer.send(MESSAGE | {"seq": 2, "text": "again"}, {"type": "ping"})
    until(lambda: "again" in record.read_text())
    program.send_signal(number)
    peer.let_go()
    assert finish(program)[0] == 0
    assert record.read_text().splitlines() == [
        "2026-11-22T08:58:00+00:00 #lobby <bob> hi",
        "2026-11-22T08:58:00+00:00 #lobby <bob> again",
    ]


def test_each_line_is_written_as_it_comes(server: Server, programs: Programs) -> None:
    program = programs.start("--follow", "-n", "rec", server.address)
    peer = server.accept()
    peer.enter("rec")
    for text in ("one", "two"):
        peer.send(MESSAGE | {"text": text})
        assert program.stdout
        assert program.stdout.readline().decode().endswith(f"<bob> {text}\n")


def test_a_reader_that_has_seen_enough_ends_it_quietly(server: Server, programs: Programs) -> None:
    read, write = os.pipe()
    program = programs.start("--follow", "-n", "rec", server.address, stdout=write, stdin=subprocess.DEVNULL)
    os.close(write)
    peer = server.accept()
    peer.enter("rec")
    os.close(read)
    peer.let_go()
    assert finish(program) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error(server: Server, programs: Programs) -> None:
    with open("/dev/full", "wb") as full:
        program = programs.start("--follow", "-n", "rec", server.address, stdout=full, stdin=subprocess.DEVNULL)
    peer = server.accept()
    peer.enter("rec")
    peer.send(MESSAGE)
    peer.let_go()
    assert finish(program) == (5, "", "! The output cannot be written.\n")


def test_objects_are_passed_on_for_other_programs(server: Server, programs: Programs) -> None:
    program = programs.start("--json", "-n", "rec", server.address, stdin=subprocess.DEVNULL)
    peer = server.accept()
    peer.enter("rec")
    peer.let_go()
    _, out, _ = finish(program)
    assert [json.loads(line)["type"] for line in out.splitlines()] == ["hello", "welcome"]


def test_a_post_is_one_connection_for_each_line(server: Server, programs: Programs) -> None:
    program = programs.start("--post", "-n", "pi", "-r", "ops", server.address)
    assert program.stdin
    program.stdin.write(b"one\ntwo\n")
    program.stdin.close()
    program.stdin = None
    for text in ("one", "two"):
        peer = server.accept()
        assert peer.line()[0] == "/json"
        peer.send({"type": "hello", "server": "pi"})
        peer.answer(f"/post pi #ops {text}")
        peer.close()
    assert finish(program) == (0, "", "")


def test_all_streams_may_be_closed(server: Server, programs: Programs) -> None:
    program = programs.start(
        "--follow", "-n", "rec", server.address, preexec_fn=lambda: [os.close(fd) for fd in (0, 1, 2)]
    )
    peer = server.accept()
    peer.enter("rec")
    peer.send(MESSAGE)
    program.terminate()
    peer.let_go()
    assert finish(program)[0] == 0


def test_a_locale_that_cannot_say_it_says_a_question_mark(server: Server, programs: Programs) -> None:
    ascii_only = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    program = programs.start("-n", "rec", server.address, env=ascii_only)
    assert program.stdin
    program.stdin.write("ñ ☃".encode())
    program.stdin.close()
    program.stdin = None
    peer = server.accept()
    peer.enter("rec")
    peer.send(MESSAGE | {"text": "ñ ☃", "from": "josé"})
    peer.answer("ñ ☃")
    peer.let_go()
    assert finish(program) == (0, "2026-11-22T08:58:00+00:00 #lobby <jos?> ? ?\n", "")


def test_memory_is_bounded_when_nobody_reads_the_output(server: Server, programs: Programs) -> None:
    program = programs.start("--follow", "-n", "rec", server.address, stdin=subprocess.DEVNULL)
    peer = server.accept()
    peer.enter("rec")
    chunk = json.dumps(MESSAGE | {"text": "x" * 1000}).encode() + b"\n"
    assert fill(peer, chunk) < 200_000_000
    assert memory(program) < 80_000_000
    peer.connection.close()


def test_who_reads_the_output_late_gets_all_of_it(server: Server, programs: Programs) -> None:
    program = programs.start("--follow", "-n", "rec", server.address, stdin=subprocess.DEVNULL)
    peer = server.accept()
    peer.enter("rec")
    line = json.dumps(MESSAGE | {"text": "x" * 1000}).encode() + b"\n"
    whole, part = divmod(fill(peer, line), len(line))
    peer.connection.settimeout(SECONDS)
    assert program.stdout
    for _ in range(whole):
        assert program.stdout.readline().endswith(b"x\n")
    peer.connection.sendall(line[part:])
    peer.send(MESSAGE | {"text": "the end"})
    assert program.stdout.readline().endswith(b"x\n")
    assert program.stdout.readline().endswith(b"the end\n")


@pytest.mark.parametrize("flood", [json.dumps(MESSAGE).encode() + b"\n", b"\n", b"x", b'{"a":[[[', b"\xff\x00\n"])
def test_a_flood_takes_bounded_memory_and_ends_at_once_when_told_to(
    server: Server, programs: Programs, flood: bytes
) -> None:
    program = programs.start(
        "--follow", "-n", "rec", server.address, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    peer = server.accept()
    peer.enter("rec")
    chunk = flood * (1_000_000 // len(flood))
    for _ in range(3):
        peer.connection.sendall(chunk)
    assert memory(program) < 80_000_000
    began = time.monotonic()
    program.terminate()
    with suppress(OSError):
        while True:
            peer.connection.sendall(chunk)
    code, _, err = finish(program)
    assert time.monotonic() - began < 3 * limits.LEAVE_SECONDS
    assert (code, "Traceback" in err) == (0, False)


# --- terminals -----------------------------------------------------------------------------------------------------


class Terminal:
    """A terminal with a client on it."""

    def __init__(self, programs: Programs, *words: str) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave), fcntl.fcntl(self.slave, fcntl.F_GETFL)
        self._read = b""
        self.program = programs.start(
            *words,
            env={**ENVIRONMENT, "TERM": "dumb"},
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            preexec_fn=self._control,
        )

    def _control(self) -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def shows(self, text: str) -> str:
        """Wait until this is shown; returns all that was shown up to there."""
        deadline = time.monotonic() + SECONDS
        while text.encode() not in self._read:
            assert select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0], self._read
            self._read += os.read(self.master, 65536)
        seen, _, self._read = self._read.partition(text.encode())
        return (seen + text.encode()).decode()

    @property
    def is_intact(self) -> bool:
        return (termios.tcgetattr(self.slave), fcntl.fcntl(self.slave, fcntl.F_GETFL)) == self.before

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)


def seated(server: Server, programs: Programs) -> tuple[Terminal, Peer]:
    """amy is in, at her terminal."""
    terminal = Terminal(programs, "-n", "amy", server.address)
    peer = server.accept()
    peer.enter("amy")
    terminal.shows("-> Hello amy.")
    return terminal, peer


def ask_password(terminal: Terminal, peer: Peer) -> None:
    """She is asked for her password."""
    terminal.type("/login amy\n")
    peer.answer("/login amy", type="reply", command="login", text="It has one.", asks="present", nick="amy")
    terminal.shows("Password: ")


@pytest.mark.parametrize(("key", "shown"), [("\x03", "^C\r\n"), ("\x04", "")])
@pytest.mark.parametrize("answers", [True, False])
def test_ctrl_c_and_ctrl_d_leave_at_once_with_the_terminal_intact(
    server: Server, programs: Programs, key: str, shown: str, answers: bool
) -> None:
    terminal, peer = seated(server, programs)
    terminal.shows("\r\n")
    began = time.monotonic()
    terminal.type(key)
    assert peer.line()[0] == "/quit"
    if answers:
        peer.close()
    assert terminal.program.wait(SECONDS) == 0
    assert time.monotonic() - began < limits.LEAVE_SECONDS + 1
    assert terminal.is_intact
    assert not shown or terminal.shows(shown)
    terminal.close()


def test_a_person_answers_the_question_and_talks(server: Server, programs: Programs) -> None:
    terminal = Terminal(programs, server.address)
    peer = server.accept()
    assert peer.line()[0] == "/json"
    peer.connection.sendall(b"-> Welcome\r\n")
    peer.send({"type": "hello", "server": "pi"})
    terminal.shows("Nickname: ")
    terminal.type("amy\n")
    peer.answer("/nick amy", type="error", code="nick-taken", text="amy is here already.", proposal="amy2")
    terminal.shows("! nick-taken: amy is here already. Enter takes amy2.\r\nNickname: ")
    terminal.type("\n")
    peer.answer("/nick amy2", type="welcome", nick="amy2", room="#lobby", rooms={"#lobby": {"users": ["amy2"]}})
    peer.send(HISTORY)
    terminal.shows("-> Hello amy2.")
    terminal.type("hi ñ\n")
    peer.answer("hi ñ")
    peer.send(MESSAGE)
    terminal.shows("08:58 <bob> hi\r\n")
    terminal.type("/msg bob psst\n")
    peer.answer("/msg bob psst", room="@bob", at="2026-11-22T08:59:00Z")
    terminal.shows("08:59 [you -> bob] psst\r\n")
    peer.close()
    terminal.shows("-- the connection is lost: the server closed it --\r\n")
    terminal.type("kept\n")
    terminal.shows("sent as soon as you are --\r\n")
    peer = server.accept()
    peer.enter("amy2")
    peer.answer("kept")
    terminal.type("\x04")
    peer.let_go()
    assert terminal.program.wait(SECONDS) == 0
    terminal.close()


def test_half_a_password_is_not_said_when_the_connection_is_lost(server: Server, programs: Programs) -> None:
    terminal, peer = seated(server, programs)
    ask_password(terminal, peer)
    terminal.type("tulips and")
    peer.close()
    terminal.shows("-- the connection is lost: the server closed it --\r\n")
    terminal.type(" roses\n")
    seen = terminal.shows("-- that was not sent: nobody asks for it any more --\r\n")
    terminal.type("hello\n")
    seen += terminal.shows("hello\r\n")
    peer = server.accept()
    peer.enter("amy")
    peer.answer("hello")
    assert ("tulips" in seen, "roses" in seen) == (False, False)
    terminal.type("\x04")
    peer.let_go()
    assert terminal.program.wait(SECONDS) == 0
    assert terminal.is_intact
    terminal.close()


def test_where_nothing_was_typed_of_a_password_the_next_line_is_said(server: Server, programs: Programs) -> None:
    terminal, peer = seated(server, programs)
    ask_password(terminal, peer)
    peer.close()
    terminal.shows("-- the connection is lost: the server closed it --\r\n")
    terminal.type("hello\n")
    terminal.shows("hello\r\n")
    peer = server.accept()
    peer.enter("amy")
    peer.answer("hello")
    terminal.close()


def test_ctrl_c_while_the_terminal_takes_nothing_ends_it_too(server: Server, programs: Programs) -> None:
    terminal, peer = seated(server, programs)
    line = json.dumps(MESSAGE | {"text": "x" * 1000}).encode() + b"\n"
    fill(peer, line)
    os.kill(terminal.program.pid, signal.SIGINT)
    assert terminal.program.wait(3 * limits.LEAVE_SECONDS + 1) == 0
    assert terminal.is_intact
    terminal.close()


def test_what_a_server_sends_does_not_steer_the_terminal(server: Server, programs: Programs) -> None:
    terminal = Terminal(programs, "-n", "amy", server.address)
    peer = server.accept()
    peer.enter("amy")
    evil = "\x1b]0;PWNED\a\x1b[2J\x9b31m\x0e\x1bP"
    peer.send(
        MESSAGE | {"text": evil, "from": evil, "room": evil},
        {"type": "error", "code": evil, "text": evil},
        {"type": "reply", "command": "x", "text": evil},
        {"type": "reply", "command": "x", "text": "the end"},
    )
    seen = terminal.shows("-> the end")
    assert not set(seen) & set("\x1b\a\x9b\x0e")
    peer.close()
    terminal.close()


def fill(peer: Peer, line: bytes) -> int:
    """Send this line until nobody takes it for a second; returns how much was taken."""
    peer.connection.settimeout(1)
    sent = 0
    try:
        while sent < 200_000_000:
            sent += peer.connection.send((line * 64)[sent % len(line) :])
    except TimeoutError:
        pass
    return sent


def until(condition: Any) -> None:
    """Wait for something that nothing tells of."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def memory(program: "subprocess.Popen[bytes]") -> int:
    """The most that it ever took, in bytes."""
    status = Path(f"/proc/{program.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
