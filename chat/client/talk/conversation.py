"""What a conversation looks like: objects of the server's in, lines to show out.  No screen, no clock of its own.

Faces decide where a line goes and how it is coloured by its `LineKind`; the words, the order and what is left out are
decided here.  All that anybody else wrote goes through `visible` once more, for a server is not trusted either.

A history that nobody asked for, as it comes with a room, shows only what was not shown before; where it comes with a
welcome, that is said below it, next to what is typed.  A `recorder` shows nothing of the first one, and afterwards
only what fills a gap: what it writes is to be read as it comes, line by line, so it names the room always and has no
day lines.

A `paged` one shows histories that come with a room without a frame: they stand where they belong.

A `routed` one says of each line where it belongs, and leaves to a `View` what depends on the order in which lines are
shown: the days between them, and whether the room is named.  Its server sends one's own lines as well, so that an
acknowledgement shows nothing; what the answers to one's own commands tell is not told twice.

One object makes so many lines and no more: a million of them, and nobody could type between them.
"""

import enum
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, tzinfo
from typing import TypeVar

from chat.base import limits
from chat.base.language import Language, Sentence, say, say_n
from chat.base.named_tuples import NamedTuple
from chat.base.text import quoted, visible
from chat.client.talk.me import Me, SentLine, log_of
from chat.client.talk.objects import (
    Ack,
    Announced,
    Audited,
    Came,
    Hello,
    History,
    Invited,
    Measured,
    Missed,
    NotDelivered,
    Object,
    PrivacySet,
    Problem,
    Redacted,
    Reply,
    RoleGiven,
    Said,
    StopAnnounced,
    Waiting,
    Welcome,
)
from chat.wire import phrases, vocabulary
from chat.wire.grammar import command_in


class LineKind(enum.Enum):
    """What a line is, which says where it goes and how it is marked."""

    TALK = enum.auto()
    GONE = enum.auto()
    FRAME = enum.auto()
    EVENT = enum.auto()
    REPLY = enum.auto()
    ERROR = enum.auto()
    STATE = enum.auto()
    TITLE = enum.auto()
    NEW = enum.auto()


class Shown(NamedTuple):
    """A line, or a message of several lines, safe to show; `at` is local time.

    One that is `whole` is not broken: it is short but for what people copy.  `room` is the conversation that it
    belongs to, if any one; `source` is what it tells; a `loud` one calls whoever reads it; behind it, it is this `day`.
    """

    kind: LineKind
    text: str
    at: datetime | None = None
    whole: bool = False
    room: str | None = None
    source: Said | Came | Missed | None = None
    loud: bool = False
    day: date | None = None


def is_taken_back(shown: Shown, gone: Redacted) -> bool:
    """Whether a line tells what was taken back."""
    said = shown.source
    return isinstance(said, Said) and said.seq in gone.targets and log_of(said.room) == log_of(gone.room)


_Value = TypeVar("_Value")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_BEGINNING = 30
"""Characters of a line that an error quotes."""


