"""`--find`: which servers make themselves known on the local network (mDNS, by zeroconf: the extra `lan`)."""

from collections.abc import Callable, Sequence
from time import sleep

from chat.base import limits
from chat.base.language import Language, say
from chat.base.named_tuples import NamedTuple
from chat.base.text import visible
from chat.client.options import Server
from chat.wire.join_hints import SERVICE


class Missing(Exception):
    """zeroconf is not installed."""


class Found(NamedTuple):
    """A server that told of itself, by a name that anybody may take."""

    name: str
    server: Server


def find(interfaces: Sequence[str] | None = None, wait: Callable[[float], object] = sleep) -> list[Found]:
    """Those who answer within some seconds; raises `Missing`, or `OSError` where there is no network."""
    try:
        from zeroconf import InterfaceChoice, ServiceBrowser, Zeroconf
    except ImportError:
        raise Missing from None
    network = Zeroconf(interfaces=InterfaceChoice.All if interfaces is None else list(interfaces))
    names: dict[str, None] = {}

    def changed(zeroconf: object, service_type: str, name: str, state_change: object) -> None:
        if len(names) < limits.SERVERS_FOUND:
            names[name] = None

    try:
        ServiceBrowser(network, SERVICE, handlers=[changed])
        wait(limits.FIND_SECONDS)
        found = [(name, network.get_service_info(SERVICE, name, timeout=1000)) for name in list(names)]
    finally:
        network.close()
    return sorted(
        Found(name.removesuffix(f".{SERVICE}"), Server(addresses[0], info.port, info.properties.get(b"tls") == b"1"))
        for name, info in found
        if info is not None and info.port and (addresses := info.parsed_addresses())
    )


def told(language: Language, found: Sequence[Found]) -> list[str]:
    """What is written about them: each with what to type."""
    if not found:
        return [language.words(say("No server makes itself known here; one that is started with --discoverable does."))]
    wide = max(len(visible(one.name)) for one in found)
    return [f"{visible(one.name):{wide}}  chat-client {one.server.address}" for one in found]
