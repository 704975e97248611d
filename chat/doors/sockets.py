"""What the kernel knows of a socket: whether the other machine still answers, and whose address it is.

Keepalive finds a silent peer only while nothing is unacknowledged; for the other case TCP_INFO is looked at, as
TCP_USER_TIMEOUT would also kill people who only stopped their terminal.
"""

import errno
import fcntl
import ipaddress
import socket
import struct
import sys
import termios

from twisted.internet import tcp
from twisted.internet.interfaces import ITransport
from twisted.logger import Logger

from chat.base import limits
from chat.base.named_tuples import NamedTuple
from chat.visit.door import Standing

logger = Logger()

_PROBES = 3
_UNACKED = 24
_LAST_DATA_RECV = 52
_LAST_ACK_RECV = 56
_BYTES_ACKED = 120
"""Offsets in struct tcp_info, linux/tcp.h: `tcpi_probes` (u8), `tcpi_unacked` (u32, packets), `tcpi_last_data_recv` and
`tcpi_last_ack_recv` (u32, milliseconds since then) and `tcpi_bytes_acked` (u64)."""


class Caller(NamedTuple):
    """Who is at the other end of a connection, as far as is known when it is made."""

    host: str
    """As limits count."""

    proxied: bool = False
    """It ends as a proxy likes."""

    sheltered: bool = False
    """Nobody could listen on the way to this port."""

    private: bool = False
    """They come from a private network."""

    forwards: bool = False
    """It is a proxy, and what it says of who asks, in HTTP, counts."""


class Layer:
    """A transport that is laid over another one, as TLS is."""

    __slots__ = ("transport",)

    transport: object


class Progress:
    """How somebody takes what is sent to them, by a TCP socket or, as far as one knows, by none."""

    __slots__ = ("_connection", "_taken", "at")

    at: float
    """When they took something last, or could have."""

    def __init__(self, connection: socket.socket | None, now: float) -> None:
        self._connection = connection
        self._taken: int | None = None
        self.at = now

    def is_made(self) -> bool:
        """Whether they took something since this was asked last, and there is more for them."""
        if self._connection is None or not unacknowledged(self._connection):
            return False
        before, self._taken = self._taken, acknowledged(self._connection)
        return self._taken != before

    def is_hopeless(self, now: float, blocked: bool) -> bool:
        """Whether their machine is gone, or takes nothing of what waits."""
        connection = self._connection
        if connection is not None and (taken := acknowledged(connection)) != self._taken:
            self._taken, self.at = taken, now
        if blocked and now - self.at >= limits.STALL_SECONDS:
            logger.info("Closing a connection that took nothing for {seconds} s", seconds=limits.STALL_SECONDS)
            return True
        if connection is not None and is_dead(connection, limits.UNACKED_SECONDS):
            logger.info("Closing a connection whose machine is gone")
            return True
        return False


def beneath(transport: ITransport) -> socket.socket | None:
    """The TCP socket beneath a transport, TLS for one; None where there is none, as of unix sockets."""
    found = _unwrapped(transport)
    # Not isinstance: one of a unix socket is a kind of it.
    return found.getHandle() if type(found) is tcp.Server else None


def all_has_come(transport: ITransport) -> bool:
    """Whether their machine has acknowledged all that was sent, or their program read it, of a unix socket."""
    found = _unwrapped(transport)
    if not isinstance(found, tcp.Server):
        return False
    # Twisted has no public question for what still waits to be given to the kernel.
    return not (found.dataBuffer or found._tempDataBuffer or unacknowledged(found.getHandle()))


def _unwrapped(transport: object) -> object:
    while isinstance(transport, Layer):
        transport = transport.transport
    return transport


def read_in_portions(transport: ITransport | None) -> None:
    """Read little at once: lines that have to wait, of two letters each, cost twenty times what their bytes do.

    (Twisted reads 64 KiB.  It is also from how much on that waits to be sent a unix socket takes no more.)
    """
    found = _unwrapped(transport)
    if isinstance(found, tcp.Connection):
        found.bufferSize = limits.READ


def tune(connection: socket.socket) -> None:
    """Have the kernel ask a silent peer, hold little, and send each line at once (Nagle's delay is 40 ms)."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.SEND_BUFFER)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, limits.KEEPALIVE_IDLE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, limits.KEEPALIVE_INTERVAL)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, limits.KEEPALIVE_COUNT)


def unacknowledged(connection: socket.socket) -> int:
    """Bytes that were sent, or wait to be, and that the other machine has not acknowledged.

    Of a unix socket it is more than these bytes, and 0 when they were read.
    """
    answer = fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4)
    return int(struct.unpack("i", answer)[0])


def acknowledged(connection: socket.socket) -> int | None:
    """How many bytes the other machine has acknowledged so far; None where the kernel does not say."""
    info = _tcp_info(connection)
    return None if info is None else int(struct.unpack_from("Q", info, _BYTES_ACKED)[0])


def standing(connection: socket.socket | None) -> Standing:
    """How this one stands; where the kernel does not say, it is open."""
    info = None if connection is None else _tcp_info(connection)
    return Standing.OPEN if info is None else _STANDING.get(info[0], Standing.OPEN)


_STANDING = {7: Standing.CLOSED, 8: Standing.ENDED}
"""TCP_CLOSE and TCP_CLOSE_WAIT of `tcpi_state`, the first byte."""


def is_broken_off(connection: socket.socket) -> bool:
    """Whether one that is closed was reset, with no end of their input before; to be asked once.

    Where a failed `send` was told of it first, nobody knows any more, and the answer is no.
    """
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET


def silence_before_end(connection: socket.socket) -> float:
    """Seconds between the last bytes that came and the end of their input, which is an acknowledgement, too."""
    info = _tcp_info(connection)
    if info is None:
        return 0.0
    data, end = (struct.unpack_from("I", info, place)[0] for place in (_LAST_DATA_RECV, _LAST_ACK_RECV))
    return float(data - end) / 1000


def is_dead(connection: socket.socket, seconds: float) -> bool:
    """Whether something was sent that nobody acknowledges, and no acknowledgement at all came for this long.

    Bytes that wait for a stopped terminal to read were not sent: there the kernel asks, every two minutes in the end,
    whether it may, and what counts are questions without an answer.
    """
    info = _tcp_info(connection)
    if info is None or not (struct.unpack_from("I", info, _UNACKED)[0] or info[_PROBES] > 1):
        return False
    return bool(struct.unpack_from("I", info, _LAST_ACK_RECV)[0] >= seconds * 1000)


def _tcp_info(connection: socket.socket) -> bytes | None:
    if sys.platform != "linux":
        return None
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
    # Kernels before 4.2 know less.
    return info if len(info) == _BYTES_ACKED + 8 else None


def is_loopback(address: str) -> bool:
    """Whether it is this machine's own, which no packet from outside can bear."""
    parsed = _parsed(address)
    return parsed is not None and parsed.is_loopback


def is_private(address: str) -> bool:
    """Whether it is of a network of one's own, which no packet from the internet can bear, or this machine's."""
    parsed = _parsed(address)
    return parsed is not None and (parsed.is_loopback or any(parsed in network for network in _PRIVATE))


_PRIVATE = [
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
]
"""RFC 1918, 3927, 4193 and 4291.  Not 100.64.0.0/10 (RFC 6598): there a provider's customers are all together."""


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None where it is no address; IPv4 in IPv6 is IPv4."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def host(address: str) -> str:
    """The address that limits count by: IPv4 in IPv6 is IPv4, and an IPv6 network of one customer is one host."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
