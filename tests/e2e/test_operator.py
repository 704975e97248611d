"""What an operator does with the server: another user, another directory, another reactor, a closed terminal."""

import os
import pty
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.ports import held_port

from .conftest import Connect, Serve
from .peers import Client, need
from .server import ENVIRONMENT, TWISTD, Server, no_tracebacks
from .waiting import SECONDS, until

pytestmark = pytest.mark.slow

NOBODY = ("--uid", "nobody", "--gid", "nogroup")


def twistd(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run twistd until it returns."""
    return subprocess.run([TWISTD, *words], cwd=directory, env=ENVIRONMENT, capture_output=True, text=True, timeout=15)


@pytest.fixture
def free() -> Iterator[int]:
    """A port that nobody listens on."""
    with held_port() as holder:
        yield holder.getsockname()[1]


# A terminal that is closed.


def started_on_a_terminal(directory: Path, port: int, stdin: str = "") -> tuple[int, int]:
    """The process, and our end of its terminal."""
    command = f'exec "$0" -n --pidfile= chat --port tcp:{port}:interface=127.0.0.1 {stdin}'
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execve("/bin/sh", ["sh", "-c", command, str(TWISTD)], ENVIRONMENT)
    shown = b""
    while b"Ctrl-C stops it." not in shown:
        shown += os.read(terminal, 4096)
    # The log's first lines come with the reactor, and its handlers of signals.
    while b"starting up" not in shown:
        shown += os.read(terminal, 4096)
    return pid, terminal


def test_a_closed_terminal_ends_the_server_on_it(tmp_path: Path, free: int) -> None:
    pid, terminal = started_on_a_terminal(tmp_path, free)
    try:
        os.close(terminal)
        status = until(lambda: os.waitpid(pid, os.WNOHANG)[0], what="the server ends with its terminal")
        assert status == pid
    except AssertionError:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def test_a_closed_terminal_ends_no_server_that_has_another_input(tmp_path: Path, free: int) -> None:
    pid, terminal = started_on_a_terminal(tmp_path, free, "< /dev/null")
    try:
        os.close(terminal)
        for name in ("amy", "bob"):
            with socket.create_connection(("127.0.0.1", free), SECONDS) as client:
                client.sendall(f"{name}\n/quit\n".encode())
                with client.makefile(encoding="utf-8") as lines:
                    assert list(lines)[-1].startswith(f"-> Bye {name}.")
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def test_a_killed_session_of_tmux_ends_the_server_in_it(tmp_path: Path, free: int) -> None:
    need("tmux")
    tmux = ["tmux", "-S", str(tmp_path / "tmux"), "-f", "/dev/null"]
    command = f"{TWISTD} -n --pidfile=twistd.pid chat --port tcp:{free}:interface=127.0.0.1"
    subprocess.run([*tmux, "new-session", "-d", "-s", "chat", command], cwd=tmp_path, env=ENVIRONMENT, check=True)
    try:
        pid = until(lambda: (tmp_path / "twistd.pid").exists() and (tmp_path / "twistd.pid").read_text())
        until(lambda: _listens(free))
    finally:
        subprocess.run([*tmux, "kill-session", "-t", "chat"], check=True, capture_output=True)
    until(lambda: not os.path.exists(f"/proc/{pid}"), what="the server ends with the session")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_signal_has_it_written_who_is_here(serve: Serve, connect: Connect) -> None:
    server = serve()
    amy = connect(server, "amy").joins()
    status = server.log.parent / "chat-status.txt"
    server.process.send_signal(signal.SIGUSR2)
    until(lambda: status.exists() and "\namy " in status.read_text("utf-8"))
    amy.says("/ping still")
    amy.hears("-> pong still")


# Another user.


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A directory of nobody's, in one of root's; not below pytest's, which only its owner may pass."""
    if os.geteuid() != 0:
        pytest.skip("not root")
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        path = Path(name, "theirs")
        path.mkdir()
        shutil.chown(path, "nobody", "nogroup")
        yield path


@pytest.mark.parametrize("ground", [("-n",), ()], ids=["foreground", "background"])
def test_what_the_server_makes_is_whose_it_will_be(ground: tuple[str, ...], theirs: Path, free: int) -> None:
    (theirs / "backups").mkdir()
    shutil.chown(theirs / "backups", "nobody", "nogroup")
    options = ("--port", f"tcp:{free}:interface=127.0.0.1", "--port", f"unix:{theirs}/socket", "--backup-to", "backups")
    with held_port() as sealed, ExitStack() as stack:
        sealed_port = f"tcp:{sealed.getsockname()[1]}:interface=127.0.0.1"
        words = [TWISTD, *ground, *NOBODY, "--logfile=log", "chat", *options, "--tls-port", sealed_port]
        process = subprocess.Popen(words, cwd=theirs, env=ENVIRONMENT, stdin=subprocess.DEVNULL)
        stack.callback(process.kill)
        pid = int(until(lambda: (theirs / "twistd.pid").exists() and (theirs / "twistd.pid").read_text()))
        stack.callback(lambda: os.path.exists(f"/proc/{pid}") and os.kill(pid, signal.SIGKILL))
        until(lambda: _listens(free))
        with socket.create_connection(("127.0.0.1", free), SECONDS) as client:
            client.sendall(b"/post amy it is kept\n")
            with client.makefile(encoding="utf-8") as lines:
                assert any(line.startswith("-> posted") for line in lines)
        made = {path.name: path.lstat().st_uid for path in theirs.iterdir() if path.name != "twistd.pid"}
        assert made.keys() >= {
            "chat.sqlite3", "chat.sqlite3.lock", "chat.sqlite3-wal", "chat-certificate.pem", "chat-private-key.pem",
            "log", "socket", "chat.control",
        }  # fmt: skip
        assert set(made.values()) == {pwd.getpwnam("nobody").pw_uid}
        os.kill(pid, signal.SIGTERM)
        process.wait(SECONDS)
        until(lambda: not os.path.exists(f"/proc/{pid}"))
    assert not (theirs / "twistd.pid").exists()
    assert not (theirs / "socket").exists()
    assert not (theirs / "chat.control").exists()
    no_tracebacks((theirs / "log").read_text())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*NOBODY, "--logfile=/dev/null", "chat"), "Talk cannot be kept in "),
        (
            (*NOBODY, "--logfile=/dev/null", "chat", "--database", "memory:", "--tls-port", "{}"),
            "No certificate can be",
        ),
        ((*NOBODY, "chat", "--database", "memory:"), "--logfile "),
        ((*NOBODY, "-n", "chat", "--backup-to", "."), "--backup-to "),
        (("--uid", "4242424", "-n", "chat"), "there is no user of this number"),
        (("--chroot", ".", "-n", "chat"), "--chroot: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_user_who_could_not_write_is_refused_at_the_start(
    words: tuple[str, ...], said: str, theirs: Path, free: int
) -> None:
    port = ("--port", f"tcp:{free}:interface=127.0.0.1")
    done = twistd(theirs.parent, *[word.format(free) for word in words], *port)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"twistd chat: {said}") or f": {said}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (theirs.parent / "twistd.pid").exists()


