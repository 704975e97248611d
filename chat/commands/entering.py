"""Coming in, coming back, changing the wire, and going."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from chat import __version__
from chat.base import limits, passwords, pins, resume_codes, tokens
from chat.base.errors import Refused, no_nick, taken_over
from chat.base.language import Sentence, known_languages, say
from chat.base.public_keys import PublicKey
from chat.commands import server_password
from chat.commands.history import entering, standings
from chat.commands.registry import (
    ANSWERED,
    TABLE,
    Call,
    Outcome,
    accounts_only,
    acknowledge,
    asks,
    carrier,
    command,
    count,
    done,
    needs_tls,
    usage,
    was_wrong,
)
from chat.commands.rooms import state
from chat.commands.scope import by_token, scope_of, used
from chat.commands.text_checks import brief
from chat.core.hub import Hub
from chat.core.locked_rooms import still_waits
from chat.core.person import Device, Person, Scope
from chat.core.ports import Carrier, Token
from chat.core.roles import SERVER
from chat.core.rooms import LOBBY
from chat.core.roster import Pin
from chat.core.session import Session
from chat.wire import grammar, replies, vocabulary
from chat.wire.answers import Greeting, History, Problem, Reply, Standing, Welcome
from chat.wire.requests import Request, Say, Secret
from chat.wire.wires import JSON, JSON_ECHO


def greet(session: Session) -> None:
    """The first thing on a connection, and on a wire that it was switched to."""
    if server_password.is_wanted(session):
        server_password.greet(session)
        return
    hub, only = session.hub, accounts_only(session)
    session.answer(Greeting(hub.settings.server, __version__, len(hub.people), hub.settings.motd, only))
    if only and asks(session):
        _ask_for_account(session)


def _ask_for_account(session: Session) -> None:
    """Where only accounts come in: say what to type, or where that can be typed."""
    connection = carrier(session)
    if connection.sealed:
        session.answer(Reply("nick", replies.AccountWanted()))
        return
    refused = needs_tls(connection, say("Only who has an account comes in, by a password."))
    session.answer(Problem(refused.code, refused.sentence))


def check_sealed(connection: Carrier[Session]) -> None:
    """Raises `Refused` where somebody on the way may read a password along."""
    if not connection.sealed:
        raise needs_tls(connection, say("A password is taken on an encrypted connection only."))


async def nickname(session: Session, answer: Say) -> Outcome:
    """What comes where a nickname is asked for; an empty line takes what was proposed."""
    if not asks(session) and not session.named:
        raise no_nick()
    wanted = answer.text.strip(" \t")
    if not wanted and carrier(session).proposal is None and accounts_only(session):
        _ask_for_account(session)
        return ANSWERED
    if not wanted:
        wanted = _proposal(session)
    return await choose(session, wanted, answer.request.id)


async def choose(session: Session, wanted: str, id: str | None, pin: Pin | None = None) -> Outcome:
    """Take a nickname, and with the first one enter the chat, perhaps by a PIN; a refusal comes with a proposal."""
    connection, hub, person = carrier(session), session.hub, session.person
    if pin is None and hub.roster and not session.named and (given := pins.given(wanted)) is not None:
        return await _by_pin(session, *given, id)
    proposed, connection.proposal = connection.proposal, None
    try:
        nick = wanted
        if wanted == proposed:
            hub.check_nick_free(nick, person)
        else:
            nick = hub.check_nickname(wanted, person)
    except Refused as error:
        if error.code == "nick-taken" and not session.named and hub.account(wanted) is not None:
            return _ask_whose(session, error, wanted, id)
        return _propose(session, error, wanted, id)
    if accounts_only(session):
        row = TABLE["register"]
        return await done(row.handle(Call(session, Request("", id), row, connection, ""), row.asked(nick, None)))
    renames = session.named
    if not renames:
        hub.check_address(connection.host, connection.key)
    elif nick != person.nick:
        hub.measures.check_may_be_seen(person)
        count(session, "nick")
    try:
        await hub.win(nick, person)
    except Refused as error:
        return _propose(session, error, wanted, id, besides=[nick])
    if renames:
        await _rename(session, person, nick, id)
    elif session.connection is connection and (pin is None or hub.roster.is_good(pin)):
        session.enter(nick, _code_of_guest(session))
        if pin is not None:
            hub.roster.bind(pin, person)
            if pin.opens:
                hub.locked.give_pass(person, LOBBY)
        await come_in(session, id)
    else:
        hub.lose(person)
    return None


async def _by_pin(session: Session, nick: str, code: str, id: str | None) -> Outcome:
    """By a PIN: as whoever they were who used it before, at their place; or as the first who does."""
    hub, connection = session.hub, carrier(session)
    connection.proposal = None
    pin = await hub.guesses.guess(connection, partial(hub.roster.find, nick, code))
    if session.connection is not connection or session.named:
        return ANSWERED
    if pin is None:
        return was_wrong(session, Problem("code-wrong", _no_pin(), id))
    person = hub.people.get(pin.person) or hub.absent.get(pin.person)
    if person is None:
        return await choose(session, nick, id, pin)
    if person.has_account or accounts_only(session):
        raise Refused(
            "not-allowed", say("Who has an account comes in by the password: /login {nick}.", nick=person.nick)
        )
    await hub.load_rooms(person)
    await hub.win_back(person)
    if session.connection is not connection or session.named:
        hub.lose(person)
        return ANSWERED
    if not hub.roster.is_good(pin) or not person.restorable:  # meanwhile they were sent away
        hub.lose(person)
        raise Refused("code-wrong", _no_pin())
    before = (*person.detached, *person.elsewhere, *person.attached)
    session.enter_as(person, new_code(session))
    for other in before:
        assert isinstance(other, Session)
        if other.current.log.key in session.rooms:
            session.current = other.current
        session.language, session.quiet = session.language or other.language, other.quiet
        other.send_away(taken_over())
        hub.end(other, "")
    if session.language in known_languages():
        connection.speak(code=session.language)
    if await tell_welcome(session, True, id):
        session.hear_on()
    return None


def _no_pin() -> Sentence:
    return say("This is nobody's PIN, or that of another nickname.")


def new_code(session: Session) -> str:
    """What a person types is short."""
    return resume_codes.for_people() if carrier(session).wire.people else resume_codes.for_programs()


def _code_of_guest(session: Session) -> str:
    """Who has proven a key of ssh, which is nobody's yet, comes back by that."""
    hub, connection = session.hub, carrier(session)
    if connection.key is not None and connection.wire.people:
        code = resume_codes.of_key(connection.key.fingerprint)
        if hub.owner_of_key(connection.key.fingerprint) is None and resume_codes.digest(code) not in hub.codes:
            return code
    return new_code(session)


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
    look = partial(guest_of_key, hub, key)
    if (returning := look()) is None:
        raise Refused("login-failed", say("This key is nobody's here yet: choose a nickname."))
    await hub.load_rooms(returning.person)
    if session.connection is not connection:
        return ANSWERED
    return await _go_on_as(call, look, resume_codes.of_key(key.fingerprint))


