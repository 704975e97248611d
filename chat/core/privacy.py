"""Of a room that is private, or was: what is kept of that, as a record, and known before the room is in memory.

Who belongs to such a room, and from where on they read it, is kept with each person (`Person.admitted`): a guest's ends
with them.
"""

import json

from chat.base.named_tuples import NamedTuple
from chat.core.ports import Record

KIND = "privacy"
"""Of its records."""


class Privacy(NamedTuple):
    """Who may come into a room, and see that it is there: everybody, or who belongs to it."""

    private: bool = False
    opened: int = 0
    """Where it was private, and is not any more: others read what was said behind this place."""
    word: str = ""
    """What `Passwords.hash` made of the word by which one comes in; "" is none."""

    def record(self, key: str) -> Record:
        """It as it is kept of the room of this key."""
        return Record(KIND, key, json.dumps(self._asdict()))


PUBLIC = Privacy()

STAFF = "#staff"
"""The room of the server's operators: what is reported to them, and what they and others do about it, stands there."""


def of_record(record: Record) -> Privacy:
    """What is kept; what cannot be read is private, for then nobody learns what is not theirs."""
    try:
        return Privacy(**json.loads(record.value or "{}"))
    except (ValueError, TypeError):
        return Privacy(private=True)
