"""One participant: who they are, where they are, and what they have still to read.

A session owns a connection's way through the chat: its rooms, its cursors, its own log.  Events reach it only from
logs: at the head through the fan-out, behind it through a cursor of its own, a page at a time and only while the
connection has room.  Answers to its own commands go out by `answer`.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat import limits
from chat.errors import NotStored, Refused
from chat.events import Author, Entry, Fact, Left, Private, Renamed
from chat.fanout import Rendering, Wire, fanout, pages
from chat.hub import Hub
from chat.language import say
from chat.log import Cursor, Log
from chat.replies import Answer, Missed, Problem, Reply, Stored
from chat.room import Room

logger = Logger()


class Connection(Protocol):
    """What a session needs of whatever carries it."""

    wire: Wire
    wires: Mapping[str, Wire]
    """What could be spoken instead, by name."""

    blocked: bool
    """Nothing more is taken just now; the session is told by `catch_up` when that is over."""

    def send(self, chunk: bytes) -> None:
        """The one way out."""

    def close(self) -> None:
        """Let go once everything sent has been read."""

    def abort(self) -> None:
        """Let go now."""


class Session:
    """A connection's participant, nameless until `enter`."""

    __slots__ = (
        "_author", "_behind", "_fetching", "_heard", "_outstanding", "_reached", "_settled", "away", "connection",
        "current", "draft", "entered_at", "hub", "id", "ignored", "last_from", "log", "proposal", "quiet", "rooms",
        "spoke_at",
    )  # fmt: skip

    def __init__(self, hub: Hub, connection: Connection) -> None:
        self.hub = hub
        self.connection = connection
        self.id = hub.token()
        self.log = hub.private_log(self.id)
        self.rooms: dict[str, Room] = {}
        self.current: Room = hub.lobby
        self.away: str | None = None
        self.quiet = False
        self.ignored: dict[str, str] = {}
        self.last_from: str | None = None
        self.proposal: str | None = None
        self.draft: list[str] | None = None
        self.entered_at = self.spoke_at = hub.clock.seconds()
        self._author: Author | None = None
        self._heard: dict[str, Log] = {}
        self._behind: deque[Cursor] = deque()
        self._fetching = False
        self._outstanding = 0
        self._settled: list[Deferred[None]] = []
        self._reached: list[Deferred[None]] = []

    # Who they are.

    @property
    def named(self) -> bool:
        """They have chosen a nickname and are in the chat."""
        return self._author is not None

    @property
    def author(self) -> Author:
        """Who they are in what they say; raises `Refused` while they have no nickname."""
        if self._author is None:
            raise Refused("no-nick", say("Choose a nickname first: /nick NAME"))
        return self._author

    def enter(self, nick: str) -> None:
        """Come in under a nickname, already checked; raises `Refused` if it is somebody's."""
        self.hub.claim(nick, self)
        self._author = Author(self.id, self.id, nick)
        self.entered_at = self.spoke_at = self.hub.clock.seconds()
        self.hub.people[self.id] = self
        self.hear(self.log, self.log.head)

    def rename(self, nick: str) -> None:
        """Take another nickname, already checked, and let the rooms know; raises `Refused` if it is somebody's."""
        old = self.author
        self.hub.claim(nick, self)
        for room in self.rooms.values():
            room.introduce(self)
        self._author = Author(old.person, old.session, nick)
        fact = Renamed(old, nick, self.hub.token(), tuple(self.rooms))
        for room in self.rooms.values():
            self.hub.append(room.log, fact)

    def leave(self, text: str = "") -> None:
        """Go, at once for everybody else: the nickname is free, the rooms are told."""
        if self._author is None:
            return
        fact, keys = self.hub.token(), tuple(self.rooms)
        for room in list(self.rooms.values()):
            room.leave(self, text, fact, keys)
        self.rooms.clear()
        self.stop_hearing()
        self.hub.release(self)
        del self.hub.people[self.id]
        self._author = None

    # Where they are.

    def join(self, room: Room) -> None:
        """Be in one more room; `hear` is called for it when they have been shown what was said before."""
        if len(self.rooms) >= limits.ROOMS_PER_PERSON:
            raise Refused(
                "too-many",
                say("You are in {limit} rooms. /leave one of them first.", limit=limits.ROOMS_PER_PERSON),
            )
        self.rooms[room.log.key] = room
        room.join(self)
        self.render_anew()

    def part(self, room: Room, text: str) -> None:
        """Be in one room less."""
        del self.rooms[room.log.key]
        room.leave(self, text)
        if room.log.key in self._heard:
            self._unhear(room.log)
        self.render_anew()

    def may_read(self, log: Log) -> bool:
        """The one place that says whose history they are shown: their own, and that of rooms they are in."""
        return log is self.log or log.key in self.rooms

    # What they say.

    def say(self, room: Room, fact: Fact, id: str | None) -> None:
        """Let a room hear this; the answer comes when it is stored, or refused."""
        room.introduce(self)
        self.spoke_at = self.hub.clock.seconds()
        self._outstanding += 1
        self.hub.append(room.log, fact, self, id)

    def stored(self, tag: object, log: Log, entry: Entry) -> None:
        """(Writer) What was said is durable."""
        if isinstance(tag, str):
            self.answer(Stored(log.name, entry, tag))
        self._settle()

    def refused(self, tag: object, fact: Fact, error: NotStored) -> None:
        """(Writer) What was said is not kept: say which line it was."""
        begin = getattr(fact, "text", "").partition("\n")[0][:40]
        sentence = say("“{begin}” was not said: {reason}", begin=begin, reason=error.sentence)
        self.answer(Problem(error.code, sentence, tag if isinstance(tag, str) else None))
        self._settle()

    def broken(self) -> None:
        """(Writer) A bug of ours: this one connection pays for it."""
        self.connection.abort()

    def settled(self) -> Deferred[None]:
        """Fires when nothing they said waits for the store."""
        if not self._outstanding:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._settled.append(done)
        return done

    def _settle(self) -> None:
        self._outstanding -= 1
        if not self._outstanding:
            waiting, self._settled = self._settled, []
            for done in waiting:
                done.callback(None)

    # What they hear.

    @property
    def rendering(self) -> Rendering:
        """(Reader) Which bytes they get."""
        return Rendering(self.connection.wire, len(self.rooms) > 1, self.quiet)

    @property
    def picky(self) -> bool:
        """(Reader) They do not want everything."""
        return bool(self.ignored)

    @property
    def send(self) -> Callable[[bytes], object]:
        """(Reader) Their connection's one way out."""
        return self.connection.send

    def wants(self, log: Log, entry: Entry) -> bool:
        """(Reader) Not what they said themselves, nor people they ignore, nor a fact that another room tells them."""
        fact = entry.fact
        if fact.author is not None and (fact.author.session == self.id or fact.author.person in self.ignored):
            return False
        if isinstance(fact, Left | Renamed) and len(fact.rooms) > 1 and self.connection.wire.folds:
            return log.key == next((key for key in fact.rooms if key in self.rooms), log.key)
        return True

    def hear(self, log: Log, position: int) -> None:
        """Read a log on from a position, if they still may: much can happen while history is fetched."""
        if not self.may_read(log):
            return
        self._heard[log.key] = log
        self._behind.append(Cursor(log, position))
        self.catch_up()

    def render_anew(self) -> None:
        """The wire, the number of rooms or what they want to hear changed: stand where such readers stand."""
        self.fall_behind()
        self.catch_up()

    def fall_behind(self) -> None:
        """Read on by own cursors: the connection is full, or what it gets will look different."""
        for log in self._heard.values():
            position = fanout(log).remove(self)
            if position is not None:
                self._behind.append(Cursor(log, position))

    def stop_hearing(self) -> None:
        """Read no log any more: they left, or their connection did."""
        for log in list(self._heard.values()):
            self._unhear(log)

    def _unhear(self, log: Log) -> None:
        fanout(log).remove(self)
        del self._heard[log.key]
        self._behind = deque(cursor for cursor in self._behind if cursor.log is not log)

    def catch_up(self) -> None:
        """Read on, a page of each log in turn, as long as the connection has room."""
        while self._behind and not self._fetching and not self.connection.blocked:
            cursor = self._behind.popleft()
            if cursor.position == fanout(cursor.log).position:
                fanout(cursor.log).add(self)
                continue
            self._behind.append(cursor)
            entries = cursor.log.after(cursor.position, limits.PAGE_EVENTS)
            if entries is None:
                self._fetch(cursor)
            else:
                self._read(cursor, next(pages(entries)))
        if not self._behind:
            waiting, self._reached = self._reached, []
            for done in waiting:
                done.callback(None)

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
            self._fetching = False
            # They may have left the room, or the chat, meanwhile.
            if cursor in self._behind:
                held = [page for page in (entries, cursor.log.oldest()) if page]
                self._read(cursor, next(pages(min(held, key=lambda page: page[0].seq, default=[]))))
                self.catch_up()

        def failed(failure: Failure) -> None:
            logger.failure("A page could not be read", failure)
            self.connection.abort()

        self._fetching = True
        self.hub.after(cursor.log, cursor.position).addCallback(fetched).addErrback(failed)

    def _read(self, cursor: Cursor, entries: Sequence[Entry]) -> None:
        """Give a page to the connection, told first if something before it is gone."""
        gone = cursor.take(entries) if entries else cursor.skip_to_head()
        log, rendering = cursor.log, self.rendering
        if gone:
            self.answer(Missed(log.name, gone))
        chunk = b"".join(rendering.pieces(log, [entry for entry in entries if self.wants(log, entry)]))
        if chunk:
            self.connection.send(chunk)

    # What they are answered.

    def answer(self, answer: Answer) -> None:
        """Say something to them alone: only in answer to their own command."""
        if chunk := self.connection.wire.answer(answer):
            self.connection.send(chunk)

    def stopping(self) -> None:
        """(Person) The server stops."""
        self.answer(Reply("quit", [say("The server is stopping.")]))

    def received(self, private: Private) -> None:
        """(Person) Whom /reply answers from now on."""
        self.last_from = private.author.person
