"""What came as a line, whole or not, and what a wire reads in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line of more than `limit` bytes; nothing of it was kept."""

    length: int
    limit: int

    def __len__(self) -> int:
        """As of a line that is whole."""
        return self.length


@dataclass(frozen=True, slots=True)
class Garbled:
    """A line that is not what was typed, as far as it can be read: it is not to be guessed at, nor said."""

    text: str

    def __len__(self) -> int:
        """As of a line that is whole."""
        return len(self.text)

    def __bool__(self) -> bool:
        """There was something, whatever is left of it."""
        return True


Typed = str | Overlong | Garbled


class Request(NamedTuple):
    """A line as it came, from a program perhaps with more: an id, the room it is for, a number, what was seen.

    What is `said` is talk, whatever it begins with.
    """

    line: str
    id: str | None = None
    room: str | None = None
    before: int | None = None
    seen: Mapping[str, int] = MappingProxyType({})
    said: bool = False
