"""The project's own client against the real server: scripts, recorders, and a person whose server goes away."""

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from .conftest import Connect, OnTerminal, Serve
from .server import ENVIRONMENT, Server
from .waiting import SECONDS, until

pytestmark = pytest.mark.slow

CLIENT = (sys.executable, "-m", "chat.client")


def run(server: Server, *words: str, input: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the client to its end, with pipes."""
    return subprocess.run(
        [*CLIENT, ":".join(server.address), *words],
        input=input,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def test_a_script_says_something_and_is_told_that_it_was_said(server: Server, connect: Connect) -> None:
    amy = connect(server, "amy").joins()
    done = run(server, "--nick", "bot", input="done\nreally ☃")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    amy.hears("<bot> done\r\n<bot> really ☃\r\n")
    amy.hears("-!- bot left")


def test_what_the_server_refuses_is_an_error_with_its_reason(server: Server) -> None:
    done = run(server, "--nick", "bot", input="ok\n/msg zed hi\n/nonsense\n")
    assert done.returncode == 3
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["! not-here", "! unknown-command"]


@pytest.mark.parametrize(("words", "code"), [(("--nick", "server"), 3), (("--nick", "bot", "--room", "#b@d"), 3)])
def test_who_is_not_let_in_says_nothing(server: Server, connect: Connect, words: tuple[str, ...], code: int) -> None:
    done = run(server, *words, input="secret\n")
    assert done.returncode == code
    assert "! Not sent: secret" in done.stderr
    assert "secret" not in connect(server, "carl").joins().heard


def test_a_room_is_joined_before_anything_is_said(server: Server, connect: Connect) -> None:
    amy = connect(server, "amy").joins()
    amy.says("/join #ops")
    amy.hears("You speak in #ops now")
    assert run(server, "--nick", "bot", "--room", "ops", input="deployed\n").returncode == 0
    amy.hears("#ops <bot> deployed\r\n")


def test_several_lines_are_one_message(server: Server, connect: Connect) -> None:
    amy = connect(server, "amy").joins()
    assert run(server, "--nick", "bot", input="/paste\none\n\n/who two\n/end\n").returncode == 0
    amy.hears("<bot> one\r\n  | \r\n  | /who two\r\n")


def test_a_post_is_said_without_joining(server: Server, connect: Connect) -> None:
    amy = connect(server, "amy").joins()
    done = run(server, "--post", "--nick", "pi", input="one\n#two\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    heard = amy.hears("<pi/post> #two\r\n")
    assert "<pi/post> one\r\n" in heard
    assert "joined" not in heard


def test_objects_come_as_the_server_sends_them(server: Server) -> None:
    done = run(server, "--nick", "bot", "--json", input="/who\n")
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [keys["type"] for keys in objects] == ["hello", "welcome", "history", "reply", "ack"]
    assert objects[-2]["users"][0]["nick"] == "bot"


def test_a_recorder_outlives_the_server(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    server = serve()
    record = tmp_path / "record"
    with record.open("wb") as output:
        recorder = subprocess.Popen(
            [*CLIENT, "--follow", ":".join(server.address)],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
        )

    def recorded(text: str) -> bool:
        return text in record.read_text()

    try:
        for name, text in (("amy", "before"), ("bob", "after")):
            if text == "after":
                server.close()
                server = serve("--port", f"tcp:{server.port}:interface={server.host}")
            person = connect(server, name).joins()
            person.hears("guest")
            person.says(text)
            until(partial(recorded, text))
        recorder.send_signal(signal.SIGTERM)
        _, err = recorder.communicate(timeout=SECONDS)
    finally:
        recorder.kill()
    assert recorder.returncode == 0
    assert [line.split("#lobby ")[1] for line in record.read_text().splitlines()] == ["<amy> before", "<bob> after"]
    assert b"-- connected again --" in err


def test_a_person_talks_on_when_the_server_was_away(serve: Serve, connect: Connect, on_terminal: OnTerminal) -> None:
    server = serve()
    cleo = on_terminal("cleo", "env", "TERM=dumb", *CLIENT, ":".join(server.address))
    cleo.hears("Nickname: ")
    cleo.says("cleo")
    cleo.hears("-> Hello cleo.")
    cleo.says("/join #ops")
    cleo.hears("-> You speak in #ops now.")
    server.close()
    cleo.hears("-- the connection is lost: the server closed it --")
    cleo.says("kept while away")
    cleo.hears("sent as soon as you are --")
    server = serve("--port", f"tcp:{server.port}:interface={server.host}")
    cleo.hears("-> Welcome back cleo.")
    amy = connect(server, "amy").joins()
    amy.says("/join #ops")
    amy.hears("<cleo> kept while away")
    amy.says("/msg cleo psst")
    amy.says("welcome back")
    cleo.hears("[amy -> you] psst\r\n")
    cleo.hears("#ops <amy> welcome back\r\n")
    cleo.says("/reply yes?")
    cleo.hears("[you -> amy] yes?\r\n")
    amy.hears("[cleo -> you] yes?\r\n")
