"""What a command is answered: one named tuple for each kind, whose fields are the facts, as programs know them.

Frozen, without methods.  Programs get the facts (`chat.wire.json_wire`), but for those that only a sentence needs;
people get the sentences that `chat.wire.prose` makes of them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from chat.base.language import Sentence
from chat.base.named_tuples import NamedTuple

Role = Literal["owner", "operator", "member"]
"""Of somebody in a room; on the server there is no owner."""

# People.


class Called(NamedTuple):
    """They have another nickname now."""

    nick: str


class AccountWanted(NamedTuple):
    """Only who has an account, or an invitation, comes in: their nickname is asked for."""


class NicknameDue(NamedTuple):
    """A nickname has to be chosen within so many seconds."""

    seconds: int


class PasswordDue(NamedTuple):
    """The password of the server has to be given within so many seconds."""

    seconds: int


class Here(NamedTuple):
    """How many people are in the chat: all that is told before a nickname is chosen."""

    here: int


class User(NamedTuple):
    """Somebody in a room; `away` is what they said about it, `down_for` since how many seconds their line is `down`;
    who is `voiced` talks also while all are muted."""

    nick: str
    away: str | None
    down: bool
    down_for: int = 0
    role: Role = "member"
    bot: bool = False
    voiced: bool = False


class Who(NamedTuple):
    """Who is in a room: `here` counts its `users`, and more."""

    room: str
    users: Sequence[User]
    here: int


class Whois(NamedTuple):
    """Somebody: for how many seconds they are `here`, and `idle`, if they `spoke` at all; in which rooms, and whether
    away; which rooms are theirs, of which they are operators, whether they run the server, and whether it is a bot."""

    nick: str
    here: int
    idle: int
    rooms: Sequence[str]
    away: str | None
    owns: Sequence[str]
    operates: Sequence[str]
    runs_server: bool
    bot: bool
    spoke: bool


class Away(NamedTuple):
    """Who asked is away from now on, with these words; None: they are back."""

    away: str | None


class Ignoring(NamedTuple):
    """Whom one ignores."""

    ignored: Sequence[str]


class Ignored(NamedTuple):
    """Somebody is not heard any more."""

    nick: str


class Unignored(NamedTuple):
    """Somebody is heard again."""

    nick: str


class Quiet(NamedTuple):
    """Whether coming and going is left out."""

    quiet: bool


class Pong(NamedTuple):
    """The server is there."""

    token: str


# Talk.


class Absent(NamedTuple):
    """Somebody who was written to has an account, and is not here."""

    nick: str
    absent: bool


class LineDown(NamedTuple):
    """Somebody who was written to is not connected, for so many seconds by now."""

    nick: str
    down: int


class IsAway(NamedTuple):
    """Somebody who was written to is away, and what they said about it."""

    nick: str
    away: str


class DraftBegun(NamedTuple):
    """The lines that follow are one message."""


class NothingSaid(NamedTuple):
    """The draft is forgotten."""


class Dropped(NamedTuple):
    """So many lines that waited are not said."""

    dropped: int


class OwnLine(NamedTuple):
    """A line of somebody, by its number; in private it was said `to` somebody.  It is so many seconds old."""

    number: int
    at: datetime
    text: str
    to: str | None
    ago: int


class OwnLines(NamedTuple):
    """The last that was said in a room by who asks, or by somebody else (`nick`)."""

    room: str
    nick: str | None
    lines: Sequence[OwnLine]


class TakenBack(NamedTuple):
    """So many lines of theirs were taken back (`count` is a method of each tuple): the last of them,
    and `why`."""

    room: str
    nick: str | None
    count_: int
    lines: Sequence[OwnLine]
    why: str


class Posted(NamedTuple):
    """It was said without staying."""


class Slowed(NamedTuple):
    """From now on so many lines a second are said."""

    rate: str


class MuchAsked(NamedTuple):
    """Lines wait because much was asked for."""


class GuessWaits(NamedTuple):
    """A line that tries a resume code waits for so many seconds."""

    seconds: int


class StillWaiting(NamedTuple):
    """Their input has ended, and so many lines wait to be said."""

    lines: int


# Rooms.


class Joined(NamedTuple):
    """The room in which `nick` speaks now, as `RoomState` tells of it, and those that are `still_heard`; whether it was
    made just now, whose it is, if anybody's, what they are there, and whether nobody else sees that it is."""

    room: str
    head: int
    here: int
    users: Sequence[str]
    topic: str
    recorded: bool
    read: int
    unread: int | None
    mentions: int | None
    last: int
    nick: str
    still_heard: Sequence[str]
    new: bool
    owner: str | None
    role: Role
    operators: Sequence[str]
    private: bool
    voiced: Sequence[str]


