"""What a query looks for: words, whole, whatever their case and accents; and whom somebody talked with in private.

The words are those of SQLite's `unicode61` tokenizer (`remove_diacritics 2`), for a store that has no such index.
"""

import re
import unicodedata

from chat import names
from chat.events import Private

_ACCENTS = re.compile("[\u0300-\u036f]")
_WORD = re.compile(r"[^\W_]+")


def phrases(words: str) -> list[str]:
    """What a text must hold, each as words in a row with a blank around each: `don't` is two of them."""
    return [phrase for phrase in map(_in_a_row, _bare(words).split()) if phrase.strip()]


def holds(text: str, wanted: list[str]) -> bool:
    """Whether a text holds all these phrases."""
    bare = _bare(text)
    # Most texts do not, which can be seen without taking them apart.
    if any(phrase.split(maxsplit=1)[0] not in bare for phrase in wanted):
        return False
    folded = _in_a_row(bare)
    return all(phrase in folded for phrase in wanted)


def partner(key: str, private: Private) -> str:
    """The folded nickname, at that time, of the other one in private talk that stands in this log."""
    return names.fold(private.to if key == "@" + private.author.person else private.author.nick)


def _bare(text: str) -> str:
    """A text without case and accents."""
    small = text.lower()
    return small if small.isascii() else _ACCENTS.sub("", unicodedata.normalize("NFD", small))


def _in_a_row(bare: str) -> str:
    return f" {' '.join(_WORD.findall(bare))} "
