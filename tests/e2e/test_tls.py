"""TLS with the programs that people have, over real sockets; and what strangers' programs make of our answers."""

import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from .conftest import Connect, Run, Serve
from .peers import Peer, Program, Sealed, need, sealed
from .server import ENVIRONMENT, Server
from .waiting import SECONDS, until

pytestmark = pytest.mark.slow

TLS = ("--tls-port", "tcp:0:interface=127.0.0.1")


def tls_port(server: Server) -> int:
    found = re.search(r"open on .*:(\d+), encrypted", server.said)
    assert found, server.said
    return int(found[1])


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(*TLS)


class TlsSocket(Sealed):
    """Somebody who comes in by the port with TLS."""

    def __init__(self, server: Server, name: str = "nobody") -> None:
        super().__init__(server.host, tls_port(server), name)

    @property
    def certificate(self) -> bytes:
        """The server's."""
        certificate = self.socket.getpeercert(binary_form=True)
        assert certificate is not None
        return certificate


ConnectTls = Callable[..., TlsSocket]


@pytest.fixture
def connect_tls(stack: ExitStack) -> ConnectTls:
    """Connect such a socket: `connect_tls(server, name)`."""

    def connect_tls(server: Server, name: str = "nobody") -> TlsSocket:
        client = TlsSocket(server, name)
        stack.callback(client.close)
        return client

    return connect_tls


COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "openssl": lambda port: ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{port}"],
    "openssl 1.2": lambda port: ["openssl", "s_client", "-quiet", "-tls1_2", "-connect", f"127.0.0.1:{port}"],
    "ncat": lambda port: ["ncat", "--ssl", "127.0.0.1", port],
    "socat": lambda port: ["socat", "-", f"OPENSSL:127.0.0.1:{port},verify=0"],
}


def program(server: Server, run: Run, name: str, which: str) -> Program:
    words = COMMANDS[which](str(tls_port(server)))
    need(words[0])
    return run(server, name, *words)


@pytest.mark.parametrize("which", COMMANDS)
def test_people_talk_with_what_they_have(which: str, server: Server, connect: Connect, run: Run) -> None:
    bob = connect(server, "bob").joins()
    amy = program(server, run, "amy", which).joins()
    amy.says("Ü ☃ hello")
    bob.hears("<amy> Ü ☃ hello\r\n")
    bob.says("hi")
    amy.hears("<bob> hi\r\n")
    amy.says("/quit")
    bob.hears("-!- amy left")
    assert "-> Bye amy." in amy.hears_the_end()


@pytest.mark.parametrize(("which", "leaves"), [("socat", True), ("ncat", False)])
def test_a_pipe_is_read_to_its_end_and_answered(
    which: str, leaves: bool, server: Server, connect: Connect, run: Run
) -> None:
    """Ncat ends TCP's half without a close_notify, which anybody on the way could have done: that is a cut."""
    bob = connect(server, "bob").joins()
    amy = program(server, run, "amy", which)
    amy.sends(b"amy\n" + b"line\n" * 20 + b"/who\n")
    amy.ends_input()
    assert amy.ends() == 0
    assert "people are in #lobby" in amy.heard
    for _ in range(20):
        bob.hears("<amy> line\r\n")
    if leaves:
        bob.hears("-!- amy left")
    bob.says("/who")
    assert ("line down" in bob.hears("in #lobby: ") + bob.hears("\r\n")) is not leaves


def test_one_line_is_posted_without_staying(server: Server, connect: Connect, run: Run) -> None:
    bob = connect(server, "bob").joins()
    deploy = program(server, run, "deploy", "ncat")
    deploy.sends(b"/post deploy deploy done\n")
    deploy.ends_input()
    assert deploy.ends() == 0
    bob.hears("deploy done")


