"""How a measure is taken, or ended: all whom it concerns are told, and it is kept."""

from collections.abc import Awaitable, Mapping
from typing import Literal

from twisted.internet.defer import CancelledError

from chat.base.errors import NotStored
from chat.commands.registry import Call
from chat.core.measures import Measure
from chat.core.person import Person
from chat.core.ports import Record
from chat.core.roles import SERVER
from chat.core.room import Room
from chat.log.events import Measured
from chat.wire import replies

NOT_TAKEN = NotStored, CancelledError
"""What is awaited fails with one of these: it could not be stored, or whoever takes it is on another node by now and
does it again there.  Then it is taken back."""

_OfRoom = Literal["slow", "limit", "lock-topic", "lock"]
_ENDED: Mapping[_OfRoom, replies.OfRoom] = {
    "slow": "unslow",
    "limit": "unlimit",
    "lock-topic": "unlock-topic",
    "lock": "unlock",
}


async def set_for_room(call: Call, room: Room, kind: _OfRoom, on: bool, every: int = 0, most: int = 0) -> None:
    """It holds for the whole room from now on, or no more; where it is so already nothing is done."""
    session, hub, key = call.session, call.session.hub, room.log.key
    by = session.person.nick if session.named else None
    before, measure = hub.measures.of_all(kind, key), None
    if on:
        measure = Measure(kind, key, "", "", room.log.name, by, "", hub.now(), None, every=every, most=most)
    changed = measure or before
    same = before is not None and measure is not None and (before.every, before.most) == (every, most)
    if changed is None or same:
        return
    record = changed.record if on else changed.record._replace(value=None)
    told = tell(call, kind if on else _ENDED[kind], None, "", room, every or None, "", record, most)
    hub.measures.instead(before, measure)
    try:
        await told
    except NOT_TAKEN:
        hub.measures.instead(measure, before)
        raise


def tell(
    call: Call,
    what: replies.Taken | replies.OfRoom,
    person: Person | None,
    nick: str,
    room: Room | None,
    seconds: int | None,
    why: str,
    record: Record | None = None,
    most: int = 0,
) -> Awaitable[object]:
    """Whom it hits is told, and who is where that matters; with it the record changes.  It is awaited, and raises
    what is in `NOT_TAKEN`."""
    session, hub = call.session, call.session.hub
    author = call.by
    hub.audit(author, what, nick, room, seconds, f"{most}" if most else why)
    if room is not None:
        for known in (session.person, person):
            if known is not None:
                room.introduce(known)
        stays = person is None or (room.log.key in person.rooms and what not in ("kick", "ban"))
        fact = Measured(author, what, nick, room.log.name, seconds, why, most=most)
        return hub.turn.write(room.log, fact, copy=None if stays or person is None else person.log, record=record)
    if person is None:
        return hub.tell_all(Measured(author, what, nick, SERVER, seconds, why), record)
    fact = Measured(author, what, nick, SERVER, seconds, why, hub.token(), tuple(person.rooms))
    logs = [place.log for place in person.rooms.values() if person.id in place.members]
    if not logs or what in ("kick", "ban"):
        logs.append(person.log)
    for log in logs[:-1]:
        hub.turn.append(log, fact)
    return hub.turn.write(logs[-1], fact, record=record)
