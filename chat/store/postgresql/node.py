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
from chat.base.errors import NotStored, TakenForGone
from chat.base.named_tuples import NamedTuple
from chat.core.ports import Batch, Claim, Elsewhere, Kept, NodeState, Numbered, Progress, Record, Unheard
from chat.store.postgresql import people
from chat.store.postgresql.commits import Adoption, told_of
from chat.store.postgresql.connection import ONE_VIEW, Link
from chat.store.postgresql.listening import Listener, Reading, Told
from chat.store.postgresql.opening import Prepared, kept, states
from chat.store.postgresql.store import Flight, Last, PostgresStore
from chat.store.rows import as_json, date

logger = Logger()

_INTRODUCED = """
    INSERT INTO nodes SELECT :node, :version, started_at, :options, moment() FROM servers WHERE epoch = :epoch
    ON CONFLICT (name) DO UPDATE SET (version, started_at, options, heard_at) =
        (excluded.version, excluded.started_at, excluded.options, excluded.heard_at)
"""


class Landed(NamedTuple):
    """In which turn this node's batch was kept, with which numbers, and what answers it."""

    tick: int
    numbered: Numbered
    answer: Callable[[], None]


class PostgresNode(PostgresStore):
    """(SharedStore)"""

    shared = True

    def __init__(self, prepared: Prepared, reactor: Reading) -> None:
        super().__init__(prepared, reactor)
        self.node = prepared.node
        self._date = prepared.date
        self.now = prepared.date.now
        """The date, as all nodes have it."""
        self._tell: Callable[[Elsewhere], None] = lambda elsewhere: None
        self._seen = prepared.tick
        """The turn that was told last."""
        self._heard: dict[int, Told] = {}
        """What cannot be told yet, by its turn."""
        self._own: Landed | None = None
        self._unheard: tuple[int, Callable[[], None]] | None = None
        """Up to which turn is to be told first of what refuses this node's batch, and then this."""
        self._flies = False
        """A batch is on its way."""
        self._anew: tuple[int, Kept] | None = None
        """What is held, as of this turn, where it is to be told anew."""
        self._listener = Listener(
            self._link(), reactor, self._epoch, self._seen, self._hear, self._all, self._hear_anew
        )

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

        def beat(link: Link) -> tuple[Collection[str] | None, int, int]:
            ((lapsed, tick, moment),) = link.ask(
                "SELECT beat(:epoch, :seen, :lease, :people), (SELECT tick FROM clock), moment()", values
            )
            return lapsed, tick, moment

        def beaten(answer: tuple[Collection[str] | None, int, int]) -> Collection[str]:
            lapsed, tick, moment = answer
            self._listener.expect(tick)
            self._date.is_now(date(moment))
            if lapsed is None:
                raise TakenForGone
            return lapsed

        return self._change(beat).addCallback(beaten)

    def adopt(self, node: str) -> Deferred[None]:
        """(SharedStore)"""
        adoption = Adoption(self._epoch, node, lapsed=True)

        def go_on(more: bool) -> Deferred[None] | None:
            return self._change(adoption.go_on).addCallback(go_on) if more else None

        return self._change(adoption.go_on).addCallback(go_on)

    def keep_progress(self, progress: Mapping[str, Progress]) -> Deferred[None]:
        """(SharedStore)"""
        rows = as_json([[digest, people.written_progress(one)] for digest, one in progress.items()])
        values = {"epoch": self._epoch, "node": self.node, "rows": rows}
        return self._change(lambda link: link.value("SELECT keep_progress(:epoch, :node, :rows)", values))

    def progress(self, sessions: Collection[str]) -> Deferred[Mapping[str, Progress]]:
        """(SharedStore)"""
        return self._read(self._reader, lambda link: people.progress(link, sessions))

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

    def _all(self, link: Link) -> tuple[int, Kept]:
        """The last turn, and all that is held."""
        link.seconds = limits.ANEW_SECONDS
        try:
            with link.transaction(ONE_VIEW):
                return link.value("SELECT tick FROM clock"), kept(self._address, link, self.node, whole=True)
        finally:
            link.seconds = limits.STATEMENT_SECONDS

    # The order.

    @property
    def _last(self) -> Last:
        return max(self._own_last, self._listener.last, key=lambda last: last.tick)

    def _header(self, batch: Batch, flight: Flight) -> dict[str, object]:
        return {**super()._header(batch, flight), "node": self.node, "seen": flight.seen}

    def _begin(self) -> Flight:
        self._flies = True
        return Flight(self._seen)

    def _numbered(self, batch: Batch, answer: Mapping[str, Any]) -> Numbered:
        taken = {Claim(person, nick): holder for person, nick, holder in answer["taken"]}
        firsts: Mapping[str, int] = answer["firsts"] or {}
        late = [Record(*record) for record in answer.get("late", ())]
        return Numbered(date(answer["at"]), firsts, taken, set(answer["outdated"]), late)

    def _landed(self, result: Numbered | Failure, flight: Flight) -> None:
        self._flies = False
        land = partial(super()._landed, result, flight)
        if isinstance(result, Failure) and isinstance(result.value, Unheard | TakenForGone):
            self._unheard = flight.tick, land
            self._tell_anew()
            self._go_on()
        elif isinstance(result, Failure):
            self._tell_anew()
            land()
        else:
            self._own = Landed(flight.tick, result, land)
            self._tell_anew()
            self._go_on()

    def _hear_anew(self, tick: int, held: Kept) -> None:
        """Turns before this one are not known any more, but what there is by then."""
        self._anew = tick, held
        if not self._flies:  # else it is told when it is known what became of that
            self._tell_anew()
            self._go_on()

    def _tell_anew(self) -> None:
        if self._anew is None:
            return
        (tick, held), self._anew = self._anew, None
        if self._own is not None and self._own.tick <= tick:
            # It stands behind what is not known any more, and before what is known now.
            heads = {key: first - 1 for key, first in self._own.numbered.firsts.items()}
            self._told(Elsewhere((), (), heads=heads))
            self._answer(self._own)
        self._seen = tick
        self._heard = {later: told for later, told in self._heard.items() if later > tick}
        self._told(Elsewhere((), (), anew=held))

    def _answer(self, own: Landed) -> None:
        self._own = None
        self._seen = own.tick
        own.answer()

    def _told(self, elsewhere: Elsewhere) -> None:
        try:
            self._tell(elsewhere)
        except Exception:
            logger.failure("What another server stored could not be told")

    def _hear(self, tick: int, told: Told | None) -> None:
        """The next turn; of this node's own the answer is under way."""
        if told is not None:
            self._heard[tick] = told
            self._go_on()

    def _go_on(self) -> None:
        """Tell what is next, as long as it is there."""
        while True:
            tick = self._seen + 1
            if self._unheard is not None and self._unheard[0] < tick:
                (_, land), self._unheard = self._unheard, None
                land()
                continue
            if self._own is not None and self._own.tick <= tick:
                self._answer(self._own)
                continue
            told = self._heard.pop(tick, None)
            if told is None:
                return
            self._seen = tick
            try:
                elsewhere = told_of(told)
            except Exception:
                logger.failure("What another server stored could not be read")
            else:
                self._told(elsewhere)
