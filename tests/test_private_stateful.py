"""Private rooms, whatever anybody does in whatever order: nobody is ever shown more than is theirs, nor less.

The model knows for each person from which line on they read the room.  It is compared after each step with all that
they are shown: what comes by itself, and what any way of asking brings.
"""

from dataclasses import dataclass, replace
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from returning import KeepingStore, restarted, resume
from world import Client, World

from chat.base import limits

ROOM, WORD, SECRET = "#ops", "tulip", "tulip and rose"
PEOPLE = ("amy", "bob", "eve")
"""Amy owns the room, bob has an account, eve is a guest."""
WHO = st.sampled_from(PEOPLE)
RULER, GUEST = st.sampled_from(("amy", "amy", "amy", "bob")), st.sampled_from(("bob", "eve", "bob", "eve", "amy"))


@dataclass(eq=False)
class Seat:
    """Somebody: where they sit, unless their line is down, and by which code they come back."""

    client: Client | None
    code: str
    inside: bool = False
    floor: int | None = None
    """From this line on they read it, because they belong to it; None: as everybody does."""


class PrivateRooms(RuleBasedStateMachine):
    """One room, and three people."""

    @initialize()
    def open(self) -> None:
        self.limits = patch.multiple(limits, GUESSES=10**6, GUESSES_PER_HOST=10**6, ROOMS=2, NEW_ROOMS=10**6)
        self.limits.start()
        self.store = KeepingStore()
        self.world = World(self.store, grace=10**9)
        self.seats: dict[str, Seat] = {}
        self.said: list[str] = []
        self.private = self.has_word = False
        self.opened = 0
        for nick in PEOPLE:
            client = self.world.connect(f"/nick {nick}", wire="json", host="127.0.0.1")
            self.seats[nick] = Seat(client, client.session.code)
            if nick != "eve":
                client.type("/register")
                for _ in range(2):
                    client.send(f'{{"password": "{SECRET}"}}\n'.encode())
                    self.world.turn()
        self.join("amy", "")

    def teardown(self) -> None:
        if hasattr(self, "limits"):
            self.limits.stop()

    # What they do.

    @rule(nick=GUEST, word=st.sampled_from(["", WORD, WORD, "rose"]))
    def join(self, nick: str, word: str) -> None:
        seat = self.seats[nick]
        if seat.client is None:
            return
        may = not self.private or nick == "amy" or seat.floor is not None or (self.has_word and word == WORD)
        self.type(nick, f"/join {ROOM} {word}")
        if may and not seat.inside:
            seat.inside = True
            if self.private and seat.floor is None:
                seat.floor = len(self.said)

    @rule(nick=WHO)
    def leave(self, nick: str) -> None:
        self.type(nick, f"/leave {ROOM}")
        if self.seats[nick].client is not None:
            self.seats[nick].inside = False

    @rule(nick=RULER)
    def say(self, nick: str) -> None:
        text = f"line{len(self.said)}x"
        self.type(nick, f"/msg {ROOM} {text}")
        if self.seats[nick].client is not None and self.seats[nick].inside:
            self.said.append(text)

    @rule(nick=RULER, on=st.sampled_from((True, True, False)))
    def make_private(self, nick: str, on: bool) -> None:
        self.type(nick, f"/private {ROOM} {'on' if on else 'off'}")
        if not self.may_rule(nick) or on is self.private:
            return
        self.private = on
        if on:
            for seat in self.seats.values():
                if not seat.inside:
                    seat.floor = None
                elif seat.floor is None:
                    seat.floor = self.opened
        else:
            self.opened, self.has_word = len(self.said), False

    @rule(nick=RULER, whom=GUEST)
    def invite(self, nick: str, whom: str) -> None:
        self.type(nick, f"/invite {ROOM} {whom}")
        seat = self.seats[whom]
        if self.may_rule(nick) and self.private and not seat.inside and seat.floor is None:
            seat.floor = len(self.said)

    @rule(nick=GUEST)
    def have_somebody_in(self, nick: str) -> None:
        """What is usual, and rarely comes of itself."""
        self.say("amy")
        self.make_private("amy", True)
        self.say("amy")
        self.invite("amy", nick)
        self.join(nick, "")

    @rule(nick=RULER, on=st.booleans())
    def set_word(self, nick: str, on: bool) -> None:
        self.type(nick, f"/word {ROOM} {WORD if on else 'off'}")
        if self.may_rule(nick) and self.private:
            self.has_word = on

    @rule(nick=WHO)
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

    @rule(nick=WHO)
    def make_place(self, nick: str) -> None:
        self.type(nick, "/join #other", "/leave #other")

    @rule(back=st.sets(WHO))
    def restart(self, back: set[str]) -> None:
        self.world = restarted(self.world, self.store)
        self.world.hub.settings = replace(self.world.hub.settings, rate=0, grace=10**9)
        for nick, seat in self.seats.items():
            seat.client = None
            if nick in back or nick == "amy":
                self.come_back(nick)

    def type(self, nick: str, *lines: str) -> None:
        client = self.seats[nick].client
        if client is not None:
            self.world.wait(5)  # what they ask for has its price
            client.type(*lines)

    def may_rule(self, nick: str) -> bool:
        """They can say so, it is their room, and it is in memory."""
        return nick == "amy" and self.seats[nick].client is not None and ROOM in self.world.hub.rooms

    # What must hold.

    def readable(self, seat: Seat) -> list[str]:
        return self.said[self.opened if seat.floor is None else seat.floor :] if seat.inside else []

    @invariant()
    def what_came_by_itself_was_theirs(self) -> None:
        for nick, seat in getattr(self, "seats", {}).items():
            if seat.client is not None:
                told = texts(seat.client.take_objects())
                first = self.opened if seat.floor is None else seat.floor
                assert all(self.said.index(text) >= first for text in told), nick

    @invariant()
    def who_asks_is_shown_all_that_is_theirs_and_nothing_else(self) -> None:
        for seat in getattr(self, "seats", {}).values():
            if seat.client is None:
                continue
            for line in (f"/last {ROOM} 100", f"/since {ROOM} 1h", f"/grep {ROOM} {' '.join(self.said[-1:]) or 'x'}"):
                seat.client.take()
                seat.client.type(line)
                wanted = self.readable(seat)
                assert texts(seat.client.take_objects()) == (wanted[-1:] if line.startswith("/grep") else wanted)

    @invariant()
    def it_is_there_for_whoever_is_in_it(self) -> None:
        for nick, seat in getattr(self, "seats", {}).items():
            if seat.client is None:
                continue
            assert (ROOM in seat.client.session.rooms) is seat.inside, nick
            seat.client.take()
            seat.client.type("/rooms", f"/who {ROOM}", "/whois amy")
            objects = seat.client.take_objects()
            if self.private and not seat.inside:
                rest = [
                    keys for keys in objects if keys["type"] != "error" and (nick, keys["command"]) != ("amy", "whois")
                ]
                assert f"'{ROOM}'" not in str(rest), nick
                assert [keys["code"] for keys in objects if keys["type"] == "error"][:1] == ["no-room"]


def texts(objects: list[dict]) -> list[str]:
    """What was said in the room, of all that somebody was told."""
    found = [keys for keys in objects if keys["type"] == "message"]
    found += [event for keys in objects if keys["type"] == "history" for event in keys["events"]]
    return list(dict.fromkeys(keys["text"] for keys in found if keys["text"].startswith("line")))


TestPrivateRooms = PrivateRooms.TestCase
TestPrivateRooms.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
