"""Beside two hundred of one address who ask for as much as they can, a few people talk on; a row for each price, and
one of those who are muted and try every command.

The times of those few are printed (`pytest -m slow -s`), and no test fails for them unless they are far off.
"""

import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import cycle, pairwise
from pathlib import Path

import pytest

from chat.base import limits

from .server import CHECKOUT, ENVIRONMENT, Server
from .siege import MUTED, ROWS

pytestmark = [pytest.mark.slow, pytest.mark.alone]

SECONDS = 4.0
TALKERS = 8
"""Each of them says no more than anybody may (`limits.BURST` and `limits.RATE`), in all enough for a percentile."""
PAUSE_SECONDS = SECONDS / (TALKERS * limits.BURST)
SLOWEST_MEDIAN, SLOWEST_P99 = 0.05, 0.5
"""Ten and five times what is to be: machines that test have more to do."""
PORT, TLS_PORT = 23190, 23191


class Talker:
    """One of those few."""

    def __init__(self, server: Server, name: str) -> None:
        self._socket = socket.create_connection((server.host, server.port))
        self._socket.settimeout(20)
        self._heard = b""
        self.says(name)
        self.hears(f"Hello {name}.")

    def says(self, text: str) -> None:
        self._socket.sendall(text.encode() + b"\n")

    def hears(self, text: str) -> None:
        while text.encode() not in self._heard:
            self._heard += self._socket.recv(65536)
        self._heard = b""

    def close(self) -> None:
        self._socket.close()


def talk(talkers: list[Talker], seconds: float) -> list[float]:
    """Each says something when they have heard the one before; how long each took to be heard."""
    times, end = [], time.monotonic() + seconds
    for one, next in pairwise(cycle(talkers)):
        begun = time.monotonic()
        if begun >= end:
            break
        one.says(f"tick {begun}")
        next.hears(f"tick {begun}")
        times.append(time.monotonic() - begun)
        time.sleep(PAUSE_SECONDS)
    return times


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server keeps in which a thousand lines were said."""
    directory = tmp_path_factory.mktemp("data")
    with closing(Server(directory, BURST=1_000_000)) as server, closing(Talker(server, "writer")) as writer:
        writer.says("\n".join(f"many words of number {n}: ä́ö́" for n in range(1000)))
        writer.says("/last 1")
        writer.hears("number 999")
    return directory


@pytest.fixture
def server(data: Path, tmp_path: Path) -> Iterator[Server]:
    """A new one for each row, with the limits that it has by itself: of a siege that is over the kernel holds much."""
    directory = tmp_path / "server"
    shutil.copytree(data, directory)
    with closing(Server(directory, "--port", str(PORT), "--tls-port", str(TLS_PORT))) as server:
        yield server


@pytest.mark.parametrize("row", ROWS)
def test_people_talk_on(row: str, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert row == MUTED or hasattr(limits, row)
    facts = (server.port, row, SECONDS + 2, TLS_PORT, server.log.parent / "chat.control")
    command = [sys.executable, "-m", "tests.e2e.siege", *map(str, facts)]
    with ExitStack() as stack:
        talkers = [stack.enter_context(closing(Talker(server, f"ann{number}"))) for number in range(TALKERS)]
        for talker in talkers:
            talker.says("/join #pair")
            talker.hears("#pair")
        attackers = stack.enter_context(
            subprocess.Popen(command, cwd=CHECKOUT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        )
        time.sleep(1)
        cpu = server.cpu_seconds()
        times = talk(talkers, SECONDS)
        cpu = (server.cpu_seconds() - cpu) / SECONDS
        told, _ = attackers.communicate()
    assert attackers.returncode == 0
    median, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
    with capsys.disabled():
        took = f"median {median * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, of {len(times)}"
        sys.stdout.write(f"\n{row}: {took}; CPU {cpu:.2f}; {told.strip()}\n")
    assert median < SLOWEST_MEDIAN
    assert p99 < SLOWEST_P99
