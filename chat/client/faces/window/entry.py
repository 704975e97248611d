"""Where somebody types: several lines, what they go on with, and what was typed before."""

import tkinter
from collections.abc import Callable, Sequence

from chat.base.text import visible
from chat.client.faces.window.look import Look
from chat.client.typed_lines import TypedLines
from chat.editing.completing import Offer

_ROWS = 6


class Entry:
    """A text of some lines; Enter gives it to `typed`, unless that refuses, Tab goes through the `offers`."""

    def __init__(
        self,
        parent: tkinter.Misc,
        look: Look,
        history: TypedLines,
        typed: Callable[[str], bool],
        offers: Callable[[str], Sequence[Offer]],
        changed: Callable[[], None],
    ) -> None:
        self.text = tkinter.Text(parent, name="entry", height=1, width=1, wrap="word", undo=True, padx=8, pady=6)
        self._look = look
        self._history = history
        self._lines = history.read()
        self._place = len(self._lines)
        self._unsent = ""
        self._typed, self._offers, self._changed = typed, offers, changed
        self.offered: Sequence[Offer] = ()
        self.chosen = 0
        self._before = ""
        keys = {
            "<Return>": lambda: self._enter(),
            "<KP_Enter>": lambda: self._enter(),
            "<Shift-Return>": lambda: self.insert("\n"),
            "<Tab>": lambda: self._complete(1),
            "<ISO_Left_Tab>": lambda: self._complete(-1),
            "<Control-a>": lambda: self.text.tag_add("sel", "1.0", "end-1c"),
        }
        for sequence, act in keys.items():
            self.text.bind(sequence, lambda event, act=act: (act(), "break")[1])  # type: ignore[misc]
        self.text.bind("<Up>", lambda event: self._older(event))
        self.text.bind("<Down>", lambda event: self._newer(event))
        self.text.bind("<<Modified>>", lambda event: self._modified())
        self.text.bind("<Configure>", lambda event: self._fit())
        self.restyle()

    def restyle(self) -> None:
        """Be as the look is now."""
        self._look.text(self.text, edge=True)
        self._fit()

    @property
    def content(self) -> str:
        """What is typed."""
        return self.text.get("1.0", "end-1c")

    @property
    def before_cursor(self) -> str:
        """What of it stands before the cursor."""
        return self.text.get("1.0", "insert")

    def put(self, content: str) -> None:
        """Let it be this."""
        self.text.delete("1.0", "end")
        self.insert(content)

    def insert(self, content: str) -> None:
        """At the cursor."""
        if self.text.tag_ranges("sel"):
            self.text.delete("sel.first", "sel.last")
        self.text.insert("insert", content)
        self.text.see("insert")
        self._modified()

    def remember(self, line: str) -> None:
        """For the arrow keys, and the next start."""
        if not self._lines or self._lines[-1] != line:
            self._lines.append(line)
            self._history.add(line)

    def _enter(self) -> None:
        content = "\n".join(map(visible, self.content.rstrip("\n").split("\n")))
        if self._typed(content):
            self.text.delete("1.0", "end")
            self.text.edit_reset()
            self._place = len(self._lines)
            self._modified()

    def _complete(self, step: int) -> None:
        if not self.offered:
            self._before = self.before_cursor
            self.offered = self._offers(self._before)
            self.chosen = 0 if step > 0 else len(self.offered) - 1
        else:
            self.chosen = (self.chosen + step) % len(self.offered)
        if not self.offered:
            return
        offered, offer = self.offered, self.offered[self.chosen]
        self.text.delete("1.0", "insert")
        self.text.insert("insert", self._before[: len(self._before) - offer.replaces] + visible(offer.text))
        self._modified()
        self.offered = offered if len(offered) > 1 else ()
        self._changed()

    def _modified(self) -> None:
        self.text.edit_modified(False)
        self.offered = ()
        self._fit()
        self._changed()

    def _fit(self) -> None:
        """As high as what is typed, up to a limit."""
        counted = self.text.count("1.0", "end", "displaylines")
        rows = counted[0] if isinstance(counted, tuple) else counted or 1
        height = min(max(1, rows), _ROWS)
        if int(str(self.text.cget("height"))) != height:
            self.text.configure(height=height)

    def _older(self, event: object) -> str | None:
        if "\n" in self.before_cursor or self._place == 0:
            return None
        if self._place == len(self._lines):
            self._unsent = self.content
        self._place -= 1
        self.put(self._lines[self._place])
        return "break"

    def _newer(self, event: object) -> str | None:
        if self._place == len(self._lines) or "\n" in self.content[len(self.before_cursor) :]:
            return None
        self._place += 1
        self.put(self._unsent if self._place == len(self._lines) else self._lines[self._place])
        return "break"
