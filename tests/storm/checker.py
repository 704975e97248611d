"""What must hold after a storm, decided from what the clients remember and what the server's history shows.

Pure.  The rules, after Jepsen's way of testing queues:

1. lost: every acknowledged line is in its log, at the number that its author was told.
2. twice: no line stands in the logs more than once.
3. nowhere: nothing stands there, and nobody was shown anything, that was not said so and there.
4. order: whoever shows an entry shows the same one under the same number, and numbers only grow.
5. author: each author's lines stand in the order in which they were said.
6. gap: from the beginning of a stay to its end a client was shown everything but what it did itself, once.
7. refused: what was refused stands nowhere.  What was never answered may stand there or not (see 2).
8. devices: what one device of an account was shown, or said, all of them were, or did; its read markers (marker) only
   grow, as the clients notice themselves.
9. presence: in each room's log nobody leaves the chat who is not there, so it is told once; and whoever never came back
   has left.

On the plain wire a line may come twice, but none is missing (gap), and new ones come in order.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from tests.storm.record import PRIVATE, Event, Fault, Heard, Line, Record, Stay

Token = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known when the storm is over."""

    records: Sequence[Record]
    history: Mapping[str, Sequence[Event]]
    """What each room's history shows: all that was said in it, oldest first."""

    heard: Sequence[Heard] = ()
    talks: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    """What private history shows to each life that still could ask for it."""

    logs: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    """The rooms' whole logs, coming and going too, where they could be read."""

    several_servers: bool = False
    """They were one chat, and it was waited until nobody is held any more whose line is down."""


def check(evidence: Evidence) -> list[Fault]:
    """The promises that were broken, those that the clients noticed themselves first."""
    return list(_Check(evidence).faults())