def test_files_that_somebody_else_has_made_are_refused_at_the_start(theirs: Path, free: int) -> None:
    port = ("--port", f"tcp:{free}:interface=127.0.0.1")
    (theirs / "chat.sqlite3.lock").touch(0o600)
    done = twistd(theirs, *NOBODY, "-n", "chat", *port)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "Permission denied" in done.stderr


# Another directory.


def test_a_copied_directory_starts_with_the_same_people_and_fingerprint(tmp_path: Path, stack: ExitStack) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    fingerprints = []
    code = ""
    for data in (here, there):
        with held_port() as sealed:
            options = ("--data", str(data), "--tls-port", f"tcp:{sealed.getsockname()[1]}:interface=127.0.0.1")
            server = Server(tmp_path, *options)
            stack.callback(server.kill)
            amy = Client(server, "amy")
            with closing(amy):
                if data is here:
                    assert f"Talk is kept in {here}/chat.sqlite3, a new database." in server.said
                    amy.joins()
                    code = re.findall(r"/resume (\S+)", until(lambda amy=amy: "/resume" in amy.heard and amy.heard))[0]
                    amy.says("/topic moved")
                    amy.resets()
                else:
                    assert "a new database" not in server.said
                    amy.says(f"/resume {code}")
                    amy.hears("amy")
                    amy.says("/topic")
                    amy.hears("moved")
            fingerprints += re.findall(r"SHA256:\S+", server.said)
            server.stop()
            server.kill()
        if data is here:
            shutil.copytree(here, there)
    assert len(fingerprints) == 2
    assert len(set(fingerprints)) == 1


