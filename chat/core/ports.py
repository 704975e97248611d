"""What the core needs of others: of a store (all durability behind a few calls), and of the process it runs in.

A batch is committed whole or not at all.  A store fails with `NotStored` where it could not keep something; nothing
of that batch may ever appear later.  Numbers are never given twice: a log's head is kept even where its entries are
gone, or were never to be recorded.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Protocol

from twisted.internet.defer import Deferred

from chat.base.language import Sentence
from chat.base.named_tuples import NamedTuple
from chat.log.events import Entry, Place
from chat.log.forgetting import Forgotten
from chat.log.redaction import Speaker
from chat.log.unread import Listener, Unread

Role = Literal["owner", "operator"]
"""Of an account, in a room; on the server there are operators only.  Who has none is a member of where they are."""


class LineId(NamedTuple):
    """A program's id for a line, unique for the person who sent it."""

    person: str
    id: str


class Line(NamedTuple):
    """A line that has an id, and 8 bytes that tell whether another one with this id is the same line again.

    Whoever was a guest before they logged in may have sent it as that one: under `former`.
    """

    id: LineId
    digest: int
    former: LineId | None = None

    @property
    def ids(self) -> Sequence[LineId]:
        """By which it is known."""
        return (self.id,) if self.former is None else (self.id, self.former)


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


class Exchange(NamedTuple):
    """A record is to be this one, but only if its value was that before (None: there was none): what is good once is
    spent so, for of two nodes that do it at the same moment one is too late."""

    record: Record
    before: str | None


class Redaction(NamedTuple):
    """Lines of the log of this key are taken back: what they said goes, from wherever it can be found, and the entries
    stay, emptied (`chat.log.redaction`)."""

    key: str
    targets: Sequence[int]


class Claim(NamedTuple):
    """Somebody is to be called so from now on, and nobody else so or alike; None gives their nickname up."""

    person: str
    nick: str | None


class Numbered(NamedTuple):
    """The date of a batch and, by the keys of its logs, the number of the first entry that each of them got."""

    at: datetime
    firsts: Mapping[str, int]
    taken: Mapping[Claim, str] = MappingProxyType({})
    """Those of its claims that are refused, and the nickname of whoever has it; all else of the batch is kept."""
    outdated: Collection[str] = ()
    """The ids of people, and the hashes of sessions' codes, of which another node stored something that this one had
    not been told of when it made the batch: what the batch has of these is not kept."""
    late: Collection[Record] = ()
    """The records of its exchanges that are not kept: another node was first."""


class Token(NamedTuple):
    """By what a program may act as somebody: the hash of it, what it is called, and what it may."""

    digest: str
    name: str
    rooms: list[str]
    """Those rooms only, by their names; none named is any."""
    talks: bool
    """It lets a program come in; else it lets it say one line from outside."""
    made_at: datetime
    used_at: datetime | None


class Admission(NamedTuple):
    """That somebody belongs to a room that is private, or was: they read what was said behind a place, and `came` since
    they were invited."""

    behind: int
    came: bool


class PersonRecord(NamedTuple):
    """What brings somebody back after a restart."""

    nick: str
    absent: bool
    """For the others they had left."""
    away: str | None
    last_from: str | None
    entered_at: datetime
    spoke_at: datetime
    rooms: Mapping[str, int]
    """The place at which they came into each, by its key, in the order of their coming."""
    read: Mapping[str, int]
    """Up to where they have read a log, by its key."""
    ignored: Mapping[str, str]
    """By their ids, how those were called whom they do not hear."""
    senders: Sequence[str]
    """The ids of those who wrote to them while their line was down."""
    password: str | None = None
    """What `Passwords.hash` made of it; who has none is a guest."""
    roles: Mapping[str, Role] = MappingProxyType({})
    """By the key of a room's log, or by that of the server's."""
    tokens: Sequence[Token] = ()
    admitted: Mapping[str, Admission] = MappingProxyType({})
    """By the keys of rooms, in the order of their going there."""
    user: str = ""
    realname: str = ""
    """What they call themselves besides, with an IRC client: on their machine, and in life."""


class SessionRecord(NamedTuple):
    """What brings a session back after a restart."""

    id: str
    person: str
    host: str
    current: str
    """The key of the room in which they spoke."""
    quiet: bool
    language: str | None
    seen_at: datetime
    ended_at: datetime | None
    """None where it had a connection."""
    given: Mapping[str, int]
    """Up to where it was given a log, by its key."""
    token: str | None = None
    """What the token is called by which it came in, if it did."""
    guest: str | None = None
    """The id of the guest who they were on it before they logged in."""


