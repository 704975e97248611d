"""The window itself, whatever fills it: that is drawn again soon after something changed."""

import tkinter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.client.faces.window.look import Look
from chat.client.settings import Settings

_log = Logger()
_SIZE = (1000, 680)
_LEAST = (360, 300)


class Part(Protocol):
    """What fills the window."""

    def draw(self) -> None:
        """Show what is so by now."""

    def restyle(self) -> None:
        """Be as the look is now."""


class Window:
    """Tk's window; raises `tkinter.TclError` where there is no display."""

    def __init__(self, settings: Settings, left: Callable[[], None]) -> None:
        self.part: Part | None = None
        self._settings = settings
        self.root = tkinter.Tk(baseName="chat-client", className="Chat-client")
        self.root.withdraw()
        self.root.title("chat")
        self.look = Look(self.root, settings, self.restyle)
        self.root.geometry("{}x{}".format(*self._size()))
        self.root.minsize(*_LEAST)
        self.root.protocol("WM_DELETE_WINDOW", left)
        self.root.report_callback_exception = self._fault
        for keys, steps in (("plus equal KP_Add", 1), ("minus KP_Subtract", -1), ("0 KP_0", 0)):
            for key in keys.split():
                self.root.bind(f"<Control-{key}>", partial(self._zoom, steps))
        self.has_focus = False
        self.root.bind("<FocusIn>", lambda event: self._focused(True))
        self.root.bind("<FocusOut>", lambda event: self._focused(False))
        self._shown: tkinter.Widget | None = None
        self._reactor: IReactorTime | None = None
        self._due: IDelayedCall | None = None
        self._drawn_at = 0.0
        self.seen: Callable[[], None] = lambda: None
        """Somebody came to look."""

    def _zoom(self, steps: int, event: object) -> None:
        """Letters larger, smaller, or as usual; they stay so, where that can be written."""
        if (wanted := self.look.zoom(steps)) is not None:
            self._settings.override("zoom", wanted)
            with suppress(OSError):
                self._settings.put("zoom", wanted)
            self.look.apply()

    def _size(self) -> tuple[int, int]:
        """As large as its letters are, and no larger than the screen."""
        root, factor = self.root, self.look.scale
        return (
            min(round(_SIZE[0] * factor), root.winfo_screenwidth()),
            min(round(_SIZE[1] * factor), root.winfo_screenheight()),
        )

    def begin(self, reactor: IReactorTime) -> None:
        """Be seen."""
        self._reactor = reactor
        self.root.deiconify()

    def fill(self, frame: tkinter.Widget, part: Part | None) -> None:
        """Let this fill it."""
        if self._shown is not None and self._shown.winfo_exists():
            self._shown.pack_forget()
        self._shown, self.part = frame, part
        frame.pack(fill="both", expand=True)
        self.refresh()

    def restyle(self) -> None:
        """The look is another one."""
        if self.part is not None:
            self.part.restyle()

    def refresh(self) -> None:
        """Something looks different now; it is drawn at once, unless that was only just done."""
        if self._due is None and self._reactor is not None:
            wait = self._drawn_at + limits.SHOW_SECONDS - self._reactor.seconds()
            self._due = self._reactor.callLater(max(0.0, wait), self._draw)

    def _draw(self) -> None:
        self._due = None
        if self._reactor is None or self.part is None:
            return
        self._drawn_at = self._reactor.seconds()
        self.part.draw()

    def _focused(self, focused: bool) -> None:
        self.has_focus = focused
        if focused:
            self.seen()

    def _fault(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """What a callback of Tk's raised."""
        _log.failure("the window", Failure(error, kind, trace))

    def destroy(self) -> None:
        """It is over."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._reactor = None
        self.root.destroy()
