"""What was taken back: how a line looks of which that is so, whose lines they are, and what is read just then.

A store and the tail of a log put `emptied` in the place of such a line.  What somebody has read before that, and shows
only after it, is known here, too.
"""

from collections.abc import Collection, Iterable, Sequence
from weakref import WeakSet

from chat.base import names
from chat.base.named_tuples import NamedTuple
from chat.log.events import Entry, Fact, Private, Redacted, Said


class Speaker(NamedTuple):
    """Whose lines are looked for: of the person of this id, and those said under this folded nickname."""

    person: str | None
    nick: str | None = None


def is_by(fact: Fact, speaker: Speaker) -> bool:
    """Whether it is theirs."""
    author = fact.author
    if author is None:
        return False
    return author.person == speaker.person or (speaker.nick is not None and names.fold(author.nick) == speaker.nick)


def emptied(entry: Entry) -> Entry:
    """What stands in the place of a line that was taken back; what nobody said stays as it is."""
    if not isinstance(entry.fact, Said):
        return entry
    to = entry.fact.to if isinstance(entry.fact, Private) else ""
    return entry._replace(fact=Redacted(entry.fact.author, (entry.seq,), entry.at, to=to), id=None)


class Reading:
    """What somebody has asked for, until they have it in hand."""

    __slots__ = ("__weakref__", "_gone")

    def __init__(self) -> None:
        self._gone: set[tuple[str, int]] = set()

    def taken_back(self, key: str, targets: Collection[int]) -> None:
        """These lines of a log were taken back."""
        self._gone.update((key, seq) for seq in targets)

    def still(self, entries: Iterable[tuple[str, Entry]]) -> list[tuple[str, Entry]]:
        """These entries, each with its log's key, as they are by now."""
        return [(key, emptied(entry) if (key, entry.seq) in self._gone else entry) for key, entry in entries]


class Held(list[tuple[str, Entry]]):
    """Entries in hand, each with the place that it is shown with, as they are at any time until that is done."""

    __slots__ = ("__weakref__", "_keys")
    __hash__ = object.__hash__  # type: ignore[assignment]  # each is another one, whatever is in it

    def __init__(self, keys: Sequence[str], entries: Iterable[tuple[str, Entry]]) -> None:
        super().__init__(entries)
        self._keys = keys

    def taken_back(self, key: str, targets: Collection[int]) -> None:
        """These lines of a log were taken back."""
        for index, (place, entry) in enumerate(self):
            if self._keys[index] == key and entry.seq in targets:
                self[index] = (place, emptied(entry))


class Readings:
    """All that is read just now; what nobody holds any more is over."""

    def __init__(self) -> None:
        self._open: WeakSet[Reading | Held] = WeakSet()

    def begin(self) -> Reading:
        """Somebody is about to ask."""
        reading = Reading()
        self._open.add(reading)
        return reading

    def hold(self, keys: Sequence[str], entries: Iterable[tuple[str, Entry]]) -> Held:
        """Somebody has these in hand, of the logs of these keys, to be shown with these places."""
        held = Held(keys, entries)
        self._open.add(held)
        return held

    def taken_back(self, key: str, targets: Collection[int]) -> None:
        """These lines of a log were taken back."""
        for one in self._open:
            one.taken_back(key, targets)
