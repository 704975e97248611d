"""Which nickname or room name is allowed, and when two nicknames are the same to whoever reads them.

Names are compared by their keys, never letter by letter.  The first key is the folded form, in which case, width and
ligatures do not count (NFKC and casefold).  The others are skeletons, in which what looks alike is alike (Unicode's
confusables, UTS 39): a Cyrillic a is an a, `rn` is `m`, `1` is `l`.  Two names that share the first key are the same,
two that share any are too alike to stand in one room.

Keys depend on the Unicode tables of Python and of confusable-homoglyphs, so what is kept for years is the name.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache

from chat import codes
from chat.errors import Refused
from chat.language import say
from chat.limits import MARKS, NAME_READ, NICKNAME, NICKNAME_COLUMNS, NUMBERED_NAMES

_RESERVED = """
    server system root admin administrator operator moderator chat all everyone here you
    servidor sistema administrador administradora operador operadora moderador moderadora todos todas aqui aquí
    tú usted ustedes
    help who quit
"""
"""Whoever had such a name would seem to be the service, everybody or the reader; the last three are what a lost guest
answers to the question for a nickname."""

_GUEST = "guest"
_NUMBERED_GUEST = re.compile(r"(?:guest|invitad[oa])[\dlo]+")  # in a skeleton 0 is o and 1 is l

_SIGNS = "-_."
# Letters and marks that show nothing (Hangul fillers, joiner, Khmer vowels, variation selectors), that only stretch
# their neighbour (tatweel) or have no width (parts of Hangul syllables): two names could differ in them unseen.
_SHOWS_NOTHING = re.compile(
    "[\u034f\u0640\u07fa\u115f-\u11ff\u17b4\u17b5\u180b-\u180f\u3164\ud7b0-\ud7fb\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
_REPEATED_MARK = re.compile("([\u0300-\u036f])\\1+")

# The skeleton of most Western names, without loading the whole table; a test holds it against that.
_WESTERN = re.compile("[A-Za-z0-9._\u0300-\u0303\u0308-]*")
_WESTERN_SKELETON = {ord("0"): "O", ord("1"): "l", ord("I"): "l", ord("m"): "rn"}


def check_nickname(text: str) -> str:
    """The nickname in its normal form (NFC); raises `Refused` with the rule that it breaks."""
    name = unicodedata.normalize("NFC", text[:NAME_READ])
    if not _is_name(name) or not unicodedata.category(name[0]).startswith("L"):
        raise Refused(
            "nick-bad",
            say("A nickname is 1 to {most} letters, digits, - _ or . and begins with a letter.", most=NICKNAME),
        )
    if _columns(name) > NICKNAME_COLUMNS:
        raise Refused("nick-bad", say("A nickname is at most {columns} columns wide.", columns=NICKNAME_COLUMNS))
    if looks_like_code(name):
        raise Refused("nick-reserved", say("That looks like a resume code, and a nickname must not."))
    if any(key in _reserved_keys() or _NUMBERED_GUEST.fullmatch(key) for key in keys(name)):
        raise Refused("nick-reserved", say("{nick} is reserved for the service.", nick=name))
    return name


def check_room(text: str) -> str:
    """The room's name, with its #, in its normal form (NFC); raises `Refused` with the rule that it breaks."""
    name = unicodedata.normalize("NFC", text[:NAME_READ])
    bare = name.removeprefix("#")
    if not _is_name(bare) or unicodedata.category(bare[0])[0] not in "LN" or _columns(bare) > NICKNAME_COLUMNS:
        raise Refused(
            "room-bad",
            say(
                "A room's name is # and 1 to {most} letters, digits, - _ or . and begins with a letter or a digit.",
                most=NICKNAME,
            ),
        )
    if bare == name:
        raise Refused("room-bad", say("A room's name begins with #. Try {room}", room=f"#{bare}"))
    return name


def looks_like_code(text: str) -> bool:
    """Whether this is written exactly as a resume code is shown: K7F2-QX9M, in any case."""
    return codes.looks_like_one(fold(text))


