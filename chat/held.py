"""People whose line is down, in the order of their going.

So many are kept from one address and in all; the earliest goes first.  They cost no connection, so without this
anybody could fill the memory, and the names, with people who are not there.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Holdable(Protocol):
    """What is needed of whoever is kept."""

    digest: str
    host: str


P = TypeVar("P", bound=Holdable)


class Held(Generic[P]):
    """Those who are kept, by the digest of their resume code."""

    def __init__(self, most: int, most_per_host: int) -> None:
        self._most = most
        self._most_per_host = most_per_host
        self._people: OrderedDict[str, P] = OrderedDict()
        self._hosts: Counter[str] = Counter()

    def __contains__(self, digest: str) -> bool:
        return digest in self._people

    def __iter__(self) -> Iterator[P]:
        return iter(self._people.values())

    def get(self, digest: str) -> P | None:
        """Whoever has this code."""
        return self._people.get(digest)

    def first(self) -> P | None:
        """Whoever is kept longest."""
        return next(iter(self._people.values()), None)

    def add(self, person: P) -> list[P]:
        """Keep somebody; returns those who have to go for it, who are kept no more."""
        self._people[person.digest] = person
        self._hosts[person.host] += 1
        gone = []
        if self._hosts[person.host] > self._most_per_host:
            gone.append(next(other for other in self._people.values() if other.host == person.host))
        elif len(self._people) > self._most:
            gone.append(next(iter(self._people.values())))
        for other in gone:
            self.drop(other)
        return gone

    def drop(self, person: P) -> None:
        """Keep somebody no more, if they are kept."""
        if self._people.pop(person.digest, None) is not None:
            self._hosts[person.host] -= 1
            if not self._hosts[person.host]:
                del self._hosts[person.host]
