"""What was said before: the end of it, since a time, what one missed, and by its words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo

from chat.base import limits
from chat.base.errors import Refused, no_nick, seen_ahead
from chat.base.folding import phrases
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.base.names import fold
from chat.commands.registry import Call, carrier, command, room_of, usage
from chat.core.ports import Found, Query, Stretch
from chat.core.session import Session
from chat.log.events import Entry
from chat.log.log import Log
from chat.log.private_talk import partner
from chat.log.tail import size
from chat.log.unread import Unread
from chat.wire.answers import (
    History,
    Latest,
    Matching,
    Mentions,
    ReadNotice,
    Selection,
    SinceRead,
    SinceSpoken,
    SinceTime,
    Standing,
)
from chat.wire.phrases import not_recorded
from chat.wire.requests import Read


async def entering(session: Session, log: Log, position: int) -> History:
    """What somebody who comes into a room is shown: the last that was said up to a position."""
    most = session.hub.settings.history
    entries: Sequence[Entry] = []
    if most and (behind := _told_from(session, log)) is not None:
        entries = await session.hub.archive.recent(log, behind, position + 1, most + 1)
    fitting = _fitting([(log.key, entry) for entry in entries[-most:]])
    shown = session.hub.archive.readings.hold([log.key] * len(fitting), [(log.name, entry) for _, entry in fitting])
    return History(Latest(), log.name, shown, len(entries) > len(shown), session.hub.now())


async def standings(session: Session, logs: Iterable[Log]) -> Mapping[str, Standing]:
    """By their keys, where somebody stands in these logs; far behind the store counts, and that has its price."""
    person, hub = session.person, session.hub
    listener, stretches = person.listener, dict[str, Stretch]()
    counts, far = dict[str, Unread](), dict[str, Stretch]()
    for log in logs:
        stretch = stretches[log.key] = Stretch(person.read_up_to(log), log.head)
        found = hub.archive.unread_in_memory(log, stretch, listener)
        if found is None:
            far[log.key] = stretch
        else:
            counts[log.key] = found
    if far:
        carrier(session).spend(limits.PRICE_QUERY + limits.PRICE_UNREAD * len(far))
        with suppress(Refused):  # of a store that cannot be read
            counts |= await hub.archive.unread(far, listener)
    return {key: Standing(behind, counts.get(key), last) for key, (behind, last) in stretches.items()}


def _told_from(session: Session, log: Log) -> int | None:
    """The place behind which they are shown what was said in it before; None: nothing of it."""
    reach = session.reach(log)
    return None if reach is None else reach.said


def _fitting(entries: Sequence[tuple[str, Entry]]) -> Sequence[tuple[str, Entry]]:
    """The last of these that one answer may hold: it goes out whole, however slowly it is read."""
    total = 0
    for index in range(len(entries) - 1, -1, -1):
        total += size(entries[index][1])
        if total > limits.HISTORY_BYTES:
            return entries[index + 1 :]
    return entries


async def _show(call: Call, query: Query, room: str | None, asked: Selection) -> None:
    """Answer with what fits a query; where nothing does, say so."""
    await _tell(call, await _found(call, query), room, asked)


async def _found(call: Call, query: Query) -> Found:
    """What fits a query, of what they may read."""
    await call.session.hub.turn.flush()  # what was said just now belongs to it
    places = [(log.key, _told_from(call.session, log) or 0) for log in call.session.logs.values()]
    behind = {key: max(place, query.behind.get(key, 0)) for key, place in places if key in query.keys}
    query = query._replace(behind=behind)
    parts = len(query.keys) * max(1, len(query.words.split()))
    call.connection.spend(limits.PRICE_QUERY + min(limits.PRICE_QUERY_PART * parts, limits.SEARCH_SECONDS * 1e6))
    found = await call.session.hub.archive.said(query)
    if not found.total and query.other is not None and query.before is None:
        call.session.hub.find(query.other)
    return found


async def _tell(call: Call, found: Found, room: str | None, asked: Selection) -> None:
    session = call.session
    heads = {log.key: log.head for log in session.logs.values()}
    # What the store has already, and the turn has not shown yet, is still to be heard live.
    fitting = _fitting([(key, entry) for key, entry in found.entries if entry.seq <= heads.get(key, 0)])
    places = [(_place(session, key, entry), entry) for key, entry in fitting]
    shown = session.hub.archive.readings.hold([key for key, _ in fitting], places)
    more = found.total > len(shown) or not found.whole
    if call.still_there:
        now, id = session.hub.now(), call.request.id
        await call.connection.answer_in_pages(History(asked, room, shown, more, now, found.total, id, found.whole))


def _place(session: Session, key: str, entry: Entry) -> str:
    """The room that an entry is shown with; private talk with @ and the other one's nickname."""
    if (other := partner(key, entry.fact)) is not None:
        return "@" + other
    return session.person.rooms[key].log.name


