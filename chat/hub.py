"""Who is here, which rooms there are, who has which nickname, and the turn.

The turn: facts and changed records gather; once per burst of input they go to the store as one batch.  Committed:
the logs are extended, which wakes their readers, and the writers are told.  Refused: the batch is dropped, no
number was used, the writers are told.  One batch is in flight while the next gathers.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat import limits, names
from chat.errors import NotStored, Refused
from chat.events import Entry, Fact, Place, Private
from chat.language import say
from chat.log import Log, Tails
from chat.room import Participant, Room
from chat.store import NOTHING_KEPT, Appended, Batch, Duplicates, Found, Kept, LineId, Query, Record, Store

logger = Logger()

LOBBY = "#lobby"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose for everybody."""

    server: str
    motd: Sequence[str] = ()
    history: int = limits.HISTORY_DEFAULT
    grace: float = limits.GRACE_SECONDS
    unrecorded: frozenset[str] = frozenset()
    """The keys of rooms that are not recorded."""


class Writer(Protocol):
    """Whoever wants to know what became of a fact; `tag` is theirs."""

    def stored(self, tag: object, log: Log, entry: Entry) -> None:
        """It is durable, as this entry."""

    def repeated(self, tag: object, place: Place) -> None:
        """It was stored before, here: the same line came again."""

    def refused(self, tag: object, fact: Fact, error: NotStored) -> None:
        """It was not kept and never will be."""

    def broken(self) -> None:
        """One of these raised: a bug, which costs this one writer its connection."""


class Person(Participant, Protocol):
    """Somebody with a nickname; their line may be down."""

    log: Log
    """What is said to and by them in private."""

    rooms: dict[str, Room]
    away: str | None
    """What they said on going away, None while they are here."""

    entered_at: datetime
    spoke_at: datetime
    down_since: float | None
    """Since when their line is down (in the clock's seconds), None while it is not."""

    def received(self, private: Private) -> None:
        """Somebody wrote to them: whom they answer with /reply."""

    def not_delivered(self, nick: str) -> None:
        """Somebody they wrote to while that one's line was down did not come back."""

    def record(self) -> Record:
        """What brings them back after a restart."""


class _Pending(NamedTuple):
    fact: Fact
    logs: tuple[Log, ...]
    """The first is the one that the writer is told of."""
    writer: Writer | None
    tag: object
    id: LineId | None


