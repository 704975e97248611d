"""Exactly once, with the real programs: the server or the client is killed again and again while people talk."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import Connect, OnTerminal, Serve
from .server import ENVIRONMENT, Server
from .waiting import SECONDS, until

pytestmark = pytest.mark.slow

CLIENT = (sys.executable, "-m", "chat.client")
LINES = [f"line {number} of 200" for number in range(1, 201)]
KILLS = 8
CHUNK = len(LINES) // KILLS


class Programs:
    """Clients that run until the test ends, if nobody ends them before."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory

    def start(self, server: Server, *words: str, **streams: object) -> "subprocess.Popen[bytes]":
        """Run a client; what it does not get it reads from, or writes to, nowhere."""
        where = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **streams}
        program = subprocess.Popen([*CLIENT, ":".join(server.address), *words], env=ENVIRONMENT, **where)  # type: ignore[call-overload]
        self._stack.callback(program.wait)
        self._stack.callback(program.kill)
        return program

    def record(self, server: Server) -> "subprocess.Popen[bytes]":
        """Run a recorder, which goes on with the file `record`."""
        with (self._directory / "record").open("ab") as output:
            return self.start(server, "--follow", "--nick", "rec", stdout=output)

    @property
    def recorded(self) -> Sequence[str]:
        """What was said, as the recorder has it."""
        return said((self._directory / "record").read_text())


def said(record: str) -> Sequence[str]:
    return [line.partition("> ")[2] for line in record.splitlines() if "<bot> " in line]


@pytest.fixture
def programs(stack: ExitStack, tmp_path: Path) -> Programs:
    return Programs(stack, tmp_path)


def kill(program: "subprocess.Popen[bytes]") -> None:
    program.kill()
    program.wait()


