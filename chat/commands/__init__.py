"""What can be asked, one file a family; `perform` is the way in for a line of any wire."""

from collections.abc import Awaitable, Sequence
from functools import partial

from twisted.internet.defer import CancelledError

from chat.base import resume_codes
from chat.base.errors import Refused
from chat.base.language import say
from chat.commands import entering, help, history, people, rooms, talk, words
from chat.commands.registry import ANSWERED, Call, Outcome, asks, carrier, find, parse
from chat.core.session import Session
from chat.wire import vocabulary
from chat.wire.grammar import command_in
from chat.wire.requests import Request

__all__ = ["entering", "help", "history", "people", "perform", "rooms", "talk"]


def perform(session: Session, request: Request) -> Awaitable[Outcome] | Outcome:
    """Do what a line asks; where that takes a while, the result is awaited before the session's next line.

    Whether the line is acknowledged by now is the outcome.  Raises `Refused` where it is not possible.
    """
    line = request.line
    if resume_codes.may_hold_one(line):
        if not session.named and asks(session) and (code := vocabulary.code_in(line)):
            return entering.come_back(session, code, request)
        if carrier(session).draft is not None or request.said or vocabulary.named(line) != "resume":
            if words.holds_own_code(session, line):
                raise _private()
            if found := resume_codes.shorts_in(line):
                return _perform_without_code(session, request, found)
    return _perform(session, request)


def _private() -> Refused:
    return Refused("code-private", say("That holds a resume code, which is secret. It was not said."))


async def _perform_without_code(session: Session, request: Request, found: Sequence[str]) -> Outcome:
    """Do what a line asks unless one of these words is somebody's code, wherever they are.

    Somebody who comes back may type theirs in a wrong way.  But whoever may try many words learns codes, so each look
    that finds nothing counts as a guess.
    """
    hub, connection = session.hub, carrier(session)
    for code in found:
        try:
            holder = await hub.guesses.guess(connection, partial(hub.of_code, code))
        except CancelledError:
            return ANSWERED
        if holder is not None:
            raise _private()
    if session.connection is not connection:
        return ANSWERED
    work = _perform(session, request)
    return work if work is None or isinstance(work, str) else await work


def _perform(session: Session, request: Request) -> Awaitable[Outcome] | Outcome:
    connection = carrier(session)
    if connection.draft is not None:
        talk.add_to_draft(session, request)
        return None
    line = request.line
    if not session.named and asks(session):
        line = vocabulary.for_nickname(line)
    typed = None if request.said else command_in(line)
    if typed is None:
        if not session.named:
            return entering.nickname(session, request)
        if not line and connection.proposal is not None and asks(session):
            return entering.nickname(session, request)
        connection.proposal = None
        return talk.say_line(session, request)
    if typed.misplaced:
        raise Refused("slash-space", say("A command begins at the start of the line; this was not said."))
    row = find(typed.word)
    if "\n" in line:
        raise Refused("usage", say("A command is one line."))
    if not (session.named or row.nameless):
        raise Refused("no-nick", say("Choose a nickname first: /nick NAME"))
    if session.named:
        connection.proposal = None
    return row.handle(Call(session, request, row, connection), parse(row, typed.rest))
