"""All that somebody said, or that was said in a room, as one asks for it; and that somebody is forgotten."""

from collections.abc import AsyncIterator, Callable, Sequence

from twisted.internet.task import deferLater

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.base.names import fold
from chat.base.token_bucket import Allowance
from chat.commands.registry import ANSWERED, Call, Outcome, command, count
from chat.core.forgetting import forget, unknown
from chat.core.person import Person
from chat.log.events import Entry
from chat.log.forgetting import NOBODY
from chat.log.log import Log
from chat.log.private_talk import partner
from chat.log.redaction import Speaker
from chat.log.tail import said
from chat.wire import replies
from chat.wire.answers import Exported, History

Said = Sequence[tuple[str, Entry]]


class Export(NamedTuple):
    """All of it."""


@command(
    "history",
    say("/export"),
    say("all that you said here, and is kept, in rooms and in private, oldest first in each"),
    allowance=Allowance("export", limits.EXPORTS, limits.EXPORT_SECONDS),
    by_token=False,
)
async def export(call: Call, asked: Export) -> Outcome:
    """As history: lines for people, objects for programs."""
    count(call.session, "export")
    person = call.session.person
    return await _show(call, person.nick, _by(call, person, lambda key, entry: True))


class ExportOf(NamedTuple):
    """Of whom, or where."""

    place: str


@command(
    "server",
    say("/admin export NICK|#room"),
    say("all that somebody said, or that was said in a room, as far as you may read it"),
    role="server operator",
)
async def export_of(call: Call, asked: ExportOf) -> Outcome:
    """Whoever runs the server, on the control socket, has what is private, too."""
    hub = call.session.hub
    if asked.place.startswith("#"):
        await hub.rooms.load(asked.place)
        room = hub.rooms.find(asked.place, None if call.connection.operator else call.session.rooms)
        return await _show(call, room.log.name, _in(call, room.log))
    person = hub.naming.find(asked.place)
    if person is None:
        raise unknown(asked.place)
    return await _show(call, person.nick, _by(call, person, lambda key, entry: _may_read(call, key, entry)))


def _may_read(call: Call, key: str, entry: Entry) -> bool:
    """An operator with a nickname reads what everybody could, or they can themselves; of a room that is not recorded
    nobody does who did not hear it."""
    session, rooms = call.session, call.session.hub.rooms
    if key in rooms and not rooms[key].log.recorded:
        return False  # it is of those alone who heard it
    if call.connection.operator:
        return True
    if key.startswith("@"):
        return key == session.person.log.key
    reach = session.reach(rooms[key].log) if key in rooms else None
    if reach is not None:
        return reach.said is not None and entry.seq > reach.said
    return not rooms.is_private(key) and entry.seq > rooms.privacy(key).opened


async def _by(call: Call, person: Person, may: Callable[[str, Entry], bool]) -> AsyncIterator[Said]:
    """What somebody said, of private talk what stands in the log of their own."""
    behind: int | None = 0
    while behind is not None:
        call.connection.spend(limits.PRICE_SPOKEN)
        part = await call.session.hub.archive.spoken(Speaker(person.id), behind)
        behind = part.behind
        yield [
            (key, entry)
            for key, entry in part.entries
            if (not key.startswith("@") or key == person.log.key) and may(key, entry)
        ]


async def _in(call: Call, log: Log) -> AsyncIterator[Said]:
    """What was said in a room."""
    behind = 0
    while behind < log.head:
        call.connection.spend(limits.PRICE_QUERY)
        part = await call.session.hub.archive.stretch(log, behind, min(behind + limits.PAGE_EVENTS, log.head))
        behind += limits.PAGE_EVENTS
        yield [(log.key, entry) for entry in said(part) if _may_read(call, log.key, entry)]


async def _show(call: Call, whose: str, parts: AsyncIterator[Said]) -> Outcome:
    """A part after the other, each when what came before it was read."""
    hub, total = call.session.hub, 0
    await hub.turn.flush()  # what was said just now belongs to it
    async for part in parts:
        keys = [key for key, _ in part]
        whole = hub.archive.readings.hold(keys, [(_place(call, key, entry), entry) for key, entry in part])
        for start in range(0, len(part), limits.HISTORY_AT_ONCE):
            stop = start + limits.HISTORY_AT_ONCE
            held = hub.archive.readings.hold(keys[start:stop], whole[start:stop])
            while call.still_there and call.connection.blocked:
                await deferLater(hub.clock, limits.EXPORT_PAUSE_SECONDS)
            if not call.still_there:
                return ANSWERED
            total += len(held)
            history = History(Exported(whose), None, held, True, hub.now(), None, call.request.id)
            await call.connection.answer_in_pages(history)
    call.reply(replies.Exported(total))
    return None


def _place(call: Call, key: str, entry: Entry) -> str:
    other = partner(key, entry.fact)
    return call.session.hub.rooms.name_of(key) if other is None else f"@{other}"


class Forget(NamedTuple):
    """Whom."""

    nick: str
    again: str | None


@command(
    "server",
    say("/admin forget NICK NICK"),
    say("forget somebody for ever: all that they said, their account, their name; to be sure, it stands there twice"),
    role="server operator",
)
async def forget_somebody(call: Call, asked: Forget) -> Outcome:
    """What went is told; copies of before keep it."""
    hub = call.session.hub
    person = hub.naming.find(asked.nick)
    if asked.again is None or fold(asked.again) != fold(asked.nick):
        sure = say("Nothing can bring that back. If you are sure: /admin forget {nick} {nick}", nick=asked.nick)
        raise Refused("usage", sure)
    if person is not None and call.session.named and person is call.session.person:
        raise Refused("not-allowed", say("That is you; another operator, or the control socket, can do it."))
    nick = asked.nick if person is None else person.nick
    gone = await forget(hub, person, asked.nick)
    hub.audit(call.by, "forget", NOBODY, None, lines=gone.lines)
    call.reply(replies.Forgotten(nick, gone.lines, gone.others, person is not None))
    return None
