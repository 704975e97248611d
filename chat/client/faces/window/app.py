"""`chat-client --gui`: a window, in it a form, and behind that a face for each server that somebody chooses."""

import tkinter
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure

from chat.base.language import Language, say
from chat.client.faces.stdio import Status
from chat.client.faces.window.face import WindowFace
from chat.client.faces.window.form import Filled, Form
from chat.client.faces.window.window import Window
from chat.client.finding import Found, Missing, find
from chat.client.options import Servers
from chat.client.settings import Settings

Connect = Callable[[Window, Form, Filled, Callable[[], None]], WindowFace]
"""Makes a face; the last argument is called when somebody wants the form again."""


class App:
    """Runs until somebody leaves; `first` is what is known of server and nickname, and where both are, nothing is
    asked."""

    def __init__(
        self, language: Language, settings: Settings, first: tuple[Servers | None, str], connect: Connect
    ) -> None:
        self.status = Status.WELL
        self._settings = settings
        self._connect = connect
        self._first = first
        self._face: WindowFace | None = None
        self._filled: Filled | None = None
        self._leaving = False
        self.closing: Callable[[], object] = lambda: None
        """Called before Tk's window goes."""

        self._done: Deferred[Status] = Deferred()
        self._window = Window(settings, self.stop)
        self._form = Form(self._window.root, self._window.look, language.words, self._submitted, self._trusted)

    @property
    def root(self) -> tkinter.Tk:
        """Tk's window."""
        return self._window.root

    def start(self, reactor: Any) -> "Deferred[Status]":
        """Show it; fires when it is over."""
        self._reactor = reactor
        self._window.begin(reactor)
        self._form.fill(*self._first)
        self._ask()
        if all(self._first):
            self._form.submit()
        return self._done

    def stop(self) -> None:
        """Somebody wants it to end."""
        self._leaving = True
        if self._face is None or self._face.over:
            self._finish()
        else:
            self._face.stop()

    def _finish(self) -> None:
        if not self._done.called:
            self.closing()
            self._window.destroy()
            self._done.callback(self.status)

    def _ask(self) -> None:
        """Let somebody fill in the form, with the servers that make themselves known meanwhile."""
        self._window.fill(self._form.frame, None)
        self._window.root.title("chat")
        self._form.focus()
        deferToThread(find).addCallbacks(self._found, self._none_found)

    def _found(self, found: Sequence[Found]) -> None:
        if not self._done.called:
            self._form.offer([(one.name, one.server) for one in found], None)

    def _none_found(self, failure: Failure) -> None:
        failure.trap(Missing, OSError)
        if failure.check(Missing) and not self._done.called:
            self._form.offer([], say("Servers near you are listed with: pip install 'twisted-chat[lan]'"))

    def _submitted(self, filled: Filled) -> None:
        """A nickname or a password that is asked for, or another server."""
        face, before = self._face, self._filled
        self._filled = filled
        if face is not None and not face.over and before is not None and face.answers(filled, before):
            return
        if face is not None:
            self._face = None
            face.connection.leave()
            face.dispose()
        self._face = self._connect(self._window, self._form, filled, self._ask)
        self._face.start(self._reactor).addCallback(self._over, self._face)

    def _trusted(self, trusted: bool) -> None:
        if self._face is not None:
            self._face.typed("yes" if trusted else "no")

    def _over(self, status: Status, face: WindowFace) -> None:
        if face is not self._face:
            return
        self.status = status
        if self._leaving or not face.failed:
            self._finish()
