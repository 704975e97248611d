"""Who may connect: how many there are in all and from each address, how often one comes, and who is banned.

What counts as one address says `chat.doors.sockets.host`.  The figures are the hub's settings, as they are now.
"""

from collections import Counter
from math import ceil

from twisted.logger import Logger

from chat.base import limits
from chat.base.errors import Refused, banned
from chat.base.language import say, say_n
from chat.base.token_bucket import Allowance
from chat.core.hub import Hub

logger = Logger()


class Admission:
    """Counts the connections that are let in."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._count = 0
        self._hosts: Counter[str] = Counter()

    def enter(self, host: str) -> None:
        """One more from this address; raises `Refused` where that is one too many."""
        arrivals, now = self._arrivals, self._hub.clock.seconds()
        if wait := self._hub.rates.wait(arrivals, host, now):
            raise Refused(
                "too-many",
                say_n(
                    "Your address connects too often. Come again in a second.",
                    "Your address connects too often. Come again in {count} seconds.",
                    ceil(wait),
                ),
            )
        self._hub.rates.take(arrivals, host, now)
        if host in self._hub.settings.bans:
            logger.info("Banned, and not let in: {host}", host=host)
            raise banned()
        self._look_for_room(host)
        self._count += 1
        self._hosts[host] += 1

    def enter_after_all(self, host: str) -> None:
        """One that was refused, and is still there; raises `Refused` where they still may not, which is no arrival."""
        if host in self._hub.settings.bans:
            raise banned()
        self._look_for_room(host)
        self.enter(host)

    def _look_for_room(self, host: str) -> None:
        settings = self._hub.settings
        most = settings.max_per_host
        if most and self._hosts[host] >= most:
            raise Refused("too-many", say("Your address has {limit} connections already.", limit=most))
        if settings.max_clients and self._count >= settings.max_clients:
            raise Refused("too-many", say("The chat is full: {limit} connections.", limit=settings.max_clients))

    def leave(self, host: str) -> None:
        """One less of those that were let in."""
        self._count -= 1
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]

    def count_not(self, host: str, shaken: bool) -> None:
        """The last that left was nobody: a browser, which loads a page; what TLS costs is bounded for them, too."""
        now, handshakes = self._hub.clock.seconds(), self._handshakes
        if shaken:
            if self._hub.rates.wait(handshakes, host, now):
                return  # it is one like all others
            self._hub.rates.take(handshakes, host, now)
        self._hub.rates.give_back(self._arrivals, host)

    @property
    def _handshakes(self) -> Allowance:
        most = limits.WEB_PER_HOST if self._hub.settings.max_per_host else 0
        return Allowance("browser over TLS", limits.ARRIVALS * most, limits.ARRIVALS_REFILL_SECONDS / max(most, 1))

    @property
    def _arrivals(self) -> Allowance:
        most = self._hub.settings.max_per_host
        return Allowance("arrival", limits.ARRIVALS * most, limits.ARRIVALS_REFILL_SECONDS / max(most, 1))
