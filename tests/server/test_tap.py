"""`twistd chat`: what its options accept, and the service that comes of them."""

import gc
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from stores import SlowStore
from twisted.application.service import Application, IServiceMaker
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, capturedLogs, formatEvent
from twisted.plugin import getPlugins
from world import Kernel, Socket

import chat.__main__
from chat.base import limits
from chat.base.bans import Bans, parse_ban
from chat.base.language import language, say
from chat.base.reserved import Reserved
from chat.core.hub import Settings
from chat.doors import certificate
from chat.doors.factory import ChatFactory
from chat.server.logbook import LogBook
from chat.store.sqlite.schema import prepare
from chat.tap import Options, makeService


class Reactor(MemoryReactorClock):
    """A reactor in memory, on which a port may be taken."""

    taken = False
    taken_ports: Collection[int] = ()

    def listenTCP(self, port, factory, backlog=50, interface=""):
        if (
            self.taken
            or port in self.taken_ports
            or any(port == other and {interface, there} <= {"", "::"} for other, _, _, there in self.tcpServers)
        ):
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))
        return super().listenTCP(port, factory, backlog, interface)

    def callFromThread(self, act, *args):
        self.callLater(0, act, *args)


@pytest.fixture
def reactor(capsys: pytest.CaptureFixture[str]) -> Iterator[Reactor]:
    return Reactor()


def options(*words: str) -> Options:
    """These; without a word about it nothing is encrypted or controlled: that would make files where the tests run."""
    made = Options()
    plain = [] if "--tls-port" in words else ["--tls-port", "none"]
    made.parseOptions(["--database", "memory:", "--control", "none", *plain, *words])
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
    assert (made["ports"], made["tls-ports"]) == (["12345"], ["12346"])
    assert made["name"] == socket.gethostname()
    assert (made["history"], made["rate"], made["language"]) == (20, 2.0, "en")
    assert (made["max-clients"], made["max-per-host"], made["grace"]) == (0, 200, 180)
    assert (made["database"], made["sync"]) == ("chat.sqlite3", "full")


def test_a_metrics_port_is_this_machines_alone_unless_an_endpoint_says_more(reactor: Reactor) -> None:
    pytest.importorskip("prometheus_client")
    assert options()["metrics-ports"] == []
    words = ("--metrics-port", "9100", "--metrics-port", "tcp:9101")
    makeService(options(*words), reactor)
    assert ports(reactor)[-2:] == [(9100, "127.0.0.1"), (9101, "")]
    assert "from 1 to 65535" in refusal("--metrics-port", "0")


