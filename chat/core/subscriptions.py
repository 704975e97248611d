"""What one participant has read, and has still to read.

At the head of a log they stand in its fan-out.  When their connection is full, or what they get is to look different,
they leave it with a position of their own; from there they read on a page of each log in turn, and only while the
connection has room, until they stand at the head again.  A long way there is gone in `fair_rounds`, with all others:
beside 50 clients with 100 000 lines to read, a line between two others took 52 ms, and so it takes 15 (measured,
medians).
What was sent to them is one thing, what they were `given` another: up to where their machine acknowledged it, or their
program said that it has seen it.  From there they go on after a cut.
"""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.fair_rounds import FairRounds
from chat.base.unchanged import NOTHING
from chat.core.fanout import Reader, fanout
from chat.log.events import Entry
from chat.log.log import Cursor, Log
from chat.log.redaction import Readings
from chat.wire.answers import Answer, Missed
from chat.wire.rendering import pages

logger = Logger()


class Subscriber(Reader, Protocol):
    """What reading needs of a participant."""

    @property
    def has_room(self) -> bool:
        """They have a connection, and it takes more."""

    def answer(self, answer: Answer) -> None:
        """Say something to them alone."""

    def about_to_read_on(self) -> None:
        """What comes next they read behind the head of a log."""


class Pages(Protocol):
    """Where is read what memory does not hold."""

    readings: Readings

    def after(self, log: Log, position: int) -> Deferred[list[Entry]]:
        """The next entries behind a position, as far as they are held."""


