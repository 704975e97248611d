"""Private rooms: there for those alone who belong to them, who are asked in, or say the word."""

from chat.base import limits, passwords
from chat.base.errors import NotStored, Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.base.token_bucket import Allowance
from chat.base.unchanged import all_but
from chat.commands.registry import Call, command, count, held_room, on_or_off, usage
from chat.core.hub import Hub
from chat.core.privacy import STAFF, Privacy
from chat.core.room import Room
from chat.core.rooms import LOBBY
from chat.log.events import Invited, Measured, PrivacySet
from chat.wire import phrases, replies, vocabulary


class Switch(NamedTuple):
    """Of which room, and whether it is so."""

    room: str | None
    switch: str | None


@command(
    "rooms",
    say("/private [#room] [on|off]"),
    say("let a room be there for those alone who are in it or asked in; to talk with one person: /msg"),
    role="operator",
)
async def private(call: Call, asked: Switch) -> None:
    """Without a word it tells how it is."""
    await _switch(call, asked, on=True)


@command(
    "rooms",
    say("/public [#room] [on|off]"),
    say("let a private room be there for everybody; what was said in it stays with those who were"),
    role="operator",
)
async def public(call: Call, asked: Switch) -> None:
    """The opposite."""
    await _switch(call, asked, on=False)


async def _switch(call: Call, asked: Switch, on: bool) -> None:
    room = own_room(call, asked.room)
    if asked.switch is not None:
        wanted = on_or_off(call, asked.switch) is on
        call.session.check_may_talk(room)
        if wanted and not room.privacy.private:
            await _make_private(call, room)
        elif not wanted and room.privacy.private:
            await _make_public(call, room)
    call.reply(replies.Privacy(room.log.name, room.privacy.private))


def own_room(call: Call, name: str | None) -> Room:
    """The room that it is about; raises `Refused` for that of the server's operators, where nobody else can be."""
    room = held_room(call, name)
    if room.log.key == STAFF:
        raise Refused("not-allowed", say("{room} is for whoever runs this server alone.", room=room.log.name))
    return room


async def _make_private(call: Call, room: Room) -> None:
    """Whoever is in it belongs to it, and nobody else any more; at once, so that nobody comes in meanwhile."""
    hub, key = call.session.hub, room.log.key
    if key == LOBBY:
        raise Refused("not-allowed", say("{room} is for everybody who comes.", room=room.log.name))
    hub.rooms.check_one_more_private(key)
    before = room.privacy
    now = before._replace(private=True)
    hub.rooms.set_privacy(key, now)
    belong = set()
    for person in (*hub.people.values(), *hub.absent.values()):
        if key in person.rooms:
            belong.add(person.id)
            person.admit(key, before.opened, came=True)
            hub.turn.touch(person)
        elif key in person.admitted:
            person.admitted = all_but(person.admitted, key)
            hub.turn.touch(person)
    room.introduce(call.session.person)
    for person in hub.locked.keep_only(key, belong):
        hub.audit(call.by, "refuse", person.nick, room)
        hub.turn.append(person.log, Measured(call.by, "refuse", person.nick, room.log.name, None, ""))
    try:
        await hub.turn.write(room.log, PrivacySet(call.by, True), record=now.record(key))
    except NotStored:
        hub.rooms.set_privacy(key, before)
        raise


async def _make_public(call: Call, room: Room) -> None:
    """What was said in it until everybody there was told stays with them."""
    hub, key = call.session.hub, room.log.key
    room.introduce(call.session.person)
    place, _ = await hub.turn.write(room.log, PrivacySet(call.by, False))
    now = room.privacy._replace(private=False, opened=place.seq, word="")
    await _set(hub, key, now)


async def _set(hub: Hub, key: str, now: Privacy) -> None:
    """It is so at once: who changes it meanwhile goes on from there.  Where it cannot be stored it is as before."""
    before = hub.rooms.privacy(key)
    hub.rooms.set_privacy(key, now)
    try:
        await hub.turn.change(now.record(key))
    except NotStored:
        hub.rooms.set_privacy(key, before)
        raise


class Invite(NamedTuple):
    """Ask somebody in."""

    room: str | None
    nick: str


@command(
    "rooms",
    say("/invite [#room] NICK"),
    say("ask somebody into a room, who reads there from then on"),
    allowance=Allowance("invite", limits.INVITES, limits.INVITE_SECONDS),
    role="operator",
)
async def invite(call: Call, asked: Invite) -> None:
    """They find it in the log of their own, whenever they come."""
    session, hub = call.session, call.session.hub
    room = own_room(call, asked.room)
    person, key = hub.find(asked.nick), room.log.key
    if key in person.rooms:
        raise Refused("usage", phrases.is_in(person.nick, room.log.name))
    session.check_may_talk(room)
    session.check_may_write(person)
    count(session, "invite")
    room.introduce(session.person)
    fact = Invited(call.by, person.nick, room.log.name)
    place, _ = await hub.turn.write(room.log, fact, copy=person.log)
    if room.privacy.private:
        person.admit(key, place.seq, came=False)
        hub.turn.touch(person)
        await hub.turn.flush()
    if hub.locked.needs_pass(key):
        hub.locked.give_pass(person, key)
        await hub.turn.flush()
    call.reply(replies.Invited(person.nick, room.log.name))


class Word(NamedTuple):
    """By which one comes in."""

    room: str | None
    word: str | None


@command(
    "rooms",
    say("/word [#room] [WORD|off]"),
    say("let everybody into a private room who says this word: /join #room WORD"),
    role="operator",
)
async def word(call: Call, asked: Word) -> None:
    """It is kept as passwords are, and told to nobody."""
    hub = call.session.hub
    room = own_room(call, asked.room)
    key = room.log.key
    if asked.word is not None:
        switch = vocabulary.switch(asked.word)
        if switch is True:
            raise usage(call.command)
        kept = "" if switch is False else await hub.passwords.hash(_checked(asked.word))
        if not room.privacy.private:
            public = say("{room} is public: everybody comes in without a word.", room=room.log.name)
            raise Refused("usage", public)
        now = room.privacy._replace(word=kept)
        await _set(hub, key, now)
    call.reply(replies.Word(room.log.name, bool(room.privacy.word)))


def _checked(text: str) -> str:
    """A word in the form in which it is compared; raises `Refused` where anybody would guess it."""
    word = passwords.normal(text)
    if len(word) < limits.WORD_LEAST:
        raise Refused("usage", say("A word has at least {limit} characters.", limit=limits.WORD_LEAST))
    return word
