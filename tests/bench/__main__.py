"""`python -m tests.bench`: the options, and what is made of them."""

import argparse
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from tests.bench.native import Missing, compiled
from tests.bench.rounds import WORKLOADS, connections, measure, say
from tests.bench.servers import DATABASE, KINDS, MEMORY, checkout, cores, open_files

QUICK = "lat,paced,busy,win,sat"
ALL_BUT_DURABLE = ",".join(name for name in KINDS if name != "durable")


def _names(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = list(known) if text == "all" else text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
        return names

    return parse


def _sizes(text: str) -> list[int]:
    sizes = [int(size) for size in text.split(",")]
    if min(sizes) < 10:
        raise argparse.ArgumentTypeError("a room needs 10 people or more")
    return sizes


def _options(arguments: list[str]) -> argparse.Namespace:
    listed = [f"  {name:14} {workload.about}" for name, workload in WORKLOADS.items()]
    served = [f"  {name:14} {kind.about}" for name, kind in KINDS.items()]
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="What a delivery costs in our server, beside yardsticks in the same run; all of it on 127.0.0.1. "
        "The result is a table: ratios first, then each server's own figures, lost and misordered lines included.",
        epilog="\n".join(["workloads:", *listed, "", "servers:", *served]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def add(name: str, short: str, kind: Callable[[str], object], default: str, about: str) -> None:
        parser.add_argument(short, name, type=kind, default=default, help=f"{about} (default: {default})")

    add("--workloads", "-w", _names(WORKLOADS), QUICK, "comma-separated, or all")
    add("--servers", "-s", _names(KINDS), ALL_BUT_DURABLE, "the first is compared with the others")
    add("--people", "-n", _sizes, "100", "the number of connections; several are separated by commas")
    add("--rounds", "-r", int, "3", "how often each is measured; take at least 5 for figures to quote")
    add("--seconds", "-t", float, "1", "how long a workload runs that has no end of its own")
    parser.add_argument("--beside", type=Path, metavar="DIR", help="another checkout, last; its store as the first's")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the ratios; needs the extra `bench`")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """0; 1 where the first server lost, repeated or misordered a line; 2 where nothing could be measured."""
    options = _options(arguments)
    try:
        if options.plot and find_spec("matplotlib") is None:
            raise Missing("--plot needs matplotlib, which comes with the extra `bench`")
        if options.beside:
            KINDS["beside"] = checkout(options.beside.absolute(), MEMORY if options.servers[0] == "chat" else DATABASE)
            options.servers.append("beside")
        for sealed in {WORKLOADS[name].sealed for name in options.workloads}:
            compiled("load", sealed=sealed)
        open_files(connections(options.workloads, options.people) + 100)
    except Missing as reason:
        say(f"The benchmark cannot run: {reason}.")
        return 2
    if cores() is None:
        say("Only one core can be used: server and generator share it, and latencies mean little.")
    report = measure(options.workloads, options.servers, options.people, options.rounds, options.seconds)
    if not report.results:
        return 2
    say(report.text())
    if options.plot:
        report.plot(options.plot)
    return 1 if report.faults() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
