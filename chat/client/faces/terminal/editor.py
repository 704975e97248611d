"""The bottom of the screen: a line that is typed, with what belongs to it, while text is written above.

prompt_toolkit edits and draws; nothing else of the client knows it, and only a real terminal loads it (100 ms).  What
is written goes where the prompt stood, in the terminal's own scrollback, and the prompt is drawn anew below: all in
one write, and however much comes, twenty times a second at most.  There is no alternate screen, the mouse stays the
terminal's, and it is never asked where its cursor is.

Whoever owns it is a `Desk`.
"""

import asyncio
import os
import select
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, Protocol, TextIO

from prompt_toolkit.application import Application
from prompt_toolkit.application.current import create_app_session
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    VerticalAlign,
    Window,
)
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.layout.processors import ConditionalProcessor, PasswordProcessor
from prompt_toolkit.layout.screen import Char
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth
from prompt_toolkit.widgets import SearchToolbar
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.text import visible
from chat.client.faces.streams import InputReader, Source
from chat.client.talk.completing import Offer
from chat.client.typed_lines import TypedLines

_STYLE = Style.from_dict({"status": "reverse", "hint": "", "chosen": "reverse", "waits": ""})
_log = Logger()
_PASTE_SHOWN = 10
_ROWS = 8
"""Rows of a message that are seen while it is typed."""


class Desk(InputReader, Protocol):
    """Who decides what stands at the bottom of the screen, and is told which keys were pressed."""

    def prompt(self) -> str:
        """What stands before the line that is typed."""

    def above(self) -> Sequence[str]:
        """Rows above it."""

    def below(self, columns: int) -> Sequence[tuple[bool, str]]:
        """The row below it: parts, and whether each stands out."""

    def hint(self, text: str) -> str:
        """What helps with this text; empty where nothing does."""

    def offers(self, text: str) -> Sequence[Offer]:
        """What the text before the cursor may go on with."""

    @property
    def hides(self) -> bool:
        """Whether stars stand for what is typed."""

    def keeps(self, line: str) -> bool:
        """Whether this line may stand in the history."""

    def waits(self) -> bool:
        """Whether what stands there changes with the time."""

    def attended(self) -> None:
        """There was a key."""

    def go_to(self, number: int) -> None:
        """Alt and a digit."""

    def go_on(self, step: int) -> None:
        """Ctrl-N, or (-1) Ctrl-P."""

    def page_up(self) -> None:
        """What was said earlier is wanted."""

    def interrupted(self) -> None:
        """Ctrl-C, and nothing is typed."""


class Paste(NamedTuple):
    """Many lines that were pasted into what was typed, and are shown by their number."""

    text: str
    before: Document

    @property
    def lines(self) -> int:
        """How many there are."""
        return self.text.count("\n") + 1


