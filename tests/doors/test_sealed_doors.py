"""Who comes by a sealed door: one on whose way to us nobody can read along, as far as we can know."""

import struct

import pytest
from proxy_headers import FOUR, SIGNATURE, binary, connect
from sealed import Sealed
from twisted.internet.address import UNIXAddress
from world import World

from chat.doors import sockets
from chat.doors.factory import ChatFactory
from chat.doors.proxy_protocol import Header, read


def tls(client: int, size: int = 5) -> bytes:
    """What a proxy adds about TLS, with these bits."""
    return struct.pack("!BHB", 0x20, size, client) + bytes(size - 1)


ALPN = b"\x01\0\x02h2"

TELLS = {
    "TLS": (tls(1), True),
    "TLS, behind something else": (ALPN + tls(1), True),
    "TLS with a client's certificate, and more": (tls(7, 40) + ALPN, True),
    "no TLS": (tls(0), False),
    "a certificate without TLS": (tls(6), False),
    "nothing": (b"", False),
    "something else": (ALPN, False),
    "an empty one": (b"\x20\0\0", False),
    "half of one": (tls(1)[:-1], False),
    "what hides in another": (b"\x04\0\x08" + tls(1), False),
    "behind half of another": (b"\x04\0\x09" + tls(1), False),
}


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.8.7", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("fe80::1%lo", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_this_machine_is_known_by_its_address(address: str, loopback: bool) -> None:
    assert sockets.is_loopback(address) is loopback


@pytest.mark.parametrize("what", TELLS)
def test_a_proxy_may_tell_of_tls(what: str) -> None:
    more, sealed = TELLS[what]
    assert read(binary("192.0.2.7", more=more) + b"amy\n") == Header(FOUR, b"amy\n", sealed)


def test_what_a_proxy_says_for_itself_seals_nothing() -> None:
    assert read(binary("192.0.2.7", command=0x20, more=tls(1))) == Header(None, b"")
    assert read(SIGNATURE + b"\x20\0\0\x08" + tls(1)) == Header(None, b"")


def test_tls_of_ours_is_sealed_from_anywhere_and_a_plain_line_only_from_this_machine() -> None:
    world = World()
    assert Sealed(world, "amy", host="192.0.2.1").protocol.visit.sealed
    for host, sealed in [("192.0.2.1", False), ("127.0.0.1", True), ("::1", True), ("::2", False)]:
        assert world.connect("/who", host=host).visit.sealed is sealed


def test_where_there_is_a_proxy_this_machine_may_speak_for_others() -> None:
    world = World(proxies=["192.0.2.9"])
    assert not world.connect("/who", host="127.0.0.1").visit.sealed
    assert Sealed(world, "amy").protocol.visit.sealed
    world = World()
    world.factory = ChatFactory(world.hub, world.factory.wires, behind_proxy=True)
    assert not world.connect("/who", host="127.0.0.1").visit.sealed


def test_by_a_proxy_counts_what_it_tells(world: World) -> None:
    assert connect(world, binary("192.0.2.7", more=tls(1)), b"amy\n").socket.protocol.visit.sealed
    for header in (binary("192.0.2.7"), binary("127.0.0.1"), b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"):
        assert not connect(world, header, b"amy\n").socket.protocol.visit.sealed
    assert not connect(world, b"PROXY UNKNOWN\r\n", b"amy\n", host="127.0.0.1").socket.protocol.visit.sealed


def test_a_unix_socket_is_an_ordinary_door(world: World) -> None:
    assert not world.factory.buildProtocol(UNIXAddress("/run/chat")).sealed


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("10.1.2.3", True),
        ("::ffff:192.168.1.2", True),
        ("fd00::1", True),
        ("fe80::1%eth0", True),
        ("127.0.0.1", True),
        ("172.32.0.1", False),
        ("100.64.0.1", False),
        ("2001:db8::1", False),
        ("192.0.2.1", False),
    ],
)
def test_a_private_network_is_known_by_its_addresses(world: World, host: str, private: bool) -> None:
    assert world.connect("/who", host=host).visit.private is private


def test_what_comes_by_a_proxy_is_private_where_the_proxy_tells_of_it() -> None:
    world = World(proxies=["10.0.0.9"])
    assert not world.connect("/who", host="10.0.0.9").visit.private
    assert world.connect("/who", host="10.0.0.8").visit.private
    assert not world.connect("/who", host="127.0.0.1").visit.private
    assert Sealed(world, "amy", host="192.0.2.1").protocol.visit.private
    for told, private in [("192.0.2.7", False), ("10.1.2.3", True), ("127.0.0.1", False)]:
        assert connect(world, binary(told), b"amy\n").socket.protocol.visit.private is private
    assert not world.factory.buildProtocol(UNIXAddress("/run/chat")).private
    assert world.operator().visit.private
