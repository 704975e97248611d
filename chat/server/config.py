"""A file of options: the words of the command line, one option a line.

`name value` or `name = value`, without dashes; a name without a value where the option takes none; empty lines and
those that begin with # say nothing.  There is no second grammar: what comes of a line is a word for the command line.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from chat.base.command_line import no_such_option, no_value, value_missing
from chat.base.errors import Unfit, about
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.base.patterns import pattern
from chat.base.reasons import system_reason

_LINE = pattern(r"([^\s=]+)(?:\s*=\s*|\s+|$)(.*)")


class OptionLine(NamedTuple):
    """What a line of the file, the first is 1, would be on the command line."""

    number: int
    word: str


def in_line(path: Path, number: int, what: Sentence) -> Sentence:
    """What is wrong, with the line of a file in which it is."""
    return say("{path}, line {number}: {what}", path=path, number=number, what=what)


def not_utf_8(path: Path, error: UnicodeDecodeError) -> Sentence:
    """A file that cannot be read as text, with the line in which that shows."""
    number = error.object.count(b"\n", 0, error.start) + 1
    return in_line(path, number, say("this is not UTF-8."))


def read(path: Path, known: Collection[str]) -> tuple[Sequence[OptionLine], Sequence[Sentence]]:
    """The options in a file, and what is wrong with each of its other lines, with what would be right.

    `known` are the names that it may use, those that need a value with a = behind them.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        return (), [about(f"--config {path}", say("{reason}.", reason=system_reason(error)))]
    except UnicodeDecodeError as error:
        return (), [not_utf_8(path, error)]
    lines, wrong = [], []
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        if line and not line.startswith("#"):
            try:
                lines.append(OptionLine(number, _word(line, known)))
            except Unfit as error:
                wrong.append(in_line(path, number, error.sentence))
    return lines, wrong


def _word(line: str, known: Collection[str]) -> str:
    match = _LINE.match(line)
    name, value = match.groups() if match else (line, "")
    if name.startswith("-"):
        raise Unfit(about(name, say("options stand here without dashes, as in  port 12345")))
    if f"{name}=" in known:
        if not value:
            raise Unfit(about(name, value_missing(name)))
        return f"--{name}={value}"
    if name not in known:
        raise Unfit(about(name, no_such_option(name, known)))
    if value:
        raise Unfit(about(name, no_value()))
    return f"--{name}"
