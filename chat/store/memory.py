"""A store that lives as long as its process: bounded per log and in all, the oldest entries go first."""

from collections import OrderedDict, deque
from itertools import islice

from twisted.internet.defer import Deferred, succeed

from chat import limits
from chat.events import Entry
from chat.log import said, size
from chat.store import Batch


class MemoryStore:
    """Keeps what fits, by the time it was last written to; what is dropped readers are told is gone."""

    def __init__(self, events: int = limits.MEMORY_EVENTS, most: int = limits.MEMORY_BYTES) -> None:
        self._events = events
        self._most = most
        self._bytes = 0
        self._logs: OrderedDict[str, deque[Entry]] = OrderedDict()
        self._records: dict[tuple[str, str], str] = {}

    def commit(self, batch: Batch) -> Deferred[None]:
        """Keep a batch, at once."""
        for key, entries in batch.entries:
            log = self._logs.setdefault(key, deque())
            self._logs.move_to_end(key)
            log.extend(entries)
            self._bytes += sum(map(size, entries))
            while len(log) > self._events:
                self._bytes -= size(log.popleft())
        while self._bytes > self._most:
            self._drop_oldest()
        for record in batch.records:
            if record.value is None:
                self._records.pop((record.kind, record.key), None)
            else:
                self._records[record.kind, record.key] = record.value
        return succeed(None)

    def after(self, key: str, position: int, most: int) -> Deferred[list[Entry]]:
        """Up to `most` of the oldest entries that are held behind a position."""
        log = self._logs.get(key, deque())
        # Numbers are dense, so the place of a number is known without a search.
        start = max(0, position + 1 - log[0].seq) if log else 0
        return succeed(list(islice(log, start, start + most)))

    def said_before(self, key: str, before: int, most: int) -> Deferred[list[Entry]]:
        """Up to `most` of the last things people said before a number, oldest first."""
        log = self._logs.get(key, deque())
        return succeed(list(islice(said(entry for entry in reversed(log) if entry.seq < before), most))[::-1])

    def close(self) -> Deferred[None]:
        """Nothing is left to do."""
        return succeed(None)

    def _drop_oldest(self) -> None:
        """Take one entry from the log that was quiet longest, and the log with its last one."""
        key, log = next(iter(self._logs.items()))
        self._bytes -= size(log.popleft())
        if not log:
            del self._logs[key]
