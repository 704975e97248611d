"""When two names are the same, or too alike, to whoever reads them.

Names are compared by what they are turned into, never letter by letter.  `fold` finds a name: case, width, ligatures,
joiners and the kind of apostrophe do not count (NFKC and casefold).  `looks` says what a name looks like, by Unicode's
confusables (UTS 39): a Cyrillic a is an a, `rn` is `m`, `1` is `l`.

That table serves people who do not know a script.  Those who read it tell its letters apart: the two Hebrew names that
differ in their last letter alone are two names.  So two names wholly of one living script are compared by their
letters, and only with others by their shapes.  Latin letters are an exception: what of them looks alike (I, l and 1,
O and 0, m and rn) is mistaken by everybody.

All depends on the Unicode tables of Python and of confusable-homoglyphs, so what is kept for years is the name.
"""

# ruff: noqa: RUF001

import json
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache

from chat.base.limits import NAME_READ
from chat.base.named_tuples import NamedTuple
from chat.base.patterns import pattern

JOINERS = "\u200c\u200d"
APOSTROPHES = "'\u2018\u2019\u02bb\u02bc\u05f3"
"""The typewriter's, the printed ones, the letters of Uzbek and of Ukrainian and Breton, the Hebrew geresh."""

SIGNS = "-_."
_ENDS = SIGNS + "'"

_FOLDED = str.maketrans(dict.fromkeys(JOINERS) | dict.fromkeys(APOSTROPHES, "'"))
_REPEATED_MARK = pattern("([\u0300-\u036f])\\1+")

# The skeleton of most Western names, without loading the whole table; a test holds it against that.
_WESTERN = pattern("[A-Za-z0-9._\u0300-\u0303\u0308-]*")
_WESTERN_SKELETON = {ord("0"): "O", ord("1"): "l", ord("I"): "l", ord("m"): "rn"}

_EAST_ASIA = "East Asia"
_SCRIPTS = """
    GREEK CYRILLIC ARMENIAN GEORGIAN HEBREW ARABIC SYRIAC THAANA NKO ETHIOPIC TIFINAGH CHEROKEE HANGUL MONGOLIAN
    DEVANAGARI BENGALI GURMUKHI GUJARATI ORIYA TAMIL TELUGU KANNADA MALAYALAM SINHALA THAI LAO TIBETAN MYANMAR KHMER
"""
_SCRIPTS_OF_EAST_ASIA = "CJK IDEOGRAPHIC HIRAGANA KATAKANA KATAKANA-HIRAGANA BOPOMOFO"
"""Living scripts by the first word of their letters' names: Python does not know the script of a letter."""

_EVERYDAY = {
    "GREEK": pattern("[α-ω]"),
    "CYRILLIC": pattern("[а-яђєѕіјљњћџґғқҝңҥүұҳһҷҹәөҗҡҙҫ]"),
    "ARMENIAN": pattern("[ա-և]"),
    "HEBREW": pattern("[\u05b0-\u05c7א-ת\u05f4]"),
    "ARABIC": pattern("[ء-غف-\u0652\u0670پچژگٹڈڑںےڤکیہھەۀۃ]"),
    "THAI": pattern("[ก-ขค-ฤลฦ-\u0e3aเ-ไๆ-\u0e4e]"),
}
"""Letters in use, in small letters and taken apart (NFD), where a script has others, dead ones, that look like them."""

_EVERYDAY_MARKS = pattern("[\u0300\u0301\u0304\u0306\u0308\u0313\u0314\u0342\u0345\u0653-\u0655\u3099\u309a]")
_EVERYDAY_OTHERS = "'-_.\u00b72456789"
"""Besides the script's own; 0, 1 and 3 are letters to the eye in too many of them."""

_SAME_TO_READERS = (
    # What a font cannot show otherwise: a letter and the two that it is put together from.
    ("अाे", "ओ"), ("अाै", "औ"), ("अाॆ", "ऒ"), ("अा", "आ"), ("अॉ", "ऑ"), ("एे", "ऐ"), ("एॅ", "ऍ"), ("एॆ", "ऎ"), ("र्इ", "ई"),
    ("অা", "আ"), ("ਅਾ", "ਆ"), ("ਅੈ", "ਐ"), ("ਅੌ", "ਔ"), ("ੳੁ", "ਉ"), ("ੳੂ", "ਊ"), ("ੲਿ", "ਇ"), ("ੲੀ", "ਈ"), ("ੲੇ", "ਏ"),
    ("અાૅ", "ઑ"), ("અાે", "ઓ"), ("અાૈ", "ઔ"), ("અા", "આ"), ("અૅ", "ઍ"), ("અે", "એ"), ("અૈ", "ઐ"), ("ଅା", "ଆ"),
    ("ఒౌ", "ఔ"), ("ఒౕ", "ఓ"), ("ഇൗ", "ഈ"), ("എെ", "ഐ"), ("ഒാ", "ഓ"), ("ഒൗ", "ഔ"), ("െെ", "ൈ"),
    ("ന്", "ൻ"), ("ര്", "ർ"), ("ല്", "ൽ"), ("ള്", "ൾ"), ("ണ്", "ൺ"), ("เเ", "แ"), ("သြ", "ဩ"),
    # The Persian and Urdu keyboards' letters, of which Arabic has its own.
    ("ک", "ك"), ("ہ", "ه"), ("ھ", "ه"), ("ە", "ه"), ("ۃ", "ة"),
)  # fmt: skip
_LAST_YEH = pattern(r"ی(?!\w)")
"""The Persian yeh: at a word's end it has no dots, as an Arabic alef maksura, elsewhere two, as an Arabic yeh."""

