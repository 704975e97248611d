"""How one IRC client is spoken with: its messages are read, and what it is answered becomes numbers and messages.

What is known of it lasts as long as its connection: how far it has come in, its capabilities, the message in hand.
The answers to a message with a label are gathered, and given together (IRCv3 labeled-response).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chat.base import limits
from chat.base.errors import BadInput
from chat.base.language import Sentence, say
from chat.base.text import visible
from chat.log.events import Entry
from chat.wire import phrases, prose, replies
from chat.wire.answers import (
    Answer,
    AwayNotice,
    CurrentNotice,
    Done,
    Greeting,
    History,
    IgnoreNotice,
    Lines,
    MarkerNotice,
    Missed,
    Notice,
    OthersAccount,
    OthersAway,
    OthersName,
    OthersTags,
    PasswordFirst,
    Playback,
    Problem,
    ReadNotice,
    Reply,
    RoomNotice,
    RoomState,
    Since,
    StateOfOthers,
    Stored,
    UpToNow,
    WaitingNotice,
    Watched,
    Welcome,
)
from chat.wire.irc import isupport, messages, numerics
from chat.wire.irc.format import IrcFormat, batch_of, mask, measured, role_given
from chat.wire.plain import Plain
from chat.wire.rendering import NO_TALK, Talk
from chat.wire.requests import Expected, Parsed, Request, Secret, Verb

_ANSWERS_BATCH = "answers"

_TALK = re.compile("PRIVMSG (#[^ ,]+) :")

NOBODY = "*"
"""Who has no nickname yet, in what they are answered."""

_COMMANDS = say("Commands of the chat are sent with /quote; HELP lists them.")


@dataclass
class Gathering:
    """A message of several lines, while they come: their `command` and the `tags` of the first message of it."""

    reference: str
    target: str
    tags: Mapping[str, str]
    command: str = ""
    lines: list[str] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    """Where lines are divided, in all of it."""
    count: int = 0
    """How many messages it has so far."""
    failed: bool = False

    def add(self, text: str, goes_on: bool) -> None:
        """One more line, or more of the last one."""
        self.count += 1
        if not goes_on:
            self.lines.append(text)
            return
        if visible(text) == text:  # a mark that was torn from its letter is put back
            self.breaks.append(sum(len(line) + 1 for line in self.lines) - 1)
        self.lines[-1] += text

    def size(self) -> int:
        """Its bytes, so far."""
        return sum(len(line.encode()) + 1 for line in self.lines) - 1


class IrcWire:
    """The wire of a visit with an IRC client."""

    __slots__ = (
        "_earlier", "_echoed", "_gathered", "_greeting", "_label", "_missed", "_opened", "_target", "_verb",
        "account", "capabilities", "credentials", "format", "gathering", "has_account", "listing", "marker",
        "negotiating", "nick", "opening", "password", "realname", "user", "wanted", "word_given",
    )  # fmt: skip

    asks = False
    people = True
    lobby = False
    lists = limits.USERS_LISTED

    nick: str
    """As they are called, or `NOBODY`."""

    capabilities: frozenset[str]
    negotiating: bool
    """They are not to be let in before they have chosen capabilities."""

    credentials: str | None
    """What came of a name and a password, while more of it comes."""

    account: Any
    """Who they are, who have logged in and are not in yet."""

    has_account: bool

    listing: str | None
    """The sign of the room whose names are asked for, behind which no end is told; None where that is told."""

    marker: str
    """Up to when they have read the room that they come into, as it is told."""

    word_given: bool
    """They try to come into a room by a word."""

    opening: Sequence[Sequence[str]]
    """What stands between the first answers and the message of the day."""

    def __init__(self, format: IrcFormat) -> None:
        self.format = format
        self.nick = NOBODY
        self.wanted: str | None = None
        self.user: str | None = None
        self.credentials: str | None = None
        self.account: Any = None
        self.password: str | None = None
        self.realname = ""
        self.capabilities = frozenset()
        self.negotiating = self.word_given = False
        self.marker = "*"
        self.gathering: Gathering | None = None
        self.listing: str | None = None
        self.has_account = False
        self.opening = ()
        self._greeting = Greeting("chat", "", 0)
        self._verb = NOBODY
        self._target: str | None = None
        self._label: str | None = None
        self._gathered: list[str] = []
        self._echoed = self._opened = False
        self._earlier: History | None = None
        self._missed: Sequence[str] = ()

    @property
    def server(self) -> str:
        """The server's name, as one word."""
        return messages.word("-".join(self._greeting.server.split()))

    @property
    def keepalive(self) -> bytes:
        """They are asked whether they are there."""
        return f"PING :{self.server}\r\n".encode()

    # What they ask.

    def talk(self, lines: Sequence[object]) -> Talk:
        """What is said in one room, without tags, and of which no client gets more than one message."""
        head, room = "", ""
        texts: list[object] = []
        for line in lines:
            if not (type(line) is str and len(line) <= limits.IRC_SURE):
                break
            if not head:
                found = _TALK.match(line)
                if found is None:
                    break
                head, room = found[0], found[1]
            elif not line.startswith(head):
                break
            texts.append(line[len(head) :])
        if not texts:
            return NO_TALK
        self._verb, self._target = "PRIVMSG", messages.word(room)
        return Talk(room, texts)

    def read(self, line: str, expected: Expected = Expected.TALK) -> Parsed:
        """The message in a line; raises `BadInput` where there is none."""
        text, is_utf8 = _decoded(line)
        message = messages.parse(text)
        if not message.command:
            raise BadInput("usage", say("There is no command in this line."))
        if message.command == "PASS" and expected is Expected.SECRET:
            return Secret(" ".join(message.params), Request(""))
        return Verb(message.command, message.params, message.tags, is_utf8, Request(""))

    def take_up(self, verb: str, label: str | None) -> None:
        """This one is in hand, until `have_done`."""
        self._verb, self._target = messages.word(verb), None
        if label is not None and "labeled-response" in self.capabilities:
            self._label = label[: limits.ID]

    def about(self, target: str) -> None:
        """The message in hand is about this, which a refusal names."""
        self._target = messages.word(target)

    def line_id(self, token: Callable[[], str]) -> str | None:
        """The id with which what is in hand is said, where its author gets it as all others do, and it has a label.

        Behind a blank it holds the tag that it is to come with.  The label alone is no id: many clients begin anew with
        each connection, and an id means for a day that a line was said.
        """
        if self._label is None or not self.format.echoes:
            return None
        self._echoed = True
        tag = f"batch={_ANSWERS_BATCH}" if self._opened else f"label={messages.escaped(self._label)}"
        return f"{token()} {tag}"

    def open_batch(self) -> bytes:
        """What is in hand is said to several: if it has a label, its echoes come in one batch, which begins here."""
        if self._label is None or not self.format.echoes:
            return b""
        self._opened = True
        return _encode([self._batch_of_label(self._label)])

    def _batch_of_label(self, label: str) -> str:
        begin = messages.bare(self.server, "BATCH", f"+{_ANSWERS_BATCH}", "labeled-response")
        return messages.tagged([f"label={messages.escaped(label)}"]) + begin

    @property
    def labelled(self) -> bool:
        """The message in hand has a label, so all that it brings is to be waited for."""
        return self._label is not None

    def have_done(self) -> bytes:
        """All answers to what is in hand were given; returns those that were gathered."""
        label, self._label = self._label, None
        echoed, self._echoed = self._echoed, False
        gathered, self._gathered = self._gathered, []
        if label is None:
            return b""
        opened, self._opened = self._opened, False
        tag = f"label={messages.escaped(label)}"
        if not gathered and echoed and not opened:
            return b""
        if not (gathered or opened):
            return _encode([messages.tagged([tag]) + messages.bare(self.server, "ACK")])
        if len(gathered) == 1 and not opened:
            return _encode([_with_tag(tag, gathered[0])])
        begin = [] if opened else [self._batch_of_label(label)]
        end = messages.bare(self.server, "BATCH", f"-{_ANSWERS_BATCH}")
        return _encode([*begin, *map(_within_answers, gathered), end])

    # What they are answered.

    def answer(self, answer: Answer) -> bytes:
        """What the service says to one person."""
        told = list(self._ANSWERS[type(answer)](self, answer))
        by_itself = isinstance(answer, Notice | Since | UpToNow | Missed) or self._to_oneself(answer)
        if self._label is not None and not by_itself:
            self._gathered += told
            return b""
        return _encode(told)

    def pages(self, history: History) -> Iterator[bytes]:
        """The same of a long answer, in pages."""
        page: list[str] = []
        told = self._play_back(history) if isinstance(history.asked, Playback) else self._read_aloud(history, self.nick)
        for line in told:
            page.append(line)
            if len(page) == limits.HISTORY_AT_ONCE:
                yield _encode(page)
                page = []
        yield _encode(page)

    def numeric(self, number: str, *params: str) -> str:
        """An answer with a number; the last parameter may be of many words."""
        return messages.line(self.server, number, self.nick, *params)

    def notice(self, text: str) -> Iterator[str]:
        """What has no number."""
        return messages.lines(self.server, "NOTICE", self.nick, visible(text))

    def words(self, sentence: Sentence) -> str:
        """A sentence in their language; what a person wrote may stand in it."""
        return visible(self.format.language.words(sentence))

    def _tell(self, *sentences: Sentence) -> Iterator[str]:
        for sentence in sentences:
            yield from self.notice(self.words(sentence))

    def _lines(self, lines: Lines) -> Iterator[str]:
        source = mask(self.nick) if lines.by_themselves else self.server
        tags = messages.tagged(lines.tags)
        for command, *params in lines.lines:
            if lines.bare:
                yield messages.bare(source, command, *params)
            elif command.isdecimal():
                yield from messages.lines(self.server, command, self.nick, *params)
            else:
                for message in messages.lines(source, command, *params):
                    yield tags + message

    def _greet(self, greeting: Greeting) -> Iterator[str]:
        """They are greeted when they are in."""
        self._greeting = greeting
        return iter(())

    def _be_asked(self, first: PasswordFirst) -> Iterator[str]:
        """Who has to give a password is told so when they come in without it."""
        return self._greet(Greeting(first.server, first.version, 0))

    def _welcome(self, welcome: Welcome) -> Iterator[str]:
        before, self.nick = self.nick, welcome.nick
        self.has_account = welcome.account
        self.wanted = self.password = self.account = None
        if before == NOBODY:
            yield from self._first_answers()
        else:  # their client has had its welcome, and knows them as somebody else
            for room in welcome.left:
                yield messages.bare(mask(before), "PART", room)
            if before != self.nick:
                yield messages.line(mask(before), "NICK", self.nick)
        if not welcome.back:
            way = say("If the line drops: connect again with {code} as the server password (PASS).", code=welcome.code)
            yield from self._tell(way)
        for state in welcome.rooms:
            yield from self._in_room(state)
        if self.format.replays and welcome.back:
            self._missed = ["@", *(state.name for state in welcome.rooms)]

    def _first_answers(self) -> Iterator[str]:
        greeting = self._greeting
        yield self.numeric("001", self.words(prose.greeting(greeting)))
        version = f"chat-{greeting.version}"
        yield self.numeric(
            "002", self.words(say("Your host is {server}, running {version}", server=self.server, version=version))
        )
        yield self.numeric("003", self.words(_COMMANDS))
        yield messages.bare(self.server, "004", self.nick, self.server, version, *isupport.MODES)
        for row in isupport.rows(greeting.server):
            yield messages.line(self.server, "005", self.nick, *row, "are supported by this server")
        yield from self._lines(Lines([*self.opening, *self.motd()]))

    def motd(self) -> Iterator[Sequence[str]]:
        """The message of the day, and where to go: there always is one, for some clients join nothing before it."""
        yield "375", self.words(say("Message of the day of {server}", server=self.server))
        for text in self._greeting.motd:
            yield "372", f"- {visible(text)}"
        yield "372", "- " + self.words(say("Talk begins with  /join #lobby"))
        yield "376", self.words(say("End of the message of the day"))

    def _in_room(self, room: RoomState | replies.Joined) -> Iterator[str]:
        name = room.name if isinstance(room, RoomState) else room.room
        joined = messages.bare(mask(self.nick), "JOIN", name)
        if "extended-join" in self.capabilities:
            account = self.nick if self.has_account else "*"
            joined = messages.line(mask(self.nick), "JOIN", name, account, self.realname or self.nick)
        yield joined
        if "draft/read-marker" in self.capabilities and isinstance(room, replies.Joined):
            yield messages.bare(self.server, "MARKREAD", name, self.marker)
        yield from self._found(name, room)

    def _found(self, name: str, room: RoomState | replies.Joined) -> Iterator[str]:
        """What a room is about, and who is in it."""
        if room.topic:
            yield from messages.lines(self.server, "332", self.nick, name, visible(room.topic))
        if "draft/no-implicit-names" not in self.capabilities:
            sign = "@" if isinstance(room, replies.Joined) and room.private else "="
            yield from self._names(name, room.users, room.here, room.operators, room.voiced, sign)
        if not room.recorded:
            yield from messages.lines(self.server, "NOTICE", name, self.words(phrases.not_recorded(name)))

    def _names(
        self,
        room: str,
        users: Iterable[str],
        here: int,
        operators: Sequence[str],
        voiced: Sequence[str],
        sign: str = "=",
    ) -> Iterator[str]:
        shape = mask if "userhost-in-names" in self.capabilities else str
        shown = [self.rank(nick in operators, nick in voiced) + shape(nick) for nick in users]
        yield from messages.rows(self.server, "353", (self.nick, self.listing or sign, room), shown)
        if self.listing is None:
            yield self.numeric("366", room, self.words(numerics.END_OF_NAMES))
        if here > len(shown):
            more = say("{count} more are in {room} than this list has.", count=here - len(shown), room=room)
            yield from messages.lines(self.server, "NOTICE", room, self.words(more))

    def rank(self, operates: bool, voiced: bool) -> str:
        """What stands before the nickname of somebody in a room: the highest that they are, or all of it."""
        ranks = "@" * operates + "+" * voiced
        return ranks if "multi-prefix" in self.capabilities else ranks[:1]

    def _reply(self, reply: Reply) -> Iterator[str]:
        match reply.facts:
            case replies.Called(nick):
                before, self.nick = self.nick, nick
                if nick != before:
                    yield messages.line(mask(before), "NICK", nick)
            case replies.Joined() as joined:
                yield from self._in_room(joined)
                earlier, self._earlier = self._earlier, None
                if earlier is not None and earlier.room == joined.room:
                    yield from self._remember(earlier)
            case replies.Who(room, users, here):
                operators = [user.nick for user in users if user.role != "member"]
                voiced = [user.nick for user in users if user.voiced]
                yield from self._names(room, (user.nick for user in users), here, operators, voiced)
            case replies.Left(room, _, text):
                yield from messages.lines(mask(self.nick), "PART", room, visible(text))
            case replies.Topic(room, topic):
                if topic:
                    yield from messages.lines(self.server, "332", self.nick, room, visible(topic))
                else:
                    yield self.numeric("331", room, *map(self.words, prose.sentences(reply.facts)))
            case replies.NewTopic(room, topic):
                if not self.format.echoes:
                    yield from messages.lines(mask(self.nick), "TOPIC", room, visible(topic))
            case replies.Away(text):
                yield self.numeric("305" if text is None else "306", *map(self.words, prose.sentences(reply.facts)))
            case replies.IsAway(nick, text):
                away = visible(text) or self.words(next(iter(prose.sentences(reply.facts))))
                yield from messages.lines(self.server, "301", self.nick, nick, away)
            case replies.Version(version):
                told = " ".join(map(self.words, prose.sentences(reply.facts)))
                yield self.numeric("351", f"chat-{version}", self.server, told)
            case replies.PasswordKept(nick, True) if self._verb == "REGISTER":
                told = " ".join(map(self.words, prose.sentences(reply.facts)))
                yield messages.line(self.server, "REGISTER", "SUCCESS", nick, told)
            case replies.PasswordAsked():
                yield from self._tell(*prose.sentences(reply.facts), say("Answer with  /quote PASS  and it."))
            case replies.Measured(what, nick, room, _, why) if self._verb in ("MODE", "KICK"):
                yield from self._unless_echoed(measured(mask(self.nick), what, nick, room, why))
            case replies.RoleGiven(nick, role, room) if self._verb in ("MODE", "OPER"):
                yield from self._unless_echoed(role_given(mask(self.nick), nick, role != "member", room))
                if self._verb == "OPER":
                    yield self.numeric("381", *map(self.words, prose.sentences(reply.facts)))
            case replies.Privacy(room, private) if self._verb == "MODE":
                change = messages.bare(mask(self.nick), "MODE", room, "+i" if private else "-i")
                yield from self._unless_echoed([change])
            case replies.TopicLock(room, locked) if self._verb == "MODE":
                change = messages.bare(mask(self.nick), "MODE", room, "+t" if locked else "-t")
                yield from self._unless_echoed([change])
            case replies.Limit(room, most) if self._verb == "MODE":
                limited = measured(mask(self.nick), "limit" if most else "unlimit", "", room, "", most)
                yield from self._unless_echoed(limited)
            case replies.Word(room, word) if self._verb == "MODE":
                yield messages.bare(mask(self.nick), "MODE", room, "+k" if word else "-k", "*")
            case replies.TakenBack() if self._verb == "REDACT" and self.format.echoes:
                return
            case replies.Invited(nick, room):
                yield messages.bare(self.server, "341", self.nick, nick, room)
            case replies.Bye() | replies.Stopping():
                yield from messages.lines("", "ERROR", self.words(_goodbye(reply.facts)))
            case _:
                yield from self._tell(*prose.sentences(reply.facts))

    def _unless_echoed(self, messages: Iterable[str]) -> Iterable[str]:
        """What they did themselves, where they do not get it as all others do."""
        return () if self.format.echoes else messages

    def _to_oneself(self, answer: Answer) -> bool:
        """Whether this brings them what they wrote to themselves: to IRC that is another message than its echo."""
        private = answer.private if isinstance(answer, Stored) else None
        return private is not None and private.to_person == private.author.person

    def _stored(self, stored: Stored) -> Iterator[str]:
        if self._to_oneself(stored) and stored.private is not None:
            place = stored.place
            yield from self.format.remembered(place.name, Entry(place.seq, place.at, stored.private), "")
        if stored.reply is not None:
            yield from self._reply(stored.reply)

    def _problem(self, problem: Problem) -> Iterator[str]:
        words = self.words(problem.sentence)
        if problem.proposal is not None:
            words = self.words(say("{sentence} {nick} is free.", sentence=words, nick=problem.proposal))
        special = numerics.OF_TALK if self._talks else numerics.OF_VERBS.get(self._verb, {})
        if problem.code in numerics.LAST_WORDS and problem.code not in special:
            if problem.code == "banned":
                yield self.numeric("465", words)
            yield from messages.lines("", "ERROR", f"{problem.code}: {words}")
            return
        refusal = special.get(problem.code) or numerics.REFUSALS.get(problem.code)
        if problem.code == "locked" and self._verb == "JOIN" and self.word_given:
            refusal = numerics.WRONG_WORD
        named = {"": (), "verb": (self._verb,), "target": () if self._target is None else (self._target,)}
        if refusal is not None and (refusal.names != "target" or self._target is not None):
            yield from messages.lines(self.server, refusal.number, self.nick, *named[refusal.names], words)
        elif "standard-replies" in self.capabilities:
            code = problem.code.upper().replace("-", "_")
            yield from messages.lines(self.server, "FAIL", self._verb, code, words)
        else:
            yield from self.notice(f"! {problem.code}: {words}")

    @property
    def _talks(self) -> bool:
        return self._verb in ("PRIVMSG", "NOTICE", "TAGMSG") and (self._target or "").startswith("#")

    # What was said earlier.

    def _history(self, history: History) -> Iterator[str]:
        if history.total is None:  # what somebody finds who comes into a room, which they are not told yet
            self._earlier = history
        else:
            yield from self._read_aloud(history, self.nick)

    def _remember(self, history: History) -> Iterator[str]:
        """What was said last in a room that they came into, unless they ask for it themselves."""
        if "draft/chathistory" in self.capabilities or not history.entries:
            return
        room = history.room or self.nick
        if not self.format.replays:
            yield from self._read_aloud(history, room)
            return
        yield messages.bare(self.server, "BATCH", "+earlier", "chathistory", room)
        for name, entry in history.entries:
            yield from self.format.remembered(name, entry, "earlier")
        yield messages.bare(self.server, "BATCH", "-earlier")

    def _play_back(self, history: History) -> Iterator[str]:
        """In a batch, which bears the label of what it answers: no batch stands in another one here."""
        tags = "" if self._label is None else messages.tagged([f"label={messages.escaped(self._label)}"])
        self._echoed = self._label is not None
        if "batch" in self.capabilities:
            yield tags + messages.bare(self.server, "BATCH", "+history", "chathistory", history.room or "*")
        for room, entry in history.entries:
            yield from self.format.remembered(room, entry, "history" if "batch" in self.capabilities else "")
        if "batch" in self.capabilities:
            yield messages.bare(self.server, "BATCH", "-history")

    def _read_aloud(self, history: History, to: str) -> Iterator[str]:
        if not history.entries:
            yield from self._tell(phrases.NOTHING_FOUND)
            return
        for words in self._spoken.history(history):
            yield from messages.lines(self.server, "NOTICE", to, words)

    @property
    def _spoken(self) -> Plain:
        """What people read of it."""
        return Plain(self.format.plain)

    def _since(self, since: Since) -> Iterator[str]:
        if self.format.replays:
            for room in self._missed:
                shown = self.nick if room == "@" else room
                yield messages.bare(self.server, "BATCH", f"+{batch_of(room)}", "chathistory", shown)
        else:
            for words in self._spoken.since(since):
                yield from self.notice(words)

    def _up_to_now(self, end: UpToNow) -> Iterator[str]:
        if self.format.replays:
            for room in self._missed:
                yield messages.bare(self.server, "BATCH", f"-{batch_of(room)}")
            self._missed = ()
        else:
            for words in self._spoken.up_to_now(end):
                yield from self.notice(words)

    def _gone(self, missed: Missed) -> Iterator[str]:
        place = missed.room if missed.room.startswith("#") else self.nick
        yield from messages.lines(self.server, "NOTICE", place, self.words(phrases.gone(missed.room, missed.gone)))

    def _room(self, notice: RoomNotice) -> Iterator[str]:
        yield from self._found(notice.state.name, notice.state)

    def _state(self, notice: Notice) -> Iterator[str]:
        told = prose.notice(notice)
        if isinstance(notice, AwayNotice) and told is not None:
            yield self.numeric("305" if notice.text is None else "306", self.words(told))
        elif told is not None and not isinstance(notice, CurrentNotice):
            yield from self._tell(told)

    def _state_of_others(self, state: StateOfOthers) -> Iterator[str]:
        if not (state.shared or "extended-monitor" in self.capabilities):
            return
        match state:
            case OthersAway(nick, None) if "away-notify" in self.capabilities:
                yield messages.bare(mask(nick), "AWAY")
            case OthersAway(nick, text) if "away-notify" in self.capabilities:
                yield from messages.lines(mask(nick), "AWAY", visible(text or "") or "-")
            case OthersAccount(nick, account) if "account-notify" in self.capabilities:
                yield messages.bare(mask(nick), "ACCOUNT", account or "*")
            case OthersName(nick, realname) if "setname" in self.capabilities:
                yield from messages.lines(mask(nick), "SETNAME", visible(realname))
            case OthersTags(nick, target, tags) if "message-tags" in self.capabilities:
                yield messages.tagged(tags) + messages.bare(mask(nick), "TAGMSG", target)

    def _marked(self, notice: MarkerNotice) -> Iterator[str]:
        if "draft/read-marker" in self.capabilities:
            yield messages.bare(self.server, "MARKREAD", notice.target, f"timestamp={notice.at}")

    def _watched(self, watched: Watched) -> Iterator[str]:
        number, shown = ("730", mask(watched.nick)) if watched.here else ("731", watched.nick)
        yield self.numeric(number, shown)

    def _nothing(self, answer: Answer) -> Iterator[str]:
        """That a line was done is told where it has a label, and by that."""
        return iter(())

    _ANSWERS: Mapping[type, Callable[..., Iterator[str]]] = {
        Greeting: _greet,
        PasswordFirst: _be_asked,
        Welcome: _welcome,
        Reply: _reply,
        Stored: _stored,
        Done: _nothing,
        Problem: _problem,
        History: _history,
        Lines: _lines,
        Missed: _gone,
        Since: _since,
        UpToNow: _up_to_now,
        CurrentNotice: _state,
        AwayNotice: _state,
        IgnoreNotice: _state,
        WaitingNotice: _state,
        ReadNotice: _state,
        MarkerNotice: _marked,
        RoomNotice: _room,
        OthersAccount: _state_of_others,
        OthersAway: _state_of_others,
        OthersName: _state_of_others,
        OthersTags: _state_of_others,
        Watched: _watched,
    }


def _goodbye(facts: replies.Bye | replies.Stopping) -> Sentence:
    if isinstance(facts, replies.Stopping):
        return next(iter(prose.sentences(facts)))
    return say("Bye.") if facts.nick is None else say("Bye {nick}.", nick=facts.nick)


def _decoded(line: str) -> tuple[str, bool]:
    """The text of a line, and whether it was UTF-8: else it is CP1252, as on every wire; see `chat.doors.irc_lines`."""
    try:
        line.encode()
    except UnicodeEncodeError:
        return line.encode("utf-8", "surrogateescape").decode("cp1252", "replace"), False
    return line, True


def _within_answers(message: str) -> str:
    """A message in the batch of the answers, unless it is in one that itself is in that."""
    tags = message[1:].partition(" ")[0].split(";") if message.startswith("@") else ()
    in_another = any(tag.startswith("batch=") for tag in tags)
    return message if in_another else _with_tag(f"batch={_ANSWERS_BATCH}", message)


def _with_tag(tag: str, message: str) -> str:
    return f"@{tag};{message[1:]}" if message.startswith("@") else f"@{tag} {message}"


def _encode(told: Iterable[str]) -> bytes:
    return "".join([message + "\r\n" for message in told]).encode("utf-8", "replace")
