"""Events as IRC clients get them: one format for each set of capabilities that changes the bytes.

A client keeps its own list of who is in a room by JOIN, PART, QUIT and NICK, so these are never left out.  A message of
several lines is as many of IRC's, and so is one that is too long for one.  What somebody missed comes stamped, and in a
batch, to those who asked for that: a bot acts on what it takes for new.  To all others it is a NOTICE, which no program
answers (RFC 2812, 3.3.2), with the time in front.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from itertools import pairwise

from chat.base import limits
from chat.base.language import Language
from chat.base.named_tuples import NamedTuple
from chat.base.names import fold
from chat.base.text import visible
from chat.log.events import (
    Action,
    Annotated,
    Author,
    Entry,
    Fact,
    Invited,
    Joined,
    Left,
    Measured,
    Message,
    OtherDevice,
    PrivacySet,
    Private,
    Redacted,
    Renamed,
    RoleGiven,
    Said,
    TopicSet,
)
from chat.log.log import Log, Named
from chat.wire import jsonl
from chat.wire.irc.messages import bare, broken, escaped, line, lines, tagged
from chat.wire.plain import PlainFormat

_TAGS = re.compile(rb"\A@\S* ")

SERVER, STAFF = "*", "#staff"
"""The names of the server, where something concerns it, and of the room of its operators."""

HOST = "chat"
"""Stands where IRC has an address, which is nobody's business; and alone for who tells what nobody here has said or
done: of what comes from nobody, Pidgin and Finch show nothing."""

RENDERED = (
    "account-tag",
    "batch",
    "draft/message-redaction",
    "draft/multiline",
    "echo-message",
    "extended-join",
    "invite-notify",
    "message-tags",
    "server-time",
)
"""The capabilities that change what events look like."""


def mask(nick: str) -> str:
    """Who a message is from."""
    return f"{nick}!{HOST}@{HOST}"


def _speaker(author: Author) -> str:
    return mask(author.shown or author.nick)


class Conversation(NamedTuple):
    """A log of which no more is at hand (`Named`)."""

    key: str
    name: str


class IrcFormat:
    """Events for IRC clients with some capabilities, in one language; times that stand in words are of a zone."""

    folds = True
    keeps_list = True

    def __init__(self, language: Language, *capabilities: str, zone: tzinfo | None = None) -> None:
        self.name = " ".join(("irc", *capabilities))
        self.language = language
        self.echoes = "echo-message" in capabilities
        self.plain = PlainFormat(language, zone)
        self.stamps = "server-time" in capabilities
        self.replays = self.stamps and "batch" in capabilities
        """What was said earlier comes as it was said, in a batch."""
        self._ids = "message-tags" in capabilities
        self._accounts = "account-tag" in capabilities
        self._has_tags = self.stamps or self._ids or self._accounts
        self._extends = "extended-join" in capabilities
        self._multiline = "draft/multiline" in capabilities and "batch" in capabilities
        self._redacts = "draft/message-redaction" in capabilities
        self._invites = "invite-notify" in capabilities

    def without(self, piece: bytes, nick: str) -> bytes:
        """A client that is told again that it joined, by a JOIN of its own, forgets whom its list has (WeeChat)."""
        mine = f":{mask(nick)} ".encode()
        messages = piece.splitlines(keepends=True)
        return b"".join(message for message in messages if not _TAGS.sub(b"", message).startswith(mine))

    def event(self, log: Log, entry: Entry, named: bool, timed: bool, id: str | None = None) -> bytes:
        """One entry as the readers of this log get it; the `id` holds a tag behind its blank: see `IrcWire.line_id`."""
        fact = entry.fact
        if type(fact) is Message and id is None and not timed:
            author, text = fact.author, fact.text
            if len(text) <= limits.IRC_SURE and text.isascii() and text.isprintable() and not self._marks(author):
                # Nearly every event is this one: no list, no join.
                before = self._talk_tags(log.key, entry) if self._has_tags else ""
                nick = author.shown or author.nick
                return f"{before}:{nick}!{HOST}@{HOST} PRIVMSG {log.name} :{text}\r\n".encode()
        if timed and not self.replays and isinstance(fact, Message | Action | Private):
            return _encode(self._told(log, entry, timed=True))
        tags = [f"batch={batch_of(log.name)}"] if timed and self.replays else []
        if id is not None:
            tags.append(id.partition(" ")[2])
        return _encode(self._tagged(log, entry, tags, self._lines(log, entry, timed and not self.replays)))

    def remembered(self, room: str, entry: Entry, batch: str) -> Iterator[str]:
        """The same of history, within a batch."""
        log, tags = Conversation(fold(room), room), [f"batch={batch}"] if batch else []
        is_talk = isinstance(entry.fact, Said)
        return self._tagged(log, entry, tags, said(entry.fact, room) if is_talk else self._lines(log, entry, False))

    def _tagged(self, log: Named, entry: Entry, tags: list[str], messages: Iterable[str]) -> Iterator[str]:
        """Messages with their tags; the id of an entry stands on its first one alone."""
        tags += self._tags(entry)
        first, rest = self._first(log, entry, tags), tagged(tags)
        messages = [*messages]
        if (
            self._multiline
            and isinstance(entry.fact, Message | Private)
            and (len(messages) > 1 or "\n" in entry.fact.text)
        ):
            yield from _in_batch(log, entry, first)
            return
        for number, message in enumerate(messages):
            yield (rest if number else first) + message

    def _tags(self, entry: Entry) -> list[str]:
        """On each message of an entry."""
        if not self._has_tags:
            return []
        tags, author = [stamp(entry.at)] if self.stamps else [], entry.fact.author
        if author is not None and author.account and self._accounts:
            tags.append(f"account={escaped(author.nick)}")
        if self._ids:
            if author is not None and author.bot:
                tags.append("bot")
            tags += getattr(entry.fact, "tags", ())
        return tags

    def _marks(self, author: Author) -> bool:
        """What somebody says has tags of theirs."""
        return (author.account and self._accounts) or (author.bot and self._ids)

    def _talk_tags(self, key: str, entry: Entry) -> str:
        """The same with the id, where there are no tags of an author's."""
        before, after = _around_number(entry.at if self.stamps else None, key if self._ids else None)
        return f"{before}{entry.seq}{after}" if self._ids else before

    def _first(self, log: Named, entry: Entry, tags: Sequence[str]) -> str:
        """Tags with the id of an entry."""
        return tagged([*tags, msgid(log.key, entry)] if self._ids else tags)

    def _lines(self, log: Named, entry: Entry, timed: bool) -> Iterator[str]:
        match entry.fact:
            case Message() | Action() | Private() as fact:
                yield from said(fact, log.name)
            case Joined(_, who, _, authors) as joined if self._extends:
                known = {author.nick: author for author in authors}
                for nick in who:
                    author = known.get(nick)
                    account = nick if author is not None and author.account else "*"
                    realname = author.realname if author is not None else ""
                    yield line(mask(nick), "JOIN", log.name, account, visible(realname) or nick)
                yield from _ranks(log.name, joined)
            case Joined(_, who) as joined:
                for nick in who:
                    yield bare(mask(nick), "JOIN", log.name)
                yield from _ranks(log.name, joined)
            case Left(put_out="kick"):
                return  # the KICK itself has told it
            case Left(_, who, put_out="ban"):
                for nick in who:
                    yield bare(HOST, "KICK", log.name, nick)
            case Left(_, who, _, _, text, True):
                for nick in who:
                    yield from lines(mask(nick), "QUIT", visible(text))
            case Left(_, who, _, _, text):
                for nick in who:
                    yield from lines(mask(nick), "PART", log.name, visible(text))
            case Renamed(author, to):
                yield line(mask(author.nick), "NICK", to)
            case TopicSet(author, text):
                yield from lines(mask(author.nick), "TOPIC", log.name, visible(text))
            case RoleGiven(author, to, role, room):
                yield from role_given(_source(author), to, role != "member", room)
            case PrivacySet(author, private):
                yield bare(_source(author), "MODE", log.name, "+i" if private else "-i")
            case Invited(author, to, room):
                if log.name == "@" or self._invites:
                    yield bare(_source(author), "INVITE", to, room)
            case Measured(author, what, to, room, _, why, _, _, most) if room != SERVER and not timed:
                shown = [*measured(_source(author), what, to, room, why, most, log.name == "@")]
                yield from shown
                if not shown or (what == "ban" and log.name == "@"):
                    yield from self._told(log, entry, timed)
            case Redacted(author, targets, why=why) if (
                self._redacts and targets != (entry.seq,) and log.name.startswith("#")
            ):
                for seq in targets:
                    told = bare(_source(author), "REDACT", log.name, f"{seq}-{log.key}")
                    yield f"{told} :{visible(why)}" if why else told
            case Redacted(author, to=to, fact=fact) if self._redacts and fact:
                yield bare(_source(author), "REDACT", to, fact)
            case OtherDevice(author, "joined", room):
                yield bare(mask(author.nick), "JOIN", room)
            case OtherDevice(author, "left", room):
                yield bare(mask(author.nick), "PART", room)
            case OtherDevice(author, "renamed", nick):
                yield line(mask(author.nick), "NICK", nick)
            case _:
                yield from self._told(log, entry, timed)

    def _told(self, log: Named, entry: Entry, timed: bool) -> Iterator[str]:
        """As people read it; what has no message of its own in IRC, too."""
        place = log.name if log.name.startswith("#") else "*"
        for words in self.plain.lines(log, entry, named=False, timed=timed):
            yield from lines(HOST, "NOTICE", place, words)


