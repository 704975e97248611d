"""What was said before."""

from dataclasses import dataclass

from chat import limits
from chat.commands.table import Call, command, room_of
from chat.errors import Refused
from chat.events import Entry, Private
from chat.language import say
from chat.log import Log
from chat.names import fold
from chat.replies import History
from chat.session import Session


async def recent(
    session: Session,
    log: Log,
    place: str,
    before: int,
    most: int,
    id: str | None,
    with_nick: str | None = None,
) -> History:
    """The last things that people said in a log before a number; of private talk that with one person."""
    if not session.may_read(log):
        raise Refused("not-in-room", say("You are not in {room}. /join {room} goes there.", room=log.name))
    if with_nick is None:
        entries = await session.hub.said_before(log, before, most + 1)
    else:
        all_of_it = await session.hub.said_before(log, before, limits.TAIL_EVENTS)
        entries = [entry for entry in all_of_it if _is_with(entry, with_nick)]
    return History(place, entries[-most:] if most else [], len(entries) > most, session.hub.now(), id)


def _is_with(entry: Entry, nick: str) -> bool:
    fact = entry.fact
    return isinstance(fact, Private) and fold(nick) in (fold(fact.to), fold(fact.author.nick))


@dataclass(frozen=True, slots=True)
class Last:
    """What was said last."""

    count: int | None
    place: str | None


@command("history", "/last [n] [#room|NICK]", say("show what was said last, in a room or with somebody"), "history")
async def last(call: Call, asked: Last) -> None:
    """In the current room, where no other is named."""
    session = call.session
    count = limits.HISTORY_DEFAULT if asked.count is None else asked.count
    if not 1 <= count <= limits.HISTORY_MOST:
        raise Refused("too-many", say("/last shows 1 to {limit} lines.", limit=limits.HISTORY_MOST))
    id = call.request.id
    if asked.place is None or asked.place.startswith("#"):
        log = room_of(session, asked.place or call.request.room).log
        before = call.request.before or log.head + 1
        history = await recent(session, log, log.name, before, count, id)
    else:
        before = call.request.before or session.log.head + 1
        history = await recent(session, session.log, "@" + asked.place, before, count, id, asked.place)
    session.answer(history)
    if not history.entries:
        call.reply(say("Nothing was said there yet."))
