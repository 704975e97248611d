"""The door for lines over TCP: bytes, half-close, telnet, and peers whose machine is gone.

What the lines ask, and when, is for the visit (`chat.visit.visit`).  Bytes become lines by a decoder of our own, as
LineReceiver's `dataReceived` is quadratic in lines per read; they leave by the `output` alone.
"""

import socket
from collections.abc import Callable
from typing import Protocol

from twisted.internet import tcp
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, INegotiated
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from chat.base import limits
from chat.base.language import Sentence
from chat.core.hub import Hub
from chat.doors import sniffing, sockets
from chat.doors.irc_lines import IrcLines
from chat.doors.lines import LineDecoder
from chat.doors.output import Output
from chat.doors.sniffing import ForeignProtocol, Reception
from chat.doors.sockets import Caller, Progress
from chat.visit.door import Standing
from chat.visit.states import ENDING, STOPPING, STRANGE
from chat.visit.visit import Visit, Visits
from chat.wire import replies, vocabulary
from chat.wire.answers import Problem, Reply
from chat.wire.join_hints import ENCRYPTED, web_address
from chat.wire.requests import Typed
from chat.wire.wires import IRC, JSON, JSON_ECHO

logger = Logger()


class Clients(Visits, Protocol):
    """What a connection needs of its factory, which holds them all."""

    @property
    def reception(self) -> Reception:
        """Who answers strangers."""

    @property
    def web(self) -> object | None:
        """None where there is no web door."""

    def browse(self, door: "ChatProtocol") -> "Deferred[Browsers]":
        """A connection was no person's, but a browser's; fires when there is somebody for it."""

    def turn_away_browser(self, host: str) -> None:
        """One may not come."""

    def quiet_for(self, host: str, refused: bool = False) -> float:
        """So many seconds somebody of this address who is silent is told nothing, for they may be a browser."""


class Browsers(Protocol):
    """The web door (`chat.doors.web`)."""

    def __contains__(self, host: str) -> bool:
        """Whether one of this address loads the page just now."""

    def begin(self, door: "ChatProtocol") -> "Browser | None":
        """One has come; None where there are too many."""

    def drain(self) -> Deferred[None]:
        """The server stops: what they asked for is still answered; fires when all are gone."""

    def abort(self) -> None:
        """They are not waited for."""


