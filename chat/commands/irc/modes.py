"""Modes: of a room what some commands of the chat make of it, and a few of oneself."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from chat.base import limits
from chat.base.errors import ChatError, Refused
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.commands.irc.rooms import find, in_room
from chat.commands.irc.verbs import Asked, verb
from chat.commands.registry import allows, room_of
from chat.core.roles import SERVER
from chat.core.room import Room
from chat.wire.answers import Problem
from chat.wire.irc.format import ban_mask, mask
from chat.wire.irc.isupport import ACCOUNT_BAN
from chat.wire.irc.messages import word


class Change(NamedTuple):
    """A letter that is set or taken away, with what stands behind it, if anything."""

    on: bool
    letter: str
    param: str

    @property
    def asks(self) -> bool:
        """It changes nothing: who is banned is listed."""
        return self.letter == "b" and not self.param


@verb("MODE", 1)
async def mode(asked: Asked, target: str, letters: str = "", *params: str) -> None:
    """Show the modes of a room or of oneself, or change them, one after the other."""
    asked.wire.about(target)
    if not target.startswith("#"):
        _of_oneself(asked, target, letters)
        return
    room = find(asked, target)
    if not letters:
        _show(asked, room)
        return
    for change in _changes(letters, params):
        asked.wire.about(target)
        try:
            work = _CHANGES.get(change.letter, _no_mode)(asked, room, change)
            if work is not None:
                await work
        except ChatError as error:
            asked.connection.answer(Problem(error.code, error.sentence))


def _changes(letters: str, params: Sequence[str]) -> Sequence[Change]:
    """What is to be changed; letters beyond as many as one may name at once are left out, as all servers do."""
    left, on, changes = list(params), True, list[Change]()
    for letter in letters:
        if letter in "+-":
            on = letter == "+"
        else:
            change = Change(on, letter, left.pop(0) if letter in _WITH_PARAMETER and left else "")
            if not (change.asks and any(other.asks for other in changes)):  # one list says it all
                changes.append(change)
    return changes[: limits.IRC_TARGETS]


_WITH_PARAMETER = "beIkloqv"
"""Behind which one stands, here or on other servers."""


def _show(asked: Asked, room: Room) -> None:
    privacy, measures, key = room.privacy, asked.hub.measures, room.log.key
    limit = measures.of_all("limit", key)
    letters = {
        "i": privacy.private,
        "k": bool(privacy.word),
        "l": limit is not None,
        "m": measures.of_all("mute", key) is not None,
        "n": True,
        "s": privacy.private,
        "t": measures.of_all("lock-topic", key) is not None,
    }
    shown = "".join(letter for letter, is_set in letters.items() if is_set)
    params = ["*"] * bool(privacy.word) + ([] if limit is None else [f"{limit.most}"])
    asked.tell_bare("324", asked.wire.nick, room.log.name, f"+{shown}", *params)


# What the letters are.


def _operator(asked: Asked, room: Room, change: Change) -> Awaitable[None] | None:
    return _give(asked, room, "op" if change.on else "deop", change.param)


def _voice(asked: Asked, room: Room, change: Change) -> Awaitable[None] | None:
    return _give(asked, room, "voice" if change.on else "unvoice", change.param)


def _give(asked: Asked, room: Room, what: str, nick: str) -> Awaitable[None] | None:
    if not nick:
        raise Refused("usage", say("This mode needs a nickname."))
    return asked.do(what, (room.log.name, nick)) if in_room(asked, room.log.name, nick) else None


def _private(asked: Asked, room: Room, change: Change) -> Awaitable[None] | None:
    return asked.do("private", (room.log.name, "on" if change.on else "off"))


def _muted(asked: Asked, room: Room, change: Change) -> Awaitable[None] | None:
    if change.on:
        return asked.do("mute", (room.log.name, "all", "forever", None))
    return asked.do("unmute", (room.log.name, "all"))


def _topic_locked(asked: Asked, room: Room, change: Change) -> Awaitable[None] | None:
    return asked.do("topic", (room.log.name, "lock on" if change.on else "lock off"))


def _closed_to_outside(asked: Asked, room: Room, change: Change) -> None:
    """Nobody ever talks to a room from outside."""
    if not change.on:
        raise Refused("not-allowed", say("Whoever talks to a room is in it."))


def _ban(asked: Asked, room: Room, change: Change) -> Awaitable[None] | None:
    if change.asks:
        _list_bans(asked, room)
        return None
    nick, account = _banned(change.param)
    if account and not asked.hub.find(nick).has_account:
        raise Refused("not-here", say("There is no account {nick}.", nick=nick[: limits.NAME_READ]))
    if change.on:
        return asked.do("ban", (room.log.name, nick, "forever", None))
    return asked.do("unban", (room.log.name, nick))


def _banned(given: str) -> tuple[str, bool]:
    """Whom a mask means, and whether by their account; raises `Refused` for one of addresses, or of many."""
    nick, _, rest = given.partition("!")
    account = nick.startswith(ACCOUNT_BAN)
    nick = nick.removeprefix(ACCOUNT_BAN)
    if rest.strip("*@") or "@" in nick:
        raise Refused("usage", say("A ban is of a person, not of an address: +b NICK."))
    if not nick or any(sign in nick for sign in "*?"):
        raise Refused("usage", say("A ban is of one person: +b NICK."))
    return nick, account


def _list_bans(asked: Asked, room: Room) -> None:
    """For whoever is in the room; who banned them is told, too."""
    if not allows("operator", asked.connection, room.log.key):
        room_of(asked.session, room.log.name)
    asked.connection.spend(limits.PRICE_MEASURE * asked.hub.measures.count(room.log.key))
    rows: list[Sequence[str]] = []
    for measure in asked.hub.measures.all(room.log.key):
        if measure.kind == "ban" and len(rows) < limits.USERS_LISTED:
            by = mask(measure.by) if measure.by is not None else asked.wire.server
            rows.append(["367", room.log.name, ban_mask(measure.nick), by, str(int(measure.since.timestamp()))])
    asked.tell_all([*rows, ("368", room.log.name, asked.wire.words(say("End of the list of bans")))])


async def _word(asked: Asked, room: Room, change: Change) -> None:
    """The word of a private room: one that is public becomes private, for else all come in without it."""
    if not change.on:
        await _done(asked.do("word", (room.log.name, "off")))
        return
    given = change.param
    if any(sign in given for sign in " ,") or len(given) < limits.WORD_LEAST:
        told = say("A word has at least {limit} characters, no blank and no comma.", limit=limits.WORD_LEAST)
        asked.tell("696", room.log.name, "k", "*", asked.wire.words(told))
        return
    if not room.privacy.private:
        await _done(_private(asked, room, change))
    if room.privacy.private:
        await _done(asked.do("word", (room.log.name, given)))


async def _limited(asked: Asked, room: Room, change: Change) -> None:
    try:
        await _done(asked.do("limit", (room.log.name, change.param if change.on else "off")))
    except Refused as error:
        if error.code != "usage":
            raise
        asked.tell("696", room.log.name, "l", word(change.param), asked.wire.words(error.sentence))


async def _done(work: Awaitable[None] | None) -> None:
    if work is not None:
        await work


def _no_mode(asked: Asked, room: Room, change: Change) -> None:
    """Refused with the word that the chat has for it, if it has one."""
    asked.tell("472", word(change.letter), asked.wire.words(_INSTEAD.get(change.letter, _NO_MODE)))


_CHANGES: Mapping[str, Callable[[Asked, Room, Change], Awaitable[None] | None]] = {
    "b": _ban,
    "i": _private,
    "k": _word,
    "l": _limited,
    "m": _muted,
    "n": _closed_to_outside,
    "o": _operator,
    "p": _private,
    "s": _private,
    "t": _topic_locked,
    "v": _voice,
}

COMMANDS: Mapping[str, str] = {
    "+b": "ban",
    "+i": "private",
    "+k": "word",
    "+l": "limit",
    "+m": "mute",
    "+o": "op",
    "+t": "topic",
    "+v": "voice",
}
"""What the modes of a room are in the chat, whose words say what they do."""

_NO_MODE: Sentence = say("There is no such mode here. HELP MODE lists what there is.")

_SLOW = say("There is no such mode here: SLOW 30s lets everybody say one line in that time.")
_COLOURS = say("There is no such mode here: colours are taken out of what is said everywhere.")

_INSTEAD: Mapping[str, Sentence] = {
    "C": say("There is no such mode here: of CTCP only ACTION is known, everywhere."),
    "I": say("There is no such mode here: INVITE NICK asks somebody in."),
    "S": _COLOURS,
    "c": _COLOURS,
    "e": say("There is no such mode here: a ban has no exception, MODE -b NICK ends it."),
    "f": _SLOW,
    "h": say("There is no such mode here: MODE +o NICK makes an operator."),
    "j": _SLOW,
    "q": say("There is no such mode here: MUTE NICK lets somebody say nothing."),
}


# Of oneself.


def _of_oneself(asked: Asked, target: str, letters: str) -> None:
    session = asked.session
    if asked.hub.find(target) is not session.person:
        asked.tell("502", asked.wire.words(say("The modes of others are their own.")))
    elif letters in ("", "i", "+i", "w", "+w", "-w"):  # as everybody is, and most clients ask for
        asked.tell("221", "+i" + "B" * session.is_bot + "o" * (SERVER in session.person.roles))
    elif letters in ("+B", "-B"):
        session.be_automatic(letters == "+B")
        asked.tell_of_themselves("MODE", asked.wire.nick, letters)
    else:
        asked.tell("501", asked.wire.words(_NO_MODE))
