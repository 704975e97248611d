"""Several servers that share one store, in memory: one order of all turns, and each is told of the others'."""

from collections import deque
from datetime import timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from stores import DISK_FULL
from twisted.internet.defer import Deferred, fail, succeed

from chat.base.errors import NotStored
from chat.core.nicknames import Nicknames
from chat.core.ports import (
    Appended,
    Batch,
    Duplicates,
    Elsewhere,
    KeptLog,
    Known,
    LineId,
    Numbered,
    PersonRecord,
    Record,
    Remembered,
    SessionRecord,
)
from chat.store.memory import MemoryStore

R = TypeVar("R")


class Turn(NamedTuple):
    """What was committed, as it is numbered, and who waits for the answer."""

    batch: Batch
    node: "Node"
    done: Deferred[Numbered]


class Row(NamedTuple, Generic[R]):
    """What is kept of somebody, or of a session, by which node that was stored, and as part of which turn."""

    record: R
    node: str
    tick: int


class Cluster:
    """Where all that the nodes commit gets its place; its clock is ahead of theirs."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.logs: dict[str, KeptLog] = {}
        self.records: dict[tuple[str, str], Record] = {}
        self.ids: dict[LineId, Known] = {}
        self.names = Nicknames[str]()
        self.people: dict[str, Row[PersonRecord | None]] = {}
        self.sessions: dict[str, Row[SessionRecord | None]] = {}
        self.tick = 0
        self.refusals = 0
        """So many commits are refused from now on."""

    def node(self) -> "Node":
        """One more of them."""
        node = Node(self, f"node{len(self.nodes)}")
        self.nodes.append(node)
        return node

    def commit(self, batch: Batch, node: "Node") -> Deferred[Numbered]:
        """Keep it as the last one so far; refuse what was kept before."""
        if self.refusals:
            self.refusals -= 1
            return fail(NotStored(DISK_FULL))
        known = {line: self.ids[line] for line in batch.ids if line in self.ids}
        if known:
            return fail(Duplicates(known))
        self.tick += 1
        numbered = self._number(batch, node)
        self.ids.update(numbered.ids)
        self.records.update({(record.kind, record.key): record for record in batch.records})
        done: Deferred[Numbered] = Deferred()
        for other in self.nodes:
            other.comes.append(Turn(numbered, node, done))
            if not other.slow:
                other.let()
        return done

    def _number(self, batch: Batch, node: "Node") -> Batch:
        at = batch.proposed.at + timedelta(seconds=1)
        appended, firsts = [], {}
        for key, name, recorded, entries in batch.appended:
            first = firsts[key] = self.logs[key].head + 1 if key in self.logs else 1
            mine = [entry._replace(seq=seq, at=at) for seq, entry in enumerate(entries, first)]
            appended.append(Appended(key, name, recorded, mine))
            self.logs[key] = KeptLog(key, name, mine[-1].seq)
        ids = {}
        for line, (place, digest) in batch.ids.items():
            seq = place.seq - batch.proposed.firsts[place.key] + firsts[place.key]
            ids[line] = Known(place._replace(seq=seq, at=at), digest)
        taken = {claim: holder for claim in batch.claims if (holder := self._claim(*claim)) is not None}
        people, sessions = batch.remembered
        outdated: set[str] = set()
        remembered = Remembered(
            self._keep(self.people, people, node, outdated), self._keep(self.sessions, sessions, node, outdated)
        )
        claims = [claim for claim in batch.claims if claim not in taken]
        numbered = Numbered(at, firsts, taken, outdated)
        return Batch(appended, batch.records, ids, numbered, remembered, claims, batch.redactions)

    def _keep(self, rows: dict[str, Row[R]], new: Any, node: "Node", outdated: set[str]) -> dict[str, R]:
        """Of these what no other node has stored later than what this one was told of."""
        kept: dict[str, R] = {}
        for key, record in new.items():
            row = rows.get(key)
            if row is not None and row.node != node.name and row.tick > node.seen:
                outdated.add(key)
            else:
                kept[key] = record
                rows[key] = Row(record, node.name, self.tick)
        return kept

    def _claim(self, person: str, nick: str | None) -> str | None:
        """Whose it is, None for theirs."""
        if nick is None:
            self.names.release(person)
        elif (holder := self.names.holder(nick, person)) is not None:
            return self.names._names[holder]
        else:
            self.names.claim(nick, person)
        return None


class Node(MemoryStore):
    """One server's store.  While it is `slow` what is committed reaches it only when a test lets it, in order."""

    shared = True

    def __init__(self, cluster: Cluster, name: str) -> None:
        super().__init__()
        self.cluster = cluster
        self.name = name
        self.slow = False
        self.seen = cluster.tick
        """The last turn that reached it."""
        self.comes: deque[Turn] = deque()
        self._tell: Any = None

    def follow(self, tell: Any) -> None:
        self._tell = tell

    def commit(self, batch: Batch) -> Deferred[Numbered]:
        return self.cluster.commit(batch, self)

    def let(self) -> None:
        """The next turn reaches this node."""
        batch, node, done = self.comes.popleft()
        self.seen += 1
        super().commit(batch)
        if node is self:
            done.callback(batch.proposed)
        else:
            told = Elsewhere(batch.appended, batch.records, batch.redactions, batch.claims, batch.remembered, node.name)
            self._tell(told)

    def room(self, key: str) -> Deferred[Any]:
        kept = self.cluster.logs.get(key)
        topic = self.cluster.records.get(("topic", key))
        return succeed(None if kept is None else kept._replace(topic=(topic and topic.value) or ""))
