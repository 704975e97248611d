"""Coming in and going: capabilities, a nickname, a place to come back to, and whether the other end is there."""

from collections.abc import Awaitable
from contextlib import suppress

from twisted.internet.defer import TimeoutError

from chat.base import limits, pins, resume_codes
from chat.base.errors import Refused
from chat.base.language import say
from chat.commands import server_password
from chat.commands.entering import choose, greet
from chat.commands.irc.asking import lusers
from chat.commands.irc.multiline import LIMITS
from chat.commands.irc.reading import tell_markers
from chat.commands.irc.sasl import MECHANISM, settle
from chat.commands.irc.verbs import Asked, verb
from chat.commands.returning import become
from chat.commands.text_checks import brief, check_holds_no_secret
from chat.wire import replies
from chat.wire.answers import Problem, Reply
from chat.wire.irc.format import RENDERED
from chat.wire.irc.messages import word
from chat.wire.wires import IRC

CAPABILITIES = {
    "account-notify": "",
    "account-tag": "",
    "away-notify": "",
    "batch": "",
    "cap-notify": "",
    "draft/account-registration": "",
    "draft/chathistory": "",
    "draft/event-playback": "",
    "draft/message-redaction": "",
    "draft/multiline": LIMITS,
    "draft/no-implicit-names": "",
    "draft/read-marker": "",
    "echo-message": "",
    "extended-join": "",
    "extended-monitor": "",
    "invite-notify": "",
    "labeled-response": "",
    "message-tags": "",
    "multi-prefix": "",
    "sasl": MECHANISM,
    "server-time": "",
    "setname": "",
    "standard-replies": "",
    "userhost-in-names": "",
}
"""What a client may ask for, with what it is told about it."""

_SEALED = ("draft/account-registration", "sasl")
"""Those by which a password is sent: they are offered where nobody on the way reads it."""


@verb("CAP", 1, nameless=True)
def cap(asked: Asked, command: str, *params: str) -> Awaitable[None] | None:
    """Capabilities (IRCv3 capability-negotiation)."""
    wire, command = asked.wire, command.upper()
    text = params[0] if params else ""
    if command in ("LS", "REQ") and not asked.session.named:
        wire.negotiating = True
    if command == "LS":
        newer = text.isdecimal() and int(text[:6]) >= 302
        offered = [name for name in CAPABILITIES if name not in _SEALED or asked.connection.sealed]
        shown = [f"{name}={CAPABILITIES[name]}" if CAPABILITIES[name] and newer else name for name in offered]
        asked.tell("CAP", wire.nick, "LS", " ".join(shown))
    elif command == "LIST":
        asked.tell("CAP", wire.nick, "LIST", " ".join(sorted(wire.capabilities)))
    elif command == "REQ":
        _request(asked, text)
    elif command == "END":
        wire.negotiating = False
        return _come_in(asked)
    else:
        asked.tell("410", word(command), wire.words(say("There is no such command of CAP.")))
    return None


def _request(asked: Asked, text: str) -> None:
    wire, wanted = asked.wire, text.split()
    names = [name.removeprefix("-") for name in wanted]
    if not all(name in CAPABILITIES for name in names):
        asked.tell("CAP", wire.nick, "NAK", text)
        return
    asked.tell("CAP", wire.nick, "ACK", text)
    taken = {name.removeprefix("-") for name in wanted if name.startswith("-")}
    wire.capabilities = (wire.capabilities | frozenset(names)) - taken
    rendered = [name for name in RENDERED if name in wire.capabilities]
    asked.connection.speak(" ".join((IRC, *rendered)))
    asked.session.subscriptions.render_anew()


@verb("PASS", 1, nameless=True)
def password(asked: Asked, *params: str) -> None:
    """A resume code, perhaps: it is tried when they come in."""
    if asked.session.named:
        raise Refused("usage", say("You are in already; PASS comes first, and QUIT before you come back."))
    asked.wire.password = " ".join(params)


@verb("NICK", nameless=True)
def nick(asked: Asked, *params: str) -> Awaitable[None] | None:
    """The nickname, or another one."""
    wanted = params[0] if params else ""
    if not wanted:
        asked.tell("431", asked.wire.words(say("NICK needs a nickname.")))
        return None
    asked.wire.about(wanted)
    if asked.session.named:
        return asked.do("nick", (wanted,), wanted)
    asked.wire.wanted = wanted
    return _come_in(asked)


