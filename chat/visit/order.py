"""In which order lines are handled that wait for their time.  Pure.

A paste by mistake must be stoppable, and who waits may look around: `/cancel` and a second `/quit` put an end to what
stands before them, `/ping`, `/who` and `/help` go first.  All else keeps its order; a first `/quit` too, for scripts
end with it.  In a draft only `/cancel` is a command of these, the others are its text.
"""

from collections.abc import Callable
from enum import Enum

from chat.wire.requests import INTERRUPT, Typed

_FIRST = frozenset(("ping", "who", "help"))


class Priority(Enum):
    """Where a line goes."""

    LAST = "behind those that wait"
    FIRST = "before those that wait"
    INSTEAD = "instead of those that wait, which are dropped"


class Order:
    """The places of the lines of one connection, from the moment on at which they have to wait."""

    __slots__ = ("_drafting", "_name", "_quitting")

    def __init__(self, name: Callable[[Typed], str], drafting: bool) -> None:
        """`name` says which command a line is, "" for none."""
        self._name = name
        self._drafting = drafting
        self._quitting = False

    def place(self, line: Typed) -> Priority:
        """The place of the next line that came."""
        name = "cancel" if line == INTERRUPT else self._name(line)
        if name == "cancel" or (name == "quit" and self._quitting and not self._drafting):
            self._drafting = self._quitting = False
            return Priority.INSTEAD
        if self._drafting:
            self._drafting = name != "end"
            return Priority.LAST
        self._drafting = name == "paste"
        self._quitting = self._quitting or name == "quit"
        return Priority.FIRST if name in _FIRST else Priority.LAST
