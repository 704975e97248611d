"""The gate of the fan-out: system calls per delivery, counted by strace on the real server, for they carry no noise.

Unbatched, a delivery is one send and nothing else; with lines in flight many deliveries share one, and with io_uring
all recipients of a line do. An epoll_ctl for every delivery means that writing goes through the reactor again, which is
what makes a naive Twisted server slow.
"""

import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.core.io_uring import the_ring
from tests.bench.generator import Generator, Heard
from tests.bench.lines import Author, listen
from tests.bench.servers import KINDS, ROOT, Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler (cc)"),
    pytest.mark.skipif(shutil.which("strace") is None, reason="counting system calls needs strace"),
]

PEOPLE = 50
SENDS = ("sendto", "sendmsg", "write", "writev", "io_uring_enter")
WITHOUT_IO_URING = ("-e", "inject=io_uring_setup:error=EPERM")  # as in most containers


class Traced:
    """A running server under strace, with people in the lobby, and what it called since they came."""

    def __init__(self, server: Server, load: Generator, trace: Path) -> None:
        self._server = server
        self._load = load
        self._trace = trace

    def talk(self, *, senders: int, window: int, count: int) -> tuple[Heard, Counter[str]]:
        """Talk until all is delivered; what was heard, and how often which system call was made for it."""
        self._server.settle()
        before = self._trace.stat().st_size
        heard = self._load.run(senders=senders, window=window, count=count)
        self._server.settle()
        return heard, _counted(self._trace, before)


OVER_TLS = ("-e", "trace=epoll_ctl,recvfrom,sendto")
"""Known by this; the last of these options counts."""


@pytest.fixture
def traced(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Traced]:
    # -D: strace is the server's grandchild, so that ending the server ends both
    trace = tmp_path / "trace"
    traced = f"trace=epoll_ctl,io_uring_setup,{','.join(SENDS)}"
    strace = ["strace", "-D", "-f", "-o", str(trace), "-e", traced, *request.param]
    sealed = request.param is OVER_TLS
    with Server(KINDS["chat"], wrapper=strace, sealed=sealed) as server, Generator(server, None) as load:
        load.connect(PEOPLE)
        yield Traced(server, load, trace)


@pytest.mark.parametrize("traced", [WITHOUT_IO_URING], indirect=True)
def test_with_one_line_in_flight_a_delivery_is_one_send_and_no_epoll_ctl(traced: Traced) -> None:
    heard, calls = traced.talk(senders=1, window=1, count=50)
    assert heard.faults == {}
    sends = sum(calls[name] for name in SENDS)
    assert heard.delivered <= sends <= 1.05 * heard.delivered  # a wake-up a turn, not one a delivery, is allowed
    assert calls["epoll_ctl"] <= 0.01 * heard.delivered


@pytest.mark.skipif(the_ring() is None, reason="no io_uring here")
@pytest.mark.parametrize("traced", [()], indirect=True)
def test_with_io_uring_a_line_is_one_call_for_all_its_recipients(traced: Traced) -> None:
    heard, calls = traced.talk(senders=1, window=1, count=50)
    assert heard.faults == {}
    assert 50 <= calls["io_uring_enter"] <= 55  # now and then two, at the end of the ring
    assert sum(calls[name] for name in SENDS) <= 110  # a wake-up a turn is allowed
    assert calls["epoll_ctl"] <= 0.01 * heard.delivered


@pytest.mark.parametrize("traced", [(), WITHOUT_IO_URING], indirect=True)
def test_with_a_window_at_least_ten_deliveries_share_a_send_and_none_needs_epoll_ctl(traced: Traced) -> None:
    heard, calls = traced.talk(senders=10, window=32, count=3_000)
    assert heard.faults == {}
    assert sum(calls[name] for name in SENDS) <= 0.1 * heard.delivered
    assert calls["epoll_ctl"] <= 0.01 * heard.delivered


@pytest.mark.parametrize("traced", [OVER_TLS], indirect=True)
def test_over_tls_a_delivery_is_one_send_too_and_a_line_that_comes_is_one_read(traced: Traced) -> None:
    heard, calls = traced.talk(senders=1, window=1, count=50)
    assert heard.faults == {}
    assert calls["sendto"] == heard.delivered
    assert calls["recvfrom"] <= 52
    assert calls["epoll_ctl"] <= 0.01 * heard.delivered
    heard, calls = traced.talk(senders=10, window=32, count=3_000)
    assert heard.faults == {}
    assert calls["sendto"] <= 0.1 * heard.delivered
    assert calls["epoll_ctl"] <= 0.01 * heard.delivered


def test_a_durable_line_is_a_few_pages_one_sync_and_two_wake_ups(tmp_path: Path) -> None:
    trace, lines, people = tmp_path / "trace", 50, 9
    strace = [
        "strace",
        "-D",
        "-f",
        "-o",
        str(trace),
        "-e",
        f"trace=epoll_ctl,epoll_wait,pwrite64,fdatasync,{','.join(SENDS)}",
    ]
    with Server(KINDS["durable"], wrapper=strace) as server:
        listeners, author = listen(server.port, people), Author(server.port, "author")
        for number in range(lines):
            author.say(f"line {number} of before")
        begun = trace.stat().st_size
        for number in range(lines):
            author.say(f"line {number} of somebody who has something to say")
        calls = _counted(trace, begun)
        for connection in (author, *listeners):
            connection.close()
    # A statement that writes one page more is two calls more for each line: its head and itself.
    assert calls["pwrite64"] <= 9 * lines
    assert lines <= calls["fdatasync"] <= 1.1 * lines
    # Those who hear it, the acknowledgement, and the writer that wakes the reactor.
    assert (people + 1) * lines <= sum(calls[name] for name in SENDS) <= 1.04 * (people + 2) * lines
    assert calls["epoll_wait"] <= 2.5 * lines
    assert calls["epoll_ctl"] <= 0.05 * lines


SOON = {
    "GATHER_SECONDS": 0.5,
    "LOOK_SECONDS": 0.1,
    "SWEEP_SECONDS": 0.3,
    "PAUSE_SECONDS": 1.0,
    "INDEX_IDLE_SECONDS": 0.1,
}


def test_a_server_to_which_nobody_says_anything_calls_nothing(tmp_path: Path) -> None:
    """Not even to look at the clock, once all that was said is acknowledged and stored."""
    trace = tmp_path / "trace"
    soon = "".join(f"limits.{name} = {value}\n" for name, value in SOON.items())
    (tmp_path / "sitecustomize.py").write_text(f"from chat.base import limits\n{soon}")
    wrapper = ["env", f"PYTHONPATH={tmp_path}:{ROOT}", "strace", "-D", "-f", "-o", str(trace)]
    with Server(KINDS["durable"], wrapper=wrapper) as server, Generator(server, None) as load:
        load.connect(PEOPLE)
        load.run(senders=1, window=1, count=10)
        for _ in range(20):
            before = trace.stat().st_size
            time.sleep(3)
            if trace.stat().st_size == before:
                break
        else:
            with trace.open() as lines:
                lines.seek(before)
                pytest.fail(f"it is never quiet: {lines.read()[:2000]}")
        load.run(senders=1, window=1, count=10)
        assert trace.stat().st_size > before


def _counted(trace: Path, begun: int) -> Counter[str]:
    with trace.open() as lines:
        lines.seek(begun)
        return Counter(found[1] for line in lines if (found := re.match(r"\d+ +(\w+)\(", line)))
