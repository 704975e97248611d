"""Taking back what was said: one's own lines, here or in private, and as an operator those of others in the room."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from chat.base import limits
from chat.base.durations import parse_duration
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.base.names import fold
from chat.base.token_bucket import Allowance
from chat.commands import scope
from chat.commands.registry import ANSWERED, Call, Outcome, allows, command, count, not_for, permits, room_of, usage
from chat.commands.text_checks import brief
from chat.core.hub import Hub
from chat.core.redacting import spoken, take_back
from chat.core.roles import SERVER
from chat.log.events import Entry, Private
from chat.log.log import Log
from chat.log.redaction import Speaker, is_by
from chat.log.tail import said
from chat.wire import grammar, replies, vocabulary
from chat.wire.answers import Reply, Stored


class Delete(NamedTuple):
    """Which lines."""

    room: str | None
    text: str | None


class DeleteEverywhere(NamedTuple):
    """Whose lines, of which time, and why."""

    nick: str
    every: str
    duration: str
    text: str | None


class _Lines(NamedTuple):
    """In which log, behind which place, and whose: one's own, or (`nick`) of somebody else."""

    log: Log
    behind: int
    speaker: Speaker
    nick: str | None


@command(
    "talk",
    say("/delete [#room|@] [n]"),
    say(
        "take back what you said, and say why behind the number; alone it lists your last lines with their numbers, "
        "/delete @ those in private"
    ),
    allowance=Allowance("redaction", limits.REDACTIONS, limits.REDACTION_SECONDS),
)
async def delete(call: Call, asked: Delete) -> Outcome:
    """Of a room's operators also `/delete [#room] NICK [n] [why]` and `/delete [#room] NICK all 30m [why]`."""
    await call.session.hub.turn.flush()  # what they said just now has a number, too
    if not call.still_there:
        return ANSWERED
    (log, behind), words = _log(call, asked)
    lines = _Lines(log, behind, Speaker(call.session.person.id), None)
    if words and not _is_number(words[0]):
        lines, words = _of_other(call, lines, words[0].removeprefix("@").rstrip(":,")), words[1:]
    match words:
        case []:
            return await _list(call, lines)
        case [number, *why] if _is_number(number) and _is_reason(lines, why):
            return await _one(call, lines, int(number), why)
        case [every, duration, *why] if lines.nick is not None and grammar.fold(every) in vocabulary.ALL:
            return await _all(call, lines, _since(call, duration), _reason(call, lines, why))
    raise usage(call.command)


@command(
    "server",
    say("/admin delete NICK all DURATION [why]"),
    say("take back all that somebody said lately, in every room: all 30m, all forever"),
    role="server operator",
)
async def delete_everywhere(call: Call, asked: DeleteEverywhere) -> Outcome:
    """What they wrote in private stays: it is of those who have it."""
    hub = call.session.hub
    if grammar.fold(asked.every) not in vocabulary.ALL:
        raise usage(call.command)
    nick, author = asked.nick[: limits.NAME_READ], call.by
    total, quoted, why = 0, list[Entry](), brief(asked.text or "", limits.WORDS)
    async for log, entries in _in_all_rooms(call, _speaker(hub, asked.nick), _since(call, asked.duration)):
        if not (call.still_there and permits(call.command, call.connection)):
            return ANSWERED
        hub.audit(author, "delete", nick, hub.rooms[log.key], text=why, lines=len(entries))
        await take_back(hub, author, log, entries, nick, why=why)
        total += len(entries)
        if not hub.rooms.is_private(log.key):
            quoted = [*quoted, *entries][-limits.REDACTED_LISTED :]
    call.reply(replies.TakenBack(SERVER, nick, total, _told(call, quoted), why))
    return None


async def _in_all_rooms(
    call: Call, speaker: Speaker, since: datetime | None
) -> AsyncIterator[tuple[Log, Sequence[Entry]]]:
    """What they said since then, a part after the other, each of one room."""
    hub = call.session.hub
    await hub.turn.flush()  # what they said just now has a number, too
    for room in [room for room in hub.rooms.values() if not room.log.recorded]:
        if entries := await spoken(hub, room.log, 0, speaker, room.log.head, since):
            yield room.log, entries
    behind: int | None = 0
    while behind is not None and call.still_there:
        call.connection.spend(limits.PRICE_SPOKEN)
        part = await hub.archive.spoken(speaker, behind)
        behind = part.behind
        found: dict[str, list[Entry]] = {}
        for key, entry in part.entries:
            if key.startswith("#") and (since is None or entry.at >= since):
                found.setdefault(key, []).append(entry)
        for key, some in found.items():
            entries = [*said(some)]
            for start in range(0, len(entries), limits.REDACTED_AT_ONCE):
                await hub.rooms.load(key)
                yield hub.rooms[key].log, entries[start : start + limits.REDACTED_AT_ONCE]


def _log(call: Call, asked: Delete) -> tuple[tuple[Log, int], Sequence[str]]:
    """The log that it is about, from where on they may read it, and what else was typed; a program may name the room
    beside the line, `@nick`."""
    session, text, room = call.session, asked.text or "", asked.room or call.request.room
    if text.startswith("@") and not text[1:2].isalpha():
        text, room = text[1:], "@"
    if room is not None and room.startswith("@"):
        scope.check_place(session, None)
        return (session.person.log, 0), text.split()
    named = None if room is None else session.hub.rooms.named(room)
    if named is None or not allows("operator", call.connection, named.log.key):
        named = room_of(session, room)
    log, reach = named.log, session.reach(named.log)
    if reach is None:  # an operator who is not in it reads what whoever comes in would
        return (log, log.head if named.privacy.private else named.privacy.opened), text.split()
    return (log, reach.heard if reach.said is None else reach.said), text.split()


