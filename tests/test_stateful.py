"""Anything that people may do, in any order, on both wires, with slow readers and a slow or failing store.

What the logs hold in the end is the truth: everybody must have heard exactly that, from where they joined, without
those of people they ignored then and, unless they are echoed, their own, in order, each line once.
"""

import json
import re
from dataclasses import dataclass, field
from itertools import combinations, count
from unittest.mock import patch

from alike import same
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from people import Person
from stores import SlowStore
from world import World

from chat.base import limits, names

NICKNAMES = ("amy", "Amy", "bob", "b0b", "emie", "ernie", "ivan", "Ivan", "lvan", "José")
ROOMS = ("#lobby", "#ops", "#Ops", "#dev")

WHO = st.integers(0, 4)

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
    echo: bool = False
    """Their own lines come to them, too."""

    def hides(self, author: "Guest", room: str, seq: int) -> bool:
        """Whether they ignored this one then."""
        if author in self.ignored and self.ignored[author].get(room, 0) < seq:
            return True
        return any(
            guest is author and since.get(room, 0) < seq <= until.get(room, 0) for guest, since, until in self.hidden
        )

    def listen(self) -> None:
        """Take what came."""
        if self.person.wire == "plain":
            self.refused += re.findall("not-stored: “(.*?)”", self.person.client.bytes.decode())
        for keys in self.person.client.objects:
            if keys["type"] == "ack":
                self.confirmed.append(keys["id"])
            elif keys["type"] == "error" and "id" in keys:
                self.refused.append(keys["id"])
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
        for nick, wire in (("amy", "plain"), ("bob", "json"), ("emie", "json echo")):
            self.come_in(nick, wire)

    def teardown(self) -> None:
        if hasattr(self, "limits"):
            self.settle()
            self.check_what_was_heard()
            self.limits.stop()

    # What people do.  Whoever has not read what they got, or whose line is down, does nothing.

    @precondition(lambda self: len(self.people) < 5)
    @rule(nick=st.sampled_from(NICKNAMES), wire=st.sampled_from(["plain", "json", "json echo"]))
    def enter(self, nick: str, wire: str) -> None:
        self.come_in(f"extra{len(self.everybody)}" if self.alike(nick) else nick, wire)

    def come_in(self, nick: str, wire: str) -> None:
        head = self.head("#lobby")
        client = self.world.connect(f"/nick {nick}", wire=wire)
        client.socket.bufferSize = 400
        guest = Guest(Person(client, wire.split()[0]), nick, ["#lobby"], "#lobby", stays={"#lobby": [[head]]})
        guest.echo = wire == "json echo"
        self.people.append(guest)
        self.everybody.append(guest)
        self.let_all()
        guest.listen()

    @precondition(lambda self: self.able())
    @rule(who=WHO, lengths=st.lists(st.sampled_from([0, 0, 400]), min_size=1, max_size=5), turn=st.booleans())
    def say(self, who: int, lengths: list[int], turn: bool) -> None:
        guest = self.ready(who)
        for length in lengths:
            text = f"line{next(self.numbers)}" + "x" * length
            if guest.current in guest.rooms:
                self.lines[text] = guest
            else:
                guest.waits = True
            if guest.person.wire == "json":
                guest.sent[text[:40]] = text
                self.send_with_id(guest, text)
            else:
                guest.person.client.send(text.encode() + b"\n")
            if turn:
                self.world.turn()

    @precondition(lambda self: self.able())
    @rule(who=WHO, nick=st.sampled_from(NICKNAMES))
    def rename(self, who: int, nick: str) -> None:
        guest = self.ready(who)
        guest.person.type(f"/nick {nick}")
        guest.waits = True
        if self.alike(nick) <= {guest}:
            guest.nick = nick

    @precondition(lambda self: self.able())
    @rule(who=WHO, name=st.sampled_from(ROOMS), join=st.sampled_from([True, True, False]))
    def go(self, who: int, name: str, join: bool) -> None:
        """Join a room or leave it."""
        guest, key = self.ready(who), name.lower()
        if join:
            if key not in guest.rooms:
                guest.rooms.append(key)
                guest.stays.setdefault(key, []).append([self.head(key)])
            guest.current = key
        elif key in guest.rooms:
            guest.rooms.remove(key)
            guest.seen.pop(self.world.hub.rooms[key].log.name, None)
            guest.stays[key][-1].append(self.head(key))
            if guest.current == key and guest.rooms:
                guest.current = guest.rooms[-1]
        guest.person.type(f"/{'join' if join else 'leave'} {name}")
        guest.waits = True

    @rule(who=WHO, other=WHO)
    def ignore(self, who: int, other: int) -> None:
        """Ignore somebody, or do so no more."""
        self.settle()
        guest, ignored = self.person(who), self.person(other)
        guest.waits = True
        self.has_seen_all(guest)
        if ignored in guest.ignored:
            guest.person.type(f"/unignore {ignored.nick}")
            guest.hidden.append((ignored, guest.ignored.pop(ignored), self.heads()))
        elif ignored is not guest:
            guest.person.type(f"/ignore {ignored.nick}")
            guest.ignored[ignored] = self.heads()

    @rule(who=WHO)
    def switch_to_json(self, who: int) -> None:
        self.settle()
        guest = self.person(who)
        if guest.person.wire == "plain":
            guest.person.type("/json")
            guest.person.wire = "json"
            self.has_seen_all(guest)

    @rule(who=WHO, stored=st.booleans(), back=st.booleans())
    def cut(self, who: int, stored: bool, back: bool) -> None:
        """A program's line is cut, before or after what it said is stored, and perhaps it comes back at once."""
        guest = self.person(who)
        if guest.person.wire == "json" and not guest.down:
            guest.down = True
            guest.person.client.cut()
            guest.listen()
            if stored:
                self.let_all()
            if back:
                self.come_back(guest)

    @precondition(lambda self: any(guest.down for guest in self.people))
    @rule()
    def all_come_back(self) -> None:
        for guest in self.people:
            self.come_back(guest)

    def come_back(self, guest: Guest) -> None:
        if guest.down:
            guest.person.client = client = self.world.connect(wire="json echo" if guest.echo else "json")
            client.socket.bufferSize = 400
            client.type(f"/resume {guest.code}", seen=guest.seen)
            guest.down = False
            self.let_all()
            guest.listen()
            for id, text in guest.sent.items():
                if id not in guest.confirmed + guest.refused:
                    self.send_with_id(guest, text)
            self.world.turn()

    @precondition(lambda self: len(self.people) > 2)
    @rule(who=WHO, words=st.sampled_from(["", " bye"]))
    def quit(self, who: int, words: str) -> None:
        self.settle()
        guest = self.person(who)
        self.people.remove(guest)
        for key in guest.rooms:
            guest.stays[key][-1].append(self.head(key))
        guest.rooms.clear()
        guest.person.type(f"/quit{words}")

    @rule(who=WHO, room=st.sampled_from([0, 100, 3000, None, None]))
    def read_so_much(self, who: int, room: int | None) -> None:
        """Read so many bytes more, or (None) all there is."""
        client = self.person(who).person.client
        if room is None:
            client.drain()
        else:
            client.full(room)

    @precondition(lambda self: all(guest.person.client.socket.room > 10**6 for guest in self.people))
    @rule(seconds=st.sampled_from([1, 31]))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    # What the store does.

    @precondition(lambda self: self.store.commits)
    @rule(refuse=st.sampled_from([False, False, True]))
    def commit(self, refuse: bool) -> None:
        if refuse and not self.written_early:
            self.store.refuse()
        else:
            self.store.let()
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
            alike = [person for person in hub.people.values() if same(person.author.nick, nick)]
            assert hub.naming.holder(nick) in (alike or [None])
        for one, other in combinations(here, 2):
            assert not same(one, other)

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
                        and (guest.echo or self.lines[text] is not guest)
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

    def person(self, who: int) -> Guest:
        return self.people[who % len(self.people)]

    def able(self) -> list[Guest]:
        """Whoever's line is not down and who has read what they got."""
        return [guest for guest in self.people if not guest.down and guest.person.client.socket.room > 10**6]

    def ready(self, who: int) -> Guest:
        """Somebody who can act, with no command of theirs waiting."""
        guest = self.able()[who % len(self.able())]
        self.world.turn()
        if guest.waits:
            self.let_all()
        guest.waits = False
        guest.listen()
        return guest

    def settle(self) -> None:
        """Everybody is back and reads, everything is stored."""
        for guest in self.people:
            self.come_back(guest)
            guest.person.client.drain()
        self.world.wait(31)
        self.let_all()
        for guest in self.everybody:
            guest.listen()

    def has_seen_all(self, guest: Guest) -> None:
        """Not only what had a number for them: neither what they heard as people nor what they ignored comes again."""
        guest.seen = {self.world.hub.rooms[key].log.name: self.head(key) for key in guest.rooms}

    def send_with_id(self, guest: Guest, text: str) -> None:
        guest.person.client.send(json.dumps({"line": text, "id": text[:40]}).encode() + b"\n")

    def let_all(self) -> None:
        while self.store.commits or self.store.reads:
            if self.store.commits:
                self.store.let()
            if self.store.reads:
                self.store.let_read()
            self.world.turn()

    def alike(self, nick: str) -> set[Guest]:
        return {guest for guest in self.people if same(guest.nick, nick)}

    def head(self, key: str) -> int:
        rooms = self.world.hub.rooms
        return rooms[key].log.head if key in rooms else 0

    def heads(self) -> dict[str, int]:
        return {key: self.head(key) for key in self.world.hub.rooms}


TestChat = Chat.TestCase
TestChat.settings = settings(max_examples=settings.default.max_examples, stateful_step_count=50)
