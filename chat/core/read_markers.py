"""Up to when people have read what was said somewhere, as their IRC clients say it (IRCv3 draft/read-marker).

It is a time, of a room or of private talk with somebody, by their folded name: there need be no such room yet.  Each
is a record: it is known again after a restart.
"""

from collections.abc import Collection, Container, Iterable

from chat.base import limits
from chat.core.ports import Record
from chat.core.turn import Turn

MARKER = "read-marker"
"""The kind of their records, whose key is the id of a person and what they have read."""


class ReadMarkers:
    """Those of everybody; times are texts, of which the later one is the greater."""

    def __init__(self, turn: Turn, records: Iterable[Record]) -> None:
        self._turn = turn
        self._of: dict[str, dict[str, str]] = {}
        """By the ids of people, then by what they have read."""
        for record in records:
            self.stored(record)

    def of(self, person: str, place: str) -> str | None:
        """Up to when this person has read there; None is not known."""
        return self._of.get(person, {}).get(place)

    def move(self, person: str, place: str, at: str) -> bool:
        """They have read up to then; returns whether that is later than what was known.  Of very many the earliest is
        forgotten."""
        markers = self._of.setdefault(person, {})
        if at <= markers.get(place, ""):
            return False
        markers[place] = at
        self._turn.append_with(Record(MARKER, f"{person} {place}", at))
        while len(markers) > limits.READ_MARKERS:
            self._end(person, min((one for one in markers if one != place), key=markers.__getitem__))
        return True

    def stored(self, record: Record) -> tuple[str, str, str] | None:
        """One was moved, or ended, on another node, or before a restart; returns who has read where, and up to when,
        where that is later than what was known."""
        if record.kind != MARKER:
            return None
        person, _, place = record.key.partition(" ")
        if record.value is not None:
            markers = self._of.setdefault(person, {})
            if record.value > markers.get(place, ""):
                markers[place] = record.value
                return person, place, record.value
        elif place in self._of.get(person, {}):
            self._drop(person, place)
        return None

    def forget(self, person: str) -> None:
        """Nobody comes back as this person."""
        for place in list(self._of.get(person, ())):
            self._end(person, place)

    def forget_places(self, places: Collection[str]) -> None:
        """There is nothing to be read there any more."""
        for person in list(self._of):
            for place in [place for place in self._of[person] if place in places]:
                self._end(person, place)

    def forget_strangers(self, *known: Container[str]) -> None:
        """After a restart: those of people who do not come back."""
        for person in list(self._of):
            if not any(person in some for some in known):
                self.forget(person)

    def _end(self, person: str, place: str) -> None:
        self._drop(person, place)
        self._turn.append_with(Record(MARKER, f"{person} {place}", None))

    def _drop(self, person: str, place: str) -> None:
        del self._of[person][place]
        if not self._of[person]:
            del self._of[person]
