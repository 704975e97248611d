"""Rooms: going there and leaving, who is in them, which there are, what they are about, and their modes."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from fnmatch import translate

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.base.names import check_room, fold
from chat.commands.irc.verbs import Asked, verb
from chat.commands.registry import room_of
from chat.commands.rooms import seen
from chat.core.room import Room
from chat.wire.irc.messages import word
from chat.wire.irc.numerics import END_OF_NAMES


def find(asked: Asked, name: str) -> Room:
    """The room of this name; raises `Refused` where there is none."""
    if not name.startswith("#"):
        check_room(name)
    return asked.hub.rooms.find(name, asked.session.rooms)


@verb("JOIN", 1)
def join(asked: Asked, rooms: str, *words: str) -> Awaitable[None]:
    """Go to rooms; what they are told is in the order of the rooms."""
    said = dict(zip(rooms.split(","), words[0].split(",") if words else (), strict=False))
    return asked.for_each(rooms, lambda name: _join(asked, name, said.get(name) or None))


def _join(asked: Asked, name: str, word: str | None) -> Awaitable[None] | None:
    if name == "0":
        raise Refused("room-bad", say("PART leaves a room, and QUIT the chat."))
    if asked.hub.rooms.key_of(name) in asked.session.rooms:
        return None  # their client shows it already
    return asked.do("join", (name, word), name)


@verb("INVITE", 2)
def invite(asked: Asked, nick: str, name: str, *_: str) -> Awaitable[None] | None:
    """Ask somebody into a room."""
    asked.wire.about(nick)
    return asked.do("invite", (find(asked, name).log.name, nick), nick)


@verb("PART", 1)
def part(asked: Asked, rooms: str, *words: str) -> Awaitable[None]:
    """Leave rooms, with some last words perhaps."""
    text = words[0] if words else ""
    return asked.for_each(rooms, lambda name: _part(asked, name, text))


def _part(asked: Asked, name: str, text: str) -> Awaitable[None] | None:
    room_of(asked.session, find(asked, name).log.name)
    return asked.do("leave", (name, text), text)


@verb("TOPIC", 1)
def topic(asked: Asked, name: str, *text: str) -> Awaitable[None] | None:
    """Show or set what a room is about; an empty text takes it away."""
    asked.wire.about(name)
    room = find(asked, name)
    if text:
        return asked.do("topic", (name, text[0] or "-"), text[0])
    if not room.topic:
        asked.tell("331", room.log.name, asked.wire.words(say("{room} has no topic.", room=room.log.name)))
    else:
        asked.tell("332", room.log.name, room.topic)
    return None


@verb("NAMES")
def names(asked: Asked, rooms: str = "", *_: str) -> Awaitable[None] | None:
    """Who is in rooms that they are in."""
    if not rooms:
        asked.tell("366", "*", asked.wire.words(END_OF_NAMES))
        return None
    return asked.for_each(rooms, lambda name: _names(asked, name))


def _names(asked: Asked, name: str) -> Awaitable[None] | None:
    if asked.hub.rooms.key_of(name) in asked.session.rooms:
        return _told_names(asked, name)
    asked.tell("366", word(name), asked.wire.words(END_OF_NAMES))
    return None


async def _told_names(asked: Asked, name: str) -> None:
    """After what else is being told of who came and went."""
    await asked.hub.turn.flush()
    work = asked.do("who", (name,))
    if work is not None:
        await work


@verb("LIST")
def list_rooms(asked: Asked, *conditions: str) -> None:
    """Which rooms have people, the fullest first; or those of these names, or that fit."""
    rooms = list(seen(asked.session))
    if conditions:
        parts = asked.targets(conditions[0])
        asked.connection.spend(limits.PRICE_FITTING * len(rooms) * len(parts))
        rooms = list(filter(_condition(parts), rooms))
    rooms.sort(key=lambda room: -len(room.members))
    rows: list[Sequence[str]] = [("321", "Channel", "Users  Name")]
    rows += [("322", room.log.name, str(len(room.members)), room.topic) for room in rooms[: limits.USERS_LISTED]]
    asked.tell_all([*rows, ("323", asked.wire.words(say("End of the list of rooms")))])


def _condition(parts: Sequence[str]) -> Callable[[Room], bool]:
    """Whether a room has one of these names, if any are given, none of those behind `!`, and so many people."""
    counts = [(part[0], int(part[1:6])) for part in parts if part[0] in "<>" and part[1:].isdecimal()]
    masks = [part for part in parts if not (part[0] in "<>" and part[1:].isdecimal())]
    wanted = _any_of(mask for mask in masks if not mask.startswith("!"))
    unwanted = _any_of(mask[1:] for mask in masks if mask.startswith("!"))

    def fits(room: Room) -> bool:
        here, name = len(room.members), room.log.key
        return (
            all(here < count if sign == "<" else here > count for sign, count in counts)
            and (wanted is None or wanted(name) is not None)
            and (unwanted is None or unwanted(name) is None)
        )

    return fits


def _any_of(masks: Iterable[str]) -> Callable[[str], object] | None:
    """What matches a folded name that fits one of these masks; None: there are none."""
    patterns = [translate(fold(mask)) for mask in masks]
    return re.compile("|".join(patterns)).match if patterns else None


@verb("MODE", 1)
def mode(asked: Asked, target: str, letters: str = "", *params: str) -> Awaitable[None] | None:
    """Show the modes of a room or of oneself; a letter that stands for a command of the chat is that command."""
    asked.wire.about(target)
    if target.startswith("#"):
        room = find(asked, target)
        if not letters:
            asked.tell("324", room.log.name, "+nps" if room.privacy.private else "+n")
        elif letters in ("+o", "-o") and params:
            return asked.do("op" if letters == "+o" else "deop", (room.log.name, params[0]))
        elif letters in ("+p", "-p"):
            return asked.do("private", (room.log.name, "on" if letters == "+p" else "off"))
        elif letters.strip("+") == "b" and not params:
            asked.tell("368", room.log.name, asked.wire.words(say("End of the list of bans")))
        else:
            sign = next((letter for letter in letters if letter not in "+-"), letters)[:1]
            asked.tell("472", word(sign), asked.wire.words(_NO_MODE))
    elif asked.hub.find(target) is not asked.session.person:
        asked.tell("502", asked.wire.words(say("The modes of others are their own.")))
    elif letters in ("", "i", "+i"):  # as everybody is, and most clients ask for
        asked.tell("221", "+i" + "B" * asked.session.is_bot)
    elif letters in ("+B", "-B"):
        asked.session.be_automatic(letters == "+B")
        asked.tell_of_themselves("MODE", asked.wire.nick, letters)
    else:
        asked.tell("501", asked.wire.words(_NO_MODE))
    return None


_NO_MODE: Sentence = say("There is no such mode here. HELP lists what there is.")
