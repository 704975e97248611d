"""The mechanism: a conversation is an append-only log, a reader is a cursor into it.

A log knows its head, the number of the last committed entry, and keeps its tail in memory.  Entries come in by
`extend` only after the store has committed them, so whatever can be read is stored.  A cursor is a position: live
delivery, a slow reader and history are one cursor at different places.  What a cursor cannot find in the tail it
asks the store for, one page at a time; a hole in the numbers is what neither holds any more.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Protocol

from chat import limits
from chat.events import Action, Entry, Message, Private


class Readers(Protocol):
    """Those who stand at the head of a log and are woken when it moves."""

    def advanced(self, entries: Sequence[Entry]) -> None:
        """These entries are new; the log's head is already the last of them."""

    def __len__(self) -> int:
        """How many they are."""


class Tails:
    """The memory that all tails share: when it is used up, the log that was quiet longest gives its tail first."""

    def __init__(self, most: int = limits.TAILS_BYTES) -> None:
        self.used = 0
        self._most = most
        self._logs: OrderedDict[Log, None] = OrderedDict()

    def grew(self, log: "Log", size: int) -> None:
        """A log's tail changed by so many bytes."""
        self.used += size
        self._logs[log] = None
        self._logs.move_to_end(log)
        while self.used > self._most and len(self._logs) > 1:
            quiet, _ = self._logs.popitem(last=False)
            self.used -= quiet.drop_tail()

    def forget(self, log: "Log") -> None:
        """Nobody will read this log any more."""
        if log in self._logs:
            del self._logs[log]
            self.used -= log.drop_tail()


_NOTHING: deque[Entry] = deque(maxlen=0)
"""The tail of a log of which nothing is in memory; one for all, as an empty deque has 600 bytes."""


class Log:
    """One conversation.  `key` is its identity; `name` is what people call it and may change its spelling."""

    __slots__ = ("_bytes", "_tail", "_tails", "head", "key", "name", "readers", "recorded")

    def __init__(self, key: str, name: str, tails: Tails, head: int = 0, recorded: bool = True) -> None:
        self.key = key
        self.name = name
        self.head = head
        self.recorded = recorded
        self.readers: Readers | None = None
        self._tail = _NOTHING
        self._bytes = 0
        self._tails = tails

    @property
    def audience(self) -> int:
        """How many are woken when the head moves."""
        return 0 if self.readers is None else len(self.readers)

    def extend(self, entries: Sequence[Entry]) -> None:
        """Take committed entries, numbered on from the head, and wake the readers."""
        before = self._bytes
        if self._tail is _NOTHING:
            self._tail = deque()
        self._tail.extend(entries)
        self._bytes += sum(map(size, entries))
        while len(self._tail) > limits.TAIL_EVENTS or (self._bytes > limits.TAIL_BYTES and len(self._tail) > 1):
            self._bytes -= size(self._tail.popleft())
        self._tails.grew(self, self._bytes - before)
        self.head = entries[-1].seq
        if self.readers is not None:
            self.readers.advanced(entries)

    def after(self, position: int, most: int) -> list[Entry] | None:
        """Up to `most` entries behind a position, or None where the tail does not reach back that far."""
        missing = self.head - position
        if missing > len(self._tail):
            return None
        start = len(self._tail) - missing
        # From the near end: a deque is slow in the middle, and most readers are almost at the head.
        return [self._tail[index] for index in range(start, min(start + most, len(self._tail)))]

    def oldest(self) -> list[Entry]:
        """What the tail holds, all of it: for a reader whom even the store cannot serve any more."""
        return list(self._tail)

    def said_before(self, before: int, most: int) -> list[Entry] | None:
        """The last `most` things people said before a number, oldest first; None where only the store can tell."""
        found = list(islice(said(entry for entry in reversed(self._tail) if entry.seq < before), most))
        if len(found) < most and len(self._tail) < self.head:
            return None
        return found[::-1]

    def forget(self) -> None:
        """Nobody will read it any more: its person is gone for good, and would else be kept in memory by it."""
        self._tails.forget(self)

    def drop_tail(self) -> int:
        """Forget what is kept in memory; returns the bytes that this freed."""
        freed, self._bytes = self._bytes, 0
        self._tail = _NOTHING
        return freed


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


def size(entry: Entry) -> int:
    """What an entry costs in memory, roughly: texts are what can be long."""
    fact = entry.fact
    if type(fact) is Message:  # nearly everything is, and each entry is asked for three times
        return limits.ENTRY_OVERHEAD + len(fact.text)
    text = getattr(fact, "text", "")
    return limits.ENTRY_OVERHEAD + len(text) + sum(map(len, getattr(fact, "who", ())))


def said(entries: Iterable[Entry]) -> Iterable[Entry]:
    """What people said among these entries: what history counts and shows."""
    return (entry for entry in entries if isinstance(entry.fact, Message | Action | Private))
