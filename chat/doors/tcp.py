"""One socket: what its lines ask, half-close, and the session that it carries.

Bytes become lines, in their time, in the `input_queue`: LineReceiver's own `dataReceived` is quadratic in lines per
read.  Bytes leave by the `output` alone.  The greeting waits a moment for a first line, by which strangers are known.
"""

import socket
from collections.abc import Callable, Sequence
from math import ceil
from typing import Protocol

from twisted.internet import tcp
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IHandshakeListener, INegotiated
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say, say_n
from chat.commands import entering, talk
from chat.core.hub import Hub
from chat.core.session import Session
from chat.doors import sniffing, sockets
from chat.doors.ending import Ending
from chat.doors.input_order import Order
from chat.doors.input_queue import InputQueue
from chat.doors.lines import NOP
from chat.doors.output import Output
from chat.doors.sniffing import ForeignProtocol, Reception
from chat.visit.dispatch import command_of, handle, id_of
from chat.wire import replies, vocabulary
from chat.wire.answers import Problem, Reply
from chat.wire.rendering import Wire
from chat.wire.requests import Typed
from chat.wire.wires import Wires

logger = Logger()


class Clients(Protocol):
    """What a connection needs of its factory, which holds them all."""

    wires: Wires
    """What connections may be spoken to in."""

    @property
    def reception(self) -> Reception:
        """Who answers strangers."""

    def made(self, client: "ChatProtocol") -> Refused | None:
        """A client is connected; returns the reason if it may not stay."""

    def lost(self, client: "ChatProtocol") -> None:
        """A client is gone."""


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class ChatProtocol(LineReceiver):
    """A connection (`chat.core.ports.Carrier`) of lines, from a `host` as limits count it.

    One that is `proxied` ends as its proxy likes.
    """

    factory: Clients
    transport: tcp.Server

    def __init__(self, hub: Hub, wire: Wire, rate: float, host: str, proxied: bool) -> None:
        self.wire = wire
        self.host = host
        self.pings = False
        self.session = Session(hub, self)
        self.draft: list[str] | None = None
        self.proposal: str | None = None
        self.tries = 0
        self._hub = hub
        self._ending = Ending(proxied)
        self._input = InputQueue(self, hub.clock, hub.turn, hub.rounds, rate)
        self._deadline: IDelayedCall | None = None
        self._socket: socket.socket | None = None
        self._greeted = False
        self._known = False
        self._doubted = False
        self._in_hand: Typed = ""
        self._dropped = 0
        self._closing = False
        self._lost = False
        self._draining = False
        self._progress_at = hub.clock.seconds()
        self._taken: int | None = None
        self._heard_at = hub.clock.seconds()

    # IProtocol

    def connectionMade(self) -> None:
        """They have come; over TLS the handshake is still to be done."""
        self._output = Output(self.transport, self._full, self._writable, self._gone)
        self.send = self._output.send
        self._socket = sockets.beneath(self.transport)
        if self._socket is not None:
            sockets.tune(self._socket)
        sockets.read_in_portions(self.transport)
        if (refused := self.factory.made(self)) is not None:
            self.session.answer(Problem(refused.code, refused.sentence))
            self.close()
        elif INegotiated.providedBy(self.transport):
            self._wait_at_most(limits.HANDSHAKE_SECONDS, self._no_handshake)
        else:
            self._wait_at_most(limits.GREET_SECONDS, self._greet)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes apart and do what the lines ask."""
        if self._closing:
            return
        if not self._input.heard and (kind := sniffing.by_first_bytes(data)) is not None:
            self._turn_away(kind)
            return
        self._input.feed(data)
        self._work()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Whatever the reason, they are gone."""
        self._lost = self._closing = True
        self._socket = None
        self._output.shut()
        self._cancel_deadline()
        self._input.close()
        self._hub.guesses.drop(self)
        try:
            self.session.cut()
        finally:
            self.factory.lost(self)

    # IHalfCloseableProtocol

    def readConnectionLost(self) -> None:
        """No more input; what came is handled, every reply delivered, then the connection closed."""
        if self._closing:
            self._input.ended = True
            self.transport.loseConnection()
        elif self._ending.is_cut(self._output.broken):
            self.cut_off()
        else:
            self._input.end()
            self._work()

    def writeConnectionLost(self) -> None:
        """Our half is closed; the other one ends by their FIN or the abort timer."""

    # chat.doors.tls.Sheltered

    def cut_off(self) -> None:
        """What came whole is handled, every reply delivered; half a line is none, and nobody has left."""
        self._ending.cut_off()
        self._input.ended = True
        if not self._closing:
            self._work()

    def needs_tls(self, data: bytes) -> bytes:
        """The answer in clear, and in their protocol, to somebody who began with this; "" is a person who waits."""
        kind = sniffing.recognise(data)
        what = kind.value if kind is not None else "text" if data else "nothing"
        logger.info("Not TLS but {what} on an encrypted port, from {host}", what=what, host=self.host)
        if kind is not None:
            return self.factory.reception.answer(kind, self._reached_at)
        problem = Problem("needs-tls", say("This port is encrypted. Join with one of these:"))
        ways = Reply("needs-tls", replies.WaysIn(self.factory.reception.ways(self._reached_at)))
        return self.wire.answer(problem) + self.wire.answer(ways)

    # IHandshakeListener

    def handshakeCompleted(self) -> None:
        """(Of TLS) Now they can be greeted."""
        if not self._closing:
            self._wait_at_most(limits.GREET_SECONDS, self._greet)

    def _no_handshake(self) -> None:
        self.transport.give_up()  # type: ignore[attr-defined]  # only `chat.doors.tls` has handshakes

    # Coming in.

    def _wait_at_most(self, seconds: float, then: Callable[[], None]) -> None:
        """The one timer of a connection: what it waits for next."""
        self._cancel_deadline()
        self._deadline = self._hub.clock.callLater(seconds, then)

    def _greet(self) -> None:
        """Give them some time to say who they are."""
        self._greeted = True
        self._wait_at_most(limits.NICK_REMINDER_SECONDS, self._remind)
        entering.greet(self.session)

    def _work(self) -> None:
        """Handle what came, unless the first line shows that they speak another protocol."""
        if not self._known and (first := self._input.first) is not None:
            self._known = True
            self._ending.begin(self._hub.clock.seconds())
            if isinstance(first, str) and (kind := sniffing.by_first_line(first)) is not None:
                self._turn_away(kind)
                return
            if isinstance(first, str) and vocabulary.named(first) == "json":
                # It would take what stands before its first object for a part of it.
                self._input.decoder.ask_nothing()
        if not self._greeted and (self._known or self._input.ended):
            self._greet()
        self._answer_telnet()
        self._input.work()

    def _turn_away(self, kind: ForeignProtocol) -> None:
        """Nothing of what they send is for us: tell them so in their protocol."""
        logger.info("Not chat but {what}, from {host}", what=kind.value, host=self.host)
        self._input.forget()
        self.send(self.factory.reception.answer(kind, self._reached_at))
        self.close()

    @property
    def _reached_at(self) -> str:
        return str(getattr(self.transport.getHost(), "host", ""))

    # LineReceiver

    def lineReceived(self, line: Typed) -> None:
        """Do what one line asks, and handle no other before that is done: replies keep the order of lines."""
        self._in_hand = line
        try:
            done = handle(self, line)
        except Exception:
            self._broken()
        else:
            if done is not None:
                self._input.wait()
                done.addErrback(self._broken).addCallback(lambda _: self._done())
                return
        self._in_hand = ""

    def _done(self) -> None:
        self._in_hand = ""
        self._input.go_on()

    # chat.core.ports.Carrier

    @property
    def blocked(self) -> bool:
        """Nothing more is taken just now."""
        return self._output.blocked

    def carry(self, session: Session) -> None:
        """Be the connection of this one."""
        self.session, self.draft, self.proposal = session, None, None

    def speak(self, wire: str = "", code: str = "") -> None:
        """Go on in another way."""
        self.wire = self.factory.wires.find(wire or self.wire.name, code or self.wire.language.code)

    @property
    def direct(self) -> socket.socket | None:
        """Their socket, where bytes may be given to it as they are."""
        return self._output.direct

    def waits(self, seconds: float) -> None:
        """The line that is handled waits for its turn, at least for so long."""
        self._input.delay()
        if seconds >= limits.GUESS_TOLD_SECONDS:
            self.session.answer(Reply("slow-down", replies.GuessWaits(ceil(seconds))))

    def close(self) -> None:
        """Let go once everything sent is read; who does not read is not waited for."""
        if self._closing:
            return
        self._tell_unsaid(self._input.close() + self._hub.guesses.drop(self) + self.take_dropped())
        self._closing = True
        self.session.subscriptions.stop_all()
        self._wait_at_most(limits.CLOSE_SECONDS, self._hang_up)
        self._output.shut()
        if self._input.paused:
            self.transport.resumeProducing()
        if self.direct is not None and not self._input.ended:
            # Input that nobody read would make the kernel send a reset, which destroys the last words on their way:
            # only our half is closed, and what still comes is read and forgotten.
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def _tell_unsaid(self, count: int) -> None:
        """Lines that came and will not be handled any more."""
        if count:
            sentence = say_n("The last line was not said.", "The last {count} lines were not said.", count)
            self.session.answer(Problem("nothing-said", sentence))

    def _hang_up(self) -> None:
        """They had time to read their last words; who still takes some of them has more, unless the server stops.

        With a reset: plain nc does not look at the end of our half, and would wait for Enter.
        """
        if self._socket is not None and not self._draining and sockets.unacknowledged(self._socket):
            taken = sockets.acknowledged(self._socket)
            if taken != self._taken:
                self._taken = taken
                self._wait_at_most(limits.CLOSE_SECONDS, self._hang_up)
                return
        self.abort()

    def abort(self) -> None:
        """Let go now."""
        self._closing = True
        self._output.shut()
        if not self._lost:
            self.transport.abortConnection()

    def hold(self) -> None:
        """The server stops: no further line is handled."""
        self._draining = True
        self._input.hold()
        self._dropped += self._hub.guesses.drop(self)

    def drain(self) -> None:
        """The server has stored the last line: let them read what they are owed, and close."""
        self.session.subscriptions.caught_up().addCallback(lambda _: self._say_goodbye())

    def _say_goodbye(self) -> None:
        self.session.answer(Reply("quit", replies.Stopping()))
        self.look_what_is_seen()
        self.close()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    # Flow control.

    def _full(self) -> None:
        self._progress_at = self._hub.clock.seconds()
        self.session.subscriptions.fall_behind()

    def _writable(self) -> None:
        self._answer_telnet()
        self.session.subscriptions.catch_up()
        self._input.work()

    def _gone(self) -> None:
        """What they are sent from now on does not reach them: for when they come back it counts as unread."""
        self.session.subscriptions.stop_all()

    def _answer_telnet(self) -> None:
        """What telnet wants to hear waits in the decoder, which keeps only so much, until they take something."""
        decoder = self._input.decoder
        if decoder.telnet and not self.blocked and (answers := decoder.answers()):
            self.send(answers)
            if decoder.in_doubt and not self._doubted:
                self._doubted = True
                self._hub.clock.callLater(limits.BINARY_SECONDS, decoder.trust)

    def look(self, now: float) -> None:
        """Now and then: a connection that takes nothing, or whose machine is gone, is given up; telnet is kept open."""
        if self._input.look():
            self._heard_at = now
        if self._socket is not None and (taken := sockets.acknowledged(self._socket)) != self._taken:
            self._taken, self._progress_at = taken, now
        if self.blocked and now - self._progress_at >= limits.STALL_SECONDS:
            logger.info("Closing a connection that took nothing for {seconds} s", seconds=limits.STALL_SECONDS)
            self.abort()
        elif self._socket is not None and sockets.is_dead(self._socket, limits.UNACKED_SECONDS):
            logger.info("Closing a connection whose machine is gone")
            self.abort()
        elif self._closing:
            return
        elif self.pings and not self.wire.asks and now - self._heard_at >= limits.SILENT_SECONDS:
            self._give_up_silent()
        elif self._is_idle_telnet(now):
            self._progress_at = now
            self.send(NOP)
        self.session.keep_seen()

    def _give_up_silent(self) -> None:
        """Only a proxy knows that their machine is gone, and it says nothing."""
        logger.info("Closing a connection that pinged, and was silent for {seconds} s", seconds=limits.SILENT_SECONDS)
        sentence = say(
            "Nothing came from you for {seconds} s; send a /ping in time.", seconds=int(limits.SILENT_SECONDS)
        )
        self.session.answer(Problem("stalled", sentence))
        self.close()

    def _is_idle_telnet(self, now: float) -> bool:
        """Nothing went out for a while, which no proxy may take for the end; nc would show what telnet does not."""
        telnet = self._input.decoder.commands and self.wire.asks
        return telnet and not self.blocked and now - self._progress_at >= limits.IDLE_TELNET_SECONDS

    def look_what_is_seen(self) -> None:
        """Every now and then: whether their machine has acknowledged everything."""
        if self.session.subscriptions.is_seen():  # nearly everybody's, and often
            return
        if not (self.blocked or self._output.broken or self._closing) and sockets.all_has_come(self.transport):
            self.session.mark_seen()

    # chat.doors.input_queue.Handler

    def talked(self, lines: Sequence[Typed]) -> int:
        """Nearly all lines are nothing but talk, and together they cost half of what they do one by one in `handle`."""
        try:
            if self.wire.verbatim and self.draft is None and self.proposal is None:
                return talk.say_lines(self.session, lines)
            return 0
        except Exception:
            self._broken()
            return len(lines)

    @property
    def pondering(self) -> bool:
        """A nickname was refused: what comes next may be a script's talk, which is no nickname.

        So the answer waits for the end of input, which is looked for meanwhile.
        """
        return self.wire.asks and self.proposal is not None and not self.session.named

    def slowed(self) -> None:
        """They are told when it begins."""
        self.session.answer(Reply("slow-down", replies.Slowed(f"{self._input.rate:g}")))

    def order(self) -> Order:
        """By which command a line is."""
        self._ending.wait(self._hub.clock.seconds())
        return Order(lambda line: command_of(self, line), self.draft is not None)

    def dropped(self, lines: Sequence[Typed]) -> None:
        """How many they are is told by what drops them; a program is told of each that has an id."""
        in_hand = self._in_hand
        if self._hub.guesses.drop(self):
            lines = [in_hand, *lines]
        self._dropped += len(lines)
        if not self.wire.asks:
            for line in lines:
                if (id := id_of(self, line)) is not None:
                    self.session.answer(Problem("nothing-said", say("You dropped this line."), id))

    def take_dropped(self) -> int:
        """How many lines were dropped that was not told yet."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def interrupted(self) -> None:
        """As /cancel does, but that there was nothing to stop is no error."""
        if (dropped := self.take_dropped()) > 0:
            self.session.answer(Reply("cancel", replies.Dropped(dropped)))

    def hung_up(self) -> bool:
        """Whether nobody is there any more who wants to say the lines that wait."""
        state = sockets.state(self._socket)
        if (self._input.ended or state is not sockets.SocketState.OPEN) and not self._ending.told:
            self._ending.look(self._socket, state is sockets.SocketState.CLOSED, self._output.broken)
            self.session.answer(Reply("slow-down", replies.StillWaiting(len(self._input))))
        return self._ending.is_stopped(state)

    def pause(self, paused: bool) -> None:
        """Leave input in the kernel, or read on."""
        if paused:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    def _broken(self, failure: Failure | None = None) -> None:
        """A bug of ours: it is logged, and costs this one client its connection."""
        logger.failure("A line could not be handled", failure)
        try:
            sentence = say("Something went wrong here; it was logged. Come again.")
            self.session.answer(Problem("internal", sentence, id_of(self, self._in_hand)))
        except Exception:
            logger.failure("It could not even be told")
        self.close()

    # The ends.

    def finished(self) -> None:
        """The end of the input was reached: deliver what is owed and hang up.

        Of people it is their leave, unless a proxy may have made it.
        """
        session, pondering, unsaid = self.session, self.pondering, self._input.forget()
        if pondering:
            sentence = say_n(
                "No nickname, so the line after it was not said.",
                "No nickname, so the {count} lines after it were not said.",
                unsaid,
            )
            refused = say("No nickname, so nothing was said.")
            session.answer(Problem("nothing-said", sentence if unsaid else refused))
        elif self.draft is not None:
            sentence = say_n(
                "The line since /paste was not said.",
                "The {count} lines since /paste were not said.",
                len(self.draft),
            )
            session.answer(Problem("nothing-said", sentence))
        own = self._input.signed_off or self._ending.is_own(self._output.broken)
        if self.wire.asks and own:
            self.look_what_is_seen()
            session.end()
        self._input.wait()
        session.posting.settled().addCallback(lambda _: self.close())

    def _remind(self) -> None:
        """They have had two of three minutes to choose a nickname."""
        if self.session.named:
            return
        rest = limits.NICK_SECONDS - limits.NICK_REMINDER_SECONDS
        self.session.answer(Reply("nick", replies.NicknameDue(int(rest))))
        self._wait_at_most(rest, self._time_is_up)

    def _time_is_up(self) -> None:
        if self._input.delayed:  # they have come back perhaps, and wait for us
            self._wait_at_most(limits.NICK_SECONDS - limits.NICK_REMINDER_SECONDS, self._time_is_up)
        elif not self.session.named:
            sentence = say("No nickname was chosen in {minutes} min.", minutes=int(limits.NICK_SECONDS // 60))
            self.session.answer(Problem("nick-timeout", sentence))
            self.close()
