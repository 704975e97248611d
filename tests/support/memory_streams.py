"""Standard streams in memory for the client's tests."""

from twisted.internet.defer import Deferred, succeed


class Streams:
    """Standard streams in memory."""

    def __init__(self) -> None:
        self.out = self.err = ""
        self.paused = self.hidden = False
        self.dropped = 0
        """So often what was begun to be typed was thrown away."""

    def open(self, reader: object, reactor: object, producer: object = None) -> None:
        """Nothing is to be opened."""

    def write(self, text: str) -> None:
        self.out += text

    def warn(self, text: str) -> None:
        self.err += text

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def hide(self, hidden: bool) -> None:
        self.hidden = hidden

    def drop(self) -> None:
        self.dropped += 1

    def close(self) -> Deferred:
        return succeed(None)
