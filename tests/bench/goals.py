"""All goals of speed in one run: `python -m tests.bench.goals --beside CHECKOUT`; two hours, or what is chosen of it.

They are ratios to another checkout and to ngIRCd, and a few figures of their own.  What people say is measured with all
servers up, who take turns of a second (`tests.bench.together`); what cannot be had so, in rounds of fresh processes
(`tests.bench`); instructions and system calls are counted (`tests.bench.counts`).

Said is the median, and between which bounds it lies with 95 % confidence, which takes six rounds at least.  A goal is
met, or missed, where both bounds are on the same side of it, and open where it lies between them: then more rounds may
tell.  Beside it stands what the limit comes to by the same yardstick: a fan-out in C that does nothing else (fanout.c).
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench import counts, rounds, servers, together
from tests.bench.native import Missing, compiled
from tests.bench.servers import DATABASE, KINDS, MEMORY, ROOT, Broken, checkout, cores, open_files
from tests.bench.together import Figures, median_within, ratios

OLD, NGIRCD, ITSELF = "beside", "ngircd-at-once", ""
"""What a goal is a ratio to; the last is for one that is none."""

LIMIT = "limit"

INSTRUCTIONS, SYSTEM_CALLS = "instructions", "system calls"


class Goal(NamedTuple):
    """A figure of a workload, to that of another server, is to be no more than this."""

    workload: str
    most: float
    to: str = OLD
    figure: str = "cost"
    people: int = 100

    @property
    def wanted(self) -> str:
        """As the table has it."""
        return f"{self.figure} <= {self.most:g}{f' x {self.to}' if self.to else ''}"


AS_BEFORE, COUNTED_AS_BEFORE = 1.10, 1.03

GOALS = (
    Goal("tls-hundred", 0.5),
    Goal("tls-hundred", 1.3, NGIRCD),
    Goal("tls-win", 0.5, NGIRCD),
    Goal("ten", 0.6, people=10),
    Goal("ten", 1.7, NGIRCD, people=10),
    Goal("ten", 1.0, OLD, "p99", people=10),
    Goal("tls-ten", 0.6, people=10),
    Goal("hundred", 1.0, NGIRCD),
    Goal("lat", 0.85, NGIRCD),
    Goal("window", 0.6, NGIRCD),
    Goal("window", 1.2, NGIRCD, "p50"),
    Goal("busy", 1.0),
    Goal("line", 0.5, people=10),
    Goal("beat", 0.5, people=10),
    Goal("line", 10.0, ITSELF, "journal KiB/line", people=10),
    Goal("tls-idle", 0.7, people=1000),
    Goal("quiet", 2.0, ITSELF, "wake-ups/minute", people=0),
    Goal("quiet", 1.0, ITSELF, people=1000),
    Goal("tls-back", 0.4, ITSELF, people=1000),
    Goal("tls-back", 50.0, ITSELF, "p99", people=1000),
    *(Goal(name, AS_BEFORE) for name in ("win", "lat", "sat", "join")),
    Goal("idle", AS_BEFORE, people=1000),
    Goal("start", AS_BEFORE, people=0),
    *(
        Goal(name, COUNTED_AS_BEFORE, OLD, figure)
        for name in ("win", "sat", "lat", "join", "line", "alone", "start")
        for figure in (INSTRUCTIONS, SYSTEM_CALLS)
    ),
)

DURABLE = ("line", "beat", "quiet", "start")
"""What is measured with the default store, all else with one in memory; what is counted always has the default one."""

ONCE = ("quiet",)
"""What takes minutes, in which hardly anything happens that could be otherwise the next time."""


class Way(NamedTuple):
    """How figures are come by: of these servers, for one workload of so many people."""

    name: str
    measure: Callable[[str, int, Sequence[str], int], Mapping[str, Figures]]


def _in_turns(name: str, people: int, others: Sequence[str], times: int) -> Mapping[str, Figures]:
    load = together.LOADS[name]
    compiled("load", sealed=load.sealed)
    return together.figures({server: KINDS[server] for server in ("chat", *others, LIMIT)}, load, times)


def _in_rounds(name: str, people: int, others: Sequence[str], times: int) -> Mapping[str, Figures]:
    ours = "durable" if name in DURABLE else "chat"
    compiled("load", sealed=rounds.WORKLOADS[name].sealed)
    report = rounds.measure([name], [ours, *others], [people], times, 1.0)
    found = report.results[name, people]
    whole = set.intersection(*(set(found[server]) for server in (ours, *others)))
    if not whole:
        raise Broken("no round of it could be carried out")
    return {
        "chat" if server == ours else server: _columns(
            [
                {"cost": run.cost, "p50": run.p50 or 0.0, "p99": run.p99 or 0.0, **run.extra}
                for number, run in sorted(found[server].items())
                if number in whole
            ]
        )
        for server in (ours, *others)
    }


def _columns(rows: Sequence[Mapping[str, float]]) -> Figures:
    return {what: [row[what] for row in rows] for what in rows[0]}


def _counted(name: str, people: int, others: Sequence[str], times: int) -> Mapping[str, Figures]:
    return {
        server: {
            INSTRUCTIONS: [counts.instructions(root, name, people)],
            SYSTEM_CALLS: [counts.system_calls(root, name, people)],
        }
        for server, root in {"chat": ROOT, **{other: KINDS[other].root for other in others}}.items()
    }


WAYS = TURNS, ROUNDS, COUNTS = Way("turns", _in_turns), Way("rounds", _in_rounds), Way("counts", _counted)


def way_of(goal: Goal) -> Way:
    """Which of them tells."""
    if goal.figure in (INSTRUCTIONS, SYSTEM_CALLS):
        return COUNTS
    return TURNS if goal.workload in together.LOADS else ROUNDS


def verdict(most: float, low: float, high: float) -> str:
    """Of a median between these bounds."""
    return "met" if high <= most else "missed" if low > most else "open"


def seen(goal: Goal, found: Mapping[str, Figures]) -> tuple[str, str, str]:
    """What was measured, the verdict, and what the limit comes to, where that is known."""
    ours = found["chat"][goal.figure]
    middle, low, high = median_within(_figure(goal, found, ours))
    bounds = "" if len(ours) == 1 else f" ({low:.3g}-{high:.3g})"
    limit = f"{median(_figure(goal, found, found[LIMIT][goal.figure])):.3g}" if LIMIT in found else ""
    return f"{middle:.3g}{bounds}", verdict(goal.most, low, high), limit


def _figure(goal: Goal, found: Mapping[str, Figures], values: Sequence[float]) -> Sequence[float]:
    return ratios(values, found[goal.to][goal.figure]) if goal.to else values


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.goals", description=(__doc__ or "").split("\n\n")[1])
    names, ways = list(dict.fromkeys(goal.workload for goal in GOALS)), [way.name for way in WAYS]
    parser.add_argument("--beside", type=Path, metavar="DIR", required=True, help="the other checkout")
    parser.add_argument("--workloads", "-w", default=",".join(names), help="of these (default: %(default)s)")
    parser.add_argument("--ways", default=",".join(ways), help="of these (default: %(default)s)")
    parser.add_argument("--turns", "-t", type=int, default=30, help="of a second each (default: 30)")
    parser.add_argument("--rounds", "-r", type=int, default=15, help="of fresh processes (default: 15)")
    chosen = parser.parse_args()
    chosen.workloads, chosen.ways = chosen.workloads.split(","), chosen.ways.split(",")
    for name in {*chosen.workloads, *chosen.ways} - {*names, *ways}:
        parser.error(f"{name} is no workload that has a goal, and no way")
    return chosen


def main() -> int:
    """Print a line for each goal as soon as it is known; returns how many were not met."""
    chosen = _options()
    servers.START_SECONDS = 120.0  # under callgrind
    goals = [goal for goal in GOALS if goal.workload in chosen.workloads and way_of(goal).name in chosen.ways]
    groups: dict[tuple[str, int, Way], list[Goal]] = {}
    for goal in goals:
        groups.setdefault((goal.workload, goal.people, way_of(goal)), []).append(goal)
    if cores() is None:
        rounds.say("Only one core can be used: server and generator share it, and latencies mean little.")
    rounds.say(f"{'workload':14}{'people':>6}  {'goal':34}{'seen':26}{'':8}limit")
    unmet = 0
    for (name, people, way), some in groups.items():
        others = list(dict.fromkeys(goal.to for goal in some if goal.to))
        try:
            KINDS[OLD] = checkout(chosen.beside.absolute(), DATABASE if name in DURABLE else MEMORY)
            open_files(2 * people + 1_000)
            times = 1 if name in ONCE else chosen.turns if way is TURNS else chosen.rounds
            found = way.measure(name, people, others, times)
            told = [seen(goal, found) for goal in some]
        except (Missing, Broken) as reason:
            told = [(f"not measured: {reason}", "", "")] * len(some)
        for goal, (figure, outcome, limit) in zip(some, told, strict=True):
            rounds.say(f"{name:14}{people:6}  {goal.wanted:34}{figure:26}{outcome:8}{limit}".rstrip())
            unmet += outcome != "met"
    rounds.say(f"{len(goals) - unmet} of {len(goals)} are met.")
    return unmet


if __name__ == "__main__":
    sys.exit(main())