def _ask_whose(session: Session, error: Refused, nick: str, id: str | None) -> Outcome:
    """Where a nickname is asked for and this one is registered: it is given for its password alone."""
    connection = carrier(session)
    if accounts_only(session):
        check_sealed(connection)
    elif not (asks(session) and connection.sealed):
        return _propose(session, error, nick, id)
    else:
        connection.proposal = session.hub.propose(nick, session.person)
    shown = not connection.ask(partial(log_in, session, connection, nick)) and asks(session)
    session.answer(Reply("login", replies.PasswordAsked("present", nick, shown, connection.proposal), id))
    return None


async def answered(session: Session, secret: Secret) -> Outcome:
    """A password came; an empty line is none: a guest comes in, or nothing is done."""
    connection = carrier(session)
    question = connection.question
    if question is None:
        if server_password.is_wanted(session):
            return await _let_in(session, secret)
        raise Refused("usage", say("No password was asked for."))
    connection.answered()
    try:
        if secret.text:
            outcome: Outcome = await question(secret.request, secret.text)
            return outcome
    finally:
        if session.connection is connection and server_password.is_wanted(session):
            connection.hide(asks(session))
    if not session.named and asks(session) and not server_password.is_wanted(session):
        return await nickname(session, Say("", secret.request))
    raise Refused("usage", say("Nothing was done: no password came."))


async def _let_in(session: Session, secret: Secret) -> Outcome:
    """The password of the server came, or where people type it, the code that replaces it."""
    connection, hub, text = carrier(session), session.hub, secret.text
    code = vocabulary.code_in(text) if asks(session) else None
    if not text.strip():
        if asks(session):
            server_password.ask(session, again=True)
            return ANSWERED
        raise server_password.needed()

    def look() -> bool | None:
        known = code is not None and hub.by_resume_code(code) is not None
        return server_password.fits(session, text) or known or None

    found = await hub.guesses.guess(connection, look)
    if session.connection is not connection:
        return ANSWERED
    if found is None:
        error = server_password.wrong(session)
        return was_wrong(session, Problem(error.code, error.sentence, secret.request.id))
    if code is not None and not server_password.fits(session, text):
        return await come_back(Call(session, secret.request, TABLE["resume"], connection, ""), code)
    connection.let_in = True
    connection.hide(False)
    greet(session)
    return None


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
    await hub.load_rooms(person)
    await hub.win_back(person)
    if session.connection is not connection or not known.is_good(hub):
        hub.lose(person)
        if session.connection is connection:  # it ended just now
            raise Refused("login-failed", say("{nick} is not to be had by that any more.", nick=person.nick))
        return ANSWERED
    guest, left = None, _rooms(session)
    if session.named:
        guest = session.person.id
        hub.ignore_too(person, guest)
        hub.carry_measures(guest, person)
        session.leave()
    session.enter_as(person, new_code(session), known.scope, guest)
    if await tell_welcome(session, True, id, left=left):
        session.hear_on()
    return None


