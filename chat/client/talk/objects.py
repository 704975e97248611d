"""What the server says, as the client understands it: named tuples, read from checked JSON objects.  (As dataclasses
they took 8 ms of each start.)

Nothing that comes from a server is trusted.  A key of the wrong type counts as missing; an object without a key that
it cannot do without, or of an unknown type, is none of ours (`understand` returns None) and is skipped.  Dates that
no calendar here can show, numbers out of range, and names and ids that are longer than any (they are remembered, and
sent back) count as missing too.  Texts are as they came: whoever shows them makes them `visible`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

from chat.base import limits
from chat.base.named_tuples import NamedTuple
from chat.wire import phrases

Raw = Mapping[str, object]

_NUMBERS = range(2**63)
_YEARS = range(1970, 9999)


class Hello(NamedTuple):
    """From here on the server speaks JSON; `motd` is its operator's message of the day.

    Where it `acks`, what answers a line ends with an ack or an error; else it is one object.  A `password` that comes
    before all else is wanted, or ("needs-tls") not taken on this connection.
    """

    server: str
    motd: tuple[str, ...]
    acks: bool = False
    password: str | None = None


class Standing(NamedTuple):
    """Up to where somebody has `read` a log, and how much of what there is up to `last` is `unread` behind that, and
    calls them; where the server keeps that."""

    read: int | None = None
    unread: int | None = None
    mentions: int | None = None
    last: int | None = None


class Room(NamedTuple):
    """A room as one finds it: `head` is the number after which it is heard, `here` counts its `users`, or more."""

    name: str
    head: int | None
    here: int
    users: tuple[str, ...]
    topic: str
    recorded: bool = True
    standing: Standing = Standing()


class Welcome(NamedTuple):
    """We are in; `room` is the current one of `rooms`.  `code` brings us back later, and `back` says that it did.

    `private` is where one stands in what is private.
    """

    nick: str
    room: str
    rooms: tuple[Room, ...]
    code: str | None
    back: bool
    id: str | None
    private: Standing = Standing()


class Said(NamedTuple):
    """Somebody said something, or did it (`action`), to a room or (`to`) to one person.

    `shown` is what they are to be shown as, where that is not their nickname.
    """

    room: str
    author: str
    text: str
    seq: int | None
    at: datetime | None
    to: str | None
    action: bool
    shown: str | None = None


class Came(NamedTuple):
    """Coming and going, a new nickname, a topic: the facts about a room and its people."""

    type: Literal["joined", "left", "renamed", "topic"]
    room: str
    author: str
    seq: int | None
    at: datetime | None
    who: tuple[str, ...]
    here: int | None
    stayed: int | None
    quit: bool
    to: str
    text: str
    fact: str | None


class Announced(NamedTuple):
    """Whoever runs the server tells everybody; it counts in a log of the server's own."""

    room: str
    author: str | None
    seq: int | None
    at: datetime | None
    text: str


class StopAnnounced(NamedTuple):
    """The server stops in so many seconds, or (None) not any more; it counts where announcements do."""

    room: str
    author: str | None
    seq: int | None
    at: datetime | None
    seconds: int | None


class RoleGiven(NamedTuple):
    """Somebody (`to`) has another role in a room, or on the server (`place`); in private it counts, where they are not
    in that room."""

    room: str
    author: str | None
    seq: int | None
    at: datetime | None
    to: str
    role: str
    place: str


class PrivacySet(NamedTuple):
    """A room is private from now on, or public."""

    room: str
    author: str | None
    seq: int | None
    at: datetime | None
    private: bool


class Invited(NamedTuple):
    """Somebody (`to`) is asked into a room (`place`); whoever that is finds it in private."""

    room: str
    author: str | None
    seq: int | None
    at: datetime | None
    to: str
    place: str


class Waiting(NamedTuple):
    """Who waits at the door of a room, of those whom we may let in."""

    room: str
    who: tuple[str, ...]


class Measured(NamedTuple):
    """Somebody (`to`; "": everybody) was muted, kicked, banned, or is so no more, in a room or on the server
    (`place`); it counts as a role does."""

    room: str
    author: str | None
    seq: int | None
    at: datetime | None
    what: str
    to: str
    place: str
    seconds: int | None
    why: str
    fact: str | None
    most: int


class NotDelivered(NamedTuple):
    """Somebody whose line was down when we wrote to them did not come back; it counts in what is private."""

    room: str
    seq: int | None
    at: datetime | None
    to: str


class Audited(NamedTuple):
    """In the room of the server's operators: what was done to somebody (`to`; "": everybody) in a room, or (`*`) on the
    server, for so many seconds or to so many lines, and what was said about it; `what` is the command."""

    room: str
    author: str | None
    seq: int | None
    at: datetime | None
    what: str
    to: str
    place: str
    seconds: int | None
    lines: int | None
    text: str


