"""Tokens: made, listed and ended by whoever has an account; what programs may by them is `chat.commands.scope`."""

from datetime import datetime

from chat.base import limits, names, tokens
from chat.base.errors import NotStored, Refused, token_ended
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.commands.registry import Call, command, usage
from chat.core.person import Person
from chat.core.ports import Token
from chat.wire import grammar, replies


class NewOrEnd(NamedTuple):
    """Make one, or end one."""

    what: str
    name: str
    text: str | None


@command(
    "account",
    say("/token new|end NAME [#room … post|talk]"),
    say("let a program say lines as you by /post, or come in, too (talk); in these rooms only, if you name some"),
    role="account",
    by_token=False,
)
async def token(call: Call, asked: NewOrEnd) -> None:
    """It is told once.  Who came in by one that is ended is sent away."""
    person = call.session.person
    match grammar.fold(asked.what):
        case "new":
            await _make(call, person, tokens.check_name(asked.name), *_what_for(call, asked.text or ""))
        case "end" if asked.text is None:
            await _end(call, person, asked.name)
        case _:
            raise usage(call.command)


def _what_for(call: Call, text: str) -> tuple[list[str], bool]:
    """The rooms, and whether a program may come in by it."""
    rooms: dict[str, str] = {}
    kinds = {"post": False, "talk": True}
    *words, last = text.split() or [""]
    kind = kinds.get(grammar.fold(last))
    if kind is None and last:
        words.append(last)
    for word in words:
        room = names.check_room("#" + word.lstrip("#\uff03"))
        rooms[names.fold(room)] = room
    if len(rooms) > limits.TOKEN_ROOMS:
        raise Refused("too-many", say("A token is for {limit} rooms at most, or for all.", limit=limits.TOKEN_ROOMS))
    return list(rooms.values()), bool(kind)


async def _make(call: Call, person: Person, name: str, rooms: list[str], talks: bool) -> None:
    hub = call.session.hub
    if not call.connection.private:
        raise Refused("needs-tls", say("A token is told on an encrypted connection only (chat-client --tls)."))
    if names.fold(name) in person.tokens:
        raise Refused("usage", say("You have a token {name} already; /token end {name} ends it.", name=name))
    if len(person.tokens) >= limits.TOKENS:
        raise Refused("too-many", say("You have {limit} tokens. /token end NAME ends one.", limit=limits.TOKENS))
    given = tokens.new()
    made = Token(tokens.digest(given), name, rooms, talks, hub.now(), None)
    hub.tokens.keep(person, made)
    hub.turn.touch(person)
    try:
        await hub.turn.change()
    except NotStored:  # one that is told is good after a crash, too
        if made in hub.tokens:
            hub.tokens.end(person, [names.fold(name)])
            hub.turn.touch(person)
        raise
    if made not in hub.tokens:  # all of theirs ended meanwhile
        raise token_ended(name)
    call.reply(replies.TokenMade(name, given, rooms, _may(made), person.nick))


async def _end(call: Call, person: Person, name: str) -> None:
    hub = call.session.hub
    found = person.tokens.get(names.fold(name))
    if found is None:
        shown = name[: limits.NAME_READ]
        raise Refused("usage", say("You have no token {name}; /tokens lists them.", name=shown))
    hub.end_token(person, names.fold(name), token_ended(found.name))
    await hub.turn.flush()
    call.reply(replies.TokenEnded(found.name))


class Tokens(NamedTuple):
    """Which one has."""


@command(
    "account",
    say("/tokens"),
    say("list your tokens: what each may, and when it was used"),
    role="account",
    by_token=False,
)
def list_tokens(call: Call, asked: Tokens) -> None:
    """Not what they are: that was told once, and is not kept."""
    now = call.session.hub.now()
    call.reply(replies.Tokens([_row(token, now) for token in call.session.person.tokens.values()]))


def _row(token: Token, now: datetime) -> replies.TokenRow:
    used = token.used_at
    made_for, used_for = (int((now - (then or now)).total_seconds()) for then in (token.made_at, used))
    return replies.TokenRow(token.name, token.rooms, _may(token), token.made_at, used, made_for, used_for)


def _may(token: Token) -> replies.May:
    return "talk" if token.talks else "post"
