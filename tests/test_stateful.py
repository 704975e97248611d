"""Anything that people may do, in any order, on both wires, with slow readers and a slow or failing store.

What the logs hold in the end is the truth: everybody must have heard exactly that, from where they joined, without
their own lines and without those of people they ignored then, in order, each line once.
"""

import json
import re
from dataclasses import dataclass, field
from itertools import combinations, count
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)
from people import Person
from stores import SlowStore
from world import World

from chat import limits, names

NICKNAMES = ("amy", "Amy", "bob", "b0b", "emie", "ernie", "ivan", "Ivan", "lvan", "José")
ROOMS = ("#lobby", "#ops", "#Ops", "#dev")

SMALL = {"TAIL_EVENTS": 3, "PAGE_EVENTS": 5, "PAGE_BYTES": 1500, "GATHER_FROM": 4}
"""Limits at which a test of a few steps meets the store, pages and gathered presence."""


@dataclass(eq=False)
class Guest:
    """What somebody in the chat must be, and must have heard."""

    person: Person
    nick: str
    rooms: list[str]
    """In the order of joining, by their keys."""
    current: str
    waits: bool = True
    """They have asked for something that takes the store's answer."""
    stays: dict[str, list[list[int]]] = field(default_factory=dict)
    """By room: after which number they joined and, where they left, the head at that time."""
    ignored: dict["Guest", dict[str, int]] = field(default_factory=dict)
    """Since which numbers."""
    hidden: list[tuple["Guest", dict[str, int], dict[str, int]]] = field(default_factory=list)
    """Whom they ignored, from which numbers to which."""
    heard: list[tuple[str, str]] = field(default_factory=list)
    """Rooms and texts."""
    refused: list[str] = field(default_factory=list)
    """The beginnings of lines that could not be stored."""
    confirmed: list[str] = field(default_factory=list)
    """The ids of lines that were."""
    sent: dict[str, str] = field(default_factory=dict)
    """The lines that had an id, by it."""
    code: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    """Up to where they have taken each room, and their private talk."""
    down: bool = False
    """Their line was cut."""

    def hides(self, author: "Guest", room: str, seq: int) -> bool:
        hidden = [*self.hidden, *((guest, since, {}) for guest, since in self.ignored.items())]
        return any(
            guest is author and since.get(room, 0) < seq <= until.get(room, seq) for guest, since, until in hidden
        )

    def listen(self) -> None:
        """Take what came."""
        self.refused += re.findall("not-stored.*?“(.*?)”", self.person.client.bytes.decode())
        for keys in self.person.client.objects:
            if keys["type"] == "ack":
                self.confirmed.append(keys["id"])
            elif keys["type"] == "welcome":
                self.code = keys["resume"]
            elif "seq" in keys:
                self.seen["@" if keys["room"].startswith("@") else keys["room"]] = keys["seq"]
        for what in self.person.heard():
            assert what[0] != "missed", what
            if what[0] == "said":
                self.heard.append((names.fold(what[1]), what[3]))


