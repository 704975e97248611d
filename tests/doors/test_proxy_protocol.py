"""Connections that a proxy hands on: headers of any form, in any pieces, and whose address counts."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxy_headers import GOOD, SIGNATURE, binary, connect
from world import World

from chat.base import limits
from chat.doors.proxy_protocol import Header, read

BAD = {
    "no header": b"amy\n",
    "nearly one": b"PROXYTCP4 192.0.2.7 10.0.0.1 50000 12345\r\n",
    "small letters": b"proxy TCP4 192.0.2.7 10.0.0.1 50000 12345\r\n",
    "another kind": b"PROXY UDP4 192.0.2.7 10.0.0.1 50000 12345\r\n",
    "IPv6 as IPv4": b"PROXY TCP4 ::1 ::1 50000 12345\r\n",
    "IPv4 as IPv6": b"PROXY TCP6 192.0.2.7 10.0.0.1 50000 12345\r\n",
    "no address": b"PROXY TCP4 pi 10.0.0.1 50000 12345\r\n",
    "an interface": b"PROXY TCP6 fe80::1%eth0 fe80::2 50000 12345\r\n",
    "no port": b"PROXY TCP4 192.0.2.7 10.0.0.1 50000\r\n",
    "a large port": b"PROXY TCP4 192.0.2.7 10.0.0.1 65536 12345\r\n",
    "a negative port": b"PROXY TCP4 192.0.2.7 10.0.0.1 -1 12345\r\n",
    "two blanks": b"PROXY TCP4  192.0.2.7 10.0.0.1 50000 12345\r\n",
    "not ASCII": "PROXY TCP4 192.0.2.7 10.0.0.1 5000² 12345\r\n".encode(),
    "too long": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "endless": b"PROXY " + b"x" * 10_240,
    "binary, endless": SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 10_240),
    "binary, version 1": binary("192.0.2.7", command=0x11),
    "binary, another command": binary("192.0.2.7", command=0x22),
    "binary, another family": binary("192.0.2.7", family=0x41),
    "binary, too short": SIGNATURE + b"\x21\x11\0\x04\1\2\3\4",
    "binary, IPv4 as IPv6": binary("192.0.2.7", family=0x21),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_header_says_who_connected_and_what_follows_is_theirs(name: str) -> None:
    data, source = GOOD[name]
    assert read(data) == Header(source, b"")
    assert read(data + b"amy\r\n") == Header(source, b"amy\r\n")


@pytest.mark.parametrize("name", GOOD)
def test_no_part_of_a_header_is_one_yet(name: str) -> None:
    data, _ = GOOD[name]
    assert [read(data[:end]) for end in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_header_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(BAD[name])


@given(
    st.binary(max_size=300)
    | st.builds(lambda data: b"PROXY " + data, st.binary(max_size=120))
    | st.builds(lambda data: SIGNATURE + data, st.binary(max_size=300))
)
def test_any_bytes_are_a_header_or_the_beginning_of_one_or_none(data: bytes) -> None:
    try:
        header = read(data)
    except ValueError:
        # Nor is anything that begins so.
        with pytest.raises(ValueError, match=r"."):
            read(data + b"\r\n")
    else:
        assert header is None or data.endswith(header.rest)


# Connections.


def test_before_the_header_nobody_is_connected(world: World) -> None:
    amy = connect(world)
    world.wait(1)
    assert amy.lines == []
    assert world.factory.clients == set()
    amy.send(GOOD["text, IPv4"][0])
    world.turn()
    world.wait(1)
    assert amy.take()[0].startswith("-> Welcome")
    assert [client.host for client in world.factory.clients] == ["192.0.2.7"]


def test_a_header_may_come_byte_by_byte_with_the_first_line_behind_it(world: World) -> None:
    data = binary("192.0.2.7") + b"amy\nhi\n"
    amy = connect(world, *[data[at : at + 1] for at in range(len(data))])
    world.wait(1)
    assert any("Hello amy" in line for line in amy.lines)


def test_who_is_handed_on_may_close_half_of_the_connection(world: World) -> None:
    amy = connect(world, b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 12345\r\n/post amy done\n", b"")
    world.wait(1)
    assert amy.lines[-1] == "-> posted"
    assert amy.gone


@pytest.mark.parametrize("name", BAD)
def test_without_a_good_header_the_connection_is_closed_and_nothing_of_it_is_handled(world: World, name: str) -> None:
    nobody = connect(world, BAD[name], b"/post amy hi\n")
    world.wait(1)
    assert nobody.gone
    assert nobody.bytes == b""
    assert world.factory.clients == set()


def test_a_header_that_does_not_come_is_not_waited_for(world: World) -> None:
    nobody = connect(world, b"PROXY TCP4 ")
    world.wait(limits.PROXY_SECONDS - 0.1)
    assert not nobody.gone
    world.wait(0.1)
    world.turn()
    assert nobody.gone
    assert world.clock.getDelayedCalls() == []


def test_the_end_of_a_header_that_never_was_leaves_nothing(world: World) -> None:
    connect(world, b"PROXY", b"")
    assert world.clock.getDelayedCalls() == []


def test_limits_and_bans_count_the_address_of_the_header() -> None:
    world = World(max_per_host=1, bans=["192.0.2.9"])
    one = connect(world, binary("192.0.2.7"), b"one\n")
    other = connect(world, binary("192.0.2.8"), b"other\n")
    third = connect(world, binary("::ffff:192.0.2.7"))
    banned = connect(world, binary("192.0.2.9"))
    world.wait(1)
    assert any("Hello one" in line for line in one.lines)
    assert any("Hello other" in line for line in other.lines)
    assert third.lines == ["! too-many: Your address has 1 connections already."]
    assert banned.lines == ["! banned: The operator of this server has banned your address."]


def test_the_proxys_own_connections_count_for_the_proxy(world: World) -> None:
    connect(world, b"PROXY UNKNOWN\r\n")
    connect(world, SIGNATURE + b"\x20\0\0\0")
    assert {client.host for client in world.factory.clients} == {"10.0.0.9"}
