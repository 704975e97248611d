"""A store that lives as long as its process: bounded per log and in all, the oldest entries go first."""

from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice

from twisted.internet.defer import Deferred, fail, succeed

from chat import limits
from chat.events import Entry, Private
from chat.store import Batch, Duplicates, Found, Known, LineId, Query
from chat.store.folding import holds, phrases
from chat.store.search import partner
from chat.tail import said, size


class MemoryStore:
    """Keeps what fits, by the time it was last written to; what is dropped readers are told is gone.

    Records are not kept: nobody asks for them before a server starts anew.
    """

    def __init__(self, events: int = limits.MEMORY_EVENTS, most: int = limits.MEMORY_BYTES) -> None:
        self._events = events
        self._most = most
        self._bytes = 0
        self._logs: OrderedDict[str, deque[Entry]] = OrderedDict()
        self._ids: OrderedDict[LineId, Known] = OrderedDict()

    def start(self) -> None:
        """Nothing has to begin."""

    def commit(self, batch: Batch) -> Deferred[None]:
        """Keep a batch, at once."""
        if batch.ids:
            known = {line: self._ids[line] for line in batch.ids if line in self._ids}
            if known:
                return fail(Duplicates(known))
            self._ids.update(batch.ids)
            while len(self._ids) > limits.MEMORY_IDS:
                self._ids.popitem(last=False)
        for appended in batch.appended:
            if appended.recorded:
                self._extend(appended.key, appended.entries)
        while self._bytes > self._most:
            self._drop_oldest()
        return succeed(None)

    def after(self, key: str, position: int, most: int) -> Deferred[list[Entry]]:
        """Up to `most` of the oldest entries that are held behind a position."""
        log = self._logs.get(key, deque())
        start = bisect_right(log, position, key=lambda entry: entry.seq)
        return succeed(list(islice(log, start, start + most)))

    def said(self, query: Query) -> Deferred[Found]:
        """What people said, as far as it is held; what was said in the same turn is in the order of the keys."""
        fitting = ([(key, entry) for entry in self._fitting(key, query)] for key in query.keys)
        found = list(merge(*fitting, key=lambda place: place[1].at))
        return succeed(Found(found[-query.most :], len(found)))

    def known(self, ids: Sequence[LineId]) -> Deferred[Mapping[LineId, Known]]:
        """The lines with these ids that were stored."""
        return succeed({id: self._ids[id] for id in ids if id in self._ids})

    def close(self) -> Deferred[None]:
        """Nothing is left to do."""
        return succeed(None)

    def _extend(self, key: str, entries: Sequence[Entry]) -> None:
        log = self._logs.setdefault(key, deque())
        self._logs.move_to_end(key)
        log.extend(entries)
        self._bytes += sum(map(size, entries))
        while len(log) > self._events:
            self._bytes -= size(log.popleft())

    def _drop_oldest(self) -> None:
        """Take one entry from the log that was quiet longest, and the log with its last one."""
        key, log = next(iter(self._logs.items()))
        self._bytes -= size(log.popleft())
        if not log:
            del self._logs[key]

    def _fitting(self, key: str, query: Query) -> Iterator[Entry]:
        wanted = phrases(query.words)
        if query.words and not wanted:
            return
        for entry in said(self._logs.get(key, ())):
            seq, at, fact = entry
            if (
                (query.before is None or seq < query.before)
                and (query.since is None or at >= query.since)
                and (query.other is None or (isinstance(fact, Private) and partner(key, fact) == query.other))
                and (not wanted or holds(getattr(fact, "text", ""), wanted))
            ):
                yield entry
