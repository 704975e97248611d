"""Which text may reach a screen, and how wide it is there.

What a terminal would obey, or what would hide or reorder the words around it, becomes visible instead; nothing is
dropped in silence.  Every word that one person wrote and another one sees has gone through `visible`.

- C0 controls become their pictures (ESC is ␛), TAB stays.  C1 controls, line and paragraph separators, noncharacters
  and surrogates become U+FFFD, and so do format characters that reorder what stands around them (embeddings, overrides
  and isolates), or that only hide (tags but those of the three flags that are written with them, annotations).
- Format characters that ordinary text is written with stay: joiners for emoji and Persian, blanks without width
  between the words of Khmer, the marks by which Hebrew and Arabic say where a sign belongs, soft hyphens, and the
  Arabic and Syriac signs that are seen.  The unseen ones count as combining marks, as variation selectors do, of
  which `MARKS` may follow one another; the rest of a pile becomes one U+FFFD.  So do the parts of Hangul syllables
  that have no width, and what is unassigned below the emoji.
- Private and unassigned characters stay: they print, and this year's emoji are unassigned in last year's tables.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import groupby

from chat.base.limits import MARKS
from chat.base.patterns import pattern

_UNSEEN = "\ufffd"
_TAB_COLUMNS = 8

# What needs no second look: ranges that hold no control, format character or combining mark, for the most usual
# scripts.  A test holds it against the Unicode tables.
_PLAIN = pattern(
    "[\t -~\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u058f\u05d0-\u05f4\u061e-\u064a\u0671-\u06d3"
    "\u10a0-\u10ff\u1e00-\u1fff\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2100-\u2cee\u3000-\u3029\u3030-\u3096"
    "\u309b-\ua66e\uac00-\ud7a3\uff01-\uffef\U0001f000-\U0001fbff\U00020000-\U0002fffd]*"
)
# What stacks beside the combining marks: Hangul vowels and finals, and format characters that nobody sees and that
# change nothing around them: joiners, marks of direction, blanks without width, the signs of formulas.
_STACKS = pattern("[\u061c\u1160-\u11ff\u180e\u200b-\u200f\u2060-\u2064\ud7b0-\ud7fb\ufeff]")
# Format characters that are seen: the soft hyphen, by most terminals, and signs that stand around or above a number.
_SEEN = pattern("[\xad\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")
_FLAGS = pattern(
    "(\U0001f3f4\U000e0067\U000e0062"
    "(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)\U000e007f)"
)
"""England, Scotland and Wales: a black flag and gbeng, gbsct or gbwls in tags."""

# Unassigned, and set aside by Unicode for characters that do not print or for none; each plane's last two come on top.
_NEVER_PRINTS = pattern("[\u2065\ufdd0-\ufdef\ufff0-\ufff8\U000e0000-\U000e0fff]")
# Blanks of any width, what shows nothing, and letters that are blank: of Hangul, and of Braille.
_NOTHING = pattern(
    "[\t\n \xa0\u00ad\u1680\u2000-\u200a\u202f\u205f\u3000\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2060-\u2064\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0100-\U000e01ef]*"
)
_EMOJI = "\U0001f000"
_STACKED = MARKS + 2
"""More characters than visible text has in one column."""


def visible(text: str) -> str:
    """One line of text as it may be shown; `visible(visible(x)) == visible(x)`."""
    if (text.isascii() and text.isprintable()) or _PLAIN.fullmatch(text):
        return text
    odd, pile = _not_as_it_is()
    if not (odd.search(text) or pile.search(text)):
        return text
    if "\U000e007f" in text:
        return "".join(part if _FLAGS.fullmatch(part) else _seen(part) for part in _FLAGS.split(text))
    return _seen(text)


def is_empty(text: str) -> bool:
    """Whether nobody would see anything of it."""
    return _NOTHING.fullmatch(text) is not None


def quoted(text: str) -> str:
    """People's words at the end of an announcement."""
    return f'"{visible(text)}"'


def width(text: str) -> int:
    """The columns that `visible` text takes; a TAB counts as 8, the most it can be."""
    tabs = text.count("\t")
    return (_TAB_COLUMNS - 1) * tabs + _columns(text.replace("\t", " "))


