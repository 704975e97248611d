"""Facts: what happened, in the past tense.  Frozen, without methods; an `Entry` is a fact with its place in a log.

`who` names people as they were called at that moment.  `fact` is one id for a fact that stands in several rooms
(`rooms`), so that whoever shares several of them with that person is told once.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from chat.base.named_tuples import NamedTuple


@dataclass(frozen=True, slots=True)
class Author:
    """Who did it: the person and the session (one of their devices) by id, and the nickname at that moment."""

    person: str
    session: str
    nick: str
    bot: bool = False
    """A program that has a token."""
    shown: str = ""
    """What stands in place of the nickname: whom a bot speaks for, or how it was said (`amy/matrix`, `deploy/post`)."""
    account: bool = field(default=False, compare=False)
    """The nickname is registered; that is told with what is said now, and not stored."""
    realname: str = field(default="", compare=False)
    """What they call themselves besides, likewise."""


@dataclass(frozen=True, slots=True)
class Message:
    """Somebody said something to a room; several lines are joined by a newline."""

    author: Author
    text: str


@dataclass(frozen=True, slots=True)
class Annotated(Message):
    """The same, and more to it: it is a notice, which no program answers, or has tags that only IRC clients know, or
    lines so long that its author's client divided them at these places.

    Tags and places are for those who are there; no store keeps them.
    """

    notice: bool = False
    tags: tuple[str, ...] = ()
    breaks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """Somebody did something, as in `/me waves`."""

    author: Author
    text: str


@dataclass(frozen=True, slots=True)
class Private:
    """Somebody said something to one person; it stands in the logs of both."""

    author: Author
    to: str
    to_person: str
    text: str
    notice: bool = False
    tags: tuple[str, ...] = ()
    breaks: tuple[int, ...] = ()
    fact: str = ""
    """One id in both of them."""


@dataclass(frozen=True, slots=True)
class Joined:
    """People came into a room, which then held `here`; `author` is the one person, or None where many are gathered.

    Who all of these are, which of them its `operators` are, and who is `voiced`, is told now, and not
    stored.
    """

    author: Author | None
    who: tuple[str, ...]
    here: int
    authors: tuple[Author, ...] = field(default=(), compare=False)
    operators: tuple[str, ...] = field(default=(), compare=False)
    voiced: tuple[str, ...] = field(default=(), compare=False)


PutOut = Literal["", "kick", "ban"]
"""By which measure somebody had to leave a room, if by any."""


@dataclass(frozen=True, slots=True)
class Left:
    """People left a room, or (`quit`) the chat; `stayed` is in seconds, `text` what they said on leaving.

    Who was `put_out` by a measure left because of it: that is told before.
    """

    author: Author | None
    who: tuple[str, ...]
    here: int
    stayed: int | None = None
    text: str = ""
    quit: bool = False
    fact: str = ""
    rooms: tuple[str, ...] = ()
    put_out: PutOut = ""


@dataclass(frozen=True, slots=True)
class Renamed:
    """Somebody took another nickname."""

    author: Author
    to: str
    fact: str
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopicSet:
    """Somebody set a room's topic; an empty text takes it away."""

    author: Author
    text: str


@dataclass(frozen=True, slots=True)
class Announced:
    """In the server's log, which everybody hears: whoever runs the server tells all; the author is who wrote it."""

    author: Author | None
    text: str


@dataclass(frozen=True, slots=True)
class StopAnnounced:
    """In the server's log: the server stops in so many seconds, or (None) it does not after all; without an author it
    was whoever runs it, or is told once more."""

    author: Author | None
    seconds: int | None


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """In somebody's own log: a person whose line was down when they wrote to them did not come back."""

    nick: str
    author: Author | None = None


@dataclass(frozen=True, slots=True)
class RoleGiven:
    """Somebody (`to`) has this role from now on in the room of this name, or (`*`) on the server.

    It stands in the room's log, and in the log of their own where they are not in it.  Without an author it was done
    by whoever runs the server.
    """

    author: Author | None
    to: str
    role: Literal["owner", "operator", "member"]
    room: str


@dataclass(frozen=True, slots=True)
class PrivacySet:
    """A room is private from now on, or public; without an author it was done by whoever runs the server."""

    author: Author | None
    private: bool


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody (`to`) is invited to the room of this name; it stands in the room's log and in that of their own."""

    author: Author | None
    to: str
    room: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Somebody (`to`; "": everybody) was muted, kicked, banned, or given a voice, or is so no more, in the room of this
    name or (`*`) on the server, for so many seconds (None: for ever, or at once).  Or something holds for the whole
    room, or does so no more: that everybody says one line in so many seconds, that so many people (`most`) come in,
    that its topic is locked, that it is locked itself; and who waited at its door was let in, or not.  Or class mode is
    on, or off, on the server.

    It stands in the room's log, and in the log of their own where they are not in it.  Without an author it was done
    by whoever runs the server.  What concerns the server stands in all `rooms` where they are, as one `fact`.
    """

    author: Author | None
    what: Literal[
        "mute", "unmute", "voice", "unvoice", "kick", "ban", "unban", "slow", "unslow", "lock-topic", "unlock-topic",
        "limit", "unlimit", "lock", "unlock", "admit", "refuse", "expire", "class", "unclass",
    ]  # fmt: skip
    to: str
    room: str
    seconds: int | None
    why: str
    fact: str = ""
    rooms: tuple[str, ...] = ()
    most: int = 0


@dataclass(frozen=True, slots=True)
class Audited:
    """In the log of the server's operators: what was done to somebody (`to`; "": everybody) in the room of this name
    or (`*`) on the server, for so many seconds perhaps (None: for ever, or at once), or to so many `lines`, and what
    was said about it.

    `what` is the command.  Of a report `about` is the person whom it is about, who does not hear of it.  Without an
    author it was done by whoever runs the server.
    """

    author: Author | None
    what: str
    to: str
    room: str
    seconds: int | None = None
    text: str = ""
    lines: int | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Redacted:
    """Lines of this log, by their numbers, were taken back: nobody is told again what they said.

    By the author; of somebody else (`whose`) by an operator.  Of one line it is known when it was said, and in private
    `to` whom, and by which id it is known in both logs (`fact`); in a room it may be told `why`.  It also stands in the
    place of each of these lines: there the author is who had said it, and the only number its own.
    """

    author: Author | None
    targets: tuple[int, ...]
    said_at: datetime
    whose: str = ""
    to: str = ""
    fact: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class OtherDevice:
    """In somebody's own log: what they did on one device, for their others.

    They `joined` or `left` the room, or are `renamed` to the nickname, of this `name`.
    """

    author: Author
    what: Literal["joined", "left", "renamed"]
    name: str


Said = Message | Action | Private
Fact = (
    Message | Action | Private | Joined | Left | Renamed | TopicSet | RoleGiven | PrivacySet | Invited | Measured
    | Announced | StopAnnounced | NotDelivered | Audited | Redacted | OtherDevice
)  # fmt: skip


class Entry(NamedTuple):
    """A fact in a log: its number, dense and growing within that log, and the date, which only stamps.

    `id` is that of its author's line, for them alone; no store keeps it here.
    """

    seq: int
    at: datetime
    fact: Fact
    id: str | None = None


class Place(NamedTuple):
    """Where an entry stands: in which log, under which number, since when."""

    key: str
    name: str
    seq: int
    at: datetime
