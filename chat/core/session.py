"""One participant: who they are, where they are, and how they leave, are cut off and come back.

A session outlives its connection.  After a cut it keeps the nickname and the rooms for the grace period, and its
resume code brings another connection back to it; after the grace it has left, and the code still brings back the
place.  The end of an input is no goodbye: for the others they have left, and the code stays good.  Events reach a
session only from logs, by its `subscriptions`; answers to its own commands go out by `answer`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from socket import socket
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from chat.base import limits, resume_codes
from chat.base.errors import Refused, banned, no_nick
from chat.base.language import say
from chat.core.hub import Hub
from chat.core.ports import Carrier, Record
from chat.core.posting import Posting
from chat.core.room import Room
from chat.core.session_record import Remembered, remembered
from chat.core.subscriptions import Subscriptions
from chat.log.events import Author, Entry, Fact, Left, Private, Renamed
from chat.log.log import Log
from chat.wire.answers import Answer, Missed, Problem, Since, UpToNow
from chat.wire.rendering import Rendering
from chat.wire.requests import Request

logger = Logger()


class Reach(NamedTuple):
    """How much of a log somebody may read."""

    heard: int
    """The place behind which everything comes to them."""

    said: bool
    """Whether what people said before it is shown when they ask for it."""


class Session:
    """A participant, nameless until `enter`."""

    __slots__ = (
        "_author",
        "_grace",
        "_kept_seen",
        "away",
        "code",
        "connection",
        "current",
        "digest",
        "down_since",
        "ended_at",
        "entered_at",
        "framed",
        "host",
        "hub",
        "id",
        "ignored",
        "joined",
        "language",
        "last_from",
        "log",
        "posting",
        "quiet",
        "returning",
        "rooms",
        "seen_at",
        "senders",
        "subscriptions",
        "untold",
        "welcomed",
    )  # fmt: skip

    def __init__(self, hub: Hub, connection: "Carrier[Session] | None", id: str | None = None) -> None:
        self.hub = hub
        self.connection = connection
        self.host = ""
        self.id = id or hub.token()
        self.log = hub.private_log(self.id)
        self.rooms: dict[str, Room] = {}
        self.joined: dict[str, int] = {}
        """The place in its log, by its key, at which they came into each room."""
        self.current: Room = hub.lobby
        self.away: str | None = None
        self.quiet = False
        self.language: str | None = None
        """The code of what they chose, None where they chose nothing."""
        self.ignored: dict[str, str] = {}
        self.last_from: str | None = None
        self.entered_at = self.seen_at = self.ended_at = hub.now()
        self.code: str | None = None
        self.digest = ""
        self.welcomed = False
        """They were told their code: from now on they can come back."""
        self.down_since: float | None = None
        self.returning = False
        """They are given what they missed, with its time; in a frame (`framed`), if it is anything."""
        self.framed = False
        self.senders: set[str] = set()
        """Who wrote to them while their line is down."""
        self.untold: list[str] = []
        """Who did not come back, of those they wrote to; they were not there to be told."""
        self.subscriptions = Subscriptions(self, hub.after, hub.rounds)
        self.posting = Posting(hub.turn, self.id, self.answer, self.broken, self.entered_at)
        self._author: Author | None = None
        self._kept_seen: dict[str, int] = {}
        self._grace: IDelayedCall | None = None

    # Who they are.

    @property
    def named(self) -> bool:
        """They have chosen a nickname and are in the chat."""
        return self._author is not None

    @property
    def author(self) -> Author:
        """Who they are in what they say; raises `Refused` while they have no nickname."""
        if self._author is None:
            raise no_nick()
        return self._author

    def enter(self, nick: str, code: str) -> None:
        """Come in under a nickname, already checked; raises `Refused` if it is somebody's."""
        self.hub.claim(nick, self)
        if self.connection is not None:
            self.host = self.connection.host
        self.code, self.digest = code, resume_codes.digest(code)
        self.entered_at = self.posting.spoke_at = self.seen_at = self.hub.now()
        self._register(nick)
        if self._noted:
            logger.info("{nick} came in, from {host}", nick=self.author.nick, host=self.host)
        self.hear(self.log, self.log.head)

    def _register(self, nick: str) -> None:
        """Be somebody, under a nickname that was claimed."""
        self._author = Author(self.id, self.id, nick)
        self.hub.people[self.id] = self
        self.hub.codes[self.digest] = self
        self.hub.turn.touch(self)

    def rename(self, nick: str) -> None:
        """Take another nickname, already checked, and let the rooms know; raises `Refused` if it is somebody's."""
        old = self.author
        self.hub.claim(nick, self)
        for room in self.rooms.values():
            room.introduce(self, nick)
        if self._noted:
            logger.info("{old} is now {nick}", old=old.nick, nick=nick)
        self._author = Author(old.person, old.session, nick)
        fact = Renamed(old, nick, self.hub.token(), tuple(self.rooms))
        for room in self.rooms.values():
            self.hub.turn.append(room.log, fact)
        self.hub.turn.touch(self)

    @property
    def _noted(self) -> bool:
        """The operator wants to know who comes and goes."""
        return self.hub.settings.log_connections

    @property
    def spoke_at(self) -> datetime:
        """(Person) When they last said something to a room, or else came."""
        return self.posting.spoke_at

    # How they go and come back.

    def leave(self, text: str = "") -> None:
        """Go, at once for everybody else: the nickname is free, the rooms are told, the code is void."""
        if self._author is None:
            return
        if self._noted:
            logger.info("{nick} left", nick=self.author.nick)
        self._go(text)
        self.log.forget()
        self._author = None
        self.hub.turn.touch(self)

    def end(self) -> None:
        """Their input has ended: for the others they have left, and the nickname is free, but the code stays good.

        Nearly every proxy ends an idle line in the same way, and one that it loses or that its own restart cuts.
        """
        if self._author is None:
            return
        if not self.welcomed:
            self.leave()
            return
        self.ended_at = self.hub.now()
        if self._noted:
            logger.info("{nick} left: their input ended", nick=self.author.nick)
        self._be_absent()

    def banish(self) -> None:
        """(Person) They are banned: they go at once, told why where they can be, and their code is void."""
        if self.digest in self.hub.absent:
            self.hub.forget(self)
            return
        connection, refused = self.connection, banned()
        self.answer(Problem(refused.code, refused.sentence))
        self.leave()
        if connection is not None:
            connection.close()

    def _go(self, text: str) -> None:
        fact = self.hub.token()
        keys = tuple(key for key, room in self.rooms.items() if text or not room.gathers(self))
        for room in list(self.rooms.values()):
            room.leave(self, text, fact, keys)
        self.rooms.clear()
        self.subscriptions.stop_all()
        self.hub.release(self)
        self.hub.down.drop(self)
        del self.hub.people[self.id]
        del self.hub.codes[self.digest]
        self._back_in_time()

    def _back_in_time(self) -> None:
        """The grace is not needed any more."""
        self.down_since = None
        if self._grace is not None and self._grace.active():
            self._grace.cancel()

    def cut(self) -> None:
        """The connection is gone and they did not say goodbye: all is held for the grace period."""
        self.connection = None
        if self.digest not in self.hub.codes:  # they have left, or never came in
            return
        if not self.welcomed:
            self.leave()
            return
        self.subscriptions.stop_all()
        self.returning = self.framed = False
        self.ended_at = self.hub.now()
        self.down_since = self.hub.clock.seconds()
        if self._noted:
            logger.info("{nick}'s line is down", nick=self.author.nick)
        self._grace = self.hub.clock.callLater(self.hub.settings.grace, self.lapse)
        self.hub.turn.touch(self)
        for other in self.hub.down.add(self):
            other.lapse()

    def lapse(self) -> None:
        """(Person) The grace is over: for the others they have left."""
        if self.hub.stopping:
            return
        nick = self.author.nick
        for sender in [self.hub.people[id] for id in self.senders if id in self.hub.people]:
            sender.not_delivered(nick)
        self.senders.clear()
        if self._noted:
            logger.info("{nick} did not come back in time", nick=self.author.nick)
        self._be_absent()

    def _be_absent(self) -> None:
        """For the others they have left; what they need for coming back is kept."""
        keys = list(self.rooms)
        self._go("")
        # Those rooms are where they will be when they come back.
        self.rooms = {key: self.hub.rooms[key] for key in keys}
        self.hub.gone(self)
        self.hub.turn.touch(self)

    def _logs(self) -> dict[str, Log]:
        """What they hear, by the names that programs know."""
        return {"@": self.log, **{room.log.name: room.log for room in self.rooms.values()}}

    async def load_rooms(self) -> None:
        """Before `resume`: have all of their rooms in memory for which there is place."""
        for room in list(self.rooms.values()):
            with suppress(Refused):
                await self.hub.load(room.log.name)

    def check_seen(self, seen: Mapping[str, int]) -> None:
        """Raises `Refused` where a client claims to have seen what there is not yet."""
        for name, log in self._logs().items():
            if seen.get(name, 0) > log.head:
                raise Refused("seen-ahead", say("You cannot have seen number {seq}.", seq=seen[name]))

    def resume(self, connection: "Carrier[Session]", code: str, seen: Mapping[str, int]) -> None:
        """Come back on a connection, having seen so much of each log; one that still hangs is closed."""
        if self.digest in self.hub.absent:
            # Some may have been forgotten to make place for others, and loaded again since.
            rooms = self.hub.rooms
            self.rooms = {key: rooms[key] for key in self.rooms if key in rooms}
            self.current = self.rooms.get(self.current.log.key, self.hub.lobby)
        for name, log in self._logs().items():
            if name in seen:
                self.subscriptions.seen[log.key] = self._at_least(log, seen[name])
        self.subscriptions.stop_all()
        old, self.connection = self.connection, connection
        connection.carry(self)
        self.returning = self.framed = False
        if old is not None:
            nobody = Session(self.hub, old)
            old.carry(nobody)
            nobody.answer(Problem("taken-over", say("You came back on another line; this one is closed.")))
            old.close()
        self.code, self.welcomed = code, True
        self.hub.down.drop(self)
        self._back_in_time()
        if self.digest in self.hub.absent:
            self._enter_again()
        self.host = connection.host  # only now: as one who is held they count for the old one
        if self._noted:
            logger.info("{nick} is back, from {host}", nick=self.author.nick, host=self.host)
        self.senders.clear()
        self.hub.turn.touch(self)

    def _enter_again(self) -> None:
        """The grace was over: others see them come, under another nickname if theirs was taken."""
        nick = self.author.nick
        if self.hub.holder(nick) is not None:
            nick = self.hub.propose(nick)
        self.hub.claim(nick, self)
        self.hub.absent.drop(self)
        self.entered_at = self.hub.now()
        self._register(nick)
        for room in self.rooms.values():
            if not room.log.recorded:
                # They had left: what was said since then is of those who heard it.
                self.joined[room.log.key] = room.log.head
            room.join(self)

    def hear_on(self) -> Deferred[None]:
        """After `resume`: read on from where they were; fires when they stand at the head everywhere."""
        self.returning = True
        for log in self._logs().values():
            seen = self.subscriptions.seen.get(log.key, log.head)
            position = self.subscriptions.seen[log.key] = self._at_least(log, seen)
            if position > seen:
                self.about_to_read_on()
                self.answer(Missed(log.name, position - seen))
            self.subscriptions.hear(log, position)
        return self.subscriptions.caught_up().addCallback(lambda _: self._returned())

    def _returned(self) -> None:
        self.returning = False
        if self.framed:
            self.framed = False
            self.answer(UpToNow(self.hub.now()))
        self.subscriptions.render_anew()

    def about_to_read_on(self) -> None:
        """(Listener) If they are coming back, the first of what they missed opens the frame around it."""
        if self.returning and not self.framed:
            self.framed = True
            self.answer(Since(self.seen_at, self.hub.now()))

    def mark_seen(self) -> None:
        """Everything given to them so far was acknowledged by their machine."""
        self.seen_at = self.hub.now()
        self.subscriptions.mark_seen()

    def keep_seen(self) -> None:
        """Now and then that is stored, for after a crash."""
        if self.digest in self.hub.codes and self.subscriptions.seen != self._kept_seen:
            self._kept_seen = dict(self.subscriptions.seen)
            self.hub.turn.touch(self)

    def record(self) -> Record:
        """(Person) What brings them back after a restart; nothing, once they have left."""
        return Record("session", self.digest, None if self._author is None else self._remembered(self._author.nick))

    def _remembered(self, nick: str) -> str:
        absent = self.digest in self.hub.absent
        return json.dumps(
            {
                "person": self.id,
                "nick": nick,
                "host": self.host,
                "rooms": list(self.rooms),
                "current": self.current.log.key,
                "away": self.away,
                "quiet": self.quiet,
                "language": self.language,
                "ignored": self.ignored,
                "last_from": self.last_from,
                "senders": sorted(self.senders),
                "untold": self.untold,
                "seen": self.subscriptions.seen,
                "joined": self.joined,
                "absent": absent,
                "entered_at": self.entered_at.isoformat(),
                "spoke_at": self.spoke_at.isoformat(),
                "seen_at": self.seen_at.isoformat(),
                "ended_at": self.ended_at.isoformat() if absent or self.connection is None else None,
            }
        )

    @classmethod
    def restore(cls, hub: Hub, records: Iterable[Record]) -> None:
        """Bring everybody back after a restart, with their lines down, in the order of their going."""
        found = []
        for record in records:
            if record.kind == "session":
                try:
                    found.append((record.key, remembered(record.value)))
                except ValueError as error:
                    logger.error(
                        "Somebody cannot be brought back: their record is damaged ({reason})", reason=str(error)
                    )
        now = hub.now()
        people = set()
        for digest, value in sorted(found, key=lambda item: item[1].ended_at or now):
            if value.person in people:
                logger.error("Somebody cannot be brought back: they are in two records")
                continue
            people.add(value.person)
            cls._restore(hub, digest, value)
        hub.all_are_back()

    @classmethod
    def _restore(cls, hub: Hub, digest: str, value: Remembered) -> None:
        session = cls(hub, None, value.person)
        session.digest, session.host, session.welcomed = digest, value.host, True
        session.rooms = {key: hub.rooms[key] for key in value.rooms if key in hub.rooms}
        session.current = hub.rooms.get(value.current, hub.lobby)
        heads = {log.key: log.head for log in session._logs().values()}
        session.away, session.quiet, session.ignored = value.away, value.quiet, dict(value.ignored)
        session.language = value.language
        session.last_from, session.senders, session.untold = value.last_from, set(value.senders), list(value.untold)
        session.subscriptions.seen = {key: min(seq, heads[key]) for key, seq in value.seen.items() if key in heads}
        # Older records tell only what they had seen: that is theirs, what was before it may not be.
        joined = session.subscriptions.seen if value.joined is None else value.joined
        session.joined = {key: min(joined.get(key, heads[key]), heads[key]) for key in session.rooms}
        # Of who never spoke both are the same; older records tell only the later one.
        session.entered_at, session.posting.spoke_at = value.entered_at or value.spoke_at, value.spoke_at
        session.seen_at = value.seen_at
        if value.absent or hub.holder(value.nick) is not None:
            session._author = Author(session.id, session.id, value.nick)
            session.ended_at = value.ended_at or hub.now()
            hub.gone(session)
            return
        hub.claim(value.nick, session)
        session._register(value.nick)
        for room in session.rooms.values():
            room.put_back(session)
        session.cut()

    # Where they are.

    def may_join_one_more(self) -> None:
        """Raises `Refused` where they are in too many rooms."""
        if len(self.rooms) >= limits.ROOMS_PER_PERSON:
            raise Refused(
                "too-many",
                say("You are in {limit} rooms. /leave one of them first.", limit=limits.ROOMS_PER_PERSON),
            )

    def join(self, room: Room) -> int:
        """Be in one more room; returns the number up to which they are shown what was said before, then `hear` on."""
        position = self.subscriptions.seen[room.log.key] = self.joined[room.log.key] = room.log.head
        self.rooms[room.log.key] = room
        room.join(self)
        self.subscriptions.render_anew()
        self.hub.turn.touch(self)
        return position

    def hear(self, log: Log, position: int) -> None:
        """Read a log on from a position, if they still may: much can happen while history is fetched."""
        if self.connection is not None and self.may_read(log):
            self.subscriptions.seen.setdefault(log.key, position)
            self.subscriptions.hear(log, self._at_least(log, position))

    def part(self, room: Room, text: str) -> None:
        """Be in one room less."""
        del self.rooms[room.log.key]
        room.leave(self, text)
        self.subscriptions.stop(room.log)
        self.subscriptions.seen.pop(room.log.key, None)
        self.joined.pop(room.log.key, None)
        self.subscriptions.render_anew()
        self.hub.turn.touch(self)

    def reach(self, log: Log) -> Reach | None:
        """The one place that says what they may read, and from where on: their own log, and those of rooms they are in.

        A recorded room tells what was said before to whoever is in it, but not who came and went; of one that is not
        recorded everybody has what they heard.
        """
        if log is self.log:
            return Reach(0, True)
        if log.key not in self.rooms:
            return None
        return Reach(self.joined[log.key], log.recorded)

    def may_read(self, log: Log) -> bool:
        """Whether they may read it at all."""
        return self.reach(log) is not None

    def _at_least(self, log: Log, position: int) -> int:
        """A place that they may read on from, however far back they would like to."""
        reach = self.reach(log)
        return log.head if reach is None else max(position, reach.heard)

    def say(self, room: Room, facts: Sequence[Fact], request: Request | None = None) -> None:
        """Let a room hear this; the answer comes when it is stored, or refused; with an id it is one fact."""
        room.introduce(self)
        self.posting.say(room.log, facts, request)

    # What they hear.

    @property
    def rendering(self) -> Rendering:
        """(Reader) Which bytes they get."""
        assert self.connection is not None
        return Rendering(self.connection.wire.format, len(self.rooms) > 1, self.quiet, self.returning)

    @property
    def picky(self) -> bool:
        """(Reader) They do not want everything."""
        return bool(self.ignored)

    @property
    def direct(self) -> socket | None:
        """(Reader) Their connection's socket."""
        assert self.connection is not None
        return self.connection.direct

    def send(self, chunk: bytes) -> None:
        """(Reader) Their connection's one way out."""
        assert self.connection is not None
        self.connection.send(chunk)

    @property
    def has_room(self) -> bool:
        """(Listener) They have a connection, and it takes more."""
        return self.connection is not None and not self.connection.blocked

    def wants(self, log: Log, entry: Entry) -> bool:
        """(Reader) Not what they said themselves, unless their wire echoes it, nor people they ignore, nor a fact that
        another room tells them."""
        fact = entry.fact
        if fact.author is not None:
            if fact.author.session == self.id:
                return self.rendering.format.echoes
            if fact.author.person in self.ignored:
                return False
        if isinstance(fact, Left | Renamed) and len(fact.rooms) > 1 and self.rendering.format.folds:
            return log.key == next((key for key in fact.rooms if key in self.rooms), log.key)
        return True

    # What they are answered.

    def answer(self, answer: Answer) -> None:
        """Say something to them alone: only in answer to their own command."""
        if self.connection is not None and (chunk := self.connection.wire.answer(answer)):
            self.connection.send(chunk)

    def hang_up(self) -> None:
        """Close their connection, once they have read what they are owed."""
        if self.connection is not None:
            self.connection.close()

    def received(self, private: Private) -> None:
        """(Person) Somebody wrote to them: whom /reply answers from now on."""
        if private.author.person not in self.ignored:
            self.last_from = private.author.person
        if self.down_since is not None:
            self.senders.add(private.author.person)
            self.hub.turn.touch(self)

    def not_delivered(self, nick: str) -> None:
        """(Person) Somebody did not come back to whom they wrote while that one's line was down: a late answer."""
        if self.connection is None:
            self.untold.append(nick)
            self.hub.turn.touch(self)
        else:
            self.answer(Problem("not-delivered", say("{nick} did not come back.", nick=nick)))

    def tell_untold(self) -> None:
        """After `resume`: what they could not be told."""
        untold, self.untold = self.untold, []
        for nick in untold:
            self.not_delivered(nick)

    def broken(self) -> None:
        """(Reader) A bug of ours: this one connection pays for it."""
        if self.connection is not None:
            self.connection.abort()
