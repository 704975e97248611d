"""Who has an account comes in by its password, or by a token, or logs in later (IRCv3 sasl, RFC 4616)."""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Awaitable

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.commands.entering import check_sealed
from chat.commands.irc.verbs import Asked, verb
from chat.commands.returning import become, recognize
from chat.wire.irc.format import mask

MECHANISM = "PLAIN"

LOGGED_IN = say("You are logged in already.")

_CHUNK = 400
"""Characters of one message: one that has fewer is the last (IRCv3 sasl)."""


@verb("AUTHENTICATE", 1, nameless=True)
def authenticate(asked: Asked, given: str, *_: str) -> Awaitable[None] | None:
    """A mechanism, or the next part of what it wants."""
    wire = asked.wire
    if wire.account is not None or (asked.session.named and asked.session.person.has_account):
        asked.tell("907", wire.words(LOGGED_IN))
    elif given == "*":
        wire.credentials = None
        asked.tell("906", wire.words(say("Not logged in.")))
    elif wire.credentials is None:
        _begin(asked, given)
    elif len(given) > _CHUNK or len(wire.credentials) + len(given) > limits.CREDENTIALS:
        wire.credentials = None
        number = "905" if len(given) > _CHUNK else "904"  # a part that is too long, or all of them
        asked.tell(number, wire.words(say("That is too long for a password.")))
    else:
        wire.credentials += given.removeprefix("+") if given == "+" else given
        if len(given) < _CHUNK:
            credentials, wire.credentials = wire.credentials, None
            return _check(asked, credentials)
    return None


def settle(asked: Asked) -> None:
    """They are in."""
    asked.connection.pings = True
    wire, person = asked.wire, asked.connection.session.person
    if not person.measured:  # what others see of who is muted stays as it was
        person.user, person.realname = wire.user or "", wire.realname
        asked.connection.session.called()
        asked.hub.turn.touch(person)


def _begin(asked: Asked, mechanism: str) -> None:
    if mechanism.upper() != MECHANISM:
        asked.tell("908", MECHANISM, asked.wire.words(say("are the ways to log in")))
        _fail(asked, say("There is no such way to log in."))
        return
    try:
        check_sealed(asked.connection)
    except Refused as error:
        _fail(asked, error.sentence)
        return
    asked.wire.credentials = ""
    asked.tell_bare("AUTHENTICATE", "+")


async def _check(asked: Asked, credentials: str) -> None:
    wire, wrong = asked.wire, say("That is no name and password.")
    try:
        acts_as, name, password = b64decode(credentials, validate=True).decode().split("\0")
    except (NoBase64, ValueError):
        _fail(asked, wrong)
        return
    if not (name and password) or acts_as not in ("", name):
        _fail(asked, wrong)
        return
    try:
        known = await recognize(asked.session, asked.connection, name, password)
    except Refused as error:
        _fail(asked, error.sentence)
        return
    nick = known.person.nick
    asked.tell("900", mask(nick), nick, wire.words(say("You are logged in as {nick}.", nick=nick)))
    asked.tell("903", wire.words(say("The password is right.")))
    if not asked.session.named:
        wire.account = known  # they are in once they have said all
        return
    await asked.session.posting.settled()
    await become(asked.session, asked.connection, known)
    settle(asked)


def _fail(asked: Asked, why: Sentence) -> None:
    asked.tell("904", asked.wire.words(why))
