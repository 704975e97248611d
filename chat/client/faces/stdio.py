"""The face on the standard streams: what a person at a plain terminal and a program at a pipe have in common.

Lines of input are sent, or gathered in a draft; while too many of them are not confirmed the input is not read on.
While the output is not read, the server is not either.  Where a line goes is for `terminal` and `pipe` to say.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet

from chat.base import limits
from chat.base.errors import BadInput, ChatError, Refused
from chat.base.language import Language, Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.base.reasons import system_reason
from chat.base.text import continued, visible, wrap
from chat.client.faces.draft import Draft
from chat.client.faces.streams import StandardStreams
from chat.client.link.lines import TooLong
from chat.client.link.trust import Unknown, Unsafe
from chat.client.talk.connection import Connection
from chat.client.talk.conversation import Conversation, LineKind, Shown, beginning, more_lines
from chat.client.talk.face import Face
from chat.client.talk.me import SentLine
from chat.client.talk.objects import Object, Problem, Raw
from chat.wire import phrases


class Status(enum.IntEnum):
    """How the program ends, for scripts; the worst that happened counts."""

    WELL = 0
    NO_CONNECTION = 1
    USAGE = 2
    REFUSED = 3
    NOT_CONFIRMED = 4
    OUTPUT_FAILED = 5
    UNSAFE = 6
    FAULT = 7


MARKS = {
    LineKind.TALK: "",
    LineKind.GONE: "-- ",
    LineKind.FRAME: "-- ",
    LineKind.EVENT: "-!- ",
    LineKind.REPLY: "-> ",
    LineKind.ERROR: "! ",
    LineKind.STATE: "-- ",
    LineKind.TITLE: "-- ",
    LineKind.NEW: "-- ",
}
NEEDS_TLS = "needs-tls"
"""The code of an encrypted port, to whom speaks in clear, and of what is not taken in clear."""

OURS = "chat-client --tls"
"""How a server tells by which address to come."""

PASSWORD = "CHAT_SERVER_PASSWORD"
"""What the environment calls the server's password: arguments are seen by everybody on a machine."""

PASSWORD_NEEDED = say("This chat has a password; {variable} gives it to a script.", variable=PASSWORD)

_ANYONE = "guest"
_FRAMED = frozenset({LineKind.GONE, LineKind.FRAME, LineKind.STATE, LineKind.NEW})


class Ground(NamedTuple):
    """What a face on the standard streams stands on; `server` is what people call the first address, `connect` gives it
    its line, and `password` is the server's, as far as the environment says."""

    streams: StandardStreams
    language: Language
    now: Callable[[], datetime]
    server: str
    connect: Callable[[Face], Connection]
    password: str | None = None


