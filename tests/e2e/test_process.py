"""The server as a process: stalls, stops, clocks that are set, signals, its log, and no file descriptors left."""

import json
import re
import resource
import signal
import socket
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from chat.base import limits
from tests.support.ports import held_port
from tests.support.wall_clock import LIBRARIES, WallClock

from .conftest import Connect, Serve
from .peers import Client
from .server import ENVIRONMENT, TWISTD, Server
from .waiting import pass_by, until

pytestmark = pytest.mark.slow

MEMORY = ("--database", "memory:")


def talk(amy: Client, bob: Client, word: str) -> None:
    """What one says the other hears, within a second."""
    amy.says(word)
    bob.hears(f"<amy> {word}\r\n", 1)


def logged(server: Server, pattern: str) -> list[str]:
    """What the log says of this."""
    return re.findall(pattern, server.said)


# Time.


def test_a_stall_is_logged_with_what_was_done(serve: Serve, connect: Connect) -> None:
    # In a turn of the reactor: what a signal does at once may still be a part of its waiting.
    first = """
import signal, time
def ponder(): time.sleep(0.6)
def ring(*_):
    from twisted.internet import reactor
    reactor.callFromThread(ponder)
signal.signal(signal.SIGALRM, ring)
"""
    server = serve(first=first)
    amy = connect(server, "amy").joins()
    server.process.send_signal(signal.SIGALRM)
    until(lambda: "ponder" in server.said)
    # On a machine that is busy something else may be told of as well.
    (line,) = logged(server, "Nobody was served .*ponder.*")
    assert re.match(r"Nobody was served for 0\.\d s; what took so long: ponder \(<string>:3\), called by ", line)
    amy.says("/ping still")
    amy.hears("-> pong still")
    assert "did not run" not in server.said


def test_after_a_stop_nobody_is_timed_out_and_the_log_says_what_it_was(serve: Serve, connect: Connect) -> None:
    server = serve(PAUSE_SECONDS=1.0, NICK_REMINDER_SECONDS=2.0, NICK_SECONDS=3.0)
    newcomer = connect(server, "amy")
    newcomer.hears("Type a nickname")
    server.process.send_signal(signal.SIGSTOP)
    pass_by(4)
    server.process.send_signal(signal.SIGCONT)
    until(lambda: "did not run" in server.said)
    (seconds,) = logged(server, r"The process did not run for ([\d.]+) s")
    assert 3.5 < float(seconds) < 6
    newcomer.says("amy")
    newcomer.hears("Hello amy")
    assert "within" not in newcomer.heard
    assert "Nobody was served" not in server.said
    # The time goes on.
    connect(server, "bob").hears("! nick-timeout")


@pytest.fixture
def wall_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """The server's clock on the wall."""
    if not LIBRARIES:
        pytest.skip("libfaketime is not installed")
    clock = WallClock(tmp_path / "wall clock")
    for name, value in clock.environment.items():
        monkeypatch.setitem(ENVIRONMENT, name, value)
    return clock


@pytest.mark.parametrize("step", ["+1h", "-1h", "-30y"])
def test_a_clock_that_is_set_moves_no_time_out(
    step: str, wall_clock: WallClock, serve: Serve, connect: Connect
) -> None:
    server = serve(NICK_REMINDER_SECONDS=3.0, NICK_SECONDS=4.0)
    newcomer = connect(server, "amy")
    newcomer.hears("Type a nickname")
    wall_clock.set(step)
    bob, carl = connect(server, "bob").joins(), connect(server, "carl").joins()
    bob.says("hello")
    carl.hears("<bob> hello")
    assert "within" not in newcomer.heard
    newcomer.hears("! nick-timeout", 6)


# Signals.


def test_a_signal_to_log_anew_ends_nothing(serve: Serve, connect: Connect) -> None:
    server = serve(*MEMORY)
    amy = connect(server, "amy").joins()
    server.process.send_signal(signal.SIGUSR1)
    until(lambda: "The log was opened anew" in server.said)
    amy.says("/ping still")
    amy.hears("-> pong still")


def test_a_log_that_was_renamed_is_begun_anew_at_a_signal(serve: Serve, tmp_path: Path) -> None:
    server = serve(*MEMORY, twistd=("--logfile", "chat.log"))
    log, away = tmp_path / "chat.log", tmp_path / "away"
    until(lambda: "starting up" in log.read_text())
    log.rename(away)
    server.process.send_signal(signal.SIGUSR1)
    until(lambda: log.exists() and "The log was opened anew" in log.read_text())
    server.stop()
    assert "Received SIGTERM" in log.read_text()
    assert "Received SIGTERM" not in away.read_text()


