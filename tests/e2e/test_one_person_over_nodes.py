"""Who one is, on two nodes of one chat: one person on several devices, and what is good once lets one in."""

import base64
import json
from pathlib import Path

import pytest

from .conftest import Connect
from .nodes import Nodes
from .peers import Client
from .server import Server
from .waiting import pass_by, until

pytestmark = [pytest.mark.slow, pytest.mark.door]

SECRET = "tulip and rose"
PINS = 8


class Program:
    """A program that waits for the answers to what it asks."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._asked = 0
        client.says("/json")
        client.hears('"hello"')

    def sends(self, **keys: str) -> str:
        """Ask for this; returns the id."""
        self._asked += 1
        id = f"i{self._asked}"
        self.client.says(json.dumps({**keys, "id": id}))
        return id

    def about(self, id: str) -> list[dict]:
        """All objects so far that have this id."""
        whole = self.client.heard.rpartition("\n")[0].splitlines()
        return [keys for line in whole if line.startswith("{") and (keys := json.loads(line)).get("id") == id]

    def hears(self, id: str) -> list[dict]:
        """Wait for the last answer to what has this id; returns all of them."""
        until(lambda: any(keys["type"] in ("ack", "error") for keys in self.about(id)), what=f"the answer to {id}")
        return self.about(id)

    def asks(self, **keys: str) -> list[dict]:
        """Ask for this, and wait."""
        return self.hears(self.sends(**keys))


def registered(connect: Connect, node: Server, nick: str) -> Program:
    """Somebody whose nickname is their own."""
    program = Program(connect(node, nick))
    program.asks(line=f"/nick {nick}")
    program.asks(line="/register")
    program.asks(password=SECRET)
    assert "is yours now" in program.asks(password=SECRET)[0]["text"]
    return program


def test_of_two_who_use_what_is_good_once_at_the_same_moment_on_two_nodes_one_is_let_in(
    nodes: Nodes, connect: Connect, tmp_path: Path
) -> None:
    one, two = nodes.all
    people = [registered(connect, one, "ana"), registered(connect, two, "bob")]
    code = (tmp_path / "one" / "operator-code").read_text().strip()
    asked = [program.sends(line=f"/operator {code}") for program in people]
    answers = [program.hears(id)[0]["type"] for program, id in zip(people, asked, strict=True)]
    assert sorted(answers) == ["error", "reply"]
    boss = people[answers.index("reply")]
    boss.asks(line="/class on")
    (roster,) = [keys for keys in boss.asks(line=f"/roster {PINS}") if "pins" in keys]
    for number, pin in enumerate(roster["pins"]):
        pair = [Program(connect(node, "nobody")) for node in (one, two)]
        asked = [program.sends(line=f"/nick {nick}{number} {pin}") for program, nick in zip(pair, "xy", strict=True)]
        answers = [program.hears(id)[0] for program, id in zip(pair, asked, strict=True)]
        assert sorted(keys["type"] for keys in answers) == ["error", "welcome"]
        assert [keys["code"] for keys in answers if keys["type"] == "error"] == ["code-wrong"]


def test_who_logs_in_on_each_node_is_one_person_and_goes_with_the_last_device(nodes: Nodes, connect: Connect) -> None:
    one, two = nodes.all
    amy = connect(two, "amy").joins()
    ana = registered(connect, one, "ana")
    amy.hears("-!- ana joined")
    irc = connect(two, "ana by irc")
    for line in ("CAP REQ :sasl", "NICK ana", "USER a 0 * :Ana", "AUTHENTICATE PLAIN"):
        irc.says(line)
    irc.hears("AUTHENTICATE +")
    irc.says("AUTHENTICATE " + base64.b64encode(f"ana\0ana\0{SECRET}".encode()).decode())
    irc.hears(" 903 ")
    irc.says("CAP END")
    irc.hears(" 001 ")
    irc.says("PRIVMSG #lobby :by irc")
    amy.hears("<ana> by irc")
    ana.client.hears('"text":"by irc"')
    (devices,) = [keys["devices"] for keys in ana.asks(line="/sessions") if "devices" in keys]
    assert [device["here"] for device in devices] == [True, True]
    again = Program(connect(two, "ana again"))
    again.asks(line=f"/login ana {SECRET}")
    first = ana.asks(line="said twice")[-1]
    again.client.says(json.dumps({"line": "said twice", "id": first["id"]}))
    assert again.hears(first["id"])[-1]["seq"] == first["seq"]
    one.kill()
    pass_by(3)
    irc.says("PRIVMSG #lobby :still here")
    amy.hears("still here")
    for device in (again.client, irc):
        device.says("/quit" if device is not irc else "QUIT :bye")
    amy.hears("-!- ana left")
    assert amy.heard.count("said twice") == 1
    assert (amy.heard.count("ana joined"), amy.heard.count("ana left")) == (1, 1)
