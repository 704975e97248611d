"""One socket: its lines in their time, half-close, and the session that it carries.

`dataReceived` is the line layer's, not LineReceiver's, which is quadratic in lines per read.  Lines are handled in
portions, so that nobody's burst holds up the others, and not while a command of this session is waiting, the client
is over its rate or does not read; then the rest of the input waits in the kernel.  Bytes leave by the `outlet` alone.
"""

from collections import deque
from collections.abc import Awaitable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Protocol

from twisted.internet import tcp
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from chat import limits, sockets
from chat.commands import perform, staying
from chat.errors import BadInput, ChatError, NotStored
from chat.fanout import Wire
from chat.hub import Hub
from chat.language import Sentence, say, say_n
from chat.lines import END_OF_INPUT, LineDecoder, Overlong
from chat.outlet import Outlet
from chat.pace import Pace
from chat.replies import Problem, Reply, Request, Stored
from chat.saying import not_said
from chat.session import Session

logger = Logger()


class Clients(Protocol):
    """What a connection needs of its factory, which holds them all."""

    def made(self, client: "ChatProtocol", host: str) -> Sentence | None:
        """A client is connected; returns the reason if it may not stay."""

    def lost(self, client: "ChatProtocol", host: str) -> None:
        """A client is gone."""


@implementer(IHalfCloseableProtocol)
class ChatProtocol(LineReceiver):
    """A connection (`chat.session.Connection`) of lines."""

    factory: Clients
    transport: tcp.Server

    def __init__(self, hub: Hub, wires: Mapping[str, Wire], rate: float) -> None:
        self.wires = wires
        self.wire = wires["plain"]
        self.host = ""
        self.session = Session(hub, self)
        self._clock = hub.clock
        self._hub = hub
        self._decoder = LineDecoder()
        self._lines: deque[str | Overlong] = deque()
        self._waiting = False
        self._paused = False
        self._scheduled: IDelayedCall | None = None
        self._deadline: IDelayedCall | None = None
        self._ended = False
        self._closing = False
        self._lost = False
        self._draining = False
        self._rate = rate
        self._pace = Pace(limits.BURST, rate, hub.clock.seconds())
        self._slowed = False
        self._progress_at = hub.clock.seconds()
        self._taken: int | None = None
        self._working = False
        self._pondered = False

    # IProtocol

    def connectionMade(self) -> None:
        """Greet, and give them some time to say who they are."""
        self._outlet = Outlet(self.transport, self._full, self._room)
        self.send = self._outlet.send
        self.host = sockets.host(getattr(self.transport.getPeer(), "host", ""))
        if self._outlet.direct:
            sockets.keep_alive(self.transport.getHandle())
        if (reason := self.factory.made(self, self.host)) is not None:
            self.session.answer(Problem("too-many", reason))
            self.close()
            return
        self._deadline = self._clock.callLater(limits.NICK_REMINDER_SECONDS, self._remind)
        staying.greet(self.session)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes apart and do what the lines ask."""
        if self._closing:
            return
        self._lines.extend(self._decoder.feed(data))
        self._answer_telnet()
        self._work()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Whatever the reason, they are gone."""
        self._lost = self._closing = True
        self._outlet.shut()
        self._cancel_deadline()
        if self._scheduled is not None:
            self._scheduled.cancel()
        self._lines.clear()
        try:
            self.session.cut()
        finally:
            self.factory.lost(self, self.host)

    # IHalfCloseableProtocol

    def readConnectionLost(self) -> None:
        """No more input; what came is handled, every reply delivered, then the connection closed."""
        self._ended = True
        if self._closing:
            self.transport.loseConnection()
            return
        self._lines.extend(self._decoder.end())
        self._work()

    def writeConnectionLost(self) -> None:
        """Our half is closed; the other one ends by their FIN or the abort timer."""

    # LineReceiver

    def lineReceived(self, line: str | Overlong) -> None:
        """Do what one line asks, and answer what cannot be done."""
        request = Request("")
        try:
            try:
                if isinstance(line, Overlong):
                    raise _too_long(line)
                request = self.wire.decode(line)
                result = perform(self.session, request)
            except ChatError as error:
                result = self._answer_problem(error, request)
            if result is not None:
                self._wait_for(result, request)
        except Exception:
            self._broken()

    # chat.session.Connection

    @property
    def blocked(self) -> bool:
        """Nothing more is taken just now."""
        return self._outlet.blocked

    def close(self) -> None:
        """Let go once everything sent is read; who does not read is not waited for."""
        if self._closing:
            return
        self._tell_unsaid()
        self._closing = True
        self.session.reading.stop_all()
        self._cancel_deadline()
        self._deadline = self._clock.callLater(limits.CLOSE_SECONDS, self._hang_up)
        self._outlet.shut()
        if self._paused:
            self.transport.resumeProducing()
        if self._outlet.direct and not self._ended:
            # Input that nobody read would make the kernel send a reset, which destroys the last words on their way:
            # only our half is closed, and what still comes is read and forgotten.
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def _tell_unsaid(self) -> None:
        """Lines that came and will not be handled any more."""
        if self._lines:
            sentence = say_n("The last line was not said.", "The last {count} lines were not said.", len(self._lines))
            self.session.answer(Problem("nothing-said", sentence))
            self._lines.clear()

    def _hang_up(self) -> None:
        """They had time to read their last words; who still takes some of them has more, unless the server stops.

        With a reset: plain nc does not look at the end of our half, and would wait for Enter.
        """
        if self._outlet.direct and not self._draining and sockets.unacknowledged(self.transport.getHandle()):
            taken = sockets.acknowledged(self.transport.getHandle())
            if taken != self._taken:
                self._taken = taken
                self._deadline = self._clock.callLater(limits.CLOSE_SECONDS, self._hang_up)
                return
        self.abort()

    def abort(self) -> None:
        """Let go now."""
        self._closing = True
        self._outlet.shut()
        if not self._lost:
            self.transport.abortConnection()

    def hold(self) -> None:
        """The server stops: no further line is handled."""
        self._draining = self._waiting = True
        self._pause(True)

    def drain(self) -> None:
        """The server has stored the last line: let them read what they are owed, and close."""
        self.session.reading.caught_up().addCallback(lambda _: self._say_goodbye())

    def _say_goodbye(self) -> None:
        self.session.answer(Reply("quit", [say("The server is stopping.")]))
        self.look_what_is_seen()
        self.close()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    # Flow control.

    def _full(self) -> None:
        self._progress_at = self._clock.seconds()
        self.session.reading.fall_behind()

    def _room(self) -> None:
        self._answer_telnet()
        self.session.reading.catch_up()
        self._work()

    def _answer_telnet(self) -> None:
        """What telnet wants to hear waits in the decoder, which keeps only so much, until they take something."""
        if not self.blocked and (answers := self._decoder.answers()):
            self.send(answers)

    def look(self, now: float) -> None:
        """Now and then: a connection that takes nothing, or whose machine is gone, is given up."""
        handle = self.transport.getHandle() if self._outlet.direct else None
        if handle is not None and (taken := sockets.acknowledged(handle)) != self._taken:
            self._taken, self._progress_at = taken, now
        if self.blocked and now - self._progress_at >= limits.STALL_SECONDS:
            logger.info("Closing a connection that took nothing for {seconds} s", seconds=limits.STALL_SECONDS)
            self.abort()
        elif handle is not None and sockets.is_dead(handle, limits.UNACKED_SECONDS):
            logger.info("Closing a connection whose machine is gone")
            self.abort()
        self.session.keep_seen()

    def look_what_is_seen(self) -> None:
        """Every now and then: whether their machine has acknowledged everything."""
        if self.blocked or self._closing or not self._outlet.direct or self.session.reading.is_seen():
            return
        if not sockets.unacknowledged(self.transport.getHandle()):
            self.session.mark_seen()

    # Lines in their time.

    def _work(self) -> None:
        """Handle lines until there are none, or something has to happen first; then read no more than is handled."""
        if self._working:
            return
        self._working = True
        budget = limits.LINES_PER_READ
        while self._lines and self._may_go_on():
            if not budget:
                self._work_later(0)
                break
            budget -= 1
            self._handle(self._lines.popleft())
        self._working = False
        if self._is_over and not (self._waiting or self._closing):
            self._finish()
        self._pause(bool(self._lines) and not self._pondering)

    def _handle(self, line: str | Overlong) -> None:
        self._pondered = False
        if line == END_OF_INPUT:
            self._lines.clear()
            self._ended = True
        else:
            self.lineReceived(line)

    def _may_go_on(self) -> bool:
        """Whether the next line may be handled now; if not, `_work` is called when it may."""
        if self._waiting or self._closing or self.blocked or self._scheduled is not None:
            return False
        if self._hub.turn.crowded:
            self._waiting = True
            self._hub.turn.when_calm(self._go_on)
            return False
        if self._pondering and not self._pondered:
            self._pondered = True
            self._work_later(limits.NICK_PAUSE_SECONDS)
            return False
        wait = self._pace.wait(self._clock.seconds())
        if wait:
            self._slow_down(wait)
        elif self._pace.rested:
            self._slowed = False
        return not wait

    @property
    def _pondering(self) -> bool:
        """A nickname was refused: what comes next may be a script's talk, which is no nickname.

        So the answer waits for the end of input, which is looked for meanwhile.
        """
        return self.wire.asks and self.session.proposal is not None and not self.session.named

    @property
    def _is_over(self) -> bool:
        """The input has ended; so it has, in effect, where more lines wait for a nickname than anybody types."""
        if self._pondering:
            return self._ended or len(self._lines) > limits.LINES_PER_READ
        return self._ended and not self._lines

    def _slow_down(self, wait: float) -> None:
        """Go on when their rate allows it; they are told when that begins."""
        if not self._slowed:
            self._slowed = True
            rate = f"{self._rate:g}"
            notice = say("That was fast: your lines are now said at {rate} a second, none is lost.", rate=rate)
            self.session.answer(Reply("slow-down", [notice]))
        self._work_later(wait)

    def _work_later(self, seconds: float) -> None:
        self._scheduled = self._clock.callLater(seconds, self._work_now)

    def _work_now(self) -> None:
        self._scheduled = None
        self._work()

    def _go_on(self) -> None:
        self._waiting = self._draining
        self._work()

    def _pause(self, paused: bool) -> None:
        if paused == self._paused or self._closing:
            return
        self._paused = paused
        if paused:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    def _wait_for(self, result: Awaitable[None], request: Request) -> None:
        """Handle no other line before this one is done: replies keep the order of lines."""
        self._waiting = True
        done = Deferred.fromCoroutine(_awaited(result))
        done.addErrback(self._failed, request)
        done.addErrback(self._broken)
        done.addCallback(lambda _: self._go_on())

    def _failed(self, failure: Failure, request: Request) -> Deferred[None] | None:
        if isinstance(failure.value, ChatError):
            result = self._answer_problem(failure.value, request)
            return None if result is None else Deferred.fromCoroutine(result)
        self._broken(failure)
        return None

    def _answer_problem(self, error: ChatError, request: Request) -> Coroutine[Deferred[Any], Any, None] | None:
        if isinstance(error, BadInput):
            self.session.answer(Problem(error.code, error.sentence, error.id))
        elif isinstance(error, NotStored):
            self.session.answer(not_said(error, request.line, request.id))
        elif request.id is None or not self.session.named:
            self.session.answer(Problem(error.code, error.sentence, request.id))
        else:
            return self._refuse_unless_stored(error, request.id)
        return None

    async def _refuse_unless_stored(self, error: ChatError, id: str) -> None:
        """A line that was stored and comes again is no error, even where by now it would be: they left the room."""
        session = self.session
        place = None
        with suppress(ChatError):  # of a store that cannot be read
            place = await self._hub.known(session.saying.line_id(id))
        session.answer(Problem(error.code, error.sentence, id) if place is None else Stored(place, id))

    def _broken(self, failure: Failure | None = None) -> None:
        """A bug of ours: it is logged, and costs this one client its connection."""
        logger.failure("A line could not be handled", failure)
        try:
            self.session.answer(Problem("internal", say("Something went wrong here; it was logged. Come again.")))
        except Exception:
            logger.failure("It could not even be told")
        self.close()

    # The ends.

    def _finish(self) -> None:
        """The end of the input was reached: deliver what is owed and hang up; of people it is their leave."""
        session, unsaid = self.session, len(self._lines)
        if self._pondering:
            sentence = say_n(
                "No nickname, so the line after it was not said.",
                "No nickname, so the {count} lines after it were not said.",
                unsaid,
            )
            refused = say("No nickname, so nothing was said.")
            session.answer(Problem("nothing-said", sentence if unsaid else refused))
        elif session.draft is not None:
            sentence = say_n(
                "The line since /paste was not said.",
                "The {count} lines since /paste were not said.",
                len(session.draft),
            )
            session.answer(Problem("nothing-said", sentence))
        self._lines.clear()
        if self.wire.asks:
            session.leave()
        self._waiting = True
        session.saying.settled().addCallback(lambda _: self.close())

    def _remind(self) -> None:
        """They have had two of three minutes to choose a nickname."""
        if self.session.named:
            return
        rest = limits.NICK_SECONDS - limits.NICK_REMINDER_SECONDS
        self.session.answer(Reply("nick", [say("Type a nickname within {seconds} s to stay.", seconds=int(rest))]))
        self._deadline = self._clock.callLater(rest, self._time_is_up)

    def _time_is_up(self) -> None:
        if not self.session.named:
            sentence = say("No nickname was chosen in {minutes} min.", minutes=int(limits.NICK_SECONDS // 60))
            self.session.answer(Problem("nick-timeout", sentence))
            self.close()


async def _awaited(result: Awaitable[None]) -> None:
    await result


def _too_long(line: Overlong) -> BadInput:
    return BadInput(
        "too-long",
        say("This line has {length} bytes, the limit is {limit}.", length=line.length, limit=line.limit),
    )
