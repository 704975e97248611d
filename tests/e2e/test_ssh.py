"""The ssh door with the clients that people have: OpenSSH, dropbear's dbclient and PuTTY's plink."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import Connect
from .peers import Program, Terminal
from .ssh_clients import CLIENTS, SshServer, command, done
from .waiting import pass_by, until

pytestmark = pytest.mark.slow

Serve = Callable[..., SshServer]
each_client = pytest.mark.parametrize("client", CLIENTS)


@pytest.fixture
def serve_ssh(tmp_path: Path, stack: ExitStack) -> Serve:
    """Start a server with a port for ssh."""

    def serve(*options: str, **how: float) -> SshServer:
        server = SshServer(tmp_path, *options, **how)
        stack.callback(server.close)
        return server

    return serve


@pytest.fixture
def server(serve_ssh: Serve) -> SshServer:
    """One with the usual options."""
    return serve_ssh()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a client keeps what it knows."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def chat(stack: ExitStack) -> Callable[..., Program]:
    """Somebody with pipes: `chat("amy", *command(...))`."""

    def chat(name: str, *words: str) -> Program:
        program = Program(name, *words)
        stack.callback(program.close)
        return program

    return chat


@pytest.mark.door
@each_client
def test_a_guest_talks_with_others(
    server: SshServer, home: Path, connect: Connect, chat: Callable[..., Program], client: str
) -> None:
    bob = connect(server, "bob").joins()
    amy = chat("amy", *command(client, server, home, options=["-T"])).joins()
    amy.says("hello from ssh ñ 日本")
    bob.hears("<amy> hello from ssh ñ 日本")
    bob.says("hello from nc ☃")
    amy.hears("<bob> hello from nc ☃")
    amy.ends_input()
    assert amy.ends() == 0
    bob.hears("-!- amy left")


@each_client
def test_a_pipe_says_all_of_it_and_ends_well(server: SshServer, home: Path, connect: Connect, client: str) -> None:
    bob = connect(server, "bob").joins()
    said = done(
        client, server, home, given="amy\n" + "".join(f"line {number}\n" for number in range(8)), options=["-T"]
    )
    assert said.returncode == 0, said
    for number in range(8):
        bob.hears(f"<amy> line {number}\r\n")


@each_client
def test_one_line_is_posted_with_its_status(server: SshServer, home: Path, connect: Connect, client: str) -> None:
    bob = connect(server, "bob").joins()
    posted = done(client, server, home, "the build is done ñ")
    assert posted.returncode == 0, posted
    bob.hears("<amy/post> the build is done ñ\r\n")
    refused = done(client, server, home, "#nowhere hello")
    assert refused.returncode == 1, refused
    assert "no-room" in refused.stderr


def test_copies_of_files_are_refused_in_words(server: SshServer, home: Path) -> None:
    (home / "file").write_text("x")
    words = [
        f"-o{option}" for option in ("StrictHostKeyChecking=no", f"UserKnownHostsFile={home}/k", "IdentityFile=none")
    ]
    for way in (["-O"], ["-s"]):
        copied = subprocess.run(
            ["scp", *way, *words, "-P", str(server.ssh_port), home / "file", "amy@127.0.0.1:"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert copied.returncode != 0
        assert "no files are taken" in " ".join(copied.stderr.split()), copied


def test_nothing_is_forwarded(server: SshServer, home: Path, chat: Callable[..., Program]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        aim = f"127.0.0.1:{other.getsockname()[1]}"
        through = done("ssh", server, home, options=["-W", aim])
        assert through.returncode != 0
        assert "forwarding failed" in through.stderr
        listens = done("ssh", server, home, options=["-N", "-o", "ExitOnForwardFailure=yes", "-R", f"0:{aim}"])
        assert listens.returncode != 0
        assert "remote port forwarding failed" in listens.stderr
        amy = chat("amy", *command("ssh", server, home, options=["-T", "-A", "-X"])).joins()
        amy.says("/ping here")
        amy.hears("pong here")
        other.settimeout(0.2)
        with pytest.raises(TimeoutError):
            other.accept()


def test_without_a_session_one_stays_and_others_are_carried(
    server: SshServer, home: Path, connect: Connect, chat: Callable[..., Program]
) -> None:
    bob = connect(server, "bob").joins()
    control = ["-o", f"ControlPath={home}/master"]
    master = chat(
        "master", *command("ssh", server, home, options=["-N", "-M", "-o", "ServerAliveInterval=1", *control])
    )
    until(lambda: (home / "master").exists(), what="the master's socket")
    for number in range(3):
        assert done("ssh", server, home, f"post {number}", options=control).returncode == 0
        bob.hears(f"<amy/post> post {number}")
    pass_by(4)  # longer than a connection without a session would last if it were not counted
    amy = chat("amy", *command("ssh", server, home, options=["-T", *control])).joins()
    ann = chat("ann", *command("ssh", server, home, options=["-T", *control])).joins()
    amy.says("hello ann")
    ann.hears("<amy> hello ann")
    assert master.process.poll() is None


def test_keys_are_exchanged_again_and_nothing_is_lost(
    serve_ssh: Serve, home: Path, connect: Connect, chat: Callable[..., Program]
) -> None:
    server = serve_ssh("--rate", "0")
    amy = chat("amy", *command("ssh", server, home, options=["-T", "-o", "RekeyLimit=64K"])).joins()
    bob = connect(server, "bob").joins()
    for start in range(0, 3000, 100):
        bob.sends(b"".join(b"line %d %s\n" % (number, b"x" * 60) for number in range(start, start + 100)))
        amy.hears(f"<bob> line {start + 99} ")
    heard = re.findall(r"<bob> line (\d+) ", amy.heard)
    assert heard == [str(number) for number in range(3000)]


def test_who_is_killed_comes_back(
    server: SshServer, home: Path, connect: Connect, chat: Callable[..., Program]
) -> None:
    bob = connect(server, "bob").joins()
    amy = chat("amy", *command("ssh", server, home, options=["-T"])).joins()
    code = re.search(r"/resume (\S+)", amy.hears("/resume ") + until(lambda: amy.heard.partition("/resume ")[2]))
    assert code
    amy.process.send_signal(signal.SIGKILL)
    amy.process.wait()
    pass_by(0.5)
    bob.says("still there?")
    again = chat("amy", *command("ssh", server, home, options=["-T"]))
    again.says(f"/resume {code[1]}")
    again.hears("<bob> still there?")
    assert "left" not in bob.heard


def test_who_stops_reading_holds_up_nobody_and_misses_nothing(
    serve_ssh: Serve, home: Path, connect: Connect, chat: Callable[..., Program]
) -> None:
    server = serve_ssh("--rate", "0")
    amy = chat("amy", *command("ssh", server, home, options=["-T"])).joins()
    bob, eve = connect(server, "bob").joins(), connect(server, "eve").joins()
    amy.process.send_signal(signal.SIGSTOP)
    before = server.memory()
    line, count = "x" * 900, 8000
    for start in range(0, count, 200):
        bob.sends("".join(f"{number} {line}\n" for number in range(start, start + 200)).encode())
        eve.hears(f"<bob> {start + 199} ")
    grown = server.memory() - before
    amy.process.send_signal(signal.SIGCONT)
    amy.hears(f"<bob> {count - 1} ", 60)
    said = re.findall(r"<bob> (\d+) x", amy.heard)
    assert said == [str(number) for number in range(count)]
    # The tails of logs take some of it (TAIL_BYTES); the 7 MB that wait are nowhere in memory.
    assert grown < 6 * 1024 * 1024, grown


@pytest.mark.alone
def test_many_who_say_nothing_are_sent_away_in_time_and_others_come_in(
    serve_ssh: Serve, home: Path, connect: Connect
) -> None:
    server = serve_ssh("--max-per-host", "0")
    before = server.memory()
    silent = [socket.create_connection(("127.0.0.1", server.ssh_port)) for _ in range(200)]
    bob = connect(server, "bob").joins()
    assert done("ssh", server, home, "in time").returncode == 0
    bob.hears("<amy/post> in time")
    assert server.memory() - before < 200 * 64 * 1024
    for one in silent:
        one.settimeout(30)
        while one.recv(4096):
            pass
        one.close()


@pytest.mark.door
def test_what_is_agreed_on_is_safe_by_todays_knowledge(server: SshServer) -> None:
    program = Path(sys.executable).with_name("ssh-audit")
    if not program.exists():
        pytest.skip("ssh-audit is not installed")
    audit = subprocess.run(
        [program, "--no-colors", "-p", str(server.ssh_port), "127.0.0.1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "(gen) banner: SSH-2.0-chat" in audit.stdout
    assert "[fail]" not in audit.stdout, audit.stdout
    assert audit.returncode in (0, 2), audit  # 2 where it warns: of what Conch has, all is encrypted and authenticated


def test_a_window_that_changes_is_no_matter(server: SshServer, home: Path, stack: ExitStack) -> None:
    amy = Terminal("amy", *command("ssh", server, home))
    stack.callback(amy.close)
    amy.joins()
    amy.process.send_signal(signal.SIGWINCH)
    amy.says("/ping here")
    amy.hears("pong here")