class Left(NamedTuple):
    """The room that was left, with which words, and the one in which they speak now, if any."""

    room: str
    current: str | None
    words: str = ""


class RoomRow(NamedTuple):
    """A room in a list; `inside`: who asked is in it."""

    name: str
    here: int
    topic: str
    inside: bool


class Rooms(NamedTuple):
    """The fullest rooms, and how many there are (`count` is a method of each tuple)."""

    rooms: Sequence[RoomRow]
    count_: int


class Topic(NamedTuple):
    """What a room is about."""

    room: str
    topic: str


class NewTopic(NamedTuple):
    """What a room is about from now on."""

    room: str
    topic: str


class Privacy(NamedTuple):
    """Whether a room is there for those alone who belong to it."""

    room: str
    private: bool


class Invited(NamedTuple):
    """Somebody was asked into a room."""

    nick: str
    room: str


class Word(NamedTuple):
    """Whether a room has a word by which one comes in."""

    room: str
    word: bool


class RoleGiven(NamedTuple):
    """Somebody has this role from now on, in a room or (`*`) on the server."""

    nick: str
    role: Role
    room: str


class Lock(NamedTuple):
    """Whether a room is locked, and who waits at its door."""

    room: str
    locked: bool
    waiting: Sequence[str]


class AtDoor(NamedTuple):
    """Those who waited at the door of a room are in it, or (`admitted` false) were told that they do not come in."""

    room: str
    nicks: Sequence[str]
    admitted: bool
    why: str


class ClassMode(NamedTuple):
    """Whether class mode is on."""

    class_mode: bool


class Roster(NamedTuple):
    """PINs that were made just now, told this once; the nicknames that have one, and how many nobody has used."""

    pins: Sequence[str]
    nicks: Sequence[str]
    free: int


class WaitsNoMore(NamedTuple):
    """They do not want to come into a room any more, at the door of which they waited."""

    waits_no_more: str


Taken = Literal["mute", "unmute", "voice", "unvoice", "kick", "ban", "unban"]

OfRoom = Literal["slow", "unslow", "limit", "unlimit", "lock-topic", "unlock-topic", "lock", "unlock"]
"""What holds for a whole room, or does so no more."""


class Measured(NamedTuple):
    """What was done to somebody ("": everybody), in a room or (`*`) on the server, for so many seconds (None: for ever,
    or at once); so many others come from the address of who was banned, and it stays open; whether it is `known`
    who they are: else it is whoever comes by that nickname."""

    what: Taken
    nick: str
    room: str
    seconds: int | None
    why: str
    shared: int
    known: bool


class MeasureRow(NamedTuple):
    """Somebody ("": everybody) who is muted or banned, or has a voice, for so many seconds more (None: for ever); or
    what holds for a whole room: that one line is said there in so many seconds, that so many people (`most`) come in,
    that its topic is locked."""

    what: Literal["mute", "voice", "ban", "slow", "limit", "lock-topic", "lock", "class"]
    nick: str
    room: str
    seconds: int | None
    by: str | None
    why: str
    host: str
    most: int


class Measures(NamedTuple):
    """Who is muted or banned, what holds for whole rooms, and which addresses the options of the server close."""

    measures: Sequence[MeasureRow]
    addresses: Sequence[str]


class Slow(NamedTuple):
    """Everybody but operators says one line in a room in so many seconds; 0: at any pace."""

    room: str
    seconds: int


class Limit(NamedTuple):
    """Nobody but operators, and whom they ask in, comes into a room of so many people; 0: all do."""

    room: str
    most: int


class TopicLock(NamedTuple):
    """Whether nobody but operators sets the topic of a room."""

    room: str
    locked: bool


# Coming, going, and help.


class OwnCode(NamedTuple):
    """The code with which one comes back."""

    resume: str


class HereAlready(NamedTuple):
    """The code that was given is their own."""


class Speaks(NamedTuple):
    """The language in which the service speaks to them, and which there are."""

    language: str
    languages: Sequence[str]


class Bye(NamedTuple):
    """They have left; without a `nick` they never came in."""

    nick: str | None


class Stopping(NamedTuple):
    """The server stops."""


class WaysIn(NamedTuple):
    """How one joins, for whoever knocked at the wrong door."""

    ways: Sequence[Sentence]


