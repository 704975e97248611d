"""Several servers that share one store, in memory: one order of all turns, and each is told of the others'."""

from collections import deque
from datetime import timedelta
from typing import Any, NamedTuple

from stores import DISK_FULL
from twisted.internet.defer import Deferred, fail, succeed

from chat.base.errors import NotStored
from chat.core.nicknames import Nicknames
from chat.core.ports import Appended, Batch, Duplicates, Elsewhere, KeptLog, Known, LineId, Numbered
from chat.store.memory import MemoryStore


class Turn(NamedTuple):
    """What was committed, as it is numbered, and who waits for the answer."""

    batch: Batch
    node: "Node"
    done: Deferred[Numbered]


class Cluster:
    """Where all that the nodes commit gets its place; its clock is ahead of theirs."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.logs: dict[str, KeptLog] = {}
        self.topics: dict[str, str] = {}
        self.ids: dict[LineId, Known] = {}
        self.names = Nicknames[str]()
        self.refusals = 0
        """So many commits are refused from now on."""

    def node(self) -> "Node":
        """One more of them."""
        node = Node(self)
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
        numbered = self._number(batch)
        self.ids.update(numbered.ids)
        self.topics.update({record.key: record.value or "" for record in batch.records if record.kind == "topic"})
        done: Deferred[Numbered] = Deferred()
        for other in self.nodes:
            other.comes.append(Turn(numbered, node, done))
            if not other.slow:
                other.let()
        return done

    def _number(self, batch: Batch) -> Batch:
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
        return Batch(appended, batch.records, ids, Numbered(at, firsts, taken), redactions=batch.redactions)

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

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.cluster = cluster
        self.slow = False
        self.comes: deque[Turn] = deque()
        self._tell: Any = None

    def follow(self, tell: Any) -> None:
        self._tell = tell

    def commit(self, batch: Batch) -> Deferred[Numbered]:
        return self.cluster.commit(batch, self)

    def let(self) -> None:
        """The next turn reaches this node."""
        batch, node, done = self.comes.popleft()
        super().commit(batch)
        if node is self:
            done.callback(batch.proposed)
        else:
            self._tell(Elsewhere(batch.appended, batch.records, batch.redactions))

    def room(self, key: str) -> Deferred[Any]:
        kept = self.cluster.logs.get(key)
        return succeed(None if kept is None else kept._replace(topic=self.cluster.topics.get(key, "")))
