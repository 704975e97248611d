"""Limits, bans and a reload, with the real server and connections from several addresses of this machine."""

import re
import signal
import socket
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from chat.base import limits

from .conftest import Connect, Serve
from .peers import Client
from .server import Server
from .waiting import SECONDS, until

pytestmark = pytest.mark.slow

BANNED = "! banned: The operator of this server has banned your address."


def logged(server: Server, text: str, times: int = 1) -> None:
    """Wait until the server has logged this."""
    until(lambda: server.said.count(text) >= times, what=f"the log says {text!r}")


def hang_up(server: Server) -> None:
    """Ask it to read its options again."""
    server.process.send_signal(signal.SIGHUP)


def first_line(server: Server, host: str = "127.0.0.1") -> str:
    """What is said to a connection from this address first."""
    with socket.create_connection((server.host, server.port), SECONDS, (host, 0)) as client:
        client.sendall(b"/quit\n")
        with client.makefile(encoding="utf-8") as lines:
            return lines.readline().rstrip()


def test_a_ban_in_the_file_counts_from_the_reload_on_for_who_is_here_and_who_comes(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    config = tmp_path / "chat.conf"
    config.write_text("# nobody yet\n")
    server = serve("--config", str(config))
    amy, bob = connect(server, "amy", "127.0.0.2").joins(), connect(server, "bob", "127.0.0.3").joins()
    config.write_text("ban 127.0.0.2\n")
    hang_up(server)
    amy.hears(BANNED)
    amy.hears_the_end()
    bob.hears("-!- amy left")
    assert first_line(server, "127.0.0.2") == BANNED
    assert first_line(server, "127.0.0.4").startswith("-> Welcome")
    logged(server, "ban: added 127.0.0.2/32")
    logged(server, "Banned, and sent away: 127.0.0.2")
    logged(server, "Banned, and not let in: 127.0.0.2")


def test_a_ban_and_a_crash_end_what_was_held_for_an_address(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    server = serve("--database", "chat.sqlite3")
    amy = connect(server, "amy", "127.0.0.2").joins()
    code = amy.hears("/resume ") and amy.hears("\r\n").strip()
    server.stop(signal.SIGKILL)
    server = serve("--database", "chat.sqlite3", "--ban", "127.0.0.2")
    back = connect(server, "amy", "127.0.0.3")
    back.says(f"/resume {code}")
    back.hears("! code-wrong")


def test_a_reload_says_what_changed_keeps_what_is_wrong_and_the_talk_goes_on(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    config, motd = tmp_path / "chat.conf", tmp_path / "motd"
    motd.write_text("Be kind.\n")
    config.write_text(f"motd {motd}\ngrace 5\n")
    server = serve("--config", str(config))
    amy = connect(server, "amy").joins()
    motd.write_text("Be quick.\n")
    config.write_text(f"motd {motd}\ngrace 6\nname hall\nport 1\n")
    hang_up(server)
    logged(server, "motd: Be kind. -> Be quick.")
    logged(server, "grace: 5 -> 6")
    logged(server, "(needs a restart; until then it stays as it was)")
    config.write_text("grace soon\n")
    hang_up(server)
    logged(server, f"All options stay as they were: {config}, line 1: grace soon: a whole number")
    bob = connect(server, "bob")
    bob.hears("Welcome to the chat on hall")
    bob.hears("-> Be quick.")
    bob.joins()
    bob.says("still here")
    amy.hears("<bob> still here")


def test_one_address_meets_its_limit_and_the_next_one_does_not(serve: Serve, connect: Connect) -> None:
    server = serve("--max-per-host", "5")
    held = [connect(server, f"n{number}", "127.0.0.2") for number in range(5)]
    for client in held:
        client.hears("Welcome")
    assert first_line(server, "127.0.0.2") == "! too-many: Your address has 5 connections already."
    assert first_line(server, "127.0.0.3").startswith("-> Welcome")


def test_arrivals_of_one_address_are_bounded_and_the_wait_is_the_one_that_is_told(serve: Serve) -> None:
    server = serve("--max-per-host", "40")
    lines = [first_line(server, "127.0.0.2") for _ in range(limits.ARRIVALS * 40 + 5)]
    assert sum(line.startswith("-> Welcome") for line in lines) in range(80, 84)
    assert lines[-1] == "! too-many: Your address connects too often. Come again in a second."
    assert first_line(server, "127.0.0.3").startswith("-> Welcome")
    time.sleep(limits.ARRIVALS_REFILL_SECONDS / 40)
    assert first_line(server, "127.0.0.2").startswith("-> Welcome")


# Behind a proxy.


@pytest.fixture
def behind_proxy(connect: Connect) -> Callable[..., Client]:
    """Make a connection as the proxy does, with these bytes, each in a packet of its own."""

    def behind_proxy(server: Server, *pieces: bytes) -> Client:
        client = connect(server)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            client.sends(piece)
        return client

    return behind_proxy


def text_header(host: str) -> bytes:
    """Version 1."""
    return f"PROXY TCP4 {host} 127.0.0.1 50000 12345\r\n".encode()


def binary_header(host: str) -> bytes:
    """Version 2."""
    address = socket.inet_aton(host)
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + address + address + struct.pack("!HH", 50000, 12345)


@pytest.mark.parametrize("header", [text_header, binary_header])
def test_behind_a_proxy_every_limit_counts_the_address_in_its_header(
    serve: Serve, behind_proxy: Callable[..., Client], header: Callable[[str], bytes]
) -> None:
    server = serve("--port", "haproxy:tcp:0:interface=127.0.0.1", "--max-per-host", "1", "--ban", "192.0.2.9")
    one = behind_proxy(server, header("192.0.2.1"), b"one\n")
    one.hears("Hello one")
    second = behind_proxy(server, header("192.0.2.1"))
    second.hears("! too-many: Your address has 1 connections already.")
    banned = behind_proxy(server, header("192.0.2.9"))
    banned.hears(BANNED)
    # Byte by byte, with half of the connection closed behind it: still answered in full.
    data = header("192.0.2.2") + b"/post deploy done\n"
    script = behind_proxy(server, *[data[at : at + 1] for at in range(len(data))])
    script.ends_input()
    script.hears("-> posted")
    script.hears_the_end()
    one.hears("<deploy/post> done")


def test_without_the_header_nobody_comes_in_by_the_proxys_door(
    serve: Serve, connect: Connect, behind_proxy: Callable[..., Client]
) -> None:
    server = serve("--port", "haproxy:tcp:0:interface=127.0.0.1", PROXY_SECONDS=0.5)
    for client in (connect(server), behind_proxy(server, b"amy\n"), behind_proxy(server, b"PROXY " + b"x" * 10_240)):
        assert client.hears_the_end() == ""
    logged(server, "without a good PROXY header", times=3)


def test_behind_a_proxy_the_header_comes_before_tls(serve: Serve) -> None:
    server = serve(
        *("--port", "tcp:0:interface=127.0.0.1", "--tls-port", "haproxy:tcp:0:interface=127.0.0.1"),
        *("--max-per-host", "1", "--database", "memory:"),
    )
    found = re.search(r"open on .*:(\d+), encrypted", server.said)
    assert found, server.said
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as stack:

        def first_line_of(host: str) -> str:
            plain = stack.enter_context(socket.create_connection((server.host, int(found[1])), SECONDS))
            plain.sendall(text_header(host))
            sealed = stack.enter_context(context.wrap_socket(plain))
            return stack.enter_context(sealed.makefile(encoding="utf-8")).readline().rstrip()

        assert first_line_of("192.0.2.1").startswith("-> Welcome")
        assert first_line_of("192.0.2.1") == "! too-many: Your address has 1 connections already."
        assert first_line_of("192.0.2.2").startswith("-> Welcome")


# Memory.


def test_lines_that_wait_for_their_time_take_little_memory(serve: Serve, connect: Connect) -> None:
    server = serve("--database", "memory:")
    clients = [connect(server, f"n{number}x", "127.0.0.2") for number in range(100)]
    for client in clients:
        client.joins()
    before = server.memory()
    for client in clients:
        client.sends(b"a\xff\n" * (64 * 1024 // 3))
    for client in clients:
        client.hears("/cancel drops those")
    assert server.memory() - before < len(clients) * 0.75 * 2**20 / 2
