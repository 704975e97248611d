"""One conversation of everybody with what they have, each in their own way, and what a programs' wire sees of it."""

import json
import re
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.ports import held_port

from .conftest import Connect, OnTerminal, Run, Serve
from .peers import COMMANDS, Peer
from .server import Server
from .waiting import SECONDS, until

pytestmark = pytest.mark.slow


@pytest.mark.door
def test_everybody_hears_everybody(server: Server, connect: Connect, run: Run, on_terminal: OnTerminal) -> None:
    people: list[Peer] = [run(server, f"amy{number}", program).joins() for number, program in enumerate(COMMANDS)]
    people.append(on_terminal("tom", "telnet", *server.address).joins())
    people.append(on_terminal("una", *COMMANDS["nc.openbsd"](*server.address)).joins())
    recorder = connect(server, "rita").joins()
    recorder.says("/json")
    recorder.hears('{"type":"welcome"')

    for person in people:
        person.says(f"I am {person.name} ☃")
        for other in people:
            if other is not person:
                other.hears(f"<{person.name}> I am {person.name} ☃\r")
    for person in people:
        assert f"<{person.name}>" not in person.heard

    said = [f"I am {person.name} ☃" for person in people]
    recorder.hears(said[-1])
    objects = [json.loads(line) for line in recorder.heard[recorder.heard.index("{") :].splitlines()[:-1]]
    assert [found["text"] for found in objects if found["type"] == "message"] == said[:-1]


@pytest.mark.door
def test_chat_client_talks_with_netcat_and_telnet(
    server: Server, connect: Connect, run: Run, on_terminal: OnTerminal
) -> None:
    host, port = server.address
    nora = run(server, "nora", "nc.openbsd").joins()
    tom = on_terminal("tom", "telnet", host, port).joins()
    client = on_terminal(
        "cleo", "env", "TERM=dumb", sys.executable, "-m", "chat.client", "--nick", "cleo", f"{host}:{port}"
    )
    nora.hears("-!- cleo joined #lobby (3 here)\r\n")
    client.says("hi from the client ☃")
    for other in (nora, tom):
        other.hears("<cleo> hi from the client ☃\r\n")
    nora.says("hi from nc")
    client.hears("hi from nc")
    tom.says("hi from telnet Ü")
    client.hears("hi from telnet Ü")


def test_what_was_read_on_a_unix_socket_does_not_come_again_with_the_code(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    with held_port() as holder, ExitStack() as stack:
        port = f"tcp:{holder.getsockname()[1]}:interface=127.0.0.1"
        server = serve("--database", "memory:", "--port", port, "--port", f"unix:{tmp_path}/socket")
        bob = connect(server, "bob").joins()

        def amy(*lines: str) -> str:
            """What she reads until her /ping is answered."""
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.settimeout(SECONDS)
            client.connect(f"{tmp_path}/socket")
            client.sendall("".join(f"{line}\n" for line in (*lines, "/ping done")).encode())
            heard = b""
            while b"pong done" not in heard:
                heard += client.recv(4096)
            return heard.decode()

        code = re.search(r"/resume (\S+)", amy("amy"))
        assert code
        bob.says("to be read once")
        until(lambda: "to be read once" in amy(f"/resume {code[1]}"), what="she reads it")
        until(lambda: "to be read once" not in amy(f"/resume {code[1]}"), what="it is known to be read")
