"""A face on standard streams in memory, and the server that it talks with."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from memory_server import HELLO, HISTORY, Server, welcome
from memory_streams import Streams
from twisted.internet.task import Clock

from chat.base import limits
from chat.base.language import Language
from chat.client.faces.stdio import Ground, Status, StreamFace
from chat.client.link.dialer import Address
from chat.client.talk.connection import Connection

NOW = datetime(2026, 11, 22, 9, 4, tzinfo=UTC)
MESSAGE = {"type": "message", "room": "#lobby", "seq": 1, "at": "2026-11-22T08:58:00Z", "from": "bob", "text": "hi"}


class World:
    """A face, its server, and its streams."""

    def __init__(
        self,
        make: Callable[[Ground], StreamFace],
        nick: str | None = None,
        room: str | None = None,
        kept: Any = None,
        language: str = "en",
        makes_room: bool = True,
        streams: Any = None,
        echoes: bool = False,
        password: str | None = None,
        others: int = 0,
    ) -> None:
        self.clock, self.streams = Clock(), streams or Streams()
        self.servers = [Server() for _ in range(1 + others)]
        self.server = self.servers[0]
        addresses = [Address(f"pi{number or ''}:12345", server) for number, server in enumerate(self.servers)]
        self.now = NOW

        def connect(face: StreamFace) -> Connection:
            return Connection(
                addresses, self.clock, face, "run", nick, room, makes_room, kept, lambda: 0.0, echoes=echoes
            )

        ground = Ground(self.streams, Language(language), lambda: self.now, "pi:12345", connect, password)  # type: ignore[arg-type]
        self.face = make(ground)
        self.result: list[Status] = []
        self.face.start(None).addCallback(self.result.append)  # type: ignore[arg-type]

    def enter(self, **keys: object) -> None:
        """Be in, and forget what was shown on the way; `keys` are those of the welcome."""
        self.server.accept()
        self.server.send(HELLO)
        self.answer(welcome(**keys))
        self.server.send(HISTORY)
        self.streams.out = self.streams.err = ""

    def answer(self, keys: dict[str, object]) -> None:
        """Answer the last line that arrived."""
        self.server.send({**keys, "id": self.server.requests[-1][1]})

    def ack_all(self) -> None:
        """Confirm all that arrived."""
        self.server.send(*({"type": "ack", "id": id, "room": "#lobby"} for _, id in self.server.requests))

    def lose(self, error: Exception | None = None) -> None:
        self.server.close(error)
        self.clock.advance(0)

    def shown(self) -> list[str]:
        """What stands on standard output since the last look."""
        out, self.streams.out = self.streams.out, ""
        return out.splitlines()

    def warned(self) -> list[str]:
        """The same of standard error."""
        err, self.streams.err = self.streams.err, ""
        return err.splitlines()

    def come_again(self, welcome: dict[str, object]) -> None:
        """Come back to a server that gives this welcome."""
        self.clock.advance(limits.RETRY_MOST_SECONDS)
        self.server.accept()
        self.server.send(HELLO)
        self.answer(welcome)
