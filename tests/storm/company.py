"""What all who talk in a storm have in common, and a line of one of them that waits for its answer."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from tests.storm.link import Object
from tests.storm.record import Line

Kind = Literal["say", "join", "leave", "nick", "ask"]


@dataclass(slots=True)
class Company:
    """What all who talk have in common."""

    nicks: dict[str, str] = field(default_factory=dict)
    """The nicknames of those who are alive, by their names."""

    tally: Counter[str] = field(default_factory=Counter)
    watched: str = ""
    """A type of object, or of a reply its command; when any client receives one, the watch ends."""

    seen: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at that moment."""

    expected: set[str] = field(default_factory=lambda: {"not-here", "not-in-room", "nick-taken"})
    """Errors that a line may meet: whoever it was for went or was renamed, or it was sent again after one had left."""


@dataclass(slots=True)
class Op:
    """A line that waits for its answer; `room` is the one that it is about."""

    id: str
    kind: Kind
    keys: Object
    room: str = ""
    said: Line | None = None
    sends: int = 0
    sent_at: float = 0.0
    answer: "asyncio.Future[Object] | None" = None
