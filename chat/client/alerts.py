"""Telling somebody who may not be looking: the bell, the terminal's own notifications, a program, any command.

A command gets the line on its standard input, never on its command line: whatever others write is nothing that a
shell would read.  One runs at a time; while many wait, the newest count.
"""

import subprocess
from collections import deque
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from chat.base import limits
from chat.base.text import visible

Run = Callable[[Sequence[str], str], "Deferred[object]"]
"""Runs a program with a text for its standard input; fires when it has ended."""


class Alerts:
    """Tells of a call as it was chosen to be; `signal` sends the terminal something that takes no room."""

    def __init__(self, signal: Callable[[str], None], run: Run) -> None:
        self.how = "bell"
        self.command = ""
        self._signal = signal
        self._run = run
        self._waiting: deque[str] = deque(maxlen=limits.ALERTS_KEPT)
        self._running = False

    def call(self, title: str, line: str) -> None:
        """Somebody is called by this line."""
        title, line = visible(title), visible(line)
        match self.how:
            case "bell" | "auto":
                self._signal("\a")
            case "osc9":
                self._signal(f"\x1b]9;{title}: {line}\a")
            case "osc777":
                # What stands between its semicolons must hold none.
                self._signal(f"\x1b]777;notify;{title.replace(';', ',')};{line.replace(';', ',')}\a")
            case "notify-send":
                self._run(["notify-send", "--app-name=chat", "--", title, line], "").addBoth(lambda _: None)
        if self.command:
            self._waiting.append(f"{title}: {line}\n")
            self._next()

    def _next(self) -> None:
        if self._waiting and not self._running:
            self._running = True
            self._run(["/bin/sh", "-c", self.command], self._waiting.popleft()).addBoth(self._done)

    def _done(self, _: object) -> None:
        """However it went: what waits goes to it, too."""
        self._running = False
        self._next()


def run_in_thread(argv: Sequence[str], text: str) -> "Deferred[object]":
    """Run a program out of the way; it gets neither the terminal nor for ever."""
    from twisted.internet.threads import deferToThread

    return deferToThread(
        subprocess.run,
        argv,
        input=text.encode("utf-8", "replace"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        timeout=limits.ALERT_SECONDS,
        check=False,
    )