class Subscriptions:
    """The logs that somebody hears, and where they stand in them."""

    __slots__ = (
        "_behind",
        "_catching_up",
        "_fetching",
        "_in_line",
        "_logs",
        "_pages",
        "_reached",
        "_rounds",
        "_subscriber",
        "given",
    )  # fmt: skip

    given: dict[str, int]
    """By the keys of logs."""

    def __init__(
        self, subscriber: Subscriber, pages: Pages, rounds: FairRounds, given: Mapping[str, int] = NOTHING
    ) -> None:
        self._subscriber = subscriber
        self._pages = pages
        self._rounds = rounds
        self._in_line = False
        self._logs: dict[str, Log] = {}
        self._behind: list[Cursor] = []  # a deque would hold 600 bytes, of everybody and for ever
        self._fetching = False
        self._catching_up = False  # a store that answers at once calls back while its page is asked for
        self._reached: list[Deferred[None]] = []
        self.given = dict(given)

    def hear(self, log: Log, position: int) -> None:
        """Read a log on from a position, unless they do so already."""
        if log.key in self._logs:
            return
        self._logs[log.key] = log
        self._behind.append(Cursor(log, position))
        self.catch_up()

    def stop(self, log: Log) -> None:
        """Read a log no more, if they do."""
        if self._logs.pop(log.key, None) is not None:
            fanout(log).remove(self._subscriber)
            self._behind = [cursor for cursor in self._behind if cursor.log is not log]

    def stop_all(self) -> None:
        """Read nothing any more; who waited for them to catch up waits in vain."""
        self._reached.clear()
        for log in list(self._logs.values()):
            self.stop(log)

    def is_seen(self) -> bool:
        """Whether nothing was given to them since `mark_seen`; asked every second of all who are given something."""
        for key, log in self._logs.items():
            if self.given.get(key) != fanout(log).position:
                return False
        return not self._behind

    @property
    def behind(self) -> int:
        """How many entries of what they hear they were not given yet."""
        return sum(cursor.log.head - cursor.position for cursor in self._behind)

    def mark_seen(self) -> None:
        """All that they were given so far they have seen."""
        self.given.update(self.positions())

    def positions(self) -> dict[str, int]:
        """Up to where they were given each log that they hear, by their keys."""
        positions = {key: fanout(log).position for key, log in self._logs.items()}
        return positions | {cursor.log.key: cursor.position for cursor in self._behind}

    def render_anew(self) -> None:
        """What they get looks different from now on."""
        self.fall_behind()
        self.catch_up()

    def fall_behind(self) -> None:
        """Read on by own cursors."""
        for log in self._logs.values():
            position = fanout(log).remove(self._subscriber)
            if position is not None:
                self._behind.append(Cursor(log, position))

    def catch_up(self) -> None:
        """Read on, a page of each log in turn, as long as the connection has room; for more than a moment in line."""
        if self._catching_up or self._in_line:
            return
        self._catching_up = True
        begun = perf_counter()
        try:
            while self._behind and not self._fetching and self._subscriber.has_room:
                if perf_counter() - begun > limits.PORTION_SECONDS:
                    self._in_line = True
                    self._rounds.read_in_line(self._their_turn)
                    break
                self._read_on(self._behind.pop(0))
        finally:
            self._catching_up = False
        if not self._behind:
            waiting, self._reached = self._reached, []
            for done in waiting:
                done.callback(None)

    def _their_turn(self) -> None:
        self._in_line = False
        try:
            self.catch_up()
        except Exception:
            self._failed(Failure())

    def _read_on(self, cursor: Cursor) -> None:
        """One page of one log, or the place at its head."""
        if cursor.position == fanout(cursor.log).position:
            fanout(cursor.log).add(self._subscriber)
            return
        self._behind.append(cursor)
        entries = cursor.log.after(cursor.position, limits.PAGE_EVENTS)
        if entries is None:
            self._fetch(cursor)
        else:
            self._read(cursor, next(pages(entries)))

    def caught_up(self) -> Deferred[None]:
        """Fires when they have been given everything."""
        if not self._behind:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._reached.append(done)
        return done

    def _fetch(self, cursor: Cursor) -> None:
        """Have the store give a page; what neither it nor the tail holds is gone."""

        def fetched(entries: Sequence[Entry]) -> None:
            # The reading thread gives many their pages at once: to show them is work, which is done in turn.
            self._rounds.read_in_line(lambda: shown(entries))

        def shown(entries: Sequence[Entry]) -> None:
            try:
                show(entries)
            except Exception:
                self._failed(Failure())

        def show(entries: Sequence[Entry]) -> None:
            self._fetching = False
            # They may have left the room, or the chat, meanwhile.
            if cursor in self._behind:
                now = [entry for _, entry in reading.still((cursor.log.key, entry) for entry in entries)]
                held = [page for page in (now, cursor.log.oldest()) if page]
                self._read(cursor, next(pages(min(held, key=lambda page: page[0].seq, default=[]))))
            self.catch_up()

        def unreadable(failure: Failure) -> Sequence[Entry]:
            # A damaged page of the store: what stood there is gone, everything else is not.
            logger.failure("A page of {log} could not be read", failure, log=cursor.log.key)
            return ()

        self._fetching = True
        reading = self._pages.readings.begin()
        page = self._pages.after(cursor.log, cursor.position).addErrback(unreadable)
        page.addCallback(fetched).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        logger.failure("Somebody could not be given a page", failure)
        self._subscriber.broken()

    def _read(self, cursor: Cursor, entries: Sequence[Entry]) -> None:
        """Give a page to the connection, told first if something before it is gone."""
        subscriber, log = self._subscriber, cursor.log
        gone = cursor.take(entries) if entries else cursor.skip_to_head()
        wanted = [entry for entry in entries if subscriber.wants(log, entry)]
        rendering = subscriber.rendering
        pieces = rendering.pieces(log, wanted)
        if rendering.format.echoes:
            pieces = rendering.pieces_for(subscriber.id, log, wanted, pieces)
        chunk = b"".join(map(subscriber.share, wanted, pieces))
        if gone or chunk:
            subscriber.about_to_read_on()
        if gone:
            subscriber.answer(Missed(log.name, gone))
        if chunk:
            subscriber.send(chunk)
