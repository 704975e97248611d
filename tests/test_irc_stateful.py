"""A room in a storm: netcat, a program and four IRC clients of different capabilities come and go, are cut off and come
back, are called otherwise, and talk.

In the end each has heard all that was said while they were in the room, in the order of its log.  No nickname is
another one's, and each IRC client's own list of who is in a room (kept by `ircstates`) is what `/who` tells.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from irc_client import check_form
from world import Client, World

from chat.base import limits, names

ircstates = pytest.importorskip("ircstates", reason="ircstates is not installed: it cannot be on Python 3.13")

NICKNAMES = ("amy", "bob", "carl", "emie", "José", "名前", "zoë")
ROOMS = ("#lobby", "#ops")
WIRES = (
    "plain",
    "json",
    "",
    "multi-prefix away-notify server-time",
    "batch draft/event-playback echo-message labeled-response message-tags server-time userhost-in-names",
    "account-tag batch draft/no-implicit-names extended-join message-tags server-time setname",
)
"""Those behind the second one are capabilities of IRC."""

WHO = st.integers(0, 7)

SMALL = {"TAIL_EVENTS": 4, "PAGE_EVENTS": 5, "PAGE_BYTES": 1500, "GATHER_FROM": 4}
"""Limits at which a test of a few steps meets the store, pages and gathered presence."""


@dataclass(eq=False)
class Guest:
    """Somebody, what they must have heard in each room, and what they have."""

    wire: str
    client: Client
    nick: str
    code: str = ""
    down: bool = False
    rooms: set[str] = field(default_factory=set)
    due: dict[str, list[str]] = field(default_factory=lambda: {room: [] for room in ROOMS})
    heard: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    picture: ircstates.Server = field(default_factory=lambda: ircstates.Server("chat"))

    @property
    def irc(self) -> bool:
        return self.wire not in ("plain", "json")

    @property
    def echoes(self) -> bool:
        return "echo-message" in self.wire

    def listen(self, history: bool = False) -> None:
        """Take what came; where they have just joined it is what was said before."""
        data = self.client.bytes
        if self.wire == "json":
            for keys in self.client.objects:
                if "seq" in keys:
                    self.seen["@" if keys["room"].startswith("@") else keys["room"]] = keys["seq"]
        self.client.take()
        if not history:
            self.heard += re.findall(r"line\d+", data.decode())
        if self.irc and data:
            for line in self.picture.recv(data):
                self.picture.parse_tokens(line)
                if line.command == "PING":
                    self.client.type("PONG x")

    def listed(self, room: str) -> list[str]:
        """Whom their client's own list has in a room."""
        users = self.picture.channels[self.picture.casefold(room)].users
        return sorted(self.picture.users[key].nickname for key in users)

    def type(self, command: str, *words: str, text: str = "") -> None:
        """Do it as this wire has it."""
        if not self.irc:
            self.client.type(" ".join((f"/{command}", *words)) if command != "say" else f"/msg {words[0]} {text}")
            return
        verb = {"say": "PRIVMSG", "leave": "PART"}.get(command, command.upper())
        self.client.type(" ".join((verb, *words)) + (f" :{text}" if text else ""))


