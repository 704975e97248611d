"""People: what one is called, who is here, who is away, whom one does not want to hear."""

from collections.abc import Sequence
from itertools import islice

from chat.base import limits, names
from chat.base.errors import Refused
from chat.base.language import duration, say
from chat.base.named_tuples import NamedTuple
from chat.base.token_bucket import Allowance
from chat.base.unchanged import all_but
from chat.commands.connections import of_person
from chat.commands.entering import choose
from chat.commands.registry import TABLE, Call, Outcome, command, on_or_off, permits, room_of
from chat.commands.text_checks import brief
from chat.core.hub import Hub
from chat.core.person import Departed, Person
from chat.core.roles import SERVER
from chat.core.room import Room
from chat.core.session import Session
from chat.wire import replies
from chat.wire.answers import AwayNotice, IgnoreNotice, OthersAway


class Nick(NamedTuple):
    """Be called something else; what is no name is answered with one, blanks and all."""

    text: str


@command(
    "people",
    say("/nick NAME"),
    say("take a nickname, or another one"),
    nameless=True,
    allowance=Allowance("nick", limits.RENAMES, limits.RENAME_SECONDS),
    by_token=False,
)
async def nick(call: Call, asked: Nick) -> Outcome:
    """Before one is chosen, this is the way into the chat on every wire."""
    return await choose(call.session, asked.text, call.request.id)


class Who(NamedTuple):
    """Who is here."""

    place: str | None


@command("people", say("/who [#room]"), say("who is in the room, or in another one"), nameless=True)
def who(call: Call, asked: Who) -> None:
    """Before a nickname is chosen nobody's name is shown.  Who asks for somebody means /whois."""
    session = call.session
    if not session.named:
        call.reply(replies.Here(len(session.hub.people)))
        return
    place = asked.place
    if place is not None and not place.startswith("#"):
        room = session.hub.rooms.named(f"#{place}")
        is_room = room is not None and session.hub.rooms.is_seen(room.log.key, session.rooms)
        if session.hub.is_here(place) and not is_room:
            whois(call._replace(command=TABLE["whois"]), Whois(place))
            return
        place = f"#{place}"
    room = room_of(session, place or call.request.room)
    people, here = [session.hub.people[id] for id in islice(room.members, limits.USERS_LISTED)], len(room.members)
    if session.keeps_list:  # who is not announced yet comes into their list then
        whole = len(people)
        people = [person for person in people if person is session.person or room.is_announced(person.nick)]
        here -= whole - len(people)
    now = session.hub.clock.seconds()
    users = [_user(person, room, now) for person in people]
    if session.keeps_list:  # so does who has left and may be back before that is told
        users += [replies.User(nick, None, False) for nick in room.departed]
        here += len(room.departed)
    call.reply(replies.Who(room.log.name, users, here))


def _user(person: Person, room: Room, now: float) -> replies.User:
    """Somebody, with what others should know about them."""
    down = 0 if person.down_since is None else int(now - person.down_since)
    role: replies.Role = person.roles.get(room.log.key) or "member"
    is_down, voiced = person.down_since is not None, room.has_voice(person.id)
    return replies.User(person.nick, person.away, is_down, down, role, person.is_bot, voiced)


def departed(hub: Hub, nick: str) -> Sequence[Departed]:
    """Those of this nickname who left lately, the last one first."""
    wanted = names.fold(nick)
    return [somebody for somebody in reversed(hub.departed) if names.fold(somebody.nick) == wanted]


def present(hub: Hub, nick: str) -> Person:
    """Somebody who is here; raises `Refused` where they are not, and tells of whom who has left."""
    if not hub.is_here(nick) and (left := departed(hub, nick)):
        time = duration(int((hub.now() - left[0].at).total_seconds()))
        raise Refused("not-here", say("{nick} left {time} ago.", nick=left[0].nick, time=time))
    person = hub.find(nick)
    if person.id not in hub.people:
        raise Refused("not-here", say("{nick} is not here now.", nick=person.nick))
    return person


class Whois(NamedTuple):
    """Who is this."""

    nick: str | None


@command("people", say("/whois [NICK]"), say("since when somebody is here, in which rooms, and when they last spoke"))
def whois(call: Call, asked: Whois) -> None:
    """Alone it is about oneself.  Addresses are the business of whoever runs the server, and of nobody else."""
    hub = call.session.hub
    person = call.session.person if asked.nick is None else present(hub, asked.nick)
    now = hub.now()
    here, idle = (int((now - then).total_seconds()) for then in (person.entered_at, person.spoke_at))
    inside = call.session.rooms
    seen = [key for key in (*person.rooms, *person.roles) if hub.rooms.is_seen(key, inside)]
    if person is call.session.person:
        seen = [*person.rooms, *person.roles] if call.session.scope is None else [*inside]
    name, rooms = person.nick, tuple(room.log.name for key, room in person.rooms.items() if key in seen)
    spoke = person.spoke_at > person.entered_at
    owns, operates = (
        tuple(
            hub.rooms.name_of(key)
            for key, role in person.roles.items()
            if role == wanted and key != SERVER and key in seen
        )
        for wanted in ("owner", "operator")
    )
    runs, idle = SERVER in person.roles, idle if spoke else here
    call.reply(replies.Whois(name, here, idle, rooms, person.away, owns, operates, runs, person.is_bot, spoke))
    if permits(TABLE["admin"], call.connection):
        earlier = [nick for nick in person.earlier if nick != name]
        call.reply(replies.Seen(name, person.has_account, earlier, of_person(hub, person)))


