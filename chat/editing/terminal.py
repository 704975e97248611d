"""Terminals: where keys come from, and a picture goes to in one write."""

import asyncio
import os
import select
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import Input
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.output.vt100 import Vt100_Output

from chat.base import limits


class Terminal(Protocol):
    """What somebody types at."""

    local: bool
    """Other programs of this machine can have it, too."""

    encoding: str
    term: str
    """What it is called, as TERM has it."""

    keeps_rows: bool
    """Where it becomes narrower it cuts its rows off; most break them anew."""

    def input(self) -> Input:
        """Its keys."""

    def size(self) -> Size:
        """How large it is."""

    def write(self, data: bytes) -> None:
        """Let it show this; raises `OSError` where it is gone."""

    def run(self, work: Coroutine[Any, Any, None]) -> "asyncio.Future[None]":
        """Do this in an event loop."""


class Tty:
    """(Terminal) The one that this program runs at, which may take its time, until it is `stopped`."""

    local = True

    def __init__(self, stdin: TextIO, stdout: TextIO, stopped: Callable[[], bool]) -> None:
        self._stdin, self._stdout, self._stopped = stdin, stdout, stopped
        self.encoding = stdout.encoding or "utf-8"
        self.term = os.environ.get("TERM", "")
        self.keeps_rows = "XTERM_VERSION" in os.environ or self.term == "linux"

    def input(self) -> Input:
        """(Terminal)"""
        return Vt100Input(self._stdin)

    def size(self) -> Size:
        """(Terminal)"""
        try:
            size = os.get_terminal_size(self._stdout.fileno())
        except OSError:
            size = os.terminal_size((80, 24))
        return Size(rows=size.lines or 24, columns=size.columns or 80)

    def run(self, work: Coroutine[Any, Any, None]) -> "asyncio.Future[None]":
        """(Terminal)"""
        return asyncio.ensure_future(work)

    def write(self, data: bytes) -> None:
        """(Terminal) A blocking write to one that takes nothing could not be ended by a signal."""
        descriptor = self._stdout.fileno()
        blocking = os.get_blocking(descriptor)
        # Only for now: the shell has the same terminal.
        os.set_blocking(descriptor, False)
        try:
            while data:
                try:
                    data = data[os.write(descriptor, data) :]
                except BlockingIOError:
                    if not select.select([], [descriptor], [], limits.TERMINAL_SECONDS)[1] and self._stopped():
                        return
        finally:
            os.set_blocking(descriptor, blocking)


class _Stdout:
    """As much of a file as prompt_toolkit looks at."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding

    def write(self, text: str) -> None:
        """Nothing is, but by `Output.flush`."""

    def flush(self) -> None:
        """The same."""


class Output(Vt100_Output):
    """A terminal that gets all of a picture in one write."""

    def __init__(self, terminal: Terminal, get_size: Callable[[], Size], broken: Callable[[], None]) -> None:
        super().__init__(_Stdout(terminal.encoding), get_size, terminal.term, enable_cpr=False)  # type: ignore[arg-type]
        self._terminal, self._broken = terminal, broken
        self._held = False

    @property
    def waiting(self) -> str:
        """What goes out with the picture."""
        return "".join(self._buffer)

    @contextmanager
    def one_write(self) -> Iterator[None]:
        """What is flushed within goes out at the end of it."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            self.flush()

    def flush(self) -> None:
        """(Output)"""
        if self._held or not self._buffer:
            return
        data = "".join(self._buffer).encode(self._terminal.encoding, "replace")
        self._buffer.clear()
        try:
            self._terminal.write(data)
        except OSError:
            self._broken()
