"""The store in a database of PostgreSQL: one thread that writes to it and two that read, each with a connection.

A batch is one call of a function of the database, and one round trip.  Where its answer is lost the same turn, by its
number, is asked for again, as long as it takes: nobody is told that a line was not stored which is there.  Meanwhile
nothing else is taken: what has not been sent never will be.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.errors import NotStored, Refused, StoreAway, TakenForGone
from chat.base.language import Sentence, language, say
from chat.base.named_tuples import NamedTuple
from chat.core.ports import (
    Batch,
    Duplicates,
    Emptied,
    Found,
    InDoubt,
    KeptLog,
    Known,
    LineId,
    Numbered,
    Query,
    Spoken,
    StoreState,
    Stretch,
    TakenOver,
    Unheard,
)
from chat.log.events import Entry
from chat.log.forgetting import Forgotten
from chat.log.redaction import Speaker
from chat.log.unread import Listener, Unread
from chat.store.keep import Keep
from chat.store.postgresql.commits import known, line_ids, redacted, told, turn
from chat.store.postgresql.connection import Link
from chat.store.postgresql.copying import pause, to_file
from chat.store.postgresql.exchange import CONTRADICTS, Failed, Unreachable
from chat.store.postgresql.forgetting import called, forget, nicks, spoken
from chat.store.postgresql.opening import Prepared, locked, suits
from chat.store.postgresql.queries import after, copies, room, said, unread
from chat.store.postgresql.retention import due, trim
from chat.store.postgresql.servers import Watch
from chat.store.retention import Trimmed
from chat.store.sqlite.backup import back_up
from chat.store.unusable import Unusable, not_copied, unreadable
from chat.store.worker import Reactor, Worker

logger = Logger()

Result = TypeVar("Result")

AWAY = say("the database cannot be reached")
FENCED = say("another server uses the database now")


class Flight:
    """A batch that is on its way, and who waits for what becomes of it."""

    def __init__(self, seen: int = 0) -> None:
        self.waits: Deferred[Numbered] = Deferred()
        self.late_at = time.monotonic() + limits.STORE_AWAY_SECONDS
        self.landed = False
        self.seen = seen
        """The last turn of others that was told before it began."""
        self.tick = 0
        """The turn as which it was kept."""


class Last(NamedTuple):
    """The last turn that is known here, and which epoch's it was, where that is known."""

    tick: int
    epoch: int | None = None


