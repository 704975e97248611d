"""A program at the other end: what is said goes to standard output, trouble to standard error, an exit code at last.

Without `follow` it ends when all of its input is confirmed, and at once when the server cannot be reached: a script
wants to know.  A connection that is lost on the way is waited for, but not for ever once the input has ended.  With
`follow` it records until it is stopped, whatever happens to the connection.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chat.base import limits
from chat.base.errors import BadInput
from chat.base.language import Sentence, say
from chat.client.faces.stdio import Ground, Status, StreamFace, layout
from chat.client.link.lines import TooLong
from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.me import SentLine
from chat.client.talk.objects import Object, Problem, Raw, Reply
from chat.wire import jsonl

_SAID = frozenset({LineKind.TALK, LineKind.GONE})
_TROUBLE = frozenset({LineKind.ERROR, LineKind.STATE})


class Pipe(StreamFace):
    """The face for programs; `nick` None takes any, `raw` passes the server's objects on, and theirs to the server."""

    def __init__(self, ground: Ground, nick: str | None, follow: bool, raw: bool) -> None:
        super().__init__(ground, recorder=True)
        self._any_nick = nick is None or follow
        self._follow = follow
        self._raw = raw
        self._out = frozenset() if raw else _SAID
        self._aside = _TROUBLE if raw else _TROUBLE | {LineKind.REPLY}
        self._was_in = False
        self._ended = False
        self._away_since: datetime | None = None

    def put(self, shown: Shown) -> None:
        """What is said, to standard output with its date; coming and going is for people, and for --json."""
        if shown.kind in self._out:
            self._streams.write("\n".join([*layout(shown, self._time(shown), None), ""]))
        elif shown.kind in self._aside:
            self._streams.warn("\n".join([*layout(shown, "", None), ""]))

    def _time(self, shown: Shown) -> str:
        """Its date, which stands in front of it."""
        return (shown.at or self._now().astimezone()).isoformat(timespec="seconds") + " "

    # Reader

    def typed(self, line: str | TooLong) -> None:
        """With `raw` a line of input may be an object, as the server takes it; what is wrong with it is told as one."""
        if not (self._raw and isinstance(line, str) and jsonl.may_be_json(line)):
            super().typed(line)
            return
        try:
            self.connection.post(jsonl.decode(line))
        except BadInput as error:
            told = {"type": "error", "code": error.code, "text": self._words(error.sentence)}
            self._streams.write(jsonl.safe(told if error.id is None else {**told, "id": error.id}) + "\n")
            self.worse(Status.REFUSED)
        self._pace()

    def input_ended(self, rest: str | TooLong) -> None:
        """All is typed: when all is confirmed too, it is over."""
        if rest:
            self.typed(rest)
        self._ended = True
        self._end_if_done()

    # Face

    def received(self, what: Object | None, raw: Raw, line: SentLine | None) -> None:
        """Pass it on."""
        if self._raw:
            self._streams.write(jsonl.safe(raw) + "\n")
        super().received(what, raw, line)
        if isinstance(what, Reply) and "asks" in what.facts and self.connection.asking:
            self.give_up(Status.REFUSED)  # the nickname is somebody's, or is to be: there is nobody to be asked

    def progressed(self) -> None:
        """Perhaps that was the last one."""
        super().progressed()
        self._away_since = None
        self._end_if_done()

    def nickname_wanted(self, refused: Problem | None) -> None:
        """Nobody is there to be asked: any will do, or it is over."""
        if self.takes_proposal(refused):
            return
        if refused is None:
            self.enter_as_anyone()
            return
        self.put(self._conversation.error(refused.code, refused.text))
        if self._any_nick and refused.proposal is not None:
            self.connection.enter(refused.proposal)
        else:
            self.give_up(Status.REFUSED)

    def entered(self) -> None:
        """Perhaps there was nothing to say."""
        if self._was_in:
            self.state(say("connected again"))
        self._was_in = True
        if not self.connection.kept:
            self._away_since = None
        self._end_if_done()

    def not_admitted(self, refused: Problem, unsent: Sequence[SentLine]) -> None:
        """There is nothing to say or record elsewhere."""
        super().not_admitted(refused, unsent)
        self.give_up(Status.REFUSED)

    def lost(self, reason: Sentence | None) -> None:
        """It will be back, unless it never let us in."""
        super().lost(reason)
        if self._away_since is None:
            self._away_since = self._now()
        if reason is not None and not (self._follow or self._was_in or self.connection.has_others):
            self.give_up(Status.NO_CONNECTION)

    def unreachable(self, reason: Sentence) -> None:
        """At the first time this is an answer; later the server may come back."""
        super().unreachable(reason)
        if not (self._follow or self._was_in):
            self.give_up(Status.NO_CONNECTION)

    def trying_again(self, seconds: float) -> None:
        """Unless it was given up just now, or is now."""
        patience = timedelta(seconds=limits.CONFIRM_SECONDS)
        if self._ended and not self._follow and self._away_since and self._now() - self._away_since > patience:
            self.give_up(Status.NOT_CONFIRMED)
        if not self.connection.leaving:
            super().trying_again(seconds)

    def _end_if_done(self) -> None:
        if self._ended and not self._follow and self._was_in and not self.connection.kept:
            self.connection.leave()
