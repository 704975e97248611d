"""chat-client --tls as a program, on real sockets, against a server that the test plays with Python's own TLS."""

import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import Made, make
from test_program import (
    ENVIRONMENT,
    HISTORY,
    MESSAGE,
    SECONDS,
    Peer,
    Programs,
    Server,
    Terminal,
    finish,
    until,
)

__all__ = ["programs"]
pytestmark = pytest.mark.slow


class SecureServer(Server):
    """A listening socket whose connections are encrypted, with this certificate."""

    def __init__(self, made: Made, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self.show(made)

    def show(self, made: Made) -> None:
        """Have this certificate from now on."""
        self.made = made
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(made.write(self._directory / "server.pem"))

    def accept(self) -> Peer:
        connection = self._socket.accept()[0]
        connection.settimeout(SECONDS)
        self._peers.append(Peer(self._context.wrap_socket(connection, server_side=True)))
        return self._peers[-1]

    def turns_away(self) -> bytes:
        """What comes from one who does not trust it, who may leave before the handshake is over here too."""
        try:
            return self.accept().connection.recv(1)
        except OSError:
            return b""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SecureServer]:
    server = SecureServer(make("127.0.0.1"), tmp_path)
    yield server
    server.close()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Programs]:
    monkeypatch.setitem(ENVIRONMENT, "XDG_STATE_HOME", str(tmp_path / "home"))
    programs = Programs()
    yield programs
    programs.close()


def cut(peer: Peer) -> None:
    """End the connection without a goodbye, as whoever cuts the wire does."""
    assert isinstance(peer.connection, ssl.SSLSocket)
    raw = socket.socket(fileno=os.dup(peer.connection.fileno()))
    raw.shutdown(socket.SHUT_RDWR)
    raw.close()


def say(program: "subprocess.Popen[bytes]", text: bytes) -> None:
    assert program.stdin
    program.stdin.write(text)
    program.stdin.close()
    program.stdin = None


def test_a_pinned_server_hears_what_is_said(server: SecureServer, programs: Programs) -> None:
    program = programs.start("--fingerprint", server.made.fingerprint, "--nick", "bot", server.address)
    say(program, b"done")
    peer = server.accept()
    peer.enter("bot")
    peer.send(MESSAGE)
    peer.answer("done")
    peer.let_go()
    assert finish(program) == (0, "2026-11-22T08:58:00+00:00 #lobby <bob> hi\n", "")


def test_an_authority_is_believed(server: SecureServer, programs: Programs, tmp_path: Path) -> None:
    authority = make()
    server.show(make("127.0.0.1", issuer=authority))
    path = authority.write(tmp_path / "authority.pem")
    program = programs.start("--tls", "--nick", "bot", server.address, env=ENVIRONMENT | {"SSL_CERT_FILE": str(path)})
    say(program, b"")
    peer = server.accept()
    peer.enter("bot")
    peer.let_go()
    assert finish(program) == (0, "", "")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("words", [[], ["--follow"], ["--json"], ["--since", "30m"], ["--post"]])
def test_in_a_pipe_a_stranger_is_refused_and_hears_nothing(
    server: SecureServer, programs: Programs, words: list[str]
) -> None:
    program = programs.start("--tls", "--nick", "bot", *words, server.address)
    say(program, b"secret\n")
    assert server.turns_away() == b""
    code, out, err = finish(program)
    assert (code, out) == (6, "")
    assert server.made.fingerprint in err
    assert "--fingerprint" in err


def test_another_certificate_than_the_pinned_one_is_refused(server: SecureServer, programs: Programs) -> None:
    program = programs.start("--fingerprint", make("127.0.0.1").fingerprint, "--nick", "bot", server.address)
    say(program, b"secret\n")
    assert server.turns_away() == b""
    code, _, err = finish(program)
    assert code == 6
    assert server.made.fingerprint in err


def test_a_post_goes_through_tls(server: SecureServer, programs: Programs) -> None:
    program = programs.start("--fingerprint", server.made.fingerprint, "--post", "-n", "pi", server.address)
    say(program, b"one\ntwo\n")
    for text in ("one", "two"):
        peer = server.accept()
        assert peer.line()[0] == "/json"
        peer.send({"type": "hello", "server": "pi"})
        peer.answer(f"/post pi #lobby {text}")
        peer.close()
    assert finish(program) == (0, "", "")


def test_a_cut_without_a_goodbye_is_one_and_each_line_is_said_once(server: SecureServer, programs: Programs) -> None:
    program = programs.start("--fingerprint", server.made.fingerprint, "--nick", "bot", server.address)
    say(program, b"done")
    peer = server.accept()
    assert peer.line()[0] == "/json"
    peer.send({"type": "hello", "server": "pi"})
    peer.answer("/nick bot", type="welcome", nick="bot", room="#lobby", rooms={"#lobby": {}}, resume="CODE")
    text, id = peer.line()
    assert text == "done"
    cut(peer)
    peer = server.accept()
    assert peer.line()[0] == "/json"
    peer.send({"type": "hello", "server": "pi"})
    peer.answer("/resume CODE", type="welcome", nick="bot", room="#lobby", rooms={"#lobby": {}}, back=True)
    peer.send(HISTORY)
    assert peer.line() == ("done", id)
    peer.send({"type": "ack", "id": id})
    peer.let_go()
    code, _, err = finish(program)
    assert code == 0
    assert "the connection is lost: it was cut" in err


