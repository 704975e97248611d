"""Rooms: going there and leaving, who is in them, which there are, what they are about, and whom they hold."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from fnmatch import translate

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.names import check_room, fold
from chat.commands.irc.verbs import Asked, listed, verb
from chat.commands.registry import allows, room_of
from chat.commands.rooms import seen
from chat.core.room import Room
from chat.core.session import Session
from chat.wire import phrases
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
    asked.wire.word_given = word is not None
    at = asked.hub.read_markers.of(asked.session.person.id, fold(name))
    asked.wire.marker = "*" if at is None else f"timestamp={at}"
    return _go(asked, name, word)


async def _go(asked: Asked, name: str, word: str | None) -> None:
    try:
        work = asked.do("join", (name, word), name)
        if work is not None:
            await work
    except Refused:
        asked.wire.word_given = False  # for a word that was wrong, they were answered already
        raise


@verb("INVITE")
def invite(asked: Asked, nick: str = "", name: str = "", *_: str) -> Awaitable[None] | None:
    """Ask somebody into a room; alone, the rooms into which one is asked and does not go yet."""
    if not nick:
        rows = [("336", asked.hub.rooms.name_of(key)) for key in _invited_to(asked.session)]
        asked.tell_all([*rows, ("337", asked.wire.words(say("End of the list of invitations")))])
        return None
    if not name:
        raise Refused("usage", say("INVITE needs a nickname and a room."))
    asked.wire.about(name)
    room = _operated(asked, name)
    asked.wire.about(nick)
    if room.log.key in asked.hub.find(nick).rooms:
        is_there = phrases.is_in(asked.hub.find(nick).nick, room.log.name)
        asked.tell("443", word(nick), room.log.name, asked.wire.words(is_there))
        return None
    asked.wire.about(name)
    return asked.do("invite", (room.log.name, nick), nick)


def _invited_to(session: Session) -> Sequence[str]:
    """The keys of the rooms into which somebody was asked, and where they have not been since."""
    person, scope = session.person, session.scope
    waiting = [key for key, admission in person.admitted.items() if key not in person.rooms and not admission.came]
    return waiting if scope is None else [key for key in waiting if scope.leads_to(key)]


@verb("KICK", 2)
async def kick(asked: Asked, rooms: str, nicks: str, *words: str) -> None:
    """Send people out of a room, or each out of another one."""
    names, wanted = rooms.split(","), [nick for nick in nicks.split(",") if nick]
    if len(names) == 1:
        names *= len(wanted)
    if len(names) != len(wanted):
        raise Refused("usage", say("KICK needs one room, or as many as nicknames."))
    pairs = ",".join(map(" ".join, zip(names, wanted, strict=True)))
    await asked.for_each(pairs, lambda pair: _kick(asked, pair, words[0] if words else ""))


def _kick(asked: Asked, pair: str, why: str) -> Awaitable[None] | None:
    name, _, nick = pair.partition(" ")
    if not in_room(asked, name, nick):
        return None
    return asked.do("kick", (name, nick, why or None), why)


def in_room(asked: Asked, name: str, nick: str) -> bool:
    """Whether somebody is in a room, else it was told; raises `Refused` where there is no such room or person for
    who asks."""
    asked.wire.about(name)
    room = _operated(asked, name)
    asked.wire.about(nick)
    person = asked.hub.find(nick)
    asked.wire.about(name)
    if room.log.key in person.rooms:
        return True
    asked.tell("441", person.nick, room.log.name, asked.wire.words(phrases.is_not_in(person.nick, room.log.name)))
    return False


def _operated(asked: Asked, name: str) -> Room:
    """The room of this name; raises `Refused` for who is neither in it nor one of its operators."""
    room = find(asked, name)
    if allows("operator", asked.connection, room.log.key):
        return room
    return room_of(asked.session, room.log.name)


@verb("PART", 1)
def part(asked: Asked, rooms: str, *words: str) -> Awaitable[None]:
    """Leave rooms, with some last words perhaps."""
    text = words[0] if words else ""
    return asked.for_each(rooms, lambda name: _part(asked, name, text))


def _part(asked: Asked, name: str, text: str) -> Awaitable[None] | None:
    key = asked.hub.rooms.key_of(name)
    if not any(one.room.log.key == key for one in asked.hub.locked.waits(asked.session.person)):
        room_of(asked.session, find(asked, name).log.name)
    return asked.do("leave", (name, text), text)


@verb("TOPIC", 1)
def topic(asked: Asked, name: str, *text: str) -> Awaitable[None] | None:
    """Show or set what a room is about; an empty text takes it away."""
    asked.wire.about(name)
    room = find(asked, name)
    if text:
        return asked.do("topic", (name, text[0] or "-"), text[0], echoed=True)
    if not room.topic:
        asked.tell("331", room.log.name, asked.wire.words(say("{room} has no topic.", room=room.log.name)))
    else:
        asked.tell("332", room.log.name, room.topic)
    return None


@verb("NAMES")
async def names(asked: Asked, rooms: str = "*", *_: str) -> None:
    """Who is in rooms that they are in; after all of them comes one end."""
    try:
        await asked.for_each(rooms, lambda name: _names(asked, name))
    finally:
        asked.wire.listing = None
    end = asked.wire.words(END_OF_NAMES)
    asked.tell_all([(*row, end) for row in listed("366", map(word, asked.targets(rooms) or "*"))])


def _names(asked: Asked, name: str) -> Awaitable[None] | None:
    room = asked.session.rooms.get(asked.hub.rooms.key_of(name))
    if room is None:
        return None
    asked.wire.listing = "@" if room.privacy.private else "="
    return tell_names(asked, name)


async def tell_names(asked: Asked, name: str) -> None:
    """Who is in a room, after what else is being told of who came and went."""
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