def test_an_ssh_port_shows_a_key_of_its_own_and_is_told(
    reactor: Reactor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("bcrypt")
    assert options()["ssh-ports"] == []
    makeService(options("--ssh-port", "12322", "--data", str(tmp_path)), reactor)
    assert 12322 in [port for port, _ in ports(reactor)]
    assert (tmp_path / "chat-ssh-key").stat().st_mode & 0o777 == 0o600
    said = capsys.readouterr().out
    assert "  ssh -p 12322 " in said
    assert "The fingerprint of its ssh key is SHA256:" in said
    assert "from 1 to 65535" in refusal("--ssh-port", "0")


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
        (["--keep", "30"], "--keep 30: is that time or lines? 30d keeps 30 days, 30lines so many lines."),
        (["--keep", "long"], "--keep"),
        (["--keep", "10MB"], "--keep 10MB: a size from 100MB to 1000TB would be right."),
        (["--min-free", "10"], "--min-free 10: a size, such as 500MB or 1GB; 0 is none."),
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
    motd.write_bytes("\ufeffHello\x1b[31m\nsecond ☃\n\nlast\n".encode())
    assert options("--motd", str(motd))["motd"] == ("Hello␛[31m", "second ☃", "", "last")


@pytest.mark.parametrize("text", [b"one\ntwo\nol\xe9\n", "olé\nhola".encode("utf-16")], ids=["latin-1", "utf-16"])
def test_a_message_of_the_day_in_another_encoding_is_told(text: bytes, tmp_path: Path) -> None:
    motd = tmp_path / "motd"
    motd.write_bytes(text)
    line = 3 if text.startswith(b"one") else 1
    assert refusal("--motd", str(motd)) == f"twistd chat: --motd: {motd}, line {line}: this is not UTF-8."


def test_a_message_of_the_day_has_five_lines_at_most(tmp_path: Path) -> None:
    motd = tmp_path / "motd"
    motd.write_text("line\n" * 6)
    assert "6 lines, the limit is 5" in refusal("--motd", str(motd))


@pytest.mark.parametrize("text", ["tulip time\n", "\ufeff tulip time", "tulip\u00a0time\r\n\n"])
def test_the_password_of_the_server_is_the_line_of_a_file(text: str, tmp_path: Path) -> None:
    word = tmp_path / "word"
    word.write_text(text)
    chosen = options("--password-file", str(word))
    assert chosen["password"].fits("tulip time ")
    assert not chosen["password"].fits("tulip")
    assert "tulip" not in repr(dict(chosen))
    assert options()["password"] is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "one line with the password would be right."),
        (b" \n\n", "one line with the password would be right."),
        (b"tulip\ntime\n", "one line with the password would be right."),
        (b"/tulip\n", "what begins with a slash is a command: choose another password."),
        (b"x" * 513, "A password has at most 512 bytes."),
        (b"tulip\x07", "A password is made of letters, digits, signs and blanks."),
    ],
)
def test_what_can_be_no_password_of_a_server_is_told_and_not_repeated(text: bytes, why: str, tmp_path: Path) -> None:
    word = tmp_path / "word"
    word.write_bytes(text)
    assert refusal("--password-file", str(word)) == f"twistd chat: --password-file {word}: {why}"


def test_a_file_of_the_password_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert "No such file" in refusal("--password-file", str(tmp_path / "word"))
    assert "Is a directory" in refusal("--password-file", "")
    (tmp_path / "word").write_bytes(b"tulip \xe9")
    assert "line 1: this is not UTF-8." in refusal("--password-file", str(tmp_path / "word"))


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o640, False), (0o644, True), (0o602, True)])
def test_a_file_of_the_password_that_everybody_may_open_is_told(mode: int, told: bool, tmp_path: Path) -> None:
    word = tmp_path / "word"
    word.write_text("tulip time")
    word.chmod(mode)
    assert len(options("--password-file", str(word)).password_notes()) == told


def test_help_tells_every_option_in_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = str(Options())
    for name in ("--port", "--name", "--motd", "--language", "--history", "--rate", "--max-clients", "--max-per-host"):
        assert name in text
    assert max(map(len, text.splitlines())) <= 80


def test_help_has_no_blanks_but_of_its_columns() -> None:
    for line in str(Options()).splitlines():
        assert "  " not in line.strip() or line.strip().startswith("--")
        assert not re.search(r"[.;,] {2}", line)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--database", ""], "--database: a file, or memory: would be right"),
        (["--data", ""], "--data: a directory would be right"),
        (["--data", "/nowhere"], "--data /nowhere: there is no such directory"),
    ],
    ids=str,
)
def test_a_path_that_is_none_is_told(words: list[str], said: str) -> None:
    assert said in refusal(*words)


def test_what_the_server_keeps_is_below_the_directory_of_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert options().below_data("x") == tmp_path / "x"
    chosen = options("--data", "data")
    assert chosen.below_data("x") == tmp_path / "data" / "x"
    assert chosen.below_data("/x") == Path("/x")
    chosen.parent = {"rundir": "/run"}
    assert chosen.below_data("x") == Path("/run/data/x")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/chat:/var/lib/other")
    assert options().below_data("x") == Path("/var/lib/chat/x")
    assert chosen.below_data("x") == Path("/run/data/x")


def in_directory_of(pid: str, directory: Path) -> Options:
    """Options that were read where a server with this process id was started."""
    path = directory / "twistd.pid"
    path.write_text(pid)
    made = Options()
    made.parent = {"pidfile": str(path)}
    made.parseOptions(["--database", "memory:", "--language", "es"])
    return made


