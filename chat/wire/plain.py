"""The wire of people with netcat or telnet: lines that read as a conversation.

Nobody's words begin a line: what people say stands behind `<amy>`, `* amy`, `[amy -> you]` or `  |`, and what the
service says behind `-> ` (a reply), `! ` (an error), `-!- ` (an announcement) or `-- ` (a frame).  The service's own
sentences stay within 80 columns.  CRLF ends a line, for telnet; a terminal ignores the CR.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo

from chat.base import limits, resume_codes
from chat.base.language import Language, Sentence
from chat.base.text import continued, quoted, visible, wrap
from chat.log.events import (
    Action,
    Announced,
    Audited,
    Author,
    Entry,
    Fact,
    Invited,
    Joined,
    Left,
    Measured,
    Message,
    NotDelivered,
    OtherDevice,
    PrivacySet,
    Private,
    Redacted,
    Renamed,
    RoleGiven,
    StopAnnounced,
    TopicSet,
)
from chat.log.log import Log, Named
from chat.wire import phrases, prose, vocabulary
from chat.wire.answers import (
    Answer,
    AwayNotice,
    CurrentNotice,
    Greeting,
    History,
    IgnoreNotice,
    Missed,
    Notice,
    OthersAccount,
    OthersAway,
    OthersName,
    OthersTags,
    PasswordFirst,
    Problem,
    ReadNotice,
    Reply,
    RoomNotice,
    Since,
    Stored,
    UpToNow,
    WaitingNotice,
    Watched,
    Welcome,
)
from chat.wire.rendering import Talk
from chat.wire.requests import Expected, Invoke, Parsed, Request, Say, Secret, interpret

COLUMNS = 80
"""What the narrowest of usual terminals shows; the service's sentences are wrapped at it."""


class PlainFormat:
    """Events for people, in one language and time zone: None is the system's, with its summer time."""

    name = "plain"
    folds = True
    echoes = False
    keeps_list = False

    def __init__(self, language: Language, zone: tzinfo | None = None) -> None:
        self.language = language
        self.words = language.words
        self.zone = zone

    def without(self, piece: bytes, nick: str) -> bytes:
        """They see themselves come and go as others do, who are told of together."""
        return piece

    def event(self, log: Log, entry: Entry, named: bool, timed: bool, id: str | None = None) -> bytes:
        """One entry as the readers of this log get it."""
        fact = entry.fact
        if not timed and type(fact) is Message and "\n" not in fact.text:
            # Nearly every event is this one: no list, no join.
            room = f"{log.name} " if named else ""
            return f"{room}<{fact.author.shown or fact.author.nick}> {visible(fact.text)}\r\n".encode()
        return _encode(self.lines(log, entry, named, timed))

    def lines(self, log: Named, entry: Entry, named: bool, timed: bool) -> Iterator[str]:
        """The same as lines."""
        seq, at, fact, _ = entry
        room = f"{log.name} " if named else ""
        time = f"{entry.at.astimezone(self.zone):%H:%M} " if timed else ""
        match fact:
            case Message(author, text):
                yield from _block(f"{time}{room}<{author.shown or author.nick}> ", room, text)
            case Action(author, text):
                yield from _block(f"{time}{room}* {author.shown or author.nick} ", room, text)
            case Private(author, to, _, text):
                mine = log.key == "@" + author.person
                yield from _block(f"{time}{self.between(mine, author.nick, to)} ", "", text)
            case NotDelivered(nick):
                yield from wrapped(f"{time}! ", f"not-delivered: {self.words(phrases.not_delivered(nick))}")
            case Announced(author, said):
                words = self.words(phrases.announced(None if author is None else author.nick))
                yield from wrapped(f"{time}-!- ", f"{words}: {quoted(said)}")
            case Redacted(_, targets) if targets == (seq,):
                return  # it stands where the line stood, and was never seen
            case Audited(by, what, to, place, seconds, text, count):
                words = self.words(phrases.audited(_nick(by), what, to, place, seconds, count))
                yield from wrapped(f"{time}-!- ", f"{words}: {quoted(text)}" if text else words)
            case OtherDevice(_, what, name):
                yield from wrapped(f"{time}-> ", self.words(phrases.other_device(what, name)))
            case _:
                yield from wrapped(f"{time}-!- ", self._announcement(log, fact, at, named))

    def between(self, mine: bool, author: str, to: str) -> str:
        """Who said something in private to whom."""
        return self.words(phrases.said_privately(to if mine else author, mine))

    def _announcement(
        self,
        log: Named,
        fact: Joined
        | Left
        | Renamed
        | TopicSet
        | RoleGiven
        | PrivacySet
        | Invited
        | Measured
        | StopAnnounced
        | Redacted,
        at: datetime,
        named: bool,
    ) -> str:
        text = ""
        match fact:
            case Joined(_, who, here):
                announced = phrases.joined(who, log.name, here)
            case Left(_, who, here, stayed, text, quit):
                announced = phrases.left(who, log.name, here, stayed, quit)
            case Renamed(author, to):
                announced = phrases.renamed(author.nick, to)
            case TopicSet(author, text):
                announced = phrases.topic_changed(author.nick, log.name, text)
            case RoleGiven(by, to, role, place):
                announced = phrases.role_given(_nick(by), to, role, place)
            case PrivacySet(by, private):
                announced = phrases.privacy_set(_nick(by), log.name, private)
            case Invited(by, _, place) if log.name == "@":
                announced = phrases.invites_you(_nick(by), place)
            case Invited(by, to, place):
                announced = phrases.invited(_nick(by), to, place)
            case Measured(by, what, to, place, seconds, why, _, _, most):
                room = None if log.name == place and not named else place
                announced = phrases.measured(_nick(by), what, to, room, seconds, why, most)
            case StopAnnounced(by, seconds):
                announced = phrases.stops(_nick(by), seconds)
            case Redacted(by, targets, said_at, whose, _, _, why):
                time = phrases.said_at(said_at.astimezone(self.zone), at.astimezone(self.zone))
                announced = phrases.taken_back(_nick(by), len(targets), time, whose, why)
        words = self.words(announced)
        return f"{words}: {quoted(text)}" if text else words


