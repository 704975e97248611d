"""What does not behave: broken connections, other protocols, floods.  After each of them the others talk on."""

import os
import select
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from chat.base import limits

from .conftest import Connect, Serve
from .peers import Client, need
from .server import ENVIRONMENT, Server
from .waiting import until

pytestmark = pytest.mark.slow

MEGABYTE = 2**20


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server that lets everybody talk as fast as they can, and waits for no disk."""
    return serve("--rate", "0", "--database", "memory:")


@pytest.fixture(autouse=True)
def bystanders(server: Server, connect: Connect) -> Iterator[tuple[Client, Client]]:
    """Two who talk with one another, quickly, when all is over; nobody joined, and all connections are closed."""
    amy, bob = connect(server, "amy").joins(), connect(server, "bob").joins()
    files, before = server.files(), server.memory()
    yield amy, bob
    begun = time.monotonic()
    amy.says("all is well")
    bob.hears("<amy> all is well\r\n", 5)
    assert time.monotonic() - begun < 1
    until(lambda: server.files() == files, what="all connections are closed")
    assert server.memory("VmHWM") - before < 12 * MEGABYTE


Bystanders = tuple[Client, Client]


def test_a_reset_in_the_middle_of_a_line_says_nothing(server: Server, connect: Connect, bystanders: Bystanders) -> None:
    bob = bystanders[1]
    carl = connect(server, "carl").joins()
    bob.hears("-!- carl joined #lobby (3 here)\r\n")
    carl.sends(b"a whole line\nhalf a l")
    bob.hears("<carl> a whole line\r\n")
    carl.resets()
    until(lambda: bob.says("/who") or "carl (line down" in bob.heard)
    assert "half" not in bob.heard
    assert "carl left" not in bob.heard


def test_a_reset_before_anything_was_read_is_no_trouble(server: Server) -> None:
    for _ in range(100):
        with socket.create_connection((server.host, server.port)) as client:
            client.sendall(b"dave\nhello")


def test_bash_resets_with_words_unread(server: Server, bystanders: Bystanders) -> None:
    need("bash")
    host, port = server.address
    subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}; read <&3; echo '/post bash hi' >&3"], check=True)
    bystanders[0].hears("<bash/post> hi\r\n")


def test_a_browser_says_nothing(server: Server, bystanders: Bystanders) -> None:
    need("curl")
    host, port = server.address
    for request in ([], ["--data", "amy\nhello everybody\n"], ["--http0.9", "--data", "/nick eve\nhello everybody\n"]):
        url = f"http://{host}:{port}/"
        subprocess.run(["curl", "--silent", "--max-time", "3", *request, url], env=ENVIRONMENT, capture_output=True)
    says_that_nobody_came(bystanders)


def test_a_tls_client_is_no_trouble(server: Server, bystanders: Bystanders) -> None:
    context = ssl.create_default_context()
    with socket.create_connection((server.host, server.port), 5) as client, pytest.raises(ssl.SSLError):
        context.wrap_socket(client, server_hostname="chat")
    says_that_nobody_came(bystanders)


def test_an_ssh_client_is_no_trouble(server: Server, connect: Connect, bystanders: Bystanders) -> None:
    ssh = connect(server)
    ssh.sends(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
    ssh.hears("This is a chat, not SSH.")
    ssh.sends(b"\x00\x00\x05\xdc\x07\x14" + os.urandom(1500))
    ssh.close()
    says_that_nobody_came(bystanders)


def says_that_nobody_came(bystanders: Bystanders) -> None:
    """Nobody joined and nobody said anything since the second of them came."""
    bob = bystanders[1]
    bob.says("/ping quiet")
    heard = bob.hears("-> pong quiet")
    assert "joined" not in heard
    assert "<" not in heard


def test_an_endless_line_is_refused_once_with_its_length(server: Server, connect: Connect) -> None:
    carl = connect(server, "carl").joins()
    length = 8 * MEGABYTE
    carl.sends(b"x" * length + b"\n")
    carl.hears(f"! too-long: This line has {length} bytes, the limit is 16384.\r\n")
    carl.says("/ping on")
    assert carl.hears("-> pong on\r\n") == "-> pong on\r\n"
    carl.close()


def test_a_flood_of_empty_lines_keeps_nobody_waiting(server: Server, connect: Connect, bystanders: Bystanders) -> None:
    amy, bob = bystanders
    carl = connect(server, "carl").joins()
    flood = threading.Thread(target=carl.sends, args=(b"\n" * MEGABYTE + b"/ping over\n",))
    flood.start()
    slowest = 0.0
    while "-> pong over" not in carl.heard:
        begun = time.monotonic()
        amy.says("quick")
        bob.hears("<amy> quick\r\n", 5)
        slowest = max(slowest, time.monotonic() - begun)
    flood.join()
    assert slowest < 0.5
    carl.close()


def test_random_bytes_reach_the_others_as_text(server: Server, connect: Connect, bystanders: Bystanders) -> None:
    bob = bystanders[1]
    carl = connect(server, "carl").joins()
    carl.sends(os.urandom(MEGABYTE) + b"\n/quit\n")
    carl.hears_the_end()
    bob.says("/ping done")
    heard = bob.hears("-> pong done")
    for line in heard.split("\r\n"):
        assert line.isprintable() or all(
            char == "\t" or char.isprintable() or ord(char) >= 0xA0 for char in line
        ), line  # fmt: skip


@pytest.mark.parametrize("question", [b"\xff\xf6", b"\xff\xfd\x06"], ids=["are you there", "timing mark"])
def test_answers_to_one_who_does_not_read_them_do_not_pile_up(
    question: bytes, server: Server, bystanders: Bystanders
) -> None:
    amy = bystanders[0]
    packet = question * (limits.TELNET_ANSWERS // 5)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.connect((server.host, server.port))
        client.settimeout(1)
        with suppress(TimeoutError):  # when it is not read any more
            for _ in range(20 * MEGABYTE // limits.TELNET_ANSWERS):
                client.sendall(packet)
                amy.says("/ping")  # by then it has read the packet, and the next one is another
                amy.hears("-> pong\r\n")


def test_who_reads_nothing_is_not_read_either(server: Server) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((server.host, server.port))
        client.sendall(b"carl\n")
        client.setblocking(False)
        until(lambda: _cannot_send(client, b"/help all\n" * 1000))


def _cannot_send(client: socket.socket, data: bytes) -> bool:
    """For half a second nothing more was taken."""
    while select.select([], [client], [], 0.5)[1]:
        with suppress(BlockingIOError):
            client.send(data)
    return True


def test_too_many_from_one_address_are_told_so(server: Server, connect: Connect) -> None:
    crowd = [connect(server) for _ in range(198)]
    crowd[-1].hears("Type a nickname")
    one_more = connect(server)
    assert one_more.hears_the_end() == "! too-many: Your address has 200 connections already.\r\n"
    other = connect(server, "other", from_address="127.0.0.2")
    other.hears("Type a nickname")
    for client in (*crowd, other):
        client.close()


def test_many_who_come_and_go_leave_nothing_behind(server: Server, bystanders: Bystanders) -> None:
    for number in range(300):
        with socket.create_connection((server.host, server.port)) as client:
            client.sendall(b"visitor%d\nhello\n/quit\n" % number)
            with client.makefile("rb") as lines:
                assert lines.readlines()[-1].startswith(b"-> Bye visitor")
