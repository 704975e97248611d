"""The bottom of the screen: a line that is typed, with what belongs to it, while text is written above.

prompt_toolkit draws; nothing else of the client knows it, and only a real terminal loads it (100 ms).  What is written
goes where the prompt stood, in the terminal's own scrollback, and the prompt is drawn anew below: all in
one write, and however much comes, twenty times a second at most.  There is no alternate screen, the mouse stays the
terminal's, and it is never asked where its cursor is.

Whoever owns it is a `Desk`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from prompt_toolkit.application import Application
from prompt_toolkit.application.current import create_app_session
from prompt_toolkit.clipboard import InMemoryClipboard
from prompt_toolkit.completion import Completion
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding.defaults import load_key_bindings
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
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth
from prompt_toolkit.widgets import SearchToolbar
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.named_tuples import NamedTuple
from chat.editing.desk import Desk, Source
from chat.editing.line import Line, TypedBefore
from chat.editing.terminal import Output, Terminal

_STYLE = Style.from_dict({"status": "reverse", "hint": "", "chosen": "reverse", "waits": ""})
_USUAL_KEYS = load_key_bindings()
"""What keys do that are not named in `Line`: the same for everybody, 300 KiB of memory."""

_log = Logger()
_ROWS = 8
"""Rows of a message that are seen while it is typed, and no more than half of a small screen's."""