def _of_other(call: Call, own: _Lines, nick: str) -> _Lines:
    """There, lines of whoever is called so, or was when they said them; raises `Refused` for who is no operator."""
    if own.log is call.session.person.log:
        raise not_for("operator", "delete NICK")
    lines = own._replace(speaker=_speaker(call.session.hub, nick), nick=nick[: limits.NAME_READ])
    _check_may(call, lines)
    return lines


def _speaker(hub: Hub, nick: str) -> Speaker:
    """Whoever is called so, or was when they said something."""
    person = hub.naming.find(nick)
    return Speaker(None if person is None else person.id, fold(nick))


def _check_may(call: Call, lines: _Lines) -> None:
    """Raises `Refused` for who would take back what others said and is no operator there, or not any more."""
    if lines.nick is not None and not allows("operator", call.connection, lines.log.key):
        raise not_for("operator", "delete NICK")


def _is_reason(lines: _Lines, words: Sequence[str]) -> bool:
    """Whether this may be one: of private talk none is told, and numbers are of lines that they mean as well."""
    if not words:
        return True
    return not (lines.log.name == "@" or grammar.fold(words[0]) in vocabulary.ALL or all(map(_is_number, words)))


def _reason(call: Call, lines: _Lines, words: Sequence[str]) -> str:
    """Why, which all in the room read; raises `Refused` where they may say nothing there."""
    why = brief(" ".join(words), limits.WORDS)
    if why:
        call.session.check_may_say(call.session.hub.rooms[lines.log.key], why, call.request.id)
    return why


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 16


def _since(call: Call, duration: str) -> datetime | None:
    if grammar.fold(duration) in vocabulary.FOREVER:
        return None
    try:
        return call.session.hub.now() - timedelta(seconds=parse_duration(duration))
    except OverflowError:  # longer than there are dates
        return None


async def _list(call: Call, lines: _Lines) -> Outcome:
    """The last of them."""
    call.connection.spend(limits.PRICE_SPOKEN)
    found = await spoken(call.session.hub, lines.log, lines.behind, lines.speaker, limits.REDACTED_LISTED)
    call.reply(replies.OwnLines(lines.log.name, lines.nick, _told(call, found)))
    return None


def _told(call: Call, entries: Sequence[Entry]) -> Sequence[replies.OwnLine]:
    now = call.session.hub.now()
    return [
        replies.OwnLine(
            entry.seq,
            entry.at,
            getattr(entry.fact, "text", ""),
            entry.fact.to if isinstance(entry.fact, Private) else None,
            max(0, int((now - entry.at).total_seconds())),
        )
        for entry in entries
    ]


async def _one(call: Call, lines: _Lines, seq: int, words: Sequence[str]) -> Outcome:
    """The line of this number."""
    session, hub, log = call.session, call.session.hub, lines.log
    found = [entry for entry in await hub.archive.recent(log, lines.behind, seq + 1, 1) if entry.seq == seq]
    if lines.nick is not None and not call.still_there:
        return ANSWERED
    _check_may(call, lines)
    if not found or not is_by(found[0].fact, lines.speaker):
        if lines.nick is not None:
            raise Refused("gone", say("{nick} said nothing that has the number {number}.", nick=lines.nick, number=seq))
        raise Refused("gone", say("You said nothing here that has the number {number}; see /delete.", number=seq))
    why = _reason(call, lines, words)
    count(session, "delete")
    line = session.posting.line(call.request)
    if lines.nick is not None:
        hub.audit(session.author, call.command.name, lines.nick, hub.rooms[log.key], text=why, lines=1)
    place, repeated = await take_back(hub, session.author, log, found, lines.nick or "", line, why)
    told = None
    if not repeated:
        facts = replies.TakenBack(log.name, lines.nick, 1, _told(call, found), why)
        told = Reply(call.command.name, facts, call.request.id)
    session.answer(Stored(place, call.request.id, None, told))
    return ANSWERED


async def _all(call: Call, lines: _Lines, since: datetime | None, why: str) -> Outcome:
    """All of them since then, a part after the other, the newest first."""
    session, hub, log = call.session, call.session.hub, lines.log
    author, total, before = session.author, 0, None
    quoted: Sequence[Entry] = ()
    count(session, "delete")
    while True:
        call.connection.spend(limits.PRICE_SPOKEN)
        found = await spoken(hub, log, lines.behind, lines.speaker, limits.REDACTED_AT_ONCE, since, before)
        if not call.still_there:
            return ANSWERED
        if total and not allows("operator", call.connection, log.key):
            break  # what went until then is told
        _check_may(call, lines)
        if not found:
            break
        hub.audit(author, call.command.name, lines.nick or "", hub.rooms[log.key], text=why, lines=len(found))
        await take_back(hub, author, log, found, lines.nick or "", why=why)
        quoted = quoted or found[-limits.REDACTED_LISTED :]
        total, before = total + len(found), found[0].seq
    call.reply(replies.TakenBack(log.name, lines.nick, total, _told(call, quoted), why))
    return None
