"""Taking back what was said, by the id of the message (IRCv3 draft/message-redaction)."""

from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.commands.irc import history
from chat.commands.irc.verbs import Asked, verb
from chat.commands.registry import allows
from chat.wire.irc.messages import word


@verb("REDACT", 2)
async def redact(asked: Asked, target: str, id: str, *why: str) -> None:
    """One's own line, or as an operator that of somebody else in the room."""
    await asked.hub.turn.flush()  # what was said just now has an id, too
    try:
        buffer = history.find(asked, target)
    except Refused as error:
        _fail(asked, "INVALID_TARGET", error.sentence, target)
        return
    entry = await history.of_id(asked, buffer, id)
    author = None if entry is None else entry.fact.author
    if entry is None or author is None:
        _fail(asked, "UNKNOWN_MSGID", say("There is no message of this id here."), target, id)
        return
    mine, private = author.person == asked.session.person.id, buffer.other is not None
    if not mine and (private or not allows("operator", asked.connection, buffer.log.key)):
        _fail(asked, "REDACT_FORBIDDEN", say("That is for whoever said it, and for operators of the room."), target, id)
        return
    line = f"{entry.seq}" if mine else f"{author.nick} {entry.seq}"
    if not private:
        line = " ".join([line, *why])
    try:
        work = asked.do("delete", ("@" if private else buffer.log.name, line), echoed=True)
        if work is not None:
            await work
    except Refused as error:
        _fail(asked, "UNKNOWN_MSGID" if error.code == "gone" else "REDACT_FORBIDDEN", error.sentence, target, id)
        return
    if why and private:
        told = say("It is taken back; the reason is told to nobody.")
        asked.tell("NOTE", "REDACT", "REASON_UNKNOWN", word(target), asked.wire.words(told))


def _fail(asked: Asked, code: str, told: Sentence, *about: str) -> None:
    asked.tell("FAIL", "REDACT", code, *map(word, about), asked.wire.words(told))
