"""What somebody asks in a line, and what the service answers to them alone; frozen, without methods.

A wire makes the one from a line and renders the other: for people as lines behind a mark, for programs as objects.
`id` is the one that the line came with, if it had one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chat.errors import Code
from chat.events import Entry
from chat.language import Sentence


@dataclass(frozen=True, slots=True)
class Request:
    """A line as it came: from a program perhaps with an id, the room it is for, and a number to look back from."""

    line: str
    id: str | None = None
    room: str | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Greeting:
    """A connection is open; `motd` is the operator's message of the day, `here` how many people are in the chat."""

    server: str
    version: str
    here: int
    motd: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RoomState:
    """A room as somebody finds it: the number of its last event and who is in it."""

    name: str
    head: int
    users: Sequence[str]
    topic: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """What people said earlier; `more` says whether there is something before it, `now` when it was asked for."""

    room: str
    entries: Sequence[Entry]
    more: bool
    now: datetime
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Welcome:
    """They are in the chat: under which nickname, in which rooms, and what was said there before."""

    nick: str
    room: str
    rooms: Sequence[RoomState]
    history: History | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command: sentences for people, facts for programs."""

    command: str
    sentences: Sequence[Sentence]
    facts: Mapping[str, object] = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What was said is durable, as this entry of this room; `note` says so to people where they could not know."""

    room: str
    entry: Entry
    id: str | None = None
    note: Sentence | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A line was not accepted; nothing of it was stored.  A refused nickname comes with a free `proposal`."""

    code: Code
    sentence: Sentence
    id: str | None = None
    proposal: str | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """So many events of a room are gone between what came before and what comes next."""

    room: str
    count: int


Answer = Greeting | Welcome | Reply | Stored | Problem | History | Missed
