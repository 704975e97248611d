"""Who is here, which rooms there are, who has which nickname, and who may still come back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from chat.base import limits, names, resume_codes
from chat.base.bans import NOBODY, Bans
from chat.base.errors import Refused
from chat.base.fair_rounds import FairRounds
from chat.base.language import say
from chat.base.nearest import nearest
from chat.base.reserved import RESERVED, Reserved, is_service
from chat.base.token_bucket import Rates
from chat.core.disconnected import Disconnected
from chat.core.guesses import Guesses
from chat.core.nicknames import Nicknames
from chat.core.ports import NOTHING_KEPT, Elsewhere, Found, Kept, KeptLog, Line, Query, Record, Store
from chat.core.room import Participant, Room
from chat.core.room_holders import RoomHolders
from chat.core.turn import Turn
from chat.log.events import Entry, Place, Private
from chat.log.log import Log
from chat.log.tail import Tails

logger = Logger()

LOBBY = "#lobby"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose for everybody, and may choose anew while the server runs.  0 is no limit."""

    server: str
    motd: Sequence[str] = ()
    history: int = limits.HISTORY_DEFAULT
    grace: float = limits.GRACE_SECONDS
    unrecorded: frozenset[str] = frozenset()
    """The keys of rooms that are not recorded."""
    rate: float = limits.RATE
    max_clients: int = 0
    max_per_host: int = limits.MAX_PER_HOST
    bans: Bans = NOBODY
    proxies: Bans = NOBODY
    """Addresses from which an end of input is a cut."""
    reserved: Reserved = RESERVED
    log_connections: bool = False
    """The log says who comes and goes, and from where."""


