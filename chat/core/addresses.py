"""By which addresses people come to the nodes of a chat: each tells its own, and they are told to programs and pages.

A record holds those of a node, with when it told them.  It tells them again each day, and what was not told for long is
no node's any more: by then the name may be somebody else's.  One that has died stays for that long, for pages that were
loaded from it come to the others.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from twisted.internet.interfaces import IReactorTime

from chat.base import limits
from chat.base.addresses import normal
from chat.core.ports import Record
from chat.core.turn import Turn

_KIND = "address"


class Addresses:
    """Those of all nodes, by their names; there are none where a server is a chat alone."""

    def __init__(self, turn: Turn, clock: IReactorTime, now: Callable[[], datetime]) -> None:
        self._turn = turn
        self._clock = clock
        self._now = now
        self._of: dict[str, tuple[datetime, Sequence[str]]] = {}
        self._node = ""

    @property
    def all(self) -> Sequence[str]:
        """This node's first."""
        since = self._now() - timedelta(seconds=limits.ADDRESSES_SECONDS)
        nodes = sorted(self._of, key=lambda node: (node != self._node, node))
        found = [address for node in nodes if self._of[node][0] > since for address in self._of[node][1]]
        return list(dict.fromkeys(found))

    def stored(self, record: Record) -> None:
        """A node told its own, or has none any more."""
        if record.kind != _KIND:
            return
        self._of.pop(record.key, None)
        try:
            keys = json.loads(record.value or "")
            found = [address for address in map(normal, keys["addresses"]) if address is not None]
            self._of[record.key] = datetime.fromisoformat(keys["at"]), found
        except (ValueError, TypeError, KeyError):
            pass  # there are none, or another version wrote them otherwise

    def tell(self, node: str, addresses: Sequence[str]) -> None:
        """This node has these, now and as long as it runs."""
        self._node = node
        if not addresses and node not in self._of:
            return
        told = json.dumps({"at": self._now().isoformat(), "addresses": list(addresses)}) if addresses else None
        record = Record(_KIND, node, told)
        self.stored(record)
        self._turn.append_with(record)
        if addresses:
            self._clock.callLater(limits.ADDRESSES_TOLD_SECONDS, self.tell, node, addresses)
