"""Somebody who sleeps while others talk: nobody notices, and they are told what they missed."""

import re
import socket
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

import pytest

from chat.base import limits

from .conftest import Connect, Serve
from .peers import Client
from .server import Server

pytestmark = pytest.mark.slow

MESSAGES = {"#lobby": 15_000, "#ops": 10_000, "#dev": 5_000}
TEXT = "x" * 900
SENDERS = 4
SLEEPERS = 5

MEGABYTE = 2**20
STORED = sum(min(count, limits.MEMORY_EVENTS) * (limits.ENTRY_OVERHEAD + len(TEXT)) for count in MESSAGES.values())
"""What the store in memory keeps of it, whoever listens."""

OWED = SLEEPERS * sum(MESSAGES.values()) * len(TEXT)
"""What queues for the sleepers would hold."""


@pytest.mark.parametrize("database", ["memory:", "chat.sqlite3"])
def test_who_sleeps_costs_nobody_anything_and_is_told_how_much_is_gone(
    database: str, serve: Serve, connect: Connect, stack: ExitStack
) -> None:
    server = serve("--rate", "0", "--max-per-host", "0", "--database", database)
    listener = connect(server, "listener").joins()
    senders = [connect(server, f"sender{number}").joins() for number in range(SENDERS)]
    for person in (listener, *senders):
        for room in MESSAGES:
            person.says(f"/join {room}")
        person.says("/ping here")
        person.hears("-> pong here")
    sleepers = [stack.enter_context(asleep(server, f"sleeper{number}")) for number in range(SLEEPERS)]
    before = server.memory()

    threads = [threading.Thread(target=talk, args=(sender, number)) for number, sender in enumerate(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = [f"{room} <sender0> that was all" for room in MESSAGES]
    for room, line in zip(MESSAGES, last, strict=True):
        senders[0].says(f"/msg {room} that was all")
        listener.hears(line, seconds=60)

    grown = server.memory("VmHWM") - before
    assert grown < STORED + 30 * MEGABYTE < OWED

    spoken = {room: list(said(listener.heard.splitlines(), room)) for room in MESSAGES}
    for room, lines in spoken.items():
        assert len(lines) == MESSAGES[room] + 1
        for number in range(SENDERS):
            own = [line for line in lines[:-1] if f"<sender{number}>" in line]
            assert own == [f"{room} <sender{number}> {count} {TEXT}" for count in range(MESSAGES[room] // SENDERS)]

    # The one who joined last: after that nothing happened but talk.
    lines = read_until(sleepers[-1], last)
    gone = {room: adds_up(room, spoken[room], lines) for room in MESSAGES}
    assert (gone["#lobby"] > 0) == (database == "memory:")
    assert gone["#dev"] == 0


def talk(sender: Client, number: int) -> None:
    """Say a share of the messages, a few to each room in turn, and wait until the server has taken them."""
    shares = {room: count // SENDERS for room, count in MESSAGES.items()}
    for count in range(max(shares.values())):
        for room, share in shares.items():
            if count < share:
                sender.says(f"/msg {room} {count} {TEXT}")
    sender.says("/ping done")
    sender.hears("-> pong done", seconds=120)


def asleep(server: Server, name: str) -> socket.socket:
    """Somebody in all the rooms who reads nothing any more."""
    sleeper = socket.socket()
    sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sleeper.settimeout(60)
    sleeper.connect((server.host, server.port))
    sleeper.sendall("\n".join([name, *(f"/join {room}" for room in MESSAGES), "/ping here", ""]).encode())
    read_until(sleeper, ["-> pong here"])
    return sleeper


def read_until(reader: socket.socket, last: Sequence[str]) -> list[str]:
    """The lines up to where all of these were read."""
    lines, awaited = [], set(last)
    with reader.makefile(encoding="utf-8", newline="\r\n") as stream:
        for line in stream:
            lines.append(line.removesuffix("\r\n"))
            awaited.discard(lines[-1])
            if not awaited:
                return lines
    raise AssertionError(f"the connection ended after {lines[-3:]}")


def said(lines: Iterable[str], room: str) -> Iterable[str]:
    """What was said in a room among these lines."""
    return (line for line in lines if line.startswith(f"{room} <"))


def adds_up(room: str, spoken: Sequence[str], lines: Sequence[str]) -> int:
    """Check that these lines hold all that was said in a room, but for what they say is gone; returns how much."""
    place = total = 0
    for line in lines:
        if found := re.fullmatch(rf"-- (\d+) lines? of {room} (?:is|are) gone --", line):
            place += int(found[1])
            total += int(found[1])
        elif line.startswith(f"{room} <"):
            assert line == spoken[place]
            place += 1
    assert place == len(spoken)
    return total