_HAN_TOLD_APART = "土士"


class Look(NamedTuple):
    """What a name looks like: two are alike if their shapes are the same, and not only their letters differ."""

    shape: str
    script: str
    """That of all letters; empty where there are several, or one whose readers go by the shape."""
    letters: str


def fold(name: str) -> str:
    """The key by which a room, or a person to write to, is found; `fold(fold(x)) == fold(x)`."""
    if name.isascii():
        return name.lower()
    while True:
        normal = unicodedata.normalize("NFKC", name[:NAME_READ].translate(_FOLDED)).casefold()
        # İ folds to an i with a second dot, which nobody sees.
        folded = unicodedata.normalize("NFKC", normal).replace("i\u0307", "i").replace("j\u0307", "j")
        if folded == name:
            return name
        name = folded


@lru_cache(64)  # that of who comes in is asked for three times
def looks(name: str) -> frozenset[Look]:
    """All looks of a name: no two people may have names of which any are alike.

    One is what it looks like as it is written (`lvan` beside `Ivan`: only the capital looks like l), one what it looks
    like in small letters (a Greek nu like v, its capital like N), for its owner may write it in both.  Signs at the
    end do not count: `amy.` is amy at the end of a sentence.
    """
    folded = fold(name)
    folded = folded.rstrip(_ENDS) or folded
    written = name[:NAME_READ].translate(_FOLDED)
    script = _script(folded)
    # In a shape a 0 is an O, beside which a small o looks the same.
    shapes = {skeleton(fold(skeleton(form))) for form in (folded, written.rstrip(_ENDS) or written)}
    return frozenset(Look(shape, script, _letters(folded, script) if script else shape) for shape in shapes)


def skeleton(name: str) -> str:
    """The shape of a name: equal for two names that cannot be told apart by somebody who does not know the script."""
    parts = unicodedata.normalize("NFD", name)
    table = _WESTERN_SKELETON if _WESTERN.fullmatch(parts) else _confusables()
    return _REPEATED_MARK.sub(r"\1", unicodedata.normalize("NFD", parts.translate(table)))


def latin(name: str) -> str:
    """The name with what looks like a Latin letter as that letter, and what is Latin as it is."""
    return "".join(char if char < "\u0250" else _confusables().get(ord(char), char) for char in name)


def _script(folded: str) -> str:
    """The one living script whose everyday letters a folded name is of; empty if there is none, or it is Latin."""
    if folded.isascii():
        return ""
    scripts: set[str] = set()
    for char in unicodedata.normalize("NFD", folded):
        if char in _EVERYDAY_OTHERS or _EVERYDAY_MARKS.match(char):
            continue
        script = _script_of(char)
        everyday = _EVERYDAY.get(script)
        if not script or char.isdigit() or (everyday and not everyday.match(char)):
            return ""
        scripts.add(script)
    return scripts.pop() if len(scripts) == 1 else ""


@lru_cache(maxsize=4096)
def _script_of(char: str) -> str:
    script = unicodedata.name(char, "").partition(" ")[0]
    if script in _SCRIPTS_OF_EAST_ASIA.split():
        return _EAST_ASIA
    return script if script in _SCRIPTS.split() else ""


def _letters(folded: str, script: str) -> str:
    """What the readers of a script see in a name that is wholly of it."""
    if script == _EAST_ASIA:
        # A katakana ro is a mouth, and some characters are one in another country's writing.
        table = _confusables()
        return "".join(char if char in _HAN_TOLD_APART else table.get(ord(char), char) for char in folded)
    letters = _REPEATED_MARK.sub(r"\1", unicodedata.normalize("NFD", folded))
    letters = _LAST_YEH.sub("ى", letters).replace("ی", "ي")
    for written, same in _SAME_TO_READERS:
        letters = letters.replace(written, same)
    return letters


@cache
def _confusables() -> Mapping[int, str]:
    """For each character what stands for all that look like it.

    The library has Unicode's table as pairs in both directions, some wrapped in U+200E.  Characters that look alike
    make a class, for which its plainest member stands; one that looks like several (m like rn) becomes those.
    """
    # Its module would load another table too, and keep both: 80 ms and 18 MB, not 40 and 6.
    from importlib.resources import files

    data = json.loads(files("confusable_homoglyphs").joinpath("confusables.json").read_bytes())
    prototypes: dict[str, str] = {}
    several: dict[str, str] = {}

    def prototype(char: str) -> str:
        while char in prototypes:
            char = prototypes[char]
        return char

    pairs = [
        (char.replace("\u200e", ""), like["c"].replace("\u200e", "")) for char, likes in data.items() for like in likes
    ]
    for char, like in pairs:
        if len(char) == 1 == len(like) and prototype(char) != prototype(like):
            plain, other = sorted((prototype(char), prototype(like)), key=_plainness)
            prototypes[other] = plain
    for char, like in pairs:
        if len(char) == 1 < len(like):
            several[prototype(char)] = like
    table = {
        ord(char): several.get(plain, plain)
        for pair in pairs
        for char in pair
        if len(char) == 1 and ((plain := prototype(char)) != char or char in several)
    }
    return {code: unicodedata.normalize("NFD", like).translate(table) for code, like in table.items()}


def _plainness(char: str) -> tuple[bool, bool, str]:
    """Small letters of ASCII first, then its capitals, for O and not 0 must meet o when it is folded."""
    return not "a" <= char <= "z", not "A" <= char <= "Z", char
