"""One line after another into a room of ten, each acknowledged: what a durable line costs, and what of it is written.

The author speaks the JSON wire, the nine others are people with nc who read what comes.  The write-ahead file begins
anew now and then, so its size says little: the frames in it are read off its index beside it, after each line.
"""

import json
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path

_FRAMES = struct.Struct("=16xI")
"""The head of the write-ahead index: 16 bytes (version, change counter, page size …), the last valid frame."""
_PAGE = struct.Struct(">I")
_FRAME_HEAD = 24


@dataclass(slots=True)
class Journal:
    """How much was appended to a database's write-ahead file; to be looked at after each transaction."""

    database: Path
    bytes: int = 0
    _frames: int = 0
    _frame: int = 0

    def look(self) -> None:
        """Count what came since the last look."""
        with open(f"{self.database}-shm", "rb") as index:
            (frames,) = _FRAMES.unpack(index.read(_FRAMES.size))
        if not self._frame:
            with open(f"{self.database}-wal", "rb") as log:
                log.seek(8)
                self._frame = _PAGE.unpack(log.read(4))[0] + _FRAME_HEAD
            self._frames = frames
        # Fewer than before: it began anew.
        self.bytes += self._frame * (frames - self._frames if frames >= self._frames else frames)
        self._frames = frames


def listen(port: int, count: int) -> list[socket.socket]:
    """So many people with nc enter.  What they hear the system holds for them, it is little."""
    people = []
    for number in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(f"listener-{'abcdefghjk'[number]}\n/ping ready\n".encode())
        heard = b""
        while b"pong ready" not in heard:
            heard += connection.recv(65536)
        people.append(connection)
    return people


def said(author: "Author", count: int, every: float, journal: Journal) -> list[float]:
    """The milliseconds that each of so many lines took, each begun so many seconds after the one before, or at once."""
    took = []
    next_at = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, next_at - time.perf_counter()))
        next_at += every
        took.append(author.say(f"line {number} of somebody who has something to say"))
        journal.look()
    return took


class Author:
    """Somebody on the JSON wire who waits for the acknowledgement of each line."""

    def __init__(self, port: int, nick: str) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port))
        self._rest = b""
        self._sent = 0
        self._connection.sendall(f"/json\n/nick {nick}\n/ping ready\n".encode())
        heard = b""
        while b"ready" not in heard:
            heard += self.hear()

    def fileno(self) -> int:
        """For a selector."""
        return self._connection.fileno()

    def hear(self) -> bytes:
        """What comes next, as whole lines."""
        lines, _, self._rest = (self._rest + self._connection.recv(65536)).rpartition(b"\n")
        return lines

    def say(self, text: str, answer: str = "ack") -> float:
        """The milliseconds until it was acknowledged, or answered otherwise."""
        self._sent += 1
        id = f"bench-{self._sent}"
        begun = time.perf_counter()
        self._connection.sendall(json.dumps({"line": text, "id": id}).encode() + b"\n")
        while True:
            for line in self.hear().split(b"\n"):
                if id.encode() in line:
                    kind = json.loads(line)["type"]
                    if kind == "error":
                        raise RuntimeError(line.decode())
                    if kind == answer:
                        return (time.perf_counter() - begun) * 1e3

    def close(self) -> None:
        """Go."""
        self._connection.close()