def test_the_end_of_whoever_read_the_output_ends_nothing(tmp_path: Path) -> None:
    command = [TWISTD, "-n", "--pidfile=", "chat", "--port", "tcp:0:interface=127.0.0.1", *MEMORY]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Chat is open on 127.0.0.1:")
            process.stdout.close()
            for _ in range(3):
                process.send_signal(signal.SIGUSR1)
                pass_by(0.1)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == -signal.SIGTERM
        finally:
            process.kill()


def test_a_server_without_standard_streams_serves(tmp_path: Path, stack: ExitStack) -> None:
    """What it opens first becomes them, so nothing may be written there."""
    port = stack.enter_context(held_port()).getsockname()[1]
    command = f'exec "$0" -n --pidfile= chat --port tcp:{port}:interface=127.0.0.1 <&- >&- 2>&-'
    process = subprocess.Popen(["sh", "-c", command, TWISTD], cwd=tmp_path, env=ENVIRONMENT)
    stack.callback(process.wait)
    stack.callback(process.kill)
    until(lambda: accepts(port))
    amy, bob = (Client(SimpleNamespace(host="127.0.0.1", port=port), name) for name in ("amy", "bob"))
    for person in (amy, bob):
        stack.callback(person.close)
        person.joins()
    process.send_signal(signal.SIGUSR1)
    talk(amy, bob, "hello")
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == -signal.SIGTERM
    assert (tmp_path / "chat.sqlite3").read_bytes().startswith(b"SQLite format 3\0")


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


# The log.