def test_a_second_server_in_one_directory_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as end:
        in_directory_of(f"{os.getpid()}\n", tmp_path)
    assert str(end.value).startswith(
        f"twistd chat: Aquí ya hay un servidor en marcha: el proceso {os.getpid()}, según {tmp_path}/twistd.pid."
    )
    assert "\n" not in str(end.value)


@pytest.mark.parametrize("pid", ["99999999", "none", "", "0", "-1"])
def test_what_an_earlier_server_left_refuses_nothing(pid: str, tmp_path: Path) -> None:
    assert in_directory_of(pid, tmp_path)["language"] == "es"


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


@pytest.mark.parametrize(
    "port",
    [
        "nonsense",
        "tcp:",
        "tcp",
        "udp:4000",
        "tcp:4000:colour=red",
        "haproxy:",
        "haproxy:ssl:4000",
        "",
        "stdio:",
        "systemd:domain=INET:index=7",
    ],
)
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
        "twistd chat: Port 4000 is in use by another program, perhaps by an earlier server. Stop that one, or choose "
        "another port with --port."
    )


def test_a_taken_port_is_told_in_the_servers_language(reactor: Reactor) -> None:
    reactor.taken = True
    with pytest.raises(SystemExit) as refused:
        makeService(options("--port", "4000", "--language", "es"), reactor)
    assert str(refused.value) == (
        "twistd chat: El puerto 4000 ya lo usa otro programa, quizá un servidor anterior. Detén ese programa, o elige "
        "otro puerto con --port."
    )


@pytest.mark.parametrize("more", [("--port", "4000"), ("--tls-port", "4000"), ("--port", "tcp:4000")], ids=" ".join)
def test_a_port_that_is_given_twice_is_told(more: tuple[str, ...], reactor: Reactor, tmp_path: Path) -> None:
    chosen = options("--port", "4000", "--data", str(tmp_path), *more)
    with pytest.raises(SystemExit) as refused:
        makeService(chosen, reactor)
    assert str(refused.value) == "twistd chat: Port 4000 is given twice; once is enough."


def test_how_to_join_is_told_before_the_service_starts(reactor: Reactor, capsys: pytest.CaptureFixture[str]) -> None:
    makeService(options("--port", "4000"), reactor)
    lines = capsys.readouterr().out.splitlines()
    page, *lines = lines
    assert page.startswith("http://")
    assert page.endswith(":4000/ is the chat, in any browser.")
    assert lines[0] == "Chat is open on port 4000, no password, not encrypted. People join with:"
    assert lines[1].split()[0] == "nc"
    assert lines[1].endswith(" 4000")
    assert lines[2].split()[0] == "telnet"


def test_without_a_web_door_no_page_is_told(reactor: Reactor, capsys: pytest.CaptureFixture[str]) -> None:
    makeService(options("--port", "4000", "--web", "off"), reactor)
    assert "browser" not in capsys.readouterr().out


def test_what_people_need_to_come_in_is_told(
    reactor: Reactor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "word").write_text("tulip time")
    for words, needed in (
        (("--password-file", str(tmp_path / "word")), "with a password"),
        (("--registered-only",), "for accounts only"),
    ):
        reactor.tcpServers.clear()
        makeService(options("--port", "4000", *words), reactor)
        assert f"port 4000, {needed}, not encrypted." in capsys.readouterr().out


def test_the_operators_choice_is_what_people_meet(reactor: Reactor, tmp_path: Path) -> None:
    motd = tmp_path / "motd"
    motd.write_text("Be kind.\n")
    chosen = options("--port", "tcp:4000:interface=127.0.0.1", "--name", "pi", "--motd", str(motd), "--language", "es")
    makeService(chosen, reactor)
    guest = connected(reactor)
    reactor.advance(limits.WEB_GREET_SECONDS)
    lines = guest.received.decode().splitlines()
    welcome = say("Welcome to the chat on {server}. Nobody is here yet.", server="pi")
    assert lines[0] == f"-> {language('es').words(welcome)}"
    assert lines[1] == "-> Be kind."


