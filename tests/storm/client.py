"""A client on the JSON wire that does what a good one does, and keeps a record of it.

Every line has an id and is kept until it is answered; after a cut the client comes back with its code and with what it
has seen, and sends again, in order and under the same ids, what was not answered.
"""

import asyncio
import time
from collections.abc import Sequence
from random import Random

from tests.storm.company import Company, Kind, Op
from tests.storm.link import Link, Object, Wire
from tests.storm.proxy import Place
from tests.storm.record import PRIVATE, Event, Line, Record, Stay, event_of
from tests.storm.words import LETTERS, text_of

LOBBY = "#lobby"
KEPT = 40  # lines that wait for an answer before the client says no more


class Client:
    """One life, until `run` ends: by `stop`, or by itself in the middle of things where it is mortal."""

    def __init__(
        self,
        name: str,
        places: Sequence[Place],
        rooms: Sequence[str],
        random: Random,
        company: Company,
        wire: Wire = "json",
    ) -> None:
        self.record = Record(name, echoes=wire == "web")
        self.nick = name
        self.talks = True
        self.code: str | None = None
        self._rooms = rooms
        self._random = random
        self._company = company
        self._ops: dict[str, Op] = {}
        self._lines: dict[str, Line] = {}
        self._there: set[str] = {LOBBY}
        self._ids = 0
        self._heads: dict[str, int] = {}
        self._link = Link(self, places, random, wire)
        self._greeted = self._welcome = False

    @property
    def settled(self) -> bool:
        """They are in and everything was answered, or it never will be."""
        return self.record.dead or (self._welcome and not self._ops)

    async def run(self) -> None:
        """Be there, until it is over."""
        talking = asyncio.create_task(self._talk())
        try:
            await self._link.run()
        finally:
            talking.cancel()
            self._company.nicks.pop(self.record.name, None)

    def stop(self) -> None:
        """It is over."""
        self.talks = False
        self._link.stop()

    def be_patient(self) -> None:
        """Say no more, and wait for what still is to come."""
        self.talks = self._link.sleepy = False
        self._link.patience = 10.0

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

    # The link's owner.

    def way_in(self) -> Object:
        """The first object on a new connection."""
        if self.code is None:
            return {"line": f"/nick {self.nick}", "id": "nick"}
        return {"line": f"/resume {self.code}", "id": "resume", "seen": self.seen()}

    def received(self, what: Object) -> None:
        """The server said something."""
        if what.get("command", what["type"]) == self._company.watched:
            self._company.seen.set()
        handle = getattr(self, f"_on_{what['type']}", None)
        if handle is not None:
            handle(what)
        elif what["type"] in ("message", "action", "joined", "left", "renamed", "topic", "not-delivered"):
            self._on_event(event_of(what))

    def lost(self) -> None:
        """The connection is gone."""
        if self._greeted:
            self.record.note("cut")
        self._greeted = self._welcome = False

    @property
    def waiting_since(self) -> float:
        """When the oldest line was sent that waits for an answer; now if none does."""
        now = time.monotonic()
        return min((op.sent_at for op in self._ops.values() if self._welcome), default=now)

    def _transmit(self, op: Op) -> None:
        if self._welcome:
            op.sends += 1
            op.sent_at = time.monotonic()
            self.record.note("sends", op.keys)
            self._link.write({**op.keys, "id": self.id_for(op)})

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

    def _on_hello(self, what: Object) -> None:
        self._greeted = True
        self.record.note("connected", f"to {what['server']}, having seen {self.seen()}")

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
            stay = record.stay(room)
            if stay is not None and head > stay.seen and self._waits_for("leave", room):
                # It left and came again, and heard of neither: what was said meanwhile is not owed to it.
                stay.over = True
                record.stays.append(Stay(room, head))
            elif stay is None:
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
        if stay is None and self._waits_for("join", event.room):
            # It came in by the copy of its line that it sent to another node, and was not told.
            stay = Stay(event.room, event.seq - 1)
            self.record.stays.append(stay)
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
        op, line = self._ops.get(self.id_of(what)), self._lines.get(self.id_of(what))
        if line is None:
            if "seq" in what:
                self.record.fault("nowhere", f"{what} acknowledges what it never said")
            return
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
        if op is not None and op.said is None:  # of what is said the ack is still to come
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
        if id in ("nick", "resume") and code in ("slow-down", "not-stored"):
            self._company.tally[f"{id} refused, {code}"] += 1
            self._link.hang_up()
        elif id == "nick":
            self.nick = f"{self.record.name}-{self._letters()}"
            self._link.write({"line": f"/nick {self.nick}", "id": "nick"})
        elif id == "resume":
            self._company.tally[f"resume refused, {code}"] += 1
            self.record.fault("resume", f"it could not resume: {code}")
            self.die()
        elif op is not None and code == "nothing-said":
            pass  # the connection ends: by the next one it is said again
        elif op is not None:
            self._refused(op, code)
            self._answered(op, what)
        elif code == "internal":
            self.record.fault("refused", "an error in the server")

    def _refused(self, op: Op, code: str) -> None:
        if op.said is not None:
            op.said.outcome = "refused"
            self._company.tally[f"refused, {code}"] += 1
        if code != "not-stored":
            self._ended(op)
        if code not in self._company.expected:
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
                self._rename()
            else:
                for _ in range(self._random.choice([1, 1, 1, 2, 4, 12])):
                    self._say_something()

    def _rename(self) -> None:
        nick = f"{self.record.name}-{self._letters()}"
        self.record.nicks.add(nick)
        self._transmit(self._op("nick", f"/nick {nick}"))

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
        if self.talks:
            self._join(room)

    def _join(self, room: str) -> None:
        self._there.add(room)
        self._transmit(self._op("join", f"/join {room}", room))

    def _say_something(self) -> None:
        others = [nick for nick in self._company.nicks.values() if nick != self.nick]
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

    def _op(self, kind: Kind, line: str, room: str = "") -> Op:
        self._ids += 1
        op = Op(f"c{self._ids}", kind, {"line": line}, room)
        self._ops[op.id] = op
        return op
