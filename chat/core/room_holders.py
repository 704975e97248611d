"""Which address holds a room: that of whoever came into it when nobody was there, until nobody is.

There is place for so many rooms, and each that somebody is in takes one.  So each address may hold only some of them;
others can be joined all the same.
"""

from collections import Counter


class RoomHolders:
    """How many rooms each address holds."""

    def __init__(self) -> None:
        self._rooms: Counter[str] = Counter()

    def take(self, host: str) -> str:
        """One more; returns what `free` is to be told."""
        self._rooms[host] += 1
        return host

    def free(self, host: str) -> None:
        """One less."""
        self._rooms[host] -= 1
        if not self._rooms[host]:
            del self._rooms[host]

    def __getitem__(self, host: str) -> int:
        return self._rooms[host]

    def __len__(self) -> int:
        """How many addresses hold any."""
        return len(self._rooms)
