"""A message of IRC: tags, who it is from, a command and its parameters (RFC 1459, 2.3.1; IRCv3 message-tags).

Pure, and any line is read as something.  What goes out is never longer than clients read, 512 bytes with its end and
without its tags: of a longer text the rest follows in lines of the same kind.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from chat.base import limits
from chat.base.named_tuples import NamedTuple
from chat.base.text import visible

_ESCAPES = {":": ";", "s": " ", "r": "\r", "n": "\n"}
_ESCAPED = str.maketrans({";": r"\:", " ": r"\s", "\\": r"\\", "\r": r"\r", "\n": r"\n"})
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)

_FORMATTING = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?|[\x02\x0f\x11\x16\x1d-\x1f]"
)
"""Colours, bold, italics and the like, as IRC clients write them."""

_NO_TAGS: Mapping[str, str] = MappingProxyType({})


class Message(NamedTuple):
    """What stood in a line; the command in capital letters."""

    command: str
    params: Sequence[str]
    tags: Mapping[str, str] = _NO_TAGS
    source: str = ""


def parse(line: str) -> Message:
    """The message in a line without its end; one without a command has ""."""
    tags, source = _NO_TAGS, ""
    if line.startswith("@"):
        raw, _, line = line[1:].partition(" ")
        tags = _tags(raw)
    line = line.lstrip(" ")
    if line.startswith(":"):
        source, _, line = line[1:].partition(" ")
    middle, colon, last = line.partition(" :")
    words = [word for word in middle.split(" ") if word]
    if colon:
        words.append(last)
    return Message(words[0].upper() if words else "", words[1:], tags, source)


def _tags(raw: str) -> Mapping[str, str]:
    tags = {}
    for tag in raw.split(";"):
        key, _, value = tag.partition("=")
        if key:
            tags[key] = _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), value)
    return tags


def escaped(value: str) -> str:
    """A tag's value as it stands in a line."""
    return value.translate(_ESCAPED)


def tagged(tags: Iterable[str]) -> str:
    """Tags as they stand before a message; each is `key=value`, escaped."""
    joined = ";".join(tag for tag in tags if tag)
    return f"@{joined} " if joined else ""


def line(source: str, command: str, *params: str) -> str:
    """A message whose last parameter may hold anything; "" says nothing of whom it is from."""
    *middle, last = params or ("",)
    head = " ".join((f":{source}", command, *middle) if source else (command, *middle))
    return f"{head} :{last}" if params else head


def bare(source: str, command: str, *params: str) -> str:
    """A message whose parameters are all words."""
    return " ".join((f":{source}", command, *params) if source else (command, *params))


def lines(source: str, command: str, *params: str) -> Iterator[str]:
    """The same as `line`, and where that is too long as many as it takes: broken at blanks, nothing is left out."""
    whole = line(source, command, *params)
    if len(whole) * 4 <= limits.IRC_LINE or len(whole.encode()) <= limits.IRC_LINE:
        yield whole
        return
    *before, text = params
    head = line(source, command, *before, "")
    for part in broken(text, limits.IRC_LINE - len(head.encode())):
        yield head + part


def broken(text: str, most: int) -> Iterator[str]:
    """A text in parts of so many bytes, broken behind blanks where there are any, and never within a letter."""
    while len(text.encode()) > most:
        part = text.encode()[:most].decode(errors="ignore")
        blank = part.rfind(" ")
        end = blank + 1 if blank > 0 else _whole(text, len(part))
        yield text[:end]
        text = text[end:]
    yield text


def _whole(text: str, end: int) -> int:
    """A place to break at which no mark is torn from its letter, unless there is none."""
    place = end
    while place > 1 and (
        unicodedata.category(text[place])[0] == "M" or text[place] == "\u200d" or text[place - 1] == "\u200d"
    ):
        place -= 1
    return place if place > 1 else end


def rows(source: str, command: str, params: Sequence[str], words: Iterable[str]) -> Iterator[str]:
    """Words as the last parameter, in as many messages as that takes; at least one."""
    head = line(source, command, *params, "")
    room = limits.IRC_LINE - len(head.encode())
    row: list[str] = []
    size = 0
    for word in words:
        length = len(word.encode()) + 1
        if row and size + length > room + 1:
            yield head + " ".join(row)
            row, size = [], 0
        row.append(word)
        size += length
    yield head + " ".join(row)


def word(text: str) -> str:
    """What somebody wrote as a parameter that is not the last: one word, not too long."""
    first = (visible(text[: limits.NAME_READ]).split() or ["*"])[0].lstrip(":") or "*"
    return first.encode()[: limits.IRC_WORD].decode(errors="ignore")


def unformatted(text: str) -> str:
    """A text without colours and the like: they are no words, and would be shown as signs."""
    return _FORMATTING.sub("", text)