class Redacted(NamedTuple):
    """Lines were taken back: of a room, or (`@`) in private, by these numbers; one was `said` then.

    Its own number among them: it stands where the line stood, which never came.
    """

    room: str
    author: str | None
    seq: int | None
    at: datetime | None
    targets: tuple[int, ...]
    whose: str
    said: datetime | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Missed:  # its count would be a tuple's
    """So many events of a room are gone between what came before and what comes next."""

    room: str
    count: int


class Read(NamedTuple):
    """Another device of ours has read so far in a log."""

    room: str
    seq: int


class Ack(NamedTuple):
    """What the line with this id asked for is done, and durable; `room` and `seq` where it made an event."""

    id: str | None
    room: str | None
    at: datetime | None
    seq: int | None = None


class Problem(NamedTuple):
    """A line was refused, or (without `id`) something happened to the connection; `proposal` is a free nickname."""

    code: str
    text: str
    id: str | None
    proposal: str | None


class History(NamedTuple):
    """What people said earlier in a room, oldest first; `more` says whether there is something before it.

    `total` counts what fits the question, these and those before; without a `room` they are of several.
    """

    room: str | None
    events: tuple[Said, ...]
    more: bool
    total: int | None
    id: str | None


class Reply(NamedTuple):
    """The answer to a command: a text for people, facts for programs."""

    command: str
    text: str
    facts: Raw
    id: str | None


Object = (
    Hello
    | Welcome
    | Said
    | Came
    | RoleGiven
    | Measured
    | Waiting
    | PrivacySet
    | Invited
    | Announced
    | StopAnnounced
    | NotDelivered
    | Audited
    | Redacted
    | Missed
    | Read
    | Ack
    | Problem
    | History
    | Reply
)


def understand(raw: Raw) -> Object | None:
    """The object that this is; None for what is unknown or lacks what it needs."""
    kind = raw.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        return None
    try:
        return read(raw)
    except _Unfit:
        return None


class _Unfit(Exception):
    """A key that the object cannot do without is missing."""


def _hello(raw: Raw) -> Hello:
    return Hello(_text(raw, "server") or "", _texts(raw, "motd"), raw.get("acks") is True, _short(raw, "password"))


def _welcome(raw: Raw) -> Welcome:
    rooms = raw.get("rooms")
    found = rooms.items() if isinstance(rooms, Mapping) else ()
    return Welcome(
        _named(raw, "nick"),
        _named(raw, "room"),
        tuple(_room(*room) for room in islice(found, limits.ROOMS_PER_PERSON) if isinstance(room[1], Mapping)),
        _short(raw, "resume"),
        raw.get("back") is True,
        _text(raw, "id"),
        standing(private) if isinstance(private := raw.get("private"), Mapping) else Standing(),
    )


def standing(state: Mapping[object, object] | Raw) -> Standing:
    """Where one stands in a log, as a welcome tells it, and the answer to who joins a room."""
    return Standing(*(number(state, key) for key in Standing._fields))


def _room(name: str, state: Mapping[object, object]) -> Room:
    users, here = _texts(state, "users"), number(state, "here")
    here = len(users) if here is None else here
    recorded = state.get("recorded") is not False
    topic = _text(state, "topic") or ""
    return Room(name, number(state, "head"), here, users, topic, recorded, standing(state))


def _said(raw: Raw) -> Said:
    return Said(
        _named(raw, "room"),
        _named(raw, "from"),
        _needed(raw, "text"),
        number(raw, "seq"),
        _date(raw, "at"),
        _name(raw, "to"),
        raw.get("type") == "action",
        _name(raw, "as"),
    )


def _entry(raw: Raw) -> tuple[str, str | None, int | None, datetime | None]:
    """What most entries of a log begin with: the room, who made it so, its number and its date."""
    return _named(raw, "room"), _name(raw, "from"), number(raw, "seq"), _date(raw, "at")


def _announced(raw: Raw) -> Announced | StopAnnounced:
    if "stops_in" in raw:
        return StopAnnounced(*_entry(raw), number(raw, "stops_in"))
    return Announced(*_entry(raw), _needed(raw, "text"))


def _role(raw: Raw) -> RoleGiven:
    return RoleGiven(*_entry(raw), _named(raw, "to"), _needed(raw, "role"), _named(raw, "of"))


def _privacy(raw: Raw) -> PrivacySet:
    return PrivacySet(*_entry(raw), raw.get("private") is True)


def _invited(raw: Raw) -> Invited:
    return Invited(*_entry(raw), _named(raw, "to"), _named(raw, "of"))


def _audited(raw: Raw) -> Audited:
    return Audited(
        *_entry(raw),
        _named(raw, "what"),
        _name(raw, "to") or "",
        _named(raw, "of"),
        number(raw, "for"),
        number(raw, "lines"),
        _text(raw, "text") or "",
    )


