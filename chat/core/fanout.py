"""One log and its readers at the head: the cursor that they all share.

Whoever has taken everything stands here, without a position of their own.  What is new is encoded once for each
rendering, joined to one chunk for each page of a turn, and given to all; only those who must not get all of it
(who said something in it, who ignores somebody) get a chunk of their own, made of the same pieces.  Whose
connection is full leaves with the shared position and reads on by themselves.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import count
from socket import socket
from typing import Protocol

from twisted.logger import Logger

from chat.core.carrier import Sealed
from chat.core.io_uring import send_to_all
from chat.core.privacy import STAFF
from chat.log.events import Entry, Message
from chat.log.log import Log
from chat.wire.rendering import Rendering, pages

logger = Logger()


class Reader(Protocol):
    """What the fan-out needs of a participant."""

    id: str

    @property
    def rendering(self) -> Rendering:
        """Which bytes they get."""

    @property
    def picky(self) -> bool:
        """They ignore somebody, or have other devices, so each entry must be asked for."""

    @property
    def direct(self) -> socket | Sealed | None:
        """Their socket, where bytes may be given to it as they are while they stand at the head, and the rest to
        `send`; or their connection, which takes all."""

    def send(self, chunk: bytes) -> object:
        """Their connection's one way out, also where that is full."""

    @property
    def connection(self) -> object | None:
        """What carries them, if anything does."""

    def wants(self, log: Log, entry: Entry) -> bool:
        """Whether this entry is for them: what their own session said is not, unless their wire echoes it."""

    def share(self, entry: Entry, piece: bytes) -> bytes:
        """What of this is theirs: of many who came or went, not they themselves where they are told so otherwise."""

    def broken(self) -> None:
        """They cannot be served any more, for a bug or a store that does not read: it costs them their connection."""


Group = dict[str, socket | None]
"""Readers who get the same bytes, with the sockets of those who have one."""


