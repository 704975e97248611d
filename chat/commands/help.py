"""What this is, and what can be asked of it."""

from typing import NamedTuple

from chat import __version__
from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.commands.registry import TABLE, Call, Command, alike, command, known
from chat.wire import grammar, vocabulary


class Version(NamedTuple):
    """What is this."""


@command("staying", say("/version"), say("which server this is"), nameless=True)
def version(call: Call, asked: Version) -> None:
    """Name and version."""
    call.reply(
        say("chat {version} on {server}", version=__version__, server=call.session.hub.settings.server),
        version=__version__,
    )


class Help(NamedTuple):
    """What can be asked."""

    topic: str | None


@command("staying", say("/help [command|all|tips]"), say("what you can do here"), nameless=True)
def help(call: Call, asked: Help) -> None:
    """Ten lines for a guest, all commands, one command, or tips."""
    topic = grammar.fold(asked.topic or "").lstrip("/")
    if not topic:
        rows = [TABLE[name] for name in _FIRST]
        call.reply(
            say("What you type, everybody in the room sees. Commands begin with a slash:"),
            *map(_line, rows),
            say("/help all shows every command, /help tips how to live with nc and telnet."),
            commands=_names(rows),
        )
    elif topic in _ALL:
        rows = list(TABLE.values())
        call.reply(*map(_line, rows), commands=_names(rows))
    elif topic in _TIPS_TOO:
        call.reply(*_TIPS)
    else:
        row = known(topic)
        if row is None:
            raise _unknown(topic)
        sentences = [_line(row)]
        if row.aliases:
            sentences.append(say("Also: {aliases}", aliases=" ".join("/" + alias for alias in row.aliases)))
        call.reply(*sentences, commands=_names([row]))


def _unknown(topic: str) -> Refused:
    """There is no help for that."""
    if topic in vocabulary.OF_CLIENTS:
        return Refused("not-here", say("/{name} is a command of chat-client.", name=topic))
    near = alike(topic)
    if near is None:
        return Refused("unknown-command", say("There is no such command; /help all shows every one."))
    name = topic[: limits.WORD_SHOWN]
    return Refused(
        "unknown-command",
        say("There is no /{name}; is it /{near}? /help all shows every one.", name=name, near=near.name),
    )


_ALL, _TIPS_TOO = ("all", "todo", "todos"), ("tips", "consejos")
"""What a list of all commands and of tips is asked with, in any language."""

_FIRST = ("msg", "reply", "who", "nick", "join", "rooms", "last", "quit")


def _line(row: Command) -> Sentence:
    return say("{usage}: {help}", usage=row.usage, help=row.help)


def _names(rows: list[Command]) -> list[dict[str, object]]:
    return [{"name": row.name, "usage": row.usage.text, "aliases": list(row.aliases)} for row in rows]


_TIPS = (
    say("nc and telnet mix what you type with what others say; it is sent whole all the same."),
    say("Several lines as one message: /paste, your lines, /end."),
    say("To say a line that begins with a slash, type two: //etc says /etc."),
    say("From a script: echo '/post NICK #lobby text' | nc HOST PORT"),
    say("chat-client comes with this server: when the line drops it comes back by itself. Programs say /json."),
)
