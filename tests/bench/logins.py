"""A hundred people log in at once, while somebody pings; and how long a wrong password takes, of names that are known
and of names that are not.

Each comes from an address of its own, so that as many hashes are computed at once as ever are.
"""

import selectors
import socket
import threading
import time
from collections.abc import Iterator, Sequence

from tests.bench.lines import Author

PASSWORD = "tulip and rose"
TRIES = 20
"""Wrong passwords that are timed, one of each account: of one account the fifth would wait."""


def register(port: int, nicks: Sequence[str]) -> None:
    """Make these accounts."""
    for nick in nicks:
        with _connected(port, 1) as connection:
            asked = [f"/nick {nick}", "/register", f'{{"password": "{PASSWORD}"}}', f'{{"password": "{PASSWORD}"}}']
            connection.sendall("\n".join([*asked, '{"line": "/quit", "id": "gone"}', ""]).encode())
            _until(connection, b'"id":"gone"')


def logged_in(port: int, nicks: Sequence[str]) -> tuple[list[float], float]:
    """The milliseconds that each ping took while all of these logged in, and the seconds until they were in."""
    pinged: list[float] = []
    over = threading.Event()
    author = Author(port, "pinger")

    def ping() -> None:
        while not over.wait(0.002):
            pinged.append(author.say("/ping"))

    people = [_connected(port, number) for number in range(len(nicks))]
    pinging = threading.Thread(target=ping)
    pinging.start()
    begun = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for nick, person in zip(nicks, people, strict=True):
            person.sendall(f"/login {nick} {PASSWORD}\n".encode())
            selector.register(person, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                if b'"type":"welcome"' in key.fileobj.recv(65536):
                    selector.unregister(key.fileobj)
    took = time.perf_counter() - begun
    over.set()
    pinging.join()
    for connection in (author, *people):
        connection.close()
    return pinged, took


def refused(port: int, nicks: Sequence[str]) -> Iterator[float]:
    """The milliseconds until a wrong password of each of these was refused."""
    for number, nick in enumerate(nicks):
        with _connected(port, number) as connection:
            begun = time.perf_counter()
            connection.sendall(f"/login {nick} not-the-password\n".encode())
            _until(connection, b'"login-failed"')
            yield 1e3 * (time.perf_counter() - begun)


def _connected(port: int, number: int) -> socket.socket:
    """Somebody from the address of this number."""
    connection = socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.1.{number + 1}", 0))
    connection.sendall(b"/json\n")
    _until(connection, b'"type":"hello"')
    return connection


def _until(connection: socket.socket, wanted: bytes) -> None:
    heard = b""
    while wanted not in heard:
        came = connection.recv(65536)
        assert came, heard
        heard += came
