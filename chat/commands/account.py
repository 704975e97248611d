"""Accounts: a nickname that is somebody's own, on every device, by a password that is asked for on the next line."""

from collections.abc import Awaitable, Callable
from functools import partial

from chat.base import limits, passwords, resume_codes, tokens
from chat.base.errors import NotStored, Refused, no_nick, session_ended
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.base.public_keys import PublicKey
from chat.base.token_bucket import Allowance
from chat.commands.entering import check_sealed, come_in
from chat.commands.keys import check_is_nobodys, somebody_elses
from chat.commands.registry import (
    ANSWERED,
    Call,
    Outcome,
    accounts_only,
    acknowledge,
    asks,
    command,
    spend,
    usage,
    was_wrong,
)
from chat.commands.returning import by_key, log_in
from chat.commands.welcome import new_code
from chat.core.invitations import nobodys
from chat.core.person import Person
from chat.core.roles import SERVER
from chat.wire import replies
from chat.wire.answers import Problem
from chat.wire.requests import Request

_CHANGED = say("The password was changed on another device.")
_NEW = Allowance("account", limits.ACCOUNTS_PER_HOST, limits.ACCOUNT_SECONDS)


def _ask(call: Call, wanted: replies.Wanted, nick: str, answer: Callable[[Call, str], Awaitable[Outcome]]) -> None:
    """Ask for a secret where nobody on the way reads along; who sits beside them may, which they are told.

    What comes of the answer has the id of the answer's own line.
    """
    check_sealed(call.connection)

    async def answered(request: Request, text: str) -> Outcome:
        return await answer(call._replace(request=request), text)

    hidden = call.connection.ask(answered)
    call.reply(replies.PasswordAsked(wanted, nick, asks(call.session) and not hidden))


class Register(NamedTuple):
    """Make a nickname one's own: the present one, or by an invitation that with which one comes in."""

    nick: str | None
    code: str | None


@command(
    "account",
    say("/register [NICK] [CODE]"),
    say("make your nickname your own, with a password; where only accounts come in, by an invitation"),
    nameless=True,
)
async def register(call: Call, asked: Register) -> Outcome:
    """Whoever is here keeps their rooms and place; from now on the nickname is given for the password alone."""
    session, person = call.session, call.session.person
    if accounts_only(session):
        return await _with_invitation(call, asked)
    if not session.named:
        raise no_nick()
    if person.has_account:
        raise Refused("usage", say("{nick} is yours already; /password changes the password.", nick=person.nick))
    if asked.nick is not None:
        raise Refused("usage", say("No invitation is needed here: /register makes {nick} yours.", nick=person.nick))
    _check_not_closed(call)
    if call.connection.key is not None:
        return await _register_key(call, person, call.connection.key)
    _ask(call, "new", person.nick, partial(_choose, person))
    return None


async def _register_key(call: Call, person: Person, key: PublicKey) -> Outcome:
    """The nickname is given for the key that they have proven; a password is not needed."""
    hub = call.session.hub
    check_is_nobodys(hub, key)
    _check_one_more(call)
    person.password = passwords.NONE
    hub.show_account(person)
    hub.turn.touch(person)
    try:
        if not await hub.keys.add(key, person.id):
            raise somebody_elses()
    except (NotStored, Refused):
        if person.password == passwords.NONE and not hub.keys.of(person.id):
            hub.give_up(person)
        raise
    hub.logins.remember(call.connection.host)
    call.reply(replies.KeyAdded(key.kind, key.fingerprint, person.nick, True))
    return None


async def register_with(call: Call, text: str) -> Outcome:
    """The same of who is here, with a password that a program sends along; raises `Refused` where it is none."""
    person = call.session.person
    check_sealed(call.connection)
    return await _keep(person, passwords.new(text, person.nick), call, text)


async def _with_invitation(call: Call, asked: Register) -> Outcome:
    """Its code is asked for, if it does not stand there; raises `Refused` for a nickname that cannot be theirs."""
    session = call.session
    if asked.nick is None:
        raise usage(call.command)
    nick = session.hub.naming.check(asked.nick, session.person)
    if asked.code is None:
        _ask(call, "invitation", nick, partial(_invited, nick))
        return None
    check_sealed(call.connection)
    return await _invited(nick, call, asked.code)


async def _invited(nick: str, call: Call, text: str) -> Outcome:
    """The code came; it is good until somebody is registered by it."""
    session, hub = call.session, call.session.hub
    found = await hub.guesses.guess(call.connection, partial(hub.invitations.find, text))
    if not call.still_there:
        return ANSWERED
    if found is None:
        error = nobodys()
        return was_wrong(session, Problem(error.code, error.sentence, call.request.id))
    _ask(call, "new", nick, partial(_choose_invited, nick, found))
    return None


async def _choose_invited(nick: str, invitation: str, call: Call, text: str) -> Outcome:
    password = passwords.new(text, nick)
    _ask(call, "again", nick, partial(_come_in_invited, nick, invitation, password))
    return None


