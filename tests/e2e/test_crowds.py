"""Attacks that take many connections, or some that are not read: the others talk on as if nothing happened."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from chat.base import limits

from .bystanders import MEGABYTE, Bystanders, besieged
from .peers import Client, need
from .server import ENVIRONMENT, Server
from .waiting import SECONDS, until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

Siege = tuple[Server, Bystanders]


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """One server for all, which does not slow anybody down and has no limit for an address."""
    with besieged(tmp_path_factory.mktemp("server"), "--rate", "0", "--max-per-host", "0") as siege:
        yield siege


def connected(server: Server, from_address: str = "", room: int = 0) -> socket.socket:
    """A connection that nobody reads, with so much room in the kernel for what comes."""
    client = socket.socket()
    if room:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    client.settimeout(SECONDS)
    try:
        client.bind((from_address, 0))
        client.connect((server.host, server.port))
    except OSError:
        client.close()
        raise
    return client


@contextmanager
def crowd(server: Server, size: int, greeting: str = "", room: int = 0) -> Iterator[Sequence[socket.socket]]:
    """So many connections, each of which has sent this."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(server, room=room)) for _ in range(size)]
        for number, client in enumerate(clients):
            client.sendall(greeting.format(number).encode())
        yield clients


def read_until(client: socket.socket, text: bytes) -> bytes:
    """What comes up to this, or up to the end."""
    heard = b""
    while text not in heard and (data := client.recv(65536)):
        heard += data
    return heard


def told(client: socket.socket) -> bytes:
    """The first line that comes, if one does before the end: of very many who may not stay, not all can be told."""
    with suppress(ConnectionResetError):
        return read_until(client, b"\r\n").strip()
    return b""


def computes_little(server: Server) -> bool:
    """For some tenths of a second it was idle, but for those who talk."""
    before = server.cpu_seconds()
    select.select([], [], [], 0.5)
    return server.cpu_seconds() - before < 0.2


