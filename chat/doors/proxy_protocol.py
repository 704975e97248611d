"""Connections that a proxy hands on: who is at the other end of them stands in a header, the PROXY protocol, 1 and 2.

Before the header is read there is no connection for the rest of the program, for it could only take the proxy's
address for everybody's.  (`HAProxyProtocolWrapper` of Twisted tells of the connection first, wants the header's
beginning in one piece, and lets nobody close half a connection.)

The protocol: https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
"""

import ipaddress
import struct

from twisted.internet import tcp
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocolFactory, IReactorTime
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chat.base import limits
from chat.base.named_tuples import NamedTuple

logger = Logger()

_TEXT = b"PROXY "
_TEXT_MOST = 107
_BINARY = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = struct.Struct("!12sBBH")
_LOCAL, _PROXY = 0x20, 0x21
_PART = struct.Struct("!BH")
_TLS, _CLIENT_TLS = 0x20, 0x01
"""PP2_TYPE_SSL, and PP2_CLIENT_SSL in the first byte of its value."""
_UNSPECIFIED, _INTERNET, _INTERNET_6, _UNIX = range(4)

Source = IPv4Address | IPv6Address


class Header(NamedTuple):
    """Who connected to the proxy, None where it speaks for itself or does not know; and what came behind the header."""

    source: Source | None
    rest: bytes
    sealed: bool = False
    """They speak TLS with the proxy, as it says."""


def read(data: bytes) -> Header | None:
    """The header that the data begins with, None while more of it has to come; raises `ValueError` if it is none."""
    if _TEXT.startswith(data[: len(_TEXT)]):
        return _read_text(data)
    if _BINARY.startswith(data[: len(_BINARY)]):
        return _read_binary(data)
    raise ValueError("no header")


def _read_text(data: bytes) -> Header | None:
    line, end, rest = data.partition(b"\r\n")
    if len(line + end) > _TEXT_MOST:
        raise ValueError("too long")
    if not end:
        return None
    match line.decode("ascii").split(" "):
        case ["PROXY", "UNKNOWN", *_]:
            return Header(None, rest)
        case ["PROXY", "TCP4" | "TCP6" as kind, source, destination, port, other_port]:
            addresses = [ipaddress.ip_address(address) for address in (source, destination)]
            if any(address.version != int(kind[-1]) or "%" in str(address) for address in addresses):
                raise ValueError("addresses of another kind")
            ports = [_port(text) for text in (port, other_port)]
            return Header(_address(addresses[0], ports[0]), rest)
    raise ValueError("neither TCP4, TCP6 nor UNKNOWN")


def _port(text: str) -> int:
    if not (text.isdecimal() and len(text) <= 5 and int(text) < 65536):
        raise ValueError("no port")
    return int(text)


def _read_binary(data: bytes) -> Header | None:
    if len(data) < _FIXED.size:
        return None
    _, command, family, size = _FIXED.unpack_from(data)
    if command not in (_LOCAL, _PROXY) or _FIXED.size + size > limits.PROXY_HEADER:
        raise ValueError("not version 2, or too long")
    if len(data) < _FIXED.size + size:
        return None
    content, rest = data[_FIXED.size : _FIXED.size + size], data[_FIXED.size + size :]
    if command == _LOCAL or family >> 4 in (_UNSPECIFIED, _UNIX):
        return Header(None, rest)
    layout = {_INTERNET: "!4s4sH", _INTERNET_6: "!16s16sH"}.get(family >> 4)
    if layout is None or size < struct.calcsize(layout) + 2:
        raise ValueError("no addresses")
    source, _, port = struct.unpack_from(layout, content)
    more = content[struct.calcsize(layout) + 2 :]
    return Header(_address(ipaddress.ip_address(source), port), rest, _tells_of_tls(more))


def _tells_of_tls(more: bytes) -> bool:
    """Whether what stands behind the addresses says that the client speaks TLS; what is not understood says nothing."""
    while len(more) >= _PART.size:
        kind, size = _PART.unpack_from(more)
        value, more = more[_PART.size : _PART.size + size], more[_PART.size + size :]
        if kind == _TLS and len(value) == size > 0:
            return bool(value[0] & _CLIENT_TLS)
    return False


def _address(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> Source:
    return (IPv4Address if address.version == 4 else IPv6Address)("TCP", str(address), port)


@implementer(IAddress)
class Introduced(NamedTuple):
    """Whose connection a proxy hands on, and whether it is sealed up to there."""

    host: str
    sealed: bool


class Proxied(ServerFactory):
    """Makes a connection of another factory of each that begins with a header."""

    noisy = False

    def __init__(self, factory: IProtocolFactory, clock: IReactorTime) -> None:
        self.factory = factory
        self.clock = clock

    def buildProtocol(self, addr: IAddress | None) -> "Unintroduced":
        """(IProtocolFactory) The other factory's comes later."""
        return Unintroduced(self)


class Unintroduced(Protocol):
    """A connection before its header."""

    transport: tcp.Server

    def __init__(self, proxied: Proxied) -> None:
        self._proxied = proxied
        self._data = b""
        self._deadline: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """(IProtocol) The proxy sends the header at once."""
        self._deadline = self._proxied.clock.callLater(limits.PROXY_SECONDS, self._refuse, "none came in time")

    def dataReceived(self, data: bytes) -> None:
        """(IProtocol) With the last byte of the header the connection becomes another's."""
        self._data += data
        try:
            header = read(self._data)
        except ValueError as error:
            self._refuse(str(error))
            return
        if header is not None:
            self._forget_deadline()
            self._introduce(header)

    def _introduce(self, header: Header) -> None:
        source = header.source or self.transport.getPeer()
        protocol = self._proxied.factory.buildProtocol(Introduced(getattr(source, "host", ""), header.sealed))
        assert protocol is not None  # ours never refuse without a word
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        if header.rest:
            protocol.dataReceived(header.rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """(IProtocol) Nobody came of it."""
        self._forget_deadline()

    def _refuse(self, reason: str) -> None:
        logger.info(
            "Closing a connection from {host} without a good PROXY header: {reason}",
            host=getattr(self.transport.getPeer(), "host", ""),
            reason=reason,
        )
        self.transport.abortConnection()

    def _forget_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