class Browser(Protocol):
    """What a connection is as long as it speaks HTTP."""

    def dataReceived(self, data: bytes) -> None:
        """It sends this."""

    def finish(self) -> None:
        """It sends no more."""

    def connectionLost(self, reason: Failure) -> None:
        """It is gone."""


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class ChatProtocol(LineReceiver):
    """A connection of lines, as a door (`chat.visit.door.Door`)."""

    factory: Clients
    transport: tcp.Server

    def __init__(self, factory: Clients, hub: Hub, caller: Caller) -> None:
        self.factory = factory
        self.caller = caller
        self.operator = False
        self.visit = Visit(hub, factory, self, caller.host, caller.proxied)
        self._browser: Browser | None = None
        self._gone = False
        self._hub = hub
        self._clock = hub.clock
        self._rounds = hub.rounds
        self._decoder = LineDecoder()
        self._socket: socket.socket | None = None
        self._doubted = self._hides = False
        self._progress = Progress(None, hub.clock.seconds())

    def serve_operator(self) -> None:
        """Whoever comes by this one runs the server, and speaks as programs do from the first line on."""
        self.operator = True
        self.visit.speak(JSON)

    # IProtocol

    def connectionMade(self) -> None:
        """They have come; over TLS the handshake is still to be done."""
        self._output = Output(self.transport, self)
        self._socket = sockets.beneath(self.transport)
        if self._socket is not None:
            sockets.tune(self._socket)
        self._progress = Progress(self._socket, self._clock.seconds())
        sockets.read_in_portions(self.transport)
        self.visit.begin(self._output, shaking=INegotiated.providedBy(self.transport))
        self._begun()

    def _begun(self) -> None:
        if quiet := self.factory.quiet_for(self.caller.host, self.visit.refused is not None):
            self.visit.listen_longer(quiet)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes apart, and let the visit have the lines."""
        visit, decoder = self.visit, self._decoder
        if visit.talks and (line := decoder.alone(data)) is not None and visit.says(line, len(data)):
            return
        if visit.state in ENDING:
            if self._browser is not None:
                self._browser.dataReceived(data)
            return
        strange = visit.state in STRANGE
        if strange and decoder.untouched and (kind := sniffing.by_first_bytes(data)) is not None:
            self._turn_away(kind)
            return
        if strange and self._is_browser(begun := decoder.begun + data):
            self._browse(begun)
            return
        if strange and sniffing.speaks_irc(begun):
            self._decoder = decoder = IrcLines()
            self.visit.speak(IRC)
            lines = decoder.feed(begun)
        else:
            lines = decoder.feed(data)
        if strange and lines and not self._meet(lines[0]):
            return
        if decoder.telnet:
            self._answer_telnet()
        if decoder.frames:
            visit.spend(limits.PRICE_FRAME * decoder.frames)
        visit.received(lines, len(data))
        if decoder.ended:
            visit.ends(())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Whatever the reason, they are gone."""
        self._socket, self._gone = None, True
        self._progress = Progress(None, self._clock.seconds())
        if self._browser is not None:
            self._browser.connectionLost(reason)
        self._output.shut()
        self.visit.lost()

    # LineReceiver

    def lineReceived(self, line: Typed) -> None:
        """One line; those of one packet are given to the visit at once."""
        self.visit.received([line], len(line))

    # IHalfCloseableProtocol

    def readConnectionLost(self) -> None:
        """No more input; what came is handled, every reply delivered, then the connection closed."""
        if self._browser is not None:
            self._browser.finish()
        elif self.visit.state in ENDING:
            self.transport.loseConnection()
        elif self.visit.is_cut:
            self.cut_off()
        else:
            lines = self._decoder.end()
            if self.visit.state not in STRANGE or not lines or self._meet(lines[0]):
                self._answer_telnet()
                self.visit.ends(lines)

    def writeConnectionLost(self) -> None:
        """Our half is closed; the other one ends by their FIN or the abort timer."""

    # IHandshakeListener

    def handshakeCompleted(self) -> None:
        """(Of TLS) Now they can be greeted."""
        self.visit.shaken()
        self._begun()

    # chat.doors.tls_connection.Sheltered

    def cut_off(self) -> None:
        """What came whole is handled, every reply delivered; half a line is none, and nobody has left."""
        if self._browser is not None:
            self._browser.finish()
        self.visit.cut_off()

    def in_turn(self, work: Callable[[], None]) -> None:
        """Call this when it is their turn to be read."""
        self._rounds.let_in(work)

    def overhead(self, size: int) -> None:
        """So many bytes of TLS came that say nothing."""
        self.visit.worked(limits.PRICE_SEALED_BYTE * size)

    def close(self) -> None:
        """Let go, once they had time to read what they were told."""
        self.visit.close()

    def needs_tls(self, data: bytes) -> bytes:
        """The answer in clear, and in their protocol, to somebody who began with this; "" is a person who waits."""
        kind = sniffing.recognise(data)
        what = kind.value if kind is not None else "text" if data else "nothing"
        logger.info("Not TLS but {what} on an encrypted port, from {host}", what=what, host=self.visit.host)
        if kind is not None:
            # There is no port where a proxy passes on by a unix socket.
            port = 0 if self.factory.web is None else getattr(self.transport.getHost(), "port", 0)
            page = web_address(self._reached_at, port, "https") if port else ""
            return self.factory.reception.answer(kind, self._reached_at, page=page)
        answer = self.visit.wire.answer
        problem = Problem("needs-tls", ENCRYPTED)
        return answer(problem) + answer(
            Reply("needs-tls", replies.WaysIn(self.factory.reception.ways(self._reached_at)))
        )

    # Strangers.

    def _meet(self, first: Typed) -> bool:
        """The first line shows whether they speak another protocol; returns whether they do not, and may stay."""
        if isinstance(first, str):
            if (kind := sniffing.by_first_line(first)) is not None:
                self._turn_away(kind)
                return False
            if self.operator or vocabulary.named(first) == "json":
                # It would take what stands before its first object for a part of it.
                self._decoder.ask_nothing()
        self.visit.meet()
        return self.visit.refused is None

    def _turn_away(self, kind: ForeignProtocol) -> None:
        logger.info("Not chat but {what}, from {host}", what=kind.value, host=self.visit.host)
        self.visit.turn_away(self.factory.reception.answer(kind, self._reached_at, self.visit.refused))

    # Browsers (`chat.doors.web`), whose page comes back as somebody who talks.

    def _is_browser(self, begun: bytes) -> bool:
        """Whether what began so is one; where that is not known yet, it is not greeted."""
        if self.factory.web is None or self.operator:
            return False
        if sniffing.speaks_http(begun):
            return True
        if self._decoder.untouched and sniffing.may_speak_http(begun):
            self.visit.listen_longer(limits.WEB_SECONDS)
        return False

    def _browse(self, begun: bytes) -> None:
        if self.visit.still_refused() is not None:
            self.factory.turn_away_browser(self.caller.host)
            self._turn_away(ForeignProtocol.HEAD if begun.startswith(b"HEAD ") else ForeignProtocol.HTTP)
            return
        self._output.shut()
        self.visit.lost()
        self.transport.pauseProducing()
        self.factory.browse(self).addCallbacks(
            self._speak_http, lambda _: self.transport.abortConnection(), callbackArgs=(begun,)
        )

    def _speak_http(self, browsers: Browsers, begun: bytes) -> None:
        if not self._gone and (browser := browsers.begin(self)) is not None:
            self._browser = browser
            self.transport.resumeProducing()
            browser.dataReceived(begun)

    def converse(self, visits: Visits, decoder: LineDecoder, caller: Caller, answer: bytes) -> None:
        """(Of a browser) After this answer they chat: their messages are lines, which this one reads."""
        self._browser = None
        self.caller = caller
        self._decoder = decoder
        self._progress.at = self._clock.seconds()
        self._output = Output(self.transport, self)
        self.visit = Visit(self._hub, visits, self, caller.host, caller.proxied)
        self._output.queue(answer)
        self.visit.speak(JSON_ECHO)
        self.visit.begin(self._output, shaking=False)
        self.visit.meet()

    @property
    def _reached_at(self) -> str:
        return str(getattr(self.transport.getHost(), "host", ""))

    # chat.visit.door.Door

    @property
    def sealed(self) -> bool:
        """They speak TLS with us or with our proxy, or have not left this machine."""
        return self.caller.sheltered or (INegotiated.providedBy(self.transport) and not self.caller.forwards)

    @property
    def private(self) -> bool:
        """That, or they come from a private network."""
        return self.caller.private or self.sealed

    @property
    def encrypted_way(self) -> Sentence | None:
        """How one joins by an encrypted connection."""
        return self.factory.reception.directions.encrypted_way(self._reached_at)

    def give_up_shaking(self) -> None:
        """There was no handshake in time."""
        self.transport.give_up()  # type: ignore[attr-defined]  # only `chat.doors.tls_connection` has handshakes

    def hide(self, hidden: bool) -> bool:
        """Telnet does, if it is one; and a program knows by itself what is a secret."""
        if not self._decoder.telnet:
            return False
        if hidden != self._hides:
            self._hides = hidden
            self._decoder.hide(hidden)
            self._answer_telnet()
        return self._decoder.commands

    def pause(self, paused: bool) -> None:
        """Leave input in the kernel, or read on."""
        if paused:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    def hang_up(self) -> None:
        """Close once all that was sent is taken."""
        if goodbye := self._decoder.goodbye(self.visit.state is STOPPING, self.visit.faulty):
            self.transport.write(goodbye)
        if self._output.is_plain and not self.visit.ended:
            # Input that nobody read would make the kernel send a reset, which destroys the last words on their way:
            # only our half is closed, and what still comes is read and forgotten.
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def abort(self) -> None:
        """Close now."""
        self.transport.abortConnection()

    def still_read(self) -> bool:
        """Whether they took something since this was asked last, and there is more for them."""
        return self._progress.is_made()

    def all_read(self) -> bool:
        """Whether all that was sent has reached their machine."""
        return sockets.all_has_come(self.transport)

    def standing(self) -> Standing:
        """How the connection stands."""
        return sockets.standing(self._socket)

    def was_reset(self) -> bool:
        """Of one that is closed: whether with no end of their input before; to be asked once."""
        return self._socket is not None and sockets.is_broken_off(self._socket)

    def silence_before_end(self) -> float:
        """Seconds between the last bytes that came and the end of their input."""
        return 0.0 if self._socket is None else sockets.silence_before_end(self._socket)

    @property
    def kept_open(self) -> bool:
        """No proxy may take it for idle: nc would show what telnet does not, and what a browser answers by itself."""
        return self._decoder.kept_open(self.visit.wire.asks)

    def look(self, now: float) -> bool:
        """Whether they are still there: no machine that is gone, nor one that takes nothing; telnet is kept open."""
        if self._progress.is_hopeless(now, self._output.blocked):
            return False
        idle = self.visit.wire.asks and now - self._progress.at >= limits.IDLE_TELNET_SECONDS
        if not self._output.blocked and (keepalive := self._decoder.keepalive(now, idle)):
            self._progress.at = now
            self._output.send(keepalive)
        return True

    # chat.doors.output.Sender

    def full(self) -> None:
        """They take no more."""
        self._progress.at = self._clock.seconds()
        self.visit.full()

    def writable(self) -> None:
        """They take more again."""
        self._answer_telnet()
        self.visit.writable()

    def unreachable(self) -> None:
        """They are gone without a word."""
        self.visit.unreachable()

    def _answer_telnet(self) -> None:
        """What telnet wants to hear waits in the decoder, which keeps only so much, until they take something."""
        decoder = self._decoder
        if decoder.telnet and not self._output.blocked and (answers := decoder.answers()):
            self._output.send(answers)
            if decoder.in_doubt and not self._doubted:
                self._doubted = True
                self._clock.callLater(limits.BINARY_SECONDS, decoder.trust)
