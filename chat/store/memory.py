"""A store that lives as long as its process: bounded per log and in all, the oldest entries go first."""

from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from time import monotonic

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from chat.base import limits, names
from chat.base.folding import holds, phrases
from chat.core.ports import (
    Batch,
    Duplicates,
    Emptied,
    Found,
    KeptLog,
    Known,
    LineId,
    Numbered,
    Query,
    Redaction,
    Spoken,
    StoreState,
    Stretch,
)
from chat.log.events import Entry, Private, Said, TopicSet
from chat.log.forgetting import Forgotten, without
from chat.log.private_talk import partner
from chat.log.redaction import Speaker, emptied, is_by
from chat.log.tail import said, size
from chat.log.unread import Listener, Unread, count, is_for, is_heard


class MemoryStore:
    """Keeps what fits, by the time it was last written to; what is dropped readers are told is gone.

    Records are not kept: nobody asks for them before a server starts anew.  With a clock a search is done in portions,
    and between them the clock's other calls.
    """

    def __init__(
        self,
        events: int = limits.MEMORY_EVENTS,
        most: int = limits.MEMORY_BYTES,
        clock: IReactorTime | None = None,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._events = events
        self._most = most
        self._clock = clock
        self._seconds = seconds
        self._bytes = 0
        self._logs: OrderedDict[str, deque[Entry]] = OrderedDict()
        self._ids: OrderedDict[LineId, Known] = OrderedDict()
        self._rooms: dict[str, KeptLog] = {}

    shared = False

    def start(self) -> None:
        """Nothing has to begin."""

    def commit(self, batch: Batch) -> Numbered:
        """Keep a batch, at once; raises `Duplicates`."""
        if batch.ids:
            known = {line: self._ids[line] for line in batch.ids if line in self._ids}
            if known:
                raise Duplicates(known)
            self._ids.update(batch.ids)
            while len(self._ids) > limits.MEMORY_IDS:
                self._ids.popitem(last=False)
        for appended in batch.appended:
            if appended.recorded:
                log = self._logs.setdefault(appended.key, deque())
                self._logs.move_to_end(appended.key)
                log.extend(appended.entries)
                self._bytes += sum(map(size, appended.entries))
                while len(log) > self._events:
                    self._bytes -= size(log.popleft())
            if (room := self._rooms.get(appended.key)) is not None:
                self._rooms[room.key] = room._replace(head=appended.entries[-1].seq)
        for redaction in batch.redactions:
            self._take_back(redaction)
        while self._bytes > self._most:
            self._drop_oldest()
        return batch.proposed

    def after(self, key: str, position: int, most: int) -> Deferred[list[Entry]]:
        """Up to `most` of the oldest entries that are held behind a position."""
        log = self._logs.get(key, deque())
        start = bisect_right(log, position, key=lambda entry: entry.seq)
        return succeed(list(islice(log, start, start + most)))

    def said(self, query: Query) -> Deferred[Found]:
        """What people said, as far as it is held; what was said in the same turn is in the order of the keys."""
        looking = self._looking(query)
        done: Deferred[Found] = Deferred()

        def portion() -> None:
            ends_at = self._seconds() + limits.PORTION_SECONDS
            for found in looking:
                if found is not None:
                    done.callback(found)
                elif self._clock is not None and self._seconds() > ends_at:
                    self._clock.callLater(0, portion)
                    return

        portion()
        return done

    def _looking(self, query: Query) -> Iterator[Found | None]:
        """What is found, last; before that nothing, now and then."""
        wanted = phrases(query.words)
        if query.words and not wanted:
            yield Found([], 0)
            return
        ends_at, whole = self._seconds() + limits.SEARCH_SECONDS, True
        # As it is now: in between others add to it.
        logs = [(key, list(said(self._logs.get(key, ())))) for key in query.keys]
        found: list[list[tuple[str, Entry]]] = []
        for key, log in logs:
            right = _first_right(log, query)
            fitting: list[tuple[str, Entry]] = []
            for number, entry in enumerate(reversed(log), 1):
                if _fits(key, entry, query, right, wanted):
                    fitting.append((key, entry))
                if query.by is not None and number == limits.SPOKEN_LOOKED_AT:
                    whole = number == len(log)
                    break
                if number % limits.MEMORY_ROWS == 0 and (wanted or query.to is not None or query.by is not None):
                    yield None
                    if self._seconds() > ends_at:
                        whole = False
                        break
            found.append(fitting[::-1])
        in_order = list(merge(*found, key=lambda place: place[1].at))
        yield Found(in_order[-query.most :], len(in_order), whole)

    def unread(self, stretches: Mapping[str, Stretch], listener: Listener) -> Deferred[Mapping[str, Unread]]:
        """What is new for somebody in stretches of these logs, of each no more than the last `UNREAD_MOST` things."""
        return succeed({key: count(key, self._newest(key, stretch), listener) for key, stretch in stretches.items()})

    def _newest(self, key: str, stretch: Stretch) -> Iterator[Entry]:
        for entry in reversed(self._logs.get(key, ())):
            if entry.seq <= stretch.behind:
                break
            if entry.seq <= stretch.last:
                yield entry

    def known(self, ids: Sequence[LineId]) -> Deferred[Mapping[LineId, Known]]:
        """The lines with these ids that were stored."""
        return succeed({id: self._ids[id] for id in ids if id in self._ids})

    def copies(self, key: str, private: Entry) -> Deferred[Sequence[int]]:
        """The numbers of all private lines in the log of this key that say what this one says, of the same turn."""
        log = self._logs.get(key, ())
        return succeed([entry.seq for entry in log if entry.at == private.at and entry.fact == private.fact])

    def spoken(self, speaker: Speaker, behind: int) -> Deferred[Spoken]:
        """What somebody said, in all logs, at once: it is in memory."""
        found = [(key, entry) for key, log in self._logs.items() for entry in said(log) if is_by(entry.fact, speaker)]
        return succeed(Spoken(found, None))

    def nicks(self, ids: Collection[str]) -> Deferred[Collection[str]]:
        """The nicknames under which these people stand anywhere."""
        authors = (entry.fact.author for log in self._logs.values() for entry in log)
        return succeed({author.nick for author in authors if author is not None and author.person in ids})

    def called(self, nick: str) -> Deferred[Collection[str]]:
        """The ids of those who stand anywhere under this folded nickname."""
        authors = (entry.fact.author for log in self._logs.values() for entry in log)
        return succeed({one.person for one in authors if one is not None and names.fold(one.nick) == nick})

    def forget(self, gone: Forgotten, behind: int) -> Deferred[Emptied]:
        """Let nothing of these people be left, nor their logs; at once."""
        for id in gone.ids:
            log = self._logs.pop("@" + id, deque())
            self._bytes -= sum(map(size, log))
            self._rooms.pop("@" + id, None)
        self._ids = OrderedDict((line, known) for line, known in self._ids.items() if line.person not in gone.ids)
        lines: dict[str, list[int]] = {}
        others, topics = 0, []
        for key, log in self._logs.items():
            for place, entry in enumerate(log):
                after = without(entry, gone)
                if after is not entry:
                    log[place] = after
                    self._bytes += size(after) - size(entry)
                    if isinstance(entry.fact, TopicSet) and gone.said(entry):
                        topics.append((key, entry.fact.text))
                    if isinstance(entry.fact, Said) and not isinstance(after.fact, Said):
                        lines.setdefault(key, []).append(entry.seq)
                    else:
                        others += 1
        return succeed(Emptied(lines, others, topics, None))

    def room(self, key: str) -> Deferred[KeptLog | None]:
        """The room of this key, if the hub has forgotten it."""
        return succeed(self._rooms.get(key))

    def let_go(self, room: KeptLog) -> None:
        """The hub has forgotten this room."""
        self._rooms[room.key] = room

    def state(self) -> StoreState:
        """How much is kept."""
        return StoreState("memory", self._bytes, 0, None, 0)

    def close(self) -> Deferred[None]:
        """Nothing is left to do."""
        return succeed(None)

    def _take_back(self, redaction: Redaction) -> None:
        log = self._logs.get(redaction.key, deque())
        for seq in redaction.targets:
            place = bisect_left(log, seq, key=lambda entry: entry.seq)
            if place < len(log) and log[place].seq == seq:
                before, log[place] = log[place], emptied(log[place])
                self._bytes += size(log[place]) - size(before)

    def _drop_oldest(self) -> None:
        """Take one entry from the log that was quiet longest, and the log with its last one."""
        key, log = next(iter(self._logs.items()))
        self._bytes -= size(log.popleft())
        if not log:
            del self._logs[key]


def _first_right(log: Sequence[Entry], query: Query) -> int | None:
    """The number of the first that was said between the query's dates."""
    if query.since is None or query.now is None:
        return None
    dated = ((entry.at, entry.seq) for entry in log if query.since <= entry.at <= query.now)
    return min(dated, default=(None, None))[1]


def _fits(key: str, entry: Entry, query: Query, right: int | None, wanted: list[str]) -> bool:
    seq, at, fact, _ = entry
    return (
        (query.before is None or seq < query.before)
        and seq > query.behind.get(key, 0)
        and (query.since is None or at >= query.since)
        and (query.since is None or query.now is None or at <= query.now or (right is not None and seq > right))
        and (
            query.other is None
            or (query.to is not None and fact.author is not None and names.fold(fact.author.nick) == query.other)
            or (query.to is None and isinstance(fact, Private) and names.fold(partner(key, fact) or "") == query.other)
        )
        and (query.to is None or (is_heard(fact, query.to) and is_for(key, fact, query.to)))
        and (query.by is None or is_by(fact, query.by))
        and (not wanted or holds(getattr(fact, "text", ""), wanted))
    )
