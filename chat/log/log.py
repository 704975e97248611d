"""The mechanism: a conversation is an append-only log, a reader is a cursor into it.

A log knows its head, the number of the last committed entry, and keeps its tail in memory.  Entries come in by
`extend` only after the store has committed them, so whatever can be read is stored.  A cursor is a position: live
delivery, a slow reader and history are one cursor at different places.  What a cursor cannot find in the tail it
asks the store for, one page at a time; a hole in the numbers is what neither holds any more.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from chat.log.events import Entry
from chat.log.tail import Tail, Tails


class Readers(Protocol):
    """Those who stand at the head of a log and are woken when it moves."""

    def advanced(self, entries: Sequence[Entry]) -> int:
        """These entries are new; the log's head is already the last of them.  Returns how many were woken."""

    def passed_over(self) -> None:
        """What comes next follows on the log's head, behind which nobody is."""


class Named(Protocol):
    """What has to be known of a log to tell what stands in it."""

    @property
    def key(self) -> str:
        """See `Log`."""

    @property
    def name(self) -> str:
        """See `Log`."""


class Log:
    """One conversation.  `key` is its identity; `name` is what people call it and may change its spelling."""

    __slots__ = ("_tail", "head", "key", "name", "readers", "recorded")

    def __init__(self, key: str, name: str, tails: Tails, head: int = 0, recorded: bool = True) -> None:
        self.key = key
        self.name = name
        self.head = head
        self.recorded = recorded
        self.readers: Readers | None = None
        self._tail = Tail(tails)

    def extend(self, entries: Sequence[Entry]) -> int:
        """Take committed entries, numbered on from the head, and wake the readers; returns how many these are."""
        self._tail.extend(entries)
        self.head = entries[-1].seq
        return 0 if self.readers is None else self.readers.advanced(entries)

    def pass_over(self, head: int) -> None:
        """It goes so far, and what stands there was not heard: whoever reads it stands behind it, by a cursor."""
        self._tail.forget()
        self.head = head
        if self.readers is not None:
            self.readers.passed_over()

    def take_back(self, targets: Collection[int]) -> None:
        """What these entries said is told to nobody any more."""
        for seq in targets:
            self._tail.take_back(self.head - seq)

    def replace(self, change: Callable[[Entry], Entry]) -> bool:
        """Each entry that is held becomes what this makes of it; returns whether there was any."""
        return self._tail.replace(change)

    def after(self, position: int, most: int) -> list[Entry] | None:
        """Up to `most` entries behind a position, or None where the tail does not reach back that far."""
        return self._tail.page(self.head - position, most)

    def oldest(self) -> list[Entry]:
        """What the tail holds, all of it: for a reader whom even the store cannot serve any more."""
        return self._tail.all()

    def said_before(self, before: int, most: int) -> list[Entry] | None:
        """The last `most` things people said before a number, oldest first; None where only the store can tell."""
        found = self._tail.said_before(before, most)
        return None if len(found) < most and len(self._tail) < self.head else found

    def forget(self) -> None:
        """Nobody will read any more what was said so far: its person is gone for good, or all who heard it are."""
        self._tail.forget()


class Cursor:
    """A reader's place in a log: the number of the last entry that it has taken."""

    __slots__ = ("log", "position")

    def __init__(self, log: Log, position: int) -> None:
        self.log = log
        self.position = position

    def take(self, page: Sequence[Entry]) -> int:
        """Move behind this page, which starts beyond the position; returns how many entries before it are gone."""
        gone = page[0].seq - self.position - 1
        self.position = page[-1].seq
        return gone

    def skip_to_head(self) -> int:
        """Give up on what neither memory nor the store holds; returns how many entries that is."""
        gone = self.log.head - self.position
        self.position = self.log.head
        return gone
