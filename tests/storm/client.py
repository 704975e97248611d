"""A client on the JSON wire that does what a good one does, and keeps a record of it.

Every line has an id and is kept until it is answered; after a cut the client comes back with its code and with what it
has seen, and sends again, in order and under the same ids, what was not answered.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from tests.storm.proxy import reset
from tests.storm.record import PRIVATE, Event, Line, Record, Stay

LOBBY = "#lobby"
OBJECT = 8 * 1024 * 1024  # bytes of the longest object: a page of history
KEPT = 40  # lines that wait for an answer before the client says no more
PATIENCE = (1.0, 3.0)  # seconds without a sign of life after which a client gives up a connection, from and to
LETTERS = "bcdfghkmpqstvxz"
WORDS = [
    "alfa",
    "bravo",
    "Ünal",
    "größer",
    "日本",
    "שלום",
    "naïve",
    "🙂",
    "œuvre",
    "papá",
    "<b>",
    "//",
    "|",
    "'",
    "&",
    "\\",
    ";",
    "end",
]

Object = dict[str, Any]


@dataclass(slots=True)
class Company:
    """What all who talk have in common."""

    nicks: dict[str, str] = field(default_factory=dict)
    """The nicknames of those who are alive, by their names."""

    tally: Counter[str] = field(default_factory=Counter)
    watched: str = ""
    """A type of object, or of a reply its command; when any client receives one, the watch ends."""

    seen: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at that moment."""


@dataclass(slots=True)
class Op:
    """A line that waits for its answer; `room` is the one that it is about."""

    id: str
    kind: Literal["say", "join", "leave", "nick", "ask"]
    keys: Object
    room: str = ""
    said: Line | None = None
    sends: int = 0
    sent_at: float = 0.0
    answer: "asyncio.Future[Object] | None" = None


def text_of(name: str, number: int, random: Random, lines: bool = False) -> str:
    """Something to say that nobody else says."""
    many = random.choice([2, 2, 5, 5, 10, 150])
    words = " ".join(random.choices(WORDS, k=many))
    more = "\nand\n\tmore" if lines and random.random() < 0.1 else ""
    return f"({name}:{number}) {words}{more}"


