"""How entries become bytes: the ways in which connections are spoken to, and portions that fit one send."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from twisted.logger import Logger

from chat.base import limits
from chat.base.language import Language
from chat.base.named_tuples import NamedTuple
from chat.log.events import Entry, Joined, Left, Message
from chat.log.log import Log
from chat.wire.answers import Answer, History
from chat.wire.requests import Expected, Parsed

logger = Logger()


class Format(Protocol):
    """What events look like, in one language: readers who share it get the same bytes, which are made once."""

    name: str
    """By what it is asked for."""

    language: Language
    """Of the service's sentences."""

    folds: bool
    """A fact that stands in several of a reader's rooms is told in one of them (otherwise the reader folds it)."""

    echoes: bool
    """Whoever said something gets it as all others do, with the id of their line."""

    keeps_list: bool
    """Who is in a room is known by who came and went, so that is never left out; of oneself it is an answer."""

    def without(self, piece: bytes, nick: str) -> bytes:
        """What is left of an entry of many who came or went, where one of them is told by an answer (`keeps_list`)."""

    def event(self, log: Log, entry: Entry, named: bool, timed: bool, id: str | None = None) -> bytes:
        """One entry as this log's readers get it; `named` and `timed` add the room and the time.

        The `id` is its line's, for its author, where the format echoes.
        """


class Talk(NamedTuple):
    """What several lines say in one room; None is the one where their author speaks."""

    room: str | None
    texts: Sequence[object]


NO_TALK = Talk(None, ())


class Wire(Protocol):
    """How one visit is spoken with: a format that it shares, and a dialect of its own, which may know how far they are.

    The dialect reads what a line says or asks, and tells what they are answered.
    """

    format: Any
    """Of the events, a `Format`; another one where they are told of in another way from now on."""

    asks: bool
    """A nickname is asked for: the first line is one (on other wires only a command sets it)."""

    people: bool
    """Whoever speaks it is a person: their code is short, and the end of their input is their leave."""

    lobby: bool
    """Who comes in is in the lobby (else they are in no room, until they join one)."""

    @property
    def keepalive(self) -> bytes:
        """What is sent when nothing came for a while, so that it is answered; nothing where their program does that."""

    lists: int
    """How many of a room's people are named to whoever comes in."""

    def talk(self, lines: Sequence[object]) -> Talk:
        """Those of these lines, from the first on, that can be seen at once to be nothing but talk, or commands."""

    def read(self, line: str, expected: Expected = Expected.TALK) -> Parsed:
        """What a line says or asks; raises `BadInput` where it cannot be told."""

    def answer(self, answer: Answer) -> bytes:
        """What the service says to one person."""

    def pages(self, history: History) -> Iterator[bytes]:
        """The same of a long answer, in pages that together are it, each made when it is asked for."""


class Rendering(NamedTuple):
    """How some readers get the events of a room: all that share one get the same bytes."""

    format: Format
    named: bool
    quiet: bool
    timed: bool = False
    """For who comes back: it happened earlier, and the time belongs to it."""

    def pieces(self, log: Log, entries: Sequence[Entry]) -> list[bytes]:
        """Each entry encoded; nothing for coming and going that quiet readers do not want."""
        event, named, timed = self.format.event, self.named, self.timed
        try:
            if not self.quiet:
                return [event(log, entry, named, timed) for entry in entries]
        except Exception:  # one entry's bug is not the next one's: they are made one by one
            pass
        return [self.piece(log, entry) for entry in entries]

    def is_told_apart(self, entry: Entry) -> bool:
        """Whether some of its readers are among those who came or went together, and are told that by an answer."""
        return self.format.keeps_list and isinstance(entry.fact, Joined | Left) and entry.fact.author is None

    def pieces_for(self, session: str, log: Log, entries: Sequence[Entry], pieces: Sequence[bytes]) -> list[bytes]:
        """Of these `pieces`, where the format echoes, those that one of the readers gets instead, as their author."""
        return [
            self.piece(log, entry, entry.id)
            if piece and entry.id is not None and entry.fact.author is not None and entry.fact.author.session == session
            else piece
            for entry, piece in zip(entries, pieces, strict=True)
        ]

    def piece(self, log: Log, entry: Entry, id: str | None = None) -> bytes:
        """One entry encoded, as its author gets it where there is an `id`; nothing where it is not for these readers.

        One entry's bug is not the next one's.
        """
        if self.quiet and isinstance(entry.fact, Joined | Left):
            return b""
        try:
            return self.format.event(log, entry, self.named, self.timed, id)
        except Exception:
            logger.failure("Number {seq} of {log} cannot be shown", seq=entry.seq, log=log.key)
            return b""


def pages(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """The same entries in portions of about PAGE_BYTES on the wire (or one entry)."""
    start = total = 0
    for index, entry in enumerate(entries):
        length = _length(entry)
        total += length
        if total > limits.PAGE_BYTES and index > start:
            yield entries[start:index]
            start, total = index, length
    yield entries[start:]


def _length(entry: Entry) -> int:
    """Bytes of an entry on any wire, at most, but for quotes and backslashes, which programs get escaped."""
    fact = entry.fact
    if type(fact) is Message and fact.text.isascii():  # nearly everything is
        return limits.FRAME + len(fact.text)
    return limits.FRAME + 4 * (len(getattr(fact, "text", "")) + sum(map(len, getattr(fact, "who", ()))))