def _propose(session: Session, error: Refused, wanted: str, id: str | None, besides: Collection[str] = ()) -> Outcome:
    proposal = session.hub.propose(wanted, session.person, besides)
    if session.connection is not None:
        session.connection.proposal = proposal
    session.answer(Problem(error.code, error.sentence, id, proposal))
    return ANSWERED


def offered(session: Session) -> str | None:
    """The nickname that an empty line takes, where one is asked for; what else comes next may be a script's talk."""
    if session.named or not asks(session) or accounts_only(session):
        return None
    return _proposal(session)


def proposed(session: Session, wanted: str) -> str | None:
    """This as a nickname that they may have, where one is asked for."""
    if offered(session) is None or server_password.is_wanted(session):
        return None
    carrier(session).proposal = None
    try:
        return session.hub.check_nickname(wanted, session.person)
    except Refused:
        return None


def _proposal(session: Session) -> str:
    connection = carrier(session)
    connection.proposal = connection.proposal or session.hub.propose("", session.person)
    return connection.proposal


async def _rename(session: Session, person: Person, nick: str, id: str | None) -> None:
    hub = session.hub
    if person.id not in hub.people:  # they have left meanwhile
        hub.lose(person)
    elif nick != person.nick:
        session.rename(nick)
        await hub.turn.flush()
        if person.has_account:
            hub.show_account(person)
    session.answer(Reply("nick", replies.Called(nick), id))


async def come_in(session: Session, id: str | None) -> None:
    """After `Session.enter`: be in the lobby, and be told so."""
    hub, connection, history = session.hub, carrier(session), None
    refused = None
    if connection.wire.lobby and hub.locked.keeps_out(session.person, LOBBY):
        refused = _wait_at_door(session)
    elif connection.wire.lobby:
        try:
            hub.measures.check_may_come(session.person, LOBBY)
            hub.locked.check_has_place(session.person, hub.lobby)
        except Refused as error:
            refused = error if error.code == "full" else Refused("locked", error.sentence)
        else:
            position = session.join(hub.lobby)
            history = await entering(session, hub.lobby.log, position)
    if session.named and session.connection is connection and await tell_welcome(session, False, id, history):
        if refused is not None and LOBBY not in session.person.rooms:  # they may have been let in meanwhile
            session.answer(Problem(refused.code, refused.sentence))
        session.begin()


def _wait_at_door(session: Session) -> Refused:
    """The lobby is locked: they wait there, where they may, and are told so."""
    hub = session.hub
    try:
        return hub.locked.wait(session.person, session, hub.lobby, hub.settings.max_per_host > 0)
    except Refused as refused:
        return refused


def _rooms(session: Session) -> Sequence[str]:
    """Where they are, who may be somebody else soon."""
    return tuple(room.log.name for room in session.rooms.values()) if session.named else ()


async def tell_welcome(
    session: Session, back: bool, id: str | None, history: History | None = None, left: Sequence[str] = ()
) -> bool:
    """Tell them that they are in the chat, who `left` these rooms as somebody else; returns whether they still are
    there."""
    connection, person = session.connection, session.person
    found = await standings(session, session.logs.values())
    # Their code, and how far they have read, is durable before they are told it; where the store is broken they come in
    # all the same.
    session.hub.turn.touch(person)
    await session.hub.turn.flush()
    if session.connection is not connection or session.person is not person:
        return False
    session.welcomed = True
    session.answer(_welcome(session, found, back, id, history)._replace(left=left))
    if back and (waits := session.hub.locked.waits(person)):
        refused = still_waits(waits[-1].room.log.name)
        session.answer(Problem(refused.code, refused.sentence))
    session.hub.locked.show(person)
    return True


