"""TLS: all that is promised on a plain connection holds, and nobody speaks in clear where TLS is spoken."""

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL
from sealed import NOW, Sealed, files
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from world import ENDLESS, World, until

from chat.base import limits
from chat.base.language import language
from chat.doors import tls
from chat.doors.certificate import Certificate
from chat.doors.sniffing import Reception
from chat.doors.tls import Certificates
from chat.wire.join_hints import Directions

VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}


def speaking(version: int, suites: bytes = b"") -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    if suites:
        context.set_cipher_list(suites)
    return context


@pytest.fixture
def logged_lines() -> Iterator[list[str]]:
    lines: list[str] = []

    def observe(event: dict) -> None:
        lines.append(event["log_format"].format_map(event) if event.get("log_format") else "")

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


# Talking.


@pytest.mark.parametrize("version", VERSIONS)
def test_people_talk_and_no_byte_of_it_is_in_clear(version: str, world: World) -> None:
    bob = world.enter("bob")
    amy = Sealed(world, "amy", "hello", context=speaking(VERSIONS[version]))
    bob.type("hi amy")
    assert "<bob> hi amy" in amy.take()
    assert "<amy> hello" in bob.take()
    for word in (b"hello", b"hi amy", b"Welcome", b"Hello"):
        assert word not in amy.clear


def test_the_greeting_comes_after_the_handshake_and_waits_a_moment_for_a_first_line(world: World) -> None:
    guest = Sealed(world)
    assert guest.take() == []
    world.wait(limits.GREET_SECONDS)
    assert guest.take()[0].startswith("-> Welcome")


def test_who_offers_protocols_as_browsers_do_is_let_in(world: World) -> None:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_alpn_protos([b"h2", b"http/1.1"])
    assert "-> Hello amy." in " ".join(Sealed(world, "amy", context=context).take())


@pytest.mark.parametrize(
    "context",
    [
        speaking(SSL.TLS1_1_VERSION, b"ALL:@SECLEVEL=0"),
        speaking(SSL.TLS1_2_VERSION, b"ECDHE+AES+SHA256:ECDHE+AES+SHA384"),
        speaking(SSL.TLS1_2_VERSION, b"kRSA"),
    ],
    ids=["TLS 1.1", "CBC", "no forward secrecy"],
)
def test_what_is_weak_is_refused(context: SSL.Context, world: World) -> None:
    with pytest.raises(SSL.Error):
        Sealed(world, context=context)
    world.turn()
    assert world.factory.clients == set()


# The end of input.


def test_a_close_notify_is_a_leave_and_what_is_owed_is_still_delivered(world: World) -> None:
    bob = world.enter("bob")
    amy = Sealed(world, "amy")
    amy.take()
    # More than are handled at once.
    amy.tls.sendall(b"words\n" * (2 * limits.LINES_PER_READ) + b"/who\n")
    amy.goodbye()
    assert amy.take() == ["-> 2 people are in #lobby: bob and amy"]
    assert amy.ended
    assert bob.take()[-2:] == ["<amy> words", "-!- amy left (0 s)"]
    amy.fin()
    assert amy.gone


def test_a_tcp_end_behind_the_close_notify_changes_nothing(world: World) -> None:
    amy = Sealed(world, "amy")
    amy.take()
    amy.tls.sendall(b"/who\n")
    amy.tls.shutdown()
    amy.fin()
    assert amy.take() == ["-> One person is in #lobby: amy"]
    assert (amy.ended, amy.gone) == (True, True)
    assert world.hub.people == {}


def test_an_end_without_close_notify_is_a_cut_of_which_whole_lines_count(world: World) -> None:
    bob = world.enter("bob")
    amy = Sealed(world, "amy")
    amy.take()
    amy.tls.sendall(b"whole\n/who\n/quit")
    amy.fin()
    assert amy.take() == ["-> 2 people are in #lobby: bob and amy"]
    assert (amy.ended, amy.gone) == (True, True)
    assert bob.take()[-1] == "<amy> whole"
    bob.type("/who")
    assert bob.take() == ["-> 2 people are in #lobby: bob and amy (line down 0 s)"]


def test_on_the_wire_of_programs_a_close_notify_is_a_cut_too(world: World) -> None:
    amy = Sealed(world, "/json", "/nick amy")
    amy.goodbye()
    assert amy.ended
    assert [person.author.nick for person in world.hub.down] == ["amy"]


