"""Locked rooms, whatever anybody does in whatever order: nobody is in, or hears what is said, who was not let in.

The model knows who is in the room, who waits at its door and until when, and who has a pass.  It is compared after each
step with what the server holds, and with what everybody is told.
"""

from dataclasses import dataclass, field, replace
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from returning import KeepingStore, restarted, resume
from world import Client, World

from chat.base import limits

ROOM, SECRET = "#ops", "tulip and rose"
PEOPLE = ("amy", "bob", "eve", "carl")
"""Amy owns the room, bob has an account and perhaps several devices, eve and carl are guests."""
GUEST, WHO = st.sampled_from(PEOPLE[1:]), st.sampled_from(PEOPLE)


@dataclass(eq=False)
class Seat:
    """Somebody: where they sit, unless their lines are down, and by which code they come back."""

    clients: list[Client]
    code: str
    inside: bool = False
    passes: bool = False
    until: float | None = None
    """When they have waited for long enough, where they do."""
    others: list[Client] = field(default_factory=list)
    """More devices."""


class LockedRoom(RuleBasedStateMachine):
    """One room, and four people."""

    @initialize()
    def open(self) -> None:
        self.limits = patch.multiple(limits, GUESSES=10**6, GUESSES_PER_HOST=10**6, NEW_ROOMS=10**6)
        self.limits.start()
        self.store = KeepingStore()
        self.world = World(self.store, grace=10**9)
        self.seats: dict[str, Seat] = {}
        self.locked, self.said = False, 0
        for nick in PEOPLE:
            client = self.world.connect(f"/nick {nick}", wire="json", host="127.0.0.1")
            self.seats[nick] = Seat([client], client.session.code or "")
            if nick in ("amy", "bob"):
                client.type("/register")
                for _ in range(2):
                    client.send(f'{{"password": "{SECRET}"}}\n'.encode())
                    self.world.turn()
        self.join("amy")

    def teardown(self) -> None:
        if hasattr(self, "limits"):
            self.limits.stop()

    # What they do.

    @rule(nick=WHO)
    def join(self, nick: str) -> None:
        seat = self.seats[nick]
        if not self.type(nick, f"/join {ROOM}") or seat.inside:
            return
        if not self.locked or nick == "amy" or seat.passes:
            seat.inside, seat.until = True, None
        elif seat.until is None:
            seat.until = self.now + limits.DOOR_SECONDS

    @rule(nick=GUEST)
    def leave(self, nick: str) -> None:
        if self.type(nick, f"/leave {ROOM}"):
            self.seats[nick].inside, self.seats[nick].until = False, None

    @rule(on=st.sampled_from((True, True, True, False)))
    def lock(self, on: bool) -> None:
        if not self.type("amy", f"/lock {ROOM} {'on' if on else 'off'}"):
            return
        self.locked = on
        if not on:
            for seat in self.seats.values():
                seat.inside, seat.until, seat.passes = seat.inside or seat.until is not None, None, False

    @rule(nick=GUEST)
    def admit(self, nick: str) -> None:
        seat = self.seats[nick]
        if self.type("amy", f"/admit {ROOM} {nick}") and seat.until is not None:
            seat.inside, seat.until, seat.passes = True, None, True

    @rule(nick=GUEST)
    def come_while_it_is_locked(self, nick: str) -> None:
        """What is usual, and rarely comes of itself."""
        self.lock(True)
        self.join(nick)

    @rule(nick=GUEST)
    def refuse(self, nick: str) -> None:
        if self.type("amy", f"/refuse {ROOM} {nick} no"):
            self.seats[nick].until = None

    @rule(nick=GUEST)
    def kick(self, nick: str) -> None:
        seat = self.seats[nick]
        if self.type("amy", f"/kick {ROOM} {nick}") and seat.inside:
            seat.inside = seat.passes = False

    @rule(nick=GUEST)
    def invite(self, nick: str) -> None:
        seat = self.seats[nick]
        if self.type("amy", f"/invite {ROOM} {nick}") and self.locked and not seat.inside:
            seat.passes = True

    @rule(nick=GUEST)
    def be_asked_in_while_they_wait(self, nick: str) -> None:
        self.come_while_it_is_locked(nick)
        self.invite(nick)
        self.join(nick)

    @rule(nick=GUEST, by=GUEST)
    def try_what_operators_may(self, nick: str, by: str) -> None:
        self.type(by, f"/lock {ROOM} off", f"/unlock {ROOM} on", f"/admit {ROOM} {nick}", f"/invite {ROOM} {nick}")
        self.type(by, f"/msg {ROOM} not for you", f"/kick {ROOM} amy")

    @rule(nick=WHO)
    def be_cut_or_come_back(self, nick: str) -> None:
        seat = self.seats[nick]
        if not seat.clients:
            self.come_back(nick)
        for client in seat.clients[:] if seat.clients and not self.came else []:
            client.cut()
            seat.clients.remove(client)

    def come_back(self, nick: str) -> None:
        self.came = True
        seat = self.seats[nick]
        seat.clients = [resume(self.world, seat.code, wire="json")]
        assert seat.clients[0].session.person.nick == nick

    @rule()
    def have_one_more_device(self) -> None:
        seat = self.seats["bob"]
        if 0 < len(seat.clients) < 3:
            seat.clients.append(self.world.device(seat.clients[0], wire="json"))

    @rule(seconds=st.sampled_from((60, 300, 600)))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    @rule(back=st.sets(WHO))
    def restart(self, back: set[str]) -> None:
        before = self.now
        self.world = restarted(self.world, self.store)
        self.world.hub.settings = replace(self.world.hub.settings, rate=0, grace=10**9)
        assert self.now >= before
        for nick, seat in self.seats.items():
            self.come_back(nick)
            if nick not in back and nick != "amy":  # from now on with the grace of this test
                seat.clients.pop().cut()

    @property
    def now(self) -> float:
        return self.world.clock.seconds()

    def type(self, nick: str, *lines: str) -> bool:
        """Whether anybody is there who can."""
        self.came = False
        clients = self.seats[nick].clients
        if not clients:
            return False
        self.world.wait(5)  # what they ask for has its price
        self.expire()
        clients[-1].type(*lines)
        return True

    came = False

    def expire(self) -> None:
        for seat in self.seats.values():
            if seat.until is not None and self.now >= seat.until:
                seat.until = None

    # What must hold.

    @invariant()
    def who_is_in_it_waits_or_may_come_is_as_it_should_be(self) -> None:
        self.came = False
        if not hasattr(self, "seats"):
            return
        self.expire()
        hub = self.world.hub
        assert hub.locked.is_locked(ROOM) is self.locked
        inside = {nick for nick, seat in self.seats.items() if seat.inside}
        assert set(hub.rooms[ROOM].users) == inside
        waiting = {one.person.nick for one in hub.locked.waiting(ROOM)}
        assert waiting == {nick for nick, seat in self.seats.items() if seat.until is not None}
        for nick, seat in self.seats.items():
            person = hub.find(nick)
            assert hub.locked.keeps_out(person, ROOM) is (self.locked and nick != "amy" and not seat.passes), nick

    @invariant()
    def who_is_in_it_hears_it_and_nobody_else(self) -> None:
        seats = getattr(self, "seats", {})
        if not seats or not seats["amy"].clients:
            return
        for seat in seats.values():
            for client in seat.clients:
                client.take()
        self.said += 1
        text = f"line{self.said}x"
        self.world.wait(1)
        seats["amy"].clients[0].type(f"/msg {ROOM} {text}")
        for nick, seat in seats.items():
            for client in seat.clients:
                heard = any(keys.get("text") == text for keys in client.take_objects())
                assert heard is (seat.inside and nick != "amy"), nick

    @invariant()
    def what_is_kept_is_what_holds(self) -> None:
        if seats := getattr(self, "seats", {}):
            self.expire()
            kinds = [record.kind for record in self.store.kept().records]
            assert kinds.count("waiting") == sum(seat.until is not None for seat in seats.values())
            assert kinds.count("pass") == sum(seat.passes for seat in seats.values())
            assert kinds.count("measure") == self.locked


TestLockedRoom = LockedRoom.TestCase
TestLockedRoom.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
