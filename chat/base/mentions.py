"""Whether a text calls somebody: by their nickname as a whole word, in any case.

The server counts by it, and clients ring by it: what is new for somebody is the same everywhere.  Whatever calls them
holds the tokens of their name in a row (`chat.base.folding`), so a search finds it.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

Calls = Callable[[str], bool]
"""Whether a text calls them."""


@lru_cache(maxsize=1024)
def calls(*names: str) -> Calls:
    """For these names: amy is called in "amy, look" and "Amy's", not in "amy-lou" or "dreamy"."""
    comparable = [name for name in map(_comparable, names) if name]
    if not comparable:
        return lambda text: False
    any_of = "|".join(map(re.escape, comparable))
    whole = re.compile(rf"(?<!\w)(?<!\w[-'\u2019.])(?:{any_of})(?!\w)(?![-.]\w)")

    def are_called(text: str) -> bool:
        text = _comparable(text)
        # Nearly every text holds none of them, which is found out much faster without the expression.
        if not any(name in text for name in comparable):
            return False
        return any(
            not (_goes_on(text, found.start() - 1) or _goes_on(text, found.end())) for found in whole.finditer(text)
        )

    return are_called


def _comparable(text: str) -> str:
    """Without case, width, ligatures, and what only says how a text is to be shown."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def _goes_on(text: str, place: int) -> bool:
    """Whether a word goes on here with what no expression takes for a part of one: a mark, a sign of a private font."""
    return 0 <= place < len(text) and unicodedata.category(text[place]) in ("Mn", "Mc", "Me", "Co")
