"""Rooms: going there and leaving, which there are, and their topics."""

from collections.abc import Iterator
from functools import partial

from chat.base import limits, passwords
from chat.base.errors import Refused
from chat.base.language import Sentence, say, say_n
from chat.base.named_tuples import NamedTuple
from chat.base.token_bucket import Allowance
from chat.commands import scope
from chat.commands.history import entering, standings
from chat.commands.measuring import set_for_room
from chat.commands.registry import (
    ANSWERED,
    TABLE,
    Call,
    Outcome,
    allows,
    command,
    count,
    not_for,
    permits,
    room_of,
    spend,
    was_wrong,
)
from chat.commands.text_checks import brief
from chat.core.ports import Record
from chat.core.roles import SERVER
from chat.core.room import Room
from chat.core.room_state import state, tell_others
from chat.core.rooms import Rooms as AllRooms
from chat.core.session import Session
from chat.log.events import TopicSet
from chat.log.unread import Unread
from chat.wire import grammar, replies, vocabulary
from chat.wire.answers import OthersAway, Problem, Reply, Standing, Stored

_MOVES = Allowance("move", limits.MOVES, limits.MOVE_SECONDS)
_NEW = Allowance("new room", limits.NEW_ROOMS, limits.NEW_ROOM_SECONDS)
_TOPICS = Allowance("topic", limits.TOPICS, limits.TOPIC_SECONDS)


class Join(NamedTuple):
    """Go to a room, with its word perhaps."""

    room: str
    word: str | None


@command(
    "rooms",
    say("/join #room [word]"),
    say("go to a room; it is made if there is none"),
    allowance=_MOVES,
)
async def join(call: Call, asked: Join) -> Outcome:
    """Speak there from now on; the rooms one is in already are still heard."""
    session, hub = call.session, call.session.hub
    scope.check_place(session, asked.room)
    key = hub.rooms.key_of(asked.room)
    if key not in session.person.rooms and hub.rooms.is_private(key) and not await _may_come(call, asked):
        return ANSWERED
    if key not in session.person.rooms:
        hub.measures.check_may_come(session.person, key)
        session.person.may_join_one_more()
        if hub.settings.max_per_host:
            hub.rooms.check_holding(asked.room, session.host)
        count(session, "join")
        if is_new := hub.rooms.is_new(asked.room):
            hub.measures.check_not_closed(session.person, say("guests make no rooms"))
            hub.measures.check_may_talk(session.person, SERVER)
            if session.person.has_account:
                hub.roles.check_one_more(session.person, key)
            spend(session, _NEW, _no_new_room)
        room = hub.rooms.make(asked.room)
        if is_new and session.person.has_account:
            hub.roles.give(session.person, room.log.key, "owner")
        if hub.locked.keeps_out(session.person, key):
            raise hub.locked.wait(session.person, session, room, hub.settings.max_per_host > 0)
        hub.locked.check_has_place(session.person, room)
        return await go_in(session, room, is_new, call.request.id)
    room = hub.rooms.make(asked.room)
    # Whoever looks at a room on a wire of people has read it.
    standing = (await standings(session, [room.log]))[room.log.key]
    if not call.still_there or room.log.key not in session.person.rooms:
        return ANSWERED
    session.speak_in(room)
    await hub.turn.flush()
    if call.still_there and session.person.id in room.members:
        _tell_joined(session, room, standing, False, call.request.id)
    return None


async def go_in(session: Session, room: Room, is_new: bool = False, id: str | None = None) -> Outcome:
    """Be in one more room, where they may be, and be told of it; with the line down they are told when it is back."""
    hub, key = session.hub, room.log.key
    hub.locked.leave(session.person, key)  # they were asked in meanwhile
    if room.privacy.private:
        session.person.admit(key, room.log.head, came=True)
    position = session.join(room)
    session.speak_in(room)
    return await tell_of_room(session, room, position, is_new, id)


