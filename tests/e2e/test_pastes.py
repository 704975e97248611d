"""A paste by mistake into nc and telnet, and how it is stopped."""

import pytest

from .conftest import Connect, OnTerminal, Serve
from .peers import COMMANDS, Client, Terminal
from .server import Server

pytestmark = pytest.mark.slow

LINES = 100


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server on which few lines are said at once."""
    return serve(BURST=10)


@pytest.fixture
def bob(server: Server, connect: Connect) -> Client:
    """Somebody who hears what is pasted."""
    return connect(server, "bob").joins()


def pastes(person: Terminal) -> None:
    """Paste, and be told that most of it waits."""
    person.joins()
    person.sends(b"".join(b"line %d\n" % number for number in range(LINES)))
    person.hears("-> /cancel drops those that still wait.")


@pytest.mark.parametrize("program", ["nc.openbsd", "nc.traditional", "ncat", "socat", "telnet"])
def test_cancel_stops_a_paste(server: Server, bob: Client, on_terminal: OnTerminal, program: str) -> None:
    command = COMMANDS.get(program, lambda host, port: (program, host, port))(*server.address)
    amy = on_terminal("amy", *command)
    pastes(amy)
    amy.says("/who")
    amy.hears("-> 2 people are in #lobby: bob and amy")
    amy.says("/cancel")
    amy.hears(" lines that waited are dropped.")
    amy.says("sorry")
    assert "line 99" not in bob.hears("<amy> sorry\r\n")


def test_ctrl_c_in_nc_stops_a_paste(server: Server, bob: Client, on_terminal: OnTerminal) -> None:
    amy = on_terminal("amy", *COMMANDS["nc.openbsd"](*server.address))
    pastes(amy)
    amy.presses("\x03")
    amy.ends()
    assert "line 99" not in bob.hears("-!- amy left (")


def test_ctrl_c_in_telnet_stops_a_paste(server: Server, bob: Client, on_terminal: OnTerminal) -> None:
    amy = on_terminal("amy", "telnet", *server.address)
    pastes(amy)
    amy.presses("\x03")
    amy.hears(" lines that waited are dropped.")
    amy.says("sorry")
    assert "line 99" not in bob.hears("<amy> sorry\r\n")