class Chat(RuleBasedStateMachine):
    """A chat with a handful of guests."""

    guests = Bundle("guests")

    @initialize(written_early=st.booleans())
    def open(self, written_early: bool) -> None:
        self.limits = patch.multiple(limits, **SMALL)
        self.limits.start()
        self.store = SlowStore(slow=True, slow_to_read=True, written_early=written_early)
        self.written_early = written_early
        self.world = World(self.store, grace=10**9)
        self.people: list[Guest] = []
        self.everybody: list[Guest] = []
        self.lines: dict[str, Guest] = {}
        self.numbers = count()

    def teardown(self) -> None:
        if hasattr(self, "limits"):
            self.settle()
            self.check_what_was_heard()
            self.limits.stop()

    # What people do.  Whoever is full of what they have not read does nothing.

    @precondition(lambda self: len(self.people) < 5)
    @rule(target=guests, nick=st.sampled_from(NICKNAMES), wire=st.sampled_from(["plain", "json"]))
    def enter(self, nick: str, wire: str) -> Guest:
        if self.alike(nick):
            nick = f"extra{len(self.everybody)}"
        head = self.head("#lobby")
        client = self.world.connect(f"/nick {nick}", wire=wire)
        client.socket.bufferSize = 400
        guest = Guest(Person(client, wire), nick, ["#lobby"], "#lobby", stays={"#lobby": [[head]]})
        self.people.append(guest)
        self.everybody.append(guest)
        self.let_all()
        guest.listen()
        return guest

    @rule(guest=guests, lengths=st.lists(st.sampled_from([0, 0, 400]), min_size=1, max_size=4), turn=st.booleans())
    def say(self, guest: Guest, lengths: list[int], turn: bool) -> None:
        if not self.can_act(guest):
            return
        for length in lengths:
            text = f"line{next(self.numbers)}" + "x" * length
            if guest.current in guest.rooms:
                self.lines[text] = guest
            if guest.person.wire == "json":
                guest.sent[text[:40]] = text
                self.send_again(guest, text)
            else:
                guest.person.client.send(text.encode() + b"\n")
            if turn:
                self.world.turn()

    @rule(guest=guests, nick=st.sampled_from(NICKNAMES))
    def rename(self, guest: Guest, nick: str) -> None:
        if self.can_act(guest):
            guest.person.type(f"/nick {nick}")
            guest.waits = True
            if self.alike(nick) <= {guest}:
                guest.nick = nick

    @rule(guest=guests, name=st.sampled_from(ROOMS))
    def join(self, guest: Guest, name: str) -> None:
        if self.can_act(guest):
            key = name.lower()
            if key not in guest.rooms:
                guest.rooms.append(key)
                guest.stays.setdefault(key, []).append([self.head(key)])
            guest.current = key
            guest.person.type(f"/join {name}")
            guest.waits = True

    @rule(guest=guests, name=st.sampled_from(ROOMS))
    def leave(self, guest: Guest, name: str) -> None:
        if self.can_act(guest):
            key = name.lower()
            if key in guest.rooms:
                guest.rooms.remove(key)
                guest.stays[key][-1].append(self.head(key))
                if guest.current == key and guest.rooms:
                    guest.current = guest.rooms[-1]
            guest.person.type(f"/leave {name}")
            guest.waits = True

    @rule(guest=guests, other=guests)
    def ignore(self, guest: Guest, other: Guest) -> None:
        self.settle()
        guest.waits = True
        if guest in self.people and other in self.people and other is not guest:
            if other in guest.ignored:
                guest.person.type(f"/unignore {other.nick}")
                guest.hidden.append((other, guest.ignored.pop(other), self.heads()))
            else:
                guest.person.type(f"/ignore {other.nick}")
                guest.ignored[other] = self.heads()

    @rule(guest=guests)
    def switch_to_json(self, guest: Guest) -> None:
        if self.can_act(guest):
            guest.person.type("/json")
            guest.person.wire = "json"

    @rule(guest=guests, stored=st.booleans())
    def cut(self, guest: Guest, stored: bool) -> None:
        if guest in self.people and guest.code and guest.person.wire == "json" and not guest.down:
            guest.down = True
            guest.person.client.cut()
            guest.listen()
            if stored:
                self.let_all()

    @rule(guest=guests)
    def come_back(self, guest: Guest) -> None:
        if guest.down and guest in self.people:
            guest.person.client = client = self.world.connect(wire="json")
            client.socket.bufferSize = 400
            client.type(f"/resume {guest.code}", seen=guest.seen)
            guest.down = False
            self.let_all()
            guest.listen()
            for id, text in guest.sent.items():
                if id not in guest.confirmed + guest.refused:
                    self.send_again(guest, text)
            self.world.turn()

    @rule(guest=consumes(guests), with_words=st.booleans())
    def quit(self, guest: Guest, with_words: bool) -> None:
        if guest in self.people:
            self.settle()
            self.people.remove(guest)
            for key in guest.rooms:
                guest.stays[key][-1].append(self.head(key))
            guest.rooms.clear()
            guest.person.type("/quit bye" if with_words else "/quit")

    @rule(guest=guests, room=st.sampled_from([0, 100, 3000]))
    def stop_reading(self, guest: Guest, room: int) -> None:
        guest.person.client.full(room)

    @rule(guest=guests)
    def read_on(self, guest: Guest) -> None:
        guest.person.client.drain()

    @precondition(lambda self: all(guest.person.client.socket.room > 10**6 for guest in self.people))
    @rule(seconds=st.sampled_from([1, 31]))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    # What the store does.

    @precondition(lambda self: self.store.commits)
    @rule()
    def commit(self) -> None:
        self.store.let()
        self.world.turn()

    @precondition(lambda self: self.store.commits and not self.written_early)
    @rule()
    def refuse(self) -> None:
        self.store.refuse()
        self.world.turn()

    @precondition(lambda self: self.store.reads)
    @rule()
    def read(self) -> None:
        self.store.let_read()
        self.world.turn()

    # What must hold.

    @invariant()
    def one_nickname_is_one_person(self) -> None:
        if not hasattr(self, "world"):
            return
        hub = self.world.hub
        here = [person.author.nick for person in hub.people.values()]
        assert sorted(here) == sorted(guest.nick for guest in self.people)
        for person in hub.people.values():
            assert hub.find(person.author.nick) is person
        for nick in NICKNAMES:
            alike = [person for person in hub.people.values() if names.same(person.author.nick, nick)]
            assert hub.holder(nick) in (alike or [None])
        for one, other in combinations(here, 2):
            assert not names.same(one, other)

    @invariant()
    def rooms_and_members_agree(self) -> None:
        if not hasattr(self, "world"):
            return
        hub = self.world.hub
        for key, room in hub.rooms.items():
            assert set(room.members) == {person.id for person in hub.people.values() if key in person.rooms}
            assert sorted(room.users) == sorted(guest.nick for guest in self.people if key in guest.rooms)

    def check_what_was_heard(self) -> None:
        truth: dict[str, list[tuple[int, str]]] = {}
        for key in self.world.hub.rooms:
            entries = super(SlowStore, self.store).after(key, 0, 10_000).result
            assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
            assert self.head(key) == len(entries)
            truth[key] = [(entry.seq, entry.fact.text) for entry in entries if hasattr(entry.fact, "text")]
            truth[key] = [(seq, text) for seq, text in truth[key] if text in self.lines]
        stored = [text for said in truth.values() for _, text in said]
        assert len(set(stored)) == len(stored)
        for guest in self.everybody:
            for key, stays in guest.stays.items():
                heard = [text for room, text in guest.heard if room == key]
                for joined, *left in stays:
                    said = [
                        text
                        for seq, text in truth[key]
                        if joined < seq <= (left[0] if left else seq)
                        and self.lines[text] is not guest
                        and not guest.hides(self.lines[text], key, seq)
                    ]
                    here = heard[: len([text for text in heard if text in said])]
                    assert here == (said[: len(here)] if left else said)
                    heard = heard[len(here) :]
                assert not heard
        for text, author in self.lines.items():
            id = text[:40]
            if text in stored:
                assert (id in author.confirmed) == (id in author.sent)
                assert id not in author.refused
            else:
                assert id in author.refused
                assert id not in author.confirmed

    # Help.

    def can_act(self, guest: Guest) -> bool:
        """They are here, read what they get, and no command of theirs waits."""
        if guest not in self.people or guest.down or guest.person.client.socket.room < 10**6:
            return False
        if guest.waits:
            self.let_all()
        guest.waits = False
        self.world.turn()
        guest.listen()
        return True

    def settle(self) -> None:
        """Everybody is back and reads, everything is stored."""
        for guest in self.people:
            self.come_back(guest)
            guest.person.client.drain()
        self.world.wait(31)
        self.let_all()
        for guest in self.everybody:
            guest.listen()

    def send_again(self, guest: Guest, text: str) -> None:
        guest.person.client.send(json.dumps({"line": text, "id": text[:40]}).encode() + b"\n")

    def let_all(self) -> None:
        while self.store.commits or self.store.reads:
            if self.store.commits:
                self.store.let()
            if self.store.reads:
                self.store.let_read()
            self.world.turn()

    def alike(self, nick: str) -> set[Guest]:
        return {guest for guest in self.people if names.same(guest.nick, nick)}

    def head(self, key: str) -> int:
        rooms = self.world.hub.rooms
        return rooms[key].log.head if key in rooms else 0

    def heads(self) -> dict[str, int]:
        return {key: self.head(key) for key in self.world.hub.rooms}


TestChat = Chat.TestCase
TestChat.settings = settings(max_examples=settings.default.max_examples, stateful_step_count=50)
