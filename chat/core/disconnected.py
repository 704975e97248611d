"""People or sessions without a connection that may come back, in the order of their going.

So many are kept from one address and in all; where it is too many, the earliest goes of that address, or of the network
with the most of them: nobody's place is lost to others who come and go.  They cost no connection, so without this
anybody could fill the memory, and the names, with people who are not there.
"""

import ipaddress
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar


class Holdable(Protocol):
    """What is needed of whoever is kept."""

    id: str

    @property
    def host(self) -> str:
        """The address for which they count, as it is when they go."""


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


def _places(host: str) -> Sequence[str]:
    """For which it counts, each once."""
    wider = network(host)
    return (host,) if wider == host else (host, wider)


class Disconnected(Generic[P]):
    """Those who are kept, by their ids."""

    def __init__(self, most: int, most_per_host: int) -> None:
        self._most = most
        self._most_per_host = most_per_host
        self._kept: OrderedDict[str, P] = OrderedDict()
        self._host_of: dict[str, str] = {}
        self._from: defaultdict[str, dict[str, P]] = defaultdict(dict)
        """By the addresses and the networks from which they came."""

    def __contains__(self, id: str) -> bool:
        return id in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[P]:
        return iter(self._kept.values())

    def first(self) -> P | None:
        """Whoever is kept longest."""
        return _first(self._kept) if self._kept else None

    def add(self, who: P) -> list[P]:
        """Keep somebody, who is not kept yet; returns those who have to go for it, who are kept no more."""
        host = self._host_of[who.id] = who.host
        self._kept[who.id] = who
        for place in _places(host):
            self._from[place][who.id] = who
        gone = []
        if len(self._from[host]) > self._most_per_host:
            gone.append(_first(self._from[host]))
        elif len(self._kept) > self._most:
            gone.append(_first(max(self._from.values(), key=len)))
        for other in gone:
            self.drop(other)
        return gone

    def drop(self, who: P) -> None:
        """Keep somebody no more, if they are kept."""
        if self._kept.pop(who.id, None) is None:
            return
        host = self._host_of.pop(who.id)
        for place in _places(host):
            del self._from[place][who.id]
            if not self._from[place]:
                del self._from[place]


def _first(kept: dict[str, P]) -> P:
    return next(iter(kept.values()))
