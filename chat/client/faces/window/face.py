"""A person at a window: a `View` whose conversations have a page each, and a form until they are in."""

from collections.abc import Callable, Sequence
from shutil import which
from webbrowser import open as open_link

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime
from twisted.internet.threads import deferToThread

from chat.base import limits
from chat.base.language import Sentence, say
from chat.base.text import visible
from chat.client.alerts import Run, run_in_thread
from chat.client.faces.person import connecting
from chat.client.faces.stdio import Ground, Status, no_connection
from chat.client.faces.streams import InputReader, Source
from chat.client.faces.viewer import NOT_CONNECTED, ViewerFace
from chat.client.faces.window.form import Filled, Form
from chat.client.faces.window.frame import ChatFrame
from chat.client.faces.window.window import Window
from chat.client.link.trust import Unsafe
from chat.client.settings import Settings
from chat.client.talk.connection import FINAL
from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.me import PRIVATE, SentLine
from chat.client.talk.objects import Came, Object, Problem, Raw, Reply
from chat.client.typed_lines import TypedLines
from chat.editing.completing import Deed

_NEWEST = 2**53 - 1
"""Behind whatever a server counts."""


class NoStreams:
    """What a face has for streams where it draws all by itself; `refuse` is told when no line is to be taken, `drop`
    when what was begun to be typed is nobody's."""

    def __init__(self) -> None:
        self.refuse: Callable[[bool], None] = lambda paused: None
        self.drop: Callable[[], None] = lambda: None

    def open(self, reader: InputReader, reactor: IReactorFDSet, source: Source | None = None) -> None:
        """Nothing is read here."""

    def write(self, text: str) -> None:
        """Nothing is written here."""

    def warn(self, text: str) -> None:
        """Nor here."""

    def pause(self, paused: bool) -> None:
        """Take no line for now; what is typed stays."""
        self.refuse(paused)

    def hide(self, hidden: bool) -> None:
        """Whoever draws knows that."""

    def close(self) -> "Deferred[None]":
        """At once."""
        return succeed(None)


