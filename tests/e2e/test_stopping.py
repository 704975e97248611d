"""How the server stops: everybody is told, what was said is read, and nobody keeps it waiting."""

import signal
import socket
import time

import pytest

from .conftest import Connect, Run, Serve
from .server import Server
from .waiting import until

pytestmark = pytest.mark.slow

ABOUT_TWO_SECONDS = 3.5
"""The server gives its clients two; the rest is for a busy machine."""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_everybody_is_told_and_nothing_goes_wrong(how: signal.Signals, server: Server, connect: Connect) -> None:
    amy, bob = connect(server, "amy").joins(), connect(server, "bob").joins()
    amy.says("the last word")
    bob.hears("<amy> the last word\r\n")
    status = server.stop(how, ABOUT_TWO_SECONDS)
    assert status == -how
    for person in (amy, bob):
        assert person.hears_the_end().endswith("-> The server is stopping.\r\n")


def test_what_was_said_just_before_is_read_by_everybody(serve: Serve, connect: Connect) -> None:
    server = serve("--rate", "0")
    amy, bob = connect(server, "amy").joins(), connect(server, "bob").joins()
    amy.hears("-!- bob joined #lobby (2 here)\r\n")
    lines = [f"line {number}" for number in range(2000)]
    amy.sends("\n".join([*lines, ""]).encode())
    bob.hears(lines[100])
    server.stop(signal.SIGTERM, ABOUT_TWO_SECONDS)
    heard = bob.hears_the_end().splitlines()
    said = [line.removeprefix("<amy> ") for line in heard if line.startswith("<amy>")]
    assert said == lines[: len(said)]
    assert heard[-1] == "-> The server is stopping."


def test_plain_nc_ends_with_the_server(server: Server, run: Run) -> None:
    amy = run(server, "amy", "nc.openbsd").joins()
    server.stop(signal.SIGTERM, ABOUT_TWO_SECONDS)
    amy.ends()
    assert amy.heard.endswith("-> The server is stopping.\r\n")


def test_a_server_without_guests_stops_at_once(server: Server) -> None:
    begun = time.monotonic()
    assert server.stop() == -signal.SIGTERM
    assert time.monotonic() - begun < 1


def test_who_does_not_read_is_not_waited_for(serve: Serve, connect: Connect) -> None:
    """Eight megabytes are owed to somebody who sleeps."""
    server = serve("--rate", "0")
    with socket.socket() as sleeper:
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sleeper.connect((server.host, server.port))
        sleeper.sendall(b"sam\n")
        amy, bob = connect(server, "amy").joins(), connect(server, "bob").joins()
        text = "x" * 1900
        for number in range(8_000_000 // len(text)):
            amy.says(f"{number} {text}")
        amy.says("and so on")
        bob.hears("<amy> and so on\r\n")
        server.stop(signal.SIGTERM, ABOUT_TWO_SECONDS)
        assert bob.hears_the_end().endswith("-> The server is stopping.\r\n")


def test_who_reads_slowly_gets_the_last_lines_within_the_time(serve: Serve, connect: Connect) -> None:
    server = serve("--rate", "0")
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((server.host, server.port))
        reader.settimeout(15)
        reader.sendall(b"sam\n")
        amy = connect(server, "amy").joins()
        count, text = 1500, "x" * 1900
        amy.sends(b"".join(f"{number} {text}\n".encode() for number in range(count)))
        amy.says("/ping done")
        amy.hears("-> pong done")
        server.process.send_signal(signal.SIGTERM)
        with reader.makefile(encoding="utf-8", newline="\r\n") as lines:
            heard = [line.rstrip() for line in lines]
    assert [line for line in heard if line.startswith("<amy>")] == [f"<amy> {number} {text}" for number in range(count)]
    assert heard[-1] == "-> The server is stopping."


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_at_a_second_signal_nobody_is_waited_for(how: signal.Signals, server: Server, connect: Connect) -> None:
    amy = connect(server, "amy").joins()
    server.process.send_signal(how)
    amy.hears("-> The server is stopping.\r\n")
    begun = time.monotonic()
    assert server.stop(how) == -how
    assert time.monotonic() - begun < 1


def test_a_closed_standard_output_is_no_reason_to_stop(server: Server, connect: Connect) -> None:
    """A SIGPIPE is ignored, for the server may outlive its terminal."""
    amy = connect(server, "amy").joins()
    server.process.send_signal(signal.SIGPIPE)
    amy.says("/ping still")
    amy.hears("-> pong still\r\n")


def test_the_port_is_free_again_at_once(serve: Serve, connect: Connect) -> None:
    server = serve()
    amy = connect(server, "amy").joins()
    server.stop()
    amy.hears_the_end()
    again = serve("--port", f"tcp:{server.port}:interface=127.0.0.1")
    until(lambda: again.port == server.port)
    connect(again, "bob").joins()
