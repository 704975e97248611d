"""People with several devices, whatever happens: every session's view is the log from its place on, each line once.

Programs on the JSON wire: they say what they have seen when they come back.  What they were given is compared with the
logs themselves, which hold everything; coming and going of one's own is told in one's own log, to the other devices.
History, search and what calls somebody show the same as that, and nobody more; read markers only grow, and what is told
to be unread is what others said behind them.
"""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from returning import KeepingStore, restarted, resume
from stores import DISK_FULL
from twisted.internet.defer import Deferred, fail
from world import Client, World

from chat.base import limits
from chat.base.errors import NotStored
from chat.commands.history import standings
from chat.core.person import Person
from chat.core.ports import Batch, Numbered
from chat.core.presence import Presence
from chat.log.events import Entry, Joined, Left, Renamed, Said

NICKS = ("amy", "bob", "carl")
ROOMS = ("#ops", "#tea")
OWN = "@"


class Store(KeepingStore):
    """Refuses commits where it is told to, whole."""

    refused = 0

    def commit(self, batch: Batch) -> "Deferred[Numbered]":
        """Keep a batch, or not."""
        if self.refused:
            self.refused -= 1
            return fail(NotStored(DISK_FULL))
        return super().commit(batch)

    def entries(self, key: str) -> list[Entry]:
        """All of a log."""
        return list(self._logs.get(key, ()))


@dataclass
class Device:
    """A program, and what it makes of what it is given."""

    client: Client | None
    code: str
    person: str
    """Their id."""
    id: str
    """Of the session."""
    places: dict[str, int]
    """Where it began to hear each log, by the names that programs know."""
    seen: dict[str, int] = field(default_factory=dict)
    given: dict[str, list[int]] = field(default_factory=dict)

    def read(self) -> None:
        """Take what came."""
        if self.client is None:
            return
        for keys in self.client.take_objects():
            kind = keys["type"]
            if "seq" in keys and kind not in ("ack", "read"):
                own = keys.get("self") or keys["room"].startswith("@")
                name = OWN if own else keys["room"]
                self.given.setdefault(name, []).append(keys["seq"])
                self.seen[name] = max(self.seen.get(name, 0), keys["seq"])


def is_called(entry: Entry, nick: str) -> bool:
    """Whether a line of these tests calls somebody."""
    return nick in entry.fact.text.split()


