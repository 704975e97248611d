"""The history of what was typed, for the next start: one JSON text a line, oldest first, for nobody else to read.

What may hold a password or a resume code is never given to it.  Several clients may write at once: each adds lines at
the end, and a start keeps the newest.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from chat.base import limits
from chat.client.private_files import open_private, private_directory
from chat.client.talk.state import state_path


class TypedLines:
    """The history in this file; where it cannot be read or written there is none."""

    lines = limits.HISTORY_LINES
    characters = limits.HISTORY_TEXT

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "TypedLines":
        """The history of whoever runs this."""
        try:
            return cls(state_path(environ, "typed"))
        except RuntimeError:  # there is no home
            return cls(None)

    def read(self) -> list[str]:
        """All that is kept; a file that grew is cut to that."""
        try:
            rows = [] if self._path is None else self._path.read_text("utf-8", "replace").splitlines()
        except OSError:
            return []
        lines = [line for row in rows[-limits.HISTORY_LINES :] if (line := _line(row)) is not None]
        if len(rows) > 2 * limits.HISTORY_LINES:
            self._write(lines, os.O_TRUNC)
        return lines

    def add(self, line: str) -> None:
        """One more."""
        self._write([line], os.O_APPEND)

    def _write(self, lines: list[str], how: int) -> None:
        if self._path is None:
            return
        try:
            private_directory(self._path.parent)
            descriptor = open_private(self._path, os.O_WRONLY | how)
            try:
                os.write(descriptor, "".join(f"{json.dumps(line)}\n" for line in lines).encode())
            finally:
                os.close(descriptor)
        except OSError:
            self._path = None


def _line(row: str) -> str | None:
    try:
        line = json.loads(row)
    except ValueError:
        return None
    return line if isinstance(line, str) and line.strip() else None
