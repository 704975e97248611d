"""Who may what, whatever anybody does in whatever order: registers, logs in, comes back, gives up, founds, hands on.

The model knows accounts as themselves, never by their nicknames.  What it says is compared after each step with what
the server would let each connection do.
"""

import json
from dataclasses import dataclass, field
from itertools import count
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from returning import KeepingStore, restarted
from world import Client, World

from chat.base import limits, names, resume_codes
from chat.commands.registry import TABLE, permits
from chat.core.roles import SERVER

SEALED = "127.0.0.1"
SECRET = "tulip and rose"
CODE = "K7F2Q-X9M4T"
NICKNAMES = ("amy", "bob", "carl")
ROOMS = ("#ops", "#lab", "#tea", "#den", "#Ops")
WHO = st.integers(0, 5)
NICK, ROOM = st.sampled_from(NICKNAMES), st.sampled_from(ROOMS)


@dataclass(eq=False)
class Account:
    """Somebody who has one: what is theirs by right."""

    nick: str
    roles: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Seat:
    """A connection, and whose it is; None is a guest."""

    client: Client
    account: Account | None = None


@dataclass(eq=False)
class Lost:
    """A session without a connection: its code, and whose it was."""

    code: str
    account: Account | None


class Code:
    """The operator's code of a start."""

    digest = "its hash"

    def matches(self, code: str) -> bool:
        return code == CODE

    def used(self) -> None:
        """No file is there."""


