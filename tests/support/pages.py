"""Browsers in a world: what they ask by HTTP, and what a page says and gets by its WebSocket."""

import json
import struct
from collections.abc import Mapping

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from world import Client, Socket, World

from chat.base.language import language
from chat.doors.tcp import Browsers
from chat.doors.web import Settings, Web
from chat.wire.framed import TEXT

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455, 1.3."""


def open_web(world: World, settings: Settings | None = None) -> None:
    """From now on browsers find a page there."""

    def make() -> Deferred[Browsers]:
        return succeed(Web(world.hub, world.factory, language("en"), settings or Settings()))

    world.factory.web = make


def head(path: str = "/", method: str = "GET", **headers: str | None) -> bytes:
    """What a browser sends; a header that is None is left out."""
    all_headers = {"host": "10.0.0.1:12345", **headers}
    lines = [f"{name.replace('_', '-').title()}: {value}" for name, value in all_headers.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


def upgrade(**headers: str | None) -> bytes:
    """What a page sends that wants to talk."""
    asked: Mapping[str, str | None] = {
        "origin": "http://10.0.0.1:12345",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec_websocket_key": KEY,
        "sec_websocket_version": "13",
    }
    return head("/ws", **{**asked, **headers})


def masked(payload: bytes, kind: int = TEXT, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """A frame as browsers send it."""
    size = len(payload)
    length = (
        struct.pack("!B", 0x80 | size)
        if size < 126
        else struct.pack("!BH", 0xFE, size)
        if size < 2**16
        else struct.pack("!BQ", 0xFF, size)
    )
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([kind]) + length + mask + body


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """What a server sent: kinds and payloads; none of it is masked, nor half."""
    found = []
    while data:
        kind, size = data[0], data[1]
        start = 2
        if size == 126:
            size, start = struct.unpack("!H", data[2:4])[0], 4
        elif size == 127:
            size, start = struct.unpack("!Q", data[2:10])[0], 10
        assert len(data) >= start + size, "half a frame"
        found.append((kind, data[start : start + size]))
        data = data[start + size :]
    return found


class Asker(Client):
    """A connection of a browser."""

    def __init__(self, world: World, host: str = "192.0.2.1") -> None:
        socket = Socket(world.kernel, host)
        super().__init__(world, world.factory.buildProtocol(IPv4Address("TCP", host, 50000)), socket)
        socket.protocol = self.protocol
        world.clients.append(self)
        socket.startReading()
        self.protocol.makeConnection(socket)

    def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send this; returns the answer's code, headers and body."""
        self.send(data)
        self.world.turn()
        return self.answer()

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """What was answered, whole."""
        told, _, body = self.bytes.partition(b"\r\n\r\n")
        self._taken = len(self.socket.received)
        first, *lines = told.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split()[1]), headers, body


class Page(Asker):
    """A page that talks."""

    def __init__(self, world: World, *lines: str, host: str = "192.0.2.1", **headers: str | None) -> None:
        super().__init__(world, host)
        self.send(upgrade(**headers))
        world.turn()
        told, _, rest = self.bytes.partition(b"\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 101"), told
        assert f"Sec-WebSocket-Accept: {ACCEPT}".lower() in told.decode().lower()
        self._taken += len(self.bytes) - len(rest)
        self.tell(*({"line": line} for line in lines))

    def tell(self, *objects: object) -> None:
        """Send these, each as a message."""
        for keys in objects:
            self.send(masked(json.dumps(keys).encode()))
        self.world.turn()

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """What came since the last `take`."""
        return frames(self.bytes)

    @property
    def objects(self) -> list[dict]:
        """The same as objects; of control frames there are none."""
        return [json.loads(payload) for kind, payload in self.frames if kind == TEXT]

    def take(self) -> list[str]:
        """The messages, and forget them."""
        found = [payload.decode() for kind, payload in self.frames if kind == TEXT]
        self._taken = len(self.socket.received)
        return found

    def take_objects(self) -> list[dict]:
        """The objects, and forget them."""
        return [json.loads(text) for text in self.take()]

    @property
    def closed_with(self) -> int | None:
        """The code of the frame with which it ends."""
        last = self.frames[-1:]
        return struct.unpack("!H", last[0][1][:2])[0] if last and last[0][0] == 0x88 and last[0][1] else None
