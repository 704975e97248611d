"""Resume codes: how they are made, read and kept.

People get two halves of five signs, without those that are mistaken for one another, each half with a digit, so that
no word looks like one; programs get 128 bits.  Whoever has the code is that person, so only its hash is kept.  Codes
of before had halves of four signs; they stay good as they were given.
"""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Sequence

from chat.base import limits
from chat.base.patterns import pattern

SIGNS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Without 0 O 1 I L U."""

_DIGITS = "23456789"
_SIGNS_OF_A_HALF = 5


def _half(signs: int) -> str:
    return f"(?=[A-Z]{{0,{signs - 1}}}[{_DIGITS}])[{SIGNS}]{{{signs}}}"


_FORM = "|".join(f"({_half(signs)})-?({_half(signs)})" for signs in (_SIGNS_OF_A_HALF, 4))
_SHORT = pattern(_FORM)
_LONG = pattern("[0-9a-f]{32}")
_WORD = pattern(f"(?<![A-Z0-9_])(?<![A-Z0-9_]-)(?:{_FORM})(?![A-Z0-9_]|-[A-Z0-9_])")
"""One in a text: what has more than two halves, as the numbers of things have, is none."""

_RUN = re.compile("[A-Za-z0-9_-]{8,}")
"""What may hold one: few lines have any, and looking everywhere would take 2 us a line."""

_WITHIN = pattern(f"(?<![A-Z0-9])(?:{_FORM})(?![A-Z0-9])")
_DIGIT = pattern("[0-9]")
_DASHES = {ord(dash): "-" for dash in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"}
"""What word processors and phones make of a dash."""


def for_people() -> str:
    """A new code that can be read aloud and typed: one of 3.7 * 10^14, each as likely as any other."""
    return f"{_new_half()}-{_new_half()}"


def for_programs() -> str:
    """A new code of 128 bits, with a digit as all of them."""
    while not _DIGIT.search(code := secrets.token_hex(16)):
        pass
    return code


def _new_half() -> str:
    while True:
        # One number, for each costs a system call.
        number, half = secrets.randbelow(len(SIGNS) ** _SIGNS_OF_A_HALF), ""
        for _ in range(_SIGNS_OF_A_HALF):
            number, sign = divmod(number, len(SIGNS))
            half += SIGNS[sign]
        if _DIGIT.search(half):
            return half


_KEY = "key "


def of_key(fingerprint: str) -> str:
    """The code of a guest who proves a key of ssh; nobody can write it, for who knows the key has not proven it."""
    return _KEY + fingerprint


def is_of_key(code: str) -> bool:
    """Whether it is one of those."""
    return code.startswith(_KEY)


def normal(text: str) -> str | None:
    """The code as it was given, from how somebody wrote it (any case, the dash may be missing); None if it is none."""
    text = text.strip()
    return short(text) or (text.lower() if _LONG.fullmatch(text.lower()) else None)


def short(text: str) -> str | None:
    """A person's code as it was given; None where the text is none.  These can be guessed, so guesses are limited."""
    match = _SHORT.fullmatch(_plain(text))
    return None if match is None else _as_given(match)


def may_hold_one(text: str) -> bool:
    """False, quickly, where no code stands in a text: that is a run of eight signs or more, with a digit."""
    if not text.isascii():
        return True
    data = text.encode()
    return len(data.translate(None, b"0123456789")) < len(data) and not all(map(str.isalpha, _RUN.findall(text)))


def shorts_in(text: str) -> Sequence[str]:
    """Which words of a text may be a person's code, as codes are given: those with their dash first, and not more than
    `limits.CODES_LOOKED_FOR`, for a text with more of them is a table of something else."""
    if not may_hold_one(text):
        return ()
    found: dict[str, bool] = {}
    for run in _RUN.findall(text if text.isascii() else _plain(text)):
        if not run.isalpha():
            found |= {_as_given(match): "-" not in match[0] for match in _WORD.finditer(run.upper())}
    return sorted(found, key=found.__getitem__)[: limits.CODES_LOOKED_FOR]


def stands_in(name: str) -> bool:
    """Whether a name is like a person's code, or has one between its dashes and points."""
    return _WITHIN.search(_plain(name)) is not None


def digest(code: str) -> str:
    """What is kept of a code."""
    return hashlib.sha256(code.encode()).hexdigest()


def holds(text: str, code: str) -> bool:
    """Whether this very code stands in a text, however it is written."""
    return may_hold_one(text) and _bare(code) in _bare(text)


def _bare(text: str) -> str:
    return _plain(text).replace("-", "")


def _plain(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_DASHES)
    return text.upper()


def _as_given(match: re.Match[str]) -> str:
    one, other = filter(None, match.groups())
    return f"{one}-{other}"
