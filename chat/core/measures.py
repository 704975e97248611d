"""Measures: what keeps somebody from talking, or out, in one room or on the whole server, and until when; and what
holds for a whole room: that it is slow, how many people come in, or that its topic is locked.

One is of a person, whatever they are called and on however many devices, or of everybody in a room; that a room is
locked is of everybody.  It is a record of
its own: it is known before its room is in memory, and survives restarts.  Those of a guest end with the guest, or go
along into the account that the guest turns out to be.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Literal, Protocol, get_args

from chat.base import limits, names, resume_codes
from chat.base.errors import Code, Refused
from chat.base.language import Sentence, duration, say
from chat.base.named_tuples import NamedTuple
from chat.core.person import Person
from chat.core.ports import Record
from chat.core.roles import SERVER
from chat.core.turn import Turn
from chat.wire import phrases

Kind = Literal["mute", "voice", "ban", "slow", "limit", "lock-topic", "lock", "class"]

CLASS = "class"
"""The reason of what class mode does to the lobby, to which nobody gives one: it ends with it."""

RECORDS = "measure"
"""The kind of their records."""


class Measure(NamedTuple):
    """`whom` it hits by their id, by a nickname that nobody had (`named`), or "" for everybody; `where` by the key of a
    room's log, or by that of the server's."""

    kind: Kind
    where: str
    whom: str
    nick: str
    """What they were called, "" for everybody."""
    room: str
    """What the room is called."""
    by: str | None
    """Who took it; None: the control socket."""
    why: str
    since: datetime
    until: datetime | None
    """None is for ever."""
    host: str = ""
    """The address that it closes, too."""
    every: int = 0
    """Where it is slow: so many seconds have to pass between two lines of somebody."""
    most: int = 0
    """So many people come into the room, where that is limited."""
    fingerprint: str = ""
    """The key of ssh that it closes, too; or what is kept of the code that this key is."""

    @property
    def holder(self) -> str:
        """Of whom, or of which room, it is one."""
        return self.whom or self.where

    @property
    def key(self) -> str:
        """That of its record: of each kind somebody has one in each place."""
        return f"{self.kind} {self.whom} {self.where}"

    @property
    def record(self) -> Record:
        """By which it is kept."""
        until = None if self.until is None else self.until.isoformat()
        parts = {"nick": self.nick, "room": self.room, "by": self.by, "why": self.why, "host": self.host}
        times = {"since": self.since.isoformat(), "until": until, "every": self.every}
        most = {"most": self.most} if self.most else {}
        keys = {"fingerprint": self.fingerprint} if self.fingerprint else {}
        return Record(RECORDS, self.key, json.dumps({**parts, **times, **most, **keys}))

    def left(self, now: datetime) -> int | None:
        """For how many seconds more it holds, of many in whole minutes; None is for ever."""
        if self.until is None:
            return None
        seconds = ceil((self.until - now).total_seconds())
        return seconds if seconds <= 60 else ceil(seconds / 60) * 60


def named(nick: str) -> str:
    """Stands for whoever comes by this nickname."""
    return _NAMED + names.fold(nick)


_NAMED = "~"


def read(key: str, value: str) -> Measure | None:
    """The measure of a record; None for one that is not as it was written."""
    try:
        kind, whom, where = key.split(" ", 2)
        parts = json.loads(value)
        since, until = datetime.fromisoformat(parts["since"]), parts["until"]
        measure = Measure(
            kind,  # type: ignore[arg-type]  # is looked at below
            where,
            whom,
            parts["nick"],
            parts["room"],
            parts["by"],
            parts["why"],
            since,
            None if until is None else datetime.fromisoformat(until),
            parts["host"],
            parts.get("every", 0),
            parts.get("most", 0),
            parts.get("fingerprint", ""),
        )
        texts = (measure.nick, measure.room, measure.by or "", measure.why, measure.host, measure.fingerprint)
        whole = kind in get_args(Kind) and where[:1] in ("#", SERVER) and all(isinstance(text, str) for text in texts)
        whole = whole and isinstance(measure.every, int) and (measure.every > 0) == (kind == "slow")
        whole = whole and isinstance(measure.most, int) and (measure.most > 0) == (kind == "limit")
        aware = since.tzinfo is not None and (measure.until is None or measure.until.tzinfo is not None)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return measure if whole and aware else None


_CLASS_KEY = f"class  {SERVER}"


class Measurable(Protocol):
    """A person or a room."""

    measured: bool
    """A measure may be in force: who talks is looked at."""


class Measures:
    """All that are in force; `subjects` are the people and rooms in memory that a holder's may concern, by their ids
    and keys."""

    def __init__(
        self,
        turn: Turn,
        now: Callable[[], datetime],
        records: Iterable[Record],
        subjects: Callable[[str], Iterable[tuple[str, Measurable]]],
    ) -> None:
        self._turn = turn
        self._now = now
        self._subjects = subjects
        self._of: dict[str, dict[str, Measure]] = {}
        """By their holders, then by their keys."""
        self._at: dict[str, dict[str, Measure]] = {}
        """By their places, then by their keys."""
        self._closed: dict[str, Measure] = {}
        """By the addresses that they close, and by the keys."""
        self._watched: set[str] = set()
        """The ids of those whose lines are looked at for another reason."""
        for record in records:
            if record.kind == RECORDS and record.value is not None and (found := read(record.key, record.value)):
                self._put(found)

    def concern(self, holder: str) -> bool:
        """Whether there may be one of this person, or of this room: without one nothing is looked at."""
        if not holder.startswith("#") or SERVER not in self._of:
            return holder in self._of or holder in self._watched
        return holder in self._of or any(measure.kind != "class" for measure in self._of[SERVER].values())

    def watch(self, person: Person, on: bool) -> None:
        """Their lines are looked at whatever measures there are, or not any more."""
        if on:
            self._watched.add(person.id)
        else:
            self._watched.discard(person.id)
        person.measured = self.concern(person.id)

    def stored(self, record: Record) -> None:
        """One was taken, or ended, on another node."""
        _, whom, where = record.key.split(" ", 2)
        holder = whom or where
        if (before := self._of.get(holder, {}).get(record.key)) is not None:
            self._drop(before)
        if record.value is not None and (found := read(record.key, record.value)) is not None:
            self._put(found)
        self._flag(holder)

    def take(self, measure: Measure) -> Measure | None:
        """It is in force from now on, instead of the one that is returned, if any; its record is kept by whoever calls
        this."""
        before = self._of.get(measure.holder, {}).get(measure.key)
        if before is not None:
            self._drop(before)
        self._put(measure)
        self._flag(measure.holder)
        return before

    def end(self, measure: Measure) -> None:
        """It holds no more; its record is taken away by whoever calls this."""
        self._drop(measure)
        self._flag(measure.holder)

    def instead(self, one: Measure | None, other: Measure | None) -> None:
        """The other holds instead of the one, of the same key, unless a third does by now; None is that none does."""
        known = one or other
        if known is None or self._of.get(known.holder, {}).get(known.key) != one:
            return
        if one is not None:
            self.end(one)
        if other is not None:
            self.take(other)

    def of_all(self, kind: Kind, where: str) -> Measure | None:
        """The one that is everybody's there."""
        return self._one(where, f"{kind}  {where}")

    def find(self, kind: Kind, where: str, nick: str, person: Person | None) -> Measure | None:
        """The one of this person, or of who was called so then; `nick` "" is everybody."""
        if not nick and person is None:
            return self.of_all(kind, where)
        fold = names.fold(nick)
        for measure in self.all(where):
            if measure.kind == kind:
                is_theirs = person is not None and measure.whom == person.id
                if is_theirs or (bool(measure.whom) == bool(nick) and names.fold(measure.nick) == fold):
                    return measure
        return None

    def all(self, where: str | None = None) -> list[Measure]:
        """All of them, or those in one place, the earliest first."""
        held = [self._at.get(where, {})] if where is not None else list(self._of.values())
        found = [measure for some in held for measure in self._valid(some)]
        return sorted(found, key=lambda measure: (measure.since, measure.nick))

    def check_one_more_named(self, where: str) -> None:
        """Raises `Refused` where as many nicknames are banned from a room as may be."""
        if sum(measure.whom.startswith(_NAMED) for measure in self.all(where)) >= limits.NICKNAMES_BANNED:
            full = say(
                "{limit} nicknames that nobody has are banned there already, /unban ends one.",
                limit=limits.NICKNAMES_BANNED,
            )
            raise Refused("too-many", full)

    def count(self, where: str) -> int:
        """How many there are in one place, which `all` looks at."""
        return len(self._at.get(where, ()))

    def carry(self, guest: str, person: Person) -> list[Measure]:
        """Those of a guest go along into the account that the guest turns out to be; returns them.

        Not where that one is beyond whoever took them, and of two the longer one stays.
        """
        carried = []
        for measure in self._in_force(guest):
            if rank(person, measure.where) < _OWNER:
                moved = measure._replace(whom=person.id, nick=person.nick)
                before = self._of.get(person.id, {}).get(moved.key)
                if before is None or (before.until is not None and (moved.until or _LATEST) > before.until):
                    self.take(moved)
                    self._turn.append_with(moved.record)
                    carried.append(moved)
        return carried

    def forget(self, person: str) -> None:
        """Nobody comes back as this person: what closes their address holds on."""
        self._watched.discard(person)
        mine = self._of.get(person, {}).values()
        self._forget([measure for measure in mine if not (measure.host or measure.fingerprint)])

    def forget_strangers(self, known: Mapping[str, Person], *more: Mapping[str, Person]) -> None:
        """After a restart: those of people who do not come back."""
        for holder in list(self._of):
            if holder[:1] not in ("#", SERVER, _NAMED) and not any(holder in some for some in (known, *more)):
                self.forget(holder)

    # What they keep from.

    def of(self, kind: Kind, person: Person | None, where: str) -> Measure | None:
        """The one of this kind that holds for somebody in this place: theirs or everybody's, there or on the server;
        None is somebody from outside."""
        if not self._of or (person is not None and SERVER in person.roles):
            return None
        if person is not None and person.measured:
            for measure in self._in_force(person.id):
                if measure.kind == kind and measure.where in (where, SERVER):
                    return measure
        for place in dict.fromkeys((where, SERVER)):
            for measure in self._in_force(place):
                if measure.kind == kind and (person is None or not rank(person, place)):
                    if kind == "mute" and person is not None and self.has_voice(place, person.id):
                        break
                    return measure
        return None

    def has_voice(self, where: str, person: str) -> bool:
        """Whether the person of this id talks in this room also while all are muted there."""
        return any(measure.kind == "voice" and measure.where == where for measure in self._in_force(person))

    def voiced(self, where: str) -> Sequence[str]:
        """The ids of those who do."""
        return [measure.whom for measure in self._valid(self._at.get(where, {})) if measure.kind == "voice"]

    def check_may_talk(self, person: Person | None, where: str) -> None:
        """Raises `Refused` for whoever is muted there, or everywhere."""
        if (measure := self.of("mute", person, where)) is not None:
            raise self.refusal(measure)

    @property
    def class_mode(self) -> Measure | None:
        """It is in force: much is closed to guests, on the whole server."""
        return self._of.get(SERVER, {}).get(_CLASS_KEY)

    def of_class(self, where: str) -> list[Measure]:
        """Those that class mode took in this room."""
        return [
            measure for measure in self._in_force(where) if measure.kind in ("slow", "lock") and measure.why == CLASS
        ]

    def check_not_closed(self, person: Person, closed: Sentence) -> None:
        """Raises `Refused` for a guest while class mode is on; the sentence says what that closes."""
        if SERVER in self._of and not person.has_account and self.class_mode is not None:
            raise Refused("not-allowed", say("Class mode is on: {closed}.", closed=closed))

    def check_may_be_seen(self, person: Person) -> None:
        """Raises `Refused` for whoever is muted anywhere: what everybody sees of somebody, their nickname and what they
        say on going, is seen there, too; and for guests while class mode is on."""
        self.check_not_closed(person, say("guests keep their nicknames, and set no away and goodbye texts"))
        if person.measured and SERVER not in person.roles:
            for measure in self._in_force(person.id):
                if measure.kind == "mute":
                    raise self.refusal(measure)
        for room in person.rooms.values():
            if room.measured:
                self.check_may_talk(person, room.log.key)

    def check_may_come(self, person: Person | None, where: str) -> None:
        """Raises `Refused` for whoever is banned there, or everywhere."""
        measure = self.of("ban", person, where)
        if measure is None and person is not None and not rank(person, where):
            measure = next((one for one in self._in_force(named(person.nick)) if one.where == where), None)
        if measure is not None:
            raise self.refusal(measure)

    def of_address(self, host: str) -> Measure | None:
        """The one that closes this address, where nobody else is known from it."""
        measure = self._closing(host)
        if measure is None:
            return None
        return measure if self._now() < measure.since + timedelta(seconds=limits.ADDRESS_BAN_SECONDS) else None

    def of_key(self, fingerprint: str) -> Measure | None:
        """The one that closes this key: whoever it is comes by no other."""
        return self._closing(fingerprint) or self._closing(resume_codes.digest(resume_codes.of_key(fingerprint)))

    def _closing(self, way: str) -> Measure | None:
        measure = self._closed.get(way)
        return None if measure is None or measure not in self._in_force(measure.holder) else measure

    def refusal(self, measure: Measure) -> Refused:
        """What those hear whom it keeps from something."""
        left = measure.left(self._now())
        time = phrases.for_ever() if left is None else phrases.for_time(duration(left))
        place = phrases.place(measure.room)
        if measure.kind == "ban":
            told = say("You are banned {place} {time}", place=place, time=time)
        elif not measure.whom:
            told = say("Everybody but operators is muted {place} {time}", place=place, time=time)
        else:
            told = say("You are muted {place} {time}", place=place, time=time)
        code: Code = "banned" if measure.kind == "ban" else "muted"
        return Refused(code, say("{told}.", told=phrases.because(told, measure.why)))

    # How they are held.

    def _in_force(self, holder: str) -> list[Measure]:
        """Those of this holder; what is over is forgotten."""
        return self._valid(self._of[holder]) if holder in self._of else []

    def _one(self, holder: str, key: str) -> Measure | None:
        found = self._of.get(holder, {}).get(key)
        return found if found is not None and self._valid({key: found}) else None

    def _valid(self, measures: Mapping[str, Measure]) -> list[Measure]:
        now, found = self._now(), list(measures.values())
        if over := [measure for measure in found if measure.until is not None and measure.until <= now]:
            self._forget(over)
        return [measure for measure in found if measure not in over]

    def _forget(self, measures: Iterable[Measure]) -> None:
        for measure in measures:
            self.end(measure)
            self._turn.append_with(Record(RECORDS, measure.key, None))

    def _put(self, measure: Measure) -> None:
        self._of.setdefault(measure.holder, {})[measure.key] = measure
        self._at.setdefault(measure.where, {})[measure.key] = measure
        for closed in filter(None, (measure.host, measure.fingerprint)):
            self._closed[closed] = measure

    def _drop(self, measure: Measure) -> None:
        if self._of.get(measure.holder, {}).pop(measure.key, None) is None:
            return
        del self._at[measure.where][measure.key]
        for some, key in ((self._of, measure.holder), (self._at, measure.where)):
            if not some[key]:
                del some[key]
        for closed in (measure.host, measure.fingerprint):
            if self._closed.get(closed) == measure:
                del self._closed[closed]

    def _flag(self, holder: str) -> None:
        """The one place that says whether somebody's lines are looked at."""
        for key, subject in self._subjects(holder):
            subject.measured = self.concern(key)


