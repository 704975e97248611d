"""`twistd chat`: what its options accept, and the service that comes of them."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from stores import SlowStore
from twisted.application.service import IServiceMaker
from twisted.internet.defer import TimeoutError
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import getPlugins
from world import Kernel, Logged, Socket

from chat import limits
from chat.language import language, say
from chat.tap import Options, makeService


class Reactor(MemoryReactorClock):
    """A reactor in memory, on which a port may be taken."""

    taken = False

    def listenTCP(self, port, factory, backlog=50, interface=""):
        if self.taken:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))
        return super().listenTCP(port, factory, backlog, interface)


@pytest.fixture
def reactor(capsys: pytest.CaptureFixture[str]) -> Iterator[Reactor]:
    return Reactor()


def options(*words: str) -> Options:
    made = Options()
    made.parseOptions(["--database", "memory:", *words])
    return made


def refusal(*words: str) -> str:
    with pytest.raises(SystemExit) as refused:
        options(*words)
    return str(refused.value)


def ports(reactor: Reactor) -> list[tuple[int, str]]:
    return [(port, interface) for port, _, _, interface in reactor.tcpServers]


# Options.


def test_nothing_has_to_be_chosen() -> None:
    made = Options()
    made.parseOptions([])
    assert made["ports"] == ["12345"]
    assert made["name"] == socket.gethostname()
    assert (made["history"], made["rate"], made["language"]) == (20, 2.0, "en")
    assert (made["max-clients"], made["max-per-host"], made["grace"]) == (0, 200, 180)
    assert (made["database"], made["sync"]) == ("chat.sqlite3", "full")


def test_several_ports_may_be_given() -> None:
    assert options("--port", "4000", "--port", "tcp:4001:interface=127.0.0.1")["ports"] == [
        "4000",
        "tcp:4001:interface=127.0.0.1",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "0"], "from 1 to 65535"),
        (["--port", "65536"], "from 1 to 65535"),
        (["--rate", "fast"], "such as 2 or 0.5"),
        (["--rate", "-1"], "such as 2 or 0.5"),
        (["--rate", "nan"], "such as 2 or 0.5"),
        (["--rate", "inf"], "such as 2 or 0.5"),
        (["--history", "-1"], "from 0 to 500"),
        (["--history", "501"], "from 0 to 500"),
        (["--history", "²"], "from 0 to 500"),
        (["--max-clients", "many"], "whole number"),
        (["--max-per-host", "1.5"], "whole number"),
        (["--grace", "1000000"], "from 0 to 86400"),
        (["--language", "tlh"], "choose from en"),
        (["--sync", "perhaps"], "full or normal"),
        (["--keep", "forever"], "--keep"),
        (["--motd", "/nowhere/motd"], "No such file"),
        (["--unrecorded", "coffee"], "#coffee"),
        (["4000"], "--port 12345"),
        (["--colour", "red"], "--colour"),
        (["--port"], "--port"),
    ],
)
def test_a_bad_value_is_one_line_that_says_what_would_be_right(words: list[str], said: str) -> None:
    line = refusal(*words)
    assert said in line
    assert line.startswith("twistd chat: ")
    assert "\n" not in line


def test_the_message_of_the_day_is_read_and_made_harmless(tmp_path: Path) -> None:
    motd = tmp_path / "motd"
    motd.write_bytes("Hello\x1b[31m\nsecond ☃\n\n".encode() + b"\xff\n")
    assert options("--motd", str(motd))["motd"] == ("Hello␛[31m", "second ☃", "", "\ufffd")


def test_a_message_of_the_day_has_five_lines_at_most(tmp_path: Path) -> None:
    motd = tmp_path / "motd"
    motd.write_text("line\n" * 6)
    assert "6 lines, the limit is 5" in refusal("--motd", str(motd))


def test_help_tells_every_option_in_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = str(Options())
    for name in ("--port", "--name", "--motd", "--language", "--history", "--rate", "--max-clients", "--max-per-host"):
        assert name in text
    assert max(map(len, text.splitlines())) <= 80


def test_twistd_knows_the_chat() -> None:
    (plugin,) = [plugin for plugin in getPlugins(IServiceMaker) if plugin.tapname == "chat"]
    assert plugin.options is Options


# The service.


def test_a_number_is_listened_on_on_all_interfaces(reactor: Reactor) -> None:
    makeService(options("--port", "4000"), reactor)
    assert {port for port, _ in ports(reactor)} == {4000}
    assert {interface for _, interface in ports(reactor)} <= {"::", ""}


def test_an_endpoint_is_listened_on_as_it_says(reactor: Reactor) -> None:
    makeService(options("--port", "tcp:4001:interface=127.0.0.1"), reactor)
    assert ports(reactor) == [(4001, "127.0.0.1")]


@pytest.mark.parametrize("port", ["nonsense", "tcp:", "tcp", "udp:4000", "tcp:4000:colour=red", ""])
def test_what_is_no_endpoint_is_one_line(reactor: Reactor, port: str) -> None:
    with pytest.raises(SystemExit) as refused:
        makeService(options("--port", port), reactor)
    assert f"--port {port}: " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_taken_port_is_one_line_that_says_what_would_be_right(reactor: Reactor) -> None:
    reactor.taken = True
    with pytest.raises(SystemExit) as refused:
        makeService(options("--port", "4000"), reactor)
    assert str(refused.value) == (
        "twistd chat: Cannot listen on port 4000: Address already in use. Choose another one with --port."
    )


def test_how_to_join_is_told_before_the_service_starts(reactor: Reactor, capsys: pytest.CaptureFixture[str]) -> None:
    makeService(options("--port", "4000"), reactor)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Chat is open on port 4000, no password, not encrypted. People join with:"
    assert lines[1].split()[0] == "nc"
    assert lines[1].endswith(" 4000")
    assert lines[2].split()[0] == "telnet"


def test_the_operators_choice_is_what_people_meet(reactor: Reactor, tmp_path: Path) -> None:
    motd = tmp_path / "motd"
    motd.write_text("Be kind.\n")
    chosen = options("--port", "tcp:4000:interface=127.0.0.1", "--name", "pi", "--motd", str(motd), "--language", "es")
    makeService(chosen, reactor)
    lines = connected(reactor).received.decode().splitlines()
    welcome = say("Welcome to the chat on {server}. Nobody is here yet.", server="pi")
    assert lines[0] == f"-> {language('es').words(welcome)}"
    assert lines[1] == "-> Be kind."


def connected(reactor: Reactor, *lines: str) -> Socket:
    """Somebody who typed these lines."""
    kernel = Kernel(reactor)
    client = Socket(kernel, "192.0.2.1")
    client.protocol = reactor.tcpServers[0][1].buildProtocol(None)
    client.startReading()
    client.protocol.makeConnection(client)
    client.sent.extend(f"{line}\n".encode() for line in lines)
    kernel.look(client)
    reactor.advance(0)
    return client


def test_stopping_stores_tells_and_closes(reactor: Reactor) -> None:
    service = makeService(options("--port", "tcp:4000:interface=127.0.0.1"), reactor)
    service.startService()
    amy, bob = connected(reactor, "amy"), connected(reactor, "bob", "the last line")
    done = service.stopService()
    reactor.advance(0)
    assert amy.received.decode().splitlines()[-2:] == ["<bob> the last line", "-> The server is stopping."]
    assert (amy.disconnected, bob.disconnected, done.called) == (True, True, True)


def test_who_does_not_read_when_the_server_stops_is_not_waited_for_longer_than_two_seconds(reactor: Reactor) -> None:
    service = makeService(options("--port", "tcp:4000:interface=127.0.0.1"), reactor)
    service.startService()
    amy = connected(reactor, "amy")
    amy.room = 0
    done = service.stopService()
    reactor.pump([0.1] * 5)
    assert not done.called
    reactor.pump([0.1] * int(limits.CLOSE_SECONDS / 0.1 - 4))
    assert done.called


def test_a_store_that_hangs_does_not_keep_the_server_from_stopping(
    reactor: Reactor, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    store = SlowStore()
    monkeypatch.setattr("chat.tap.MemoryStore", lambda: store)
    service = makeService(options("--port", "tcp:4000:interface=127.0.0.1"), reactor)
    service.startService()
    connected(reactor, "amy")
    store.slow = True
    connected(reactor, "/post deploy all is well")
    done = service.stopService()
    reactor.pump([0.1] * int(4 * limits.CLOSE_SECONDS / 0.1))
    assert done.called
    logged.expect(TimeoutError)
