"""A page on the screen: a text that shows the lines of a `Page`, and follows what changes on it.

Whoever is at its end stays there when lines come; whoever looks at older ones keeps them where they are, also when
still older ones come above.
"""

import tkinter
from collections.abc import Callable
from tkinter import ttk

from chat.client.faces.window.look import Look
from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.marking import COLOURS, author_in, links, of_nickname
from chat.client.talk.page import Edit, Page

_MARKS = {LineKind.EVENT: "\u2022 ", LineKind.REPLY: "", LineKind.ERROR: "! ", LineKind.STATE: "\u2022 "}
_MIDDLE = (LineKind.FRAME, LineKind.NEW, LineKind.GONE)
_MORE = "  | "
"""What stands before the further rows of a message."""

_TAGS = {kind: kind.name.lower() for kind in LineKind}


class PageText:
    """The text that shows this page, each line `timed`; `older` has more of it come, `follow_link` opens one."""

    def __init__(
        self,
        parent: tkinter.Misc,
        look: Look,
        page: Page,
        timed: bool,
        older: Callable[[], None],
        follow_link: Callable[[str], None],
    ) -> None:
        self.page = page
        self.frame = ttk.Frame(parent)
        self.text = tkinter.Text(
            self.frame, name="lines", wrap="word", state="disabled", padx=12, pady=8, cursor="arrow", takefocus=False,
            width=1, height=1, exportselection=True,
        )  # fmt: skip
        self._bar = ttk.Scrollbar(self.frame, command=self._scrolled, takefocus=False)
        self.text.configure(yscrollcommand=self._seen)
        self.text.pack(side="left", fill="both", expand=True)
        self._bar.pack(side="right", fill="y")
        self._look = look
        self._older = older
        self._rows: list[int] = []
        self._at_end = True
        for sequence in ("<MouseWheel>", "<Button-4>", "<Button-5>"):
            self.text.bind(sequence, lambda event: self.frame.after_idle(self._look_where))
        self.text.bind("<Configure>", lambda event: self._stay())
        self.text.tag_bind("link", "<Enter>", lambda event: self.text.configure(cursor="hand2"))
        self.text.tag_bind("link", "<Leave>", lambda event: self.text.configure(cursor="arrow"))
        self.text.tag_bind("link", "<ButtonRelease-1>", lambda event: self._clicked(event, follow_link))
        self.restyle(timed)
        self._draw([Edit(0, 0, page.follow())])

    def restyle(self, timed: bool) -> None:
        """Be as the look is now; what comes from here on is `timed`, or not."""
        self._timed = timed
        text, colours = self.text, self._look.colours
        self._look.text(text)
        indent = self._look.time_width if timed else 2 * self._look.width
        text.configure(spacing1=1, spacing3=1)
        text.tag_configure("talk", lmargin2=indent)
        text.tag_configure("more", lmargin1=indent, lmargin2=indent)
        text.tag_configure("time", foreground=colours["faint"], font="ChatSmallFont")
        for kind in (LineKind.EVENT, LineKind.STATE, LineKind.FRAME, LineKind.GONE):
            text.tag_configure(_TAGS[kind], foreground=colours["faint"], lmargin2=indent)
        text.tag_configure("untimed", lmargin1=indent)
        text.tag_configure(_TAGS[LineKind.REPLY], lmargin2=indent)
        text.tag_configure(_TAGS[LineKind.ERROR], foreground=colours["error"], lmargin2=indent)
        text.tag_configure(_TAGS[LineKind.NEW], foreground=colours["accent"], font="ChatBoldFont")
        text.tag_configure("middle", justify="center", spacing1=6, spacing3=4)
        text.tag_configure("nick", font="ChatBoldFont")
        for colour, name in self._look.nicknames.items():
            text.tag_configure(f"nick{colour}", foreground=name)
        text.tag_configure("loud", background=colours["call"], font="ChatBoldFont", lmargincolor=colours["page"])
        text.tag_configure("link", foreground=colours["accent"], underline=True)
        text.tag_raise("sel")
        self._stay()

    def draw(self) -> bool:
        """Follow what changed on the page; whether there was anything."""
        edits = self.page.edits()
        if edits:
            self._draw(edits)
        return bool(edits)

    @property
    def marked(self) -> str:
        """The words that somebody marked."""
        return self.text.get("sel.first", "sel.last") if self.text.tag_ranges("sel") else ""

    def scroll(self, pages: int) -> None:
        """By so many screens."""
        self.text.yview_scroll(pages, "pages")
        self._look_where()

    def to_end(self) -> None:
        """To what was said last."""
        self.text.yview_moveto(1.0)
        self._look_where()

    def _draw(self, edits: list[Edit]) -> None:
        text = self.text
        top = ""
        if not self._at_end:
            top, offset = text.index("@0,0"), (text.dlineinfo("@0,0") or (0, 0))[1]
            text.mark_set("top", top)
        text.configure(state="normal")
        for edit in edits:
            self._apply(edit)
        text.configure(state="disabled")
        if top:
            text.yview("top")
            text.yview_scroll((text.dlineinfo("top") or (0, offset))[1] - offset, "pixels")
        else:
            text.yview_moveto(1.0)

    def _apply(self, edit: Edit) -> None:
        text, rows = self.text, self._rows
        at_row = 1 + (sum(rows) if edit.at == len(rows) else sum(rows[: edit.at]))
        if edit.removed:
            end_row = at_row + sum(rows[edit.at : edit.at + edit.removed])
            if edit.at + edit.removed < len(rows):
                text.delete(f"{at_row}.0", f"{end_row}.0")
            else:
                text.delete(f"{at_row - 1}.end" if edit.at else "1.0", "end")
            del rows[edit.at : edit.at + edit.removed]
        if not edit.added:
            return
        last = edit.at == len(rows)
        parts: list[str | tuple[str, ...]] = []
        for number, shown in enumerate(edit.added):
            if last and (number or rows):
                parts += ["\n", ()]
            parts += self._parts(shown)
            if not last:
                parts += ["\n", ()]
        text.tk.call(text, "insert", "end-1c" if last else f"{at_row}.0", *parts)
        rows[edit.at : edit.at] = [shown.text.count("\n") + 1 for shown in edit.added]

    def _parts(self, shown: Shown) -> list[str | tuple[str, ...]]:
        """A line as Tk takes it: texts and their tags by turns."""
        kind = shown.kind
        if kind in _MIDDLE:
            rule = "\u2500\u2500"
            return [f"{rule} {shown.text} {rule}", (_TAGS[kind], "middle")]
        time = f"{shown.at:%H:%M}  " if self._timed and shown.at is not None else ""
        first, *more = shown.text.split("\n")
        parts: list[str | tuple[str, ...]] = [time, ("time", _TAGS[kind])] if time else []
        if kind is not LineKind.TALK:
            return [*parts, _MARKS.get(kind, "") + shown.text, (_TAGS[kind],) if time else (_TAGS[kind], "untimed")]
        tags = ("talk", "loud") if shown.loud else ("talk",)
        if (name := author_in(first, shown)) is not None:
            nick = first[name]
            parts += [first[: name.start], tags, nick, (*tags, "nick", f"nick{of_nickname(nick, COLOURS)}")]
            first = first[name.stop :]
        parts += _linked(first, tags)
        for row in more:
            parts += _linked("\n" + row.removeprefix(_MORE), (*tags, "more"))
        return parts

    def _scrolled(self, *how: str) -> None:
        self.text.yview(*how)
        self._look_where()

    def _seen(self, first: float, last: float) -> None:
        """Tk tells which part is seen."""
        self._bar.set(first, last)

    def _look_where(self) -> None:
        """Whoever scrolls: whether they are at the end, or want what is older."""
        first, last = self.text.yview()
        self._at_end = last >= 1.0
        self.page.scrolled_up = not self._at_end
        if self._at_end:
            self.page.trim()
            self.draw()
        if first <= 0.0:
            self._older()

    def _stay(self) -> None:
        if self._at_end:
            self.text.yview_moveto(1.0)

    def _clicked(self, event: "tkinter.Event[tkinter.Text]", follow: Callable[[str], None]) -> None:
        if self.text.tag_ranges("sel"):
            return
        place = self.text.tag_prevrange("link", self.text.index(f"@{event.x},{event.y}") + " +1c")
        if place:
            follow(self.text.get(*place))


def _linked(row: str, tags: tuple[str, ...]) -> list[str | tuple[str, ...]]:
    parts: list[str | tuple[str, ...]] = []
    done = 0
    for link in links(row):
        parts += [row[done : link.start], tags, row[link], (*tags, "link")]
        done = link.stop
    return [*parts, row[done:], tags]
