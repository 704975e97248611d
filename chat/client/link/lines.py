"""Bytes to lines, for what comes from the server and from standard input alike; pure.

A line ends with LF; a CR before it belongs to the end.  Of a line that is too long only the fact is kept: memory is
bounded whatever comes, and the lines after it are read as if nothing had been.
"""


class TooLong:
    """Stands where a line was that nobody kept."""


class Lines:
    """Splits a stream of bytes; `limit` is the longest line, in bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | TooLong]:
        """The lines that end in these bytes."""
        *ended, rest = data.split(b"\n")
        lines = [self._end(piece) for piece in ended]
        self._begin(rest)
        return lines

    def end(self) -> bytes | TooLong | None:
        """The line that the end of the stream ends, if there is one: `printf hi` sends no LF."""
        return self._end(b"") if self._rest or self._skipping else None

    def _end(self, piece: bytes) -> bytes | TooLong:
        self._begin(piece)
        line: bytes | TooLong = TooLong() if self._skipping else bytes(self._rest).removesuffix(b"\r")
        self._rest.clear()
        self._skipping = False
        return line

    def _begin(self, piece: bytes) -> None:
        self._rest += piece
        if len(self._rest) > self._limit:
            self._rest.clear()
            self._skipping = True
