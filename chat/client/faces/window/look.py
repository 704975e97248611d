"""How the window looks: light or dark as the desktop is, and letters of one size, from one place.

sv-ttk draws the widgets.  Its fonts have a size in pixels, which follow neither `tk scaling` nor anybody's wish, and
it leaves Tk's own texts and lists as they are: all of that is set here.
"""

import tkinter
from collections.abc import Callable
from tkinter import font, ttk
from typing import Any

import sv_ttk

from chat.client.desktop import is_dark
from chat.client.settings import TABLE, Settings
from chat.client.talk.marking import COLOURS, rgb

_PIXELS = {
    "SunValleyCaptionFont": 12,
    "SunValleyBodyFont": 14,
    "SunValleyBodyStrongFont": 14,
    "SunValleySubtitleFont": 20,
    "ChatFont": 14,
    "ChatBoldFont": 14,
    "ChatSmallFont": 12,
}
_FAMILIES = ("Segoe UI Variable", "Cantarell", "Noto Sans", "DejaVu Sans")
_USUAL_SCALING = 4 / 3
"""Pixels of a point, where it is not set."""

LIGHT = {
    "back": "#fafafa", "page": "#ffffff", "text": "#1c1c1c", "faint": "#666666", "edge": "#d0d0d0", "accent": "#005fb8",
    "call": "#fff2cc", "error": "#b3261e", "good": "#1a7f37", "chosen": "#cfe3f7",
}  # fmt: skip
DARK = {
    "back": "#1c1c1c", "page": "#232323", "text": "#f0f0f0", "faint": "#a0a0a0", "edge": "#454545", "accent": "#57c8ff",
    "call": "#4a3f1a", "error": "#ff8a80", "good": "#5fd38d", "chosen": "#264f78",
}  # fmt: skip


class Look:
    """The look of this window; `changed` is called when it is another one."""

    def __init__(self, root: tkinter.Tk, settings: Settings, changed: Callable[[], None]) -> None:
        self.colours = LIGHT
        self.scale = 1.0
        """How much larger than usual all is."""

        self._root = root
        self._scaling = float(root.tk.call("tk", "scaling")) / _USUAL_SCALING
        self._settings = settings
        self._changed = changed
        self._desktop_is_dark = settings["theme"] == "auto" and is_dark()
        families = {family.casefold() for family in font.families(root)}
        self._family = next((family for family in _FAMILIES if family.casefold() in families), "TkDefaultFont")
        self._theme = ""
        # sv-ttk has Tk paint everything, and then no label takes the colour of its style. What is Tk's is painted here.
        root.tk.eval("proc tk_setPalette args {}")
        sv_ttk.set_theme("light", root)  # it makes some of the fonts
        there = font.names(root)
        self._fonts = {name: font.Font(root, name=name, exists=name in there) for name in _PIXELS}
        self.apply()

    @property
    def is_dark(self) -> bool:
        """Whether it is light on dark."""
        theme = self._settings["theme"]
        return theme == "dark" or (theme == "auto" and self._desktop_is_dark)

    def apply(self) -> None:
        """Be as the settings say."""
        theme = "dark" if self.is_dark else "light"
        self.colours = DARK if self.is_dark else LIGHT
        if theme != self._theme:
            self._theme = theme
            sv_ttk.set_theme(theme, self._root)
        self.scale = size = self._scaling * int(self._settings.text("zoom")) / 100
        for name, usual in _PIXELS.items():
            bold = "Bold" in name or "Strong" in name or "Subtitle" in name
            pixels = max(6, round(usual * size))
            self._fonts[name].configure(family=self._family, size=-pixels, weight="bold" if bold else "normal")
        style = ttk.Style(self._root)
        line = self._fonts["ChatFont"].metrics("linespace")
        style.configure("Treeview", font="ChatFont", rowheight=line + round(6 * size))
        text: Any = ("Treeitem.text", {"side": "left", "sticky": ""})
        style.layout("Treeview.Item", [("Treeitem.padding", {"sticky": "nswe", "children": [text]})])
        style.configure("Treeview.Item", padding=(round(8 * size), 0))
        for widget in ("TLabel", "TButton", "TCheckbutton", "TEntry", "TCombobox", "Accent.TButton"):
            style.configure(widget, font="SunValleyBodyFont")
        for name, colour in (("Faint", "faint"), ("Error", "error"), ("Good", "good")):
            style.configure(f"{name}.TLabel", font="ChatSmallFont", foreground=self.colours[colour])
        for option, colour in (("background", "page"), ("foreground", "text"), ("selectBackground", "chosen")):
            self._root.option_add(f"*TCombobox*Listbox.{option}", self.colours[colour])
        self._root.option_add("*TCombobox*Listbox.font", "SunValleyBodyFont")
        self._root.configure(background=self.colours["back"])
        self._changed()

    def zoom(self, steps: int) -> str | None:
        """Letters larger by so many steps, or (0) as usual; what that is then."""
        choices = TABLE["zoom"].choices
        now = choices.index(self._settings.text("zoom"))
        wanted = choices.index("100") if not steps else min(max(now + steps, 0), len(choices) - 1)
        return None if wanted == now else choices[wanted]

    def text(self, widget: tkinter.Text, edge: bool = False) -> None:
        """Let one of Tk's own texts look like the rest."""
        colours = self.colours
        widget.configure(
            font="ChatFont",
            background=colours["page"],
            foreground=colours["text"],
            insertbackground=colours["text"],
            selectbackground=colours["chosen"],
            selectforeground=colours["text"],
            inactiveselectbackground=colours["chosen"],
            highlightthickness=1 if edge else 0,
            highlightbackground=colours["edge"],
            highlightcolor=colours["accent"],
            borderwidth=0,
            relief="flat",
        )

    def menu(self, menu: tkinter.Menu) -> None:
        """The same for a menu."""
        colours = self.colours
        menu.configure(
            font="ChatFont",
            background=colours["back"],
            foreground=colours["text"],
            activebackground=colours["chosen"],
            activeforeground=colours["text"],
            borderwidth=1,
            activeborderwidth=0,
            relief="solid",
        )

    @property
    def nicknames(self) -> dict[int, str]:
        """Their colours, as Tk has them: those of the terminal, a little brighter on dark and darker on light."""
        towards, part = (255, 0.35) if self.is_dark else (0, 0.15)
        mixed = {one: [round(part * towards + (1 - part) * light) for light in rgb(one)] for one in COLOURS}
        return {colour: "#{:02x}{:02x}{:02x}".format(*lights) for colour, lights in mixed.items()}

    @property
    def width(self) -> int:
        """Of a usual letter."""
        return self._fonts["ChatFont"].measure("0")

    def fitted(self, name: str, rest: str, width: int) -> str:
        """A name and what stands behind it in a row of this width: of a long one the beginning."""
        measure = self._fonts["ChatBoldFont"].measure
        if measure(name + rest) <= width:
            return name + rest
        while name and measure(f"{name}\u2026{rest}") > width:
            name = name[:-1]
        return f"{name}\u2026{rest}"

    @property
    def time_width(self) -> int:
        """Of the time before a line."""
        return self._fonts["ChatSmallFont"].measure("00:00  ")
