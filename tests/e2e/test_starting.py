"""How the server starts, in the foreground and in the background, and how it says that it cannot."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import held_port

from .peers import need
from .server import ENVIRONMENT, TWISTD, no_tracebacks
from .waiting import until

pytestmark = pytest.mark.slow

FOREGROUND = ("-n", "--pidfile=")

NOT_ENCRYPTED = ("--tls-port", "none")
"""Of several servers at a time one has the port that is open where nobody says so."""


def twistd(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run twistd until it returns."""
    return subprocess.run([TWISTD, *words], cwd=directory, env=ENVIRONMENT, capture_output=True, text=True, timeout=15)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def free() -> Iterator[int]:
    """A port that nobody listens on."""
    with held_port() as holder:
        yield holder.getsockname()[1]


def greeting(host: str, port: int) -> str:
    """What a newcomer is told first."""
    with socket.create_connection((host, port), 15) as client, client.makefile(encoding="utf-8") as lines:
        return next(lines)


# In the background.


def test_in_the_background_it_says_how_to_join_stop_and_read_the_log(tmp_path: Path, free: int) -> None:
    done = twistd(tmp_path, "chat", "--port", str(free), *NOT_ENCRYPTED)
    pidfile = tmp_path / "twistd.pid"
    try:
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        host = lines[2].split()[1]
        assert lines[:6] == [
            f"http://{host}:{free}/ is the chat, in any browser.",
            f"Chat is open on port {free}, no password, not encrypted. People join with:",
            f"  nc {host} {free}",
            f"  telnet {host} {free}",
            f"  curl.exe telnet://{host}:{free}   (Windows, nothing to install)",
            f"  chat-client {host}:{free}",
        ]
        assert lines[-2:] == [f"Stop it with: kill $(cat {pidfile})", f"The log is {tmp_path / 'twistd.log'}"]
        # It listens before it returns.
        assert greeting("127.0.0.1", free).startswith("-> Welcome to the chat on ")
        assert greeting(host, free).startswith("-> Welcome to the chat on ")
    finally:
        pid = int(until(pidfile.read_text))
        subprocess.run(["sh", "-c", lines[-2].removeprefix("Stop it with: ")], check=True)
    until(lambda: not pidfile.exists())
    until(lambda: not os.path.exists(f"/proc/{pid}"))
    log = (tmp_path / "twistd.log").read_text()
    assert all(line in log for line in lines)
    assert "Received SIGTERM" in log
    no_tracebacks(log)


def test_pid_file_and_log_are_where_it_says(tmp_path: Path, free: int) -> None:
    (tmp_path / "run").mkdir()
    options = ("--rundir", "run", "--pidfile", "chat.pid", "--logfile", "chat.log")
    done = twistd(tmp_path, *options, "chat", "--port", str(free), *NOT_ENCRYPTED)
    stop, log = done.stdout.splitlines()[-2:]
    subprocess.run(["sh", "-c", stop.removeprefix("Stop it with: ")], check=True)
    until(lambda: not (tmp_path / "chat.pid").exists())
    assert "Received SIGTERM" in Path(log.removeprefix("The log is ")).read_text()


# What is wrong is said in one line.


@pytest.mark.parametrize("ground", [FOREGROUND, ()], ids=["foreground", "background"])
@pytest.mark.parametrize("port", ["{}", "tcp:{}", "tcp:{}:interface=127.0.0.1"])
def test_a_taken_port_is_one_line(ground: tuple[str, ...], port: str, tmp_path: Path, taken: int) -> None:
    done = twistd(tmp_path, *ground, "chat", "--port", port.format(taken))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"twistd chat: Port {taken} is in use by another program, perhaps by an earlier server. Stop that one, or "
        "choose another port with --port.\n"
    )
    assert not (tmp_path / "twistd.pid").exists()


BAD = {
    "--port 0": "1 to 65535",
    "--port 65536": "1 to 65535",
    "--port -5": "a number from 1 to 65535",
    "--port chat": "a number from 1 to 65535",
    "--port tcp:chat": "a number from 1 to 65535",
    "--port tcp:": "a number from 1 to 65535",
    "--port tcp:70000": "tcp:70000",
    "--port tcp:1:bogus=1": "bogus",
    "--port \\": "a number from 1 to 65535",
    "--port ssl:0": "--tls-port tcp:12346",
    "--port none": "--port none --tls-port 12346",
    "--tls-port chat": "a number from 1 to 65535",
    "--tls-port 12346 --certificate /nonexistent": "/nonexistent cannot be read: No such file or directory",
    "--port unix:/nonexistent/socket": "/nonexistent/socket",
    "--rate fast": "--rate",
    "--rate -1": "--rate",
    "--rate nan": "--rate",
    "--language xx": "en, es",
    "--motd /nonexistent": "/nonexistent: No such file or directory",
    "--motd /": "/: Is a directory",
    "--history 501": "0 to 500",
    "--history some": "--history",
    "--grace never": "0 to 86400",
    "--sync maybe": "full or normal",
    "--keep little": "--keep",
    "--backup-to /nonexistent": "/nonexistent",
    "--database /nonexistent/chat": "/nonexistent",
    "--database /": "/",
    "--unrecorded lobby": "lobby",
    "--max-clients many": "--max-clients",
    "--max-per-host -1": "--max-per-host",
    "--history": "--history",
    "--bogus": "--bogus",
    "word": "word",
}


