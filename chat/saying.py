"""What one participant says: it goes to a log, and the answer comes when it is stored, or refused."""

from collections.abc import Callable, Sequence
from typing import overload

from twisted.internet.defer import Deferred, succeed

from chat.errors import NotStored
from chat.events import Entry, Fact, Place
from chat.language import say
from chat.log import Log
from chat.replies import Answer, Problem, Stored
from chat.store import LineId
from chat.turn import Turn


class Saying:
    """One person's lines on their way to the store (a `chat.burst.Writer`)."""

    __slots__ = ("_answer", "_outstanding", "_person", "_settled", "_turn", "broken")

    def __init__(self, turn: Turn, person: str, answer: Callable[[Answer], None], broken: Callable[[], None]) -> None:
        self.broken = broken
        self._turn = turn
        self._person = person
        self._answer = answer
        self._outstanding = 0
        self._settled: list[Deferred[None]] = []

    @overload
    def line_id(self, id: str) -> LineId: ...
    @overload
    def line_id(self, id: None) -> None: ...
    def line_id(self, id: str | None) -> LineId | None:
        """A line's id as it is kept."""
        return None if id is None else LineId(self._person, id)

    def say(self, log: Log, facts: Sequence[Fact], id: str | None) -> None:
        """Let this be stored and heard."""
        self._outstanding += 1
        self._turn.append_for(self, log, facts, id, self.line_id(id))

    def settled(self) -> Deferred[None]:
        """Fires when nothing waits for the store."""
        if not self._outstanding:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._settled.append(done)
        return done

    def stored(self, tag: object, log: Log, entry: Entry) -> None:
        """(Writer) What was said is durable; people see that by what others answer."""
        try:
            if isinstance(tag, str):
                self._answer(Stored(Place(log.key, log.name, entry.seq, entry.at), tag))
        finally:
            self._settle()

    def repeated(self, tag: object, place: Place) -> None:
        """(Writer) What was said is durable, and was before."""
        try:
            self._answer(Stored(place, str(tag)))
        finally:
            self._settle()

    def refused(self, tag: object, facts: Sequence[Fact], error: NotStored) -> None:
        """(Writer) What was said is not kept: say which lines these were."""
        try:
            for fact in facts:
                self._answer(not_said(error, getattr(fact, "text", ""), tag if isinstance(tag, str) else None))
        finally:
            self._settle()

    def _settle(self) -> None:
        """Whoever waits for the last line goes on after its answer, also where answering failed."""
        self._outstanding -= 1
        if self._settled and not self._outstanding:
            waiting, self._settled = self._settled, []
            for done in waiting:
                done.callback(None)


def not_said(error: NotStored, text: str, id: str | None) -> Problem:
    """That a line was not stored, with its beginning."""
    begin = text.partition("\n")[0][:40]
    return Problem(error.code, say("“{begin}” was not said: {reason}", begin=begin, reason=error.sentence), id)
