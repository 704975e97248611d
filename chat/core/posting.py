"""What one participant says: it goes to a log, and the answer comes when it is stored, or refused."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Protocol

from twisted.internet.defer import Deferred, succeed

from chat.base import names
from chat.base.errors import ChatError
from chat.base.language import say
from chat.core.ports import Line, LineId
from chat.core.turn import Turn
from chat.log.events import Entry, Fact, Place
from chat.log.log import Log
from chat.wire.answers import Answer, Problem, Stored
from chat.wire.requests import Request


class Speaker(Protocol):
    """Whose lines they are."""

    id: str
    spoke_at: datetime
    """The date of the last line, as it stands in the log: another reading of the clock would be a little earlier."""


class Sender(Protocol):
    """On which they are said."""

    @property
    def person(self) -> Speaker:
        """Who says them."""

    @property
    def former(self) -> str | None:
        """The id of the guest who they were before they logged in, not long ago."""

    def answer(self, answer: Answer) -> None:
        """Say something to them alone."""

    def broken(self) -> None:
        """A bug of ours: this one connection pays for it."""


class Posting:
    """One session's lines on their way to the store (a `chat.core.batch.Writer`)."""

    __slots__ = ("_device", "_outstanding", "_settled", "_turn")

    def __init__(
        self,
        turn: Turn,
        device: Sender,
    ) -> None:
        self._turn = turn
        self._device = device
        self._outstanding = 0
        self._settled: list[Deferred[None]] = []

    def line(self, request: Request) -> Line | None:
        """A line as its id is kept; None where it has none."""
        if request.id is None:
            return None
        person, former = self._device.person.id, self._device.former
        guest = None if former is None else LineId(former, request.id)
        return Line(LineId(person, request.id), _digest(request), guest)

    def say(self, log: Log, facts: Sequence[Fact], request: Request | None) -> None:
        """Let this be stored and heard."""
        self._outstanding += 1
        if request is None or request.id is None:
            self._turn.append_for(self, log, facts, None, None)
        else:
            self._turn.append_for(self, log, facts, request.id, self.line(request))

    def settled(self) -> Deferred[None]:
        """Fires when nothing waits for the store."""
        if not self._outstanding:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._settled.append(done)
        return done

    def stored(self, tag: object, log: Log, entry: Entry) -> None:
        """(Writer) What was said is durable; people see that by what others answer."""
        self._device.person.spoke_at = entry.at
        self._outstanding -= 1
        try:
            if isinstance(tag, str):
                self._device.answer(Stored(Place(log.key, log.name, entry.seq, entry.at), tag))
        finally:
            if self._settled:
                self._go_on()

    def repeated(self, tag: object, place: Place) -> None:
        """(Writer) What was said is durable, and was before."""
        self._outstanding -= 1
        try:
            self._device.answer(Stored(place, str(tag)))
        finally:
            self._go_on()

    def refused(self, tag: object, facts: Sequence[Fact], error: ChatError) -> None:
        """(Writer) What was said is not kept: say which lines these were."""
        self._outstanding -= 1
        try:
            for fact in facts:
                self._device.answer(not_said(error, getattr(fact, "text", ""), tag if isinstance(tag, str) else None))
        finally:
            self._go_on()

    def dropped(self, tag: object) -> None:
        """(Writer) They are on another node by now."""
        self._outstanding -= 1
        self._go_on()

    def broken(self) -> None:
        """(Writer) Answering failed."""
        self._device.broken()

    def _go_on(self) -> None:
        """Whoever waits for the last line goes on after its answer, also where answering failed."""
        if self._settled and not self._outstanding:
            waiting, self._settled = self._settled, []
            for done in waiting:
                done.callback(None)


def not_said(error: ChatError, text: str, id: str | None) -> Problem:
    """That a line was not stored, with its beginning."""
    begin = text.partition("\n")[0][:40]
    return Problem(error.code, say("“{begin}” was not said: {reason}", begin=begin, reason=error.sentence), id)


def _digest(request: Request) -> int:
    """Tells a line that is sent again from another one with its id, by what was asked for.

    Not by what came of it: one who moved to another room since, or whom somebody else answered, sends the same line
    again and means the same.
    """
    room = names.fold(request.room or "")
    shown = "" if request.shown is None else f"as {len(request.shown)} {request.shown}"
    words = f"{shown}{'say ' if request.said else ''}{len(room)} {room}{request.line}"
    asked = words.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(asked, digest_size=8).digest(), signed=True)  # as SQLite's integers are
