"""`python -m tests.bench.terminal`: how a terminal client feels while a server talks much, beside irssi and WeeChat.

A server of its own floods one room (JSON lines for chat-client, IRC for the others) at a steady rate, and each client
sits in a pseudo-terminal of 80 columns and 24 rows.  Measured are the time from a key to its echo, the CPU time of an
arriving line, memory before and after, and the CPU time of a start against that of importing what it stands on.
"""

import argparse
import fcntl
import json
import os
import pty
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

WORDS = "some words as people write them in a room where much is said"
KEY = b"q"
"""A letter that no line of the flood holds."""

AT = "2026-11-22T10:04:00.000Z"


class Flood:
    """A server for one client, which may be of either kind."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ready = threading.Event()
        self._irc = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        self._connection, _ = self._listener.accept()
        with suppress(ConnectionError):  # the client is killed at the end
            self._listen()

    def _listen(self) -> None:
        for line in self._connection.makefile("rb"):
            words = line.decode().split()
            if line.startswith((b"/", b"{")):
                self._answer(line)
            elif words and words[0] in ("USER", "JOIN", "PING"):
                self._irc = True
                self._answer_irc(words)

    def _send(self, *objects: dict[str, object]) -> None:
        self._connection.sendall(b"".join(json.dumps(keys).encode() + b"\n" for keys in objects))

    def _answer(self, line: bytes) -> None:
        if line.startswith(b"/json"):
            self._send({"type": "hello", "server": "flood", "version": "1", "here": 1, "motd": [], "acks": True})
            return
        asked = json.loads(line)
        id, said = asked["id"], asked.get("line", asked.get("say"))
        if said.startswith("/nick"):
            rooms = {"#lobby": {"head": 0, "here": 2, "users": ["amy", "bob"], "topic": "", "recorded": True}}
            keys = {"nick": "amy", "room": "#lobby", "rooms": rooms, "resume": "x" * 26, "back": False}
            self._send(
                {"type": "welcome", "id": id, **keys},
                {"type": "history", "room": "#lobby", "events": [], "more": False, "id": id},
            )
        self._send({"type": "ack", "at": AT, "id": id})
        if said == "/help all":
            self._ready.set()

    def _answer_irc(self, words: list[str]) -> None:
        answers = {
            "USER": ":flood 001 amy :Welcome\r\n:flood 376 amy :End\r\n",
            "JOIN": ":amy!amy@here JOIN #lobby\r\n:flood 353 amy = #lobby :amy bob\r\n:flood 366 amy #lobby :End\r\n",
            "PING": f":flood PONG flood {' '.join(words[1:])}\r\n",
        }
        self._connection.sendall(answers[words[0]].encode())
        if words[0] == "JOIN":
            self._ready.set()

    def wait(self) -> None:
        """Until the client is in its room."""
        if not self._ready.wait(20):
            raise RuntimeError("the client did not come in")

    def talk(self, rate: int, total: int) -> threading.Thread:
        """Say so many lines, so many a second."""
        thread = threading.Thread(target=self._talk, args=(rate, total), daemon=True)
        thread.start()
        return thread

    def _talk(self, rate: int, total: int) -> None:
        began, said = time.monotonic(), 0
        while said < total:
            due = min(total, int((time.monotonic() - began) * rate))
            with suppress(ConnectionError):
                self._connection.sendall(b"".join(map(self._line, range(said, due))))
            said = due
            time.sleep(0.002)

    def _line(self, number: int) -> bytes:
        text, nick = f"line {number}, {WORDS}", f"bob{number % 7}"
        if self._irc:
            return f":{nick}!b@h PRIVMSG #lobby :{text}\r\n".encode()
        keys = {"type": "message", "room": "#lobby", "seq": number + 1, "at": AT, "from": nick, "text": text}
        return json.dumps(keys).encode() + b"\n"


class Result(NamedTuple):
    """What was measured: times in ms, memory in MB, CPU in µs a line."""

    middle: float
    high: float
    cpu: float
    before: float
    after: float


class Seat:
    """A client in a pseudo-terminal."""

    def __init__(self, command: Sequence[str], home: Path) -> None:
        self.pid, self._terminal = pty.fork()
        if not self.pid:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", HOME=str(home))
            os.environ.update(XDG_STATE_HOME=str(home / "state"), XDG_CONFIG_HOME=str(home / "config"))
            os.execvp(command[0], command)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def read(self, seconds: float, until: bytes | None = None) -> bool:
        """Take what it writes for so long, or until this comes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._terminal], [], [], left)[0]:
                data = os.read(self._terminal, 1 << 20)
                if until is not None and until in data:
                    return True
        return False

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._terminal, keys)

    @property
    def used(self) -> tuple[float, float]:
        """CPU time in seconds, memory in MB."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        status = Path(f"/proc/{self.pid}/status").read_text()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(
            status.partition("VmRSS:")[2].split()[0]
        ) / 1024

    def close(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)


CLIENTS: dict[str, Callable[[int, Path], Sequence[str]]] = {
    "chat-client": lambda port, home: (sys.executable, "-m", "chat.client", "-n", "amy", f"127.0.0.1:{port}"),
    "irssi": lambda port, home: ("irssi", "--home", str(home), "-n", "amy", "-c", "127.0.0.1", "-p", str(port)),
    "weechat": lambda port, home: ("weechat", "-d", str(home), f"irc://amy@127.0.0.1:{port}/#lobby"),
}


def measure(client: str, rate: int, total: int, keys: bool) -> Result:
    """One client at one rate; without `keys` only what the lines cost."""
    with tempfile.TemporaryDirectory() as directory:
        flood = Flood()
        seat = Seat(CLIENTS[client](flood.port, Path(directory)), Path(directory))
        try:
            seat.read(2)
            if client == "irssi":
                seat.press(b"/join #lobby\r")
            flood.wait()
            seat.read(1)
            cpu, before = seat.used
            talk, times = flood.talk(rate, total), list[float]()
            while talk.is_alive():
                if keys:
                    began = time.monotonic()
                    seat.press(KEY)
                    seat.read(1, KEY)
                    times.append((time.monotonic() - began) * 1000)
                    if len(times) % 30 == 0:
                        seat.press(b"\x15")
                seat.read(0.05)
            seat.read(2)
            spent, after = seat.used
        finally:
            seat.close()
    times = sorted(times) or [0.0]
    return Result(times[len(times) // 2], times[int(len(times) * 0.95)], (spent - cpu) / total * 1e6, before, after)


def _cpu_of(program: str) -> float:
    # Compiled, as whatever is installed; a checkout may be told to leave nothing behind.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def start_up(rounds: int = 15) -> tuple[float, float]:
    """CPU ms of importing what the client stands on, and of importing all of it: the best of some."""
    ground = "from twisted.internet import asyncioreactor; asyncioreactor.install(); import prompt_toolkit.application"
    whole = (
        "from twisted.internet import asyncioreactor; asyncioreactor.install(); import chat.client.main, "
        "chat.client.faces.terminal.face, chat.editing.editor"
    )
    best = []
    for program in (ground, whole):
        best.append(min(_cpu_of(program) for _ in range(rounds)))
    return best[0], best[1]


def main(arguments: list[str]) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.terminal", description=__doc__)
    parser.add_argument("--clients", default=",".join(CLIENTS), help="comma-separated (default: %(default)s)")
    parser.add_argument("--rates", default="200,2000,10000", help="lines a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=4, help="how long each (default: %(default)s)")
    parser.add_argument("--lines", type=int, default=100_000, help="for CPU and memory (default: %(default)s)")
    options = parser.parse_args(arguments)
    clients = [name for name in options.clients.split(",") if name == "chat-client" or shutil.which(name)]
    say = sys.stdout.write
    for rate in map(int, options.rates.split(",")):
        for client in clients:
            result = measure(client, rate, int(rate * options.seconds), keys=True)
            say(f"{client:12} {rate:6} lines/s: key to echo p50 {result.middle:.1f}, p95 {result.high:.1f} ms\n")
    for client in clients:
        few = measure(client, 5000, 1000, keys=False)
        many = measure(client, 5000, options.lines, keys=False)
        say(
            f"{client:12} {many.cpu:.0f} us CPU a line at 5000/s; memory {few.before:.0f} MB, after 1000 lines "
            f"{few.after:.0f}, after {options.lines} {many.after:.0f}\n"
        )
    ground, whole = start_up()
    say(f"start: {whole:.0f} ms CPU to import it, {ground:.0f} what it stands on: {whole / ground:.2f} x\n")


if __name__ == "__main__":
    main(sys.argv[1:])
