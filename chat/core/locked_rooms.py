"""The doors of rooms that are locked, or for so many people: who waits there, and who may come in all the same.

That a room is locked, or has a limit, is a measure of all who are no operators (`chat.core.measures`).  Whoever was
asked in, or let in before, has a pass for as long as that is so; it ends where they are sent out.  Who waits, and who
has a pass, are records: it is known again after a restart.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from operator import attrgetter, itemgetter

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import duration, say, say_n
from chat.base.named_tuples import NamedTuple
from chat.core.measures import Measures
from chat.core.person import Device, Person
from chat.core.ports import Record
from chat.core.roles import SERVER, Roles
from chat.core.room import Room
from chat.core.turn import Turn
from chat.log.events import Measured
from chat.wire.answers import WaitingNotice

_WAITING, _PASS = "waiting", "pass"
"""The kinds of their records, whose key is that of a person and that of a room."""


class Waiting(NamedTuple):
    """Somebody at the door of a room, the device and the address from which they came there, and what ends it."""

    person: Person
    device: Device
    room: Room
    host: str
    timer: IDelayedCall


class LockedRooms:
    """All doors at which somebody waits, or for which somebody has a pass."""

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], datetime],
        turn: Turn,
        measures: Measures,
        roles: Roles,
        records: Iterable[Record],
    ) -> None:
        self._clock = clock
        self._now = now
        self._turn = turn
        self._measures = measures
        self._roles = roles
        self._waiting: dict[str, dict[str, Waiting]] = {}
        """By the keys of rooms, then by the ids of people, in the order of their coming."""
        self._passes: dict[str, dict[str, None]] = {}
        """The ids of people, by the keys of rooms; the last one at the end."""
        self._kept: dict[str, datetime] = {}
        """Who waited before a restart, by the keys of their records."""
        for record in records:
            person, _, key = record.key.partition(" ")
            if record.kind == _PASS:
                self._passes.setdefault(key, {})[person] = None
            elif record.kind == _WAITING and (since := _since(record)) is not None:
                self._kept[record.key] = since

    def restore(self, people: Mapping[str, Person], absent: Mapping[str, Person], rooms: Mapping[str, Room]) -> None:
        """After a restart: who waited goes on to, in the order in which they came, if they are still expected, and the
        room is still locked."""
        for record, since in sorted(self._kept.items(), key=itemgetter(1)):
            id, _, key = record.partition(" ")
            person, left = people.get(id), self._left(since)
            if person is not None and key in rooms and person.sessions and left > 0 and self.is_locked(key):
                self._put(person, person.sessions[-1], rooms[key], left)
            else:
                self._turn.append_with(Record(_WAITING, record, None))
        self._kept.clear()
        for key in list(self._passes):
            for id in list(self._passes[key]):
                if not self.needs_pass(key) or (id not in people and id not in absent):
                    self._end_pass(id, key)

    def stored(self, record: Record, people: Mapping[str, Person], rooms: Mapping[str, Room]) -> None:
        """Another node has it that somebody waits, or has a pass, or not any more."""
        id, _, key = record.key.partition(" ")
        if record.kind == _PASS:
            some = self._passes.setdefault(key, {})
            some.pop(id, None)
            if record.value is not None:
                some[id] = None
            if not some:
                del self._passes[key]
        elif record.kind == _WAITING:
            room, since = self._end_waiting(id, key), _since(record)
            if since is not None and id in people and people[id].sessions and key in rooms:
                room = rooms[key]
                self._put(people[id], people[id].sessions[0], room, self._left(since))
            if room is not None:
                self._tell(room)

    # Who comes in.

    def is_locked(self, key: str) -> bool:
        """Whether the room of this key is."""
        return self._measures.of_all("lock", key) is not None

    def keeps_out(self, person: Person | None, key: str) -> bool:
        """Whether this room is locked for somebody who is not in it; None is somebody from outside."""
        if self._measures.of("lock", person, key) is None:
            return False
        return person is None or not self._is_asked_in(person, key)

    def check_has_place(self, person: Person, room: Room) -> None:
        """Raises `Refused` for somebody who is not in this room where so many people are as may be."""
        limit = self._measures.of("limit", person, room.log.key) if room.measured else None
        if limit is not None and len(room.members) >= limit.most and not self._is_asked_in(person, room.log.key):
            full = say_n(
                "{room} is full: it has a limit of {count} person. Try again later.",
                "{room} is full: it has a limit of {count} people. Try again later.",
                limit.most,
                room=room.log.name,
            )
            raise Refused("full", full)

    def needs_pass(self, key: str) -> bool:
        """Whether somebody who is asked into the room of this key is in need of a pass."""
        return self.is_locked(key) or self._measures.of_all("limit", key) is not None

    def _is_asked_in(self, person: Person, key: str) -> bool:
        admission = person.admitted.get(key)
        return person.id in self._passes.get(key, ()) or (admission is not None and not admission.came)

    def give_pass(self, person: Person, key: str) -> None:
        """They may come into this room while it is locked, or full; of very many, the oldest pass ends."""
        passes = self._passes.setdefault(key, {})
        passes.pop(person.id, None)
        passes[person.id] = None
        if len(passes) > limits.PASSES:
            self._end_pass(next(iter(passes)), key)
        self._turn.append_with(Record(_PASS, f"{person.id} {key}", ""))

    def wait(self, person: Person, device: Device, room: Room, limited: bool) -> Refused:
        """They wait from now on, and who may let them in is told; returns what they are told.

        Raises `Refused` where as many of their address do as may.
        """
        key = room.log.key
        waiting = self._waiting.get(key, {})
        if person.id in waiting:
            return still_waits(room.log.name)
        if limited and sum(one.host == device.host for one in waiting.values()) >= limits.AT_DOOR:
            full = say(
                "{room} is locked, and {limit} of your address wait at its door already: try again later.",
                room=room.log.name,
                limit=limits.AT_DOOR,
            )
            raise Refused("locked", full)
        self._put(person, device, room, limits.DOOR_SECONDS)
        self._turn.append_with(Record(_WAITING, f"{person.id} {key}", self._now().isoformat()))
        told = self._tell(room)
        names: dict[str, object] = {"room": room.log.name, "time": duration(int(limits.DOOR_SECONDS))}
        if told:
            return Refused(
                "locked",
                say("{room} is locked: you wait at its door, {time} at most. {who} was told.", who=told, **names),
            )
        return Refused(
            "locked",
            say(
                "{room} is locked: you wait at its door, {time} at most. Nobody who could let you in is here now.",
                **names,
            ),
        )

    # Who waits.

    def waiting(self, key: str) -> Sequence[Waiting]:
        """Those at the door of the room of this key, in the order of their coming."""
        return tuple(self._waiting.get(key, {}).values())

    def waits_on(self, device: Device, key: str) -> bool:
        """Whether somebody waits at the door of the room of this key on this device."""
        found = self._waiting.get(key, {}).get(device.person.id)
        return found is not None and found.device is device

    def waits(self, person: Person) -> Sequence[Waiting]:
        """The doors at which somebody waits."""
        return [some[person.id] for some in self._waiting.values() if person.id in some]

    def show(self, person: Person) -> None:
        """Somebody came, or has a role by now: they are told who waits that they may let in."""
        for key, some in self._waiting.items():
            if key in person.roles or SERVER in person.roles:
                self._show(person, next(iter(some.values())).room)

    def leave(self, person: Person, key: str) -> bool:
        """They do not wait there any more; returns whether they did."""
        if (room := self._end_waiting(person.id, key)) is None:
            return False
        self._turn.append_with(Record(_WAITING, f"{person.id} {key}", None))
        self._tell(room)
        return True

    def _end_waiting(self, id: str, key: str) -> Room | None:
        """Returns the room, where they waited at its door."""
        found = self._waiting.get(key, {}).pop(id, None)
        if found is None:
            return None
        if found.timer.active():
            found.timer.cancel()
        if not self._waiting[key]:
            del self._waiting[key]
        return found.room

    def leave_all(self, person: Person) -> None:
        """They have left the chat."""
        for key in [key for key, some in self._waiting.items() if person.id in some]:
            self.leave(person, key)

    def send_away(self, person: Person, key: str) -> None:
        """They were sent out of this room: they do not come back unless they are let in anew."""
        self.leave(person, key)
        if person.id in self._passes.get(key, ()):
            self._end_pass(person.id, key)

    def keep_only(self, key: str, belong: Container[str]) -> Sequence[Person]:
        """The room of this key is there for these people alone from now on, by their ids: the passes of all others
        end, and nobody else waits; returns who did."""
        for id in [id for id in self._passes.get(key, ()) if id not in belong]:
            self._end_pass(id, key)
        gone = [one.person for one in self.waiting(key) if one.person.id not in belong]
        for person in gone:
            self.leave(person, key)
        return gone

    def forget(self, person: Person) -> None:
        """Nobody comes back as this person."""
        for key in [key for key, some in self._passes.items() if person.id in some]:
            self._end_pass(person.id, key)

    def end_passes(self, key: str) -> None:
        """Those for the room of this key, where nobody needs one any more."""
        if not self.needs_pass(key):
            for id in list(self._passes.get(key, ())):
                self._end_pass(id, key)

    # How they are held.

    def _put(self, person: Person, device: Device, room: Room, seconds: float) -> None:
        timer = self._clock.callLater(max(0.0, seconds), self._time_is_over, person, room)
        self._waiting.setdefault(room.log.key, {})[person.id] = Waiting(person, device, room, device.host, timer)

    def _left(self, since: datetime) -> float:
        """For how long they wait who came then."""
        return min(limits.DOOR_SECONDS - (self._now() - since).total_seconds(), limits.DOOR_SECONDS)

    def _time_is_over(self, person: Person, room: Room) -> None:
        if (first := min(person.sessions, key=attrgetter("digest"), default=None)) is not None and first.node:
            # That node says so; it may be gone, and another one, or this one, have them in a moment.
            device = self._waiting[room.log.key][person.id].device
            self._put(person, device, room, limits.LEASE_SECONDS)
            return
        self.leave(person, room.log.key)
        self._turn.append(
            person.log, Measured(None, "expire", person.nick, room.log.name, int(limits.DOOR_SECONDS), "")
        )

    def _end_pass(self, id: str, key: str) -> None:
        self._passes[key].pop(id, None)
        if not self._passes[key]:
            del self._passes[key]
        self._turn.append_with(Record(_PASS, f"{id} {key}", None))

    def _tell(self, room: Room) -> tuple[str, ...]:
        """Who may let in those who wait is told who does; returns their nicknames."""
        holders = {person.id: person for key in (room.log.key, SERVER) for person in self._roles.holders(key)}
        return tuple(person.nick for person in holders.values() if self._show(person, room))

    def _show(self, person: Person, room: Room) -> bool:
        """Tell somebody on all devices on which they could let in who waits; returns whether there is any."""
        devices = [device for device in person.attached if device.scope is None]
        who = tuple(one.person.nick for one in self.waiting(room.log.key))
        for device in devices:
            device.notice(f"waiting {room.log.key}", WaitingNotice(room.log.name, who))
        return bool(devices) or any(device.scope is None for device in person.elsewhere)  # that node tells them


def _since(record: Record) -> datetime | None:
    """Since when they wait; None for what is no date, or none any more: they wait no more."""
    with suppress(TypeError, ValueError):
        since = datetime.fromisoformat(record.value)  # type: ignore[arg-type]
        return None if since.tzinfo is None else since
    return None


def still_waits(room: str) -> Refused:
    """What somebody is told who waits at the door of a room."""
    return Refused("locked", say("You wait at the door of {room}: nobody there hears you yet.", room=room))
