"""Beside two hundred of one address who ask for as much as they can, a pair talks on; a row for each price.

The times of the pair are printed (`pytest -m slow -s`), and no test fails for them unless they are far off.
"""

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from chat.base import limits

from .server import CHECKOUT, ENVIRONMENT, Server
from .siege import ROWS

pytestmark = [pytest.mark.slow, pytest.mark.alone]

SECONDS = 4.0
PAUSE_SECONDS = 0.005
SLOWEST_MEDIAN, SLOWEST_P99 = 0.05, 0.5
"""Ten and five times what is to be: machines that test have more to do."""


class Talker:
    """One of the pair."""

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


def talks(ann: Talker, bob: Talker, seconds: float) -> list[float]:
    """Each says something when they have heard the other; how long each took to be heard."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        for one, other in ((ann, bob), (bob, ann)):
            begun = time.monotonic()
            one.says(f"tick {begun}")
            other.hears(f"tick {begun}")
            times.append(time.monotonic() - begun)
        time.sleep(PAUSE_SECONDS)
    return times


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With the limits that it has by itself, but that the pair may say more than two lines a second."""
    server = Server(
        tmp_path_factory.mktemp("server"), "--port", "23190", "--tls-port", "23191", BURST=100_000, first=""
    )
    try:
        with socket.create_connection((server.host, server.port)) as writer:
            writer.sendall(b"writer\n" + "".join(f"many words of number {n}: ä́ö́\n" for n in range(1000)).encode())
            writer.settimeout(1)
            time.sleep(1)
        yield server
    finally:
        server.close()


@pytest.mark.parametrize("row", ROWS)
def test_a_pair_talks_on(row: str, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert hasattr(limits, row)
    number = ROWS.index(row)
    ann, bob = Talker(server, f"ann{number}"), Talker(server, f"bob{number}")
    ann.says("/join #pair")
    bob.says("/join #pair")
    bob.hears("#pair")
    command = [sys.executable, "-m", "tests.e2e.siege", str(server.port), row, str(SECONDS + 2), "23191"]
    with subprocess.Popen(command, cwd=CHECKOUT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as attackers:
        time.sleep(1)
        cpu = server.cpu_seconds()
        times = talks(ann, bob, SECONDS)
        cpu = (server.cpu_seconds() - cpu) / SECONDS
        told, _ = attackers.communicate()
    ann.close()
    bob.close()
    assert attackers.returncode == 0
    median, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
    with capsys.disabled():
        took = f"median {median * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, of {len(times)}"
        sys.stdout.write(f"\n{row}: {took}; CPU {cpu:.2f}; {told.strip()}\n")
    assert median < SLOWEST_MEDIAN
    assert p99 < SLOWEST_P99