def test_who_does_not_read_holds_nobody_up_and_misses_nothing(serve: Serve, connect: Connect) -> None:
    server = serve(*TLS, "--rate", "0")
    bob = connect(server, "bob").joins()
    with sealed(server.host, tls_port(server)) as raw:
        raw.sendall(b"amy\n")
        bob.hears("amy joined")
        before = server.memory()
        for number in range(50):
            bob.sends(b"".join(b"%d %s\n" % (number * 50 + line, b"x" * 1900) for line in range(50)))
            bob.says(f"/ping {number}")
            bob.hears(f"{number}\r\n", 60)
        assert server.memory() - before < 30 * 2**20
        heard = b""
        while b"\n<bob> 2499 x" not in heard:
            heard += raw.recv(65536)
    assert [int(found) for found in re.findall(rb"<bob> (\d+) x", heard)] == list(range(2500))


def test_a_kill_of_the_line_is_a_cut_and_a_code_brings_them_back(
    server: Server, connect: Connect, connect_tls: ConnectTls
) -> None:
    bob = connect(server, "bob").joins()
    amy = connect_tls(server, "amy").joins()
    amy.hears("/resume ")
    code = amy.hears("\r\n").strip()
    amy.socket.shutdown(socket.SHUT_RDWR)
    until(lambda: line_is_down(bob), what="the cut")
    bob.says("while you were away")
    again = connect_tls(server, "amy again")
    again.says(f"/resume {code}")
    again.hears("<bob> while you were away")


def line_is_down(bob: Peer) -> bool:
    bob.says("/who")
    return "line down" in bob.hears("in #lobby") + bob.hears("\r\n")


def test_what_their_machine_has_acknowledged_does_not_come_again(
    serve: Serve, connect: Connect, connect_tls: ConnectTls
) -> None:
    server = serve(*TLS, LOOK_SECONDS=0.05)
    bob = connect(server, "bob").joins()
    amy = connect_tls(server, "amy").joins()
    amy.hears("/resume ")
    code = amy.hears("\r\n").strip()
    bob.says("seen")
    amy.hears("<bob> seen")
    heard_at = time.monotonic()
    until(lambda: time.monotonic() > heard_at + 0.5, what="ten looks at what was acknowledged")
    amy.socket.shutdown(socket.SHUT_RDWR)
    until(lambda: line_is_down(bob), what="the cut")
    bob.says("not seen")
    again = connect_tls(server, "amy again")
    again.says(f"/resume {code}")
    assert "<bob> seen" not in again.hears("<bob> not seen")


def test_who_reads_nothing_at_all_is_cut_off(serve: Serve, connect: Connect) -> None:
    server = serve(*TLS, "--rate", "0", STALL_SECONDS=0.5, SWEEP_SECONDS=0.2, LOOK_SECONDS=0.2)
    bob = connect(server, "bob").joins()
    with sealed(server.host, tls_port(server)) as amy:
        amy.sendall(b"amy\n")
        bob.hears("amy joined")
        for number in range(40):
            bob.sends(b"".join(b"%d %s\n" % (line, b"x" * 1900) for line in range(100)))
            bob.says(f"/ping {number}")
            bob.hears(f"{number}\r\n", 60)
        until(lambda: "took nothing for" in server.said, what="the end of their connection")


def test_a_stopping_server_says_goodbye(server: Server, connect_tls: ConnectTls) -> None:
    amy = connect_tls(server, "amy").joins()
    assert server.stop() in (0, -signal.SIGTERM)
    assert amy.hears_the_end().endswith("-> The server is stopping.\r\n")


# Certificates.


def test_the_fingerprint_is_the_one_that_openssl_shows(server: Server) -> None:
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", server.log.parent / "chat-certificate.pem"],
        capture_output=True, text=True, check=True,
    ).stdout.partition("=")[2].strip()  # fmt: skip
    assert f"The certificate's fingerprint is SHA256:{shown}\n" in server.said


@pytest.mark.parametrize("how", ["by itself", "SIGHUP"])
def test_a_certificate_is_replaced_while_people_talk(
    how: str, serve: Serve, connect_tls: ConnectTls, tmp_path: Path
) -> None:
    live = tmp_path / "live"
    live.mkdir()
    _issue(live)
    limits = {"CERTIFICATE_LOOK_SECONDS": 0.2} if how == "by itself" else {}
    server = serve(*TLS, "--certificate", str(live), **limits)
    amy = connect_tls(server, "amy").joins()
    _issue(live)
    if how == "SIGHUP":
        server.process.send_signal(signal.SIGHUP)
    until(lambda: "New certificate: SHA256:" in server.said, what="the new certificate")
    bob = connect_tls(server, "bob").joins()
    assert amy.certificate != bob.certificate
    amy.says("the old connection goes on")
    bob.hears("<amy> the old connection goes on")


