"""One conversation of everybody with what they have, each in their own way, and what a programs' wire sees of it."""

import json
import sys

import pytest

from .conftest import Connect, OnTerminal, Run
from .peers import COMMANDS, Peer
from .server import Server

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
    client = on_terminal("cleo", sys.executable, "-m", "chat.client", "--nick", "cleo", f"{host}:{port}")
    nora.hears("-!- cleo joined #lobby (3 here)\r\n")
    client.says("hi from the client ☃")
    for other in (nora, tom):
        other.hears("<cleo> hi from the client ☃\r\n")
    nora.says("hi from nc")
    client.hears("hi from nc")
    tom.says("hi from telnet Ü")
    client.hears("hi from telnet Ü")
