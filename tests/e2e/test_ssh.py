"""The ssh door with the clients that people have: OpenSSH, dropbear's dbclient and PuTTY's plink."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import Browse, Connect, OnScreen
from .peers import Program
from .server import ENVIRONMENT
from .ssh_clients import CLIENTS, SshServer, command, done, new_key
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


@each_client
@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_is_a_guests_way_back(
    server: SshServer, home: Path, connect: Connect, chat: Callable[..., Program], client: str, kind: str
) -> None:
    bob = connect(server, "bob").joins()
    key = [*new_key(client, home, kind), "-T"]
    amy = chat("amy", *command(client, server, home, options=key)).joins()
    amy.hears("connect again with the same key")
    amy.process.send_signal(signal.SIGKILL)
    amy.process.wait()
    pass_by(0.5)
    bob.says("still there?")
    again = chat("amy", *command(client, server, home, user="root", options=key))
    again.hears("Welcome back amy")
    again.hears("<bob> still there?")
    assert "Type a nickname" not in again.heard
    assert "left" not in bob.heard
    other = chat("eve", *command(client, server, home, options=[*new_key(client, home, "ed25519", "other"), "-T"]))
    other.joins()


@each_client
def test_a_registered_nickname_is_its_keys(
    server: SshServer, home: Path, connect: Connect, chat: Callable[..., Program], client: str
) -> None:
    bob = connect(server, "bob").joins()
    key = [*new_key(client, home, "ed25519"), "-T"]
    amy = chat("amy", *command(client, server, home, options=key)).joins()
    amy.says("/register")
    amy.hears("amy is yours now, by your key")
    amy.ends_input()
    assert amy.ends() == 0
    posted = done(client, server, home, "deployed", user="root", options=key[:-1])
    assert posted.returncode == 0, posted
    bob.hears("<amy/post> deployed")
    refused = done(client, server, home, "it was me", options=new_key(client, home, "ed25519", "other"))
    assert refused.returncode == 1
    assert "nick-taken" in refused.stderr


def test_a_key_with_a_passphrase_is_asked_for_it_by_ssh_and_without_one_is_a_guest(
    server: SshServer, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key("ssh", home, "ed25519", passphrase="rose time")
    asked = tmp_path / "ask"
    asked.write_text("#!/bin/sh\necho $ANSWER\n")
    asked.chmod(0o755)
    for name, value in {"SSH_ASKPASS": str(asked), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}.items():
        monkeypatch.setitem(ENVIRONMENT, name, value)
    for answer, told in {"rose time": "same key", "another": "type  /resume"}.items():
        monkeypatch.setitem(ENVIRONMENT, "ANSWER", answer)
        words = command("ssh", server, home, options=[*key, "-T"])
        came = subprocess.run(words, input="amy\n/quit\n", capture_output=True, text=True, env=ENVIRONMENT, check=False)
        assert told in came.stdout, came


def test_the_same_person_by_key_by_tls_and_in_the_page(
    serve_ssh: Serve, home: Path, browse: Browse, connect: Connect, chat: Callable[..., Program]
) -> None:
    server = serve_ssh()
    bob = connect(server, "bob").joins()
    key = new_key("ssh", home, "ed25519")
    ssh = chat("amy", *command("ssh", server, home, options=[*key, "-T"])).joins()
    ssh.says("/register")
    ssh.hears("amy is yours now")
    for line in ("/password", "correct horse", "correct horse"):
        ssh.says(line)
    ssh.hears("The password of amy")
    other = connect(server, "amy")
    other.hears("Type a nickname")
    other.says("/login amy correct horse")
    other.hears("Welcome back amy")
    page = browse(server)
    page.presses("Log in").fills("nick", "amy").told("Password of amy").fills("password", "correct horse")
    page.told("amy")
    ssh.says("from ssh")
    bob.hears("<amy> from ssh")
    other.hears("<amy> from ssh")
    page.hears("amy: from ssh")
    other.says("from nc")
    ssh.hears("<amy> from nc")
    page.hears("amy: from nc")
    page.says("from the page")
    ssh.hears("<amy> from the page")
    bob.hears("<amy> from the page")
    assert "joined" not in bob.heard.partition("from ssh")[2]


# At a terminal.


def test_what_is_typed_stands_below_what_comes(
    server: SshServer, home: Path, connect: Connect, on_screen: OnScreen
) -> None:
    bob = connect(server, "bob").joins()
    amy = on_screen(*command("ssh", server, home))
    amy.shows("> amy")
    amy.presses("Enter")
    amy.shows("[#lobby]")
    line = "ñ 😀 日本 and a line that is longer than the screen is wide, so that it goes on in the next row"
    amy._tmux("send-keys", "-l", line)
    for number in range(5):
        bob.says(f"line {number} 漢字")
        amy.shows(f"<bob> line {number} 漢字")
    assert "".join(row.strip() for row in amy.lines[-2:]).replace(" ", "") == f"[#lobby]{line}".replace(" ", "")
    amy.presses("Enter")
    bob.hears(f"<amy> {line}")
    amy.presses("C-r")
    amy._tmux("send-keys", "-l", "longer")
    amy.shows("I-search backward: longer")
    amy.presses("C-g")
    amy._tmux("resize-window", "-x", "40", "-y", "20")
    bob.says("narrower")
    amy.shows("<bob> narrower")
    assert amy.lines[-1].startswith("[#lobby]")
    amy._tmux("send-keys", "-l", "/whoi")
    amy.presses("Tab")
    amy.shows("[#lobby] /whois")
    amy.presses("C-c")
    amy.presses("C-d")
    bob.hears("-!- amy left")
    until(lambda: amy.tells("#{pane_dead}") == "1", what="the client ends")


@pytest.mark.parametrize("client", ["dbclient", "plink"])
def test_other_clients_have_a_terminal_too(
    server: SshServer, home: Path, connect: Connect, on_screen: OnScreen, client: str
) -> None:
    bob = connect(server, "bob").joins()
    amy = on_screen(*command(client, server, home, options=["-t"]))
    amy.shows("> amy")
    amy.presses("Enter")
    amy.shows("[#lobby]")
    amy.types("hello ñ")
    bob.hears("<amy> hello ñ")


@pytest.mark.alone
def test_a_hundred_whose_lines_are_edited_hold_up_nobody(
    serve_ssh: Serve, home: Path, connect: Connect, stack: ExitStack
) -> None:
    server = serve_ssh("--rate", "0", "--max-per-host", "0", SSH_SESSIONS=25)
    before = server.memory()
    control = ["-o", f"ControlPath={home}/%r", "-tt"]
    people: list[Program] = []
    for number in range(100):
        master = f"m{number // 25}"
        options = [*control, *(["-M"] if number % 25 == 0 else [])]
        people.append(Program(f"p{number}", *command("ssh", server, home, user=master, options=options)))
        stack.callback(people[-1].close)
        people[-1].hears("> ")
        people[-1].sends(f"\x15p{number}\r".encode())
        people[-1].hears(f"Hello p{number}")
    assert server.memory() - before < 100 * 1024 * 1024
    bob = connect(server, "bob").joins()
    eve = connect(server, "eve").joins()
    slowest = 0.0
    for number in range(100):
        begun = time.monotonic()
        bob.says(f"line {number}")
        eve.hears(f"<bob> line {number}\r\n")
        slowest = max(slowest, time.monotonic() - begun)
    for person in people:
        person.hears("<bob> line 99")
    assert slowest < 0.5, slowest
