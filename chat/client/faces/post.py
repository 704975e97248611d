"""`--post`: each line of standard input is said by a nickname that does not stay, one connection a line.

One after another, in order.  A line that the server refuses is told and the next one tried; when a connection fails
the rest is not tried.
"""

from itertools import count

from twisted.internet.defer import CancelledError, Deferred, DeferredQueue
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.errors import BadInput
from chat.base.language import Sentence
from chat.base.text import visible
from chat.client.faces.stdio import (
    NEEDS_TLS,
    OURS,
    PASSWORD_NEEDED,
    Ground,
    Status,
    how_to_trust,
    no_connection,
    not_confirmed,
    not_sent,
    with_tls,
)
from chat.client.link.lines import TooLong
from chat.client.link.link import UNCONFIRMED, Link, Links, reason_of
from chat.client.link.trust import Unknown, Unsafe
from chat.client.talk.conversation import beginning
from chat.client.talk.objects import Ack, Hello, Problem, understand
from chat.client.talk.preamble import Preamble
from chat.wire import jsonl, phrases
from chat.wire.requests import Request

_LOBBY = "#lobby"


class Post:
    """Says the lines of standard input as `nick`; a room is named always, for a text may begin with # itself."""

    def __init__(
        self,
        ground: Ground,
        endpoint: IStreamClientEndpoint,
        clock: IReactorTime,
        run: str,
        nick: str,
        room: str | None,
    ) -> None:
        self._streams = ground.streams
        self._words = ground.language.words
        self._language = ground.language.code.partition("_")[0]
        self._server = ground.server
        self._password = ground.password
        self._endpoint = endpoint
        self._clock = clock
        self._ids = (f"{run}-{number}" for number in count(1))
        self._begin = f"/post {nick} {room or _LOBBY} "
        self._lines: DeferredQueue[str | None] = DeferredQueue()
        self.status = Status.WELL

    def start(self, reactor: IReactorFDSet) -> "Deferred[Status]":
        """Begin; fires when it is over, with how it went."""
        self._streams.open(self, reactor)
        self._running = Deferred.fromCoroutine(self._run())
        return self._running

    def stop(self) -> None:
        """Somebody wants it to end."""
        self._running.cancel()

    # Reader

    def typed(self, line: str | TooLong) -> None:
        """A line to say when those before it are said."""
        if isinstance(line, TooLong):
            self._tell(Status.REFUSED, phrases.LINE_TOO_LONG)
        elif line:
            self._lines.put(line)
            self._pace()

    def input_ended(self, rest: str | TooLong) -> None:
        """Those were all."""
        self.typed(rest)
        self._lines.put(None)

    def dropped(self) -> None:
        """(Reader) Nothing is asked."""

    def output_closed(self, failed: bool) -> None:
        """Nothing is written there."""

    # One line after another.

    async def _run(self) -> Status:
        try:
            while (text := await self._lines.get()) is not None and await self._say(text):
                pass
        except CancelledError:
            pass
        for text in filter(None, self._lines.pending):
            self._tell(self.status or Status.NOT_CONFIRMED, not_sent(text))
        await self._streams.close()
        return self.status

    async def _say(self, text: str) -> bool:
        """Say a line; tells whether the next one can be tried."""
        self._pace()
        id = next(self._ids)
        try:
            request = jsonl.encode_request(Request(self._begin + text, id))
            password = None if self._password is None else Request("", f"{id}-password", password=self._password)
            exchange = _Exchange(request, id, self._language, self._clock, password and jsonl.encode_request(password))
        except BadInput as error:
            self._refused(error.code, self._words(error.sentence), text)
            return True
        try:
            await self._endpoint.connect(Links(exchange, self._clock))
            await exchange.done
        except CancelledError:
            exchange.abort()
            if not exchange.sent:
                self._lines.pending.insert(0, text)
        except Unsafe as problem:
            hint = [how_to_trust(self._server)] if isinstance(problem, Unknown) else []
            for sentence in (*problem.told, *hint):
                self._tell(Status.UNSAFE, sentence)
            self._lines.pending.insert(0, text)
        except Exception:
            exchange.reason = reason_of(Failure())
        match exchange.answer:
            case Ack():
                return True
            case Problem(code, reason):
                self._refused(code, reason, text)
                if code == NEEDS_TLS and OURS not in reason:
                    self._tell(Status.REFUSED, with_tls(self._server))
                elif code == "password-needed":
                    self._tell(Status.REFUSED, PASSWORD_NEEDED)
                return exchange.sent
        if exchange.sent:
            self._tell(Status.NOT_CONFIRMED, not_confirmed(text))
        elif exchange.reason is not None:
            self._tell(Status.NO_CONNECTION, no_connection(self._server, exchange.reason))
            self._lines.pending.insert(0, text)
        return False

    def _refused(self, code: str, reason: str, text: str) -> None:
        self._warn(Status.REFUSED, f"{code}: {reason}  ({beginning(text)})")

    def _tell(self, status: Status, sentence: Sentence) -> None:
        self._warn(status, self._words(sentence))

    def _warn(self, status: Status, words: str) -> None:
        self.status = max(self.status, status)
        self._streams.warn(f"! {visible(words)}\n")

    def _pace(self) -> None:
        self._streams.pause(len(self._lines.pending) >= limits.LINES_KEPT)


