"""Being who one was before: by a code, a password, a token or a key."""

from collections.abc import Callable
from functools import partial

from chat.base import limits, passwords, resume_codes, tokens
from chat.base.errors import NotStored, Refused, taken_over
from chat.base.language import Sentence, known_languages, say
from chat.base.named_tuples import NamedTuple
from chat.base.public_keys import PublicKey
from chat.commands.registry import (
    ANSWERED,
    Call,
    Outcome,
    accounts_only,
    carrier,
    command,
    usage,
    was_wrong,
)
from chat.commands.scope import by_token, scope_of, used
from chat.commands.welcome import new_code, rooms_of, tell_welcome
from chat.core.carrier import Carrier
from chat.core.hub import Hub
from chat.core.person import Device, Person, Scope
from chat.core.ports import Token
from chat.core.roles import SERVER
from chat.core.session import Session
from chat.wire import replies
from chat.wire.answers import Problem, Reply
from chat.wire.requests import Request


def is_known(session: Session) -> bool:
    """Whether the key that they have proven is somebody's here, or may not come in: then nothing is asked."""
    hub, key = session.hub, carrier(session).key
    if key is None:
        return False
    return (
        hub.owner_of_key(key.fingerprint) is not None
        or hub.measures.of_key(key.fingerprint) is not None
        or guest_of_key(hub, key) is not None
    )


def guest_of_key(hub: Hub, key: PublicKey) -> Session | None:
    """The guest whose way back this key is; a session that came to be of an account is not brought back by it."""
    found = hub.by_resume_code(resume_codes.of_key(key.fingerprint))
    assert found is None or isinstance(found, Session)
    return None if found is None or found.person.has_account else found


async def by_key(call: Call, key: PublicKey) -> Outcome:
    """Be whom the key that was proven belongs to: who has an account, or a guest who was here today."""
    session, connection, hub = call.session, call.connection, call.session.hub
    try:
        hub.check_key(key)
        if (person := hub.owner_of_key(key.fingerprint)) is not None:
            found = hub.keys.find(key.fingerprint)
            outcome = await become(session, connection, Known(person, key=key), call.request.id)
            if found is not None and connection.session.person is person:
                hub.keys.used(found)
                hub.logins.remember(connection.host)
            return outcome
    except Refused as refused:
        session.answer(Problem(refused.code, refused.sentence, call.request.id))
        session.hang_up()
        return ANSWERED
    unheard = await hub.hear_others()
    look = partial(guest_of_key, hub, key)
    if (returning := look()) is None:
        raise Refused("login-failed", say("This key is nobody's here yet: choose a nickname."))
    await hub.recall(returning.person)
    if session.connection is not connection:
        return ANSWERED
    return await _go_on_as(call, look, resume_codes.of_key(key.fingerprint), unheard)


class Known(NamedTuple):
    """Whose account a password or a token is, and what may be done by that token."""

    person: Person
    password: str | None = None
    """What was kept of it when it was right; by a token or a key, None."""
    scope: Scope | None = None
    token: Token | None = None
    key: PublicKey | None = None

    def is_good(self, hub: Hub) -> bool:
        """Whether it lets them in still: it may have ended while something else was waited for."""
        person = self.person
        by_token = self.token is not None and self.token in hub.tokens
        by_password = self.password is not None and self.password == person.password
        by_key = (
            self.key is not None
            and hub.owner_of_key(self.key.fingerprint) is person
            and hub.measures.of_key(self.key.fingerprint) is None
        )
        return (
            person.has_account
            and (by_token or by_password or by_key)
            and hub.measures.of("ban", person, SERVER) is None
        )


async def recognize(session: Session, connection: Carrier[Session], nick: str, text: str) -> Known:
    """Whose account this nickname is, by a password or a token; raises `Refused` where it is neither."""
    await session.hub.hear_others()
    if (given := tokens.normal(text)) is None:
        person = await session.hub.logins.log_in(nick, passwords.normal(text), connection)
        return Known(person, person.password)
    person, token = by_token(connection, nick, given)
    scope = scope_of(session, token)
    used(session, person, token)
    return Known(person, None, scope, token)


async def log_in(session: Session, connection: Carrier[Session], nick: str, request: Request, text: str) -> Outcome:
    """Be the person of an account, from now on."""
    await session.posting.settled()
    return await become(session, connection, await recognize(session, connection, nick, text), request.id)


async def become(session: Session, connection: Carrier[Session], known: Known, id: str | None = None) -> Outcome:
    """Be this person; a guest who was here leaves, and who ignores them goes on to do so."""
    hub, person = session.hub, known.person
    hub.measures.check_may_come(person, SERVER)
    await hub.recall(person)
    await hub.naming.win_back(person)
    if session.connection is not connection or not known.is_good(hub):
        hub.naming.lose(person)
        if session.connection is connection:  # it ended just now
            raise Refused("login-failed", say("{nick} is not to be had by that any more.", nick=person.nick))
        return ANSWERED
    guest, left = None, rooms_of(session)
    if session.named:
        guest = session.person.id
        hub.ignore_too(person, guest)
        hub.carry_measures(guest, person)
        session.leave()
    session.enter_as(person, new_code(session), known.scope, guest)
    if await tell_welcome(session, True, id, left=left):
        session.hear_on()
    return None


class Resume(NamedTuple):
    """Come back."""

    code: str | None