async def tell_of_room(
    session: Session, room: Room, position: int, is_new: bool = False, id: str | None = None
) -> Outcome:
    """They are in this room from this position on, and speak there: this is what was said, and who is there."""
    hub, key, connection = session.hub, room.log.key, session.connection
    if connection is None:
        return ANSWERED
    history = await entering(session, room.log, position)
    await hub.turn.flush()
    if session.connection is not connection or key not in session.person.rooms:
        return ANSWERED
    if session.person.id not in room.members:  # another node had them leave just now: they come in again, and hear it
        return None
    if (away := session.person.away) is not None:
        session.show("away", OthersAway(session.person.nick, away), room)
    session.answer(history._replace(id=id))
    _tell_joined(session, room, Standing(position, Unread(), position), is_new, id)
    tell_others(session.person.others(session), room, position)
    session.hear(room.log, position)
    return None


async def _may_come(call: Call, asked: Join) -> bool:
    """Whether they come into a private room: they belong to it, may ask others in, or say its word; raises `Refused`,
    or has answered them, where they do not.

    What was said before they came is numbered by then, so that it is not shown to who says the word.
    """
    session, hub = call.session, call.session.hub
    key = hub.rooms.key_of(asked.room)
    if key in session.person.admitted:
        return True
    if not permits(TABLE["invite"], call.connection, key):
        if asked.word is None:
            raise not_open(asked.room)
        kept = hub.rooms.privacy(key).word
        fits = await hub.passwords.verify(kept or None, passwords.normal(asked.word))
        fitting = await hub.guesses.guess(call.connection, partial(_same, fits, hub.rooms, key, kept))
        if not call.still_there:
            return False
        if fitting is None:
            refused = not_open(asked.room)
            was_wrong(session, Problem(refused.code, refused.sentence, call.request.id))
            return False
    await hub.turn.flush()
    return call.still_there


def _same(fits: bool, rooms: AllRooms, key: str, kept: str) -> bool | None:
    """Whether the word that was right still is that of the room."""
    return True if fits and kept and rooms.privacy(key).word == kept else None


def not_open(name: str) -> Refused:
    """The one answer of rooms into which somebody may not come, whatever the reason is, and be nobody there.

    That there is such a room has to be told, for nobody may make another one of that name; nothing else is.
    """
    return Refused("locked", say("You cannot go to {room}: it is not for everybody.", room=name[: limits.NAME_READ]))


def _no_new_room(seconds: int) -> Sentence:
    return say_n(
        "You made many rooms: the next new one is possible in a second.",
        "You made many rooms: the next new one is possible in {count} seconds.",
        seconds,
    )


def _tell_joined(session: Session, room: Room, standing: Standing, is_new: bool, id: str | None) -> None:
    key = room.log.key
    owner = session.hub.roles.owner(key)
    others = tuple(other.log.name for other in session.rooms.values() if other is not room)
    found, unread = state(session, room, standing), standing.unread
    joined = replies.Joined(
        found.name,
        found.head,
        found.here,
        found.users,
        found.topic,
        found.recorded,
        standing.read,
        None if unread is None else unread.said,
        None if unread is None else unread.mentions,
        standing.last,
        session.person.nick,
        others,
        is_new,
        None if owner is None else owner.nick,
        session.person.roles.get(key, "member"),
        found.operators,
        room.privacy.private,
        found.voiced,
    )
    session.answer(Reply(TABLE["join"].name, joined, id))


class Leave(NamedTuple):
    """Leave a room."""

    room: str | None
    text: str | None