class Conversation:
    """One conversation as one person sees it; `zone` None is the computer's own."""

    def __init__(
        self,
        me: Me,
        language: Language,
        now: Callable[[], datetime],
        zone: tzinfo | None = None,
        recorder: bool = False,
        routed: bool = False,
        paged: bool = False,
    ) -> None:
        self._me = me
        self._words = language.words
        self._now = now
        self._zone = zone
        self._recorder = recorder
        self._routed = routed
        self._paged = paged
        self._day = now().astimezone(zone).date()
        self._motd: tuple[str, ...] = ()
        self._seen: dict[str, tuple[int, datetime]] = {}
        self._facts: dict[str, None] = {}
        self._held: list[Shown] = []

    def show(self, what: Object | None, line: SentLine | None = None) -> list[Shown]:
        """What an object looks like; `line` is the one it answers."""
        shown = [*self._show(what, line)]
        if isinstance(what, Welcome) and not what.back:
            # The history of the room comes next, and then anything live.
            self._held = shown
            return []
        held, self._held = self._held, []
        return [*shown, *held] if isinstance(what, History) else [*held, *shown]

    def error(self, code: str, text: str, line: str | None = None) -> Shown:
        """A line was not said; what it began with is quoted, for others may have spoken since."""
        quote = f"  ({beginning(line)})" if line else ""
        return Shown(LineKind.ERROR, visible(f"{code}: {text}{quote}"))

    def _show(self, what: Object | None, line: SentLine | None) -> Iterator[Shown]:
        match what:
            case Hello():
                if what.motd != self._motd and not self._recorder:
                    self._motd = what.motd
                    yield from self._reply("\n".join(what.motd))
            case Welcome() if not self._recorder:
                yield from self._welcome(what)
            case Said():
                if what.to is None:
                    self._saw(what)
                named = self._recorder or (len(self._me.rooms) > 1 and not self._routed)
                yield from self._dated(self._said(what, named))
            case Came():
                yield from self._came(what)
            case Announced(_, author, _, at, text):
                yield from self._event(f"{self._words(phrases.announced(author))}: {quoted(text)}", at)
            case StopAnnounced(_, author, _, at, seconds):
                yield from self._event(self._words(phrases.stops(author, seconds)), at)
            case RoleGiven(room, author, _, at, whom, role, place):
                yield from self._event(self._words(phrases.role_given(author, whom, role, place)), at, room)
            case Measured(room, author, _, at, did, whom, place, seconds, why, fact, most) if not self._is_known(fact):
                named = self._recorder or (len(self._me.rooms) > 1 and not self._routed)
                where = None if room == place and not named else place
                told = phrases.measured(author, did, whom, where, seconds, why, most)
                yield from self._event(self._words(told), at, room)
            case PrivacySet(room, author, _, at, private):
                yield from self._event(self._words(phrases.privacy_set(author, room, private)), at, room)
            case Invited(room, author, _, at, whom, place):
                own = room.startswith("@")
                told = phrases.invites_you(author, place) if own else phrases.invited(author, whom, place)
                yield from self._event(self._words(told), at, room)
            case Waiting(room, who) if who:
                yield from self._reply(self._words(phrases.at_door(room, who)))
            case Audited(room, author, _, at, did, whom, place, seconds, count, text):
                words = self._words(phrases.audited(author, did, whom, place, seconds, count))
                yield from self._event(f"{words}: {quoted(text)}" if text else words, at, room)
            case Redacted(_, _, seq, _, targets) if targets == (seq,):
                pass
            case Redacted():
                yield from self._dated(self._taken_back(what))
            case NotDelivered(_, _, at, whom):
                error = self.error("not-delivered", self._words(phrases.not_delivered(whom)))
                yield from self._dated(error._replace(at=self._local(at), room=f"@{whom}"))
            case Missed():
                gone = phrases.gone(what.room, what.count)
                yield Shown(LineKind.GONE, visible(self._words(gone)), room=what.room, source=what)
            case Ack(room=str(room)) if line is not None and room.startswith("@") and not self._routed:
                to = phrases.said_privately(room[1:], mine=True)
                words = _private_words(line.text)
                said = Said(room, self._me.nick or "", words, what.seq, what.at, room[1:], False)
                text = visible(f"{self._words(to)} {words}")
                yield from self._dated(Shown(LineKind.TALK, text, self._local(what.at), room=room, source=said))
            case Problem(code, text):
                yield self.error(code, text, line.text if line else None)
            case History():
                yield from self._history(what, line)
            case Reply(command, text) if not (command == "quit" and line is not None):
                yield from self._reply(text)

    # What people say and do.

    def _said(self, said: Said, named: bool) -> Shown:
        head, *rest = _rows(said.text)
        room = f"{said.room} " if named and said.to is None else ""
        continued = f"{room}  | "
        if said.to is not None:
            mine = said.author == self._me.nick or (said.to != self._me.nick and said.room == f"@{said.to}")
            first = self._words(phrases.said_privately(said.to if mine else said.author, mine)) + " "
        elif said.action:
            first = f"{room}* {said.shown or said.author} "
        else:
            first = f"{room}<{said.shown or said.author}> "
        lines = [visible(first + head), *(visible(continued + line) for line in rest)]
        return Shown(LineKind.TALK, "\n".join(lines), self._local(said.at), room=said.room, source=said)

    def _event(self, text: str, at: datetime | None, room: str | None = None) -> Iterator[Shown]:
        """Something was done in a room; what is told in private, or to everybody, belongs to none."""
        place = None if room is None or room.startswith("@") else room
        return self._dated(Shown(LineKind.EVENT, visible(text), self._local(at), room=place))

    def _came(self, came: Came) -> Iterator[Shown]:
        if self._routed and self._me.did(came):
            return
        if self._is_known(came.fact):
            return
        words = self._words(_announcement(came))
        text = f"{words}: {quoted(came.text)}" if came.text else words
        yield from self._dated(Shown(LineKind.EVENT, visible(text), self._local(came.at), room=came.room, source=came))

    def _is_known(self, fact: str | None) -> bool:
        """Whether another room has told this; from now on one has."""
        if fact is None:
            return False
        known = fact in self._facts
        _remember(self._facts, fact, None)
        return known

    def _taken_back(self, gone: Redacted) -> Shown:
        now = gone.at or self._now()
        time = phrases.said_at((gone.said or now).astimezone(self._zone), now.astimezone(self._zone))
        words = self._words(phrases.taken_back(gone.author, len(gone.targets), time, gone.whose, gone.why))
        if not self._recorder:
            return Shown(LineKind.EVENT, visible(words), self._local(gone.at), room=gone.room)
        numbers = ", ".join(map(str, gone.targets))
        where = self._words(say("{told} ({room} {numbers})", told=words, room=gone.room, numbers=numbers))
        return Shown(LineKind.GONE, visible(where), self._local(gone.at), room=gone.room)

    def _dated(self, shown: Shown) -> Iterator[Shown]:
        """With the day in front where it is another one than that of the line before."""
        if not (self._recorder or self._routed) and shown.at is not None and shown.at.date() != self._day:
            self._day = shown.at.date()
            yield self.day_line(self._day)
        yield shown

    def day_line(self, day: date) -> Shown:
        """What stands before the first line of a day."""
        return Shown(LineKind.FRAME, self._name(day), day=day)

    # History.

    def _history(self, history: History, line: SentLine | None) -> Iterator[Shown]:
        room, events = history.room, history.events
        if room is not None and (line is None or vocabulary.named(line.text) == "join"):
            known = self._seen.get(room)
            events = tuple(event for event in events if not self._is_seen(event))
            for event in events:
                self._saw(event)
            if known is None:
                _remember(self._seen, room, self._seen.get(room, (0, _LONG_AGO)))
                if self._recorder:
                    return
            elif history.more and events and events == history.events and events[0].seq != known[0] + 1:
                missing = visible(self._words(say("lines of {room} may be missing here", room=room)))
                yield Shown(LineKind.GONE, missing, room=room)
        if self._recorder:
            yield from (self._said(event, named=True) for event in events)
        elif self._paged and (line is None or vocabulary.named(line.text) == "join"):
            yield from self.earlier(events)
        elif events:
            yield from self._frame(history, events, line)
        elif line is not None and history.total is not None:
            nothing = phrases.NOTHING_FOUND if line.before is None else say("Nothing was said before that.")
            yield from self._reply(self._words(nothing))

    def earlier(self, events: tuple[Said, ...]) -> Iterator[Shown]:
        """What was said then, as it stands among the other lines of its conversation."""
        return (self._said(event, named=False) for event in events)

    def _frame(self, history: History, events: tuple[Said, ...], line: SentLine | None) -> Iterator[Shown]:
        room = history.room
        yield Shown(LineKind.FRAME, visible(self._words(_title(room, len(events), line))), room=room)
        now = self._now().astimezone(self._zone)
        self._day = now.date()
        for event in events:
            yield from self._dated(self._said(event, named=room is None))
        self._day = now.date()
        end = self._words(phrases.now(self._name(now.date()), f"{now:%H:%M}"))
        if history.total is not None:
            end += ", " + self._words(phrases.part(len(events), history.total))
        yield Shown(LineKind.FRAME, end, room=room, day=now.date())

    def _saw(self, said: Said) -> None:
        if said.seq is not None:
            _remember(self._seen, said.room, (said.seq, said.at or _LONG_AGO))

    def _is_seen(self, said: Said) -> bool:
        """By number and by date: a server that keeps nothing begins to count anew when it is started again."""
        seq, at = self._seen.get(said.room, (-1, _LONG_AGO))
        return said.seq is not None and said.seq <= seq and (said.at or _LONG_AGO) <= at

    # What the service says.

    def _welcome(self, welcome: Welcome) -> Iterator[Shown]:
        for sentence in phrases.welcome(welcome.nick, welcome.room, welcome.rooms, welcome.back):
            yield from self._reply(self._words(sentence))

    def _reply(self, text: str) -> Iterator[Shown]:
        return (Shown(LineKind.REPLY, visible(line)) for line in _rows(text) if line)

    # Dates.

    def _local(self, at: datetime | None) -> datetime | None:
        return None if at is None else at.astimezone(self._zone)

    def _name(self, day: date) -> str:
        return f"{self._words(phrases.weekday(day))} {day:%Y-%m-%d}"