def _welcome(
    session: Session, found: Mapping[str, Standing], back: bool, id: str | None, history: History | None = None
) -> Welcome:
    """That they are in the chat, and where."""
    current = session.current.log.name
    # A room that another device joined meanwhile has nothing that is not read.
    rooms = [state(session, room, found.get(key, Standing())) for key, room in session.rooms.items()]
    private = found.get(session.person.log.key)
    person = session.person
    code, account = session.code or "", person.has_account
    return Welcome(person.nick, current, rooms, code, history, back, id, private, account=account)


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
    returning = None
    if given := resume_codes.normal(code):
        look = partial(hub.by_resume_code, given)
        # A long code cannot be guessed: whoever has one waits for nobody.
        guessable = resume_codes.short(given) is not None
        returning = await hub.guesses.guess(connection, look) if guessable else look()
        if session.connection is not connection:
            return ANSWERED
    if returning is None:
        return was_wrong(session, Problem("code-wrong", _nobodys(call.word), request.id))
    assert isinstance(returning, Session)
    await hub.load_rooms(returning.person)
    if session.connection is not connection:
        return ANSWERED
    return await _go_on_as(call, look, given or "")


async def _go_on_as(call: Call, look: Callable[[], Device | None], given: str) -> Outcome:
    """Be the session that is found so, and was given this code."""
    session, request, connection, hub = call.session, call.request, call.connection, call.session.hub
    returning = look()  # meanwhile its day may have ended
    if returning is None:
        return was_wrong(session, Problem("code-wrong", _nobodys(call.word), request.id))
    assert isinstance(returning, Session)
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
    await hub.win_back(returning.person)
    if session.connection is not connection:
        hub.lose(returning.person)
        return ANSWERED
    if look() is not returning:  # meanwhile they were banned, or their day has ended
        hub.lose(returning.person)
        raise Refused("code-wrong", _nobodys(call.word))
    rooms, left = list(returning.rooms.values()), _rooms(session)
    returning.resume(connection, given, request.seen)
    if same:
        session.leave()
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
    nick = hub.propose(account.nick, session.person)
    await hub.win(nick, session.person)
    if session.connection is not connection or hub.codes.get(returning.digest) is not returning:
        hub.lose(session.person)
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
        session.person.joined[key] = session.subscriptions.given[key] = places[key]
    if current in rooms:
        session.speak_in(current)
    if await tell_welcome(session, True, id):
        session.hear_on()
    return None


def _nobodys(word: str) -> Sentence:
    if word:
        return say("Nobody has this code, or its day is over.")
    return say("Nobody has this code, or its day is over; and a nickname must not look like a code.")


class Json(NamedTuple):
    """Speak the wire of programs."""

    echo: str | None


@command(
    "staying",
    say("/json [echo]"),
    say("speak JSON, one object a line, for programs; with echo your own lines come, too"),
    nameless=True,
    outside=True,
)
async def json(call: Call, asked: Json) -> None:
    """The answer is a hello, and where one is in the chat already, a welcome."""
    session = call.session
    if asked.echo is not None and grammar.fold(asked.echo) != "echo":
        raise usage(call.command)
    session.note_read()
    found = await standings(session, session.logs.values()) if session.named else {}
    if not call.still_there:
        return
    call.connection.speak(JSON if asked.echo is None else JSON_ECHO)
    session.subscriptions.render_anew()
    greet(session)
    if session.named:
        session.answer(_welcome(session, found, False, call.request.id))


class Language(NamedTuple):
    """Which language the service speaks."""

    language: str | None


@command(
    "staying",
    say("/language [{codes}]", codes="|".join(known_languages())),
    say("the language in which the service speaks to you"),
    nameless=True,
    outside=True,
)
async def language(call: Call, asked: Language) -> None:
    """Theirs alone; it comes back with them.  Without a word it tells which it is."""
    session, connection = call.session, call.connection
    if asked.language is not None:
        code = grammar.fold(asked.language)
        if code not in known_languages():
            raise usage(call.command)
        session.language = code
        connection.speak(code=code)
        session.hear_differently()
        if session.named:
            session.hub.turn.touch(session)
            await session.hub.turn.flush()
    call.reply(replies.Speaks(connection.wire.format.language.code, known_languages()))


class Quit(NamedTuple):
    """Leave the chat."""

    text: str | None


@command("staying", say("/quit [text]"), say("leave the chat"), nameless=True, outside=True)
async def quit(call: Call, asked: Quit) -> Outcome:
    """Told at once; what was said before is stored and answered first."""
    session = call.session
    text = brief(asked.text or "", limits.WORDS)
    await session.posting.settled()
    if not call.still_there:
        return ANSWERED
    bye = replies.Bye(None)
    if session.named:
        bye = replies.Bye(session.person.nick)
        try:
            if text:
                session.hub.measures.check_may_be_seen(session.person)
                session.hub.newcomers.check_holds_no_link(session.person, text)
                for room in () if session.person.others(session) else session.person.rooms.values():
                    session.take_turn(room, text)
        except Refused as refused:
            text = ""
            session.answer(Problem(refused.code, refused.sentence))
        session.leave(text)
        # So that the code is void before they are told that they have left.
        await session.hub.turn.flush()
    call.reply(bye)
    acknowledge(session, call.request)
    session.hang_up()
    return ANSWERED
