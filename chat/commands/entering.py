"""Coming in, by a nickname and whatever else is asked for first, and going."""

from collections.abc import Collection
from functools import partial

from chat import __version__
from chat.base import limits, pins, resume_codes
from chat.base.errors import ChatError, Refused, no_nick, taken_over
from chat.base.language import known_languages, say
from chat.base.named_tuples import NamedTuple
from chat.commands import server_password
from chat.commands.history import entering
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
    was_wrong,
)
from chat.commands.returning import come_back, log_in
from chat.commands.text_checks import brief
from chat.commands.welcome import new_code, tell_welcome
from chat.core import roster
from chat.core.carrier import Carrier
from chat.core.person import Person
from chat.core.rooms import LOBBY
from chat.core.roster import Pin
from chat.core.session import Session
from chat.wire import replies, vocabulary
from chat.wire.answers import Greeting, Problem, Reply
from chat.wire.requests import Request, Say, Secret


def greet(session: Session) -> None:
    """The first thing on a connection, and on a wire that it was switched to."""
    if server_password.is_wanted(session):
        server_password.greet(session)
        return
    hub, only = session.hub, accounts_only(session)
    settings = hub.settings
    session.answer(Greeting(settings.server, __version__, len(hub.people), settings.motd, only, hub.addresses.all))
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
            hub.naming.check_free(nick, person)
        else:
            nick = hub.naming.check(wanted, person)
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
        await hub.naming.win(nick, person)
    except Refused as error:
        return _propose(session, error, wanted, id, besides=[nick])
    if renames:
        await _rename(session, person, nick, id)
    elif session.connection is not connection:
        hub.naming.lose(person)
    elif pin is None or await _bind(session, connection, nick, pin):
        session.enter(nick, _code_of_guest(session))
        if pin is not None and pin.opens:
            hub.locked.give_pass(person, LOBBY)
        await come_in(session, id)
    return None


async def _bind(session: Session, connection: Carrier[Session], nick: str, pin: Pin) -> bool:
    """The PIN is theirs from now on, unless they are gone; raises `Refused` where somebody else was first."""
    hub, person = session.hub, session.person
    try:
        bound = await hub.roster.bind(pin, nick, person)
    except ChatError:
        hub.naming.lose(person)
        raise
    if session.connection is connection:
        return True
    hub.naming.lose(person)
    hub.roster.give_back(bound, pin)
    return False


async def _by_pin(session: Session, nick: str, code: str, id: str | None) -> Outcome:
    """By a PIN: as whoever they were who used it before, at their place; or as the first who does."""
    hub, connection = session.hub, carrier(session)
    connection.proposal = None
    pin = await hub.guesses.guess(connection, partial(hub.roster.find, nick, code))
    if session.connection is not connection or session.named:
        return ANSWERED
    if pin is None:
        error = roster.wrong()
        return was_wrong(session, Problem(error.code, error.sentence, id))
    person = hub.people.get(pin.person) or hub.absent.get(pin.person)
    if person is None:
        return await choose(session, nick, id, pin)
    if person.has_account or accounts_only(session):
        raise Refused(
            "not-allowed", say("Who has an account comes in by the password: /login {nick}.", nick=person.nick)
        )
    await hub.recall(person)
    await hub.naming.win_back(person)
    if session.connection is not connection or session.named:
        hub.naming.lose(person)
        return ANSWERED
    if not hub.roster.is_good(pin) or not person.restorable:  # meanwhile they were sent away
        hub.naming.lose(person)
        raise roster.wrong()
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


def _code_of_guest(session: Session) -> str:
    """Who has proven a key of ssh, which is nobody's yet, comes back by that."""
    hub, connection = session.hub, carrier(session)
    if connection.key is not None and connection.wire.people:
        code = resume_codes.of_key(connection.key.fingerprint)
        if hub.owner_of_key(connection.key.fingerprint) is None and resume_codes.digest(code) not in hub.codes:
            return code
    return new_code(session)


def _ask_whose(session: Session, error: Refused, nick: str, id: str | None) -> Outcome:
    """Where a nickname is asked for and this one is registered: it is given for its password alone."""
    connection = carrier(session)
    if accounts_only(session):
        check_sealed(connection)
    elif not (asks(session) and connection.sealed):
        return _propose(session, error, nick, id)
    else:
        connection.proposal = session.hub.naming.propose(nick, session.person)
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


def _propose(session: Session, error: Refused, wanted: str, id: str | None, besides: Collection[str] = ()) -> Outcome:
    proposal = session.hub.naming.propose(wanted, session.person, besides)
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
        return session.hub.naming.check(wanted, session.person)
    except Refused:
        return None


def _proposal(session: Session) -> str:
    connection = carrier(session)
    connection.proposal = connection.proposal or session.hub.naming.propose("", session.person)
    return connection.proposal


async def _rename(session: Session, person: Person, nick: str, id: str | None) -> None:
    hub = session.hub
    if person.id not in hub.people:  # they have left meanwhile
        hub.naming.lose(person)
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
