"""Where people come in: the ports that are listened on, and the lines with which they are told to join."""

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Sequence

from twisted.internet import unix
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory, IReactorTime, IStreamServerEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from chat.base import limits
from chat.base.errors import Unfit
from chat.base.language import Sentence, say
from chat.base.reasons import system_reason
from chat.doors.proxy_protocol import Proxied
from chat.wire.join_hints import ALL, Directions, join, web_address

_CONTAINERS = ("docker", "br-", "veth", "virbr", "lxc", "lxd", "cni", "podman", "tap")
"""Interfaces that lead to containers and virtual machines on the same host, where no people are."""

_PROXIED = "haproxy:"
"""Before an endpoint to which only a proxy connects, which says for whom."""

_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
"""Those in which people come, of the sockets that may be handed over."""

_SIOCGIFADDR = 0x8915


def listen(reactor: IReactorTime, port: str, factory: IProtocolFactory) -> list[IListeningPort]:
    """Listen on a number, which means all interfaces, or on an endpoint.

    Raises `CannotListenError`, or `Unfit` for an endpoint that is none.
    """
    if not port.isdecimal():
        return [_open(reactor, port, factory)]
    ipv4, ipv6 = (f"{kind}:backlog={limits.BACKLOG}" for kind in (f"tcp:{port}", f"tcp6:{port}:interface=\\:\\:"))
    if not _has_ipv6():
        return [_open(reactor, ipv4, factory)]
    first = _open(reactor, ipv6, factory)
    if not _ipv6_is_separate():
        return [first]
    try:
        return [first, _open(reactor, ipv4, factory)]
    except CannotListenError:
        first.stopListening()
        raise


def _open(reactor: IReactorTime, endpoint: str, factory: IProtocolFactory) -> IListeningPort:
    outcome: list[IListeningPort | Failure] = []
    if is_proxys(endpoint):
        endpoint, factory = endpoint.removeprefix(_PROXIED), Proxied(factory, reactor)
        if endpoint.startswith(("ssl:", "tls:")):
            raise Unfit(
                say("a proxy's header comes before TLS, as in {example}.", example=f"--tls-port {_PROXIED}tcp:4001")
            )
    try:
        _endpoint(reactor, endpoint).listen(factory).addBoth(outcome.append)
        # Every kind of server endpoint listens at once, or fails.
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
    except (CannotListenError, Unfit):
        raise
    except OSError as error:  # a directory for the file of a unix socket is not there, or not ours
        raise Unfit(say("{reason}.", reason=system_reason(error))) from None
    except Exception as error:  # what takes an endpoint apart, a plugin perhaps, raises anything
        raise Unfit(
            say(
                "not a number from 1 to 65535, nor an endpoint such as {example} ({error}).",
                example="tcp:4000:interface=127.0.0.1",
                error=error,
            )
        ) from None
    return outcome[0]


def _endpoint(reactor: IReactorTime, description: str) -> IStreamServerEndpoint:
    """What an endpoint's description means; of a socket that systemd hands over, what it is and not what is said of it.

    With another family the addresses of those who come would be misread: limits and bans would count the wrong ones.
    """
    kind = description.partition(":")[0]
    if kind == "stdio":
        raise Unfit(say("that is a single connection and no port; a number from 1 to 65535 would be right."))
    if kind != "systemd":
        return serverFromString(reactor, description)  # type: ignore[no-any-return]  # it has no types yet
    try:
        file: int = serverFromString(reactor, description).fileno
    except LookupError:
        raise Unfit(
            say("systemd hands over no such socket; it counts them from index=0, and name= is their name.")
        ) from None
    with socket.socket(fileno=os.dup(file)) as handed:
        if handed.type != socket.SOCK_STREAM or not handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise Unfit(say("this socket takes no connections; ListenStream= without Accept=yes would be right."))
        if handed.family not in _FAMILIES:
            raise Unfit(say("a socket of the family {family} has no addresses to count by.", family=handed.family))
        if handed.family == socket.AF_UNIX:
            return _Lent(reactor, file)
        return AdoptedStreamServerEndpoint(reactor, file, handed.family)


@implementer(IStreamServerEndpoint)
class _Lent:
    """A unix socket of systemd's.  Twisted would open its file to everybody, and remove it at the end: systemd could
    not start us again."""

    def __init__(self, reactor: IReactorTime, file: int) -> None:
        self._reactor = reactor
        self._file = file

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """(IStreamServerEndpoint) At once."""
        os.set_blocking(self._file, False)
        port = unix.Port._fromListeningDescriptor(self._reactor, self._file, protocolFactory)
        port._bindPath = b"\0" + port._bindPath  # as of a name that is no file
        port.startListening()
        return succeed(port)


def is_proxys(port: str) -> bool:
    """Whether it is a proxy that connects there."""
    return port.startswith(_PROXIED)


def makes_a_file(port: str) -> bool:
    """Whether listening there makes a file."""
    return port.removeprefix(_PROXIED).startswith("unix:")


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


def directions(
    ports: Sequence[IListeningPort], encrypted: Sequence[IListeningPort], ssh: Sequence[IListeningPort] = ()
) -> Directions:
    """How one joins at these ports."""
    return Directions(*map(_addresses_of, (ports, encrypted, ssh)))


