"""The way through TLS, in memory: who is let through, what is said to whom, and when it is given up."""

from dataclasses import replace
from pathlib import Path

import pytest
from certificates import Made, make
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost, DNSLookupError
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.language import Language
from chat.base.text import visible
from chat.client.link.known_servers import KnownServers
from chat.client.link.link import HandshakeFailed, HandshakeTimedOut, reason_of
from chat.client.link.tls import TLSEndpoint
from chat.client.link.trust import Trust, Unknown, Unsafe

WORDS = Language("en").words
FAR_END = IPv4Address("TCP", "10.0.0.1", 12346)
SERVER = make("pi.local", "127.0.0.1")
"""A certificate that its server has made for itself."""


class Transport(StringTransport):
    """A transport in memory that can be aborted."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = self.disconnecting = True


class Recorder(Protocol):
    """Either end, and what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.reason: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.reason = reason


class World:
    """A client that connects to this host, and perhaps a server with this certificate."""

    def __init__(
        self,
        made: Made | None = None,
        host: str = "pi.local",
        pinned: str | None = None,
        known: Path | None = None,
        server: Recorder | None = None,
    ) -> None:
        self.clock = Clock()
        self.near, self.far = Transport(peerAddress=FAR_END), Transport()
        self.trust = Trust(f"{host}:12346", KnownServers(known), pinned)
        self.client, self.server = Recorder(), server or Recorder()
        endpoint = TLSEndpoint(self, host, self.trust, self.clock)  # type: ignore[arg-type]
        self.attempt: Deferred = endpoint.connect(Factory.forProtocol(lambda: self.client))
        self.result: list[object] = []
        self.attempt.addBoth(self.result.append)
        if made is not None:
            factory = TLSMemoryBIOFactory(made, False, Factory.forProtocol(lambda: self.server), self.clock)
            self.tls = factory.buildProtocol(None)
            self.tls.makeConnection(self.far)
            self.pump()

    def connect(self, factory: IProtocolFactory) -> Deferred:
        """(IStreamClientEndpoint) The network below."""
        self.wire = factory.buildProtocol(FAR_END)
        self.wire.makeConnection(self.near)
        return succeed(self.wire)

    def pump(self) -> None:
        """Let all bytes arrive."""
        for _ in range(20):
            self.clock.advance(0)
            for sender, receiver in ((self.near, self.tls), (self.far, self.wire)):
                data = sender.value()
                sender.clear()
                if data:
                    receiver.dataReceived(data)

    @property
    def problem(self) -> Exception:
        """Why it failed."""
        (failure,) = self.result
        assert isinstance(failure, Failure), failure
        return failure.value

    @property
    def told(self) -> str:
        """What a person is told of it."""
        assert isinstance(self.problem, Unsafe)
        return "\n".join(WORDS(sentence) for sentence in self.problem.told)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """One that this system trusts, and no other."""
    made = make()
    monkeypatch.setenv("SSL_CERT_FILE", str(made.write(tmp_path / "authority.pem")))
    return made


# --- who is let through --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["pi.local", "PI.LOCAL", "10.0.0.1", "::1", "fe80::1%eth0", "münchen.example"])
def test_a_certificate_of_an_authority_is_taken(authority: Made, host: str) -> None:
    world = World(make("pi.local", "10.0.0.1", "::1", "fe80::1", "xn--mnchen-3ya.example", issuer=authority), host)
    assert world.result == [world.client]


def test_what_is_said_arrives_on_both_sides(authority: Made) -> None:
    world = World(make("pi.local", issuer=authority))
    world.client.transport.write(b"hello")
    world.server.transport.write(b"hello yourself")
    world.pump()
    assert (world.server.heard, world.client.heard) == (b"hello", b"hello yourself")


def test_what_the_server_says_with_its_handshake_is_heard(authority: Made) -> None:
    class Eager(Recorder):
        def connectionMade(self) -> None:
            self.transport.write(b"welcome")

    world = World(make("pi.local", issuer=authority), server=Eager())
    assert world.client.heard == b"welcome"