@command(
    "staying",
    say("/resume [CODE]"),
    say("come back after the line dropped, or show your code again"),
    nameless=True,
    outside=True,
)
async def resume(call: Call, asked: Resume) -> Outcome:
    """The code gives back nickname, rooms and place, whoever holds it."""
    session = call.session
    if asked.code is not None:
        return await come_back(call, asked.code)
    if session.named:
        call.reply(replies.OwnCode(session.code or ""))
        return None
    raise usage(call.command)


async def come_back(call: Call, code: str) -> Outcome:
    """Let a connection be the session that this code belongs to, from what it has seen of it on."""
    session, request, connection, hub = call.session, call.request, call.connection, call.session.hub
    returning, unheard = None, await hub.hear_others()
    if given := resume_codes.normal(code):
        look = partial(hub.by_resume_code, given)
        # A long code cannot be guessed: whoever has one waits for nobody.
        guessable = resume_codes.short(given) is not None
        returning = await hub.guesses.guess(connection, look) if guessable else look()
        if session.connection is not connection:
            return ANSWERED
    if returning is None:
        if unheard is not None:
            raise unheard
        return was_wrong(session, Problem("code-wrong", _nobodys(call.word), request.id))
    assert isinstance(returning, Session)
    await hub.recall(returning.person)
    if session.connection is not connection:
        return ANSWERED
    return await _go_on_as(call, look, given or "", unheard)


async def _go_on_as(call: Call, look: Callable[[], Device | None], given: str, unheard: NotStored | None) -> Outcome:
    """Be the session that is found so, and was given this code."""
    session, request, connection, hub = call.session, call.request, call.connection, call.session.hub
    returning = look()  # meanwhile its day may have ended
    if returning is None:
        return was_wrong(session, Problem("code-wrong", _nobodys(call.word), request.id))
    assert isinstance(returning, Session)
    if unheard is not None and (returning.node or not connection.wire.people):
        # What they said before is stored perhaps, or under way: if it came again it would be refused, and there.
        raise unheard
    if returning.unread:
        raise NotStored(say("how far you have read cannot be read now"))
    if returning is session:
        session.answer(Reply("resume", replies.HereAlready(), request.id))
        return None
    if not request.take and (other := returning.connection) is not None and other.heard_within(limits.IN_USE_SECONDS):
        raise Refused("in-use", say("This code is in use on another connection."))
    guest = not returning.person.has_account or resume_codes.short(given) is not None
    if guest and accounts_only(session):
        raise Refused("not-allowed", say("Only who has an account comes in here: /login NICK."))
    if returning.person.has_account and guest:
        return await _come_back_as_guest(session, connection, returning, given, request.id)
    returning.check_seen(request.seen)
    returning.language = session.language or returning.language
    # For who is the same person on both nothing changes for the others.
    same = returning.person is session.person
    if not same:
        session.leave()
    await hub.naming.win_back(returning.person)
    if session.connection is not connection:
        hub.naming.lose(returning.person)
        return ANSWERED
    if look() is not returning:  # meanwhile they were banned, or their day has ended
        hub.naming.lose(returning.person)
        raise Refused("code-wrong", _nobodys(call.word))
    rooms, left = list(returning.rooms.values()), rooms_of(session)
    returning.resume(connection, given, request.seen)
    if same:
        session.leave()
    await hub.own(returning)
    if returning.connection is not connection:
        return ANSWERED
    if returning.language in known_languages():
        connection.speak(code=returning.language)
    if not await tell_welcome(returning, True, request.id, left=left):
        return ANSWERED
    if lost := tuple(room.log.name for room in rooms if room.log.key not in returning.person.rooms):
        no_place = say("You are not back in {rooms}: too many rooms are open. /join goes there later.", rooms=lost)
        returning.answer(Problem("too-many", no_place))
    returning.hear_on()
    return None


async def _come_back_as_guest(
    session: Session, connection: Carrier[Session], returning: Session, code: str, id: str | None
) -> Outcome:
    """A code of people can be guessed: of an account's session it brings back the place, under a free nickname.

    Neither the nickname comes with it nor private talk, nor private rooms; /login brings those.
    """
    hub, account = session.hub, returning.person
    nick = hub.naming.propose(account.nick, session.person)
    await hub.naming.win(nick, session.person)
    if session.connection is not connection or hub.codes.get(returning.digest) is not returning:
        hub.naming.lose(session.person)
        return ANSWERED
    rooms = [room for room in returning.rooms.values() if not room.privacy.private]
    places = {
        room.log.key: max(account.joined[room.log.key], returning.given(room.log), room.privacy.opened)
        for room in rooms
    }
    current, seen_at = returning.current, returning.seen_at
    returning.send_away(taken_over())
    hub.end(returning, "")
    session.leave()
    session.enter(nick, code)
    hub.carry_measures(account.id, session.person)
    session.welcomed, session.seen_at = True, seen_at
    for room in rooms:
        session.join(room)
        key = room.log.key
        session.person.joined = {**session.person.joined, key: places[key]}
        session.subscriptions.given[key] = places[key]
    if current in rooms:
        session.speak_in(current)
    if await tell_welcome(session, True, id):
        session.hear_on()
    return None


def _nobodys(word: str) -> Sentence:
    if word:
        return say("Nobody has this code, or its day is over.")
    return say("Nobody has this code, or its day is over; and a nickname must not look like a code.")