def kicked(why: str) -> Refused:
    """What those hear who are sent away from the server."""
    told = phrases.because(say("You were sent away from this server"), why)
    return Refused("kicked", say("{told}.", told=told))


_LATEST = datetime.fromisoformat("9000-01-01T00:00:00+00:00")


_OPERATOR, _OWNER, _OF_SERVER = 1, 2, 3


def rank(person: Person, where: str) -> int:
    """How much somebody has to say in a room, or on the server; 0: no more than everybody."""
    if SERVER in person.roles:
        return _OF_SERVER
    role = person.roles.get(where)
    return 0 if role is None else _OWNER if role == "owner" else _OPERATOR


def check_may_hit(by: Person | None, person: Person, where: str) -> None:
    """The one place that says who may hit whom: whoever has less to say there; raises `Refused` for anybody else.

    None is the control socket, which hits everybody.
    """
    if by is person:
        raise Refused("usage", say("That is yourself."))
    if by is not None and rank(person, where) >= rank(by, where):
        if rank(person, where) == _OF_SERVER:
            sentence = say("{nick} runs this server. Nothing was done.", nick=person.nick)
        elif rank(person, where) == _OWNER:
            sentence = say("{nick} is the owner of the room. Nothing was done.", nick=person.nick)
        else:
            sentence = say("{nick} is an operator of the room, as you are. Nothing was done.", nick=person.nick)
        raise Refused("not-allowed", sentence)


def check_may_free(by: Person | None, person: Person, where: str) -> None:
    """Who may hit somebody ends what was done to them, too, and nobody does so for themselves, not through a friend
    whom they made an operator either; raises `Refused` for anybody else.

    Whoever runs the server is hit by nobody, and ends everything.
    """
    if by is None or SERVER not in by.roles:
        check_may_hit(by, person, where)