class Hub:
    """The one place where everything meets; `now` stamps, `clock` waits, `token` makes ids nobody can guess."""

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], datetime],
        store: Store,
        token: Callable[[], str],
        settings: Settings,
        kept: Kept = NOTHING_KEPT,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.now = now
        self.token = token
        self.people: dict[str, Person] = {}
        self.rooms: dict[str, Room] = {}
        self.codes: dict[str, Person] = {}
        """Those who are here or whose line is down, by the hash of their resume code."""
        self.absent: OrderedDict[str, Absent] = OrderedDict()
        """Those who did not come back in time, by the same, in the order of their going."""
        self._store = store
        self._tails = Tails()
        self._heads = {log.key: log.head for log in kept.logs if not log.key.startswith("#")}
        self._nicknames: dict[str, Person] = {}
        self._held: dict[str, tuple[str, ...]] = {}
        self._pending: list[_Pending] = []
        self._records: list[Record] = []
        self._touched: dict[str, Person] = {}
        self._waiting: list[Deferred[None]] = []
        self._pending_bytes = 0
        self._in_flight = False
        self._scheduled = False
        self._stopped = False
        self._calm: list[Callable[[], None]] = []
        self._guesses: Counter[str] = Counter()
        self._guessed_at = clock.seconds()
        self._last_at: datetime | None = None
        for log in kept.logs:
            if log.key.startswith("#"):
                self._add_room(log.key, log.name, log.head)
        for record in kept.records:
            if record.kind == "topic" and record.key in self.rooms:
                self.rooms[record.key].topic = record.value or ""
        self.lobby = self.room(LOBBY)

    # Rooms.

    def room(self, name: str) -> Room:
        """The room of this name, made if there is none; raises `Refused` where that is not allowed."""
        key = names.fold(name)
        room = self.rooms.get(key)
        if room is None:
            checked = names.check_room(name)
            if len(self.rooms) >= limits.ROOMS:
                raise Refused("too-many", say("There are {limit} rooms already.", limit=limits.ROOMS))
            room = self._add_room(key, checked, 0)
        return room

    def _add_room(self, key: str, name: str, head: int) -> Room:
        log = Log(key, name, self._tails, head, key not in self.settings.unrecorded)
        room = self.rooms[key] = Room(log, self.clock, self.append)
        return room

    def find_room(self, name: str) -> Room:
        """The room of this name; raises `Refused` if there is none."""
        try:
            return self.rooms[names.fold(name)]
        except KeyError:
            raise Refused("no-room", say("There is no room {room}. /join {room} makes it.", room=name)) from None

    def private_log(self, person: str) -> Log:
        """The log of one person's private talk."""
        key = "@" + person
        return Log(key, "@", self._tails, self._heads.pop(key, 0))

    # Nicknames.

    def holder(self, nick: str) -> Person | None:
        """Whoever has this nickname, or one that is the same to the eye."""
        return next((self._nicknames[key] for key in names.keys(nick) if key in self._nicknames), None)

    def find(self, nick: str) -> Person:
        """The person of this nickname; raises `Refused` if nobody has it."""
        person = self._nicknames.get(names.fold(nick))
        if person is None:
            raise Refused("not-here", say("Nobody here is called {nick}. /who shows who is here.", nick=nick))
        return person

    def check_free(self, nick: str, person: Person | None = None) -> None:
        """Raises `Refused` where somebody else than this person has the nickname, or one that looks like it."""
        holder = self.holder(nick)
        if holder is not None and holder is not person:
            if names.fold(holder.author.nick) == names.fold(nick):
                raise Refused("nick-taken", say("{nick} is here already.", nick=nick))
            raise Refused(
                "nick-alike",
                say("{nick} looks like {other}, who is here.", nick=nick, other=holder.author.nick),
            )

    def claim(self, nick: str, person: Person) -> None:
        """Give a person this nickname, instead of theirs if they have one; raises `Refused` if it is somebody's."""
        self.check_free(nick, person)
        self.release(person)
        self._held[person.id] = names.keys(nick)
        for key in self._held[person.id]:
            self._nicknames[key] = person

    def release(self, person: Person) -> None:
        """The person's nickname is free again."""
        for key in self._held.pop(person.id, ()):
            del self._nicknames[key]

    # The turn.

    def append(
        self,
        log: Log,
        fact: Fact,
        writer: Writer | None = None,
        tag: object = None,
        id: LineId | None = None,
        copy: Log | None = None,
    ) -> None:
        """Let a fact be stored, in a second log too perhaps, and then read; the writer is told what became of it."""
        logs = (log,) if copy is None else (log, copy)
        self._pending.append(_Pending(fact, logs, writer, tag, id))
        self._pending_bytes += limits.ENTRY_OVERHEAD + len(getattr(fact, "text", ""))
        self._schedule()

    def write(self, log: Log, fact: Fact, id: LineId | None = None, copy: Log | None = None) -> Deferred[Place]:
        """The same for one who waits: fires with where it stands, fails with `NotStored`."""
        waiter = _Waiter()
        self.append(log, fact, waiter, None, id, copy)
        return waiter.place

    def change(self, *records: Record) -> Deferred[None]:
        """Let records be replaced with this turn's batch; fires when they are, fails with `NotStored`."""
        done: Deferred[None] = Deferred()
        self._records.extend(records)
        self._waiting.append(done)
        self._schedule()
        return done

    def touch(self, person: Person) -> None:
        """Let what brings this person back be stored with the turn, or with the next one that is."""
        self._touched[person.id] = person
        self._schedule()

    @property
    def crowded(self) -> bool:
        """So much waits for the store that nobody should be allowed to add to it."""
        return len(self._pending) >= limits.PENDING_EVENTS or self._pending_bytes >= limits.PENDING_BYTES

    def when_calm(self, callback: Callable[[], None]) -> None:
        """Call this once when the hub is no longer crowded."""
        self._calm.append(callback)

    def flush(self) -> Deferred[None]:
        """Fires when all that has gathered is committed, or refused."""
        return self.change().addErrback(lambda failure: failure.trap(NotStored) and None)

    async def stop(self) -> None:
        """Store what has gathered; nothing more will be."""
        await self.flush()
        self._stopped = True

    def _schedule(self) -> None:
        if not (self._scheduled or self._in_flight or self._stopped):
            self._scheduled = True
            self.clock.callLater(0, self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        turn = _Turn(self._pending, self._records, self._waiting, self._touched)
        self._pending, self._records, self._waiting, self._touched = [], [], [], {}
        self._pending_bytes = 0
        batch = self._batch(turn)
        self._in_flight = True
        done = self._store.commit(batch)
        done.addCallbacks(lambda _: self._committed(turn), lambda failure: self._refused(failure, turn))
        done.addErrback(lambda failure: logger.failure("The turn failed", failure))
        done.addBoth(self._landed)

    def _batch(self, turn: "_Turn") -> Batch:
        """Give each fact the next number of its logs, and all of them this moment's date, which never goes back."""
        at = self.now() if self._last_at is None else max(self.now(), self._last_at)
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
                added.append(Entry(log.head + len(added) + 1, at, change.fact))
            log = change.logs[0]
            entry = by_log[log][-1]
            turn.changes.append((change, entry))
            if change.id is not None:
                ids[change.id] = Place(log.key, log.name, entry.seq, at)
        self._pending[:0] = postponed
        appended = [Appended(log.key, log.name, log.recorded, added) for log, added in by_log.items()]
        return Batch(appended, [*turn.records, *(person.record() for person in turn.touched.values())], ids)

    def _committed(self, turn: "_Turn") -> None:
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

    def _refused(self, failure: Failure, turn: "_Turn") -> None:
        if isinstance(failure.value, Duplicates):
            self._leave_out(failure.value.places, turn)
            return
        if failure.check(NotStored) is None:
            logger.failure("The store failed in a way it should not", failure)
        error = failure.value if isinstance(failure.value, NotStored) else NotStored("internal")
        logger.error("{count} entries were not stored: {reason}", count=len(turn.changes), reason=error.reason)
        # What brings people back is still true, and goes with the next turn.
        self._touched = {**turn.touched, **self._touched}
        for change, _ in turn.changes:
            if change.writer is not None:
                _tell(change.writer, change.writer.refused, change.tag, change.fact, error)
        for waiter in turn.waiting:
            waiter.errback(error)

    def _leave_out(self, places: Mapping[LineId, Place], turn: "_Turn") -> None:
        """Some lines came again: their authors are told where they stand, all else goes into a new turn."""
        again = []
        for change, _ in turn.changes:
            if change.id is None or change.id not in places:
                again.append(change)
            elif change.writer is not None:
                _tell(change.writer, change.writer.repeated, change.tag, places[change.id])
        self._pending[:0] = again
        self._records[:0] = turn.records
        self._waiting[:0] = turn.waiting
        self._touched = {**turn.touched, **self._touched}
        self._schedule()

    def _landed(self, _: object) -> None:
        self._in_flight = False
        if self._pending or self._records or self._waiting:
            self._schedule()
        if not self.crowded:
            calm, self._calm = self._calm, []
            for callback in calm:
                callback()

    # Reading.

    def after(self, log: Log, position: int) -> Deferred[list[Entry]]:
        """The next entries behind a position that is older than the log's tail, as far as they are held."""
        return self._store.after(log.key, position, limits.PAGE_EVENTS)

    async def recent(self, log: Log, before: int, most: int) -> Sequence[Entry]:
        """The last things people said before a number, oldest first: from memory where that reaches."""
        entries = log.said_before(before, most)
        if entries is None:
            found = await self.said(Query((log.key,), most, before))
            entries = [entry for _, entry in found.entries]
        return entries

    def said(self, query: Query) -> Deferred[Found]:
        """What people said, as far as it is held."""
        return self._store.said(query)

    # Coming back.

    def gone(self, digest: str, absent: "Absent") -> None:
        """Somebody did not come back in time: for a day their code still brings back their place."""
        self.absent[digest] = absent
        self.forget_old()

    def forget_old(self) -> None:
        """Codes end a day after the connection did, and sooner where there are too many."""
        oldest = self.now() - timedelta(seconds=limits.CODE_SECONDS)
        while self.absent:
            digest, absent = next(iter(self.absent.items()))
            if absent.ended_at >= oldest and len(self.absent) <= limits.ABSENT:
                break
            del self.absent[digest]
            self._records.append(Record("session", digest, None))

    def may_guess(self, host: str) -> bool:
        """Whether this address may still try a resume code in this minute."""
        now = self.clock.seconds()
        if now - self._guessed_at >= 60:
            self._guesses.clear()
            self._guessed_at = now
        self._guesses[host] += 1
        return self._guesses[host] <= limits.GUESSES_PER_HOST


class Absent(Protocol):
    """Somebody who did not come back in time."""

    ended_at: datetime
    """When their connection ended."""


@dataclass(slots=True)
class _Turn:
    """What one turn took with it."""

    pending: Sequence[_Pending]
    records: Sequence[Record]
    waiting: Sequence[Deferred[None]]
    touched: Mapping[str, Person]
    by_log: dict[Log, list[Entry]] = field(default_factory=dict)
    changes: list[tuple[_Pending, Entry]] = field(default_factory=list)
    ids: dict[LineId, Place] = field(default_factory=dict)


def _tell(writer: Writer, tell: Callable[..., None], *what: object) -> None:
    """One writer's bug is not the next one's."""
    try:
        tell(*what)
    except Exception:
        logger.failure("A writer failed")
        writer.broken()


class _Waiter:
    """A writer that waits for one fact."""

    def __init__(self) -> None:
        self.place: Deferred[Place] = Deferred()

    def stored(self, tag: object, log: Log, entry: Entry) -> None:
        self.place.callback(Place(log.key, log.name, entry.seq, entry.at))

    def repeated(self, tag: object, place: Place) -> None:
        self.place.callback(place)

    def refused(self, tag: object, fact: Fact, error: NotStored) -> None:
        self.place.errback(error)

    def broken(self) -> None:
        """Whoever waits has an error handler of their own."""
