"""Whoever talks with the server: a socket, a program with pipes, a program on a terminal.

Each says lines and hears what arrives, which is read all the time, so that nobody is a slow reader by accident.
"""

import os
import pty
import select
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

import pytest

from .server import ENVIRONMENT, Server
from .waiting import SECONDS


class Peer:
    """Somebody, and all that they heard."""

    def __init__(self, name: str, receive: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        self.name = name
        self._write = write
        self._receive = receive
        self._heard = bytearray()
        self._looked = 0
        self._ended = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        while True:
            try:
                data = self._receive()
            except OSError:
                data = b""  # a reset; of a terminal, its program has ended
            with self._news:
                self._heard += data
                self._ended = not data
                self._news.notify_all()
            if not data:
                return

    @property
    def bytes_heard(self) -> bytes:
        """All bytes so far."""
        return bytes(self._heard)

    @property
    def heard(self) -> str:
        """All so far, as text."""
        return self.bytes_heard.decode("utf-8", "replace")

    def hears(self, text: str, seconds: float = SECONDS) -> str:
        """Wait for this text behind all that was waited for before; returns what stands up to its end."""
        wanted = text.encode()
        start = self._looked

        def arrived() -> bool:
            nonlocal start
            place = self._heard.find(wanted, start)
            start = place if place >= 0 else max(start, len(self._heard) - len(wanted) + 1)
            return place >= 0

        with self._news:
            self._news.wait_for(lambda: arrived() or self._ended, seconds)
            rest = self._heard[self._looked :].decode("utf-8", "replace")
            assert arrived(), f"{self.name} did not hear {text!r} but {rest!r}"
            self._looked = start + len(wanted)
        return rest[: rest.index(text) + len(text)]

    def hears_the_end(self, seconds: float = SECONDS) -> str:
        """Wait until nothing more can come; returns all that was heard."""
        with self._news:
            assert self._news.wait_for(lambda: self._ended, seconds), f"{self.name} still hears: {self.heard!r}"
        return self.heard

    def sends(self, data: bytes) -> None:
        """Send these bytes."""
        self._write(data)

    def says(self, line: str) -> None:
        """Type a line."""
        self.sends(line.encode() + b"\n")

    def joins(self) -> Self:
        """Enter the chat under the own name."""
        self.hears("Type a nickname")
        self.says(self.name)
        self.hears(f"Hello {self.name}")
        return self


class Client(Peer):
    """A socket."""

    def __init__(self, server: Server, name: str, from_address: str = "") -> None:
        self.socket = socket.create_connection((server.host, server.port), SECONDS, (from_address, 0))
        self.socket.settimeout(None)
        super().__init__(name, lambda: self.socket.recv(65536), self.socket.sendall)

    def ends_input(self) -> None:
        """Close our half."""
        self.socket.shutdown(socket.SHUT_WR)

    def resets(self) -> None:
        """Break the connection with an RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The reading thread holds the socket until this wakes it.
        self.socket.shutdown(socket.SHUT_RD)
        self._reader.join(SECONDS)
        self.socket.close()

    def close(self) -> None:
        """Be gone."""
        with suppress(OSError):  # it may be gone already
            self.socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(SECONDS)
        self.socket.close()


def sealed(host: str, port: str | int) -> ssl.SSLSocket:
    """A socket with TLS, which verifies nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection((host, int(port)), SECONDS))


class Sealed(Client):
    """Somebody at the end of such a socket."""

    socket: ssl.SSLSocket

    def __init__(self, host: str, port: str | int, name: str = "nobody") -> None:
        self.socket = sealed(host, port)
        self.socket.settimeout(0)
        # One of OpenSSL's is not for two threads at once: what is sent while another reads may never arrive.
        self._one = threading.Lock()
        Peer.__init__(self, name, self._receive_some, self._send_all)

    def _receive_some(self) -> bytes:
        while True:
            with self._one, suppress(ssl.SSLWantReadError):
                return self.socket.recv(65536)
            select.select([self.socket], [], [])

    def _send_all(self, data: bytes) -> None:
        while data:
            with self._one, suppress(ssl.SSLWantWriteError):
                data = data[self.socket.send(data) :]
                continue
            select.select([], [self.socket], [])


class Program(Peer):
    """A program with pipes, as in a script; what it says on standard error is kept apart."""

    def __init__(self, name: str, *command: str) -> None:
        need(command[0])
        self.process = subprocess.Popen(
            command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        output = self.process.stdout.fileno()
        super().__init__(name, lambda: os.read(output, 65536), self.process.stdin.write)

    def ends_input(self) -> None:
        """Its standard input ends, as with ^D or at the end of a pipe."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def ends(self, seconds: float = SECONDS) -> int:
        """Wait until it has ended by itself; returns its status."""
        status = self.process.wait(seconds)
        self.hears_the_end()
        return status

    def close(self) -> None:
        """Be gone."""
        self.process.kill()
        self.process.wait()
        self._reader.join(SECONDS)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


class Terminal(Peer):
    """A program on a terminal of its own: keys go through the line discipline, Ctrl-C is a signal."""

    def __init__(self, name: str, *command: str) -> None:
        need(command[0])
        need("setsid")
        self._terminal, programs_side = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            env={**ENVIRONMENT, "TERM": "xterm"},
            stdin=programs_side,
            stdout=programs_side,
            stderr=programs_side,
        )
        os.close(programs_side)
        super().__init__(name, lambda: os.read(self._terminal, 65536), lambda data: os.write(self._terminal, data))

    def presses(self, key: str) -> None:
        """Press a key without Enter."""
        self.sends(key.encode())

    def ends(self, seconds: float = SECONDS) -> int:
        """Wait until it has ended by itself; returns its status."""
        status = self.process.wait(seconds)
        self.hears_the_end()
        return status

    def close(self) -> None:
        """Be gone."""
        self.process.kill()
        self.process.wait()
        self._reader.join(SECONDS)
        os.close(self._terminal)


def need(program: str) -> None:
    """Skip a test whose program is missing."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def _address_last(*words: str) -> Callable[[str, str], Sequence[str]]:
    return lambda host, port: (*words, host, port)


COMMANDS: dict[str, Callable[[str, str], Sequence[str]]] = {
    "nc.openbsd": _address_last("nc.openbsd"),
    "nc.traditional": _address_last("nc.traditional"),
    "ncat": _address_last("ncat"),
    "socat": lambda host, port: ("socat", "-", f"TCP:{host}:{port}"),
    # Without the odd upload "." it waits for a line of ours before it shows one of the others.
    "curl": lambda host, port: ("curl", "--silent", "--no-buffer", "--upload-file", ".", f"telnet://{host}:{port}"),
}
"""How each program joins."""
