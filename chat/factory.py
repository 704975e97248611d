"""The factory that holds the connected clients: how many may come, who is looked at now and then, and how all go."""

from collections import Counter
from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger

from chat import limits
from chat.fanout import Wire
from chat.hub import Hub
from chat.language import Sentence, say
from chat.protocol import ChatProtocol

logger = Logger()


class ChatFactory(ServerFactory):
    """Makes a `ChatProtocol` for every connection; 0 is no limit."""

    noisy = False

    def __init__(
        self,
        hub: Hub,
        wires: Mapping[str, Wire],
        rate: float = limits.RATE,
        max_clients: int = 0,
        max_per_host: int = limits.MAX_PER_HOST,
    ) -> None:
        self.hub = hub
        self.clients: set[ChatProtocol] = set()
        self._wires = wires
        self._rate = rate
        self._max_clients = max_clients
        self._max_per_host = max_per_host
        self._hosts: Counter[str] = Counter()
        self._sweep: IDelayedCall | None = None
        self._looks = 0
        self._empty: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> ChatProtocol:  # type: ignore[override]  # typed for itself
        """(IProtocolFactory) Always one: who may not come is told so by it."""
        protocol = ChatProtocol(self.hub, self._wires, self._rate)
        protocol.factory = self
        return protocol

    def made(self, client: ChatProtocol, host: str) -> Sentence | None:
        """A client is connected; returns the reason if it may not stay."""
        self.clients.add(client)
        self._hosts[host] += 1
        if self._sweep is None:
            self._sweep = self.hub.clock.callLater(limits.LOOK_SECONDS, self._look)
        if self._max_clients and len(self.clients) > self._max_clients:
            return say("The chat is full: {limit} connections.", limit=self._max_clients)
        if self._max_per_host and self._hosts[host] > self._max_per_host:
            return say("Your address has {limit} connections already.", limit=self._max_per_host)
        return None

    def lost(self, client: ChatProtocol, host: str) -> None:
        """A client is gone."""
        self.clients.discard(client)
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]
        if not self.clients:
            if self._sweep is not None:
                self._sweep.cancel()
                self._sweep = None
            if self._empty is not None:
                self._empty.callback(None)

    def hold(self) -> None:
        """The server stops: what is said from now on is not handled, and so not acknowledged."""
        self._for_each(ChatProtocol.hold)

    def drain(self) -> Deferred[None]:
        """Let everyone read what they are owed, say goodbye, and fire when all are gone; see `abort`."""
        empty = self._empty = Deferred()
        if not self.clients:
            empty.callback(None)
        self._for_each(ChatProtocol.drain)
        return empty

    def abort(self) -> None:
        """Whoever has not read by now is not waited for."""
        self._for_each(ChatProtocol.abort)

    def _look(self) -> None:
        self._sweep = self.hub.clock.callLater(limits.LOOK_SECONDS, self._look)
        self._looks += 1
        self._for_each(ChatProtocol.look_what_is_seen)
        if self._looks % int(limits.SWEEP_SECONDS / limits.LOOK_SECONDS) == 0:
            now = self.hub.clock.seconds()
            self._for_each(lambda client: client.look(now))

    def _for_each(self, do: Callable[[ChatProtocol], None]) -> None:
        """One client's bug is not the next one's."""
        for client in list(self.clients):
            try:
                do(client)
            except Exception:
                logger.failure("A connection could not be looked after")
                client.session.broken()
