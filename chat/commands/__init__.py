"""What can be asked, one file a family; `perform` is the way in for a line of any wire."""

from collections.abc import Awaitable

from chat import vocabulary
from chat.commands import history, people, rooms, staying, talk
from chat.commands.table import Call, asks, find, parse
from chat.errors import Refused
from chat.grammar import command_in
from chat.language import say
from chat.replies import Request
from chat.session import Session

__all__ = ["history", "people", "perform", "rooms", "staying", "talk"]


def perform(session: Session, request: Request) -> Awaitable[None] | None:
    """Do what a line asks; where that takes a while, the result is awaited before the session's next line.

    Raises `Refused` where it is not possible.
    """
    if session.draft is not None:
        talk.add_to_draft(session, request)
        return None
    line = request.line
    if not session.named and asks(session):
        line = vocabulary.for_nickname(line)
    typed = command_in(line)
    if typed is None:
        if not session.named:
            return staying.nickname(session, request)
        if not line and session.proposal is not None and asks(session):
            return staying.nickname(session, request)
        session.proposal = None
        talk.say_line(session, request)
        return None
    if typed.misplaced:
        raise Refused("slash-space", say("A command begins at the start of the line; this was not said."))
    row = find(typed.word)
    if "\n" in line:
        raise Refused("usage", say("A command is one line."))
    if not (session.named or row.nameless):
        raise Refused("no-nick", say("Choose a nickname first: /nick NAME"))
    if session.named:
        session.proposal = None
    return row.handle(Call(session, request, row, session.connection), parse(row, typed.rest))
