"""The wire of programs for web pages: each object is a message of a WebSocket (RFC 6455), in place of a line.

An event is framed where it is encoded, once for all who read it; so it goes out as it does to everybody else.
"""

import struct
from collections.abc import Iterator

from chat.log.events import Entry
from chat.log.log import Log
from chat.wire import jsonl
from chat.wire.answers import Answer, History
from chat.wire.json_wire import JsonFormat, JsonWire

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
"""Kinds of a frame that is a whole message."""

_FIRST, _MORE, _LAST = 0x01, 0x00, 0x80
"""Kinds of the frames of a text that comes in several."""


def frame(payload: bytes, kind: int = TEXT) -> bytes:
    """One frame, as a server sends it."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", kind, size) + payload
    if size < 2**16:
        return struct.pack("!BBH", kind, 126, size) + payload
    return struct.pack("!BBQ", kind, 127, size) + payload


class FramedFormat(JsonFormat):
    """Events for pages."""

    def event(self, log: Log, entry: Entry, named: bool, timed: bool, id: str | None = None) -> bytes:
        """One entry as the readers of this log get it."""
        return frame(super().event(log, entry, named, timed, id)[:-1])


class FramedWire(JsonWire):
    """The wire of a visit of a page."""

    __slots__ = ()

    def answer(self, answer: Answer) -> bytes:
        """What the service says to one person."""
        return b"".join(frame(jsonl.encode(keys)[:-1]) for keys in self.objects(answer))

    def pages(self, history: History) -> Iterator[bytes]:
        """The same of a long answer, each page a part of one message."""
        kind = _FIRST
        for page in super().pages(history):
            yield frame(page, kind)
            kind = _MORE
        yield frame(b"", _LAST)
