"""Two hundred of one address who ask for as much as they can, of one price of the budget each, or who try every command
while they are muted.

`python -m tests.e2e.siege PORT ROW SECONDS TLS_PORT CONTROL` is those who ask, a process of its own so that a pair that
talks meanwhile can be timed.
"""

import ctypes
import ctypes.util
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

from chat.commands import perform
from chat.commands.registry import TABLE

ATTACKERS = 200
ADDRESS = "127.0.0.2"
"""From where they come."""

_ROWS: dict[str, bytes] = {
    "PRICE_READ": b"x",
    "PRICE_LINE": b"hi\n" * 100,
    "PRICE_BYTE": b"x" * 16_000,
    "PRICE_REQUEST": b"/topic\n" * 20,
    "PRICE_NEAREST": b"/msg nobodyy hi\n" * 20,
    "PRICE_ANSWER_BYTE": b"/help all\n/who\n" * 20,
    "PRICE_PAGE_BYTE": b"/last 500\n" * 20,
    "PRICE_QUERY": b"/last 1\n" * 20,
    "PRICE_QUERY_PART": b"/grep words that somebody said here once upon a time\n" * 20,
}
"""What each of them sends, again and again."""

MUTED = "muted"
"""The row of those who are."""

assert perform  # all commands are there
_ENDING = {"quit", "logout", "json", "resume", "login", "register", "password", "unregister", "operator"}
"""Who does so is gone, or somebody else, or is asked for a password, of which some wrong ones are enough."""
_ROWS[MUTED] = b"spam\n" + b"".join(f"/{name} user1 spam\n".encode() for name in TABLE if name not in _ENDING)

SEALED = ("PRICE_HANDSHAKE", "PRICE_SEALED_BYTE")
"""Those of TLS."""

ROWS = (*_ROWS, *SEALED)


def connections(port: int) -> Iterator[socket.socket]:
    """Those who come in."""
    for number in range(ATTACKERS):
        client = socket.socket()
        client.bind((ADDRESS, 0))
        client.connect(("127.0.0.1", port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(f"user{number}\n".encode())
        client.setblocking(False)
        yield client


def mute(control: str) -> None:
    """Whoever runs the server mutes all of them."""
    with closing(socket.socket(socket.AF_UNIX)) as operator:
        operator.settimeout(20)
        operator.connect(control)
        operator.sendall(b"".join(b"/admin mute user%d forever\n" % number for number in range(ATTACKERS)))
        answers = b""
        while answers.count(b"Muted user") < ATTACKERS:
            answers += operator.recv(65536)


def flood(port: int, row: str, seconds: float, control: str) -> int:
    """Send a row's bytes on all connections as fast as they take them, and read the answers; returns how many went."""
    data, clients = _ROWS[row], list(connections(port))
    if row == MUTED:
        mute(control)
    poll = select.epoll()
    by_number = {client.fileno(): client for client in clients}
    for number in by_number:
        poll.register(number, select.EPOLLIN | select.EPOLLOUT)
    end, sent = time.monotonic() + seconds, 0
    while time.monotonic() < end and by_number:
        for number, events in poll.poll(0.1):
            try:
                if events & select.EPOLLIN and not by_number[number].recv(65536):
                    raise ConnectionResetError
                if events & select.EPOLLOUT:
                    sent += by_number[number].send(data)
            except BlockingIOError:
                continue
            except OSError:
                poll.unregister(number)
                by_number.pop(number).close()
        time.sleep(0.001)
    return sent


class Sealed:
    """A connection of OpenSSL's own, for its keys can be changed at will."""

    _library = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")

    def __init__(self, port: int) -> None:
        lib = self._library
        for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(lib, name).restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(lib.TLS_client_method())))
        self._state = ctypes.c_void_p(lib.SSL_new(self._context))
        self.socket = socket.socket()
        self.socket.bind((ADDRESS, 0))
        self.socket.settimeout(None)
        self.socket.connect(("127.0.0.1", port))
        lib.SSL_set_fd(self._state, self.socket.fileno())

    def shake(self) -> bool:
        """Shake hands, or go on with what has to be sent."""
        return bool(self._library.SSL_do_handshake(self._state) == 1)

    def come_in(self) -> None:
        """The first handshake."""
        self._library.SSL_set_connect_state(self._state)
        self.shake()

    def change_keys(self) -> None:
        """Use new keys from now on."""
        self._library.SSL_key_update(self._state, 0)
        self.shake()

    def close(self) -> None:
        """Be gone."""
        self._library.SSL_free(self._state)
        self._library.SSL_CTX_free(self._context)
        self.socket.close()


def change_keys(port: int, seconds: float) -> int:
    """As fast as the server reads that; returns how often."""
    clients = []
    for _ in range(ATTACKERS):
        client = Sealed(port)
        client.come_in()
        client.socket.setblocking(False)
        clients.append(client)
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for client in clients:
            for _ in range(20):
                client.change_keys()
            count += 20
    return count


def shake_hands(port: int, seconds: float) -> int:
    """Again and again, as often as one address may come; returns how often that was."""
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        with suppress(OSError):
            client = Sealed(port)
            client.come_in()
            client.close()
            count += 1
    return count


def main() -> None:
    """Be those who ask."""
    port, row, seconds, tls_port = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    control = sys.argv[5]
    attack: dict[str, Callable[[], int]] = {
        "PRICE_HANDSHAKE": lambda: shake_hands(tls_port, seconds),
        "PRICE_SEALED_BYTE": lambda: change_keys(tls_port, seconds),
    }
    sys.stdout.write(f"{attack.get(row, lambda: flood(port, row, seconds, control))()}\n")


if __name__ == "__main__":
    main()
