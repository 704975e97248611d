"""What can be asked, one file a family; `perform` is the way in for what any wire has parsed."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from chat.base import resume_codes
from chat.base.errors import Refused, no_nick
from chat.base.tokens import stands_in
from chat.commands import (
    account,
    admin,
    class_mode,
    entering,
    export,
    help,
    history,
    keys,
    locked_rooms,
    moderation,
    people,
    private_rooms,
    redaction,
    roles,
    rooms,
    server_password,
    speaking,
    staff,
    talk,
    text_checks,
    tokens,
)
from chat.commands.registry import (
    ANSWERED,
    TABLE,
    Call,
    Outcome,
    arguments,
    asks,
    carrier,
    check_scope,
    done,
    not_allowed,
    permits,
    rooms_named,
    unknown,
)
from chat.core.carrier import Carrier
from chat.core.hub import Hub
from chat.core.session import Session
from chat.wire.requests import Invoke, Parsed, Read, Say, Secret, Verb

__all__ = [
    "account",
    "admin",
    "class_mode",
    "entering",
    "export",
    "help",
    "history",
    "keys",
    "locked_rooms",
    "moderation",
    "people",
    "perform",
    "private_rooms",
    "redaction",
    "roles",
    "rooms",
    "speaking",
    "staff",
    "talk",
    "tokens",
]


def perform(session: Session, parsed: Parsed) -> Awaitable[Outcome] | Outcome:
    """Do what a line asks; where that takes a while, the result is awaited before the session's next line.

    Whether the line is acknowledged by now is the outcome.  Raises `Refused` where it is not possible.
    """
    if isinstance(parsed, Secret):
        return entering.answered(session, parsed)
    if isinstance(parsed, Verb):
        from chat.commands.irc import perform_verb  # nobody who has no IRC client pays for it

        return perform_verb(session, parsed, perform)
    if server_password.is_wanted(session) and not _is_open(parsed):
        raise server_password.needed()
    line = parsed.request.line
    if stands_in(_said_in(parsed)):
        raise text_checks.holds_token()
    if session.hub.roster.pins and session.named and session.hub.roster.is_own(session.person, line):
        raise text_checks.holds_code()
    if resume_codes.may_hold_one(line) and not (isinstance(parsed, Invoke) and parsed.name in _BY_CODE):
        if text_checks.holds_own_code(session, line):
            raise text_checks.holds_code()
        if found := resume_codes.shorts_in(line):
            return _perform_without_code(session, parsed, found)
    return _perform(session, parsed)


def _is_open(parsed: Say | Invoke | Read) -> bool:
    """Whether it may be asked before the server's password was given; what is no command is told to be none."""
    if not isinstance(parsed, Invoke):
        return False
    row = TABLE.get(parsed.name)
    return row is None or row.outside


def _said_in(parsed: Say | Invoke | Read) -> str:
    """Of a line, what may be shown to somebody: all but the token by which somebody comes in, or says this."""
    if not (isinstance(parsed, Invoke) and parsed.name in ("login", "post") and isinstance(parsed.rest, str)):
        return parsed.request.line
    who, *rest = parsed.rest.split(maxsplit=1) or [""]
    return who if parsed.name == "login" else " ".join([who.partition(":")[0], *rest])


_BY_CODE = ("resume", "operator", "register")
"""Commands behind which a code stands."""


async def _perform_without_code(session: Session, parsed: Say | Invoke | Read, found: Sequence[str]) -> Outcome:
    """Do what a line asks unless one of these words is somebody's code, wherever they are, or the operator's.

    Somebody who comes back may type theirs in a wrong way.  But whoever may try many words learns codes, so each look
    that finds nothing counts as a guess.
    """
    hub, connection = session.hub, carrier(session)
    for code in found:
        found_one = await hub.guesses.guess(connection, partial(_of_code, hub, code))
        if found_one is not None:
            raise text_checks.holds_code()
    if session.connection is not connection:
        return ANSWERED
    return await done(_perform(session, parsed))


def _of_code(hub: Hub, code: str) -> object | None:
    return hub.by_resume_code(code) or hub.is_operator_code(code) or hub.invitations.find(code)


def _perform(session: Session, parsed: Say | Invoke | Read) -> Awaitable[Outcome] | Outcome:
    connection = carrier(session)
    if isinstance(parsed, Say):
        return _say(session, connection, parsed)
    if isinstance(parsed, Read):
        return history.mark_read(session, parsed)
    row = TABLE.get(parsed.name)
    if row is None:
        raise unknown(parsed.word)
    if not session.named and not row.nameless:
        raise no_nick()
    if not permits(row, connection):
        raise not_allowed(row)
    check_scope(row, session)
    if session.named:
        connection.proposal = None
    call = Call(session, parsed.request, row, connection, parsed.word)
    asked: Any = arguments(row, parsed.rest) if isinstance(parsed.rest, str) else row.asked(*parsed.rest)
    if session.named and (unknown_rooms := session.hub.rooms.unknown(rooms_named(call, asked))):
        return _with_rooms(session, unknown_rooms, partial(row.handle, call, asked))
    return row.handle(call, asked)


def _say(session: Session, connection: Carrier[Session], parsed: Say) -> Awaitable[Outcome] | Outcome:
    if connection.draft is not None:
        talk.add_to_draft(connection.draft, parsed.text)
        return None
    if not session.named or (not parsed.text and connection.proposal is not None and asks(session)):
        return entering.nickname(session, parsed)
    connection.proposal = None
    if (room := parsed.request.room) is not None and (unknown_rooms := session.hub.rooms.unknown([room])):
        return _with_rooms(session, unknown_rooms, partial(talk.say_line, session, parsed))
    return talk.say_line(session, parsed)


async def _with_rooms(
    session: Session, names: Sequence[str], do: Callable[[], Awaitable[Outcome] | Outcome]
) -> Outcome:
    """Do it once these rooms are in memory, if the store has them: whether they are there is decided then."""
    connection = session.connection
    for name in names:
        try:
            await session.hub.rooms.load(name)
        except Refused as error:
            if error.code != "too-many":  # that there is no place for it is told where it is to be made
                raise
    return ANSWERED if session.connection is not connection else await done(do())
