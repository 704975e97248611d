"""The line to the server: it comes back by itself, and every line is said exactly once.

Every line goes out under an id of its own and is kept until the server answers that id.  When the connection is lost
we come back as the same person: the server gives what came after what we have seen, and what it did not answer is
sent again, under the same ids and before anything newer, so that it is not said twice.  Where it knows us no more,
such lines are handed to the face as not confirmed; what was never sent is sent all the same.

A server that is silent is pinged, and left if it stays so.  No screen and no reactor here: a `Face` shows, a clock
and an endpoint come in.
"""

from collections.abc import Callable, Mapping, Sequence
from random import random

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from chat.base import limits
from chat.base.language import Sentence, say
from chat.base.text import visible
from chat.client.link.dialer import Address, Dialer
from chat.client.link.lines import TooLong
from chat.client.link.link import UNCONFIRMED, Link, Links
from chat.client.talk.entrance import Entrance, Stage
from chat.client.talk.face import Face
from chat.client.talk.me import Me, SentLine
from chat.client.talk.objects import Hello, Object, Problem, Raw, Reply, Welcome, understand
from chat.client.talk.outbox import Answered, Outbox
from chat.client.talk.preamble import Preamble
from chat.client.talk.state import Keeper, SavedState, StateFile
from chat.wire import jsonl
from chat.wire.grammar import command_in
from chat.wire.requests import Request

FINAL = frozenset({"taken-over", "kicked", "banned", "nick-timeout", "needs-tls"})
"""Errors after which coming back by itself would be wrong: somebody decides that, or nobody sits there."""

_ANSWER_DUE = frozenset({Stage.OPENING, Stage.NAMING, Stage.JOINING})
"""On the way in: nobody chooses anything, the server has to go on."""

_SENT_AWAY = frozenset({"kicked", "banned"})
"""Those of them after which the code is void."""


