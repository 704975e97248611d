"""What one line asks is done, and what cannot be done is answered; only a bug of ours gets out of here."""

from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from chat.base import limits
from chat.base.errors import BadInput, ChatError, NotStored
from chat.base.language import say
from chat.commands import entering, perform, server_password
from chat.commands.registry import Outcome, acknowledge
from chat.core.carrier import Carrier
from chat.core.ports import Line
from chat.core.posting import not_said
from chat.core.session import Session
from chat.wire import grammar, phrases, vocabulary
from chat.wire.answers import Problem, Stored
from chat.wire.requests import Expected, Garbled, Invoke, Overlong, Parsed, Request, Say, Typed

Work = Coroutine[Deferred[Any], Any, None]


_NOTHING = Say("", Request(""))

_NAMES_NOTHING = frozenset(("not-here", "no-room", "unknown-command"))
"""What is answered with the nearest of all names."""


def handle(connection: Carrier[Session], line: Typed) -> Deferred[None] | None:
    """Do what a line asks; where that takes a while, what is returned fires when it is done, or fails for a bug."""
    parsed: Parsed = _NOTHING
    connection.spend(limits.PRICE_REQUEST)
    try:
        if isinstance(line, Overlong):
            raise _too_long(line)
        if isinstance(line, Garbled):
            connection.session.answer(_garbled(connection, line))
            return None
        parsed = connection.wire.read(line, _expected(connection))
        work = perform(connection.session, parsed)
        if work is None:
            acknowledge(connection.session, parsed.request)
            return None
        return None if isinstance(work, str) else Deferred.fromCoroutine(_waited_for(connection, parsed, work))
    except ChatError as error:
        answering = _answer(connection, parsed, error)
        return None if answering is None else Deferred.fromCoroutine(answering)


def _expected(connection: Carrier[Session]) -> Expected:
    if connection.question is not None:
        return Expected.SECRET
    if connection.draft is not None:
        return Expected.DRAFT
    if connection.session.named:
        return Expected.TALK
    return Expected.PASSWORD if server_password.is_wanted(connection.session) else Expected.NICKNAME


async def _waited_for(connection: Carrier[Session], parsed: Parsed, work: Awaitable[Outcome]) -> None:
    """Each line with an id gets one acknowledgement or one error, and that last, whatever else it brings."""
    try:
        outcome = await work
    except CancelledError:  # it waited for its turn, and will not have it: they are gone, or dropped it
        return
    except ChatError as error:
        answering = _answer(connection, parsed, error)
        if answering is not None:
            await answering
    else:
        if outcome is None:
            acknowledge(connection.session, parsed.request)


def _answer(connection: Carrier[Session], parsed: Parsed, error: ChatError) -> Work | None:
    """Say why it cannot be done."""
    session, request = connection.session, parsed.request
    if error.code in _NAMES_NOTHING:
        connection.spend(limits.PRICE_NEAREST)
    if isinstance(error, BadInput):
        session.answer(Problem(error.code, error.sentence, error.id))
    elif isinstance(error, NotStored):
        session.answer(not_said(error, vocabulary.quotable(request.line), request.id))
    elif not session.named or (line := session.posting.line(request)) is None:
        session.answer(Problem(error.code, error.sentence, request.id))
    else:
        return _refuse_unless_stored(connection, line, request, error)
    return None


async def _refuse_unless_stored(connection: Carrier[Session], line: Line, request: Request, error: ChatError) -> None:
    """A line that was stored and comes again is no error, even where by now it would be: they left the room.

    Nor is one an error that another node stores after that, where they said it before they logged in here.
    """
    session = connection.session
    place, id = None, line.id.id
    if session.person.is_elsewhere:
        try:
            await session.hub.turn.refuse(line.ids)
        except NotStored as away:
            session.answer(not_said(away, vocabulary.quotable(request.line), id))
            return
    with suppress(ChatError):  # of a store that cannot be read
        place = await session.hub.archive.known(line)
    session.answer(Problem(error.code, error.sentence, id) if place is None else Stored(place, id))


def command_of(connection: Carrier[Session], line: Typed) -> str:
    """Which command a line is that waits, "" for talk."""
    if not isinstance(line, str) or not grammar.holds_slash(line):
        return ""
    try:
        parsed = connection.wire.read(line)
        return parsed.name if isinstance(parsed, Invoke) else ""
    except BadInput:
        return ""


def id_of(connection: Carrier[Session], line: Typed) -> str | None:
    """The id of a line, as far as it can be read."""
    if isinstance(line, Overlong):
        return None
    text = line if isinstance(line, str) else line.text[max(line.text.find("{"), 0) :]
    try:
        return connection.wire.read(text).request.id
    except BadInput as error:
        return error.id


def _garbled(connection: Carrier[Session], line: Garbled) -> Problem:
    """A damaged line is asked for again; a program is told which one it was, where that can still be read."""
    id = id_of(connection, line)
    sentence = say("Telnet damaged this line on its way; nothing of it was done. Type it again.")
    return Problem("nothing-said", sentence, id, entering.offered(connection.session))


def _too_long(line: Overlong) -> BadInput:
    return BadInput("too-long", phrases.too_long(line.length, line.limit))