def _ranks(room: str, joined: Joined) -> Iterator[str]:
    """What those are in the room who came, for the lists of others."""
    for letter, nicks in (("o", joined.operators), ("v", joined.voiced)):
        for nick in nicks:
            yield bare(HOST, "MODE", room, f"+{letter}", nick)


def _source(author: Author | None) -> str:
    return HOST if author is None else mask(author.nick)


def role_given(source: str, to: str, given: bool, room: str) -> Iterator[str]:
    """Somebody is an operator, or none any more: of a room, or of the server, whose operators are in a room of their
    own."""
    sign = "+" if given else "-"
    if room != SERVER:
        yield bare(source, "MODE", room, f"{sign}o", to)
        return
    yield bare(source, "MODE", to, f"{sign}o")
    yield bare(mask(to), "JOIN" if given else "PART", STAFF)


def measured(
    source: str, what: str, to: str, room: str, why: str, most: int = 0, oneself: bool = False
) -> Iterator[str]:
    """What a measure of a room is in IRC, if anything, to others or to whom it hits."""
    if what == "kick" or (what == "ban" and oneself):
        yield from lines(source, "KICK", room, to, visible(why) or source.partition("!")[0] or what)
    elif what in ("voice", "unvoice"):
        yield bare(source, "MODE", room, "+v" if what == "voice" else "-v", to)
    elif what in ("ban", "unban") and not oneself:
        yield bare(source, "MODE", room, "+b" if what == "ban" else "-b", ban_mask(to))
    elif not to and what in _OF_ROOM:
        yield bare(source, "MODE", room, _OF_ROOM[what], *([f"{most}"] if most else []))


