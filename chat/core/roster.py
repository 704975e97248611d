"""The roster of a class: PINs, each of which is one nickname's, opens the locked door and gives the same place again.

The first who uses one binds it to the nickname and to themselves; only hashes are kept.  It ends with class mode, and
where its holder is sent away from the server or forgotten; who was sent out of the lobby waits at its door as others
do.
"""

import json
import secrets
from collections.abc import Callable, Iterable

from chat.base import limits, names, pins, resume_codes
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.core.person import Person
from chat.core.ports import Record
from chat.core.turn import Turn

_KIND = "pin"
"""Of its records."""


class Pin(NamedTuple):
    """One, by its hash: whose it is, while nobody's "", and whether it opens the door of the lobby."""

    digest: str
    nick: str = ""
    person: str = ""
    opens: bool = True

    @property
    def record(self) -> Record:
        """By which it is kept."""
        return Record(_KIND, self.digest, json.dumps([self.nick, self.person, self.opens]))


class Roster:
    """All PINs that are good."""

    def __init__(self, turn: Turn, records: Iterable[Record], choose: Callable[[int], int] = secrets.randbelow) -> None:
        self._turn = turn
        self._choose = choose
        self.pins: dict[str, Pin] = {}
        """By their hashes; while there are none, no line is looked at for one."""
        self._of: dict[str, str] = {}
        """Their hashes, by the ids of those whose they are."""
        for record in records:
            self.stored(record)

    def stored(self, record: Record) -> None:
        """It was so before this server was started, or is on another node."""
        if record.kind == _KIND:
            if (before := self.pins.get(record.key)) is not None:
                self._drop(before)
            if (pin := _read(record)) is not None:
                self._put(pin)

    def __len__(self) -> int:
        """How many there are; where there are none, nothing is looked for."""
        return len(self.pins)

    @property
    def nicks(self) -> list[str]:
        """The nicknames that have one."""
        return [pin.nick for pin in self.pins.values() if pin.nick]

    async def make(self, count: int) -> list[str]:
        """So many new ones, told this once; raises `Refused` where there would be too many, and `NotStored`."""
        if len(self.pins) + count > limits.PINS:
            raise Refused(
                "too-many", say("There are {count} PINs; {limit} is the limit.", count=len(self), limit=limits.PINS)
            )
        made: dict[str, Pin] = {}
        while len(made) < count:
            code = f"{self._choose(10**limits.PIN_DIGITS):0{limits.PIN_DIGITS}d}"
            if (digest := resume_codes.digest(code)) not in self.pins:
                made[code] = Pin(digest)
        await self._turn.change(*(pin.record for pin in made.values()))
        for pin in made.values():
            self._put(pin)
        return list(made)

    def find(self, nick: str, code: str) -> Pin | None:
        """The one of these digits, if it is that of this nickname, or nobody's yet."""
        pin = self.pins.get(resume_codes.digest(code))
        return pin if pin is not None and (not pin.nick or names.fold(pin.nick) == names.fold(nick)) else None

    def is_good(self, pin: Pin) -> bool:
        """Whether nothing has happened to it since it was found."""
        return self.pins.get(pin.digest) == pin

    async def bind(self, pin: Pin, nick: str, person: Person) -> Pin:
        """It is theirs from now on; raises `Refused` where somebody else was first, and `NotStored`."""
        bound = pin._replace(nick=pin.nick or nick, person=person.id)
        is_first = self.is_good(pin) and await self._turn.exchange(pin.record, bound.record.value)
        if not is_first or not self.is_good(pin):
            raise wrong()
        self.stored(bound.record)
        return bound

    def give_back(self, bound: Pin, pin: Pin) -> None:
        """Nobody came in by it after all."""
        if self.is_good(bound):
            self._change(bound, pin)

    def sent_out(self, person: Person) -> None:
        """They were sent out of the lobby: it opens the door no more."""
        if (digest := self._of.get(person.id)) is not None:
            self._change(self.pins[digest], self.pins[digest]._replace(opens=False))

    def end(self, id: str) -> None:
        """Whoever has this id was sent away from the server, or is forgotten: it is good no more."""
        if (digest := self._of.get(id)) is not None:
            self._drop(self.pins[digest])
            self._turn.append_with(Record(_KIND, digest, None))

    def end_all(self) -> None:
        """The class is over."""
        for pin in list(self.pins.values()):
            self._drop(pin)
            self._turn.append_with(Record(_KIND, pin.digest, None))

    def is_own(self, person: Person, text: str) -> bool:
        """Whether somebody is about to show their PIN to others."""
        own = self._of.get(person.id)
        return own is not None and any(resume_codes.digest(code) == own for code in pins.found_in(text))

    def _change(self, before: Pin, after: Pin) -> None:
        self._drop(before)
        self._put(after)
        self._turn.exchange_with(before.record, after.record.value)

    def _put(self, pin: Pin) -> None:
        self.pins[pin.digest] = pin
        if pin.person:
            self._of[pin.person] = pin.digest

    def _drop(self, pin: Pin) -> None:
        del self.pins[pin.digest]
        self._of.pop(pin.person, None)


def wrong() -> Refused:
    """The answer to digits that are no PIN, or another nickname's."""
    return Refused("code-wrong", say("This is nobody's PIN, or that of another nickname."))


def _read(record: Record) -> Pin | None:
    """What is kept of one; None for what is not as it was written."""
    try:
        nick, person, opens = json.loads(record.value or "")
    except (ValueError, TypeError):
        return None
    whole = isinstance(nick, str) and isinstance(person, str) and isinstance(opens, bool)
    return Pin(record.key, nick, person, opens) if whole else None
