"""The window of somebody who is in: conversations at the left, what is open in the middle, people at the right.

Nothing is drawn when it changes, but all that changed soon after, so however much comes, keys are taken in between.
There are no dialogs: one that waits would stop the reactor.
"""

import tkinter
from collections.abc import Callable
from functools import partial
from tkinter import ttk

from chat.base.language import say
from chat.base.text import visible
from chat.client.faces.window.desk import Desk
from chat.client.faces.window.entry import Entry
from chat.client.faces.window.lists import NameList, Row
from chat.client.faces.window.look import Look
from chat.client.faces.window.pages import PageText
from chat.client.talk.held import Somebody
from chat.client.talk.me import PRIVATE
from chat.client.talk.view import Glance
from chat.client.typed_lines import TypedLines
from chat.editing.completing import Deed
from chat.wire import phrases

NARROW = 700
"""Of pixels at the usual size of letters: below, the people make room."""

_LETTERS = 20
_MARKS = {"owner": "\u2605 ", "operator": "\u2606 "}


class ChatFrame:
    """What this desk has open."""

    def __init__(self, parent: tkinter.Misc, look: Look, desk: Desk, history: TypedLines) -> None:
        self._look, self._desk, self._words = look, desk, desk.words
        self._refusing = self._dropped = False
        self._column = 0
        self.frame = ttk.Frame(parent, name="chat")
        self._pages: dict[int, PageText] = {}
        self._page: PageText | None = None
        self._conversations: list[Glance] | None = None
        self._people: tuple[str | None, list[Somebody]] | None = None
        self._rooms = NameList(self.frame, look, "rooms")
        for sequence in ("<ButtonRelease-1>", "<KeyRelease-Up>", "<KeyRelease-Down>", "<Return>"):
            self._rooms.widget.bind(sequence, lambda event: self._chosen())
        self._middle = ttk.Frame(self.frame, name="middle")
        self._there = NameList(self.frame, look, "people")
        self._there.widget.bind("<Double-1>", lambda event: self._talk_to(self._there.pointed(event)))
        self._there.widget.bind("<Return>", lambda event: self._talk_to(self._there.chosen))
        for sequence in ("<Button-3>", "<Menu>", "<Shift-F10>"):
            self._there.widget.bind(sequence, self._menu)
        self._who = ttk.Label(self._middle, name="title", anchor="w", font="ChatBoldFont", padding=(12, 6))
        self._holder = ttk.Frame(self._middle, name="pages")
        self._waiting = ttk.Label(self._middle, name="waiting", style="Faint.TLabel", padding=(12, 2))
        self._bottom = ttk.Frame(self._middle, name="bottom")
        self._question = ttk.Label(self._bottom, name="question", padding=(8, 0))
        self.entry = Entry(self._bottom, look, history, self._typed, desk.offers, self.draw_hint)
        self.entry.text.bind("<<Copy>>", lambda event: self._copy())
        self._secret = ttk.Entry(self._bottom, name="secret", show="\u2022")
        self._secret.bind("<Return>", lambda event: self._told())
        self._hint = ttk.Label(self._middle, name="hint", style="Faint.TLabel", padding=(12, 0))
        self._bar = ttk.Frame(self.frame, name="bar")
        self._dot = ttk.Label(self._bar, name="dot", text="\u25cf", style="Good.TLabel", padding=(8, 2, 2, 2))
        self._state = ttk.Label(self._bar, name="state", font="ChatSmallFont", padding=(2, 2))
        self._again = ttk.Button(
            self._bar, name="again", text=self._words(say("Connect anew \u2026")), command=desk.connect_anew
        )
        self._popup = tkinter.Menu(self.frame, name="popup", tearoff=False)
        self._lay_out()
        self._bind()
        self.restyle()

    def _lay_out(self) -> None:
        self.frame.columnconfigure(1, weight=1)
        self.frame.rowconfigure(0, weight=1)
        self._rooms.widget.grid(row=0, column=0, sticky="ns")
        self._middle.grid(row=0, column=1, sticky="nsew")
        self._there.widget.grid(row=0, column=2, sticky="ns")
        self._bar.grid(row=1, column=0, columnspan=3, sticky="ew")
        self._dot.pack(side="left")
        self._state.pack(side="left")
        # What is at the bottom keeps its room when the window becomes low.
        self._hint.pack(side="bottom", fill="x")
        self._bottom.pack(side="bottom", fill="x", padx=8, pady=(2, 4))
        self.entry.text.pack(side="left", fill="x", expand=True)
        self._who.pack(side="top", fill="x")
        self._holder.pack(side="top", fill="both", expand=True)
        for changing in (self.frame, self._middle):
            changing.bind("<Configure>", lambda event: self._fit())

    def _bind(self) -> None:
        top, desk = self.frame.winfo_toplevel(), self._desk
        keys: dict[str, Callable[[], object]] = {
            "<Control-n>": lambda: desk.go_on(1),
            "<Control-p>": lambda: desk.go_on(-1),
            "<Control-Next>": lambda: desk.step(1),
            "<Control-Prior>": lambda: desk.step(-1),
            "<Prior>": lambda: self._scroll(-1),
            "<Next>": lambda: self._scroll(1),
            "<Control-End>": self._to_end,
            "<Escape>": self._escape,
            "<F6>": self._next_part,
            "<Control-q>": desk.leave,
            **{f"<Alt-Key-{digit}>": partial(desk.go_to, digit) for digit in range(1, 10)},
        }
        # Before Tk's own, which differ: of a text Ctrl-N is the next line.
        self._tag = f"chat{id(self)}"
        for sequence, act in keys.items():
            top.bind_class(self._tag, sequence, lambda event, act=act: (act(), "break")[1])  # type: ignore[misc]
        for sequence in ("<Key>", "<Button>"):
            top.bind_class(self._tag, sequence, lambda event: desk.attended(), add=True)
        for widget in (self._rooms.widget, self._there.widget, self.entry.text, self._secret):
            self._tagged(widget)

    def _tagged(self, widget: tkinter.Misc) -> None:
        widget.bindtags((self._tag, *widget.bindtags()))

    # Drawing.

    def restyle(self) -> None:
        """Be as the look is now."""
        for names in (self._rooms, self._there):
            names.restyle()
        for page in self._pages.values():
            page.restyle(self._desk.timed)
        self.entry.restyle()
        self._look.menu(self._popup)
        self._fit()

    def _fit(self) -> None:
        width = self.frame.winfo_width()
        if width <= 1:
            return
        wanted = width >= NARROW * self._look.scale
        if wanted != bool(self._there.widget.winfo_manager()):
            (self._there.widget.grid if wanted else self._there.widget.grid_remove)()
        if (column := min(_LETTERS * self._look.width, width // 4)) != self._column:
            self._column = column
            for names in (self._rooms, self._there):
                names.widget.column("#0", width=column, stretch=False)
            self._conversations = self._people = None
            self._desk.changed()
        for label in (self._waiting, self._hint):
            label.configure(wraplength=max(100, self._middle.winfo_width() - 24))

    def draw(self) -> None:
        """Show what is so by now."""
        self._draw_conversations()
        if self._draw_page():
            self._desk.drawn()
        self._draw_people()
        self._draw_waiting()
        self._draw_state()
        self._draw_question()
        self.draw_hint()
        top, title = self.frame.winfo_toplevel(), self._desk.title
        if top.wm_title() != title:
            top.wm_title(title)

    def _draw_conversations(self) -> None:
        glances = self._desk.view.glance
        if glances == self._conversations:
            return
        self._conversations = glances
        away = self._words(phrases.AWAY)
        rows = []
        for glance in glances:
            count = f"  {glance.unread}" if glance.unread else ""
            count += "!" if glance.mentions else ""
            count += f" ({away})" if glance.away else ""
            kind = "call" if glance.mentions else "new" if glance.unread else ""
            rows.append(Row(glance.name, self._fitted(visible(glance.name), count), kind))
        self._rooms.show(rows, self._desk.view.open)

    def _draw_page(self) -> bool:
        page = self._desk.view.page
        shown = self._pages.get(id(page))
        if shown is None:
            desk = self._desk
            shown = PageText(self._holder, self._look, page, desk.timed, desk.older, desk.follow_link)
            self._tagged(shown.text)
            shown.text.bind("<Key>", self._elsewhere)
            pages = {id(talk.page) for talk in self._desk.view.talks.values()}
            for gone in [key for key in self._pages if key not in pages]:
                self._pages.pop(gone).frame.destroy()
            self._pages[id(page)] = shown
            new = True
        else:
            new = shown.draw()
        if shown is not self._page:
            if self._page is not None and self._page.frame.winfo_exists():
                self._page.frame.pack_forget()
            self._page = shown
            shown.frame.pack(fill="both", expand=True)
        return new

    def _draw_people(self) -> None:
        view = self._desk.view
        people = (view.open, view.people)
        name = view.open or ""
        title = visible(name)
        if name and not name.startswith(PRIVATE):
            here = self._words(phrases.people(len(people[1])))
            title = f"{title}   {here}"
        self._who.configure(text=title)
        if people == self._people:
            return
        self._people = people
        away, down = self._words(phrases.AWAY), self._words(say("line down"))
        rows = []
        for one in people[1]:
            state = down if one.down else away if one.away is not None else ""
            name = f"{_MARKS.get(one.role, '')}{visible(one.nick)}"
            rows.append(Row(one.nick, self._fitted(name, f" ({state})" if state else ""), "faint" if state else ""))
        self._there.show(rows)

    def _fitted(self, name: str, rest: str) -> str:
        return self._look.fitted(name, rest, self._column - 3 * self._look.width)

    def _draw_waiting(self) -> None:
        rows = [f"\u2026 {row}" for row in self._desk.on_their_way]
        if (folded := self._desk.view.folded) is not None:
            rows.insert(0, f"\u2022 {visible(self._words(folded))}")
        self._waiting.configure(text="\n".join(rows))
        if bool(rows) != bool(self._waiting.winfo_manager()):
            if rows:
                self._waiting.pack(side="bottom", fill="x", after=self._bottom)
            else:
                self._waiting.pack_forget()

    def _draw_state(self) -> None:
        desk, trouble = self._desk, self._desk.trouble
        away = f" ({self._words(phrases.AWAY)})" if desk.view.away is not None else ""
        if trouble is None:
            connected = say("connected to {server} as {nick}", server=desk.server, nick=desk.nick or "?")
            self._state.configure(text=visible(self._words(connected)) + away)
        else:
            self._state.configure(text=visible(self._words(trouble)))
        self._dot.configure(style="Good.TLabel" if trouble is None else "Error.TLabel")
        if desk.over != bool(self._again.winfo_manager()):
            if desk.over:
                self._again.pack(side="right", padx=8, pady=4)
            else:
                self._again.pack_forget()

    def _draw_question(self) -> None:
        question, hides = self._desk.question, self._desk.hides or self._dropped
        there, gone = (self._secret, self.entry.text) if hides else (self.entry.text, self._secret)
        if not there.winfo_manager():
            gone.pack_forget()
            there.pack(side="left", fill="x", expand=True)
            there.focus_set()
        if question is None:
            self._question.pack_forget()
        else:
            self._question.configure(text=self._words(question))
            self._question.pack(side="left", before=there)

    def draw_hint(self) -> None:
        """What helps with what is typed."""
        offered = self.entry.offered
        if offered:
            around = offered[self.entry.chosen : self.entry.chosen + 8]
            hint = "   ".join([f"[{around[0].shown}]", *(offer.shown for offer in around[1:])])
        else:
            hint = self._desk.hint(self.entry.content)
        self._hint.configure(text=visible(hint) or " ")

    def refuse(self, refusing: bool) -> None:
        """Too much waits to be said: no line is taken for now."""
        self._refusing = refusing

    def drop(self) -> None:
        """What is begun of an answer is nobody's; whoever types may not look, so up to Enter it stays hidden."""
        self._dropped = bool(self._secret.get())

    # What somebody does.

    def _typed(self, line: str) -> bool:
        if self._refusing:
            self.frame.bell()
            return False
        if line.strip() and self._desk.keeps(line):
            self.entry.remember(line)
        self._desk.typed(line)
        if self._page is not None:
            self._page.to_end()
        return True

    def _told(self) -> None:
        line = self._secret.get()
        self._secret.delete(0, "end")
        if self._dropped:
            self._dropped = False
            self._desk.dropped()
        else:
            self._desk.typed(line)

    def _elsewhere(self, event: "tkinter.Event[tkinter.Text]") -> str | None:
        """What is typed while the conversation has the focus, because somebody marked words in it, is to be said."""
        if event.char and event.char.isprintable() and not int(event.state) & 0x4:
            self.entry.text.focus_set()
            self.entry.insert(event.char)
            return "break"
        return None

    def _copy(self) -> str | None:
        """What is marked in the conversation, where nothing is in what is typed."""
        if self.entry.text.tag_ranges("sel") or self._page is None or not (marked := self._page.marked):
            return None
        self.frame.clipboard_clear()
        self.frame.clipboard_append(marked)
        return "break"

    def _scroll(self, screens: int) -> None:
        if self._page is not None:
            self._page.scroll(screens)

    def _to_end(self) -> None:
        if self._page is not None:
            self._page.to_end()

    def _escape(self) -> None:
        self.entry.text.focus_set()
        self._to_end()

    def _next_part(self) -> None:
        """The focus goes round: what is typed, the conversations, the people."""
        lists = [self._rooms, *([self._there] if self._there.widget.winfo_manager() else [])]
        parts = [self.entry.text, *(names.widget for names in lists)]
        now = self.frame.focus_get()
        place = next((place for place, part in enumerate(parts) if part is now), -1)
        place = (place + 1) % len(parts)
        (lists[place - 1].focus if place else self.entry.text.focus_set)()

    def _chosen(self) -> None:
        chosen = self._rooms.chosen
        if chosen is not None and chosen != self._desk.view.open:
            self._desk.open(chosen)

    def _talk_to(self, nick: str | None) -> None:
        if nick is not None and nick != self._desk.nick:
            self._desk.open(PRIVATE + nick)
            self.entry.text.focus_set()

    def _menu(self, event: "tkinter.Event[ttk.Treeview]") -> str:
        """What one may do about somebody: of whoever is pointed at, or chosen."""
        pointed = str(event.type) == str(tkinter.EventType.ButtonPress)
        nick = self._there.pointed(event) if pointed else self._there.chosen
        if nick is None:
            return "break"
        self._there.choose(nick)
        menu = self._popup
        menu.delete(0, "end")
        if nick != self._desk.nick:
            menu.add_command(label=self._words(say("Talk in private")), command=lambda: self._talk_to(nick))
        for deed in self._desk.deeds(nick):
            words = f"{visible(deed.text)}  \u2013  {visible(deed.help)}"
            if len(words) > _MENU:
                words = f"{words[:_MENU]}\u2026"
            menu.add_command(label=words, command=lambda deed=deed: self._do(deed))  # type: ignore[misc]
        if pointed:
            menu.tk_popup(event.x_root, event.y_root)
        else:
            menu.tk_popup(*self._there.below())
        return "break"

    def _do(self, deed: Deed) -> None:
        """What harms nobody at once; all else is typed, and Enter does it."""
        if deed.harmless:
            self._desk.typed(deed.text)
        else:
            self.entry.put(f"{visible(deed.text)} ")
        self.entry.text.focus_set()


_MENU = 70
"""Characters of an entry."""
