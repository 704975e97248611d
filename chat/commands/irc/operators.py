"""What is for whoever runs the server."""

from collections.abc import Awaitable

from chat.base.errors import Refused
from chat.base.language import say
from chat.commands.irc.rooms import tell_names
from chat.commands.irc.verbs import Asked, verb
from chat.core.privacy import STAFF
from chat.core.roles import SERVER


@verb("OPER", 2)
async def oper(asked: Asked, name: str, code: str, *_: str) -> None:
    """Run the server, by the code that it made at its start; whatever the name is."""
    work = asked.do("operator", (code,), code)
    if work is not None:
        await work
    if SERVER in asked.session.person.roles:
        await tell_names(asked, STAFF)


@verb("KILL", 1)
def kill(asked: Asked, nick: str, *words: str) -> Awaitable[None] | None:
    """Send somebody away from the server."""
    asked.wire.about(nick)
    return asked.do("admin", f"kick {nick} {' '.join(words)}")


@verb("WALLOPS", 1)
def wallops(asked: Asked, text: str, *_: str) -> Awaitable[None] | None:
    """Tell all who run the server, in the room that they have for it."""
    if SERVER not in asked.session.person.roles:
        raise Refused("not-allowed", say("WALLOPS is for whoever runs this server. Nothing was said."))
    return asked.talk(text, STAFF)
