"""One log and its readers at the head: the cursor that they all share.

Whoever has taken everything stands here, without a position of their own.  What is new is encoded once for each
rendering, joined to one chunk for each page of a turn, and given to all; only those who must not get all of it
(who said something in it, who ignores somebody) get a chunk of their own, made of the same pieces.  Whose
connection is full leaves with the shared position and reads on by themselves.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.logger import Logger

from chat.events import Entry
from chat.log import Log
from chat.rendering import Rendering, pages

logger = Logger()


class Reader(Protocol):
    """What the fan-out needs of a participant."""

    id: str

    @property
    def rendering(self) -> Rendering:
        """Which bytes they get."""

    @property
    def picky(self) -> bool:
        """They ignore somebody, so each entry must be asked for."""

    @property
    def take(self) -> Callable[[bytes], int]:
        """The kernel's own way in, which they have while they stand at the head: says how many bytes it took."""

    def send(self, chunk: bytes) -> object:
        """Their connection's one way out, also where that is full."""

    def wants(self, log: Log, entry: Entry) -> bool:
        """Whether this entry is for them: what their own session said is not."""

    def broken(self) -> None:
        """They cannot be served any more, for a bug or a store that does not read: it costs them their connection."""


class Fanout:
    """The readers of one log that stand at its head."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.position = log.head
        self._groups: dict[Rendering, dict[str, Callable[[bytes], int]]] = {}
        self._readers: dict[str, tuple[Reader, Rendering]] = {}
        self._picky: set[str] = set()
        log.readers = self

    def __len__(self) -> int:
        """How many stand at the head."""
        return len(self._readers)

    def add(self, reader: Reader) -> None:
        """This reader has taken everything up to the shared position."""
        self._readers[reader.id] = (reader, reader.rendering)
        self._groups.setdefault(reader.rendering, {})[reader.id] = reader.take
        if reader.picky:
            self._picky.add(reader.id)

    def remove(self, reader: Reader) -> int | None:
        """The reader leaves; returns the position up to which they have everything, None if they were not here."""
        _, rendering = self._readers.pop(reader.id, (None, None))
        if rendering is None:
            return None
        del self._groups[rendering][reader.id]
        self._picky.discard(reader.id)
        return self.position

    def advanced(self, entries: Sequence[Entry]) -> None:
        """Give these new entries to everybody here, page by page, so that nobody is owed more than a page."""
        for page in pages(entries):
            self.position = page[-1].seq
            authors = [None if entry.fact.author is None else entry.fact.author.session for entry in page]
            for rendering, group in list(self._groups.items()):
                if group:
                    self._give(page, authors, rendering, group)
                else:
                    del self._groups[rendering]

    def _give(
        self,
        page: Sequence[Entry],
        authors: Sequence[str | None],
        rendering: Rendering,
        group: dict[str, Callable[[bytes], int]],
    ) -> None:
        pieces = rendering.pieces(self.log, page)
        asked = self._to_be_asked(page, rendering, group)
        exceptions = asked | (group.keys() & authors)
        takers = dict(group)  # one that is full leaves the group while the others are served
        for id in exceptions:
            del takers[id]
        if chunk := b"".join(pieces):
            size = len(chunk)
            # What stands in this loop costs as often as there are recipients: a call between it and the kernel takes
            # 0.2 of the 4.3 us of a delivery, and looking for exceptions 0.1 (measured with 100).
            for id, take in takers.items():
                try:
                    taken = take(chunk)
                except OSError:
                    taken = 0  # full, or gone; their way out sees to that
                except Exception:
                    self._broken(id)
                    continue
                if taken != size:
                    self._send(id, chunk[taken:])
        for id in exceptions:
            reader, _ = self._readers[id]
            try:
                if id in asked:
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

    def _send(self, id: str, chunk: bytes) -> None:
        try:
            self._readers[id][0].send(chunk)
        except Exception:
            self._broken(id)

    def _broken(self, id: str) -> None:
        """One reader's bug is not the next one's."""
        logger.failure("A reader of {log} could not be served", log=self.log.key)
        # One who has left meanwhile was full, and is given up where it stays so.
        if id in self._readers:
            self._readers[id][0].broken()

    def _to_be_asked(
        self, page: Sequence[Entry], rendering: Rendering, group: dict[str, Callable[[bytes], int]]
    ) -> set[str]:
        """Those of this group who may not want what somebody else has said."""
        if rendering.named and rendering.wire.folds and any(len(getattr(e.fact, "rooms", ())) > 1 for e in page):
            return set(group)
        return self._picky & group.keys()


def fanout(log: Log) -> Fanout:
    """The fan-out of this log, made when its first reader comes."""
    if isinstance(log.readers, Fanout):
        return log.readers
    return Fanout(log)