async def _come_in_invited(nick: str, invitation: str, password: str, call: Call, text: str) -> Outcome:
    """Both passwords are one: the account is made, and they are in."""
    session, hub, person = call.session, call.session.hub, call.session.person
    kept = await _hashed(call, password, text, is_new=True)
    if not call.still_there or session.named:
        return ANSWERED
    await hub.naming.win(nick, person)
    try:
        if not call.still_there or session.named:
            return ANSWERED
        hub.naming.check_free(nick, person)
        hub.check_address(call.connection.host)
        give_back = await hub.invitations.use(invitation, person.id)
        if not call.still_there or session.named:
            give_back()
            return ANSWERED
        try:
            session.enter(nick, new_code(session))
        except Refused:  # another one here is called so by now
            give_back()
            raise
    finally:
        if not session.named:
            hub.naming.lose(person)
    person.password = kept
    hub.invitations.used(invitation)
    hub.show_account(person)
    hub.logins.remember(call.connection.host)
    await come_in(session, call.request.id)
    call.reply(replies.PasswordKept(nick, True, 0))
    return None


def _check_not_closed(call: Call) -> None:
    """Raises `Refused` for a guest while class mode is on, for an account would open to them all that it closes; but
    not while nobody has one that runs the server."""
    hub = call.session.hub
    if hub.roles.holders(SERVER):
        hub.measures.check_not_closed(call.session.person, say("guests make no accounts"))


async def _choose(person: Person, call: Call, text: str) -> Outcome:
    """A new password, for the first time."""
    password = passwords.new(text, person.nick)
    _ask(call, "again", person.nick, partial(_keep, person, password))
    return None


async def _keep(person: Person, password: str, call: Call, text: str) -> Outcome:
    """And for the second: it is theirs.  Whoever else is logged in must know it, too."""
    session, hub = call.session, call.session.hub
    is_new = not person.has_account
    kept = await _hashed(call, password, text, is_new)
    if not call.still_there or session.person is not person:
        return ANSWERED
    _check_not_closed(call)
    person.password, ended = kept, len(person.tokens)
    if is_new:
        hub.show_account(person)
    hub.logins.remember(call.connection.host)
    _end_others(call, person, _CHANGED)
    hub.turn.touch(person)
    await hub.turn.flush()
    if person.password != kept:  # that was a device on another node, which was first
        raise Refused("taken-over", _CHANGED)
    call.reply(replies.PasswordKept(person.nick, is_new, ended))
    return None


async def _hashed(call: Call, password: str, again: str, is_new: bool) -> str:
    """What is kept of a password that was typed twice; raises `Refused` where these differ, or for another account
    there is no place."""
    hub = call.session.hub
    if passwords.normal(again) != password:
        raise Refused("usage", say("That was another password than before; nothing was changed."))
    if is_new:
        _check_one_more(call)
    return await hub.passwords.hash(password)


def _check_one_more(call: Call) -> None:
    """Raises `Refused` where there is no place for another account."""
    if call.session.hub.accounts >= limits.ACCOUNTS:
        raise Refused("too-many", say("There are {limit} accounts already.", limit=limits.ACCOUNTS))
    spend(call.session, _NEW, lambda _: say("Your address made many accounts. Try again in an hour."))


def _end_others(call: Call, person: Person, why: Sentence) -> None:
    """Whoever else acts as them does so no more, by a token neither."""
    call.session.hub.sessions_end(person, why, besides=call.session)
    call.session.hub.tokens.end(person, list(person.tokens))
    call.session.hub.end_all(person, besides=call.session)


class Password(NamedTuple):
    """Another password."""


@command(
    "account",
    say("/password"),
    say("choose another password; your other devices log in anew, tokens end, and keys stay good"),
    role="account",
    by_token=False,
)
def password(call: Call, asked: Password) -> None:
    """The present one is asked for first: somebody else may sit there."""
    person = call.session.person
    if _is_by_key(call):
        _ask(call, "new", person.nick, partial(_choose, person))
    else:
        _ask(call, "present", person.nick, partial(_renew, person))


def _is_by_key(call: Call) -> bool:
    """Whether there is no password to ask for, for they have proven a key; raises `Refused` where they have not."""
    hub, person, key = call.session.hub, call.session.person, call.connection.key
    if person.password != passwords.NONE:
        return False
    if key is None or hub.owner_of_key(key.fingerprint) is not person:
        raise Refused("not-allowed", say("{nick} has no password: come by ssh with the key of it.", nick=person.nick))
    return True


async def _renew(person: Person, call: Call, text: str) -> Outcome:
    if await _is_theirs(call, person, text):
        _ask(call, "new", person.nick, partial(_choose, person))
        return None
    return ANSWERED


async def _is_theirs(call: Call, person: Person, text: str) -> bool:
    """Whether they still are there, and whose account it is; raises `Refused` for another password."""
    session = call.session
    found = await session.hub.logins.log_in(person.nick, passwords.normal(text), call.connection)
    return call.still_there and found is person and session.person is person


class Login(NamedTuple):
    """Be whom an account belongs to."""

    nick: str | None
    text: str | None


