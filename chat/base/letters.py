"""Which characters may stand in a name, and where in it.

Letters, digits and marks of any script, three signs, and what people's names are written with besides: apostrophes
and the like between letters, and the joiners of Persian and Indian scripts where IDNA allows them too (RFC 5892,
appendix A: CONTEXTJ), for there they are orthography, and elsewhere nobody sees them.
"""

import unicodedata

from chat.base.lookalikes import APOSTROPHES, JOINERS, SIGNS
from chat.base.patterns import pattern

_INSIDE = APOSTROPHES + "\u00b7\u05f4\u0f0b\u30fb"
"""What stands between letters only: apostrophes, the dots of Catalan, Tibetan and Japanese, the Hebrew gershayim."""

_OKINA = "\u02bb"
_MIDDLE_DOT = "\u00b7"
_HEBREW = pattern("[\u05d0-\u05ea]")

# Letters and marks that show nothing (Hangul fillers, joiner, Khmer vowels, variation selectors), that only stretch
# their neighbour (tatweel) or have no width (parts of Hangul syllables): two names could differ in them unseen.
_SHOWS_NOTHING = pattern(
    "[\u034f\u0640\u07fa\u115f-\u11ff\u17b4\u17b5\u180b-\u180f\u3164\ud7b0-\ud7fb\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
_VIRAMA = 9
"""The combining class of the signs that bind consonants."""

EDGES = SIGNS + _INSIDE + JOINERS
"""What a name that was cut must not end with."""


def may_stand(name: str, place: int) -> bool:
    """Whether what stands at this place of a name in its normal form may stand there."""
    char = name[place]
    if char in JOINERS:
        return _joins(name, place)
    return _is_inside(name, place) if char in _INSIDE else _may_stand_anywhere(char)


def may_stand_elsewhere(char: str) -> bool:
    """Whether it is the place that is wrong where `may_stand` says no."""
    return char in _INSIDE


def is_blank(char: str) -> bool:
    """Whether it is a blank of any width."""
    return char == "\t" or unicodedata.category(char) == "Zs"


def is_letter(char: str) -> bool:
    """Whether it is one, of whatever script."""
    return unicodedata.category(char).startswith("L")


def is_digit(char: str) -> bool:
    """Whether it is one, of whatever script."""
    return unicodedata.category(char) == "Nd"


def stacks(char: str) -> bool:
    """Whether it is put on the letter before it."""
    return char in JOINERS or unicodedata.category(char).startswith("M")


def shown(char: str) -> str:
    """A character as it can be named in a sentence: nobody sees a blank without width, or a mark without its letter."""
    if char.isprintable() and not stacks(char) and not _SHOWS_NOTHING.match(char):
        return char
    return f"U+{ord(char):04X}"


def is_unseen(char: str) -> bool:
    """Whether a name is the same to the eye without it."""
    return bool(_SHOWS_NOTHING.match(char)) or unicodedata.category(char) == "Cf"


def _may_stand_anywhere(char: str) -> bool:
    """Itself, and what it folds to, is a letter, digit, sign or mark that is seen."""
    return not _SHOWS_NOTHING.match(char) and all(
        part in SIGNS or unicodedata.category(part) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Mn", "Mc")
        for part in char + unicodedata.normalize("NFKC", char)
    )


def _is_inside(name: str, place: int) -> bool:
    before, after = name[:place][-1:], name[place + 1 : place + 2]
    if name[place] == _MIDDLE_DOT:
        return before in ("l", "L") and after in ("l", "L")
    if name[place] == _OKINA and not before:
        return bool(after) and is_letter(after) and after not in _INSIDE
    if not before or before in _INSIDE or not (is_letter(before) or is_digit(before) or stacks(before)):
        return False
    if not after:
        return bool(_HEBREW.match(before))  # George ends with one
    return after not in _INSIDE and (is_letter(after) or is_digit(after) or bool(_HEBREW.match(before)))


def _joins(name: str, place: int) -> bool:
    from idna.core import valid_contextj  # 10 ms, which a server of Western names never needs

    if not 0 < place < len(name):
        return False
    try:
        if valid_contextj(name, place):
            return True
    except ValueError:  # beside it stands what has no name
        return False
    # The Bengali ra that keeps its form before ya: IDNA does not have it.
    return name[place] == "\u200d" and unicodedata.combining(name[place + 1 : place + 2] or " ") == _VIRAMA
