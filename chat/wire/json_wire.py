"""The wire of programs: events as objects, one a line, and what a program is answered.

See `chat.wire.jsonl` for the objects themselves, which the client reads and writes too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from chat.base import limits
from chat.base.language import Language, Sentence
from chat.base.named_tuples import NamedTuple
from chat.base.text import visible
from chat.log.events import Entry, Fact, OtherDevice
from chat.log.log import Log
from chat.log.private_talk import partner
from chat.wire import jsonl, prose, replies
from chat.wire.answers import (
    Answer,
    AwayNotice,
    CurrentNotice,
    Done,
    Greeting,
    History,
    IgnoreNotice,
    Missed,
    OthersAccount,
    OthersAway,
    OthersName,
    OthersTags,
    PasswordFirst,
    Problem,
    ReadNotice,
    Reply,
    RoomNotice,
    RoomState,
    Since,
    Standing,
    Stored,
    UpToNow,
    WaitingNotice,
    Watched,
    Welcome,
)
from chat.wire.rendering import NO_TALK, Talk
from chat.wire.requests import Expected, Parsed, interpret


class JsonFormat:
    """Events for programs; with `echo` one's own come, too."""

    folds = False
    keeps_list = False

    def __init__(self, language: Language, echo: str = "") -> None:
        self.name = " ".join(("json", echo)) if echo else "json"
        self.echoes = bool(echo)
        self.language = language

    def without(self, piece: bytes, nick: str) -> bytes:
        """They see themselves come and go as others do, who are told of together."""
        return piece

    def event(self, log: Log, entry: Entry, named: bool, timed: bool, id: str | None = None) -> bytes:
        """One entry as the readers of this log get it."""
        keys = jsonl.event(_place(log, entry.fact), entry, self.language.words)
        return jsonl.encode(keys if id is None else jsonl.with_id(keys, id))


class JsonWire:
    """The wire of a visit of a program; sentences in it are in one language."""

    __slots__ = ("format",)

    asks = False
    people = False
    lobby = True
    keepalive = b""
    lists = limits.USERS_LISTED

    def __init__(self, format: JsonFormat) -> None:
        self.format = format

    def talk(self, lines: Sequence[object]) -> Talk:
        """Each line is read by itself."""
        return NO_TALK

    def read(self, line: str, expected: Expected = Expected.TALK) -> Parsed:
        """What an object or a plain line means, whatever is expected; raises `BadInput` where that is nothing."""
        return interpret(jsonl.decode(line))

    def answer(self, answer: Answer) -> bytes:
        """What the service says to one person."""
        return b"".join(map(jsonl.encode, self.objects(answer)))

    def objects(self, answer: Answer) -> Sequence[Mapping[str, object]]:
        """The same, before it is encoded."""
        return self._ANSWERS[type(answer)](self, answer)

    def pages(self, history: History) -> Iterator[bytes]:
        """The same of a long answer, in pages: one object, of which the list of events is made little by little."""
        (keys,) = self._history(history._replace(entries=()))
        head, tail = jsonl.encode(keys).split(b'"events":[]', 1)
        page = head + b'"events":['
        size = 0
        for index, (room, entry) in enumerate(history.entries):
            if index and (index % limits.HISTORY_AT_ONCE == 0 or size >= limits.HISTORY_BYTES_AT_ONCE):
                yield page
                page, size = b"", 0
            part = jsonl.encode(jsonl.event(room, entry))[:-1]
            size += len(part)
            page += (b"," if index else b"") + part
        yield page + b"]" + tail

    def _greeting(self, greeting: Greeting) -> Sequence[Mapping[str, object]]:
        hello = {"type": "hello", "server": greeting.server, "version": greeting.version}
        more: dict[str, object] = {"accounts_only": True} if greeting.accounts_only else {}
        if greeting.addresses:
            more["addresses"] = list(greeting.addresses)
        return [{**hello, "here": greeting.here, "motd": list(greeting.motd), **more, "acks": True}]

    def _password_first(self, first: PasswordFirst) -> Sequence[Mapping[str, object]]:
        hello = {"type": "hello", "server": first.server, "version": first.version}
        return [{**hello, "password": "wanted" if first.taken else "needs-tls", "acks": True}]

    def _welcome(self, welcome: Welcome) -> Sequence[Mapping[str, object]]:
        rooms = {room.name: _state(room) for room in welcome.rooms}
        objects: list[Mapping[str, object]] = [
            jsonl.with_id(
                {
                    "type": "welcome",
                    "nick": welcome.nick,
                    "room": welcome.room,
                    "rooms": rooms,
                    **({} if welcome.private is None else {"private": _standing(welcome.private)}),
                    "resume": welcome.code,
                    "back": welcome.back,
                },
                welcome.id,
            )
        ]
        if welcome.history is not None:
            objects += self._history(welcome.history._replace(id=welcome.id))
        return objects

    def _reply(self, reply: Reply) -> Sequence[Mapping[str, object]]:
        text = "\n".join(map(self._words, prose.sentences(reply.facts)))
        facts = self._facts(reply.facts)
        return [jsonl.with_id({"type": "reply", "command": reply.command, "text": text, **facts}, reply.id)]

    def _facts(self, facts: NamedTuple) -> dict[str, object]:
        """Each fact under its name."""
        untold = _UNTOLD.get(type(facts), ())
        return {name.rstrip("_"): self._fact(value) for name, value in facts._asdict().items() if name not in untold}

    def _fact(self, value: object) -> object:
        if isinstance(value, Sentence):
            return self._words(value)
        if isinstance(value, datetime):
            return jsonl.stamp(value)
        if isinstance(value, Sequence) and not isinstance(value, str):
            return self._facts(value) if hasattr(value, "_fields") else list(map(self._fact, value))  # type: ignore[arg-type]
        return value

    def _stored(self, stored: Stored) -> Sequence[Mapping[str, object]]:
        place, private = stored.place, stored.private
        objects = [] if stored.reply is None else [*self._reply(stored.reply)]
        if (id := stored.id) is not None:
            room = place.name if private is None else "@" + private.to
            objects.append({"type": "ack", "at": jsonl.stamp(place.at), "room": room, "seq": place.seq, "id": id})
        return objects

    def _done(self, done: Done) -> Sequence[Mapping[str, object]]:
        return [{"type": "ack", "at": jsonl.stamp(done.at), "id": done.id}]

    def _problem(self, problem: Problem) -> Sequence[Mapping[str, object]]:
        text = self._words(problem.sentence)
        keys: dict[str, object] = {"type": "error", "code": problem.code, "text": text}
        if problem.proposal is not None:
            keys["proposal"] = problem.proposal
        return [jsonl.with_id(keys, problem.id)]

    def _words(self, sentence: Sentence) -> str:
        """A sentence; what a person wrote may stand in it."""
        return visible(self.format.language.words(sentence))

    def _history(self, history: History) -> Sequence[Mapping[str, object]]:
        events = [jsonl.event(room, entry) for room, entry in history.entries]
        keys: dict[str, object] = {"type": "history", "room": history.room, "events": events, "more": history.more}
        if history.total is not None:
            keys["total"] = history.total
        return [jsonl.with_id(keys, history.id)]

    def _missed(self, missed: Missed) -> Sequence[Mapping[str, object]]:
        return [{"type": "missed", "room": missed.room, "count": missed.gone}]

    def _current(self, notice: CurrentNotice) -> Sequence[Mapping[str, object]]:
        return [{"type": "current", "room": notice.room}]

    def _away(self, notice: AwayNotice) -> Sequence[Mapping[str, object]]:
        return [{"type": "away", "text": notice.text}]

    def _ignoring(self, notice: IgnoreNotice) -> Sequence[Mapping[str, object]]:
        return [{"type": "ignoring", "who": notice.nick, "on": notice.on}]

    def _read(self, notice: ReadNotice) -> Sequence[Mapping[str, object]]:
        return [{"type": "read", "room": notice.room, "seq": notice.seq}]

    def _waiting(self, notice: WaitingNotice) -> Sequence[Mapping[str, object]]:
        return [{"type": "waiting", "room": notice.room, "who": list(notice.who)}]

    def _nothing(self, answer: Answer) -> Sequence[Mapping[str, object]]:
        """Frames are for people: a program knows by the numbers what it has missed."""
        return ()

    _ANSWERS: Mapping[type, Callable[..., Sequence[Mapping[str, object]]]] = {
        Greeting: _greeting,
        PasswordFirst: _password_first,
        Welcome: _welcome,
        Reply: _reply,
        Stored: _stored,
        Done: _done,
        Problem: _problem,
        History: _history,
        Missed: _missed,
        Since: _nothing,
        CurrentNotice: _current,
        AwayNotice: _away,
        IgnoreNotice: _ignoring,
        ReadNotice: _read,
        WaitingNotice: _waiting,
        UpToNow: _nothing,
        RoomNotice: _nothing,
        OthersAccount: _nothing,
        OthersAway: _nothing,
        OthersName: _nothing,
        OthersTags: _nothing,
        Watched: _nothing,
    }


