"""A message of several lines, which comes in a batch (IRCv3 draft/multiline)."""

from collections.abc import Awaitable

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.base.names import fold
from chat.commands.irc.talk import say_to
from chat.commands.irc.verbs import Asked, verb
from chat.wire.irc.dialect import Gathering
from chat.wire.irc.messages import word

KIND = "draft/multiline"
CONCAT = "draft/multiline-concat"

LIMITS = f"max-bytes={limits.PASTE_TEXT},max-lines={limits.PASTE_LINES}"


@verb("BATCH", 1)
def batch(asked: Asked, reference: str, kind: str = "", target: str = "", *_: str) -> Awaitable[None] | None:
    """Begin one, or end it: then it is said."""
    gathering = asked.wire.gathering
    if reference.startswith("+") and kind == KIND and target and KIND in asked.wire.capabilities:
        asked.wire.gathering = Gathering(reference[1:], target, asked.verb.tags)
        return None
    if gathering is None or reference != f"-{gathering.reference}":
        raise Refused("usage", say("BATCH begins with + and ends with -, of the kind {kind}.", kind=KIND))
    asked.wire.gathering = None
    if gathering.failed:
        return None
    asked = asked._replace(verb=asked.verb._replace(name=gathering.command, tags=gathering.tags))
    asked.wire.take_up(gathering.command, gathering.tags.get("label"))
    asked.wire.about(gathering.target)
    return say_to(asked, gathering.target, "\n".join(gathering.lines), gathering.breaks)


def gather(asked: Asked) -> bool:
    """Whether the message in hand belongs to a batch, to which it is added, or for which it is refused."""
    gathering, verb = asked.wire.gathering, asked.verb
    reference = verb.tags.get("batch")
    if reference is None or verb.name == "BATCH" or KIND not in asked.wire.capabilities:
        return False
    if gathering is None or reference != gathering.reference:
        _fail(asked, "MULTILINE_INVALID", say("There is no such batch."))
        return True
    if not gathering.failed:
        _add(asked, gathering)
    return True


def _add(asked: Asked, gathering: Gathering) -> None:
    target, text = (*asked.verb.params, "", "")[:2]
    concat = CONCAT in asked.verb.tags
    if asked.verb.name not in ("PRIVMSG", "NOTICE") or asked.verb.name != (gathering.command or asked.verb.name):
        _fail(asked, "MULTILINE_INVALID", say("A batch holds lines of one kind, PRIVMSG or NOTICE."))
    elif fold(target) != fold(gathering.target):
        told = say("Lines of a batch go where it goes.")
        _fail(asked, "MULTILINE_INVALID_TARGET", told, word(gathering.target), word(target))
    elif concat and not (text and gathering.lines):
        _fail(asked, "MULTILINE_INVALID", say("There is nothing to go on with."))
    else:
        gathering.command = asked.verb.name
        gathering.add(text, concat)
        if gathering.count > limits.PASTE_LINES:
            _too_much(asked, "MULTILINE_MAX_LINES", limits.PASTE_LINES)
        elif gathering.size() > limits.PASTE_TEXT:
            _too_much(asked, "MULTILINE_MAX_BYTES", limits.PASTE_TEXT)


def _too_much(asked: Asked, code: str, most: int) -> None:
    _fail(asked, code, say("That is too much for one message; nothing of it was said."), str(most))


def _fail(asked: Asked, code: str, told: Sentence, *about: str) -> None:
    """It is said no more, and what still comes of it is not said either."""
    if asked.wire.gathering is not None:
        asked.wire.gathering.failed = True
    asked.tell("FAIL", "BATCH", code, *about, asked.wire.words(told))