@command("rooms", say("/leave [#room] [text]"), say("leave a room; the chat is left with /quit"), allowance=_MOVES)
async def leave(call: Call, asked: Leave) -> None:
    """Speak in the room joined last of those that remain."""
    session, name, text = call.session, asked.room, asked.text or ""
    if name is None and text:  # without its sign
        name, _, text = text.partition(" ")
    name = name or call.request.room
    text = brief(text, limits.WORDS)
    waits = None if name is None else session.hub.rooms.named(f"#{name.removeprefix('#')}")
    if waits is not None and session.hub.locked.leave(session.person, waits.log.key):
        call.reply(replies.WaitsNoMore(waits.log.name))
        return
    try:
        room = room_of(session, name if session.rooms else None)
    except Refused as error:
        if name is None or error.code not in ("no-room", "not-in-room"):
            raise
        inside = tuple(room.log.name for room in session.rooms.values())
        if not inside:
            raise
        shown = f"#{name.removeprefix('#')}"[: limits.NAME_READ]
        raise Refused("not-in-room", say("You are not in {room}, but in {rooms}.", room=shown, rooms=inside)) from None
    if text:
        session.check_may_talk(room)
        try:
            session.hub.measures.check_not_closed(session.person, say("guests go without a word"))
            session.hub.newcomers.check_holds_no_link(session.person, text)
            session.take_turn(room, text)
        except Refused as refused:
            text = ""
            session.answer(Problem(refused.code, refused.sentence))
    count(session, "leave")
    session.part(room, text)
    await session.hub.turn.flush()
    call.reply(replies.Left(room.log.name, session.current.log.name if session.rooms else None, text))


def seen(session: Session) -> Iterator[Room]:
    """The rooms in which anybody is, as far as they are there for this one."""
    inside, rooms = session.rooms, session.hub.rooms
    return (room for key, room in rooms.items() if room.members and rooms.is_seen(key, inside))


class Rooms(NamedTuple):
    """Which rooms there are."""


@command("rooms", say("/rooms"), say("which rooms there are"))
def rooms(call: Call, asked: Rooms) -> None:
    """The fullest first; empty ones are not told."""
    found = sorted(
        seen(call.session),
        key=lambda room: -len(room.members),
    )
    shown = found[: limits.ROOMS_SHOWN]
    rows = [
        replies.RoomRow(room.log.name, len(room.members), room.topic, room.log.key in call.session.rooms)
        for room in shown
    ]
    call.reply(replies.Rooms(rows, len(found)))


class Topic(NamedTuple):
    """What a room is about."""

    room: str | None
    text: str | None


@command(
    "rooms",
    say("/topic [#room] [text]"),
    say("show or set what the room is about; /topic - takes it away, /topic lock on leaves it to operators"),
    allowance=_TOPICS,
)
async def topic(call: Call, asked: Topic) -> Outcome:
    """It is shown to who comes, and changes when it is stored."""
    session, hub = call.session, call.session.hub
    room = room_of(session, asked.room or call.request.room)
    if asked.text is None:
        call.reply(replies.Topic(room.log.name, room.topic))
        return None
    words = grammar.fold(asked.text).split()
    switch = vocabulary.switch(words[1]) if len(words) == 2 else None
    if words[:1] == ["lock"] and (len(words) == 1 or switch is not None):
        await _lock_topic(call, room, switch)
        return None
    session.check_may_talk(room)
    hub.measures.check_not_closed(session.person, say("guests set no topics"))
    if room.measured and hub.measures.of("lock-topic", session.person, room.log.key) is not None:
        raise not_for("operator", "topic")
    text = "" if asked.text == "-" else brief(asked.text, limits.TOPIC)
    hub.newcomers.check_holds_no_link(session.person, text)
    if text:
        session.take_turn(room, text, call.request.id)
    count(session, "topic")
    room.introduce(session.person)
    record = Record("topic", room.log.key, text or None)
    fact, line = TopicSet(session.author, text), session.posting.line(call.request)
    place, repeated = await hub.turn.write(room.log, fact, line, record=record)
    if not repeated:
        room.topic = text
    reply = Reply("topic", replies.NewTopic(room.log.name, text), call.request.id)
    session.answer(Stored(place, call.request.id, None, reply))
    return ANSWERED


async def _lock_topic(call: Call, room: Room, on: bool | None) -> None:
    """Nobody but operators sets the topic, or everybody does; None: it is told how that is."""
    if not allows("operator", call.connection, room.log.key):
        raise not_for("operator", "topic lock")
    if on is not None:
        await set_for_room(call, room, "lock-topic", on)
    locked = call.session.hub.measures.of_all("lock-topic", room.log.key) is not None
    call.reply(replies.TopicLock(room.log.name, locked))