def _readable(call: Call, place: str | None) -> Log:
    """The log that is meant; raises `Refused` where they may not read it, or there is nothing to read."""
    session = call.session
    log = session.person.log
    if place is None or place.startswith("#"):
        log = room_of(session, place or call.request.room).log
    if _told_from(session, log) is None:
        raise Refused("not-allowed", not_recorded(log.name))
    return log


class Last(NamedTuple):
    """What was said last."""

    most: int | None
    place: str | None


@command("history", say("/last [#room|NICK] [n]"), say("show what was said last, in a room or with somebody"))
async def last(call: Call, asked: Last) -> None:
    """In the current room, where no other is named; a program may name somebody beside the line, as `@nick`."""
    most = limits.HISTORY_DEFAULT if asked.most is None else asked.most
    if not 1 <= most <= limits.HISTORY_MOST:
        raise Refused("too-many", say("/last shows 1 to {limit} lines.", limit=limits.HISTORY_MOST))
    room, before = call.request.room, call.request.before
    place = room[1:] if asked.place is None and room is not None and room.startswith("@") else asked.place
    log = _readable(call, place)
    if log is call.session.person.log:
        nick = place or ""
        if not nick[:1].isalpha():
            raise usage(call.command)
        await _show(call, Query((log.key,), most, before, other=fold(nick)), "@" + nick, Latest())
    else:
        await _show(call, Query((log.key,), most, before), log.name, Latest())


class Since(NamedTuple):
    """What was said since a time."""

    room: str | None
    time: str


@command("history", say("/since [#room] 22:00|30m|yesterday|DATE"), say("show what was said in the room since then"))
async def since(call: Call, asked: Since) -> None:
    """At most the last HISTORY_MOST of it; programs page back from there with `before`."""
    log = _readable(call, asked.room)
    now = call.session.hub.now()
    then = moment(asked.time, now)
    query = Query((log.key,), limits.HISTORY_MOST, call.request.before, then, _until(now))
    await _show(call, query, log.name, SinceTime(then))


def _until(now: datetime) -> datetime:
    """What can be dated when it is that time: a turn does not follow a clock that is set back by less."""
    return now + timedelta(seconds=limits.BACK_SECONDS)


_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_DAYS_AGO = {"today": 0, "hoy": 0, "yesterday": 1, "ayer": 1}
_DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")


def moment(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """When somebody means, by the clocks of a zone (None is the system's); raises `Refused` where that cannot be told.

    What a clock showed is reckoned by that day's own offset, not today's.  A time that it showed twice is the first,
    and one that it skipped is as long after midnight as it would have been.
    """
    text = text.strip().lower()
    today = now.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0, fold=0)
    if (days := _DAYS_AGO.get(text)) is not None:
        return _shown(today - timedelta(days=days), zone)
    if match := re.fullmatch(r"(\d{1,4})([mhd])", text):
        return (now - int(match[1]) * _UNITS[match[2]]).astimezone(zone)
    if (match := re.fullmatch(r"(\d{1,2}):(\d\d)", text)) and int(match[1]) < 24 and int(match[2]) < 60:
        clock = today.replace(hour=int(match[1]), minute=int(match[2]))
        last = _shown(clock, zone)
        # Both of one zone would be compared by what the clock showed.
        return last if last.astimezone(UTC) <= now else _shown(clock - timedelta(days=1), zone)
    for form in _DATE_FORMATS:
        try:
            return _shown(datetime.strptime(text.upper(), form), zone)  # noqa: DTZ007  # the zone comes with `_shown`
        except (ValueError, OverflowError):
            continue
    raise Refused("usage", say("/since takes 22:00, 30m, 2h, 3d, today, yesterday, 2026-11-21 or 2026-11-21 22:00."))


