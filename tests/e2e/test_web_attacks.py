"""What strangers may do to the web door, beside people who talk on and notice nothing."""

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.support.pages import frames, head, masked, upgrade

from .bystanders import Bystanders, besieged
from .peers import Client
from .server import Server
from .waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Bystanders]]:
    """One server for all, that has seen a browser."""
    with besieged(tmp_path_factory.mktemp("server"), "--rate", "0", "--max-per-host", "0") as siege:
        browser = Client(siege[0], "browser")
        browser.sends(b"GET / HTTP/1.0\r\nHost: pi\r\n\r\n")
        browser.hears_the_end()
        browser.close()
        yield siege


def page(server: Server, stack: ExitStack) -> socket.socket:
    """A page that may talk."""
    connection = stack.enter_context(socket.create_connection((server.host, server.port)))
    connection.settimeout(15)
    connection.sendall(upgrade(host="pi", origin="http://pi"))
    told = b""
    while b'"hello"' not in told:
        told += connection.recv(4096)
    assert told.startswith(b"HTTP/1.1 101 ")
    return connection


def test_half_requests(siege: tuple[Server, Bystanders], stack: ExitStack) -> None:
    server, bystanders = siege
    with bystanders.unharmed(12):
        half = []
        for _ in range(200):
            half.append(stack.enter_context(socket.create_connection((server.host, server.port))))
            half[-1].sendall(head("/chat.js")[:-4])
        for connection in half:
            connection.settimeout(15)
            assert connection.recv(100) == b""
            connection.close()


def test_a_message_without_end(siege: tuple[Server, Bystanders], stack: ExitStack) -> None:
    server, bystanders = siege
    with bystanders.unharmed(6):
        mallory = page(server, stack)
        with suppress(OSError):  # it is let go
            mallory.sendall(masked(b"x" * 64, 0x01) + masked(b"x" * 64, 0x00) * 100_000)
        told = b""
        with suppress(OSError):
            while data := mallory.recv(4096):
                told += data
        assert frames(told)[-1] == (0x88, struct.pack("!H", 1009))
        mallory.close()


@pytest.mark.parametrize("what", [masked(b"", 0x89), masked(b"", 0x80), masked(b"")], ids=["pings", "parts", "nothing"])
def test_a_flood_of_small_frames(siege: tuple[Server, Bystanders], stack: ExitStack, what: bytes) -> None:
    server, bystanders = siege
    with bystanders.unharmed(6):
        mallory = page(server, stack)
        mallory.settimeout(2)
        first = masked(b"", 0x01) if what == masked(b"", 0x80) else b""
        with suppress(OSError):  # it is slowed down
            mallory.sendall(first + what * 50_000)
        mallory.close()


def test_a_huge_frame_is_refused_by_its_length(siege: tuple[Server, Bystanders], stack: ExitStack) -> None:
    server, bystanders = siege
    with bystanders.unharmed(6):
        mallory = page(server, stack)
        mallory.sendall(b"\x81\xff" + struct.pack("!Q", 2**62) + b"\0\0\0\0" + b"x" * 70_000)
        told = b""

        def closed() -> bool:
            nonlocal told
            told += mallory.recv(4096)
            return bool(told) and frames(told)[-1][0] == 0x88

        until(closed)
        assert frames(told)[-1][1][:2] == struct.pack("!H", 1009)
        mallory.close()
