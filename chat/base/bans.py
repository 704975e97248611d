"""Addresses that may not connect: single ones and networks.

They are compared with what limits count by (`chat.doors.sockets.host`), an IPv4 address or an IPv6 network of 64 bits,
as one customer has it: whoever is banned by one address of theirs would come back with the next.  So a ban of an IPv6
address, or of a smaller network, is one of the 64 bits around it.
"""

import ipaddress
from collections.abc import Iterable, Iterator

from chat.base.errors import Unfit
from chat.base.language import say

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_CUSTOMER = 64
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def parse_ban(text: str) -> Network:
    """An address or a network; raises `Unfit`."""
    try:
        network = ipaddress.ip_network(text, strict=False)
        address = ipaddress.ip_address(text.partition("/")[0])
    except ValueError:
        right = say("an address such as 192.0.2.7, or a network such as 192.0.2.0/24, would be right.")
        raise Unfit(right) from None
    if "/" in text and address != network.network_address:
        right = say(
            "that is an address in a network; {address} or {network} would be right.", address=address, network=network
        )
        raise Unfit(right)
    if isinstance(network, ipaddress.IPv4Network):
        return network
    if network.subnet_of(_MAPPED):
        mapped = int(network.network_address) & 0xFFFFFFFF
        return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED.prefixlen))
    return network.supernet(new_prefix=_CUSTOMER) if network.prefixlen > _CUSTOMER else network


class Bans:
    """Who may not connect; a look takes as long with a hundred thousand of them as with ten."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = frozenset(networks)
        self._sizes = sorted({(network.version, network.prefixlen) for network in self._networks})

    def __eq__(self, other: object) -> bool:
        """Whether the same are banned."""
        return isinstance(other, Bans) and self._networks == other._networks

    def __bool__(self) -> bool:
        """Whether anybody is."""
        return bool(self._networks)

    def __hash__(self) -> int:
        """For frozen settings."""
        return hash(self._networks)

    def __iter__(self) -> Iterator[str]:
        """As they are written."""
        return iter(sorted(map(_written, self._networks)))

    def __contains__(self, host: str) -> bool:
        """Whether this one, as limits count it, is banned; what is no address of the internet never is."""
        if not self._networks:
            return False
        try:
            network = ipaddress.ip_network(host)
        except ValueError:
            return False
        return any(
            network.supernet(new_prefix=size) in self._networks
            for version, size in self._sizes
            if version == network.version
        )


def _written(network: Network) -> str:
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address if single else network)


NOBODY = Bans()
