"""How lines are painted: a colour for each nickname, the same everywhere, that can be read on dark and on light.

Everything can be read without: `NO_COLOR` leaves bold and faint, `off` leaves nothing at all.
"""

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from zlib import crc32

from chat.client.faces.stdio import layout
from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.objects import Said


class Paint(Enum):
    """How much there is of it."""

    OFF = "off"
    BOLD = "bold"
    BASIC = "basic"
    MANY = "many"


def paint_for(choice: str, environ: Mapping[str, str]) -> Paint:
    """What one chose (auto, on, off), else what the terminal can and https://no-color.org says."""
    term = environ.get("TERM", "")
    many = "256" in term or environ.get("COLORTERM", "") != "" or term.startswith(("tmux", "xterm-kitty", "foot"))
    most = Paint.MANY if many else Paint.BASIC
    if choice in ("on", "off"):
        return most if choice == "on" else Paint.OFF
    return Paint.BOLD if environ.get("NO_COLOR") else most


def _luminance(colour: int) -> float:
    """How bright one of the 256 colours is, as WCAG counts it; those of the cube."""
    steps = (0, 95, 135, 175, 215, 255)
    place = colour - 16
    parts = [steps[place // 36] / 255, steps[place // 6 % 6] / 255, steps[place % 6] / 255]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colour: int) -> float:
    """The smaller of its contrasts with black and with white, of which the best colour has 4.6."""
    light = _luminance(colour)
    return min((light + 0.05) / 0.05, 1.05 / (light + 0.05))


READABLE = 3.5
_MANY = tuple(f"38;5;{colour}" for colour in range(16, 232) if contrast(colour) >= READABLE and (colour - 16) % 43 != 0)
_BASIC = ("31", "32", "35", "36")
"""Not blue, which hardly anybody reads on black, nor yellow on white."""

_STYLES = {
    LineKind.EVENT: "2",
    LineKind.FRAME: "2",
    LineKind.GONE: "2",
    LineKind.STATE: "2",
    LineKind.TITLE: "1",
    LineKind.ERROR: "1",
}
_NAMED = re.compile(r"(#\S+ )?(<|\* |\[)")


@lru_cache(maxsize=1024)
def colour_of(nick: str, paint: Paint) -> str:
    """The colour of a nickname, as SGR has it; empty where there is none."""
    colours = _MANY if paint is Paint.MANY else _BASIC if paint is Paint.BASIC else ("1",)
    return "" if paint is Paint.OFF else colours[crc32(nick.casefold().encode()) % len(colours)]


def rows(shown: Shown, paint: Paint, timed: bool, columns: int, ruled: bool) -> list[str]:
    """A line as it is written to the terminal; `ruled` where that can show a rule."""
    if shown.kind is LineKind.TITLE:
        rule = "\u2500\u2500" if ruled else "--"
        plain = [f"{rule} {shown.text} {rule}"]
        time = ""
    else:
        time = f"{shown.at:%H:%M} " if timed and shown.at is not None else ""
        plain = layout(shown, time, columns)
    if paint is Paint.OFF:
        return plain
    if shown.kind is LineKind.TALK:
        return [_talk(row, len(time), shown, paint) for row in plain]
    style = _STYLES.get(shown.kind)
    return plain if style is None else [f"\x1b[{style}m{row}\x1b[0m" for row in plain]


def _talk(row: str, start: int, shown: Shown, paint: Paint) -> str:
    """The time faint, the nickname in its colour, and what calls somebody bold."""
    time, text = row[:start], row[start:]
    author = (shown.source.shown or shown.source.author) if isinstance(shown.source, Said) else ""
    found = _NAMED.match(text)
    if found and author and text.startswith(author, found.end()):
        end = found.end() + len(author)
        style = "1;7" if shown.loud else colour_of(author, paint)
        rest = f"\x1b[1m{text[end:]}\x1b[0m" if shown.loud else text[end:]
        text = f"{text[: found.end()]}\x1b[{style}m{author}\x1b[0m{rest}"
    elif shown.loud:
        text = f"\x1b[1m{text}\x1b[0m"
    return f"\x1b[2m{time}\x1b[0m{text}" if time else text
