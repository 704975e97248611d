"""Bytes to lines for a connection that speaks IRC: nothing in them is telnet's, and nothing is edited.

CR LF ends a line, for some clients LF alone; empty lines are none.  What is no UTF-8 comes as surrogates, and the wire
says what it is.  However the bytes are cut into packets, the lines are the same.
"""

import re

from chat.base.limits import IRC_LINE, IRC_TAGS
from chat.doors.lines import LineDecoder
from chat.wire.requests import Overlong, Typed

_ENDS = re.compile(rb"[\r\n]+")


class IrcLines(LineDecoder):
    """The lines of one connection, which is never telnet's; keeps no more than one line's bytes."""

    __slots__ = ()

    def feed(self, data: bytes) -> list[Typed]:
        """The lines that these bytes complete."""
        if not self._length and data.endswith(b"\n"):  # the usual case: all at once
            texts = data.decode("utf-8", "surrogateescape").replace("\r", "\n").split("\n")
            # No character has more than four bytes.
            if 4 * max(map(len, texts)) <= IRC_LINE:
                return list(filter(None, texts))
        first, *others = _ENDS.split(data)
        self._add(first)
        if not others:
            return []
        *whole, rest = others
        lines = [*self.end(), *(_line(line, len(line)) for line in whole)]
        self._add(rest)
        return lines

    def end(self) -> list[Typed]:
        """Input has ended: the last line counts without its end."""
        line, length = bytes(self._partial), self._length
        self._partial.clear()
        self._length = 0
        return [_line(line, length)] if length else []

    def _add(self, data: bytes) -> None:
        self._length += len(data)
        self._partial += data[: IRC_TAGS + IRC_LINE + 1 - len(self._partial)]


def _line(line: bytes, length: int) -> Typed:
    tags = line.find(b" ") + 1 if line.startswith(b"@") else 0
    if tags > IRC_TAGS or length > IRC_TAGS + IRC_LINE:
        return Overlong(length, IRC_TAGS + IRC_LINE)
    if length - tags > IRC_LINE:
        return Overlong(length - tags, IRC_LINE)
    return line.decode("utf-8", "surrogateescape")