def test_a_long_page_is_delivered_after_the_end_of_input(world: World) -> None:
    for number in range(100):
        world.enter(f"p{number}", "x" * 1000).close()
    amy = Sealed(world, "amy", context=speaking(SSL.TLS1_3_VERSION))
    amy.take()
    amy.socket.room = 1000
    amy.tls.sendall(b"/last 100\n")
    amy.goodbye()
    assert not amy.ended
    amy.socket.room = ENDLESS
    world.kernel.look(amy.socket)
    assert len([line for line in amy.take() if line.endswith("x" * 10)]) == 100
    assert amy.ended


# Those who do not read.


def test_who_does_not_read_costs_little_memory_and_reads_on_where_they_were(world: World) -> None:
    bob = world.enter("bob")
    amy = Sealed(world, "amy")
    amy.take()
    amy.socket.room = 0
    for number in range(300):
        bob.type(f"{number} " + "x" * 1900)
    waiting = len(amy.socket.dataBuffer) + sum(map(len, amy.socket._tempDataBuffer))
    assert amy.protocol.visit.blocked
    assert waiting < 200_000
    amy.socket.room = ENDLESS
    world.kernel.look(amy.socket)
    lines = [line for line in amy.take() if line.startswith("<bob>")]
    assert [line.split()[1] for line in lines] == [str(number) for number in range(300)]


def test_who_does_not_read_is_closed_within_seconds_all_the_same(world: World) -> None:
    bob = world.enter("bob")
    amy = Sealed(world, "amy")
    amy.socket.room = 0
    for _ in range(100):
        bob.type("x" * 1900)
    amy.protocol.close()
    assert until(world, lambda: amy.gone, 10, 0.5) <= limits.CLOSE_SECONDS + 1


def test_a_stopping_server_lets_them_read_and_says_goodbye(world: World) -> None:
    amy = Sealed(world, "amy")
    amy.take()
    world.factory.hold()
    gone = world.factory.drain()
    assert amy.take() == ["-> The server is stopping."]
    assert amy.ended
    amy.goodbye()
    assert (amy.gone, gone.called) == (True, True)


# The handshake in time.


def test_half_a_handshake_is_closed_after_ten_seconds(world: World) -> None:
    guest = Sealed(world, handshake=False)
    guest.raw(guest.hello()[:50])
    world.wait(limits.HANDSHAKE_SECONDS - 0.1)
    assert not guest.gone
    world.wait(0.2, 0.1)
    assert guest.gone


@pytest.mark.parametrize("size", [0, 50])
def test_an_end_before_the_handshake_is_the_end(size: int, world: World) -> None:
    guest = Sealed(world, handshake=False)
    guest.raw(guest.hello()[:size] or b"\x16")
    before = len(guest.clear)
    guest.raw(b"")
    assert guest.gone
    assert len(guest.clear) - before <= 7
    assert world.factory.clients == set()


def test_a_byte_a_second_buys_no_time(world: World) -> None:
    guest = Sealed(world, handshake=False)
    for byte in guest.hello()[:20]:
        if not guest.gone:
            guest.raw(bytes([byte]))
        world.wait(1)
    assert guest.gone


def test_it_counts_as_a_connection_of_its_address_from_the_first_moment() -> None:
    world = World(max_per_host=1)
    first = Sealed(world, handshake=False)
    second = Sealed(world)
    world.wait(limits.GREET_SECONDS)
    assert second.take() == ["! too-many: Your address has 1 connections already."]
    assert second.ended
    first.raw(b"")
    assert first.gone


# Those who speak in clear.


@pytest.fixture
def listening(world: World) -> World:
    """It is known where the service listens: socket.getHost() says 10.0.0.1."""
    plain, sealed = (IPv4Address("TCP", "0.0.0.0", port) for port in (12345, 12346))
    world.factory.reception = Reception(language("en"), Directions([plain], [sealed]))
    return world