@pytest.mark.parametrize(
    ("words", "files", "said"),
    [
        (
            [],
            256,
            "At most 156 people: this system allows 256 open files; ulimit -n 4096 before the start",
        ),
        ([], 1024, None),
        ([], resource.RLIM_INFINITY, None),
        (["--max-clients", "50"], 256, None),
        (
            ["--max-clients", "5000"],
            1024,
            "At most 924 people: this system allows 1024 open files; ulimit -n 5100",
        ),
    ],
    ids=str,
)
def test_a_system_that_allows_few_open_files_is_told(
    words: list[str],
    files: int,
    said: str | None,
    reactor: Reactor,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    makeService(options(*words), reactor)
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("At most")]
    assert [line[: len(said or "")] for line in told] == ([said] if said else [])


def test_the_application_that_twistd_runs_logs_as_we_do(reactor: Reactor, tmp_path: Path) -> None:
    chosen = options("--log-json")
    chosen.parent = {"logfile": str(tmp_path / "chat.log"), "nodaemon": 1}
    application = Application("chat")
    makeService(chosen, reactor).setServiceParent(application)
    observer = application.getComponent(ILogObserver)
    assert isinstance(observer, LogBook)
    observer({"log_format": "hello"})
    assert json.loads((tmp_path / "chat.log").read_text())["text"] == "hello"


def test_objects_in_a_log_that_is_not_ours_are_refused_in_one_line(reactor: Reactor) -> None:
    chosen = options("--log-json")
    chosen.parent = {"logfile": None, "nodaemon": 1, "syslog": 1}
    with pytest.raises(SystemExit, match="without --syslog or --logger"):
        makeService(chosen, reactor)


