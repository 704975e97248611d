"""The line editor on a terminal of its own, without a server: when something is drawn."""

import asyncio
import fcntl
import os
import pty
import struct
import termios
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from time import monotonic
from types import SimpleNamespace
from typing import Any, TextIO

import pyte
import pytest

from chat.client.typed_lines import TypedLines
from chat.editing.editor import Editor
from chat.editing.terminal import Tty

Terminal = tuple[int, TextIO, TextIO]

SECONDS = 10
"""After these something is wrong; no test waits for them."""


class Desk:
    """Whoever sits there, of whom nothing is known but what was typed."""

    hides = False

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.was_dropped = 0

    def prompt(self) -> str:
        return "> "

    def above(self) -> Sequence[str]:
        return ()

    def below(self, columns: int) -> Sequence[tuple[bool, str]]:
        return [(False, "below")]

    def hint(self, text: str) -> str:
        return "how it is used, at such a length that nobody could see all of it" if text.startswith("/") else ""

    def paste(self, lines: int) -> tuple[str, str]:
        return f"[{lines}]", "say it?"

    def offers(self, text: str) -> Sequence[Any]:
        return ()

    def keeps(self, line: str) -> bool:
        return False

    def waits(self) -> bool:
        return False

    def attended(self) -> None:
        """Nobody counts it."""

    def typed(self, line: str) -> None:
        self.lines.append(line)

    def dropped(self) -> None:
        self.was_dropped += 1

    def output_closed(self, failed: bool) -> None:
        """It is over."""


class Reactor:
    """A loop of asyncio as far as the editor asks for a reactor."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.seconds = self._loop.time

    def callLater(self, seconds: float, then: Any, *arguments: object) -> "Later":
        return Later(self._loop.call_later(seconds, then, *arguments))


class Later:
    """What is due then."""

    def __init__(self, handle: asyncio.TimerHandle) -> None:
        self._handle = handle

    def active(self) -> bool:
        return not self._handle.cancelled()

    def cancel(self) -> None:
        self._handle.cancel()


class Seat:
    """An editor on a terminal, and what is on its screen."""

    def __init__(self, terminal: int, editor: Editor) -> None:
        self.terminal = terminal
        self.editor = editor
        size = os.get_terminal_size(terminal)
        self._screen = pyte.HistoryScreen(size.columns, size.lines)
        self._stream = pyte.ByteStream(self._screen)

    def look(self) -> list[str]:
        """The rows that are on it by now."""
        with suppress(BlockingIOError):
            while True:
                self._stream.feed(os.read(self.terminal, 1 << 16))
        return [row.rstrip() for row in self._screen.display]

    @property
    def scrollback(self) -> list[str]:
        """The rows that were on it."""
        return ["".join(row[column].data for column in sorted(row)).rstrip() for row in self._screen.history.top]

    def press(self, keys: bytes) -> None:
        os.write(self.terminal, keys)

    async def shows(self, *rows: str) -> None:
        """Wait until this is what is on it."""
        end = monotonic() + SECONDS
        while [row for row in self.look() if row] != [*rows]:
            assert monotonic() < end, self._screen.display
            await asyncio.sleep(0)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """Both ends of one of 40 columns and 10 rows."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    with open(theirs, closefd=False) as stdin, open(theirs, "w") as stdout:
        yield ours, stdin, stdout
    os.close(ours)


def at_the_terminal(terminal: Terminal, what: Callable[[Seat], Awaitable[object]]) -> None:
    """Sit down, do this, and leave."""

    async def sit() -> None:
        ours, stdin, stdout = terminal
        editor = Editor(Tty(stdin, stdout, lambda: False), TypedLines(None))
        editor.desk = desk = Desk()  # type: ignore[assignment]
        editor.open(desk, Reactor())  # type: ignore[arg-type]
        seat = Seat(ours, editor)
        await seat.shows(">", "below")
        await what(seat)
        closed = asyncio.get_running_loop().create_future()
        editor.close().addCallback(closed.set_result)
        await closed

    asyncio.run(sit())


