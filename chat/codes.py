"""Resume codes: how they are made, read and kept.

People get two halves of four signs, without those that are mistaken for one another, each half with a digit, so that
no name looks like one; programs get 128 bits.  Whoever has the code is that person, so only its hash is kept.
"""

import hashlib
import re
import secrets

SIGNS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Without 0 O 1 I L U."""

_DIGITS = "23456789"
_HALF = f"(?=[A-Z]*[{_DIGITS}])[{SIGNS}]{{4}}"
_SHORT = re.compile(f"({_HALF})-?({_HALF})")
_LONG = re.compile("[0-9a-f]{32}")
_WITH_DASH = re.compile(f"{_HALF}-{_HALF}")


def for_people() -> str:
    """A new code that can be read aloud and typed: 39 bits, behind a limit of guesses."""
    return f"{_half()}-{_half()}"


def for_programs() -> str:
    """A new code of 128 bits."""
    return secrets.token_hex(16)


def _half() -> str:
    signs = [secrets.choice(SIGNS) for _ in range(4)]
    signs[secrets.randbelow(4)] = secrets.choice(_DIGITS)
    return "".join(signs)


def normal(text: str) -> str | None:
    """The code as it was given, from how somebody wrote it (any case, the dash may be missing); None if it is none."""
    text = text.strip()
    if match := _SHORT.fullmatch(text.upper()):
        return f"{match[1]}-{match[2]}"
    return text.lower() if _LONG.fullmatch(text.lower()) else None


def looks_like_one(text: str) -> bool:
    """Whether this is written exactly as people's codes are shown, dash and all, in any case."""
    return _WITH_DASH.fullmatch(text.upper()) is not None


def digest(code: str) -> str:
    """What is kept of a code."""
    return hashlib.sha256(code.encode()).hexdigest()


def holds(text: str, code: str) -> bool:
    """Whether somebody is about to say their own code, however they write it."""
    return len(text) >= 8 and _bare(code) in _bare(text)


def _bare(text: str) -> str:
    return text.replace("-", "").casefold()