class Fanout:
    """The readers of one log that stand at its head."""

    __slots__ = ("_groups", "_is_staff", "_picky", "_readers", "_sealed", "log", "position")

    def __init__(self, log: Log) -> None:
        self.log = log
        self.position = log.head
        self._is_staff = log.key == STAFF
        self._groups: dict[Rendering, Group] = {}
        self._readers: dict[str, Reader] = {}
        self._picky: set[str] | None = None  # nearly nobody is, and each person has a log
        self._sealed: dict[str, Sealed] | None = None  # nor is everybody encrypted
        log.readers = self

    def __len__(self) -> int:
        """How many stand at the head."""
        return len(self._readers)

    def __iter__(self) -> Iterator[Reader]:
        """Those."""
        return iter(self._readers.values())

    def add(self, reader: Reader) -> None:
        """This reader has taken everything up to the shared position."""
        direct = reader.direct
        if direct is not None and not isinstance(direct, socket):
            self._sealed = self._sealed or {}
            self._sealed[reader.id] = direct
            direct = None
        self._groups.setdefault(reader.rendering, {})[reader.id] = direct
        self._readers[reader.id] = reader
        if reader.picky:
            self._picky = self._picky or set()
            self._picky.add(reader.id)

    def remove(self, reader: Reader) -> int | None:
        """The reader leaves; returns the position up to which they have everything, None if they were not here."""
        if self._readers.pop(reader.id, None) is None:
            return None
        # Not by its rendering, which may be another one by now; there are few.
        for group in self._groups.values():
            group.pop(reader.id, None)
        if self._picky is not None:
            self._picky.discard(reader.id)
        if self._sealed is not None:
            self._sealed.pop(reader.id, None)
        return self.position

    def advanced(self, entries: Sequence[Entry]) -> int:
        """Give these new entries to everybody here, page by page, so that nobody is owed more than a page."""
        many = len(self._readers)
        if len(entries) == 1 and type(entries[0].fact) is Message and not (self._picky or self._is_staff):
            self._advanced_by_one(entries[0], entries[0].fact.author.session)
            return many
        for page in pages(entries):
            self.position = page[-1].seq
            authors = [None if entry.fact.author is None else entry.fact.author.session for entry in page]
            for rendering, group in list(self._groups.items()):
                if group:
                    self._give(page, authors, rendering, group)
                else:
                    del self._groups[rendering]
        return many

    def _advanced_by_one(self, entry: Entry, author: str) -> None:
        """The same of one line, where nobody is to be asked whether they want it: all get it but its author."""
        self.position = entry.seq
        for rendering, group in list(self._groups.items()):
            others = dict(group)  # one that is full leaves the group while the others are served
            echoes = author in others and rendering.format.echoes
            others.pop(author, None)
            if others and (chunk := rendering.piece(self.log, entry)):
                self._give_all(chunk, others)
            if echoes and (chunk := rendering.piece(self.log, entry, entry.id)):
                self._send(author, chunk)

    def passed_over(self) -> None:
        """(Readers) Nobody stands here: those who come stand at the log's head."""
        self.position = self.log.head

    def _give(self, page: Sequence[Entry], authors: Sequence[str | None], rendering: Rendering, group: Group) -> None:
        pieces, echoes = rendering.pieces(self.log, page), rendering.format.echoes
        asked = self._to_be_asked(page, rendering, group.keys())
        apart = rendering.format.keeps_list and any(map(rendering.is_told_apart, page))
        exceptions = set(group) if apart else asked | (group.keys() & authors)
        takers = dict(group)  # one that is full leaves the group while the others are served
        for id in exceptions:
            del takers[id]
        if chunk := b"".join(pieces):
            self._give_all(chunk, takers)
        # Of a page of one entry nothing is left for its author, unless it is echoed.
        for id in asked if len(page) == 1 and not (echoes or apart) else exceptions:
            reader = self._readers[id]
            try:
                if apart:
                    mine = rendering.pieces_for(id, self.log, page, pieces) if echoes else pieces
                    wanted = [
                        reader.share(entry, piece)
                        for entry, piece in zip(page, mine, strict=True)
                        if reader.wants(self.log, entry)
                    ]
                elif echoes:
                    mine = rendering.pieces_for(id, self.log, page, pieces)
                    wanted = [piece for entry, piece in zip(page, mine, strict=True) if reader.wants(self.log, entry)]
                elif id in asked:
                    wanted = [piece for entry, piece in zip(page, pieces, strict=True) if reader.wants(self.log, entry)]
                else:
                    # With 32 lines of each of ten authors in a turn, asking costs as much as reading those lines.
                    wanted = [piece for author, piece in zip(authors, pieces, strict=True) if author != id]
                own = b"".join(wanted)
            except Exception:
                self._broken(id)
            else:
                if own:
                    self._send(id, own)

    def _give_all(self, chunk: bytes, takers: Group) -> None:
        # Nothing is called here for each of them: that would cost 0.2 of the 4 us of a delivery (measured with 100).
        sockets = [*filter(None, takers.values())]
        if len(sockets) < len(takers):
            self._give_others(chunk, [id for id, direct in takers.items() if direct is None])
        try:
            short = dict(send_to_all(sockets, chunk))
        except Exception:
            self._unknown([id for id, direct in takers.items() if direct is not None])
            return
        if short:
            places = count()
            for id, direct in takers.items():
                if direct is not None and (taken := short.get(next(places), len(chunk))) < len(chunk):
                    self._send(id, chunk[taken:])

    def _give_others(self, chunk: bytes, ids: Sequence[str]) -> None:
        """The same to those who have no socket that takes it as it is."""
        sealed = {id: self._sealed[id] for id in ids if id in self._sealed} if self._sealed else {}
        for id in ids:
            if id not in sealed:
                self._send(id, chunk)
        if sealed:
            connections = list(sealed.values())
            try:
                connections[0].send_to_all(connections, chunk)
            except Exception:
                self._unknown(sealed)

    def _unknown(self, ids: Iterable[str]) -> None:
        """Who of these has got it nobody knows: they come back, and are given what they have not seen."""
        for id in ids:
            self._broken(id)

    def _send(self, id: str, chunk: bytes) -> None:
        try:
            self._readers[id].send(chunk)
        except Exception:
            self._broken(id)

    def _broken(self, id: str) -> None:
        """One reader's bug is not the next one's."""
        logger.failure("A reader of {log} could not be served", log=self.log.key)
        # One who has left meanwhile was full, and is given up where it stays so.
        if id in self._readers:
            self._readers[id].broken()

    def _to_be_asked(self, page: Sequence[Entry], rendering: Rendering, members: Set[str]) -> Set[str]:
        """Those of this group who may not want what somebody else has said."""
        if self._is_staff:  # who is reported does not hear of it
            return set(members)
        if rendering.named and rendering.format.folds and any(len(getattr(e.fact, "rooms", ())) > 1 for e in page):
            return set(members)
        return self._picky & members if self._picky else set()


def fanout(log: Log) -> Fanout:
    """The fan-out of this log, made when its first reader comes."""
    if isinstance(log.readers, Fanout):
        return log.readers
    return Fanout(log)
