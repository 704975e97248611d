"""Those who are there: somebody with a connection, and two who talk while the seconds until they hear are counted."""

import asyncio
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

_PAUSE_SECONDS = 0.05


class Guest:
    """Somebody with a connection; what nobody waits for is read and forgotten."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, address: str, *lines: str) -> Self:
        """Come from this address, and type these lines."""
        guest = cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0)))
        guest.say(*lines)
        return guest

    def say(self, *lines: str) -> None:
        """Type these lines."""
        self._writer.write("".join(f"{line}\n" for line in lines).encode())

    async def hear(self, text: str, seconds: float = 60) -> str:
        """Wait for a line with this text; raises ConnectionError where it does not come."""
        lines = [""]
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while line := (await self._reader.readline()).decode("utf-8", "replace"):
                    if text in line:
                        return line
                    lines = [*lines[-3:], line]
        raise ConnectionResetError(f"{text!r} did not come, but {lines}")

    def reset(self) -> None:
        """Break the connection, with an RST: an end would be a leave."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def quit(self) -> None:
        """Say goodbye, and wait until the server has closed."""
        self.say("/quit")
        with suppress(ConnectionError):
            await self.hear("-> Bye")
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@dataclass
class Pair:
    """Two in a room; the seconds of each message from one to the other."""

    ann: Guest
    bob: Guest
    taken: list[float] = field(default_factory=list)

    @classmethod
    async def enter(cls, port: int, room: str) -> "Pair":
        """Come in, and be in this room alone."""
        lines = [] if room == "#lobby" else [f"/join {room}", "/leave #lobby"]
        guests = [
            await Guest.connect(port, "127.0.0.1", f"/nick {nick}", *lines, "/ping in") for nick in ("ann", "bob")
        ]
        for guest in guests:
            await guest.hear("-> pong in")
        return cls(*guests)

    async def talk(self, seconds: float) -> None:
        """Talk for this long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await self.exchange()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def exchange(self) -> None:
        """One message each way."""
        for one, other in ((self.ann, self.bob), (self.bob, self.ann)):
            text = f"tick {len(self.taken)} of the pair"
            begun = time.monotonic()
            one.say(text)
            await other.hear(text)
            self.taken.append(time.monotonic() - begun)

    def told(self) -> str:
        """How long it took since the last look."""
        taken, self.taken = sorted(self.taken), []
        p50, p99 = (1000 * taken[int(len(taken) * part)] for part in (0.5, 0.99))
        return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {1000 * taken[-1]:.0f} ms ({len(taken)} messages)"
