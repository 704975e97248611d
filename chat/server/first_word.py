"""`--for home` asks for a word at the first start: the password of the server, kept in a file beside the database."""

import sys
from collections.abc import Callable
from pathlib import Path

from chat.base.errors import Unfit, about
from chat.base.language import Language, Sentence, say
from chat.base.reasons import system_reason
from chat.server.private_file import write_private

NAME = "word"
"""What the file is called, in the directory of data."""

_ASKED = 3
"""How often, where what was typed cannot be one."""


def ask(path: Path, first: bool, words: Language, read: Callable[[], None]) -> list[Sentence]:
    """Ask at a terminal, at the first start, and keep what was typed in this file, from which `read` has it taken;
    returns what the start says.

    `read` raises `Unfit` for what cannot be a word; so does this, where the file cannot be written.
    """
    for _ in range(_ASKED if first and _is_terminal() else 0):
        prompt = words.words(say("A word that everybody has to know who comes in (Enter: none):"))
        sys.stdout.write(f"{prompt} ")
        sys.stdout.flush()
        if not (word := sys.stdin.readline().strip()):
            break
        try:
            write_private(path, word)
            read()
        except Unfit as error:
            path.unlink(missing_ok=True)
            sys.stdout.write(f"{words.words(error.sentence)}\n")
        except OSError as error:
            raise Unfit(about(str(path), say("{reason}.", reason=system_reason(error)))) from None
        else:
            return [say("Whoever comes in has to know the word; it stands in {path}.", path=path)]
    return [say("Whoever reaches a port comes in. A word in {path} would keep others out.", path=path)]


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
