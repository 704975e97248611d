"""A list of names that somebody chooses from: conversations, people.

Tk knows the rows by their places, for a name of somebody else's may be what Tk takes for none of its own.
"""

import tkinter
from collections.abc import Sequence
from tkinter import ttk

from chat.base.named_tuples import NamedTuple
from chat.client.faces.window.look import Look


class Row(NamedTuple):
    """A name, how it is shown, and as what."""

    name: str
    text: str
    kind: str = ""


class NameList:
    """The rows of a list, each with another name; who chose one keeps it when the rows change."""

    def __init__(self, parent: tkinter.Misc, look: Look, name: str) -> None:
        self.widget = ttk.Treeview(parent, name=name, show="tree", selectmode="browse", height=1)
        self._look = look
        self._rows: Sequence[Row] = ()

    def restyle(self) -> None:
        """Be as the look is now."""
        colours = self._look.colours
        self.widget.tag_configure("new", font="ChatBoldFont")
        self.widget.tag_configure("call", font="ChatBoldFont", foreground=colours["accent"])
        self.widget.tag_configure("faint", foreground=colours["faint"])

    @property
    def chosen(self) -> str | None:
        """The name that somebody chose."""
        selected = self.widget.selection()
        place = int(selected[0]) if selected else len(self._rows)
        return self._rows[place].name if place < len(self._rows) else None

    def pointed(self, event: "tkinter.Event[ttk.Treeview]") -> str | None:
        """The name under the mouse."""
        row = self.widget.identify_row(event.y)
        return self._rows[int(row)].name if row else None

    def show(self, rows: Sequence[Row], chosen: str | None = None) -> None:
        """Have these rows, and this name chosen, else the one that is."""
        chosen = self.chosen if chosen is None else chosen
        for place in range(len(rows), len(self._rows)):
            self.widget.delete(str(place))
        for place, row in enumerate(rows):
            if place >= len(self._rows):
                self.widget.insert("", "end", iid=str(place))
            self.widget.item(str(place), text=row.text, tags=(row.kind,) if row.kind else ())
        self._rows = rows
        self.choose(chosen)

    def choose(self, name: str | None) -> None:
        """Let it be this one."""
        place = next((place for place, row in enumerate(self._rows) if row.name == name), None)
        wanted = () if place is None else (str(place),)
        if self.widget.selection() != wanted:
            self.widget.selection_set(*wanted)
            if place is not None:
                self.widget.focus(str(place))
                self.widget.see(str(place))

    def focus(self) -> None:
        """Take the keyboard; something is chosen then."""
        self.widget.focus_set()
        if self.chosen is None and self._rows:
            self.choose(self._rows[0].name)

    def below(self) -> tuple[int, int]:
        """Where on the screen the chosen row ends."""
        selected = self.widget.selection()
        box = self.widget.bbox(selected[0]) if selected else ""
        x, y, _, height = map(int, box or (0, 0, 0, 0))
        return self.widget.winfo_rootx() + x, self.widget.winfo_rooty() + y + height
