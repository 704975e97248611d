"""What a line is before anybody knows the commands: talk, or a command and what stands behind it.

Pure, and the same for the server and the client.  What looks like a command is never said: whoever slips, types
/msg: for /msg or has a keyboard that puts a blank behind the slash, would else say a private line to a whole room.
"""

import unicodedata

from chat.base import limits
from chat.base.named_tuples import NamedTuple
from chat.base.patterns import pattern

_SLASH = "/\uff0f\u2044\u2215"
"""The keyboard's, the wide one of East Asia, and those of fractions, which look like it (a Mac types one)."""

_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
)
"""What shows nothing: such a sign before a slash, as the mark of a file's encoding, is no reason to say the line."""
_BLANKS = rf"(?:[^\S\n]|[{_UNSEEN}])*"
_SLASHED = pattern(rf"({_BLANKS})[{_SLASH}]")
_BEHIND = pattern(rf"{_BLANKS}([^\s]*)")
_POINTS = pattern("[:,;.!?\u2026\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f]*")
"""What people put behind a word that they call somebody by."""
_SAID = pattern(rf"[{_SLASH}](?=[{_SLASH}][^\s{_SLASH}])")
_WITHIN = "_-'\u2019"


class TypedCommand(NamedTuple):
    """A command as it was typed; `misplaced` is one with blanks before it."""

    word: str
    rest: str
    misplaced: bool


def command_in(line: str) -> TypedCommand | None:
    """The command that a line is, or is meant to be; None where it is talk.

    Talk begins with something else than a slash, is a slash alone or two of them, or a path or a comment: then the
    first word holds another slash, or an asterisk behind it.
    """
    if line[:1].isalnum() or not (slash := _SLASHED.match(line)):
        return None
    start = slash.end()
    if line[start : start + 1] and line[start] in _SLASH:
        return None
    behind = _BEHIND.match(line, start)
    assert behind is not None
    first = behind[1]
    if not first or first[0] == "*" or any(char in first for char in _SLASH):
        return None
    end = _word_ends(first)
    word = first[:end] or first
    after = line[behind.end() - len(first) + len(word) :]
    if end:
        after = after[_POINTS.match(after).end() :]  # type: ignore[union-attr]  # it matches nothing, too
    return TypedCommand(word, after.strip(), bool(slash[1]))


def holds_slash(line: str) -> bool:
    """Whether there is any in it: of a line without one nothing else need be asked."""
    return any(slash in line for slash in _SLASH)


def spoken(line: str) -> str:
    """What a line of talk says: `//word` is how one says `/word`."""
    if not line or line[0] not in _SLASH:
        return line
    behind = command_in(line[1:])
    return line[1:] if _SAID.match(line) or (behind is not None and behind.misplaced) else line


def talk(text: str) -> str:
    """A text as a line that says it, whatever it begins with."""
    return f"/{text}" if command_in(text) is not None or spoken(text) != text else text


def fold(word: str) -> str:
    """A word without what does not count in commands: case, accents, the width of letters."""
    word = word[: limits.NAME_READ].casefold()
    if word.isascii() and word.isprintable():  # nearly every one
        return word
    parts = unicodedata.normalize("NFKD", word)
    return "".join(char for char in parts if unicodedata.category(char)[0] not in "MC")


def _word_ends(text: str) -> int:
    """Where the word that a text begins with ends: letters of any script, digits and marks belong to it."""
    for place, char in enumerate(text[: limits.NAME_READ]):
        if not (char.isalnum() or char in _WITHIN or unicodedata.category(char)[0] in "MC"):
            return place
    return len(text)
