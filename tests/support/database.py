"""A database on disk, driven without a reactor: what its threads answer is handed over where a test waits for it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from select import select
from socket import socket, socketpair
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.language import language
from chat.core.ports import (
    Appended,
    Batch,
    Known,
    LineId,
    Numbered,
    PersonRecord,
    Place,
    Record,
    Redaction,
    Remembered,
    SessionRecord,
)
from chat.log.events import Author, Entry, Fact, Message, Private
from chat.store.sqlite.free_space import MinFree
from chat.store.sqlite.indexing import Indexing
from chat.store.sqlite.schema import Prepared, prepare
from chat.store.sqlite.store import SqliteStore
from chat.store.unusable import Unusable

Result = TypeVar("Result")

START = datetime(2026, 11, 21, 9, 58, 0, 123456, tzinfo=UTC)
AMY = Author("p-amy", "s-amy", "amy")
BOB = Author("p-bob", "s-bob", "bob")
CARL = Author("p-carl", "s-carl", "carl")
MINUTE = timedelta(minutes=1)

ON_DISK = ["sqlite", pytest.param("postgresql", marks=[pytest.mark.slow, pytest.mark.door])]
"""The kinds of stores that keep what they have, as parameters of a test."""

AT_LENGTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
"""The same for a test that takes long."""


class Reactor:
    """What threads call back to, and what reads what comes."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., object], tuple[object, ...]]] = SimpleQueue()
        self._readers: list[Any] = []
        self._wakes: tuple[socket, socket] | None = None
        """There is something to call, where somebody reads."""

    def callFromThread(self, callable: Callable[..., object], *args: object) -> None:
        self._calls.put((callable, args))
        if self._wakes is not None:
            with suppress(OSError):  # it is full, or nobody reads any more
                self._wakes[1].send(b"!")

    def addReader(self, reader: Any) -> None:
        if self._wakes is None:
            self._wakes = socketpair()
            self._wakes[1].setblocking(False)
        self._readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        self._readers.remove(reader)
        if not self._readers and self._wakes is not None:
            wakes, self._wakes = self._wakes, None
            for end in wakes:
                end.close()

    def callLater(self, delay: float, callable: Callable[..., object]) -> None:
        """This one has nothing else to do, so nobody waits for the interpreter's lock."""

    def call_next(self) -> None:
        """Do the next thing that a thread calls for, or read what has come."""
        while self._calls.empty() and self._wakes is not None:
            woken = self._wakes[0]
            ready, _, _ = select([woken, *self._readers], [], [], 5)
            if not ready:
                raise Empty
            if woken in ready:
                woken.recv(4096)
                ready.remove(woken)
            for reader in ready:
                reader.doRead()
            if ready:
                return
        function, arguments = self._calls.get(timeout=5)
        function(*arguments)

    def wait(self, deferred: Deferred[Result]) -> Result:
        """What a Deferred fires with; raises what it fails with."""
        outcome: list[Any] = []
        deferred.addBoth(outcome.append)
        while not outcome:
            self.call_next()
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return outcome[0]  # type: ignore[no-any-return]


class Driven(Reactor):
    """A started store and how to wait for it."""

    store: Any

    def commit(self, *appended: Appended, **rest: Any) -> None:
        """Keep a batch; the ids are amy's."""
        self.wait(self.store.commit(batch(*appended, **rest)))

    def texts(self, key: str = "#lobby") -> list[str]:
        """All that is held of a log, in order: what was said."""
        return [getattr(entry.fact, "text", "") for entry in self.entries(key)]

    def entries(self, key: str = "#lobby") -> list[Entry]:
        """All that is held of a log, as a reader gets it: page by page."""
        found: list[Entry] = []
        while page := self.wait(self.store.after(key, found[-1].seq if found else 0, limits.PAGE_EVENTS)):
            found += page
        return found

    def close(self) -> None:
        self.wait(self.store.close())