class Rights(RuleBasedStateMachine):
    """A chat with some people on several devices, and room for few rooms in memory."""

    @initialize()
    def open(self) -> None:
        self.limits = patch.multiple(limits, ROOMS=4, NEW_ROOMS=10**6, GUESSES=10**6, GUESSES_PER_HOST=10**6)
        self.limits.start()
        self.store = KeepingStore()
        self.world = World(self.store, grace=10**9)
        self.world.hub.operator_code = Code()
        self.code_is_good = True
        self.seats: list[Seat] = []
        self.lost: list[Lost] = []
        self.accounts: dict[str, Account] = {}
        self.made: set[str] = set()
        self.numbers = count()
        for who, (nick, wire) in enumerate((("amy", "plain"), ("bob", "json"), ("carl", "plain"))):
            self.sit(wire, f"/nick {nick}")
            self.register(who)
            self.join(who, "#ops")

    def teardown(self) -> None:
        if hasattr(self, "limits"):
            self.limits.stop()

    # Coming and going.

    @precondition(lambda self: len(self.seats) < 6)
    @rule(nick=NICK, wire=st.sampled_from(["plain", "json"]))
    def come(self, nick: str, wire: str) -> None:
        nick = nick if self.world.hub.naming.holder(nick) is None else f"guest-{next(self.numbers)}x"
        self.sit(wire, f"/nick {nick}")

    @precondition(lambda self: len(self.seats) < 6 and self.accounts)
    @rule(nick=NICK, wire=st.sampled_from(["plain", "json"]), right=st.booleans())
    def log_in(self, nick: str, wire: str, right: bool) -> None:
        seat = self.sit(wire, f"/nick guest-{next(self.numbers)}x")
        seat.client.type(f"/login {nick} {SECRET if right else 'tulip and thorn'}")
        self.world.wait(limits.LOGIN_PAUSE_MOST)
        seat.account = self.accounts.get(nick) if right else None

    def sit(self, wire: str, line: str, account: Account | None = None) -> Seat:
        client = self.world.connect(wire=wire, host=SEALED)
        client.type(line)
        seat = Seat(client, account)
        self.seats.append(seat)
        return seat

    @precondition(lambda self: self.seats)
    @rule(who=WHO)
    def cut(self, who: int) -> None:
        seat = self.stand_up(who)
        self.lost.append(Lost(seat.client.session.code, seat.account))
        seat.client.cut()

    @precondition(lambda self: self.seats)
    @rule(who=WHO, line=st.sampled_from(["/quit", "/logout"]))
    def leave(self, who: int, line: str) -> None:
        seat = self.stand_up(who)
        seat.client.type(line, "/quit")

    def stand_up(self, who: int) -> Seat:
        return self.seats.pop(who % len(self.seats))

    @precondition(lambda self: self.lost and len(self.seats) < 6)
    @rule(which=WHO, wire=st.sampled_from(["plain", "json"]))
    def come_back(self, which: int, wire: str) -> None:
        lost = self.lost.pop(which % len(self.lost))
        seat = self.sit(wire, f"/resume {lost.code}")
        if not seat.client.session.named:  # its code was void: their account ended, or began
            self.seats.remove(seat)
            seat.client.cut()
        elif resume_codes.short(lost.code) is None and lost.account in self.accounts.values():
            seat.account = lost.account
        # A person's code of an account's session brings a guest, and so does the end of the account.

    # Accounts.

    @precondition(lambda self: self.seats)
    @rule(who=WHO)
    def register(self, who: int) -> None:
        seat = self.seat(who)
        if seat.account is None:
            self.type(seat, "/register")
            self.tell_secret(seat)
            self.tell_secret(seat)
            nick = seat.client.session.person.nick
            account = seat.account = self.accounts[nick] = Account(nick)
            self.end_others(seat, account)

    @precondition(lambda self: self.seats)
    @rule(who=WHO)
    def unregister(self, who: int) -> None:
        seat = self.seat(who)
        if seat.account is not None:
            self.type(seat, "/unregister")
            self.tell_secret(seat)
            del self.accounts[seat.account.nick]
            account, seat.account = seat.account, None
            self.end_others(seat, account)

    @precondition(lambda self: self.seats)
    @rule(who=WHO)
    def redeem(self, who: int) -> None:
        seat = self.seat(who)
        self.type(seat, f"/operator {CODE}")
        if self.code_is_good and seat.account is not None:
            self.give(seat.account, SERVER, "operator")

    def seat(self, who: int) -> Seat:
        return self.seats[who % len(self.seats)]

    def type(self, seat: Seat, *lines: str) -> None:
        """Each line, of whoever that is by now."""
        seat.client.take()
        for line in lines:
            seat.client.type(line)

    def tell_secret(self, seat: Seat) -> None:
        """The password, as it is told on their wire."""
        plain = seat.client.visit.wire.asks
        seat.client.send((SECRET if plain else json.dumps({"password": SECRET})).encode() + b"\n")
        self.world.turn()

    def end_others(self, seat: Seat, account: Account) -> None:
        """A password that changed, or an account that ended, ends its other sessions."""
        self.seats = [other for other in self.seats if other is seat or other.account is not account]

    # Rooms and roles.

    @precondition(lambda self: self.seats)
    @rule(who=WHO, room=ROOM)
    def join(self, who: int, room: str) -> None:
        seat, key = self.seat(who), names.fold(room)
        was_there = key in seat.client.session.person.rooms
        self.type(seat, f"/join {room}")
        told = seat.client.bytes.decode()
        if key not in seat.client.session.person.rooms:
            assert "too-many" in told
            return
        is_new = f"{room} is new" in told
        assert is_new == (key not in self.made and not was_there), told
        if is_new and seat.account is not None:
            self.give(seat.account, key, "owner")
        self.made.add(key)

    @precondition(lambda self: self.seats)
    @rule(who=WHO, room=ROOM)
    def leave_room(self, who: int, room: str) -> None:
        self.type(self.seat(who), f"/leave {room}")

    @precondition(lambda self: self.seats)
    @rule(who=WHO, room=ROOM, nick=NICK, command=st.sampled_from(["op", "deop", "give"]))
    def rule_a_room(self, who: int, room: str, nick: str, command: str) -> None:
        seat, key = self.seat(who), names.fold(room)
        target, known = self.accounts.get(nick), self.known(seat, key)
        inside = self.inside(nick, key)
        self.type(seat, f"/{command} {room} {nick}")
        if not (known and self.may(seat, key)) or target is None:
            return
        role = target.roles.get(key)
        if command == "deop" and role == "operator":
            self.give(target, key, None)
        elif command == "give" and inside:
            self.give(target, key, "owner")
        elif command == "op" and inside and role != "owner":
            self.give(target, key, "operator")

    @precondition(lambda self: self.seats)
    @rule(who=WHO, room=ROOM)
    def take_a_room(self, who: int, room: str) -> None:
        seat, key = self.seat(who), names.fold(room)
        known = self.known(seat, key)
        self.type(seat, f"/own {room}")
        if known and seat.account is not None and self.runs(seat) and self.owner(key) is None:
            self.give(seat.account, key, "owner")

    @rule(who=WHO, by_socket=st.booleans(), nick=NICK, room=ROOM, command=st.sampled_from(["op", "deop", "owner"]))
    def rule_the_server(self, who: int, by_socket: bool, nick: str, room: str, command: str) -> None:
        target, key = self.accounts.get(nick), names.fold(room)
        place = f"{room} " if command == "owner" else ""
        if by_socket or not self.seats:
            boss = self.world.operator(f"/admin {command} {place}{nick}")
            told, allowed = boss.bytes.decode(), True
            boss.cut()
        else:
            seat = self.seat(who)
            allowed = self.runs(seat)
            self.type(seat, f"/admin {command} {place}{nick}")
            told = seat.client.bytes.decode()
        if not allowed or target is None:
            return
        if command == "owner" and (key not in self.made or "too-many" in told):
            return
        if command == "owner":
            self.give(target, key, "owner")
        else:
            self.give(target, SERVER, "operator" if command == "op" else None)

    def known(self, seat: Seat, key: str) -> bool:
        """The server can know of this room: it was made, and there is place to have it in memory."""
        hub = self.world.hub
        full = len(hub.rooms) >= limits.ROOMS and all(
            room.members or key == "#lobby" for key, room in hub.rooms.items()
        )
        return key in self.made and (key in hub.rooms or not full)

    def inside(self, nick: str, key: str) -> bool:
        account = self.world.hub.account(nick)
        return account is not None and key in account.rooms

    def owner(self, key: str) -> Account | None:
        return next((one for one in self.accounts.values() if one.roles.get(key) == "owner"), None)

    def give(self, account: Account, key: str, role: str | None) -> None:
        if role == "owner" and (before := self.owner(key)) is not None:
            del before.roles[key]
        account.roles.pop(key, None)
        if role is not None:
            account.roles[key] = role
        if key == SERVER and role is not None:
            self.code_is_good = False

    def runs(self, seat: Seat) -> bool:
        return seat.account is not None and SERVER in seat.account.roles

    def may(self, seat: Seat, key: str) -> bool:
        return self.runs(seat) or (seat.account is not None and seat.account.roles.get(key) == "owner")

    # The server.

    @rule()
    def restart(self) -> None:
        for seat in self.seats:
            self.lost.append(Lost(seat.client.session.code, seat.account))
        self.seats = []
        self.world = restarted(self.world, self.store)
        self.code_is_good = not any(SERVER in account.roles for account in self.accounts.values())
        self.world.hub.operator_code = Code() if self.code_is_good else None

    # What must hold.

    @invariant()
    def each_connection_may_what_is_its_persons_right(self) -> None:
        for seat in self.seats if hasattr(self, "seats") else ():
            visit = seat.client.visit
            assert permits(TABLE["admin"], visit) == self.runs(seat)
            assert permits(TABLE["own"], visit) == self.runs(seat)
            for key in {names.fold(room) for room in ROOMS}:
                assert permits(TABLE["op"], visit, key) == self.may(seat, key)

    @invariant()
    def roles_are_those_that_were_given(self) -> None:
        if hasattr(self, "accounts"):
            hub = self.world.hub
            given = {nick: account.roles for nick, account in self.accounts.items() if account.roles}
            kept: dict[str, dict[str, str]] = {}
            for key in {SERVER, "#lobby", *map(names.fold, ROOMS)}:
                owners = [person for person in hub.roles.holders(key) if person.roles[key] == "owner"]
                assert len(owners) <= 1
                for person in hub.roles.holders(key):
                    assert person.has_account
                    kept.setdefault(person.nick, {})[key] = person.roles[key]
            assert kept == given


TestRights = Rights.TestCase
TestRights.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
