"""The same store where several servers use one database: it gives all of their turns one order, in which each hears of
the others'.

What others stored is told in the order of the turns (`chat.store.postgresql.listening`), and so are the answers to this
node's own: what comes too early waits.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat import __version__
from chat.base import limits
from chat.base.errors import NotStored
from chat.base.language import Sentence, say
from chat.core.ports import Batch, Claim, Elsewhere, NodeState, Numbered
from chat.store.postgresql.commits import Adoption, told_of
from chat.store.postgresql.connection import Link
from chat.store.postgresql.listening import Listener, Reading, Told
from chat.store.postgresql.schema import Prepared, states
from chat.store.postgresql.store import Flight, PostgresStore
from chat.store.rows import as_json, date

logger = Logger()

ADOPTED = say("this server was taken for gone")


_INTRODUCED = """
    INSERT INTO nodes SELECT :node, :version, started_at, :options, moment() FROM servers WHERE epoch = :epoch
    ON CONFLICT (name) DO UPDATE SET (version, started_at, options, heard_at) =
        (excluded.version, excluded.started_at, excluded.options, excluded.heard_at)
"""


class PostgresNode(PostgresStore):
    """(SharedStore)"""

    shared = True

    def __init__(self, prepared: Prepared, reactor: Reading) -> None:
        super().__init__(prepared, reactor)
        self.node = prepared.node
        self._tell: Callable[[Elsewhere], None] = lambda elsewhere: None
        self._seen = prepared.tick
        """The turn that was told last."""
        self._heard: dict[int, Told] = {}
        """What cannot be told yet, by its turn."""
        self._own: tuple[int, Callable[[], None]] | None = None
        """In which turn this node's batch was kept, and what answers it."""
        self._listener = Listener(self._link(), reactor, self._epoch, self._seen, self._hear, self._lost)

    def start(self) -> None:
        """(Store)"""
        super().start()
        self._listener.start()

    def follow(self, tell: Callable[[Elsewhere], None]) -> None:
        """(SharedStore)"""
        self._tell = tell

    def beat(self, people: int) -> Deferred[Collection[str]]:
        """(SharedStore)"""
        lease = int(limits.LEASE_SECONDS)
        values = {"epoch": self._epoch, "seen": self._seen, "lease": lease, "people": people}

        def beat(link: Link) -> tuple[Collection[str] | None, int]:
            ((lapsed, tick),) = link.ask(
                "SELECT beat(:epoch, :seen, :lease, :people), (SELECT tick FROM clock)", values
            )
            return lapsed, tick

        def beaten(answer: tuple[Collection[str] | None, int]) -> Collection[str]:
            lapsed, tick = answer
            self._listener.expect(tick)
            if lapsed is None:
                raise NotStored(ADOPTED)
            return lapsed

        return self._change(beat).addCallback(beaten)

    def adopt(self, node: str) -> Deferred[None]:
        """(SharedStore)"""
        adoption = Adoption(self._epoch, node, lapsed=True)

        def go_on(more: bool) -> Deferred[None] | None:
            return self._change(adoption.go_on).addCallback(go_on) if more else None

        return self._change(adoption.go_on).addCallback(go_on)

    def introduce(self, holds: Mapping[str, str], written: Mapping[str, str]) -> None:
        """Let others know which options it has, as `NodeState` tells of them."""
        options = as_json([holds, written])
        about = {"node": self.node, "epoch": self._epoch, "version": __version__, "options": options}
        self._change(lambda link: link.ask(_INTRODUCED, about)).addErrback(
            lambda failure: logger.failure("The other servers could not be told of the options here", failure)
        )

    def drop_secret(self, name: str) -> None:
        """What nodes that start later are not to have any more."""
        self._change(lambda link: link.ask("DELETE FROM secrets WHERE name = :name", {"name": name})).addErrback(
            lambda failure: logger.failure("{what} could not be taken out of the database", failure, what=name)
        )

    def nodes(self) -> Deferred[Sequence[NodeState]]:
        """(SharedStore)"""
        return self._read(self._reader, states)

    def close(self) -> Deferred[None]:
        """(Store) Others need not wait until its lease has run out."""
        leave = "UPDATE servers SET until = least(until, moment()) WHERE epoch = :epoch"
        left = self._change(lambda link: link.ask(leave, {"epoch": self._epoch}))
        left.addErrback(lambda failure: failure.trap(NotStored) and None)
        return super().close().addCallback(lambda _: self._listener.close())

    # The order.

    @property
    def _last(self) -> int:
        return max(self._tick, self._listener.tick)

    def _header(self, batch: Batch, flight: Flight) -> dict[str, object]:
        return {**super()._header(batch, flight), "node": self.node, "seen": flight.seen}

    def _begin(self) -> Flight:
        return Flight(self._seen)

    def _numbered(self, batch: Batch, answer: Mapping[str, Any]) -> Numbered:
        taken = {Claim(person, nick): holder for person, nick, holder in answer["taken"]}
        firsts: Mapping[str, int] = answer["firsts"] or {}
        return Numbered(date(answer["at"]), firsts, taken, set(answer["outdated"]))

    def _landed(self, result: Numbered | Failure, flight: Flight) -> None:
        if isinstance(result, Failure):
            super()._landed(result, flight)
        else:
            self._own = flight.tick, partial(super()._landed, result, flight)
            self._go_on()

    def _hear(self, tick: int, told: Told | None) -> None:
        """The next turn; of this node's own the answer is under way."""
        if told is not None:
            self._heard[tick] = told
            self._go_on()

    def _lost(self, reason: Sentence) -> None:
        """What the others said cannot be told any more."""
        self._closing = True
        self._is_away(reason)

    def _go_on(self) -> None:
        """Tell what is next, as long as it is there."""
        while True:
            tick = self._seen + 1
            if self._own is not None and self._own[0] <= tick:
                (_, answer), self._own = self._own, None
                self._seen = tick
                answer()
                continue
            told = self._heard.pop(tick, None)
            if told is None:
                return
            self._seen = tick
            try:
                self._tell(told_of(told))
            except Exception:
                logger.failure("What another server stored could not be told")