class _Exchange:
    """One connection for one line (an `Owner`)."""

    def __init__(self, request: bytes, id: str, language: str, clock: IReactorTime, password: bytes | None) -> None:
        self.sent = False
        self.answer: Ack | Problem | None = None
        self.reason: Sentence | None = None
        self.done: Deferred[None] = Deferred()
        self._request = request
        self._id = id
        self._language = language
        self._clock = clock
        self._password = password
        self._link: Link | None = None
        self._preamble = Preamble()
        self._patience: IDelayedCall | None = None

    def abort(self) -> None:
        """Nobody waits for it any more."""
        if self._link is not None:
            self._link.transport.abortConnection()

    def _give_up(self) -> None:
        """It speaks, or else the wire had let go, but does not answer."""
        if self._link is not None:
            self._link.abort(UNCONFIRMED)

    def opened(self, link: Link) -> None:
        """(Owner) Ask for JSON."""
        self._link = link
        self._patience = self._clock.callLater(limits.CONFIRM_SECONDS, self._give_up)
        link.send(b"/json\n")

    def line_received(self, line: bytes | TooLong) -> None:
        """(Owner) Say the line once JSON is spoken, and take its answer."""
        what = None if isinstance(line, TooLong) else understand(jsonl.parse(line) or {})
        if self._link is None or self.answer is not None:
            return
        if isinstance(what, Hello) and what.password == NEEDS_TLS:
            self._link.end()  # what it said before tells where to go
        elif isinstance(what, Hello) and not self.sent:
            self.sent = True
            if what.acks:  # older servers speak one language
                self._link.send(jsonl.encode_request(Request(f"/language {self._language}", f"{self._id}-language")))
            if what.password is not None and self._password is not None:
                self._link.send(self._password)
            self._link.send(self._request)
        elif not self.sent:
            self._preamble.take(line)
        elif (isinstance(what, Ack | Problem) and what.id == self._id) or (
            isinstance(what, Problem) and what.id in (None, f"{self._id}-password")
        ):
            self.answer = what
            self._link.end()

    def silent(self) -> None:
        """(Owner) There is nothing to ask but what was asked."""

    def closed(self, reason: Sentence) -> None:
        """(Owner) With an answer or without."""
        self.reason = reason
        if not self.sent and self._preamble.error is not None:
            answer = understand(self._preamble.error)
            self.answer = answer if isinstance(answer, Problem) else None
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        if not self.done.called:
            self.done.callback(None)
