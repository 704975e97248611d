"""Where people come in: the ports that are listened on, and the lines with which they are told to join."""

import fcntl
import socket
import struct
from collections.abc import Sequence

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory, IReactorCore
from twisted.python.failure import Failure

from chat import limits
from chat.language import Sentence, say

DEFAULT_PORT = 12345

_ALL = ("::", "0.0.0.0")
"""What a socket is bound to that listens on all interfaces."""

_CONTAINERS = ("docker", "br-", "veth", "virbr", "lxc", "lxd", "cni", "podman", "tap")
"""Interfaces that lead to containers and virtual machines on the same host, where no people are."""

_SIOCGIFADDR = 0x8915


def listen(reactor: IReactorCore, port: str, factory: IProtocolFactory) -> list[IListeningPort]:
    """Listen on a number, which means all interfaces, or on an endpoint.

    Raises `CannotListenError`, or `ValueError` for an endpoint that is none.
    """
    if not port.isdecimal():
        return [_open(reactor, port, factory)]
    ipv4, ipv6 = (f"{kind}:backlog={limits.BACKLOG}" for kind in (f"tcp:{port}", f"tcp6:{port}:interface=\\:\\:"))
    if not _has_ipv6():
        return [_open(reactor, ipv4, factory)]
    ports = [_open(reactor, ipv6, factory)]
    if _ipv6_is_separate():
        ports.append(_open(reactor, ipv4, factory))
    return ports


def _open(reactor: IReactorCore, endpoint: str, factory: IProtocolFactory) -> IListeningPort:
    outcome: list[IListeningPort | Failure] = []
    try:
        serverFromString(reactor, endpoint).listen(factory).addBoth(outcome.append)
        # Every kind of server endpoint listens at once, or fails.
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
    except CannotListenError:
        raise
    except Exception as error:  # what takes an endpoint apart, a plugin perhaps, raises anything
        example = "tcp:4000:interface=127.0.0.1"
        raise ValueError(f"not a number from 1 to 65535, nor an endpoint such as {example} ({error})") from None
    return outcome[0]


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def _ipv6_is_separate() -> bool:
    """Whether this machine is set up so that an IPv6 socket takes no IPv4 connections."""
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        return bool(probe.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))


def addresses() -> list[str]:
    """This machine's addresses as others may know them, the default route's first; loopback where there is no other."""
    found = [address for address in map(_source_of, ("192.0.2.1", "2001:db8::1")) if address]
    for _, name in socket.if_nameindex():
        if name != "lo" and not name.startswith(_CONTAINERS):
            address = _address_of(name)
            if address and address not in found:
                found.append(address)
    return found or ["127.0.0.1"]


def _source_of(destination: str) -> str | None:
    """The address from which a packet to a destination (of the documentation's networks) would be sent; none is."""
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((destination, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def _address_of(interface: str) -> str | None:
    """An interface's IPv4 address, on Linux."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])


def invitation(ports: Sequence[IListeningPort]) -> list[Sentence]:
    """What people can type to join: by the first port that is open to all, else where the service listens."""
    hosts = [port.getHost() for port in ports]
    numbers = [host.port for host in hosts if isinstance(host, IPv4Address | IPv6Address) and host.host in _ALL]
    if not numbers:
        return [say("Chat is open on {address}.", address=_shown(host)) for host in hosts]
    port = numbers[0]
    first, *others = addresses()
    bracketed = f"[{first}]" if ":" in first else first
    lines = [
        say("Chat is open on port {port}, no password, not encrypted. People join with:", port=port),
        say("  nc {host} {port}", host=first, port=port),
        say("  telnet {host} {port}", host=first, port=port),
        say("  curl.exe telnet://{host}:{port}   (Windows, nothing to install)", host=bracketed, port=port),
        say("  chat-client {host}", host=first if port == DEFAULT_PORT else f"{bracketed}:{port}"),
    ]
    if others:
        lines.append(say("This machine is also {addresses}.", addresses=tuple(others)))
    return lines


def _shown(address: IAddress) -> str:
    """An address as people write it."""
    if isinstance(address, IPv4Address | IPv6Address):
        host = f"[{address.host}]" if isinstance(address, IPv6Address) else address.host
        return f"{host}:{address.port}"
    return str(getattr(address, "name", address))


def failure(error: CannotListenError) -> Sentence:
    """Why a port cannot be listened on, and what would be right."""
    return say(
        "Cannot listen on port {port}: {reason}. Choose another one with --port.",
        port=error.port,
        reason=error.socketError.strerror or str(error.socketError),
    )
