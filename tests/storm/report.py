"""What a storm is to be, and what it was: the options of one, its report for people, and its recording."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from pathlib import Path

from tests.storm.client import LOBBY, Client
from tests.storm.record import Event, Fault, Record


@dataclass(frozen=True, slots=True)
class Forecast:
    """How bad it will be; `kills` and `seconds` have to be reached both."""

    seed: int
    seconds: float = 20.0
    kills: int = 0
    clients: int = 6
    people: int = 3
    devices: int = 2
    """Of one account."""
    rooms: tuple[str, ...] = (LOBBY, "#ops", "#lab")
    options: tuple[str, ...] = ()
    """For the server."""

    commit_seconds: float = 0.0
    """What each commit takes longer than it would."""

    faults: tuple[str, ...] = ()
    """Of the proxy's; all where none is named."""

    mortal: float = 20.0
    """Seconds that a client lives on average, 0 for ever."""

    patience: float = 30.0
    """Seconds until everything has to be answered and shown when it is over."""

    kind: type[Client] = Client
    nodes: int = 0
    """So many servers on one database of PostgreSQL; 0 is one server on a file."""

    network: bool = False
    """Each of these, and of the database's, is on a machine of its own."""

    befalls: tuple[str, ...] = ()
    """Of what befalls them; all where nothing is named."""


@dataclass(slots=True)
class Report:
    """What a storm was, and what it broke."""

    forecast: Forecast
    seconds: float = 0.0
    tally: Counter[str] = field(default_factory=Counter)
    cuts: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    """How the server ended, how often."""

    faults: list[Fault] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    slowest: float = 0.0
    """Seconds from the beginning of a start to the first connection, at most."""

    fate: Record = field(default_factory=lambda: Record("the storm"))
    """What befell the servers, and when."""

    logs: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    """The rooms' logs in the end, where they could be read."""

    said: dict[str, str] = field(default_factory=dict)
    """What each server printed and logged."""

    def happens(self, what: str) -> None:
        """This befalls the servers."""
        self.ends[what] += 1
        self.fate.note(what)

    def keep(self, directory: Path) -> None:
        """Leave all that is known: what everybody saw and sent, in the order of time, the rooms' logs, the servers'."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "report").write_text(self.text() + "\n")
        seen = merge(*(_told(record) for record in (self.fate, *self.records)))
        (directory / "seen").write_text("".join(f"{at:10.3f} {who:10} {what}\n" for at, who, what in seen))
        for room, events in self.logs.items():
            lines = (f"{event.seq:6} {event.kind:8} {event.author:14} {event.text!r}\n" for event in events)
            (directory / f"room {room}").write_text("".join(lines))
        for name, said in self.said.items():
            (directory / f"server {name}").write_text(said)

    def text(self, most: int = 5) -> str:
        """The report, for people; of many faults the first."""
        cuts = ", ".join(f"{count} {name}" for name, count in sorted(self.cuts.items()))
        rows = [
            f"seed {self.forecast.seed}, {self.seconds:.0f} s, server options {' '.join(self.forecast.options) or '-'}"
            + (f", {self.forecast.commit_seconds:g} s more for a commit" if self.forecast.commit_seconds else ""),
            f"server: {', '.join(f'{count} {name}' for name, count in self.ends.items()) or 'never ended'}"
            + f"; after a start it listened within {self.slowest:.1f} s",
            f"lines of {len(self.records)} lives: {sum(self.cuts.values())} faults ({cuts})",
            *(f"{name}: {count}" for name, count in sorted(self.tally.items())),
        ]
        if not self.faults:
            return "\n".join([*rows, "result: every promise held"])
        kinds = ", ".join(f"{count} {rule}" for rule, count in Counter(f.rule for f in self.faults).items())
        rows.append(f"result: {len(self.faults)} broken promises ({kinds}); the first of them:")
        rows += [f"- {fault.rule}: {fault.who} {fault.text}" for fault in self.faults[: 4 * most]]
        rows.append("what their clients saw around that moment, or last:")
        traces = {record.name: record for record in self.records}
        for fault in self.faults[:most]:
            rows.append(f"* {fault.rule}: {fault.who} {fault.text}")
            record, other = traces.get(fault.who), traces.get(fault.other)
            if record:
                rows += [f"    {row}" for row in record.around(fault.at)]
            if record and other and fault.at is not None:
                at = record.born + fault.at - other.born
                rows += [f"  {other.name}:", *(f"    {row}" for row in other.around(at))]
        return "\n".join(rows)


def _told(record: Record) -> Sequence[tuple[float, str, str]]:
    return [(record.born + when, record.name, f"{what:9} {detail!s}") for when, what, detail in record.trace]