@command(
    "account",
    say("/login [NICK] [password]"),
    say("come in, or go on, under a nickname that you registered"),
    nameless=True,
    outside=True,
)
async def login(call: Call, asked: Login) -> Outcome:
    """A guest who is here leaves for it.  The password is asked for, if it does not stand behind the nickname; who has
    proven a key needs neither."""
    session = call.session
    nick = asked.nick or session.person.nick
    if not nick and call.connection.key is not None:
        return await by_key(call, call.connection.key)
    if not nick:
        raise usage(call.command)
    if session.person.has_account:
        raise Refused("usage", say("You are logged in as {nick}; /quit first.", nick=session.person.nick))
    if asked.text is None:
        _ask(call, "present", nick, partial(_log_in, nick))
        return None
    if tokens.normal(asked.text) is None:
        check_sealed(call.connection)
    return await _log_in(nick, call, asked.text)


async def _log_in(nick: str, call: Call, text: str) -> Outcome:
    return await log_in(call.session, call.connection, nick, call.request, text)


class Logout(NamedTuple):
    """Leave, on this device."""


@command("account", say("/logout"), say("leave on this device, and end its code"), role="account")
async def logout(call: Call, asked: Logout) -> Outcome:
    """As /quit."""
    session, person = call.session, call.session.person
    await session.posting.settled()
    if not call.still_there:
        return ANSWERED
    session.leave()
    await session.hub.turn.flush()
    call.reply(replies.Bye(person.nick))
    acknowledge(session, call.request)
    session.hang_up()
    return ANSWERED


class Unregister(NamedTuple):
    """Give the account up."""


@command(
    "account",
    say("/unregister"),
    say("give your account up: the nickname is anybody's again"),
    role="account",
    by_token=False,
)
async def unregister(call: Call, asked: Unregister) -> Outcome:
    """The password is asked for, if there is one.  What they said stays."""
    person = call.session.person
    if _is_by_key(call):
        return await _no_account_any_more(call, person)
    _ask(call, "present", person.nick, partial(_give_up, person))
    return None


async def _give_up(person: Person, call: Call, text: str) -> Outcome:
    if not await _is_theirs(call, person, text):
        return ANSWERED
    return await _no_account_any_more(call, person)


async def _no_account_any_more(call: Call, person: Person) -> Outcome:
    hub = call.session.hub
    _end_others(call, person, say("This account was given up on another device."))
    hub.give_up(person)
    await hub.turn.flush()
    call.reply(replies.GivenUp(person.nick))
    return None


class Sessions(NamedTuple):
    """One's devices."""

    end: str | None
    number: int | None


@command(
    "account",
    say("/sessions [end] [N]"),
    say("list your devices, or end one of them"),
    role="account",
    by_token=False,
)
async def sessions(call: Call, asked: Sessions) -> Outcome:
    """This one is the first; those without a connection may still come back by their codes."""
    session, person, hub = call.session, call.session.person, call.session.hub
    others = [other for other in person.sessions if other is not session]
    if asked.end is None:
        rows = [replies.Device(1, session.host, True, 0)]
        for number, other in enumerate(others, 2):
            here = other not in person.detached
            away = 0 if here else int(hub.clock.seconds() - other.down_since)
            rows.append(replies.Device(number, other.host, here, away))
        call.reply(replies.Devices(rows))
        return None
    if asked.end != "end" or asked.number is None:
        raise usage(call.command)
    if not 2 <= asked.number <= len(others) + 1:
        raise Refused("usage", say("There is no device {number}; /sessions lists them.", number=asked.number))
    hub.put_an_end_to(others[asked.number - 2], session_ended())
    await hub.turn.flush()
    call.reply(replies.DeviceEnded(asked.number))
    return None


class Operator(NamedTuple):
    """Run the server."""

    code: str


@command(
    "account", say("/operator CODE"), say("run this server, by the code that it made at its start"), role="account"
)
async def operator(call: Call, asked: Operator) -> Outcome:
    """The server made the code, and it is good once: so it is taken in clear, too, within one's own network."""
    session, hub, connection = call.session, call.session.hub, call.connection
    person = session.person
    if connection.operator or SERVER in person.roles:
        raise Refused("usage", say("You run this server already."))
    if not connection.private:
        raise Refused(
            "needs-tls",
            say("That code is taken on an encrypted connection (chat-client --tls), or from a private address."),
        )
    given = resume_codes.normal(asked.code) or ""
    hub.roles.check_one_more(person, SERVER)
    code = await hub.guesses.guess(connection, partial(hub.is_operator_code, given))
    if not (call.still_there and session.person is person and person.has_account):
        return ANSWERED
    if code is None or code is not hub.operator_code or not await hub.use_operator_code(code, person):
        wrong = say("That is not the operator's code, or it was used already.")
        return was_wrong(session, Problem("code-wrong", wrong, call.request.id))
    hub.give_role(session.author, person, "operator", None)
    await hub.turn.flush()
    call.reply(replies.RoleGiven(person.nick, "operator", SERVER))
    return None
