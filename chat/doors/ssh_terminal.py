"""The terminal of somebody who came by ssh: its keys, its size, and what is drawn on it.

What prompt_toolkit would take without an end is cut here: it remembers each beginning of a key's sequence for ever, and
waits for the end of a paste however much of it comes.
"""

import asyncio
import codecs
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import UnsupportedOperation
from itertools import count
from typing import Any

from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.input.vt100_parser import _IS_PREFIX_OF_LONGER_MATCH_CACHE, Vt100Parser
from prompt_toolkit.key_binding import KeyPress

from chat.base import limits
from chat.base.patterns import pattern
from chat.doors.reactor_loop import ReactorLoop

_LONG = pattern(rb"\x1b\[[<?]?[0-9;]{%d,}" % limits.SSH_SEQUENCE)
_DUMB = frozenset(("", "dumb", "unknown", "network"))

_numbers = count(1)


class Keys(Input):
    """What is typed, as it comes."""

    def __init__(self) -> None:
        self._parser = Vt100Parser(lambda key: self._pressed.append(key))
        self._pressed: list[KeyPress] = []
        self._ready: Callable[[], None] | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._name = f"ssh {next(_numbers)}"
        self._begun = b""

    @property
    def pastes(self) -> bool:
        """What comes is a paste, which takes no time."""
        return self._parser._in_bracketed_paste

    def feed(self, data: bytes) -> None:
        """They typed this."""
        self._begun = (self._begun + data)[-len(data) - limits.SSH_SEQUENCE :]
        if _LONG.search(self._begun) or (
            self._parser._in_bracketed_paste and len(self._parser._paste_buffer) > limits.SSH_PASTE
        ):
            self._begun = b""
            self._parser.reset()
            return
        self._parser.feed(self._decoder.decode(data))
        if len(_IS_PREFIX_OF_LONGER_MATCH_CACHE) > limits.SSH_SEQUENCES:
            _IS_PREFIX_OF_LONGER_MATCH_CACHE.clear()
        if self._ready is not None:
            self._ready()

    # prompt_toolkit.input.Input

    def read_keys(self) -> list[KeyPress]:
        """Those that were pressed since."""
        pressed, self._pressed = self._pressed, []
        return pressed

    def flush_keys(self) -> list[KeyPress]:
        """What was begun is a key of its own, such as Esc."""
        self._parser.flush()
        return self.read_keys()

    @property
    def closed(self) -> bool:
        """The session is ended by its door."""
        return False

    def close(self) -> None:
        """Nothing that was typed is left to anybody."""
        clear_typeahead(self)

    def fileno(self) -> int:
        """There is no file."""
        raise UnsupportedOperation("fileno")

    def typeahead_hash(self) -> str:
        """Nobody else's."""
        return self._name

    def raw_mode(self) -> AbstractContextManager[None]:
        """It is their client that sets it."""
        return nullcontext()

    cooked_mode = raw_mode

    def attach(self, input_ready_callback: Callable[[], None]) -> AbstractContextManager[None]:
        """Call this when there are keys."""
        return self._calling(input_ready_callback)

    def detach(self) -> AbstractContextManager[None]:
        """Call nobody."""
        return self._calling(None)

    @contextmanager
    def _calling(self, ready: Callable[[], None] | None) -> Iterator[None]:
        before, self._ready = self._ready, ready
        try:
            yield
        finally:
            self._ready = before


class SshTerminal:
    """(chat.editing.terminal.Terminal) What `pty-req` told of; it is drawn on by `write`."""

    local = False
    encoding = "utf-8"

    def __init__(self, term: str, columns: int, rows: int, loop: ReactorLoop, write: Callable[[bytes], None]) -> None:
        self.term = term
        self.keeps_rows = term == "linux"
        self.keys = Keys()
        self.write = write
        self._loop = loop
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        """It has this size now; a size that is none is the usual one."""
        self._size = Size(
            rows=min(max(rows or 24, 2), limits.SSH_ROWS), columns=min(max(columns or 80, 10), limits.SSH_COLUMNS)
        )

    def input(self) -> Input:
        """(Terminal)"""
        return self.keys

    def size(self) -> Size:
        """(Terminal)"""
        return self._size

    def run(self, work: Coroutine[Any, Any, None]) -> "asyncio.Future[None]":
        """(Terminal)"""
        return self._loop.within(self._loop.create_task, work)


def can_be_drawn_on(term: str) -> bool:
    """Whether a terminal of this name moves its cursor."""
    return term not in _DUMB
