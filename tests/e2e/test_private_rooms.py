"""A private room on a real server: nobody else sees it, its members come back over a crash, its word is nowhere."""

from pathlib import Path

import pytest

from .conftest import Connect, Serve

pytestmark = pytest.mark.slow

SECRET, WORD = "tulip and rose", "jacaranda"


def test_a_private_room_stays_what_it_is_over_a_crash(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    server = serve()
    amy, bob, eve = (connect(server, nick).joins() for nick in ("amy", "bob", "eve"))
    for line in ("/register", SECRET, SECRET):
        amy.says(line)
    amy.hears("amy is yours now")
    amy.says("/join #ops")
    amy.hears("#ops is new and yours")
    amy.says("/private on")
    amy.hears("#ops is private: nobody else here sees it")
    amy.says("only for us")
    amy.says("/invite bob")
    amy.hears("bob is asked into #ops.")
    bob.hears("amy asks you into #ops; /join #ops goes there")
    bob.says("/join #ops")
    bob.hears("#ops is private")
    eve.says("/rooms")
    eve.hears("#lobby (3 people, you too)")
    eve.says("/join #ops")
    eve.hears("! locked: You cannot go to #ops: it is not for everybody.")
    eve.says("/whois bob")
    eve.hears("bob is in #lobby.")
    amy.says(f"/word {WORD}")
    amy.hears("#ops has a word")
    server.process.kill()
    server.process.wait()
    again = serve("--port", f"tcp:{server.port}:interface={server.host}")
    carl = connect(again, "carl").joins()
    carl.says("/join #ops")
    carl.hears("! locked: ")
    carl.says("/last #ops")
    carl.hears("! no-room: ")
    carl.says(f"/join #ops {WORD}")
    carl.hears("#ops is private")
    carl.says("/last")
    carl.hears("Nothing was found.")
    back = connect(again, "amy")
    back.says(f"/login amy {SECRET}")
    back.hears("Welcome back amy")
    back.says("/last #ops")
    back.hears("<amy> only for us")
    held = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(WORD.encode() in data for data in held)
