"""The bad network: a proxy that passes on what both sides say, and now and then does what networks do.

What goes wrong on a line, and when, comes from the line's own random numbers.  No fault changes a byte or leaves one
out in the middle: what is swallowed is swallowed up to the end, as in TCP.
"""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

Place = tuple[str, int]
"""An address and a port."""

CHUNK = 16 * 1024
LIFE = 2.5  # seconds that a line lives on average before something happens to it


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST, as a crashed machine or a firewall does."""
    with suppress(OSError, AttributeError):  # one that is closed has no socket any more
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


@dataclass(slots=True)
class Way:
    """One direction of a line."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Not set while it is stalled."""

    swallows: bool = False
    delay: float = 0.0
    piece: int = CHUNK
    """At most so many bytes are written at once."""

    def __post_init__(self) -> None:
        self.open.set()

    async def pump(self) -> None:
        """Pass on until the end of the input, and then that."""
        while data := await self.reader.read(CHUNK):
            await self.open.wait()
            await asyncio.sleep(self.delay)
            for start in range(0, len(data), self.piece):
                if not self.swallows:
                    self.writer.write(data[start : start + self.piece])
                    await self.writer.drain()
        await self.open.wait()
        if not self.swallows and self.writer.can_write_eof():
            self.writer.write_eof()


class Proxy:
    """Listens for clients and connects each to one of the servers; `calm` ends the faults, after which lines live for
    ever, but where all of them are `cut`."""

    def __init__(self, servers: Sequence[Place], seed: object) -> None:
        self.cuts: Counter[str] = Counter()
        self.faults: dict[str, Callable[[_Line, Random], Awaitable[None]]] = dict(FAULTS)
        self.life = LIFE
        self.servers = servers
        self._seed = seed
        self._lines: set[_Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._calm = self._cut = False

    async def start(self) -> None:
        """Listen."""
        self._listener = await asyncio.start_server(self._accepted, "127.0.0.1", 0, limit=CHUNK)
        self.place: Place = self._listener.sockets[0].getsockname()

    def calm(self) -> None:
        """No more faults: the lines that still suffer are cut."""
        self._calm = True
        for line in list(self._lines):
            line.reset()

    def cut(self, cut: bool) -> None:
        """Nobody comes through, or again."""
        self._cut = cut
        if cut:
            for line in list(self._lines):
                line.reset()

    async def close(self) -> None:
        """All is over."""
        self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            reset(writer)
            return
        self._count += 1
        task = asyncio.get_running_loop().create_task(
            self._serve(reader, writer, Random(f"{self._seed}/{self._count}"))
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, random: Random) -> None:
        try:
            there, back = await self._connect(random.choice(self.servers), narrow=random.random() < 0.3)
        except OSError:
            reset(writer)
            return
        line = _Line(Way(reader, back), Way(there, writer))
        self._lines.add(line)
        trouble = asyncio.get_running_loop().create_task(self._trouble(line, random))
        pumps = [asyncio.get_running_loop().create_task(way.pump()) for way in (line.up, line.down)]
        try:
            await asyncio.gather(*pumps)
        except OSError:
            line.reset()
        finally:
            self._lines.discard(line)
            for task in (trouble, *pumps):
                task.cancel()
            for end in (writer, back):
                end.close()

    async def _connect(self, server: Place, narrow: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the server; a narrow one fills up after some KiB, so that a stall reaches the server."""
        handle = socket.socket()
        handle.setblocking(False)
        if narrow and not self._calm:
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        try:
            await asyncio.get_running_loop().sock_connect(handle, server)
        except OSError:
            handle.close()
            raise
        return await asyncio.open_connection(sock=handle, limit=CHUNK)

    async def _trouble(self, line: "_Line", random: Random) -> None:
        """What happens to one line, until it is cut."""
        if self._calm:
            return
        for way in (line.up, line.down):
            way.delay = random.choice([0.0, 0.0, 0.0, random.uniform(0, 0.05)])
            way.piece = random.choice([CHUNK, CHUNK, CHUNK, random.randint(1, 40)])
        while not self._calm:
            await asyncio.sleep(random.expovariate(1 / self.life))
            if self._calm:
                break
            name = random.choice(list(self.faults))
            self.cuts[name] += 1
            await self.faults[name](line, random)


@dataclass(slots=True, eq=False)
class _Line:
    """Both directions of a connection: `up` is to the server."""

    up: Way
    down: Way

    def reset(self) -> None:
        """Cut both ends, and let the pumps find out."""
        for way in (self.up, self.down):
            way.swallows = True
            way.open.set()
        reset(self.up.writer)
        reset(self.down.writer)


async def _reset(line: _Line, random: Random) -> None:
    line.reset()


async def _stall(line: _Line, random: Random) -> None:
    """Nothing is read for a while, in one direction or both."""
    ways = random.choice([[line.up], [line.down], [line.up, line.down]])
    for way in ways:
        way.open.clear()
    await asyncio.sleep(random.uniform(0.1, 1.5))
    for way in ways:
        way.open.set()


async def _swallow(line: _Line, random: Random) -> None:
    """What the server says is lost, from a point on: answers first of all."""
    line.down.swallows = True
    await asyncio.sleep(random.uniform(0.05, 0.8))
    line.reset()


async def _lose(line: _Line, random: Random) -> None:
    """What the client says is lost, from a point on."""
    line.up.swallows = True
    await asyncio.sleep(random.uniform(0.05, 0.8))
    line.reset()


async def _half_close_up(line: _Line, random: Random) -> None:
    """The server reads an end, the client does not."""
    line.up.swallows = True
    with suppress(OSError):
        line.up.writer.write_eof()
    await asyncio.sleep(random.uniform(0.05, 0.8))
    line.reset()


async def _half_close_down(line: _Line, random: Random) -> None:
    """The client reads an end, the server does not, at first."""
    line.down.swallows = True
    with suppress(OSError):
        line.down.writer.write_eof()
    await asyncio.sleep(random.uniform(0.05, 0.8))
    line.reset()


async def _hang(line: _Line, random: Random) -> None:
    """Nothing passes any more and nobody is told: the client has to find out, and the server meets it twice."""
    line.up.open.clear()
    line.down.open.clear()
    await asyncio.sleep(random.uniform(3.0, 6.0))
    line.reset()


FAULTS = {
    "reset": _reset,
    "stall": _stall,
    "swallow": _swallow,
    "lose": _lose,
    "half-close up": _half_close_up,
    "half-close down": _half_close_down,
    "hang": _hang,
}
