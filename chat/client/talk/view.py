"""What somebody sees of all their conversations: which one is open, what is new in the others, what calls them.

Rooms and private conversations are alike here.  What is said in the open one is to be printed; elsewhere it is held
until one goes there, and counted.  Lines come from a routed `Conversation`, own ones too: they stand in the log's
order.  Those who have not spoken lately come and go unnoticed until somebody speaks.

Where it is `paged` each conversation has a page of its own, and what is printed in it goes there.

No screen and no clock of its own: a face takes what is `printed`, shows the rest as it likes, and says when there was
a key.  The cases of `tests/client/view_cases.json` hold for it, and for whatever else shows these conversations.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from chat.base import limits
from chat.base.language import Language, Sentence, say, say_n
from chat.base.mentions import calls
from chat.base.named_tuples import NamedTuple
from chat.base.text import visible
from chat.client.talk.conversation import Conversation, LineKind, Shown, more_lines
from chat.client.talk.held import Somebody, Talk
from chat.client.talk.me import PRIVATE, Me, SentLine, log_of
from chat.client.talk.objects import (
    Ack,
    Came,
    History,
    Measured,
    Missed,
    Object,
    Read,
    Redacted,
    Reply,
    Said,
    Standing,
    Welcome,
    number,
    standing,
)
from chat.client.talk.page import Page
from chat.wire import vocabulary
from chat.wire.grammar import command_in, spoken
from chat.wire.requests import Request

_NEW = say("new")
_RANKS = {"owner": 0, "operator": 1}


@dataclass
class Choices:
    """How one wants to see it: `everything`, or only what is open; with coming and going as it is, or `folded`; with
    the `days` between lines; called by these `words` beside the nickname; each conversation on a page (`paged`)."""

    everything: bool = False
    folded: bool = True
    days: bool = True
    words: tuple[str, ...] = ()
    paged: bool = False


class Alert(NamedTuple):
    """Somebody calls: in private, or by name in a room."""

    room: str
    author: str
    text: str
    private: bool


class Glance(NamedTuple):
    """A conversation among the others."""

    name: str
    open: bool
    unread: int
    mentions: int
    away: bool


class View:
    """All conversations of one person; `zone` None is the computer's own."""

    def __init__(
        self, me: Me, language: Language, now: Callable[[], datetime], choices: Choices, zone: tzinfo | None = None
    ) -> None:
        self.talks: dict[str, Talk] = {}
        self.open: str | None = None
        self.away: str | None = None
        self.settled = False
        """From now on where one goes is where one wants to be, and not only the way in."""

        self._me = me
        self._words = language.words
        self._now = now
        self._choices = choices
        self._zone = zone
        self._conversation = Conversation(me, language, now, zone, routed=True, paged=choices.paged)
        self.first_page = Page(self._conversation.day_line)
        """What is shown before a conversation is open, which then stands above it."""

        self._day = now().astimezone(zone).date()
        self._printed: list[Shown] = []
        self._last: Shown | None = None
        self._alerts: list[Alert] = []
        self._acked: dict[tuple[str, int], SentLine] = {}
        self._key_at: datetime | None = None
        self._marked = False
        self._back = False
        self._private_read: int | None = None
        self._missed = 0
        self._code: str | None = None

    # What a face asks.

    def printed(self) -> list[Shown]:
        """What is to be printed since it was last asked for."""
        printed, self._printed = self._printed, []
        return printed

    @property
    def calls(self) -> int:
        """How many called in what is open since who called was last asked for; the others are counted in a glance."""
        return sum(alert.room == self.open for alert in self._alerts)

    def alerts(self) -> list[Alert]:
        """Who called since it was last asked for."""
        alerts, self._alerts = self._alerts, []
        return alerts

    @property
    def page(self) -> Page:
        """What is open, where it is paged."""
        talk = self._open_talk
        return self.first_page if talk is None else talk.page

    @property
    def glance(self) -> list[Glance]:
        """All conversations, in the order of their numbers."""
        return [
            Glance(name, name == self.open, talk.unread, talk.mentions, talk.away) for name, talk in self.talks.items()
        ]

    @property
    def folded(self) -> Sentence | None:
        """Who came and went in what is open, and was not told yet."""
        talk = self._open_talk
        return None if talk is None else talk.fold.sentence

    def waiting(self, lines: Iterable[SentLine]) -> list[str]:
        """What was said here and does not stand in its place yet: of those lines, and of what only just was stored."""
        rows = [self._waits(line) for line in (*self._acked.values(), *lines) if not _asks(line)]
        most = limits.WAITING_SHOWN
        if len(rows) > most:
            return [*rows[:most], self._words(more_lines(len(rows) - most))]
        return rows

    @property
    def people(self) -> list[Somebody]:
        """Who is in what is open: those who run it first."""
        talk, name = self._open_talk, self.open or ""
        if talk is None:
            return []
        if name.startswith(PRIVATE):
            return [Somebody(name[1:], "" if talk.away else None)]
        people = [talk.people.get(nick, Somebody(nick)) for nick in talk.users]
        return sorted(people, key=lambda one: (_RANKS.get(one.role, 2), one.nick.casefold()))

    @property
    def nicknames(self) -> list[str]:
        """Who can be called: those who spoke last come first, then the others who are here."""
        here = self._open_talk
        if here is None:
            return []
        named = dict.fromkeys(reversed(here.spoke)) | here.users
        for talk in self.talks.values():
            named |= talk.users
        named |= {name[1:]: None for name in self.talks if name.startswith(PRIVATE)}
        return [nick for nick in named if nick != self._me.nick]

    def asked(self, text: str) -> Request:
        """A line that was typed in what is open, as the server is asked it; several lines are one message."""
        room = self.open
        command = command_in(text)
        if "\n" in text and command is not None and vocabulary.name_of(command.word) == "msg":
            to, *said = command.rest.split(maxsplit=1)
            to = to if to.startswith("#") else PRIVATE + to.strip("@,:")
            return Request("".join(said), room=to, said=True)
        if "\n" in text or (command is None and room is not None and room.startswith(PRIVATE)):
            return Request(spoken(text), room=room, said=True)
        if command is not None and room is not None and room.startswith(PRIVATE):
            return Request(text, room=room if vocabulary.name_of(command.word) in ("last", "delete") else None)
        return Request(text, room=room)

    def marks(self) -> dict[str, int]:
        """How far all was read since it was last asked: what is open, while somebody is there."""
        talk, name = self._open_talk, self.open
        if talk is None or name is None or self._unattended:
            return {}
        if name.startswith(PRIVATE):
            # One log for all that is private: what waits elsewhere in it is not read.
            if self._private_read is None or any(other.unread for other in self._private_talks()):
                return {}
            newest = max(other.newest for other in self._private_talks())
            told, self._private_read = self._private_read, max(newest, self._private_read)
            return {PRIVATE: newest} if newest > told else {}
        if talk.read is None or talk.newest <= talk.read:
            return {}
        talk.read = talk.newest
        return {name: talk.newest}

    def _private_talks(self) -> list[Talk]:
        return [talk for name, talk in self.talks.items() if name.startswith(PRIVATE)]

    def error(self, code: str, text: str, line: str | None = None) -> None:
        """A line was not said."""
        self.put(self._conversation.error(code, text, line))

    # What somebody does.

    def attended(self) -> None:
        """There was a key: somebody reads."""
        self._key_at = self._now()
        self._marked = self._back = False

    def go(self, name: str) -> None:
        """Open a conversation, which need not be there yet if it is a private one, and print what is new in it."""
        talk = self._talk(name)
        if name == self.open:
            return
        self.open = name
        new, gone = talk.unread, talk.seen()
        if self._choices.paged and new and talk.page.lines:
            self.put(Shown(LineKind.NEW, self._words(_NEW), room=name))
        title = self._words(say_n("{room}, {count} new", "{room}, {count} new", new, room=name)) if new else name
        if not self._choices.paged:
            self.put(Shown(LineKind.TITLE, visible(title), room=name))
        if gone:
            lines = say_n("{count} earlier line is not shown", "{count} earlier lines are not shown", gone)
            self.put(Shown(LineKind.GONE, self._words(lines), room=name))
        while talk.held:
            self._print(talk.held.popleft())

    def found(self, name: str) -> str | None:
        """The conversation that this is the beginning of: one of that very name, else the first; or somebody here."""
        wanted = name.casefold()
        names = [*self.talks, *(PRIVATE + nick for nick in self.nicknames)]
        for fits in (
            lambda other: other.casefold() == wanted,
            lambda other: other[1:].casefold() == wanted,
            lambda other: other.casefold().startswith(wanted),
            lambda other: other[1:].casefold().startswith(wanted),
        ):
            if (found := next(filter(fits, names), None)) is not None:
                return found
        return None

    def next(self, step: int) -> str | None:
        """The next conversation (or, with -1, the one before) in which somebody calls, else something is new, else
        any."""
        names = list(self.talks)
        if not names:
            return None
        start = names.index(self.open) if self.open in self.talks else -1
        around = [names[(start + step * place) % len(names)] for place in range(1, len(names))]
        for wanted in (lambda talk: talk.mentions, lambda talk: talk.unread, lambda talk: True):
            for name in around:
                if wanted(self.talks[name]):
                    return name
        return None

    def close(self) -> bool:
        """Leave a private conversation, which only we know of; whether one was open."""
        if self.open is None or not self.open.startswith(PRIVATE):
            return False
        self._drop(self.open)
        return True

    # What the server says.

    def take(self, what: Object | None, line: SentLine | None = None) -> None:
        """An object arrived, perhaps the answer to a line."""
        match what:
            case Said():
                self._heard(what)
            case Came():
                self._came(what)
            case Welcome():
                self._welcomed(what)
            case Ack(room=str(room), seq=int(seq)) if line is not None:
                log = PRIVATE if room.startswith(PRIVATE) else room
                if self._me.seen.get(log, seq) < seq:
                    self._acked[log, seq] = line
            case History(room=str(room)) if line is not None and vocabulary.named(line.text) == "join":
                self.go(room)
            case Missed():
                self._acked.clear()
            case Read():
                self._read_elsewhere(what.room, what.seq)
            case Redacted():
                self._taken_back(what)
            case Measured(what="kick" | "ban") if what.place in self.talks:
                self.talks[what.place].users.pop(what.to, None)
            case Reply():
                self._answered(what, line)
        if isinstance(what, Welcome):
            known, self._code = self._code, what.code
            if what.back and self.settled and known == what.code:
                return  # they only were away for a moment, and are where they were
        if self._choices.paged and isinstance(what, History) and line is not None and line.before is not None:
            self._earlier(what)
            return
        for shown in self._conversation.show(what, line):
            self._route(shown, what, line)
        if isinstance(what, Welcome):
            self._tell_missed(what.private)
        if isinstance(what, History):
            self._page(what)
        if isinstance(what, Reply) and what.command == "leave":
            self._leave(what)

    def _earlier(self, history: History) -> None:
        """Lines that were asked for because somebody looks for them."""
        talk = self.talks.get(history.room or "")
        if talk is None:
            return
        oldest = talk.page.oldest
        events = tuple(event for event in history.events if event.seq is not None)
        older = tuple(event for event in events if oldest is None or (event.seq or 0) < oldest)
        talk.page.add_older(list(self._conversation.earlier(older)), self._choices.days)
        talk.page.whole = not history.more

    def _taken_back(self, gone: Redacted) -> None:
        """What was not printed yet, never is."""
        for seq in gone.targets:
            self._acked.pop((log_of(gone.room), seq), None)
        for talk in self.talks.values():
            talk.taken_back(gone)
            talk.page.take_back(gone)

    def put(self, shown: Shown) -> None:
        """Print this now, whatever is open; a state that was told last is not told again."""
        if shown.kind is LineKind.STATE and shown == self._last:
            return
        self._last = shown
        if self._choices.paged:
            self.page.add(shown, self._choices.days)
            return
        if shown.at is not None and shown.at.date() != self._day:
            self._day = shown.at.date()
            if self._choices.days:
                self._printed.append(self._conversation.day_line(self._day))
        if shown.day is not None:
            self._day = shown.day
        self._printed.append(shown)

    def _route(self, shown: Shown, what: Object | None, line: SentLine | None) -> None:
        """To where it belongs: what answers a line is wanted now."""
        room, source = shown.room, shown.source
        asked = line is not None
        if isinstance(source, Came) and self._folds(source):
            return
        if isinstance(source, Said) and isinstance(what, Said):
            asked = asked or self._acked.pop(self._place(source), None) is not None
            shown = self._counted(shown, source, line)
            self._tell_fold(source.room)
            if asked or self._is_here(source.room):
                self._mark(source)
        # What one said in a room that one has gone from meanwhile would look as if it were said here.
        elsewhere = isinstance(what, Said) and what.to is None
        if self._choices.paged and asked and room is not None and isinstance(what, Said) and not elsewhere:
            self.go(room)
        if room is None or self._is_here(room) or (asked and not elsewhere):
            self._print(shown)
        else:
            self._talk(room).hold(shown)

    def _is_here(self, room: str) -> bool:
        """Whether what is said there is printed at once."""
        return room == self.open or self._choices.everything or self.open is None

    def _mark(self, said: Said) -> None:
        """Show where somebody stopped reading, once."""
        if said.author == self._me.nick:
            self._back = False
        elif not (self._marked or self._is_read(said)) and (self._back or self._unattended):
            self._marked = True
            self.put(Shown(LineKind.NEW, self._words(_NEW)))

    def _tell_fold(self, room: str) -> None:
        """Whoever came or left before somebody speaks is told before it."""
        talk = self._talk(room)
        if talk.fold and (sentence := talk.fold.told()) is not None:
            shown = Shown(LineKind.EVENT, visible(self._words(sentence)), room=room)
            if self._is_here(room):
                self._print(shown)
            else:
                talk.hold(shown)

    def _print(self, shown: Shown) -> None:
        if isinstance(said := shown.source, Said) and said.seq is not None:
            talk = self._talk(said.room)
            talk.newest = max(talk.newest, said.seq)
        self.put(self._named(shown))

    def _named(self, shown: Shown) -> Shown:
        """With its room in front of each row, where more than one is shown."""
        room = shown.room
        if room is None or room.startswith(PRIVATE) or not self._choices.everything or len(self._me.rooms) < 2:
            return shown
        if isinstance(shown.source, Came) or shown.kind not in (LineKind.TALK, LineKind.EVENT):
            return shown  # it names the room itself
        return shown._replace(text="\n".join(f"{visible(room)} {row}" for row in shown.text.split("\n")))

    @property
    def _unattended(self) -> bool:
        return self._key_at is not None and self._now() - self._key_at > timedelta(seconds=limits.READING_SECONDS)

    def _counted(self, shown: Shown, said: Said, line: SentLine | None) -> Shown:
        """Whether it is new to somebody, and calls them."""
        if said.author == self._me.nick or line is not None or self._is_read(said):
            return shown
        called = said.to is not None or self._calls(said.text)
        if called:
            self._alerts.append(Alert(said.room, said.shown or said.author, said.text, said.to is not None))
        if not self._is_here(said.room):
            talk = self._talk(said.room)
            talk.came(-1 if said.seq is None else said.seq, called)
            if said.to is not None and talk.unread == 1:
                hint = say("{nick} writes to you in private: Ctrl-N, or /go {nick}", nick=said.author)
                self.put(Shown(LineKind.STATE, visible(self._words(hint))))
        return shown._replace(loud=True) if called else shown

    def _is_read(self, said: Said) -> bool:
        """Whether another device has read it."""
        read = self._private_read if said.to is not None else self._talk(said.room).read
        return read is not None and said.seq is not None and said.seq <= read

    def _calls(self, text: str) -> bool:
        nick = self._me.nick
        words = self._choices.words if nick is None else (nick, *self._choices.words)
        return calls(*words)(text)

    def _waits(self, line: SentLine) -> str:
        """A line of one's own that is on its way, in one row."""
        first, _, rest = line.text.partition("\n")
        room = "" if line.room in (None, self.open) or command_in(line.text) is not None else f"{line.room} "
        more = f" (+{rest.count(chr(10)) + 1})" if rest else ""
        return visible(f"{room}{first[: limits.TEXT]}{more}")

    # Who is where.

    def _heard(self, said: Said) -> None:
        talk = self._talk(said.room)
        talk.away = talk.away and said.author == self._me.nick
        talk.spoke.pop(said.author, None)
        talk.spoke[said.author] = said.at or self._now()
        if len(talk.spoke) > limits.REMEMBERED:
            del talk.spoke[next(iter(talk.spoke))]
        if talk.oldest is None and said.seq is not None:
            talk.oldest = said.seq

    def _came(self, came: Came) -> None:
        talk = self._talk(came.room)
        match came.type:
            case "joined":
                talk.users.update(dict.fromkeys(came.who))
                while len(talk.users) > limits.REMEMBERED:
                    del talk.users[next(iter(talk.users))]
            case "left":
                for nick in came.who:
                    talk.users.pop(nick, None)
            case "renamed":
                self._renamed(came.author, came.to)

    def _renamed(self, old: str, new: str) -> None:
        for talk in self.talks.values():
            if old in talk.users:
                del talk.users[old]
                talk.users[new] = None
            if old in talk.people:
                talk.people[new] = talk.people.pop(old)._replace(nick=new)
            if old in talk.spoke:
                talk.spoke[new] = talk.spoke.pop(old)
        private, now = PRIVATE + old, PRIVATE + new
        if private in self.talks and now not in self.talks:
            self.talks = {now if name == private else name: talk for name, talk in self.talks.items()}
            if self.open == private:
                self.open = now

    def _folds(self, came: Came) -> bool:
        """Take it out of sight, if it only is coming or going of those who have not spoken lately."""
        talk = self._talk(came.room)
        if came.type == "renamed" and talk.fold.holds(came.author):
            talk.fold.take(came)
            return True
        if not self._choices.folded or came.type not in ("joined", "left"):
            return False
        since = (came.at or self._now()) - timedelta(seconds=limits.SPOKE_SECONDS)
        if any(nick in talk.spoke and talk.spoke[nick] >= since for nick in came.who):
            return False
        talk.fold.take(came)
        return True

    def _welcomed(self, welcome: Welcome) -> None:
        self._acked.clear()
        for name in [name for name in self.talks if not name.startswith(PRIVATE) and name not in self._me.rooms]:
            del self.talks[name]
        for room in welcome.rooms:
            if room.name in self._me.rooms:
                talk = self._talk(room.name)
                talk.users = dict.fromkeys(room.users)
                talk.stands(room.standing)
                if room.standing.read is not None and self._private_read is None:
                    self._private_read = 0
        if welcome.back and not self.settled:
            # Another run was here: what comes now was said since somebody read.
            self._back = True
        if self.open not in self.talks:
            self.open = self._me.rooms[-1] if self._me.rooms else None
        if welcome.private.read is not None:
            self._read_elsewhere(PRIVATE, welcome.private.read)
        if (here := self._open_talk) is not None:
            unread = here.seen()
            self._missed = unread if self._me.seen.get(self.open or "", 0) >= here.counted else 0

    def _tell_missed(self, private: Standing) -> None:
        """What nobody has read, and came to another run of this program: it does not come again."""
        new, self._missed = self._missed, 0
        if self._me.seen.get(PRIVATE, 0) >= (private.last or 0):
            new += private.unread or 0
        if new:
            told = say_n(
                "{count} line is new to you; /missed shows it.",
                "{count} lines are new to you; /missed shows them.",
                new,
            )
            self.put(Shown(LineKind.STATE, self._words(told)))

    def _read_elsewhere(self, room: str, seq: int) -> None:
        if room == PRIVATE:
            self._private_read = max(seq, self._private_read or 0)
            for talk in self._private_talks():
                talk.read_elsewhere(seq)
        elif room in self.talks:
            self.talks[room].read_elsewhere(seq)

    def _answered(self, reply: Reply, line: SentLine | None) -> None:
        match reply.command, reply.facts:
            case "join", {"room": str(room)} if room in self._me.rooms:
                users = reply.facts.get("users")
                self._talk(room).stands(standing(reply.facts))
                if isinstance(users, list):
                    self._talk(room).users = {nick: None for nick in users if isinstance(nick, str)}
                if line is not None or not self.settled:
                    self.go(room)
            case (("away" | "back"), {"away": str() | None as text}):
                self.away = text
            case ("msg", {"away": str()}) if line is not None:
                to = line.room or (line.text.split(maxsplit=2) or [""])[1:2][0]
                self._is_away(to.lstrip("@"), True)
            case ("whois", {"nick": str(nick)}):
                self._is_away(nick, isinstance(reply.facts.get("away"), str))
            case ("who", {"users": list(users)}):
                whole = len(users) >= (number(reply.facts, "here") or 0)  # of very many it tells some
                self._told(reply.facts.get("room"), [row for row in users if isinstance(row, dict)], whole)

    def take_people(self, reply: Reply) -> None:
        """Who is in a room, as it was asked without anybody's command."""
        self._answered(reply, None)

    def _told(self, room: object, users: Sequence[Mapping[str, object]], whole: bool) -> None:
        """Who is in a room."""
        people = [
            Somebody(
                nick,
                away if isinstance(away := row.get("away"), str) else None,
                row.get("down") is True,
                role if isinstance(role := row.get("role"), str) else "member",
                row.get("bot") is True,
            )
            for row in users[: limits.REMEMBERED]
            if isinstance(nick := row.get("nick"), str) and len(nick) <= limits.NAME_READ
        ]
        for one in people:
            self._is_away(one.nick, one.away is not None)
        if isinstance(room, str) and room in self.talks:
            talk = self.talks[room]
            talk.people = {one.nick: one for one in people}
            if whole:
                talk.users = dict.fromkeys(talk.people)

    def _is_away(self, nick: str, away: bool) -> None:
        """Only of those with whom one talks in private: the others are in the way."""
        if (talk := self.talks.get(PRIVATE + nick)) is not None:
            talk.away = away

    def _leave(self, reply: Reply) -> None:
        room = reply.facts.get("room")
        if isinstance(room, str) and room in self.talks and room not in self._me.rooms:
            self._drop(room)

    def _drop(self, name: str) -> None:
        del self.talks[name]
        if self.open == name:
            self.open = None
            if self._me.rooms and self._me.rooms[-1] in self.talks:
                self.go(self._me.rooms[-1])

    def _page(self, history: History) -> None:
        """Where older history begins."""
        if history.room is not None and history.events and (seq := history.events[0].seq) is not None:
            talk = self._talk(history.room)
            talk.oldest = seq if talk.oldest is None else min(talk.oldest, seq)

    @property
    def _open_talk(self) -> Talk | None:
        return None if self.open is None else self.talks.get(self.open)

    def _talk(self, name: str) -> Talk:
        """The conversation of this name; of more than anybody can follow, the oldest private one makes room."""
        if (talk := self.talks.get(name)) is None:
            if len(self.talks) >= limits.TALKS:
                self._forget_one()
            page, most = Page(self._conversation.day_line), limits.LINES_HELD
            if self._choices.paged:
                most = limits.PAGE_LINES
                if not self.talks:
                    page = self.first_page
            talk = self.talks[name] = Talk(page, most)
        return talk

    def _forget_one(self) -> None:
        for name in self.talks:
            if name != self.open and name not in self._me.rooms:
                del self.talks[name]
                return

    @staticmethod
    def _place(said: Said) -> tuple[str, int]:
        return log_of(said.room), -1 if said.seq is None else said.seq


def _asks(line: SentLine) -> bool:
    """Whether a line is a command that says nothing: its answer is its only sign."""
    typed = None if line.said else command_in(line.text)
    return typed is not None and vocabulary.name_of(typed.word) not in ("msg", "reply", "me")
