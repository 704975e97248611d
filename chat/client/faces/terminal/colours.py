"""How lines are painted: a colour for each nickname, the same everywhere, that can be read on dark and on light.

Everything can be read without: `NO_COLOR` leaves bold and faint, `off` leaves nothing at all.
"""

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

from chat.client.faces.stdio import layout
from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.marking import COLOURS, author_in, of_nickname


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


_BASIC = ("31", "32", "35", "36")
"""Not blue, which hardly anybody reads on black, nor yellow on white."""

_STYLES = {
    LineKind.EVENT: "2",
    LineKind.FRAME: "2",
    LineKind.GONE: "2",
    LineKind.STATE: "2",
    LineKind.TITLE: "1",
    LineKind.NEW: "2",
    LineKind.ERROR: "1",
}


@lru_cache(maxsize=1024)
def colour_of(nick: str, paint: Paint) -> str:
    """The colour of a nickname, as SGR has it; empty where there is none."""
    match paint:
        case Paint.MANY:
            return f"38;5;{of_nickname(nick, COLOURS)}"
        case Paint.BASIC:
            return of_nickname(nick, _BASIC)
    return "" if paint is Paint.OFF else "1"


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
    if (name := author_in(text, shown)) is not None:
        author = text[name]
        style = "1;7" if shown.loud else colour_of(author, paint)
        rest = f"\x1b[1m{text[name.stop :]}\x1b[0m" if shown.loud else text[name.stop :]
        text = f"{text[: name.start]}\x1b[{style}m{author}\x1b[0m{rest}"
    elif shown.loud:
        text = f"\x1b[1m{text}\x1b[0m"
    return f"\x1b[2m{time}\x1b[0m{text}" if time else text
