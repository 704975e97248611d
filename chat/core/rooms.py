"""Which rooms there are: found by name, made, loaded from the store when somebody asks for one, and forgotten."""

from collections.abc import Container, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice

from twisted.internet.interfaces import IReactorTime

from chat.base import limits, names
from chat.base.errors import NotStored, Refused
from chat.base.language import say
from chat.base.nearest import nearest
from chat.core.locked_rooms import LockedRooms
from chat.core.measures import Measures
from chat.core.ports import Kept, KeptLog, Record, Store
from chat.core.privacy import KIND, PUBLIC, STAFF, Privacy, of_record
from chat.core.roles import Roles
from chat.core.room import Room
from chat.core.room_holders import RoomHolders
from chat.core.turn import Turn
from chat.log.log import Log
from chat.log.tail import Tails

LOBBY = "#lobby"


class Rooms(Mapping[str, Room]):
    """Those in memory, by the keys of their logs; `unrecorded` are keys of rooms that are not recorded."""

    def __init__(
        self,
        clock: IReactorTime,
        turn: Turn,
        store: Store,
        tails: Tails,
        unrecorded: frozenset[str],
        roles: Roles,
        measures: Measures,
        locked: LockedRooms,
        kept: Kept,
    ) -> None:
        self._clock = clock
        self._turn = turn
        self._store = store
        self._tails = tails
        self._unrecorded = unrecorded
        self._roles = roles
        self._measures = measures
        self._locked = locked
        self._rooms: dict[str, Room] = {}
        self._holders = RoomHolders()
        self._forgot = False
        """Rooms were forgotten, to make place."""
        self._older_keys = dict(kept.older)
        """Keys of rooms that an older program, or older tables of Unicode, folded in another way."""
        self._privacy = {record.key: of_record(record) for record in kept.records if record.kind == KIND}
        """Of those that are private, or were."""
        for log in kept.logs:
            if log.key.startswith("#"):
                if (key := names.fold(log.name)) != log.key:
                    self._older_keys[key] = log.key
                self._add(log.key, log.name, log.head)
        for record in kept.records:
            if record.kind == "topic" and record.key in self._rooms:
                self._rooms[record.key].topic = record.value or ""

    # Mapping

    def __getitem__(self, key: str) -> Room:
        return self._rooms[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rooms)

    def __len__(self) -> int:
        return len(self._rooms)

    # By their names.

    def key_of(self, name: str) -> str:
        """The key of the room of this name."""
        key = names.fold(name)
        return key if key in self._rooms else self._older_keys.get(key, key)

    def name_of(self, key: str) -> str:
        """What the room of this key is called; of one that is not in memory that is not known."""
        return self._rooms[key].log.name if key in self._rooms else key

    def named(self, name: str) -> Room | None:
        """The room of this name, if it is in memory."""
        return self._rooms.get(self.key_of(name))

    def unknown(self, rooms: Iterable[str]) -> list[str]:
        """Those of these names, with or without #, that only `load` can tell whether there is such a room."""
        return [name for name in rooms if self._may_be_stored(name)]

    def _may_be_stored(self, name: str) -> bool:
        name = name if names.fold(name).startswith("#") else f"#{name}"
        if self.key_of(name) in self._rooms:
            return False
        try:
            names.check_room(name)
        except Refused:
            return False
        return True

    def check_holding(self, name: str, host: str) -> None:
        """Raises `Refused` where nobody is in the room of this name, and this address holds as many as it may."""
        key = self.key_of(name)
        if key == LOBBY or (key in self._rooms and self._rooms[key].members):
            return
        if self._holders[host] >= limits.ROOMS_PER_HOST:
            raise Refused(
                "too-many",
                say(
                    "Your address keeps {limit} rooms open already. Leave one, or join one where somebody is.",
                    limit=limits.ROOMS_PER_HOST,
                ),
            )

    def holdable(self, rooms: Iterable[Room], host: str) -> Iterator[Room]:
        """Those of these rooms that people of this address may come into together."""
        left = limits.ROOMS_PER_HOST - self._holders[host]
        for room in rooms:
            if not room.members and room.log.key != LOBBY:
                left -= 1
                if left < 0:
                    continue
            yield room

    def is_new(self, name: str) -> bool:
        """Whether no room was ever called so, as far as is known after `load`; raises `Refused` where none may be."""
        key = self.key_of(names.check_room(name))
        return key not in self._rooms and key not in self._privacy and not self._roles.holders(key)

    def make(self, name: str) -> Room:
        """The room of this name, made if there is none; raises `Refused` where that is not allowed."""
        key = self.key_of(name)
        room = self._rooms.get(key)
        if room is None:
            checked = names.check_room(name)
            if key != STAFF:
                self._make_place()
            room = self._add(key, checked, 0)
        return room

    def find(self, name: str, inside: Container[str] | None) -> Room:
        """The room of this name, with or without its #, for somebody who is `inside` these (None sees all of them).

        Raises `Refused` where there is none in memory; one that is private is not there for others.
        """
        shown = name[: limits.NAME_READ]
        if name.startswith("@"):
            raise Refused("room-bad", say("{name} is a person; a room is what this is about.", name=shown))
        if not names.fold(name).startswith("#"):
            name = shown = f"#{shown}"
        key = self.key_of(name)
        if key in self._rooms and (inside is None or self.is_seen(key, inside)):
            return self._rooms[key]
        names.check_room(name)
        near = self._nearest(name, inside)
        sentence = say("There is no room {room}. /join {room} makes it.", room=shown)
        if near is not None:
            sentence = say("There is no room {room}; is it {near}? /join {room} makes it.", room=shown, near=near)
        raise Refused("no-room", sentence)

    async def load(self, name: str) -> bool:
        """Have the room of this name in memory, if there ever was one; returns whether there was.

        Before a room is made by `make`, for its numbers must go on.
        """
        key = self.key_of(name if names.fold(name).startswith("#") else f"#{name}")
        if key not in self._rooms:
            if self._forgot:
                await self._turn.flush()  # what was said last in it, and is not stored yet, has its numbers, too
            kept = await self._store.room(key)
            if kept is not None and key not in self._rooms:
                self._make_place()
                self._add(key, kept.name, kept.head).topic = kept.topic
        return key in self._rooms

    # Which of them are for everybody.

    def is_private(self, key: str) -> bool:
        """Whether the room of this key is there only for who is in it, be it in memory or not."""
        return self._privacy.get(key, PUBLIC).private

    def privacy(self, key: str) -> Privacy:
        """Who may come into the room of this key."""
        return self._privacy.get(key, PUBLIC)

    def check_one_more_private(self, key: str) -> None:
        """Raises `Refused` where so much is kept of others that this one cannot be private."""
        if key not in self._privacy and len(self._privacy) >= limits.PRIVATE_ROOMS:
            raise Refused("too-many", say("There are {limit} private rooms already.", limit=limits.PRIVATE_ROOMS))

    def set_privacy(self, key: str, privacy: Privacy) -> None:
        """From now on these may come into it."""
        self._privacy[key] = privacy
        if key in self._rooms:
            self._rooms[key].privacy = privacy

    def is_seen(self, key: str, inside: Container[str]) -> bool:
        """Whether the room of this key is there for somebody who is in these rooms."""
        return key in inside or not self.is_private(key)

    def told(self, record: Record) -> None:
        """Another node has changed this of a room."""
        if record.kind == KIND:
            self.set_privacy(record.key, of_record(record))
        elif record.kind == "topic" and record.key in self._rooms:
            self._rooms[record.key].topic = record.value or ""

    def elsewhere(self, key: str, name: str, head: int) -> Room:
        """The room of this key, where somebody is on another node, or something is said; what else there is of it the
        store tells."""
        room = self._rooms.get(key) or self._add(key, name, head)

        def found(kept: KeptLog | None) -> None:
            if kept is not None:
                room.log.name = kept.name
                room.log.head = room.log.head or kept.head
                room.topic = room.topic or kept.topic

        if not room.log.head or not room.topic:
            self._store.room(key).addCallbacks(found, lambda failure: failure.trap(NotStored))
        return room

    def _add(self, key: str, name: str, head: int) -> Room:
        log = Log(key, name, self._tails, head, names.fold(name) not in self._unrecorded or key == STAFF)
        has_voice = partial(self._measures.has_voice, key)
        room = self._rooms[key] = Room(log, self._clock, self._turn.append, self._holders, has_voice)
        room.measured = self._measures.concern(key)
        room.privacy = self.privacy(key)
        return room

    def _make_place(self) -> None:
        """Where there are as many rooms as there may be, forget one in which nobody is, nor at its door."""
        if not self._has_place and not self._forget_one():
            raise Refused("too-many", say("There are {limit} rooms already.", limit=limits.ROOMS))

    def trim(self) -> None:
        """Where another node made more rooms than there may be, forget those in which nobody is."""
        while not self._has_place and self._forget_one():
            pass

    @property
    def _has_place(self) -> bool:
        return len(self._rooms) < limits.ROOMS + (STAFF in self._rooms)

    def _forget_one(self) -> bool:
        """Returns whether there was one in which nobody is, nor at its door."""
        for key, room in self._rooms.items():
            if not room.members and key not in (LOBBY, STAFF) and not self._locked.waiting(key):
                del self._rooms[key]
                self._forgot = True
                room.log.forget()
                self._store.let_go(KeptLog(key, room.log.name, room.log.head, room.topic))
                return True
        return False

    def _nearest(self, name: str, inside: Container[str] | None) -> str | None:
        """The room that was most likely meant, of some that people are in."""
        some = [
            key
            for key, room in islice(self._rooms.items(), limits.NEAR_LOOKED_AT)
            if room.members and (inside is None or self.is_seen(key, inside))
        ]
        near = nearest(names.fold(name), some)
        return None if near is None else self._rooms[near].log.name