class StreamFace(ABC):
    """What a person at a terminal and a program at a pipe have in common."""

    def __init__(self, ground: Ground, recorder: bool) -> None:
        self.status = Status.WELL
        self._streams = ground.streams
        self._words = ground.language.words
        self._now = ground.now
        self._server = ground.server
        self._password = ground.password
        self._draft = Draft()
        self._anyone = self._puzzled = self._warned = False
        self.connection = ground.connect(self)
        self._conversation = Conversation(self.connection.me, ground.language, ground.now, recorder=recorder)

    @abstractmethod
    def put(self, shown: Shown) -> None:
        """Show a line."""

    @abstractmethod
    def input_ended(self, rest: str | TooLong) -> None:
        """(Reader) There is no more to say."""

    @abstractmethod
    def nickname_wanted(self, refused: Problem | None) -> None:
        """(Face) A nickname is to be chosen."""

    @abstractmethod
    def entered(self) -> None:
        """(Face) What is typed can be said."""

    def start(self, reactor: IReactorFDSet) -> "Deferred[Status]":
        """Begin; fires when it is over, and everything is written, with how it went."""
        self._streams.open(self, reactor, self.connection)
        return self.connection.start().addCallback(self._over)

    def stop(self) -> None:
        """Somebody wants it to end: Ctrl-C, or a signal."""
        self.connection.leave()

    def state(self, sentence: Sentence) -> None:
        """Say how the connection is."""
        self.put(Shown(LineKind.STATE, visible(self._words(sentence))))

    def worse(self, status: Status) -> None:
        """Something happened that the exit code tells."""
        self.status = max(self.status, status)

    def _refused(self, error: ChatError, line: str) -> None:
        self.put(self._conversation.error(error.code, self._words(error.sentence), line))
        self.worse(Status.REFUSED)

    def enter_as_anyone(self) -> None:
        """Take whichever nickname the server gives."""
        self._anyone = True
        self.connection.enter(_ANYONE)

    def takes_proposal(self, refused: Problem | None) -> bool:
        """Whether what the server proposed was taken, for any nickname would do."""
        if not self._anyone or refused is None or refused.proposal is None:
            return False
        self._anyone = False
        self.connection.enter(refused.proposal)
        return True

    def _over(self, _: None) -> "Deferred[Status]":
        self.not_confirmed(self.connection.unconfirmed)
        for line in self.connection.waiting:
            self.put(Shown(LineKind.ERROR, self._words(not_sent(line.text))))
            if self.status is Status.WELL:
                self.worse(Status.NOT_CONFIRMED)
        if self._draft.lines:
            self._refused(Refused("nothing-said", say("The lines since /paste were not said.")), "")
        return self._streams.close().addCallback(lambda _: self.status)

    # Reader

    def typed(self, line: str | TooLong) -> None:
        """A line of input is sent, unless it is part of a draft."""
        try:
            if isinstance(line, TooLong):
                raise Refused("too-long", phrases.LINE_TOO_LONG)
            taken = self._draft.take(line)
            if isinstance(taken, str):
                self.send(taken)
            elif taken is not None:
                self.put(Shown(LineKind.REPLY, self._words(taken)))
        except ChatError as error:
            self._refused(error, "" if isinstance(line, TooLong) else line)
        self._pace()

    def dropped(self) -> None:
        """Say so: it was not seen either."""
        self.state(say("that was not sent: nobody asks for it any more"))

    def send(self, text: str) -> None:
        """Say a whole line; raises `BadInput` if it cannot be."""
        self.connection.send(text)

    def output_closed(self, failed: bool) -> None:
        """Without somebody who reads there is nothing more to do."""
        if failed:
            self._streams.warn("! " + self._words(say("The output cannot be written.")) + "\n")
            self.worse(Status.OUTPUT_FAILED)
        self.connection.leave()

    # Face

    def received(self, what: Object | None, raw: Raw, line: SentLine | None) -> None:
        """Show it."""
        for shown in self._conversation.show(what, line):
            self.put(shown)
        if isinstance(what, Problem):
            self.refused(what)

    def password_wanted(self, refused: Problem | None) -> None:
        """Give what the environment has, once on each connection."""
        if refused is not None:
            self.put(self._conversation.error(refused.code, refused.text))
        if self._password is not None and refused is None:
            try:
                self.connection.let_in(self._password)
            except BadInput as error:
                self._refused(error, "")
            else:
                return
        self.ask_password()

    def ask_password(self) -> None:
        """There is nobody to be asked."""
        self.put(Shown(LineKind.ERROR, self._words(PASSWORD_NEEDED)))
        self.give_up(Status.REFUSED)

    def refused(self, problem: Problem) -> None:
        """Something was refused: perhaps there is more to say about it than the server did."""
        if problem.code == NEEDS_TLS and OURS not in problem.text:
            self.put(Shown(LineKind.ERROR, self._words(with_tls(self._server))))
        self.worse(Status.REFUSED)

    def not_understood(self) -> None:
        """Said once: there may be a million of them."""
        if not self._puzzled:
            self._puzzled = True
            self.state(say("the server sends something that is not understood; it is left out"))

    def progressed(self) -> None:
        """There may be room for more input."""
        self._pace()

    def not_admitted(self, refused: Problem, unsent: Sequence[SentLine]) -> None:
        """What was meant for that room is not said elsewhere."""
        self.put(self._conversation.error(refused.code, refused.text))
        for line in unsent:
            self.put(Shown(LineKind.ERROR, self._words(not_sent(line.text))))
        self.worse(Status.REFUSED)

    def not_confirmed(self, lines: Sequence[SentLine]) -> None:
        """Say which: they may or may not have been said."""
        for line in lines:
            self.put(Shown(LineKind.ERROR, self._words(not_confirmed(line.text))))
            self.worse(Status.NOT_CONFIRMED)

    def sent_again(self, lines: Sequence[SentLine]) -> None:
        """Say which: whoever typed them did so some time ago."""
        for line in lines[: limits.NAMES_SHOWN]:
            self.state(say("sent now, from before: {line}", line=beginning(line.text)))
        more = len(lines) - limits.NAMES_SHOWN
        if more > 0:
            self.state(more_lines(more))

    def lost(self, reason: Sentence | None) -> None:
        """Say so."""
        if reason is not None:
            self.state(say("the connection is lost: {reason}", reason=reason))

    def unreachable(self, reason: Sentence) -> None:
        """Say so."""
        self.state(no_connection(self._server, reason))

    def dialing(self, server: str) -> None:
        """From now on what is told is told of that."""
        self._server = server

    def skipped(self, why: Sentence | Unsafe) -> None:
        """Say so."""
        if isinstance(why, Unsafe):
            self.tell(why)
        else:
            self.state(no_connection(self._server, why))

    def unsafe(self, problem: Unsafe) -> None:
        """Say why, and end."""
        self.tell(problem)
        if isinstance(problem, Unknown):
            self.put(Shown(LineKind.ERROR, self._words(how_to_trust(self._server))))
        self.give_up(Status.UNSAFE)

    def stranger(self, what: Sentence) -> None:
        """Say what it is, and what to do."""
        told = say(
            "{server} is no chat server: {what}. Is it another port? 12345 is usual.", server=self._server, what=what
        )
        self.put(Shown(LineKind.ERROR, visible(self._words(told))))
        self.status = max(self.status, Status.NO_CONNECTION)

    def no_hello(self) -> None:
        """It may be slow, or no chat server."""
        self.state(say("connected, but no chat server answers yet: is it the right port?"))

    def tell(self, problem: Unsafe) -> None:
        """Say why the server is not safe."""
        for sentence in problem.told:
            self.put(Shown(LineKind.ERROR, self._words(sentence), whole="fingerprint" in sentence.fields))

    def give_up(self, status: Status) -> None:
        """End it, for this reason."""
        self.status = max(self.status, status)
        self.connection.leave()

    def trying_again(self, seconds: float) -> None:
        """Say when."""
        self.state(say("trying again in {seconds} s", seconds=max(1, round(seconds))))

    def not_kept(self, error: OSError) -> None:
        """Said once: it will be tried again every second."""
        if not self._warned:
            self._warned = True
            self.state(cannot_keep(error))

    def _pace(self) -> None:
        self._streams.pause(self.connection.kept >= limits.LINES_KEPT)


