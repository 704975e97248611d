"""Measures, whatever anybody does in whatever order: who is muted reaches nobody, who is banned is not there, and
nothing that they do changes that; each measure ends by its opposite alone, and both stand in the audit.

The model knows what holds where, for whom.  Who may do what to whom depends on roles, which are not what is tried here:
they are the server's own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from returning import KeepingStore, restarted
from test_account import SECRET, come, register
from world import Client, World

from chat.base import limits
from chat.core.measures import rank
from chat.core.person import Person
from chat.core.privacy import STAFF
from chat.core.roles import SERVER
from chat.log.events import Audited

ROOM = "#ops"
ACCOUNTS = ("ana", "ora", "trol")
"""Ana owns the room, and ora is one of its operators now and then."""
GUEST, KNOWN = "eve", "evelyn"
"""Somebody without an account, and the one as which they log in."""
SEATS = (*ACCOUNTS, GUEST)
SLOW_SECONDS = 3600
WHO, WHOM = st.sampled_from(SEATS), st.sampled_from((*SEATS, "trol", "eve", "all"))
BY = st.sampled_from(("ana", "chief", "chief", "boss", "ora", "trol"))
"""Chief is an operator of the server with a nickname, boss comes by the control socket."""
PLACE = st.sampled_from((ROOM, ROOM, SERVER))

WAYS: dict[str, Callable[[str], str]] = {
    "say": lambda mark: f"/msg {ROOM} {mark}",
    "act": lambda mark: f"/me {mark}",
    "set the topic": lambda mark: f"/topic {ROOM} {mark}",
    "say elsewhere": lambda mark: f"/msg #lobby {mark}",
    "write": lambda mark: f"/msg ben {mark}",
    "be away": lambda mark: f"/away {mark}",
    "make a room": lambda mark: f"/join #{mark}",
    "post": lambda mark: f"/post {mark} {ROOM} {mark}",
    "leave": lambda mark: f"/leave {ROOM} {mark}",
    "quit": lambda mark: f"/quit {mark}",
}
"""How somebody may try to be heard, or seen."""


@dataclass(eq=False)
class Seat:
    """Somebody: on which devices, by which code they come back, and who they are."""

    nick: str
    id: str
    account: bool
    clients: list[Client] = field(default_factory=list)
    code: str | None = None


class Measuring(RuleBasedStateMachine):
    """One room, four people who are hit, those who hit them, and two who listen."""

    @initialize()
    def open(self) -> None:
        self.limits = patch.multiple(limits, GUESSES=10**6, GUESSES_PER_HOST=10**6, NEW_ROOMS=10**6, ROLES=10**6)
        self.limits.start()
        self.store = KeepingStore()
        self.world = World(self.store, grace=10**9)
        self.marks = count()
        self.held: set[tuple[str, str, str]] = set()
        """Kind, place, and whom by their id ("": everybody)."""
        self.audited: list[tuple[str, str, str]] = []
        self.spoken: dict[str, float] = {}
        """Where it is slow, when they spoke."""
        self.seats: dict[str, Seat] = {}
        for nick in ("chief", *ACCOUNTS, KNOWN):
            client = register(self.world, nick)
            self.seats[nick] = Seat(nick, client.session.person.id, True)
            self.sit(self.seats[nick], client)
        self.world.operator("/admin op chief")
        known = self.seats.pop(KNOWN)
        known.clients.pop().type("/quit")
        self.known = known.id
        for nick in (GUEST, "ben"):
            client = come(self.world, f"/nick {nick}")
            self.seats[nick] = Seat(nick, client.session.person.id, False)
            self.sit(self.seats[nick], client)
        for nick in ("ana", "ora", "trol", GUEST, "chief", "ben"):
            self.type(nick, f"/join {ROOM}")
        self.type("ana", "/op ora")

    def teardown(self) -> None:
        if hasattr(self, "limits"):
            self.limits.stop()

    def sit(self, seat: Seat, client: Client) -> None:
        """They are on this device."""
        seat.id, seat.code, seat.nick = client.session.person.id, client.session.code, client.session.person.nick
        seat.clients.append(client)
        client.take()

    # What is done to people.

    @rule(by=BY, kind=st.sampled_from(("mute", "mute", "ban")), whom=WHOM, place=PLACE, why=st.booleans())
    def hit(self, by: str, kind: str, whom: str, place: str, why: bool) -> None:
        if kind == "ban" and (whom == "all" or (place == SERVER and not self.seats[whom].account)):
            return
        target = None if whom == "all" else self.person(whom)
        may = self.may_hit(by, target, place)
        if target is not None and self.world.hub.naming.find(target.nick) is not target:
            may = False  # a guest who has left is nobody until they come back
        if why and place == ROOM and by != "boss":
            may = may and not self.is_muted(self.person(by), ROOM)
        self.command(by, kind, whom, place, "forever spam" if why else "forever")
        if not may:
            return
        self.held.add((kind, place, "" if target is None else target.id))
        self.audited.append((kind, "" if target is None else target.nick, place))
        if kind == "ban" and place == SERVER:
            self.seats[whom].clients.clear()
            self.seats[whom].code = None

    @rule(by=BY, kind=st.sampled_from(("mute", "mute", "ban")), whom=WHOM, place=PLACE)
    def free(self, by: str, kind: str, whom: str, place: str) -> None:
        if kind == "ban" and whom == "all":
            return
        target = None if whom == "all" else self.person(whom)
        key = (kind, place, "" if target is None else target.id)
        may = self.may_hit(by, target, place, freeing=True)
        self.command(by, f"un{kind}", whom, place, "")
        if may and key in self.held:
            self.held.discard(key)
            self.audited.append((f"un{kind}", "" if target is None else target.nick, place))

    @precondition(lambda self: self.held)
    @rule(by=st.sampled_from(("ana", "ora", "themselves", "themselves")), which=st.integers(0, 9))
    def free_who_is_hit(self, by: str, which: int) -> None:
        """What is usual, and rarely comes of itself."""
        kind, place, id = sorted(self.held)[which % len(self.held)]
        whom = next((nick for nick in SEATS if self.seats[nick].id == id), None)
        if whom is not None and kind != "voice":
            self.free(whom if by == "themselves" else by, kind, whom, place)

    @rule(by=BY, kind=st.sampled_from(("slow", "limit", "lock-topic", "lock")), on=st.booleans())
    def set_for_the_room(self, by: str, kind: str, on: bool) -> None:
        may = self.may_hit(by, None, ROOM)
        if kind == "lock":
            self.do(by, f"/lock {ROOM} {'on' if on else 'off'}")
        elif kind == "slow":
            self.do(by, f"/slow {ROOM} {'1h' if on else 'off'}")
        elif kind == "limit":
            self.do(by, f"/limit {ROOM} {'100000' if on else 'off'}")
        elif by == "boss":
            return  # who sets a topic is in the room
        else:
            may = may and ROOM in self.person(by).rooms
            self.do(by, f"/topic {ROOM} lock {'on' if on else 'off'}")
        key = (kind, ROOM, "")
        if may and (key in self.held) is not on:
            self.held ^= {key}
            self.audited.append((kind if on else f"un{kind}", "", ROOM))

    @rule(by=BY, whom=WHO, on=st.booleans())
    def give_a_voice(self, by: str, whom: str, on: bool) -> None:
        """So that they talk also while all are muted."""
        target, key = self.person(whom), ("voice", ROOM, self.person(whom).id)
        may = self.may_hit(by, None, ROOM) and (ROOM in target.rooms or not on)
        if self.world.hub.naming.find(target.nick) is not target:
            return
        self.do(by, f"/{'voice' if on else 'unvoice'} {ROOM} {target.nick}")
        if may and (key in self.held) is not on:
            self.held ^= {key}
            self.audited.append(("voice" if on else "unvoice", target.nick, ROOM))

    @rule(on=st.booleans(), by=st.sampled_from(("ana", "chief")))
    def make_operator(self, on: bool, by: str) -> None:
        self.do(by, f"/{'op' if on else 'deop'} {ROOM} {self.seats['ora'].nick}")

    def may_hit(self, by: str, target: Person | None, place: str, freeing: bool = False) -> bool:
        """Whether they may, and are there to do it."""
        if by == "boss":
            return place == SERVER
        person = self.person(by)
        mine = rank(person, place)
        if not mine or not self.seats[by].clients:
            return False
        return target is None or mine > rank(target, place) or (freeing and SERVER in person.roles)

    def command(self, by: str, name: str, whom: str, place: str, more: str) -> None:
        called = "all" if whom == "all" else self.person(whom).nick
        self.do(by, f"/admin {name} {called} {more}" if place == SERVER else f"/{name} {place} {called} {more}")

    def do(self, by: str, line: str) -> None:
        if by == "boss":
            self.world.operator(line)
        else:
            self.type(by, line)

    # What they do about it.

    @rule(nick=WHO)
    def come_in(self, nick: str) -> None:
        self.type(nick, f"/join {ROOM}")

    @rule(nick=WHO)
    def be_cut_or_come_back(self, nick: str) -> None:
        seat = self.seats[nick]
        if seat.clients:
            for client in seat.clients:
                client.cut()
            seat.clients.clear()
        else:
            self.come_back(nick)

    def come_back(self, nick: str) -> None:
        """By their password, or by their code, or as somebody new."""
        seat = self.seats[nick]
        self.world.wait(5)
        if seat.account:
            client = come(self.world, f"/login {self.person(nick).nick} {SECRET}")
            is_banned = ("ban", SERVER, seat.id) in self.held
            assert client.session.named is not is_banned, (nick, client.lines)
            if is_banned:
                client.cut()
                return
        elif seat.code is not None:
            client = come(self.world, f"/resume {seat.code}")
            assert client.session.person.id == seat.id, (nick, client.lines)
        else:
            client = come(self.world, f"/nick Mark{next(self.marks)}", f"/join {ROOM}")
        self.sit(seat, client)

    @rule(nick=st.sampled_from(ACCOUNTS))
    def take_another_device(self, nick: str) -> None:
        seat = self.seats[nick]
        if seat.clients:
            self.sit(seat, self.world.device(seat.clients[-1]))

    @rule(nick=WHO)
    def log_out(self, nick: str) -> None:
        """On their only device."""
        seat = self.seats[nick]
        if len(seat.clients) == 1:
            self.type(nick, "/quit")
            seat.clients.clear()
            self.gone(nick)

    def gone(self, nick: str) -> None:
        """Whoever has no account is nobody now, and so is what was done to them: somebody new comes."""
        seat = self.seats[nick]
        seat.code = None
        if not seat.account:
            self.held = {one for one in self.held if one[2] != seat.id}
            self.come_back(nick)

    @rule()
    def log_in(self) -> None:
        """The guest turns out to be somebody who has an account."""
        seat = self.seats[GUEST]
        if not seat.clients or seat.account:
            return
        person = self.world.hub.people.get(self.known) or self.world.hub.absent[self.known]
        is_banned = ("ban", SERVER, self.known) in self.held
        seat.clients[0].take()
        self.type(GUEST, f"/login {person.nick} {SECRET}")
        client = seat.clients[0]
        assert (client.session.person.id == self.known) is not is_banned, client.lines
        if is_banned:
            return
        for kind, place, whom in list(self.held):
            if whom == seat.id:
                self.held.discard((kind, place, whom))
                self.held.add((kind, place, self.known))
        if seat.id in self.spoken:
            self.spoken[self.known] = max(self.spoken[seat.id], self.spoken.get(self.known, 0))
        seat.clients, seat.account = [], True
        self.sit(seat, client)

    @rule()
    def be_a_guest_again(self) -> None:
        """The account is left, and keeps what was done to it; somebody new comes."""
        seat = self.seats[GUEST]
        if seat.account and len(seat.clients) < 2:
            if seat.clients:
                self.type(GUEST, "/logout")
            seat.clients, seat.code, seat.account = [], None, False
            self.come_back(GUEST)

    @rule()
    def come_back_by_a_short_code(self) -> None:
        """That of an account brings back a guest, with what was done to the account, which keeps it."""
        seat = self.seats[GUEST]
        if not seat.account or not seat.clients or seat.code is None:
            return
        for client in seat.clients:
            client.cut()
        seat.clients, seat.account = [], False
        client = come(self.world, f"/resume {seat.code}")
        assert client.session.person.id != self.known, client.lines
        self.sit(seat, client)
        self.held |= {(kind, place, seat.id) for kind, place, whom in self.held if whom == self.known}
        if self.known in self.spoken:
            self.spoken[seat.id] = self.spoken[self.known]

    @rule(nick=WHO)
    def rename(self, nick: str) -> None:
        mark, before = f"Mark{next(self.marks)}", self.person(nick).nick
        is_there, may = bool(self.seats[nick].clients), self.may_be_seen(self.person(nick))
        self.type(nick, f"/nick {mark}")
        assert (self.person(nick).nick == mark) is (is_there and may), (before, self.held)

    @rule(by=BY, whom=WHO, place=PLACE, ways=st.lists(st.sampled_from(tuple(WAYS)), min_size=2, max_size=4))
    def be_muted_and_try(self, by: str, whom: str, place: str, ways: list[str]) -> None:
        """What is usual, and rarely comes of itself."""
        self.come_in(whom)
        self.hit(by, "mute", whom, place, False)
        for way in ways:
            self.attempt(whom, way)

    @rule(
        kind=st.sampled_from(("mute", "slow", "ban")),
        moves=st.lists(st.sampled_from(("log_in", "come_back_by_a_short_code", "be_a_guest_again")), max_size=3),
    )
    def be_hit_and_be_somebody_else(self, kind: str, moves: list[str]) -> None:
        """The same, of the one who has two names."""
        self.come_in(GUEST)
        if kind == "slow":
            self.set_for_the_room("chief", "slow", True)
            self.attempt(GUEST, "say")
        else:
            self.hit("chief", kind, GUEST, ROOM, False)
        for move in moves:
            getattr(self, move)()
            self.come_in(GUEST)
            self.attempt(GUEST, "say")

    @rule(nick=WHO, ways=st.lists(st.sampled_from(tuple(WAYS)), min_size=1, max_size=4), which=st.integers(0, 3))
    def be_heard(self, nick: str, ways: list[str], which: int) -> None:
        for way in ways:
            self.attempt(nick, way, which)

    @rule(back=st.sets(WHO))
    def restart(self, back: set[str]) -> None:
        self.world = restarted(self.world, self.store)
        self.world.hub.settings = replace(self.world.hub.settings, rate=0, grace=10**9, max_per_host=0)
        self.spoken.clear()
        for nick, seat in self.seats.items():
            seat.clients.clear()
            if nick in back or nick in ("chief", "ben", "ana"):
                self.come_back(nick)

    @rule()
    def let_time_pass(self) -> None:
        self.world.wait(SLOW_SECONDS)

    def type(self, nick: str, line: str, which: int = 0) -> None:
        seat = self.seats[nick]
        if seat.clients:
            self.world.wait(5)  # what they ask for has its price
            seat.clients[which % len(seat.clients)].type(line)

    def person(self, nick: str) -> Person:
        """Whoever sits there, or sat there."""
        id, hub = self.seats[nick].id, self.world.hub
        return hub.people.get(id) or hub.absent[id]

    # What must hold.

    def is_muted(self, person: Person, place: str) -> bool:
        if SERVER in person.roles:
            return False
        if any(("mute", where, person.id) in self.held for where in (place, SERVER)):
            return True
        return any(
            ("mute", where, "") in self.held
            and not rank(person, where)
            and ("voice", where, person.id) not in self.held
            for where in (place, SERVER)
        )

    def may_be_seen(self, person: Person) -> bool:
        everywhere = (SERVER, *person.rooms)
        return ("mute", ROOM, person.id) not in self.held and not any(self.is_muted(person, at) for at in everywhere)

    def attempt(self, nick: str, way: str, which: int = 0) -> None:
        """Somebody tries to be heard or seen, and two others look whether they are."""
        seat, person = self.seats[nick], self.person(nick)
        if not seat.clients:
            return
        mark = f"mark{next(self.marks)}"
        inside, client = ROOM in person.rooms, seat.clients[which % len(seat.clients)]
        muted, ruler = self.is_muted(person, ROOM), rank(person, ROOM) > 0
        now = self.world.clock.seconds() + 5
        slow = inside and ("slow", ROOM, "") in self.held and not ruler
        waits = slow and now - self.spoken.get(person.id, -SLOW_SECONDS) < SLOW_SECONDS
        may: bool
        match way:
            case "say" | "act":
                if way == "act" and client.session.current.log.key != ROOM:
                    return
                may = inside and not muted and not waits
            case "set the topic":
                may = inside and not muted and not waits and (ruler or ("lock-topic", ROOM, "") not in self.held)
            case "say elsewhere":
                may = "#lobby" in person.rooms and not self.is_muted(person, "#lobby")
            case "write" | "make a room":
                may = not self.is_muted(person, SERVER)
            case "be away":
                may = self.may_be_seen(person)
            case "leave":
                may = inside and not muted and not waits
            case "quit":
                may = bool(person.rooms) and len(seat.clients) == 1 and self.may_be_seen(person) and not waits
            case _:
                may = False
        if slow and may and way in ("say", "act", "set the topic", "leave", "quit"):
            self.spoken[person.id] = now
        others = [*self.seats["chief"].clients, *self.seats["ben"].clients]
        for other in others:
            other.take()
        self.type(nick, WAYS[way](mark), which)
        for other in others:
            other.type(f"/whois {person.nick}" if way == "be away" else "/rooms")
        told = "".join(other.bytes.decode() for other in others)
        assert (mark in told) is may, (nick, way, sorted(self.held), told, client.lines)
        if way == "be away":
            self.type(nick, "/back", which)
        elif way == "make a room":
            self.type(nick, f"/leave #{mark}", which)
        elif way == "quit":
            seat.clients.remove(client)
            if not seat.clients:
                self.gone(nick)

    @precondition(lambda self: len(self.held) > 2)
    @rule()
    def undo_all(self) -> None:
        """Everything ends by its opposite, and then it is as if nothing had been."""
        for kind, place, whom in sorted(self.held):
            if kind in ("slow", "limit", "lock-topic", "lock"):
                self.set_for_the_room("chief", kind, False)
            else:
                self.free_by_id(kind, place, whom)
        assert not self.held
        hub = self.world.hub
        assert not any(room.measured for room in hub.rooms.values())
        assert not any(person.measured for some in (hub.people, hub.absent) for person in some.values())
        for nick in SEATS:
            self.attempt(nick, "say")

    def free_by_id(self, kind: str, place: str, id: str) -> None:
        """Whoever has this id, also where nobody sits there."""
        called = "" if not id else (self.world.hub.people.get(id) or self.world.hub.absent[id]).nick
        self.do(
            "chief",
            f"/{'admin ' if place == SERVER else ''}un{kind} {'' if place == SERVER else place} {called or 'all'}",
        )
        self.held.discard((kind, place, id))
        self.audited.append((f"un{kind}", called, place))

    @invariant()
    def what_holds_is_what_was_done_and_nothing_else(self) -> None:
        if hasattr(self, "seats"):
            assert {(one.kind, one.where, one.whom) for one in self.world.hub.measures.all()} == self.held
            for kind, place, whom in self.held:
                if (kind, place) == ("ban", ROOM):
                    assert whom not in self.world.hub.rooms[ROOM].members

    @invariant()
    def each_stands_in_the_audit(self) -> None:
        if hasattr(self, "seats"):
            facts = [entry.fact for entry in self.store._logs.get(STAFF, ())]
            assert [(fact.what, fact.to, fact.room) for fact in facts if isinstance(fact, Audited)] == self.audited


TestMeasuring = Measuring.TestCase
TestMeasuring.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
