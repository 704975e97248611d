"""A client's connection, and the next one after it: coming in, noticing that nothing comes any more, letting go.

What is said on it is not its business; it belongs to an `Owner`.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from random import Random
from typing import Any, Literal, Protocol

from wsproto.connection import Connection, ConnectionType
from wsproto.events import Ping, TextMessage

from tests.storm.proxy import Place, reset

Object = dict[str, Any]
Wire = Literal["json", "tls", "web"]

_CHUNK = 64 * 1024
TLS = ssl.create_default_context()
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE
_ASKS = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c3Rvcm1zdG9ybXN0b3Jtcw==\r\n\r\n"
)
_PATIENCE = (1.0, 3.0)  # seconds without a sign of life after which a connection is given up, from and to
_FORGOTTEN_SECONDS = 1.0  # a connection that is not closed when it is given up is reset after this long


class Owner(Protocol):
    """Who speaks on a link."""

    def way_in(self) -> Object:
        """The first object on a new connection."""

    def received(self, what: Object) -> None:
        """The server said something."""

    def lost(self) -> None:
        """The connection is gone."""

    @property
    def waiting_since(self) -> float:
        """(Monotonic seconds) When the oldest line was sent that waits for an answer; now if none does."""


class _Lines:
    """Objects, one a line."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._rest = b""

    def say(self, text: str) -> None:
        self._write(text.encode() + b"\n")

    def feed(self, data: bytes) -> Iterator[str]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        # What comes before the first object is for people.
        return (line.decode() for line in lines if line.startswith(b"{"))


class _Messages:
    """Objects, each a message of a WebSocket."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._frames = Connection(ConnectionType.CLIENT)
        self._part = ""

    def say(self, text: str) -> None:
        self._write(self._frames.send(TextMessage(data=text)))

    def feed(self, data: bytes) -> Iterator[str]:
        self._frames.receive_data(data)
        for event in self._frames.events():
            if isinstance(event, Ping):
                self._write(self._frames.send(event.response()))
            elif isinstance(event, TextMessage):
                self._part += event.data
                if event.message_finished:
                    yield self._part
                    self._part = ""


class Link:
    """Connects again and again until `stop`, to any of these places."""

    def __init__(self, owner: Owner, places: Sequence[Place], random: Random, wire: Wire = "json") -> None:
        self.patience = random.uniform(*_PATIENCE)
        self.sleepy = True
        """Now and then it stays away for a while, as a laptop that is closed."""

        self._owner = owner
        self._places = places
        self._wire = wire
        self._random = random
        self._talk: _Lines | _Messages | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._forgotten: list[asyncio.StreamWriter] = []
        self._heard_at = 0.0
        self._stopped = False

    async def run(self) -> None:
        """Connect again and again."""
        while not self._stopped:
            self._reading = asyncio.create_task(self._connection())
            await asyncio.wait([self._reading])
            with suppress(OSError, EOFError, asyncio.CancelledError):
                self._reading.result()
            away = self.sleepy and self._random.random() < 0.05
            await asyncio.sleep(self._random.uniform(2.0, 6.0) if away else self._random.uniform(0.02, 0.3))

    def stop(self) -> None:
        """It is over."""
        self._stopped = True
        self.hang_up()
        for writer in self._forgotten:
            reset(writer)

    def write(self, keys: Object) -> None:
        """Say something, if there is a connection."""
        if self._writer is not None and self._talk is not None:
            self._talk.say(json.dumps(keys))

    def hang_up(self) -> None:
        """Let go of a connection: by FIN, by RST, or by forgetting it for a while."""
        writer, self._writer = self._writer, None
        if writer is None or self._reading is None:
            return
        self._reading.cancel()
        how = self._random.randrange(3)
        if how == 0:
            writer.close()
        elif how == 1:
            reset(writer)
        else:
            self._forgotten.append(writer)
            asyncio.get_running_loop().call_later(_FORGOTTEN_SECONDS, reset, writer)

    async def _connection(self) -> None:
        async with asyncio.timeout(self.patience):
            reader, writer = await self._opened()
        self._writer, self._heard_at = writer, time.monotonic()
        self._talk = talk = (_Messages if self._wire == "web" else _Lines)(writer.write)
        self.write(self._owner.way_in())
        watching = asyncio.create_task(self._watch())
        try:
            while data := await reader.read(_CHUNK):
                self._heard_at = time.monotonic()
                for text in talk.feed(data):
                    self._owner.received(json.loads(text))
        finally:
            watching.cancel()
            self._owner.lost()
            if self._writer is writer:
                self._writer = None
                writer.close()

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which objects may be said."""
        (host, port), sealed = self._random.choice(self._places), TLS if self._wire == "tls" else None
        reader, writer = await asyncio.open_connection(host, port, ssl=sealed)
        try:
            writer.write(_ASKS if self._wire == "web" else b"/json\n")
            if self._wire == "web":
                await reader.readuntil(b"\r\n\r\n")
        except BaseException:
            reset(writer)
            raise
        return reader, writer

    async def _watch(self) -> None:
        """Ask a silent server for a sign of life, and leave it when none comes, or no answer for long."""
        while True:
            await asyncio.sleep(self.patience / 4)
            now = time.monotonic()
            silent, slow = now - self._heard_at, now - self._owner.waiting_since
            if silent > self.patience or slow > 3 * self.patience:
                self.hang_up()
            elif silent > self.patience / 2:
                self.write({"line": "/ping"})
