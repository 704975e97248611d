"""Which keys of ssh log somebody in: who proves one is the person of its account.

Each is a record of its own, by its fingerprint.  A key that is nobody's is a guest's way back for a day: its code.
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime

from chat.base.named_tuples import NamedTuple
from chat.base.public_keys import PublicKey
from chat.core.ports import Record
from chat.core.turn import Turn

_KIND = "key"


class Key(NamedTuple):
    """A key of an account, by the id of its person: since when it is, and when somebody came in by it last."""

    public: PublicKey
    person: str
    made_at: datetime
    used_at: datetime | None

    @property
    def record(self) -> Record:
        """By which it is kept."""
        used = None if self.used_at is None else self.used_at.isoformat()
        parts = {"kind": self.public.kind, "person": self.person, "made": self.made_at.isoformat(), "used": used}
        return Record(_KIND, self.public.fingerprint, json.dumps(parts))


def _read(fingerprint: str, value: str) -> Key | None:
    """The key of a record; None for one that is not as it was written."""
    try:
        parts = json.loads(value)
        kind, person, used = parts["kind"], parts["person"], parts["used"]
        made_at, used_at = (None if date is None else datetime.fromisoformat(date) for date in (parts["made"], used))
    except (ValueError, KeyError, TypeError):
        return None
    if not (isinstance(kind, str) and isinstance(person, str)) or made_at is None:
        return None
    if any(date is not None and date.tzinfo is None for date in (made_at, used_at)):
        return None
    return Key(PublicKey(kind, fingerprint), person, made_at, used_at)


class Keys:
    """All that are good, by their fingerprints."""

    def __init__(self, turn: Turn, now: Callable[[], datetime], records: Iterable[Record]) -> None:
        self._turn = turn
        self._now = now
        self._keys: dict[str, Key] = {}
        for record in records:
            self.stored(record)

    def stored(self, record: Record) -> Key | None:
        """One was added, used or ended, before this server was started or on another node; returns the one that is good
        no more."""
        if record.kind != _KIND:
            return None
        before = self._keys.pop(record.key, None)
        if record.value is None or (key := _read(record.key, record.value)) is None:
            return before
        self._keys[record.key] = key
        return None

    def find(self, fingerprint: str) -> Key | None:
        """The one of this fingerprint."""
        return self._keys.get(fingerprint)

    def of(self, person: str) -> list[Key]:
        """Those of somebody, by their id, the oldest first."""
        return sorted((key for key in self._keys.values() if key.person == person), key=lambda key: key.made_at)

    async def add(self, public: PublicKey, person: str) -> bool:
        """It is theirs from now on, once that is stored; False where it became somebody's meanwhile.

        Raises `NotStored`.
        """
        found = self._keys.get(public.fingerprint)
        before = Record(_KIND, public.fingerprint, None) if found is None else found.record
        self._keys[public.fingerprint] = key = Key(public, person, self._now(), None)
        is_first = False
        try:
            is_first = await self._turn.exchange(before, key.record.value)
        finally:
            if not is_first and self._keys.get(public.fingerprint) == key:
                self.stored(before)
        return is_first

    def used(self, key: Key) -> None:
        """Somebody came in by it, which brings none back that was ended on another node."""
        self._keys[key.public.fingerprint] = used = key._replace(used_at=self._now())
        self._turn.exchange_with(key.record, used.record.value)

    def end(self, keys: Iterable[Key]) -> None:
        """These are good no more."""
        for key in keys:
            if self._keys.pop(key.public.fingerprint, None) is not None:
                self._turn.append_with(key.record._replace(value=None))