class Storm(RuleBasedStateMachine):
    """One of each, to begin with."""

    @initialize()
    def open(self) -> None:
        self.limits = patch.multiple(limits, **SMALL)
        self.limits.start()
        self.world = World(grace=10**9)
        self.numbers, self.nicks = count(), count()
        self.said: dict[str, str] = {}
        self.guests: list[Guest] = []
        for wire in WIRES:
            self.come_in(wire)
        self.asks = self.world.enter("asks", "/join #ops", wire="json")

    def teardown(self) -> None:
        if hasattr(self, "limits"):
            self.settle()
            self.check_what_was_heard()
            self.limits.stop()

    def come_in(self, wire: str) -> None:
        guest = Guest(wire, self.connect(wire), f"person-{next(self.nicks)}")
        if guest.irc:
            self.begin(guest, guest.nick)
        else:
            guest.client.type(f"/nick {guest.nick}")
        guest.code = guest.client.session.code
        guest.rooms = set() if guest.irc else {"#lobby"}
        self.guests.append(guest)
        guest.listen(history=True)
        if guest.irc:
            self.join(guest, "#lobby")

    def connect(self, wire: str) -> Client:
        return self.world.connect(greeted=wire == "plain", wire=wire if wire in ("plain", "json") else "plain")

    def begin(self, guest: Guest, nick: str, code: str = "") -> None:
        caps = [f"CAP REQ :{guest.wire}", "CAP END"] if guest.wire else []
        lines = [*caps, *([f"PASS {code}"] if code else []), f"NICK {nick}", f"USER {nick} 0 * :Real"]
        guest.client.send("".join(f"{line}\r\n" for line in lines).encode())
        self.world.turn()

    def join(self, guest: Guest, room: str) -> None:
        guest.listen()
        guest.type("join", room)
        guest.listen(history=True)
        guest.rooms.add(room)
        self.ask_who(guest, room)

    def ask_who(self, guest: Guest, room: str) -> None:
        """As clients do that want no list of everybody until they need it."""
        if "draft/no-implicit-names" in guest.wire:
            guest.type("names", room)
            guest.listen()

    def here(self) -> list[Guest]:
        return [guest for guest in self.guests if not guest.down]

    def one(self, who: int) -> Guest:
        return self.here()[who % len(self.here())]

    def members(self, room: str) -> Iterator[Guest]:
        return (guest for guest in self.guests if room in guest.rooms)

    # What they do.

    @precondition(lambda self: self.here())
    @rule(who=WHO, room=st.sampled_from(ROOMS), lines=st.integers(1, 6))
    def say(self, who: int, room: str, lines: int) -> None:
        guest = self.one(who)
        for _ in range(lines):
            text = f"line{next(self.numbers)}"
            guest.type("say", room, text=text)
            if room not in guest.rooms:
                continue
            self.said[text] = room
            for other in self.members(room):
                if other is not guest or guest.echoes:
                    other.due[room].append(text)

    @precondition(lambda self: self.here())
    @rule(who=WHO, room=st.sampled_from(ROOMS))
    def come_or_go(self, who: int, room: str) -> None:
        guest = self.one(who)
        if room not in guest.rooms:
            self.join(guest, room)
        elif guest.irc or len(guest.rooms) > 1:
            guest.type("leave", room)
            guest.rooms.discard(room)
            guest.seen.pop(room, None)

    @precondition(lambda self: self.here())
    @rule(who=WHO, nick=st.sampled_from(NICKNAMES), other=WHO, taken=st.booleans())
    def rename(self, who: int, nick: str, other: int, taken: bool) -> None:
        """One is called as nobody was before, or as another one still is, which is refused."""
        guest = self.one(who)
        if taken:
            guest.type("nick", self.guests[other % len(self.guests)].nick)
        else:
            guest.nick = f"{nick}-{next(self.nicks)}"
            guest.type("nick", guest.nick)

    @precondition(lambda self: self.here())
    @rule(who=WHO, back=st.booleans())
    def cut(self, who: int, back: bool) -> None:
        guest = self.one(who)
        guest.client.cut()
        guest.listen()
        guest.down = True
        if back:
            self.come_back(guest)

    @precondition(lambda self: len(self.here()) < len(self.guests))
    @rule()
    def all_come_back(self) -> None:
        for guest in self.guests:
            self.come_back(guest)

    def come_back(self, guest: Guest) -> None:
        if not guest.down:
            return
        guest.down = False
        guest.client = self.connect(guest.wire)
        guest.picture = ircstates.Server("chat")
        if guest.irc:
            self.begin(guest, "another", guest.code)
        elif guest.wire == "json":
            guest.client.send(json.dumps({"line": f"/resume {guest.code}", "seen": guest.seen}).encode() + b"\n")
        else:
            guest.client.type(f"/resume {guest.code}")
        self.world.turn()
        guest.listen()
        for room in guest.rooms:
            self.ask_who(guest, room)

    @precondition(lambda self: len(self.here()) > 3)
    @rule(who=WHO)
    def quit(self, who: int) -> None:
        guest = self.one(who)
        guest.listen()
        guest.type("quit")
        self.check(guest)
        self.guests.remove(guest)

    @precondition(lambda self: len(self.guests) < 8)
    @rule(wire=st.sampled_from(WIRES))
    def enter(self, wire: str) -> None:
        self.come_in(wire)

    @rule(seconds=st.sampled_from([1, 31]))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds, 1)
        for guest in self.here():
            guest.listen()

    @rule()
    def settle(self) -> None:
        """Everybody is back, and has been told all: what each sees is what there is."""
        for guest in self.guests:
            self.come_back(guest)
        self.world.wait(31, 1)
        self.world.turn()
        for guest in self.guests:
            guest.listen()
        for room in ROOMS:
            members = list(self.members(room))
            self.asks.take()
            self.asks.type(f"/who {room}")
            here = sorted(user["nick"] for keys in self.asks.objects for user in keys.get("users", ()))
            assert here == sorted(["asks", *(guest.nick for guest in members)])
            for guest in members:
                if guest.irc:
                    assert guest.listed(room) == here, (guest, room)

    # What must hold.

    @invariant()
    def nobody_is_called_as_another(self) -> None:
        if hasattr(self, "world"):
            here = sorted(person.nick for person in self.world.hub.people.values())
            assert here == sorted(["asks", *(guest.nick for guest in self.guests)])
            assert len(set(map(names.fold, here))) == len(here)

    def check_what_was_heard(self) -> None:
        for guest in self.guests:
            self.check(guest)

    def check(self, guest: Guest) -> None:
        if guest.irc:
            check_form(guest.client)
        heard = list(dict.fromkeys(guest.heard))  # people may be shown a line again when they come back
        for room in ROOMS:
            assert [text for text in heard if self.said[text] == room] == guest.due[room], guest


TestStorm = Storm.TestCase
TestStorm.settings = settings(max_examples=settings.default.max_examples // 2, stateful_step_count=40)
