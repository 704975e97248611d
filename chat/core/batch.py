"""What happened since the last turn, as one batch for the store, and who is told what became of it."""

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from chat.base import limits
from chat.base.errors import ChatError, NotStored, id_used, refused_elsewhere
from chat.base.named_tuples import NamedTuple
from chat.core.ports import (
    Appended,
    Batch,
    Claim,
    Duplicates,
    Exchange,
    Known,
    Line,
    LineId,
    Numbered,
    PersonRecord,
    Record,
    Redaction,
    Remembered,
    SessionRecord,
)
from chat.log.events import Entry, Fact, Joined, Left, Place, Renamed
from chat.log.log import Log

logger = Logger()

People = dict[str, PersonRecord | None]
Sessions = dict[str, SessionRecord | None]
Exchanged = tuple[Exchange, Deferred[bool] | None]
"""With who waits to be told whether this node was first, if anybody does."""
NOBODY = Remembered()


class Writer(Protocol):
    """Whoever wants to know what became of what they appended together; `tag` is theirs."""

    def stored(self, tag: object, log: Log, entry: Entry) -> None:
        """It is durable; the first of it as this entry."""

    def repeated(self, tag: object, place: Place) -> None:
        """It was stored before, here: the same line came again."""

    def refused(self, tag: object, facts: Sequence[Fact], error: ChatError) -> None:
        """It was not kept and never will be."""

    def dropped(self, tag: object) -> None:
        """It was not kept: its session is another node's, where it comes again and is answered."""

    def broken(self) -> None:
        """One of these raised: a bug, which costs this one writer its connection."""


class Restorable(Protocol):
    """A person or session that is brought back after a restart."""

    stored: bool
    """The store may remember something of it."""

    @property
    def restorable(self) -> bool:
        """There is something to remember."""

    def remember(self, people: People, sessions: Sessions) -> None:
        """Put what brings it back, as it is now, into one of these."""


class Change(NamedTuple):
    """What one person did at once."""

    facts: Sequence[Fact]
    """One after the other: of a burst of talk all lines, else one."""
    logs: tuple[Log, ...]
    """The first is the one that the writer is told of."""
    writer: Writer | None = None
    tag: object = None
    line: Line | None = None
    """What it was sent as, if that has an id; it is one fact then."""
    record: Record | Redaction | None = None
    """What changes with it; where it was stored before, it does not change again."""

    def is_one_of(self, ids: Container[LineId | None]) -> bool:
        """Whether it is one of these lines."""
        return self.line is not None and (self.line.id in ids or self.line.former in ids)

    @property
    def is_so(self) -> bool:
        """Who came, went, and was called otherwise: that is so, whether it is stored or not."""
        return self.writer is None and self.record is None and isinstance(self.facts[0], Joined | Left | Renamed)


