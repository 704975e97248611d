"""A room as somebody finds it, and as it is told to devices which keep a list of who is where."""

from collections.abc import Iterable

from chat.core.person import Device
from chat.core.room import Room
from chat.core.session import Session
from chat.log.unread import Unread
from chat.wire.answers import RoomNotice, RoomState, Standing


def state(session: Session, room: Room, standing: Standing) -> RoomState:
    """A room as somebody finds it who stands there."""
    assert session.connection is not None
    users, here = room.first(session.connection.wire.lists), len(room.members)
    # What they hear next has a greater number; of the log's own head, not all may be on its way to them yet.
    head = session.given(room.log)
    if session.keeps_list:
        # They have who is here as far as the room was told of it: what it is told next changes their list.
        mine, whole = session.person.nick, len(users)
        users = [nick for nick in users if nick == mine or room.is_announced(nick)] + [*room.departed]
        here -= whole - len(users)
        session.listed = {**session.listed, room.log.key: room.log.head}
    operators = [holder.nick for holder in session.hub.roles.holders(room.log.key) if holder.id in room.members]
    voiced = [session.hub.people[id].nick for id in session.hub.measures.voiced(room.log.key) if id in room.members]
    return RoomState(room.log.name, head, here, users, room.topic, room.log.recorded, standing, operators, voiced)


def tell_others(devices: Iterable[Device], room: Room, position: int) -> None:
    """These are in this room from this position on, for somebody went there on another device of theirs."""
    for device in devices:
        if device.keeps_list and isinstance(device, Session) and device.may_read(room.log):
            found = state(device, room, Standing(position, Unread(), position))
            device.notice(f"room {room.log.key}", RoomNotice(found))
