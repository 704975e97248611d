"""One device of a person: its resume code, what it was given of each log, and how it leaves, is cut off and comes back.

A session outlives its connection: its code brings another connection back to it, for a day.  What the others see of
that, and who the person is, is the person's (`chat.core.person`), who has as many sessions as devices; a guest has one.
Events reach a session only from logs, by its `subscriptions`; answers to its own commands go out by `answer`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from socket import socket
from typing import Literal

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from chat.base import limits, resume_codes
from chat.base.errors import Refused, banned, no_nick, seen_ahead, taken_over
from chat.base.language import say
from chat.base.unchanged import NOTHING, all_but
from chat.core.batch import People, Sessions
from chat.core.carrier import Carrier, Sealed
from chat.core.hub import Hub
from chat.core.person import Person, Reach, Scope
from chat.core.ports import Progress, SessionRecord
from chat.core.posting import Posting
from chat.core.presence import Event, Presence
from chat.core.progress import furthest
from chat.core.roles import SERVER
from chat.core.room import Room
from chat.core.subscriptions import Subscriptions
from chat.log.events import (
    Announced,
    Audited,
    Author,
    Entry,
    Fact,
    Joined,
    Left,
    Measured,
    OtherDevice,
    Redacted,
    Renamed,
    RoleGiven,
    StopAnnounced,
)
from chat.log.log import Log
from chat.wire.answers import (
    Answer,
    CurrentNotice,
    IgnoreNotice,
    Missed,
    Notice,
    Problem,
    ReadNotice,
    Since,
    StateOfOthers,
    UpToNow,
)
from chat.wire.rendering import Rendering
from chat.wire.requests import Request

logger = Logger()


_OF_OFFICE = Announced | StopAnnounced | Measured | RoleGiven
"""What somebody does who has a say here concerns also those who ignore them."""


class Frame(Enum):
    """What stands around what somebody missed, when they come back."""

    NONE = "none"
    COMING = "coming"
    """They have come in, or back, and are not told so yet: until then they read nothing."""
    AHEAD = "ahead"
    """They are given what they missed, with its time; the frame opens if it is anything."""
    OPEN = "open"


class Session:
    """A device of somebody, who is nameless until `enter`."""

    __slots__ = (
        "_author", "_frame", "_guest_until", "_kept_given", "_notices", "_posting", "_stored_given", "_subscriptions",
        "automatic", "code", "connection", "current", "digest", "down_since", "guest", "host", "hub", "id", "key",
        "language", "listed", "node", "person", "quiet", "scope", "seen_at", "stored", "unread", "welcomed",
    )  # fmt: skip

    def __init__(
        self, hub: Hub, connection: "Carrier[Session] | None", person: Person | None = None, id: str | None = None
    ) -> None:
        self.hub = hub
        self.connection = connection
        self.person = person or hub.stranger()
        self.id = id or self.person.id  # whose first one it is
        self.host = ""
        self.key: str | None = None
        """The fingerprint of the key of ssh by which they came last."""
        self.scope: Scope | None = None
        """What it may, where it is a program that came in by a token."""
        self.current: Room = hub.lobby
        self.quiet = False
        self.automatic = False
        """It said that it is a program."""
        self.language: str | None = None
        """The code of what they chose, None where they chose nothing."""
        self.code: str | None = None
        self.digest = ""
        self.node = ""
        """The other node that it belongs to, "" where that is this one."""
        self.unread = False
        """See `Device`."""
        self.stored = False
        """The store has something of it, which goes when it cannot come back any more."""
        self.welcomed = False
        """They were told their code: from now on they can come back."""
        self.seen_at = self.person.entered_at
        self.down_since = 0.0
        self._subscriptions: Subscriptions | None = None
        self._posting: Posting | None = None
        self._stored_given: Mapping[str, int] = NOTHING
        self.guest: str | None = None
        """The id of the guest who they were here before they logged in."""
        self._guest_until = 0.0
        self._author: Author | None = None
        self._frame = Frame.NONE
        self._kept_given: Mapping[str, int] = NOTHING
        self.listed: Mapping[str, int] = NOTHING
        """Up to which number of a log a client that keeps its own list of people has who came and went, by its key."""
        self._notices: dict[str, Notice] | None = None

    # Made when they are needed: of most sessions of other nodes they never are.

    @property
    def subscriptions(self) -> Subscriptions:
        """What they read, and up to where."""
        if self._subscriptions is None:
            self._subscriptions = Subscriptions(self, self.hub.archive, self.hub.rounds, self._stored_given)
            self._stored_given = NOTHING
        return self._subscriptions

    @property
    def posting(self) -> Posting:
        """Their lines on the way to the store."""
        if self._posting is None:
            self._posting = Posting(self.hub.turn, self)
        return self._posting

    def was_given(self, given: Mapping[str, int]) -> None:
        """(Device) Up to where they were given each log, as that is stored."""
        self.unread = False
        if self._subscriptions is None:
            self._stored_given = given
        else:
            self._subscriptions.given = dict(given)

    # Who they are.

    @property
    def named(self) -> bool:
        """They have chosen a nickname and are in the chat."""
        return self._author is not None

    @property
    def author(self) -> Author:
        """Who they are in what they say; raises `Refused` while they have no nickname."""
        if self._author is None:
            if not self.restorable:
                raise no_nick()
            self.called()  # of nearly all who are on another node nobody asks
            assert self._author is not None
        return self._author

    def enter(self, nick: str, code: str) -> None:
        """Come in under a nickname, already checked; raises `Refused` if it is somebody's."""
        self.hub.naming.claim(nick, self.person)
        self.person.entered_at = self.person.spoke_at = self.hub.now()
        self._frame = Frame.COMING
        self._attach(code)
        for log in self.person.logs.values():
            self.hear(log, log.head)

    def begin(self) -> None:
        """After `enter`, once they are welcomed: hear what came since then."""
        self._frame = Frame.NONE
        self.tell_notices()
        for log in self.person.logs.values():
            self.hear(log, self.given(log))

    def enter_as(self, person: Person, code: str, scope: Scope | None = None, guest: str | None = None) -> None:
        """Be one more device of somebody who is here, or was, and perhaps was a guest on it; then `hear_on` gives it
        what they have not read."""
        self.id = self.hub.token()
        self.person, self.scope = person, scope
        self.was(guest)
        assert self.connection is not None
        self._frame = Frame.COMING
        self.subscriptions.given.clear()  # of a guest perhaps who was here
        self._find_rooms(self.connection.host)
        for log in self.logs.values():
            self.subscriptions.given[log.key] = max(person.read_up_to(log), log.head - limits.GIVEN_BACK)
        if (everybodys := person.everybodys).head:
            self.subscriptions.given[everybodys.key] = everybodys.head
        self._attach(code)

    def was(self, guest: str | None) -> None:
        """They were this guest before: for a day, a line of that one's that comes again is not said twice, and
        what others report of that one is of them."""
        self.guest = guest
        if guest is not None:
            self._guest_until = self.hub.clock.seconds() + limits.LINE_ID_SECONDS
            self.person.turned_out(guest)

    @property
    def former(self) -> str | None:
        """(Sender) The id of the guest who they were before they logged in, not long ago."""
        if self.guest is not None and self.hub.clock.seconds() > self._guest_until:
            self.guest = None
        return self.guest

    def _attach(self, code: str) -> None:
        """Be a session of the person's, on this connection."""
        assert self.connection is not None
        self._came_by(self.connection)
        self.code, self.digest = code, resume_codes.digest(code)
        self.seen_at = self.hub.now()
        self.hub.attach(self)
        self.called()
        self.connection.entered()

    def _came_by(self, connection: "Carrier[Session]") -> None:
        self.host = connection.host
        self.key = None if connection.key is None else connection.key.fingerprint

    @property
    def is_bot(self) -> bool:
        """(Device) A program is there: it came in by a token, or has said so."""
        return self.scope is not None or self.automatic

    def be_automatic(self, on: bool) -> None:
        """It says that it is a program, or none."""
        self.automatic = on
        self.called()
        self.person.look_for_people()

    def called(self) -> None:
        """(Device) They have a nickname, or another one, or an account by now."""
        person = self.person
        self._author = Author(
            person.id, self.id, person.nick, self.is_bot, account=person.has_account, realname=person.realname
        )

    def rename(self, nick: str) -> None:
        """Take another nickname, already checked, and let the rooms know; raises `Refused` if it is somebody's."""
        old = self.author
        self.hub.rename(self.person, nick)
        self._tell_others(old, "renamed", nick)

    # How they go and come back.

    def leave(self, text: str = "") -> None:
        """Go, and never come back by this code; where no other device is there, at once for everybody else."""
        if self._author is None:
            return
        self.hear_nothing()
        self.hub.end(self, text)
        self._moved()
        self._author, self.welcomed = None, False
        self.person, self.scope, self.guest = self.hub.stranger(), None, None

    def end(self) -> None:
        """Their input has ended: for the others they have left, and the nickname is free, but the code stays good.

        Nearly every proxy ends an idle line in the same way, and one that it loses or that its own restart cuts.
        """
        self._go(Event.ENDED)

    def cut(self) -> None:
        """The connection is gone and they did not say goodbye: all is held for the grace period."""
        self._go(Event.CUT)
        self.connection = None

    def _go(self, event: Event) -> None:
        """Have a connection no more, and perhaps come back."""
        person = self.person
        if self not in person.attached:  # they have left, or never came in
            return
        if not self.welcomed:
            self.leave()
            return
        self.note_read()
        self.hear_nothing()
        self._frame, self._notices = Frame.NONE, None
        self.down_since = self.hub.clock.seconds()
        self.hub.detach(self, event)
        self._moved()

    def _moved(self, key: str = "") -> None:
        """Here they came to a room, or went, or perhaps left all: that holds as long as no other node has them."""
        if (fence := self.hub.turn.fence) is None or self.node:
            return
        if key or self.person.presence in (Presence.ABSENT, Presence.LEFT):
            fence.moved(self.digest, self.person, key)

    def banish(self) -> None:
        """They are banned: they go at once, on all devices, told why where they can be, and their codes are void."""
        if self._author is None:
            self.send_away(banned())
        else:
            self.hub.send_away(self.person, banned())

    def send_away(self, refused: Refused) -> None:
        """(Device) This connection ends, for this reason."""
        connection, self.connection = self.connection, None
        self.hear_nothing()
        self._author = None
        if connection is not None:
            self._let_go(connection, refused)

    def drop(self) -> None:
        """They have left while this node did not hear of it: the connection is cut, and the code is good."""
        connection, self.connection = self.connection, None
        self.hear_nothing()
        self._frame, self._notices = Frame.NONE, None
        self.down_since = self.hub.clock.seconds()
        self.person.detach(self)
        self.hub.keep(self)
        self.hub.turn.touch(self)
        if connection is not None:
            connection.abort()

    def _let_go(self, connection: "Carrier[Session]", refused: Refused) -> None:
        """It is nobody's from now on: what still waits for something on it finds that it is not theirs any more."""
        nobody = Session(self.hub, connection)
        connection.carry(nobody)
        nobody.answer(Problem(refused.code, refused.sentence))
        connection.close()

    def check_seen(self, seen: Mapping[str, int]) -> None:
        """Raises `Refused` where a client claims to have seen what there is not yet."""
        for name, log in self.logs.items():
            if seen.get(name, 0) > log.head:
                raise seen_ahead(seen[name])

    def _find_rooms(self, host: str) -> None:
        """Of rooms where nobody was, some may have been forgotten to make place for others, and loaded again since.

        And an address may only hold so many.
        """
        person, rooms = self.person, self.hub.rooms
        if person.presence is Presence.ABSENT:
            found: Iterable[Room] = [rooms[key] for key in person.rooms if key in rooms]
            if self.hub.settings.max_per_host:
                found = rooms.holdable(found, host)
            for room in person.stay_in(found):
                for device in person.detached:
                    device.hear_no_more(room.log)
        mine = self.rooms
        last = [self.hub.lobby, *mine.values()][-1]
        self.current = mine.get(self.current.log.key, last)

    def resume(self, connection: "Carrier[Session]", code: str, seen: Mapping[str, int]) -> None:
        """Come back on a connection, having seen so much of each log; one that still hangs is closed."""
        person = self.person
        self.note_read()
        self._find_rooms(connection.host)
        for name, log in self.logs.items():
            if name in seen:
                self.subscriptions.given[log.key] = person.at_least(log, seen[name])
        self.hear_nothing()
        old, self.connection = self.connection, connection
        connection.carry(self)
        self._frame = Frame.COMING
        if old is not None:
            self._let_go(old, taken_over())
        self.code, self.welcomed, self.unread = code, True, False
        self._came_by(connection)
        self.hub.attach(self)
        self.called()
        connection.entered()
        if self.hub.noted:
            logger.info("{nick} is back, from {host}", nick=person.nick, host=self.host)

    def hear_on(self) -> Deferred[None]:
        """After `resume`: read on from where they were; fires when they stand at the head everywhere."""
        self._frame = Frame.AHEAD
        self.tell_notices()
        for log in self.logs.values():
            seen = self.given(log)
            position = self.subscriptions.given[log.key] = self.person.at_least(log, seen)
            if position > seen:
                self.about_to_read_on()
                self.answer(Missed(log.name, position - seen))
            self.subscriptions.hear(log, position)
        return self.subscriptions.caught_up().addCallback(lambda _: self._returned())

    def _returned(self) -> None:
        opened, self._frame = self._frame, Frame.NONE
        if opened is Frame.OPEN:
            self.answer(UpToNow(self.hub.now()))
        self.subscriptions.render_anew()

    def about_to_read_on(self) -> None:
        """(Subscriber) If they are coming back, the first of what they missed opens the frame around it."""
        if self._frame is Frame.AHEAD:
            self._frame = Frame.OPEN
            self.answer(Since(self.seen_at, self.hub.now()))

    def mark_seen(self) -> None:
        """Everything given to them so far was acknowledged by their machine."""
        self.seen_at = self.hub.now()
        self.subscriptions.mark_seen()

    def keep_seen(self) -> None:
        """Now and then that is stored, for after a crash."""
        if self in self.person.attached and self.subscriptions.given != self._kept_given:
            self._kept_given = dict(self.subscriptions.given)
            if (progress := self.hub.progress) is None:
                self.hub.turn.touch(self)
            else:
                progress.moved(self)
            if progress is None or self.person.elsewhere:  # their devices there know how far they have read here
                self.hub.turn.touch(self.person)  # who has read it, too, and spoken perhaps

    def progress(self) -> Progress:
        """(Device) How far they have read on it."""
        given = dict(self.subscriptions.given)
        shown = {log.key: self.given(log) for log in (self.current.log, self.person.log) if self.reading(log)}
        return Progress(self.seen_at, self.person.spoke_at, given, furthest(self.person.read, shown))

    @property
    def ended_at(self) -> datetime:
        """When its connection ended, where it has none."""
        return self.hub.now() - timedelta(seconds=self.hub.clock.seconds() - self.down_since)

    @property
    def restorable(self) -> bool:
        """(Restorable) Its code is good."""
        return self.hub.codes.get(self.digest) is self

    def remember(self, people: People, sessions: Sessions) -> None:
        """(Restorable) What brings it back after a restart; nothing, once its code is void."""
        if not self.restorable:
            if self.digest not in self.hub.codes:  # or somebody else comes by it by now
                sessions[self.digest] = None
            return
        if self.node or self.unread:
            return
        sessions[self.digest] = SessionRecord(
            self.id,
            self.person.id,
            self.host,
            self.current.log.key,
            self.quiet,
            self.language,
            self.seen_at,
            None if self in self.person.attached else self.ended_at,
            dict(self.subscriptions.given),
            None if self.scope is None else self.scope.token,
            self.guest,
        )

    # Where they are.

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The person's that they are in here, by their keys: a program, only those that its token is for."""
        rooms = self.person.rooms
        return rooms if self.scope is None else {key: room for key, room in rooms.items() if self.may_read(room.log)}

    @property
    def logs(self) -> Mapping[str, Log]:
        """What they hear here, by the names that programs know."""
        logs = self.person.logs
        return logs if self.scope is None else {name: log for name, log in logs.items() if self.may_read(log)}

    def reach(self, log: Log) -> Reach | None:
        """How much of a log they may read here."""
        scope = self.scope
        if scope is not None and scope.rooms is None and log is self.hub.staff.log:
            return None  # it acts as an operator no more than any other program
        if scope is None or scope.leads_to(log.key) or log is self.hub.log:
            return self.person.reach(log)
        return None

    def may_read(self, log: Log) -> bool:
        """(Device) Whether they may read it at all here, and say something in it."""
        return (self.person.reach(log) if self.scope is None else self.reach(log)) is not None

    def join(self, room: Room) -> int:
        """Be in one more room; returns the number up to which they are shown what was said before, then `hear` on."""
        self.person.join(room)
        position = self.subscriptions.given[room.log.key] = room.log.head
        for other in self.person.others(self):
            other.hear(room.log, position)
            other.hear_differently()
        self._moved(room.log.key)
        self._tell_others(self.author, "joined", room.log.name)
        self.subscriptions.render_anew()
        self.hub.turn.touch(self.person)
        self.hub.turn.touch(self)
        return position

    def part(self, room: Room, text: str) -> None:
        """Be in one room less; who spoke there speaks in the one joined last of those that remain."""
        self.person.part(room, text)
        self._moved(room.log.key)
        self._tell_others(self.author, "left", room.log.name)
        for other in (*self.person.others(self), *self.person.detached):
            other.hear_no_more(room.log)
        self._stop(room.log)
        self.hub.turn.touch(self.person)

    def speak_in(self, room: Room) -> None:
        """What they say without naming a room they say there."""
        self.note_read()
        self.current = room
        self.hub.turn.touch(self)
        self.hub.turn.touch(self.person)

    def note_read(self) -> None:
        """They look away from what they have read."""
        for log in (self.current.log, self.person.log):
            if self.reading(log) and self.may_read(log):
                self.person.mark_read(log, self.given(log))

    def check_may_talk(self, room: Room) -> None:
        """Raises `Refused` where they are muted; where nobody is, that costs nothing."""
        if self.person.measured or room.measured:
            self.hub.measures.check_may_talk(self.person, room.log.key)

    def check_may_write(self, person: Person) -> None:
        """Raises `Refused` where they are muted everywhere: they write to who runs the server, and to nobody else; and
        for a guest who writes to another one while class mode is on."""
        if not person.has_account and person is not self.person:
            self.hub.measures.check_not_closed(self.person, say("guests have no private talk with each other"))
        if SERVER not in person.roles:
            self.hub.measures.check_may_talk(self.person, SERVER)
        self.hub.newcomers.check_may_write(self.person, person)

    def take_turn(self, room: Room, text: str, id: str | None = None) -> None:
        """Raises `Refused` where it is slow and they have to wait; else their time begins anew, for they say this."""
        if room.measured:
            self.hub.slow_mode.take_turn(room, self.person, self.host, text, id)

    def check_may_say(self, room: Room, text: str, id: str | None = None) -> None:
        """They say this; raises `Refused` where they are muted, or have to wait because it is slow there."""
        self.check_may_talk(room)
        self.hub.newcomers.check_may_say(self.person, self.host, text, id)
        self.take_turn(room, text, id)

    def say(self, room: Room, facts: Sequence[Fact], request: Request | None = None) -> None:
        """Let a room hear this; the answer comes when it is stored, or refused; with an id it is one fact.

        Raises `Refused` where they are muted, or have to wait because it is slow there.
        """
        if self.person.measured or room.measured:
            self.check_may_say(room, getattr(facts[0], "text", ""), None if request is None else request.id)
        room.introduce(self.person)
        self.posting.say(room.log, facts, request)

    # What they hear.

    def hear(self, log: Log, position: int) -> None:
        """(Device) Read a log on from a position, if they still may: much can happen while history is fetched."""
        if self.connection is not None and self.may_read(log):
            self.subscriptions.given.setdefault(log.key, position)
            if self._frame is not Frame.COMING:  # or it would come before their welcome, and not in the frame
                self.subscriptions.hear(log, self.person.at_least(log, position))

    def hear_no_more(self, log: Log) -> None:
        """(Device) The person is not in its room any more, and this was not done here."""
        spoke = self.current.log is log
        self._stop(log)
        if self._notices is not None:
            self._notices.pop(f"room {log.key}", None)
        if spoke and self.rooms:
            self.notice("current", CurrentNotice(self.current.log.name))

    def _stop(self, log: Log) -> None:
        self.subscriptions.stop(log)
        self.subscriptions.given.pop(log.key, None)
        self.listed = all_but(self.listed, log.key)
        if self.current.log is log and (rooms := self.rooms):
            self.current = list(rooms.values())[-1]
        self.subscriptions.render_anew()
        self.hub.turn.touch(self)

    def hear_nothing(self) -> None:
        """(Device) Read no log any more."""
        self.subscriptions.stop_all()
        self.hub.watchers.stop_all(self)

    def hear_differently(self) -> None:
        """(Device) What they are given looks different from now on."""
        self.subscriptions.render_anew()

    def given(self, log: Log) -> int:
        """(Device) Up to where they were given this log; a room that another device joined meanwhile, from there on."""
        position = self.subscriptions.given.get(log.key)
        if position is not None:
            return position
        return log.head if log is self.person.log else self.person.at_least(log, 0)

    def reading(self, log: Log) -> bool:
        """(Device) Whether somebody who looks at it reads this log."""
        if self.connection is None or not self.connection.wire.asks:
            return False
        return log is self.current.log or log is self.person.log

    def _tell_others(self, author: Author, what: Literal["joined", "left", "renamed"], name: str) -> None:
        """What they did on this device is told on their others, also on those that come back later."""
        if self.person.others(self) or self.person.elsewhere or self.person.detached:
            self.hub.turn.append(self.person.log, OtherDevice(author, what, name))

    def go_on(self) -> None:
        """Their connection takes more again."""
        self.subscriptions.catch_up()
        self.tell_notices()

    def notice(self, key: str, notice: Notice) -> None:
        """(Device) What state something has by now, told at the end of the turn: of each `key` only the last."""
        if self.connection is None:
            return  # it is told how things are when it comes back
        if self._notices is None:
            self._notices = {}
        before = self._notices.get(key)
        if isinstance(notice, IgnoreNotice) and isinstance(before, IgnoreNotice) and notice.on != before.on:
            del self._notices[key]  # it is as they were told; of all whom one may ignore in time there is no end
        else:
            self._notices[key] = notice
        self.hub.turn.at_end(self.tell_notices)

    def tell_notices(self) -> None:
        """Tell what waits to be, where the connection takes more, and they were welcomed: that tells how it was."""
        if self._notices is not None and self.has_room and self._frame is not Frame.COMING:
            notices, self._notices = self._notices, None
            for notice in notices.values():
                self.answer(self._by_now(notice))

    def _by_now(self, notice: Notice) -> Notice:
        """What is told late: another node may have told meanwhile that they have read on, and their welcome that."""
        if not isinstance(notice, ReadNotice) or (log := self.logs.get(notice.room)) is None:
            return notice
        return notice._replace(seq=max(notice.seq, self.person.read_up_to(log)))

    def show(self, kind: str, state: StateOfOthers, to: Room | Person | None = None) -> None:
        """Let others know in what state this one is (see `Hub.show`), and pay for it."""
        shown = self.hub.show(self.person, kind, state, to)
        if self.connection is not None:
            self.connection.spend(limits.PRICE_SHOWN * shown)

    @property
    def keeps_list(self) -> bool:
        """(Device) Its client keeps a list of who is where, and shows what state they are in."""
        return self.connection is not None and self.connection.wire.format.keeps_list

    @property
    def rendering(self) -> Rendering:
        """(Reader) Which bytes they get."""
        assert self.connection is not None
        timed = self._frame is not Frame.NONE
        format = self.connection.wire.format
        return Rendering(format, len(self.rooms) > 1, self.quiet and not format.keeps_list, timed)

    @property
    def picky(self) -> bool:
        """(Reader) They do not want everything that others want: what they ignore, or did themselves elsewhere."""
        return bool(self.person.ignored or self.person.others(self) or self.person.elsewhere)

    @property
    def direct(self) -> socket | Sealed | None:
        """(Reader) Their connection's socket, or what encrypts for it."""
        assert self.connection is not None
        return self.connection.direct

    def send(self, chunk: bytes) -> None:
        """(Reader) Their connection's one way out."""
        assert self.connection is not None
        self.connection.send(chunk)

    @property
    def has_room(self) -> bool:
        """(Subscriber) They have a connection, and it takes more."""
        return self.connection is not None and not self.connection.blocked

    def wants(self, log: Log, entry: Entry) -> bool:
        """(Reader) Not what they said here, unless their wire echoes it, nor their own coming and going, nor people
        they ignore (but for what is announced to all, what is done to people in a room or here, or concerns others'
        lines), nor a fact that another room tells them."""
        fact, person = entry.fact, self.person
        if isinstance(fact, Audited) and person.was(fact.about):
            return False
        if fact.author is not None:
            if fact.author.person == person.id and isinstance(fact, Joined | Left | Renamed):
                # Their other devices are told in the log of their own (`OtherDevice`).
                format = self.rendering.format
                return format.echoes and not format.keeps_list and not (person.others(self) or person.elsewhere)
            if fact.author.session == self.id:
                return self.rendering.format.echoes
            if fact.author.person in person.ignored and not isinstance(fact, _OF_OFFICE):
                return isinstance(fact, Redacted) and bool(fact.whose)
        if isinstance(fact, Joined | Left | Renamed) and entry.seq <= self.listed.get(log.key, 0) and self.keeps_list:
            # Who left the chat, or has another name, may stand in the list of another room that they are in already.
            elsewhere = isinstance(fact, Left | Renamed) and sum(key in self.rooms for key in fact.rooms) > 1
            if not elsewhere or self._frame is not Frame.NONE:
                return False
        if isinstance(fact, Left | Renamed | Measured) and len(fact.rooms) > 1 and self.rendering.format.folds:
            return log.key == next((key for key in fact.rooms if key in self.rooms), log.key)
        return True

    def share(self, entry: Entry, piece: bytes) -> bytes:
        """(Reader) Of many who came or went, not they themselves where they are told so otherwise."""
        rendering = self.rendering
        return rendering.format.without(piece, self.person.nick) if rendering.is_told_apart(entry) else piece

    # What they are answered.

    def answer(self, answer: Answer) -> None:
        """Say something to them alone: only in answer to their own command."""
        if self.connection is not None:
            self.connection.answer(answer)

    def hang_up(self) -> None:
        """Close their connection, once they have read what they are owed."""
        if self.connection is not None:
            self.connection.close()

    def broken(self) -> None:
        """(Reader) A bug of ours: this one connection pays for it."""
        if self.connection is not None:
            self.connection.abort()
