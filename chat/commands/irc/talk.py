"""What people say: to rooms and to one another, as text, as an action, as a notice."""

from collections.abc import Awaitable

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.text import is_empty
from chat.commands.irc.verbs import Asked, verb
from chat.commands.words import nothing_said
from chat.wire import phrases
from chat.wire.irc.format import mask
from chat.wire.irc.messages import unformatted

_CTCP, _ACTION = "\x01", "ACTION"


@verb("PRIVMSG")
def privmsg(asked: Asked, *params: str) -> Awaitable[None] | None:
    """Say something."""
    return _say(asked, *params)


@verb("NOTICE")
def notice(asked: Asked, *params: str) -> Awaitable[None] | None:
    """Say something that no program answers."""
    return _say(asked, *params)


def _say(asked: Asked, targets: str = "", text: str = "", *_: str) -> Awaitable[None] | None:
    if not targets:
        asked.tell("411", asked.wire.words(say("It is not said to whom that goes.")))
        return None
    if "," not in targets:  # nearly always
        asked.wire.about(targets)
        return _say_to(asked, targets, text)
    return asked.for_each(targets, lambda target: _say_to(asked, target, text))


def _say_to(asked: Asked, target: str, text: str) -> Awaitable[None] | None:
    acts = False
    if text.startswith(_CTCP):
        command, _, rest = text.strip(_CTCP).partition(" ")
        if command.upper() != _ACTION:
            raise Refused(
                "not-allowed",
                say("Of CTCP only ACTION is known. Nothing was sent."),
            )
        acts, text = True, rest
    text = unformatted(text)
    if is_empty(text):
        raise nothing_said()
    head = f":{mask(asked.session.person.nick)} {asked.verb.name} {target} :"
    if (size := len((head + text).encode()) + 9 * acts) > limits.IRC_LINE:
        # Whoever hears it by IRC would get it in two parts; their client divides it where they want.
        raise Refused("too-long", phrases.too_long(size, limits.IRC_LINE))
    if not target.startswith("#"):
        return asked.talk(f"* {asked.session.person.nick} {text}" if acts else text, f"@{target}")
    return asked.act(text, target) if acts else asked.talk(text, target)