class Version(NamedTuple):
    """What runs here."""

    version: str
    server: str


class Motd(NamedTuple):
    """The message of the day; its operator may have none."""

    motd: Sequence[str]


# Accounts.

Wanted = Literal["new", "again", "present", "server", "invitation"]
"""Which password: one that is chosen, the same once more, the one that it is, (of no `nick`) that of the server; or the
code of an invitation."""


class PasswordAsked(NamedTuple):
    """The next line is a password; it is `shown` where their terminal does not hide it.

    Where a nickname is asked for, an empty line takes the `proposal` instead.
    """

    asks: Wanted
    nick: str
    shown: bool
    proposal: str | None = None


class PasswordKept(NamedTuple):
    """The nickname is theirs by this password, which it was not before (`is_new`), or by another one.

    So many tokens ended with that.
    """

    nick: str
    is_new: bool
    tokens_ended: int = 0


class InvitationCodes(NamedTuple):
    """Each lets one person register, until then; they are told to whoever made them alone."""

    codes: Sequence[str]
    until: datetime


class GivenUp(NamedTuple):
    """The account is none any more."""

    nick: str


class PasswordReset(NamedTuple):
    """The account has this password now; it is told to whoever runs the server alone."""

    nick: str
    password: str


class Device(NamedTuple):
    """A session: from which address it came, and whether it is `here`, else since how many seconds not."""

    number: int
    host: str
    here: bool
    away: int


class Devices(NamedTuple):
    """One's sessions; the first is this one."""

    devices: Sequence[Device]


class DeviceEnded(NamedTuple):
    """This one is over."""

    number: int


May = Literal["post", "talk"]
"""What a program may by a token: say one line from outside, or come in, too."""


class TokenMade(NamedTuple):
    """A token of this name, told this once, for these rooms only, if any are named."""

    name: str
    token: str
    rooms: Sequence[str]
    may: May
    nick: str


class TokenEnded(NamedTuple):
    """The token of this name is good no more."""

    name: str


class TokenRow(NamedTuple):
    """A token: since when there is one of this name, and when it was last used, also in seconds ago."""

    name: str
    rooms: Sequence[str]
    may: May
    made: datetime
    used: datetime | None
    made_for: int
    used_for: int


class Tokens(NamedTuple):
    """One's tokens."""

    tokens: Sequence[TokenRow]


class KeyAdded(NamedTuple):
    """A key logs them in from now on, and where the nickname was nobody's before, it is theirs by that (`is_new`)."""

    kind: str
    fingerprint: str
    nick: str
    is_new: bool


class KeyEnded(NamedTuple):
    """It does so no more."""

    fingerprint: str


class KeyRow(NamedTuple):
    """A key: since when it is theirs, and when they came in by it last, also in seconds ago; whether they did so on
    this very connection."""

    number: int
    kind: str
    fingerprint: str
    made: datetime
    used: datetime | None
    here: bool
    made_for: int
    used_for: int


class Keys(NamedTuple):
    """One's keys."""

    keys: Sequence[KeyRow]


Family = Literal["talk", "people", "rooms", "history", "account", "staying", "server"]

Kind = Literal["nick", "room", "place", "number", "switch", "command", "language", "time", "duration", "word", "text"]
"""Of an argument: a `place` is a nickname or a room, a `switch` is on or off, a `text` all that is left of the line."""


class Argument(NamedTuple):
    """What may stand behind a command, or has to."""

    kind: Kind
    optional: bool


class Manual(NamedTuple):
    """What is told about one command."""

    name: str
    usage: Sentence
    help: Sentence
    family: Family
    arguments: Sequence[Argument]
    aliases: Sequence[str]


class FirstHelp(NamedTuple):
    """The commands that a guest needs."""

    commands: Sequence[Manual]


class Help(NamedTuple):
    """All commands."""

    commands: Sequence[Manual]


class HelpAbout(NamedTuple):
    """One command."""

    commands: Sequence[Manual]


class Tips(NamedTuple):
    """How to live with nc and telnet."""


# For whoever runs the server.


class Connection(NamedTuple):
    """Somebody who is connected, with an `account` or without, by a `wire`, and has so many events of their `rooms` to
    read; or whose line is `down`, for so many seconds."""

    nick: str | None
    account: bool
    host: str
    since: datetime | None
    wire: str | None
    behind: int
    down: int | None
    rooms: Sequence[str]


class Seen(NamedTuple):
    """What only whoever runs the server is told of somebody: what they were called `earlier`, the last at the end, and
    their connections."""

    nick: str
    account: bool
    earlier: Sequence[str]
    connections: Sequence[Connection]


