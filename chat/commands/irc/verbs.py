"""The table of IRC's own commands, and what their handlers work with."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

from chat.base import limits
from chat.base.errors import ChatError, Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.base.names import fold
from chat.base.patterns import pattern
from chat.base.text import visible
from chat.commands.registry import Outcome
from chat.commands.text_checks import check_holds_no_secret
from chat.core.carrier import Carrier
from chat.core.hub import Hub
from chat.core.session import Session
from chat.wire.answers import Lines, Problem
from chat.wire.irc.dialect import IrcWire
from chat.wire.irc.messages import escaped
from chat.wire.requests import Invoke, Parsed, Request, Say, Secret, Verb

_CLIENT_TAG = pattern(r"\+[A-Za-z0-9./-]+")
"""The key of a tag that is for the clients of others (IRCv3 message-tags)."""

NOT_HERE = ("json", "paste", "end", "quiet")
"""Commands of the chat that mean nothing to a client that shows what it likes in its own way."""

Perform = Callable[[Session, Parsed], Awaitable[Outcome] | Outcome]


class Asked(NamedTuple):
    """A message being handled."""

    session: Session
    connection: Carrier[Session]
    wire: IrcWire
    verb: Verb
    perform: Perform

    @property
    def hub(self) -> Hub:
        """All who are here."""
        return self.session.hub

    def tell(self, *line: str) -> None:
        """Answer with one message: a number and its parameters, behind the nickname, or a command."""
        self.connection.answer(Lines([line]))

    def tell_batch(self, begin: Sequence[str], lines: Sequence[Sequence[str]], end: Sequence[str]) -> None:
        """A batch of messages, each with its mark."""
        self.connection.answer(Lines([begin], bare=True))
        self.connection.answer(Lines(lines, tags=(f"batch={begin[1][1:]}",)))
        self.connection.answer(Lines([end], bare=True))

    def tell_bare(self, *line: str) -> None:
        """The same where clients want no colon."""
        self.connection.answer(Lines([line], bare=True))

    def tell_of_themselves(self, *line: str, tags: Sequence[str] = ()) -> None:
        """The same, as something that they did."""
        self.connection.answer(Lines([line], True, tags))

    def tell_all(self, lines: Sequence[Sequence[str]]) -> None:
        """The same with several."""
        self.connection.answer(Lines(lines))

    def do(
        self, name: str, rest: str | Sequence[str | None] = "", text: str = "", *, echoed: bool = False
    ) -> Awaitable[None] | None:
        """Do a command of the chat, with a text or with its arguments; what was written is looked at for secrets.  What
        is `echoed` is one event, which they get with its label."""
        line = f"/{name} {rest if isinstance(rest, str) else text}"
        id = self.wire.line_id(self.hub.token) if echoed else None
        return _done(self.perform(self.session, Invoke(name, "", rest, Request(line, id))))

    async def secret(self, text: str) -> None:
        """Give the server's password, which is shown to nobody."""
        work = _done(self.perform(self.session, Secret(text, Request(""))))
        if work is not None:
            await work

    def talk(self, text: str, to: str, breaks: Sequence[int] = ()) -> Awaitable[None] | None:
        """Say something to a room or to `@somebody`, of which long lines were divided at these places."""
        id, is_notice = self.wire.line_id(self.hub.token), self.verb.name == "NOTICE"
        request = Request(text, id, to, notice=is_notice, tags=self.client_tags, breaks=tuple(breaks))
        return _done(self.perform(self.session, Say(text, request)))

    @property
    def client_tags(self) -> tuple[str, ...]:
        """The tags of the message that are for the clients of others, as they may be shown; raises `Refused` where they
        may not be."""
        given = self.verb.tags.items() if "message-tags" in self.wire.capabilities else ()
        shown = [(key, visible(value)) for key, value in given if _CLIENT_TAG.fullmatch(key)]
        if not shown:
            return ()
        tags = tuple(f"{key}={escaped(value)}" if value else key for key, value in shown)
        if (size := len(";".join(tags).encode("utf-8", "replace"))) > limits.IRC_CLIENT_TAGS:
            told = say(
                "Tags for others have {limit} bytes at most, these have {size}.",
                size=size,
                limit=limits.IRC_CLIENT_TAGS,
            )
            raise Refused("too-long", told)
        check_holds_no_secret(self.session, " ".join(word for tag in shown for word in tag))
        return tags

    def act(self, text: str, to: str) -> Awaitable[None] | None:
        """Do something in a room."""
        request = Request(f"/me {text}", self.wire.line_id(self.hub.token), to)
        return _done(self.perform(self.session, Invoke("me", "", (text,), request)))

    async def for_each(self, targets: str, handle: Callable[[str], Awaitable[None] | None]) -> None:
        """Do it for each of these names, whatever becomes of the others."""
        for target in self.targets(targets):
            self.wire.about(target)
            try:
                work = handle(target)
                if work is not None:
                    await work
            except ChatError as error:
                self.connection.answer(Problem(error.code, error.sentence))

    def targets(self, names: str) -> Sequence[str]:
        """The names in a list, each once, however it is written; raises `Refused` where they are too many."""
        targets: dict[str, str] = {}
        for name in filter(None, names.split(",")):
            targets.setdefault(fold(name), name)
        if len(targets) > limits.IRC_TARGETS:
            sentence = say(
                "{count} names at once are too many, the limit is {limit}.",
                count=len(targets),
                limit=limits.IRC_TARGETS,
            )
            raise Refused("too-many", sentence)
        return list(targets.values())


def listed(number: str, words: Iterable[str]) -> Iterator[Sequence[str]]:
    """Words with commas between them, as many as stand in one message."""
    row: list[str] = []
    for one in words:
        if row and len(",".join([*row, one]).encode()) > limits.IRC_LINE - 150:
            yield number, ",".join(row)
            row = []
        row.append(one)
    if row:
        yield number, ",".join(row)


def _done(work: Awaitable[Outcome] | Outcome) -> Awaitable[None] | None:
    return None if work is None or isinstance(work, str) else _waited(work)


async def _waited(work: Awaitable[Outcome]) -> None:
    await work


Handler = Callable[..., Awaitable[None] | None]


class Row(NamedTuple):
    """One command: how many parameters it needs at `least`, and whether it is there before a nickname is chosen."""

    handle: Handler
    least: int
    nameless: bool


VERBS: dict[str, Row] = {}


def verb(name: str, least: int = 0, nameless: bool = False) -> Callable[[Handler], Handler]:
    """Put a handler into the table: its arguments are the parameters of the message."""

    def register(handle: Any) -> Any:
        VERBS[name] = Row(handle, least, nameless)
        return handle

    return register