class OpenBatch:
    """Gathers; then `numbered` makes one batch of what has gathered, and it stands for that until all are told."""

    __slots__ = (
        "_bytes", "_events", "_placed", "by_log", "changes", "claims", "crowded", "exchanges", "ids", "owed",
        "proposed", "records", "refused", "remembered", "replaced", "taken_back", "touched", "waiting",
    )  # fmt: skip

    crowded: bool
    """So much waits for the store that nobody should be allowed to add to it."""

    by_log: dict[Log, list[Entry]]
    """What `numbered` made of the facts."""

    ids: dict[LineId, Known]
    """The lines in it that have an id."""

    taken_back: list[tuple[Log, Sequence[int]]]
    """What its redactions concern, of logs in memory."""

    proposed: Numbered
    """The numbers with which `numbered` made its entries."""

    remembered: Remembered
    """What `numbered` made of whom was touched."""

    replaced: Sequence[Record]
    """The records that `numbered` found."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.records: list[Record | Redaction | Change] = []
        """In the order in which they changed; a change stands for its own."""
        self.owed: list[Record] = []
        """Those of the records for which nobody waits."""
        self.waiting: list[Deferred[None]] = []
        self.touched: dict[Restorable, None] = {}
        self.claims: list[tuple[Claim, Deferred[str | None] | None]] = []
        """Each with who waits to be told whose it is, None for theirs."""
        self.exchanges: list[Exchanged] = []
        self.refused: list[LineId] = []
        self.by_log = {}
        self.ids = {}
        self.taken_back = []
        self.replaced = ()
        self._placed: list[tuple[Change, Entry]] = []
        self._events = self._bytes = 0
        self.crowded = False

    # Gathering.

    def add(self, change: Change) -> None:
        """This happened."""
        self._gather(change)
        if change.record is not None:
            self.records.append(change)

    def _gather(self, change: Change) -> None:
        self.changes.append(change)
        for fact in change.facts:
            self._bytes += limits.ENTRY_OVERHEAD + len(getattr(fact, "text", ""))
        self._events += len(change.facts)
        self.crowded = self._events >= limits.PENDING_EVENTS or self._bytes >= limits.PENDING_BYTES

    def put_first(self, changes: Sequence[Change]) -> None:
        """These happened before all else."""
        self.records[:0] = [change for change in changes if change.record is not None]
        self._gather_anew([*changes, *self.changes])

    def try_again(self, changes: Sequence[Change], of: "OpenBatch") -> None:
        """These changes of another one, which was not stored, go first, and all else that was to be stored with them;
        whom it touched is put here by `touch_too`."""
        here = {id(change) for change in changes}
        self.records[:0] = [one for one in of.records if not isinstance(one, Change) or id(one) in here]
        self._gather_anew([*changes, *self.changes])
        self.owed[:0] = of.owed
        self.waiting[:0] = of.waiting
        self.claims[:0] = of.claims
        self.exchanges[:0] = of.exchanges
        self.refused[:0] = of.refused

    def touch_too(self, some: Iterable[Restorable]) -> None:
        """Of these something is to be stored as well."""
        self.touched = {**dict.fromkeys(some), **self.touched}

    def take_out(self, is_out: Callable[[Change], bool]) -> list[Change]:
        """These changes, which do not happen."""
        out = [change for change in self.changes if is_out(change)]
        if out:
            self.records = [one for one in self.records if not (isinstance(one, Change) and is_out(one))]
            self._gather_anew([change for change in self.changes if not is_out(change)])
        return out

    def refine(self, refined: Callable[[Change], Change | None]) -> None:
        """Who came, went or was called otherwise did this instead, or (None) nothing."""
        self._gather_anew([change for change in map(refined, self.changes) if change is not None])

    def withdraw(self, ids: Collection[LineId]) -> list[Change]:
        """The same of what it has numbered."""
        out = [change for change, _ in self._placed if change.is_one_of(ids)]
        self._placed = [placed for placed in self._placed if not placed[0].is_one_of(ids)]
        return out

    def _gather_anew(self, changes: Sequence[Change]) -> None:
        self.changes = []
        self._events = self._bytes = 0
        self.crowded = False
        for change in changes:
            self._gather(change)

    @property
    def is_asked_for(self) -> bool:
        """Something happened, or somebody waits; that people are to be recorded can wait as well."""
        return bool(
            self.changes
            or self.records
            or self.waiting
            or self.exchanges
            or (self.claims and any(done for _, done in self.claims))
        )

    def records_besides(self, postponed: Iterable[Change] = ()) -> Sequence[Record | Redaction]:
        """All that change, but for these."""
        out = {id(change) for change in postponed}
        found = (one.record if isinstance(one, Change) else one for one in self.records if id(one) not in out)
        return [record for record in found if record is not None]

    def take_out_exchanges(self) -> list[Exchanged]:
        """Those of records that change here besides: they have to wait for the next batch."""
        now: list[Exchanged] = []
        later: list[Exchanged] = []
        taken = {(record.kind, record.key) for record in self.records_besides() if isinstance(record, Record)}
        for asked in self.exchanges:
            kind, key, _ = asked[0].record
            (later if (kind, key) in taken else now).append(asked)
            taken.add((kind, key))
        self.exchanges = now
        return later

    # In flight.

    def numbered(self, at: datetime) -> tuple[Batch, list[Change]]:
        """Propose for each fact the next number of its logs, and this date; and what has to wait for the next batch."""
        by_log, ids = self.by_log, self.ids
        postponed = []
        for change in self.changes:
            facts, logs, _, _, line, record = change
            if line is not None and (line.id in ids or line.former in ids):
                # The same line twice in one burst: the second is a repetition only once the first is stored.
                postponed.append(change)
                continue
            for log in logs:
                added = by_log.setdefault(log, [])
                first = log.head + len(added) + 1
                if line is None and len(facts) > 1:
                    added += [Entry(seq, at, fact) for seq, fact in enumerate(facts, first)]
                else:
                    added.append(Entry(first, at, facts[0], None if line is None else line.id.id))
            log = logs[0]
            entry = by_log[log][-len(facts)]
            self._placed.append((change, entry))
            if line is not None:
                ids[line.id] = placed = Known(Place(log.key, log.name, entry.seq, at), line.digest)
                if line.former is not None:
                    ids[line.former] = placed
            if isinstance(record, Redaction):
                self.taken_back.append((log, record.targets))
        records = self.records_besides(postponed) if self.records else ()
        self.remembered = remembered = _remembered(self.touched) if self.touched else NOBODY
        appended, firsts = [], {}
        for log, added in by_log.items():
            appended.append(Appended(log.key, log.name, log.recorded, added))
            firsts[log.key] = added[0].seq
        self.proposed = Numbered(at, firsts)
        claims = [claim for claim, _ in self.claims] if self.claims else ()
        redactions = [record for record in records if isinstance(record, Redaction)] if records else ()
        replaced = [record for record in records if isinstance(record, Record)] if redactions else records
        self.replaced = replaced  # type: ignore[assignment]
        exchanges = [exchange for exchange, _ in self.exchanges] if self.exchanges else ()
        batch = Batch(
            appended, self.replaced, ids, self.proposed, remembered, claims, redactions, (), exchanges, self.refused
        )
        return batch, postponed

    def renumber(self, numbered: Numbered) -> None:
        """The store gave it other numbers, or another date, than were proposed."""
        proposed = self.proposed.firsts
        # The batch that the store has is left as it is.
        self.by_log = {
            log: [entry._replace(seq=seq, at=numbered.at) for seq, entry in enumerate(added, numbered.firsts[log.key])]
            for log, added in self.by_log.items()
        }
        self._placed = [
            (change, self.by_log[change.logs[0]][entry.seq - proposed[change.logs[0].key]])
            for change, entry in self._placed
        ]

    @classmethod
    def of_one(cls, change: Change, added: list[Entry], proposed: Numbered) -> "OpenBatch":
        """One line is all of it, and numbered."""
        batch = cls()
        batch.changes, batch.by_log, batch.proposed = [change], {change.logs[0]: added}, proposed
        batch.remembered, batch._placed = NOBODY, [(change, added[0])]
        return batch

    @property
    def authors(self) -> set[str]:
        """The sessions from which something came."""
        return {author.session for change, _ in self._placed if (author := change.facts[0].author) is not None}

    @property
    def speakers(self) -> Collection[str]:
        """The sessions that wait to be told what became of something in it."""
        writers = (change for change, _ in self._placed if change.writer is not None)
        return {author.session for change in writers if (author := change.facts[0].author) is not None}

    @property
    def happened(self) -> Sequence[Change]:
        """Who came, went, and was called otherwise."""
        return [change for change, _ in self._placed if change.is_so]

    def __len__(self) -> int:
        """How many facts it numbered."""
        return sum(len(change.facts) for change, _ in self._placed)

    @property
    def still_to_be_stored(self) -> Sequence[Restorable]:
        """Of those who were touched, where this was refused: who came and went meanwhile is none."""
        return [one for one in self.touched if one.stored or one.restorable]

    def outdated(self, numbered: Numbered) -> Sequence[Restorable]:
        """Of those who were touched, what the store did not take: the others must not go again, or two nodes would
        outdate each other's without end."""
        found = []
        for one in self.touched:
            people, sessions = _remembered((one,))
            if not people.keys().isdisjoint(numbered.outdated) or not sessions.keys().isdisjoint(numbered.outdated):
                found.append(one)
        return found

    def tell_stored(self) -> None:
        """All of it is durable."""
        for one in self.touched:
            one.stored = True
        for change, entry in self._placed:
            if (writer := change.writer) is not None:
                tell(writer, writer.stored, change.tag, change.logs[0], entry)
        for waiter in self.waiting:
            waiter.callback(None)

    def tell_claimed(self, taken: Mapping[Claim, str]) -> None:
        """What became of the claims; told after all else, for who comes in may read what was stored with it."""
        for claim, claimant in self.claims:
            if claimant is not None:
                claimant.callback(taken.get(claim))

    def tell_exchanged(self, late: Collection[Record]) -> None:
        """What became of the exchanges, told after all else, too."""
        for exchange, waiter in self.exchanges:
            if waiter is not None:
                waiter.callback(exchange.record not in late)

    def replaced_in(self, numbered: Numbered) -> Sequence[Record]:
        """The records that are what this made of them."""
        exchanged = [exchange.record for exchange, _ in self.exchanges if exchange.record not in numbered.late]
        return [*self.replaced, *exchanged] if exchanged else self.replaced

    def tell_repeated(self, found: Duplicates) -> list[Change]:
        """Some ids in it were known, so nothing was stored; returns what is to be tried again."""
        again = []
        for change, _ in self._placed:
            line, writer = change.line, change.writer
            before = None if line is None else known_as(line, found.known)
            if before is None and change.is_one_of(found.refused):
                tell_out(change, refused_elsewhere())
            elif line is None or before is None:
                again.append(change)
            elif writer is not None and before.same(line):
                tell(writer, writer.repeated, change.tag, before.place)
            else:
                tell_out(change, id_used())
        return again

    def tell_dropped(self, is_dropped: Callable[[Change], bool], error: ChatError | None = None) -> list[Change]:
        """Nothing was stored, and of this nothing will be (see `tell_out`); returns what is to be tried again."""
        again = []
        for change, _ in self._placed:
            if is_dropped(change):
                tell_out(change, error)
            else:
                again.append(change)
        return again

    def tell_refused(self, error: NotStored, copies: Sequence[Change]) -> None:
        """Nothing of it was stored, nor will be, nor will these copies of it."""
        for change in [*(change for change, _ in self._placed), *copies]:
            tell_out(change, error)
        for waiter in self.waiting:
            waiter.errback(error)
        for _, claimant in self.claims:
            if claimant is not None:
                claimant.errback(error)
        for _, exchanger in self.exchanges:
            if exchanger is not None:
                exchanger.errback(error)


