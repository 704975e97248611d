"""The load generator notices exactly what a server does wrong; what it hears here is a server that follows a script."""

import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.bench.generator import Generator, Heard
from tests.bench.servers import KINDS, Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler (cc)"),
]

LINES = 4


def _serve(listener: socket.socket, script: Sequence[Sequence[int | bytes]]) -> None:
    """Let one person for each part of the script in, hear the first one say LINES lines, and send to each, in the order
    of the script, the lines it names, or is."""
    people = []
    for _ in script:
        connection = listener.accept()[0]
        connection.sendall(b"-> Nickname?\r\n")
        people.append((connection, connection.makefile("rb")))
    for connection, lines in people:
        connection.sendall(b"-> Hello " + lines.readline().strip() + b"\r\n")
    said = [people[0][1].readline().strip() for _ in range(LINES)]
    for (connection, _), order in zip(people, script, strict=True):
        lines_of_it = (b"<p00000> " + said[line] if isinstance(line, int) else line for line in order)
        connection.sendall(b"".join(line + b"\r\n" for line in lines_of_it))
    for connection, lines in people:
        lines.read()  # until the generator is gone
        connection.close()


@contextmanager
def _scripted(script: Sequence[Sequence[int | bytes]]) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, script))
        thread.start()
        yield cast(Any, SimpleNamespace(kind=KINDS["limit"], sealed=False, port=listener.getsockname()[1]))
        thread.join()


def _heard(*script: Sequence[int | bytes]) -> Heard:
    with _scripted(script) as server, Generator(server, None) as load:
        load.connect(len(script))
        return load.run(senders=1, window=LINES, count=LINES)


IN_ORDER = range(LINES)


def test_everything_heard_once_and_in_order_is_no_fault() -> None:
    heard = _heard([], IN_ORDER, IN_ORDER)
    assert heard.faults == {}
    assert heard.delivered == 2 * LINES


def test_a_line_that_comes_late_is_misordered_and_not_lost() -> None:
    assert _heard([], IN_ORDER, [0, 2, 1, 3]).faults == {"misordered": 1, "divergent": 1}


def test_a_line_that_comes_twice_is_a_duplicate() -> None:
    assert _heard([], IN_ORDER, [0, 1, 1, 2, 3]).faults == {"duplicate": 1}


def test_a_line_that_never_comes_is_lost() -> None:
    assert _heard([], IN_ORDER, [0, 1, 3]).faults == {"lost": 1, "divergent": 1}


def test_of_lines_that_are_lost_it_says_how_many_the_server_told_that_it_skipped() -> None:
    skips = [0, b"-- 2 lines of #lobby are gone --", 3]
    assert _heard([], IN_ORDER, skips).faults == {"lost": 2, "skipped": 2, "divergent": 1}
    assert _heard([], [1, 2, 3], [b"-- 1 line of #lobby is gone --", 1, 2, 3]).faults == {"lost": 2, "skipped": 1}


def test_an_echo_to_the_author_is_stray() -> None:
    assert _heard([3], [*IN_ORDER], IN_ORDER).faults == {"stray": 1}


def test_over_tls_all_of_it_is_heard_too() -> None:
    with Server(KINDS["limit"], sealed=True) as server, Generator(server, None) as load:
        load.connect(20)
        heard = load.run(senders=5, window=100, count=2_000)
    assert (heard.faults, heard.delivered) == ({}, 19 * 2_000)


def test_on_all_wires_all_of_it_is_heard_too() -> None:
    with Server(KINDS["wires"]) as server, Generator(server, None) as load:
        load.connect(20)
        load.answered(0, 20)
        heard = load.run(senders=8, window=10, count=800)
    assert (heard.faults, heard.delivered, heard.error) == ({}, 19 * 800, "")
