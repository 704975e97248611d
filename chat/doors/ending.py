"""How the input of a connection ends: by their own will or cut off, and whether what waits then is still to be said.

A program that has ended looks like one that only ended its input, until it is sent something.  Who pressed Ctrl-C in
nc wants the rest of a paste not to be said; but all that `cat file | nc -q0` sent is to be.  What tells them apart are
pauses: who talked before, and was silent before the end, has seen the paste.
"""

import socket

from chat.base import limits
from chat.doors import sockets


class Ending:
    """What is known of one connection's end."""

    __slots__ = ("_began_at", "_cut", "_proxied", "_stopped", "_talks", "told")

    told: bool
    """That their input has ended was told, while lines still waited."""

    def __init__(self, proxied: bool) -> None:
        self.told = self._cut = self._stopped = self._talks = False
        self._began_at = 0.0
        self._proxied = proxied

    def begin(self, now: float) -> None:
        """Their first line came."""
        self._began_at = now

    def wait(self, now: float) -> None:
        """Lines of theirs begin to wait: whether they are a person's paste, or all that a program has to say."""
        self._talks = now - self._began_at >= limits.PIPE_SECONDS

    def cut_off(self) -> None:
        """It was not their will."""
        self._cut = True

    def look(self, connection: socket.socket | None, closed: bool, broken: bool) -> None:
        """Whose will it was, while lines still wait; `broken` says that nothing could be sent any more."""
        self.told = True
        if connection is None:
            return
        if closed and sockets.is_broken_off(connection):
            self._stopped = self._cut = True
        else:
            self._cut = self._cut or broken
            self._stopped = self._talks and sockets.silence_before_end(connection) >= limits.STOP_SECONDS

    def is_stopped(self, state: sockets.SocketState) -> bool:
        """Whether what waits is not to be said."""
        return self._stopped and state is sockets.SocketState.CLOSED

    def is_cut(self, broken: bool) -> bool:
        """Whether it is known not to be their own doing."""
        return self._cut or (broken and not self.told)

    def is_own(self, broken: bool) -> bool:
        """Whether it is known to be: then people have left."""
        return not (self._proxied or self.is_cut(broken))
