"""What this is, and what can be asked of it."""

from collections.abc import Sequence

from chat import __version__
from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.commands import server_password
from chat.commands.registry import (
    TABLE,
    WITHIN,
    Call,
    Command,
    alike,
    asks,
    command,
    known,
    not_allowed,
    of_clients,
    permits,
)
from chat.wire import grammar, replies, vocabulary


class Version(NamedTuple):
    """What is this."""


@command("staying", say("/version"), say("which server this is"), nameless=True, outside=True)
def version(call: Call, asked: Version) -> None:
    """Name and version."""
    call.reply(replies.Version(__version__, call.session.hub.settings.server))


class Motd(NamedTuple):
    """What the operator tells everybody."""


@command("staying", say("/motd"), say("the message of the day of whoever runs this server"), nameless=True)
def motd(call: Call, asked: Motd) -> None:
    """The message of the day, once more."""
    call.reply(replies.Motd(call.session.hub.settings.motd))


class Help(NamedTuple):
    """What can be asked."""

    topic: str | None


@command("staying", say("/help [command|all|tips]"), say("what you can do here"), nameless=True, outside=True)
def help(call: Call, asked: Help) -> None:
    """Ten lines for a guest, all commands, one command, or tips."""
    topic = grammar.fold(asked.topic or "").lstrip("/")
    if not topic and asks(call.session) and server_password.is_wanted(call.session):
        server_password.ask(call.session)
    elif not topic:
        call.reply(replies.FirstHelp([manual(TABLE[name]) for name in _FIRST]))
    elif topic in vocabulary.ALL:
        call.reply(replies.Help([manual(row) for row in in_order() if permits(row, call.connection)]))
    elif topic in _TIPS:
        call.reply(replies.Tips())
    else:
        row = known(topic)
        if row is not None and row.role == "account" and not permits(row, call.connection):
            raise not_allowed(row)
        if row is None or not permits(row, call.connection):
            raise _unknown(topic)
        call.reply(replies.HelpAbout([manual(row), *map(manual, WITHIN[row.name].values())]))


def _unknown(topic: str) -> Refused:
    """There is no help for that."""
    if topic in vocabulary.OF_CLIENTS:
        return of_clients(topic)
    near = alike(topic)
    if near is None:
        return Refused("unknown-command", say("There is no such command; /help all shows every one."))
    name = topic[: limits.WORD_SHOWN]
    return Refused(
        "unknown-command",
        say("There is no /{name}; is it /{near}? /help all shows every one.", name=name, near=near.name),
    )


_TIPS = ("tips", "consejos")
"""What they are asked with, in any language."""

_FIRST = ("msg", "reply", "who", "nick", "join", "rooms", "last", "quit")

_ORDER = (
    "msg", "reply", "me", "paste", "end", "cancel", "delete", "post",
    "who", "whois", "nick", "away", "back", "ignore", "unignore", "quiet", "report", "ping",
    "join", "leave", "rooms", "topic", "invite", "private", "public", "word",
    "mute", "unmute", "voice", "unvoice", "kick", "ban", "unban", "bans", "slow", "limit", "lock", "unlock", "admit",
    "refuse", "op", "deop", "give", "own",
    "last", "missed", "mentions", "since", "grep", "export",
    "register", "login", "logout", "password", "sessions", "key", "keys", "token", "tokens", "unregister", "operator",
    "help", "quit", "resume", "language", "json", "version", "motd",
    "admin", "class", "roster", "invite-code",
)  # fmt: skip
"""A family after the other, and in each what people need first: which module is loaded first is no order for them."""


def in_order() -> Sequence[Command]:
    """All commands, as they are listed for people."""
    return [TABLE[name] for name in _ORDER]


def manual(row: Command) -> replies.Manual:
    """What is told about a command."""
    return replies.Manual(row.name, row.usage, row.help, row.family, row.arguments, row.aliases)
