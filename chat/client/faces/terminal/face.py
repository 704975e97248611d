"""A person at a real terminal: a `View` of all conversations above the line that they type.

What the server said is written above it, in the terminal's own scrollback; what is only so for the moment (lines on
their way, who came, how the connection is) stands around it and is drawn anew.
"""

from collections.abc import Mapping, Sequence

from chat.base import limits
from chat.base.language import say, say_n
from chat.base.text import visible, width
from chat.client.alerts import Run, run_in_thread
from chat.client.faces.stdio import Ground
from chat.client.faces.terminal.colours import Paint, paint_for, rows
from chat.client.faces.viewer import ViewerFace
from chat.client.settings import Settings
from chat.client.talk.view import Glance
from chat.editing.desk import MANY_PASTED, pasted
from chat.editing.editor import Editor
from chat.wire import phrases

_PROMPT = 20


class TerminalFace(ViewerFace):
    """The face that fills the bottom of a terminal; `editor` is what `ground` has for streams."""

    elsewhere = say("/again is for --plain; here the terminal scrolls back, and PageUp shows what is older.")

    def __init__(
        self,
        ground: Ground,
        nick: str | None,
        editor: Editor,
        settings: Settings,
        environ: Mapping[str, str],
        run: Run = run_in_thread,
    ) -> None:
        self._editor = editor
        editor.desk = self
        self._environ = environ
        self._ruled = editor.ruled
        super().__init__(ground, nick, settings, editor.signal, paged=False, run=run)

    # Showing.

    def show(self) -> None:
        """Above what is typed."""
        for shown in self.view.printed():
            painted = rows(shown, self._paint, self._timed, self._editor.columns, self._ruled)
            self._editor.write("\n".join([*painted, ""]))
        self.call()

    def refresh(self) -> None:
        """Around what is typed."""
        self._editor.refresh()

    def hide(self, hidden: bool) -> None:
        """Stars stand for what is typed, or no more."""
        self._editor.hide(hidden)

    def clear(self) -> None:
        """(Ours) Empty the screen."""
        self._editor.clear()

    def configure(self) -> None:
        """Be as the settings say."""
        super().configure()
        self._paint = paint_for(self.settings.text("color"), self._environ)
        self._timed = bool(self.settings["time"])
        self._editor.paints = self._paint is not Paint.OFF

    # Desk

    def prompt(self) -> str:
        """The question, or where what is typed goes."""
        if self.question is not None:
            return self._words(self.question) + " "
        room = self.view.open
        return "> " if room is None else f"[{visible(room[:_PROMPT])}] "

    def above(self) -> Sequence[str]:
        """Lines on their way, and who came and went."""
        lines = [f"... {row}" for row in self.on_their_way]
        folded = self.view.folded
        return lines if folded is None else [f"-!- {visible(self._words(folded))}", *lines]

    def below(self, columns: int) -> Sequence[tuple[bool, str]]:
        """How the connection is where that matters, the conversations by their numbers, and who we are."""
        parts: list[tuple[bool, str]] = []
        if (trouble := self.trouble) is not None:
            parts.append((True, f" {self._words(trouble)} "))
        away = self._words(phrases.AWAY)
        draft = self._draft.lines
        if draft:
            gathered = say_n("{count} line to /end", "{count} lines to /end", draft)
            parts.append((True, f" {self._words(gathered)} "))
        me: list[tuple[bool, str]] = []
        if self.connection.me.nick is not None and self.question is None:
            me.append((False, f" {visible(self.connection.me.nick)} "))
        if self.view.away is not None:
            me.append((False, f"({away}) "))
        # All of them where there is room, else what is open and what is new.
        talks = [(self._glance(number, glance, away), glance) for number, glance in enumerate(self.view.glance, 1)]
        room = columns - sum(width(text) for _, text in [*parts, *me])
        if sum(width(text) for (_, text), _ in talks) > room:
            talks = [(part, glance) for part, glance in talks if glance.open or glance.unread]
        return [*parts, *(part for part, _ in talks), *me]

    def _glance(self, number: int, glance: Glance, away: str) -> tuple[bool, str]:
        count = f" {glance.unread}" if glance.unread else ""
        count += "!" if glance.mentions else ""
        count += f" ({away})" if glance.away else ""
        return glance.open or bool(glance.mentions), f" {number}:{visible(glance.name)}{count} "

    def paste(self, lines: int) -> tuple[str, str]:
        """They are one message."""
        return self._words(pasted(lines)), self._words(MANY_PASTED)

    def page_up(self) -> None:
        """What was said before the oldest line that was shown."""
        room = self.view.open
        talk = None if room is None else self.view.talks.get(room)
        if room is None or talk is None or not self.connection.connected:
            return
        self.ask_older(room, limits.HISTORY_DEFAULT, talk.oldest)

    def interrupted(self) -> None:
        """Ctrl-C on an empty line leaves."""
        self._leave()
