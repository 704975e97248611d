"""The PINs of a class, as people type them: six digits, behind the nickname."""

import re

from chat.base.patterns import pattern

_BEHIND = pattern(r"(.*\S)\s+([0-9]{6})", re.DOTALL)
_ALONE = pattern(r"(?<![0-9])[0-9]{6}(?![0-9])")


def given(text: str) -> tuple[str, str] | None:
    """The nickname, and the PIN behind it, of what was typed where a nickname is asked for; None: there is none."""
    found = _BEHIND.fullmatch(text.strip())
    return None if found is None else (found[1], found[2])


def found_in(text: str) -> list[str]:
    """What may be one in a text."""
    return _ALONE.findall(text)