@verb("USER", 4, nameless=True)
def user(asked: Asked, name: str, mode: str, unused: str, *realname: str) -> Awaitable[None] | None:
    """What they call themselves on their own machine; it is shown and nothing else."""
    if asked.session.named:
        asked.tell("462", asked.wire.words(say("You are in already.")))
        return None
    real = " ".join(realname).strip()
    if not (name.strip() and real):
        raise Refused("usage", say("USER needs a name and a real name."))
    check_holds_no_secret(asked.session, f"{name} {real}")
    asked.wire.user, asked.wire.realname = word(brief(name[: limits.NICKNAME], limits.WORDS)), brief(real, limits.WORDS)
    return _come_in(asked)


def _come_in(asked: Asked) -> Awaitable[None] | None:
    """They come in once they have said all: as who they were, where the password is their resume code."""
    wire = asked.wire
    if asked.session.named or wire.negotiating or wire.wanted is None or wire.user is None:
        return None
    return _enter(asked, wire.wanted)


async def _enter(asked: Asked, wanted: str) -> None:
    wire, connection = asked.wire, asked.connection
    greet(asked.session)
    wire.opening = lusers(asked)
    given, wire.password = wire.password, None
    wire.about(wanted)
    if given is not None and resume_codes.normal(given):
        coming = asked.do("resume", (given,))
        if coming is not None:
            await coming
        if asked.session.connection is not connection and not connection.session.named:
            return
        if connection.session.named:
            settle(asked)
            await tell_markers(asked)
            return
        if asked.hub.by_resume_code(resume_codes.normal(given) or "") is not None:
            connection.close()  # it is good, but not now: they are not to be somebody new
            return
    wire.wanted = None
    known, wire.account = wire.account, None
    if known is not None:
        await become(asked.session, connection, known)
        settle(asked)
        await tell_markers(asked)
        return
    guarded = server_password.is_wanted(asked.session)
    if guarded and not await _let_in(asked, given):
        return
    by_pin = given is not None and asked.hub.roster and pins.given(f"{wanted} {given}") is not None
    await choose(asked.session, f"{wanted} {given}" if by_pin else wanted, None)
    if given is not None and connection.session.named and not (guarded or by_pin or resume_codes.normal(given)):
        told = say("This server wants no password; yours was looked at as a resume code, and is none.")
        asked.tell("NOTICE", wire.nick, wire.words(told))
    if connection.session.named:
        settle(asked)


async def _let_in(asked: Asked, given: str | None) -> bool:
    """Whether they gave the password of the server; else they go, for a client asks nobody and would wait."""
    if given is not None:
        await asked.secret(given)
    if not server_password.is_wanted(asked.session):
        return True
    if given is None:
        refused = server_password.needed()
        asked.connection.answer(Problem(refused.code, refused.sentence))
    asked.connection.answer(Reply("quit", replies.Bye(None)))
    asked.connection.close()
    return False


@verb("PING", nameless=True)
async def ping(asked: Asked, *params: str) -> None:
    """Answered once all that they said before is stored and shown."""
    if not (params and params[0]):
        asked.tell("409", asked.wire.words(say("There is nothing to send back.")))
        return
    with suppress(TimeoutError):  # of a store that hangs: who gets no answer goes away
        await asked.session.posting.settled().addTimeout(limits.IRC_PONG_SECONDS, asked.hub.clock)
    asked.tell("PONG", asked.wire.server, brief(params[0][: limits.WORDS], 4 * limits.WORDS))


@verb("PONG", nameless=True)
def pong(asked: Asked, *params: str) -> None:
    """They are there; that was all we wanted to know."""


@verb("QUIT", nameless=True)
def quit(asked: Asked, *params: str) -> Awaitable[None] | None:
    """With what they say on leaving."""
    text = " ".join(params)
    return asked.do("quit", (text or None,), text)


@verb("ERROR", nameless=True)
def error(asked: Asked, *params: str) -> None:
    """It is between servers (RFC 2812, 3.7.4)."""
