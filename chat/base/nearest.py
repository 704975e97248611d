"""The nearest of some words to one that was mistyped.  Pure; the cost grows with how many there are to choose from."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 20
_ALIKE = 0.66


def nearest(word: str, known: Iterable[str], alike: float = _ALIKE) -> str | None:
    """The known word that is most like this one, None where none is so much; two letters that changed places are one
    slip."""
    word = word[:_LONGEST]
    close = get_close_matches(word, known, 3, alike)
    return max(close, key=lambda other: sorted(other) == sorted(word), default=None)