@pytest.mark.parametrize("option", BAD)
def test_a_bad_value_is_one_line_that_says_what_is_wrong(option: str, tmp_path: Path) -> None:
    done = twistd(tmp_path, "chat", *option.split())
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("twistd chat: ")
    assert BAD[option] in line
    assert not (tmp_path / "twistd.pid").exists()


def test_a_bad_value_is_the_same_in_the_foreground(tmp_path: Path) -> None:
    background, foreground = (twistd(tmp_path, *ground, "chat", "--rate", "fast") for ground in ((), FOREGROUND))
    assert (foreground.returncode, foreground.stdout, foreground.stderr) == (1, "", background.stderr)


# Where it listens.


def test_a_number_is_open_to_ipv4_and_ipv6(tmp_path: Path, free: int) -> None:
    twistd(tmp_path, "chat", "--port", str(free), *NOT_ENCRYPTED)
    pidfile = tmp_path / "twistd.pid"
    try:
        assert greeting("127.0.0.1", free).startswith("-> Welcome")
        if os.path.exists("/proc/net/if_inet6"):
            assert greeting("::1", free).startswith("-> Welcome")
    finally:
        os.kill(int(until(pidfile.read_text)), signal.SIGTERM)
    until(lambda: not pidfile.exists())


def test_a_number_is_open_to_ipv4_alone_where_there_is_no_ipv6(tmp_path: Path, free: int) -> None:
    need("unshare")
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode:
        pytest.skip("no right to make a network namespace")
    script = f"""
        set -e
        echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
        echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
        ip link set lo up
        {TWISTD} chat --port {free}
        exec 3<>/dev/tcp/127.0.0.1/{free}
        head -n 1 <&3
        kill $(cat twistd.pid)
        while test -e twistd.pid; do head -n 1 <&3; done
    """
    done = subprocess.run(
        ["unshare", "--net", "bash", "-c", script],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=15,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "-> Welcome to the chat on" in done.stdout
    assert re.search(rf"^  nc 127\.0\.0\.1 {free}$", done.stdout, re.MULTILINE)
    no_tracebacks((tmp_path / "twistd.log").read_text())


def test_without_options_people_come_in_encrypted_as_well(tmp_path: Path) -> None:
    """In a network of its own, for the ports are everybody's."""
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode:
        pytest.skip("no right to make a network namespace")
    join = (
        "import socket, ssl; context = ssl.create_default_context(); context.check_hostname = False;"
        "context.load_verify_locations('chat-certificate.pem');"
        "client = context.wrap_socket(socket.create_connection(('127.0.0.1', 12346), 15));"
        "print(client.makefile().readline())"
    )
    script = f"""
        set -e
        ip link set lo up
        {TWISTD} --pidfile=one.pid -l one.log chat
        {sys.executable} -c "{join}"
        mkdir other
        {TWISTD} --pidfile=other.pid -l other.log chat --data other --port 12347
        {TWISTD} --pidfile=third.pid chat --database memory: --port 12348 --tls-port 12346 2>&1 || true
        for name in one other; do
            kill $(cat $name.pid)
            while test -e $name.pid; do sleep 0.1; done
        done
    """
    done = subprocess.run(
        ["unshare", "--net", "bash", "-c", script],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "Chat is open on port 12346, no password, encrypted. People join with:\n" in done.stdout
    assert "-> Welcome to the chat on" in done.stdout
    taken = "Port 12346 is in use by another program, perhaps by an earlier server. Stop that one, or choose another "
    assert f"\nNo encrypted port is open. {taken}port with --tls-port.\n" in done.stdout
    assert f"\ntwistd chat: {taken}port with --tls-port.\n" in done.stdout
    assert (tmp_path / "chat-private-key.pem").stat().st_mode & 0o777 == 0o600
    for name in ("one", "other"):
        no_tracebacks((tmp_path / f"{name}.log").read_text())


def test_a_crowd_that_comes_at_once_need_not_wait(tmp_path: Path, free: int) -> None:
    """As after a restart: the kernel takes them all, however busy the server is."""
    twistd(tmp_path, "chat", "--port", str(free), *NOT_ENCRYPTED)
    pidfile = tmp_path / "twistd.pid"
    pid = int(until(pidfile.read_text))
    try:
        os.kill(pid, signal.SIGSTOP)
        crowd = [socket.create_connection(("127.0.0.1", free), 0.9) for _ in range(180)]
        os.kill(pid, signal.SIGCONT)
        for client in crowd:
            client.close()
    finally:
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGTERM)
    until(lambda: not pidfile.exists())


def test_several_ports_are_open(tmp_path: Path, free: int) -> None:
    path = tmp_path / "chat.sock"
    twistd(tmp_path, "chat", "--port", f"tcp:{free}:interface=127.0.0.1", "--port", f"unix:{path}")
    pidfile = tmp_path / "twistd.pid"
    try:
        assert greeting("127.0.0.1", free).startswith("-> Welcome")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"amy\n/quit\n")
            with client.makefile(encoding="utf-8") as lines:
                assert list(lines)[-1].startswith("-> Bye amy.")
    finally:
        os.kill(int(until(pidfile.read_text)), signal.SIGTERM)
    until(lambda: not pidfile.exists())
    no_tracebacks((tmp_path / "twistd.log").read_text())
