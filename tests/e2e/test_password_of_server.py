"""A server with a password, or for accounts only, as real programs find it at each of its doors."""

import json
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import Connect, OnTerminal, Run, Serve
from .peers import Sealed
from .server import ENVIRONMENT, Server
from .test_chat_client import CLIENT
from .waiting import SECONDS

pytestmark = pytest.mark.slow

WORD = "canary-tulip-7"
PORT, TLS_PORT = 23180, 23181


@pytest.fixture
def guarded(serve: Serve, tmp_path: Path) -> Server:
    """One that has a password."""
    (tmp_path / "word").write_text(f"{WORD}\n")
    (tmp_path / "word").chmod(0o600)
    ports = ("--port", str(PORT), "--tls-port", str(TLS_PORT))
    return serve(*ports, "--password-file", "word", host="127.0.0.1")


@pytest.mark.parametrize("program", ["nc.openbsd", "telnet", "tls"])
def test_people_are_let_in_by_it_alone(
    program: str, guarded: Server, connect: Connect, run: Run, on_terminal: OnTerminal, stack: ExitStack
) -> None:
    inside = connect(guarded, "ann")
    inside.hears("password")
    inside.says(WORD)
    inside.joins()
    inside.says("the canary of the room")
    match program:
        case "nc.openbsd":
            peer = run(guarded, "bob", program)
        case "telnet":
            peer = on_terminal("bob", "telnet", *guarded.address)
        case _:
            peer = Sealed(guarded.host, TLS_PORT, "bob")
            stack.callback(peer.close)
    peer.hears("password")
    for line in ("wrong", "bob", "/who", "/join #lobby", "/grep canary"):
        peer.says(line)
    peer.says("/ping first")
    heard = peer.hears("pong first")
    assert "ann" not in heard
    assert "canary of" not in heard
    peer.says(WORD)
    assert "canary" in peer.joins().heard
    inside.says("/ping last")
    heard = inside.hears("pong last")
    assert heard.count("bob") == 1, "that bob joined is all that was heard"


def test_programs_give_it_in_an_object(guarded: Server, connect: Connect) -> None:
    bot = connect(guarded, "bot")
    bot.says("/json")
    bot.says('{"line": "/nick bot", "id": "1"}')
    bot.says(json.dumps({"password": "wrong", "id": "2"}))
    bot.says(json.dumps({"password": WORD, "id": "3"}))
    bot.says('{"line": "/nick bot", "id": "4"}')
    objects = [
        json.loads(line) for line in (bot.hears('"id":"4"') + bot.hears("\n")).splitlines() if line.startswith("{")
    ]
    codes = [(keys.get("id"), keys.get("code")) for keys in objects if keys["type"] == "error"]
    assert codes == [("1", "password-needed"), ("2", "login-failed")]
    assert objects[0]["password"] == "wanted"
    assert "here" not in objects[0]


def test_the_client_takes_it_from_its_environment(guarded: Server) -> None:
    def post(word: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*CLIENT, ":".join(guarded.address), "--nick", "ci"], input="done\n",
            env={**ENVIRONMENT, "CHAT_SERVER_PASSWORD": word}, capture_output=True, text=True, timeout=SECONDS,
        )  # fmt: skip

    assert post("wrong").returncode != 0
    assert post(WORD).returncode == 0


def test_nobody_finds_it_in_what_the_server_keeps(guarded: Server, connect: Connect, tmp_path: Path) -> None:
    for word in (WORD, WORD[:-1]):
        peer = connect(guarded, "ann")
        peer.hears("password")
        peer.says(word)
        peer.says("/ping told")
        peer.hears("pong told")
    guarded.stop()
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "word"]
    assert kept
    assert [path for path in kept if WORD[:-1].encode() in path.read_bytes()] == []
