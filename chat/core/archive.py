"""What stands in the logs: from memory where that reaches, else from the store."""

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred

from chat.base import limits
from chat.core.batch import known_as
from chat.core.ports import Found, Line, Query, Spoken, Store, Stretch
from chat.core.turn import Turn
from chat.log.events import Entry, Place
from chat.log.log import Log
from chat.log.redaction import Readings, Speaker
from chat.log.unread import Listener, Unread, count


class Archive:
    """All logs, to whoever reads them otherwise than as they grow."""

    def __init__(self, store: Store, turn: Turn, readings: Readings) -> None:
        self._store = store
        self._turn = turn
        self.readings = readings
        """What is read from the store just now, or was, and is not shown yet."""

    def after(self, log: Log, position: int) -> Deferred[list[Entry]]:
        """The next entries behind a position that is older than the log's tail, as far as they are held."""
        page = self._store.after(log.key, position, limits.PAGE_EVENTS)
        # A store with threads may already have what the turn has not shown yet.
        return page.addCallback(lambda entries: [entry for entry in entries if entry.seq <= log.head])

    async def from_number(self, log: Log, seq: int) -> Entry | None:
        """The first entry of this number or a greater one that is held, if there is any."""
        page = log.after(seq - 1, 1)
        if page is None:
            page = await self._store.after(log.key, seq - 1, 1)
        return page[0] if page and page[0].seq <= log.head else None

    async def stretch(self, log: Log, behind: int, last: int) -> Sequence[Entry]:
        """What stands in a log behind a number, up to another one, as far as it is held."""
        found: list[Entry] = []
        reading = self.readings.begin()
        while behind < last:
            page = log.after(behind, last - behind)
            entries = await self.after(log, behind) if page is None else page
            if not entries:
                break
            found += [entry for entry in entries if entry.seq <= last]
            behind = entries[-1].seq
        return [entry for _, entry in reading.still((log.key, entry) for entry in found)]

    async def recent(self, log: Log, behind: int, before: int, most: int) -> Sequence[Entry]:
        """The last things people said between a place and a number, oldest first: from memory where that reaches."""
        entries = log.said_before(before, most)
        if entries is None:
            found = await self.said(Query((log.key,), most, before, behind={log.key: behind}))
            entries = [entry for _, entry in found.entries]
        return [entry for entry in entries if entry.seq > behind]

    def unread_in_memory(self, log: Log, stretch: Stretch, listener: Listener) -> Unread | None:
        """What is new for somebody in a stretch of a log; None where the store has to be asked (`unread`)."""
        behind, last = stretch
        if log.recorded and last - behind > limits.UNREAD_HELD:
            return None
        entries = log.after(behind, last - behind)
        if entries is None and log.recorded:
            return None
        held = log.oldest() if entries is None else entries
        return count(log.key, (entry for entry in reversed(held) if behind < entry.seq <= last), listener)

    def unread(self, stretches: Mapping[str, Stretch], listener: Listener) -> Deferred[Mapping[str, Unread]]:
        """The same of logs of these keys, by the store."""
        return self._store.unread(stretches, listener)

    def said(self, query: Query) -> Deferred[Found]:
        """What people said, as far as it is held."""
        reading = self.readings.begin()
        found = self._store.said(query)
        return found.addCallback(lambda found: found._replace(entries=reading.still(found.entries)))

    def spoken(self, speaker: Speaker, behind: int) -> Deferred[Spoken]:
        """What somebody said, in all logs, a part after the other."""
        reading = self.readings.begin()
        part = self._store.spoken(speaker, behind)
        return part.addCallback(lambda part: part._replace(entries=reading.still(part.entries)))

    def copies(self, key: str, private: Entry) -> Deferred[Sequence[int]]:
        """The numbers of all private lines in the log of this key that say what this one says, of the same turn."""
        return self._store.copies(key, private)

    async def known(self, line: Line) -> Place | None:
        """Where this line stands, if it was stored before; another one with its id is none."""
        await self._turn.flush()
        known = known_as(line, await self._store.known(line.ids))
        return None if known is None or not known.same(line) else known.place