def resets(client: socket.socket) -> None:
    """Break a connection."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def test_resets_in_the_middle_of_a_line(siege: Siege) -> None:
    server, bystanders = siege
    with bystanders.unharmed(8):
        for number in range(300):
            with connected(server) as client:
                client.sendall(f"/nick reset{number}\nhalf a li".encode())
                read_until(client, b"If the line drops")
                resets(client)
    assert "half a" not in bystanders.listener.heard


def test_half_closes_after_a_command_get_every_answer_and_the_end(siege: Siege) -> None:
    server, bystanders = siege
    # They come in all at once, each announced to all.
    with (
        bystanders.unharmed(8, seconds=2),
        crowd(server, 200, "/nick half{0}\n/msg half{0} hi\n/who\n/ping last") as clients,
    ):
        for client in clients:
            client.shutdown(socket.SHUT_WR)
        for client in clients:
            assert b"-> pong last\r\n" in read_until(client, b"nothing more")


def test_connections_that_come_and_go_at_once(siege: Siege) -> None:
    server, bystanders = siege
    with bystanders.unharmed(8):
        for number in range(1000):
            with connected(server, f"127.0.{number % 200 + 1}.{number % 250 + 1}") as client:
                if number % 3 == 0:
                    resets(client)


def test_half_a_line_and_then_nothing_from_many(siege: Siege) -> None:
    server, bystanders = siege
    with bystanders.unharmed(40), crowd(server, 300, "/nick held{}\n/ping held\n" + "h" * 16_000) as clients:
        for client in clients:
            read_until(client, b"-> pong held\r\n")
    assert "hhh" not in bystanders.listener.heard


def test_readers_that_are_stopped_in_a_busy_room(siege: Siege) -> None:
    server, bystanders = siege
    need("nc.openbsd")
    # The talker is as fast as the store: a turn that is being written, and one that gathers.
    with bystanders.unharmed(2 * limits.PENDING_BYTES / MEGABYTE + 32), ExitStack() as stack:
        for number in range(5):
            reader = subprocess.Popen(
                ["nc.openbsd", *server.address], env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            stack.enter_context(reader)
            stack.callback(reader.kill)
            assert reader.stdin is not None
            assert reader.stdout is not None
            reader.stdin.write(f"/nick stopped{number}\n".encode())
            reader.stdin.flush()
            while b"If the line drops" not in os.read(reader.stdout.fileno(), 4096):
                pass
            reader.send_signal(signal.SIGSTOP)
        talker = Client(server, "talker").joins()
        stack.callback(talker.close)
        for number in range(5000):
            talker.says(f"{number} " + "t" * 1900)
        talker.says("/ping said")
        talker.hears("-> pong said", 60)
        bystanders.listener.hears("<talker> 4999 ", 60)


def test_answers_that_are_not_read_do_not_pile_up(siege: Siege) -> None:
    server, bystanders = siege
    with bystanders.unharmed(60), crowd(server, 30, "/json\n/nick deaf{}\n", room=4096) as clients:
        for client in clients:
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.sendall(b'{"line":"/who"}\n{"line":"/last 500"}\n{"line":"/help all"}\n' * 500)
        # The server works until nothing more fits, and then computes no more for them.
        until(lambda: computes_little(server))
        for client in clients:
            resets(client)


def test_who_does_not_read_and_is_taken_over_is_gone_within_seconds(siege: Siege) -> None:
    server, bystanders = siege
    with bystanders.unharmed(16), connected(server, room=4096) as deaf:
        deaf.sendall(b"/json\n/nick deaf\n")
        welcome = read_until(deaf, b'"history"')
        code = next(json.loads(line)["resume"] for line in welcome.split(b"\n") if b'"resume"' in line)
        deaf.setblocking(False)
        with suppress(BlockingIOError):
            deaf.sendall(b"/help all\n" * 5000)
        files = server.files()
        with connected(server) as other:
            other.sendall(f"/json\n/resume {code}\n".encode())
            begun = time.monotonic()
            read_until(other, b'"back":true')
            until(lambda: server.files() <= files, what="the old connection is closed")
            assert time.monotonic() - begun < 5


def test_nicknames_rooms_and_codes_from_many_at_once(siege: Siege) -> None:
    server, bystanders = siege
    lines = "".join(f"/nick n{{0}}-{count}\n/join #room{{0}}-{count}\n" for count in range(2, 9))
    codes = "".join(f"/resume AAA2B-B{count}CDE\n" for count in range(2, 9))
    with bystanders.unharmed(40), crowd(server, 100, f"{lines}/ping over\n{codes}") as clients:
        for client in clients:
            read_until(client, b"pong over")
        # Most of the codes wait for their turn, and go with those who wait.
        for client in clients:
            resets(client)


def test_searches_from_many_keep_nobody_from_coming_in(siege: Siege) -> None:
    server, bystanders = siege
    bomb = '/grep tick \n/grep %_ "a* b\n/since 9999d\n/last 500\n' * 2
    with bystanders.unharmed(100), crowd(server, 10, "/nick seeker{}\n" + bomb) as clients:
        begun = time.monotonic()
        newcomer = Client(server, "newcomer").joins()
        assert time.monotonic() - begun < 3
        newcomer.close()
        for client in clients:
            resets(client)


def test_a_flood_from_one_address_and_from_many_is_told_and_leaves_the_others_alone(tmp_path: Path) -> None:
    with besieged(tmp_path, "--max-per-host", "20", "--max-clients", "60") as (server, bystanders):
        files = server.files()
        with bystanders.unharmed(16), ExitStack() as stack:
            here = [stack.enter_context(connected(server, "127.0.0.2")) for _ in range(40)]
            assert told(here[20]).startswith(b"! too-many: Your address has 20 connections")
            until(lambda: server.files() < files + 30, what="who may not stay is gone")
            there = []
            for number in range(3, 203):
                with suppress(ConnectionResetError):  # as `told` has it, but before we even knew of the connection
                    there.append(stack.enter_context(connected(server, f"127.0.0.{number}")))
            assert b"! too-many: The chat is full: 60 connections." in map(told, there)
        newcomer = Client(server, "newcomer", "127.0.0.203").joins()
        newcomer.close()


def test_who_sends_a_byte_now_and_then_has_as_much_time_to_choose_a_nickname_as_others(tmp_path: Path) -> None:
    with (
        besieged(tmp_path, NICK_REMINDER_SECONDS=0.5, NICK_SECONDS=1.5) as (server, bystanders),
        bystanders.unharmed(8),
    ):
        begun = time.monotonic()
        with connected(server) as slow:
            slow.settimeout(0.1)
            heard = b""
            while b"nick-timeout" not in heard:
                slow.sendall(b"s")
                with suppress(TimeoutError):
                    heard += slow.recv(4096)
            assert time.monotonic() - begun < 3


def test_two_hundred_who_all_ask_for_much_at_once_hold_nobody_up(tmp_path: Path) -> None:
    # A burst of the usual rate from as many as one address may have held everybody up for 4 seconds once.
    unharmed = 64, 2.0
    with besieged(tmp_path) as (server, bystanders), bystanders.unharmed(*unharmed), ExitStack() as stack:
        clients = [stack.enter_context(connected(server, "127.0.0.2")) for _ in range(200)]
        for client in clients:
            client.settimeout(60)
            client.sendall(b"/help all\n" * limits.BURST + b"/ping over\n")
        for client in clients:
            read_until(client, b"-> pong over")
            resets(client)