class Database(Driven):
    """One that is a file."""

    store: SqliteStore

    def __init__(self, path: Path, synchronous: Literal["full", "normal"] = "normal", min_free: MinFree = 0) -> None:
        super().__init__()
        self.path = path
        self.prepared: Prepared = prepare(path)
        self.store = SqliteStore(self.prepared, self, synchronous, min_free)
        self.store.start()

    def index(self) -> None:
        """Bring the search index up to date, as the writer does when it is idle."""
        indexing = Indexing()
        while True:
            self.wait(self.store._writer.do(indexing.step))
            if indexing.wanted() is None:
                assert self.listed_wrong() == set()
                return

    def listed_wrong(self) -> set[tuple[object, ...]]:
        """What the lists of what people said lack as far as they go, or have too much."""

        def look(connection: sqlite3.Connection) -> set[tuple[object, ...]]:
            query = "SELECT log, at, entries.id FROM entries JOIN logs ON logs.id = log WHERE seq <= listed"
            said = set(connection.execute(f"{query} AND text IS NOT NULL"))
            by_place = set(connection.execute("SELECT id FROM said"))
            by_date = set(connection.execute("SELECT * FROM said_by_date"))
            return (said ^ by_date) | ({(id,) for *_, id in said} ^ by_place)

        return self.wait(self.store._writer.do(look))

    def scrub(self) -> None:
        """Overwrite what is left of what was taken back, as the writer does when it is idle."""
        scrubbing = self.store._scrubbing
        while scrubbing.wanted() is not None:
            self.wait(self.store._writer.do(scrubbing.step))


@contextmanager
def opened(path: Path, synchronous: Literal["full", "normal"] = "normal") -> Iterator[Database]:
    """A database until the end of the block."""
    database = Database(path, synchronous)
    try:
        yield database
    finally:
        database.close()


def batch(
    *appended: Appended,
    records: Iterable[Record] = (),
    ids: Iterable[tuple[str, Place]] = (),
    known: Mapping[LineId, Known] = MappingProxyType({}),
    people: Mapping[str, PersonRecord | None] = MappingProxyType({}),
    sessions: Mapping[str, SessionRecord | None] = MappingProxyType({}),
    redactions: Sequence[Redaction] = (),
) -> Batch:
    """A turn's changes; the ids are amy's, the digest of a line is its number; `known` are other lines with ids."""
    mine = {LineId(AMY.person, id): Known(place, place.seq) for id, place in ids}
    remembered = Remembered(people, sessions)
    return Batch(appended, tuple(records), {**mine, **known}, proposed(appended), remembered, redactions=redactions)


def proposed(appended: Iterable[Appended]) -> Numbered:
    """The numbers that these entries have."""
    dates = [entry.at for log in appended for entry in log.entries]
    return Numbered(max(dates, default=START), {log.key: log.entries[0].seq for log in appended})


def person(nick: str, **changes: Any) -> PersonRecord:
    """What is remembered of somebody who is in no room, or otherwise."""
    return PersonRecord(nick, False, None, None, START, START, {}, {}, {}, [])._replace(**changes)


def session(person: str, **changes: Any) -> SessionRecord:
    """What is remembered of a session that has a connection, or otherwise."""
    return SessionRecord(person, person, "192.0.2.1", "#lobby", False, None, START, None, {})._replace(**changes)


def lines(*texts: str, first: int = 1, key: str = "#lobby", at: datetime = START, recorded: bool = True) -> Appended:
    """What amy said in a room, a line a minute."""
    return log(key, [Message(AMY, text) for text in texts], first, at, recorded)


def log(key: str, facts: Iterable[Fact], first: int = 1, at: datetime = START, recorded: bool = True) -> Appended:
    """New entries of a log, one a minute."""
    entries = [Entry(first + index, at + index * MINUTE, fact) for index, fact in enumerate(facts)]
    return Appended(key, key.upper(), recorded, entries)


def private(author: Author, to: Author, text: str) -> Private:
    """Something said to one person."""
    return Private(author, to.nick, to.person, text)


def refusal(path: Path, **options: Any) -> str:
    """Why a database is not used, in English."""
    try:
        prepare(path, **options)
    except Unusable as error:
        return language("en").words(error.sentence)
    raise AssertionError(f"{path} was accepted")