_OF_ROOM = {"mute": "+m", "unmute": "-m", "lock-topic": "+t", "unlock-topic": "-t", "limit": "+l", "unlimit": "-l"}
"""Modes, by what was done to a whole room."""


def ban_mask(nick: str) -> str:
    """Whom a ban hits: whoever it is, from wherever they come."""
    return f"{nick}!*@*"


def said(fact: Fact, room: str) -> Iterator[str]:
    """What somebody said, as they said it."""
    match fact:
        case Annotated(author, text, notice, _, breaks):
            yield from _talk(author, room, text, "NOTICE" if notice else "PRIVMSG", breaks)
        case Message(author, text):
            yield from _talk(author, room, text)
        case Action(author, text):
            yield from _acted(author, room, text)
        case Private(author, to, _, text, notice, _, breaks):
            yield from _talk(author, to, text, "NOTICE" if notice else "PRIVMSG", breaks)


def _in_batch(log: Named, entry: Entry, tags: str) -> Iterator[str]:
    """What somebody said in several messages, as ones that belong together (IRCv3 draft/multiline)."""
    fact, name = entry.fact, f"lines-{entry.seq}"
    assert isinstance(fact, Message | Private)
    source, to = _speaker(fact.author), fact.to if isinstance(fact, Private) else log.name
    command = "NOTICE" if isinstance(fact, Annotated | Private) and fact.notice else "PRIVMSG"
    yield tags + bare(source, "BATCH", f"+{name}", "draft/multiline", to)
    for part, goes_on in _parts(fact.text, getattr(fact, "breaks", ())):
        for number, message in enumerate(lines(source, command, to, visible(part))):
            yield tagged([f"batch={name}", "draft/multiline-concat" if number or goes_on else ""]) + message
    yield bare(source, "BATCH", f"-{name}")