class Devices(RuleBasedStateMachine):
    """Three people with up to three devices each."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store()
        self.world = World(self.store)
        self.devices: list[Device] = []
        self.said = 0
        self.marks: dict[tuple[str, str, int], int] = {}

    # What happens.

    @rule(nick=st.sampled_from(NICKS))
    def enter(self, nick: str) -> None:
        if not self.world.hub.is_here(nick) and len(self.world.hub.people) < len(NICKS):
            self._attached(self.world.connect(f"/nick {nick}", wire="json"))

    @precondition(lambda self: self.attached)
    @rule(data=st.data())
    def another(self, data: st.DataObject) -> None:
        device = self._pick(data)
        if len(self._of(device)) < 3:
            self._attached(self.world.device(device.client, "json"))

    @precondition(lambda self: self.attached)
    @rule(data=st.data(), room=st.sampled_from(("#lobby", *ROOMS)), to=st.sampled_from(["", *NICKS, "dee"]))
    def say(self, data: st.DataObject, room: str, to: str) -> None:
        self.said += 1
        self._pick(data).client.type(f"line {self.said} {to}", room=room)

    @precondition(lambda self: self.attached)
    @rule(data=st.data(), room=st.sampled_from((OWN, "#lobby", *ROOMS)), back=st.integers(0, 3))
    def mark(self, data: st.DataObject, room: str, back: int) -> None:
        """The marker is the greatest of all that was told, on whatever device."""
        device = self._pick(data)
        device.read()
        session = device.client.session
        log = session.logs.get(room)
        if session.named and log is not None:
            for seq in (log.head - back, log.head - 2 * back):
                before = session.person.read_up_to(log)
                device.client.type("", read={room: max(0, seq)})
                assert session.person.read_up_to(log) == max(before, seq)

    @precondition(lambda self: self.attached)
    @rule(data=st.data(), room=st.sampled_from(("#lobby", *ROOMS)))
    def look(self, data: st.DataObject, room: str) -> None:
        """Every read path shows what was said, and no other room's."""
        device = self._pick(data)
        device.read()
        client, person = device.client, device.client.session.person
        if not client.session.named:
            return
        shown: list[list[int]] = []
        for line in ("/last 500", "/grep line", "/mentions"):
            client.type(line, room=room, id=line)
            objects = client.take_objects()
            shown += [[event["seq"] for event in keys["events"]] for keys in objects if keys["type"] == "history"]
        if room not in person.rooms:
            assert not shown
            return
        log = person.rooms[room].log
        said = [entry for entry in self.store.entries(log.key) if isinstance(entry.fact, Said)]
        called = [entry for entry in said if entry.fact.author.person != person.id and is_called(entry, person.nick)]
        assert shown == [
            [entry.seq for entry in said],
            [entry.seq for entry in said][-limits.GREP_MOST :],
            [entry.seq for entry in called][-limits.GREP_MOST :],
        ]

    @precondition(lambda self: self.attached)
    @rule(data=st.data(), to=st.sampled_from(NICKS))
    def whisper(self, data: st.DataObject, to: str) -> None:
        self.said += 1
        self._pick(data).client.type(f"/msg {to} line {self.said}")

    @precondition(lambda self: self.attached)
    @rule(data=st.data(), room=st.sampled_from(ROOMS), join=st.booleans())
    def move(self, data: st.DataObject, room: str, join: bool) -> None:
        self._pick(data).client.type(f"/{'join' if join else 'leave'} {room}")

    @precondition(lambda self: self.attached)
    @rule(data=st.data(), word=st.sampled_from(["dee", "eve"]), command=st.sampled_from(["nick", "away", "topic"]))
    def command(self, data: st.DataObject, word: str, command: str) -> None:
        self._pick(data).client.type(f"/{command} {word}")

    @precondition(lambda self: self.attached)
    @rule(data=st.data())
    def register(self, data: st.DataObject) -> None:
        person = self._pick(data).client.session.person
        person.password = "hashed"
        self.world.hub.turn.touch(person)
        self.world.turn()

    @rule()
    def log_in(self) -> None:
        accounts = [person for person in self.world.hub.absent.values() if person.has_account]
        if accounts and len(self.world.hub.people) < len(NICKS):
            self._attached(self.world.log_in(accounts[0], "json"))

    @precondition(lambda self: self.attached)
    @rule(data=st.data(), how=st.sampled_from(["cut", "/quit"]))
    def go(self, data: st.DataObject, how: str) -> None:
        device = self._pick(data)
        device.read()
        if how == "cut":
            device.client.cut()
            device.client = None
        else:
            device.client.type(how)
            self.devices.remove(device)

    @precondition(lambda self: self.devices)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        device = data.draw(st.sampled_from(self.devices))
        device.read()
        self._resume(device)

    @rule()
    def announce(self) -> None:
        self.said += 1
        self.world.hub.announce(f"line {self.said}").addErrback(lambda failure: failure.trap(NotStored))
        self.world.turn()

    @rule(seconds=st.sampled_from([1.0, limits.GRACE_SECONDS + 1]))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(times=st.integers(1, 2))
    def refuse(self, times: int) -> None:
        self.store.refused = times
        self._refused_ever = True

    @rule()
    def restart(self) -> None:
        self.store.refused = 0
        self.world.wait(1)
        for device in self.devices:
            device.read()
            device.client = None
        self.world = restarted(self.world, self.store)

    # What is true then.

    @invariant()
    def every_view_is_the_log_from_its_place_on(self) -> None:
        for device in self.devices:
            if device.client is None:
                continue
            device.read()
            session = device.client.session
            logs = session.person.logs
            for name in list(device.given):
                if name not in logs:  # they have left the room
                    for kept in (device.given, device.seen, device.places):
                        kept.pop(name, None)
            for name, log in logs.items():
                joined = session.person.joined.get(log.key, 0)
                if device.places.setdefault(name, joined) < joined:  # they were out of the room meanwhile
                    device.places[name] = joined
                    device.given[name] = [seq for seq in device.given.get(name, []) if seq > joined]
                place = device.places[name]
                expected = [
                    entry.seq
                    for entry in self.store.entries(log.key)
                    if entry.seq > place and self._is_for(device, entry)
                ]
                assert device.given.get(name, []) == expected, (name, place)

    @invariant()
    def read_markers_only_grow(self) -> None:
        people = (*self.world.hub.people.values(), *self.world.hub.absent.values())
        for person in people:
            for log in person.logs.values():
                stay = (person.id, log.key, person.joined.get(log.key, 0))
                read = person.read_up_to(log)
                assert self.marks.get(stay, 0) <= read <= log.head
                self.marks[stay] = read

    @invariant()
    def unread_is_what_others_said_behind_the_marker(self) -> None:
        for device in self.attached:
            session = device.client.session
            if not session.named:
                continue
            person = session.person
            found = Deferred.fromCoroutine(standings(session, session.logs.values())).result
            for log in session.logs.values():
                read, unread, last = found[log.key]
                assert (read, last) == (person.read_up_to(log), log.head)
                behind = [
                    entry
                    for entry in self.store.entries(log.key)
                    if entry.seq > read and isinstance(entry.fact, Said) and entry.fact.author.person != person.id
                ]
                assert unread.said == len(behind)
                assert unread.mentions == sum(log is person.log or is_called(entry, person.nick) for entry in behind)

    @invariant()
    def presence_is_as_the_sessions_are(self) -> None:
        hub = self.world.hub
        for person in hub.people.values():
            assert person.presence is (Presence.HERE if person.attached else Presence.DOWN)
            assert (person in hub.down) is False or not person.attached
            assert all(person.id in room.members for room in person.rooms.values())
        for person in hub.absent.values():
            assert person.presence is Presence.ABSENT
            assert not person.attached
            assert person.detached or person.has_account
            assert not person.has_account or hub.account(person.nick) is person
        for room in hub.rooms.values():
            assert set(room.members) <= set(hub.people)
        for digest, session in hub.codes.items():
            assert session.digest == digest
            assert session in (*session.person.attached, *session.person.detached)

    @invariant()
    def coming_and_going_is_told_once(self) -> None:
        for key, room in self.world.hub.rooms.items():
            here: set[str] = set()
            for entry in self.store.entries(key):
                match entry.fact:
                    case Joined(author) if author is not None:
                        assert self._refused_ever or author.person not in here
                        here.add(author.person)
                    case Left(author) if author is not None:
                        here.discard(author.person)
            if not self._refused_ever:
                assert here == set(room.members)

    # How.

    _refused_ever = False

    @property
    def attached(self) -> list[Device]:
        return [device for device in self.devices if device.client is not None]

    def _pick(self, data: st.DataObject) -> Device:
        return data.draw(st.sampled_from(self.attached))

    def _of(self, device: Device) -> list[Device]:
        return [other for other in self.devices if other.person == device.person]

    def _attached(self, client: Client) -> None:
        session = client.session
        if not session.named:
            return
        person: Person = session.person
        self.devices.append(Device(client, session.code or "", person.id, session.id, {}))
        self.devices[-1].places = {name: session.given(log) for name, log in person.logs.items()}

    def _resume(self, device: Device) -> None:
        seen = {name: max(place, device.seen.get(name, 0)) for name, place in device.places.items()}
        client = resume(self.world, device.code, "json", seen=seen)
        if client.session.id == device.id:
            device.client = client
            device.read()
        else:  # nobody else was there when the last one quit
            assert "code-wrong" in client.bytes.decode()
            self.devices.remove(device)

    def _is_for(self, device: Device, entry: Entry) -> bool:
        author = entry.fact.author
        if author is None:
            return True
        if author.person == device.person and isinstance(entry.fact, Joined | Left | Renamed):
            return False
        return author.session != device.id


Devices.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestDevices = Devices.TestCase