def _shown(clock: datetime, zone: tzinfo | None) -> datetime:
    """The moment at which the clocks of a zone showed this."""
    local = clock.astimezone() if zone is None else clock.replace(tzinfo=zone)
    return local.astimezone(UTC).astimezone(zone)


async def mark_read(session: Session, parsed: Read) -> None:
    """They have read so far, on whatever device: their others are told.  It only grows."""
    if not session.named:
        raise no_nick()
    person = session.person
    heard = session.logs
    logs = [(heard.get(name) or room_of(session, name).log, seq) for name, seq in parsed.places.items()]
    for log, seq in logs:
        if seq > log.head:
            raise seen_ahead(seq)
    news = [log for log, seq in logs if person.mark_read(log, seq)]
    session.hub.turn.touch(person)
    stored = session.hub.turn.flush().addCallback(lambda _: _tell_others_what_is_read(session, news))
    if parsed.request.id is not None:  # else nobody waits for that, least of all a ping while the database is away
        await stored


def _tell_others_what_is_read(session: Session, logs: Sequence[Log]) -> None:
    person = session.person
    for log in logs:
        read = person.read_up_to(log)  # they may have read on meanwhile, and who came then knows it
        for other in person.others(session):
            if other.may_read(log):
                other.notice(f"read {log.key}", ReadNotice(log.name, read))


class Missed(NamedTuple):
    """What was said while one was not looking."""

    room: str | None


@command("history", say("/missed [#room]"), say("show what you have not read: what is for you first, then the room"))
async def missed(call: Call, asked: Missed) -> None:
    """On a wire of people nobody knows whether they read the room that they look at: there it is since they spoke."""
    session = call.session
    log, person, before = _readable(call, asked.room), session.person, call.request.before
    logs = [other for other in session.logs.values() if _told_from(session, other) is not None]
    behind = {other.key: read for other in logs if (read := person.read_up_to(other)) < other.head}
    if behind and before is None:
        found = await _found(call, Query(tuple(behind), limits.GREP_MOST, behind=behind, to=person.listener))
        if found.entries:
            await _tell(call, found, None, Mentions())
    if session.reading(log):
        after, until = person.spoke_at + timedelta(microseconds=1), _until(session.hub.now())
        await _show(call, Query((log.key,), limits.HISTORY_MOST, before, after, until), log.name, SinceSpoken())
    else:
        query = Query((log.key,), limits.HISTORY_MOST, before, behind={log.key: behind.get(log.key, log.head)})
        await _show(call, query, log.name, SinceRead())


class MentionsOf(NamedTuple):
    """What calls one."""

    place: str | None


@command("history", say("/mentions [#room|NICK]"), say("show what calls you by name or was said to you in private"))
async def mentions(call: Call, asked: MentionsOf) -> None:
    """In all rooms and in private, in one room, or by somebody; the last of it, oldest first."""
    session, place = call.session, asked.place
    person, room = session.person, call.request.room
    logs: Sequence[Log] = list(session.logs.values())
    author = None
    if place is not None and not place.startswith("#"):
        author = fold(place)
    elif place is not None or room is not None:
        logs = [_readable(call, place)]
    keys = tuple(log.key for log in logs if _told_from(session, log) is not None)
    before = call.request.before if len(keys) == 1 else None
    query = Query(keys, limits.GREP_MOST, before, other=author, to=person.listener)
    await _show(call, query, logs[0].name if len(logs) == 1 else None, Mentions())


class Grep(NamedTuple):
    """What was said with some words."""

    room: str | None
    text: str


@command(
    "history", say("/grep [#room] words"), say("show what was said with these words, in your rooms and in private")
)
async def grep(call: Call, asked: Grep) -> None:
    """Case and accents do not count; the last of it, oldest first."""
    session = call.session
    parts = sum(len(phrase.split()) for phrase in phrases(asked.text))
    if not parts:
        raise Refused("usage", say("There is no letter, digit or sign in that to look for."))
    if parts > limits.GREP_WORDS:
        raise Refused("too-many", say("/grep takes {limit} words or signs.", limit=limits.GREP_WORDS))
    logs: Sequence[Log] = list(session.logs.values())
    if asked.room is not None or call.request.room is not None:
        logs = [_readable(call, asked.room)]
    keys = tuple(log.key for log in logs if _told_from(session, log) is not None)
    await _show(call, Query(keys, limits.GREP_MOST, words=asked.text), None, Matching(asked.text))