class Editor:
    """Standard streams for a face that owns a terminal, which is waited for until it is `stopped`."""

    def __init__(self, stdin: TextIO, stdout: TextIO, history: TypedLines, stopped: Callable[[], bool]) -> None:
        self.paints = True
        self._columns = 80
        self._stdin, self._stdout, self._stopped = stdin, stdout, stopped
        self._history = _History(history)
        self._written: list[str] = []
        self._due: IDelayedCall | None = None
        self._tick: IDelayedCall | None = None
        self._shown_at = 0.0
        self._refusing = self._lent = False
        self._paste: Paste | None = None
        self.desk: Desk
        self._source: Source | None = None
        self._reactor: IReactorTime
        self._closed: Deferred[None] = Deferred()

    # Streams.

    def open(self, reader: InputReader, reactor: IReactorFDSet, source: Source | None = None) -> None:
        """Take the terminal, and begin to read; the reader is the `desk`."""
        self._source = source
        self._reactor = reactor  # type: ignore[assignment]
        self._input = Vt100Input(self._stdin)
        self._output = _Output(self._stdout, self._size, self._stopped, self._broken)
        self._size()
        self._app = self._application()
        running = Deferred.fromFuture(asyncio.ensure_future(self._run()))
        running.addBoth(self._over)

    def write(self, text: str) -> None:
        """Above what is typed, soon."""
        self._written.append(text)
        self.refresh()

    def warn(self, text: str) -> None:
        """The same: there is one screen."""
        self.write(text)

    def pause(self, paused: bool) -> None:
        """Take no line for now; what is typed stays."""
        self._refusing = paused

    def close(self) -> "Deferred[None]":
        """Write what is left, and leave the terminal as it was found; fires when that is done."""
        if not self._app.is_done and self._app.is_running:
            self._show()
            self._app.exit()
        elif not self._closed.called:
            self._over(None)
        return self._closed

    def hide(self, hidden: bool) -> None:
        """As the `desk` says."""
        self.refresh()

    def refresh(self) -> None:
        """Something looks different now; it is drawn at once, unless that was only just done."""
        if self._due is None and not self._closed.called:
            wait = self._shown_at + limits.SHOW_SECONDS - self._reactor.seconds()
            self._due = self._reactor.callLater(max(0.0, wait), self._show)

    def ring(self) -> None:
        """The bell, which is the one thing that gets through everything."""
        self.signal("\a")

    def signal(self, sequence: str) -> None:
        """Send the terminal something that takes no room."""
        self._written.append(sequence)
        self.refresh()

    def clear(self) -> None:
        """An empty screen; what was on it is in the scrollback."""
        self._written.append("\x1b[H\x1b[2J")
        self.refresh()

    @property
    def columns(self) -> int:
        """How wide it is."""
        return self._columns

    @property
    def ruled(self) -> bool:
        """Whether it shows a rule."""
        try:
            "\u2500".encode(self._stdout.encoding or "utf-8")
        except UnicodeEncodeError:
            return False
        return True

    def _size(self) -> Size:
        try:
            size = os.get_terminal_size(self._stdout.fileno())
        except OSError:
            size = os.terminal_size((80, 24))
        self._columns = size.columns or 80
        return Size(rows=size.lines or 24, columns=self._columns)

    # Drawing.

    def _show(self) -> None:
        """Write what waits above the prompt, which is taken away and drawn again around it."""
        if self._due is not None and self._due.active():
            self._due.cancel()
        self._due = None
        if self._lent or not self._app.is_running:
            return
        self._shown_at = self._reactor.seconds()
        written, self._written = "".join(self._written), []
        with self._output.one_write():
            if written:
                self._app.renderer.erase(leave_alternate_screen=False)
                self._output.write_raw(written.replace("\n", "\r\n"))
            self._app._redraw()
        if written and self._source is not None:
            self._source.written()
        if self.desk.waits() and not (self._tick is not None and self._tick.active()):
            # How long an answer is owed grows by itself.
            self._tick = self._reactor.callLater(limits.TICK_SECONDS, self.refresh)

    def _broken(self) -> None:
        """The terminal is gone: it is over."""
        self._reactor.callLater(0, self.close)

    async def _run(self) -> None:
        with create_app_session(self._input, self._output):
            await self._app.run_async(self.refresh, handle_sigint=False, set_exception_handler=False)

    def _over(self, result: object) -> None:
        """It was asked to end, or its input did, or it broke."""
        if isinstance(result, Failure) and not result.check(EOFError):
            _log.failure("the editor", result)
        for timer in (self._due, self._tick):
            if timer is not None and timer.active():
                timer.cancel()
        self._due = None
        if self._written:  # it may have ended while somebody else had the terminal
            with suppress(OSError):
                os.write(self._stdout.fileno(), "".join(self._written).encode(self._stdout.encoding, "replace"))
            self._written.clear()
        if not self._closed.called:
            self._closed.callback(None)
            self.desk.output_closed(False)

    # What it looks like.

    def _application(self) -> "Application[None]":
        self._search = SearchToolbar(ignore_case=True)
        self._buffer = Buffer(
            multiline=True,
            completer=_Completer(lambda text: self.desk.offers(text)),
            history=self._history,
            complete_while_typing=False,
            enable_history_search=False,
            tempfile_suffix=".txt",
        )
        typed = Window(
            BufferControl(
                self._buffer,
                search_buffer_control=self._search.control,
                preview_search=True,
                input_processors=[ConditionalProcessor(PasswordProcessor(), Condition(lambda: self.desk.hides))],
            ),
            height=lambda: Dimension(min=1, max=_ROWS),
            wrap_lines=True,
            dont_extend_height=True,
            get_line_prefix=self._prefix,
        )
        body = HSplit(
            [
                self._row(self._above, lambda: bool(self.desk.above()), "class:waits", rows=True),
                typed,
                self._search,
                self._row(self._hint, self._has_hint, "class:hint"),
                self._row(self._status, lambda: True, "class:status"),
            ],
            align=VerticalAlign.TOP,
        )
        app = _Application(
            Layout(body, focused_element=typed),
            style=_STYLE,
            include_default_pygments_style=False,
            key_bindings=self._keys(),
            full_screen=False,
            mouse_support=False,
            erase_when_done=True,
            color_depth=ColorDepth.DEPTH_1_BIT,
            enable_page_navigation_bindings=False,
            terminal_size_polling_interval=None,
            input=self._input,
            output=self._output,
        )
        app.timeoutlen, app.ttimeoutlen = 0.3, 0.05
        app.key_processor.after_key_press += self._pressed
        return app

    def _row(
        self, text: Callable[[], StyleAndTextTuples], there: Callable[[], bool], style: str, rows: bool = False
    ) -> ConditionalContainer:
        height = Dimension(min=1, max=limits.WAITING_SHOWN + 2) if rows else Dimension.exact(1)
        window = Window(
            FormattedTextControl(text),
            height=height,
            dont_extend_height=True,
            style=lambda: style if self.paints else "",
        )
        return ConditionalContainer(window, Condition(there))

    def _prefix(self, row: int, part: int) -> StyleAndTextTuples:
        prompt = self.desk.prompt()
        if get_cwidth(prompt) > self.columns // 2:
            prompt = "> "
        return [("", prompt if row == part == 0 else " " * get_cwidth(prompt))]

    def _above(self) -> StyleAndTextTuples:
        return [("", "\n".join(self.desk.above()))]

    def _has_hint(self) -> bool:
        return bool(self._hint())

    def _hint(self) -> StyleAndTextTuples:
        state = self._buffer.complete_state
        if state is not None and len(state.completions) > 1:
            return self._choices(state.completions, state.complete_index)
        if self._paste is not None:
            return [("", visible(self.desk.hint("\n" * self._paste.lines)))]
        hint = self.desk.hint(self._buffer.text)
        return [("", hint)] if hint else []

    def _choices(self, offered: Sequence[Completion], chosen: int | None) -> StyleAndTextTuples:
        """As many as there is room for, around the chosen one."""
        room, first = self.columns, chosen or 0
        row: StyleAndTextTuples = []
        for place, completion in enumerate(offered[first:], first):
            text = f"{completion.display_text} "
            if (room := room - get_cwidth(text)) < 0:
                break
            row.append(("class:chosen" if place == chosen else "", text))
        return row

    def _status(self) -> StyleAndTextTuples:
        columns = self.columns
        parts = self.desk.below(columns)
        text = "".join(part for _, part in parts)
        filled: StyleAndTextTuples = [("bold" if loud and self.paints else "", part) for loud, part in parts]
        return [*filled, ("", " " * max(0, columns - get_cwidth(text)))]

    # Keys.

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        pasted = Condition(lambda: self._paste is not None)
        typing = ~pasted

        @keys.add("enter", filter=typing & Condition(lambda: self._app.layout.has_focus(self._buffer)))
        def _(event: KeyPressEvent) -> None:
            self._accept(self._buffer.text)

        @keys.add("enter", filter=pasted)
        def _(event: KeyPressEvent) -> None:
            if self._paste is not None:
                self._accept(self._paste.text)

        @keys.add("escape", filter=pasted, eager=True)
        @keys.add("c-c", filter=pasted, eager=True)
        def _(event: KeyPressEvent) -> None:
            if self._paste is not None:
                self._buffer.document = self._paste.before
                self._paste = None

        @keys.add(Keys.Any, filter=pasted)
        @keys.add(Keys.BracketedPaste, filter=pasted)
        def _(event: KeyPressEvent) -> None:
            """Enter or Esc first."""

        @keys.add("escape", "enter", filter=typing)
        @keys.add("c-j", filter=typing)
        def _(event: KeyPressEvent) -> None:
            self._buffer.insert_text("\n")

        @keys.add(Keys.BracketedPaste, filter=typing)
        def _(event: KeyPressEvent) -> None:
            self._pasted(event.data)

        @keys.add("tab", filter=typing)
        def _(event: KeyPressEvent) -> None:
            state = self._buffer.complete_state
            if state is not None and len(state.completions) > 1:
                self._buffer.complete_next()
            else:  # what was the only one is taken
                self._buffer.complete_state = None
                self._buffer.start_completion(select_first=True)

        @keys.add("s-tab", filter=typing)
        def _(event: KeyPressEvent) -> None:
            if self._buffer.complete_state:
                self._buffer.complete_previous()

        @keys.add("c-c", filter=typing)
        def _(event: KeyPressEvent) -> None:
            if self._buffer.text:
                self._buffer.save_to_undo_stack()
                self._buffer.text = ""
            else:
                self.desk.interrupted()

        @keys.add("c-d", filter=typing & Condition(lambda: not self._buffer.text))
        def _(event: KeyPressEvent) -> None:
            self.desk.input_ended("")

        @keys.add("c-z")
        def _(event: KeyPressEvent) -> None:
            event.app.suspend_to_background()

        @keys.add("c-x", "c-e", filter=typing)
        def _(event: KeyPressEvent) -> None:
            self._lent = True
            self._buffer.open_in_editor().add_done_callback(self._given_back)

        @keys.add("c-l")
        def _(event: KeyPressEvent) -> None:
            self.clear()

        @keys.add("c-n")
        def _(event: KeyPressEvent) -> None:
            self.desk.go_on(1)

        @keys.add("c-p")
        def _(event: KeyPressEvent) -> None:
            self.desk.go_on(-1)

        @keys.add("pageup")
        def _(event: KeyPressEvent) -> None:
            self.desk.page_up()

        for digit in range(1, 10):

            @keys.add("escape", str(digit), eager=True)
            def _(event: KeyPressEvent, digit: int = digit) -> None:
                self.desk.go_to(digit)

        return keys

    def _pressed(self, _: object) -> None:
        """Somebody is there.  After a suspend nothing else wakes the timers of Twisted's reactor on asyncio."""
        self._reactor.callLater(0, self.desk.attended)

    def _given_back(self, _: object) -> None:
        self._lent = False
        self.refresh()

    def _accept(self, text: str) -> None:
        """Enter: the line is given away, unless too many of them wait."""
        if self._refusing:
            self.ring()
            return
        self._paste = None
        self._buffer.reset()
        text = text.rstrip("\n")
        if text.strip() and self.desk.keeps(text):
            self._history.append_string(text)
            self._buffer.reset()
        self.desk.typed(text)
        self.refresh()

    def _pasted(self, data: str) -> None:
        """What is pasted is text, and one message with what was typed; many lines are shown by their number."""
        rows = data.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
        text = "\n".join(map(visible, rows))
        if len(rows) <= _PASTE_SHOWN:
            self._buffer.insert_text(text)
            return
        before = self._buffer.document
        self._paste = Paste(before.text_before_cursor + text + before.text_after_cursor, before)
        self._buffer.document = Document(f"[{len(rows)}]")


