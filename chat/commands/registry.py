"""The one table of what can be asked: it parses, permits and helps.

A command is a tuple of named arguments with a handler, brought together by `command`.  The arguments are read off
the tuple's annotations, in order: their names say of which kind they are.  A `text` is the rest of the line, a `time`
too, any other is one word; what may be None may be missing; a `room` that may be missing takes only a word that begins
with #, an `int` only a number; both may stand at the end as well.
"""

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import Any, Final, Literal, TypeVar

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import Sentence, say, say_n
from chat.base.named_tuples import NamedTuple
from chat.base.nearest import nearest
from chat.base.patterns import pattern
from chat.base.token_bucket import Allowance
from chat.core.carrier import Carrier
from chat.core.locked_rooms import still_waits
from chat.core.ports import Role
from chat.core.roles import SERVER
from chat.core.room import Room
from chat.core.session import Session
from chat.log.events import Author
from chat.wire import grammar, phrases, replies, vocabulary
from chat.wire.answers import Done, Problem, Reply
from chat.wire.requests import Request

Outcome = Literal["answered"] | None
"""What became of a line: all is done and told (None), so that its id is to be acknowledged; or that is seen to."""

ANSWERED: Final = "answered"
"""What acknowledges or refuses the line has gone out, or comes with the turn."""

Right = Literal["anybody", "account", "operator", "owner", "server operator"]
"""Who may: anybody, whoever has an account, who is an operator of the room it is about, whose room that is, or whoever
runs the server; each may what those before may."""

_BLANKS = pattern(r"[^\S\n]+")
_KINDS: Mapping[str, replies.Kind] = {
    "text": "text",
    "room": "room",
    "nick": "nick",
    "to": "place",
    "place": "place",
    "switch": "switch",
    "topic": "command",
    "time": "time",
    "duration": "duration",
    "language": "language",
}
"""Of arguments, by their names; any other is a word that only this command knows."""

_CALLED = ("nick", "place")
"""Kinds that may be somebody, whom people call @amy or amy: too."""


class Call(NamedTuple):
    """A command being handled: who asked, and with which line; `word` is how it was typed, "" where it was meant."""

    session: Session
    request: Request
    command: "Command"
    connection: Carrier[Session]
    word: str

    @property
    def still_there(self) -> bool:
        """After waiting: whether who asked is still on the connection that they asked on."""
        return self.session.connection is self.connection

    @property
    def by(self) -> Author | None:
        """Who does it, for those who are told; None is whoever runs the server, without a nickname."""
        return self.session.author if self.session.named else None

    @property
    def room(self) -> Room:
        """The room it is about: the line's own, else the current one; raises `Refused` where they are not in it."""
        return room_of(self.session, self.request.room)

    def reply(self, facts: replies.Facts) -> None:
        """Answer it."""
        self.session.answer(Reply(self.command.name, facts, self.request.id))


Handler = Callable[[Call, Any], Awaitable[Outcome] | Outcome]


async def done(work: Awaitable[Outcome] | Outcome) -> Outcome:
    """What comes of it, at once or later."""
    return work if work is None or isinstance(work, str) else await work


class Command(NamedTuple):
    """One row of the table; `nameless` says that it is there before a nickname is chosen, `outside` that it is before
    the server's password was given; `role` who may: see `permits`, and `by_token` that a program may which came in by
    one.

    `asked` makes a tuple of the arguments.  `allowance` says how often one may change with it what others see: see
    `count`.
    """

    name: str
    usage: Sentence
    help: Sentence
    family: replies.Family
    arguments: Sequence[replies.Argument]
    asked: Callable[..., object]
    handle: Handler
    aliases: tuple[str, ...]
    nameless: bool
    allowance: Allowance | None
    role: Right
    by_token: bool
    outside: bool


TABLE: dict[str, Command] = {}
"""Each command under its name."""

WITHIN: dict[str, dict[str, Command]] = defaultdict(dict)
"""By the name of a command, those that are its second word, each under that."""

