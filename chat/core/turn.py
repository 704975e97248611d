"""The turn: everything that happened in one burst of input, stored at once and then shown.

Facts and changed records gather; once per burst they go to the store as one batch.  Committed: the logs are extended,
which wakes their readers, and the writers are told.  Refused: the batch is dropped, no number was used, the writers
are told.  One batch is in flight while the next gathers.  The numbers are the store's: what other nodes committed
meanwhile comes before it.  Where the store cannot tell for long, that batch is in doubt, its writers wait, and what
gathers is refused: it was never sent.
"""

from collections.abc import Callable, Collection, Container, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.errors import ChatError, NotStored, StoreAway, TakenForGone, refused_elsewhere
from chat.base.language import language, say
from chat.base.named_tuples import NamedTuple
from chat.core.batch import Change, OpenBatch, Restorable, ToldBatch, Writer, tell, tell_out
from chat.core.latency import Latency
from chat.core.owed import Owed
from chat.core.person import Person
from chat.core.ports import (
    Appended,
    Batch,
    Claim,
    Duplicates,
    Exchange,
    InDoubt,
    Line,
    LineId,
    Numbered,
    Record,
    Redaction,
    Remembered,
    Store,
    TakenOver,
    Unheard,
)
from chat.core.turn_delay import Coalescing
from chat.log.events import Entry, Fact, Place, Said
from chat.log.log import Log
from chat.log.redaction import Readings

logger = Logger()


class Outcome(NamedTuple):
    """What became of a fact: where it stands, and whether it stood there before."""

    place: Place
    repeated: bool


class Keeper(Protocol):
    """What a turn needs of the store."""

    shared: bool

    def commit(self, batch: Batch) -> Numbered | Deferred[Numbered]:
        """(Store)"""


class Fence(Keeper, Protocol):
    """Keeps out what sessions did that are other nodes' by now (`chat.core.fence`)."""

    def moved(self, session: str, person: Person, key: str = "") -> None:
        """Somebody came to this room, or went, or went from all."""

    def leave_out(self, gathered: OpenBatch) -> None:
        """What was done on another node first is not told again."""

    def cut(self, sessions: Collection[str]) -> None:
        """What still hangs here of these is cut."""

    def keeps_out(self, sessions: Collection[str], change: Change) -> bool:
        """Whether one of these sessions did it."""

    def take_back(self, sessions: Collection[str]) -> None:
        """What these did has not happened."""

    def is_left_behind(self, change: Change) -> bool:
        """Whether whoever did it has no connection here any more."""