class _Check:
    """One look at the evidence; `known` is what stands under each number of each room, told by anybody."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.records = [*evidence.records, *(heard.record for heard in evidence.heard)]
        self.lines: dict[Token, Line] = {(r.name, line.number): line for r in self.records for line in r.lines}
        self.nicks: dict[str, list[Record]] = {}
        for record in self.records:
            for nick in record.nicks:
                self.nicks.setdefault(nick, []).append(record)
        self.shown_to: dict[str, set[Token | None]] = {
            **{r.name: {event.token for event in r.private.events} for r in evidence.records},
            **{heard.record.name: {token for token, _ in heard.shown} for heard in evidence.heard},
        }
        self.known: dict[tuple[str, int], Event] = {}

    def faults(self) -> Iterator[Fault]:
        for record in self.records:
            yield from record.faults
        yield from self._contents()
        for room, events in self.evidence.history.items():
            yield from self._history(room, events)
        yield from self._answers()
        for record in self.evidence.records:
            for stay in record.stays:
                yield from self._stay(record, stay)
            yield from self._private(record)
        for heard in self.evidence.heard:
            yield from self._person(heard)
        yield from self._devices()
        for room, events in self.evidence.logs.items():
            yield from self._presence(room, events)

    # What stands where.

    def _contents(self) -> Iterator[Fault]:
        """Rules 3 and 4: everybody shows the same, and nothing but what was said."""
        rooms = {**self.evidence.history, **self.evidence.logs}
        sources = [("the server", events) for source in (self.evidence.history, rooms) for events in source.values()]
        for record in self.evidence.records:
            sources += [(record.name, stay.events) for stay in record.stays]
            sources += [(record.name, [e for e in page if e.room != PRIVATE]) for page in record.pages]
        for who, events in sources:
            yield from self._growing(who, events)
            for event in events:
                yield from self._same(who, event)
        for record in self.evidence.records:
            for event in [*record.private.events, *self.evidence.talks.get(record.name, ())]:
                yield from self._nowhere(record.name, event)

    def _growing(self, who: str, events: Sequence[Event]) -> Iterator[Fault]:
        last = 0
        for event in events:
            if event.seq <= last:
                yield Fault("order", who, f"{_place(event)} came after {last}")
            last = event.seq

    def _same(self, who: str, event: Event) -> Iterator[Fault]:
        known = self.known.setdefault((event.room, event.seq), event)
        if known is event:
            yield from self._nowhere(who, event)
        elif known != event:
            yield Fault("order", who, f"{_place(event)} is {_words(event)}, for others {_words(known)}")

    def _nowhere(self, who: str, event: Event) -> Iterator[Fault]:
        if not event.said:
            return
        token = event.token
        line = self.lines.get(token) if token else None
        if token is None or line is None or line.text != event.text:
            yield Fault("nowhere", who, f"{_place(event)}: nobody said {_words(event)}")
        elif event.room != (PRIVATE if line.room.startswith(PRIVATE) else line.room):
            yield Fault("nowhere", who, f"{_place(event)}: {_words(event)} was said in {line.room}")
        elif token[0] not in (record.name for record in self.nicks.get(event.author, ())):
            yield Fault("nowhere", who, f"{_place(event)}: {_words(event)} stands there as {event.author}'s")

    def _history(self, room: str, events: Sequence[Event]) -> Iterator[Fault]:
        """Rules 2, 5 and 7 for one room."""
        tokens = [event.token for event in events if event.token is not None]
        for token, count in Counter(tokens).items():
            if count > 1:
                yield Fault("twice", token[0], f"line {token[1]} stands {count} times in {room}")
            if (line := self.lines.get(token)) and line.outcome == "refused":
                yield Fault("refused", token[0], f"line {token[1]} was refused and stands in {room}", line.at)
        # Who has no ids cannot say again what may be lost; several servers may store it in another order.
        without_ids = {heard.record.name for heard in self.evidence.heard if self.evidence.several_servers}
        yield from self._in_order("the server", room, [token for token in tokens if token[0] not in without_ids])

    def _in_order(self, who: str, room: str, tokens: Iterable[Token]) -> Iterator[Fault]:
        last: dict[str, int] = {}
        for author, number in tokens:
            if number < last.get(author, 0):
                yield Fault("author", author, f"line {number} stands behind {last[author]} in {room} (seen by {who})")
            last[author] = number

    def _presence(self, room: str, events: Iterable[Event]) -> Iterator[Fault]:
        """Rule 9."""
        there: set[str] = set()
        for event in events:
            if event.kind == "renamed":
                come, gone = {json.loads(event.text)["to"]}, {event.author}
            else:
                who = set(json.loads(event.text).get("who", ())) if event.kind in ("joined", "left") else set()
                come, gone = (who, set()) if event.kind == "joined" else (set(), who)
            for nick in gone - there if '"quit": true' in event.text else ():
                yield Fault("presence", nick, f"leaves the chat in {_place(event)}, and is not in the room")
            there = (there - gone) | come
        if self.evidence.several_servers:
            for record in self.records:
                for nick in record.nicks & there if record.dead and not record.account else ():
                    yield Fault("presence", nick, f"never left {room}, and never came back")

    def _answers(self) -> Iterator[Fault]:
        """Rule 1: what was acknowledged is there, where it was said to be."""
        places = {event.token: event for events in self.evidence.history.values() for event in events}
        for record in self.records:
            for line in record.lines:
                if line.outcome == "acknowledged" and line.room.startswith("#"):
                    event = places.get((record.name, line.number))
                    if event is None:
                        text = f"line {line.number} was acknowledged, {line.room} has it not"
                        yield Fault("lost", record.name, text, line.at)
                    elif event.seq != line.seq:
                        yield Fault(
                            "lost", record.name, f"line {line.number} is {_place(event)}, not {line.seq}", line.at
                        )

    # What was shown.

    def _stay(self, record: Record, stay: Stay) -> Iterator[Fault]:
        """Rule 6 for a room: nothing but one's own doings is missing between the beginning and the end."""
        said = self.evidence.history.get(stay.room, ())
        settled = not (stay.over or record.dead)
        end = max((event.seq for event in said), default=0) if settled else stay.seen
        shown = {event.seq for event in stay.events}
        for event in stay.events:
            if event.token is not None and event.token[0] == record.name and not record.echoes:
                yield Fault("gap", record.name, f"was shown its own {_words(event)} in {stay.room}")
        first = stay.events[0].seq if stay.events else end
        for seq in range(stay.base + 1, end + 1):
            missing = self.known.get((stay.room, seq))
            if missing is None or seq in shown:
                continue
            if missing.author in record.nicks and not (record.echoes and missing.said):
                continue
            if missing.said or seq > first:
                yield Fault("gap", record.name, f"was never shown {_place(missing)}: {_words(missing)}")

    def _private(self, record: Record) -> Iterator[Fault]:
        """All rules for one person's own log, in which every number is theirs, said or received."""
        events = record.private.events
        received = {event.seq: event for event in events}
        sent = {line.seq: line for line in record.lines if line.room.startswith(PRIVATE) and line.seq is not None}
        unknown = sum(line.room.startswith(PRIVATE) and line.outcome == "unknown" for line in record.lines)
        yield from self._growing(record.name, events)
        tokens = [event.token for event in events if event.token is not None]
        yield from self._in_order(record.name, PRIVATE, tokens)
        for token, count in Counter(tokens).items():
            if count > 1:
                yield Fault("twice", record.name, f"was shown {token[0]}'s private line {token[1]} {count} times")
            if (line := self.lines.get(token)) and line.outcome == "refused":
                yield Fault("refused", token[0], f"private line {token[1]} was refused, {record.name} has it", line.at)
        missing = [
            seq
            for seq in range(record.private.base + 1, max([*received, *sent], default=0) + 1)
            if seq not in received and seq not in sent
        ]
        if len(missing) > unknown:
            yield Fault("gap", record.name, f"has never seen {missing[:5]} of its private log")
        for line in sent.values():
            yield from self._delivered(record, line)
        if record.name in self.evidence.talks:
            yield from self._talk(record, received, sent)

    def _delivered(self, record: Record, line: Line) -> Iterator[Fault]:
        others = self.nicks.get(line.room[1:], ())
        if not others or any(other.dead or (record.name, line.number) in self.shown_to[other.name] for other in others):
            return
        name = others[-1].name
        yield Fault(
            "lost", record.name, f"private line {line.number} was acknowledged, {name} has it not", line.at, name
        )

    def _talk(self, record: Record, received: Mapping[int, Event], sent: Mapping[int, Line]) -> Iterator[Fault]:
        """Private history shows both sides, each line once; of an account also what was before this device came."""
        talk = self.evidence.talks[record.name]
        yield from self._growing(record.name, talk)
        # What came while they logged in is behind the base, or was shown as well.
        shown = {event.seq: event for event in talk if event.seq > record.private.base or event.seq in received}
        for seq, event in received.items():
            if not event.said:
                continue
            if seq not in shown or shown.pop(seq) != event:
                yield Fault("lost", record.name, f"{_words(event)} is not number {seq} of its private history")
        for seq, line in sent.items():
            own = shown.pop(seq, None) or (received.get(seq) if record.echoes else None)
            if own is None or own.token != (record.name, line.number):
                yield Fault("lost", record.name, f"private line {line.number} is not number {seq} of its history")
        for event in shown.values():
            yield Fault("nowhere", record.name, f"its private history has {_words(event)}, which it never saw")

    def _devices(self) -> Iterator[Fault]:
        """Rule 8, from where all of them were there."""
        devices = [record for record in self.evidence.records if record.account and not record.dead]
        for one, other in combinations(devices, 2):
            if one.account != other.account:
                continue
            for mine in [*one.open, one.private]:
                yours = next((stay for stay in [*other.open, other.private] if stay.room == mine.room), None)
                if yours is None:
                    yield Fault("devices", other.name, f"is not in {mine.room}, where {one.name} is")
                    continue
                base = max(mine.base, yours.base)
                different = _view(one, mine, base) ^ _view(other, yours, base)
                for seq, token in sorted(different)[:3]:
                    text = f"line {token[1]} of {token[0]}, {mine.room} {seq}, is not on all devices"
                    yield Fault("devices", one.name, text, None, other.name)

    def _person(self, heard: Heard) -> Iterator[Fault]:
        """On the plain wire: none missing from the first line on, new ones in order, repeats allowed."""
        name = heard.record.name
        for token, words in dict(heard.shown).items():
            if token not in self.lines or self.lines[token].text.split("\n")[0] != words:
                yield Fault("nowhere", name, f"nobody said {words[:60]!r}")
        for room, start in heard.rooms.items():
            # They may have been there before they were told so: what they were shown then is repeated behind it, too.
            shown = dict.fromkeys(token for token, _ in heard.shown)
            early = {token for token, _ in heard.shown[:start]}
            said = self.evidence.history.get(room, ())
            places = {event.token: event.seq for event in said if event.token is not None}
            seqs = [places[token] for token in shown if token in places and token not in early]
            for before, after in pairwise(seqs):
                if after < before:
                    yield Fault("order", name, f"was shown {room} {after} after {before}")
            for token, seq in places.items():
                if seqs and seq > seqs[0] and token not in shown and token[0] != name and not heard.record.dead:
                    yield Fault("gap", name, f"was never shown {room} {seq}: line {token[1]} of {token[0]}")


def _view(record: Record, stay: Stay, base: int) -> set[tuple[int, Token]]:
    """What was said in a log behind a number, as one device has it: what it was shown, and its own."""
    shown = {(event.seq, event.token) for event in stay.events if event.seq > base and event.token is not None}
    own = {
        (line.seq, (record.name, line.number))
        for line in record.lines
        if line.seq is not None and line.seq > base and (PRIVATE if line.room[0] == PRIVATE else line.room) == stay.room
    }
    return shown | own


def _place(event: Event) -> str:
    return f"{event.room} {event.seq}"


def _words(event: Event) -> str:
    return f"{event.kind} {event.text[:40]!r}"
