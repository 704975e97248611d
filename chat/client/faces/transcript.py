"""`--since`: what was said in a room since then, oldest first, on standard output; then it is over.

The server gives the newest page first and older ones when asked, so all of it is gathered before any is written: a
transcript is whole, or there is none.  The first question says since when; where its answer leaves something out, the
next one counts what is before it, and exactly that many are fetched, for "30m" means another moment each time it is
asked.  The server counts a bounded number at a time, so that goes on until it finds nothing before.
"""

from collections.abc import Sequence

from chat.base import limits
from chat.base.language import say
from chat.client.faces.pipe import Pipe
from chat.client.faces.stdio import Ground, Status, layout
from chat.client.link.lines import TooLong
from chat.client.talk.conversation import Shown
from chat.client.talk.me import SentLine
from chat.client.talk.objects import History, Missed, Object, Problem, Raw, Redacted, number
from chat.wire import jsonl


class Transcript(Pipe):
    """Asks, page after page; any nickname will do, and nothing is said."""

    def __init__(self, ground: Ground, nick: str | None, since: str, room: str, raw: bool) -> None:
        super().__init__(ground, nick, follow=False, raw=raw)
        self._any_nick = self._ended = True
        self._since = since
        self._room = room
        self._pages: list[tuple[History | Missed, Raw, SentLine | None]] = []
        self._taken_back: set[int] = set()
        self._oldest: int | None = None
        self._answered = ""
        self._left = 0

    # Reader

    def typed(self, line: str | TooLong) -> None:
        """Nothing is said here."""

    def input_ended(self, rest: str | TooLong) -> None:
        """It is the answers that end it."""

    # Face

    def received(self, what: Object | None, raw: Raw, line: SentLine | None) -> None:
        """A page, or why there is none; what else happens on the server is of no interest."""
        if line is not None and isinstance(what, History):
            # A question whose answer was cut off before its end is asked again, and answered again.
            if line.id != self._answered:
                self._answered = line.id
                self._take(what, raw, line)
        elif isinstance(what, Redacted):
            self._taken_back.update(what.targets if what.room == self._room else ())
        elif isinstance(what, Problem):
            self._refuse(what)

    def entered(self) -> None:
        """Ask, or ask again what this server has not heard; a room that did not let us in has nothing to tell."""
        if not (self.connection.kept or self.connection.leaving):
            self._ask()
        super().entered()

    def not_confirmed(self, lines: Sequence[SentLine]) -> None:
        """A question that was not answered is asked again."""

    # Page after page.

    def _ask(self) -> None:
        if self._left:
            self.connection.send(f"/last {min(self._left, limits.HISTORY_MOST)}", self._oldest)
        else:
            self.connection.send(f"/since {self._since}", self._oldest)

    def _take(self, page: History, raw: Raw, line: SentLine) -> None:
        """Keep a page and ask for the one before it; write all where there is none."""
        first, found = self._oldest is None, len(page.events)
        if page.events:
            self._pages.append((page, raw, line))
            self._oldest = page.events[0].seq
        elif self._left:
            # Meanwhile it grew too old to be kept.
            self._pages.append((Missed(self._room, self._left), {}, None))
        if line.text.startswith("/since"):
            self._left = 0 if first or page.total is None else page.total - found
        else:
            self._left = self._left - found if found else 0
        if page.events and self._oldest is not None and (line.before is None or self._oldest < line.before):
            self._ask()
        else:
            self._finish()

    def _page(self, page: History | Missed, raw: Raw, line: SentLine | None) -> str:
        """Without what was taken back since it came."""
        if isinstance(page, Missed):
            if self._raw:
                return jsonl.safe({"type": "missed", "room": self._room, "count": page.count}) + "\n"
            return self._text(self._conversation.show(page))
        if self._raw:
            events = raw.get("events")
            assert isinstance(events, list)
            told = [event for event in events if isinstance(event, dict)]
            return "".join(f"{jsonl.safe(event)}\n" for event in told if number(event, "seq") not in self._taken_back)
        events_left = tuple(event for event in page.events if event.seq not in self._taken_back)
        return self._text(self._conversation.show(page._replace(events=events_left), line))

    def _text(self, lines: Sequence[Shown]) -> str:
        return "".join(f"{row}\n" for shown in lines for row in layout(shown, self._time(shown), None))

    def _finish(self) -> None:
        if not self._pages:
            self.state(say("nothing was said in {room} since {time}", room=self._room, time=self._since))
        for page in reversed([self._page(*page) for page in self._pages]):
            self._streams.write(page)
        self._pages.clear()

    def _refuse(self, problem: Problem) -> None:
        self.put(self._conversation.error(problem.code, problem.text))
        self.give_up(Status.REFUSED)