def test_a_recorder_records_through_tls_until_it_is_stopped(
    server: SecureServer, programs: Programs, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    with record.open("wb") as output:
        program = programs.start(
            *("--fingerprint", server.made.fingerprint, "--follow", "-n", "rec", server.address),
            stdin=subprocess.DEVNULL,
            stdout=output,
        )
    peer = server.accept()
    peer.enter("rec")
    peer.send(MESSAGE)
    peer.close()
    peer = server.accept()
    peer.enter("rec")
    peer.send(MESSAGE | {"seq": 2, "text": "again" * 20_000})
    until(lambda: "again\n" in record.read_text())
    program.send_signal(signal.SIGTERM)
    peer.let_go()
    assert finish(program)[0] == 0


def test_a_plain_server_is_not_spoken_to(programs: Programs) -> None:
    plain = Server()
    program = programs.start("--tls", "--nick", "bot", plain.address)
    say(program, b"secret\n")
    peer = plain.accept()
    peer.connection.sendall(b"-> Welcome to the chat on pi.\r\n")
    code, _, err = finish(program)
    assert b"secret" not in peer.connection.recv(65536)
    assert code == 6
    assert f"{plain.address} speaks no TLS" in err
    plain.close()


def test_a_plain_client_at_an_encrypted_port_ends(programs: Programs) -> None:
    plain = Server()
    program = programs.start("--nick", "bot", "--follow", plain.address)
    say(program, b"")
    peer = plain.accept()
    assert peer.line()[0] == "/json"
    peer.connection.sendall(b"! needs-tls: This port is encrypted.\r\n")
    peer.close()
    code, _, err = finish(program)
    assert code == 3
    assert "! needs-tls: This port is encrypted." in err
    plain.close()


def test_at_a_terminal_a_stranger_is_asked_about_once(server: SecureServer, programs: Programs, tmp_path: Path) -> None:
    terminal = Terminal(programs, "--tls", "-n", "amy", server.address)
    assert server.turns_away() == b""
    terminal.shows("Go on, and remember it?")
    terminal.type("yes\n")
    for _ in range(2):
        peer = server.accept()
        peer.enter("amy")
        terminal.shows("-> Hello amy.")
        terminal.type("\x04")
        peer.let_go()
        assert terminal.program.wait(SECONDS) == 0
        terminal.close()
        terminal = Terminal(programs, "--tls", "-n", "amy", server.address)
    peer = server.accept()
    peer.close()
    known = tmp_path / "home" / "chat" / "known_servers"
    assert known.read_text() == f"{server.address} {server.made.fingerprint}\n"
    terminal.close()


def test_a_changed_certificate_is_refused_everywhere(server: SecureServer, programs: Programs, tmp_path: Path) -> None:
    known = tmp_path / "home" / "chat" / "known_servers"
    known.parent.mkdir(parents=True)
    known.write_text(f"{server.address} {make('127.0.0.1').fingerprint}\n")
    program = programs.start("--tls", "-n", "bot", server.address)
    say(program, b"secret\n")
    assert server.turns_away() == b""
    code, _, err = finish(program)
    assert code == 6
    assert f"take line 1 out of {known}" in err
    terminal = Terminal(programs, "--tls", "-n", "amy", server.address)
    assert server.turns_away() == b""
    terminal.shows("HAS CHANGED")
    assert terminal.program.wait(SECONDS) == 6
    terminal.close()


def test_who_was_remembered_is_let_through_in_a_pipe_too(
    server: SecureServer, programs: Programs, tmp_path: Path
) -> None:
    known = tmp_path / "home" / "chat" / "known_servers"
    known.parent.mkdir(parents=True)
    known.write_text(f"{server.address} {server.made.fingerprint}\n")
    program = programs.start("--tls", "-n", "bot", server.address)
    say(program, b"")
    peer = server.accept()
    peer.enter("bot")
    peer.let_go()
    assert finish(program) == (0, "", "")


def test_what_brings_somebody_back_through_tls_is_not_sent_in_clear(server: SecureServer, programs: Programs) -> None:
    plain = Server()
    port = int(plain.address.rpartition(":")[2])
    plain.close()
    server._socket.close()
    server._socket = socket.create_server(("127.0.0.1", port))
    server._socket.settimeout(SECONDS)
    address = f"127.0.0.1:{port}"
    program = programs.start("--fingerprint", server.made.fingerprint, "--follow", "-n", "rec", address)
    peer = server.accept()
    assert peer.line()[0] == "/json"
    peer.send({"type": "hello", "server": "pi"})
    peer.answer("/nick rec", type="welcome", nick="rec", room="#lobby", rooms={"#lobby": {}}, resume="SECRET")
    peer.send(HISTORY, MESSAGE)
    assert program.stdout
    program.stdout.readline()
    home = Path(ENVIRONMENT["XDG_STATE_HOME"]) / "chat"
    until(lambda: any(b"SECRET" in path.read_bytes() for path in home.iterdir()))
    program.kill()
    program.wait()
    server.close()
    listening = socket.create_server(("127.0.0.1", port))
    listening.settimeout(SECONDS)
    again = programs.start("--follow", "-n", "rec", address)
    peer = Peer(listening.accept()[0])
    assert peer.line()[0] == "/json"
    peer.send({"type": "hello", "server": "pi"})
    assert peer.line()[0] == "/nick rec"
    again.kill()
    peer.close()
    listening.close()
