"""What the service answers to one line, and to whoever sent it alone; frozen, without methods.

The facts of a reply are in `chat.wire.replies`, one kind for each command.

A wire renders it: for people as lines behind a mark, for programs as objects.
`id` is the one that the line came with, if it had one.  Named tuples, as in `chat.commands` and `chat.core.ports`: 60
frozen dataclasses took a tenth of the server's start (0.6 ms each, a named tuple 0.04), and each line makes some.
"""

from collections.abc import Sequence
from datetime import datetime

from chat.base.errors import Code
from chat.base.language import Sentence
from chat.base.named_tuples import NamedTuple
from chat.log.events import Entry, Place, Private
from chat.log.unread import Unread
from chat.wire.replies import Facts


class Greeting(NamedTuple):
    """A connection is open; `motd` is the operator's message of the day, `here` how many people are in the chat."""

    server: str
    version: str
    here: int
    motd: Sequence[str] = ()
    accounts_only: bool = False
    """Whoever has no account needs an invitation."""

    addresses: Sequence[str] = ()
    """By which one comes to this chat, where several servers are one: this one's first."""


class PasswordFirst(NamedTuple):
    """The same where the password of the server comes first: nothing more is told; it is not `taken` where others may
    read it on the way."""

    server: str
    version: str
    taken: bool


class Standing(NamedTuple):
    """Up to where somebody has `read` a log, and what is `unread`: so much did others say from there up to `last`, and
    so much of it calls them.  None where that cannot be told now.
    """

    read: int = 0
    unread: Unread | None = Unread()
    last: int = 0


class RoomState(NamedTuple):
    """A room as somebody finds it: the number of its last event, how many are in it, and who (not all of very many)."""

    name: str
    head: int
    here: int
    users: Sequence[str]
    topic: str = ""
    recorded: bool = True
    standing: Standing = Standing()

    operators: Sequence[str] = ()
    """Those of them whose room it is, or who are its operators."""

    voiced: Sequence[str] = ()
    """Those of them who talk also while all are muted."""


class Latest(NamedTuple):
    """Of history: what was said last."""


class SinceTime(NamedTuple):
    """Of history: what was said since a date, by the clocks of its zone."""

    at: datetime


class SinceSpoken(NamedTuple):
    """Of history: what was said since they last spoke."""


class SinceRead(NamedTuple):
    """Of history: what was said since they last read."""


class Mentions(NamedTuple):
    """Of history: what others said that calls them."""


class Matching(NamedTuple):
    """Of history: what was said with some words."""

    words: str


class Exported(NamedTuple):
    """Of history: all that somebody said, or that was said in a room."""

    whose: str


class Playback(NamedTuple):
    """(Of IRC) Of history: a part of it, as it was said."""


Selection = Latest | SinceTime | SinceSpoken | SinceRead | Mentions | Matching | Exported | Playback


class History(NamedTuple):
    """What people said earlier, each with its room: what was `asked` for, of one `room` or (None) of several.

    `more` says whether there is something before it, `total` how many there are in all where that was asked for, and
    `whole` that all of it was looked at.
    """

    asked: Selection
    room: str | None
    entries: Sequence[tuple[str, Entry]]
    more: bool
    now: datetime
    total: int | None = None
    id: str | None = None
    whole: bool = True


class Welcome(NamedTuple):
    """They are in the chat: under which nickname, in which rooms, and with which code they come back.

    `history` is what was said before they came, `back` whether they are not new, `private` where they stand in what is
    said to and by them in private, if they may read it; `left` are the rooms of the guest who they were just now, and
    `account` whether the nickname is registered.
    """

    nick: str
    room: str
    rooms: Sequence[RoomState]
    code: str
    history: History | None = None
    back: bool = False
    id: str | None = None
    private: Standing | None = None
    left: Sequence[str] = ()
    account: bool = False


class Since(NamedTuple):
    """What they missed begins here: since when, until `now`."""

    at: datetime
    now: datetime


class UpToNow(NamedTuple):
    """What they missed ends here."""

    now: datetime


class Reply(NamedTuple):
    """The answer to a command: facts, of which people get sentences."""

    command: str
    facts: Facts
    id: str | None = None


class Stored(NamedTuple):
    """What was said is durable, at this place; people are told of private talk, and all of what else is to be known."""

    place: Place
    id: str | None = None
    private: Private | None = None
    reply: Reply | None = None


class Done(NamedTuple):
    """What a line with an id asked for is done, and everything about it was told; people see that."""

    at: datetime
    id: str


class Problem(NamedTuple):
    """A line was not accepted; nothing of it was stored.  A refused nickname comes with a free `proposal`."""

    code: Code
    sentence: Sentence
    id: str | None = None
    proposal: str | None = None


class Lines(NamedTuple):
    """(Of IRC) Messages of its own: each a command or a number, and its parameters; of what they did `by_themselves`,
    or of the server."""

    lines: Sequence[Sequence[str]]
    by_themselves: bool = False
    tags: Sequence[str] = ()
    bare: bool = False
    """No parameter is of several words."""


class Missed(NamedTuple):
    """So many events of a room are gone between what came before and what comes next."""

    room: str
    gone: int


class CurrentNotice(NamedTuple):
    """They speak in this room now, for they left the other one on another device."""

    room: str


class AwayNotice(NamedTuple):
    """They said on another device that they are away, or (None) back."""

    text: str | None


class IgnoreNotice(NamedTuple):
    """They said on another device that they want to hear somebody no more, or again."""

    nick: str
    on: bool


class ReadNotice(NamedTuple):
    """They have read so far in a log, on another device."""

    room: str
    seq: int


class MarkerNotice(NamedTuple):
    """(Of IRC) They have read up to this time in a room, or of what they talk of with somebody, on another device."""

    target: str
    at: str


class RoomNotice(NamedTuple):
    """They are in this room, for they went there on another device; of that they are told in their own log."""

    state: RoomState


class WaitingNotice(NamedTuple):
    """Who waits at the door of a room, of those whom they may let in."""

    room: str
    who: Sequence[str]


class OthersAway(NamedTuple):
    """Somebody is away, with these words, or (None) back; `shared`: in a room of theirs."""

    nick: str
    text: str | None
    shared: bool = True


class OthersName(NamedTuple):
    """Somebody has another real name."""

    nick: str
    realname: str
    shared: bool = True


class OthersAccount(NamedTuple):
    """Somebody has this account by now, or (None) none."""

    nick: str
    account: str | None
    shared: bool = True


class OthersTags(NamedTuple):
    """Somebody's client shows this to those of a room, or of one person: that they type, for one."""

    nick: str
    target: str
    tags: Sequence[str]
    shared: bool = True


class Watched(NamedTuple):
    """Somebody whom they watch for is here now, or not any more."""

    nick: str
    here: bool


StateOfOthers = OthersAway | OthersName | OthersAccount | OthersTags

Notice = (
    CurrentNotice | RoomNotice | AwayNotice | IgnoreNotice | ReadNotice | MarkerNotice | WaitingNotice | StateOfOthers
    | Watched
)  # fmt: skip
"""What state something has by now: nobody asked for it, it is neither stored nor numbered, and only the last counts."""

Answer = (
    Greeting | PasswordFirst | Welcome | Reply | Stored | Done | Problem | History | Lines | Missed | Since
    | UpToNow | Notice
)  # fmt: skip
