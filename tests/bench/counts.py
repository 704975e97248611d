"""What a line costs, counted: `python -m tests.bench.counts [--beside CHECKOUT]`; on a busy machine, too.

Instructions of the server outside the kernel (valgrind's callgrind) and its system calls (strace), for so many lines of
some workloads of `tests.bench`; beside another checkout, with the ratio of this one to it.  Clocks run on while
callgrind counts, so what waits for time (`win`, `sat`) varies by some percent, and all else by less than one.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.bench import servers
from tests.bench.generator import Generator
from tests.bench.lines import Author, listen
from tests.bench.servers import DATABASE, MEMORY, ROOT, Server, checkout
from tests.bench.workloads import SENDERS, indexed

Count = Callable[[], None]
Load = Iterator[int]
"""Comes in, gives how much it does, and does it."""


def lat(server: Server, load: Generator, n: int) -> Load:
    yield from _talk(load, n, 300, senders=1, window=1)


def win(server: Server, load: Generator, n: int) -> Load:
    yield from _talk(load, n, 6_000, senders=SENDERS, window=32)


def sat(server: Server, load: Generator, n: int) -> Load:
    yield from _talk(load, n, 10_000, senders=SENDERS)


def alone(server: Server, load: Generator, n: int) -> Load:
    yield from _talk(load, 1, 5_000, senders=1)
    load.answered(0, 1)


def _talk(load: Generator, n: int, count: int, *, senders: int, window: int = 0) -> Load:
    load.connect(n)
    load.run(senders=senders, window=window, count=count // 2)
    yield count
    heard = load.run(senders=senders, window=window, count=count)
    assert heard.faults == {}, heard


def line(server: Server, load: Generator, n: int) -> Load:
    listeners, author = listen(server.port, 9), Author(server.port, "author")
    for rest in (50, 200):
        if rest == 200:
            yield rest
        for number in range(rest):
            author.say(f"line {number} of somebody who has something to say")
    for connection in (author, *listeners):
        connection.close()


def join(server: Server, load: Generator, n: int) -> Load:
    load.connect(2 * n, lobby=False)
    load.join(0, n, 1)
    yield n
    load.join(n, n, 1)


def start(server: Server, load: Generator, n: int) -> Load:
    yield 1


LOADS: Mapping[str, Callable[[Server, Generator, int], Load]] = {
    **{load.__name__: load for load in (lat, win, sat, line, join, alone, start)},
    "tls-lat": lat,
    "tls-win": win,
}
SEALED = ("tls-lat", "tls-win")
START = "start"  # of which all is counted, from the first instruction on


_FROZEN = "import time; time.perf_counter = lambda: 0.0"
"""What is slow because it is counted is not to look as if it were too much work for one portion."""


@contextmanager
def _counted(root: Path, database: str, directory: str, counter: list[str], sealed: bool) -> Iterator[Server]:
    Path(directory, "sitecustomize.py").write_text(_FROZEN)
    with Server(
        checkout(root, database),
        wrapper=["env", "PYTHONHASHSEED=0", f"PYTHONPATH={directory}:{root}", *counter],
        sealed=sealed,
    ) as server:
        yield server


def _run(server: Server, name: str, n: int, begin: Count) -> int:
    with Generator(server, None) as load:
        running = LOADS[name](server, load, n)
        many = next(running)
        indexed(server)
        begin()
        for _ in running:
            pass
        indexed(server)
    return many


def instructions(root: Path, name: str, n: int, database: str = DATABASE) -> float:
    """Of the server, outside the kernel, for each line."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "callgrind"
        at_start = f"--instr-atstart={'yes' if name == START else 'no'}"
        counter = ["valgrind", "-q", "--tool=callgrind", at_start, f"--callgrind-out-file={out}"]
        with _counted(root, database, directory, counter, name in SEALED) as server:

            def control(*what: str) -> None:
                subprocess.run(["callgrind_control", *what, str(server.pid)], check=True, capture_output=True)

            many = _run(server, name, n, lambda: control("-i", "on"))
            control("-d")
            # one dump, and of it a part for each thread perhaps
            dumps = [
                found for file in Path(directory).glob("callgrind*") if (found := _TOTALS.search(file.read_text()))
            ]
        return sum(int(found[1]) for found in dumps) / many


_TOTALS = re.compile(r"^(?:totals|summary): (\d+)", re.MULTILINE)


def system_calls(root: Path, name: str, n: int, database: str = DATABASE) -> float:
    """Of the server, for each line."""
    with tempfile.TemporaryDirectory() as directory:
        trace, begun = Path(directory) / "trace", 0

        def begin() -> None:
            nonlocal begun
            begun = 0 if name == START else trace.stat().st_size

        strace = ["strace", "-D", "-f", "-o", str(trace)]
        with _counted(root, database, directory, strace, name in SEALED) as server:
            many = _run(server, name, n, begin)
            with trace.open() as lines:
                lines.seek(begun)
                return sum(re.match(r"\d+ +\w+\(", line) is not None for line in lines) / many


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.counts", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--workloads", "-w", default=",".join(LOADS), help=f"of {', '.join(LOADS)}")
    parser.add_argument("--people", "-n", type=int, default=100, help="how many hear a line (default: 100)")
    parser.add_argument("--beside", type=Path, metavar="DIR", help="another checkout of ours")
    parser.add_argument("--memory", action="store_const", const=MEMORY, default=DATABASE, help="keep nothing on a disk")
    chosen = parser.parse_args()
    servers.START_SECONDS = 120.0  # under callgrind
    roots = [ROOT] if chosen.beside is None else [ROOT, chosen.beside.absolute()]
    sys.stdout.write(f"{'for each line':16}{'this':>14}{'beside':>14}{'ratio':>8}\n")
    for name in chosen.workloads.split(","):
        for what in (instructions, system_calls):
            ours, *theirs = [what(root, name, chosen.people, chosen.memory) for root in roots]
            beside = f"{theirs[0]:14,.1f}{ours / theirs[0]:8.3f}" if theirs else ""
            sys.stdout.write(f"{name + ' ' + what.__name__[:12]:16}{ours:14,.1f}{beside}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
