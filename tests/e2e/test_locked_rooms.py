"""A locked room on a real server, by several wires: who waits, is let in or not, over a crash."""

from pathlib import Path

import pytest

from .conftest import Connect, Serve

pytestmark = pytest.mark.slow

SECRET = "tulip and rose"


def test_a_locked_lobby_keeps_its_door_over_a_crash(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    server = serve()
    amy = connect(server, "amy").joins()
    for line in ("/register", SECRET, SECRET):
        amy.says(line)
    amy.hears("amy is yours now")
    amy.says(f"/operator {(tmp_path / 'operator-code').read_text().strip()}")
    amy.hears("amy is an operator of this server now.")
    amy.says("/lock #lobby on")
    amy.hears("#lobby is locked")
    bob = connect(server, "bob")
    bob.hears("Type a nickname")
    bob.says("bob")
    code = bob.hears("! locked: #lobby is locked: you wait at its door").partition("/resume ")[2].split()[0]
    amy.hears("At the door of #lobby: bob")
    eva = connect(server, "eva")
    eva.says("NICK eva\r\nUSER e 0 * :Eva\r\nJOIN #lobby")
    eva.hears(" 473 eva #lobby :#lobby is locked")
    program = connect(server, "dee")
    program.says("/json")
    program.says('{"line": "/nick dee", "id": "n1"}')
    program.hears('"code":"locked"')
    amy.says("/refuse dee not today")
    program.hears('"what":"refuse"')
    server.process.kill()
    server.process.wait()
    again = serve("--port", f"tcp:{server.port}:interface={server.host}")
    back = connect(again, "bob")
    back.says(f"/resume {code}")
    back.hears("! locked: You wait at the door of #lobby")
    boss = connect(again, "amy")
    boss.says(f"/login amy {SECRET}")
    boss.hears("At the door of #lobby: bob and eva")
    boss.says("/admit bob")
    back.hears("amy admitted bob in #lobby")
    back.hears("You speak in #lobby now.")
    back.says("here I am")
    boss.hears("<bob> here I am")
    boss.says("/unlock on")
    boss.hears("#lobby is open")