def _redacted(raw: Raw) -> Redacted:
    targets = raw.get("targets")
    numbers = [number(raw, "target")] if not isinstance(targets, list) else [number({"": one}, "") for one in targets]
    found = tuple(one for one in numbers if one is not None)
    if not found:
        raise _Unfit
    return Redacted(*_entry(raw), found, _name(raw, "whose") or "", _date(raw, "said"), _text(raw, "why") or "")


def _not_delivered(raw: Raw) -> NotDelivered:
    return NotDelivered(_named(raw, "room"), number(raw, "seq"), _date(raw, "at"), _named(raw, "to"))


def _came(kind: Literal["joined", "left", "renamed", "topic"]) -> Callable[[Raw], Came]:
    def read(raw: Raw) -> Came:
        if raw.get("self") is True:
            raise _Unfit  # of another device of ours, which counts elsewhere: nobody has one yet
        author = _name(raw, "from") or ""
        return Came(
            kind,
            _named(raw, "room"),
            author,
            number(raw, "seq"),
            _date(raw, "at"),
            _texts(raw, "who") or (author,),
            number(raw, "here"),
            number(raw, "stayed"),
            raw.get("quit") is True,
            _named(raw, "to") if kind == "renamed" else "",
            _text(raw, "text") or "",
            _short(raw, "fact"),
        )

    return read


def _missed(raw: Raw) -> Missed:
    count = number(raw, "count")
    if count is None:
        raise _Unfit
    return Missed(_named(raw, "room"), count)


def _read(raw: Raw) -> Read:
    seq = number(raw, "seq")
    if seq is None:
        raise _Unfit
    return Read(_named(raw, "room"), seq)


def _ack(raw: Raw) -> Ack:
    return Ack(_text(raw, "id"), _name(raw, "room"), _date(raw, "at"), number(raw, "seq"))


def _problem(raw: Raw) -> Problem:
    return Problem(_needed(raw, "code"), _text(raw, "text") or "", _text(raw, "id"), _name(raw, "proposal"))


def _history(raw: Raw) -> History:
    events = raw.get("events")
    lines = [
        event
        for event in (events if isinstance(events, list) else ())
        if isinstance(event, Mapping) and event.get("type") in _LINES  # and no history in a history, without end
    ]
    said = tuple(line for line in map(understand, lines) if isinstance(line, Said))
    return History(_name(raw, "room"), said, raw.get("more") is True, number(raw, "total"), _text(raw, "id"))


def _measured(raw: Raw) -> Measured:
    if (what := _needed(raw, "what")) not in phrases.MEASURES:  # a server that is newer has more
        raise _Unfit
    return Measured(
        *_entry(raw),
        what,
        _name(raw, "to") or "",
        _named(raw, "of"),
        number(raw, "seconds"),
        _text(raw, "why") or "",
        _short(raw, "fact"),
        number(raw, "most") or 0,
    )


def _waiting(raw: Raw) -> Waiting:
    return Waiting(_named(raw, "room"), _texts(raw, "who"))


def _reply(raw: Raw) -> Reply:
    return Reply(_needed(raw, "command"), _text(raw, "text") or "", raw, _text(raw, "id"))


_READERS: Mapping[str, Callable[[Raw], Object]] = {
    "hello": _hello,
    "welcome": _welcome,
    "message": _said,
    "action": _said,
    "joined": _came("joined"),
    "left": _came("left"),
    "renamed": _came("renamed"),
    "topic": _came("topic"),
    "role": _role,
    "measure": _measured,
    "privacy": _privacy,
    "invited": _invited,
    "announced": _announced,
    "not-delivered": _not_delivered,
    "audited": _audited,
    "redacted": _redacted,
    "missed": _missed,
    "read": _read,
    "waiting": _waiting,
    "ack": _ack,
    "error": _problem,
    "history": _history,
    "reply": _reply,
}


_LINES = ("message", "action")


def _text(raw: Mapping[object, object] | Raw, key: str) -> str | None:
    value = raw.get(key)
    return value if isinstance(value, str) else None


def _needed(raw: Raw, key: str) -> str:
    value = _text(raw, key)
    if value is None:
        raise _Unfit
    return value


def _name(raw: Raw, key: str) -> str | None:
    value = _text(raw, key)
    return value if value is not None and len(value) <= limits.NAME_READ else None


def _named(raw: Raw, key: str) -> str:
    value = _name(raw, key)
    if value is None:
        raise _Unfit
    return value


def _short(raw: Raw, key: str) -> str | None:
    value = _text(raw, key)
    return value if value is not None and len(value) <= limits.ID else None


def number(raw: Mapping[object, object] | Raw, key: str) -> int | None:
    """A number that a server may count, such as a reply's facts hold; None for any other."""
    value = raw.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value in _NUMBERS else None


def _texts(raw: Mapping[object, object] | Raw, key: str) -> tuple[str, ...]:
    value = raw.get(key)
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, list) else ()


def _date(raw: Raw, key: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(_text(raw, key) or "")
    except ValueError:
        return None
    if at.year not in _YEARS:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
