"""Class mode, whatever anybody does in whatever order: what it closes is closed to every guest on any connection, and a
PIN opens the door to its holder alone, until they are sent out.

The model knows who is in the lobby, who waits, and whose PIN is good for what.
"""

from dataclasses import dataclass, replace
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from returning import KeepingStore, restarted, resume
from world import Client, World

from chat.base import limits

LOBBY, MARK, SECRET = "#lobby", "marker", "tulip and rose"
GUESTS = ("bob", "eve", "carl")
"""Bob and eve have a PIN, where there is any; carl has none."""
GUEST, WITH_PIN = st.sampled_from(GUESTS), st.sampled_from(GUESTS[:2])
CLOSED = (
    f"/msg zoe {MARK}",
    f"/msg bob {MARK}",
    f"/nick {MARK}",
    f"/join #{MARK}",
    f"/topic #lobby {MARK}",
    f"/topic #tea {MARK}",
    f"/away {MARK}",
    f"/leave #tea {MARK}",
    "/register",
)


@dataclass(eq=False)
class Seat:
    """Somebody: where they sit, unless their line is down, and by which code they come back."""

    client: Client | None
    code: str
    inside: bool = True
    waits: bool = False
    passes: bool = False
    pin: str = ""
    opens: bool = True


class ClassMode(RuleBasedStateMachine):
    """A teacher, three guests who come and go, and one who listens to all of it."""

    @initialize()
    def open(self) -> None:
        unlimited = {"GUESSES": 10**6, "GUESSES_PER_HOST": 10**6, "NEW_ROOMS": 10**6, "DOOR_SECONDS": 10.0**9}
        self.limits = patch.multiple(limits, **unlimited)
        self.limits.start()
        self.store = KeepingStore()
        self.world = World(self.store, grace=10**9)
        self.on = False
        self.seats = {nick: self.enter(nick) for nick in ("boss", *GUESTS, "zoe")}
        boss = self.seats["boss"].client
        assert boss is not None
        boss.type("/register")
        for _ in range(2):
            boss.send(f'{{"password": "{SECRET}"}}\n'.encode())
            self.world.turn()
        self.world.operator("/admin op boss")
        for nick in ("zoe", *GUESTS):
            self.type(nick, "/join #tea")

    def enter(self, nick: str) -> Seat:
        client = self.world.connect(f"/nick {nick}", wire="json", host="127.0.0.1")
        return Seat(client, client.session.code or "")

    def teardown(self) -> None:
        if hasattr(self, "limits"):
            self.limits.stop()

    # What they do.

    @rule(on=st.sampled_from((True, True, True, False)))
    def switch(self, on: bool) -> None:
        self.type("boss", f"/class {'on' if on else 'off'}")
        self.on = on
        if not on:
            for seat in self.seats.values():
                seat.inside, seat.waits, seat.passes = seat.inside or seat.waits, False, False
                seat.pin, seat.opens = "", True

    @rule()
    def make_pins(self) -> None:
        """They come again, this time with the PIN on their slip."""
        self.switch(True)
        for nick in ("bob", "eve"):
            seat = self.seats[nick]
            if seat.pin or seat.client is None:
                continue
            objects = self.world.operator("/admin roster 1").objects
            (pin,) = next(keys["pins"] for keys in objects if keys.get("command") == "admin roster")
            self.type(nick, "/quit")
            client = self.world.connect(f"/nick {nick} {pin}", wire="json", host="127.0.0.1")
            self.seats[nick] = Seat(client, client.session.code or "", pin=pin, passes=True)
            self.type(nick, "/join #tea")

    @rule(nick=WITH_PIN)
    def come_by_pin(self, nick: str) -> None:
        """On another device, be the first one there or not."""
        seat = self.seats[nick]
        client = self.world.connect(f"/nick {nick} {seat.pin or '000000'}", wire="json", host="127.0.0.1")
        if not seat.pin:
            assert not client.session.named
            client.cut()
            return
        assert client.session.person is self.world.hub.find(nick)
        assert seat.client is None or not seat.client.session.named
        seat.client, seat.code = client, client.session.code or ""

    @rule(nick=GUEST)
    def come_by_the_pin_of_another(self, nick: str) -> None:
        for other in self.seats.values():
            if other.pin:
                client = self.world.connect(f"/nick {nick}x {other.pin}", wire="json", host="127.0.0.1")
                assert not client.session.named
                client.cut()

    @rule(nick=GUEST)
    def leave_and_join(self, nick: str) -> None:
        seat = self.seats[nick]
        if not self.type(nick, f"/leave {LOBBY}", f"/join {LOBBY}"):
            return
        if self.on and not seat.passes:
            seat.inside, seat.waits = False, True
        else:
            seat.inside, seat.waits = True, False

    @rule(nick=GUEST)
    def quit_and_come_again(self, nick: str) -> None:
        seat = self.seats[nick]
        if not self.type(nick, "/quit"):
            return
        line = f"/nick {nick} {seat.pin}" if seat.pin else f"/nick {nick}"
        client = self.world.connect(line, wire="json", host="127.0.0.1")
        lets_in = not self.on or (bool(seat.pin) and seat.opens)
        self.seats[nick] = Seat(
            client, client.session.code or "", lets_in, not lets_in, lets_in and self.on, seat.pin, seat.opens
        )
        self.type(nick, "/join #tea")

    @rule(nick=GUEST)
    def kick(self, nick: str) -> None:
        seat = self.seats[nick]
        self.type("boss", f"/kick {LOBBY} {nick}")
        if seat.inside:
            seat.inside = seat.passes = False
            seat.opens = not seat.pin

    @rule(nick=GUEST)
    def admit(self, nick: str) -> None:
        seat = self.seats[nick]
        self.type("boss", f"/admit {LOBBY} {nick}")
        if seat.waits:
            seat.inside, seat.waits, seat.passes = True, False, True

    @rule(nick=GUEST, line=st.sampled_from(CLOSED))
    def try_what_is_closed(self, nick: str, line: str) -> None:
        if not self.on or line == f"/msg {nick} {MARK}":
            return
        seat = self.seats[nick]
        before = len(self.world.hub.rooms)
        if seat.client is None:
            return
        self.hear_all()
        self.type(nick, line)
        answers = seat.client.take_objects()
        person = self.world.hub.find(nick)
        assert any(keys.get("code") in ("not-allowed", "not-in-room") for keys in answers), (line, answers)
        assert (person.nick, person.away, person.has_account) == (nick, None, False)
        assert len(self.world.hub.rooms) == before
        for other, somebody in self.seats.items():
            if somebody.client is not None and other != nick:
                assert MARK not in somebody.client.bytes.decode(), (other, line)
        if line.startswith("/leave"):
            self.type(nick, "/join #tea")

    @rule(nick=GUEST)
    def be_cut_or_come_back(self, nick: str) -> None:
        seat = self.seats[nick]
        if seat.client is not None:
            seat.client.cut()
            seat.client = None
        else:
            self.come_back(nick)

    def come_back(self, nick: str) -> None:
        seat = self.seats[nick]
        seat.client = resume(self.world, seat.code, wire="json")
        assert seat.client.session.person.nick == nick

    @rule()
    def restart(self) -> None:
        self.world = restarted(self.world, self.store)
        self.world.hub.settings = replace(self.world.hub.settings, rate=0, grace=10**9)
        for nick in self.seats:
            self.come_back(nick)

    def type(self, nick: str, *lines: str) -> bool:
        """Whether anybody is there who can."""
        client = self.seats[nick].client
        if client is None:
            return False
        self.world.wait(5)  # what they ask for has its price
        client.type(*lines)
        return True

    def hear_all(self) -> None:
        for seat in self.seats.values():
            if seat.client is not None:
                seat.client.take()

    # What must hold.

    @invariant()
    def who_is_in_the_lobby_and_who_waits_is_as_it_should_be(self) -> None:
        if seats := getattr(self, "seats", {}):
            hub = self.world.hub
            assert (hub.measures.class_mode is not None) is self.on
            assert hub.locked.is_locked(LOBBY) is self.on
            assert set(hub.rooms[LOBBY].users) == {nick for nick, seat in seats.items() if seat.inside}
            waiting = {one.person.nick for one in hub.locked.waiting(LOBBY)}
            assert waiting == {nick for nick, seat in seats.items() if seat.waits}
            assert set(hub.roster.nicks) == {nick for nick, seat in seats.items() if seat.pin}

    @invariant()
    def what_is_kept_is_what_holds(self) -> None:
        if seats := getattr(self, "seats", {}):
            kinds = [record.kind for record in self.store.kept().records]
            assert kinds.count("measure") == (3 if self.on else 0), "class mode, the lock and the pace"
            assert kinds.count("pin") == sum(bool(seat.pin) for seat in seats.values())
            assert kinds.count("waiting") == sum(seat.waits for seat in seats.values())


TestClassMode = ClassMode.TestCase
TestClassMode.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