def test_a_person_with_nc_is_told_where_to_go_and_nothing_they_said_is_handled(
    listening: World, logged_lines: list[str]
) -> None:
    bob = listening.enter("bob")
    guest = Sealed(listening, handshake=False)
    guest.raw(b"amy\nhello\n")
    guest.raw(b"more\n")
    lines = guest.clear.decode().splitlines()
    assert lines[0] == "! needs-tls: This port is encrypted. Join with one of these:"
    assert "->   ncat --ssl 10.0.0.1 12346" in lines
    assert "->   nc 10.0.0.1 12345" in lines
    assert guest.socket.ended
    assert bob.take() == []
    assert logged_lines == ["Not TLS but text on an encrypted port, from 192.0.2.1"]
    guest.raw(b"")
    assert guest.gone


def test_who_waits_for_a_greeting_is_told_too(listening: World) -> None:
    guest = Sealed(listening, handshake=False)
    listening.wait(limits.HANDSHAKE_SECONDS)
    assert guest.clear.startswith(b"! needs-tls")
    listening.wait(limits.CLOSE_SECONDS)
    listening.turn()
    assert guest.gone


def test_a_web_browser_is_answered_in_its_protocol_in_clear_and_encrypted(listening: World) -> None:
    clear = Sealed(listening, handshake=False)
    clear.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    encrypted = Sealed(listening)
    encrypted.say(b"POST / HTTP/1.1\r\nHost: x\r\n\r\namy\nhello\n")
    for answer in (clear.clear, bytes(encrypted.received)):
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"chat-client --tls 10.0.0.1:12346\n" in answer
    assert listening.hub.people == {}


# Certificates that are replaced.


def copied(new: Path, old: Path) -> None:
    for path in new.iterdir():
        shutil.copy(path, old)


