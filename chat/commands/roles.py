"""Roles in rooms: who owns one, who its operators are, and how it is handed on."""

from chat.base.errors import Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.commands.registry import Call, command, held_room
from chat.core.person import Person
from chat.core.ports import Role
from chat.core.privacy import STAFF
from chat.core.room import Room
from chat.core.rooms import LOBBY
from chat.wire import phrases, replies


def member(call: Call, room: Room, nick: str) -> Person:
    """Somebody who is in the room, or comes back into it: nobody is given a role in a room that they never wanted."""
    person = call.session.hub.find(nick)
    if room.log.key not in person.rooms:
        raise Refused("not-here", phrases.is_not_in(person.nick, room.log.name))
    return person


async def give(call: Call, person: Person, role: Role | None, room: Room) -> None:
    """Somebody has this role there from now on, and all who are there are told; raises `Refused` for a guest."""
    session, hub, key = call.session, call.session.hub, room.log.key
    if person.roles.get(key) != role:
        if role is not None:
            check_ownable(room)
            hub.roles.check_one_more(person, key)
        room.introduce(session.person)
        hub.give_role(call.by, person, role, room)
    await hub.turn.flush()
    call.reply(replies.RoleGiven(person.nick, role or "member", room.log.name))


def check_ownable(room: Room) -> None:
    """Raises `Refused` for the room in which everybody is, and that of the server's operators."""
    if room.log.key in (LOBBY, STAFF):
        raise Refused("not-allowed", say("{room} is the server's, and nobody has a role there.", room=room.log.name))


class Op(NamedTuple):
    """Make somebody an operator of a room."""

    room: str | None
    nick: str


@command("rooms", say("/op [#room] NICK"), say("make somebody an operator of your room"), role="owner")
async def op(call: Call, asked: Op) -> None:
    """They have an account, and are in the room."""
    room = held_room(call, asked.room)
    person = member(call, room, asked.nick)
    if person.roles.get(room.log.key) == "owner":
        raise Refused("usage", say("{nick} is the owner of {room}.", nick=person.nick, room=room.log.name))
    await give(call, person, "operator", room)


@command("rooms", say("/deop [#room] NICK"), say("make somebody no operator of your room any more"), role="owner")
async def deop(call: Call, asked: Op) -> None:
    """Wherever they are."""
    room = held_room(call, asked.room)
    person = call.session.hub.find(asked.nick)
    if person.roles.get(room.log.key) != "operator":
        raise Refused("usage", say("{nick} is no operator of {room}.", nick=person.nick, room=room.log.name))
    await give(call, person, None, room)


@command("rooms", say("/give [#room] NICK"), say("hand your room on to somebody, who owns it then"), role="owner")
async def hand_on(call: Call, asked: Op) -> None:
    """Whoever had it has no role there any more."""
    room = held_room(call, asked.room)
    await give(call, member(call, room, asked.nick), "owner", room)


class Own(NamedTuple):
    """Take a room that nobody owns."""

    room: str


@command("rooms", say("/own #room"), say("take a room that has no owner"), role="server operator")
async def own(call: Call, asked: Own) -> None:
    """It is the server's operators' until one of them takes it."""
    session, hub = call.session, call.session.hub
    room = hub.rooms.find(asked.room, None)
    owner = hub.roles.owner(room.log.key)
    if owner is not None and owner is not session.person:
        raise Refused("usage", say("{nick} is the owner of {room}.", nick=owner.nick, room=room.log.name))
    await give(call, session.person, "owner", room)
