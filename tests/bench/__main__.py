"""`python -m tests.bench`: the options, and the rounds in which the chosen servers take turns."""

import argparse
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from tests.bench.generator import Generator
from tests.bench.native import Missing, compiled
from tests.bench.report import Report
from tests.bench.sealed import SEALED
from tests.bench.servers import DATABASE, KINDS, MEMORY, Broken, Server, checkout, cores, open_files
from tests.bench.workloads import WORKLOADS as PLAIN
from tests.bench.workloads import NotHere, Workload

QUICK = "lat,paced,busy,win,sat"
WORKLOADS: Mapping[str, Workload] = {**PLAIN, **SEALED}
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


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _progress(text: str) -> None:
    """One line on a terminal that the next one replaces; nothing in a pipe."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _measure(options: argparse.Namespace) -> Report:
    """Every case in every round, the servers directly after one another; a server that fails is left out and named."""
    server_core, load_core = cores() or (None, None)
    cases = [(name, n) for name in options.workloads for n in WORKLOADS[name].sizes or options.people]
    turns = [
        (number, case, choice)
        for number in range(1, options.rounds + 1)
        for case in cases
        for choice in options.servers
        if (KINDS[choice].chats or not WORKLOADS[case[0]].chats)
        and (KINDS[choice].seals or not WORKLOADS[case[0]].sealed)
    ]
    report, told = Report(options.servers[0]), set[str]()
    for number, (name, n), choice in turns:
        _progress(f"round {number} of {options.rounds}: {name}, {n} people, {choice}")
        try:
            sealed = WORKLOADS[name].sealed
            with Server(KINDS[choice], server_core, sealed=sealed) as server, Generator(server, load_core) as load:
                result = WORKLOADS[name].run(server, load, n, options.seconds)
            report.add((name, n), choice, number, result)
        except (Missing, NotHere, Broken) as reason:
            note = f"{choice} is left out{'' if isinstance(reason, Missing) else f' of {name} with {n}'}: {reason}."
            _progress("")
            if note not in told:
                _say(note)
            told.add(note)
    _progress("")
    return report


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
        chosen = [WORKLOADS[name] for name in options.workloads]
        open_files(max(work.connections * max(work.sizes or options.people) for work in chosen) + 100)
    except Missing as reason:
        _say(f"The benchmark cannot run: {reason}.")
        return 2
    if cores() is None:
        _say("Only one core can be used: server and generator share it, and latencies mean little.")
    report = _measure(options)
    if not report.results:
        return 2
    _say(report.text())
    if options.plot:
        report.plot(options.plot)
    return 1 if report.faults() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
