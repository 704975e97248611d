"""How text is made comparable for a search, in every script, and cut into the tokens that a search finds.

Case, width, ligatures and accents do not count, nor do points and vowel signs that readers leave out (Hebrew, Arabic).
A mark that makes another letter of its letter stays: dakuten of kana, vowel signs of Indic scripts, й.  Scripts without
blanks are cut after each letter with its marks, so that any part of a sentence is found.  A sign (👍, €, +) is a token.
"""

import re
import unicodedata
from functools import cache
from itertools import chain

from chat.base.patterns import pattern

FOLDING = f"1/{unicodedata.unidata_version}"
"""Changes whenever a text may become other tokens: an index of another folding is made anew."""

SIGNS_OF_ASCII = "$+<=>|~#"
"""The tokens of ASCII that are neither letter nor digit: # tells C# from C."""

_KEPT = frozenset("йїў")
"""Letters of their own, whatever Unicode takes them apart into."""

_SPECIAL = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ŧ": "t",
        "ı": "i",  # noqa: RUF001  # the letter itself is meant
        "æ": "ae",
        "œ": "oe",
        "ی": "ي",
        "ى": "ي",
        "ک": "ك",
        "ـ": "",
    }
)

_LEFT_OUT = pattern(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u08d3-\u08e1\u08e3-\u08ff"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef]"
)
"""Accents, points, vowel signs that are left out, and what only chooses a picture."""

_CUT = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u3005-\u3007\u3021-\u3029"
    "\u3031-\u3035\u303b\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48f"
    "\ua960-\ua97f\ua9e0-\ua9ff\uaa60-\uaa7f\uaa80-\uaadf\uac00-\ud7ff\uf900-\ufaff\U0001b000-\U0001b16f"
    "\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Hangul, Khmer, Tai scripts, kana, bopomofo, Han, Yi, as a class of characters."""

_IN_CUT = pattern(f"[{_CUT}]")


@cache
def _pieces() -> re.Pattern[str]:
    """What a text of these scripts is cut into; to find their marks takes 3 ms, which Western talk never needs."""
    marks = [
        chr(code)
        for code in chain(range(0x0E00, 0x3400), range(0xA000, 0xAC00))  # the others of these scripts have no marks
        if unicodedata.category(chr(code))[0] == "M" and _IN_CUT.match(chr(code))
    ]
    return re.compile(f"[{_CUT}][{''.join(marks)}\u3099\u309a]*|[^{_CUT}]+")


class _Folded(dict[int, str]):
    """What each character of a normal text becomes; found out once."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _character(chr(code))
        return folded


def _character(character: str) -> str:
    if character in _KEPT:
        return character
    bare = _LEFT_OUT.sub("", unicodedata.normalize("NFD", character))
    bare = unicodedata.normalize("NFC", bare.translate(_SPECIAL))
    if not bare:
        return ""
    category = unicodedata.category(bare[0])
    if category[0] in "LNM" or category == "Co":
        return bare
    if category in ("So", "Sc", "Sm") or bare == "#":
        return f" {bare} "
    return "" if category == "Cf" else " "


_FOLDED = _Folded()

_SIGNS = SIGNS_OF_ASCII.encode()
_APART = [(b"%c" % sign, b" %c " % sign) for sign in _SIGNS]
_BARE = bytes(code if code > 127 or code in _SIGNS else ord(_FOLDED[code]) for code in range(256))
"""What ASCII becomes: most texts are that, and a table of bytes folds them at once."""


def folded(text: str) -> str:
    """A text with blanks between all that a search compares, as the index takes it."""
    if text.isascii():
        bare = text.lower().encode()
        if len(bare.translate(None, _SIGNS)) < len(bare):
            for sign, apart in _APART:
                bare = bare.replace(sign, apart)
        return bare.translate(_BARE).decode()
    # What folding brings may be composed anew, and a composed letter folded.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = text.translate(_FOLDED)
    if _IN_CUT.search(text):
        return " ".join(piece for word in text.split() for piece in _pieces().findall(word))
    return text


def tokens(text: str) -> list[str]:
    """What a search compares, in its order."""
    return folded(text).split()


def in_a_row(text: str) -> str:
    """A text as its tokens, with a blank between them and at both ends."""
    return f" {' '.join(tokens(text))} "


def phrases(words: str) -> list[str]:
    """What a text must hold, each as tokens in a row: `don't` is two of them."""
    return [phrase for phrase in map(in_a_row, words.split()) if phrase.strip()]


def holds(text: str, wanted: list[str]) -> bool:
    """Whether a text holds all these phrases."""
    row = in_a_row(text)
    return all(phrase in row for phrase in wanted)