_UNTOLD: Mapping[type, Sequence[str]] = {
    replies.NicknameDue: ("seconds",),
    replies.PasswordDue: ("seconds",),
    replies.PasswordAsked: ("shown",),
    replies.TokenMade: ("nick",),
    replies.TokenRow: ("made_for", "used_for"),
    replies.KeyRow: ("made_for", "used_for"),
    replies.OwnLine: ("ago",),
    replies.AuditRow: ("ago",),
    replies.User: ("down_for",),
    replies.Whois: ("spoke",),
    replies.Ignored: ("nick",),
    replies.Unignored: ("nick",),
    replies.Absent: ("nick",),
    replies.LineDown: ("nick",),
    replies.IsAway: ("nick",),
    replies.Slowed: ("rate",),
    replies.GuessWaits: ("seconds",),
    replies.StillWaiting: ("lines",),
    replies.Joined: ("nick", "still_heard"),
    replies.RoomRow: ("inside",),
    replies.Bye: ("nick",),
    replies.WaysIn: ("ways",),
    replies.Version: ("server",),
    replies.Stats: ("up",),
}
"""Facts that only a sentence needs, or that a program knows from elsewhere."""


def _place(log: Log, fact: Fact) -> str:
    """The room to show; private talk is shown as @ and the nickname of the other one."""
    if (other := partner(log.key, fact)) is not None:
        return "@" + other
    if isinstance(fact, OtherDevice) and fact.what != "renamed":
        return fact.name
    return log.name


def _state(room: RoomState) -> dict[str, object]:
    return {
        "head": room.head,
        "here": room.here,
        "users": list(room.users),
        "topic": room.topic,
        "recorded": room.recorded,
        **_standing(room.standing),
    }


def _standing(standing: Standing) -> dict[str, object]:
    said, mentions = (None, None) if standing.unread is None else standing.unread
    return {"read": standing.read, "unread": said, "mentions": mentions, "last": standing.last}
