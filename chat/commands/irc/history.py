"""What was said before, as clients page through it (IRCv3 draft/chathistory).

A place in it is an id or a time; of a time its number is looked for, as numbers and dates go together.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.base.names import fold
from chat.commands.irc.verbs import Asked, verb
from chat.commands.registry import room_of
from chat.core.ports import Query
from chat.log.events import Entry, Private, Redacted, Said
from chat.log.log import Log
from chat.log.private_talk import partner
from chat.wire import jsonl
from chat.wire.answers import History, Playback
from chat.wire.irc.format import msgid
from chat.wire.irc.messages import word
from chat.wire.phrases import not_recorded


class Buffer(NamedTuple):
    """Of whom or where the history is, in which log, `behind` which number; `other` is who one talks with in private,
    and `events` says that all that happened in a room belongs to it."""

    target: str
    log: Log
    behind: int
    other: str | None = None
    events: bool = False

    def holds(self, entry: Entry) -> bool:
        """Whether an entry of the log is part of it."""
        fact = entry.fact
        if self.events:
            return not (isinstance(fact, Redacted) and fact.targets == (entry.seq,))
        return isinstance(fact, Said) and (self.other is None or fold(partner(self.log.key, fact) or "") == self.other)


class Place(NamedTuple):
    """What is older has a number below `before`, what is newer one above `behind`."""

    before: int
    behind: int


@verb("CHATHISTORY", 1)
async def chathistory(asked: Asked, command: str, *params: str) -> None:
    """A part of what was said."""
    command = command.upper()
    await asked.hub.turn.flush()  # what was said just now belongs to it
    try:
        if command == "TARGETS" and len(params) == 3:
            await _targets(asked, *params)
        elif command in _PARTS and len(params) == _PARTS[command]:
            await _part(asked, command, *params)
        else:
            _fail(asked, "INVALID_PARAMS", command, say("CHATHISTORY has no such parameters."))
    except Refused as error:
        code = "MESSAGE_ERROR" if error.code == "busy" else "INVALID_TARGET"
        _fail(asked, code, f"{command} {word(params[0])}", error.sentence)


_PARTS = {"LATEST": 3, "BEFORE": 3, "AFTER": 3, "AROUND": 3, "BETWEEN": 4}
"""How many parameters stand behind each."""


def _fail(asked: Asked, code: str, about: str, why: Sentence) -> None:
    asked.tell("FAIL", "CHATHISTORY", code, *map(word, about.split()), asked.wire.words(why))


async def _part(asked: Asked, command: str, target: str, *params: str) -> None:
    buffer = find(asked, target)
    *given, most = params
    places = [await _place(asked, buffer, one) for one in given if not (one == "*" and command == "LATEST")]
    if None in places or not most.isdecimal():
        _fail(asked, "INVALID_PARAMS", command, say("CHATHISTORY has no such parameters."))
        return
    limit = min(int(most[:6]), limits.HISTORY_MOST) or limits.HISTORY_MOST
    readings, key = asked.hub.archive.readings, buffer.log.key
    reading = readings.begin()
    found = await _found(asked, buffer, command, [place for place in places if place is not None], limit)
    shown = reading.still((key, entry) for entry in found)
    held = readings.hold([key] * len(shown), ((buffer.target, entry) for _, entry in shown))
    await asked.connection.answer_in_pages(History(Playback(), buffer.target, held, False, asked.hub.now()))


def find(asked: Asked, target: str) -> Buffer:
    """The history of this room, or with somebody of this nickname; raises `Refused` where they may not read it."""
    session = asked.session
    if target.startswith("#"):
        room = room_of(session, target)
        reach = session.reach(room.log)
        if reach is None or reach.said is None:
            raise Refused("not-allowed", not_recorded(room.log.name))
        return Buffer(room.log.name, room.log, reach.said, events="draft/event-playback" in asked.wire.capabilities)
    log = session.person.log
    if not session.may_read(log):
        raise Refused("not-allowed", not_recorded(log.name))
    return Buffer(word(target), log, 0, fold(target))


async def _found(asked: Asked, buffer: Buffer, command: str, places: list[Place], most: int) -> Sequence[Entry]:
    """The entries that are meant, oldest first."""
    end = buffer.log.head + 1
    match command, places:
        case "BEFORE", [place]:
            return await _last(asked, buffer, 0, place.before, most)
        case "AFTER", [place]:
            return await _first(asked, buffer, place.behind, end, most)
        case "AROUND", [place]:
            before = await _last(asked, buffer, 0, place.before, most // 2)
            return [*before, *await _first(asked, buffer, place.before - 1, end, most - len(before))]
        case "BETWEEN", [first, second] if first.before > second.before:
            return await _last(asked, buffer, second.behind, first.before, most)
        case "BETWEEN", [first, second]:
            return await _first(asked, buffer, first.behind, second.before, most)
    return await _last(asked, buffer, places[0].behind if places else 0, end, most)


async def _last(asked: Asked, buffer: Buffer, behind: int, before: int, most: int) -> Sequence[Entry]:
    """The last that was said behind a number and before another one."""
    if not most:
        return ()
    if buffer.events:
        return await _last_events(asked, buffer, behind, before, most)
    asked.connection.spend(limits.PRICE_QUERY)
    key = buffer.log.key
    query = Query((key,), most, before, other=buffer.other, behind={key: max(behind, buffer.behind)})
    found = await asked.hub.archive.said(query)
    return [entry for _, entry in found.entries]


async def _last_events(asked: Asked, buffer: Buffer, behind: int, before: int, most: int) -> Sequence[Entry]:
    """The same of all that happened: their numbers go on one by one, so it is read in stretches from the end."""
    found: list[Entry] = []
    first, last = max(behind, buffer.behind), before - 1
    while first < last and len(found) < most:
        start = max(first, last - limits.PAGE_EVENTS)
        asked.connection.spend(limits.PRICE_QUERY)
        page = await asked.hub.archive.stretch(buffer.log, start, last)
        if not page:
            break
        found[:0] = [entry for entry in page if buffer.holds(entry)]
        last = start
    return found[-most:]


async def _first(asked: Asked, buffer: Buffer, behind: int, before: int, most: int) -> Sequence[Entry]:
    """The first that was said there; raises `Refused` where that is too far away to be found."""
    found: list[Entry] = []
    place = max(behind, buffer.behind)
    for _ in range(limits.CHATHISTORY_PAGES):
        page = buffer.log.after(place, limits.PAGE_EVENTS)
        if page is None:
            asked.connection.spend(limits.PRICE_QUERY)
            page = await asked.hub.archive.after(buffer.log, place)
        found += [entry for entry in page if entry.seq < before and buffer.holds(entry)]
        if len(found) >= most or not page or page[-1].seq >= before - 1:
            return found[:most]
        place = page[-1].seq
    if not found:
        raise Refused("busy", say("What was said there is too far from this place."))
    return found


def time_of(given: str) -> str | None:
    """The time in `timestamp=…`, as times are told; None where there is none."""
    kind, _, value = given.partition("=")
    if kind != "timestamp":
        return None
    try:
        return jsonl.stamp(datetime.fromisoformat(value).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


async def end_of(asked: Asked, buffer: Buffer, at: str) -> int:
    """The number behind the last that happened until a time."""
    return await _end(asked, buffer, buffer.behind, lambda entry: jsonl.stamp(entry.at) <= at)


async def of_id(asked: Asked, buffer: Buffer, id: str) -> Entry | None:
    """What was said with this id, if it is there."""
    place = await _place(asked, buffer, f"msgid={id}")
    found = () if place is None else await _last(asked, buffer, place.before - 1, place.before + 1, 1)
    return next((entry for entry in found if msgid(buffer.log.key, entry) == f"msgid={id}"), None)


async def _place(asked: Asked, buffer: Buffer, given: str) -> Place | None:
    """Where `msgid=…` or `timestamp=…` is; None where it is neither, or nowhere."""
    kind, _, value = given.partition("=")
    if kind == "timestamp":
        at = time_of(given)
        if at is None:
            return None
        before = await _end(asked, buffer, buffer.behind, lambda entry: jsonl.stamp(entry.at) < at)
        behind = await _end(asked, buffer, before - 1, lambda entry: jsonl.stamp(entry.at) <= at)
        return Place(before, behind - 1)
    if kind != "msgid":
        return None
    number = value.partition("-")[0]
    if buffer.other is None and number.isdecimal():
        return Place(int(number[:18]), int(number[:18]))
    before = buffer.log.head + 1
    for _ in range(limits.CHATHISTORY_PAGES):  # mostly it is in the first
        page = await _last(asked, buffer, 0, before, limits.HISTORY_MOST)
        asked.connection.spend(limits.PRICE_LOOKED_AT * len(page))
        for entry in page:
            if msgid(buffer.log.key, entry) == f"msgid={value}":
                return Place(entry.seq, entry.seq)
        if len(page) < limits.HISTORY_MOST:
            break
        before = page[0].seq
    return None


async def _end(asked: Asked, buffer: Buffer, behind: int, older: Callable[[Entry], bool]) -> int:
    """A number behind this one, before which all is older, and from which on nothing is: dates go with numbers."""
    log, end = buffer.log, buffer.log.head + 1
    while end - behind > 1:
        middle = (behind + end) // 2
        asked.connection.spend(limits.PRICE_QUERY)
        entry = await asked.hub.archive.from_number(log, middle)
        if entry is not None and older(entry):
            behind = entry.seq
        else:
            end = middle
    return end


async def _targets(asked: Asked, first: str, last: str, most: str) -> None:
    """With whom and where something was said last between two times."""
    session, times = asked.session, [at for one in (first, last) if (at := time_of(one)) is not None]
    if len(times) < 2 or not most.isdecimal():
        _fail(asked, "INVALID_PARAMS", "TARGETS", say("CHATHISTORY has no such parameters."))
        return
    latest: dict[str, str] = {}
    for room in session.rooms.values():
        reach = session.reach(room.log)
        if reach is None or reach.said is None:
            continue
        for entry in await _latest(asked, room.log, reach.said, 1):
            latest[room.log.name] = jsonl.stamp(entry.at)
    private = session.person.log
    said: Sequence[Entry] = ()
    if session.may_read(private):
        said = await _latest(asked, private, 0, limits.HISTORY_MOST)
        asked.connection.spend(limits.PRICE_LOOKED_AT * len(said))
    for entry in said:
        if isinstance(entry.fact, Private):
            mine = entry.fact.author.person == session.person.id
            latest[entry.fact.to if mine else entry.fact.author.nick] = jsonl.stamp(entry.at)
    fitting = [(at, name) for name, at in latest.items() if min(times) < at < max(times)]
    lines = [("CHATHISTORY", "TARGETS", name, at) for at, name in sorted(fitting)[: int(most[:6])]]
    begin, end = ("BATCH", "+targets", "draft/chathistory-targets"), ("BATCH", "-targets")
    asked.tell_batch(begin, lines, end)


async def _latest(asked: Asked, log: Log, behind: int, most: int) -> Sequence[Entry]:
    """The last things people said there; what is not in memory is paid for."""
    if log.said_before(log.head + 1, most) is None:
        asked.connection.spend(limits.PRICE_QUERY)
    return await asked.hub.archive.recent(log, behind, log.head + 1, most)
