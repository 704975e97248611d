"""The factory that holds the connected clients: how many may come, who is looked at now and then, and how all go."""

from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, INegotiated
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.budget import Budgets
from chat.base.errors import Refused
from chat.base.language import language
from chat.core.fanout import fanout
from chat.core.hub import Hub
from chat.doors import sockets
from chat.doors.admission import Admission
from chat.doors.looks import Looks
from chat.doors.proxy_protocol import Introduced
from chat.doors.sniffing import Reception
from chat.doors.sockets import Caller
from chat.doors.tcp import Browsers, ChatProtocol
from chat.visit.visit import Visit
from chat.wire.wires import Wires

logger = Logger()

OPERATOR = "control"
"""The address of whoever comes by the control socket."""


class ChatFactory(ServerFactory):
    """Makes a `ChatProtocol` for every connection; how many may be there stands in the hub's settings.

    It is `behind_proxy` where one of its ports is a proxy's.
    """

    noisy = False

    def __init__(self, hub: Hub, wires: Wires, behind_proxy: bool = False) -> None:
        self.hub = hub
        self._behind_proxy = behind_proxy
        self.clients: set[Visit] = set()
        hub.connections = self.clients
        self.reception = Reception(language("en"))
        """It is another one as soon as it is known where the service listens."""
        self._refused: set[Visit] = set()
        """Those of them that are only there to read why they may not stay."""
        self.wires = wires
        self.web: Callable[[], Deferred[Browsers]] | None = None
        """Makes the web door, for the first browser; None where there is none."""
        self._web: Browsers | None = None
        self._browsers: list[Deferred[Browsers]] = []  # that wait for it
        self.budgets = Budgets(hub.clock)
        self._admission = Admission(hub)
        self._unseen = Looks(hub.clock, limits.LOOK_SECONDS, self._look_what_is_seen, self._readers_of_news)
        self._astir = Looks(hub.clock, limits.SWEEP_SECONDS, self._look)
        hub.turn.when_moved = self._unseen.go_on
        self._empty: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> ChatProtocol:  # type: ignore[override]  # typed for itself
        """(IProtocolFactory) Always one: who may not come is told so by it."""
        return ChatProtocol(self, self.hub, self.caller(addr))

    def caller(self, addr: IAddress | None) -> Caller:
        """Who comes from there."""
        host = sockets.host(getattr(addr, "host", ""))
        introduced, forwards = isinstance(addr, Introduced), host in self.hub.settings.proxies
        sheltered, private = self._is_sheltered(addr), self._is_private(addr)
        return Caller(host, introduced or forwards, sheltered, private, forwards and not introduced)

    def for_operator(self) -> ChatProtocol:
        """A connection of whoever runs the server, from no address."""
        protocol = ChatProtocol(self, self.hub, Caller(OPERATOR, sheltered=True, private=True))
        protocol.serve_operator()
        return protocol

    def _is_sheltered(self, addr: IAddress | None) -> bool:
        """Whether nobody could listen on their way to this port.

        Where there is a proxy, it may be what connects from this machine, for people who come to it in clear.
        """
        if isinstance(addr, Introduced):
            return addr.sealed
        return self._no_proxy and sockets.is_loopback(getattr(addr, "host", ""))

    def _is_private(self, addr: IAddress | None) -> bool:
        """Whether they come from a private network, as far as can be told: what a proxy sends may be anybody's."""
        address = getattr(addr, "host", "")
        if isinstance(addr, Introduced) or not (sockets.is_loopback(address) or not address):
            by_proxy = sockets.host(address) in self.hub.settings.proxies
            return sockets.is_private(address) and not sockets.is_loopback(address) and not by_proxy
        return self._no_proxy  # from this machine, or by a unix socket

    @property
    def _no_proxy(self) -> bool:
        return not (self._behind_proxy or self.hub.settings.proxies)

    def made(self, client: Visit) -> Refused | None:
        """A client is connected; returns the reason if it may not stay."""
        self.clients.add(client)
        if self.hub.settings.log_connections:
            logger.info("A connection from {host}", host=client.host)
        self.stir(client)
        if client.operator:  # they come in when nobody else does
            return None
        try:
            self._admission.enter(client.host)
        except Refused as refused:
            self._refused.add(client)
            if len(self._refused) > limits.REFUSED:
                client.abort()
            return refused
        return None

    def made_again(self, client: Visit) -> Refused | None:
        """One that was refused says something; returns the reason if it still may not stay."""
        try:
            self._admission.enter_after_all(client.host)
        except Refused as refused:
            return refused
        self._refused.remove(client)
        return None

    def lost(self, client: Visit) -> None:
        """A client is gone."""
        self.clients.discard(client)
        self._unseen.remove(client)
        self._astir.remove(client)
        if self.hub.settings.log_connections:
            logger.info("A connection from {host} ended", host=client.host)
        if client in self._refused:
            self._refused.remove(client)
        elif not client.operator:
            self._admission.leave(client.host)
        if not self.clients:
            self._unseen.stop()
            self._astir.stop()
            if self._empty is not None:
                self._empty.callback(None)

    def quiet_for(self, host: str, refused: bool = False) -> float:
        """So many seconds somebody of this address who is silent is told nothing, for they may be a browser.

        One that is refused is not counted as one that loads it.
        """
        if self._browsers:
            return limits.WEB_SECONDS
        if self._web is not None and host in self._web:
            return limits.WEB_QUIET_SECONDS
        if self.web is None:
            return 0.0
        return limits.WEB_QUIET_SECONDS if refused else limits.WEB_GREET_SECONDS

    def browse(self, door: ChatProtocol) -> Deferred[Browsers]:
        """A connection was no person's, but a browser's; fires when there is somebody for it."""
        host, web = door.caller.host, self._web
        self._admission.count_not(host, INegotiated.providedBy(door.transport) and not door.caller.forwards)
        self._listen_longer(host, limits.WEB_SECONDS if web is None else limits.WEB_QUIET_SECONDS)
        if web is not None:
            return succeed(web)
        waits: Deferred[Browsers] = Deferred()
        self._browsers.append(waits)
        if len(self._browsers) == 1:
            assert self.web is not None
            self.web().addCallbacks(self._open_web, self._without_web)
        return waits

    def turn_away_browser(self, host: str) -> None:
        """One may not come: it asks again by the other connections that it has opened, which hear nothing till then."""
        self._listen_longer(host, limits.WEB_SECONDS)

    def _listen_longer(self, host: str, seconds: float) -> None:
        for client in self.clients:
            if client.host == host:
                client.listen_longer(seconds)

    def _open_web(self, web: Browsers) -> None:
        self._web = web
        waiting, self._browsers = self._browsers, []
        for waits in waiting:
            waits.callback(web)

    def _without_web(self, failure: Failure) -> None:
        """What it needs is damaged: it is tried again with the next one."""
        logger.failure("There is no web door", failure)
        waiting, self._browsers = self._browsers, []
        for waits in waiting:
            waits.cancel()

    def enforce_bans(self) -> None:
        """Whoever is banned by now goes, and whoever is held for an address that is does not come back."""
        self._for_each(self._enforce_ban)
        self.hub.enforce_bans()

    def _enforce_ban(self, client: Visit) -> None:
        if client.host in self.hub.settings.bans:
            logger.info("Banned, and sent away: {host}", host=client.host)
            client.session.banish()

    def hold(self) -> None:
        """The server stops: what is said from now on is not handled, and so not acknowledged."""
        self._for_each(Visit.hold)

    def drain(self) -> Deferred[None]:
        """Let everyone read what they are owed, say goodbye, and fire when all are gone; see `abort`."""
        empty = self._empty = Deferred()
        if not self.clients:
            empty.callback(None)
        self._for_each(Visit.drain)
        return empty if self._web is None else self._web.drain().addCallback(lambda _: empty)

    def abort(self) -> None:
        """Whoever has not read by now is not waited for."""
        if self._web is not None:
            self._web.abort()
        self._for_each(Visit.abort)

    def stir(self, client: Visit) -> None:
        """(Visits) Something came from this one, or goes to it: it is looked at until all that is settled."""
        client.astir = True
        self._unseen.add(client)
        self._astir.add(client)

    def _readers_of_news(self) -> Iterator[Visit]:
        """Those who were given something since the last round; all others have seen what there is, or are looked at."""
        for log in self.hub.turn.take_moved():
            for reader in fanout(log):
                client = reader.connection
                if isinstance(client, Visit) and client in self.clients:
                    if not client.astir:
                        self.stir(client)
                    yield client

    def _look_what_is_seen(self, client: Visit) -> bool:
        return self._safely(lambda client: not client.look_what_is_seen(), client)

    def _look(self, client: Visit) -> bool:
        """Whether they are still there, and what they have seen that came in no turn."""
        now = self.hub.clock.seconds()
        client.astir = self._safely(lambda client: client.look(now), client)
        return client.astir

    def _for_each(self, do: Callable[[Visit], object]) -> None:
        for client in list(self.clients):
            if client in self.clients:
                self._safely(do, client)

    def _safely(self, do: Callable[[Visit], object], client: Visit) -> bool:
        """Whether it says so; one client's bug is not the next one's."""
        try:
            return bool(do(client))
        except Exception:
            logger.failure("A connection could not be looked after")
            client.session.broken()
            return False
