"""The turn: everything that happened in one burst of input, stored at once and then shown.

Facts and changed records gather; once per burst they go to the store as one batch.  Committed: the logs are extended,
which wakes their readers, and the writers are told.  Refused: the batch is dropped, no number was used, the writers
are told.  One batch is in flight while the next gathers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat import limits
from chat.coalescing import Coalescing
from chat.errors import NotStored
from chat.events import Entry, Fact, Place
from chat.language import language, say
from chat.log import Log
from chat.store import Appended, Batch, Duplicates, LineId, Record, Store

logger = Logger()


class Writer(Protocol):
    """Whoever wants to know what became of what they appended together; `tag` is theirs."""

    def stored(self, tag: object, log: Log, entry: Entry) -> None:
        """It is durable; the first of it as this entry."""

    def repeated(self, tag: object, place: Place) -> None:
        """It was stored before, here: the same line came again."""

    def refused(self, tag: object, facts: Sequence[Fact], error: NotStored) -> None:
        """It was not kept and never will be."""

    def broken(self) -> None:
        """One of these raised: a bug, which costs this one writer its connection."""


class Restorable(Protocol):
    """Somebody who is brought back after a restart."""

    id: str

    def record(self) -> Record:
        """What brings them back, as they are now."""


class _Pending(NamedTuple):
    facts: Sequence[Fact]
    """One after the other: of a burst of talk all lines, else one."""
    logs: tuple[Log, ...]
    """The first is the one that the writer is told of."""
    writer: Writer | None
    tag: object
    id: LineId | None
    record: Record | None
    """What changes with it; where it was stored before, it does not change again."""


class Outcome(NamedTuple):
    """What became of a fact: where it stands, and whether it stood there before."""

    place: Place
    repeated: bool


class Turn:
    """Gathers what happens; `now` stamps it."""

    def __init__(self, clock: IReactorTime, now: Callable[[], datetime], store: Store) -> None:
        self._clock = clock
        self._now = now
        self._store = store
        self._last_at: datetime | None = None
        self._pending: list[_Pending] = []
        self._records: list[Record] = []
        self._touched: dict[str, Restorable] = {}
        self._waiting: list[Deferred[None]] = []
        self._pending_events = self._pending_bytes = 0
        self._in_flight = False
        self._scheduled = False
        self._stopped = False
        self._calm: list[Callable[[], None]] = []
        self._coalescing = Coalescing()

    def append(
        self,
        log: Log,
        fact: Fact,
        writer: Writer | None = None,
        tag: object = None,
        id: LineId | None = None,
        copy: Log | None = None,
        record: Record | None = None,
    ) -> None:
        """Let a fact be stored, with a second log and a record perhaps, and then read.

        The writer is told what became of it.
        """
        logs = (log,) if copy is None else (log, copy)
        self._add(_Pending((fact,), logs, writer, tag, id, record))

    def append_all(
        self, log: Log, facts: Sequence[Fact], writer: Writer, tag: object = None, id: LineId | None = None
    ) -> None:
        """The same for several facts of one author; with an id it is one."""
        self._add(_Pending(facts, (log,), writer, tag, id, None))

    def _add(self, change: _Pending) -> None:
        self._pending.append(change)
        self._count(change)
        self._schedule()

    def _count(self, change: _Pending, sign: int = 1) -> None:
        self._pending_events += sign * len(change.facts)
        self._pending_bytes += sign * _size(change)

    def write(
        self, log: Log, fact: Fact, id: LineId | None = None, copy: Log | None = None, record: Record | None = None
    ) -> Deferred[Outcome]:
        """The same for one who waits: fails with `NotStored`."""
        waiter = _Waiter()
        self.append(log, fact, waiter, None, id, copy, record)
        return waiter.outcome

    def change(self, *records: Record) -> Deferred[None]:
        """Let records be replaced with this turn's batch; fires when they are, fails with `NotStored`."""
        done: Deferred[None] = Deferred()
        self._records.extend(records)
        self._waiting.append(done)
        self._schedule()
        return done

    def touch(self, person: Restorable) -> None:
        """Let what brings this person back be stored with the turn, or with the next one that is."""
        self._touched[person.id] = person
        self._schedule()

    def forget(self, record: Record) -> None:
        """Let a record be taken away with the next turn, whenever that is."""
        self._records.append(record)

    @property
    def crowded(self) -> bool:
        """So much waits for the store that nobody should be allowed to add to it."""
        return self._pending_events >= limits.PENDING_EVENTS or self._pending_bytes >= limits.PENDING_BYTES

    def when_calm(self, callback: Callable[[], None]) -> None:
        """Call this once when that is over."""
        self._calm.append(callback)

    def flush(self) -> Deferred[None]:
        """Fires when all that has gathered is committed, or refused."""
        return self.change().addErrback(lambda failure: failure.trap(NotStored) and None)

    def stop(self) -> Deferred[None]:
        """Store what has gathered; nothing more will be."""

        def stop(_: None) -> None:
            self._stopped = True

        return self.flush().addCallback(stop)

    def _schedule(self) -> None:
        if not (self._scheduled or self._in_flight or self._stopped):
            self._scheduled = True
            self._clock.callLater(self._coalescing.pause(self._clock.seconds()), self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        turn = _Taken(self._pending, self._records, self._waiting, self._touched)
        self._pending, self._records, self._waiting, self._touched = [], [], [], {}
        self._pending_events = self._pending_bytes = 0
        batch = self._batch(turn)
        self._in_flight = True
        done = maybeDeferred(self._store.commit, batch)
        done.addCallbacks(lambda _: self._committed(turn), lambda failure: self._refused(failure, turn))
        done.addErrback(lambda failure: logger.failure("The turn failed", failure))
        done.addCallback(lambda was_refused: self._landed(bool(was_refused)))

    def _batch(self, turn: "_Taken") -> Batch:
        """Give each fact the next number of its logs, and all of them this moment's date, which never goes back."""
        at = self._now() if self._last_at is None else max(self._now(), self._last_at)
        self._last_at = at
        by_log, ids = turn.by_log, turn.ids
        postponed = []
        for change in turn.pending:
            if change.id is not None and change.id in ids:
                # The same line twice in one burst: the second is a repetition only once the first is stored.
                postponed.append(change)
                continue
            for log in change.logs:
                added = by_log.setdefault(log, [])
                added += [Entry(seq, at, fact) for seq, fact in enumerate(change.facts, log.head + len(added) + 1)]
            log = change.logs[0]
            entry = by_log[log][-len(change.facts)]
            turn.changes.append((change, entry))
            if change.id is not None:
                ids[change.id] = Place(log.key, log.name, entry.seq, at)
        self._put_back(postponed)
        records = [change.record for change, _ in turn.changes if change.record is not None]
        appended = [Appended(log.key, log.name, log.recorded, added) for log, added in by_log.items()]
        return Batch(appended, [*turn.records, *records, *_records(turn.touched.values())], ids)

    def _committed(self, turn: "_Taken") -> None:
        for log, added in turn.by_log.items():
            try:
                log.extend(added)
            except Exception:
                logger.failure("The readers of {log} could not be served", log=log.key)
        for change, entry in turn.changes:
            if change.writer is not None:
                _tell(change.writer, change.writer.stored, change.tag, change.logs[0], entry)
        for waiter in turn.waiting:
            waiter.callback(None)
        recipients = sum(log.audience for log in turn.by_log)
        deliveries = sum(log.audience * len(added) for log, added in turn.by_log.items())
        self._coalescing.turned(self._clock.seconds(), turn.authors, recipients, deliveries)

    def _refused(self, failure: Failure, turn: "_Taken") -> bool:
        """Returns whether nothing was stored because the store could not."""
        if isinstance(failure.value, Duplicates):
            self._leave_out(failure.value.places, turn)
            return False
        if failure.check(NotStored) is None:
            logger.failure("The store failed in a way it should not", failure)
        error = failure.value if isinstance(failure.value, NotStored) else NotStored(say("a fault of ours"))
        logger.error(
            "{count} entries were not stored: {reason}",
            count=sum(len(change.facts) for change, _ in turn.changes),
            reason=language("en").words(error.reason),
        )
        # What brings people back is still true, and goes with the next turn.
        self._touched = {**turn.touched, **self._touched}
        # A line that came again meanwhile shares the fate of its first copy: what was refused does not appear later.
        copies = [change for change in self._pending if change.id in turn.ids]
        self._pending = [change for change in self._pending if change.id not in turn.ids]
        for change in copies:
            self._count(change, -1)
        for change in [*(change for change, _ in turn.changes), *copies]:
            if change.writer is not None:
                _tell(change.writer, change.writer.refused, change.tag, change.facts, error)
        for waiter in turn.waiting:
            waiter.errback(error)
        return True

    def _leave_out(self, places: Mapping[LineId, Place], turn: "_Taken") -> None:
        """Some lines came again: their authors are told where they stand, all else goes into a new turn."""
        again = []
        for change, _ in turn.changes:
            if change.id is None or change.id not in places:
                again.append(change)
            elif change.writer is not None:
                _tell(change.writer, change.writer.repeated, change.tag, places[change.id])
        self._put_back(again)
        self._records[:0] = turn.records
        self._waiting[:0] = turn.waiting
        self._touched = {**turn.touched, **self._touched}
        self._schedule()

    def _put_back(self, changes: list[_Pending]) -> None:
        """These go first in the next turn."""
        self._pending[:0] = changes
        for change in changes:
            self._count(change)

    def _landed(self, was_refused: bool) -> None:
        self._in_flight = False
        # After a refusal only what is new asks for another turn: a broken disk is not to be asked without end.
        if self._pending or self._records or self._waiting or (self._touched and not was_refused):
            self._schedule()
        if not self.crowded:
            calm, self._calm = self._calm, []
            for callback in calm:
                _guarded(callback)


@dataclass(slots=True)
class _Taken:
    """What one turn took with it."""

    pending: Sequence[_Pending]
    records: Sequence[Record]
    waiting: Sequence[Deferred[None]]
    touched: Mapping[str, Restorable]
    by_log: dict[Log, list[Entry]] = field(default_factory=dict)
    changes: list[tuple[_Pending, Entry]] = field(default_factory=list)
    ids: dict[LineId, Place] = field(default_factory=dict)

    @property
    def authors(self) -> Iterator[str]:
        """The sessions from which something came."""
        return (author.session for change, _ in self.changes if (author := change.facts[0].author) is not None)


def _records(people: Iterable[Restorable]) -> Iterator[Record]:
    """What brings these people back; a bug in one of them is not to stop the turn of all."""
    for person in people:
        try:
            yield person.record()
        except Exception:
            logger.failure("Somebody cannot be recorded")


def _size(change: _Pending) -> int:
    """What waits for the store costs so much memory, roughly."""
    texts = sum(len(getattr(fact, "text", "")) for fact in change.facts)
    return limits.ENTRY_OVERHEAD * len(change.facts) + texts


def _tell(writer: Writer, tell: Callable[..., None], *what: object) -> None:
    """One writer's bug is not the next one's."""
    try:
        tell(*what)
    except Exception:
        logger.failure("A writer failed")
        writer.broken()


def _guarded(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        logger.failure("Somebody could not go on")


class _Waiter:
    """A writer that waits for one fact."""

    def __init__(self) -> None:
        self.outcome: Deferred[Outcome] = Deferred()

    def stored(self, tag: object, log: Log, entry: Entry) -> None:
        self.outcome.callback(Outcome(Place(log.key, log.name, entry.seq, entry.at), False))

    def repeated(self, tag: object, place: Place) -> None:
        self.outcome.callback(Outcome(place, True))

    def refused(self, tag: object, facts: Sequence[Fact], error: NotStored) -> None:
        self.outcome.errback(error)

    def broken(self) -> None:
        """Whoever waits has an error handler of their own."""