def no_connection(server: str, reason: Sentence) -> Sentence:
    """An attempt to connect failed."""
    return say("no connection to {server}: {reason}", server=server, reason=reason)


def how_to_trust(server: str) -> Sentence:
    """What makes a script connect to a server that no authority vouches for."""
    return say(
        "If whoever runs it says the same, add --fingerprint with it, or accept it once at a terminal: {command}",
        command=f"chat-client --tls {server}",
    )


def cannot_keep(error: OSError | RuntimeError) -> Sentence:
    """There is no place for what would bring us back."""
    reason = system_reason(error) if isinstance(error, OSError) else visible(str(error))
    return say("nothing is kept for after a crash of this program: {reason}", reason=reason)


def with_tls(server: str) -> Sentence:
    """How to connect to an encrypted port; the server names other programs too."""
    return say("With this program: {command}", command=f"chat-client --tls {server}")


def cannot_remember(error: OSError) -> Sentence:
    """There is no place for the fingerprint of a server."""
    return say("it is not remembered, you will be asked again: {reason}", reason=system_reason(error))


def not_sent(line: str) -> Sentence:
    """A line never left."""
    return say("Not sent: {line}", line=beginning(line))


def not_confirmed(line: str) -> Sentence:
    """A line left, and nobody knows whether it arrived."""
    return say("Not confirmed, so perhaps not said: {line}", line=beginning(line))


def layout(shown: Shown, time: str, columns: int | None) -> list[str]:
    """A line as it stands on a screen of so many columns: only what the service says is broken at blanks."""
    mark = MARKS[shown.kind]
    framed = shown.kind in _FRAMED
    text, first = (f"{shown.text} --", mark) if framed else (shown.text, f"{time}{mark}")
    if shown.kind is LineKind.TALK or shown.whole or columns is None:
        return [f"{first}{text}"]
    return wrap(text, columns, first, continued(mark))
