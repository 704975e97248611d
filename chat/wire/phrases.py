"""What the plain wire and the client say alike, so that both conversations read the same.

Facts in, sentences out: how they are marked and where they stand is decided elsewhere.  See `chat.wire.prose` for the
sentences that answer a command.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Literal, Protocol

from chat.base import limits
from chat.base.durations import exactly
from chat.base.language import Sentence, duration, say, say_n
from chat.base.text import quoted

# Events.


def joined(who: tuple[str, ...], room: str, here: object) -> Sentence:
    """Somebody came into a room, in which so many are now."""
    return say_n(  # one or many is the same in English, not everywhere
        "{who} joined {room} ({here} here)",
        "{who} joined {room} ({here} here)",
        len(who),
        who=some(who),
        room=room,
        here=here,
    )


def left(who: tuple[str, ...], room: str, here: object, stayed: int | None, quit: bool) -> Sentence:
    """Somebody left a room, or with `quit` the chat; where they are several, nobody tells how long they `stayed`."""
    if stayed is None:
        return say_n(
            "{who} left {room} ({here} here)",
            "{who} left {room} ({here} here)",
            len(who),
            who=some(who),
            room=room,
            here=here,
        )
    if quit:
        return say("{who} left ({time})", who=some(who), time=duration(stayed))
    return say("{who} left {room} ({time})", who=some(who), room=room, time=duration(stayed))


def renamed(nick: str, to: str) -> Sentence:
    """Somebody is called otherwise now."""
    return say("{nick} is now known as {to}", nick=nick, to=to)


def topic_changed(nick: str, room: str, topic: str) -> Sentence:
    """Somebody said what a room is about, or ("") that it is about nothing; the topic itself stands behind it."""
    if topic:
        return say("{nick} set the topic of {room}", nick=nick, room=room)
    return say("{nick} took away the topic of {room}", nick=nick, room=room)


def audited(nick: str | None, what: str, to: str, room: str, seconds: int | None, lines: int | None) -> Sentence:
    """What an operator did, or somebody reports; what was said about it stands behind it."""
    by = say("whoever runs this server") if nick is None else nick
    names: dict[str, object] = {"nick": by, "command": what, "other": to or EVERYBODY, "place": place(room)}
    if what == "report":
        return say("{nick} reports {other} {place}", **names)
    if what in _OF_ROOM:
        names["command"] = _OF_ROOM[what]
        if seconds is not None:
            return say("{nick}: /{command} {place}, {time}", time=exactly(seconds), **names)
        return say("{nick}: /{command} {place}", **names)
    if seconds is not None:
        return say("{nick}: /{command} {other} {place}, {time}", time=exactly(seconds), **names)
    if lines is not None:
        return say_n(
            "{nick}: /{command} {other} {place}, {count} line",
            "{nick}: /{command} {other} {place}, {count} lines",
            lines,
            **names,
        )
    return say("{nick}: /{command} {other} {place}", **names)


_OF_ROOM = {
    "slow": "slow",
    "unslow": "slow off",
    "limit": "limit",
    "unlimit": "limit off",
    "roster": "roster",
    "class": "class on",
    "unclass": "class off",
    "lock": "lock on",
    "unlock": "lock off",
    "lock-topic": "topic lock on",
    "unlock-topic": "topic lock off",
}
"""What is done to a whole room, and how that is typed."""


def taken_back(nick: str | None, count: int, time: str, whose: str, why: str = "") -> Sentence:
    """Somebody took back lines of their own, or of somebody else; one was said at this time."""
    return because(_taken_back(nick, count, time, whose), why)


def _taken_back(nick: str | None, count: int, time: str, whose: str) -> Sentence:
    if nick is None:
        return say_n("A line was taken back", "{count} lines were taken back", count)
    if count > 1 and whose:
        return say("{nick} took back {count} lines by {other}", nick=nick, count=count, other=whose)
    if count > 1:
        return say("{nick} took back {count} lines", nick=nick, count=count)
    if whose:
        return say("{nick} took back a line by {other} of {time}", nick=nick, other=whose, time=time)
    return say("{nick} took back a line of {time}", nick=nick, time=time)


def said_at(then: datetime, now: datetime) -> str:
    """When something was said, on a day that need not be told if it is today."""
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"


AWAY = say("away")

SERVER = say("this server")


def role_given(by: str | None, nick: str, role: str, room: str) -> Sentence:
    """Somebody has another role in a room, or (`*`) on the server; who gave it to themselves is named once."""
    place = SERVER if room == "*" else room
    if by is None or by == nick:
        return has_role(nick, role, room)
    if role == "owner":
        return say("{nick} made {other} the owner of {room}", nick=by, other=nick, room=place)
    if role == "operator":
        return say("{nick} made {other} an operator of {room}", nick=by, other=nick, room=place)
    return say("{nick} made {other} no operator of {room} any more", nick=by, other=nick, room=place)


def has_role(nick: str, role: str, room: str) -> Sentence:
    """What somebody is from now on."""
    place = SERVER if room == "*" else room
    if role == "owner":
        return say("{nick} is the owner of {room} now", nick=nick, room=place)
    if role == "operator":
        return say("{nick} is an operator of {room} now", nick=nick, room=place)
    return say("{nick} is no operator of {room} any more", nick=nick, room=place)


NOTHING_CHANGED = say("Nothing changed.")

EVERYBODY = say("everybody")


def line_down(time: str) -> Sentence:
    """Since when somebody is cut off."""
    return say("line down {time}", time=time)


def for_time(time: str) -> Sentence:
    """How long something holds."""
    return say("for {time}", time=time)


def for_ever() -> Sentence:
    """That it does not end by itself."""
    return say("for ever")


def place(room: str) -> Sentence:
    """Where something holds: in a room, or (`*`) on the server."""
    return say("on this server") if room == "*" else say("in {room}", room=room)


def measured(
    by: str | None, what: str, to: str, room: str | None, seconds: int | None, why: str, most: int = 0
) -> Sentence:
    """Somebody ("" is everybody) was muted, and so on, or a room made slow, or for so many people; where that is clear,
    it is not told."""
    names: dict[str, object] = {"nick": say("whoever runs this server") if by is None else by, "other": to or EVERYBODY}
    time = for_ever() if seconds is None else for_time(exactly(seconds))
    pace = time if seconds is None else exactly(seconds)
    if what == "limit":
        told = say_n("{nick} set a limit of {count} person", "{nick} set a limit of {count} people", most, **names)
    else:
        told = Sentence(_MEASURED[what].text, {**names, "time": pace if what in ("slow", "expire") else time})
    if room is not None:
        told = say("{told} {place}", told=told, place=place(room))
    return because(told, why)


_MEASURED = {
    "mute": say("{nick} muted {other} {time}"),
    "unmute": say("{nick} unmuted {other}"),
    "voice": say("{nick} gave {other} a voice"),
    "unvoice": say("{nick} took the voice from {other}"),
    "kick": say("{nick} kicked {other}"),
    "ban": say("{nick} banned {other} {time}"),
    "unban": say("{nick} unbanned {other}"),
    "slow": say("{nick} slowed everybody to one line in {time}"),
    "unslow": say("{nick} ended the slow pace"),
    "unlimit": say("{nick} lifted the limit of people"),
    "lock-topic": say("{nick} locked the topic"),
    "unlock-topic": say("{nick} unlocked the topic"),
    "lock": say("{nick} locked the door"),
    "unlock": say("{nick} opened the door"),
    "class": say(
        "{nick} began class mode: #lobby has a door and is slow; guests have no private talk with each other, make no "
        "rooms and accounts, keep their nicknames, and set no topics, away and goodbye texts"
    ),
    "unclass": say("{nick} ended class mode: nothing is closed to guests any more"),
    "admit": say("{nick} admitted {other}"),
    "refuse": say("{nick} refused {other}"),
    "expire": say("Nobody admitted {other} within {time}"),
}


MEASURES = frozenset({*_MEASURED, "limit"})
"""What can have been done."""


def at_door(room: str, who: tuple[str, ...]) -> Sentence:
    """Who waits at the door of a room, for whoever may let them in."""
    return say("At the door of {room}: {who}; /admit NICK or /refuse NICK.", room=room, who=some(who))


def because(told: Sentence, why: str) -> Sentence:
    """Something with its reason, where there is one."""
    return say("{told}: {why}", told=told, why=quoted(why)) if why else told


def privacy_set(by: str | None, room: str, private: bool) -> Sentence:
    """Somebody let a room be there for those alone who belong to it, or for everybody."""
    if by is None:
        return say("{room} is private now", room=room) if private else say("{room} is public now", room=room)
    if private:
        return say("{nick} made {room} private", nick=by, room=room)
    return say("{nick} made {room} public", nick=by, room=room)


def invited(by: str | None, nick: str, room: str) -> Sentence:
    """Somebody is asked into a room, as those hear it who are in it."""
    if by is None:
        return say("{nick} is asked into {room}", nick=nick, room=room)
    return say("{nick} asked {other} into {room}", nick=by, other=nick, room=room)


def invites_you(by: str | None, room: str) -> Sentence:
    """The same, as they hear it themselves."""
    if by is None:
        return say("You are asked into {room}; /join {room} goes there", room=room)
    return say("{nick} asks you into {room}; /join {room} goes there", nick=by, room=room)


def is_in(nick: str, room: str) -> Sentence:
    """Somebody need not come, or be asked, into a room."""
    return say("{nick} is in {room} already.", nick=nick, room=room)


def is_not_in(nick: str, room: str) -> Sentence:
    """What is wanted of somebody is for who is in the room."""
    return say("{nick} is not in {room}.", nick=nick, room=room)


def said_privately(nick: str, mine: bool) -> Sentence:
    """What stands before private words: that they are one's own, to somebody, or somebody's, to oneself."""
    return say("[you -> {nick}]", nick=nick) if mine else say("[{nick} -> you]", nick=nick)


def gone(room: str, count: int) -> Sentence:
    """There is nothing to show any more."""
    if room.startswith("@"):
        return say_n("{count} private line is gone", "{count} private lines are gone", count)
    return say_n("{count} line of {room} is gone", "{count} lines of {room} are gone", count, room=room)


# A room as one finds it.


class FoundRoom(Protocol):
    """What the server knows of it, or what it told the client."""

    @property
    def name(self) -> str:
        """With its sign."""

    @property
    def here(self) -> int:
        """How many are in it."""

    @property
    def users(self) -> Sequence[str]:
        """Some of them."""

    @property
    def topic(self) -> str:
        """What it is about."""

    @property
    def recorded(self) -> bool:
        """Whether what is said there is kept."""


def welcome(nick: str, current: str, rooms: Sequence[FoundRoom], back: bool) -> Iterator[Sentence]:
    """Where one is, on entering the chat or coming back."""
    if all(room.name != current for room in rooms):
        if back:
            yield say("Welcome back {nick}. You are in no room; /join #lobby goes there.", nick=nick)
        else:
            yield say("Hello {nick}. You are in no room yet.", nick=nick)
    for room in rooms:
        if room.name == current:
            yield _company(nick, room, back)
        yield from about(room)
    others = tuple(room.name for room in rooms if room.name != current)
    if others:
        yield say("You still hear {rooms}.", rooms=others)


def about(room: FoundRoom) -> Iterator[Sentence]:
    """What one should know of a room."""
    if room.topic:
        yield topic(room.name, room.topic)
    if not room.recorded:
        yield not_recorded(room.name)


def topic(room: str, text: str) -> Sentence:
    """What a room is about."""
    return say("Topic of {room}: {topic}", room=room, topic=quoted(text))


def not_recorded(room: str) -> Sentence:
    """What is said there is kept for nobody."""
    return say("{room} is not recorded.", room=room)


def _company(nick: str, room: FoundRoom, back: bool) -> Sentence:
    """Whom one can talk to in a room, on entering it or coming back to it."""
    hello = say("Welcome back {nick}.", nick=nick) if back else say("Hello {nick}.", nick=nick)
    others = tuple(user for user in room.users if user != nick)
    if not (others or room.recorded):
        return say("{hello} Nobody else is in {room} yet.", hello=hello, room=room.name)
    if not others:
        return say("{hello} Nobody else is in {room} yet; what you say is kept for them.", hello=hello, room=room.name)
    if room.here > limits.COMPANY_SHOWN + 1:
        return say(
            "{hello} You are in {room} with {count} others: what you type, they see.",
            hello=hello,
            room=room.name,
            count=room.here - 1,
        )
    return say(
        "{hello} You are in {room} with {others}: what you type, they see.", hello=hello, room=room.name, others=others
    )


def some(who: tuple[str, ...]) -> tuple[object, ...]:
    """All the names where they are few, else the first and how many more."""
    if len(who) <= limits.NAMES_SHOWN + 1:
        return who
    return (*who[: limits.NAMES_SHOWN], more(len(who) - limits.NAMES_SHOWN))


def more(count: int) -> Sentence:
    """At the end of a list that is not shown whole."""
    return say("{count} more", count=count)


# History.


def last_lines(room: str, count: int) -> Sentence:
    """Above what was said last in a room, or with somebody (`@nick`)."""
    if room.startswith("@"):
        return say_n("last line with {nick}", "last {count} lines with {nick}", count, nick=room[1:])
    return say_n("last line of {room}", "last {count} lines of {room}", count, room=room)


def lines_with(words: str) -> Sentence:
    """Above what was said with some words."""
    return say("lines with {words}", words=words[: limits.NAME_READ])


def mentions(count: int) -> Sentence:
    """Above what was said to somebody."""
    return say_n("{count} line to you", "{count} lines to you", count)


def now(day: str, time: str) -> Sentence:
    """Below what was said earlier."""
    return say("now {day} {time}", day=day, time=time)


def part(count: int, total: int) -> Sentence:
    """How much of all is shown."""
    return say("{count} of {total}", count=count, total=total)


_DAYS = (
    say("Monday"),
    say("Tuesday"),
    say("Wednesday"),
    say("Thursday"),
    say("Friday"),
    say("Saturday"),
    say("Sunday"),
)


def weekday(day: date) -> Sentence:
    """The name of a day."""
    return _DAYS[day.weekday()]


# Drafts, which the client gathers itself.

DRAFT_BEGUN = say("Paste your lines; /end on a line of its own says them, /cancel forgets them.")
NOTHING_SAID = say("Nothing was said.")
NOTHING_FOUND = say("Nothing was found.")
DRAFT_FULL = say(
    "A message has at most {lines} lines and {size} bytes; this line is not in it. /end or /cancel?",
    lines=limits.PASTE_LINES,
    size=limits.PASTE_TEXT,
)


LINE_TOO_LONG = say("This line has more than {limit} bytes.", limit=limits.LINE)


def too_long(length: int, limit: int) -> Sentence:
    """A line has more bytes than are read."""
    return say("This line has {length} bytes, the limit is {limit}.", length=length, limit=limit)


def proposal(nick: str) -> Sentence:
    """A free nickname."""
    return say("Enter takes {nick}.", nick=nick)


def speaks_in(room: str) -> Sentence:
    """Where one speaks from now on."""
    return say("You speak in {room} now.", room=room)


def people(count: int) -> Sentence:
    """How many there are."""
    return say_n("{count} person", "{count} people", count)


def announced(nick: str | None) -> Sentence:
    """Before what whoever runs the server tells everybody."""
    return say("Announcement") if nick is None else say("Announcement by {nick}", nick=nick)


def stops(by: str | None, seconds: int | None) -> Sentence:
    """Whoever runs the server lets it stop in a while, or (None) takes that back; or it is told once more."""
    if seconds is None and by is None:
        return say("The server does not stop after all")
    if seconds is None:
        return say("{nick} took it back: the server does not stop", nick=by)
    if by is None:
        return say("The server stops in {time}", time=exactly(seconds))
    return say("{nick} stops the server in {time}", nick=by, time=exactly(seconds))


def not_delivered(nick: str) -> Sentence:
    """Somebody whose line was down when one wrote to them has left."""
    return say("{nick} did not come back.", nick=nick)


def other_device(what: Literal["joined", "left", "renamed"], name: str) -> Sentence:
    """What one did on another device of one's own."""
    if what == "joined":
        return say("You joined {room} on another device.", room=name)
    if what == "left":
        return say("You left {room} on another device.", room=name)
    return say("You are {nick} now, by another device.", nick=name)


def at_once(limit: int) -> Sentence:
    """How many of something are made together."""
    return say("From one to {limit} at once.", limit=limit)


def manual(usage: Sentence, help: Sentence) -> Sentence:
    """One command in a line."""
    return say("{usage}: {help}", usage=usage, help=help)
