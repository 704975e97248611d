"""`python -m tests.bench.ssh`: what a line costs that is delivered by ssh, beside one delivered by TLS.

One server, one person who says lines at a steady rate, and so many readers of one kind after the other: none, by TLS,
by ssh without a terminal, and at a terminal by ssh whose line is edited by the server.  Measured is the CPU time that
the server takes for a line and a reader more than without readers, and the memory that a reader takes.  Readers are
OpenSSH's own program, so as many of them as the machine bears.
"""

import argparse
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.e2e.peers import sealed
from tests.e2e.server import ENVIRONMENT
from tests.e2e.ssh_clients import SshServer, command

WORDS = "some words as people write them in a room where much is said"


class Figures(NamedTuple):
    """Of one kind of readers."""

    seconds: float
    """CPU time of the server while it was talked."""

    memory: int
    """Bytes that the server took for them."""


@contextmanager
def _by_tls(server: SshServer, number: int) -> Iterator[None]:
    reader = sealed("127.0.0.1", server.tls_port)
    reader.sendall(f"reader{number}\n".encode())
    threading.Thread(target=_drain, args=(reader.recv,), daemon=True).start()
    yield
    reader.close()


def _by_ssh(*options: str) -> Callable[[SshServer, int], object]:
    @contextmanager
    def come(server: SshServer, number: int) -> Iterator[None]:
        words = command("ssh", server, server.log.parent, user="nobody", options=options)
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT, bufsize=0
        ) as reader:
            assert reader.stdin is not None
            assert reader.stdout is not None
            threading.Thread(target=_drain, args=(reader.stdout.read,), daemon=True).start()
            time.sleep(0.5)
            # What is proposed is taken away first, where there is a line that is edited.
            begin = b"\x15" if "-tt" in options else b""
            reader.stdin.write(begin + f"reader{number}{chr(13) if begin else chr(10)}".encode())
            yield
            reader.kill()

    return come


def _drain(receive: Callable[[int], bytes]) -> None:
    try:
        while receive(65536):
            pass
    except (OSError, ValueError, ssl.SSLError):
        pass


KINDS = {
    "nobody": None,
    "TLS": _by_tls,
    "ssh -T": _by_ssh("-T"),
    "ssh at a terminal": _by_ssh("-tt"),
}


def measure(kind: str, readers: int, rate: float, seconds: float) -> Figures:
    """Let one person talk to so many readers of this kind."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        tls = socket.create_server(("127.0.0.1", 0))
        port = tls.getsockname()[1]
        tls.close()
        server = SshServer(
            Path(directory), "--rate", "0", "--max-per-host", "0", "--tls-port", f"tcp:{port}:interface=127.0.0.1"
        )
        stack.callback(server.kill)
        server.tls_port = port
        before = server.memory()
        come = KINDS[kind]
        for number in range(0 if come is None else readers):
            stack.enter_context(come(server, number))
        time.sleep(2)
        grown = server.memory() - before
        speaker = socket.create_connection((server.host, server.port))
        threading.Thread(target=_drain, args=(speaker.recv,), daemon=True).start()
        speaker.sendall(b"speaker\n")
        time.sleep(2)
        begun, cpu, said = time.monotonic(), server.cpu_seconds(), 0
        while time.monotonic() - begun < seconds:
            speaker.sendall(f"{said} {WORDS}\n".encode())
            said += 1
            time.sleep(max(0.0, begun + said / rate - time.monotonic()))
        time.sleep(0.5)
        return Figures((server.cpu_seconds() - cpu) / said, grown)


def main(arguments: list[str]) -> None:
    """Measure each kind, some rounds in turn, and print the smallest figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ssh", description=__doc__)
    parser.add_argument("--readers", "-n", type=int, default=20)
    parser.add_argument("--rate", "-l", type=float, default=50, help="lines a second (default: 50)")
    parser.add_argument("--seconds", "-t", type=float, default=10)
    parser.add_argument("--rounds", "-r", type=int, default=3)
    chosen = parser.parse_args(arguments)
    found: dict[str, list[Figures]] = {kind: [] for kind in KINDS}
    for _ in range(chosen.rounds):
        for kind in KINDS:
            found[kind].append(measure(kind, chosen.readers, chosen.rate, chosen.seconds))
    idle = min(figures.seconds for figures in found["nobody"])
    for kind in list(KINDS)[1:]:
        line = (min(figures.seconds for figures in found[kind]) - idle) / chosen.readers
        memory = min(figures.memory for figures in found[kind]) / chosen.readers / 1024
        sys.stdout.write(f"{kind:18} {line * 1e3:7.4f} ms CPU a line and reader, {memory:6.0f} KiB a reader\n")


if __name__ == "__main__":
    main(sys.argv[1:])