class Progress(NamedTuple):
    """How far somebody has read on a session by now."""

    seen_at: datetime
    spoke_at: datetime
    given: Mapping[str, int]
    """Up to where it was given each log, by its key."""
    read: Mapping[str, int]
    """Up to where they have read a log, by its key."""


class Remembered(NamedTuple):
    """People by their ids, and sessions by the hash of their resume code; None takes one away."""

    people: Mapping[str, PersonRecord | None] = MappingProxyType({})
    sessions: Mapping[str, SessionRecord | None] = MappingProxyType({})


class Batch(NamedTuple):
    """One turn's changes; each log and each record is in it once.

    Its entries, and the places in `ids`, have the numbers and the date that the turn proposes: they are right where
    nobody else writes.  A store that others write to gives its own.
    """

    appended: Sequence[Appended]
    records: Sequence[Record]
    ids: Mapping[LineId, Known]
    proposed: Numbered
    remembered: Remembered = Remembered()
    claims: Sequence[Claim] = ()
    """In their order; there are none where the store is not shared."""
    redactions: Sequence[Redaction] = ()
    """Of entries that were committed before."""
    by: Collection[str] = ()
    """The sessions that said or did what is in it, by the hashes of their codes, where the store is shared."""
    exchanges: Sequence[Exchange] = ()
    """There are none where the store is not shared, and none of a record that is among `records`."""
    refused: Sequence[LineId] = ()
    """Lines that somebody was refused here, who has sessions on other nodes: what such a node was given of them before
    it heard of that it does not keep any more."""
    moved: Collection[str] = ()
    """Who came or went according to it, by their ids, where the store is shared."""


class Duplicates(Exception):
    """Lines with ids of a batch were stored before, or refused on another node, these: nothing of the batch was
    kept."""

    def __init__(self, known: Mapping[LineId, Known], refused: Collection[LineId] = ()) -> None:
        super().__init__(known)
        self.known = known
        self.refused = refused


class TakenOver(Exception):
    """What is in a batch was said or done by sessions that are other nodes' by now, these, by the hashes of their
    codes: nothing of the batch was kept."""

    def __init__(self, sessions: Collection[str]) -> None:
        super().__init__(sessions)
        self.sessions = sessions


class Unheard(Exception):
    """A batch tells of somebody's coming or going of whom another node had stored something meanwhile: nothing of it
    was kept.  By now that was told here, and the batch may be tried again."""


class InDoubt(Exception):
    """Whether a batch was kept is not known for now; `later` tells, as the commit would have.

    Until then the store takes nothing else.
    """

    def __init__(self, later: Deferred[Numbered]) -> None:
        super().__init__(later)
        self.later = later


class Query(NamedTuple):
    """The last `most` things people said in these logs: before a number, behind one, since a moment, with words, with
    somebody, to somebody.

    `other` is the folded nickname, at that time, of the other one in private talk, and of `to` the author's.  What is
    dated after `now`, by a clock that was wrong, was said since a moment only if its number is above that of the first
    line that was.
    """

    keys: Sequence[str]
    most: int
    before: int | None = None
    since: datetime | None = None
    now: datetime | None = None
    words: str = ""
    other: str | None = None
    behind: Mapping[str, int] = MappingProxyType({})
    """Numbers by the keys of logs."""
    to: Listener | None = None
    """What calls this one, who did not say it; words and dates are not asked for with it."""
    by: Speaker | None = None
    """What this one said, of the newest `SPOKEN_LOOKED_AT` lines of each log; words are not asked for with it."""


class Stretch(NamedTuple):
    """A part of a log: what stands behind a number, up to another one."""

    behind: int
    last: int


class Found(NamedTuple):
    """The entries with their logs' keys, oldest first, and how many there are in all that fit the query."""

    entries: Sequence[tuple[str, Entry]]
    total: int
    whole: bool = True
    """Whether all was looked at; what would take too long is not."""


class Spoken(NamedTuple):
    """What somebody said in a part of all that is held, each with its log's key; the next part is behind this place,
    None: there is none."""

    entries: Sequence[tuple[str, Entry]]
    behind: int | None


class Emptied(NamedTuple):
    """Which lines of which logs say nothing any more, how many other entries name somebody less, and which topics went;
    the next part is behind this place, None: there is none."""

    lines: Mapping[str, Sequence[int]]
    others: int
    topics: Sequence[tuple[str, str]]
    behind: int | None


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
    remembered: Remembered = Remembered()
    elsewhere: Mapping[str, str] = MappingProxyType({})
    """Of which other nodes sessions are, by the hashes of their codes."""
    claims: Sequence[Claim] = ()
    """Who is called how, where other nodes use the store."""