def test_systemd_names_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setitem(ENVIRONMENT, "STATE_DIRECTORY", str(state))
    serve()
    assert (state / "chat.sqlite3").exists()


# Another reactor, or in the background.


@pytest.mark.parametrize("reactor", ["poll", "select", "asyncio", "epoll"])
def test_people_talk_on_any_reactor_and_the_watchdog_is_right(reactor: str, serve: Serve, connect: Connect) -> None:
    first = """
import signal, time
def ponder(): time.sleep(0.6)
def ask(*_):
    from twisted.internet import reactor  # not before: twistd chooses which one
    reactor.callFromThread(ponder)
signal.signal(signal.SIGALRM, ask)
"""
    # A heart that beats seldom: what waits in between would be taken for work.
    server = serve(first=first, twistd=(f"--reactor={reactor}",), HEARTBEAT_SECONDS=0.3, REACTOR_STALL_SECONDS=0.2)
    amy, bob = connect(server, "amy").joins(), connect(server, "bob").joins()
    for number in range(20):
        amy.says(f"/ping {number}")
        amy.hears(f"-> pong {number}")
    amy.says("hello")
    bob.hears("<amy> hello\r\n")
    server.process.send_signal(signal.SIGALRM)
    until(lambda: "Nobody was served" in server.said)
    (where,) = re.findall(r"Nobody was served .* what took so long: (.*)", server.said)
    assert where.startswith("ponder ")
    assert "mainLoop" not in where
    assert "run_forever" not in where


def test_people_talk_with_a_server_in_the_background(tmp_path: Path, free: int) -> None:
    done = twistd(tmp_path, "chat", "--port", f"tcp:{free}:interface=127.0.0.1")
    assert done.returncode == 0, done.stderr
    pid = int(until(lambda: (tmp_path / "twistd.pid").exists() and (tmp_path / "twistd.pid").read_text()))
    try:
        with socket.create_connection(("127.0.0.1", free), SECONDS) as client:
            client.sendall(b"/post amy it is kept\n")
            with client.makefile(encoding="utf-8") as lines:
                assert any(line.startswith("-> posted") for line in lines)
    finally:
        os.kill(pid, signal.SIGTERM)
    until(lambda: not (tmp_path / "twistd.pid").exists())
    no_tracebacks((tmp_path / "twistd.log").read_text())


# A socket that is handed over, as systemd does it.


def handed_over(listening: socket.socket, *ban: str) -> list[str]:
    """The command of a server that gets this socket as its first from systemd."""
    program = (
        "import os, sys\n"
        f"os.dup2({listening.fileno()}, 3)\n"
        "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES='chat')\n"
        f"os.execv({str(TWISTD)!r}, ['twistd', '-n', '--pidfile=', 'chat', *sys.argv[1:]])"
    )
    return [sys.executable, "-c", program, "--database", "memory:", *ban]