def _talk(author: Author, to: str, text: str, command: str = "PRIVMSG", breaks: Sequence[int] = ()) -> Iterator[str]:
    """One message a line; empty ones are left out, for clients take none (IRCv3 draft/multiline)."""
    if "\n" not in text and not breaks:
        yield from lines(_speaker(author), command, to, visible(text))
        return
    for part, _ in _parts(text, breaks):
        if part:
            yield from lines(_speaker(author), command, to, visible(part))


def _parts(text: str, breaks: Sequence[int]) -> Iterator[tuple[str, bool]]:
    """The lines of a text, some of them in several parts; and of each part whether it goes on with the one before."""
    begin = 0
    for whole in text.split("\n"):
        end = begin + len(whole)
        places = [begin, *(place for place in breaks if begin < place < end), end]
        for start, stop in pairwise(places):
            yield text[start:stop], start > begin
        begin = end + 1


def _acted(author: Author, to: str, text: str) -> Iterator[str]:
    head = f"{line(_speaker(author), 'PRIVMSG', to, '')}\x01ACTION "
    for part in text.split("\n"):
        for words in broken(visible(part), limits.IRC_LINE - len(head.encode()) - 1):
            yield f"{head}{words}\x01"


def msgid(key: str, entry: Entry) -> str:
    """A tag that names an entry for ever: by its log and its number there, or what stands in two of them by its own."""
    if isinstance(entry.fact, Private) and entry.fact.fact:
        return f"msgid={escaped(entry.fact.fact)}"
    return f"msgid={escaped(f'{entry.seq}-{key}')}"


@lru_cache(maxsize=8)
def _around_number(at: datetime | None, key: str | None) -> tuple[str, str]:
    """What stands before and behind the number of an entry in its tags; all entries of a turn share one date."""
    tags = [] if at is None else [stamp(at)]
    if key is None:
        return tagged(tags), ""
    before, name, after = tagged([*tags, f"msgid=-{escaped(key)}"]).partition("msgid=")
    return before + name, after


def stamp(at: datetime) -> str:
    """A tag that says when."""
    return f"time={jsonl.stamp(at)}"


def batch_of(room: str) -> str:
    """The batch in which comes what somebody missed of a room; `IrcWire` opens it."""
    return f"missed-{room.encode().hex()}"


def _encode(messages: Iterable[str]) -> bytes:
    return "".join([message + "\r\n" for message in messages]).encode()
