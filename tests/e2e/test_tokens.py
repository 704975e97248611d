"""Tokens with real programs: deploy scripts with any netcat, bots with the client, and what nobody may find of them."""

import json
import re
import resource
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from .conftest import Connect, Serve
from .peers import Client, need
from .server import ENVIRONMENT, Server
from .test_chat_client import CLIENT
from .test_programs import NETCATS, pipe
from .waiting import SECONDS, until

pytestmark = pytest.mark.slow

PASSWORD = "canary-password"


def registered(server: Server, connect: Connect, nick: str = "profe") -> Client:
    """Somebody with an account."""
    profe = connect(server, nick).joins()
    for line in ("/register", PASSWORD, PASSWORD):
        profe.says(line)
    profe.hears("is yours now")
    return profe


def made(profe: Client, asked: str) -> str:
    """A token of theirs."""
    profe.says(f"/token new {asked}")
    return profe.hears("chat_token_")[-11:] + profe.hears("\r\n").rstrip()


def client(server: Server, *words: str, token: str, input: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the client to its end, with a token in its environment."""
    return subprocess.run(
        [*CLIENT, ":".join(server.address), *words],
        input=input, env={**ENVIRONMENT, "CHAT_TOKEN": token}, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip


@pytest.mark.parametrize("program", NETCATS)
def test_a_deploy_script_posts_with_every_netcat(program: str, server: Server, connect: Connect) -> None:
    profe, bob = registered(server, connect), connect(server, "bob").joins()
    bob.says("/join #ops")
    bob.hears("You speak in #ops")
    token = made(profe, "deploy #ops")
    for text, answer in (
        (f"profe:{token} #ops deploy done", "-> posted\r\n"),
        ("profe #ops deploy done", "with one that /token new\r\n!   told.\r\n"),
        (f"profe:{token} #lobby deploy done", "! not-allowed: The token deploy is for #ops.\r\n"),
        (f"profe:{token[:-1]} #ops deploy done", "! login-failed: That is no token of profe.\r\n"),
    ):
        assert pipe(f"/post {text}\n", *NETCATS[program], *server.address).endswith(answer)
    assert bob.hears("deploy done\r\n").endswith("#ops <profe/post> deploy done\r\n")
    bob.says("/ping end")
    assert "deploy" not in bob.hears("pong end")


def test_the_script_of_the_documentation_works_as_it_stands(server: Server, connect: Connect) -> None:
    need("nc")
    profe, bob = registered(server, connect, "deploy"), connect(server, "bob").joins()
    bob.says("/join #ops")
    bob.hears("You speak in #ops")
    page = Path(__file__, "../../../docs/operating.md").resolve().read_text()
    (script,) = re.findall(r'^    (echo "/post deploy:\$TOKEN .*)$', page, re.MULTILINE)
    script = script.replace("HOST 12345", " ".join(server.address))
    environment = {**ENVIRONMENT, "TOKEN": made(profe, "deploy #ops")}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=SECONDS)
    assert done.stdout.endswith("-> posted\n")
    bob.hears("#ops <deploy/post> deploy done\r\n")


def test_the_client_comes_in_and_posts_by_the_token_in_its_environment(server: Server, connect: Connect) -> None:
    profe, bob = registered(server, connect), connect(server, "bob").joins()
    profe.says("/quit")
    profe.hears_the_end()
    profe = connect(server, "profe")
    for line in ("/login profe", PASSWORD):
        profe.says(line)
    profe.hears("Welcome back")
    token = made(profe, "bot talk")
    done = client(server, "--nick", "profe", token=token, input="from a pipe\n")
    assert (done.returncode, done.stderr) == (0, "")
    bob.hears("<profe> from a pipe\r\n")
    done = client(server, "--nick", "profe", "--post", token=token, input="posted\n")
    assert (done.returncode, done.stderr) == (0, "")
    bob.hears("<profe/post> posted\r\n")
    for wrong, status, why in (
        ("chat_token_" + "0" * 32, 3, "! login-failed: That is no token of profe."),
        (token[:-1], 2, "chat-client: CHAT_TOKEN: it is what /token new told: chat_token_ and 32 signs."),
    ):
        for how in ([], ["--post"]):
            done = client(server, "--nick", "profe", *how, token=wrong, input="wrong\n")
            assert done.returncode == status, done
            assert why in done.stderr
            assert wrong not in done.stderr
    bob.says("/ping end")
    assert "wrong" not in bob.hears("pong end")


def test_a_bot_in_a_few_lines_lives_through_a_restart_until_its_token_ends(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    server = serve()
    profe, bob = registered(server, connect), connect(server, "bob").joins()
    token = made(profe, "bot talk")
    page = Path(__file__, "../../../docs/wire.md").resolve().read_text()
    (script,) = re.findall(r"```sh\n(# A bot that lives.*?)```", page, re.DOTALL)
    script = script.replace("chat-client", " ".join(CLIENT)).replace("HOST", ":".join(server.address))
    script = script.replace("NICK", "profe")
    with (tmp_path / "bot").open("wb") as output:
        bot = subprocess.Popen(
            ["bash", "-c", script], env={**ENVIRONMENT, "CHAT_TOKEN": token}, cwd=tmp_path, stdout=output, stderr=output
        )
    try:
        until(lambda: _answers(bob, "ping"), what="the bot answers")
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                assert token.encode() not in line.read_bytes(), line
        port = server.port
        server.stop()
        server = serve("--port", f"tcp:{port}:interface=127.0.0.1")
        bob = connect(server, "bob2").joins()
        until(lambda: _answers(bob, "ping"), what="the bot answers after the restart")
        profe = connect(server, "profe")
        for line in ("/login profe", PASSWORD):
            profe.says(line)
        profe.hears("Welcome back")
        profe.says("/token end bot")
        profe.hears("is good no more")
        bot.wait(SECONDS)
        assert "taken-over" in (tmp_path / "bot").read_text()
    finally:
        bot.kill()
    bob.says("/ping ended")
    bob.hears("pong ended")
    bob.says("ping")
    time.sleep(1)
    bob.says("/ping end")
    assert "<profe>" not in bob.hears("pong end")


def _answers(bob: Client, text: str) -> bool:
    before = bob.heard.count("<profe> pong")
    bob.says(text)
    time.sleep(0.5)
    return bob.heard.count("<profe> pong") > before


def test_no_password_and_no_token_is_in_any_file_record_log_or_argument(connect: Connect, tmp_path: Path) -> None:
    server = Server(tmp_path)
    recorder = None
    try:
        profe, bob = registered(server, connect), connect(server, "bob").joins()
        token = made(profe, "bot talk")
        with (tmp_path / "record").open("wb") as record:
            recorder = subprocess.Popen(
                [*CLIENT, ":".join(server.address), "--nick", "profe", "--follow", "--json"],
                env={**ENVIRONMENT, "CHAT_TOKEN": token}, stdin=subprocess.DEVNULL, stdout=record, stderr=record,
            )  # fmt: skip
        until(lambda: b"welcome" in (tmp_path / "record").read_bytes(), what="the recorder is in")
        for full in (False, True):
            if full:
                limit = (tmp_path / "chat.sqlite3-wal").stat().st_size
                resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            for line in (f"it is {token}", f"/msg bob {token}", f"/login profe {PASSWORD}", f"/logn profe {token}"):
                profe.says(line)
                bob.says(line)
            bob.says("/msg profe psst")
            for line in (f"/post profe:{token} hi", f"/login profe {token}", f"/login profe {PASSWORD}"):
                other = connect(server)
                other.hears("Type a nickname")
                other.says(line)
                time.sleep(0.3)
                assert token[11:] not in other.heard
                assert PASSWORD not in other.heard
            profe.says(f"/ping {full}")
            profe.hears(f"pong {full}")
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                assert token.encode() not in line.read_bytes(), line
        assert "not-stored" in bob.heard + profe.heard
        assert token[11:] not in bob.heard
        assert PASSWORD not in bob.heard + profe.heard
    finally:
        if recorder is not None:
            recorder.terminate()
            recorder.wait(SECONDS)
        server.kill()
    records = json.loads(next(line for line in (tmp_path / "record").read_bytes().splitlines() if b"welcome" in line))
    assert records["nick"] == "profe"
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert token[11:].encode() not in content, path
            assert PASSWORD.encode() not in content, path