def test_a_key_is_seen_at_once_however_much_else_is_to_be_done(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prompt_toolkit.eventloop.utils.time", SimpleNamespace(time=lambda: 0.0))

    async def type_beside_work(seat: Seat) -> None:
        loop, working = asyncio.get_running_loop(), True
        seat.editor.write("nothing is left to be drawn\n")
        await seat.shows("nothing is left to be drawn", ">", "below")

        def work() -> None:
            if working:
                loop.call_soon(work)

        work()
        seat.press(b"q")
        await seat.shows("nothing is left to be drawn", "> q", "below")
        working = False

    at_the_terminal(terminal, type_beside_work)


def test_what_is_cleared_away_is_in_the_scrollback(terminal: Terminal) -> None:
    """It is scrolled away: what is erased many terminals do not keep."""

    async def clear(seat: Seat) -> None:
        seat.editor.write("something said\n")
        await seat.shows("something said", ">", "below")
        seat.press(b"\x0c")
        await seat.shows(">", "below")
        assert "something said" in seat.scrollback

    at_the_terminal(terminal, clear)


def test_the_rest_of_an_answer_to_a_question_that_is_gone_is_neither_seen_nor_given_away(terminal: Terminal) -> None:
    async def type_a_password(seat: Seat) -> None:
        desk, editor = seat.editor.desk, seat.editor
        desk.hides = True  # type: ignore[misc]
        editor.hide(True)
        seat.press(b"tulips and")
        await seat.shows("> **********", "below")
        editor.drop()
        desk.hides = False  # type: ignore[misc]
        editor.hide(False)
        await seat.shows(">", "below")
        seat.press(b" roses")
        await seat.shows("> ******", "below")
        seat.press(b"\r")
        await seat.shows(">", "below")
        seat.press(b"\x1f\x19\x1b[Ahello")  # undo, yank, and what was typed before bring nothing back
        await seat.shows("> hello", "below")
        assert (desk.lines, desk.was_dropped) == ([], 1)  # type: ignore[attr-defined]

    at_the_terminal(terminal, type_a_password)


def test_what_is_cut_from_a_password_cannot_be_put_elsewhere(terminal: Terminal) -> None:
    async def cut(seat: Seat) -> None:
        desk, editor = seat.editor.desk, seat.editor
        desk.hides = True  # type: ignore[misc]
        editor.hide(True)
        seat.press(b"tulips")
        await seat.shows("> ******", "below")
        seat.press(b"\x15")
        await seat.shows(">", "below")
        desk.hides = False  # type: ignore[misc]
        editor.hide(False)
        seat.press(b"\x19hello")
        await seat.shows("> hello", "below")

    at_the_terminal(terminal, cut)


def test_no_other_program_is_given_a_password_to_edit(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr("prompt_toolkit.buffer.Buffer.open_in_editor", opened.append)

    async def edit(seat: Seat) -> None:
        seat.editor.desk.hides = True  # type: ignore[misc]
        seat.press(b"tulips\x18\x05!")
        await seat.shows("> *******", "below")
        assert opened == []

    at_the_terminal(terminal, edit)


def test_a_hint_that_is_longer_than_the_screen_says_that_there_is_more(terminal: Terminal) -> None:
    async def type_a_command(seat: Seat) -> None:
        seat.press(b"/")
        await seat.shows("> /", "how it is used, at such a length that n\u2026", "below")

    at_the_terminal(terminal, type_a_command)


def test_a_message_of_many_lines_leaves_half_of_a_small_screen_to_others(terminal: Terminal) -> None:
    async def paste(seat: Seat) -> None:
        seat.editor.write("something said\n")
        lines = "\n".join(str(number) for number in range(9))
        seat.press(b"\x1b[200~" + lines.encode() + b"\x1b[201~")
        await seat.shows("something said", "  4", "  5", "  6", "  7", "  8", "below")

    at_the_terminal(terminal, paste)


def test_many_pasted_lines_are_shown_by_their_number_until_somebody_decides(terminal: Terminal) -> None:
    async def paste(seat: Seat) -> None:
        lines = "\n".join(str(number) for number in range(11))
        seat.press(b"\x1b[200~" + lines.encode() + b"\x1b[201~")
        await seat.shows("> [11]", "say it?", "below")
        seat.press(b"\x1b")
        await seat.shows(">", "below")
        seat.press(b"x\x1b[200~" + lines.encode() + b"\x1b[201~")
        await seat.shows("> [11]", "say it?", "below")
        seat.press(b"\r")
        await seat.shows(">", "below")
        assert seat.editor.desk.lines == ["x" + lines]  # type: ignore[attr-defined]

    at_the_terminal(terminal, paste)