class Turn:
    """Gathers what happens; `now` stamps it.

    A batch gathers, another one is on its way at most, and one more may be in doubt.
    """

    def __init__(
        self, clock: IReactorTime, now: Callable[[], datetime], store: Store, readings: Readings | None = None
    ) -> None:
        self._clock = clock
        self._now = now
        self.store: Keeper = store
        self._readings = readings or Readings()
        self._last_at: datetime | None = None
        self._next = OpenBatch()
        """What gathers."""
        self._alone: Change | None = None
        """A line before which nothing has gathered, nor behind it yet: it needs no batch (`_turn_of_one`)."""
        self._scheduled = False
        """A turn begins in a moment."""
        self._in_flight = False
        """The store has a batch, and has not answered yet."""
        self._in_doubt: OpenBatch | None = None
        """The one of which it could not tell in time what became."""
        self._owed: Owed | None = None
        self._repeated: list[Change] = []
        """Lines that came again while their first copy is in doubt, whose fate they share."""
        self._stopped = False
        self._calm: list[Callable[[], None]] = []
        self._ends: dict[Callable[[], None], None] = {}
        self._coalescing = Coalescing()
        self._began_at = 0.0
        self._moved: dict[Log, object] = {}
        self.when_moved: Callable[[], None] = lambda: None
        """Called when the first log moves after `take_moved`."""
        self.latency = Latency()
        """From when the first fact of a turn was there to when everybody was given them, where they were stored."""
        self.lines = 0
        """What people said since the start, stored or not."""
        self.not_stored = 0
        """Facts of all kinds that the store refused."""
        self.landed: Callable[[Remembered, Sequence[Record], Numbered], None] | None = None
        """Called where other nodes use the store, with what was stored of people and sessions, and as records."""
        self.fence: Fence | None = None
        """Stands before a store that other nodes use."""

    # What happens gathers.

    def append(self, log: Log, *facts: Fact) -> None:
        """Let these be stored and then read."""
        self._add(Change(facts, (log,)))

    def append_for(self, writer: Writer, log: Log, facts: Sequence[Fact], tag: object, line: Line | None) -> None:
        """The same for one who says something, and is told what became of it; as a `line` it is one fact."""
        self.lines += len(facts)
        change = Change(facts, (log,), writer, tag, line)
        if line is None and len(facts) == 1 and self._is_idle:
            self._alone = change
            self._plan()
        else:
            self._add(change)

    def write(
        self,
        log: Log,
        fact: Fact,
        line: Line | None = None,
        copy: Log | None = None,
        record: Record | Redaction | None = None,
    ) -> Deferred[Outcome]:
        """The same for one who waits, with a second log and a record perhaps; fails with `NotStored`, or `id-used`."""
        self.lines += isinstance(fact, Said)
        waiter = _Waiter()
        self._add(Change((fact,), (log,) if copy is None else (log, copy), waiter, None, line, record))
        return waiter.outcome

    def append_with(self, record: Record | Redaction, log: Log | None = None, fact: Fact | None = None) -> None:
        """Let this change with the turn, and where there is a log that tells of it, be read in it.

        Nobody waits for it: what cannot be stored is so all the same until a restart, and a record is stored with the
        next turn where the store was away.
        """
        if log is None or fact is None:
            self._next.records.append(record)
            if isinstance(record, Record):
                self._next.owed.append(record)
            self._schedule()
        else:
            self._add(Change((fact,), (log,), record=record))

    def _add(self, change: Change) -> None:
        self._next.add(change)
        self._schedule()

    def change(self, *records: Record | Redaction) -> Deferred[None]:
        """Let records be replaced with this turn's batch; fires when they are, fails with `NotStored`."""
        done: Deferred[None] = Deferred()
        self._next.records.extend(records)
        self._next.waiting.append(done)
        self._schedule()
        return done

    def touch(self, who: Restorable) -> None:
        """Let what brings this person or session back be stored with the turn, or with the next one that is."""
        self._next.touched[who] = None
        self._schedule()

    def at_end(self, callback: Callable[[], None]) -> None:
        """Call this once when a turn has ended, whatever became of its batch."""
        self._ends[callback] = None
        self._schedule()

    # Where other nodes use the store.

    @property
    def is_shared(self) -> bool:
        """Other nodes use the store."""
        return self.store.shared

    async def claim(self, person: str, nick: str) -> str | None:
        """Let somebody be called so on other nodes, too; else the nickname of who is in the way.

        Fails with `NotStored`.  A store that no other node writes to is not asked.
        """
        if not self.store.shared:
            return None
        done: Deferred[str | None] = Deferred()
        self._next.claims.append((Claim(person, nick), done))
        self._schedule()
        return await done

    def give_up(self, person: str, instead: str | None = None) -> None:
        """What they are called is anybody's again, with the next turn that is stored; they are called that instead."""
        if self.store.shared:
            self._next.claims.append((Claim(person, instead), None))
            self._schedule()

    def is_claiming(self, person: str) -> bool:
        """It is about to be decided what they are called, if anything."""
        return any(claim.person == person for claim, _ in self._next.claims)

    def keep_name(self, person: str) -> None:
        """Their nickname is not to be given up, where it was and that was not stored."""
        self._next.claims = [(claim, done) for claim, done in self._next.claims if claim != Claim(person, None)]

    async def exchange(self, before: Record, value: str | None) -> bool:
        """Let a record have this value instead; False where another node was first, and it is not what it was before.

        Fails with `NotStored`.
        """
        record = before._replace(value=value)
        if not self.store.shared:
            await self.change(record)
            return True
        done: Deferred[bool] = Deferred()
        self._exchange(Exchange(record, before.value), done)
        return await done

    def exchange_with(self, before: Record, value: str | None) -> None:
        """The same where nobody waits for it: what another node made of the record holds."""
        record = before._replace(value=value)
        if self.store.shared:
            self._exchange(Exchange(record, before.value), None)
        else:
            self.append_with(record)

    def _exchange(self, exchange: Exchange, done: Deferred[bool] | None) -> None:
        self._next.exchanges.append((exchange, done))
        self._schedule()

    def refuse(self, ids: Sequence[LineId]) -> Deferred[None]:
        """Let no other node keep a line with these ids that it has been given by then; fails with `NotStored`."""
        self._next.refused += ids
        return self.change()

    def refused_elsewhere(self, ids: Collection[LineId]) -> None:
        """Another node has refused these: what has gathered of them here is refused as well."""
        self.take_out(lambda change: change.is_one_of(ids), refused_elsewhere())

    def take_out(self, is_out: Callable[[Change], bool], error: ChatError | None = None) -> None:
        """These of what has gathered do not happen (see `tell_out`)."""
        if self._alone is not None:
            self._schedule()
        out = [*self._next.take_out(is_out), *filter(is_out, self._repeated)]
        self._repeated = [change for change in self._repeated if not is_out(change)]
        for change in out:
            tell_out(change, error)

    def told(self, by_log: dict[Log, list[Entry]], taken_back: Sequence[tuple[Log, Sequence[int]]] = ()) -> None:
        """Another node has stored this, which goes on where these logs end: whoever reads them is shown it now.

        What is in flight comes after it, whatever was proposed: the store says so when it answers.
        """
        self._committed(ToldBatch(by_log, taken_back))

    def refine(self, refined: Callable[[Change], Change | None]) -> None:
        """Who came, went or was called otherwise, and that is not stored yet, did this instead, or (None) nothing."""
        self._next.refine(refined)
        if self._owed is not None:
            self._owed.refine(refined)

    # What is asked of it.

    @property
    def touched(self) -> Collection[Restorable]:
        """Those of whom something is to be stored."""
        return self._next.touched.keys()

    @property
    def changed(self) -> Collection[tuple[str, str]]:
        """The kinds and keys of the records that change with what has gathered."""
        return {(record.kind, record.key) for record in self._next.records_besides() if isinstance(record, Record)}

    @property
    def is_changing(self) -> bool:
        """Something has gathered, or is on its way, or what became of it is not known."""
        return not self._is_idle or self._in_doubt is not None

    @property
    def crowded(self) -> bool:
        """So much waits for the store that nobody should be allowed to add to it."""
        return self._next.crowded

    def when_calm(self, callback: Callable[[], None]) -> None:
        """Call this once when that is over."""
        self._calm.append(callback)

    def take_moved(self) -> Collection[Log]:
        """The logs whose readers were given something since this was asked last."""
        moved, self._moved = self._moved, {}
        return moved.keys()

    def go_on(self) -> None:
        """The store can be reached, perhaps again: who was touched while it could not be is stored now."""
        if self._next.touched or self._next.claims or self._owed:
            self._plan()

    def flush(self) -> Deferred[None]:
        """Fires when all that has gathered is committed, or refused."""
        return self.change().addErrback(lambda failure: failure.trap(NotStored) and None)

    def stop(self) -> Deferred[None]:
        """Store what has gathered; nothing more will be."""

        def stop(_: None) -> None:
            self._stopped = True

        return self.flush().addCallback(stop)

    # A turn begins.

    def _schedule(self) -> None:
        """Something gathers; a line that came before is not alone any more."""
        if self._alone is not None:
            self._next.put_first((self._alone,))
            self._alone = None
        if self._coalescing.is_on:
            self._coalescing.came(self._clock.seconds())
        self._plan()

    def _plan(self) -> None:
        """Let a turn begin, unless one is about to, or has begun: when that has ended it is seen what has gathered."""
        if not (self._scheduled or self._in_flight or self._stopped):
            self._scheduled = True
            self._began_at = now = self._clock.seconds()
            self._clock.callLater(self._coalescing.rest(now) if self._coalescing.is_on else 0, self._turn)

    @property
    def _is_idle(self) -> bool:
        """Nothing has gathered, nor is anything on its way."""
        busy = self._scheduled or self._in_flight or self._stopped or self._coalescing.is_on
        return not (busy or self._next.touched or self._next.claims)

    def _turn(self) -> None:
        """What has gathered goes to the store."""
        if self._owed:
            self._pay(self._owed)
        if self._alone is not None:
            self._turn_of_one(self._alone)
            return
        if self._coalescing.is_on:
            if rest := self._coalescing.rest(self._clock.seconds()):  # more is to be expected
                self._clock.callLater(rest, self._turn)
                return
            self._coalescing.begun()
        self._scheduled = False
        if self.fence is not None and self._in_doubt is None:
            self.fence.leave_out(self._next)
        gathered, self._next = self._next, OpenBatch()
        if gathered.exchanges:
            self._next.exchanges = gathered.take_out_exchanges()
        batch, postponed = gathered.numbered(self._date())
        if postponed:
            self._next.put_first(postponed)
        self._await(self._commit(batch), gathered)

    def _pay(self, owed: Owed) -> None:
        """What is owed goes first."""
        if self._alone is not None:
            self._next.put_first((self._alone,))
        owed.go_first(self._next)
        self._alone = self._owed = None

    def _date(self) -> datetime:
        """This moment's, which does not go back, unless the date was set right."""
        now, last = self._now(), self._last_at
        if last is None or now > last or (last - now).total_seconds() > limits.BACK_SECONDS:
            self._last_at = last = now
        return last

    def _commit(self, batch: Batch) -> Numbered | Deferred[Numbered] | Failure:
        """What the store answers at once, or that it will."""
        self._in_flight = True
        try:
            return self.store.commit(batch)
        except BaseException:
            return Failure()

    def _await(self, kept: Numbered | Deferred[Numbered] | Failure, gathered: OpenBatch) -> None:
        """The turn ends when it has answered."""
        if isinstance(kept, Deferred):
            kept.addBoth(self._landed, gathered)
        else:
            self._landed(kept, gathered)

    # It ends: all of it was stored, or nothing.

    def _landed(self, result: Numbered | Failure, gathered: OpenBatch) -> None:
        """The store has answered."""
        refused = False
        try:
            if isinstance(result, Failure):
                if isinstance(error := result.value, InDoubt):
                    self._in_doubt = gathered
                    error.later.addBoth(self._out_of_doubt, gathered)
                else:
                    refused = self._refused(result, gathered)
            else:
                if result is gathered.proposed:
                    self._committed(gathered)
                else:
                    self._ordered(gathered, result)
                self.latency.note(self._clock.seconds() - self._began_at)
                if gathered.claims:
                    gathered.tell_claimed(result.taken)
                if gathered.exchanges:
                    gathered.tell_exchanged(result.late)
        except BaseException:
            logger.failure("The turn failed")
        finally:
            self._end(refused)

    def _ordered(self, gathered: OpenBatch, numbered: Numbered) -> None:
        """It has its place among what all nodes store."""
        gathered.renumber(numbered)
        self._committed(gathered)
        if numbered.outdated:  # what another node stored of them was told by now: it goes again with that in it
            self._next.touch_too(gathered.outdated(numbered))
        if self.landed is not None:
            self.landed(gathered.remembered, gathered.replaced_in(numbered), numbered)

    def _out_of_doubt(self, result: Numbered | Failure, gathered: OpenBatch) -> None:
        """At last the store tells what became of a batch."""
        self._in_doubt = None
        self._next.put_first(self._repeated)
        self._repeated = []
        self._landed(result, gathered)

    def _committed(self, gathered: OpenBatch) -> None:
        """It is stored, with these numbers: the logs grow, and who waits for it is told."""
        if gathered.by_log:
            self._move(gathered.by_log)
        recipients = deliveries = 0
        for log, targets in gathered.taken_back:
            log.take_back(targets)
            self._readings.taken_back(log.key, targets)
        for log, added in gathered.by_log.items():
            woken = _extend(log, added)
            recipients += woken
            deliveries += woken * len(added)
        gathered.tell_stored()
        if recipients >= limits.COALESCE_FROM:  # fewer never lead to a pause
            now = self._clock.seconds()
            self._coalescing.turned(now, gathered.authors, recipients, deliveries, len(gathered))

    def _move(self, logs: Iterable[Log]) -> None:
        if not self._moved:
            self.when_moved()
        self._moved.update(dict.fromkeys(logs))

    def _refused(self, failure: Failure, gathered: OpenBatch) -> bool:
        """Nothing of it was stored; returns whether that is because the store cannot, and not because of what it is."""
        if self._in_doubt is not None:
            self._repeated += gathered.withdraw(self._in_doubt.ids)
        # What brings people back is still true, and goes with the next turn.
        self._next.touch_too(gathered.still_to_be_stored)
        match failure.value:
            case Duplicates() as found:  # their authors are told where these lines stand, all else goes again
                self._next.try_again(gathered.tell_repeated(found), gathered)
            case TakenOver(sessions=sessions):  # whoever did this is told where they are now
                assert self.fence is not None
                self.fence.cut(sessions)
                self._next.try_again(gathered.tell_dropped(partial(self.fence.keeps_out, sessions)), gathered)
                self.fence.take_back(sessions)
            case TakenForGone() as gone:  # what those did goes again who are still here: of others the other node tells
                assert self.fence is not None
                self._next.try_again(gathered.tell_dropped(self.fence.is_left_behind, gone), gathered)
            case Unheard():  # it goes again, after what was told meanwhile
                self._next.try_again(gathered.tell_dropped(lambda change: False), gathered)
            case _:
                self._drop(failure, gathered)
                return True
        return False

    def _drop(self, failure: Failure, gathered: OpenBatch) -> None:
        """The store cannot keep it: whoever waits for it is told, and what others have to know goes when it can."""
        if failure.check(NotStored) is None:
            logger.failure("The store failed in a way it should not", failure)
        error = failure.value if isinstance(failure.value, NotStored) else NotStored(say("a fault of ours"))
        reason = language("en").words(error.reason)
        what = f"{len(gathered)} entries" if len(gathered) else "Changes of records"
        logger.error("{what} were not stored: {reason}", what=what, reason=reason)
        self.not_stored += len(gathered)
        refused_with = partial(self._is_refused_with, gathered.ids, gathered.speakers)
        gathered.tell_refused(error, self._next.take_out(refused_with))
        # A nickname that was given up is so all the same.
        self._next.claims[:0] = [(claim, claimant) for claim, claimant in gathered.claims if claimant is None]
        if isinstance(error, StoreAway):
            self._owed = self._owed or Owed()
            self._owed.add(gathered)

    def _is_refused_with(self, ids: Container[LineId], speakers: Container[str], change: Change) -> bool:
        """Whether it shares the fate of these lines, or of something else that these sessions said.

        A line that came again meanwhile does: what was refused does not appear later.  So does what was said behind
        it, before they could hear of that: who never does says all of it again, and would say the first one last.
        """
        if self._in_doubt is not None and change.is_one_of(self._in_doubt.ids):
            return False
        author = change.facts[0].author
        behind = change.writer is not None and author is not None and author.session in speakers
        return behind or change.is_one_of(ids)

    def _end(self, refused: bool) -> None:
        """Whatever became of it, the next one may begin."""
        self._in_flight = False
        if self._ends:
            ends, self._ends = self._ends, {}
            for callback in ends:
                _guarded(callback)
        # After a refusal only what is new asks for another turn: a broken disk is not to be asked without end.
        if self._next.is_asked_for or ((self._next.touched or self._next.claims) and not refused):
            self._plan()
        if self._calm and not self.crowded:
            calm, self._calm = self._calm, []
            for callback in calm:
                _guarded(callback)

    # The turn of one line, as nearly every one is.

    def _turn_of_one(self, change: Change) -> None:
        """`_turn`, `_landed` and `_committed` with no more than one line needs that the store keeps at once.

        Where it does not, this goes on as any other turn.
        """
        self._alone, self._scheduled = None, False
        log, at = change.logs[0], self._date()
        added = [Entry(log.head + 1, at, change.facts[0])]
        batch = Batch([Appended(log.key, log.name, log.recorded, added)], (), {}, Numbered(at, {log.key: added[0].seq}))
        kept = self._commit(batch)
        if kept is not batch.proposed:  # it takes a while, or was refused
            self._await(kept, OpenBatch.of_one(change, added, batch.proposed))
            return
        try:
            if log not in self._moved:
                self._move((log,))
            woken = _extend(log, added)
            if change.writer is not None:
                tell(change.writer, change.writer.stored, change.tag, log, added[0])
            now = self._clock.seconds()
            self.latency.note(now - self._began_at)
            if woken >= limits.COALESCE_FROM and (author := change.facts[0].author) is not None:
                self._coalescing.turned(now, {author.session}, woken, woken, 1)
        except BaseException:
            logger.failure("The turn failed")
        finally:
            self._end(False)


def _extend(log: Log, added: Sequence[Entry]) -> int:
    """Let a log grow; returns how many read that.  A bug of one of its readers is not to stop the turn of all."""
    try:
        return log.extend(added)
    except Exception:
        logger.failure("The readers of {log} could not be served", log=log.key)
        return 0


def _guarded(callback: Callable[[], None]) -> None:
    """One's bug is not the next one's."""
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

    def refused(self, tag: object, facts: Sequence[Fact], error: ChatError) -> None:
        self.outcome.errback(error)

    def dropped(self, tag: object) -> None:
        self.outcome.errback(CancelledError())

    def broken(self) -> None:
        """Whoever waits has an error handler of their own."""