def test_no_thread_is_made_before_the_service_starts(
    reactor: Reactor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before that comes the way to the background, a fork; CPython 3.13.0 starts no thread of before it."""
    made: list[Thread] = []
    make = Thread.__init__

    def watched(self: Thread, *words: object, **more: object) -> None:
        made.append(self)
        make(self, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Thread, "__init__", watched)
    monkeypatch.setattr(Thread, "start", lambda thread: None)
    chosen = options("--port", "tcp:4000:interface=127.0.0.1", "--data", str(tmp_path), "--database", "chat.sqlite3")
    service = makeService(chosen, reactor)
    assert made == []
    service.startService()
    assert {thread.name for thread in made} == {"chat-writer", "chat-reader", "chat-searcher"}


def connected(reactor: Reactor, *lines: str) -> Socket:
    """Somebody who typed these lines."""
    kernel = Kernel(reactor)
    client = Socket(kernel, "192.0.2.1")
    client.protocol = reactor.tcpServers[0][1].buildProtocol(client.getPeer())
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


def test_who_is_there_can_become_garbage_and_what_was_imported_cannot(reactor: Reactor) -> None:
    gc.unfreeze()
    assert any(object is sys.modules for object in gc.get_objects())
    makeService(options("--port", "tcp:4000:interface=127.0.0.1"), reactor).startService()
    found = gc.get_objects()  # but for what is frozen
    assert any(isinstance(object, ChatFactory) for object in found)
    assert not any(object is sys.modules for object in found)


def test_garbage_is_looked_for_again_when_all_was_imported() -> None:
    program = "import gc, sys, chat.tap; print(gc.isenabled(), any(found is sys.modules for found in gc.get_objects()))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "True False\n"


def test_a_stop_that_was_set_for_later_does_not_come_once_more(reactor: Reactor) -> None:
    service = makeService(options("--port", "tcp:4000:interface=127.0.0.1"), reactor)
    service.startService()
    amy = connected(reactor, "amy")
    hub = service._hub
    Deferred.fromCoroutine(hub.shutdown.set(1, None))
    reactor.advance(0)
    service.stopService()
    assert hub.shutdown.left is None
    reactor.stop = lambda: pytest.fail("it stops already")
    reactor.advance(5)
    assert "The server stops in 1 s" in amy.received.decode()


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
    reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SlowStore()
    monkeypatch.setattr("chat.tap.MemoryStore", lambda clock: store)
    service = makeService(options("--port", "tcp:4000:interface=127.0.0.1"), reactor)
    service.startService()
    connected(reactor, "amy")
    store.slow = True
    connected(reactor, "/post deploy all is well")
    with capturedLogs() as events:
        done = service.stopService()
        reactor.pump([0.1] * int(4 * limits.CLOSE_SECONDS / 0.1))
    assert done.called
    told = [formatEvent(event) for event in events]
    assert "Stopping: the last commit was not waited for any longer, after 1 s" in told


# TLS.


def test_a_tls_port_is_open_beside_the_usual_one(reactor: Reactor, tmp_path: Path) -> None:
    words = ("--tls-port", "tcp:4001:interface=127.0.0.1")
    chosen = options(*words)
    chosen.parent = {"rundir": str(tmp_path)}
    makeService(chosen, reactor)
    assert ("127.0.0.1", 4001) in [(interface, port) for port, interface in ports(reactor)]
    assert chosen["ports"] == ["12345"]
    assert {path.name for path in tmp_path.iterdir()} == {"chat-certificate.pem", "chat-private-key.pem"}


@pytest.mark.parametrize(
    ("words", "encrypted"),
    [
        ([], ["12346"]),
        (["--port", "4000"], ["12346"]),
        (["--port", "unix:socket", "--port", "4000"], ["12346"]),
        (["--port", "4000", "--tls-port", "4001"], ["4001"]),
        (["--port", "tcp:4000:interface=127.0.0.1"], []),
        (["--port", "haproxy:tcp:4000"], []),
        (["--port", "systemd:domain=INET:index=0"], []),
        (["--port", "4000", "--port", "12346"], []),
        (["--tls-port", "none"], []),
    ],
    ids=" ".join,
)
def test_beside_a_port_that_is_a_number_one_is_encrypted_unless_it_is_not_to_be(
    words: list[str], encrypted: list[str]
) -> None:
    made = Options()
    made.parseOptions(words)
    assert made["tls-ports"] == encrypted


def in_directory(directory: Path, *words: str) -> Options:
    """Options of which nothing says what is encrypted."""
    made = Options()
    made.parseOptions(["--database", "memory:", "--control", "none", "--data", str(directory), *words])
    return made


def test_it_is_open_with_a_certificate_made_once(
    reactor: Reactor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []
    for _ in range(2):
        reactor.tcpServers.clear()
        makeService(in_directory(tmp_path, "--port", "4000"), reactor)
        assert {port for port, _ in ports(reactor)} == {4000, 12346}
        said = capsys.readouterr().out
        assert "Chat is open on port 12346, no password, encrypted." in said
        made.append(re.findall(r"fingerprint is (\S+)", said))
    assert made[0] == made[1] != []


def test_where_nobody_asked_for_it_a_taken_port_is_one_line(
    reactor: Reactor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reactor.taken_ports = [12346]
    makeService(in_directory(tmp_path, "--port", "4000"), reactor)
    assert {port for port, _ in ports(reactor)} == {4000}
    lines = capsys.readouterr().out.splitlines()
    assert (
        "No encrypted port is open. Port 12346 is in use by another program, perhaps by an earlier server. Stop that "
        "one, or choose another port with --tls-port."
    ) in lines
    assert not any("fingerprint" in line for line in lines)


@pytest.mark.parametrize("asked", ["--tls-port", "--certificate"])
def test_where_somebody_asked_for_it_nothing_is_open_without_it(asked: str, reactor: Reactor, tmp_path: Path) -> None:
    reactor.taken_ports = [12346]
    files = certificate.make(tmp_path, "pi", [], datetime.now(UTC))
    words = {"--tls-port": ["12346"], "--certificate": [str(files.certificate), "--private-key", str(files.key)]}
    with pytest.raises(SystemExit) as refused:
        makeService(in_directory(tmp_path, "--port", "4000", asked, *words[asked]), reactor)
    assert str(refused.value).endswith("choose another port with --tls-port.")


@pytest.mark.parametrize("asked", [(), ("--tls-port", "12346")], ids=["by default", "asked for"])
def test_a_certificate_that_cannot_be_made_is_one_line_too(
    asked: tuple[str, ...], reactor: Reactor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "chat-certificate.pem").touch()
    why = f"{tmp_path}/chat-private-key.pem is missing: put it back, or remove {tmp_path}/chat-certificate.pem too for"
    if asked:
        with pytest.raises(SystemExit, match=re.escape(why)):
            makeService(in_directory(tmp_path, "--port", "4000", *asked), reactor)
    else:
        makeService(in_directory(tmp_path, "--port", "4000"), reactor)
        assert f"No encrypted port is open. {why} a new pair." in capsys.readouterr().out.splitlines()


def test_where_nothing_is_to_be_encrypted_no_certificate_is_made(reactor: Reactor, tmp_path: Path) -> None:
    chosen = options("--port", "4000", "--tls-port", "none")
    chosen.parent = {"rundir": str(tmp_path)}
    makeService(chosen, reactor)
    assert list(tmp_path.iterdir()) == []


def test_an_operator_may_want_nothing_in_clear(reactor: Reactor, tmp_path: Path) -> None:
    chosen = options("--port", "none", "--tls-port", "tcp:4001:interface=127.0.0.1")
    chosen.parent = {"rundir": str(tmp_path)}
    makeService(chosen, reactor)
    assert ports(reactor) == [(4001, "127.0.0.1")]


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (["--port", "none"], "--port none --tls-port 12346"),
        (["--port", "none", "--port", "4000", "--tls-port", "4001"], "--port none --tls-port 12346"),
        (["--port", "none", "--tls-port", "none"], "--port none --tls-port 12346"),
        (["--tls-port", "none", "--tls-port", "4001"], "--tls-port none: that goes without another --tls-port."),
        (["--tls-port", "0"], "1 to 65535"),
        (["--tls-port", "ssl:4001"], "--tls-port tcp:12346"),
        (["--port", "haproxy:ssl:4001"], "--tls-port tcp:12346"),
        (["--certificate", "x"], "--tls-port 12346"),
        (["--private-key", "x", "--tls-port", "4001"], "it goes with a --certificate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_of_tls_that_do_not_fit_are_answered_with_what_would_be_right(words: list[str], right: str) -> None:
    assert right in refusal(*words)


def test_a_certificate_that_cannot_be_used_ends_the_start_with_one_line(reactor: Reactor, tmp_path: Path) -> None:
    chosen = options("--tls-port", "4001", "--certificate", str(tmp_path))
    with pytest.raises(SystemExit) as refused:
        makeService(chosen, reactor)
    assert str(refused.value) == f"twistd chat: {tmp_path}/fullchain.pem cannot be read: No such file or directory."


def test_a_tls_port_that_is_taken_is_told_with_its_option(reactor: Reactor, tmp_path: Path) -> None:
    chosen = options("--port", "none", "--tls-port", "4001")
    chosen.parent = {"rundir": str(tmp_path)}
    reactor.taken = True
    with pytest.raises(SystemExit) as refused:
        makeService(chosen, reactor)
    assert str(refused.value).endswith("choose another port with --tls-port.")


# The control socket.


def controlled(directory: Path, *words: str) -> Options:
    """Options of a server whose data are here."""
    made = Options()
    made.parseOptions(
        [*("--database", "memory:", "--port", "tcp:4000:interface=127.0.0.1"), "--data", str(directory), *words]
    )
    return made


@pytest.mark.parametrize(("words", "name"), [((), "chat.control"), (("--control", "other"), "other")], ids=str)
def test_there_is_a_control_socket_beside_the_data_while_the_server_runs(
    words: tuple[str, ...], name: str, reactor: Reactor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = makeService(controlled(tmp_path, *words), reactor)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert "control" not in capsys.readouterr().out
    service.startService()
    service.stopService()
    reactor.advance(0)
    assert list(tmp_path.iterdir()) == []


def test_there_need_be_no_control_socket(reactor: Reactor, tmp_path: Path) -> None:
    makeService(controlled(tmp_path, "--control", "none"), reactor)
    assert list(tmp_path.iterdir()) == []
    assert "--control: a file, or none would be right." in refusal("--control", "")


def test_without_one_the_server_starts_unless_it_was_asked_for(
    reactor: Reactor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "chat.control").touch()
    why = f"{tmp_path}/chat.control is there already, and no socket. Take it away."
    makeService(controlled(tmp_path), reactor)
    assert f"There is no control socket. {why}" in capsys.readouterr().out.splitlines()
    reactor.tcpServers.clear()
    with pytest.raises(SystemExit) as refused:
        makeService(controlled(tmp_path, "--control", "chat.control"), reactor)
    assert str(refused.value) == f"twistd chat: {why}"


# The operator's code.


def kept(directory: Path, *words: str) -> Options:
    """The same of one that keeps its talk."""
    return controlled(directory, "--database", "chat.sqlite3", "--control", "none", *words)


def told_of_code(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if "operator" in line]


def test_while_nobody_runs_the_server_the_start_names_the_file_with_the_code_and_never_the_code(
    reactor: Reactor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "operator-code"
    makeService(kept(tmp_path), reactor)
    hub = reactor.tcpServers[0][1].hub
    assert hub.operator_code.matches(path.read_text().strip())
    printed = capsys.readouterr().out
    assert f"{path} lets an account run this server: /operator CODE, with the code in it." in printed.splitlines()
    assert path.read_text().strip() not in printed


def test_where_somebody_runs_it_there_is_no_code_and_no_file(
    reactor: Reactor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.close(prepare(tmp_path / "chat.sqlite3").lock)
    with closing(sqlite3.connect(tmp_path / "chat.sqlite3")) as database, database:
        database.execute("INSERT INTO people VALUES ('p', 'amy', 1, NULL, NULL, 0, 0, 'hash', '', '')")
        database.execute("INSERT INTO roles VALUES ('p', '*', 'operator')")
    (tmp_path / "operator-code").write_text("of before")
    makeService(kept(tmp_path), reactor)
    assert not (tmp_path / "operator-code").exists()
    assert reactor.tcpServers[0][1].hub.operator_code is None
    assert told_of_code(capsys) == []


def test_without_a_place_for_the_file_the_server_starts_all_the_same(
    reactor: Reactor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "operator-code").mkdir()
    makeService(kept(tmp_path), reactor)
    assert told_of_code(capsys) == [f"There is no operator code. {tmp_path}/operator-code: Is a directory."]


def test_where_accounts_are_not_kept_there_is_no_code(
    reactor: Reactor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    makeService(controlled(tmp_path), reactor)
    assert not (tmp_path / "operator-code").exists()
    assert told_of_code(capsys) == []


# Reading options again.


def test_a_reload_applies_what_can_change_and_nothing_else(reactor: Reactor, tmp_path: Path) -> None:
    config, motd = tmp_path / "chat.conf", tmp_path / "motd"
    config.write_text("name pi\n")
    motd.write_text("Be kind.\n")
    makeService(options("--port", "tcp:4000:interface=127.0.0.1", "--config", str(config)), reactor)
    config.write_text(
        f"name hall\nmotd {motd}\nrate 5\ngrace 6\nhistory 7\nmax-clients 8\nmax-per-host 9\nban 192.0.2.1\n"
        "reserved caretaker\nproxy 192.0.2.2\nunrecorded #coffee\nlanguage es\n"
    )
    signal.raise_signal(signal.SIGHUP)
    reactor.advance(0)
    settings = reactor.tcpServers[0][1].hub.settings
    bans, proxies = Bans([parse_ban("192.0.2.1")]), Bans([parse_ban("192.0.2.2")])
    assert settings == Settings(
        "hall", ("Be kind.",), 7, 6.0, frozenset(), 5.0, 8, 9, bans, proxies, Reserved("en", ["caretaker"])
    )


@pytest.mark.parametrize(
    ("file", "called"), [("/opt/chat/bin/chat-server", "chat-server"), ("/opt/chat/__main__.py", "python -m chat")]
)
def test_the_program_is_named_as_it_was_started(file: str, called: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Options, "command", Options.command)  # as it is again, after the test
    monkeypatch.setattr(sys, "argv", [file, "--grace", "soon"])
    monkeypatch.setattr("chat.__main__.twistd.run", lambda: Options().parseOptions(sys.argv[4:]))
    with pytest.raises(SystemExit) as refused:
        chat.__main__.main()
    assert str(refused.value).startswith(f"{called}: --grace soon: ")
    assert str(Options()).startswith(f"Usage: {called} [options]")
