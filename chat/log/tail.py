"""The end of a log in memory: all that nearly every reader asks for.

It is bounded by itself and together with all others: where that is used up, the one that was quiet longest is dropped.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from chat.base import limits
from chat.log.events import Action, Entry, Message, Private
from chat.log.redaction import emptied


class Tails:
    """The memory that all tails share."""

    def __init__(self, most: int = limits.TAILS_BYTES) -> None:
        self.used = 0
        self._most = most
        self._by_age: OrderedDict[Tail, None] = OrderedDict()

    def __len__(self) -> int:
        """How many hold something."""
        return len(self._by_age)

    def grew(self, tail: "Tail", size: int) -> None:
        """One changed by so many bytes."""
        self.used += size
        self._by_age[tail] = None
        self._by_age.move_to_end(tail)
        while self.used > self._most and len(self._by_age) > 1:
            quiet, _ = self._by_age.popitem(last=False)
            self.used -= quiet.drop()

    def forget(self, tail: "Tail") -> None:
        """Nobody will read this one any more."""
        if tail in self._by_age:
            del self._by_age[tail]
            self.used -= tail.drop()


_NOTHING: deque[Entry] = deque(maxlen=0)
"""A tail of which nothing is held; one for all, as an empty deque has 600 bytes."""


class Tail:
    """The last entries of one log, as many as there is memory for."""

    __slots__ = ("_bytes", "_entries", "_tails")

    def __init__(self, tails: Tails) -> None:
        self._tails = tails
        self._entries = _NOTHING
        self._bytes = 0

    def __len__(self) -> int:
        """How many entries are held."""
        return len(self._entries)

    def extend(self, entries: Sequence[Entry]) -> None:
        """Hold these too, and so many fewer of the oldest as that needs; the last one always."""
        if self._entries is _NOTHING:
            self._entries = deque()
        held, before = self._entries, self._bytes
        held.extend(entries)
        self._bytes += sum(map(size, entries))
        while len(held) > limits.TAIL_EVENTS or (self._bytes > limits.TAIL_BYTES and len(held) > 1):
            self._bytes -= size(held.popleft())
        self._tails.grew(self, self._bytes - before)

    def take_back(self, behind: int) -> None:
        """Empty the entry that so many others came behind, if it is held."""
        place = len(self._entries) - 1 - behind
        if 0 <= place < len(self._entries):
            before, after = self._entries[place], emptied(self._entries[place])
            self._entries[place] = after
            self._bytes += (change := size(after) - size(before))
            self._tails.used += change

    def replace(self, change: Callable[[Entry], Entry]) -> bool:
        """Each entry becomes what this makes of it; returns whether there was any."""
        held = self._entries
        for place, entry in enumerate(held):
            if (after := change(entry)) is not entry:
                held[place] = after
                self._bytes += (grown := size(after) - size(entry))
                self._tails.used += grown
        return bool(held)

    def page(self, missing: int, most: int) -> list[Entry] | None:
        """Up to `most` of the last `missing` entries, oldest first; None where fewer are held."""
        start = len(self._entries) - missing
        if start < 0:
            return None
        # From the near end: a deque is slow in the middle, and most readers are almost at the head.
        return [self._entries[index] for index in range(start, min(start + most, len(self._entries)))]

    def all(self) -> list[Entry]:
        """Everything that is held."""
        return list(self._entries)

    def said_before(self, before: int, most: int) -> list[Entry]:
        """The last `most` things people said before a number, oldest first, as far as they are held."""
        found = said(entry for entry in reversed(self._entries) if entry.seq < before)
        return list(islice(found, most))[::-1]

    def forget(self) -> None:
        """Nobody will read it any more."""
        self._tails.forget(self)

    def drop(self) -> int:
        """Hold nothing; returns the bytes that this freed."""
        freed, self._bytes = self._bytes, 0
        self._entries = _NOTHING
        return freed


def size(entry: Entry) -> int:
    """What an entry costs in memory, roughly: texts are what can be long."""
    fact = entry.fact
    if type(fact) is Message:  # nearly everything is, and each entry is asked for four times
        return limits.ENTRY_OVERHEAD + len(fact.text)
    text = getattr(fact, "text", "")
    named = (*getattr(fact, "who", ()), *getattr(fact, "tags", ()))
    numbers = len(getattr(fact, "breaks", ()))
    return (
        limits.ENTRY_OVERHEAD + len(text) + sum(map(len, named)) + 36 * numbers
    )  # sys.getsizeof of one, and its place


def said(entries: Iterable[Entry]) -> Iterable[Entry]:
    """What people said among these entries: what history counts and shows."""
    return (entry for entry in entries if isinstance(entry.fact, Message | Action | Private))