def propose(text: str, is_free: Callable[[str], bool]) -> str:
    """A nickname that is allowed and free, and near to the text: itself, or with a number, or else a guest's.

    A guest's name is reserved for proposals: `check_nickname` refuses it.
    """

    def is_possible(name: str) -> bool:
        try:
            return is_free(check_nickname(name))
        except Refused:
            return False

    stem = _stem(text)
    if is_possible(stem):
        return stem
    # A mistyped code with a number behind it would show the code to everybody.
    if stem and not looks_like_code(stem) and not _NUMBERED_GUEST.fullmatch(fold(stem)):
        dash = "-" if stem[-1].isdecimal() else ""
        number = _free_number(2, lambda number: is_possible(_fitting(stem, f"{dash}{number}")))
        if number:
            return _fitting(stem, f"{dash}{number}")
    number = _free_number(1, lambda number: is_free(f"{_GUEST}{number}"))
    if number:
        return f"{_GUEST}{number}"
    raise Refused("busy", say("No nickname is free."))


def fold(name: str) -> str:
    """The key by which a room, or a person to write to, is found; `fold(fold(x)) == fold(x)`."""
    if name.isascii():
        return name.lower()
    while True:
        normal = unicodedata.normalize("NFKC", name[:NAME_READ]).casefold()
        # İ folds to an i with a second dot, which nobody sees.
        folded = unicodedata.normalize("NFKC", normal).replace("i\u0307", "i").replace("j\u0307", "j")
        if folded == name:
            return name
        name = folded


def keys(name: str) -> tuple[str, ...]:
    """All keys of a name, `fold` first: no two people may share one.

    One skeleton is what the name looks like as it is written (`lvan` beside `Ivan`: only the capital looks like l), one
    what it looks like in small letters (a Greek nu like v, its capital like N), for its owner may write it in both.
    """
    folded = fold(name)
    as_written = fold(_skeleton(name[:NAME_READ]))
    return tuple(dict.fromkeys((folded, _skeleton(folded), _skeleton(as_written))))


def _is_name(name: str) -> bool:
    """Whether there are only letters, digits and signs, not too many, and no pile of marks."""
    if not 0 < len(name) <= NICKNAME:
        return False
    pile = 0
    for char in name:
        pile = pile + 1 if unicodedata.category(char).startswith("M") else 0
        if pile > MARKS or not _belongs(char):
            return False
    return True


def _belongs(char: str) -> bool:
    """Whether a character may stand in a name: itself, and what it folds to, is a letter, digit, sign or mark."""
    return not _SHOWS_NOTHING.match(char) and all(
        part in _SIGNS or unicodedata.category(part) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Mn", "Mc")
        for part in char + unicodedata.normalize("NFKC", char)
    )


def _columns(name: str) -> int:
    if name.isascii():
        return len(name)
    from wcwidth import wcswidth  # 40 ms, which a server of Western names never needs

    return wcswidth(name)


def _stem(text: str) -> str:
    """What of a text can be a nickname: blanks and other signs become dashes; perhaps nothing."""
    name = unicodedata.normalize("NFC", text[:NAME_READ])
    stem = "-".join("".join(char if _belongs(char) else " " for char in name).split())
    while stem and not unicodedata.category(stem[0]).startswith("L"):
        stem = stem[1:]
    return _fitting(stem, "")


def _fitting(stem: str, number: str) -> str:
    """The stem, cut so that the number fits behind it."""
    stem = stem[: NICKNAME - len(number)]
    while _columns(stem + number) > NICKNAME_COLUMNS:
        stem = stem[:-1]
    return stem.rstrip(_SIGNS) + number


def _free_number(first: int, is_free: Callable[[int], bool]) -> int | None:
    """A free number: the lowest, if there are no gaps; asks for a few only, for there may be thousands of guests."""
    taken, free = first - 1, first
    while not is_free(free):
        if free > NUMBERED_NAMES:
            return None
        taken, free = free, 2 * free
    while free - taken > 1:
        middle = (taken + free) // 2
        if is_free(middle):
            free = middle
        else:
            taken = middle
    return free


@cache
def _reserved_keys() -> frozenset[str]:
    return frozenset(key for word in _RESERVED.split() for key in keys(word))


def _skeleton(name: str) -> str:
    """What a name looks like: equal for two names that cannot be told apart."""
    parts = unicodedata.normalize("NFD", name)
    table = _WESTERN_SKELETON if _WESTERN.fullmatch(parts) else _confusables()
    return _REPEATED_MARK.sub(r"\1", unicodedata.normalize("NFD", parts.translate(table)))


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
