"""How many handshakes of TLS are under way, and what becomes of the memory that they needed.

OpenSSL takes 20 KiB more for one until it is done.  Where a thousand begin at once, as after a restart, the C library
keeps that, in pieces too small for anything but the next thousand, unless it is asked to give it back: 12 of the 47 MiB
that a thousand idle connections then had (measured).
"""

from collections.abc import Callable
from functools import cache

from chat.base import limits


@cache
def _malloc_trim() -> Callable[[int], object]:
    """That of the C library; nothing where it has none, as glibc alone does."""
    try:
        import ctypes  # not every Python has it

        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (ImportError, OSError, AttributeError):
        return lambda _: None
    return trim


def give_back() -> None:
    """What is free goes back to the system: 1 ms, or 6 after a thousand handshakes at once."""
    _malloc_trim()(0)


class Handshakes:
    """Of all connections of the server's."""

    def __init__(self, give_back: Callable[[], None] = give_back) -> None:
        self._give_back = give_back
        self._under_way = self._done = 0

    def began(self) -> None:
        """One more is under way."""
        self._under_way += 1

    def ended(self) -> None:
        """One is done, or given up; with the last of many the memory goes back."""
        self._under_way -= 1
        self._done += 1
        if not self._under_way and self._done >= limits.HANDSHAKES_TRIMMED:
            self._done = 0
            self._give_back()
