"""Clients of other protocols: known by how they begin, and answered so that their own program says where to go."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from world import Client, World

from chat.base import limits
from chat.base.language import language
from chat.doors.sniffing import ForeignProtocol, Reception, by_first_bytes, by_first_line, recognise, speaks_irc
from chat.wire.join_hints import Directions

STRANGERS = {
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03": ForeignProtocol.TLS,
    b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n": ForeignProtocol.HTTP,
    b"POST /x?y HTTP/1.0\r\n\r\namy\nhello\n": ForeignProtocol.HTTP,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": ForeignProtocol.HTTP,
    b"CONNECT pi:443 HTTP/1.1\r\n\r\n": ForeignProtocol.HTTP,
    b"HEAD / HTTP/1.1\r\n\r\n": ForeignProtocol.HEAD,
    b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n": ForeignProtocol.SSH,
    b"SSH-1.99-x\n": ForeignProtocol.SSH,
    b"CAP LS 302\r\nNICK zed\r\nUSER zed 0 * :Zed\r\n": ForeignProtocol.IRC,
    b"NICK zed\r\nUSER zed zed pi :Zed Zed\r\n": ForeignProtocol.IRC,
    b"PASS secret\n": ForeignProtocol.IRC,
    b"USER bot 0 * :bot\n": ForeignProtocol.IRC,
    b"\x04\x01\x00\x50\x01\x02\x03\x04\x00": ForeignProtocol.SOCKS4,
    b"\x05\x01\x00": ForeignProtocol.SOCKS5,
}

PEOPLE = [
    b"amy\n",
    b"GET\n",
    b"GET / HTTP\n",
    b"GET me a coffee HTTP/1.1\n",
    b"what is HTTP/1.1\n",
    b"what is SSH-2.0-x\n",
    b"SSH\n",
    b"nick zed\n",
    b"NICK\n",
    b"Nick Cave\n",
    b"CAP\n",
    b"PASS the salt please\n",
    b"USER\n",
    b"SSH- is fine\n",
    b"\x04",
    b"\xff\xfb\x18",
    b"\x1b[A",
    "ñandú / HTTP/1.1\n".encode(),
]


@pytest.mark.parametrize("data", STRANGERS, ids=lambda data: repr(data[:12]))
def test_strangers_are_known_by_how_they_begin(data: bytes) -> None:
    assert recognise(data) is STRANGERS[data]


@pytest.mark.parametrize("data", PEOPLE, ids=repr)
def test_people_are_not_taken_for_strangers(data: bytes) -> None:
    assert recognise(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"CAP LS 302\r\nNICK zed\r\nUSER zed 0 * :Zed\r\n",
        b"CAP LS :302\r\n",
        b"CAP :END\n",
        b"NICK zed\r",
        b"NICK :zed\r\n",
        b"USER p 0 * p\r\n",
        b'USER zed "zed" "pi" :Zed\r\n',
        b"PASS :K7F2Q-X9M4T\r\n",
        b"JOIN :\r\n",
        b"@label=1 CAP LS 302\r\n",
        b"NICK Jos\xc3\xa9\n",
    ],
    ids=repr,
)
def test_irc_clients_are_known_by_their_first_line(data: bytes) -> None:
    assert speaks_irc(data)


@pytest.mark.parametrize("data", [*PEOPLE, b"CAP LS 302", b"USER x y z\n", b"PASS the salt\n", b"JOIN us\n"], ids=repr)
def test_people_are_not_taken_for_irc_clients(data: bytes) -> None:
    assert not speaks_irc(data)


@given(st.binary())
def test_any_beginning_is_looked_at_without_an_error(data: bytes) -> None:
    recognise(data)


@given(st.characters(min_codepoint=32, exclude_categories=["Cc", "Cs"]), st.text())
def test_nobody_who_begins_with_a_letter_is_known_by_bytes(first: str, rest: str) -> None:
    assert by_first_bytes((first + rest).encode("utf-8", "ignore")) is None


def test_an_endless_first_line_takes_no_time() -> None:
    assert by_first_line("A" * limits.LINE) is None
    assert by_first_line("GET " + "/" * limits.LINE) is None
    assert by_first_line("GET " + " " * limits.LINE + "HTTP/1.1") is None


# The answers.


def reception(code: str = "en") -> Reception:
    plain, sealed = (IPv4Address("TCP", "0.0.0.0", port) for port in (12345, 12346))
    return Reception(language(code), Directions([plain], [sealed]))


def test_http_gets_a_whole_answer_with_the_ways_to_join() -> None:
    head, _, body = reception().answer(ForeignProtocol.HTTP, "192.0.2.9").partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert head.startswith(b"HTTP/1.1 400 ")
    assert fields["Content-Length"] == str(len(body))
    assert fields["Connection"] == "close"
    assert fields["Content-Type"].startswith("text/plain")
    assert body.decode().splitlines() == [
        "This is a chat, not a web server. Join it with:",
        "  nc 192.0.2.9 12345",
        "  telnet 192.0.2.9 12345",
        "  curl.exe telnet://192.0.2.9:12345   (Windows, nothing to install)",
        "  chat-client 192.0.2.9",
        "  /connect 192.0.2.9 12345   (in an IRC client)",
        "  ncat --ssl 192.0.2.9 12346",
        "  openssl s_client -quiet -connect 192.0.2.9:12346",
        "  chat-client --tls 192.0.2.9:12346",
    ]


def test_to_a_question_for_the_head_alone_there_is_no_body() -> None:
    assert reception().answer(ForeignProtocol.HEAD, "192.0.2.9").endswith(b"\r\n\r\n")


def test_tls_gets_a_fatal_alert() -> None:
    assert reception().answer(ForeignProtocol.TLS, "192.0.2.9") == b"\x15\x03\x01\x00\x02\x02\x46"


@pytest.mark.parametrize("code", ["en", "es"])
@pytest.mark.parametrize("host", ["192.0.2.9", "::1", "2001:db8:1111:2222:3333:4444:5555:6666"])
def test_ssh_gets_a_packet_that_is_well_formed(code: str, host: str) -> None:
    line, _, packet = reception(code).answer(ForeignProtocol.SSH, host).partition(b"\r\n")
    length, padding = struct.unpack_from(">IB", packet)
    number, reason, size = struct.unpack_from(">BII", packet, 5)
    text = packet[14 : 14 + size]
    assert line == b"SSH-2.0-chat"
    assert (len(packet), len(packet) % 8) == (length + 4, 0)
    assert 4 <= padding == length - 1 - 9 - size - 4
    assert (number, reason, packet[14 + size : 18 + size]) == (1, 2, bytes(4))
    assert len(text.decode()) <= 400


def test_irc_gets_notices_and_an_error() -> None:
    lines = reception().answer(ForeignProtocol.IRC, "192.0.2.9").decode().split("\r\n")
    assert lines[:2] == [
        "NOTICE * :This port is encrypted. Join with one of these:",
        "NOTICE * :  nc 192.0.2.9 12345",
    ]
    assert lines[-2:] == ["ERROR :This port is encrypted. Join with one of these: nc 192.0.2.9 12345", ""]


@pytest.mark.parametrize("host", ["", "::1", "2001:db8:1111:2222:3333:4444:5555:6666"])
def test_no_line_for_irc_is_longer_than_its_clients_read(host: str) -> None:
    for code in ("en", "es"):
        assert all(len(line) <= 510 for line in reception(code).answer(ForeignProtocol.IRC, host).split(b"\r\n"))


def test_socks_is_refused() -> None:
    assert reception().answer(ForeignProtocol.SOCKS4, "")[:2] == b"\0\x5b"
    assert reception().answer(ForeignProtocol.SOCKS5, "") == b"\5\xff"


def test_a_way_is_named_only_to_whom_it_is_open() -> None:
    local, remote = IPv4Address("TCP", "127.0.0.1", 12345), IPv4Address("TCP", "0.0.0.0", 12346)
    here, there = (
        [way.text for way in Directions([local], [remote]).ways(host)] for host in ("127.0.0.1", "192.0.2.9")
    )
    assert any("nc {host}" in way for way in here)
    assert not any("  nc " in way for way in there)
    assert any("--ssl" in way for way in there)


def test_ipv4_in_ipv6_is_shown_as_ipv4() -> None:
    way = Directions([IPv4Address("TCP", "0.0.0.0", 12345)]).ways("::ffff:192.0.2.9")[0]
    assert way.fields["host"] == "192.0.2.9"


# On a connection.


@pytest.mark.parametrize(
    "data",
    [data for data, kind in STRANGERS.items() if data[0] > 5 and kind is not ForeignProtocol.IRC],
    ids=lambda data: repr(data[:12]),
)
def test_a_stranger_is_answered_before_any_greeting_and_closed(data: bytes, world: World) -> None:
    bob = world.enter("bob")
    stranger = _silent(world)
    stranger.send(data)
    world.turn()
    assert stranger.socket.received == world.factory.reception.answer(STRANGERS[data], "10.0.0.1")
    assert stranger.ended
    stranger.send(b"amy\nmore\n")
    world.wait(limits.CLOSE_SECONDS)
    world.turn()
    assert stranger.gone
    assert bob.take() == []


def test_a_web_form_in_pieces_says_nothing(world: World) -> None:
    bob = world.enter("bob")
    stranger = _silent(world)
    for byte in b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\namy\nhello\n":
        stranger.send(bytes([byte]))
        world.wait(0.1)
    assert b"HTTP/1.1 400" in stranger.socket.received
    assert bob.take() == []


def test_a_first_line_without_its_end_counts_at_the_end_of_input(world: World) -> None:
    stranger = _silent(world)
    stranger.send(b"GET / HTTP/1.0")
    stranger.close()
    assert stranger.socket.received.startswith(b"HTTP/1.1 400")
    assert stranger.gone


def test_later_lines_are_talk_whatever_they_say(world: World) -> None:
    bob, amy = world.enter("bob"), world.enter("amy")
    amy.type("GET / HTTP/1.1", "SSH-2.0-x")
    assert bob.take()[-2:] == ["<amy> GET / HTTP/1.1", "<amy> SSH-2.0-x"]


def test_people_are_greeted_after_a_moment(world: World) -> None:
    guest = _silent(world)
    assert guest.bytes == b""
    world.wait(limits.GREET_SECONDS)
    assert guest.take()[0].startswith("-> Welcome")


def test_who_speaks_first_is_greeted_at_once(world: World) -> None:
    program = _silent(world)
    program.type("/json")
    assert program.objects[0]["type"] == "hello"


def test_who_ends_their_input_at_once_is_greeted_and_closed(world: World) -> None:
    guest = _silent(world)
    guest.close()
    assert guest.lines[0].startswith("-> Welcome")
    assert guest.gone


def _silent(world: World) -> Client:
    """Somebody who has connected a moment ago, and is not greeted yet."""
    return world.connect(greeted=False)
