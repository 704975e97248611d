"""What the hub needs of a store: all durability behind a few calls.

A batch is committed whole or not at all.  A store fails with `NotStored` where it could not keep something; nothing
of that batch may ever appear later.  Numbers are never given twice: a log's head is kept even where its entries are
gone, or were never to be recorded.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred

from chat.log.events import Entry, Place


class LineId(NamedTuple):
    """A program's id for a line, unique for the person who sent it."""

    person: str
    id: str


class Line(NamedTuple):
    """A line that has an id, and 8 bytes that tell whether another one with this id is the same line again."""

    id: LineId
    digest: int


class Known(NamedTuple):
    """Where a line stands that was stored; without a digest where a store of before did not keep one."""

    place: Place
    digest: int | None

    def same(self, line: Line) -> bool:
        """Whether a line with its id is this one, as far as can be told."""
        return self.digest is None or self.digest == line.digest


class Appended(NamedTuple):
    """New entries of one log, numbered on from its head; of a log that is not recorded only the head is kept."""

    key: str
    name: str
    recorded: bool
    entries: Sequence[Entry]


class Record(NamedTuple):
    """A value that is replaced, not appended to, such as a room's topic; None takes it away."""

    kind: str
    key: str
    value: str | None


class Batch(NamedTuple):
    """One turn's changes; each log and each record is in it once."""

    appended: Sequence[Appended]
    records: Sequence[Record]
    ids: Mapping[LineId, Known]


class Duplicates(Exception):
    """Lines with ids of a batch were stored before, these: nothing of the batch was kept."""

    def __init__(self, known: Mapping[LineId, Known]) -> None:
        super().__init__(known)
        self.known = known


class Query(NamedTuple):
    """The last `most` things people said in these logs: before a number, since a moment, with words, with somebody.

    `other` is the folded nickname, at that time, of the other one in private talk.  What is dated after `now`, by a
    clock that was wrong, was said since a moment only if its number is above that of the first line that was.
    """

    keys: Sequence[str]
    most: int
    before: int | None = None
    since: datetime | None = None
    now: datetime | None = None
    words: str = ""
    other: str | None = None


class Found(NamedTuple):
    """The entries with their logs' keys, oldest first, and how many there are in all that fit the query."""

    entries: Sequence[tuple[str, Entry]]
    total: int
    whole: bool = True
    """Whether all was looked at; what would take too long is not."""


class KeptLog(NamedTuple):
    """A log as a store has it; of a room that is asked for, with its topic."""

    key: str
    name: str
    head: int
    topic: str = ""


class Kept(NamedTuple):
    """What a store holds of those who can come back when the server starts: their rooms, their own logs, records.

    Of other rooms it is told when somebody asks for them; `older` are the keys of those that an older program, or older
    tables of Unicode, folded in another way, by what they would be now.
    """

    logs: Sequence[KeptLog]
    records: Sequence[Record]
    older: Mapping[str, str] = MappingProxyType({})


NOTHING_KEPT = Kept((), ())


class Store(Protocol):
    """Where logs live."""

    def commit(self, batch: Batch) -> Deferred[None]:
        """Keep a batch; fires when it is durable, fails with `NotStored` or `Duplicates` where nothing was kept."""

    def start(self) -> None:
        """Begin what must not begin before the process is in the background."""

    def after(self, key: str, position: int, most: int) -> Deferred[list[Entry]]:
        """Up to `most` of the oldest entries that are held behind a position; of long ones it may be a page."""

    def said(self, query: Query) -> Deferred[Found]:
        """What people said."""

    def known(self, ids: Sequence[LineId]) -> Deferred[Mapping[LineId, Known]]:
        """The lines with these ids that were stored."""

    def room(self, key: str) -> Deferred[KeptLog | None]:
        """The room of this key, as it was committed last; None where there never was one."""

    def let_go(self, room: KeptLog) -> None:
        """The hub has forgotten this room, and asks for it when it needs it again."""

    def close(self) -> Deferred[None]:
        """No call comes after this one."""