def _nick(author: Author | None) -> str | None:
    return None if author is None else author.nick


class Plain:
    """The wire of a visit of people."""

    __slots__ = ("format",)

    asks = True
    people = True
    lobby = True
    keepalive = b""
    lists = limits.COMPANY_SHOWN + 1

    def __init__(self, format: PlainFormat) -> None:
        self.format = format

    def talk(self, lines: Sequence[object]) -> Talk:
        """What people type is what they say, as it stands."""
        return Talk(None, lines)

    def read(self, line: str, expected: Expected = Expected.TALK) -> Parsed:
        """A line as a person types it; raises `BadInput` where it is talk or a command, and nobody knows which."""
        request = Request(line)
        if expected is Expected.TALK:
            return interpret(request)
        if expected is Expected.SECRET:
            return interpret(request) if vocabulary.named(line) == "cancel" else Secret(line, Request(""))
        if expected is Expected.PASSWORD:
            parsed = interpret(request)
            return parsed if isinstance(parsed, Invoke) else Secret(line, Request(""))
        if expected is Expected.DRAFT:
            return interpret(request) if vocabulary.named(line) in ("end", "cancel") else Say(line, request)
        if resume_codes.may_hold_one(line) and (code := vocabulary.code_in(line)):
            word = "resume" if vocabulary.named(line) == "resume" else ""
            return Invoke("resume", word, code, request)
        parsed = interpret(Request(vocabulary.for_nickname(line)))
        return parsed if isinstance(parsed, Invoke) else Say(line, request)

    def answer(self, answer: Answer) -> bytes:
        """What the service says to one person."""
        return _encode(self._ANSWERS[type(answer)](self, answer))

    def pages(self, history: History) -> Iterator[bytes]:
        """The same of a long answer, in pages."""
        page: list[str] = []
        size = 0
        for line in self.history(history):
            page.append(line)
            size += len(line)
            if len(page) == limits.HISTORY_AT_ONCE or size >= limits.HISTORY_BYTES_AT_ONCE:
                yield _encode(page)
                page, size = [], 0
        yield _encode(page)

    def _greeting(self, greeting: Greeting) -> Iterator[str]:
        yield from self._say(prose.greeting(greeting))
        for line in greeting.motd:
            yield from wrapped("-> ", line)
        if not greeting.accounts_only:
            yield from self._say(prose.NICKNAME_WANTED)

    def _password_first(self, first: PasswordFirst) -> Iterator[str]:
        yield from self._say(prose.outside(first.server))

    def _welcome(self, welcome: Welcome) -> Iterator[str]:
        if welcome.history is not None:
            yield from self.history(welcome.history)
        for sentence in prose.welcome(welcome):
            yield from self._say(sentence)

    def _reply(self, reply: Reply) -> Iterator[str]:
        for sentence in prose.sentences(reply.facts):
            yield from self._say(sentence)

    def _stored(self, stored: Stored) -> Iterator[str]:
        if (fact := stored.private) is not None:
            yield from _block(f"{self.format.between(True, fact.author.nick, fact.to)} ", "", fact.text)
        if stored.reply is not None:
            yield from self._reply(stored.reply)

    def _problem(self, problem: Problem) -> Iterator[str]:
        words = f"{problem.code}: {self._words(problem.sentence)}"
        if (offer := prose.proposal(problem)) is not None:
            words = f"{words} {self._words(offer)}"
        yield from wrapped("! ", words)

    def history(self, history: History) -> Iterator[str]:
        """What people said earlier, in its frame, line by line."""
        if not history.entries:
            if history.total is not None:
                yield from self._say(phrases.NOTHING_FOUND)
            return
        title = prose.title(history.asked, history.room, len(history.entries), history.whole)
        yield from self._framed(self._words(title), *(entry.at for _, entry in history.entries), history.now)
        now = history.now.astimezone(self.format.zone)
        day = now.date()
        for room, entry in history.entries:
            at = entry.at.astimezone(self.format.zone)
            if at.date() != day:
                day = at.date()
                yield f"-- {self._day(at)} --"
            place = f"{room} " if history.room is None and not room.startswith("@") else ""
            yield from self._remembered(f"{at:%H:%M} {place}", entry.fact, room)
        if history.total is None:
            yield f"-- {self._now(history.now)} --"
        else:
            part = self._words(phrases.part(len(history.entries), history.total))
            yield f"-- {self._now(history.now)}, {part} --"

    def _remembered(self, time: str, fact: Fact, room: str) -> Iterator[str]:
        match fact:
            case Message(author, text):
                yield from _block(f"{time}<{author.shown or author.nick}> ", "", text)
            case Action(author, text):
                yield from _block(f"{time}* {author.shown or author.nick} ", "", text)
            case Private(author, to, _, text):
                mine = room == "@" + to
                yield from _block(f"{time}{self.format.between(mine, author.nick, to)} ", "", text)

    def since(self, since: Since) -> Iterator[str]:
        """Above what was missed."""
        zone = self.format.zone
        at, today = since.at.astimezone(zone), since.now.astimezone(zone).date()
        time = f"{at:%H:%M}" if at.date() == today else f"{self._day(at)} {at:%H:%M}"
        yield from self._framed(self._words(prose.since(time)), since.at, since.now)

    def up_to_now(self, end: UpToNow) -> Iterator[str]:
        """Below it."""
        yield f"-- {self._now(end.now)} --"

    def _framed(self, title: str, *times: datetime) -> Iterator[str]:
        """The head of a frame; some times were of summer, perhaps."""
        zones = tuple(dict.fromkeys(time.astimezone(self.format.zone).tzname() or "" for time in times))
        head = self._words(prose.frame(visible(title), zones))
        yield from wrapped("-- ", f"{head} --")

    def _now(self, now: datetime) -> str:
        now = now.astimezone(self.format.zone)
        return self._words(phrases.now(self._day(now), f"{now:%H:%M}"))

    def _missed(self, missed: Missed) -> Iterator[str]:
        yield f"-- {self._words(phrases.gone(missed.room, missed.gone))} --"

    def _notice(self, notice: Notice) -> Iterator[str]:
        if (told := prose.notice(notice)) is not None:
            yield from self._say(told)

    def _say(self, sentence: Sentence) -> list[str]:
        return wrapped("-> ", self._words(sentence))

    def _words(self, sentence: Sentence) -> str:
        return self.format.words(sentence)

    def _day(self, at: datetime) -> str:
        return f"{self._words(phrases.weekday(at))} {at:%Y-%m-%d}"

    _ANSWERS: Mapping[type, Callable[..., Iterator[str]]] = {
        Greeting: _greeting,
        PasswordFirst: _password_first,
        Welcome: _welcome,
        Reply: _reply,
        Stored: _stored,
        Problem: _problem,
        History: history,
        Missed: _missed,
        Since: since,
        UpToNow: up_to_now,
        CurrentNotice: _notice,
        AwayNotice: _notice,
        IgnoreNotice: _notice,
        WaitingNotice: _notice,
        ReadNotice: _notice,
        RoomNotice: _notice,
        OthersAccount: _notice,
        OthersAway: _notice,
        OthersName: _notice,
        OthersTags: _notice,
        Watched: _notice,
    }


def wrapped(mark: str, words: str) -> list[str]:
    """Words behind a mark, in lines that fit; those after the first are indented, so that none begins with a mark."""
    return wrap(visible(words), COLUMNS, mark, continued(mark))


def _block(first: str, room: str, text: str) -> Iterator[str]:
    """A message of one line or several."""
    head, *rest = text.split("\n")
    yield first + visible(head)
    for line in rest:
        yield f"{room}  | {visible(line)}"


def _encode(lines: Sequence[str] | Iterator[str]) -> bytes:
    return "".join([line + "\r\n" for line in lines]).encode()
