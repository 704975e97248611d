"""A client's connection, and the next one after it: coming in, noticing that nothing comes any more, letting go.

What is said on it is not its business; it belongs to an `Owner`.
"""

import asyncio
import json
import time
from contextlib import suppress
from random import Random
from typing import Any, Protocol

from tests.storm.proxy import reset

Object = dict[str, Any]

_OBJECT = 8 * 1024 * 1024  # bytes of the longest object: a page of history
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


class Link:
    """Connects again and again until `stop`."""

    def __init__(self, owner: Owner, port: int, random: Random) -> None:
        self.patience = random.uniform(*_PATIENCE)
        self.sleepy = True
        """Now and then it stays away for a while, as a laptop that is closed."""

        self._owner = owner
        self._port = port
        self._random = random
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
            with suppress(OSError, asyncio.CancelledError):
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
        if self._writer is not None:
            self._writer.write(json.dumps(keys).encode() + b"\n")

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
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_OBJECT)
        self._writer, self._heard_at = writer, time.monotonic()
        writer.write(b"/json\n")
        self.write(self._owner.way_in())
        watching = asyncio.create_task(self._watch())
        try:
            while (line := await reader.readline()).endswith(b"\n"):
                self._heard_at = time.monotonic()
                # What comes before the first object is for people.
                if line.startswith(b"{"):
                    self._owner.received(json.loads(line))
        finally:
            watching.cancel()
            self._owner.lost()
            if self._writer is writer:
                self._writer = None
                writer.close()

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
