"""What the hub needs of a store: all durability behind four calls.

A batch is committed whole or not at all.  A store raises, or fails its Deferred with, `NotStored` where it could
not keep something; nothing of that batch may ever appear later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred

from chat.events import Entry


@dataclass(frozen=True, slots=True)
class Record:
    """A value that is replaced, not appended to, such as a room's topic; None takes it away."""

    kind: str
    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """One turn's changes: new entries by their log's key, in order, and changed records."""

    entries: Sequence[tuple[str, Sequence[Entry]]]
    records: Sequence[Record]


class Store(Protocol):
    """Where logs live."""

    def commit(self, batch: Batch) -> Deferred[None]:
        """Keep a batch; fires when it is durable, fails with `NotStored` where nothing of it was kept."""

    def after(self, key: str, position: int, most: int) -> Deferred[list[Entry]]:
        """Up to `most` of the oldest entries that are held behind a position."""

    def said_before(self, key: str, before: int, most: int) -> Deferred[list[Entry]]:
        """Up to `most` of the last things people said before a number, oldest first."""

    def close(self) -> Deferred[None]:
        """No call comes after this one."""