def _announcement(came: Came) -> Sentence:
    """Somebody came, went, or changed something."""
    here = "?" if came.here is None else came.here
    match came.type:
        case "joined":
            return phrases.joined(came.who, came.room, here)
        case "left":
            return phrases.left(came.who, came.room, here, came.stayed, came.quit)
        case "renamed":
            return phrases.renamed(came.author, came.to)
        case "topic":
            return phrases.topic_changed(came.author, came.room, came.text)


def beginning(line: str) -> str:
    """How a line begins, for whoever wrote it to know it again."""
    line = vocabulary.quotable(line)
    first = line.partition("\n")[0]
    return visible(line if len(line) <= _BEGINNING and first == line else f"{first[:_BEGINNING]}…")


def more_lines(count: int) -> Sentence:
    """Behind the first of them."""
    return say_n("and {count} line more", "and {count} lines more", count)


def _rows(text: str) -> list[str]:
    """The lines of a text; of very many the first."""
    rows = text.split("\n", limits.ROWS)
    return rows if len(rows) <= limits.ROWS else [*rows[:-1], "…"]


def _title(room: str | None, count: int, line: SentLine | None) -> Sentence:
    if room is None and line is not None and vocabulary.named(line.text) in ("missed", "mentions"):
        return phrases.mentions(count)
    if room is None:
        return phrases.lines_with("" if line is None else line.text.partition(" ")[2].strip())
    return phrases.last_lines(room, count)


def _private_words(line: str) -> str:
    """The text of `/msg NICK text` or of `/reply text`."""
    typed = command_in(line)
    if typed is None:
        return ""
    if vocabulary.name_of(typed.word) == "reply":
        return typed.rest
    return "".join(typed.rest.split(maxsplit=1)[1:])


def _remember(memory: dict[str, _Value], key: str, value: _Value) -> None:
    """Keep the newest; a server may name any number of them."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > limits.REMEMBERED:
        del memory[next(iter(memory))]