class Person(Participant, Protocol):
    """Somebody with a nickname; their line may be down."""

    log: Log
    """What is said to and by them in private."""

    rooms: dict[str, Room]
    away: str | None
    """What they said on going away, None while they are here."""

    entered_at: datetime
    digest: str
    host: str
    ended_at: datetime
    """When their connection ended, where they have none."""

    down_since: float | None
    """Since when their line is down (in the clock's seconds), None while it is not."""

    @property
    def spoke_at(self) -> datetime:
        """When they last said something to a room, or else came."""

    def lapse(self) -> None:
        """They did not come back in time."""

    def received(self, private: Private) -> None:
        """Somebody wrote to them: whom they answer with /reply."""

    def not_delivered(self, nick: str) -> None:
        """Somebody they wrote to while that one's line was down did not come back."""

    def record(self) -> Record:
        """What brings them back after a restart."""

    def banish(self) -> None:
        """They are banned: they go at once, and do not come back."""


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
        self.down: Disconnected[Person] = Disconnected(limits.HELD, limits.HELD_PER_HOST)
        """Those of them whose line is down."""
        self.absent: Disconnected[Person] = Disconnected(limits.HELD, limits.HELD_PER_HOST)
        """Those who did not come back in time."""
        self.turn = Turn(clock, now, store)
        self.rounds = FairRounds(clock)
        self._store = store
        self._tails = Tails()
        self._holders = RoomHolders()
        self._heads = {log.key: log.head for log in kept.logs if not log.key.startswith("#")}
        self._nicknames = Nicknames[Person]()
        self.stopping = False
        """The server stops: whoever goes now has not left."""
        self.rates = Rates(limits.PACES)
        """How fast people and addresses were lately."""
        self.guesses = Guesses(clock, self.rates)
        self._forgot = False
        """Rooms were forgotten, to make place."""
        self._older_keys = dict(kept.older)
        """Keys of rooms that an older program, or older tables of Unicode, folded in another way."""
        for log in kept.logs:
            if log.key.startswith("#"):
                if (key := names.fold(log.name)) != log.key:
                    self._older_keys[key] = log.key
                self._add_room(log.key, log.name, log.head)
        for record in kept.records:
            if record.kind == "topic" and record.key in self.rooms:
                self.rooms[record.key].topic = record.value or ""
        self.lobby = self.room(LOBBY)
        store.follow(self._told)

    # Rooms.

    def key_of(self, name: str) -> str:
        """The key of the room of this name."""
        key = names.fold(name)
        return key if key in self.rooms else self._older_keys.get(key, key)

    def room(self, name: str) -> Room:
        """The room of this name, made if there is none; raises `Refused` where that is not allowed."""
        key = self.key_of(name)
        room = self.rooms.get(key)
        if room is None:
            checked = names.check_room(name)
            self._make_place()
            room = self._add_room(key, checked, 0)
        return room

    async def load(self, name: str) -> bool:
        """Have the room of this name in `rooms`, if there ever was one; returns whether there was.

        Before a room is made by `room`, for its numbers must go on.
        """
        key = self.key_of(name if names.fold(name).startswith("#") else f"#{name}")
        if key not in self.rooms:
            if self._forgot:
                await self.turn.flush()  # what was said last in it, and is not stored yet, has its numbers, too
            kept = await self._store.room(key)
            if kept is not None and key not in self.rooms:
                self._make_place()
                self._add_room(key, kept.name, kept.head).topic = kept.topic
        return key in self.rooms

    def unknown(self, rooms: Iterable[str]) -> list[str]:
        """Those of these names, with or without #, that only `load` can tell whether there is such a room."""
        return [name for name in rooms if self._may_be_stored(name)]

    def _may_be_stored(self, name: str) -> bool:
        name = name if names.fold(name).startswith("#") else f"#{name}"
        if self.has_room(name):
            return False
        try:
            names.check_room(name)
        except Refused:
            return False
        return True

    def is_new(self, name: str) -> bool:
        """Whether no room was ever called so, as far as is known after `load`; raises `Refused` where none may be."""
        return self.key_of(names.check_room(name)) not in self.rooms

    def _add_room(self, key: str, name: str, head: int) -> Room:
        log = Log(key, name, self._tails, head, names.fold(name) not in self.settings.unrecorded)
        room = self.rooms[key] = Room(log, self.clock, self.turn.append, self._holders)
        return room

    def _make_place(self) -> None:
        """Where there are as many rooms as there may be, forget one in which nobody is."""
        if len(self.rooms) < limits.ROOMS:
            return
        for key, room in self.rooms.items():
            if not room.members and key != LOBBY:
                del self.rooms[key]
                self._forgot = True
                room.log.forget()
                self._store.let_go(KeptLog(key, room.log.name, room.log.head, room.topic))
                return
        raise Refused("too-many", say("There are {limit} rooms already.", limit=limits.ROOMS))

    def check_holding(self, name: str, host: str) -> None:
        """Raises `Refused` where nobody is in the room of this name, and this address holds as many as it may."""
        room = self.rooms.get(self.key_of(name))
        if room is self.lobby or (room is not None and room.members) or not self.settings.max_per_host:
            return
        if self._holders[host] >= limits.ROOMS_PER_HOST:
            raise Refused(
                "too-many",
                say(
                    "Your address keeps {limit} rooms open already. Leave one, or join one where somebody is.",
                    limit=limits.ROOMS_PER_HOST,
                ),
            )

    def has_room(self, name: str) -> bool:
        """Whether there is a room of this name."""
        return self.key_of(name) in self.rooms

    def find_room(self, name: str) -> Room:
        """The room of this name, with or without its #; raises `Refused` where there is none in memory."""
        shown = name[: limits.NAME_READ]
        if name.startswith("@"):
            raise Refused("room-bad", say("{name} is a person; a room is what this is about.", name=shown))
        if not names.fold(name).startswith("#"):
            name = shown = f"#{shown}"
        try:
            return self.rooms[self.key_of(name)]
        except KeyError:
            names.check_room(name)
            near = self._nearest_room(name)
            sentence = say("There is no room {room}. /join {room} makes it.", room=shown)
            if near is not None:
                sentence = say("There is no room {room}; is it {near}? /join {room} makes it.", room=shown, near=near)
            raise Refused("no-room", sentence) from None

    def _nearest_room(self, name: str) -> str | None:
        """The room that was most likely meant, of some that people are in."""
        some = [key for key, room in islice(self.rooms.items(), limits.NEAR_LOOKED_AT) if room.members]
        near = nearest(names.fold(name), some)
        return None if near is None else self.rooms[near].log.name

    def private_log(self, person: str) -> Log:
        """The log of one person's private talk."""
        key = "@" + person
        return Log(key, "@", self._tails, self._heads.pop(key, 0))

    def all_are_back(self) -> None:
        """After a restart everybody is restored who can be: nobody goes on with the other private logs."""
        self._heads.clear()

    # Nicknames.

    def holder(self, nick: str, besides: Person | None = None) -> Person | None:
        """Whoever has this nickname, or one that is the same to the eye; there may be several, not only `besides`."""
        return self._nicknames.holder(nick, besides)

    def is_here(self, nick: str) -> bool:
        """Whether somebody has this nickname."""
        return self._nicknames.find(nick) is not None

    def find(self, nick: str) -> Person:
        """The person of this nickname; raises `Refused` if nobody has it."""
        person = self._nicknames.find(nick)
        if person is None and is_service(nick):
            raise Refused(
                "not-here",
                say("There is no {nick} on this server: nothing was sent or kept.", nick=nick[: limits.NAME_READ]),
            )
        if person is None:
            shown, near = nick[: limits.NAME_READ], self._nearest(nick)
            if near is not None:
                raise Refused("not-here", say("Nobody here is called {nick}; is it {near}?", nick=shown, near=near))
            raise Refused("not-here", say("Nobody here is called {nick}. /who shows who is here.", nick=shown))
        return person

    def check_nickname(self, text: str, person: Person | None = None) -> str:
        """The nickname in its normal form, which this person may have; raises `Refused` where they may not."""
        nick = names.check_nickname(text)
        if nick in self.settings.reserved:
            raise Refused("nick-reserved", say("{nick} is reserved for the service.", nick=nick))
        self.check_free(nick, person)
        return nick

    def propose(self, text: str, person: Person | None = None) -> str:
        """A nickname that this person may have, near to what they wrote."""
        return names.propose(text, lambda nick: self.holder(nick, person) is None, self.settings.reserved)

    def _nearest(self, nick: str) -> str | None:
        """The nickname that was most likely meant, of some that are here."""
        some = islice(self.people.values(), limits.NEAR_LOOKED_AT)
        here = {names.fold(person.author.nick): person.author.nick for person in some}
        near = nearest(names.fold(nick), here)
        return None if near is None else here[near]

    def check_free(self, nick: str, person: Person | None = None) -> None:
        """Raises `Refused` where somebody else than this person has the nickname, or one that looks like it."""
        holder = self.holder(nick, person)
        if holder is not None:
            if names.fold(holder.author.nick) == names.fold(nick):
                raise Refused("nick-taken", say("{nick} is here already.", nick=nick))
            raise Refused(
                "nick-alike",
                say("{nick} looks like {other}, who is here.", nick=nick, other=holder.author.nick),
            )

    def claim(self, nick: str, person: Person) -> None:
        """Give a person this nickname, instead of theirs if they have one; raises `Refused` if it is somebody's."""
        self.check_free(nick, person)
        self._nicknames.claim(nick, person)

    def release(self, person: Person) -> None:
        """The person's nickname is free again."""
        self._nicknames.release(person)

    # Reading.

    def after(self, log: Log, position: int) -> Deferred[list[Entry]]:
        """The next entries behind a position that is older than the log's tail, as far as they are held."""
        page = self._store.after(log.key, position, limits.PAGE_EVENTS)
        # A store with threads may already have what the turn has not shown yet.
        return page.addCallback(lambda entries: [entry for entry in entries if entry.seq <= log.head])

    async def recent(self, log: Log, before: int, most: int) -> Sequence[Entry]:
        """The last things people said before a number, oldest first: from memory where that reaches."""
        entries = log.said_before(before, most)
        if entries is None:
            found = await self.said(Query((log.key,), most, before))
            entries = [entry for _, entry in found.entries]
        return entries

    def _told(self, elsewhere: Elsewhere) -> None:
        """Another node has stored this: whoever reads it here is shown it, and whoever is written to has it."""
        by_log: dict[Log, list[Entry]] = {}
        for key, _, _, entries in elsewhere.appended:
            log = self._log(key)
            # Of a log that was just looked up some may be known.
            if log is not None and (new := [entry for entry in entries if entry.seq > log.head]):
                by_log[log] = new
        for record in elsewhere.records:
            if record.kind == "topic" and record.key in self.rooms:
                self.rooms[record.key].topic = record.value or ""
        self.turn.told(by_log)
        for log, entries in by_log.items():
            for _, _, fact, _ in entries:
                if isinstance(fact, Private) and log.key == "@" + fact.to_person:
                    self.people[fact.to_person].received(fact)

    def _log(self, key: str) -> Log | None:
        """The log of this key, where somebody here may read it."""
        if key.startswith("@"):
            person = self.people.get(key[1:])
            return None if person is None else person.log
        room = self.rooms.get(key)
        return None if room is None else room.log

    def said(self, query: Query) -> Deferred[Found]:
        """What people said, as far as it is held."""
        return self._store.said(query)

    async def known(self, line: Line) -> Place | None:
        """Where this line stands, if it was stored before; another one with its id is none."""
        await self.turn.flush()
        known = (await self._store.known((line.id,))).get(line.id)
        return None if known is None or not known.same(line) else known.place

    # Coming back.

    def gone(self, person: Person) -> None:
        """Somebody did not come back in time: for a day their code still brings back their place."""
        for other in self.absent.add(person):
            self._forget(other)
        self.forget_old()

    def forget_old(self) -> None:
        """Codes end a day after the connection did."""
        while (first := self.absent.first()) is not None and self.is_old(first):
            self.forget(first)

    def forget(self, person: Person) -> None:
        """The code of somebody who did not come back in time is void."""
        self.absent.drop(person)
        self._forget(person)

    def is_old(self, person: Person) -> bool:
        """Whether the code of somebody whose line is down has ended."""
        return person.ended_at < self.now() - timedelta(seconds=limits.CODE_SECONDS)

    def _forget(self, person: Person) -> None:
        person.log.forget()
        self.turn.forget(Record("session", person.digest, None))

    def of_code(self, code: str) -> Person | None:
        """Whose resume code this is, as it was given."""
        self.forget_old()
        digest = resume_codes.digest(code)
        person = self.codes.get(digest)
        if person is not None:
            return person
        absent = self.absent.get(digest)
        return None if absent is None or self.is_old(absent) else absent