def _addresses_of(ports: Sequence[IListeningPort]) -> Sequence[IPv4Address | IPv6Address]:
    hosts = [port.getHost() for port in ports]
    return [address for address in hosts if isinstance(address, IPv4Address | IPv6Address)]


NOTHING_NEEDED = say("no password")


def invitation(
    ports: Sequence[IListeningPort],
    encrypted: Sequence[IListeningPort] = (),
    fingerprint: str = "",
    needed: Sentence = NOTHING_NEEDED,
) -> list[Sentence]:
    """What people can type to join, and what they need: by the first port that is open to all, else where the service
    listens."""
    first, *others = addresses()
    ways = directions(ports, encrypted)
    lines = []
    if port := open_to_all(ports):
        lines.append(
            say("Chat is open on port {port}, {password}, not encrypted. People join with:", port=port, password=needed)
        )
        lines += ways.plain_ways(first)
    else:
        lines += [say("Chat is open on {address}.", address=_shown(port.getHost())) for port in ports]
    if sealed := open_to_all(encrypted):
        lines.append(
            say("Chat is open on port {port}, {password}, encrypted. People join with:", port=sealed, password=needed)
        )
        lines += ways.encrypted_ways(first)
    else:
        lines += [say("Chat is open on {address}, encrypted.", address=_shown(port.getHost())) for port in encrypted]
    if fingerprint:
        lines.append(say("The certificate's fingerprint is {fingerprint}", fingerprint=fingerprint))
    if others and (port or sealed):
        lines.append(say("This machine is also {addresses}.", addresses=tuple(others)))
    return lines


def ssh_invitation(ports: Sequence[IListeningPort], fingerprint: str) -> list[Sentence]:
    """The same by ssh, and how its key is known."""
    if port := open_to_all(ports):
        lines = [
            say("Chat is open on port {port}, by ssh. People join with:", port=port),
            *directions((), (), ports).ssh_ways(addresses()[0]),
        ]
    else:
        lines = [say("Chat is open on {address}, by ssh.", address=_shown(port.getHost())) for port in ports]
    return [*lines, say("The fingerprint of its ssh key is {fingerprint}", fingerprint=fingerprint)] if ports else []


def page(ports: Sequence[IListeningPort], encrypted: Sequence[IListeningPort]) -> str | None:
    """Where browsers find the page, if that is open to all."""
    host = addresses()[0]
    if port := open_to_all(ports):
        return web_address(host, port)
    sealed = open_to_all(encrypted)
    return None if sealed is None else web_address(host, sealed, "https")


def open_to_all(ports: Sequence[IListeningPort]) -> int | None:
    """The first port on all interfaces, but for a proxy's, where nobody joins."""
    return next((address.port for address in entrances(ports) if address.host in ALL), None)


def entrances(ports: Sequence[IListeningPort]) -> list[IPv4Address | IPv6Address]:
    """Where people join by TCP: not at a proxy's port, which expects what only that one says."""
    hosts = [port.getHost() for port in ports if not isinstance(getattr(port, "factory", None), Proxied)]
    return [host for host in hosts if isinstance(host, IPv4Address | IPv6Address)]


def _shown(address: IAddress) -> str:
    """An address as people write it."""
    if isinstance(address, IPv4Address | IPv6Address):
        return join(address.host, address.port)
    name = getattr(address, "name", None)
    return str(address) if name is None else os.fsdecode(name)


def failure(error: CannotListenError, option: str, open_already: Sequence[IListeningPort]) -> Sentence:
    """Why a port cannot be listened on, beside those that are open already, and what would be right."""
    if isinstance(error.port, str | bytes):
        return _file_failure(os.fsdecode(error.port), error.socketError, option)
    if error.port in [getattr(other.getHost(), "port", None) for other in open_already]:
        return say("Port {port} is given twice; once is enough.", port=error.port)
    if error.socketError.errno == errno.EADDRINUSE:
        return say(
            "Port {port} is in use by another program, perhaps by an earlier server. Stop that one, or choose another "
            "port with {option}.",
            port=error.port,
            option=option,
        )
    return say(
        "Cannot listen on port {port}: {reason}. Choose another one with {option}.",
        port=error.port,
        reason=system_reason(error.socketError),
        option=option,
    )


def metrics(port: IListeningPort) -> Sentence:
    """Where monitoring asks."""
    return say("Metrics are at {address}, path /metrics.", address=_shown(port.getHost()))


def not_encrypted(why: Sentence) -> Sentence:
    """There is no encrypted way in, though nobody said so."""
    return say("No encrypted port is open. {why}", why=why)


def _file_failure(path: str, error: OSError | str, option: str) -> Sentence:
    """The same of a unix socket; where its lock is taken, Twisted has a text and no error."""
    if isinstance(error, str):
        return say(
            "{path} is in use by a server, or given twice. Choose another one with {option}.", path=path, option=option
        )
    if error.errno == errno.EADDRINUSE:
        return say(
            "{path} is there already, for another program uses it or left it behind. Take it away, or choose another "
            "one with {option}.",
            path=path,
            option=option,
        )
    return say(
        "Cannot listen on {path}: {reason}. Choose another one with {option}.",
        path=path,
        reason=system_reason(error),
        option=option,
    )
