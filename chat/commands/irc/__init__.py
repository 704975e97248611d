"""What IRC clients ask: a table of IRC's own commands, and behind it every command of the chat.

A message is done in the words of the chat's own commands wherever there is one (`Asked.do`), so that each rule and each
refusal is the same for whoever asks; what only IRC asks is answered here.
"""

from collections.abc import Awaitable
from typing import cast

from chat.base import limits
from chat.base.errors import ChatError, Refused, no_nick
from chat.base.language import say
from chat.commands.irc import (
    asking,
    entering,
    history,
    modes,
    multiline,
    operators,
    reading,
    redaction,
    registering,
    rooms,
    sasl,
    talk,
)
from chat.commands.irc.verbs import NOT_HERE, VERBS, Asked, Perform
from chat.commands.registry import ANSWERED, TABLE, Outcome, carrier
from chat.core.session import Session
from chat.wire import vocabulary
from chat.wire.answers import Problem
from chat.wire.irc.dialect import IrcWire
from chat.wire.requests import Verb

__all__ = [
    "asking",
    "entering",
    "history",
    "modes",
    "multiline",
    "operators",
    "perform_verb",
    "reading",
    "redaction",
    "registering",
    "rooms",
    "sasl",
    "talk",
]


def perform_verb(session: Session, verb: Verb, perform: Perform) -> Awaitable[Outcome] | Outcome:
    """Do what a message asks; `perform` does a command of the chat.  Every refusal is answered here."""
    connection = carrier(session)
    wire = cast(IrcWire, connection.wire)
    if session.named:  # another device may have changed it
        wire.nick, wire.has_account = session.person.nick, session.person.has_account
    begins = verb.name == "BATCH" and verb.params and verb.params[0].startswith("+")
    wire.take_up(verb.name, None if begins else verb.tags.get("label"))  # else it is answered once it is said
    asked = Asked(session, connection, wire, verb, perform)
    if not verb.is_utf8:
        asked.tell("WARN", "*", "INVALID_UTF8", wire.words(say("That was no UTF-8; it was read as CP1252.")))
    try:
        work = _perform(asked)
    except ChatError as error:
        refuse(asked, error)
        work = None
    if work is None and not wire.labelled:
        return ANSWERED
    return _finish(asked, work)


def _perform(asked: Asked) -> Awaitable[None] | None:
    verb = asked.verb
    if "batch" in verb.tags and multiline.gather(asked):
        return None
    row = VERBS.get(verb.name)
    if row is None:
        return _command(asked)
    if not (row.nameless or asked.session.named):
        raise no_nick()
    if len(verb.params) < row.least:
        raise Refused("usage", say("{verb} needs more than that.", verb=verb.name))
    return row.handle(asked, *verb.params)


def _command(asked: Asked) -> Awaitable[None] | None:
    """A command of the chat, as `/quote LOCK` gives it."""
    verb = asked.verb
    name = vocabulary.name_of(verb.name)
    if name not in TABLE or name in NOT_HERE:
        shown = verb.name[: limits.WORD_SHOWN]
        raise Refused("unknown-command", say("There is no {verb} here. HELP lists what there is.", verb=shown))
    return asked.do(name, " ".join(verb.params))


def refuse(asked: Asked, error: ChatError) -> None:
    """Say why it cannot be done."""
    asked.connection.answer(Problem(error.code, error.sentence))


async def _finish(asked: Asked, work: Awaitable[None] | None) -> Outcome:
    """Wait for what takes a while; the answers to a message with a label go together."""
    try:
        if work is not None:
            await work
    except ChatError as error:
        refuse(asked, error)
    finally:
        if asked.wire.labelled:
            await asked.session.posting.settled()
            if told := asked.wire.have_done():
                asked.connection.send(told)
    return ANSWERED
