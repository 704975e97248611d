"""The wire and the language that a connection speaks."""

from chat.base.language import known_languages, say
from chat.base.named_tuples import NamedTuple
from chat.commands.entering import greet
from chat.commands.history import standings
from chat.commands.registry import Call, command, usage
from chat.commands.welcome import welcome
from chat.wire import grammar, replies
from chat.wire.wires import JSON, JSON_ECHO


class Json(NamedTuple):
    """Speak the wire of programs."""

    echo: str | None


@command(
    "staying",
    say("/json [echo]"),
    say("speak JSON, one object a line, for programs; with echo your own lines come, too"),
    nameless=True,
    outside=True,
)
async def json(call: Call, asked: Json) -> None:
    """The answer is a hello, and where one is in the chat already, a welcome."""
    session = call.session
    if asked.echo is not None and grammar.fold(asked.echo) != "echo":
        raise usage(call.command)
    session.note_read()
    found = await standings(session, session.logs.values()) if session.named else {}
    if not call.still_there:
        return
    call.connection.speak(JSON if asked.echo is None else JSON_ECHO)
    session.subscriptions.render_anew()
    greet(session)
    if session.named:
        session.answer(welcome(session, found, False, call.request.id))


class Language(NamedTuple):
    """Which language the service speaks."""

    language: str | None


@command(
    "staying",
    say("/language [{codes}]", codes="|".join(known_languages())),
    say("the language in which the service speaks to you"),
    nameless=True,
    outside=True,
)
async def language(call: Call, asked: Language) -> None:
    """Theirs alone; it comes back with them.  Without a word it tells which it is."""
    session, connection = call.session, call.connection
    if asked.language is not None:
        code = grammar.fold(asked.language)
        if code not in known_languages():
            raise usage(call.command)
        session.language = code
        connection.speak(code=code)
        session.hear_differently()
        if session.named:
            session.hub.turn.touch(session)
            await session.hub.turn.flush()
    call.reply(replies.Speaks(connection.wire.format.language.code, known_languages()))
