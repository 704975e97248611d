"""The control socket of a real server, with `chat-server admin` and with netcat."""

import json
import os
import pwd
import shutil
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from socket import create_connection
from tempfile import TemporaryDirectory

import pytest
from ports import held_port

from chat.base.run_as import of_who_runs
from chat.doors.control import connected

from .conftest import Connect, Serve
from .peers import need
from .server import ENVIRONMENT
from .waiting import SECONDS

pytestmark = pytest.mark.slow


def admin(directory: Path, *words: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    command = [python, "-m", "chat", "admin", *words]
    return subprocess.run(command, cwd=directory, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS)


def test_an_operator_sees_who_is_here_and_tells_them_something(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    server = serve("--rate", "0")
    amy = connect(server, "amy").joins()
    done = admin(tmp_path, "who")
    assert (done.returncode, done.stderr) == (0, "")
    count, line = done.stdout.splitlines()
    assert count == "1 here, 0 with their line down, 0 without a nickname; times UTC"
    assert line.split()[:2] == ["amy", "127.0.0.1"]
    told = json.loads(admin(tmp_path, "--json", "who").stdout.splitlines()[0])
    assert [(one["nick"], one["wire"]) for one in told["connections"]] == [("amy", "plain")]
    done = admin(tmp_path, "announce", "We restart", "at ten.")
    assert (done.returncode, done.stdout) == (0, "Everybody is told, and whoever comes back later.\n")
    amy.hears('Announcement: "We restart at ten."')
    done = admin(tmp_path, "dance", "amy")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("chat-server admin: unknown-command: ")
    amy.says("/admin who")
    amy.hears("! not-allowed: ")


def test_the_file_is_the_servers_alone_and_comes_and_goes_with_it(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    path = tmp_path / "chat.control"
    assert path.lstat().st_mode & 0o777 == 0o600
    server.process.kill()
    server.process.wait()
    assert path.exists()
    assert admin(tmp_path, "who").returncode == 3
    serve("--port", f"tcp:{server.port}:interface={server.host}")
    assert admin(tmp_path, "who").returncode == 0
    other = serve("--database", "memory:")
    assert f"There is no control socket. {path} is another server's, which runs." in other.said


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
def test_another_user_cannot_open_it(serve: Serve) -> None:
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        serve("--data", name)
        path = Path(name, "chat.control")
        connected(path).close()
        nobody = pwd.getpwnam("nobody")
        with of_who_runs({"uid": nobody.pw_uid, "gid": nobody.pw_gid}), pytest.raises(PermissionError):
            connected(path)


def test_netcat_is_enough(serve: Serve, tmp_path: Path) -> None:
    need("nc")
    if shutil.which("nc.openbsd") is None:
        pytest.skip("this nc may know no unix sockets")
    server = serve("--data", str(tmp_path))
    done = subprocess.run(
        ["nc.openbsd", "-N", "-U", str(tmp_path / "chat.control")],
        input="/admin who\n/quit\n", capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    hello, who, bye = map(json.loads, done.stdout.splitlines())
    assert (hello["type"], who["command"], bye["command"]) == ("hello", "admin who", "quit")
    server.stop()
    assert not (tmp_path / "chat.control").exists()


def test_it_is_read_again_copied_and_stopped_in_a_while(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    copies, file = tmp_path / "copies", tmp_path / "chat.conf"
    copies.mkdir()
    file.write_text("grace 60\n")
    server = serve("--config", str(file), "--backup-to", str(copies))
    amy = connect(server, "amy").joins()
    amy.says("to be kept")
    file.write_text("grace 90\n")
    done = admin(tmp_path, "reload")
    assert (done.returncode, done.stdout) == (0, "grace: 60 -> 90 (for lines that drop from now on)\n")
    file.write_text("grace soon\n")
    done = admin(tmp_path, "reload")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"chat-server admin: unavailable: All options stay as they were: {file}, line 1: grace"
    )
    done = admin(tmp_path, "backup")
    assert (done.returncode, done.stderr) == (0, "")
    copy = Path(done.stdout.strip().removeprefix("The copy is "))
    assert copy.parent == copies
    assert copy.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(copy) as kept:
        assert ("to be kept",) in kept.execute("SELECT text FROM entries").fetchall()
    assert admin(tmp_path, "shutdown", "1h").returncode == 0
    amy.hears("-!- The server stops in 1 h")
    assert admin(tmp_path, "shutdown", "off").returncode == 0
    amy.hears("-!- The server does not stop after all")
    assert admin(tmp_path, "shutdown", "1s").returncode == 0
    amy.hears("-!- The server stops in 1 s")
    amy.hears("-> The server is stopping.")
    assert server.process.wait(SECONDS) == 0
    assert admin(tmp_path, "shutdown").returncode == 3


def test_without_a_directory_for_copies_none_is_made(serve: Serve, tmp_path: Path) -> None:
    serve()
    done = admin(tmp_path, "backup")
    assert (done.returncode, done.stdout) == (1, "")
    assert "unavailable: The server has no directory for copies" in done.stderr


def test_metrics_are_served_to_this_machine_alone(serve: Serve, connect: Connect) -> None:
    pytest.importorskip("prometheus_client")
    with held_port() as holder:
        number = holder.getsockname()[1]
        server = serve("--metrics-port", str(number))
        assert f"Metrics are at 127.0.0.1:{number}, path /metrics." in server.said
        connect(server, "amy").joins()
        with urllib.request.urlopen(f"http://127.0.0.1:{number}/metrics", timeout=SECONDS) as answer:
            assert b'chat_people{state="here"} 1.0' in answer.read()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{number}/", timeout=SECONDS)
        with pytest.raises(ConnectionRefusedError):
            create_connection(("127.0.0.2", number), SECONDS)
        assert "GET" not in server.said
