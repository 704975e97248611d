"""A server in memory for the client's tests: the test plays it, object by object."""

import json
from collections.abc import Mapping
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

HELLO = {"type": "hello", "server": "pi", "version": "1"}


HISTORY = {"type": "history", "room": "#lobby", "events": [], "more": False}


def welcome(nick: str = "amy", room: str = "#lobby", *rooms: str, **keys: object) -> dict[str, object]:
    return {"type": "welcome", "nick": nick, "room": room, "rooms": {name: {} for name in (room, *rooms)}} | keys


class Transport(StringTransport):
    """A transport in memory that can be aborted, and remembers whether it is read."""

    def abortConnection(self) -> None:
        self.disconnected = True


@implementer(IStreamClientEndpoint)
class Server:
    """The other side: an endpoint whose attempts the test answers, and the objects that arrived."""

    def __init__(self) -> None:
        self.attempts: list[tuple[IProtocolFactory, Deferred]] = []
        self.cancelled = 0

    def connect(self, factory: IProtocolFactory) -> Deferred:
        def cancel(_: object) -> None:
            self.cancelled += 1

        attempt = Deferred(cancel)
        self.attempts.append((factory, attempt))
        return attempt

    def accept(self) -> None:
        factory, attempt = self.attempts.pop()
        self.wire = factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", 12345))
        self.transport = Transport()
        self.wire.makeConnection(self.transport)
        attempt.callback(self.wire)

    def refuse(self, error: Exception) -> None:
        self.attempts.pop()[1].errback(Failure(error))

    def send(self, *objects: Mapping[str, object]) -> None:
        for keys in objects:
            self.wire.dataReceived(json.dumps(keys).encode() + b"\n")

    def close(self, error: Exception | None = None) -> None:
        self.wire.connectionLost(Failure(error or ConnectionDone()))

    @property
    def lines(self) -> list[str]:
        """What arrived since the last look: plain lines, and the `line` of objects, what they say, or a password."""
        return [line for line, _ in self.requests]

    @property
    def requests(self) -> list[tuple[str, str | None]]:
        """The same, each with its id."""
        return [
            (next(keys[what] for what in ("line", "say", "password") if what in keys), keys.get("id"))
            for keys in self.objects
        ]

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The same, with all their keys."""
        data = self.transport.value().decode()
        self.transport.clear()
        return [json.loads(line) if line.startswith("{") else {"line": line} for line in data.splitlines()]
