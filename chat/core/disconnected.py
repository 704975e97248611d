"""People without a connection who may come back, in the order of their going.

So many are kept from one address and in all; where it is too many, the earliest goes of that address, or of the network
with the most of them: nobody's place is lost to others who come and go.  They cost no connection, so without this
anybody could fill the memory, and the names, with people who are not there.
"""

import ipaddress
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Holdable(Protocol):
    """What is needed of whoever is kept."""

    digest: str
    host: str


P = TypeVar("P", bound=Holdable)

_SITE = 48
"""Of IPv6: what one customer may be given, 65 536 networks that count as an address each."""


def network(host: str) -> str:
    """What an address, as limits count it, belongs to."""
    if ":" not in host:
        return host
    try:
        return str(ipaddress.ip_network(host).supernet(new_prefix=_SITE))
    except ValueError:
        return host


class Disconnected(Generic[P]):
    """Those who are kept, by the digest of their resume code."""

    def __init__(self, most: int, most_per_host: int) -> None:
        self._most = most
        self._most_per_host = most_per_host
        self._people: OrderedDict[str, P] = OrderedDict()
        self._hosts: defaultdict[str, OrderedDict[str, P]] = defaultdict(OrderedDict)
        self._networks: defaultdict[str, OrderedDict[str, P]] = defaultdict(OrderedDict)

    def __contains__(self, digest: str) -> bool:
        return digest in self._people

    def __iter__(self) -> Iterator[P]:
        return iter(self._people.values())

    def get(self, digest: str) -> P | None:
        """Whoever has this code."""
        return self._people.get(digest)

    def first(self) -> P | None:
        """Whoever is kept longest."""
        return _first(self._people) if self._people else None

    def add(self, person: P) -> list[P]:
        """Keep somebody; returns those who have to go for it, who are kept no more."""
        for people in (self._people, self._hosts[person.host], self._networks[network(person.host)]):
            people[person.digest] = person
        gone = []
        if len(self._hosts[person.host]) > self._most_per_host:
            gone.append(_first(self._hosts[person.host]))
        elif len(self._people) > self._most:
            gone.append(_first(max(self._networks.values(), key=len)))
        for other in gone:
            self.drop(other)
        return gone

    def drop(self, person: P) -> None:
        """Keep somebody no more, if they are kept."""
        if self._people.pop(person.digest, None) is None:
            return
        for kept, key in ((self._hosts, person.host), (self._networks, network(person.host))):
            del kept[key][person.digest]
            if not kept[key]:
                del kept[key]


def _first(people: OrderedDict[str, P]) -> P:
    return next(iter(people.values()))