@pytest.fixture(params=["IPv4", "IPv6", "dual", "unix"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    if request.param == "unix":
        made = socket.socket(socket.AF_UNIX)
        made.bind(str(tmp_path / "socket"))
        made.listen()
        (tmp_path / "socket").chmod(0o600)
    elif request.param == "IPv4":
        made = socket.create_server(("127.0.0.1", 0))
    else:
        made = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=request.param == "dual")
    with made:
        yield made


@pytest.mark.door
@pytest.mark.parametrize("domain", ["INET", "INET6", "UNIX"])
@pytest.mark.parametrize("which", ["index=0", "name=chat"])
def test_a_socket_of_any_family_is_taken_for_what_it_is(
    domain: str, which: str, listening: socket.socket, tmp_path: Path, stack: ExitStack
) -> None:
    words = handed_over(listening, "--port", f"systemd:domain={domain}:{which}", "--ban", "127.0.0.0/8", "--ban", "::1")
    log = stack.enter_context((tmp_path / "log").open("wb"))
    process = subprocess.Popen(
        words, cwd=tmp_path, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        pass_fds=[listening.fileno()],
    )  # fmt: skip
    stack.callback(process.wait)
    stack.callback(process.kill)
    if listening.family == socket.AF_UNIX:
        calls = [(socket.AF_UNIX, str(tmp_path / "socket"), "-> Welcome")]
    else:
        port = listening.getsockname()[1]
        calls = [(socket.AF_INET, ("127.0.0.1", port), "! banned")]
        if listening.family == socket.AF_INET6:
            calls.append((socket.AF_INET6, ("::1", port), "! banned"))
            if listening.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
                del calls[0]
    for family, address, answer in calls:
        with socket.socket(family) as client:
            client.settimeout(SECONDS)
            client.connect(address)
            with client.makefile(encoding="utf-8") as lines:
                assert next(lines).startswith(answer)
    process.terminate()
    process.wait(SECONDS)
    said = (tmp_path / "log").read_text()
    no_tracebacks(said)
    assert "object at" not in said
    if listening.family == socket.AF_UNIX:
        # It is systemd's, with the rights that SocketMode= gave it, and starts us again.
        assert stat.S_IMODE((tmp_path / "socket").stat().st_mode) == 0o600


def test_a_socket_that_is_not_handed_over_or_takes_nobody_is_refused(tmp_path: Path) -> None:
    for port in ("systemd:domain=INET:index=0", "systemd:domain=INET:name=chat"):
        done = twistd(tmp_path, "-n", "chat", "--port", port)
        assert (done.returncode, done.stderr) == (
            1,
            f"twistd chat: --port {port}: systemd hands over no such socket; it counts them from index=0, "
            "and name= is their name.\n",
        )
    with socket.socket() as idle:
        done = subprocess.run(
            handed_over(idle, "--port", "systemd:domain=INET:index=0"),
            cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=15, pass_fds=[idle.fileno()],
        )  # fmt: skip
    assert done.returncode == 1
    assert "this socket takes no connections" in done.stderr
    assert done.stderr.count("\n") == 1


# Looking before starting.


def test_chat_server_check_tells_all_that_is_wrong_and_leaves_the_running_server_alone(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    server = serve()
    bob = connect(server, "bob").joins()

    def check(*words: str) -> subprocess.CompletedProcess[str]:
        program = TWISTD.with_name("chat-server")
        return subprocess.run(
            [program, "check", *words], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS
        )

    # The server itself writes beside it while it indexes what was said.
    def on_disk() -> tuple[set[Path], int]:
        return set(tmp_path.glob("chat.sqlite3*")), (tmp_path / "chat.sqlite3").stat().st_mtime_ns

    before = on_disk()
    taken = check("--port", f"tcp:{server.port}:interface=127.0.0.1", "--rate", "fast")
    assert (taken.returncode, taken.stdout) == (1, "")
    assert taken.stderr.splitlines() == [
        "--rate: a number of lines a second, such as 2 or 0.5; 0 is no limit.",
        f"Another server keeps its talk in {tmp_path}/chat.sqlite3. Stop it, or choose another file with --database.",
        f"Port {server.port} is in use by another program, perhaps by an earlier server. Stop that one, or choose "
        "another port with --port.",
    ]
    assert on_disk() == before
    bob.says("/ping still")
    bob.hears("-> pong still")
    server.process.terminate()
    server.process.wait(SECONDS)
    fine = check("--port", f"tcp:{server.port}:interface=127.0.0.1")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert fine.stdout == "Nothing is wrong: a server with these options can start.\n"
