"""Headers of the PROXY protocol, and whoever comes with one."""

import ipaddress
import struct

from twisted.internet.address import IPv4Address, IPv6Address
from world import Client, Socket, World

from chat.doors.proxy_protocol import Proxied

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def binary(source: str, command: int = 0x21, family: int | None = None, more: bytes = b"", port: int = 50000) -> bytes:
    """A header of version 2."""
    address = ipaddress.ip_address(source)
    content = address.packed * 2 + struct.pack("!HH", port, 12345) + more
    if family is None:
        family = 0x11 if address.version == 4 else 0x21
    return SIGNATURE + struct.pack("!BBH", command, family, len(content)) + content


FOUR = IPv4Address("TCP", "192.0.2.7", 50000)


SIX = IPv6Address("TCP", "2001:db8::7", 50000)


GOOD = {
    "text, IPv4": (b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 12345\r\n", FOUR),
    "text, IPv6": (b"PROXY TCP6 2001:db8::7 ::1 50000 12345\r\n", SIX),
    "text, unknown": (b"PROXY UNKNOWN\r\n", None),
    "text, unknown and more": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    "text, the longest": (b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n", None),
    "binary, IPv4": (binary("192.0.2.7"), FOUR),
    "binary, IPv6": (binary("2001:db8::7"), SIX),
    "binary, with more": (binary("192.0.2.7", more=b"\x04\0\x03abc" * 10), FOUR),
    "binary, a datagram's": (binary("192.0.2.7", family=0x12), FOUR),
    "binary, local": (binary("192.0.2.7", command=0x20), None),
    "binary, local and empty": (SIGNATURE + b"\x20\0\0\0", None),
    "binary, unspecified": (binary("192.0.2.7", family=0), None),
    "binary, unix": (SIGNATURE + b"\x21\x31\0\xd8" + b"/run/x".ljust(108, b"\0") * 2, None),
}


def connect(world: World, *pieces: bytes, host: str = "10.0.0.9") -> Client:
    """Somebody connects through a proxy at this address, which sends these bytes."""
    socket = Socket(world.kernel, host)
    factory = Proxied(world.factory, world.clock)
    socket.protocol = factory.buildProtocol(socket.getPeer())
    client = Client(world, socket.protocol, socket)
    socket.startReading()
    socket.protocol.makeConnection(socket)
    for piece in pieces:
        client.send(piece)
        world.turn()
    return client
