"""What people say: to rooms and to one another, as text, as an action, as a notice."""

from collections.abc import Awaitable, Sequence

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.text import is_empty
from chat.commands.irc.verbs import Asked, verb
from chat.commands.people import present
from chat.commands.registry import room_of
from chat.commands.scope import check_place
from chat.commands.text_checks import nothing_said
from chat.wire import phrases
from chat.wire.answers import OthersTags
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
        return say_to(asked, targets, text)
    asked.connection.counts_as(len(asked.targets(targets)))
    if begin := asked.wire.open_batch():
        asked.connection.send(begin)
    return asked.for_each(targets, lambda target: say_to(asked, target, text))


def say_to(asked: Asked, target: str, text: str, breaks: Sequence[int] | None = None) -> Awaitable[None] | None:
    """Say something in one place; of several lines, each of which came by itself, long ones divided at these places."""
    acts, given = False, text
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
    if breaks is None and (size := len((head + text).encode()) + 9 * acts) > limits.IRC_LINE:
        # Whoever hears it by IRC would get it in two parts; their client divides it where they want.
        raise Refused("too-long", phrases.too_long(size, limits.IRC_LINE))
    places = breaks if breaks is not None and text == given else ()
    if not target.startswith("#"):
        return asked.talk(f"* {asked.session.person.nick} {text}" if acts else text, f"@{target}", places)
    return asked.act(text, target) if acts else asked.talk(text, target, places)


@verb("TAGMSG", 1)
def tagmsg(asked: Asked, targets: str, *_: str) -> Awaitable[None]:
    """Tell the clients of others something: that somebody types, for one.  It is stored nowhere."""
    tags = asked.client_tags
    return asked.for_each(targets if tags else "", lambda target: _tag(asked, target, tags))


def _tag(asked: Asked, target: str, given: Sequence[str]) -> None:
    session, hub = asked.session, asked.hub
    tags = (*given, f"msgid={hub.token()}")
    state = OthersTags(session.person.nick, target, tags)
    if target.startswith("#"):
        room = room_of(session, target)
        session.check_may_talk(room)
        session.show(f"tags {room.log.key}", state._replace(target=room.log.name), room)
    else:
        check_place(session, None)
        person = present(hub, target)
        session.check_may_write(person)
        session.show("tags", state._replace(target=person.nick), person)
    if asked.wire.format.echoes:
        asked.tell_of_themselves("TAGMSG", target, tags=tags)