def test_a_log_of_objects_has_nothing_else(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    server = serve("--log-json", *MEMORY, twistd=("--logfile", "chat.log"))
    # By then its own handlers of signals are there.
    connect(server, "amy").joins()
    server.stop()
    entries = [json.loads(line) for line in (tmp_path / "chat.log").read_text().splitlines()]
    assert all({"time", "level", "system", "text"} <= entry.keys() for entry in entries)
    texts = [entry["text"] for entry in entries]
    assert f"Chat is open on 127.0.0.1:{server.port}." in texts
    assert "Received SIGTERM, shutting down." in texts
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"]) for entry in entries)


def test_on_a_screen_the_objects_stand_alone_on_standard_output(tmp_path: Path) -> None:
    command = [TWISTD, "-n", "--pidfile=", "chat", "--log-json", "--port", "tcp:0:interface=127.0.0.1", *MEMORY]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stderr.readline().startswith("Chat is open on 127.0.0.1:")
            assert json.loads(process.stdout.readline())["level"] == "info"
            process.send_signal(signal.SIGTERM)
            for line in process.stdout:
                json.loads(line)
        finally:
            process.kill()


@pytest.mark.parametrize(
    "words",
    [
        ["-n", "--logfile=/nonexistent/log", "chat"],
        ["--logfile=/nonexistent/log", "chat"],
        ["--logfile=-", "chat"],
        ["-n", "--syslog", "chat", "--log-json"],
    ],
    ids=" ".join,
)
def test_a_log_that_cannot_be_is_one_line(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [TWISTD, *words, *MEMORY], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=15
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("twistd chat: --log")
    assert done.stderr.count("\n") == 1


def test_a_full_disk_under_the_log_ends_nothing(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    first = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (700, resource.RLIM_INFINITY))"
    server = serve(*MEMORY, first=first, twistd=("--logfile", "chat.log"))
    log = tmp_path / "chat.log"
    amy, bob = connect(server, "amy").joins(), connect(server, "bob").joins()
    for number in range(10):
        server.process.send_signal(signal.SIGUSR1)
        talk(amy, bob, f"hello {number}")
    assert log.stat().st_size == 700
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    server.process.send_signal(signal.SIGUSR1)
    told = re.compile(r"\n.*#warn\] \d+ entries could not be written\n.*The log was opened anew\n")
    until(lambda: told.search(log.read_text()))


# File descriptors.


def with_files(count: int) -> str:
    return f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({count}, {count}))"


def crowd(server: Server, stack: ExitStack, count: int) -> list[Client]:
    """Many who connect at once, from several addresses."""
    people = []
    for number in range(count):
        with suppress(ConnectionError):  # closed before we noticed that it was open
            people.append(Client(server, f"guest{number}", f"127.0.0.{2 + number % 100}"))
            stack.callback(people[-1].close)
    return people


def test_a_start_with_few_file_descriptors_says_how_many_people_may_come(serve: Serve) -> None:
    server = serve(*MEMORY, first=with_files(256))
    assert logged(server, "At most .*") == [
        "At most 156 people: this system allows 256 open files; ulimit -n 4096 before the start would be right."
    ]


def test_a_crowd_beyond_the_file_descriptors_is_refused_and_who_talks_notices_nothing(
    serve: Serve, connect: Connect, stack: ExitStack
) -> None:
    files = 128
    server = serve(first=with_files(files))
    amy, bob = connect(server, "amy").joins(), connect(server, "bob").joins()
    people = crowd(server, stack, 300)
    for number in range(10):
        talk(amy, bob, f"hello {number}")
    fit = files - limits.RESERVED_FILES - 2
    until(lambda: sum("! too-many: The chat is full" in person.heard for person in people) >= limits.REFUSED)
    assert sum("Type a nickname" in person.heard for person in people) <= fit
    amy.says("/last 5")
    amy.hears("hello 9")
    for person in people:
        person.close()
    until(lambda: server.files() < 40)
    connect(server, "carl").joins()
    assert logged(server, "A connection was refused") == []


def test_where_no_file_descriptor_is_left_the_log_has_one_line_in_ten_seconds(
    serve: Serve, connect: Connect, stack: ExitStack
) -> None:
    server = serve(first=with_files(64), RESERVED_FILES=0, REFUSED=1000)
    amy, bob = connect(server, "amy").joins(), connect(server, "bob").joins()
    before = server.cpu_seconds()
    people = crowd(server, stack, 300)
    for number in range(10):
        talk(amy, bob, f"hello {number}")
    until(lambda: "A connection was refused" in server.said)
    assert server.cpu_seconds() - before < 5
    for person in people:
        person.close()
    until(lambda: server.files() < 40)
    connect(server, "carl").joins()
    assert len(logged(server, "A connection was refused: all file descriptors are in use")) == 1
    assert "EMFILE" not in server.said


# What nobody may find.


FAULTS = """
from chat.visit import dispatch
perform = dispatch.perform
def faulty(session, parsed):
    line = parsed.request.line
    if line.startswith("/away"):
        {}[line]
    if line.startswith("/me"):
        int(line)
    return perform(session, parsed)
dispatch.perform = faulty
"""
"""Some commands meet a bug of ours, so that there is something to log."""


def test_no_private_word_and_no_code_is_in_any_file_but_the_database(connect: Connect, tmp_path: Path) -> None:
    server = Server(tmp_path, first=FAULTS)
    try:
        amy, bob, carl = connect(server, "amy").joins(), connect(server, "bob").joins(), connect(server, "carl")
        (code,) = re.findall(r"/resume (\w{5}-\w{5})", until(lambda: "/resume" in amy.heard and amy.heard))
        amy.says("/msg bob canary-private")
        bob.hears("canary-private")
        for line in ("/paste", "canary-draft", "/cancel", "/grep canary-search", "/msg nobody canary-refused"):
            amy.says(line)
        amy.says(f"/resume {code}")
        amy.says(f"the code is {code}")
        amy.hears("! code-private")
        amy.says("/away canary-key")
        amy.hears_the_end()
        bob.says("/me canary-value")
        bob.hears_the_end()
        carl.says("/json")
        carl.says('{"line": "/nick carl", "id": "canary-id"}')
        carl.says('{"line": "/msg bob canary-object"}')
        (token,) = re.findall(r'"resume": ?"(.*?)"', until(lambda: "welcome" in carl.heard and carl.heard))
        carl.says('{"line": "/me canary-json"}')
        carl.hears_the_end()
        server.stop()
    finally:
        server.kill()
    assert server.said.count("Traceback") == 3
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    databases = {path for path in files if path.name.startswith("chat.sqlite3")}
    assert any(b"canary-private" in files[path] for path in databases)
    for path, content in files.items():
        assert code.encode() not in content, path
        assert code.replace("-", "").encode() not in content, path
        assert token.encode() not in content, path
        assert path in databases or b"canary" not in content, path