class Mortal:
    """A server that is killed and comes back at the same port."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self.server = serve("--rate", "0")

    def die(self) -> None:
        """Be killed, and started again."""
        kill(self.server.process)
        port = f"tcp:{self.server.port}:interface={self.server.host}"
        self.server = self._serve("--rate", "0", "--port", port)


def transcript(server: Server, *words: str) -> str:
    done = subprocess.run(
        [*CLIENT, ":".join(server.address), "--since", "2h", *words],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def talk(write: Callable[[bytes], object], programs: Programs, disaster: Callable[[], None]) -> None:
    """Say all lines, with a disaster in the middle of each chunk of them."""
    for start in range(0, len(LINES), CHUNK):
        write("".join(f"{line}\n" for line in LINES[start : start + CHUNK]).encode())
        until(lambda: LINES[start] in programs.recorded)  # noqa: B023  # waited for before it changes
        disaster()


def test_each_line_is_said_and_recorded_once_while_the_server_is_killed_again_and_again(
    serve: Serve, connect: Connect, programs: Programs
) -> None:
    mortal = Mortal(serve)
    server = mortal.server
    amy = connect(server, "amy").joins()
    programs.record(server)
    amy.hears("-!- rec joined")
    script = programs.start(server, "--nick", "bot", stdin=subprocess.PIPE)
    assert script.stdin is not None
    talk(lambda data: os.write(script.stdin.fileno(), data), programs, mortal.die)
    script.stdin.close()
    assert script.wait(SECONDS) == 0
    until(lambda: LINES[-1] in programs.recorded)
    assert programs.recorded == LINES
    assert said(transcript(mortal.server)) == LINES


def test_each_line_is_said_once_while_the_client_is_killed_again_and_again(
    serve: Serve, connect: Connect, programs: Programs, stack: ExitStack
) -> None:
    server = serve("--rate", "0")
    amy = connect(server, "amy").joins()
    recorder = programs.record(server)
    amy.hears("-!- rec joined")
    read, write = os.pipe()
    stack.callback(os.close, write)
    stack.callback(os.close, read)
    client = programs.start(server, "--follow", "--nick", "bot", stdin=read)

    def kill_clients() -> None:
        nonlocal client, recorder
        kill(client)
        kill(recorder)
        client = programs.start(server, "--follow", "--nick", "bot", stdin=read)
        recorder = programs.record(server)

    talk(lambda data: os.write(write, data), programs, kill_clients)
    until(lambda: LINES[-1] in programs.recorded)
    assert said(transcript(server)) == LINES
    # A recorder that was killed may write again what it wrote in its last second; it leaves nothing out.
    assert list(dict.fromkeys(programs.recorded)) == LINES


def test_a_person_types_on_while_the_server_is_killed(
    serve: Serve, connect: Connect, on_terminal: OnTerminal, tmp_path: Path
) -> None:
    server = serve()
    cleo = on_terminal("cleo", "env", "TERM=dumb", *CLIENT, "--nick", "cleo", ":".join(server.address))
    cleo.hears("-> Hello cleo.")
    cleo.says("before")
    amy = connect(server, "amy").joins()
    kill(server.process)
    cleo.hears("-- the connection is lost")
    cleo.says("meanwhile")
    cleo.hears("sent as soon as you are --")
    kept = tmp_path / "home" / "chat" / f"{':'.join(server.address)},cleo"
    until(lambda: "meanwhile" in kept.read_text())
    kill(cleo.process)
    server = serve("--port", f"tcp:{server.port}:interface={server.host}")
    amy = connect(server, "amy2").joins()
    again = on_terminal("cleo", "env", "TERM=dumb", *CLIENT, "--nick", "cleo", ":".join(server.address))
    again.hears("-> Welcome back cleo.")
    again.hears("-- sent now, from before: meanwhile --")
    amy.hears("<cleo> meanwhile\r\n")
    again.says("/quit")
    assert again.ends() == 0
    assert not kept.exists()


def test_two_scripts_with_one_nickname_do_not_take_each_other_over(server: Server, connect: Connect) -> None:
    amy = connect(server, "amy").joins()
    first, second = (
        subprocess.Popen(
            [*CLIENT, "--nick", "bot", ":".join(server.address)],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    )
    amy.hears("-!- bot joined")
    # Whichever is there; the other one has its answer before that one has anything to say.
    until(lambda: first.poll() is not None or second.poll() is not None)
    results = [program.communicate(b"done\n", SECONDS) for program in (first, second)]
    assert sorted([first.returncode, second.returncode]) == [0, 3]
    assert any(b"nick-taken" in err for _, err in results)
    amy.hears("<bot> done\r\n")
    assert "taken-over" not in str(results)


def test_a_transcript_has_everything_and_each_thing_once(serve: Serve, connect: Connect) -> None:
    server = serve("--rate", "0")
    amy = connect(server, "amy").joins()
    amy.says("/join #ops")  # a script makes no room
    amy.hears("You speak in #ops")
    lines = [f"number {number}" for number in range(1, 1235)]
    script = subprocess.run(
        [*CLIENT, "--nick", "bot", "--room", "ops", ":".join(server.address)],
        env=ENVIRONMENT,
        input="".join(f"{line}\n" for line in lines),
        text=True,
        timeout=SECONDS,
    )
    assert script.returncode == 0
    assert said(transcript(server, "--room", "ops")) == lines
    objects = [json.loads(line) for line in transcript(server, "--room", "#ops", "--json").splitlines()]
    assert [what["text"] for what in objects] == lines
    peer = connect(server)
    peer.says("/json")
    peer.says("/nick zed")
    peer.says("/join #ops")
    peer.says('{"line": "/since 2h", "id": "1"}')
    peer.hears('"total":1234,"id":"1"')


def test_what_is_kept_is_nobody_elses(server: Server, on_terminal: OnTerminal, tmp_path: Path) -> None:
    cleo = on_terminal("cleo", "env", "TERM=dumb", *CLIENT, "--nick", "cleo", ":".join(server.address))
    cleo.hears("-> Hello cleo.")
    kept = tmp_path / "home" / "chat"
    file = kept / f"{':'.join(server.address)},cleo"
    until(lambda: file.stat().st_size)
    assert (kept.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    # Another terminal with the same nickname is another person.
    other = on_terminal("other", "env", "TERM=dumb", *CLIENT, "--nick", "cleo", ":".join(server.address))
    other.hears("! nick-taken")
    cleo.process.send_signal(signal.SIGHUP)
    cleo.ends()
    assert list(kept.iterdir()) == []


ECHO = """
import json, sys
for event in map(json.loads, sys.stdin):
    if event["type"] == "message" and event["text"].startswith("line "):
        print(json.dumps({"line": "heard " + event["text"], "id": "heard-" + event["text"]}), flush=True)
"""


def test_a_bot_of_two_pipes_answers_each_line_once_while_the_server_is_killed_again_and_again(
    serve: Serve, connect: Connect, programs: Programs, stack: ExitStack
) -> None:
    mortal = Mortal(serve)
    server = mortal.server
    amy = connect(server, "amy").joins()
    programs.record(server)
    amy.hears("-!- rec joined")
    bot = stack.enter_context(
        subprocess.Popen([sys.executable, "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    )
    stack.callback(bot.kill)
    programs.start(server, "--json", "--follow", "--nick", "echo", stdin=bot.stdout, stdout=bot.stdin)
    amy.hears("-!- echo joined")
    script = programs.start(server, "--nick", "bot", stdin=subprocess.PIPE)
    assert script.stdin is not None
    talk(lambda data: os.write(script.stdin.fileno(), data), programs, mortal.die)
    script.stdin.close()
    assert script.wait(SECONDS) == 0
    until(lambda: f"<echo> heard {LINES[-1]}" in transcript(mortal.server, "--nick", "reader"))
    answers = [
        line.partition("<echo> heard ")[2] for line in transcript(mortal.server).splitlines() if "<echo> " in line
    ]
    assert answers == LINES
