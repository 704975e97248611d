"""Rounds, in each of which the chosen servers take turns: each time a fresh process, under one workload."""

import sys
from collections.abc import Mapping, Sequence

from tests.bench.generator import Generator
from tests.bench.native import Missing
from tests.bench.report import Report
from tests.bench.sealed import SEALED
from tests.bench.servers import KINDS, Broken, Server, cores
from tests.bench.workloads import WORKLOADS as PLAIN
from tests.bench.workloads import NotHere, Workload

WORKLOADS: Mapping[str, Workload] = {**PLAIN, **SEALED}


def say(text: str) -> None:
    """On standard output, and at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _progress(text: str) -> None:
    """One line on a terminal that the next one replaces; nothing in a pipe."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def connections(names: Sequence[str], people: Sequence[int]) -> int:
    """How many these workloads make at most, with so many people."""
    chosen = [WORKLOADS[name] for name in names]
    return max(work.connections * max(work.sizes or people) for work in chosen)


def measure(names: Sequence[str], servers: Sequence[str], people: Sequence[int], rounds: int, seconds: float) -> Report:
    """Every case in every round, the servers directly after one another; a server that fails is left out and named."""
    server_core, load_core = cores() or (None, None)
    cases = [(name, n) for name in names for n in WORKLOADS[name].sizes or people]
    turns = [
        (number, case, choice)
        for number in range(1, rounds + 1)
        for case in cases
        for choice in servers
        if (KINDS[choice].chats or not WORKLOADS[case[0]].chats)
        and (KINDS[choice].seals or not WORKLOADS[case[0]].sealed)
    ]
    report, told = Report(servers[0]), set[str]()
    for number, (name, n), choice in turns:
        _progress(f"round {number} of {rounds}: {name}, {n} people, {choice}")
        try:
            sealed = WORKLOADS[name].sealed
            with Server(KINDS[choice], server_core, sealed=sealed) as server, Generator(server, load_core) as load:
                result = WORKLOADS[name].run(server, load, n, seconds)
            report.add((name, n), choice, number, result)
        except (Missing, NotHere, Broken) as reason:
            note = f"{choice} is left out{'' if isinstance(reason, Missing) else f' of {name} with {n}'}: {reason}."
            _progress("")
            if note not in told:
                say(note)
            told.add(note)
    _progress("")
    return report
