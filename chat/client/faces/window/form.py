"""What is asked before somebody is in: with which server, under which nickname; what was wrong stands beside it."""

import tkinter
from collections.abc import Callable, Sequence
from tkinter import ttk

from chat.base.command_line import Wrong
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.base.text import visible
from chat.client.faces.person import NO
from chat.client.faces.window.look import Look
from chat.client.options import Server, Servers, parse_addresses

_WIDE = 36


class Filled(NamedTuple):
    """What somebody filled in."""

    servers: Servers
    nick: str


class Form:
    """Asks; `connect` takes the answer, and `trust` whether a certificate is the right one."""

    def __init__(
        self,
        parent: tkinter.Misc,
        look: Look,
        words: Callable[[Sentence], str],
        connect: Callable[[Filled], None],
        trust: Callable[[bool], None],
    ) -> None:
        self._words, self._look = words, look
        self._connect = connect
        self.frame = ttk.Frame(parent, name="form")
        box = ttk.Frame(self.frame, name="box", padding=16)
        box.place(relx=0.5, rely=0.5, anchor="center")
        self._tls = tkinter.BooleanVar(parent)
        self._server = ttk.Combobox(box, name="server", width=_WIDE)
        self._encrypted = ttk.Checkbutton(box, name="tls", text=words(say("encrypted (TLS)")), variable=self._tls)
        self._nick = ttk.Entry(box, name="nick", width=_WIDE)
        self._password = ttk.Entry(box, name="password", width=_WIDE, show="\u2022")
        self._stranger = ttk.Frame(box, name="stranger")
        yes = say("It is the right one: go on, and remember it")
        ttk.Button(self._stranger, name="yes", text=words(yes), command=lambda: trust(True)).pack(side="left")
        ttk.Button(self._stranger, name="no", text=words(NO), command=lambda: trust(False)).pack(side="left")
        self._go = ttk.Button(box, name="go", text=words(say("Connect")), style="Accent.TButton", command=self.submit)
        self._errors = {name: ttk.Label(box, name=f"{name}_error", style="Error.TLabel") for name in _FIELDS}
        self._note = ttk.Label(box, name="note", style="Faint.TLabel")
        self._state = ttk.Label(box, name="state", style="Faint.TLabel")
        title = ttk.Label(box, text="chat", font="SunValleySubtitleFont")
        title.grid(row=0, column=0, columnspan=2, sticky="w", pady=(0, 8))
        labels = {
            "server": (say("Server"), self._server),
            "tls": (None, self._encrypted),
            "nick": (say("Nickname"), self._nick),
            "password": (say("Password, of a registered nickname"), self._password),
        }
        row = 1
        for name, (label, widget) in labels.items():
            if label is not None:
                ttk.Label(box, text=words(label)).grid(row=row, column=0, sticky="w", pady=(10, 2))
            widget.grid(row=row + 1, column=0, sticky="ew")
            self._errors[name].grid(row=row + 2, column=0, sticky="w")
            row += 3
            if name == "server":
                self._note.grid(row=row, column=0, sticky="w")
                row += 1
            if name == "tls":
                self._stranger.grid(row=row, column=0, sticky="w")
                row += 1
        self._go.grid(row=row, column=0, sticky="w", pady=(12, 4))
        self._state.grid(row=row + 1, column=0, sticky="w")
        self._errors[""].grid(row=row + 2, column=0, sticky="w")
        for unseen in (*self._errors.values(), self._note, self._state, self._stranger):
            unseen.grid_remove()
        self._server.bind("<<ComboboxSelected>>", lambda event: self._took())
        self._server.bind("<KeyRelease>", lambda event: self._encrypts())
        for widget in (self._server, self._nick, self._password, self._encrypted, self._go):
            widget.bind("<Return>", lambda event: self.submit())
        for field in (self._server, self._nick, self._password):
            field.bind("<Control-a>", self._all)
        self.frame.bind("<Configure>", lambda event: self._fit())
        self._found: dict[str, Server] = {}

    def _fit(self) -> None:
        for label in (*self._errors.values(), self._note, self._state):
            label.configure(wraplength=max(200, min(_WIDE * 2 * self._look.width, self.frame.winfo_width() - 40)))

    def fill(self, servers: Servers | None, nick: str) -> None:
        """Let these stand there."""
        if servers is not None:
            self._server.set(str(servers))
            self._tls.set(servers.tls)
        self._nick.delete(0, "end")
        self._nick.insert(0, nick)

    def focus(self, field: str = "") -> None:
        """Somebody is to fill it in, this field first."""
        usual = self._nick if self._server.get() else self._server
        widget = {"server": self._server, "nick": self._nick, "password": self._password}.get(field, usual)
        widget.focus_set()
        widget.selection_range(0, "end")

    @staticmethod
    def _all(event: "tkinter.Event[ttk.Entry]") -> str:
        """Tk goes to the beginning of the line."""
        event.widget.selection_range(0, "end")
        return "break"

    def offer(self, found: Sequence[tuple[str, Server]], note: Sentence | None) -> None:
        """These servers made themselves known."""
        self._found = {f"{visible(name)}  ({server.address})": server for name, server in found}
        self._server.configure(values=list(self._found))
        _tell(self._note, "" if note is None else visible(self._words(note)))

    def submit(self) -> None:
        """Somebody wants to connect."""
        self.clear()
        try:
            servers = parse_addresses(self._server.get(), self._tls.get())
        except Wrong as error:
            self.wrong("server", self._words(error.sentence))
            self._server.focus_set()
            return
        self._connect(Filled(servers, self._nick.get().strip()))

    def clear(self) -> None:
        """Nothing is wrong, as far as anybody knows."""
        for label in self._errors.values():
            _tell(label, "")
        self.doubt(False)
        self.state("")

    def wrong(self, field: str, text: str) -> None:
        """This is wrong with this field, too."""
        label = self._errors[field]
        said = str(label.cget("text"))
        if _safe(text) not in said:
            _tell(label, f"{said}\n{_safe(text)}".strip())

    def doubt(self, doubted: bool) -> None:
        """Somebody has to say whether the certificate, of which it is told what is wrong, is the right one."""
        (self._stranger.grid if doubted else self._stranger.grid_remove)()

    def state(self, text: str) -> None:
        """How it stands."""
        _tell(self._state, _safe(text))

    @property
    def has_password(self) -> bool:
        """Whether one is filled in."""
        return bool(self._password.get())

    def take_password(self) -> str:
        """The one that is, and then is no more."""
        password = self._password.get()
        self._password.delete(0, "end")
        return password

    def _took(self) -> None:
        if (server := self._found.get(self._server.get())) is not None:
            self.fill(Servers([server]), self._nick.get())

    def _encrypts(self) -> None:
        if "tls://" in self._server.get():
            self._tls.set(True)


def _tell(label: ttk.Label, text: str) -> None:
    """It takes room only where there is something to tell."""
    label.configure(text=text)
    (label.grid if text else label.grid_remove)()


def _safe(text: str) -> str:
    return "\n".join(map(visible, text.split("\n")))


_FIELDS = ("server", "tls", "nick", "password", "")
