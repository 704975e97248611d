"""Several servers that share one store, in memory: one order of all turns, and each is told of the others'."""

from collections import defaultdict, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from stores import AWAY, DISK_FULL
from twisted.internet.defer import Deferred, fail, succeed
from world import START

from chat.base.errors import NotStored, StoreAway, TakenForGone
from chat.core.nicknames import Nicknames
from chat.core.ports import (
    Appended,
    Batch,
    Claim,
    Duplicates,
    Elsewhere,
    InDoubt,
    Kept,
    KeptLog,
    Known,
    LineId,
    NodeState,
    Numbered,
    PersonRecord,
    Progress,
    Record,
    Remembered,
    SessionRecord,
    TakenOver,
    Unheard,
)
from chat.core.progress import read_on
from chat.log.events import Entry
from chat.store.memory import MemoryStore
from chat.store.unusable import unreadable

R = TypeVar("R")


class Turn(NamedTuple):
    """What was committed, as it is numbered, and who waits for the answer."""

    batch: Batch
    node: "Node"
    done: Deferred[Numbered]


class Refusal(NamedTuple):
    """Why a batch was refused, and who waits for the answer."""

    why: Exception
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
        self.entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self.records: dict[tuple[str, str], Record] = {}
        self.ids: dict[LineId, Known] = {}
        self.refused: dict[LineId, tuple[str, int]] = {}
        """By which node, and in which turn."""
        self.names = Nicknames[str]()
        self.claimed_by: dict[str, str] = {}
        """The names of nodes, by the ids of people."""
        self.people: dict[str, Row[PersonRecord | None]] = {}
        self.sessions: dict[str, Row[SessionRecord | None]] = {}
        self.progress: dict[str, Progress] = {}
        """How far people have read on sessions since their records were stored."""
        self.tick = 0
        self.last_at = datetime(1970, 1, 1, tzinfo=UTC)
        self.now: Callable[[], datetime] = lambda: START
        self.lapsed: set[str] = set()
        """The names of nodes that have not said for long that they are there."""
        self.adopted_at_once = 1
        """So many sessions are adopted in one turn."""
        self.refusals = 0
        """So many commits are refused from now on."""

    def node(self, name: str = "") -> "Node":
        """One more of them, or one that is started again: it adopts what it had."""
        before = next((node for node in self.nodes if node.name == name), None)
        node = Node(self, name or f"node{len(self.nodes)}")
        if before is not None:
            self.nodes.remove(before)
            self.adopt(name, name)
            node.seen = self.tick
        self.nodes.append(node)
        return node

    def adopt(self, gone: str, by: str) -> None:
        """The sessions of one node are of another one, and end where they had a connection, some in each turn."""
        theirs = [digest for digest, row in self.sessions.items() if row.node == gone and row.record is not None]
        at = self.now()
        while True:
            self.tick += 1
            ended, theirs = theirs[: self.adopted_at_once], theirs[self.adopted_at_once :]
            for digest in ended:
                record = self.sessions[digest].record
                assert record is not None
                self.sessions[digest] = Row(record._replace(ended_at=record.ended_at or at), by, self.tick)
            claims = [] if theirs else self._give_up_names(gone)
            told = Elsewhere((), (), claims=claims, node=by, adopted=gone, ended=dict.fromkeys(ended, at))
            for other in self.nodes:
                if other.name == gone != by:
                    other.adopted = self.tick
                other.hears(told)
            if not theirs:
                break
        self.lapsed.discard(gone)

    def _give_up_names(self, gone: str) -> list[Claim]:
        """Nicknames that this node had claimed for somebody who is not called so."""
        claims = [Claim(person, None) for person in self.names._names if self._was_coming(person, gone)]
        for claim in claims:
            self.names.release(claim.person)
        for person, nick in list(self.names._names.items()):
            record = self.people[person].record if person in self.people else None
            is_theirs = record is not None and record.nick != nick and self.claimed_by.get(person) == gone
            if record is not None and is_theirs and self._claim(person, record.nick) is None:
                claims.append(Claim(person, record.nick))
        return claims

    def _was_coming(self, person: str, node: str) -> bool:
        """Whether this node had claimed a nickname for somebody who had not come in yet, or again."""
        record = self.people[person].record if person in self.people else None
        is_in = record is not None and (not record.absent or record.password is not None)
        return self.claimed_by.get(person) == node and not is_in

    def kept(self, node: str) -> Kept:
        """What a node finds that starts."""
        records = [record for record in self.records.values() if record.value is not None]
        people = {id: row.record for id, row in self.people.items() if row.record is not None}
        sessions = {digest: row.record for digest, row in self.sessions.items() if row.record is not None}
        elsewhere = {digest: row.node for digest, row in self.sessions.items() if row.node != node}
        claims = [Claim(person, nick) for person, nick in self.names._names.items()]
        remembered = read_on(Remembered(people, sessions), self.progress)
        return Kept(list(self.logs.values()), records, remembered=remembered, elsewhere=elsewhere, claims=claims)

    def commit(self, batch: Batch, node: "Node", seen: int) -> Deferred[Numbered]:
        """Keep it as the last one so far, where it was sent after this turn was told there; refuse what was kept
        before."""
        if node.adopted > seen:
            return node.refuses(TakenForGone())
        if self.refusals:
            self.refusals -= 1
            return fail(NotStored(DISK_FULL))
        known = {line: self.ids[line] for line in batch.ids if line in self.ids}
        refused = {line for line in batch.ids if self._is_refused(line, node, seen)}
        if known or refused:
            return fail(Duplicates(known, refused))
        if elsewhere := {digest for digest in batch.by if self._is_elsewhere(digest, batch, node, seen)}:
            return fail(TakenOver(elsewhere))
        if any(
            self._is_outdated(self.people.get(id), node, seen) for id in batch.remembered.people.keys() & batch.moved
        ):
            return node.refuses(Unheard())
        self.tick += 1
        numbered = self._number(batch, node, seen)
        self.ids.update(numbered.ids)
        self.refused.update(dict.fromkeys(batch.refused, (node.name, self.tick)))
        self.records.update({(record.kind, record.key): record for record in numbered.records})
        done: Deferred[Numbered] = Deferred()
        for other in self.nodes:
            other.hears(Turn(numbered, node, done))
        return done

    def _is_refused(self, line: LineId, node: "Node", seen: int) -> bool:
        """Whether another node has refused this line, and this one had not heard of that."""
        by, tick = self.refused.get(line, (node.name, 0))
        return by != node.name and tick > seen

    def _is_elsewhere(self, digest: str, batch: Batch, node: "Node", seen: int) -> bool:
        """Whether this session is another node's, and does not become this one's."""
        if (row := self.sessions.get(digest)) is None or row.node == node.name:
            return False
        return row.tick > seen or digest not in batch.remembered.sessions

    def _number(self, batch: Batch, node: "Node", seen: int) -> Batch:
        at = self.last_at = max(self.last_at, batch.proposed.at + timedelta(seconds=1))
        appended, firsts = [], {}
        for key, name, recorded, entries in batch.appended:
            first = firsts[key] = self.logs[key].head + 1 if key in self.logs else 1
            mine = [entry._replace(seq=seq, at=at) for seq, entry in enumerate(entries, first)]
            appended.append(Appended(key, name, recorded, mine))
            self.entries[key] += mine
            self.logs[key] = KeptLog(key, name, mine[-1].seq)
        ids = {}
        for line, (place, digest) in batch.ids.items():
            seq = place.seq - batch.proposed.firsts[place.key] + firsts[place.key]
            ids[line] = Known(place._replace(seq=seq, at=at), digest)
        taken = {claim: holder for claim in batch.claims if (holder := self._claim(*claim)) is not None}
        self.claimed_by.update({claim.person: node.name for claim in batch.claims if claim not in taken})
        people, sessions = batch.remembered
        outdated: set[str] = set()
        remembered = Remembered(
            self._keep(self.people, people, node, seen, outdated),
            self._keep(self.sessions, sessions, node, seen, outdated),
        )
        for digest in remembered.sessions.keys() & self.progress.keys():
            record = remembered.sessions[digest]
            if record is not None:
                anew = {"given": record.given, "seen_at": record.seen_at}
                self.progress[digest] = self.progress[digest]._replace(**anew)
        claims = [claim for claim in batch.claims if claim not in taken]
        exchanged = {exchange.record: self._is_first(*exchange) for exchange in batch.exchanges}
        late = [record for record, is_first in exchanged.items() if not is_first]
        records = [*batch.records, *(record for record, is_first in exchanged.items() if is_first)]
        numbered = Numbered(at, firsts, taken, outdated, late)
        return Batch(appended, records, ids, numbered, remembered, claims, batch.redactions, refused=batch.refused)

    def _is_first(self, record: Record, before: str | None) -> bool:
        """Whether nobody else has made something else of it."""
        kept = self.records.get((record.kind, record.key))
        return (None if kept is None else kept.value) == before

    def _keep(self, rows: dict[str, Row[R]], new: Any, node: "Node", seen: int, outdated: set[str]) -> dict[str, R]:
        """Of these what no other node has stored later than what this one was told of."""
        kept: dict[str, R] = {}
        for key, record in new.items():
            if self._is_outdated(rows.get(key), node, seen):
                outdated.add(key)
            else:
                kept[key] = record
                rows[key] = Row(record, node.name, self.tick)
        return kept

    def _is_outdated(self, row: "Row[Any] | None", node: "Node", seen: int) -> bool:
        """Whether another node has stored this later than what was told here."""
        return row is not None and row.node != node.name and row.tick > seen

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
        self.people = self.behind = 0
        self.options: dict[str, str] = {}
        self.written: dict[str, str] = {}
        self.knows_heads = True
        """It is told how far such a log goes."""
        self.deaf = False
        """It does not hear what is said where nothing is recorded."""
        self.away = False
        """It cannot be reached: of what it was given nothing is known, and it takes nothing more."""
        self._doubted: Deferred[Numbered] | None = None
        self.unreadable = False
        """It cannot be asked how far people have read."""
        self.late = False
        """What it commits is on its way until a test lets it arrive."""
        self.under_way: deque[tuple[Batch, int, Deferred[Numbered]]] = deque()
        self.adopted = 0
        """In which turn another node adopted the last of its sessions."""
        self.comes: deque[Turn | Elsewhere | Refusal] = deque()
        """A turn that is refused for what it had not heard is told so when it has."""
        self._tell: Any = None

    @property
    def fenced(self) -> bool:
        """Another node has adopted its sessions, and it was not told so yet."""
        return self.adopted > self.seen

    def follow(self, tell: Any) -> None:
        self._tell = tell

    def commit(self, batch: Batch) -> Deferred[Numbered]:
        if self.late:
            done: Deferred[Numbered] = Deferred()
            self.under_way.append((batch, self.seen, done))
            return done
        if not self.away:
            return self.cluster.commit(batch, self, self.seen)
        if self._doubted is not None:
            return fail(StoreAway(AWAY))
        self.slow = True
        self._doubted = self.cluster.commit(batch, self, self.seen)
        return fail(InDoubt(self._doubted))

    def arrive(self) -> None:
        """What is on its way is committed."""
        batch, seen, done = self.under_way.popleft()
        self.cluster.commit(batch, self, seen).chainDeferred(done)

    def back(self) -> None:
        """It is reached again."""
        self.away = self.slow = False
        self._doubted = None

    @property
    def node(self) -> str:
        return self.name

    def beat(self, people: int) -> Deferred[Any]:
        self.people, self.behind = people, self.cluster.tick - self.seen
        if self.away:
            return fail(StoreAway(AWAY))
        if not self.fenced:
            self.cluster.lapsed.discard(self.name)
        return succeed(sorted(self.cluster.lapsed - {self.name}))

    def keep_progress(self, progress: Any) -> Deferred[None]:
        if self.away or self.late:
            return fail(StoreAway(AWAY))
        for digest, of_one in progress.items():
            row = self.cluster.sessions.get(digest)
            if row is not None and row.record is not None and row.node == self.name and self in self.cluster.nodes:
                self.cluster.progress[digest] = of_one
        return succeed(None)

    def progress(self, sessions: Any) -> Deferred[Any]:
        if self.away or self.unreadable:
            return fail(unreadable(AWAY))
        records = {digest: row.record for digest in sessions if (row := self.cluster.sessions.get(digest)) is not None}
        return succeed({digest: self._progress(digest, record) for digest, record in records.items() if record})

    def _progress(self, digest: str, record: SessionRecord) -> Progress:
        beside = self.cluster.progress.get(digest)
        return beside or Progress(record.seen_at, datetime(1970, 1, 1, tzinfo=UTC), record.given, {})

    def nodes(self) -> Deferred[Any]:
        at = self.cluster.now()
        lapsed = self.cluster.lapsed
        return succeed(
            [
                NodeState(
                    node.name,
                    "1",
                    at,
                    at,
                    None if node.name in lapsed else 9,
                    node.people,
                    node.behind,
                    node.options,
                    node.written,
                )
                for node in self.cluster.nodes
            ]
        )

    def adopt(self, node: str) -> Deferred[None]:
        if node in self.cluster.lapsed:
            self.cluster.adopt(node, self.name)
        return succeed(None)

    def refuses(self, why: Exception) -> Deferred[Numbered]:
        """It is told so when it has heard all that was before it."""
        refusal = Refusal(why, Deferred())
        self.hears(refusal)
        return refusal.done

    def hears(self, turn: "Turn | Elsewhere | Refusal") -> None:
        """This is the next one for it."""
        self.comes.append(turn)
        if not self.slow:
            self.let()

    def let(self) -> None:
        """The next turn reaches this node."""
        turn = self.comes.popleft()
        if isinstance(turn, Refusal):
            turn.done.errback(turn.why)
            return
        self.seen += 1
        if isinstance(turn, Elsewhere):
            self._tell(turn)
            return
        batch, node, done = turn
        super().commit(batch)
        if node is self:
            done.callback(batch.proposed)
        else:
            heard = [one for one in batch.appended if one.recorded or not self.deaf]
            told = Elsewhere(
                heard,
                batch.records,
                batch.redactions,
                {one.key: one.entries[-1].seq for one in batch.appended if self.knows_heads and one not in heard},
                batch.claims,
                batch.remembered,
                node.name,
                refused=batch.refused,
            )
            self._tell(told)

    def read_anew(self) -> None:
        """It could not listen for long: what it was to hear is not known any more, and it is told of all that is
        held; before that its own turn is answered, if one of these is."""
        refused = [turn for turn in self.comes if isinstance(turn, Refusal)]
        while self.comes:
            turn = self.comes.popleft()
            if isinstance(turn, Elsewhere | Refusal):
                continue
            batch, node, done = turn
            super().commit(batch)
            if node is self:
                firsts = {one.key: one.entries[0].seq - 1 for one in batch.appended}
                self._tell(Elsewhere((), (), heads=firsts))
                done.callback(batch.proposed)
        self.seen = self.cluster.tick
        self._tell(Elsewhere((), (), anew=self.cluster.kept(self.name)))
        for why, done in refused:
            done.errback(why)

    def room(self, key: str) -> Deferred[Any]:
        kept = self.cluster.logs.get(key)
        topic = self.cluster.records.get(("topic", key))
        return succeed(None if kept is None else kept._replace(topic=(topic and topic.value) or ""))
