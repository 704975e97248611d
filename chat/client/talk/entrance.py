"""The way in, on every connection: from `hello` to the moment from which on what is typed is said.

The resume code and what was seen bring back who was here; else the nickname and the rooms one was in come, the
current one last, so that waiting lines go where their author was.  No wire here: a `Visitor` asks and is told.
"""

import enum
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

from chat.base.language import Sentence, say
from chat.client.talk.me import Me
from chat.client.talk.objects import Object, Problem, Reply, Welcome
from chat.client.talk.outbox import Answered

_LATER = frozenset({"slow-down", "busy", "not-stored"})
"""Why a code is not taken just now; it stays good."""


class Stage(enum.Enum):
    """How far the way in has come."""

    OFF = enum.auto()
    OPENING = enum.auto()
    OUTSIDE = enum.auto()
    """The password of the server is wanted."""
    ASKING = enum.auto()
    NAMING = enum.auto()
    JOINING = enum.auto()
    IN = enum.auto()


class Visitor(Protocol):
    """Whoever comes in."""

    def ask(self, text: str, answered: Answered, seen: Mapping[str, int] | None = None) -> None:
        """Send a line of our own."""

    def tell(self, password: str, answered: Answered) -> None:
        """Send a password."""

    def password_wanted(self, refused: Problem | None) -> None:
        """The server's password is to be given with `let_in`; the last one was wrong, if there was one."""

    def turned_away(self) -> None:
        """It does not take it where others may read it on the way: what it said before `hello` tells where to go."""

    def nickname_wanted(self, refused: Problem | None) -> None:
        """A nickname is to be chosen with `enter`; the last one was refused, if there was one."""

    def welcomed(self, back: bool) -> None:
        """The server knows us, and (`back`) all that we said before; we are not where we want to be yet."""

    def not_admitted(self, refused: Problem) -> None:
        """The room that we were to speak in did not let us in."""

    def arrived(self) -> None:
        """What is typed can be said."""

    def put_off(self, why: Sentence) -> None:
        """It has to be tried again later."""


class Entrance:
    """Where we are on our way, by the `token` of an account perhaps; `room` is where we want to speak, beside the
    lobby; one that is not there is made, if this `makes_room`."""

    def __init__(
        self,
        me: Me,
        visitor: Visitor,
        nick: str | None,
        room: str | None,
        makes_room: bool = True,
        token: str | None = None,
    ) -> None:
        self.stage = Stage.OFF
        self.settled = False
        """All rooms were joined, and since then the server knows better than we where we are."""

        self._me = me
        self._visitor = visitor
        self._nick = nick
        self._token = token
        self._makes_room = makes_room
        self._back_to: Sequence[str] = [room] if room else []
        self._joining = 0
        self._password: str | None = None

    def begin(self, password: str | None) -> None:
        """The server speaks JSON, and wants a password first, or none: come in."""
        self._password = password
        self._go_on()

    def _go_on(self) -> None:
        if self._me.code is not None:
            self.stage = Stage.NAMING
            self._visitor.ask(f"/resume {self._me.code}", self._resumed, self._me.seen)
        elif self._token is not None and self._nick is not None:  # it replaces the server's password
            self._name(self._nick)
        elif self._password == "needs-tls":
            self.stage = Stage.OPENING
            self._visitor.turned_away()
        elif self._password is not None:
            self.stage = Stage.OUTSIDE
            self._visitor.password_wanted(None)
        elif self._nick is not None:
            self._name(self._nick)
        else:
            self.stage = Stage.ASKING
            self._visitor.nickname_wanted(None)

    def let_in(self, password: str) -> None:
        """Give the server's password, where it is wanted."""
        if self.stage is Stage.OUTSIDE:
            self._visitor.tell(password, self._let_in)

    def _let_in(self, what: Object | None) -> bool:
        if isinstance(what, Problem):
            self._visitor.password_wanted(what)
        elif self.stage is Stage.OUTSIDE:
            self.begin(None)
        return True

    def enter(self, nick: str) -> None:
        """Take this nickname, now or as soon as it is asked for."""
        self._nick = nick
        if self.stage is Stage.ASKING:
            self._name(nick)

    def welcomed(self, welcome: Welcome) -> None:
        """The server let us in; another welcome later on only says where we are."""
        if self.stage not in (Stage.OUTSIDE, Stage.ASKING, Stage.NAMING):
            return
        self._nick = welcome.nick
        self.stage = Stage.JOINING
        self.settled = self.settled and welcome.back
        self._visitor.welcomed(welcome.back)
        there = {room.name for room in welcome.rooms}
        *others, current = (not self.settled and self._back_to) or [welcome.room]
        rooms = [room for room in others if room not in there]
        if current != welcome.room:
            rooms.append(current)
        self._joining = len(rooms)
        for room in rooms:
            if self._makes_room:
                self._join(room, room == current)
            else:
                self._visitor.ask(f"/who {room}", partial(self._found, room, room == current))
        if not rooms:
            self._arrive()

    def lost(self) -> None:
        """The connection is gone; the next one is to bring us where we are."""
        if self.stage is Stage.IN:
            self._nick, self._back_to = self._me.nick, self._me.rooms
        self.stage = Stage.OFF

    def _resumed(self, what: Object | None) -> bool:
        """A code that nobody knows any more, after a restart perhaps, is no reason not to come in as before."""
        match what:
            case Problem(code) if code in _LATER:
                self._visitor.put_off(say("the server has no time for us yet"))
            case Problem("seen-ahead") if self._me.seen:
                # It has lost something, as where an old copy of its database was put back.
                self._me.seen, self._me.shown = {}, {}
                self._go_on()
            case Problem():
                self._me.code = None
                self._go_on()
            case _:
                return False
        return True

    def _name(self, nick: str) -> None:
        self.stage = Stage.NAMING
        self._visitor.ask(f"/nick {nick}" if self._token is None else f"/login {nick} {self._token}", self._named)

    def _named(self, what: Object | None) -> bool:
        if isinstance(what, Problem):
            self.stage = Stage.ASKING
            self._nick = None
            self._visitor.nickname_wanted(what)
            return True
        if isinstance(what, Reply) and "asks" in what.facts:
            # It is an account's, or where only those come in, to be one: the server goes on to ask.
            self.stage = Stage.ASKING
        return False

    def _found(self, room: str, current: bool, what: Object | None) -> bool:
        """Whoever is not in a room yet is told why they do not see who is: a room that is not there is the reason that
        counts."""
        if isinstance(what, Problem) and what.code != "not-in-room":
            return self._joined(current, what)
        self._join(room, current)
        return True

    def _join(self, room: str, current: bool) -> None:
        self._visitor.ask(f"/join {room}", partial(self._joined, current))

    def _joined(self, current: bool, what: Object | None) -> bool:
        refused = what if current and isinstance(what, Problem) else None
        if refused is not None:
            self._visitor.not_admitted(refused)
        self._joining -= 1
        if not self._joining:
            self._arrive()
        return refused is not None

    def _arrive(self) -> None:
        self.stage = Stage.IN
        self.settled = True
        self._visitor.arrived()