def directories(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old", tmp_path / "new"
    for directory in (old, new):
        directory.mkdir()
        files(directory)
    return old, new


def serial(client: Sealed) -> int:
    certificate = client.tls.get_peer_certificate(as_cryptography=True)
    assert certificate is not None
    return certificate.serial_number


def test_newcomers_get_the_new_certificate_and_those_who_talk_go_on(tmp_path: Path, world: World) -> None:
    old, new = directories(tmp_path)
    shown = Certificates(files(old), Clock(), lambda: NOW)
    amy = Sealed(world, "amy", shown=shown)
    copied(new, old)
    assert language("en").words(shown.reload()) == f"New certificate: {shown.fingerprint}, valid until 2036-11-19"
    bob = Sealed(world, "bob", shown=shown)
    assert serial(amy) != serial(bob)
    amy.type("still here")
    assert "<amy> still here" in bob.take()
    assert shown.reload() is None


def test_openssl_is_given_our_own_with_the_first_connection_and_what_it_may_refuse_at_once(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    def context(certificate: Certificate) -> SSL.Context:
        given.append(certificate)
        return make(certificate)

    make = tls._context
    monkeypatch.setattr(tls, "_context", context)
    shown = Certificates(files(tmp_path), Clock(), lambda: NOW)
    assert (shown.fingerprint.startswith("SHA256:"), given) == (True, [])
    for name in ("amy", "bob"):
        assert f"-> Hello {name}." in " ".join(Sealed(world, name, shown=shown).take())
    assert len(given) == 1
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "chat-private-key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (tmp_path / "chat-certificate.pem").unlink()
    Certificates(files(tmp_path), Clock(), lambda: NOW)
    assert len(given) == 2


def test_a_bad_new_certificate_keeps_the_old_one_and_is_told_of(tmp_path: Path, world: World) -> None:
    old, new = directories(tmp_path)
    shown = Certificates(files(old), Clock(), lambda: NOW)
    before = shown.fingerprint
    shutil.copy(new / "chat-certificate.pem", old)
    assert language("en").words(shown.reload()).startswith("The certificate stays as it was: The key in ")
    assert shown.fingerprint == before
    assert "-> Hello amy." in " ".join(Sealed(world, "amy", shown=shown).take())


def test_a_new_certificate_is_found_without_a_word(tmp_path: Path, logged_lines: list[str]) -> None:
    old, new = directories(tmp_path)
    clock = Clock()
    shown = Certificates(files(old), clock, lambda: NOW)
    shown.start()
    clock.advance(limits.CERTIFICATE_LOOK_SECONDS)
    assert logged_lines == []
    (old / "chat-certificate.pem").write_text("half a")
    for _ in range(3):
        clock.advance(limits.CERTIFICATE_LOOK_SECONDS)
    assert len(logged_lines) == 1
    assert "stays as it was" in logged_lines[0]
    copied(new, old)
    clock.advance(limits.CERTIFICATE_LOOK_SECONDS)
    assert logged_lines[1:] == [f"New certificate: {shown.fingerprint}, valid until 2036-11-19"]
    os.utime(old / "chat-certificate.pem", (0, 0))
    clock.advance(limits.CERTIFICATE_LOOK_SECONDS)
    assert logged_lines[2:] == ["The certificate was written again, and is the same"]
    shown.stop()
    assert clock.getDelayedCalls() == []


def test_the_end_of_a_certificate_is_warned_of_once_a_day(tmp_path: Path, logged_lines: list[str]) -> None:
    now = NOW
    clock = Clock()
    shown = Certificates(files(tmp_path, NOW - timedelta(days=3640)), clock, lambda: now)
    shown.start()
    clock.advance(limits.CERTIFICATE_LOOK_SECONDS)
    now += timedelta(days=1)
    clock.advance(limits.CERTIFICATE_LOOK_SECONDS)
    now += timedelta(days=10)
    clock.advance(limits.CERTIFICATE_LOOK_SECONDS)
    assert logged_lines == [
        "The certificate ends on 2026-12-02; a new one is taken without a restart.",
        "The certificate ends on 2026-12-02; a new one is taken without a restart.",
        "The certificate ended on 2026-12-02: clients refuse it.",
    ]


# What TLS costs.


def test_records_that_say_next_to_nothing_are_read_no_faster_than_they_are_paid() -> None:
    """As those are that change keys, or hold nothing at all: what is known of them is their bytes."""
    world = World(rate=2)
    amy, bob = Sealed(world, "amy"), world.enter("bob")
    size, count = 22, 200
    for _ in range(50):
        amy.tls.send(b"x")
        record = amy.tls.bio_read(65536)
        assert len(record) == size + 1
        for _ in range(count - 1):
            amy.tls.send(b"x")
        amy.socket.sent.append(record + amy.tls.bio_read(65536))
        world.kernel.look(amy.socket)
        world.turn()
    price = limits.PRICE_SEALED_BYTE * size * count
    read = 50 - len(amy.socket.sent)
    assert 1 <= read <= limits.BUDGET_BURST / price + 2
    bob.take()
    bob.type("hi")
    assert "<bob> hi" in amy.take()
    before = len(amy.socket.sent)
    world.wait(1, step=0.1)
    assert before - len(amy.socket.sent) <= limits.BUDGET_RATE / price + 2
    world.wait(100, step=0.1)
    assert not amy.socket.sent


def test_a_long_line_costs_no_more_for_coming_in_parts() -> None:
    world = World(rate=2)
    amy = Sealed(world, "amy")
    before = amy.protocol.visit._budget.left
    amy.tls.send(b"x" * 16_000)
    data = amy.tls.bio_read(65536)
    for start in range(0, len(data), 1000):
        amy.raw(data[start : start + 1000])
    assert before - amy.protocol.visit._budget.left < 2_000


def test_what_may_take_long_to_open_waits_for_its_turn_and_nothing_else_is_read_before_it() -> None:
    world = World()
    bob, amy = world.enter("bob"), Sealed(world, "amy")
    bob.take()
    amy.tls.send(b"a" * limits.SEALED_AT_ONCE + b"\n")
    amy.tls.send(b"b\n")
    data = amy.tls.bio_read(65536)
    amy.transport.dataReceived(data[:-24])
    amy.transport.dataReceived(data[-24:])
    assert bob.lines == []
    world.turn()
    assert [line[:7] for line in bob.take()] == ["<amy> a", "<amy> b"]
    amy.tls.send(b"c\n")
    amy.transport.dataReceived(amy.tls.bio_read(65536))
    world.turn()
    assert bob.take() == ["<amy> c"]


@pytest.mark.parametrize("end", ["", "lost"])
def test_what_came_before_the_end_is_opened_before_it(end: str) -> None:
    world = World()
    bob, amy = world.enter("bob"), Sealed(world, "amy")
    bob.take()
    amy.tls.send(b"a" * limits.SEALED_AT_ONCE + b"\n")
    amy.transport.dataReceived(amy.tls.bio_read(65536))
    if end:
        amy.socket.connectionLost(Failure(ConnectionLost()))
    else:
        amy.transport.readConnectionLost()
    world.turn()
    assert bob.take()[0][:7] == "<amy> a"
