"""What a delivery costs in servers that run at the same time: `python -m tests.bench.together [--beside CHECKOUT]`.

All of them are up, with their people in the room, and take turns of a second, in another order each time: so what else
the machine does meets all alike, and the ratio of two turns of the same round says more than that of two runs a minute
apart.  Said are the median of these ratios and between which bounds it lies with 95 % confidence, whatever they are
spread like.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from math import ceil, sqrt
from pathlib import Path
from random import shuffle
from statistics import median
from typing import Any, NamedTuple

from tests.bench.generator import Generator, Heard
from tests.bench.native import Missing, compiled
from tests.bench.servers import DATABASE, KINDS, MEMORY, Broken, Kind, Server, checkout, cores, open_files
from tests.bench.workloads import SENDERS

TURN = 1.0  # seconds


class Load(NamedTuple):
    """So many people, of whom some talk so."""

    people: int
    run: Mapping[str, Any]
    sealed: bool = False


LOADS: Mapping[str, Load] = {
    "ten": Load(10, {"senders": SENDERS, "rate": 50}),
    "hundred": Load(100, {"senders": SENDERS, "rate": 50}),
    "busy": Load(100, {"senders": SENDERS, "rate": 1000}),
    "lat": Load(100, {"senders": 1, "window": 1}),
    "window": Load(100, {"senders": 8, "window": 4}),
    "win": Load(100, {"senders": SENDERS, "window": 32}),
}
LOADS = {**LOADS, **{f"tls-{name}": load._replace(sealed=True) for name, load in LOADS.items()}}
"""As the workloads of `tests.bench` that are called so."""


def median_within(values: Sequence[float]) -> tuple[float, float, float]:
    """Their median, and between which of them that of all there could be lies, in 95 of 100 cases."""
    ordered, half = sorted(values), 0.98 * sqrt(len(values))
    low, high = max(0, int(len(values) / 2 - half)), min(len(values) - 1, ceil(len(values) / 2 + half))
    return median(ordered), ordered[low], ordered[high]


Figures = Mapping[str, Sequence[float]]
"""What turns came to, one after the other: `cost`, `p50`, `p99`."""


class _Side:
    """One of the servers, its people, and what its turns came to."""

    def __init__(self, stack: ExitStack, kind: Kind, load: Load) -> None:
        server_core, load_core = cores() or (None, None)
        self._server = stack.enter_context(Server(kind, server_core, sealed=load.sealed))
        self._generator = stack.enter_context(Generator(self._server, load_core))
        self._generator.connect(load.people)
        self._run = load.run
        self.turns: list[Mapping[str, float]] = []
        self.turn()
        self.turns.clear()

    def turn(self) -> None:
        """Raises `Broken` where a line was lost: then its cost is none."""
        before = self._server.cpu()
        heard: Heard = self._generator.run(seconds=TURN, **self._run)
        if heard.faults:
            raise Broken(f"{heard.faults} {heard.error}")
        cost = 1e6 * (self._server.cpu() - before) / heard.delivered
        self.turns.append({"cost": cost, "p50": heard.p50, "p99": heard.p99})


def figures(kinds: Mapping[str, Kind], load: Load, rounds: int) -> Mapping[str, Figures]:
    """Of each of these servers under this load."""
    with ExitStack() as stack:
        sides = {name: _Side(stack, kind, load) for name, kind in kinds.items()}
        for _ in range(rounds):
            turns = list(sides.values())
            shuffle(turns)
            for side in turns:
                side.turn()
    return {name: {what: [turn[what] for turn in side.turns] for what in side.turns[0]} for name, side in sides.items()}


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Of the turns of each round."""
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def measure(kinds: Mapping[str, Kind], load: Load, rounds: int) -> str:
    """A table of these servers under this load; the first is compared with each of the others."""
    (first, ours), *_ = (found := figures(kinds, load, rounds)).items()
    text = ""
    for name, theirs in found.items():
        ratio, low, high = median_within(ratios(ours["cost"], theirs["cost"]))
        compared = "" if name == first else f"{ratio:11.2f} ({low:.2f}-{high:.2f})"
        text += f"  {name:16}{median(theirs['cost']):9.3f} us/delivery{median(theirs['p50']):9.2f} ms{compared}\n"
    return text


def main() -> None:
    """Print a table for each load."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.together", description=(__doc__ or "").split("\n\n")[1]
    )
    parser.add_argument("--workloads", "-w", default="ten,hundred,window,win", help=f"of {', '.join(LOADS)}")
    parser.add_argument("--servers", "-s", default="chat,ngircd-at-once", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--rounds", "-r", type=int, default=30, help="turns of each (default: 30)")
    parser.add_argument("--beside", type=Path, metavar="DIR", help="another checkout; its store as the first's")
    chosen = parser.parse_args()
    names = chosen.servers.split(",")
    kinds = {name: KINDS[name] for name in names}
    if chosen.beside is not None:
        kinds["beside"] = checkout(chosen.beside.absolute(), MEMORY if names[0] == "chat" else DATABASE)
    try:
        open_files(1_000)
        for name in chosen.workloads.split(","):
            load = LOADS[name]
            compiled("load", sealed=load.sealed)
            sys.stdout.write(
                f"{name}: cost, p50, and {names[0]} divided by that\n{measure(kinds, load, chosen.rounds)}"
            )
            sys.stdout.flush()
    except (Missing, Broken) as reason:
        sys.exit(f"Not measured: {reason}")


if __name__ == "__main__":
    main()
