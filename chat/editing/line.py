"""The line that is typed: what is in it, the keys that change it, what it goes on with, and what was typed before.

prompt_toolkit edits; see there for the keys that are not named here, Emacs' own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Protocol

from prompt_toolkit.application.current import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from chat.base import limits
from chat.base.named_tuples import NamedTuple
from chat.base.text import visible
from chat.editing.completing import Offer
from chat.editing.desk import Desk

_PASTE_SHOWN = 10


class TypedBefore(Protocol):
    """What was typed before; of it `lines`, and so many characters, are in memory at most."""

    lines: int
    characters: int

    def read(self) -> list[str]:
        """All that is kept, the oldest first."""

    def add(self, line: str) -> None:
        """One more."""


class Screen(Protocol):
    """Where the line stands; `local`, where other programs can have it, too."""

    local: bool

    def refresh(self) -> None:
        """Something looks different now."""

    def ring(self) -> None:
        """The bell."""

    def clear(self) -> None:
        """Let it be empty but for the line."""

    def lend(self, lent: bool) -> None:
        """Another program has the terminal, or no more."""


class Paste(NamedTuple):
    """Many lines that were pasted into what was typed, and are shown by their number."""

    text: str
    before: Document

    @property
    def lines(self) -> int:
        """How many there are."""
        return self.text.count("\n") + 1


class Line:
    """What somebody at this desk types; `refusing` while no line is taken, `dropped` while what is typed is the rest of
    an answer to a question that is gone, which nobody is to see, nor to be given."""

    def __init__(self, desk: Desk, screen: Screen, history: TypedBefore) -> None:
        self.refusing = self.dropped = False
        self.paste: Paste | None = None
        self._desk = desk
        self._screen = screen
        self._history = _History(history)
        self.buffer = _Buffer(
            multiline=True,
            completer=_Completer(desk.offers),
            history=self._history,
            complete_while_typing=False,
            enable_history_search=False,
            tempfile_suffix=".txt",
        )

    def drop(self) -> None:
        """What is typed so far goes, and what comes up to Enter or Ctrl-C."""
        self.dropped = bool(self.buffer.text)
        self.paste = None
        self.buffer.reset()

    def keys(self) -> KeyBindings:
        """What the keys do."""
        keys = KeyBindings()
        pasted = Condition(lambda: self.paste is not None)
        typing = ~pasted
        local = Condition(lambda: self._screen.local)

        @keys.add("enter", filter=typing & Condition(lambda: get_app().layout.has_focus(self.buffer)))
        def _(event: KeyPressEvent) -> None:
            self._accept(self.buffer.text)

        @keys.add("enter", filter=pasted)
        def _(event: KeyPressEvent) -> None:
            if self.paste is not None:
                self._accept(self.paste.text)

        @keys.add("escape", filter=pasted, eager=True)
        @keys.add("c-c", filter=pasted, eager=True)
        def _(event: KeyPressEvent) -> None:
            if self.paste is not None:
                self.buffer.document = self.paste.before
                self.paste = None

        @keys.add(Keys.Any, filter=pasted)
        @keys.add(Keys.BracketedPaste, filter=pasted)
        def _(event: KeyPressEvent) -> None:
            """Enter or Esc first."""

        @keys.add("escape", "enter", filter=typing)
        @keys.add("c-j", filter=typing)
        def _(event: KeyPressEvent) -> None:
            self.buffer.insert_text("\n")

        @keys.add(Keys.BracketedPaste, filter=typing)
        def _(event: KeyPressEvent) -> None:
            self._pasted(event.data)

        @keys.add("tab", filter=typing)
        def _(event: KeyPressEvent) -> None:
            state = self.buffer.complete_state
            if state is not None and len(state.completions) > 1:
                self.buffer.complete_next()
            else:  # what was the only one is taken
                self.buffer.complete_state = None
                self.buffer.start_completion(select_first=True)

        @keys.add("s-tab", filter=typing)
        def _(event: KeyPressEvent) -> None:
            if self.buffer.complete_state:
                self.buffer.complete_previous()

        @keys.add("c-c", filter=typing)
        def _(event: KeyPressEvent) -> None:
            if self.dropped:
                self._end_of_dropped()
            elif self.buffer.text:
                self.buffer.save_to_undo_stack()
                self.buffer.text = ""
            else:
                self._desk.interrupted()

        @keys.add("c-d", filter=typing & Condition(lambda: not self.buffer.text))
        def _(event: KeyPressEvent) -> None:
            self._desk.input_ended("")

        @keys.add("c-z", filter=local)
        def _(event: KeyPressEvent) -> None:
            event.app.suspend_to_background()

        @keys.add("c-x", "c-e", filter=typing & local & ~Condition(lambda: self.dropped or self._desk.hides))
        def _(event: KeyPressEvent) -> None:
            self._screen.lend(True)
            self.buffer.open_in_editor().add_done_callback(lambda _: self._screen.lend(False))

        @keys.add("c-l")
        def _(event: KeyPressEvent) -> None:
            self._screen.clear()

        @keys.add("c-n")
        @keys.add("escape", "a", eager=True)
        def _(event: KeyPressEvent) -> None:
            self._desk.go_on(1)

        @keys.add("c-p")
        def _(event: KeyPressEvent) -> None:
            self._desk.go_on(-1)

        @keys.add("pageup")
        def _(event: KeyPressEvent) -> None:
            self._desk.page_up()

        for digit in range(1, 10):

            @keys.add("escape", str(digit), eager=True)
            def _(event: KeyPressEvent, digit: int = digit) -> None:
                self._desk.go_to(digit)

        @keys.add("escape", "0", eager=True)
        @keys.add("escape", "-", eager=True)
        def _(event: KeyPressEvent) -> None:
            """No number is begun: a letter is not to be typed a million times."""

        return keys

    def _accept(self, text: str) -> None:
        """Enter: the line is given away, unless too many of them wait."""
        if self.dropped:
            self._end_of_dropped()
            self._desk.dropped()
            return
        if self.refusing:
            self._screen.ring()
            return
        self.paste = None
        self.buffer.reset()
        text = text.rstrip("\n")
        if text.strip() and self._desk.keeps(text):
            self._history.append_string(text)
            self.buffer.reset()
        self._desk.typed(text)
        self._screen.refresh()

    def _end_of_dropped(self) -> None:
        self.dropped, self.paste = False, None
        self.buffer.reset()
        self._screen.refresh()

    def _pasted(self, data: str) -> None:
        """What is pasted is text, and one message with what was typed; many lines are shown by their number."""
        rows = data.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
        text = "\n".join(map(visible, rows))
        if len(rows) <= _PASTE_SHOWN:
            self.buffer.insert_text(text)
            return
        before = self.buffer.document
        self.paste = Paste(before.text_before_cursor + text + before.text_after_cursor, before)
        self.buffer.document = Document(self._desk.paste(self.paste.lines)[0])


class _Buffer(Buffer):
    """Holds no more than can be sent, nor than a few of its states of before."""

    def insert_text(
        self, data: str, overwrite: bool = False, move_cursor: bool = True, fire_event: bool = True
    ) -> None:
        """(Buffer)"""
        super().insert_text(data[: max(0, limits.TYPED - len(self.text))], overwrite, move_cursor, fire_event)

    def set_document(self, value: Document, bypass_readonly: bool = False) -> None:
        """(Buffer) By what was cut before, too, it becomes no longer."""
        if len(value.text) > limits.TYPED:
            value = Document(value.text[: limits.TYPED], min(value.cursor_position, limits.TYPED))
        super().set_document(value, bypass_readonly)

    def save_to_undo_stack(self, clear_redo_stack: bool = True) -> None:
        """(Buffer)"""
        super().save_to_undo_stack(clear_redo_stack)
        del self._undo_stack[: -limits.UNDONE]
        sizes = accumulate(len(text) for text, _ in reversed(self._undo_stack))
        most = sum(size <= limits.UNDONE_TEXT for size in sizes)
        del self._undo_stack[: len(self._undo_stack) - most]


class _History(History):
    """What was typed, in this run and before."""

    def __init__(self, before: TypedBefore) -> None:
        super().__init__()
        self._before = before

    def load_history_strings(self) -> Iterable[str]:
        """(History) The newest first."""
        return reversed(self._before.read())

    def append_string(self, string: str) -> None:
        """(History) One more; what is too much of the oldest goes, which it would keep for ever, and go through again
        for each new line."""
        super().append_string(string)
        sizes = accumulate(map(len, self._loaded_strings[: self._before.lines]))
        most = sum(size <= self._before.characters for size in sizes)
        del self._loaded_strings[most:]

    def store_string(self, string: str) -> None:
        """(History)"""
        self._before.add(string)


class _Completer(Completer):
    """Asks what a text may go on with."""

    def __init__(self, offers: Callable[[str], Sequence[Offer]]) -> None:
        self._offers = offers

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        for offer in self._offers(document.text_before_cursor):
            yield Completion(offer.text, -offer.replaces, display=offer.shown)
