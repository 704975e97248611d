"""Measures: who may not talk, or not come in, for how long, and why; in a room by its operators, under /admin on the
whole server by those of the server."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Literal

from chat.base import limits, names
from chat.base.durations import exactly, parse_duration
from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.commands.measuring import NOT_TAKEN, set_for_room, tell
from chat.commands.registry import Call, Outcome, command, held_room
from chat.commands.roles import member
from chat.commands.text_checks import brief
from chat.core.hub import Hub
from chat.core.measures import Measure, check_may_free, check_may_hit, kicked, named
from chat.core.person import Person
from chat.core.roles import SERVER
from chat.core.room import Room
from chat.log.events import PutOut
from chat.wire import grammar, phrases, replies, vocabulary

_Hits = Literal["mute", "ban"]

_Ended = Literal["mute", "voice", "ban"]

_ENDS: Mapping[_Ended, Literal["unmute", "unvoice", "unban"]] = {"mute": "unmute", "voice": "unvoice", "ban": "unban"}

_NOT_SO: Mapping[_Ended, Sentence] = {
    "mute": say("{nick} is not muted {place}."),
    "voice": say("{nick} has no voice {place}."),
    "ban": say("{nick} is not banned {place}."),
}

_DEFAULTS = {"mute": limits.MUTE_SECONDS, "ban": limits.BAN_SECONDS}


class Hit(NamedTuple):
    """Whom, where, for how long and why."""

    room: str | None
    nick: str
    duration: str | None
    text: str | None


class Kicked(NamedTuple):
    """Whom, from where and why."""

    room: str | None
    nick: str
    text: str | None


class Spared(NamedTuple):
    """Who is free of it, and where."""

    room: str | None
    nick: str


class HitOnServer(NamedTuple):
    """Whom, for how long and why."""

    nick: str
    duration: str | None
    text: str | None


class KickedFromServer(NamedTuple):
    """Whom and why."""

    nick: str
    text: str | None


class SparedOnServer(NamedTuple):
    """Who is free of it."""

    nick: str


class Slow(NamedTuple):
    """Where, and in which time somebody says one line."""

    room: str | None
    pace: str | None


class Limit(NamedTuple):
    """Where, and how many people come in."""

    room: str | None
    people: str | None


class Bans(NamedTuple):
    """Where."""

    room: str | None


class AllBans(NamedTuple):
    """Everywhere."""


# In a room.


@command(
    "rooms",
    say("/mute [#room] NICK|all [DURATION] [why]"),
    say("let somebody, or all but operators, say nothing in your room, for 10m, 2h, 3d or forever"),
    role="operator",
)
async def mute(call: Call, asked: Hit) -> Outcome:
    """What they say elsewhere is heard."""
    return await _take(call, "mute", held_room(call, asked.room), asked)


@command(
    "rooms",
    say("/unmute [#room] NICK|all"),
    say("let somebody, or all, talk in your room again"),
    role="operator",
)
async def unmute(call: Call, asked: Spared) -> Outcome:
    """Whoever muted them."""
    return await _end(call, "mute", held_room(call, asked.room), asked.nick)


@command(
    "rooms",
    say("/voice [#room] NICK"),
    say("let somebody talk in your room also while all are muted there"),
    role="operator",
)
async def voice(call: Call, asked: Spared) -> None:
    """Not where they themselves are muted."""
    hub, room = call.session.hub, held_room(call, asked.room)
    person, key = member(call, room, asked.nick), room.log.key
    if hub.measures.find("voice", key, person.nick, person) is None:
        by = call.session.person.nick if call.session.named else None
        measure = Measure("voice", key, person.id, person.nick, room.log.name, by, "", hub.now(), None)
        hub.measures.take(measure)
        try:
            await tell(call, "voice", person, person.nick, room, None, "", measure.record)
        except NOT_TAKEN:
            hub.measures.instead(measure, None)
            raise
    call.reply(replies.Measured("voice", person.nick, room.log.name, None, "", 0, True))


@command(
    "rooms",
    say("/unvoice [#room] NICK"),
    say("let somebody talk in your room no more than all others"),
    role="operator",
)
async def unvoice(call: Call, asked: Spared) -> Outcome:
    """Whoever gave it."""
    return await _end(call, "voice", held_room(call, asked.room), asked.nick)


@command(
    "rooms",
    say("/kick [#room] NICK [why]"),
    say("send somebody out of your room; they may come back, unless you /ban them"),
    role="operator",
)
async def kick(call: Call, asked: Kicked) -> Outcome:
    """They are told why."""
    return await _kick(call, held_room(call, asked.room), asked.nick, asked.text)


@command(
    "rooms",
    say("/ban [#room] NICK [DURATION] [why]"),
    say("send somebody out of your room and keep them out, or whoever comes so called, for 10m, 2h, 3d or forever"),
    role="operator",
)
async def ban(call: Call, asked: Hit) -> Outcome:
    """Whether they are there or not."""
    return await _take(call, "ban", held_room(call, asked.room), asked)


@command("rooms", say("/unban [#room] NICK"), say("let somebody come into your room again"), role="operator")
async def unban(call: Call, asked: Spared) -> Outcome:
    """Whoever banned them."""
    return await _end(call, "ban", held_room(call, asked.room), asked.nick)


@command(
    "rooms",
    say("/slow [#room] [DURATION|off]"),
    say("let everybody but operators say one line in this time in your room, 10s or 2m; off ends it"),
    role="operator",
)
async def slow(call: Call, asked: Slow) -> None:
    """Without a word it tells how it is."""
    room = held_room(call, asked.room)
    if asked.pace is not None:
        wrong: Sentence = say("One line in 1s to {most}, or off.", most=exactly(limits.SLOW_MOST))
        every = _up_to(limits.SLOW_MOST, asked.pace, parse_duration, wrong)
        await set_for_room(call, room, "slow", every > 0, every)
    measure = call.session.hub.measures.of_all("slow", room.log.key)
    call.reply(replies.Slow(room.log.name, 0 if measure is None else measure.every))


@command(
    "rooms",
    say("/limit [#room] [N|off]"),
    say("let nobody come into your room while it has N people, but operators and whom they /invite; off ends it"),
    role="operator",
)
async def limit(call: Call, asked: Limit) -> None:
    """Who is in it stays; without a word it tells how it is."""
    room = held_room(call, asked.room)
    if asked.people is not None:
        wrong: Sentence = say("From 1 to {most} people, or off.", most=limits.PEOPLE_MOST)
        most = _up_to(limits.PEOPLE_MOST, asked.people, _number, wrong)
        await set_for_room(call, room, "limit", most > 0, most=most)
        call.session.hub.locked.end_passes(room.log.key)
    measure = call.session.hub.measures.of_all("limit", room.log.key)
    call.reply(replies.Limit(room.log.name, 0 if measure is None else measure.most))


@command(
    "rooms",
    say("/bans [#room]"),
    say("who is muted in your room or banned from it; whether it is slow or has a limit, or its topic is locked"),
    role="operator",
)
def bans(call: Call, asked: Bans) -> None:
    """By whom, for how long and why."""
    room = held_room(call, asked.room)
    call.reply(replies.Measures(_rows(call, room.log.key), ()))


# On the server.


@command(
    "server",
    say("/admin mute NICK|all [DURATION] [why]"),
    say("let somebody, or all, say nothing on this server, but to its operators"),
    role="server operator",
)
async def mute_everywhere(call: Call, asked: HitOnServer) -> Outcome:
    """In private neither."""
    return await _take(call, "mute", None, asked)


@command(
    "server",
    say("/admin unmute NICK|all"),
    say("let somebody, or all, talk on this server again"),
    role="server operator",
)
async def unmute_everywhere(call: Call, asked: SparedOnServer) -> Outcome:
    """In a room where they are muted as well they stay so."""
    return await _end(call, "mute", None, asked.nick)


@command(
    "server",
    say("/admin kick NICK [why]"),
    say("send somebody away, on all devices, and end their codes; they may come again"),
    role="server operator",
)
async def kick_from_server(call: Call, asked: KickedFromServer) -> Outcome:
    """As somebody new, or by their password."""
    return await _kick(call, None, asked.nick, asked.text)


@command(
    "server",
    say("/admin ban NICK [DURATION] [why]"),
    say("keep somebody off this server, and their address for a day where nobody else comes from it"),
    role="server operator",
)
async def ban_from_server(call: Call, asked: HitOnServer) -> Outcome:
    """A guest is nobody afterwards, so that of a guest no more than the address is banned."""
    return await _take(call, "ban", None, asked)


@command("server", say("/admin unban NICK"), say("let somebody come again, and their address"), role="server operator")
async def unban_from_server(call: Call, asked: SparedOnServer) -> Outcome:
    """By what they were called then, if they are gone."""
    return await _end(call, "ban", None, asked.nick)


@command(
    "server",
    say("/admin bans"),
    say("who is muted or banned, in rooms and on this server, and which addresses --ban closes"),
    role="server operator",
)
def all_bans(call: Call, asked: AllBans) -> None:
    """All measures there are."""
    call.reply(replies.Measures(_rows(call, None), tuple(call.session.hub.settings.bans)))


def _rows(call: Call, where: str | None) -> list[replies.MeasureRow]:
    hub = call.session.hub
    now = hub.now()
    rows = []
    for measure in hub.measures.all(where)[: limits.USERS_LISTED]:
        person = hub.people.get(measure.whom) or hub.absent.get(measure.whom)
        nick = measure.nick if person is None else person.nick
        left, by = measure.every or measure.left(now), measure.by
        rows.append(
            replies.MeasureRow(measure.kind, nick, measure.room, left, by, measure.why, measure.host, measure.most)
        )
    return rows


async def _take(call: Call, kind: _Hits, room: Room | None, asked: Hit | HitOnServer) -> Outcome:
    hub = call.session.hub
    key = SERVER if room is None else room.log.key
    person, whom, nick = None, "", ""
    if kind == "ban" and room is not None and _is_nobodys(hub, asked.nick):
        hub.measures.check_one_more_named(key)
        nick = names.check_nickname(asked.nick)
        whom = named(nick)
    elif kind == "ban" or grammar.fold(asked.nick) not in vocabulary.ALL:
        person = _target(call, asked.nick, key)
        whom, nick = person.id, person.nick
    seconds, why = _how_long(asked.duration, _DEFAULTS[kind]), brief(asked.text or "", limits.WORDS)
    _check_may_say(call, room, why)
    now, host = hub.now(), ""
    if kind == "ban" and room is None and person is not None:
        host = "" if person.host in hub.settings.proxies else person.host
        if not person.has_account:
            seconds = min(seconds or limits.ADDRESS_BAN_SECONDS, limits.ADDRESS_BAN_SECONDS)
    measure = Measure(
        kind,
        key,
        whom,
        nick,
        SERVER if room is None else room.log.name,
        call.session.person.nick if call.session.named else None,
        why,
        now,
        None if seconds is None else now + timedelta(seconds=seconds),
        host,
        fingerprint=person.key if kind == "ban" and room is None and person is not None else "",
    )
    before = hub.measures.take(measure)
    try:
        told = tell(call, kind, person, measure.nick, room, seconds, why, measure.record)
        if kind == "ban" and person is not None:
            _put_out(hub, person, room, hub.measures.refusal(measure), "ban")
        await told
    except NOT_TAKEN:
        hub.measures.instead(measure, before)
        raise
    if kind == "ban" and person is not None:
        hub.belongs_no_more(person, key)
        await hub.turn.flush()
    shared = hub.known_from(host, person) if host else 0
    call.reply(replies.Measured(kind, measure.nick, measure.room, seconds, why, shared, person is not None or not nick))
    return None


async def _kick(call: Call, room: Room | None, nick: str, text: str | None) -> Outcome:
    hub = call.session.hub
    key, name = (SERVER, SERVER) if room is None else (room.log.key, room.log.name)
    person, why = _target(call, nick, key), brief(text or "", limits.WORDS)
    if room is not None:
        member(call, room, nick)
    _check_may_say(call, room, why)
    called = person.nick
    told = tell(call, "kick", person, called, room, None, why)
    _put_out(hub, person, room, kicked(why), "kick")
    await told
    call.reply(replies.Measured("kick", called, name, None, why, 0, True))
    return None


async def _end(call: Call, kind: _Ended, room: Room | None, nick: str) -> Outcome:
    hub = call.session.hub
    key, name = (SERVER, SERVER) if room is None else (room.log.key, room.log.name)
    nick = "" if kind == "mute" and grammar.fold(nick) in vocabulary.ALL else nick
    person = hub.naming.find(nick) if nick else None
    measure = hub.measures.find(kind, key, nick, person)
    if measure is None:
        shown, place = nick[: limits.NAME_READ] or phrases.EVERYBODY, phrases.place(name)
        raise Refused("usage", Sentence(_NOT_SO[kind].text, {"nick": shown, "place": place}))
    person = hub.people.get(measure.whom) or hub.absent.get(measure.whom)
    if person is not None and kind != "voice":
        check_may_free(None if call.connection.operator else call.session.person, person, key)
    called = measure.nick if person is None else person.nick
    what = _ENDS[kind]
    told = tell(call, what, person, called, room, None, "", measure.record._replace(value=None))
    hub.measures.instead(measure, None)
    try:
        await told
    except NOT_TAKEN:
        hub.measures.instead(None, measure)
        raise
    call.reply(replies.Measured(what, called, name, None, "", 0, True))
    return None


def _is_nobodys(hub: Hub, nick: str) -> bool:
    """Whether nobody has this nickname, nor one that is likely to be meant."""
    return hub.naming.find(nick) is None and hub.nearest(nick) is None


def _put_out(hub: Hub, person: Person, room: Room | None, why: Refused, measure: PutOut) -> None:
    """Somebody goes in the turn in which that is told, so that they are told in their own log."""
    if room is None:
        hub.send_away(person, why)
    elif room.log.key in person.rooms:
        hub.put_out(person, room, measure)
    else:
        hub.shut_out(person, room.log.key)


def _target(call: Call, nick: str, key: str) -> Person:
    """Somebody whom they may hit there."""
    hub, session = call.session.hub, call.session
    person = hub.find(nick)
    check_may_hit(None if call.connection.operator else session.person, person, key)
    return person


def _check_may_say(call: Call, room: Room | None, why: str) -> None:
    """The reason is read by all in the room; raises `Refused` where they are muted there."""
    if why and room is not None and not call.connection.operator:
        call.session.check_may_talk(room)


def _how_long(duration: str | None, default: int) -> int | None:
    """The seconds of a duration; None is for ever."""
    if duration is None:
        return default
    if grammar.fold(duration) in vocabulary.FOREVER:
        return None
    seconds = parse_duration(duration)
    if not 0 < seconds <= limits.MEASURE_MOST:
        raise Refused("usage", say("From 1s to {most}, or forever.", most=exactly(limits.MEASURE_MOST)))
    return seconds


def _up_to(most: int, word: str, read: Callable[[str], int], wrong: Sentence) -> int:
    """The number that a word is, so high at most, 0 where it is off; raises `Refused` where it is neither."""
    switch = vocabulary.switch(word)
    if switch is False:
        return 0
    number = 0 if switch else read(word)
    if not 0 < number <= most:
        raise Refused("usage", wrong)
    return number


def _number(word: str) -> int:
    return int(word) if word.isdecimal() and len(word) < 10 else 0