class Away(NamedTuple):
    """Be away."""

    text: str | None


@command("people", say("/away [text]"), say("tell whoever writes to you that you are away"))
async def away(call: Call, asked: Away) -> None:
    """Being away ends with /back; speaking does not end it."""
    text = brief(asked.text or "", limits.WORDS)
    if text:
        call.session.hub.measures.check_may_be_seen(call.session.person)
        call.session.hub.newcomers.check_holds_no_link(call.session.person, text)
    await _be_away(call.session, text)
    call.reply(replies.Away(text))


class Back(NamedTuple):
    """Be back."""


@command("people", say("/back"), say("be back again"))
async def back(call: Call, asked: Back) -> None:
    """The same where one was not away."""
    await _be_away(call.session, None)
    call.reply(replies.Away(None))


async def _be_away(session: Session, text: str | None) -> None:
    session.person.away = text
    session.show("away", OthersAway(session.person.nick, text))
    for other in session.person.others(session):
        other.notice("away", AwayNotice(text))
    await _remember(session)


class Ignore(NamedTuple):
    """Do not hear somebody."""

    nick: str | None


@command("people", say("/ignore [NICK]"), say("hear nothing more from somebody, or list whom you ignore"))
async def ignore(call: Call, asked: Ignore) -> None:
    """The person is ignored, not the name, and is not told."""
    session = call.session
    if asked.nick is None:
        call.reply(replies.Ignoring(tuple(session.person.ignored.values())))
        return
    person = session.hub.find(asked.nick)
    if person is session.person:
        raise Refused("usage", say("You cannot ignore yourself."))
    if len(session.person.ignored) >= limits.IGNORES:
        raise Refused("too-many", say("You ignore {limit} people already.", limit=limits.IGNORES))
    session.person.ignored = {**session.person.ignored, person.id: person.nick}
    await _ignore(session, person.id, IgnoreNotice(person.nick, True))
    call.reply(replies.Ignored(person.nick))


async def _ignore(session: Session, person: str, notice: IgnoreNotice) -> None:
    for device in session.person.attached:
        device.hear_differently()
    for other in session.person.others(session):
        other.notice(f"ignores {person}", notice)
    await _remember(session)


async def _remember(session: Session) -> None:
    """What changed is durable before they are answered; where the store is broken it is true all the same."""
    session.hub.turn.touch(session.person)
    await session.hub.turn.flush()


class Unignore(NamedTuple):
    """Hear somebody again."""

    nick: str


@command("people", say("/unignore NICK"), say("hear somebody again"))
async def unignore(call: Call, asked: Unignore) -> None:
    """By what they are called now, or else were called then."""
    session = call.session
    ignored, people = session.person.ignored, session.hub.people
    now = [(people[person].author.nick, person) for person in ignored if person in people]
    then = [(nick, person) for person, nick in ignored.items()]
    wanted = names.fold(asked.nick)
    person = next((person for nick, person in [*now, *then] if names.fold(nick) == wanted), None)
    if person is None:
        raise Refused("not-here", say("You do not ignore {nick}.", nick=asked.nick))
    session.person.ignored = all_but(ignored, person)
    await _ignore(session, person, IgnoreNotice(asked.nick, False))
    call.reply(replies.Unignored(asked.nick))


class Quiet(NamedTuple):
    """Coming and going."""

    switch: str | None


@command("people", say("/quiet [on|off]"), say("do not show who comes and goes"))
async def quiet(call: Call, asked: Quiet) -> None:
    """Without a word it tells how it is."""
    session = call.session
    if asked.switch is not None:
        session.quiet = on_or_off(call, asked.switch)
        session.hear_differently()
        session.hub.turn.touch(session)
        await session.hub.turn.flush()
    call.reply(replies.Quiet(session.quiet))


class Ping(NamedTuple):
    """Is the server there."""

    text: str | None


@command("people", say("/ping [token]"), say("see whether the server answers"), nameless=True, outside=True)
def ping(call: Call, asked: Ping) -> None:
    """The token comes back as it was."""
    call.connection.pings = True
    call.reply(replies.Pong(brief(asked.text or "", limits.WORDS)))
