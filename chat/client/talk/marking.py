"""What is marked in a line, however that is painted: the nickname that it begins with, in its colour, and links.

The colours are those of terminals with 256 of them, and everywhere the same, so that somebody keeps theirs from one
face to the other; each can be read on black and on white.  Pure.
"""

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

from chat.base.patterns import pattern
from chat.client.talk.conversation import Shown
from chat.client.talk.objects import Said

_Colour = TypeVar("_Colour")


def rgb(colour: int) -> tuple[int, int, int]:
    """One of the 256 colours, of those of the cube."""
    steps = (0, 95, 135, 175, 215, 255)
    place = colour - 16
    return steps[place // 36], steps[place // 6 % 6], steps[place % 6]


def _luminance(colour: int) -> float:
    """How bright it is, as WCAG counts it."""
    parts = [part / 255 for part in rgb(colour)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colour: int) -> float:
    """The smaller of its contrasts with black and with white, of which the best colour has 4.6."""
    light = _luminance(colour)
    return min((light + 0.05) / 0.05, 1.05 / (light + 0.05))


READABLE = 3.5
COLOURS = tuple(colour for colour in range(16, 232) if contrast(colour) >= READABLE and (colour - 16) % 43 != 0)
_NAMED = pattern(r"(#\S+ )?(<|\* |\[)")
_LINK = pattern(r"\bhttps?://[^\s<>\"\u201c\u201d\u00ab\u00bb]+")
_AFTER = ".,;:!?'\"\u2026"
_PAIRS = {")": "(", "]": "[", "}": "{"}


def of_nickname(nick: str, colours: Sequence[_Colour]) -> _Colour:
    """Its colour, of these."""
    return colours[crc32(nick.casefold().encode("utf-8", "replace")) % len(colours)]


def author_in(row: str, shown: Shown) -> slice | None:
    """Where the nickname of whoever said this stands in a row of it; None where it does not."""
    author = (shown.source.shown or shown.source.author) if isinstance(shown.source, Said) else ""
    found = _NAMED.match(row)
    if found and author and row.startswith(author, found.end()):
        return slice(found.end(), found.end() + len(author))
    return None


def links(row: str) -> list[slice]:
    """The addresses of pages in a row, without the signs that end the sentence around them."""
    found = []
    for match in _LINK.finditer(row):
        link = match[0]
        while link[-1] in _AFTER or (link[-1] in _PAIRS and link.count(link[-1]) > link.count(_PAIRS[link[-1]])):
            link = link[:-1]
        if not link.endswith("//"):
            found.append(slice(match.start(), match.start() + len(link)))
    return found
