"""Wrong guesses, of which each node tells the others: whoever guesses on ten of them has no more tries than on one.

They are told by a record that is kept nowhere (it takes away what is not there), as often as nodes say that they are
there: until then one may try on each.
"""

import json
from collections import Counter
from collections.abc import Iterator

from chat.core.ports import Record

GUESSED = "guessed"
"""The kind of that record."""


class WrongGuesses:
    """Those of this node that it has not told of yet."""

    def __init__(self) -> None:
        self._untold: Counter[tuple[str, str]] = Counter()

    def note(self, host: str, person: str) -> None:
        """One more from this address: at the password of somebody, by their id, or at a code (\"\")."""
        self._untold[host, person] += 1

    def take(self, node: str) -> Record | None:
        """What tells of all there were, on this node, if there were any."""
        if not self._untold:
            return None
        counted, self._untold = self._untold, Counter()
        guesses = [[host, person, count] for (host, person), count in counted.items()]
        return Record(GUESSED, json.dumps([node, guesses]), None)


def guessed(record: Record) -> Iterator[tuple[str, str]]:
    """One by one, those that another node tells of."""
    if record.kind == GUESSED:
        _, guesses = json.loads(record.key)
        for host, person, count in guesses:
            for _ in range(count):
                yield host, person
