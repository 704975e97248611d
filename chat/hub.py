"""Who is here, which rooms there are, who has which nickname, and the turn.

The turn: facts and changed records gather; once per burst of input they go to the store as one batch.  Committed:
the logs are extended, which wakes their readers, and the writers are told.  Refused: the batch is dropped, no
number was used, the writers are told.  One batch is in flight while the next gathers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat import limits, names
from chat.errors import NotStored, Refused
from chat.events import Entry, Fact, Private
from chat.language import say
from chat.log import Log, Tails
from chat.room import Participant, Room
from chat.store import Batch, Record, Store

logger = Logger()

LOBBY = "#lobby"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose for everybody."""

    server: str
    motd: Sequence[str] = ()
    history: int = limits.HISTORY_DEFAULT


class Writer(Protocol):
    """Whoever wants to know what became of a fact or a record; `tag` is theirs."""

    def stored(self, tag: object, log: Log, entry: Entry) -> None:
        """It is durable, as this entry."""

    def refused(self, tag: object, fact: Fact, error: NotStored) -> None:
        """It was not kept and never will be."""

    def broken(self) -> None:
        """One of the two above raised: a bug, which costs this one writer its connection."""


class Person(Participant, Protocol):
    """Somebody with a nickname."""

    log: Log
    """What is said to and by them in private."""

    rooms: dict[str, Room]
    away: str | None
    """What they said on going away, None while they are here."""

    entered_at: float
    spoke_at: float

    def received(self, private: Private) -> None:
        """Somebody wrote to them: whom they answer with /reply."""

    def stopping(self) -> None:
        """The server stops: their last moment to be told."""


class _Pending(NamedTuple):
    log: Log
    fact: Fact
    writer: Writer | None
    tag: object


class Hub:
    """The one place where everything meets; `now` stamps, `clock` waits, `token` makes ids nobody can guess."""

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], datetime],
        store: Store,
        token: Callable[[], str],
        settings: Settings,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.now = now
        self.token = token
        self.people: dict[str, Person] = {}
        self.rooms: dict[str, Room] = {}
        self._store = store
        self._tails = Tails()
        self._nicknames: dict[str, Person] = {}
        self._held: dict[str, tuple[str, ...]] = {}
        self._pending: list[_Pending] = []
        self._records: list[Record] = []
        self._waiting: list[Deferred[None]] = []
        self._pending_bytes = 0
        self._in_flight = False
        self._scheduled = False
        self._calm: list[Callable[[], None]] = []
        self._last_at: datetime | None = None
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
            room = Room(Log(key, checked, self._tails), self.clock, self.append)
            self.rooms[key] = room
        return room

    def find_room(self, name: str) -> Room:
        """The room of this name; raises `Refused` if there is none."""
        try:
            return self.rooms[names.fold(name)]
        except KeyError:
            raise Refused("no-room", say("There is no room {room}. /join {room} makes it.", room=name)) from None

    def private_log(self, person: str) -> Log:
        """The log of one person's private talk."""
        return Log("@" + person, "@", self._tails)

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

    def append(self, log: Log, fact: Fact, writer: Writer | None = None, tag: object = None) -> None:
        """Let a fact be stored and then read; the writer, if any, is told what became of it."""
        self._pending.append(_Pending(log, fact, writer, tag))
        self._pending_bytes += limits.ENTRY_OVERHEAD + len(getattr(fact, "text", ""))
        self._schedule()

    def write(self, log: Log, fact: Fact) -> Deferred[Entry]:
        """The same for one who waits: fires with the entry, fails with `NotStored`."""
        waiter = _Waiter()
        self.append(log, fact, waiter)
        return waiter.entry

    def change(self, *records: Record) -> Deferred[None]:
        """Let records be replaced with this turn's batch; fires when they are, fails with `NotStored`."""
        done: Deferred[None] = Deferred()
        self._records.extend(records)
        self._waiting.append(done)
        self._schedule()
        return done

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

    def _schedule(self) -> None:
        if not (self._scheduled or self._in_flight):
            self._scheduled = True
            self.clock.callLater(0, self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        pending, self._pending = self._pending, []
        records, self._records = self._records, []
        waiting, self._waiting = self._waiting, []
        self._pending_bytes = 0
        entries = self._number(pending)
        by_log: dict[Log, list[Entry]] = {}
        for change, entry in zip(pending, entries, strict=True):
            by_log.setdefault(change.log, []).append(entry)
        self._in_flight = True
        batch = Batch([(log.key, added) for log, added in by_log.items()], records)
        done = self._store.commit(batch)
        done.addCallbacks(
            lambda _: self._committed(by_log, pending, entries, waiting),
            lambda failure: self._refused(failure, pending, waiting),
        )
        done.addErrback(lambda failure: logger.failure("The turn failed", failure))
        done.addBoth(self._landed)

    def _number(self, pending: Sequence[_Pending]) -> list[Entry]:
        """Give each fact the next number of its log and this moment's date, which never goes back."""
        at = self.now() if self._last_at is None else max(self.now(), self._last_at)
        self._last_at = at
        heads: dict[Log, int] = {}
        entries = []
        for change in pending:
            log = change.log
            heads[log] = seq = heads.get(log, log.head) + 1
            entries.append(Entry(seq, at, change.fact))
        return entries

    def _committed(
        self,
        by_log: dict[Log, list[Entry]],
        pending: Sequence[_Pending],
        entries: Sequence[Entry],
        waiting: Sequence[Deferred[None]],
    ) -> None:
        for log, added in by_log.items():
            try:
                log.extend(added)
            except Exception:
                logger.failure("The readers of {log} could not be served", log=log.key)
        for change, entry in zip(pending, entries, strict=True):
            if (writer := change.writer) is not None:
                try:
                    writer.stored(change.tag, change.log, entry)
                except Exception:
                    logger.failure("A writer failed")
                    writer.broken()
        for waiter in waiting:
            waiter.callback(None)

    def _refused(self, failure: Failure, pending: Sequence[_Pending], waiting: Sequence[Deferred[None]]) -> None:
        if failure.check(NotStored) is None:
            logger.failure("The store failed in a way it should not", failure)
        error = failure.value if isinstance(failure.value, NotStored) else NotStored("internal")
        logger.error("{count} entries were not stored: {reason}", count=len(pending), reason=error.reason)
        for change in pending:
            if change.writer is not None:
                change.writer.refused(change.tag, change.fact, error)
        for waiter in waiting:
            waiter.errback(error)

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

    async def said_before(self, log: Log, before: int, most: int) -> list[Entry]:
        """The last things people said before a number, oldest first."""
        entries = log.said_before(before, most)
        if entries is None:
            entries = await self._store.said_before(log.key, before, most)
        return entries


class _Waiter:
    """A writer that waits for one fact."""

    def __init__(self) -> None:
        self.entry: Deferred[Entry] = Deferred()

    def stored(self, tag: object, log: Log, entry: Entry) -> None:
        self.entry.callback(entry)

    def refused(self, tag: object, fact: Fact, error: NotStored) -> None:
        self.entry.errback(error)

    def broken(self) -> None:
        """Whoever waits has an error handler of their own."""
