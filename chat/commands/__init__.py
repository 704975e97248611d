"""What can be asked, one file a family; `perform` is the way in for a line of any wire."""

from collections.abc import Awaitable

from chat.commands import history, people, rooms, staying, talk
from chat.commands.table import NAMES, Call, asks, find, named_in, parse
from chat.errors import Refused
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
        line = _BARE_WORDS.get(line.strip(" \t").lower(), line)
    # Nearly all lines are talk, and begin like it.
    name = named_in(line) if line[:1] == "/" else None
    if name is None:
        if not session.named:
            return staying.nickname(session, request)
        if not line and session.proposal is not None and asks(session):
            return staying.nickname(session, request)
        session.proposal = None
        _refuse_misplaced(line)
        talk.say_line(session, request)
        return None
    if "\n" in line:
        raise Refused("usage", say("A command is one line."))
    row = find(name)
    if not (session.named or row.nameless):
        raise Refused("no-nick", say("Choose a nickname first: /nick NAME"))
    if session.named:
        session.proposal = None
    return row.handle(Call(session, request, row, session.connection), parse(row, line))


_BARE_WORDS = {"help": "/help", "who": "/who", "quit": "/quit"}
"""What people try where a nickname is asked for; nowhere else is a bare word a command."""


def _refuse_misplaced(line: str) -> None:
    """A known command behind blanks is most likely meant as one, and might be private: it is not said."""
    if line[:1] in (" ", "\t"):
        name = named_in(line.lstrip(" \t"))
        if name is not None and name.lower() in NAMES:
            raise Refused("slash-space", say("A command begins at the start of the line; this was not said."))