class ToldBatch(OpenBatch):
    """What another node has stored: nobody here waits for it."""

    __slots__ = ("_told",)

    def __init__(self, by_log: dict[Log, list[Entry]], taken_back: Sequence[tuple[Log, Sequence[int]]] = ()) -> None:
        super().__init__()
        self.by_log, self.taken_back = by_log, list(taken_back)
        self._told = [entry.fact for added in by_log.values() for entry in added]

    @property
    def authors(self) -> set[str]:
        """The sessions from which something came."""
        return {author.session for fact in self._told if (author := fact.author) is not None}

    def __len__(self) -> int:
        """How many facts it has, each in every log in which it stands."""
        return len(self._told)


def tell_out(change: Change, error: ChatError | None) -> None:
    """It does not happen: who said it is told why, or (None) where it comes again."""
    if (writer := change.writer) is None:
        return
    if error is None:
        tell(writer, writer.dropped, change.tag)
    else:
        tell(writer, writer.refused, change.tag, change.facts, error)


def known_as(line: Line, known: Mapping[LineId, Known]) -> Known | None:
    """What is known of a line, by whichever of its ids."""
    return next((known[id] for id in line.ids if id in known), None)


def _remembered(touched: Iterable[Restorable]) -> Remembered:
    """What brings these back; a bug in one of them is not to stop the turn of all."""
    people: People = {}
    sessions: Sessions = {}
    for one in touched:
        try:
            one.remember(people, sessions)
        except Exception:
            logger.failure("Somebody cannot be recorded")
    return Remembered(people, sessions)


def tell(writer: Writer, tell: Callable[..., None], *what: object) -> None:
    """One writer's bug is not the next one's."""
    try:
        tell(*what)
    except Exception:
        logger.failure("A writer failed")
        writer.broken()