NAMES: dict[str, Command] = {}
"""Each command under its name and under its aliases, folded."""

A = TypeVar("A")
_Handles = Callable[[Call, A], Awaitable[Outcome] | Outcome]


def command(
    family: replies.Family,
    usage: Sentence,
    help: Sentence,
    nameless: bool = False,
    allowance: Allowance | None = None,
    role: Right = "anybody",
    by_token: bool = True,
    outside: bool = False,
) -> Callable[[_Handles[A]], _Handles[A]]:
    """Put a handler into the table; its second parameter's annotation is the tuple of its arguments."""

    def register(handle: _Handles[A]) -> _Handles[A]:
        name, *others = usage.text.split()
        name = name[1:]
        aliases = vocabulary.ALIASES.get(name, ())
        asked = handle.__annotations__["asked"]
        arguments = [_argument(name, kind) for name, kind in asked.__annotations__.items()]
        facts = (arguments, asked, handle, aliases, nameless, allowance, role, by_token, outside)
        row = Command(name, usage, help, family, *facts)
        if name in TABLE:
            WITHIN[name][others[0]] = row._replace(name=f"{name} {others[0]}")
            return handle
        TABLE[name] = row
        for word in (name, *aliases):
            NAMES[grammar.fold(word)] = row
        return handle

    return register


def permits(row: Command, connection: Carrier[Session], room: str | None = None) -> bool:
    """Whether whoever comes by this connection may do it, in the room of this key or (None) in any."""
    return allows(row.role, connection, room)


def allows(right: Right, connection: Carrier[Session], room: str | None = None) -> bool:
    """Whether whoever comes by this connection has this right, in the room of this key or (None) in any: the one place
    where that is decided."""
    session = connection.session
    if right == "account":
        return session.named and session.person.has_account
    if right == "anybody" or connection.operator:
        return True
    roles = session.person.roles if session.named and session.scope is None else {}
    if SERVER in roles:
        return True
    held = roles.values() if room is None else (roles.get(room),)
    return any(role in _ROLES.get(right, ()) for role in held)


_ROLES: Mapping[Right, Sequence[Role]] = {"operator": ("operator", "owner"), "owner": ("owner",)}
"""Who has a right in a room."""


_FOR_PROGRAMS: Sequence[Right] = ("anybody", "account")


def check_scope(row: Command, session: Session) -> None:
    """Raises `Refused` where a program asks for what is for whoever knows the account's password."""
    if session.scope is not None and not (row.by_token and row.role in _FOR_PROGRAMS):
        raise Refused("not-allowed", say("/{name} is not for programs: log in with the password.", name=row.name))


def not_allowed(row: Command) -> Refused:
    """The answer to whoever may not."""
    return not_for(row.role, row.name)


def not_for(right: Right, name: str) -> Refused:
    """The answer to whoever has not the right that a command, or a kind of it, needs."""
    if right == "account":
        refused = say("You have no account; /register makes one, /login NICK is for one you have.")
        return Refused("not-allowed", refused)
    if right == "operator":
        return Refused("not-allowed", say("/{name} is for the operators of the room. Nothing was done.", name=name))
    if right == "owner":
        return Refused("not-allowed", say("/{name} is for the owner of the room. Nothing was done.", name=name))
    return Refused("not-allowed", say("/{name} is for whoever runs this server. Nothing was done.", name=name))


def _argument(name: str, kind: object) -> replies.Argument:
    """An argument as its annotation has it."""
    optional = isinstance(None, kind)  # type: ignore[arg-type]  # a class or a union of some
    return replies.Argument("number" if kind == int | None else _KINDS.get(name, "word"), optional)


def unknown(word: str) -> Refused:
    """The answer to a word that names no command."""
    folded = grammar.fold(word)
    if folded in vocabulary.OF_CLIENTS:
        return of_clients(folded)
    near = _near(folded)
    if vocabulary.may_hold_a_secret(word) or near in vocabulary.RESERVED:
        # Nor is the word repeated, for a password may have been glued to it.
        return Refused("unknown-command", say("There is no such command here, and nothing was said. /help lists them."))
    shown = word[: limits.WORD_SHOWN]
    if near is not None:
        return Refused(
            "unknown-command",
            say("There is no /{name}; is it /{near}? To say it, type //{name}", name=shown, near=near),
        )
    return Refused("unknown-command", say("/{name}. /help lists commands. To say it, type //{name}", name=shown))