@pytest.mark.parametrize(
    ("names", "days", "doubt"),
    [
        (["pi.local"], (-20, -10), "it has expired, if the clock of this computer is right"),
        (["pi.local"], (10, 20), "it is not valid yet, if the clock of this computer is right"),
        (["evil.example", "10.0.0.7"], (-1, 1), "it is for evil.example and 10.0.0.7, not for pi.local"),
        (["10.0.0.1"], (-1, 1), "it is for 10.0.0.1, not for pi.local"),
        ([], (-1, 1), "it does not say for which computer it is"),
    ],
)
def test_an_authoritys_certificate_with_something_wrong_is_unknown(
    authority: Made, names: list[str], days: tuple[float, float], doubt: str
) -> None:
    world = World(make(*names, days=days, issuer=authority))
    assert isinstance(world.problem, Unknown)
    assert world.told.startswith(f"The certificate of pi.local:12346 cannot be verified: {doubt}.")


def test_an_address_is_no_name(authority: Made) -> None:
    world = World(make("pi.local", issuer=authority), "10.0.0.1")
    assert "it is for pi.local, not for 10.0.0.1" in world.told


def test_a_certificate_of_its_own_making_is_unknown_with_its_fingerprint(authority: Made) -> None:
    world = World(SERVER)
    assert isinstance(world.problem, Unknown)
    assert world.told.splitlines() == [
        "The certificate of pi.local:12346 cannot be verified: it is signed by itself.",
        f"Its fingerprint is {SERVER.fingerprint}",
    ]


def test_a_certificate_of_an_authority_that_is_not_known_here_is_unknown(authority: Made) -> None:
    assert "nobody here knows who signed it" in World(make("pi.local", issuer=make())).told


def test_all_that_is_wrong_is_told(authority: Made) -> None:
    told = World(make("evil.example", days=(-20, -10))).told
    assert "it is signed by itself, it has expired, if the clock" in told
    assert "and it is for evil.example, not for pi.local" in told


@given(st.binary(max_size=40))
def test_whatever_bytes_a_certificate_has_for_names_it_is_unknown_and_shown_as_text(name: bytes) -> None:
    long = "a-name-that-is-long-enough-for-the-bytes"
    world = World(make(long).for_name(name.ljust(40, b"."), long.encode()))
    assert isinstance(world.problem, Unknown)
    assert all(visible(line) == line for line in world.told.splitlines())


# --- what was accepted ---------------------------------------------------------------------------------------------


def test_an_accepted_certificate_is_taken_the_next_time(tmp_path: Path) -> None:
    known = tmp_path / "known_servers"
    problem = World(SERVER, known=known).problem
    assert isinstance(problem, Unknown)
    problem.accept()
    world = World(SERVER, known=known)
    assert world.result == [world.client]


def test_another_certificate_than_the_accepted_one_is_refused(tmp_path: Path) -> None:
    known, other = tmp_path / "known_servers", make("pi.local")
    problem = World(SERVER, known=known).problem
    assert isinstance(problem, Unknown)
    problem.accept()
    world = World(other, known=known)
    assert not isinstance(world.problem, Unknown)
    assert "HAS CHANGED" in world.told
    assert SERVER.fingerprint in world.told
    assert other.fingerprint in world.told


def test_a_pinned_certificate_is_taken_whatever_is_wrong_with_it() -> None:
    made = make("evil.example", days=(-20, -10))
    world = World(made, pinned=made.fingerprint)
    assert world.result == [world.client]


def test_an_authoritys_certificate_that_is_not_the_pinned_one_is_refused(authority: Made) -> None:
    world = World(make("pi.local", issuer=authority), pinned=SERVER.fingerprint)
    assert not isinstance(world.problem, Unknown)
    assert "not the one that --fingerprint names" in world.told


# --- what is said to whom ------------------------------------------------------------------------------------------


def test_a_server_that_is_not_accepted_hears_nothing_and_is_left() -> None:
    world = World(SERVER)
    assert world.server.heard == b""
    assert world.client.transport is None
    assert world.near.aborted


def test_nothing_that_it_says_is_heard() -> None:
    world = World(SERVER)
    world.server.transport.write(b"trust me\r\n")
    world.pump()
    assert world.client.heard == b""


