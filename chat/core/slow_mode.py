"""Who has to wait where it is slow: everybody but the operators of such a room says one line in so many seconds."""

from collections import OrderedDict
from collections.abc import Sequence
from math import ceil

from twisted.internet.interfaces import IReactorTime

from chat.base import limits
from chat.base.durations import exactly
from chat.base.errors import Refused
from chat.base.language import duration, say
from chat.base.named_tuples import NamedTuple
from chat.core.measures import Measures
from chat.core.person import Person
from chat.core.posting import not_said
from chat.core.room import Room

_HAIR = 1e-3
"""What adding up may have lost: after the wait that was told one may."""


class Spoken(NamedTuple):
    """When somebody said something (in the clock's seconds), and the id of that line."""

    at: float
    id: str | None


class SlowMode:
    """When people last said something in slow rooms, of the latest so many."""

    def __init__(self, measures: Measures, clock: IReactorTime) -> None:
        self._measures = measures
        self._clock = clock
        self._spoken: OrderedDict[tuple[str, str], Spoken] = OrderedDict()
        """By the key of a room, and by the id of who spoke, or the address of who is not there."""

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._spoken)

    def take_turn(self, room: Room, person: Person | None, host: str, text: str, id: str | None = None) -> None:
        """Somebody is about to say this, or who is not there (None) from this address; raises `Refused` where they did
        so a short time ago.

        A line that is sent again with its id is the same one, and was waited for.
        """
        key = room.log.key
        measure = self._measures.of("slow", person, key)
        if measure is None:
            return
        now, who = self._clock.seconds(), self._known_as(person, host)
        for one in who:
            if (last := self._spoken.get((key, one))) is not None:
                if id is not None and id == last.id:
                    return
                if (left := ceil(last.at + measure.every - now - _HAIR)) > 0:
                    raise _waits(room, measure.every, left, text)
        self._note(key, who[0], id, now)

    def heard(self, key: str, person: str, id: str | None) -> None:
        """Somebody said something in this room on another node: they wait here as there."""
        if self._measures.of_all("slow", key) is not None:
            self._note(key, person, id, self._clock.seconds())

    def _note(self, key: str, who: str, id: str | None, now: float) -> None:
        self._spoken.pop((key, who), None)
        self._spoken[key, who] = Spoken(now, id)
        while len(self._spoken) > limits.PACES or self._is_over(*next(iter(self._spoken.items())), now):
            self._spoken.popitem(last=False)

    def _is_over(self, whose: tuple[str, str], last: Spoken, now: float) -> bool:
        """Whether that does not count any more, as slow as it is there by now."""
        measure = self._measures.of_all("slow", whose[0])
        return measure is None or last.at + measure.every <= now

    def _known_as(self, person: Person | None, host: str) -> Sequence[str]:
        """Nobody waits for less by being somebody else."""
        return (host,) if person is None else (person.id, *person.formerly)


def _waits(room: Room, every: int, left: int, text: str) -> Refused:
    slow = say(
        "{room} is slow: one line in {time}; say it in {left}.",
        room=room.log.name,
        time=exactly(every),
        left=duration(left),
    )
    told = not_said(Refused("slow-down", slow), text, None)
    return Refused("slow-down", told.sentence)
