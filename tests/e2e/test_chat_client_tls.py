"""The project's own client and the real server through TLS: the first time, the second time, another certificate."""

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Connect, OnScreen, Serve
from .server import ENVIRONMENT, Server
from .waiting import SECONDS, until

pytestmark = pytest.mark.slow

CLIENT = (sys.executable, "-m", "chat.client")


@pytest.fixture
def encrypted(serve: Serve) -> tuple[Server, str]:
    """A server that makes its own certificate, and where it is encrypted."""
    server = serve("--tls-port", "tcp:0:interface=127.0.0.1")
    return server, encrypted_address(server)


def encrypted_address(server: Server) -> str:
    (line,) = [line for line in server.said.splitlines() if line.startswith("Chat is open") and "encrypted" in line]
    return line.removeprefix("Chat is open on ").partition(",")[0]


def fingerprint(server: Server) -> str:
    """As the server tells it."""
    (word,) = {word for word in server.said.split() if word.startswith("SHA256:")}
    return word


def run(*words: str, input: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the client to its end, with pipes."""
    return subprocess.run(
        [*CLIENT, *words], input=input, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS
    )


def test_a_stranger_is_asked_about_remembered_and_refused_when_it_is_another(
    encrypted: tuple[Server, str], serve: Serve, connect: Connect, on_screen: OnScreen, tmp_path: Path
) -> None:
    server, address = encrypted
    known = tmp_path / "home" / "chat" / "known_servers"
    amy = connect(server, "amy").joins()

    bob = on_screen("env", "TERM=dumb", *CLIENT, "--tls", "-n", "bob", address)
    until(lambda: "Go on, and remember it?" in "\n".join(bob.lines), what="the question")
    told = "".join(line.removeprefix("! ").removeprefix("  ") for line in bob.lines)
    assert fingerprint(server) in told
    assert "bob" not in amy.heard
    bob.types("yes")
    amy.hears("-!- bob joined")
    bob.types("hello ☃")
    amy.hears("<bob> hello ☃\r\n")
    bob.types("/quit")
    until(lambda: bob.has_ended, what="the end")
    assert known.read_text() == f"{address} {fingerprint(server)}\n"

    assert run("--tls", "-n", "bot", address, input="in a pipe\n").returncode == 0
    amy.hears("<bot> in a pipe\r\n")

    server.close()
    for path in tmp_path.glob("*.pem"):
        path.unlink()
    serve("--tls-port", f"tcp:{address.rpartition(':')[2]}:interface=127.0.0.1")
    bob = on_screen("env", "TERM=dumb", *CLIENT, "--tls", "-n", "bob", address)
    bob.shows(f"! THE CERTIFICATE OF {address} HAS CHANGED.")
    until(lambda: bob.has_ended, what="the end")
    refused = run("--tls", "-n", "bot", address, input="secret\n")
    assert refused.returncode == 6
    assert f"take line 1 out of {known}" in refused.stderr


def test_the_fingerprint_that_the_server_tells_can_be_pinned(encrypted: tuple[Server, str], connect: Connect) -> None:
    server, address = encrypted
    amy = connect(server, "amy").joins()
    text = "".join(f"{number}\n" for number in range(50))
    done = run("--fingerprint", fingerprint(server), "-n", "bot", address, input=text)
    assert (done.returncode, done.stderr) == (0, "")
    amy.hears("<bot> 49\r\n")
    done = run("--fingerprint", fingerprint(server), "--since", "30m", address)
    assert [line.split("> ")[1] for line in done.stdout.splitlines()] == text.split()


def test_who_speaks_in_clear_to_the_encrypted_port_is_told_so(encrypted: tuple[Server, str]) -> None:
    _, address = encrypted
    done = run("--follow", address)
    assert done.returncode == 3
    assert "! needs-tls: " in done.stderr
    assert f"! With this program: chat-client --tls {address}" in done.stderr


def test_who_speaks_tls_to_the_plain_port_is_told_so(encrypted: tuple[Server, str]) -> None:
    server, _ = encrypted
    done = run("--tls", "--follow", ":".join(server.address))
    assert done.returncode == 6
    assert "speaks no TLS" in done.stderr