def test_a_bug_in_the_decision_lets_nobody_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trust, "check", lambda self, certificate: 1 / 0)
    world = World(SERVER)
    assert isinstance(world.problem, ZeroDivisionError)
    assert world.near.aborted


# --- the end -------------------------------------------------------------------------------------------------------


def test_a_goodbye_is_a_closed_connection(authority: Made) -> None:
    world = World(make("pi.local", issuer=authority))
    world.server.transport.loseConnection()
    world.pump()
    world.wire.connectionLost(Failure(ConnectionDone()))
    assert world.client.reason is not None
    assert WORDS(reason_of(world.client.reason)) == "the server closed it"


def test_an_end_without_goodbye_is_a_cut(authority: Made) -> None:
    world = World(make("pi.local", issuer=authority))
    world.wire.connectionLost(Failure(ConnectionDone()))
    assert world.client.reason is not None
    assert world.client.reason.check(ConnectionLost)


def test_an_end_within_the_handshake_is_a_cut() -> None:
    world = World()
    world.wire.connectionLost(Failure(ConnectionDone()))
    assert isinstance(world.problem, ConnectionLost)


def test_a_server_that_does_not_answer_is_given_up() -> None:
    world = World()
    world.clock.advance(limits.TLS_SECONDS - 1)
    assert world.result == []
    world.clock.advance(1)
    assert isinstance(world.problem, HandshakeTimedOut)
    assert world.near.aborted


def test_no_timer_is_left_behind(authority: Made) -> None:
    for world in (World(SERVER), World(make("pi.local", issuer=authority))):
        assert [call for call in world.clock.getDelayedCalls() if call.getTime() > world.clock.seconds()] == []


def test_an_attempt_that_is_cancelled_lets_go() -> None:
    world = World()
    world.attempt.cancel()
    assert isinstance(world.problem, CancelledError)
    assert world.near.aborted
    world.wire.connectionLost(Failure(ConnectionDone()))
    assert world.clock.getDelayedCalls() == []


@pytest.mark.parametrize(
    "answer",
    [
        b"-> Welcome to the chat on pi.\r\n",
        b"! needs-tls: no\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",  # alert: protocol_version
        b"\x15\x03\x03\x00\x02\x02\x28",  # alert: handshake_failure
    ],
)
def test_a_server_that_speaks_no_tls_is_told_with_what_to_do(answer: bytes) -> None:
    world = World()
    world.wire.dataReceived(answer)
    world.wire.connectionLost(Failure(ConnectionDone()))
    assert not isinstance(world.problem, Unknown)
    assert "pi.local:12346 speaks no TLS, or none that is safe" in world.told
    assert "leave out --tls" in world.told


def test_who_spoke_tls_before_is_not_to_be_spoken_to_in_clear(tmp_path: Path) -> None:
    known = tmp_path / "known_servers"
    known.write_text(f"pi.local:12346 {SERVER.fingerprint}\n")
    world = World(known=known)
    world.wire.dataReceived(b"-> Welcome to the chat on pi.\r\n")
    world.wire.connectionLost(Failure(ConnectionDone()))
    assert "SPEAKS NO TLS ANY MORE" in world.told
    assert "leave out" not in world.told


def test_a_server_that_breaks_off_may_be_tried_again() -> None:
    world = World()
    world.wire.dataReceived(b"\x15\x03\x03\x00\x02\x02\x50")  # alert: internal_error
    world.wire.connectionLost(Failure(ConnectionDone()))
    assert isinstance(world.problem, HandshakeFailed)
    assert "internal error" in WORDS(reason_of(Failure(world.problem)))


def test_a_name_that_cannot_be_one_is_no_computers() -> None:
    assert isinstance(World(host="no_such name").problem, DNSLookupError)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # OpenSSL's own, of the versions
def test_old_versions_are_not_spoken() -> None:
    world = World(replace(SERVER, versions=(SSL.TLS1_VERSION, SSL.TLS1_1_VERSION)))
    world.wire.connectionLost(Failure(ConnectionDone()))
    assert "none that is safe" in world.told


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_both_safe_versions_are_spoken(version: int) -> None:
    made = replace(SERVER, versions=(version, version))
    world = World(made, pinned=made.fingerprint)
    assert world.result == [world.client]
