"""A paste by mistake into nc and telnet, and how it is stopped."""

import subprocess

import pytest

from .conftest import Connect, OnTerminal, Serve
from .peers import COMMANDS, Client, Terminal, need
from .server import Server
from .waiting import SECONDS, until

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


def test_ctrl_c_in_nc_stops_a_paste(serve: Serve, connect: Connect, on_terminal: OnTerminal) -> None:
    server = serve(BURST=10, PIPE_SECONDS=0.0, STOP_SECONDS=0.0)  # a person takes their time, a test does not
    bob = connect(server, "bob").joins()
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


PIPES = [("nc.openbsd", "-N"), ("nc.openbsd", "-q0"), ("ncat",), ("socat",)]
"""Some end their input and listen on; one is gone at once, and one a little later.

(`nc.traditional -q0` and `ncat --send-only` do not read what they are answered: the kernel resets their connections.)
"""


@pytest.fixture
def fast(serve: Serve) -> Server:
    """A server on which the lines that wait are soon said, and whoever pipes them in may have talked before."""
    return serve("--rate", "20", BURST=10, PIPE_SECONDS=0.0)


@pytest.mark.parametrize("program", PIPES, ids=" ".join)
def test_all_that_a_program_pipes_in_is_said(fast: Server, connect: Connect, program: tuple[str, ...]) -> None:
    need(program[0])
    bob = connect(fast, "bob").joins()
    host, port = fast.address
    address = ["-", f"TCP:{host}:{port}"] if program == ("socat",) else [*program[1:], host, port]
    lines = b"".join(b"line %d\n" % number for number in range(LINES)) + b"and no line end"
    subprocess.run([program[0], *address], input=b"amy\n" + lines, capture_output=True, timeout=SECONDS, check=False)
    bob.hears("<amy> line 99\r\n<amy> and no line end\r\n-!- amy left (")


def test_what_a_script_ends_with_is_said_though_the_kernel_knows_that_it_is_gone(
    fast: Server, connect: Connect
) -> None:
    bob, amy = connect(fast, "bob").joins(), connect(fast, "amy").joins()
    amy.sends(b"".join(b"line %d\n" % number for number in range(LINES)) + b"and no line end")
    amy.close()
    for number in range(11, 20):
        bob.hears(f"line {number}\r\n")
        bob.says("are you there?")  # one answer is a reset, the next line cannot be sent
    bob.hears("<amy> line 99\r\n<amy> and no line end\r\n-!- amy left (")


def test_who_breaks_the_line_off_while_lines_wait_says_no_more_of_them(
    server: Server, bob: Client, connect: Connect
) -> None:
    amy = connect(server, "amy").joins()
    amy.sends(b"".join(b"line %d\n" % number for number in range(LINES)))
    amy.hears("-> /cancel drops those that still wait.")
    amy.resets()
    until(lambda: bob.says("/who") or "amy (line down" in bob.heard, what="the cut")
    assert "line 99" not in bob.heard
