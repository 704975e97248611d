"""Each program that people have: what it sends, how it ends its input, when it ends itself."""

import subprocess
from contextlib import suppress

import pytest

from .conftest import Connect, OnTerminal, Run
from .peers import COMMANDS, Program, need
from .server import ENVIRONMENT, Server
from .waiting import until

pytestmark = pytest.mark.slow

NETCATS = {
    "nc.openbsd": ("nc.openbsd",),
    "nc.openbsd -N": ("nc.openbsd", "-N"),
    "nc.openbsd -C": ("nc.openbsd", "-C"),
    "nc.openbsd -q 1": ("nc.openbsd", "-q", "1"),
    "nc.traditional": ("nc.traditional",),
    "nc.traditional -q 1": ("nc.traditional", "-q", "1"),
    "ncat": ("ncat",),
    "ncat -C": ("ncat", "-C"),
}
HALF_CLOSING = {
    "nc.openbsd -N": lambda host, port: ("nc.openbsd", "-N", host, port),
    "nc.openbsd -N -C": lambda host, port: ("nc.openbsd", "-N", "-C", host, port),
    "nc.traditional -q 5": lambda host, port: ("nc.traditional", "-q", "5", host, port),
    "ncat": lambda host, port: ("ncat", host, port),
    "socat": lambda host, port: ("socat", "-t", "5", "-", f"TCP:{host}:{port}"),
}


def pipe(text: str, *command: str) -> str:
    """`printf text | command`: what it prints until it ends by itself, which it must with status 0."""
    need(command[0])
    done = subprocess.run(command, input=text.encode(), env=ENVIRONMENT, capture_output=True, timeout=15)
    assert done.returncode == 0, (command, done)
    # Who sends CRLF is taken for telnet, and sees the three bytes of IAC DO BINARY.
    return done.stdout.decode("utf-8", "replace")


@pytest.mark.parametrize("program", COMMANDS)
def test_a_program_that_stays_open_hears_and_is_heard(program: str, server: Server, connect: Connect, run: Run) -> None:
    bob = connect(server, "bob").joins()
    amy = run(server, "amy", program).joins()
    bob.hears("-!- amy joined #lobby (2 here)\r\n")
    amy.says("hi ☃")
    bob.hears("<amy> hi ☃\r\n")
    bob.says("hello Ü")
    amy.hears("<bob> hello Ü\r\n")
    assert "<amy>" not in amy.heard


@pytest.mark.parametrize("program", COMMANDS)
def test_quit_is_told_and_ends_the_program_at_the_next_enter(
    program: str, server: Server, connect: Connect, run: Run
) -> None:
    bob = connect(server, "bob").joins()
    amy = run(server, "amy", program).joins()
    amy.says("/quit see you")
    amy.hears("-> Bye amy. Press Enter (or Ctrl-C) if your prompt does not come back.\r\n")
    bob.hears('-!- amy left (0 s): "see you"\r\n')
    until(lambda: _presses_enter(amy) or amy.process.poll() is not None, what=f"{program} ends")


def _presses_enter(program: Program) -> None:
    with suppress(BrokenPipeError):
        program.says("")


def test_plain_nc_ends_by_itself_soon_after_quit(server: Server, run: Run) -> None:
    amy = run(server, "amy", "nc.openbsd").joins()
    amy.says("/quit")
    assert amy.ends(5) == 0
    assert amy.heard.endswith("-> Bye amy. Press Enter (or Ctrl-C) if your prompt does not come back.\r\n")


@pytest.mark.parametrize("program", HALF_CLOSING)
def test_who_ends_the_input_gets_every_reply_first(program: str, server: Server, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    output = pipe("amy\nhi\n/msg bob psst\n/rooms\n/ping last", *HALF_CLOSING[program](*server.address))
    bob.hears("-!- amy joined #lobby (2 here)\r\n<amy> hi\r\n")
    assert "[amy -> you] psst\r\n" in bob.hears("-!- amy left")
    assert "Hello amy" in output
    assert "[you -> bob] psst\r\n" in output
    assert "-> #lobby (2 people, you too)\r\n" in output
    assert output.endswith("-> pong last\r\n")


def test_plain_nc_stays_and_hears_after_its_input_ended(server: Server, connect: Connect, run: Run) -> None:
    bob = connect(server, "bob").joins()
    amy = run(server, "amy", "nc.openbsd").joins()
    amy.ends_input()
    bob.says("still there?")
    amy.hears("<bob> still there?\r\n")


@pytest.mark.parametrize("program", ["nc.openbsd -C", "ncat -C"])
def test_crlf_never_reaches_the_others(program: str, server: Server, connect: Connect, run: Run) -> None:
    bob = connect(server, "bob").joins()
    amy = run(server, "amy", *NETCATS[program], *server.address).joins()
    amy.says("hi")
    amy.says("/me waves")
    assert bob.hears("* amy waves\r\n").endswith("<amy> hi\r\n* amy waves\r\n")


@pytest.mark.parametrize("program", NETCATS)
def test_every_netcat_can_post_from_a_script(program: str, server: Server, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    output = pipe("/post deploy hi\n", *NETCATS[program], *server.address)
    assert bob.hears("hi\r\n").endswith("<deploy/post> hi\r\n")
    assert output.endswith("-> posted\r\n")
    assert "deploy left" not in bob.heard


@pytest.mark.parametrize("program", NETCATS)
def test_every_netcat_is_told_why_its_post_was_refused(program: str, server: Server, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    output = pipe("/post bob hi\n", *NETCATS[program], *server.address)
    assert output.endswith("! nick-taken: bob is here already.\r\n")
    bob.says("/ping done")
    assert "hi" not in bob.hears("-> pong done")


@pytest.mark.parametrize("program", HALF_CLOSING)
def test_a_script_whose_nickname_is_taken_says_nothing_under_a_wrong_one(
    program: str, server: Server, connect: Connect
) -> None:
    bob = connect(server, "bob").joins()
    output = pipe("bob\ndone\n", *HALF_CLOSING[program](*server.address))
    assert output.endswith("! nothing-said: No nickname, so the line after it was not said.\r\n")
    bob.says("/ping done")
    assert "joined" not in bob.hears("-> pong done")


def test_a_terminals_program_hears_and_is_heard(server: Server, connect: Connect, on_terminal: OnTerminal) -> None:
    bob = connect(server, "bob").joins()
    amy = on_terminal("amy", *COMMANDS["socat"](*server.address)).joins()
    amy.says("hi")
    bob.hears("<amy> hi\r\n")
    amy.presses("\x04")
    bob.hears("-!- amy left")