class Editor:
    """Standard streams for whoever owns a terminal; what comes is gathered for so many seconds before it is shown."""

    def __init__(self, terminal: Terminal, history: TypedBefore, gathers: float = limits.SHOW_SECONDS) -> None:
        self.paints = True
        self.local = terminal.local
        self._columns = 80
        self._terminal = terminal
        self._gathers = gathers
        self._history = history
        self._same: _Picture | None = None
        self._written: list[str] = []
        self._due: IDelayedCall | None = None
        self._tick: IDelayedCall | None = None
        self._shown_at = 0.0
        self._lent = False
        self.desk: Desk
        self._source: Source | None = None
        self._reactor: IReactorTime
        self._closed: Deferred[None] = Deferred()

    # Streams.

    def open(self, reader: object, reactor: IReactorFDSet, source: Source | None = None) -> None:
        """Take the terminal, and begin to read; the reader is the `desk`."""
        self._source = source
        self._reactor = reactor  # type: ignore[assignment]
        self._input = self._terminal.input()
        self._output = Output(self._terminal, self._size, self._broken)
        self._size()
        self._app = self._application()
        running = Deferred.fromFuture(self._terminal.run(self._run()))
        running.addBoth(self._over)

    def write(self, text: str) -> None:
        """Above what is typed, soon."""
        self._written.append(text)
        self._show_soon()

    def warn(self, text: str) -> None:
        """The same: there is one screen."""
        self.write(text)

    def pause(self, paused: bool) -> None:
        """Take no line for now; what is typed stays."""
        self._line.refusing = paused

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
        if hidden:
            self._line.dropped = False
        else:
            self._app.clipboard.set_text("")  # nothing of what was hidden can be put back
        self.refresh()

    def drop(self) -> None:
        """Up to Enter, for whoever types does not look."""
        self._line.drop()

    def refresh(self) -> None:
        """Something looks different now; it is drawn at once, unless that was only just done."""
        self._same = None
        self._show_soon()

    def resize(self) -> None:
        """The terminal is larger or smaller."""
        self._same = None
        self._app._on_resize()

    def _show_soon(self) -> None:
        if self._due is None and not self._closed.called:
            wait = self._shown_at + self._gathers - self._reactor.seconds()
            self._due = self._reactor.callLater(max(0.0, wait), self._show)

    def ring(self) -> None:
        """The bell, which is the one thing that gets through everything."""
        self.signal("\a")

    def signal(self, sequence: str) -> None:
        """Send the terminal something that takes no room."""
        self._written.append(sequence)
        self.refresh()

    def clear(self) -> None:
        """An empty screen; what was on it is in the scrollback, to which many terminals add nothing that is erased."""
        rows = self._size().rows
        self._written.append(f"\x1b[{rows};1H" + "\n" * rows + "\x1b[H")
        self.refresh()

    def lend(self, lent: bool) -> None:
        """Another program has the terminal, or no more: nothing is written meanwhile."""
        self._lent = lent
        self.refresh()

    @property
    def columns(self) -> int:
        """How wide it is."""
        return self._columns

    @property
    def ruled(self) -> bool:
        """Whether it shows a rule, and an ellipsis."""
        try:
            "\u2500\u2026".encode(self._terminal.encoding)
        except UnicodeEncodeError:
            return False
        return True

    def _size(self) -> Size:
        size = self._terminal.size()
        self._columns = size.columns
        return size

    # Drawing.

    def _show(self) -> None:
        """Write what waits above the prompt, which is taken away and drawn again around it."""
        if self._due is not None and self._due.active():
            self._due.cancel()
        self._due = None
        if self._lent or not self._app.is_running:
            return
        self._shown_at = self._reactor.seconds()
        written, self._written = "".join(self._written).replace("\n", "\r\n"), []
        if written and self._same is not None and self._same.prompt == self.desk.prompt():
            self._output.write_raw(f"{self._same.gone}{written}{self._same.drawn}")
            self._output.flush()
        else:
            self._draw(written)
        if written and self._source is not None:
            self._source.written()
        if self.desk.waits() and not (self._tick is not None and self._tick.active()):
            # How long an answer is owed grows by itself.
            self._tick = self._reactor.callLater(limits.TICK_SECONDS, self.refresh)

    def _draw(self, written: str) -> None:
        """All of it, anew where something is written above; how that looks is remembered until something changes."""
        renderer, output = self._app.renderer, self._output
        with output.one_write():
            if written:
                renderer.erase(leave_alternate_screen=False)
                output.write_raw(written)
            before = len(output.waiting)
            self._app._redraw()
            if written:
                drawn, at = output.waiting[before:], renderer._cursor_pos
                self._same = _Picture(self.desk.prompt(), _gone(at.x, at.y), drawn)

    def _broken(self) -> None:
        """The terminal is gone: it is over."""
        self._reactor.callLater(0, self.close)

    def show_now(self) -> None:
        """What is gathered is not kept any longer."""
        self._show()

    @property
    def waits_to_be_shown(self) -> bool:
        """Something is gathered."""
        return bool(self._written)

    def put(self, text: str) -> None:
        """Let this stand in the line as if it were typed."""
        self._line.buffer.document = Document(text)
        self.refresh()

    async def _run(self) -> None:
        if self._closed.called:  # before it began
            return
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
                self._terminal.write("".join(self._written).encode(self._terminal.encoding, "replace"))
            self._written.clear()
        if not self._closed.called:
            self._closed.callback(None)
            self.desk.output_closed(False)

    # What it looks like.

    def _application(self) -> "Application[None]":
        self._search = SearchToolbar(ignore_case=True)
        self._line = Line(self.desk, self, self._history)
        typed = Window(
            BufferControl(
                self._line.buffer,
                search_buffer_control=self._search.control,
                preview_search=True,
                input_processors=[ConditionalProcessor(PasswordProcessor(), Condition(self._hides))],
            ),
            height=lambda: Dimension(min=1, max=max(1, min(_ROWS, self._size().rows // 2))),
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
                self._row(self._status, lambda: bool(self.desk.below(self.columns)), "class:status"),
            ],
            align=VerticalAlign.TOP,
        )
        app = _Application(
            Layout(body, focused_element=typed),
            style=_STYLE,
            include_default_pygments_style=False,
            key_bindings=self._line.keys(),
            full_screen=False,
            mouse_support=False,
            erase_when_done=True,
            color_depth=ColorDepth.DEPTH_1_BIT,
            enable_page_navigation_bindings=False,
            terminal_size_polling_interval=None,
            clipboard=InMemoryClipboard(max_size=limits.CUT),
            # By default a key that was pressed is not seen for as long as something else is to be done, up to 10 ms.
            max_render_postpone_time=None,
            input=self._input,
            output=self._output,
        )
        app.keeps_rows = self._terminal.keeps_rows
        app._default_bindings = _USUAL_KEYS
        app.timeoutlen, app.ttimeoutlen = 0.3, 0.05
        app.on_invalidate += self._changed
        app.key_processor.after_key_press += self._pressed
        return app

    def _hides(self) -> bool:
        return self.desk.hides or self._line.dropped

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
        state = self._line.buffer.complete_state
        if state is not None and len(state.completions) > 1:
            return self._choices(state.completions, state.complete_index or 0)
        paste = self._line.paste
        hint = self.desk.hint(self._line.buffer.text) if paste is None else self.desk.paste(paste.lines)[1]
        return [("", self._fitted(hint, self.columns))] if hint else []

    def _choices(self, offered: Sequence[Completion], chosen: int) -> StyleAndTextTuples:
        """As many as there is room for, from the chosen one on."""
        room = self.columns
        row: StyleAndTextTuples = []
        for place, completion in enumerate(offered[chosen:], chosen):
            text = self._fitted(f"{completion.display_text} ", room)
            row.append(("class:chosen" if place == chosen else "", text))
            if (room := room - get_cwidth(text)) <= 0:
                break
        return row

    def _fitted(self, text: str, columns: int) -> str:
        """A text that stands in one row, or as much of it as there is room for, and a sign that there is more."""
        if get_cwidth(text) <= columns:
            return text
        more = "\u2026" if self.ruled else "~"
        while get_cwidth(text) >= columns and text:
            text = text[:-1]
        return f"{text}{more}"

    def _status(self) -> StyleAndTextTuples:
        columns = self.columns
        parts = self.desk.below(columns)
        text = "".join(part for _, part in parts)
        filled: StyleAndTextTuples = [("bold" if loud and self.paints else "", part) for loud, part in parts]
        return [*filled, ("", " " * max(0, columns - get_cwidth(text)))]

    def _changed(self, _: object) -> None:
        """A key was pressed, or what was looked for was found."""
        self._same = None

    def _pressed(self, _: object) -> None:
        """Somebody is there.  After a suspend nothing else wakes the timers of Twisted's reactor on asyncio."""
        self._reactor.callLater(0, self.desk.attended)


class _Picture(NamedTuple):
    """What stands below all that is written: by what it is taken away, and drawn again."""

    prompt: str
    gone: str
    drawn: str


def _gone(column: int, row: int) -> str:
    """What takes a picture away in which the cursor is there."""
    left, up = f"\x1b[{column}D" if column else "", f"\x1b[{row}A" if row else ""
    return f"{left}{up}\x1b[J\x1b[0m\x1b[?7h"


class _Application(Application[None]):
    """Knows that most terminals break their rows anew when they become narrower."""

    keeps_rows = False

    def _on_resize(self) -> None:
        screen, cursor = self.renderer.last_rendered_screen, self.renderer._cursor_pos
        columns = self.output.get_size().columns
        if screen is not None and not self.keeps_rows:
            # Rows above the cursor take more of them now, by so many the picture begins further up.
            taken = [(_last(screen.data_buffer[row]) + columns) // columns for row in range(cursor.y)]
            self.output.cursor_up(sum(max(0, rows - 1) for rows in taken) + cursor.x // columns)
        super()._on_resize()


def _last(row: Mapping[int, Char]) -> int:
    """The last column of a row that is not blank; -1 where all are."""
    return max((column for column, char in row.items() if char.char.strip()), default=-1)