class Client:
    """One life, until `run` ends: by `stop`, or by itself in the middle of things where it is mortal."""

    def __init__(self, name: str, port: int, rooms: Sequence[str], random: Random, company: Company) -> None:
        self.record = Record(name)
        self.nick = name
        self.talks = True
        self.patience = random.uniform(*PATIENCE)
        self.code: str | None = None
        self._port = port
        self._rooms = rooms
        self._random = random
        self._company = company
        self._ops: dict[str, Op] = {}
        self._lines: dict[str, Line] = {}
        self._there: set[str] = {LOBBY}
        self._ids = 0
        self._heads: dict[str, int] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._forgotten: list[asyncio.StreamWriter] = []
        self._welcome = False
        self._heard_at = 0.0
        self._stopped = False

    @property
    def settled(self) -> bool:
        """They are in and everything was answered, or it never will be."""
        return self.record.dead or (self._welcome and not self._ops)

    async def run(self) -> None:
        """Connect again and again."""
        talking = asyncio.create_task(self._talk())
        try:
            while not self._stopped:
                self._reading = asyncio.create_task(self._connection())
                await asyncio.wait([self._reading])
                with suppress(OSError, asyncio.CancelledError):
                    self._reading.result()
                # Now and then a laptop is closed.
                away = self.talks and self._random.random() < 0.05
                await asyncio.sleep(self._random.uniform(2.0, 6.0) if away else self._random.uniform(0.02, 0.3))
        finally:
            talking.cancel()
            self._company.nicks.pop(self.record.name, None)

    def stop(self) -> None:
        """It is over."""
        self._stopped = True
        self._hang_up("stopped")
        for writer in self._forgotten:
            reset(writer)

    def die(self) -> None:
        """Be gone in the middle of things, never to come back."""
        self.record.note("dies")
        self.record.dead = True
        self._company.tally["lives lost"] += 1
        self.stop()

    async def ask(self, line: str, before: int | None = None) -> Object:
        """The answer to a command."""
        op = self._op("ask", line)
        if before is not None:
            op.keys["before"] = before
        op.answer = asyncio.get_running_loop().create_future()
        self._transmit(op)
        return await op.answer

    # The connection.

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=OBJECT)
        self._writer, self._welcome, self._heard_at = writer, False, time.monotonic()
        if self.code is None:
            way_in = {"line": f"/nick {self.nick}", "id": "nick"}
        else:
            way_in = {"line": f"/resume {self.code}", "id": "resume", "seen": self.seen()}
        writer.write(b"/json\n" + json.dumps(way_in).encode() + b"\n")
        traced = len(self.record.trace)
        watching = asyncio.create_task(self._watch())
        try:
            while (line := await reader.readline()).endswith(b"\n"):
                self._heard_at = time.monotonic()
                if line.startswith(b"{"):
                    self._received(json.loads(line))
        finally:
            watching.cancel()
            if len(self.record.trace) > traced:
                self.record.note("cut")
            self._welcome = False
            if self._writer is writer:
                self._writer = None
                writer.close()

    async def _watch(self) -> None:
        """Ask a silent server for a sign of life, and leave it when none comes, or no answer for long."""
        while True:
            await asyncio.sleep(self.patience / 4)
            now = time.monotonic()
            silent = now - self._heard_at
            slow = max((now - op.sent_at for op in self._ops.values() if op.sent_at), default=0.0)
            if silent > self.patience or (self._welcome and slow > 3 * self.patience):
                self._hang_up("no patience left")
            elif silent > self.patience / 2:
                self._write({"line": "/ping"})

    def _hang_up(self, why: str) -> None:
        """Let go of a connection: by FIN, by RST, or by forgetting it for a while."""
        writer, self._writer = self._writer, None
        if writer is None or self._reading is None:
            return
        self.record.note("hangs up", why)
        self._reading.cancel()
        how = self._random.randrange(3)
        if how == 0:
            writer.close()
        elif how == 1:
            reset(writer)
        else:
            self._forgotten.append(writer)
            asyncio.get_running_loop().call_later(1.0, reset, writer)

    def _write(self, keys: Object) -> None:
        if self._writer is not None:
            self._writer.write(json.dumps(keys).encode() + b"\n")

    def _transmit(self, op: Op) -> None:
        if self._welcome:
            op.sends += 1
            op.sent_at = time.monotonic()
            self.record.note("sends", op.keys)
            self._write({**op.keys, "id": self.id_for(op)})

    def seen(self) -> dict[str, int]:
        """What it has seen of each log that it reads."""
        return {stay.room: stay.seen for stay in [self.record.private, *self.record.open]}

    def id_for(self, op: Op) -> str:
        """The id that a line is sent under: always the same."""
        return op.id

    def id_of(self, what: Object) -> str:
        """Which line an answer is for."""
        return str(what.get("id", ""))

    # What the server says.

    def _received(self, what: Object) -> None:
        if what.get("command", what["type"]) == self._company.watched:
            self._company.seen.set()
        handle = getattr(self, f"_on_{what['type']}", None)
        if handle is not None:
            handle(what)
        elif what["type"] in ("message", "action", "joined", "left", "renamed", "topic"):
            self._on_event(event_of(what))
        elif what["type"] == "hello":
            self.record.note("connected", self.seen())

    def _on_welcome(self, what: Object) -> None:
        record = self.record
        record.note("welcome", what)
        if self.code not in (None, what["resume"]):
            record.fault("resume", "its code was changed by using it")
        back = self.code is not None
        self._company.tally["resumes"] += back
        self.code, self.nick = what["resume"], what["nick"]
        record.nicks.add(self.nick)
        self._company.nicks[record.name] = self.nick
        self._heads = {room: state["head"] for room, state in what["rooms"].items()}
        for stay in record.open:
            if stay.room not in what["rooms"]:
                stay.over = True
                if not self._waits_for("leave", stay.room):
                    record.fault("resume", f"it is not in {stay.room} any more")
        for room, head in self._heads.items():
            if record.stay(room) is None:
                if back and room != LOBBY and not self._waits_for("join", room):
                    record.fault("resume", f"it is in {room} again, which it had left")
                record.stays.append(Stay(room, head))
        for room in self._rooms:
            self._join(room)
        self._rooms = ()
        self._welcome = True
        for op in list(self._ops.values()):
            self._transmit(op)

    def _waits_for(self, kind: str, room: str) -> bool:
        return any(op.kind == kind and op.room == room for op in self._ops.values())

    def _on_event(self, event: Event) -> None:
        self.record.note("shown", event)
        self._company.tally["deliveries"] += 1
        stay = self.record.private if event.room == PRIVATE else self.record.stay(event.room)
        if stay is None:
            self.record.fault("nowhere", f"was shown {event.room} {event.seq}, where it is not")
            return
        if stay.events and event.seq <= stay.seen:
            self.record.fault("gap", f"was shown {event.room} {event.seq} after {stay.seen}")
        stay.events.append(event)

    def _on_history(self, what: Object) -> None:
        events = [event_of(each) for each in what["events"]]
        self.record.pages.append(events)
        op = self._ops.get(self.id_of(what))
        self.record.note("history", f"{what['room']}, {len(events)} events")
        if op is not None and op.kind == "ask":
            self._answered(op, what)
            return
        stay = self.record.stay(what["room"])
        if stay is None:
            stay = Stay(what["room"], 0)
            self.record.stays.append(stay)
        if not stay.events:
            stay.base = events[-1].seq if events else 0

    def _on_missed(self, what: Object) -> None:
        self.record.fault("gap", f"{what['count']} events of {what['room']} are said to be gone")

    def _on_ack(self, what: Object) -> None:
        self.record.note("ack", what)
        op, line = self._ops.get(self.id_of(what)), self._lines[self.id_of(what)]
        if line.outcome == "refused" or line.seq not in (None, what["seq"]):
            self.record.fault("lost", f"line {line.number} was {line.outcome} at {line.seq}, now {what['seq']}")
        line.outcome, line.seq = "acknowledged", what["seq"]
        line.acknowledged += 1
        self._company.tally["acknowledged"] += 1
        if op is not None:
            if op.sends > 1:
                self._company.tally["acknowledged after sending again"] += 1
                # Its number was given before this connection began.
                self._company.tally["of these stored before"] += line.seq <= self._heads.get(line.room, 0)
            self._answered(op, what)

    def _on_reply(self, what: Object) -> None:
        op = self._ops.get(self.id_of(what))
        if op is not None:
            self.record.note("reply", what)
            if op.kind == "nick":
                self.nick = self._company.nicks[self.record.name] = what["nick"]
            self._ended(op)
            self._answered(op, what)

    def _ended(self, op: Op) -> None:
        stay = self.record.stay(op.room)
        if op.kind == "leave" and stay is not None:
            stay.over = True

    def _on_error(self, what: Object) -> None:
        self.record.note("error", what)
        code, id = what["code"], self.id_of(what)
        op = self._ops.get(id)
        if id == "nick":
            self.nick = f"{self.record.name}-{self._letters()}"
            self._write({"line": f"/nick {self.nick}", "id": "nick"})
        elif id == "resume":
            self._company.tally[f"resume refused, {code}"] += 1
            if code != "slow-down":
                self.record.fault("resume", f"it could not resume: {code}")
                self.die()
            else:
                self._hang_up(code)
        elif op is not None:
            self._refused(op, code)
            self._answered(op, what)
        elif code == "internal":
            self.record.fault("refused", "an error in the server")

    def _refused(self, op: Op, code: str) -> None:
        if op.said is not None:
            op.said.outcome = "refused"
            self._company.tally[f"refused, {code}"] += 1
        elif op.kind == "leave" and code == "not-in-room":
            self._ended(op)
            return
        if code not in _EXPECTED:
            self.record.fault("refused", f"{op.keys['line'][:40]!r} was refused: {code}")

    def _answered(self, op: Op, what: Object) -> None:
        del self._ops[op.id]
        if op.answer is not None and not op.answer.done():
            op.answer.set_result(what)

    # What we say.

    async def _talk(self) -> None:
        while self.talks:
            await asyncio.sleep(self._random.expovariate(2))
            if self.code is None or len(self._ops) >= KEPT or not self.talks:
                continue
            dice = self._random.random()
            if dice < 0.1:
                self._wander()
            elif dice < 0.12:
                nick = f"{self.record.name}-{self._letters()}"
                self.record.nicks.add(nick)
                self._transmit(self._op("nick", f"/nick {nick}"))
            else:
                for _ in range(self._random.choice([1, 1, 1, 2, 4, 12])):
                    self._say_something()

    def _letters(self) -> str:
        return "".join(self._random.choices(LETTERS, k=3))

    def _wander(self) -> None:
        """Leave a room, and often say something first, which is on its way then; go back later, or at once."""
        room = self._random.choice(sorted(self._there - {LOBBY}) or [""])
        if room:
            for _ in range(self._random.choice([0, 1, 2])):
                self.say(room)
            self._there.discard(room)
            self._transmit(self._op("leave", f"/leave {room}", room))
            asyncio.get_running_loop().call_later(self._random.uniform(0, 2), self._return, room)

    def _return(self, room: str) -> None:
        if self.talks and not self._stopped:
            self._join(room)

    def _join(self, room: str) -> None:
        self._there.add(room)
        self._transmit(self._op("join", f"/join {room}", room))

    def _say_something(self) -> None:
        others = [nick for name, nick in self._company.nicks.items() if name != self.record.name]
        if others and self._random.random() < 0.15:
            self.say(PRIVATE + self._random.choice(others))
        else:
            self.say(self._random.choice(sorted(self._there)))

    def say(self, where: str) -> Line:
        """Say something in a room, or (@ and a nickname) to one person."""
        number = len(self.record.lines) + 1
        how = self._random.randrange(4)
        text = text_of(self.record.name, number, self._random, lines=where[0] == "#" and how < 2)
        line = self.record.say(where, text)
        if where[0] == PRIVATE:
            keys = {"line": f"/msg {where[1:]} {text}"}
        elif how == 2:
            keys = {"line": f"/me {text}", "room": where}
        elif how == 3:
            keys = {"line": f"/msg {where} {text}"}
        else:
            keys = {"line": text, "room": where}
        op = self._op("say", keys["line"], where)
        op.keys, op.said = keys, line
        self._lines[op.id] = line
        self._company.tally["lines"] += 1
        self._transmit(op)
        return line

    def _op(self, kind: Literal["say", "join", "leave", "nick", "ask"], line: str, room: str = "") -> Op:
        self._ids += 1
        op = Op(f"c{self._ids}", kind, {"line": line}, room)
        self._ops[op.id] = op
        return op


_EXPECTED = {"not-here", "not-in-room", "nick-taken"}
"""Errors that a line may meet: whoever it was for went or was renamed, or it was sent again after one had left."""


def event_of(what: Object) -> Event:
    """An object as an event; what is in the way of comparing is left out."""
    said = what["type"] in ("message", "action")
    rest = {key: what[key] for key in sorted(what.keys() - {"type", "room", "seq", "at", "from"})}
    text = what["text"] if said else json.dumps(rest)
    room = PRIVATE if what["room"].startswith(PRIVATE) else what["room"]
    return Event(room, what["seq"], what["type"], what["from"], text)
