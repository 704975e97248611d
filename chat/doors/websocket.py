"""Bytes to lines for a web page: each message of a WebSocket (RFC 6455) is one; pings are answered, limits kept.

`wsproto` reads; what goes out is framed by the wire, once for all who read it (`chat.wire.framed`).
`twisted.web.websocket` would frame it for each reader, raises where something is sent after the close, and takes a
message of any size whole.
"""

import struct

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import RemoteProtocolError

from chat.base.limits import LINE, MESSAGE, WEB_PING_SECONDS
from chat.doors.lines import LineDecoder
from chat.wire.framed import CLOSE, PING, PONG, frame
from chat.wire.requests import Overlong, Typed


class WebSocketLines(LineDecoder):
    """The messages of one connection; keeps no more than a message's text."""

    __slots__ = ("_code", "_connection", "_ended", "_parts", "_pinged_at", "_pong", "frames")

    def __init__(self, now: float) -> None:
        super().__init__()
        self._pinged_at = now
        self.telnet = True  # there are answers to give
        self._connection = Connection(ConnectionType.SERVER)
        self._parts: list[str] = []  # of a message that is not whole yet
        self._pong: bytes | None = None
        self._code: int | None = None  # with which the connection is to be closed
        self._ended = False
        self.frames = 0

    def feed(self, data: bytes) -> list[Typed]:
        """The messages that these bytes complete."""
        lines: list[Typed] = []
        self.frames = 0
        if self._ended:
            return lines
        try:
            self._connection.receive_data(data)
            for event in self._connection.events():
                self.frames += 1
                if isinstance(event, TextMessage):
                    self._take_part(event, lines)
                elif isinstance(event, Ping):
                    self._pong = bytes(event.payload)  # the latest is enough (RFC 6455, 5.5.3)
                elif isinstance(event, BytesMessage):
                    self._end(CloseReason.UNSUPPORTED_DATA)
                elif isinstance(event, CloseConnection):
                    self._end(event.code)
                if self._ended:
                    break
        except RemoteProtocolError as error:
            hint = error.event_hint
            self._end(hint.code if isinstance(hint, CloseConnection) else CloseReason.PROTOCOL_ERROR)
        return lines

    def _take_part(self, event: TextMessage, lines: list[Typed]) -> None:
        if event.data:  # there may be any number of empty parts
            self._parts.append(event.data)
        self._length += len(event.data.encode())
        if self._length > MESSAGE:
            self._parts.clear()
            self._end(CloseReason.MESSAGE_TOO_BIG)
        elif event.message_finished:
            lines.append(Overlong(self._length, LINE) if self._length > LINE else "".join(self._parts))
            self._parts.clear()
            self._length = 0

    def end(self) -> list[Typed]:
        """Input has ended; half a message is none."""
        return []

    def _end(self, code: int) -> None:
        self._ended, self._code = True, code

    @property
    def ended(self) -> bool:
        """They have said goodbye, or broken the rules."""
        return self._ended

    def kept_open(self, person: bool) -> bool:
        """It is pinged."""
        return True

    def keepalive(self, now: float, idle: bool) -> bytes:
        """A ping now and then, which a browser answers by itself: some proxies count what comes from it alone."""
        if now - self._pinged_at < WEB_PING_SECONDS:
            return b""
        self._pinged_at = now
        return frame(b"", PING)

    def hide(self, hidden: bool) -> None:
        """A page knows by itself what is a secret."""

    def answers(self) -> bytes:
        """The answer to a ping."""
        pong, self._pong = self._pong, None
        return b"" if pong is None else frame(pong, PONG)

    def goodbye(self, stopping: bool, faulty: bool) -> bytes:
        """The frame that says why it ends."""
        code = self._code
        if code is None:
            code = CloseReason.GOING_AWAY if stopping else CloseReason.NORMAL_CLOSURE
            code = CloseReason.INTERNAL_ERROR if faulty else code
        # A close without a code is answered by one without.
        return frame(b"" if code == CloseReason.NO_STATUS_RCVD else struct.pack("!H", code), CLOSE)
