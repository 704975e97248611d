"""Somebody: what they are called, where they are, what they may read, and how far they have read.

A person has one session on each of their devices (`chat.core.session`).  What others see of their coming and going is
one table (`chat.core.presence`), which the hub follows.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.base.unchanged import NOTHING, all_but
from chat.core.batch import People, Restorable, Sessions
from chat.core.ports import Admission, PersonRecord, Progress, Role, Token
from chat.core.presence import Presence
from chat.core.privacy import STAFF
from chat.core.room import Room
from chat.log.events import Author, PutOut
from chat.log.log import Log
from chat.log.unread import Listener
from chat.wire.answers import Notice


class Reach(NamedTuple):
    """How much of a log somebody may read."""

    heard: int
    """The place behind which everything comes to them."""

    said: int | None
    """The place behind which what people said is shown when they ask for it; None: not at all."""


class Scope(NamedTuple):
    """By which token a session came in, and the keys of the rooms that it may be in; None is any."""

    token: str
    rooms: frozenset[str] | None

    def leads_to(self, key: str) -> bool:
        """Whether it is for the room of this key."""
        return self.rooms is None or key in self.rooms


class Device(Restorable, Protocol):
    """What a person and the hub know of a session."""

    id: str
    digest: str
    """By which its resume code is known."""

    host: str
    """The address from which it came last."""

    key: str | None
    """The fingerprint of the key of ssh by which it came last."""

    down_since: float
    """Since when it has no connection (in the clock's seconds), where it has none: a date may be set meanwhile."""

    node: str
    """The other node that it belongs to, "" where that is this one."""

    person: "Person"
    seen_at: datetime
    """When it was known last that all was seen that it was given."""

    unread: bool
    """Up to where it was given each log is not known here: another node has it, or had it, and the store knows."""

    scope: Scope | None
    """What it may, where it is a program that came in by a token."""

    @property
    def is_bot(self) -> bool:
        """A program is there: it came in by a token, or has said so."""

    def called(self) -> None:
        """The person has a nickname, or another one."""

    def hear(self, log: Log, position: int) -> None:
        """Read a log on from a position."""

    def hear_no_more(self, log: Log) -> None:
        """Read a log no more."""

    def hear_nothing(self) -> None:
        """Read no log any more."""

    def hear_differently(self) -> None:
        """What it is given looks different from now on."""

    def notice(self, key: str, notice: Notice) -> None:
        """What state something has by now, told at the end of the turn: of each `key` only the last."""

    @property
    def keeps_list(self) -> bool:
        """Its client keeps a list of who is where, and shows what state they are in."""

    def send_away(self, refused: Refused) -> None:
        """Its connection ends, for this reason."""

    def may_read(self, log: Log) -> bool:
        """Whether they may read a log here."""

    def given(self, log: Log) -> int:
        """Up to where it was given this log."""

    def was_given(self, given: Mapping[str, int]) -> None:
        """Up to where it was given each log, as that is stored."""

    def progress(self) -> Progress:
        """How far they have read on it."""

    def reading(self, log: Log) -> bool:
        """Whether somebody who looks at it reads this log: it is the current room's, on a wire of people."""


class Departed(NamedTuple):
    """Somebody who has left: how they were called, and when that was."""

    id: str
    nick: str
    user: str
    realname: str
    at: datetime


class Person:
    """Keyed by an id of their own; a guest is there as long as a session of theirs."""

    __slots__ = (
        "admitted",
        "attached",
        "away",
        "detached",
        "down_since",
        "earlier",
        "elsewhere",
        "entered_at",
        "everybodys",
        "formerly",
        "grace",
        "id",
        "ignored",
        "is_bot",
        "joined",
        "last_from",
        "log",
        "measured",
        "nick",
        "password",
        "presence",
        "read",
        "realname",
        "roles",
        "rooms",
        "senders",
        "spoke_at",
        "stored",
        "tokens",
        "user",
    )  # fmt: skip

    def __init__(self, id: str, log: Log, everybodys: Log, now: datetime) -> None:
        self.id = id
        self.everybodys = everybodys
        """The server's log."""
        self.log = log
        """What is said to and by them in private."""
        self.nick = ""
        self.earlier: tuple[str, ...] = ()
        """What they were called since the server started, the last at the end."""
        self.formerly: tuple[str, ...] = ()
        """The ids of those who they were before they logged in, or came back as a guest, since the server started, the
        last at the end."""
        self.password: str | None = None
        """What is kept of it; who has one has an account, and is not gone with their last session."""
        self.roles: Mapping[str, Role] = NOTHING
        """By the key of a room's log, or by that of the server's (see `chat.core.roles`)."""
        self.measured = False
        """See `chat.core.measures`."""
        self.tokens: Mapping[str, Token] = NOTHING
        """By what they are called, folded; see `chat.core.tokens`."""
        self.is_bot = False
        """Nobody but programs is here as them."""
        self.user = self.realname = ""
        """What they call themselves besides, with an IRC client: on their machine, and in life."""
        self.presence = Presence.ENTERING
        self.attached: tuple[Device, ...] = ()
        """Their sessions that have a connection, in the order of their coming."""
        self.detached: tuple[Device, ...] = ()
        """Those that may still come back, by their codes."""
        self.elsewhere: tuple[Device, ...] = ()
        """Those that have a connection on another node."""
        self.rooms: Mapping[str, Room] = NOTHING
        """By their keys, in the order of their coming."""
        self.joined: Mapping[str, int] = NOTHING
        """The place in its log, by its key, at which they came into each room."""
        self.admitted: Mapping[str, Admission] = NOTHING
        """By their keys, to which rooms they belong that are private, or were; the one they went to last at the end."""
        self.read: Mapping[str, int] = NOTHING
        """Up to where they have read a log, by its key; see `read_up_to`."""
        self.away: str | None = None
        """What they said on going away, None while they are here."""
        self.ignored: Mapping[str, str] = NOTHING
        self.last_from: str | None = None
        """Whom /reply answers."""
        self.senders: tuple[str, ...] = ()
        """Who wrote to them while their line is down."""
        self.entered_at = self.spoke_at = now
        self.down_since: float | None = None
        """Since when their line is down (in the clock's seconds), None while it is not."""
        self.grace: IDelayedCall | None = None
        """Ends the time for which the others see nothing of that."""
        self.stored = False
        """The store has something of theirs, which goes with them."""

    @property
    def has_account(self) -> bool:
        """They have a password: their nickname is theirs, also while they are away."""
        return self.password is not None

    @property
    def author(self) -> Author:
        """Who they are in what all their devices are told of; of several, none hears it as the others do."""
        device = self.attached[-1].id if self.attached else self.id
        return Author(self.id, device, self.nick, self.is_bot, account=self.has_account, realname=self.realname)

    @property
    def host(self) -> str:
        """The address from which they came last, "" where they never did."""
        for sessions in (self.attached, self.elsewhere, self.detached):
            if sessions:
                return sessions[-1].host
        return ""

    @property
    def key(self) -> str:
        """The fingerprint of the key by which they came last, "" where there is none.

        Of a guest who came by another node, or before a restart, it is not known; then what is kept of the code by
        which they would come back, for that is their key, if they had one.
        """
        here = (*self.attached[::-1], *self.detached[::-1])
        codes = () if self.has_account else (*self.elsewhere[-1:], *self.detached[-1:])
        return next((session.key for session in here if session.key), None) or next((one.digest for one in codes), "")

    @property
    def logs(self) -> Mapping[str, Log]:
        """What they hear, by the names that programs know."""
        logs = {"@": self.log, **{room.log.name: room.log for room in self.rooms.values()}}
        if self.everybodys.head:
            logs[self.everybodys.name] = self.everybodys
        return logs

    # Their sessions.

    @property
    def sessions(self) -> tuple[Device, ...]:
        """All of them."""
        return (*self.attached, *self.elsewhere, *self.detached)

    @property
    def connected(self) -> bool:
        """A session of theirs has a connection, wherever that is."""
        return bool(self.attached or self.elsewhere)

    @property
    def is_elsewhere(self) -> bool:
        """Other nodes have sessions of theirs."""
        return bool(self.elsewhere) or any(session.node for session in self.detached)

    def attach(self, session: Device) -> None:
        """A session of theirs has a connection."""
        self.detached, self.elsewhere = _without(self.detached, session), _without(self.elsewhere, session)
        self.attached = (*_without(self.attached, session), session)
        self.look_for_people()

    def attach_elsewhere(self, session: Device) -> None:
        """A session of theirs has a connection on another node."""
        self.end(session)
        self.elsewhere = (*self.elsewhere, session)
        self.look_for_people()

    def detach(self, session: Device) -> None:
        """A session of theirs has a connection no more, and may come back."""
        self.end(session)
        self.detached = (*self.detached, session)

    def end(self, session: Device) -> None:
        """A session of theirs is over."""
        self.attached = _without(self.attached, session)
        self.elsewhere = _without(self.elsewhere, session)
        self.detached = _without(self.detached, session)
        self.look_for_people()

    def look_for_people(self) -> None:
        """Where nothing of theirs is here any more, they go as what they were."""
        if sessions := (*self.attached, *self.elsewhere) or self.detached:
            self.is_bot = all(session.is_bot for session in sessions)

    def others(self, session: Device) -> Sequence[Device]:
        """Their other sessions that have a connection."""
        return _without(self.attached, session)

    def turned_out(self, *others: str) -> None:
        """These, by their ids, turn out to be they."""
        self.formerly = (*(old for old in self.formerly if old not in others), *others)[-limits.FORMERLY_KNOWN :]

    def was(self, id: str) -> bool:
        """Whether somebody of this id is they, or turned out to be."""
        return id == self.id or id in self.formerly

    def called(self, nick: str) -> None:
        """This is their nickname from now on."""
        if self.nick and self.nick != nick:
            self.earlier = (*(old for old in self.earlier if old != self.nick), self.nick)[-limits.NICKNAMES_KNOWN :]
        self.nick = nick
        for session in self.sessions:
            session.called()

    # Where they are, and what they may read.

    def may_join_one_more(self) -> None:
        """Raises `Refused` where they are in too many rooms."""
        if len(self.rooms) >= limits.ROOMS_PER_PERSON:
            raise Refused(
                "too-many",
                say("You are in {limit} rooms. /leave one of them first.", limit=limits.ROOMS_PER_PERSON),
            )

    def join(self, room: Room) -> None:
        """Be in one more room."""
        self.joined = {**self.joined, room.log.key: room.log.head}
        self.rooms = {**self.rooms, room.log.key: room}
        room.join(self)

    def admit(self, key: str, behind: int, came: bool) -> None:
        """They belong to the room of this key from now on, and read it from there on; where they did, from where they
        did.

        Of very many rooms, first the oldest invitation that they did not follow is forgotten.
        """
        before, others = self.admitted.get(key), all_but(self.admitted, key)
        if len(others) >= limits.ADMISSIONS:
            outside = [other for other in others if other not in self.rooms]
            others = all_but(others, min(outside, key=lambda other: others[other].came))
        mine = Admission(behind, came) if before is None else before._replace(came=before.came or came)
        self.admitted = {**others, key: mine}

    def part(self, room: Room, text: str, put_out: PutOut = "") -> None:
        """Be in one room less."""
        self.rooms = all_but(self.rooms, room.log.key)
        room.leave(self, text, put_out=put_out)
        self.forget_place(room)

    def stay_in(self, rooms: Iterable[Room]) -> Sequence[Room]:
        """Of their rooms, where nobody sees them, be in these only; returns those that are lost."""
        before, self.rooms = self.rooms, {room.log.key: room for room in rooms}
        lost = [room for key, room in before.items() if key not in self.rooms]
        for room in lost:
            self.forget_place(room)
        return lost

    def forget_place(self, room: Room) -> None:
        """They are not in it any more."""
        self.joined = all_but(self.joined, room.log.key)
        self.read = all_but(self.read, room.log.key)

    def reach(self, log: Log) -> Reach | None:
        """The one place that says what they may read, and from where on: their own log, the server's, and those of
        rooms they are in.

        A recorded room tells what was said before to whoever is in it, but not who came and went; of one that is not
        recorded everybody has what they heard.  What was said while it was private stays with those who belonged to it.
        """
        if log is self.log:
            return Reach(0, 0)
        if log is self.everybodys:
            return Reach(0, None)
        room = self.rooms.get(log.key)
        if room is None:
            return None
        if log.key == STAFF:  # all of it is for whoever runs the server now, and nothing for anybody else
            return Reach(self.joined[log.key], 0) if self.everybodys.key in self.roles else None
        admission = self.admitted.get(log.key)
        behind = room.privacy.opened if admission is None else admission.behind
        return Reach(self.joined[log.key], behind if log.recorded else None)

    def may_read(self, log: Log) -> bool:
        """Whether they may read it at all."""
        return self.reach(log) is not None

    def at_least(self, log: Log, position: int) -> int:
        """A place that they may read on from, however far back they would like to."""
        reach = self.reach(log)
        return log.head if reach is None else max(position, reach.heard)

    # What they have read.

    def read_up_to(self, log: Log) -> int:
        """Up to where they have read a log: what they said so, and what was given to a session that shows it.

        Only of where they do not look any more it is noted: who looks at a room reads what is given.
        """
        shown = [session.given(log) for session in (*self.attached, *self.detached) if session.reading(log)]
        return max([self.at_least(log, self.read.get(log.key, 0)), *shown])

    def mark_read(self, log: Log, position: int) -> bool:
        """They have read so far; returns whether that is news, for it only grows."""
        news = position > self.read_up_to(log)
        self.read = {**self.read, log.key: max(position, self.read.get(log.key, 0))}
        return news

    @property
    def listener(self) -> Listener:
        """For whom is counted what they have not read."""
        return Listener(self.id, self.nick, frozenset(self.ignored))

    # What is remembered.

    @property
    def restorable(self) -> bool:
        """(Restorable) They have come, and have not left for good."""
        return self.presence not in (Presence.ENTERING, Presence.LEFT)

    def remember(self, people: People, sessions: Sessions) -> None:
        """(Restorable) What brings them back after a restart; nothing, once they have left."""
        if not self.restorable:
            people[self.id] = None
            return
        people[self.id] = PersonRecord(
            self.nick,
            self.presence is Presence.ABSENT,
            self.away,
            self.last_from,
            self.entered_at,
            self.spoke_at,
            {key: self.joined[key] for key in self.rooms},
            {log.key: self.read_up_to(log) for log in self.logs.values()},
            self.ignored,
            self.senders,
            self.password,
            self.roles,
            list(self.tokens.values()),
            self.admitted,
            self.user,
            self.realname,
        )


def _without(sessions: Sequence[Device], session: Device) -> tuple[Device, ...]:
    return tuple(other for other in sessions if other is not session) if session in sessions else tuple(sessions)