NOTHING_KEPT = Kept((), ())


class Elsewhere(NamedTuple):
    """What another node committed, with its numbers: of each log they go on where its last ones were."""

    appended: Sequence[Appended]
    records: Sequence[Record]
    redactions: Sequence[Redaction] = ()
    heads: Mapping[str, int] = MappingProxyType({})
    """How far logs go, by their keys, that are not recorded, and of which the last entries were not heard here."""
    claims: Sequence[Claim] = ()
    """Those that were not refused."""
    remembered: Remembered = Remembered()
    """What was kept of it: a session belongs to the node that stored it last."""
    node: str = ""
    """What the other one is called."""
    adopted: str = ""
    """What the node is called some of whose sessions are of `node` now."""
    ended: Mapping[str, datetime] = MappingProxyType({})
    """Since when those have no connection, where they had one, by the hashes of their codes."""
    refused: Sequence[LineId] = ()
    """Lines that were refused there: what was given to this node of them by now is not stored any more."""
    anew: Kept | None = None
    """All that is held now, and nothing else: what happened until then cannot be told any more."""


class StoreState(NamedTuple):
    """How much a store holds, and what it has to do."""

    kind: str
    size: int
    """Bytes of what is kept."""
    journal: int
    """Bytes of the file in which is what was written last."""
    free: int | None
    """Bytes that are free on its disk, as it was looked at last, if it has one."""
    waiting: int
    """Questions and batches that it has not answered yet."""


class NodeState(NamedTuple):
    """How one of several servers on a store is."""

    name: str
    version: str
    since: datetime
    """When it was started."""
    heard_at: datetime
    """When it said last that it is there."""
    lease: int | None
    """For so many seconds it need not say so again; None: it is not there."""
    people: int
    """So many have a connection to it."""
    behind: int
    """So many turns of others it had not been told of when it said so."""
    holds: Mapping[str, str]
    """Its options of which a difference matters, as they are shown."""
    written: Mapping[str, str]
    """Those that hold for all nodes alike, as they are written for this one."""


class Store(Protocol):
    """Where logs live."""

    shared: bool
    """Other nodes write to it as well: it is a `SharedStore`, and decides who is called how."""

    def commit(self, batch: Batch) -> Numbered | Deferred[Numbered]:
        """Keep a batch; its numbers, at once or when it is durable; raises or fails with `NotStored` or `Duplicates`
        where nothing was kept, and fails with `InDoubt` where that cannot be told for long.
        """

    def start(self) -> None:
        """Begin what must not begin before the process is in the background."""

    def after(self, key: str, position: int, most: int) -> Deferred[list[Entry]]:
        """Up to `most` of the oldest entries that are held behind a position; of long ones it may be a page."""

    def said(self, query: Query) -> Deferred[Found]:
        """What people said."""

    def unread(self, stretches: Mapping[str, Stretch], listener: Listener) -> Deferred[Mapping[str, Unread]]:
        """What is new for somebody in stretches of these logs, of each no more than the last `UNREAD_MOST` things."""

    def known(self, ids: Sequence[LineId]) -> Deferred[Mapping[LineId, Known]]:
        """The lines with these ids that were stored; not before it is known what became of a batch in doubt."""

    def copies(self, key: str, private: Entry) -> Deferred[Sequence[int]]:
        """The numbers of all private lines in the log of this key that say what this one says, of the same turn."""

    def spoken(self, speaker: Speaker, behind: int) -> Deferred[Spoken]:
        """What somebody said, in all logs, a part after the other; the first is behind 0."""

    def nicks(self, ids: Collection[str]) -> Deferred[Collection[str]]:
        """The nicknames under which these people stand anywhere."""

    def called(self, nick: str) -> Deferred[Collection[str]]:
        """The ids of those who stand anywhere under this folded nickname."""

    def forget(self, gone: Forgotten, behind: int) -> Deferred[Emptied]:
        """Let nothing of these people be left in a part of all that is held, nor, with the first part, their logs."""

    def room(self, key: str) -> Deferred[KeptLog | None]:
        """The room of this key with all that `follow` has told of; None where there never was one."""

    def let_go(self, room: KeptLog) -> None:
        """The hub has forgotten this room, and asks for it when it needs it again."""

    def state(self) -> StoreState:
        """How it is just now."""

    def close(self) -> Deferred[None]:
        """No call comes after this one."""