def continued(mark: str) -> str:
    """What stands before the rest of a sentence that began behind this mark: more blanks than any sentence begins with.

    A mark, one blank and a word are then the beginning of what the service says, however people's words are broken.
    """
    return f"{mark}  "


def wrap(text: str, columns: int, first: str, rest: str) -> list[str]:
    """`visible` text as lines of at most so many columns, `first` in front of one and `rest` of the others.

    Lines break at blanks, which are left out there; a word longer than a line is cut between two characters.
    """
    if len(text) <= columns * _STACKED and width(whole := first + text.rstrip(" ")) <= columns:
        return [whole]
    lines: list[str] = []
    line, has_words = first, False
    for found in re.finditer("( *)([^ ]+)", text):
        blanks, word = found.groups()
        if len(word) <= columns * _STACKED and width(line + blanks + word) <= columns:
            line += blanks
        elif has_words:
            lines.append(line)
            line = rest
        done = 0
        # No more of a word is looked at than can fit: it may be megabytes, of which each line takes a few bytes.
        while width(line + (head := word[done : done + columns * _STACKED])) > columns:
            end = _fitting(head, columns - width(line))
            if end == len(head):
                break
            lines.append(line + head[:end])
            line = rest
            done += end
        line += word[done:]
        has_words = True
    return [*lines, line]


def _seen(text: str) -> str:
    shown: list[str] = []
    pile = 0
    for char in text:
        harmless, stacks = _look(char)
        pile = pile + 1 if stacks else 0
        if pile <= MARKS:
            shown.append(harmless)
        elif pile == MARKS + 1:
            shown.append(_UNSEEN)
    return "".join(shown)


@lru_cache(maxsize=1024)
def _look(char: str) -> tuple[str, bool]:
    """What stands for a character, and whether that stacks upon the one before it."""
    category = unicodedata.category(char)
    if category == "Cc":
        if char < " ":
            return (char if char == "\t" else chr(0x2400 + ord(char))), False
        return ("\u2421" if char == "\x7f" else _UNSEEN), False
    if category == "Cn":
        if ord(char) & 0xFFFE == 0xFFFE or _NEVER_PRINTS.match(char):
            return _UNSEEN, False
        return char, char < _EMOJI  # newer tables may have a mark there
    if category.startswith("M") or _STACKS.match(char):
        return char, True
    if _SEEN.match(char):
        return char, False
    return (_UNSEEN if category in ("Cf", "Cs", "Zl", "Zp") else char), False


@cache
def _not_as_it_is() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Finds what `visible` may have to change: a character, or more marks than may follow one another.

    A text with marks costs so a tenth of what it does to look at each character (measured).  What is beyond the first
    65 536 of them is looked at all the same, but for emoji and Han: the tables take 15 ms once, and more would make
    each look slower.
    """
    odd, stacked = [], []
    for code, category in enumerate(map(unicodedata.category, map(chr, range(0x10000)))):
        if category[0] in "CMZ" or _STACKS.match(chr(code)):
            harmless, stacks = _look.__wrapped__(chr(code))
            if harmless != chr(code):
                odd.append(code)
            elif stacks:
                stacked.append(code)
    beyond = "\U00010000-\U0001efff\U0001fc00-\U0001ffff\U0002fffe-\U0010ffff"
    return re.compile(f"[{_ranges(odd)}{beyond}]"), re.compile(f"[{_ranges(stacked)}]{{{MARKS + 1}}}")


def _ranges(codes: Iterable[int]) -> str:
    """These characters as the inside of a set of a regular expression."""
    runs = (list(run) for _, run in groupby(enumerate(codes), lambda item: item[1] - item[0]))
    return "".join(f"\\u{run[0][1]:04x}-\\u{run[-1][1]:04x}" for run in runs)


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # 40 ms, which a server that speaks English may never need

    return wcswidth(text)


def _fitting(word: str, columns: int) -> int:
    """How much of a word fits, at least its first character; marks stay with theirs."""
    fits = 0
    for place in range(1, len(word) + 1):
        if place == len(word) or _columns(word[place]) > 0:
            if fits and width(word[:place]) > columns:
                break
            fits = place
    return fits