class PostgresStore:
    """Keeps everything.  Nothing happens before `start`, which may come in another process than the preparation."""

    def __init__(self, prepared: Prepared, reactor: Reactor) -> None:
        self._address = prepared.address
        self._reactor = reactor
        self._epoch = prepared.epoch
        self._node = prepared.node
        self._own_last = Last(prepared.tick)
        self._number = 0
        self._locked = True
        self._away = False
        """The database could not be reached for so long that nothing more is taken."""
        self._closing = False
        self._size = 0
        self._servers = prepared.writer.servers
        prepared.writer.fit = self._suits_writer
        self._writer = Worker("chat-writer", lambda: prepared.writer, reactor)
        self._reader = Worker("chat-reader", self._link, reactor)
        self._searcher = Worker("chat-searcher", self._link, reactor)
        self._watch = Watch(self._servers)

    shared = False

    def start(self) -> None:
        """Begin, with what was asked for so far."""
        self._writer.start()
        self._reader.start()
        self._searcher.start()
        self._watch.start()

    def _link(self) -> Link:
        return Link(self._servers, self._suits)

    def _suits(self, link: Link) -> None:
        """One that was the primary once, or lost what was acknowledged, would say that it is not there, or has
        something else in its place.

        Or it shows what its standby never got: so something is written first, which waits for that.
        """
        suits(link)
        last = self._last
        ((tick, epoch),) = link.ask(_HAS, {"last": last.tick})
        if tick < last.tick or (None not in (epoch, last.epoch) and epoch != last.epoch):
            raise Unreachable(say("it does not have what was stored last"), asked=False)
        link.ask("UPDATE clock SET tick = tick")

    @property
    def _last(self) -> Last:
        return self._own_last

    def _suits_writer(self, link: Link) -> None:
        self._suits(link)
        # It may be our own connection of before that still holds it; the epoch says whether another server came.
        self._locked = locked(link, self._node)

    def commit(self, batch: Batch) -> Deferred[Numbered]:
        """Keep a batch; fires when it is durable, fails with `NotStored` or `Duplicates` where nothing was kept, and
        with `InDoubt` where that is not known yet."""
        if self._away:
            return fail(StoreAway(AWAY))
        flight = self._begin()
        self._writer.do(partial(self._commit, batch=batch, flight=flight)).addBoth(self._landed, flight)
        return flight.waits

    def _begin(self) -> Flight:
        return Flight()

    def _header(self, batch: Batch, flight: Flight) -> dict[str, object]:
        """What names a turn."""
        return {"epoch": self._epoch, "n": self._number}

    def _numbered(self, batch: Batch, answer: Mapping[str, Any]) -> Numbered:
        """What numbers and which date the batch has."""
        return batch.proposed

    def _commit(self, link: Link, batch: Batch, flight: Flight) -> Numbered:
        self._number += 1
        sent = ""
        asked = told_of = False
        pause = limits.RECONNECT_LEAST_SECONDS
        while True:
            try:
                if not self._locked:
                    self._locked = locked(link, self._node)
                sent = sent or turn(batch, self._header(batch, flight), redacted(link, batch.redactions))
                answer = link.value("SELECT keep(:turn)", {"turn": sent})
                break
            except Unreachable as error:
                asked = asked or (error.asked and bool(sent))
                late = time.monotonic() >= flight.late_at
                if (late and not asked) or self._closing:
                    raise Unreachable(error.reason, asked=False) from None
                if late and not told_of:
                    told_of = True
                    self._reactor.callFromThread(self._in_doubt, flight, error.reason)
            time.sleep(pause)
            pause = min(2 * pause, limits.RECONNECT_MOST_SECONDS)
        if "known" in answer:
            raise Duplicates(told(answer["known"] or ()), line_ids(answer["refused"]))
        if "elsewhere" in answer:
            raise TakenOver(answer["elsewhere"])
        if "unheard" in answer:
            flight.tick = answer["unheard"]
            raise Unheard
        if "adopted" in answer:
            flight.tick = answer["adopted"]
            raise TakenForGone
        if "fenced" in answer:
            raise NotStored(FENCED)
        flight.tick = answer["tick"]
        self._own_last = Last(flight.tick, self._epoch)
        return self._numbered(batch, answer)

    def _in_doubt(self, flight: Flight, reason: Sentence) -> None:
        """What becomes of a batch is not known for long: whoever waits goes on, and nothing else is taken meanwhile."""
        if not flight.landed:
            self._is_away(reason)
            waiting, flight.waits = flight.waits, Deferred()
            waiting.errback(InDoubt(flight.waits))

    def _landed(self, result: Numbered | Failure, flight: Flight) -> None:
        flight.landed = True
        if not isinstance(result, Failure):
            self._is_back()
            flight.waits.callback(result)
        elif isinstance(error := result.value, Unreachable):
            self._is_away(error.reason)
            self._writer.do(self._come_back).addCallback(lambda _: self._is_back())
            flight.waits.errback(StoreAway(AWAY))
        else:
            self._is_back()
            try:
                _unwritten(result)
            except Exception:
                flight.waits.errback(Failure())

    def _come_back(self, link: Link) -> None:
        """Wait for the database."""
        while not self._closing:
            try:
                link.ask("SELECT 1")
            except Unreachable:
                time.sleep(limits.RECONNECT_MOST_SECONDS)
            else:
                return

    def _is_away(self, reason: Sentence) -> None:
        if not self._away:
            self._away = True
            logger.error("The database cannot be reached: {reason}", reason=in_log(reason))

    def _is_back(self) -> None:
        if self._away:
            self._away = False
            logger.info("The database is reached again")

    def _read(self, worker: Worker[Link], work: Callable[[Link], Result]) -> Deferred[Result]:
        """Ask; a connection that was lost meanwhile is no reason to say that something cannot be read."""
        if self._away:
            return fail(unreadable(AWAY))

        def read(link: Link) -> Result:
            try:
                return work(link)
            except Unreachable:
                return work(link)

        return worker.do(read).addErrback(_not_read)

    def after(self, key: str, position: int, most: int) -> Deferred[list[Entry]]:
        """Up to `most` of the oldest entries that are held behind a position, of long ones a page; where they cannot be
        read, as soon as they can be, for what is there is not to be called gone."""
        return self._read_at_last(lambda link: after(link, key, position, most))

    def _read_at_last(self, work: Callable[[Link], Result]) -> Deferred[Result]:
        """Ask until it can be answered."""

        def waited(failure: Failure) -> Deferred[Result]:
            failure.trap(Refused)
            again: Deferred[Result] = Deferred()
            if not self._closing:
                self._reactor.callLater(
                    limits.RECONNECT_MOST_SECONDS, lambda: self._read_at_last(work).chainDeferred(again)
                )
            return again

        return self._read(self._reader, work).addErrback(waited)

    def said(self, query: Query) -> Deferred[Found]:
        """What people said, of each log no more than the newest `COUNTED` that an index finds."""
        if query.words or query.to:
            return self._read(self._searcher, lambda link: said(link, query, limits.SEARCH_SECONDS))
        return self._read(self._reader, lambda link: said(link, query))

    def unread(self, stretches: Mapping[str, Stretch], listener: Listener) -> Deferred[Mapping[str, Unread]]:
        """What is new for somebody in stretches of these logs, of each no more than the last `UNREAD_MOST` things."""
        return self._read(self._reader, lambda link: unread(link, stretches, listener))

    def known(self, ids: Sequence[LineId]) -> Deferred[Mapping[LineId, Known]]:
        """The lines with these ids that were stored; where that cannot be read, as soon as it can be: what becomes of
        one that is on its way is known by then."""
        return self._read_at_last(lambda link: known(link, ids))

    def copies(self, key: str, private: Entry) -> Deferred[Sequence[int]]:
        """The numbers of all private lines in the log of this key that say what this one says, of the same turn."""
        return self._read(self._reader, lambda link: copies(link, key, private))

    def spoken(self, speaker: Speaker, behind: int) -> Deferred[Spoken]:
        """What somebody said, in all logs, a part after the other; the first is behind 0."""
        return self._read(self._searcher, lambda link: spoken(link, speaker, behind))

    def nicks(self, ids: Collection[str]) -> Deferred[Collection[str]]:
        """The nicknames under which these people stand anywhere."""
        return self._read(self._searcher, lambda link: nicks(link, ids))

    def called(self, nick: str) -> Deferred[Collection[str]]:
        """The ids of those who stand anywhere under this folded nickname."""
        return self._read(self._searcher, lambda link: called(link, nick))

    def forget(self, gone: Forgotten, behind: int) -> Deferred[Emptied]:
        """Let nothing of these people be left in a part of all that is held, nor, with the first part, their logs."""
        return self._change(partial(self._alone, lambda link: forget(link, gone, behind)))

    def _change(self, work: Callable[[Link], Result]) -> Deferred[Result]:
        """Something else than a batch; whether it was done is not asked for again."""
        return self._writer.do(work).addErrback(_unwritten)

    def room(self, key: str) -> Deferred[KeptLog | None]:
        """The room of this key, as it was committed last; None where there never was one."""
        return self._read(self._reader, lambda link: room(link, key))

    def let_go(self, room: KeptLog) -> None:
        """What was committed is here."""

    def due(self, keep: Keep, now: datetime) -> Deferred[int]:
        """About how many lines must go."""
        return self._read(self._reader, lambda link: due(link, keep, now))

    def trim(self, keep: Keep, now: datetime) -> Deferred[Trimmed]:
        """Take away some of what is no longer kept; fires with what that was, no rows when nothing is left to do."""

        def work(link: Link) -> Trimmed:
            gone = self._alone(lambda link: trim(link, keep, now), link)
            self._size = link.value(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = "
                "current_schema()::regnamespace AND relkind = 'r'"
            )
            return gone

        return self._change(work)

    def backup(self, directory: Path, stamp: str) -> Deferred[Path]:
        """The copy of this date, or moment, as a file of SQLite, made if there is none, beside the last ones."""
        name = self._address.partition("://")[2].partition("/")[2].partition("?")[0] or "chat"
        worker = Worker("chat-backup", self._link, self._reactor)
        worker.start()
        copy = partial(to_file, self._address, pause=pause)
        done = worker.do(lambda _: back_up(copy, directory, name, stamp)).addErrback(_not_copied)
        worker.close()
        return done

    def _alone(self, work: Callable[[Link], Result], link: Link) -> Result:
        """Change something beside the turns, as a whole, while no turn is under way."""
        with link.transaction():
            if not link.value("SELECT hold(:epoch)", {"epoch": self._epoch}):
                raise NotStored(FENCED)
            return work(link)

    def state(self) -> StoreState:
        """How large the tables were at the last look, and how much is asked of the threads that was not done yet."""
        waiting = sum(worker.undone for worker in (self._writer, self._reader, self._searcher))
        return StoreState("postgresql", self._size, 0, None, waiting)

    def close(self) -> Deferred[None]:
        """Fires when all that was asked for is done and others may use the database."""
        self._closing = True
        self._watch.close()
        closed = self._searcher.close().addCallback(lambda _: self._reader.close())
        return closed.addCallback(lambda _: self._writer.close())


_HAS = "SELECT tick, (SELECT epoch FROM turns WHERE turns.tick = :last) FROM clock"


def in_log(reason: Sentence) -> str:
    """A reason in the language of the log."""
    return language("en").words(reason)


def _unwritten(failure: Failure) -> NoReturn:
    """A change that the database did not take; one that contradicts what it has is a bug, and stays one."""
    error = failure.value
    if isinstance(error, Unreachable) or (isinstance(error, Failed) and error.state != CONTRADICTS):
        raise NotStored(error.reason)
    failure.raiseException()


def _not_read(failure: Failure) -> NoReturn:
    """A question that the database could not answer: whoever asked is told."""
    error = failure.value
    if isinstance(error, Unreachable):
        logger.warn("The database could not be read: {reason}", reason=in_log(error.reason))
        raise unreadable(error.reason)
    if isinstance(error, Failed):
        logger.failure("The database could not be read", failure)
        raise unreadable(error.reason)
    failure.raiseException()


def _not_copied(failure: Failure) -> NoReturn:
    error = failure.value
    if isinstance(error, Unreachable | Failed):
        raise not_copied(error.reason)
    if isinstance(error, Unusable):
        raise Refused("unavailable", error.sentence)
    failure.raiseException()