class Present(NamedTuple):
    """Who is connected or has their line down, not all of very many; and how many are here, have it down, and are
    without a nickname."""

    connections: Sequence[Connection]
    here: int
    down: int
    nameless: int


class Reported(NamedTuple):
    """Whoever runs the server is told of somebody."""

    nick: str


class AuditRow(NamedTuple):
    """What was done (`what` is the command) to somebody, in a room or (`*`) on the server, by somebody with a nickname
    or (None) whoever runs it; so many seconds ago."""

    number: int
    at: datetime
    by: str | None
    what: str
    nick: str
    room: str
    seconds: int | None
    lines: int | None
    text: str
    ago: int


class Audit(NamedTuple):
    """What was reported and done, oldest first, and whether there may be something before it."""

    entries: Sequence[AuditRow]
    more: bool


class Exported(NamedTuple):
    """So many lines came before this."""

    lines: int


class Forgotten(NamedTuple):
    """Somebody is forgotten: so many lines say nothing any more, so many other entries name nobody; whether they were
    `known`, and not a guest of before."""

    nick: str
    lines: int
    entries: int
    known: bool


class Announcement(NamedTuple):
    """Everybody is told."""


class Held(NamedTuple):
    """What the store holds, of which `kind`: its `size` and that of its `journal`, and what is `free` on its disk, in
    bytes; and how much `waiting` it has."""

    kind: str
    size: int
    journal: int
    free: int | None
    waiting: int


class Stats(NamedTuple):
    """How the server is, `since` when: how many people are here, have their line down, and are without a nickname; on
    which wires; what was said, and what was not stored.

    Half of all turns took `turn_half` seconds at most, 99 of 100 `turn_most`; None is beyond what is counted.

    Where several servers are one chat this is the one called `node`, with a connection of so many people; who is here
    or has their line down is counted of all of them, and so are accounts and rooms, all else of this one.
    """

    version: str
    since: datetime
    here: int
    down: int
    nameless: int
    sessions: Mapping[str, int]
    accounts: int
    rooms: int
    lines: int
    not_stored: int
    turns: int
    turn_half: float | None
    turn_most: float | None
    store: Held
    warnings: int
    errors: int
    up: int
    node: str | None = None
    node_people: int | None = None


class NodeRow(NamedTuple):
    """One of several servers: what is told of it in `NodeState`, and in which options it `differs` from the one that
    tells of it (`this`)."""

    node: str
    this: bool
    version: str
    since: datetime
    heard: datetime
    lease: int | None
    people: int
    behind: int
    differs: Sequence["Difference"]


class Difference(NamedTuple):
    """An option that is another one `there` than `here`; `written`: it is only written so, and one holds for all."""

    option: str
    there: str
    here: str
    written: bool


class Nodes(NamedTuple):
    """All servers that are one chat, and how many people are here in all."""

    nodes: Sequence[NodeRow]
    here: int
    down: int


class Reloaded(NamedTuple):
    """The options were read again, and this has changed."""

    changes: Sequence[Sentence]


class BackedUp(NamedTuple):
    """A copy of what is kept is this file."""

    path: str


class StopSet(NamedTuple):
    """In so many seconds the server stops; None: no stop is set."""

    stops_in: int | None


Facts = (
    Called | AccountWanted | InvitationCodes | NicknameDue | PasswordDue | Here | Who | Whois | Away | Ignoring
    | Ignored | Unignored | Quiet | Pong | OwnLines | TakenBack | Absent | LineDown | IsAway | DraftBegun | NothingSaid
    | Dropped | Posted
    | Slowed | MuchAsked | GuessWaits | StillWaiting | Joined | Left | Rooms | Topic | NewTopic | RoleGiven
    | Measured | Measures | Slow | Limit | TopicLock
    | Privacy | Invited | Word | Lock | AtDoor | WaitsNoMore | ClassMode | Roster
    | PasswordAsked | PasswordKept | PasswordReset | GivenUp | Devices | DeviceEnded | TokenMade | TokenEnded | Tokens
    | KeyAdded | KeyEnded | Keys
    | OwnCode | HereAlready | Speaks | Bye | Stopping | WaysIn | Version | Motd | FirstHelp | Help | HelpAbout | Tips
    | Present | Seen | Stats | Nodes | Announcement | Reported | Audit | Exported | Forgotten | Reloaded | BackedUp
    | StopSet
)  # fmt: skip
