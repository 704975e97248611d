"""Where the log is written to: a file that is put aside when it is long, or the screen.

A file is appended to, so that it may be copied and emptied by others (logrotate's copytruncate), or renamed: then
`reopen` begins a new one.  Nothing here waits: a screen that nobody reads (Ctrl-S) must not stop the chat.
"""

import os
import select
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TextIO

from chat.base import limits
from chat.server.logbook import LogBook, as_json, as_text


def twistd_log(twistd: Mapping[str, Any], as_objects: bool) -> LogBook | None:
    """The log as `twistd`'s own options want it; None where it goes to the system's log or a logger of their choice.

    Raises `OSError` where it cannot be written.
    """
    if twistd.get("syslog") or twistd.get("logger") or "logfile" not in twistd:
        return None
    path = log_path(twistd)
    return LogBook(Screen(sys.stdout) if path is None else LogFile(path), as_json if as_objects else as_text)


def log_path(twistd: Mapping[str, Any]) -> str | None:
    """The file that `twistd` logs to; None for the screen, the system's log, or a logger of their choice."""
    if twistd.get("syslog") or twistd.get("logger"):
        return None
    path = twistd.get("logfile")
    if path:
        return None if path == "-" else os.path.abspath(path)
    return None if twistd.get("nodaemon", True) else os.path.abspath("twistd.log")


class _Entries:
    """Writes entries whole, or begins the next one on a new line; `write_some` returns how many bytes it took."""

    def __init__(self, write_some: Callable[[bytes], int]) -> None:
        self._write_some = write_some
        self._torn = False

    def write(self, entry: bytes) -> None:
        """Write an entry; raises `OSError` where that cannot be."""
        data = b"\n" + entry if self._torn else entry
        while data:
            data = data[self._write_some(data) :]
            self._torn = bool(data)


class LogFile:
    """A log file (`chat.server.logbook.Out`); the older ones have a number behind their name, 1 is the youngest."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = _open(path)
        self._entries = _Entries(lambda data: os.write(self._file, data))

    def write(self, entry: str) -> None:
        """Append an entry."""
        if os.fstat(self._file).st_size >= limits.LOG_BYTES:
            with suppress(OSError):  # a directory that is not ours: the file goes on
                self._put_aside()
        self._entries.write(entry.encode("utf-8", "replace"))

    def reopen(self) -> None:
        """Begin a new file where this one was renamed."""
        with suppress(OSError):  # what is open still works
            self._go_on_in(_open(self._path))

    def _put_aside(self) -> None:
        # The new one is opened first: where that fails, nothing has happened.
        fresh = f"{self._path}.new"
        file = _open(fresh)
        os.fchmod(file, stat.S_IMODE(os.fstat(self._file).st_mode))
        for number in range(limits.LOG_FILES - 1, 0, -1):
            with suppress(FileNotFoundError):
                os.replace(f"{self._path}.{number}", f"{self._path}.{number + 1}")
        os.replace(self._path, f"{self._path}.1")
        os.replace(fresh, self._path)
        self._go_on_in(file)

    def _go_on_in(self, file: int) -> None:
        old, self._file = self._file, file
        os.close(old)


class Screen:
    """A standard stream (`chat.server.logbook.Out`), if there is one."""

    def __init__(self, stream: TextIO | None) -> None:
        self._output = None if stream is None else stream.fileno()
        self._encoding = "utf-8" if stream is None else stream.encoding
        self._entries = _Entries(self._write_some)
        self._ready = select.poll()
        if self._output is not None:
            self._ready.register(self._output, select.POLLOUT)

    def write(self, entry: str) -> None:
        """Show an entry."""
        self._entries.write(entry.encode(self._encoding, "backslashreplace"))

    def reopen(self) -> None:
        """A screen stays what it is."""

    def _write_some(self, data: bytes) -> int:
        if self._output is None or not any(event & select.POLLOUT for _, event in self._ready.poll(0)):
            raise BlockingIOError("nobody reads")
        # What a pipe that is ready takes without waiting.
        return os.write(self._output, data[: select.PIPE_BUF])


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)  # it holds addresses
