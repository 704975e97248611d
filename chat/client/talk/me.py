"""Who and where we are on the server, learnt from what it says; and the lines that we sent it."""

from collections.abc import Mapping, Sequence

from chat.base import limits, names
from chat.base.errors import Refused
from chat.base.named_tuples import NamedTuple
from chat.client.talk.objects import (
    Announced,
    Audited,
    Came,
    Invited,
    Measured,
    Missed,
    NotDelivered,
    Object,
    PrivacySet,
    Redacted,
    Reply,
    RoleGiven,
    Room,
    Said,
    StopAnnounced,
    Welcome,
    number,
)
from chat.wire.requests import Request

PRIVATE = "@"
"""The name of one's own log, that of private talk."""

SERVER = "*"
"""The name of the server's, of what everybody is told."""


class SentLine(NamedTuple):
    """What was typed, and the id by which the server confirms it; `before` asks for a page of history before it.

    `room` is where it belongs, wherever we are by then; what is `said` is talk, whatever it begins with.
    """

    id: str
    text: str
    before: int | None = None
    room: str | None = None
    said: bool = False
    password: str | None = None
    """In place of a text: it is sent once, and kept nowhere."""
    shown: str | None = None
    """As said by whom it is to be shown, where a bot speaks for others."""

    def request(self, seen: Mapping[str, int] | None = None) -> Request:
        """What the server is asked with it."""
        return Request(
            self.text, self.id, self.room, self.before, seen or {}, self.said, password=self.password, shown=self.shown
        )


class Me:
    """Nickname, rooms, resume code, and what was heard.

    Of `rooms`, named as the server writes them, the current one is the last.  `seen` has the number of the last event
    that came from each of their logs; of a log that it does not have, the server knows as much as we.  `shown` is as
    much of it as has left this program: what else came is lost with it, and has to come again.

    What a server says of rooms is asked for again in lines that have to be short enough: whatever is no room's name,
    and more rooms than anybody can be in, are not noted.
    """

    def __init__(self) -> None:
        self.nick: str | None = None
        self.rooms: list[str] = []
        self.code: str | None = None
        self.seen: dict[str, int] = {}
        self.shown: Mapping[str, int] = {}

    def note(self, what: Object | None) -> None:
        """Take from an object what it says about us."""
        match what:
            case Welcome():
                self._welcomed(what)
            case Announced(room, seq=int(seq)) | StopAnnounced(room, seq=int(seq)) | NotDelivered(room, seq=int(seq)):
                self.seen[room] = seq
            case (
                Said(room, seq=int(seq))
                | Came(_, room, seq=int(seq))
                | RoleGiven(room, seq=int(seq))
                | Measured(room, seq=int(seq))
                | PrivacySet(room, seq=int(seq))
                | Invited(room, seq=int(seq))
                | Audited(room, seq=int(seq))
                | Redacted(room, seq=int(seq))
            ):
                if isinstance(what, Measured) and room == PRIVATE and what.what in ("kick", "ban"):
                    self.rooms = [other for other in self.rooms if other != what.place]
                    self._forget_other_rooms()
                log = log_of(room)
                if log == PRIVATE or log in self.rooms:
                    self.seen[log] = seq
            case Missed(room, count) if room in self.seen:
                self.seen[room] += count
            case Reply("join", facts={"room": str(room)}) if _is_room(room):
                if room not in self.rooms and (head := number(what.facts, "head")) is not None:
                    self._begin({room: head})
                self._go(room)
            case Reply("leave", facts={"room": str(room)}):
                self.rooms = [other for other in self.rooms if other != room]
                self._forget_other_rooms()
                if isinstance(current := what.facts.get("current"), str) and _is_room(current):
                    self._go(current)
            case Reply("nick", facts={"nick": str(nick)}) if len(nick) <= limits.NAME_READ:
                self.nick = nick

    def did(self, came: Came) -> bool:
        """Whether this is what we did ourselves."""
        match came.type:
            case "renamed":
                return self.nick in (came.author, came.to)
            case "topic":
                return came.author == self.nick
        return came.who == (self.nick,)

    def all_shown(self) -> None:
        """Whatever came has left this program."""
        self.shown = dict(self.seen)

    def _welcomed(self, welcome: Welcome) -> None:
        self.nick = welcome.nick
        rooms = [room for room in welcome.rooms if _is_room(room.name)]
        self.rooms = [room.name for room in rooms]
        if welcome.room in self.rooms:
            self._go(welcome.room)
        known = welcome.back and welcome.code == self.code
        self.code = welcome.code
        if not known:
            # Of private talk a new person has seen all; what somebody else has, whose code was used, the server knows.
            self.seen = {} if welcome.back else {PRIVATE: 0}
            self.shown = dict(self.seen)
        self._begin({room: head for room, head in _heads(rooms).items() if room not in self.seen})
        self._forget_other_rooms()

    def _begin(self, heads: Mapping[str, int]) -> None:
        """Hear these logs from here on."""
        self.seen = {**self.seen, **heads}
        self.shown = {**self.shown, **heads}

    def _go(self, room: str) -> None:
        others = [other for other in self.rooms if other != room]
        self.rooms = [*others[1 - limits.ROOMS_PER_PERSON :], room]
        self._forget_other_rooms()

    def _forget_other_rooms(self) -> None:
        ours = {PRIVATE, SERVER, *self.rooms}
        self.seen = {log: seq for log, seq in self.seen.items() if log in ours}
        self.shown = {log: seq for log, seq in self.shown.items() if log in ours}


def log_of(room: str) -> str:
    """In which log it counts what is said there: all that is private has one."""
    return PRIVATE if room.startswith(PRIVATE) else room


def _heads(rooms: Sequence[Room]) -> Mapping[str, int]:
    return {room.name: room.head for room in rooms if room.head is not None}


def _is_room(name: str) -> bool:
    try:
        return names.check_room(name) == name
    except Refused:
        return False
