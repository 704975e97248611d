"""Who is here, who has which nickname, what others see of their coming and going, and who may still come back."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from chat.base import limits, names, resume_codes
from chat.base.bans import NOBODY, Bans
from chat.base.errors import NotStored, Refused, key_ended
from chat.base.fair_rounds import FairRounds
from chat.base.language import Sentence, say
from chat.base.nearest import nearest
from chat.base.passwords import Shared
from chat.base.public_keys import PublicKey
from chat.base.reserved import RESERVED, Reserved, is_service
from chat.base.token_bucket import Rates
from chat.base.unchanged import NOTHING, all_but
from chat.core.addresses import Addresses
from chat.core.archive import Archive
from chat.core.batch import Sessions
from chat.core.carrier import Carrier
from chat.core.disconnected import Disconnected
from chat.core.endings import ended
from chat.core.guesses import Guesses
from chat.core.invitations import Invitations
from chat.core.keys import Key, Keys
from chat.core.locked_rooms import LockedRooms
from chat.core.logins import Logins, NoPasswords
from chat.core.measures import Measurable, Measures
from chat.core.naming import Naming
from chat.core.newcomers import Newcomers
from chat.core.person import Departed, Device, Person, Scope
from chat.core.ports import (
    NOTHING_KEPT,
    Kept,
    OperatorCode,
    Passwords,
    Process,
    Record,
    Role,
    SessionRecord,
    SharedStore,
    Store,
    StoreState,
    Token,
)
from chat.core.presence import TABLE, Event, Presence, Step
from chat.core.privacy import STAFF, Privacy
from chat.core.progress import OwnAndOthers
from chat.core.read_markers import ReadMarkers
from chat.core.roles import SERVER, Roles
from chat.core.room import Room
from chat.core.rooms import LOBBY, Rooms
from chat.core.roster import Roster
from chat.core.shutdown import Shutdown
from chat.core.slow_mode import SlowMode
from chat.core.tokens import Tokens
from chat.core.turn import Outcome, Turn
from chat.core.watchers import Watchers
from chat.core.wrong_guesses import WrongGuesses
from chat.log.events import (
    Announced,
    Audited,
    Author,
    Measured,
    NotDelivered,
    Private,
    PutOut,
    Renamed,
    RoleGiven,
    StopAnnounced,
)
from chat.log.log import Log
from chat.log.redaction import Readings
from chat.log.tail import Tails
from chat.wire.answers import OthersAccount, StateOfOthers

logger = Logger()


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
    registered_only: bool = False
    """Whoever has no account, and no invitation, does not come in."""
    password: Shared | None = None
    """What whoever comes in has to know first."""
    guards_newcomers: bool = False
    """Guests who came just now may less: see `chat.core.newcomers`."""


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
        passwords: Passwords | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.now = now
        self.token = token
        self.people: dict[str, Person] = {}
        """Those who are here or whose line is down, by their ids."""
        self.absent: dict[str, Person] = {}
        """Those who have left for the others, and may still come back."""
        self.codes: dict[str, Device] = {}
        """The sessions whose resume code is good, by its hash."""
        self.down: Disconnected[Person] = Disconnected(limits.HELD, limits.HELD_PER_HOST)
        """Those whose line is down."""
        self.detached: Disconnected[Device] = Disconnected(limits.HELD, limits.HELD_PER_HOST)
        """The sessions without a connection of all others."""
        self.most_people = 0
        """How many were here at once, since the start."""
        self.watchers = Watchers()
        """Who wants to know when somebody comes and goes."""
        self.departed: deque[Departed] = deque(maxlen=limits.DEPARTED)
        """Those who left last."""
        readings = Readings()
        self.turn = Turn(clock, now, store, readings)
        self.archive = Archive(store, self.turn, readings)
        self.rounds = FairRounds(clock)
        self.stopping = False
        """The server stops: whoever goes now has not left."""
        self.connections: Collection[Carrier[Any]] = ()
        """All that there are, by whatever door."""
        self.rates = Rates(limits.PACES)
        """How fast people and addresses were lately."""
        self.wrong_guesses = WrongGuesses()
        self.guesses = Guesses(clock, self.rates, self._guessed_wrong)
        self.passwords = passwords or NoPasswords()
        self.logins = Logins(self, self.passwords, self._guessed_wrong)
        self.roles = Roles(self.turn.touch)
        self.tokens = Tokens()
        self.operator_code: OperatorCode | None = None
        """It is good until there is an operator."""
        self.process: Process
        """It is there as soon as it is known what the server is made of."""
        self.addresses = Addresses(self.turn, clock, now)
        self.taken_over: set[str] = set()
        """Of sessions that another node had the hashes of their codes, until it is stored that they are here."""
        self.gone: dict[str, tuple[Person, SessionRecord]] = {}
        """This node's sessions that are over, by the hashes of their codes, until that is stored, where other nodes use
        the store."""
        self.ended: dict[str, Person] = {}
        """Whose sessions somebody put an end to, by the hashes of their codes, until that is stored, where other nodes
        use the store: who comes back there in that moment goes again."""
        self.others: SharedStore | None = None
        """The store, where other nodes use it as well."""
        self.progress: OwnAndOthers | None = None
        """How far people have read is kept by it there."""
        self.invitations = Invitations(self.turn, now, kept.records, self._is_there)
        self.keys = Keys(self.turn, now, kept.records)
        self.measures = Measures(self.turn, now, kept.records, self._measurable)
        self.slow_mode = SlowMode(self.measures, clock)
        self.newcomers = Newcomers(clock, now, self.measures, lambda: self.settings.guards_newcomers)
        self.locked = LockedRooms(clock, now, self.turn, self.measures, self.roles, kept.records)
        self.read_markers = ReadMarkers(self.turn, kept.records)
        self.roster = Roster(self.turn, kept.records)
        self.store = store
        self._tails = Tails()
        self._heads = {log.key: log.head for log in kept.logs if log.key.startswith("@")}
        self.naming = Naming(self.turn, self.people, lambda: self.settings.reserved)
        head = next((log.head for log in kept.logs if log.key == SERVER), 0)
        self.log = Log(SERVER, SERVER, self._tails, head)
        """The server's own, which everybody hears; nobody stands in it before it holds anything."""
        rules = self.roles, self.measures, self.locked
        self.rooms = Rooms(clock, self.turn, store, self._tails, settings.unrecorded, *rules, kept)
        self.lobby = self.rooms.make(LOBBY)
        self.staff = self.rooms.make(STAFF)
        self.rooms.set_privacy(STAFF, Privacy(private=True))
        self.shutdown = Shutdown(clock, self._tell_of_stop, lambda: self.process.stop())

    def stranger(self, id: str | None = None) -> Person:
        """Somebody without a nickname; by the id of before, somebody who was here before a restart."""
        id = id or self.token()
        key = "@" + id
        person = Person(id, Log(key, "@", self._tails, self._heads.pop(key, 0)), self.log, self.now())
        person.measured = self.measures.concern(id)
        return person

    def all_are_back(self) -> None:
        """After a restart everybody is restored who can be: nobody goes on with the other private logs."""
        self._heads.clear()
        self.measures.forget_strangers(self.people, self.absent)
        self.locked.restore(self.people, self.absent, self.rooms)
        self.read_markers.forget_strangers(self.people, self.absent)

    def announce(self, text: str, author: Author | None = None) -> Deferred[Outcome]:
        """Tell everybody, and whoever comes back later; fires when it is stored, fails with `NotStored`."""
        return self.tell_all(Announced(author, text))

    def tell_all(self, fact: Announced | StopAnnounced | Measured, record: Record | None = None) -> Deferred[Outcome]:
        """The same of any fact of the server's own log, and of what changes with it."""

        def told(outcome: Outcome) -> Outcome:
            self.all_hear()
            return outcome

        return self.turn.write(self.log, fact, record=record).addCallback(told)

    async def _tell_of_stop(self, fact: StopAnnounced) -> None:
        """Whom it concerns: of several nodes one stops, and the others go on."""
        if not self.store.shared:
            await self.tell_all(fact)
            return
        for person in self.people.values():
            if person.attached:
                self.turn.append(person.log, fact)
        await self.turn.change()

    def all_hear(self) -> None:
        """The server's log holds something: also those read it now who came in when it did not."""
        for person in self.people.values():
            for session in person.attached:
                session.hear(self.log, session.given(self.log))

    @property
    def connected(self) -> int:
        """So many people have a connection to this server."""
        return sum(1 for person in self.people.values() if person.attached)

    @property
    def store_state(self) -> StoreState:
        """How the store is just now."""
        return self.store.state()

    # People, their accounts and roles.

    def is_here(self, nick: str) -> bool:
        """Whether somebody has this nickname."""
        person = self.naming.find(nick)
        return person is not None and person.id in self.people

    def reachable(self, id: str) -> Person | None:
        """The person of this id, who reads what they are written: they are here, or have an account."""
        person = self.people.get(id) or self.absent.get(id)
        return person if person is not None and (id in self.people or person.has_account) else None

    @property
    def accounts(self) -> int:
        """How many accounts there are."""
        return sum(person.has_account for some in (self.people, self.absent) for person in some.values())

    def account(self, nick: str) -> Person | None:
        """Whose account this nickname is."""
        person = self.naming.find(nick)
        return person if person is not None and person.has_account else None

    def _is_there(self, id: str) -> bool:
        """Whether the person of this id is here or absent, or has a nickname and is about to come in."""
        is_named = id in self.people or id in self.absent
        return is_named or any(holder.id == id for holder in self.naming.holders)

    def owner_of_key(self, fingerprint: str) -> Person | None:
        """Whose account this key is."""
        key = self.keys.find(fingerprint)
        person = None if key is None else self.people.get(key.person) or self.absent.get(key.person)
        return person if person is not None and person.has_account else None

    def end_key(self, key: Key, besides: Device) -> None:
        """A key is good no more, and who else came in by it is sent away."""
        self.keys.end([key])
        self.key_ended(key, besides)

    def key_ended(self, key: Key, besides: Device | None = None) -> None:
        """A key is good no more: who came in by it here is sent away."""
        person = self.people.get(key.person) or self.absent.get(key.person)
        for session in () if person is None else person.sessions:
            if session is not besides and session.key == key.public.fingerprint:
                self.put_an_end_to(session, key_ended())

    def give_up(self, person: Person) -> None:
        """They have no account any more, and no role."""
        person.password = None
        self.keys.end(self.keys.of(person.id))
        self.roles.take_all(person)
        self._staff_or_not(person)
        self.show_account(person)
        self.turn.touch(person)

    def show_account(self, person: Person) -> None:
        """They have an account by now, or none, or it is called otherwise."""
        for device in person.attached:
            device.called()
        self.show(person, "account", OthersAccount(person.nick, person.nick if person.has_account else None))

    def give_role(self, by: Author | None, person: Person, role: Role | None, room: Room | None) -> None:
        """Somebody has this role from now on (None: none), in this room or on the server; whom it concerns is told,
        wherever they are."""
        key, name = (SERVER, SERVER) if room is None else (room.log.key, room.log.name)
        before = self.roles.owner(key) if role == "owner" else None
        self.roles.give(person, key, role)
        fact = RoleGiven(by, person.nick, role or "member", name)
        if room is None:
            self._staff_or_not(person)
            if role is None:
                logger.info("{nick} is no operator of this server any more", nick=person.nick)
            else:
                logger.info("{nick} is an operator of this server now", nick=person.nick)
                code, self.operator_code = self.operator_code, None
                if code is not None:
                    code.used()
        else:
            room.introduce(person)
            self.turn.append(room.log, fact)
        for concerned in dict.fromkeys((person, before)):
            if concerned is not None and key not in concerned.rooms:
                self.turn.append(concerned.log, fact)

    def find(self, nick: str) -> Person:
        """The person of this nickname; raises `Refused` if nobody has it."""
        person = self.naming.find(nick)
        if person is None and is_service(nick):
            raise Refused(
                "not-here",
                say("There is no {nick} on this server: nothing was sent or kept.", nick=nick[: limits.NAME_READ]),
            )
        if person is None:
            shown, near = nick[: limits.NAME_READ], self.nearest(nick)
            if near is not None:
                raise Refused("not-here", say("Nobody here is called {nick}; is it {near}?", nick=shown, near=near))
            raise Refused("not-here", say("Nobody here is called {nick}. /who shows who is here.", nick=shown))
        return person

    def nearest(self, nick: str) -> str | None:
        """The nickname that was most likely meant, of some that are here."""
        some = islice(self.people.values(), limits.NEAR_LOOKED_AT)
        here = {names.fold(person.nick): person.nick for person in some}
        near = nearest(names.fold(nick), here)
        return None if near is None else here[near]

    def wrote(self, private: Private, person: Person) -> None:
        """Somebody wrote to this person: whom /reply answers from now on."""
        author = private.author.person
        self.newcomers.asked(person, author)
        if author not in person.ignored:
            person.last_from = author
        if person.presence is Presence.DOWN and author not in person.senders:
            person.senders = (*person.senders, author)
            if person.id in self.down:
                self.turn.touch(person)

    def rename(self, person: Person, nick: str) -> None:
        """Another nickname, already checked, of which the rooms are told; raises `Refused` if it is somebody's."""
        self.naming.check_free(nick, person)
        old = person.author
        for room in self.rooms.values():  # also one that was not told yet that they left, or who was called so before
            room.introduce(person, nick)
            room.tell_of((person.id,))
        self.naming.claim(nick, person)
        if self.noted:
            logger.info("{old} is now {nick}", old=old.nick, nick=nick)
        if names.fold(old.nick) != names.fold(nick):
            self.watchers.tell(old.nick, False)
            self.watchers.tell(nick, True)
        fact = Renamed(old, nick, self.token(), tuple(person.rooms))
        for room in person.rooms.values():
            self.turn.append(room.log, fact)
        self.turn.touch(person)

    def ignore_too(self, person: Person, guest: str) -> None:
        """Whoever ignores this guest does so with the account that the guest turns out to be."""
        for other in (*self.people.values(), *self.absent.values()):
            if guest in other.ignored and other is not person:
                other.ignored = {**other.ignored, person.id: person.nick}
                self.turn.touch(other)

    def show(self, person: Person, kind: str, state: StateOfOthers, to: Room | Person | None = None) -> int:
        """Let those know in what state somebody is whose clients show it, and who hear them: in their rooms, and who
        watches, or one room or person; returns how many clients these are."""
        shown: dict[str, Device] = {}
        if isinstance(to, Person):
            self._find_devices(shown, person, [to], to.log)
        else:
            for room in person.rooms.values() if to is None else (to,):
                members = (self.people[id] for id in room.members if id != person.id)
                self._find_devices(shown, person, members, room.log)
        for device in shown.values():
            device.notice(f"{kind} {person.id}", state)
        if to is not None:
            return len(shown)
        for session in self.watchers.of(person.nick):
            if session.id not in shown and session.person is not person and person.id not in session.person.ignored:
                session.notice(f"{kind} {person.id}", state._replace(shared=False))
                shown[session.id] = session
        return len(shown)

    def _find_devices(self, found: dict[str, Device], person: Person, others: Iterable[Person], log: Log) -> None:
        """Those devices of others on which this log is read, and shown in what state somebody is."""
        for other in others:
            if person.id not in other.ignored:
                for device in other.attached:
                    if device.keeps_list and (device.scope is None or device.may_read(log)):
                        found[device.id] = device

    def _staff_or_not(self, person: Person) -> None:
        """They came among the server's operators, or are none any more."""
        room = self.staff
        if SERVER not in person.roles:
            if STAFF in person.rooms:
                self.put_out(person, room, "")
        elif person.id in self.people and person.id not in room.members:
            person.join(room)
            for session in person.attached:
                session.hear(room.log, room.log.head)
                session.hear_differently()
        elif STAFF not in person.rooms:
            person.rooms, person.joined = {**person.rooms, STAFF: room}, {**person.joined, STAFF: room.log.head}
        self.turn.touch(person)

    def audit(
        self,
        by: Author | None,
        what: str,
        to: str,
        room: Room | None,
        seconds: int | None = None,
        text: str = "",
        lines: int | None = None,
    ) -> None:
        """The server's operators know that somebody did this to somebody."""
        name = SERVER if room is None else room.log.name
        self.turn.append(self.staff.log, Audited(by, what, to, name, seconds, text, lines))

    # Measures.

    def _measurable(self, holder: str) -> Iterable[tuple[str, Measurable]]:
        """Whom or what those of this holder may concern, as far as they are in memory."""
        if holder == SERVER:
            return self.rooms.items()
        found = self.rooms.get(holder) or self.people.get(holder) or self.absent.get(holder)
        return () if found is None else ((holder, found),)

    def put_out(self, person: Person, room: Room, measure: PutOut) -> None:
        """Somebody is in a room no more, and did not leave it; they are told by whoever calls this."""
        self.shut_out(person, room.log.key)
        if person.id in room.members:
            person.part(room, "", measure)
        else:
            person.stay_in([other for other in person.rooms.values() if other is not room])
        for session in person.sessions:
            session.hear_no_more(room.log)
        self.turn.touch(person)

    def shut_out(self, person: Person, key: str) -> None:
        """Somebody was sent out of this room, or is banned there: while it is locked, nothing lets them in any more."""
        self.locked.send_away(person, key)
        if key == LOBBY:
            self.roster.sent_out(person)

    def belongs_no_more(self, person: Person, key: str) -> None:
        """Somebody was banned from the room of this key: if it is private, they have to be asked in anew, and read from
        then on."""
        if key in person.admitted:
            person.admitted = all_but(person.admitted, key)
            self.turn.touch(person)

    def carry_measures(self, guest: str, person: Person) -> None:
        """A guest turns out to be somebody who has an account, or the other way round: what keeps the one from
        something keeps the other."""
        before = self.people.get(guest) or self.absent.get(guest)
        person.turned_out(*(() if before is None else before.formerly), guest)
        for measure in self.measures.carry(guest, person):
            if measure.kind == "ban" and measure.where in person.rooms:
                self.put_out(person, person.rooms[measure.where], "ban")
            if measure.kind == "ban":
                self.belongs_no_more(person, measure.where)

    def known_from(self, host: str, besides: Person | None = None) -> int:
        """How many people who may be here have come from this address."""
        return sum(
            person is not besides
            and any(session.host == host for session in person.sessions)
            and self.measures.of("ban", person, SERVER) is None
            for some in (self.people, self.absent)
            for person in some.values()
        )

    def check_address(self, host: str, key: PublicKey | None = None) -> None:
        """Raises `Refused` where an address is closed to who comes anew, and nobody else is known from it; or the key
        by which they come."""
        if key is not None:
            self.check_key(key)
        if (measure := self.measures.of_address(host)) is not None and not self.known_from(host):
            raise self.measures.refusal(measure)

    def check_key(self, key: PublicKey) -> None:
        """Raises `Refused` where a key is closed to whoever comes by it."""
        if (measure := self.measures.of_key(key.fingerprint)) is not None:
            raise self.measures.refusal(measure)

    # Coming, going, coming back.

    def happened(self, person: Person, event: Event, text: str = "") -> None:
        """Something of `chat.core.presence` happened to somebody; `text` is what they say on leaving."""
        person.presence, step = TABLE[person.presence, event]
        match step:
            case Step.ENTER:
                if self.noted:
                    logger.info("{nick} came in, from {host}", nick=person.nick, host=person.host)
                self.people[person.id] = person
                self.newcomers.watch(person)
                self.most_people = max(self.most_people, len(self.people))
                self.watchers.tell(person.nick, True)
            case Step.HOLD:
                self.hold(person)
            case Step.BACK:
                self.end_grace(person)
                for session in person.detached:
                    self.keep(session)
            case Step.ENTER_AGAIN:
                self._enter_again(person)
            case Step.LEAVE:
                if self.noted and event is Event.GRACE_OVER:
                    logger.info("{nick} did not come back in time", nick=person.nick)
                elif self.noted:
                    logger.info("{nick} left: their input ended", nick=person.nick)
                self._leave(person, text)
                self._tell_senders(person)
                self.absent[person.id] = person
                for session in person.detached:
                    self.keep(session)
            case Step.GO:
                if self.noted:
                    logger.info("{nick} left", nick=person.nick)
                self._leave(person, text)
                self._tell_senders(person)
                self._forget(person)
            case Step.FORGET:
                del self.absent[person.id]
                self._forget(person)
        self.turn.touch(person)

    def hold(self, person: Person) -> None:
        """Their line is down, and it is this node that sees to it."""
        if self.noted:
            logger.info("{nick}'s line is down", nick=person.nick)
        person.down_since = self.clock.seconds()
        person.grace = self.clock.callLater(self.settings.grace, self._lapse, person)
        for other in self.down.add(person):
            self._lapse(other)

    def _lapse(self, person: Person) -> None:
        """The grace is over."""
        if self.stopping:
            return
        if not self.store.shared:
            self.happened(person, Event.GRACE_OVER)
            return
        failed = partial(logger.failure, "Somebody could not leave")
        Deferred.fromCoroutine(self._lapse_where_it_is_stored(person)).addErrback(failed)

    async def _lapse_where_it_is_stored(self, person: Person) -> None:
        """They do not leave while that could not be told: on other nodes they would be there for ever."""
        grace = person.grace
        try:
            await self.turn.change()
        except NotStored:
            if person.grace is grace:
                person.grace = self.clock.callLater(limits.BEAT_SECONDS, self._lapse, person)
        else:
            if person.grace is grace and person.presence is Presence.DOWN:  # and it is still this node that holds them
                self.happened(person, Event.GRACE_OVER)

    def end_grace(self, person: Person) -> None:
        """They are back, or have left."""
        self.release(person)
        person.down_since = None
        person.senders = ()

    def release(self, person: Person) -> None:
        """It is not this node that sees to it that they leave in time."""
        self.down.drop(person)
        if person.grace is not None and person.grace.active():
            person.grace.cancel()
        person.grace = None

    def _leave(self, person: Person, text: str) -> None:
        """The nickname is free, and the rooms are told; which they were in is kept."""
        self.locked.leave_all(person)
        fact = self.token()
        told = tuple(key for key, room in person.rooms.items() if text or not room.gathers(person))
        for room in list(person.rooms.values()):
            room.leave(person, text, fact, told)
        for session in person.attached:
            session.hear_nothing()
        if not person.has_account:
            self.naming.give_up(person)
        del self.people[person.id]
        self.watchers.tell(person.nick, False)
        self.departed.append(Departed(person.id, person.nick, person.user, person.realname, self.now()))

    def _tell_senders(self, person: Person) -> None:
        """Who wrote to them meanwhile is told that they did not come back, when they are there themselves."""
        for id in person.senders:
            sender = self.people.get(id) or self.absent.get(id)
            if sender is not None:
                self.turn.append(sender.log, NotDelivered(person.nick))
        self.end_grace(person)

    def enforce_bans(self) -> None:
        """Whoever has no connection, and came from an address that is banned by now, does not come back."""
        for person in [*self.down, *self.absent.values()]:
            if person.host in self.settings.bans:
                self.banish(person)

    def send_away(self, person: Person, refused: Refused) -> None:
        """Somebody goes at once, on all devices, told why where they can be, and their codes are void."""
        self.roster.end(person.id)
        for session in person.attached:
            session.send_away(refused)
        self.banish(person)

    def sessions_end(self, person: Person, why: Sentence, besides: Device | None = None) -> None:
        """The sessions of somebody, all but this one, are about to be over: they are told why, on whatever node."""
        for session in person.attached:
            if session is not besides:
                session.send_away(Refused("taken-over", why))
        self.tell_elsewhere(person, why)

    def tell_elsewhere(self, person: Person, why: Sentence) -> None:
        """On other nodes they are told this when their sessions end, which is stored with it."""
        if person.elsewhere:
            self.turn.append_with(ended(person.id, why))

    def banish(self, person: Person) -> None:
        """Somebody is banned: none of their sessions comes back.  An account stays what it is."""
        if person.has_account:
            self.end_all(person)
        else:
            self._do_not_come_back(person.sessions)
            self.happened(person, Event.BANNED)

    def end_all(self, person: Person, besides: Device | None = None) -> None:
        """The sessions of somebody are over, all but this one; they are told by whoever calls this."""
        over = [session for session in person.sessions if session is not besides]
        self._do_not_come_back(over)
        for session in over:
            session.hear_nothing()
            self._void(session)
        if person.attached:
            self._others_hear_differently(person.attached[0])
        elif person.presence is Presence.HERE and not person.elsewhere:
            self.happened(person, Event.ENDED)
        elif person.presence is Presence.DOWN:
            self.happened(person, Event.GRACE_OVER)

    def scope(self, token: Token) -> Scope:
        """What a session may that comes in by this token."""
        return Scope(token.name, frozenset(map(self.rooms.key_of, token.rooms)) or None)

    def end_token(self, person: Person, name: str, why: Refused) -> None:
        """A token of theirs is good no more, and who came in by it is sent away."""
        token = person.tokens[name]
        self.tokens.end(person, [name])
        for session in person.sessions:
            if session.scope is not None and session.scope.token == token.name:
                self.put_an_end_to(session, why)
        self.turn.touch(person)

    def _enter_again(self, person: Person) -> None:
        """The grace was over: others see them come, under another nickname if theirs was taken."""
        self.naming.claim_again(person)
        del self.absent[person.id]
        person.entered_at = self.now()
        self.people[person.id] = person
        self.newcomers.watch(person)
        self.watchers.tell(person.nick, True)
        for room in person.rooms.values():
            if not room.log.recorded:
                # They had left: what was said since then is of those who heard it.
                person.joined = {**person.joined, room.log.key: room.log.head}
            room.join(person)

    def _forget(self, person: Person) -> None:
        """Nothing of theirs is kept."""
        for session in person.sessions:
            self._void(session)
        self.measures.forget(person.id)
        self.locked.forget(person)
        self.read_markers.forget(person.id)
        person.rooms = NOTHING
        person.log.forget()

    @property
    def noted(self) -> bool:
        """The operator wants to know who comes and goes."""
        return self.settings.log_connections

    def restored(self, person: Person, nick: str, absent: bool) -> None:
        """After a restart somebody is there again with their sessions, or absent; the rooms are not told."""
        if SERVER in person.roles and STAFF not in person.rooms:  # an older version had no such room
            self._staff_or_not(person)
        for session in person.sessions:
            self.codes[session.digest] = session
        if person.has_account and self.naming.holder(nick) is None:
            self.naming.claim(nick, person)
        if absent or self.naming.holder(nick, person) is not None or not person.sessions:
            person.called(nick)
            person.presence = Presence.ABSENT
            self.absent[person.id] = person
            for session in person.detached:
                self.keep(session)
            self.turn.touch(person)
            return
        if not person.has_account:
            self.naming.claim(nick, person)
        self.people[person.id] = person
        self.newcomers.watch(person)
        for room in person.rooms.values():
            room.put_back(person)
        person.presence = Presence.HERE
        if not person.connected and not person.detached[-1].node:
            self.happened(person, Event.CUT)

    # Sessions that may come back, by their codes.

    def keep(self, session: Device) -> None:
        """A session without a connection may come back for a day: its node sees to that."""
        if not session.node and session.id not in self.detached:
            for other in self.detached.add(session):
                self.forget(other)
        self.forget_old()

    async def hear_others(self) -> NotStored | None:
        """Before it is said that something is not there: what other nodes had stored by now is known here.

        Returns why it is not; then what is said here is not stored either.
        """
        if self.store.shared:
            try:
                await self.turn.change()  # before that is answered all that stands before it was told
            except NotStored as error:
                return error
        return None

    async def own(self, session: Device) -> None:
        """Before anything of a session is answered that was taken over: nothing more of what it said elsewhere is
        stored."""
        while session.digest in self.taken_over and session in session.person.attached:
            if await self.hear_others() is not None:
                await deferLater(self.clock, limits.RECONNECT_MOST_SECONDS)

    async def recall(self, person: Person) -> None:
        """Before somebody comes back: have all of their rooms in memory for which there is place, and know how far they
        have read."""
        if self.progress is not None:
            await self.progress.learn(person)
        for room in list(person.rooms.values()):
            with suppress(Refused):
                await self.rooms.load(room.log.name)

    def attach(self, session: Device) -> None:
        """A session of somebody has a connection."""
        person = session.person
        self.detached.drop(session)
        self.codes[session.digest] = session
        if session.node:
            self.taken_over.add(session.digest)
        session.node = ""
        person.attach(session)
        self.happened(person, Event.ATTACHED)
        self._others_hear_differently(session)
        self.turn.touch(session)

    def detach(self, session: Device, event: Event) -> None:
        """A session of somebody has a connection no more, and may come back."""
        person = session.person
        person.detach(session)
        if person.connected or person.presence is Presence.ABSENT:  # another node had them leave just now
            self.keep(session)
            self._others_hear_differently(session)
        else:
            self.happened(person, event)
        self.turn.touch(session)

    def put_an_end_to(self, session: Device, why: Refused) -> None:
        """Somebody ends a session, which they may not hear of there before it comes back on another node."""
        session.send_away(why)
        self._do_not_come_back((session,))
        self.end(session, "")

    def _do_not_come_back(self, sessions: Iterable[Device]) -> None:
        """Not on another node either, which has not heard of it yet."""
        if self.store.shared:
            self.ended.update((session.digest, session.person) for session in sessions)

    def end(self, session: Device, text: str) -> None:
        """A session of somebody is over, and its code is void; `text` is what they say on leaving."""
        person = session.person
        is_last = person.sessions == (session,) and not person.has_account
        if is_last and person.connected and person.presence is not Presence.ABSENT:
            self.happened(person, Event.QUIT, text)
            return
        self._void(session)
        if person.connected:
            self._others_hear_differently(session)
        elif person.presence is Presence.HERE:
            self.happened(person, Event.ENDED, text)
        elif not person.detached:
            if person.presence is Presence.DOWN:
                self.happened(person, Event.GRACE_OVER)
            if not person.has_account:
                self.happened(person, Event.FORGOTTEN)

    def _others_hear_differently(self, session: Device) -> None:
        """Who has one device hears what all hear; of several, none is to hear what was done on another."""
        for other in session.person.others(session):
            other.hear_differently()

    def forget(self, session: Device) -> None:
        """The code of a session that does not come back is void."""
        person = session.person
        self._void(session)
        if not (person.sessions or person.has_account):
            self.happened(person, Event.FORGOTTEN)

    def _void(self, session: Device) -> None:
        if self.others is not None and not session.node:
            sessions: Sessions = {}
            session.remember({}, sessions)
            if (record := sessions.get(session.digest)) is not None:
                self.gone[session.digest] = session.person, record
        self.detached.drop(session)
        self.codes.pop(session.digest, None)
        session.person.end(session)
        self.turn.touch(session)

    def forget_old(self) -> None:
        """Codes end a day after the connection did."""
        while (first := self.detached.first()) is not None and self._is_old(first):
            self.forget(first)

    def by_resume_code(self, code: str) -> Device | None:
        """Whose resume code this is, as it was given."""
        self.forget_old()
        session = self.codes.get(resume_codes.digest(code))
        if session is None:
            return None
        person = session.person
        if person.presence is Presence.DOWN and person.detached[-1:] == (session,):
            return session  # they are held for the grace, whatever the date was when this node was started
        is_kept = session.id in self.detached or (session.node and session not in person.elsewhere)
        return None if is_kept and self._is_old(session) else session

    def is_operator_code(self, code: str) -> OperatorCode | None:
        """The operator's code, if it is this one, as it was given."""
        kept = self.operator_code
        return kept if kept is not None and kept.matches(code) else None

    def _guessed_wrong(self, host: str, person: str) -> None:
        """Other nodes are to count it as well."""
        if self.store.shared:
            self.wrong_guesses.note(host, person)

    async def use_operator_code(self, code: OperatorCode, person: Person) -> bool:
        """They run the server by it, and nobody else; False where somebody on another node was first.

        Fails with `NotStored`.
        """
        # In one turn: where this server dies then, both are stored, or neither.
        self.roles.give(person, SERVER, "operator")
        is_theirs = False
        try:
            is_first = await self.turn.exchange(Record("operator-code", code.digest, None), "used")
            is_theirs = is_first and code is self.operator_code
        finally:
            if not is_theirs:
                self.roles.give(person, SERVER, None)
        return is_theirs

    def _is_old(self, session: Device) -> bool:
        return self.clock.seconds() - session.down_since > limits.CODE_SECONDS

    # What of it is read here.

    def log_of(self, key: str) -> Log | None:
        """The log of this key, where somebody here may read it."""
        if key == SERVER:
            return self.log
        if key.startswith("@"):
            person = self.people.get(key[1:]) or self.absent.get(key[1:])
            return None if person is None else person.log
        room = self.rooms.get(key)
        return None if room is None else room.log
