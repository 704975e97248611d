"""The lines with which people are told to join: each way that is open, and whether it is encrypted."""

import errno
import socket
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from chat.base.errors import Unfit
from chat.base.language import language
from chat.doors import listening

FINGERPRINT = "SHA256:AA:BB"


class Port:
    """A port that is listened on."""

    def __init__(self, address: IAddress) -> None:
        self._address = address

    def getHost(self) -> IAddress:
        return self._address


def to_all(port: int) -> Port:
    return Port(IPv4Address("TCP", "0.0.0.0", port))


def to_some(port: int) -> Port:
    return Port(IPv4Address("TCP", "127.0.0.1", port))


@pytest.fixture(autouse=True)
def _on_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "addresses", lambda: ["192.0.2.9"])


def invitation(*ports: Port, encrypted: tuple[Port, ...] = ()) -> list[str]:
    lines = listening.invitation(ports, encrypted, FINGERPRINT if encrypted else "")
    return [language("en").words(line) for line in lines]


PLAIN = [
    "Chat is open on port 12345, no password, not encrypted. People join with:",
    "  nc 192.0.2.9 12345",
    "  telnet 192.0.2.9 12345",
    "  curl.exe telnet://192.0.2.9:12345   (Windows, nothing to install)",
    "  chat-client 192.0.2.9",
    "  /connect 192.0.2.9 12345   (in an IRC client)",
]
ENCRYPTED = [
    "Chat is open on port 12346, no password, encrypted. People join with:",
    "  ncat --ssl 192.0.2.9 12346",
    "  openssl s_client -quiet -connect 192.0.2.9:12346",
    "  chat-client --tls 192.0.2.9:12346",
    "The certificate's fingerprint is SHA256:AA:BB",
]


def test_without_tls_nothing_is_said_of_it() -> None:
    assert invitation(to_all(12345)) == PLAIN


def test_both_ways_are_told_and_which_is_encrypted() -> None:
    assert invitation(to_all(12345), encrypted=(to_all(12346),)) == PLAIN + ENCRYPTED


def test_where_nothing_is_in_clear_only_the_encrypted_way_is_told() -> None:
    assert invitation(encrypted=(to_all(12346),)) == ENCRYPTED


def test_ports_that_are_open_to_some_are_named() -> None:
    assert invitation(to_some(12345), Port(UNIXAddress("/run/chat")), encrypted=(to_some(12346),)) == [
        "Chat is open on 127.0.0.1:12345.",
        "Chat is open on /run/chat.",
        "Chat is open on 127.0.0.1:12346, encrypted.",
        "The certificate's fingerprint is SHA256:AA:BB",
    ]


def test_ways_to_an_ipv6_address_are_written_as_programs_take_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "addresses", lambda: ["2001:db8::9"])
    lines = invitation(to_all(4000), encrypted=(to_all(4001),))
    assert "  nc 2001:db8::9 4000" in lines
    assert "  chat-client [2001:db8::9]:4000" in lines
    assert "  openssl s_client -quiet -connect [2001:db8::9]:4001" in lines


def close(port: IListeningPort) -> None:
    """At once: the reactor does not run."""
    port.connectionLost(Failure(ConnectionDone()))


def reason_for(endpoint: str) -> str:
    """Why nobody can listen there."""
    try:
        opened = listening.listen(reactor, endpoint, Factory())
    except CannotListenError as error:
        return language("en").words(listening.failure(error, "--port", ()))
    except Unfit as error:
        return str(error)
    close(opened[0])
    return ""


def test_a_unix_socket_that_another_server_has_is_told(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    (port,) = listening.listen(reactor, f"unix:{path}", Factory())
    try:
        assert reason_for(f"unix:{path}") == (
            f"{path} is in use by a server, or given twice. Choose another one with --port."
        )
    finally:
        close(port)
    assert reason_for(f"unix:{path}") == ""


def test_what_a_killed_server_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    (tmp_path / "socket.lock").symlink_to("999999999")
    assert reason_for(f"unix:{path}") == ""


def test_another_file_in_its_place_is_told() -> None:
    error = CannotListenError(None, b"/run/chat", OSError(errno.EADDRINUSE, ""))
    assert language("en").words(listening.failure(error, "--port", ())) == (
        "/run/chat is there already, for another program uses it or left it behind. Take it away, or choose another "
        "one with --port."
    )


def test_a_directory_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    assert reason_for(f"unix:{tmp_path}/no/socket") == "No such file or directory."