class WindowFace(ViewerFace):
    """The face in this window; `streams` are those that `ground` has."""

    elsewhere = say("/again is for --plain; here PageUp shows what is older.")

    def __init__(
        self,
        ground: Ground,
        streams: NoStreams,
        nick: str | None,
        settings: Settings,
        window: Window,
        form: Form,
        history: TypedLines,
        over: Callable[[], None],
        run: Run = run_in_thread,
    ) -> None:
        self._window, self._form = window, form
        self.over = False
        """Whether it does not come back by itself."""

        self._in_form = True
        """What is asked and told stands in the form: nobody was in yet."""

        self._sent_away = False
        self._connect_anew = over
        self._field = "server"
        self._older_asked: set[int] = set()
        self._calls = 0
        self._who_due: IDelayedCall | None = None
        self._who_room = ""
        self._reactor: IReactorTime | None = None
        super().__init__(ground, nick, settings, lambda sequence: window.root.bell(), paged=True, run=run)
        self._advised = True
        self.words = self._words
        self._frame = ChatFrame(window.root, window.look, self, history)
        streams.refuse, streams.drop = self._frame.refuse, self._frame.drop
        window.seen = self._seen

    def start(self, reactor: IReactorFDSet) -> "Deferred[Status]":
        """Begin; fires when it is over."""
        self._reactor = reactor  # type: ignore[assignment]
        return super().start(reactor).addCallback(self._ended)

    def _ended(self, status: Status) -> Status:
        self.over = True
        self._state = self._state or NOT_CONNECTED
        if self._who_due is not None:
            self._who_due.cancel()
            self._who_due = None
        self.refresh()
        return status

    @property
    def failed(self) -> bool:
        """It was not its person who ended it."""
        return self._sent_away or self.status in (Status.UNSAFE, Status.NO_CONNECTION)

    # Showing.

    def show(self) -> None:
        """On the page that is open."""
        if not self._window.has_focus:
            self._calls += self.view.calls
        self.call()
        self.refresh()

    def refresh(self) -> None:
        """Soon."""
        self._window.refresh()
        self._tell_form()

    def hide(self, hidden: bool) -> None:
        """What is typed is shown no more, or again."""
        self.refresh()

    def clear(self) -> None:
        """(Ours) Empty the page."""
        self.view.page.empty()

    def put(self, shown: Shown) -> None:
        """On the page; what is wrong before somebody is in stands in the form, too."""
        if self._in_form:
            if shown.kind is LineKind.ERROR:
                self._form.wrong(self._field, shown.text)
            elif shown.kind is LineKind.STATE:
                self._form.state(shown.text)
        super().put(shown)

    def configure(self) -> None:
        """Be as the settings say."""
        super().configure()
        if self._alerts.how == "auto" and which("notify-send"):
            self._alerts.how = "notify-send"
        self._window.look.apply()

    def _tell_form(self) -> None:
        if self._in_form:
            self._form.doubt(self._stranger is not None)

    def changed(self) -> None:
        """There is another amount of room."""
        self.refresh()

    def drawn(self) -> None:
        """Lines that came are seen now."""
        self.connection.written()

    def dispose(self) -> None:
        """Another face has the window, and the form."""
        self._in_form = False
        self._frame.frame.destroy()

    def answers(self, filled: Filled, before: Filled) -> bool:
        """Whether what is filled in now, and was before, goes on with this connection."""
        if filled.servers != before.servers:
            return False
        if self.question is None or (self.passwords.wanted and filled.nick != before.nick):
            if filled == before:
                self.reconnect()
            return filled == before
        if self._stranger is None:
            if self.passwords.wanted:
                self.ask(self.passwords.question)
            else:
                self.typed(filled.nick)
        return True

    # Desk

    @property
    def nick(self) -> str | None:
        """As whom one is in."""
        return self.connection.me.nick

    @property
    def server(self) -> str:
        """With which server."""
        return self._server

    @property
    def timed(self) -> bool:
        """Each line has its time."""
        return bool(self.settings["time"])

    @property
    def title(self) -> str:
        """Of the window: how often somebody was called where they do not look, and where they are."""
        calls = self._calls + sum(glance.mentions for glance in self.view.glance if not glance.open)
        count = f"({calls}) " if calls else ""
        return f"{count}{visible(self.view.open or '')} \u2013 {visible(self._server)}"

    def deeds(self, nick: str) -> Sequence[Deed]:
        """What one may do about somebody."""
        return self._completing.deeds(nick)

    def open(self, name: str) -> None:
        """Go to this conversation."""
        self._open(name)

    def step(self, step: int) -> None:
        """To the conversation below, or above."""
        names = list(self.view.talks)
        if self.view.open in names:
            self._open(names[(names.index(self.view.open) + step) % len(names)])

    def older(self) -> None:
        """What was said before the first line of the page, once."""
        page, room = self.view.page, self.view.open
        if room is None or page.whole or id(page) in self._older_asked or not self.connection.connected:
            return
        self._older_asked.add(id(page))
        self.ask_older(room, limits.EARLIER_LINES, page.oldest or _NEWEST)

    def follow_link(self, link: str) -> None:
        """Open a page of the web; a browser takes its time."""
        deferToThread(open_link, link).addErrback(lambda failure: None)

    def connect_anew(self) -> None:
        """Somebody wants another connection."""
        self._connect_anew()

    def leave(self) -> None:
        """It is over."""
        self._leave()

    def _seen(self) -> None:
        self._calls = 0
        self.refresh()

    # Face

    def received(self, what: Object | None, raw: Raw, line: SentLine | None) -> None:
        """Where it belongs."""
        if isinstance(what, Problem) and what.id is None and what.code in FINAL:
            self._sent_away = True
        if isinstance(what, Problem) and self._in_form:
            self._form.wrong(self._field, f"{what.code}: {what.text}")
        if line is not None and line.before is not None:
            self._older_asked.clear()
        super().received(what, raw, line)
        if self.view.open != self._who_room or (isinstance(what, Came) and what.room == self.view.open):
            self._ask_who()

    def entered(self) -> None:
        """From the form into the conversation."""
        first, self._in_form = self._in_form, False
        self._chosen = self._chosen or first
        super().entered()
        if first:
            self._form.clear()
            self._window.fill(self._frame.frame, self._frame)
            self._frame.entry.text.focus_set()
        self._older_asked.clear()
        self._ask_who()

    def _dialing(self) -> None:
        """The form tells it, and the line at the bottom."""
        self._state = connecting(self._server)
        if self._in_form:
            self._form.state(self._words(self._state))
        self.refresh()

    def unreachable(self, reason: Sentence) -> None:
        """Beside the server's name."""
        self._field = "server"
        if self._in_form:
            self._form.wrong("server", visible(self._words(no_connection(self._server, reason))))
        super().unreachable(reason)

    def stranger(self, what: Sentence) -> None:
        """Beside the server's name."""
        self._field = "server"
        super().stranger(what)

    def unsafe(self, problem: Unsafe) -> None:
        """Beside the word that it is encrypted."""
        self._field = "tls"
        super().unsafe(problem)

    def trying_again(self, seconds: float) -> None:
        """Seen in the form, too."""
        super().trying_again(seconds)
        if self._in_form and self._state is not None:
            self._form.state(self._words(self._state))

    def nickname_wanted(self, refused: Problem | None) -> None:
        """Beside the nickname; what was filled in is taken."""
        self._field = "nick"
        taken = refused is not None and refused.code == "nick-taken"
        if taken and self._in_form and self._tried is not None and self._form.has_password:
            self._field = "password"
            self.typed(f"/login {self._tried}")
        else:
            super().nickname_wanted(refused)

    def _again(self, code: str, text: str, proposal: str | None) -> None:
        """What was filled in stays."""
        self._proposal = None
        free = "" if proposal is None else self._words(say("{nick} is free.", nick=proposal))
        self.put(self._conversation.error(code, f"{text} {free}".rstrip()))

    def ask(self, question: Sentence) -> None:
        """In the form, what stands there answers it."""
        if self._in_form:
            self._form.state("")
        if self._in_form and self._stranger is None:
            if self.passwords.wanted:
                self._field = "password"
                if self._form.has_password:
                    password = self._form.take_password()
                    self._reactor.callLater(0, self.typed, password)  # type: ignore[union-attr]
                else:
                    self._form.wrong("password", self._words(question))
                    self._form.focus("password")
            else:
                self._form.focus(self._field)
        super().ask(question)

    # Who is there.

    def _ask_who(self) -> None:
        """Who is away, or has their line down: soon, and again after some time, while somebody looks."""
        if self._reactor is None or self.over:
            return
        if self._who_due is not None:
            self._who_due.cancel()
        self._who_room = self.view.open or ""
        self._who_due = self._reactor.callLater(limits.SHOW_SECONDS * 4, self._who)

    def _who(self) -> None:
        assert self._reactor is not None
        self._who_due = self._reactor.callLater(limits.WHO_SECONDS, self._who)
        room = self.view.open
        if room is not None and not room.startswith(PRIVATE) and self.connection.connected:
            self.connection.ask("/who", self._told_who, room=room)

    def _told_who(self, what: Object | None) -> bool:
        if isinstance(what, Reply):
            self.view.take_people(what)
            self.refresh()
        return True
