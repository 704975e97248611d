"""What one client remembers of its life: what it said and what became of it, what it was shown, and in which order.

Nothing is judged here but what only the client can know at that moment; that too is kept as a `Fault`.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

TOKEN = re.compile(r"\(([a-z]+(?:-[a-z]+)*):(\d+)\)")
"""How each line that is said begins: who says it (the name of a life, whatever its nickname is) and its number."""

PRIVATE = "@"

Outcome = Literal["unknown", "acknowledged", "refused"]


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of a log as it was shown; `text` also holds what else tells two events apart."""

    room: str
    seq: int
    kind: str
    author: str
    text: str

    @property
    def said(self) -> bool:
        """Somebody said it, so history shows it."""
        return self.kind in ("message", "action")

    @property
    def token(self) -> tuple[str, int] | None:
        """Whose line it is, and which; None where it is none of ours."""
        match = TOKEN.match(self.text) if self.said else None
        return (match[1], int(match[2])) if match else None


def event_of(what: Mapping[str, Any]) -> Event:
    """An object of the JSON wire as an event; what is in the way of comparing is left out."""
    said = what["type"] in ("message", "action")
    rest = {key: what[key] for key in sorted(what.keys() - {"type", "room", "seq", "at", "from"})}
    text = what["text"] if said else json.dumps(rest)
    room = PRIVATE if what["room"].startswith(PRIVATE) else what["room"]
    return Event(room, what["seq"], what["type"], what.get("from", ""), text)


@dataclass(slots=True)
class Line:
    """A line that was said, in a room or (`room` is @ and a nickname) to one person."""

    number: int
    room: str
    text: str
    outcome: Outcome = "unknown"
    seq: int | None = None
    acknowledged: int = 0
    """How often."""

    at: float = 0.0
    """When, in the life's seconds."""


@dataclass(slots=True)
class Stay:
    """One stay in a room, or the private log; `over` once it was left.

    What people said behind `base` has to be shown, and from the first event that is shown on, everything.
    """

    room: str
    base: int
    events: list[Event] = field(default_factory=list)
    over: bool = False

    @property
    def seen(self) -> int:
        """What the client says that it has seen."""
        return self.events[-1].seq if self.events else self.base


@dataclass(frozen=True, slots=True)
class Fault:
    """A promise that was broken: which of the checker's rules, to whom, how."""

    rule: str
    who: str
    text: str
    at: float | None = None
    """(Life's seconds) When, where that is known."""

    other: str = ""
    """Who else has to do with it."""


@dataclass(slots=True)
class Record:
    """One life: under one name, with one resume code, until it ends or is forgotten."""

    name: str
    nicks: set[str] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    private: Stay = field(default_factory=lambda: Stay(PRIVATE, 0))
    pages: list[list[Event]] = field(default_factory=list)
    """Portions of history that were asked for, or came with a room."""
    faults: list[Fault] = field(default_factory=list)
    dead: bool = False
    """It ended in the middle of things: what it had not seen by then it never will."""
    trace: list[tuple[float, str, object]] = field(default_factory=list)
    born: float = field(default_factory=time.monotonic)
    echoes: bool = False
    """It is shown its own lines, too, as a page is."""
    account: str = ""
    """Whose device it is, if it is one of several."""
    marks: dict[str, int] = field(default_factory=dict)
    """Up to where the server said that each log was read."""

    @property
    def now(self) -> float:
        """The seconds that this life has lasted."""
        return time.monotonic() - self.born

    def say(self, room: str, text: str) -> Line:
        """One more line is said."""
        line = Line(len(self.lines) + 1, room, text, at=self.now)
        self.lines.append(line)
        self.note("says", f"{room} {text}")
        return line

    def note(self, what: str, detail: object = "") -> None:
        """Something happened."""
        self.trace.append((self.now, what, detail))

    def fault(self, rule: str, text: str) -> None:
        """A promise was broken just now."""
        self.note("FAULT", text)
        self.faults.append(Fault(rule, self.name, text, self.trace[-1][0]))

    def stay(self, room: str) -> Stay | None:
        """The stay in this room that goes on."""
        return next((stay for stay in reversed(self.stays) if stay.room == room and not stay.over), None)

    @property
    def open(self) -> list[Stay]:
        """The rooms they are in."""
        return [stay for stay in self.stays if not stay.over]

    def around(self, at: float | None, most: int = 24) -> list[str]:
        """The trace around a moment, or its end, for people."""
        middle = next((i for i, entry in enumerate(self.trace) if at is not None and entry[0] >= at), len(self.trace))
        shown = self.trace[max(0, middle - most // 2) : middle + most]
        return [f"{self.born + when:10.3f} {what:9} {str(detail)[:150]}" for when, what, detail in shown]


@dataclass(slots=True)
class Heard:
    """What somebody on the plain wire was shown: each line's token and words, in order, repeats too."""

    record: Record
    rooms: dict[str, int] = field(default_factory=dict)
    """Since when they are in each room: how many lines had been shown by then."""

    shown: list[tuple[tuple[str, int], str]] = field(default_factory=list)
