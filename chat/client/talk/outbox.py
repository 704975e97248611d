"""What we say, until the server has answered it: lines that wait, lines that were sent, and questions of our own.

Every line has an id that no other run of the client uses; whatever comes back with it is the answer, of which a
server that `acks` tells the end, and others say but one object.  What was sent is kept over the end of the
connection: under its old id it can be sent again, and is not said twice.
"""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import count

from chat.base.errors import BadInput
from chat.base.language import say
from chat.client.talk.me import SentLine
from chat.client.talk.objects import Ack, History, Object, Problem
from chat.wire import jsonl, vocabulary
from chat.wire.grammar import command_in
from chat.wire.requests import Request

Answered = Callable[[Object | None], bool]
"""Takes the answer to a question of our own, and tells whether it dealt with it: else it is shown."""


class Outbox:
    """`waiting` lines in the order they were typed, `sent` ones in the order they were sent; `run` begins the ids."""

    def __init__(self, run: str) -> None:
        self.waiting: deque[SentLine] = deque()
        self.sent: dict[str, SentLine] = {}
        self.acks = False
        self._questions: dict[str, Answered] = {}
        self._ids = (f"{run}-{number}" for number in count(1))

    def __len__(self) -> int:
        return len(self.waiting) + len(self.sent)

    def line(self, asked: Request) -> SentLine:
        """What is asked, with its id or one of ours; raises `BadInput` if it is longer than a server reads, or if an
        answer to this id is still to come."""
        id = next(self._ids) if asked.id is None else asked.id
        if id in self.sent or any(line.id == id for line in self.waiting):
            raise BadInput("id-used", say("An answer to this id is still to come."), id)
        line = SentLine(id, asked.line, asked.before, asked.room, asked.said, asked.password, asked.shown)
        jsonl.encode_request(line.request())
        return line

    def question(self, text: str, answered: Answered, password: str | None = None, room: str | None = None) -> SentLine:
        """A line of our own, about this room perhaps, or a password."""
        line = self.line(Request(text, room=room, password=password))
        self._questions[line.id] = answered
        return line

    def restore(self, lines: Iterable[SentLine]) -> None:
        """Take back what an earlier run did not see confirmed; whether it was sent, nobody knows."""
        self.sent.update((line.id, line) for line in lines)

    def answer(self, id: object, what: Object | None) -> tuple[SentLine | None, Answered | None]:
        """What this id answers, if anything; when that is the end of the answer, it is not kept any longer."""
        if not isinstance(id, str):
            return None, None
        ends = not self.acks or isinstance(what, Ack | Problem)
        line = self.sent.pop(id, None) if ends else self.sent.get(id)
        answered = self._questions.pop(id, None)
        if ends or answered is None:
            return line, answered
        if isinstance(what, History):  # as it comes with a room, before what tells how the question went
            self._questions[id] = answered
            return line, None
        self._questions[id] = _nothing_new
        return line, answered

    def forget_questions(self) -> None:
        """The connection is gone: what we asked on it will be asked anew."""
        self._questions.clear()

    def take_sent(self) -> list[SentLine]:
        """Nobody will answer what was sent."""
        lines = list(self.sent.values())
        self.sent.clear()
        return lines

    def take_unrepeatable(self) -> list[SentLine]:
        """What was sent and should not be sent again."""
        lines = [line for line in self.sent.values() if _is_unrepeatable(line)]
        for line in lines:
            del self.sent[line.id]
        return lines

    def take_waiting(self) -> list[SentLine]:
        """Lines that will not be sent."""
        lines = list(self.waiting)
        self.waiting.clear()
        return lines


def _nothing_new(what: Object | None) -> bool:
    """The end of the answer to a question, of which all is known by then."""
    return isinstance(what, Ack)


def _is_unrepeatable(line: SentLine) -> bool:
    """Whether this does something else when it comes twice (/quiet did on servers of before), and no id protects it."""
    typed = None if line.said else command_in(line.text)
    return typed is not None and not typed.rest and vocabulary.name_of(typed.word) in ("leave", "quiet")