class Connection:
    """Keeps a conversation with one chat, by whichever of its addresses leads there.

    `run` begins the ids, and is another one in every run of the client; `kept` is what an earlier run left, and where
    this one leaves what the next one needs; by a `token` one comes in as an account. One that `echoes` brings one's own
    lines too, in the log's order.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        clock: IReactorTime,
        face: Face,
        run: str,
        nick: str | None = None,
        room: str | None = None,
        makes_room: bool = True,
        kept: StateFile | None = None,
        jitter: Callable[[], float] = random,
        language: str = "en",
        echoes: bool = False,
        token: str | None = None,
    ) -> None:
        self.me = Me()
        self._face = face
        self._clock = clock
        self._outbox = Outbox(run)
        self._language = language
        self._greeting = b"/json echo\n" if echoes else b"/json\n"
        self._entrance = Entrance(self.me, self, nick, room, makes_room, token)
        self._keeper = Keeper(kept, clock, self._state, face.not_kept)
        self._restored: Sequence[SentLine] = ()
        if kept is not None and (state := kept.read()) is not None:
            self.me.code, self.me.seen, self.me.shown = state.code, dict(state.shown), state.shown
            self._restored = state.lines
            self._outbox.restore(state.lines)
        self._answered_at = 0.0
        self._link: Link | None = None
        self._preamble = Preamble()
        self._leaving = self._paused = False
        self._gone: Deferred[None] = Deferred()
        self._wait_for_hello: IDelayedCall | None = None
        self._dialer = Dialer(addresses, Links(self, clock), clock, face, jitter)

    # What a face may ask.

    @property
    def connected(self) -> bool:
        """We are in: what is typed is sent at once."""
        return self._entrance.stage is Stage.IN

    @property
    def asking(self) -> bool:
        """The server waits for a nickname, or for its password."""
        return self._entrance.stage in (Stage.OUTSIDE, Stage.ASKING)

    @property
    def outside(self) -> bool:
        """It waits for its password."""
        return self._entrance.stage is Stage.OUTSIDE

    @property
    def has_others(self) -> bool:
        """Whether another address is tried at once where this one comes to nothing."""
        return self._dialer.has_others

    @property
    def leaving(self) -> bool:
        """It is over, or about to be."""
        return self._leaving

    @property
    def waiting(self) -> Sequence[SentLine]:
        """Lines that were never sent."""
        return list(self._outbox.waiting)

    @property
    def unconfirmed(self) -> Sequence[SentLine]:
        """Lines that were sent and not answered."""
        return list(self._outbox.sent.values())

    @property
    def kept(self) -> int:
        """Lines that wait to be sent, or to be answered."""
        return len(self._outbox)

    @property
    def lag(self) -> float:
        """Seconds for which the server has owed us an answer."""
        return self._clock.seconds() - self._answered_at if self._outbox.sent and self._link is not None else 0.0

    def start(self) -> Deferred[None]:
        """Connect, and stay connected; fires when it is over for good, whoever wanted that."""
        self.dial()
        return self._gone

    def dial(self) -> None:
        """Connect: at first, and again once somebody has said that the server is safe."""
        self._dialer.start()

    def reconnect(self) -> None:
        """Somebody wants a new connection at once, whatever became of the old one."""
        if self._link is not None:
            self._link.abort(say("you asked for a new one"))
        self._dialer.hurry()

    def let_in(self, password: str) -> None:
        """Give the server's password, which was asked for."""
        self._entrance.let_in(password)

    def enter(self, nick: str) -> None:
        """Take this nickname, now or as soon as it is asked for."""
        self._entrance.enter(nick)

    def send(self, text: str, before: int | None = None) -> None:
        """Send a line that was typed; raises `BadInput` if it is too long for any server."""
        self.post(Request(text, before=before))

    def post(self, asked: Request) -> None:
        """Send a line, at once if we are in (a command also while a nickname is asked for), else as soon as we are.

        Raises `BadInput` if it is too long for any server, or has the id of one that is not answered yet.
        """
        line = self._outbox.line(asked)
        if self.connected or (self.asking and not line.said and command_in(line.text) is not None):
            self._transmit(line)
        else:
            self._outbox.waiting.append(line)
        self._keeper.now()

    def read(self, marks: Mapping[str, int]) -> None:
        """Let the server know how far somebody has read; a mark that is lost on the way is no loss."""
        if marks and self.connected and self._link is not None:
            self._link.send(jsonl.encode_read(marks))

    def leave(self) -> None:
        """Say goodbye, wait a moment for it to be heard, and stay away."""
        if self._leaving:
            return
        self._leaving = True
        if self._link is None:
            self._stop()
        else:
            if self._entrance.stage is not Stage.OPENING:
                self.ask("/quit", self._left)
            self._link.end()

    # Source: what the output takes.

    def pause(self) -> None:
        """Read no more for now: what the server says cannot be shown as fast."""
        if not self._paused:
            self._paused = True
            if self._link is not None:
                self._link.pause()

    def written(self) -> None:
        """All that came is shown: read on."""
        self.me.all_shown()
        if self._paused:
            self._paused = False
            self._answered_at = self._clock.seconds()
            if self._link is not None:
                self._link.resume()

    # Owner: what the wire brings.

    def opened(self, link: Link) -> None:
        """Connected: ask for JSON."""
        self._link = link
        self._answered_at = self._clock.seconds()
        self._entrance.stage = Stage.OPENING
        self._preamble = Preamble()
        link.send(self._greeting)
        self._wait_for_hello = self._clock.callLater(limits.HELLO_SECONDS, self._no_hello)
        if self._paused:
            link.pause()

    def line_received(self, line: bytes | TooLong) -> None:
        """One line of the server's; before `hello` it is text for people."""
        raw = None if isinstance(line, TooLong) else jsonl.parse(line)
        if self._entrance.stage is Stage.OPENING:
            what = understand(raw or {})
            if raw is not None and isinstance(what, Hello):
                self._outbox.acks = what.acks
                self._face.received(what, raw, None)
                if what.acks:  # older servers speak one language
                    self.ask(f"/language {self._language}", lambda _: True)
                self._entrance.begin(what.password)
            else:
                self._preamble.take(line)
                if self._preamble.stranger is not None:
                    self._leave_stranger(self._preamble.stranger)
        elif raw is None:
            self._face.not_understood()
        else:
            self._take(understand(raw), raw)
        self._lose_patience()

    def _leave_stranger(self, what: Sentence) -> None:
        """No chat server speaks there: it will be none the next time, unless it was one before."""
        if self.me.nick is None and self.me.code is None and not self.has_others:
            self._leaving = True
            self._face.stranger(what)
        self.put_off(what)

    def _no_hello(self) -> None:
        """Whoever is there says nothing that a chat server would."""
        if self._entrance.stage is Stage.OPENING and not self._leaving:
            if self.has_others:
                self.put_off(say("no chat server answers there"))
            else:
                self._face.no_hello()

    def silent(self) -> None:
        """Nothing was heard, or said, for a while: ask for a sign of life, which is one."""
        if self._entrance.stage is not Stage.OPENING:
            self._write(self._outbox.question("/ping", lambda _: True))

    def closed(self, reason: Sentence) -> None:
        """The connection is gone."""
        turned_away = self._preamble.error if self._entrance.stage is Stage.OPENING else None
        self._entrance.lost()
        if self._wait_for_hello is not None and self._wait_for_hello.active():
            self._wait_for_hello.cancel()
        self._link = None
        self._outbox.forget_questions()
        if turned_away is not None and self.has_others and turned_away["code"] not in FINAL:
            reason = Sentence("{code}: {text}", {name: visible(str(turned_away[name])) for name in ("code", "text")})
        elif turned_away is not None:
            self._leaving = self._leaving or turned_away["code"] in FINAL
            self._face.received(understand(turned_away), turned_away, None)
        leaving = self._leaving
        if leaving:
            self._stop()
        self._face.lost(None if leaving else reason)

    # What the server says.

    def _take(self, what: Object | None, raw: Raw) -> None:
        line, answered = self._outbox.answer(raw.get("id"), what)
        if self._leaving:
            # Nothing is of interest any more but whether the last words were said.
            if answered is not None:
                answered(what)
            if line is not None:
                self._face.received(what, raw, line)
            return
        self.me.note(what)
        self._look_for_the_end(what, line)
        if answered is None or not answered(what):
            self._face.received(what, raw, line)
        if isinstance(what, Welcome):
            self._entrance.welcomed(what)
        if line is not None:
            self._answered_at = self._clock.seconds()
            self._face.progressed()
        self._keeper.soon()

    def _lose_patience(self) -> None:
        """A server may speak without end and answer nothing; one that is silent is the wire's business."""
        if not (self._outbox.sent or self._entrance.stage in _ANSWER_DUE) or self._leaving:
            return
        if self._clock.seconds() - self._answered_at > limits.CONFIRM_SECONDS:
            self._answered_at = self._clock.seconds()
            self.put_off(UNCONFIRMED)

    def _look_for_the_end(self, what: Object | None, line: SentLine | None) -> None:
        """The server may let us go, because we asked for it or because it will not have us."""
        match what:
            case Reply("quit") if line is not None:
                self._left(what)
            case Problem(code, id=None) if code in FINAL:
                if code in _SENT_AWAY:
                    self.me.code = None
            case _:
                return
        if self._link is not None:
            self._leaving = True
            self._link.end()

    def _left(self, what: Object | None) -> bool:
        """The server has heard our goodbye: nobody is to come back."""
        if isinstance(what, Reply):
            self.me.code = None
        return True

    # What we say.

    def _transmit(self, line: SentLine) -> None:
        """Send a line of the person's."""
        if not self._outbox.sent:
            self._answered_at = self._clock.seconds()
        self._outbox.sent[line.id] = line
        self._write(line)
        if self._link is not None:
            self._link.expect()

    def _write(self, line: SentLine, seen: Mapping[str, int] | None = None) -> None:
        if self._link is not None:
            self._link.send(jsonl.encode_request(line.request(seen)))

    # Visitor: the way in.

    def ask(
        self, text: str, answered: Answered, seen: Mapping[str, int] | None = None, room: str | None = None
    ) -> None:
        """Send a line of our own; `answered` says whether it dealt with the answer, which else is shown."""
        if not self._outbox.sent:
            self._answered_at = self._clock.seconds()
        self._write(self._outbox.question(text, answered, room=room), seen)

    def tell(self, password: str, answered: Answered = lambda _: False) -> None:
        """Send a password that was asked for; what comes of it is shown, unless it was dealt with."""
        self._write(self._outbox.question("", answered, password))

    def password_wanted(self, refused: Problem | None) -> None:
        """The face has to know it."""
        self._face.password_wanted(refused)

    def turned_away(self) -> None:
        """The face is told at the end."""
        if self._link is not None:
            self._link.end()

    def nickname_wanted(self, refused: Problem | None) -> None:
        """The face has to choose one."""
        self._face.nickname_wanted(refused)

    def welcomed(self, back: bool) -> None:
        """Before anything else is said, in the room where it was to be said: what was not answered."""
        self._dialer.succeeded()
        restored, self._restored = self._restored, ()
        unsure = self._outbox.take_unrepeatable() if back else self._outbox.take_sent()
        if unsure:
            self._face.not_confirmed(unsure)
        self._answered_at = self._clock.seconds()
        if again := [line for line in restored if line.id in self._outbox.sent]:
            self._face.sent_again(again)
        for line in self._outbox.sent.values():
            self._write(line)

    def not_admitted(self, refused: Problem) -> None:
        """What was meant for that room is not said elsewhere."""
        self._face.not_admitted(refused, self._outbox.take_waiting())

    def arrived(self) -> None:
        """Say what waited."""
        self._face.entered()
        while self._outbox.waiting:
            self._transmit(self._outbox.waiting.popleft())

    def put_off(self, why: Sentence) -> None:
        """Come back later."""
        if self._link is not None:
            self._link.abort(why)

    # The end.

    def _stop(self) -> None:
        """Leave no lines behind: the face tells now what became of them."""
        code = self.me.code
        self._keeper.stop(None if code is None else SavedState(code, self.me.shown, (), self.me.nick or ""))
        self._dialer.stop().addCallback(lambda _: self._gone.callback(None))

    def _state(self) -> SavedState | None:
        """What the next run needs if this one is killed; until we are in, what the last one left still says it."""
        if self.me.code is None or not self._entrance.settled:
            return None
        lines = [*self._outbox.sent.values(), *self._outbox.waiting]
        return SavedState(self.me.code, self.me.shown, lines, self.me.nick or "")