def _issue(directory: Path) -> Path:
    """A certificate of a test authority, as certbot leaves it; returns the authority's."""
    need("openssl")

    def openssl(name: str, *words: str) -> None:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.pem", *words],
            cwd=directory, capture_output=True, check=True,
        )  # fmt: skip

    openssl("authority", "-subj", "/CN=authority", "-addext", "keyUsage=critical,keyCertSign")
    openssl(
        "new", "-CA", "authority.pem", "-CAkey", "authority.key", "-subj", "/CN=localhost", "-days", "90",
        "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
    )  # fmt: skip
    (directory / "new.key").rename(directory / "privkey.pem")
    (directory / "new.pem").rename(directory / "fullchain.pem")
    return directory / "authority.pem"


def test_sslyze_finds_mozillas_intermediate_configuration(serve: Serve, tmp_path: Path) -> None:
    need("sslyze")
    live = tmp_path / "live"
    live.mkdir()
    authority = _issue(live)
    server = serve(*TLS, "--certificate", str(live))
    done = subprocess.run(
        ["sslyze", "--mozilla_config=intermediate", "--certinfo_ca_file", authority, f"localhost:{tls_port(server)}"],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert f"localhost:{tls_port(server)}: OK - Compliant." in done.stdout, done.stdout[-3000:]


# Strangers.


def curl(*words: str) -> str:
    need("curl")
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", "--insecure", "--max-time", "5", *words],
        capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_without_a_web_door_a_web_client_is_told_in_http_on_every_port(serve: Serve, connect: Connect) -> None:
    server = serve(*TLS, "--web", "off")
    bob = connect(server, "bob").joins()
    plain, encrypted = server.port, tls_port(server)
    for url in (f"http://127.0.0.1:{plain}", f"http://127.0.0.1:{encrypted}", f"https://127.0.0.1:{encrypted}"):
        for words in ((), ("--data", "amy\nhello")):
            said = curl(*words, url)
            assert "HTTP/1.1 400 Bad Request" in said
            assert f"nc 127.0.0.1 {plain}" in said
            assert f"ncat --ssl 127.0.0.1 {encrypted}" in said
    assert "alert protocol version" in curl(f"https://127.0.0.1:{plain}")
    bob.says("/who")
    assert "hello" not in bob.hears("One person is in #lobby")


def test_ssh_shows_where_to_go(server: Server) -> None:
    need("ssh")
    for port in (server.port, tls_port(server)):
        done = subprocess.run(
            ["ssh", "-o", "BatchMode=yes", "-p", str(port), "127.0.0.1"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert f"This is a chat, not SSH. Join it with: nc 127.0.0.1 {server.port}" in done.stderr


def test_nc_on_the_encrypted_port_is_told_within_a_second(server: Server) -> None:
    with socket.create_connection((server.host, tls_port(server)), SECONDS) as amy, amy.makefile() as lines:
        began = time.monotonic()
        amy.sendall(b"amy\n")
        assert lines.readline().startswith("! needs-tls: ")
        assert f"->   ncat --ssl 127.0.0.1 {tls_port(server)}\n" in lines.readlines()
        assert time.monotonic() - began < 1
    until(lambda: "Not TLS but text on an encrypted port, from 127.0.0.1" in server.said, what="the line in the log")


def test_half_a_handshake_is_given_up(serve: Serve) -> None:
    server = serve(*TLS, HANDSHAKE_SECONDS=0.5)
    with socket.create_connection((server.host, tls_port(server)), SECONDS) as guest:
        guest.sendall(b"\x16\x03\x01\x02\x00\x01")
        began = time.monotonic()
        with suppress(ConnectionResetError):
            assert guest.recv(100) == b""
        assert time.monotonic() - began < 5
