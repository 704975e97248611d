"""Servers that make themselves known on the local network, and who looks for them: on the loopback interface alone."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress

from chat.base import limits
from chat.base.errors import Unfit
from chat.base.language import Language
from chat.client import finding
from chat.client.finding import Found
from chat.client.options import Server
from chat.server.discovery import Discoverable
from tests.e2e import server as programs
from tests.e2e.waiting import until

zeroconf = pytest.importorskip("zeroconf")
ENGLISH = Language("en")


def port(number: int, host: str = "127.0.0.1") -> Any:
    return SimpleNamespace(getHost=lambda: IPv4Address("TCP", host, number))


@pytest.fixture
def known() -> Iterator[None]:
    """Two servers, one of them encrypted too."""
    servers = [Discoverable("pi", [port(4001)], [port(4002)]), Discoverable("class.room ñ", [port(4003)], [])]
    for server in servers:
        server._open()  # `start` does this in a thread of the reactor's
    yield
    for server in servers:
        assert server._zeroconf is not None
        server._zeroconf.close()


@pytest.mark.slow
def test_two_servers_are_found_with_what_to_type(known: None) -> None:
    found = finding.find(["127.0.0.1"])
    assert found == [
        Found("class-room ñ", Server("127.0.0.1", 4003)),
        Found("pi", Server("127.0.0.1", 4001)),
        Found("pi (TLS)", Server("127.0.0.1", 4002, True)),
    ]
    assert finding.told(ENGLISH, found) == [
        "class-room ñ  chat-client 127.0.0.1:4003",
        "pi            chat-client 127.0.0.1:4001",
        "pi (TLS)      chat-client tls://127.0.0.1:4002",
    ]


FIND = """
import sys
from chat.client import finding, main
find = finding.find
finding.find = lambda: find(["127.0.0.1"])
main.main(["--find"])
"""


@pytest.mark.slow
def test_real_programs_find_each_other(tmp_path: Path) -> None:
    server = programs.Server(tmp_path, "--discoverable", "--name", "the class")
    try:
        wanted = f"the class  chat-client 127.0.0.1:{server.port}"

        def lists() -> bool:
            done = subprocess.run(
                [sys.executable, "-c", FIND], env=programs.ENVIRONMENT, capture_output=True, text=True
            )
            return wanted in done.stdout.splitlines()

        until(lists, what=wanted)
        server.stop()
        assert not lists()
    finally:
        server.close()


@pytest.mark.slow
def test_nobody_is_found_where_there_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FIND_SECONDS", 0.1)
    found = finding.find(["127.0.0.1"])
    assert finding.told(ENGLISH, found) == [
        "No server makes itself known here; one that is started with --discoverable does."
    ]


def test_a_name_that_somebody_else_took_is_text() -> None:
    told = finding.told(ENGLISH, [Found("\x1b[2J", Server("127.0.0.1", 1))])
    assert told == ["␛[2J  chat-client 127.0.0.1:1"]


def test_a_server_without_a_tcp_port_cannot_be_told_of() -> None:
    unix: Any = SimpleNamespace(getHost=lambda: UNIXAddress(b"/run/chat"))
    with pytest.raises(Unfit):
        Discoverable("pi", [unix], [])


def test_a_name_is_one_label_and_not_too_long() -> None:
    server = Discoverable("ñ" * 60 + ".home", [port(4001)], [])
    info = server._info("127.0.0.1", 4001, "1")
    assert len(info.name.partition("._twisted-chat")[0].encode()) <= 63
    assert (info.port, info.parsed_addresses(), info.properties) == (4001, ["127.0.0.1"], {b"tls": b"1"})
