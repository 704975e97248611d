"""A file of options: the words of the command line, one option a line.

`name value` or `name = value`, without dashes; a name without a value where the option takes none; empty lines and
those that begin with # say nothing.  There is no second grammar: what comes of a line is a word for the command line.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"([^\s=]+)(?:\s*=\s*|\s+|$)(.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """What a line of the file, the first is 1, would be on the command line."""

    number: int
    word: str


def read(path: Path, known: Collection[str]) -> Sequence[Line]:
    """The options in a file; `known` are the names that it may use, those that need a value with a = behind them.

    Raises `ValueError` with the file, the number of the line that is wrong, and what would be right.
    """
    lines, wrong = read_all(path, known)
    if wrong:
        raise ValueError(wrong[0])
    return lines


def read_all(path: Path, known: Collection[str]) -> tuple[Sequence[Line], Sequence[str]]:
    """The lines that are right, as `read` has them, and what is wrong with each of the others."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        return (), [f"--config {path}: {error.strerror}."]
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        return (), [f"{path}, line {number}: this is not UTF-8."]
    lines, wrong = [], []
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        if line and not line.startswith("#"):
            try:
                lines.append(Line(number, _word(line, known, f"{path}, line {number}")))
            except ValueError as error:
                wrong.append(str(error))
    return lines, wrong


def _word(line: str, known: Collection[str], where: str) -> str:
    match = _LINE.match(line)
    name, value = match.groups() if match else (line, "")
    if name.startswith("-"):
        raise ValueError(f"{where}: {name}: options stand here without dashes, as in  port 12345")
    if f"{name}=" in known:
        if not value:
            raise ValueError(f"{where}: {name}: its value is missing, as in  {name} VALUE")
        return f"--{name}={value}"
    if name not in known:
        raise ValueError(f"{where}: {name}: there is no such option; --help lists them.")
    if value:
        raise ValueError(f"{where}: {name}: it takes no value.")
    return f"--{name}"
