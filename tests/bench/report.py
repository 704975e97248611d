"""What was measured, as text and as a picture: first the ratios between servers, then what each of them needed.

Rounds are paired: a ratio is made of two servers' runs of the same round, a minute apart at most, and what is shown is
the median of the rounds' ratios with the lowest and the highest. Absolute figures hold only for one machine and hour.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.bench.workloads import Result

Case = tuple[str, int]  # workload, number of people


def _spread(values: list[float], digits: str) -> str:
    middle = format(median(values), digits)
    if len(values) == 1:
        return middle
    return f"{middle} ({format(min(values), digits)}-{format(max(values), digits)})"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "  ".join("-" * width for width in widths), *text[1:]])


def _latency(result: Result) -> float | None:
    return result.p99


def _cost(result: Result) -> float | None:
    return result.cost


@dataclass(frozen=True, slots=True)
class Report:
    """All results by case, server and round; `subject` is the server the others are compared with."""

    subject: str
    results: dict[Case, dict[str, dict[int, Result]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )

    def add(self, case: Case, server: str, number: int, result: Result) -> None:
        self.results[case][server][number] = result

    def ratios(self, case: Case, other: str, value: Callable[[Result], float | None]) -> list[float]:
        """Subject divided by `other`, once for each round in which both ran."""
        ours, theirs = (self.results[case].get(server, {}) for server in (self.subject, other))
        pairs = [(value(ours[number]), value(theirs[number])) for number in sorted(ours.keys() & theirs.keys())]
        return [mine / other for mine, other in pairs if mine is not None and other]

    def others(self) -> list[str]:
        return list(dict.fromkeys(s for by_server in self.results.values() for s in by_server if s != self.subject))

    def _ratio_table(self, value: Callable[[Result], float | None]) -> str:
        others = self.others()
        rows = []
        for case in self.results:
            found = [self.ratios(case, other, value) for other in others]
            if any(found):
                rows.append([case[0], str(case[1]), *(_spread(one, ".2f") if one else "-" for one in found)])
        return _table(["workload", "N", *others], rows) if rows else ""

    def _rows(self) -> Iterable[list[str]]:
        for (workload, n), by_server in self.results.items():
            for server, by_round in by_server.items():
                results = list(by_round.values())
                yield [workload, str(n), server, *_figures(results)]

    def text(self) -> str:
        parts = []
        for title, value in (("Cost", _cost), ("Latency (p99)", _latency)):
            if ratios := self._ratio_table(value):
                parts.append(
                    f"{title} of {self.subject} divided by that of …; below 1 {self.subject} is better\n\n{ratios}"
                )
        head = ["workload", "N", "server", "cost", "unit", "deliveries/s", "p50 ms", "p99 ms"]
        head += ["peak MiB", "grown", "generator", "faults, and what else there is"]
        parts.append(_table(head, self._rows()))
        return "\n\n".join(parts)

    def faults(self) -> bool:
        """Whether the subject lost, repeated or misordered anything."""
        runs = (run for by_server in self.results.values() for run in by_server.get(self.subject, {}).values())
        return any(run.faults for run in runs)

    def plot(self, file: Path) -> None:
        """The ratios of cost as bars on a logarithmic scale, the range of the rounds as whiskers. Needs matplotlib."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        cases, others = list(self.results), self.others()
        figure, axes = pyplot.subplots(figsize=(2 + 1.5 * len(cases), 5), layout="constrained")
        width = 0.8 / max(len(others), 1)
        for index, other in enumerate(others):
            at, middle, below, above = [], [], [], []
            for place, case in enumerate(cases):
                if found := self.ratios(case, other, _cost):
                    at.append(place + (index - (len(others) - 1) / 2) * width)
                    middle.append(median(found))
                    below.append(median(found) - min(found))
                    above.append(max(found) - median(found))
            axes.bar(at, middle, width, yerr=(below, above), capsize=2, label=f"{self.subject} / {other}")
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_yscale("log")
        axes.set_xticks(range(len(cases)), [f"{workload}\nN = {n}" for workload, n in cases])
        axes.set_ylabel(f"cost of {self.subject} / cost of the other")
        axes.set_title("Below 1 is cheaper; whiskers: lowest and highest round")
        if others:
            axes.legend()
        figure.savefig(file, dpi=120)


def _figures(results: list[Result]) -> list[str]:
    def middle(values: list[float | None], digits: str) -> str:
        known = [value for value in values if value is not None]
        return format(median(known), digits) if known else "-"

    faults: Counter[str] = Counter()
    for result in results:
        faults.update(result.faults)
    notes = [f"{name} {count}" for name, count in faults.items()]
    notes += sorted({f"“{result.error}”" for result in results if result.error})
    notes += [f"{name} {_spread([result.extra[name] for result in results], '.4g')}" for name in results[0].extra]
    return [
        _spread([result.cost for result in results], ".3g"),
        results[0].unit,
        middle([result.rate for result in results], ",.0f"),
        middle([result.p50 for result in results], ".2f"),
        middle([result.p99 for result in results], ".2f"),
        format(max(result.peak for result in results), ".1f"),
        format(max(result.grown for result in results), "+.1f"),
        format(median(result.busy for result in results), ".0%"),
        ", ".join(notes) or "none",
    ]
