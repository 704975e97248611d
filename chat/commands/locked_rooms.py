"""Locked rooms: who comes waits at the door, until an operator lets them in or does not."""

from collections.abc import Sequence

from chat.base import limits
from chat.base.errors import ChatError, Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.commands.measuring import set_for_room
from chat.commands.private_rooms import Switch, own_room
from chat.commands.registry import Call, command, on_or_off, permits
from chat.commands.rooms import go_in
from chat.commands.text_checks import brief
from chat.core.hub import Hub
from chat.core.locked_rooms import Waiting
from chat.core.person import Device
from chat.core.room import Room
from chat.core.session import Session
from chat.log.events import Measured
from chat.wire import grammar, replies, vocabulary
from chat.wire.answers import Problem


@command(
    "rooms",
    say("/lock [#room] [on|off]"),
    say("let who comes wait at the door of your room; alone it tells who does"),
    role="operator",
)
async def lock(call: Call, asked: Switch) -> None:
    """Who is in it stays, and comes back after a cut."""
    await _switch(call, asked, on=True)


@command(
    "rooms",
    say("/unlock [#room] [on|off]"),
    say("let everybody come into your room again; who waits at its door is in"),
    role="operator",
)
async def unlock(call: Call, asked: Switch) -> None:
    """The opposite."""
    await _switch(call, asked, on=False)


async def _switch(call: Call, asked: Switch, on: bool) -> None:
    hub, room = call.session.hub, own_room(call, asked.room)
    key = room.log.key
    if asked.switch is not None:
        wanted = on_or_off(call, asked.switch) is on
        if not call.connection.operator:
            call.session.check_may_talk(room)
        await set_for_room(call, room, "lock", wanted)
        if not wanted:
            await all_come_in(hub, room)
    waiting = [one.person.nick for one in hub.locked.waiting(key)]
    call.reply(replies.Lock(room.log.name, hub.locked.is_locked(key), waiting))


async def all_come_in(hub: Hub, room: Room) -> None:
    """Unless it is locked again by now: who waited at the door is in, and nobody needs a pass."""
    key = room.log.key
    if not hub.locked.is_locked(key):
        hub.locked.end_passes(key)
        for one in hub.locked.waiting(key):
            if not hub.locked.is_locked(key):
                await _let_in(hub, one)


class Admitted(NamedTuple):
    """Who is let in, and where."""

    room: str | None
    nick: str


@command(
    "rooms",
    say("/admit [#room] NICK|all"),
    say("let in who waits at the door of your locked room"),
    role="operator",
)
async def admit(call: Call, asked: Admitted) -> None:
    """They may come again as long as it is locked, unless they are sent away."""
    hub = call.session.hub
    found = _at_door(call, asked.room, asked.nick)
    room = found[0].room
    author = call.by
    room.introduce(call.session.person)
    inside: list[str] = []
    outside: list[str] = []
    for one in found:
        nick = one.person.nick
        hub.audit(author, "admit", nick, room)
        hub.turn.append(one.person.log, Measured(author, "admit", nick, room.log.name, None, ""))
        hub.locked.give_pass(one.person, room.log.key)
        (inside if await _let_in(hub, one) else outside).append(nick)
    await hub.turn.flush()
    if outside:
        yet = say("{who} may come into {room} now, but could not yet.", who=tuple(outside), room=room.log.name)
        if not inside:
            raise Refused("too-many", yet)
        call.session.answer(Problem("too-many", yet))
    call.reply(replies.AtDoor(room.log.name, inside, True, ""))


class Rejected(NamedTuple):
    """Who is not let in, where, and why."""

    room: str | None
    nick: str
    text: str | None


@command(
    "rooms",
    say("/refuse [#room] NICK|all [why]"),
    say("do not let in who waits at the door of your locked room"),
    role="operator",
)
async def refuse(call: Call, asked: Rejected) -> None:
    """They are told why, and may come to the door once more."""
    hub, why = call.session.hub, brief(asked.text or "", limits.WORDS)
    found = _at_door(call, asked.room, asked.nick)
    room = found[0].room
    if why and not call.connection.operator:
        call.session.check_may_talk(room)
    room.introduce(call.session.person)
    for one in found:
        hub.audit(call.by, "refuse", one.person.nick, room, text=why)
        hub.turn.append(one.person.log, Measured(call.by, "refuse", one.person.nick, room.log.name, None, why))
        hub.locked.leave(one.person, room.log.key)
    await hub.turn.flush()
    call.reply(replies.AtDoor(room.log.name, [one.person.nick for one in found], False, why))


def _at_door(call: Call, name: str | None, nick: str) -> Sequence[Waiting]:
    """Those who are meant and wait at the door of a room; where none is named, of any that they may let in to."""
    hub, everybody = call.session.hub, grammar.fold(nick) in vocabulary.ALL
    person = None if everybody else hub.find(nick)
    if name is None and call.request.room is None and person is not None:
        found = [one for one in hub.locked.waits(person) if permits(call.command, call.connection, one.room.log.key)]
        if found:
            return found[:1]
    room = own_room(call, name)
    waiting = [one for one in hub.locked.waiting(room.log.key) if person is None or one.person is person]
    if not waiting and person is None:
        raise Refused("usage", say("Nobody waits at the door of {room}.", room=room.log.name))
    if not waiting:
        raise Refused("usage", say("{nick} does not wait at the door of {room}.", nick=nick, room=room.log.name))
    return waiting


async def _let_in(hub: Hub, one: Waiting) -> bool:
    """Whoever waits there is in the room, be their line down; they are told what is told who joins.

    Returns whether they are.  They are not where they may not come meanwhile, which they are told, and where they have
    no device left but programs that are not for this room.
    """
    person, key = one.person, one.room.log.key
    if not hub.locked.leave(person, key) or key in person.rooms:
        return key in person.rooms
    device = _device(one)
    if device is None:
        return False
    try:
        hub.measures.check_may_come(person, key)
        hub.locked.check_has_place(person, one.room)
        person.may_join_one_more()
        await go_in(device, one.room)
    except ChatError as error:
        device.answer(Problem(error.code, error.sentence))
    return key in person.rooms


def _device(one: Waiting) -> Session | None:
    """The device on which they come in: the one on which they came to the door, else another one."""
    person, key = one.person, one.room.log.key
    if one.device in person.attached or one.device in person.elsewhere:
        found: Device | None = one.device
    else:
        others = (*person.detached, *person.elsewhere, *person.attached)
        able = [device for device in others if device.scope is None or device.scope.leads_to(key)]
        found = able[-1] if able else None
    assert found is None or isinstance(found, Session)
    return found
