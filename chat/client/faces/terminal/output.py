"""A terminal as something to write on: a picture goes out in one write, which may take its time."""

import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from prompt_toolkit.data_structures import Size
from prompt_toolkit.output.vt100 import Vt100_Output

from chat.base import limits


class Output(Vt100_Output):
    """A terminal that gets all of a picture in one write, and may take its time for it."""

    def __init__(
        self,
        stdout: TextIO,
        get_size: Callable[[], Size],
        stopped: Callable[[], bool],
        broken: Callable[[], None],
    ) -> None:
        super().__init__(stdout, get_size, os.environ.get("TERM"), enable_cpr=False)
        self._stopped, self._broken = stopped, broken
        self._held = False

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
        """(Output) A blocking write to a terminal that takes nothing could not be ended by a signal."""
        if self._held or not self._buffer:
            return
        data = "".join(self._buffer).encode(self.stdout.encoding or "utf-8", "replace")
        self._buffer.clear()
        try:
            self._write(self.stdout.fileno(), data)
        except OSError:
            self._broken()

    def _write(self, descriptor: int, data: bytes) -> None:
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
