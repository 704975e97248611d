"""Machines that are gone without a word, and people who only stopped their terminal."""

import os
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from chat.doors import sockets

from .conftest import Connect, Run, Serve
from .peers import Program, need
from .waiting import SECONDS, until

pytestmark = pytest.mark.slow

LAST_ACK_RECV = 56
"""Where struct tcp_info has `tcpi_last_ack_recv`, in milliseconds."""


class Machine:
    """Another machine: a network namespace at the end of a cable."""

    def __init__(self) -> None:
        self.name = f"chat{os.getpid()}"
        self._cable = f"{self.name}a"
        self.our_address = "198.51.100.1"
        _ip("netns", "add", self.name)
        try:
            _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
            _ip("address", "add", f"{self.our_address}/30", "dev", self._cable)
            _ip("link", "set", self._cable, "up")
            _ip("-n", self.name, "address", "add", "198.51.100.2/30", "dev", "eth0")
            self.plug_in()
        except BaseException:
            self.close()
            raise

    def runs(self, *command: str) -> Sequence[str]:
        """The words that run a command there."""
        return ("ip", "netns", "exec", self.name, *command)

    def plug_in(self) -> None:
        """The cable is in."""
        _ip("-n", self.name, "link", "set", "eth0", "up")

    def pull_out(self) -> None:
        """The cable is out."""
        _ip("-n", self.name, "link", "set", "eth0", "down")

    def close(self) -> None:
        """Be gone, the cable first: it would stay while the other end has a socket with something unsaid."""
        if Path("/sys/class/net", self._cable).exists():
            _ip("link", "delete", self._cable)
        _ip("netns", "delete", self.name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """Another machine."""
    need("ip")
    try:
        machine = Machine()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no right to make a network namespace: {error.stderr.decode().strip()}")
    yield machine
    machine.close()


# What the kernel says.


@pytest.fixture
def line(machine: Machine) -> Iterator[tuple[socket.socket, Program]]:
    """Our end of a connection with a program on the other machine."""
    with socket.create_server((machine.our_address, 0)) as listening:
        listening.settimeout(SECONDS)
        port = listening.getsockname()[1]
        with closing(Program("amy", *machine.runs("nc.openbsd", machine.our_address, str(port)))) as program:
            connection, _ = listening.accept()
            sockets.tune(connection)
            with connection:
                yield connection, program


def milliseconds_since_an_answer(connection: socket.socket) -> int:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, LAST_ACK_RECV + 4)
    return int(struct.unpack_from("I", info, LAST_ACK_RECV)[0])


def test_a_machine_that_answers_is_not_dead(line: tuple[socket.socket, Program]) -> None:
    connection, amy = line
    connection.sendall(b"hello\n")
    amy.hears("hello\n")
    until(lambda: not sockets.unacknowledged(connection))
    until(lambda: milliseconds_since_an_answer(connection) > 600)
    assert not sockets.is_dead(connection, 0.5)


def test_a_machine_that_is_gone_is_dead_once_something_was_sent(
    machine: Machine, line: tuple[socket.socket, Program]
) -> None:
    connection, amy = line
    connection.sendall(b"hello\n")
    amy.hears("hello\n")
    until(lambda: not sockets.unacknowledged(connection))
    machine.pull_out()
    until(lambda: milliseconds_since_an_answer(connection) > 600)
    assert not sockets.is_dead(connection, 0.5)  # nobody can know
    connection.sendall(b"still there?\n")
    until(lambda: sockets.is_dead(connection, 0.5), 1)


def fill(connection: socket.socket, program: Program) -> None:
    """Stop the program, as ^Z does, and send until its machine takes no more."""
    program.process.send_signal(signal.SIGSTOP)
    connection.setblocking(False)
    sent = 0

    def takes_no_more() -> bool:
        nonlocal sent
        before = sockets.acknowledged(connection)
        try:
            sent += connection.send(b"x" * 65536)
        except BlockingIOError:
            return sockets.acknowledged(connection) == before
        return False

    until(takes_no_more)


def test_a_stopped_terminal_is_not_dead(line: tuple[socket.socket, Program]) -> None:
    """Its machine answers the kernel's question whether there is room, ever less often: in the end in 120 s."""
    connection, amy = line
    fill(connection, amy)
    until(lambda: milliseconds_since_an_answer(connection) > 1200)
    assert sockets.unacknowledged(connection)
    assert not sockets.is_dead(connection, 1)


def test_a_stopped_terminal_whose_machine_goes_is_dead(machine: Machine, line: tuple[socket.socket, Program]) -> None:
    connection, amy = line
    fill(connection, amy)
    until(lambda: milliseconds_since_an_answer(connection) > 300)  # nothing is under way any more
    machine.pull_out()
    until(lambda: sockets.is_dead(connection, 1))


# What the server does.


def test_who_is_cut_off_is_held_and_their_connection_closed(
    machine: Machine, serve: Serve, connect: Connect, run: Run
) -> None:
    server = serve(host=machine.our_address, UNACKED_SECONDS=1.0, SWEEP_SECONDS=0.2, LOOK_SECONDS=0.1)
    bob = connect(server, "bob").joins()
    amy = run(server, "amy", *machine.runs("nc.openbsd", *server.address)).joins()
    files = server.files()
    machine.pull_out()
    bob.says("still there?")
    until(lambda: "Closing a connection whose machine is gone" in server.said)
    until(lambda: server.files() == files - 1)
    bob.says("/who")
    bob.hears("amy (line down")
    assert "left" not in bob.heard
    assert amy.process.poll() is None  # it cannot know either


def test_a_short_cut_loses_nothing(machine: Machine, serve: Serve, connect: Connect, run: Run) -> None:
    server = serve(host=machine.our_address)
    bob = connect(server, "bob").joins()
    amy = run(server, "amy", *machine.runs("nc.openbsd", *server.address)).joins()
    machine.pull_out()
    amy.says("from behind the cut")
    bob.says("to behind the cut")
    bob.says("/ping said")
    bob.hears("-> pong said")
    machine.plug_in()
    bob.hears("<amy> from behind the cut\r\n")
    amy.hears("<bob> to behind the cut\r\n")


def test_who_takes_nothing_for_too_long_is_cut_off(serve: Serve, connect: Connect) -> None:
    server = serve("--rate", "0", STALL_SECONDS=1.0, SWEEP_SECONDS=0.2, LOOK_SECONDS=0.1)
    with socket.socket() as sleeper:
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sleeper.connect((server.host, server.port))
        sleeper.sendall(b"sam\n")
        bob = connect(server, "bob").joins()
        files = server.files()
        until(_flood(bob.says, server.files, files))
        assert "Closing a connection that took nothing" in server.said
        bob.says("/who")
        bob.hears("sam (line down")


def _flood(say: Callable[[str], None], count: Callable[[], int], files: int) -> Callable[[], bool]:
    """Talk until a connection is closed."""

    def condition() -> bool:
        for _ in range(200):
            say("x" * 1900)
        return count() < files

    return condition
