"""Up to when they have read what was said somewhere (IRCv3 draft/read-marker).

Clients give a time (`chat.core.read_markers`); the number of what was said until then is their place on every wire.
"""

from chat.base.errors import Refused
from chat.base.language import say
from chat.base.names import fold
from chat.commands.irc import history
from chat.commands.irc.verbs import Asked, verb
from chat.wire import jsonl
from chat.wire.answers import MarkerNotice
from chat.wire.irc.messages import word
from chat.wire.requests import Read, Request


@verb("MARKREAD")
async def markread(asked: Asked, target: str = "", given: str = "", *_: str) -> None:
    """Tell up to when they have read, or have read up to then; it only grows."""
    if not target:
        told = say("MARKREAD needs a room or a nickname.")
        asked.tell("FAIL", "MARKREAD", "NEED_MORE_PARAMS", asked.wire.words(told))
        return
    if given:
        at = history.time_of(given)
        if at is None:
            told = say("That is no time of the form timestamp=2026-11-22T10:04:00.000Z.")
            asked.tell("FAIL", "MARKREAD", "INVALID_PARAMS", word(target), asked.wire.words(told))
            return
        await _mark(asked, word(target), at)
    asked.tell_bare("MARKREAD", word(target), await marker(asked, word(target)))


async def _mark(asked: Asked, target: str, at: str) -> None:
    session, key = asked.session, fold(target)
    if not asked.hub.read_markers.move(session.person.id, key, at):
        return
    for other in session.person.others(session):
        if other.keeps_list:
            other.notice(f"marker {key}", MarkerNotice(target, at))
    try:
        buffer = history.find(asked, target)
    except Refused:  # they are not there, and may be later
        return
    if buffer.other is None and (seq := await history.end_of(asked, buffer, at)) > 1:
        work = asked.perform(session, Read({buffer.log.name: seq - 1}, Request("")))
        if work is not None and not isinstance(work, str):
            await work


async def marker(asked: Asked, target: str) -> str:
    """Up to when they have read there, as it is told: what they said themselves, or their place in a room."""
    session = asked.connection.session
    if (at := asked.hub.read_markers.of(session.person.id, fold(target))) is not None:
        return f"timestamp={at}"
    room = session.rooms.get(asked.hub.rooms.key_of(target))
    place = 0 if room is None else session.person.read.get(room.log.key, 0)
    if room is None or not place:
        return "*"
    found = await asked.hub.archive.recent(room.log, 0, place + 1, 1)
    return f"timestamp={jsonl.stamp(found[0].at)}" if found else "*"


async def tell_markers(asked: Asked) -> None:
    """Of all their rooms, to somebody who has come in, and wants it."""
    if "draft/read-marker" in asked.wire.capabilities:
        names = [room.log.name for room in asked.connection.session.rooms.values()]
        for name in names:
            asked.tell_bare("MARKREAD", name, await marker(asked, name))
