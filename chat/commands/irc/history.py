"""What was said before, as clients page through it (IRCv3 draft/chathistory).

A place in it is an id or a time.  The store pages backwards, so it is looked through from its end, or from the number
in an id, and not for ever.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.base.names import fold
from chat.commands.irc.verbs import Asked, verb
from chat.commands.registry import room_of
from chat.core.ports import Query
from chat.log.events import Entry, Private
from chat.wire import jsonl
from chat.wire.answers import Playback
from chat.wire.irc.format import msgid
from chat.wire.irc.messages import word
from chat.wire.phrases import not_recorded

Older = Callable[[Entry], bool]


class Buffer(NamedTuple):
    """Of whom or where the history is, by the key of its log, `behind` which place; `other` is who one talks with in
    private."""

    target: str
    key: str
    behind: int
    head: int
    other: str | None = None


class Place(NamedTuple):
    """What is `older` than a place, and what is `newer`; before which number one may look."""

    older: Older
    newer: Older
    before: int | None = None


@verb("CHATHISTORY", 1)
async def chathistory(asked: Asked, command: str, *params: str) -> None:
    """A part of what was said."""
    command = command.upper()
    try:
        if command == "TARGETS" and len(params) == 3:
            await _targets(asked, *params)
        elif command in _PARTS and len(params) == _PARTS[command]:
            await _part(asked, command, *params)
        else:
            _fail(asked, "INVALID_PARAMS", command, say("CHATHISTORY has no such parameters."))
    except Refused as error:
        _fail(asked, "INVALID_TARGET", f"{command} {word(params[0])}", error.sentence)


_PARTS = {"LATEST": 3, "BEFORE": 3, "AFTER": 3, "AROUND": 3, "BETWEEN": 4}
"""How many parameters stand behind each."""


def _fail(asked: Asked, code: str, about: str, why: Sentence) -> None:
    asked.tell("FAIL", "CHATHISTORY", code, *map(word, about.split()), asked.wire.words(why))


async def _part(asked: Asked, command: str, target: str, *params: str) -> None:
    buffer = _buffer(asked, target)
    *given, most = params
    places = [await _place(asked, buffer, one) for one in given if not (one == "*" and command == "LATEST")]
    if None in places or not most.isdecimal():
        _fail(asked, "INVALID_PARAMS", command, say("CHATHISTORY has no such parameters."))
        return
    limit = min(int(most[:6]), limits.HISTORY_MOST) or limits.HISTORY_MOST
    found = await _found(asked, buffer, command, [place for place in places if place is not None], limit)
    asked.connection.answer(Playback(buffer.target, found))


def _buffer(asked: Asked, target: str) -> Buffer:
    session = asked.session
    if target.startswith("#"):
        room = room_of(session, target)
        reach = session.reach(room.log)
        if reach is None or reach.said is None:
            raise Refused("not-allowed", not_recorded(room.log.name))
        return Buffer(room.log.name, room.log.key, reach.said, room.log.head)
    log = session.person.log
    if not session.may_read(log):
        raise Refused("not-allowed", not_recorded(log.name))
    return Buffer(word(target), log.key, 0, log.head, fold(target))


async def _found(asked: Asked, buffer: Buffer, command: str, places: list[Place], most: int) -> list[Entry]:
    """The entries that are meant, oldest first."""
    if command == "LATEST":
        return await _last(asked, buffer, None, places[0].newer if places else _any, _any, most)
    if command == "BETWEEN":
        first, second = places
        backwards = await _is_newer(asked, buffer, first, second)
        older, newer = (second, first) if backwards else (first, second)
        found = await _last(asked, buffer, newer.before, older.newer, newer.older, None)
        return found[-most:] if backwards else found[:most]
    (place,) = places
    before = await _last(asked, buffer, place.before, _any, place.older, most if command == "BEFORE" else most // 2)
    if command == "BEFORE":
        return before
    after = await _last(asked, buffer, None, lambda entry: not place.older(entry), _any, None)
    if command == "AROUND":
        return [*before, *after[: most - len(before)]]
    return [entry for entry in after if place.newer(entry)][:most]


def _any(entry: Entry) -> bool:
    return True


async def _is_newer(asked: Asked, buffer: Buffer, first: Place, second: Place) -> bool:
    """Whether the first place is behind the second one."""
    if first.before is not None and second.before is not None:
        return first.before > second.before
    between = [entry async for entry in _backwards(asked, buffer, None) if second.newer(entry) and first.older(entry)]
    return bool(between)


async def _last(
    asked: Asked, buffer: Buffer, before: int | None, begins: Older, ends: Older, most: int | None
) -> list[Entry]:
    """The last entries before a number for which both hold: `begins` no more once it does not."""
    found: list[Entry] = []
    async for entry in _backwards(asked, buffer, before):
        if not begins(entry) or (most is not None and len(found) >= most):
            break
        if ends(entry):
            found.append(entry)
    return found[::-1]


async def _backwards(asked: Asked, buffer: Buffer, before: int | None) -> AsyncIterator[Entry]:
    """What people said there, the newest first."""
    place = buffer.head + 1 if before is None else before
    for _ in range(limits.CHATHISTORY_PAGES):
        asked.connection.spend(limits.PRICE_QUERY)
        behind = {buffer.key: buffer.behind}
        query = Query((buffer.key,), limits.HISTORY_MOST, place, other=buffer.other, behind=behind)
        found = await asked.hub.archive.said(query)
        entries = [entry for _, entry in found.entries]
        for entry in reversed(entries):
            yield entry
        if len(entries) < limits.HISTORY_MOST:
            return
        place = entries[0].seq


async def _place(asked: Asked, buffer: Buffer, given: str) -> Place | None:
    """Where `msgid=…` or `timestamp=…` is; None where it is neither, or nowhere."""
    kind, _, value = given.partition("=")
    if kind == "timestamp":
        try:
            at = jsonl.stamp(datetime.fromisoformat(value).astimezone(UTC))
        except (ValueError, OverflowError):
            return None
        return Place(lambda entry: jsonl.stamp(entry.at) < at, lambda entry: jsonl.stamp(entry.at) > at)
    if kind != "msgid":
        return None
    number = value.partition("-")[0]
    if buffer.other is None and number.isdecimal():
        return _at(int(number[:18]))
    async for entry in _backwards(asked, buffer, None):
        if msgid(buffer.key, entry) == f"msgid={value}":
            return _at(entry.seq)
    return None


def _at(seq: int) -> Place:
    return Place(lambda entry: entry.seq < seq, lambda entry: entry.seq > seq, seq)


async def _targets(asked: Asked, first: str, last: str, most: str) -> None:
    """With whom and where something was said last between two times."""
    session, times = asked.session, sorted(one.partition("=")[2] for one in (first, last))
    if not most.isdecimal():
        _fail(asked, "INVALID_PARAMS", "TARGETS", say("CHATHISTORY has no such parameters."))
        return
    latest: dict[str, str] = {}
    for room in session.rooms.values():
        reach = session.reach(room.log)
        if reach is None or reach.said is None:
            continue
        for entry in await asked.hub.archive.recent(room.log, reach.said, room.log.head + 1, 1):
            latest[room.log.name] = jsonl.stamp(entry.at)
    private = session.person.log
    said: Sequence[Entry] = ()
    if session.may_read(private):
        said = await asked.hub.archive.recent(private, 0, private.head + 1, limits.HISTORY_MOST)
    for entry in said:
        if isinstance(entry.fact, Private):
            mine = entry.fact.author.person == session.person.id
            latest[entry.fact.to if mine else entry.fact.author.nick] = jsonl.stamp(entry.at)
    fitting = [(at, name) for name, at in latest.items() if times[0] < at < times[1]]
    lines = [("CHATHISTORY", "TARGETS", name, at) for at, name in sorted(fitting)[: int(most[:6])]]
    begin, end = ("BATCH", "+targets", "draft/chathistory-targets"), ("BATCH", "-targets")
    asked.tell_batch(begin, lines, end)