def of_clients(name: str) -> Refused:
    """The answer to a command that only a client has."""
    return Refused("not-here", say("/{name} is a command of chat-client.", name=name))


def alike(word: str) -> Command | None:
    """The command that was most likely meant by a word that names none."""
    return NAMES.get(_near(grammar.fold(word)) or "")


def _near(folded: str) -> str | None:
    for_all = [name for name, row in NAMES.items() if row.role in _FOR_PROGRAMS]
    return nearest(folded, [*for_all, *vocabulary.RESERVED])


def known(word: str) -> Command | None:
    """The command that this word names, if there is one."""
    return NAMES.get(grammar.fold(word))


def arguments(row: Command, rest: str) -> object:
    """What stands behind a command as its arguments; raises `Refused` with the usage where they do not fit."""
    values: list[object] = []
    for number, argument in enumerate(row.arguments, 1):
        word, *others = _split(rest, argument.kind)
        value = _read(argument, word, last=number == len(row.arguments))
        if value is not None:
            rest = others[0] if others else ""
        elif not argument.optional:
            raise usage(row)
        values.append(value)
    if rest:
        _put_behind(row, values, rest)
    return row.asked(*values)


def _put_behind(row: Command, values: list[object], rest: str) -> None:
    """What is left over at the end is what may stand before as well; else raises `Refused` with the usage."""
    for place, argument in enumerate(row.arguments):
        if argument.kind in ("number", "room") and values[place] is None:
            value = _read(argument, rest, last=False)
            if value is not None:
                values[place] = value
                return
    raise usage(row)


def _split(rest: str, kind: replies.Kind) -> Sequence[str]:
    """What an argument of this kind takes from a line, and what is left for the next."""
    if kind == "text":
        return [rest]
    if kind == "time":  # of two words perhaps; no time holds the sign of a room
        return re.split(r"[^\S\n]+(?=[#\uff03]\S*$)", rest, maxsplit=1)
    return _BLANKS.split(rest, maxsplit=1)


def rooms_named(call: Call, asked: Any) -> Iterable[str]:
    """The rooms that a command with these arguments may be about."""
    if call.request.room is not None:
        yield call.request.room
    for name, argument, value in zip(asked._fields, call.command.arguments, asked, strict=True):
        if argument.kind not in ("room", "place") or value is None:
            continue
        # A place without its sign is a room where nobody is called so.
        if value.startswith("#") or (name == "place" and not call.session.hub.is_here(value)):
            yield value


def usage(row: Command) -> Refused:
    """The error that shows how a command is written."""
    return Refused("usage", phrases.manual(row.usage, row.help))


def on_or_off(call: Call, word: str) -> bool:
    """Whether it is to be so, by a word that switches it; raises `Refused` with the usage where it is none."""
    switch = vocabulary.switch(word)
    if switch is None:
        raise usage(call.command)
    return switch


def _read(argument: replies.Argument, word: str, last: bool) -> object | None:
    """A word as the value of an argument, None where it is not meant for it."""
    if not word:
        return None
    match argument.kind:
        case "number":
            return _number(word)
        case "duration":
            return word if word[0].isdecimal() or grammar.fold(word) in vocabulary.FOREVER else None
        case "room":
            return _room(word, certain=last or not argument.optional)
        case kind:
            return _called(word) if kind in _CALLED else word


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else None


def _room(word: str, certain: bool) -> str | None:
    """A word as a room's name: where nothing but a room can stand, # may be left out."""
    word = _with_sign(word)
    if word.startswith("#"):
        return word.rstrip(":,")
    return f"#{word.rstrip(':,')}" if certain else None