class _Application(Application[None]):
    """Knows that most terminals break their rows anew when they become narrower."""

    def _on_resize(self) -> None:
        screen, cursor = self.renderer.last_rendered_screen, self.renderer._cursor_pos
        columns = self.output.get_size().columns
        if screen is not None and not _KEEPS_ROWS:
            # Rows above the cursor take more of them now, by so many the picture begins further up.
            taken = [(_last(screen.data_buffer[row]) + columns) // columns for row in range(cursor.y)]
            self.output.cursor_up(sum(max(0, rows - 1) for rows in taken) + cursor.x // columns)
        super()._on_resize()


def _last(row: Mapping[int, Char]) -> int:
    """The last column of a row that is not blank; -1 where all are."""
    return max((column for column, char in row.items() if char.char.strip()), default=-1)


_KEEPS_ROWS = "XTERM_VERSION" in os.environ or os.environ.get("TERM") == "linux"
"""Terminals that cut their rows off instead."""


class _History(History):
    """What was typed, in this run and before."""

    def __init__(self, lines: TypedLines) -> None:
        super().__init__()
        self._lines = lines

    def load_history_strings(self) -> Iterable[str]:
        """(History) The newest first."""
        return reversed(self._lines.read())

    def store_string(self, string: str) -> None:
        """(History)"""
        self._lines.add(string)


class _Completer(Completer):
    """Asks what a text may go on with."""

    def __init__(self, offers: Callable[[str], Sequence[Offer]]) -> None:
        self._offers = offers

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        for offer in self._offers(document.text_before_cursor):
            yield Completion(offer.text, -offer.replaces, display=offer.shown)


class _Output(Vt100_Output):
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
