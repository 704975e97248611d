"""The line to the server: it comes back by itself, and knows which of our lines were confirmed.

Every line goes out under an id of its own and is kept until the server answers that id.  A line typed while nobody
is connected waits, and is sent once we are in again; one that was sent and not answered when the connection was lost
is handed to the face as not confirmed: it may or may not have been said, and saying it twice would be worse.

The way in, on every connection: `/json`, plain text is skipped until `hello`; the resume code and what was seen, or
else the nickname and the rooms one was in (the current one last, so that waiting lines go where their author was);
then what waits.  A server that is silent is pinged, and left if it stays so.  No screen and no reactor here: a `Face`
shows, a clock and an endpoint come in.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import random

from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from chat import limits
from chat.client.face import Face
from chat.client.lines import TooLong
from chat.client.me import Line, Me
from chat.client.objects import Hello, Object, Problem, Raw, Reply, Welcome, understand
from chat.client.outbox import Answered, Outbox
from chat.client.wire import Watched, Wire, Wires, reason_of
from chat.language import Sentence, say
from chat.wire import jsonl

FINAL = frozenset({"taken-over", "kicked", "banned", "nick-timeout"})
"""Errors after which coming back by itself would be wrong: somebody decided it, or nobody sits there."""


class _Stage(enum.Enum):
    """How far the way in has come."""

    OFF = enum.auto()
    OPENING = enum.auto()
    ASKING = enum.auto()
    NAMING = enum.auto()
    JOINING = enum.auto()
    IN = enum.auto()


@implementer(IPushProducer)
class Connection:
    """Keeps a conversation with one server; `run` begins the ids, and is another one in every run of the client."""

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        clock: IReactorTime,
        face: Face,
        run: str,
        nick: str | None = None,
        room: str | None = None,
        jitter: Callable[[], float] = random,
    ) -> None:
        self.me = Me()
        self._face = face
        self._clock = clock
        self._nick = nick
        self._code: str | None = None
        self._back_to: Sequence[str] = [room] if room else []
        self._outbox = Outbox(run)
        self._answered_at = 0.0
        self._joining = 0
        self._settled = False
        self._stage = _Stage.OFF
        self._wire: Wire | None = None
        self._leaving = self._paused = False
        self._gone: Deferred[None] = Deferred()
        self._failures = 0
        self._delay = backoffPolicy(limits.RETRY_SECONDS, limits.RETRY_MOST_SECONDS, jitter=jitter)
        self._service = ClientService(Watched(endpoint, self._unreachable), Wires(self, clock), self._retry, clock)

    # What a face may ask.

    @property
    def connected(self) -> bool:
        """We are in: what is typed is sent at once."""
        return self._stage is _Stage.IN

    @property
    def asking(self) -> bool:
        """The server waits for a nickname."""
        return self._stage is _Stage.ASKING

    @property
    def leaving(self) -> bool:
        """It is over, or about to be."""
        return self._leaving

    @property
    def waiting(self) -> Sequence[Line]:
        """Lines that were never sent."""
        return list(self._outbox.waiting)

    @property
    def kept(self) -> int:
        """Lines that wait to be sent, or to be answered."""
        return len(self._outbox)

    def start(self) -> Deferred[None]:
        """Connect, and stay connected; fires when it is over for good, whoever wanted that."""
        self._service.startService()
        return self._gone

    def enter(self, nick: str) -> None:
        """Take this nickname, now or as soon as it is asked for."""
        self._nick = nick
        if self._stage is _Stage.ASKING:
            self._name()

    def send(self, text: str) -> None:
        """Send a line, at once if we are in (a command also while a nickname is asked for), else as soon as we are.

        Raises `BadInput` if it is too long for any server.
        """
        line = self._outbox.line(text)
        if self._stage is _Stage.IN or (self._stage is _Stage.ASKING and text.startswith("/")):
            self._transmit(line)
        else:
            self._outbox.waiting.append(line)

    def leave(self) -> None:
        """Say goodbye, wait a moment for it to be heard, and stay away."""
        if self._leaving:
            return
        self._leaving = True
        if self._wire is None:
            self._stop()
        else:
            if self._stage is not _Stage.OPENING:
                self._ask("/quit", _hide)
            self._wire.end()

    # IPushProducer: standard output takes no more, or takes more again.

    def pauseProducing(self) -> None:
        """Read no more for now: what the server says cannot be shown as fast."""
        self._paused = True
        if self._wire is not None:
            self._wire.pause()

    def resumeProducing(self) -> None:
        """Read on."""
        self._paused = False
        self._answered_at = self._clock.seconds()
        if self._wire is not None:
            self._wire.resume()

    def stopProducing(self) -> None:
        """Nobody looks any more; who owns the output is told so itself."""

    # Owner: what the wire brings.

    def opened(self, wire: Wire) -> None:
        """Connected: ask for JSON."""
        self._wire = wire
        self._stage = _Stage.OPENING
        wire.send(b"/json\n")
        if self._paused:
            wire.pause()

    def line_received(self, line: bytes | TooLong) -> None:
        """One line of the server's; before `hello` it is text for people, and skipped."""
        raw = None if isinstance(line, TooLong) else jsonl.parse(line)
        if self._stage is _Stage.OPENING:
            what = understand(raw or {})
            if raw is not None and isinstance(what, Hello):
                self._stage = _Stage.ASKING
                self._face.received(what, raw, None)
                self._come_in()
        elif raw is None:
            self._face.not_understood()
        else:
            self._take(understand(raw), raw)

    def silent(self) -> None:
        """Nothing was heard for a while: ask for a sign of life."""
        if self._stage is not _Stage.OPENING:
            self._ask("/ping", _hide)

    def closed(self, reason: Sentence) -> None:
        """The connection is gone."""
        if self._stage is _Stage.IN:
            self._nick, self._back_to = self.me.nick, self.me.rooms
        self._wire = None
        self._stage = _Stage.OFF
        unconfirmed = self._outbox.take_sent()
        leaving = self._leaving
        if leaving:
            self._stop()
        self._face.lost(None if leaving else reason, unconfirmed)

    # What the server says.

    def _take(self, what: Object | None, raw: Raw) -> None:
        line, answered = self._outbox.answer(raw.get("id"))
        if self._leaving:
            # Nothing is of interest any more but whether the last words were said.
            if line is not None:
                self._face.received(what, raw, line)
            return
        self.me.note(what)
        if _is_final(what, line) and self._wire is not None:
            self._leaving = True
            self._wire.end()
        if answered is None or not answered(what):
            self._face.received(what, raw, line)
        if isinstance(what, Welcome) and self._stage in (_Stage.ASKING, _Stage.NAMING):
            self._welcomed(what)
        if line is not None:
            self._answered_at = self._clock.seconds()
            self._face.progressed()
        elif self._outbox.sent and self._clock.seconds() - self._answered_at > limits.CONFIRM_SECONDS:
            self._answered_at = self._clock.seconds()
            if self._wire is not None:
                self._wire.abort(say("the server confirmed nothing for a while"))

    # What we say.

    def _transmit(self, line: Line) -> None:
        """Send a line of the person's."""
        if not self._outbox.sent:
            self._answered_at = self._clock.seconds()
        self._outbox.sent[line.id] = line
        self._write(line)

    def _ask(self, text: str, answered: Answered, seen: Mapping[str, int] | None = None) -> None:
        """Send a line of our own; `answered` says whether it dealt with the answer, which else is shown."""
        self._write(self._outbox.question(text, answered), seen)

    def _write(self, line: Line, seen: Mapping[str, int] | None = None) -> None:
        if self._wire is not None:
            self._wire.send(jsonl.request(line.text, line.id, seen))

    # The way in.

    def _come_in(self) -> None:
        if self._code is not None:
            self._stage = _Stage.NAMING
            self._ask(f"/resume {self._code}", self._resumed, self.me.seen)
        elif self._nick is not None:
            self._name()
        else:
            self._face.nickname_wanted(None)

    def _resumed(self, what: Object | None) -> bool:
        """A code that nobody knows any more, after a restart perhaps, is no reason not to come in as before."""
        if isinstance(what, Problem):
            self._stage = _Stage.ASKING
            self._code = None
            self._come_in()
            return True
        return False

    def _name(self) -> None:
        self._stage = _Stage.NAMING
        self._ask(f"/nick {self._nick}", self._named)

    def _named(self, what: Object | None) -> bool:
        if isinstance(what, Problem):
            self._stage = _Stage.ASKING
            self._nick = None
            self._face.nickname_wanted(what)
            return True
        return False

    def _welcomed(self, welcome: Welcome) -> None:
        self._nick, self._code = welcome.nick, welcome.code
        self._failures = 0
        self._stage = _Stage.JOINING
        # Once all rooms were joined, the server knows better where somebody is who comes back.
        self._settled = self._settled and welcome.back
        there = {room.name for room in welcome.rooms}
        *others, current = (not self._settled and self._back_to) or [welcome.room]
        rooms = [room for room in others if room not in there]
        if current != welcome.room:
            rooms.append(current)
        self._joining = len(rooms)
        for room in rooms:
            self._ask(f"/join {room}", partial(self._joined, room == current))
        if not rooms:
            self._arrive()

    def _joined(self, current: bool, what: Object | None) -> bool:
        refused = what if current and isinstance(what, Problem) else None
        if refused is not None:
            self._face.not_admitted(refused, self._outbox.take_waiting())
        self._joining -= 1
        if not self._joining:
            self._arrive()
        return refused is not None

    def _arrive(self) -> None:
        self._stage = _Stage.IN
        self._settled = True
        self._face.entered()
        while self._outbox.waiting:
            self._transmit(self._outbox.waiting.popleft())

    # The ways out.

    def _unreachable(self, failure: Failure) -> Failure:
        if not self._leaving:
            self._later(self._face.unreachable, reason_of(failure))
        return failure

    def _retry(self, _failures: int) -> float:
        """When to try again: a server that lets nobody in is given as much peace as one that does not answer."""
        self._failures += 1
        delay = self._delay(self._failures)
        self._later(self._face.trying_again, delay)
        return delay

    def _later(self, tell: Callable[..., None], *arguments: object) -> None:
        """Let the face act on it without being in the middle of ours."""
        self._clock.callLater(0, tell, *arguments)

    def _stop(self) -> None:
        self._service.stopService().addCallback(lambda _: self._gone.callback(None))


def _hide(_answer: Object | None) -> bool:
    """The answer is of no interest to anybody."""
    return True


def _is_final(what: Object | None, line: Line | None) -> bool:
    """The server lets us go: we asked for it, or it will not have us."""
    if isinstance(what, Reply):
        return what.command == "quit" and line is not None
    return isinstance(what, Problem) and what.id is None and what.code in FINAL