def _with_sign(word: str) -> str:
    """A word with the usual sign of rooms, where it begins with the wide one of East Asia."""
    return f"#{word[1:]}" if word[0] == "\uff03" else word


def _called(word: str) -> str | None:
    """A word as a name of somebody or of a room, without what people add to it when they call somebody."""
    word = _with_sign(word)
    return word.removeprefix("@").rstrip(":,") or None


def count(session: Session, name: str) -> None:
    """A command is about to change what others see; raises `Refused` where that is too much of it."""
    allowance = TABLE[name].allowance
    assert allowance is not None
    spend(
        session,
        allowance,
        lambda seconds: say_n(
            "That was often: /{name} works again in a second.",
            "That was often: /{name} works again in {count} seconds.",
            seconds,
            name=name,
        ),
    )


def spend(session: Session, allowance: Allowance, refusal: Callable[[int], Sentence]) -> None:
    """Use up some of an allowance; where nothing of it is left for so many seconds, raises `Refused`.

    It counts for the person, on whatever connection, and for all who come from that address; where the operator wants
    no limit of lines, or none for addresses, there is none here either.
    """
    hub, connection = session.hub, carrier(session)
    now = hub.clock.seconds()
    uses = [(allowance, session.person.id)] if hub.settings.rate else []
    if uses and hub.settings.max_per_host:
        uses.append((allowance.of(limits.CHANGES_BY), connection.host))
    wait = max((hub.rates.wait(used, who, now) for used, who in uses), default=0)
    if wait:
        raise Refused("slow-down", refusal(ceil(wait)))
    for used, who in uses:
        hub.rates.take(used, who, now)


def carrier(session: Session) -> Carrier[Session]:
    """What carries somebody whose line is being handled."""
    assert session.connection is not None
    return session.connection


def asks(session: Session) -> bool:
    """Whether their wire asks for a nickname, as people's does (on others only a command sets it)."""
    return session.connection is not None and session.connection.wire.asks


def needs_tls(connection: Carrier[Session], why: Sentence) -> Refused:
    """That this is not for such a connection, and by which one may come."""
    way = connection.encrypted_way
    return Refused("needs-tls", why if way is None else say("{why} Join with: {way}", why=why, way=way))


def accounts_only(session: Session) -> bool:
    """Whether whoever comes by this connection has to have an account, or an invitation."""
    return session.hub.settings.registered_only and not session.named and not carrier(session).operator


def was_wrong(session: Session, problem: Problem) -> Outcome:
    """A secret that they gave is none: so they are told; after some it is enough."""
    connection = carrier(session)
    connection.tries += 1
    session.answer(problem)
    if connection.tries >= limits.GUESSES:
        session.answer(Problem("too-many", say("Connect again to try once more.")))
        session.hang_up()
    return ANSWERED


def acknowledge(session: Session, request: Request) -> None:
    """What a line asks for is done, and all else that it brings was told; without an id nobody waits for that."""
    if request.id is not None:
        session.answer(Done(session.hub.now(), request.id))


def room_of(session: Session, name: str | None) -> Room:
    """The room of this name, or the current one; raises `Refused` where they are not in it."""
    if name is None and not session.rooms:
        if waits := session.hub.locked.waits(session.person):
            raise still_waits(waits[-1].room.log.name)
        raise Refused("not-in-room", say("You are in no room; /join #lobby goes back."))
    room = session.current if name is None else session.hub.rooms.find(name, session.rooms)
    if not session.may_read(room.log):
        raise Refused("not-in-room", say("You are not in {room}. /join {room} goes there.", room=room.log.name))
    return room


def held_room(call: Call, name: str | None) -> Room:
    """The room of this name, or the current one, where they may do this; of others they are told as of rooms that are
    not theirs to know."""
    name = name or call.request.room
    named = None if name is None else call.session.hub.rooms.named(name)
    if named is not None and permits(call.command, call.connection, named.log.key):
        return named
    room = room_of(call.session, name)
    if not permits(call.command, call.connection, room.log.key):
        raise not_allowed(call.command)
    return room
