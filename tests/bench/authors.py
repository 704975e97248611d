"""Authors who each wait for the acknowledgement of one line before they write the next: what a commit adds.

They speak the JSON wire and sit alone in a room each, so that nothing but the way in, the store and the way back is
measured.  Python is fast enough for that: a line in flight waits for a disk, or for the server.
"""

import json
import selectors
import socket
import time
from dataclasses import dataclass


@dataclass(slots=True)
class _Author:
    connection: socket.socket
    rest: bytes = b""
    sent_at: float = 0.0
    sent: int = 0


def acknowledged(port: int, authors: int, seconds: float) -> list[float]:
    """The milliseconds that each line took to be acknowledged, of so many authors in so many seconds."""
    selector = selectors.DefaultSelector()
    people = [_Author(_enter(port, number)) for number in range(authors)]
    for author in people:
        author.connection.setblocking(False)
        selector.register(author.connection, selectors.EVENT_READ, author)
        _say(author)
    took: list[float] = []
    ends_at = time.perf_counter() + seconds
    while time.perf_counter() < ends_at:
        for key, _ in selector.select(1.0):
            author = key.data
            *lines, author.rest = (author.rest + author.connection.recv(65536)).split(b"\n")
            for line in lines:
                if b'"type":"ack"' in line:
                    took.append((time.perf_counter() - author.sent_at) * 1e3)
                    _say(author)
                elif b'"type":"error"' in line:
                    raise RuntimeError(line.decode())
    for author in people:
        author.connection.close()
    return took


def _enter(port: int, number: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    lines = ("/json", f"/nick author.{_letters(number)}", f"/join #room{number}", "/leave #lobby", "/ping ready")
    connection.sendall("".join(line + "\n" for line in lines).encode())
    heard = b""
    while b'"token":"ready"' not in heard:
        heard += connection.recv(65536)
    return connection


def _letters(number: int) -> str:
    """A number that looks like no other: 1 and l are alike, and so are 0 and O."""
    return "".join("abcdefghjk"[int(digit)] for digit in str(number))


def _say(author: _Author) -> None:
    author.sent += 1
    author.sent_at = time.perf_counter()
    line = {"line": f"line {author.sent} of somebody who has something to say", "id": str(author.sent)}
    author.connection.sendall(json.dumps(line).encode() + b"\n")