class SharedStore(Store, Protocol):
    """A store that several nodes write to: it gives all batches of all nodes one order, and each node is told of the
    others' in it.

    Of a batch it decides, in that order: whether its lines were stored before (`Duplicates`), whether one of the
    sessions that it is `by` is another node's (`TakenOver`; not one that the batch itself stores, and that is not
    outdated), which of its people and sessions are outdated (`Numbered.outdated`), whether one of those came or went
    (`Unheard`: that would be told, and be lost if this node died before it stored them again), and which claims are
    refused (`Numbered.taken`).  Outdated are those that another node stored later than the last batch that had been
    told here when `commit` was called.  For that a row for each is enough, with the node that stored it last and the
    place of that in the order.

    What is said where nothing is recorded it need not keep: a node that does not hear of it is told how far that log
    goes (`Elsewhere.heads`), or of an entry behind a hole.

    `after` waits while the store cannot be reached, for who reads on has not missed what is only out of reach.

    Each node has a lease.  Where it has run out another node adopts the sessions, and whatever the old one still sends
    is not kept (`TakenForGone`, which it hears when it was told of that, and may try it again): it writes nothing as
    who it was before.  A node that starts adopts what it had before, in the same way, before it reads what is kept.
    """

    node: str
    """What this one is called."""

    def commit(self, batch: Batch) -> Deferred[Numbered]:
        """(Store)"""

    def follow(self, tell: Callable[[Elsewhere], None]) -> None:
        """From now on tell of what other nodes commit, in its order: before a batch of ours is answered, all that
        stands before it was told, and nothing that stands behind it.

        A node that could not be told for so long that it is not known any more is told of all that is held, anew.
        """

    def beat(self, people: int) -> Deferred[Collection[str]]:
        """Say that this node is there, with so many people: for `LEASE_SECONDS` from now nobody adopts its sessions.

        Fires with the names of the nodes that have not said so for that long and have sessions, fails with
        `NotStored`.
        """

    def adopt(self, node: str) -> Deferred[None]:
        """Where that node's lease has run out, let all of its sessions be of this one, ended now where they had a
        connection, some of them in each of several turns between which others have theirs: all nodes are told of
        them, this one and that one too (`Elsewhere.adopted`).
        What that node had claimed for people of whom nothing is stored, or for guests who had left, is free again; who
        is stored under another nickname than the one it had claimed has that one again, if it is free.

        Nothing more happens where it says meanwhile that it is there; where two adopt, each has a part.  Fails with
        `NotStored`.
        """

    def keep_progress(self, progress: Mapping[str, Progress]) -> Deferred[None]:
        """Keep how far people have read on sessions of this node, by the hashes of their codes, beside the order of the
        batches: it comes after all batches of this node that were given before, and no other node is told of it.

        It goes on from the record that stands there: where that is another node's nothing is kept, and a record that is
        stored later says all of it anew, but for what they have read.  An older one may be what is left of it after a
        crash of the store.  Fails with `NotStored`.
        """

    def progress(self, sessions: Collection[str]) -> Deferred[Mapping[str, Progress]]:
        """How far people have read on sessions of any node: as was kept last, or as their records say; fails with
        `Refused`."""

    def nodes(self) -> Deferred[Sequence[NodeState]]:
        """All that use the store, or did so lately; fails with `Refused`."""


class Passwords(Protocol):
    """Work that is dear on purpose, done beside all else; raises `Refused` (`busy`) where too much of it waits."""

    def hash(self, password: str) -> Deferred[str]:
        """What is kept of a password."""

    def verify(self, hash: str | None, password: str) -> Deferred[bool]:
        """Whether it is the one of this hash; without one it takes as long, and is not."""


class OperatorCode(Protocol):
    """By which an account becomes an operator of the server while there is none."""

    @property
    def digest(self) -> str:
        """What is known of it."""

    def matches(self, code: str) -> bool:
        """Whether it is this one, as codes are given."""

    def used(self) -> None:
        """It is not good any more."""


class Process(Protocol):
    """The process that the chat runs in, as far as whoever runs the server looks after it from within."""

    started_at: datetime

    @property
    def log_entries(self) -> Mapping[str, int]:
        """How many entries the log has of each level that tells of something that should not be."""

    def reload(self) -> Sequence[Sentence]:
        """Read the options again; what has changed.  Raises `Unfit` where anything is wrong, and nothing changes."""

    def back_up(self) -> Deferred[Path]:
        """Copy what is kept; fires with where the copy is, fails with `Refused`."""

    def stop(self) -> None:
        """End as it is usual: what was said is stored, and everybody is told."""
