"""`--discoverable`: the server makes itself known on the local network (mDNS), so that `chat-client --find` lists it.

It is told on the interfaces where people can come in, and nowhere else.  zeroconf, the extra `lan`, does it in threads
of its own; what takes it time is done in another one.
"""

import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IListeningPort
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from chat.base.errors import Unfit
from chat.base.language import say
from chat.doors import listening
from chat.wire.join_hints import SERVICE

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf

_log = Logger()
_LABEL = 63
"""Bytes of a name in DNS."""


class Discoverable:
    """Tells of the first plain and the first encrypted port, as long as the service runs (a companion of it).

    Raises `Unfit` where zeroconf is not installed, or where there is no port that can be told of.
    """

    def __init__(self, name: str, ports: Sequence[IListeningPort], encrypted: Sequence[IListeningPort]) -> None:
        try:
            import zeroconf  # noqa: F401  # a second start is too late to say that it is missing
        except ImportError:
            raise Unfit(say("--discoverable needs zeroconf: pip install 'twisted-chat[lan]'")) from None
        plain, sealed = listening.entrances(ports)[:1], listening.entrances(encrypted)[:1]
        self._services = [*((address, "0") for address in plain), *((address, "1") for address in sealed)]
        if not self._services:
            raise Unfit(say("--discoverable needs a TCP port that people can come in by."))
        self._name = name
        self._zeroconf: Zeroconf | None = None

    def start(self) -> None:
        """(Companion) Tell of it, in a thread: it looks first whether the name is free."""
        deferToThread(self._open).addErrback(lambda failure: _log.failure("--discoverable does not work", failure))

    def stop(self) -> None:
        """(Companion) Take it back."""
        if self._zeroconf is not None:
            deferToThread(self._zeroconf.close)

    def _open(self) -> None:
        from zeroconf import InterfaceChoice, Zeroconf

        hosts = [host.host for host, _ in self._services]
        everywhere = any(ip_address(host).is_unspecified for host in hosts)
        self._zeroconf = Zeroconf(interfaces=InterfaceChoice.All if everywhere else list(dict.fromkeys(hosts)))
        for host, tls in self._services:
            self._zeroconf.register_service(self._info(host.host, host.port, tls), allow_name_change=True)

    def _info(self, host: str, port: int, tls: str) -> "ServiceInfo":
        from zeroconf import ServiceInfo

        addresses = listening.addresses() if ip_address(host).is_unspecified else [host]
        packed = [
            socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address) for address in addresses
        ]
        # A dot would begin another label, and two ports of one server are two names.
        name = f"{self._name.replace('.', '-')}{' (TLS)' if tls == '1' else ''}"
        label = name.encode()[:_LABEL].decode("utf-8", "ignore")
        return ServiceInfo(SERVICE, f"{label}.{SERVICE}", addresses=packed, port=port, properties={"tls": tls})
