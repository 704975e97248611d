"""The code by which an account becomes an operator of the server while there is none: in a file of its own, once.

Whoever may read the file runs the server.  The code is another one at each start, so that nothing is believed that lay
there, and is told to nobody else: neither the screen nor the log has it.
"""

from collections.abc import Callable
from contextlib import suppress
from hmac import compare_digest
from pathlib import Path

from twisted.logger import Logger

from chat.base import resume_codes
from chat.server.private_file import write_private

logger = Logger()

NAME = "operator-code"
"""What the file is called, in the directory of data."""


class OperatorCode:
    """(chat.core.ports.OperatorCode) One that is good until it was used."""

    def __init__(self, path: Path, code: str) -> None:
        self._path = path
        self.digest = resume_codes.digest(code)
        self.when_used: Callable[[], None] = lambda: None

    def matches(self, code: str) -> bool:
        """Whether it is this one, as codes are given."""
        return compare_digest(resume_codes.digest(code), self.digest)

    def used(self) -> None:
        """It is not good any more: the file goes."""
        self.when_used()
        try:
            remove(self._path)
        except OSError:
            logger.failure("{path} cannot be removed; the code in it is not good any more", path=self._path)


def another() -> str:
    """One that nobody can guess."""
    return resume_codes.for_people()


def make(path: Path, code: str | None = None) -> OperatorCode:
    """This one, or a new one, in this file, which only its owner can read, whatever was there; raises `OSError`."""
    code = code or another()
    write_private(path, code)
    return OperatorCode(path, code)


def remove(path: Path) -> None:
    """Let there be none; raises `OSError`."""
    with suppress(FileNotFoundError):
        path.unlink()
