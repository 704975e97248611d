"""One conversation as a page of its own: the lines on it, in their order, with the days between them.

Older history goes before the first line and new lines behind the last; what was taken back goes away.  Whoever draws
it says `follow` once, and takes the `edits` from then on.  So many lines are kept: the oldest go, and come back from
the server when somebody looks for them.  No screen here.
"""

from collections.abc import Callable, Sequence
from datetime import date

from chat.base import limits
from chat.base.named_tuples import NamedTuple
from chat.client.talk.conversation import LineKind, Shown, is_taken_back
from chat.client.talk.objects import Redacted, Said


class Edit(NamedTuple):
    """So many lines at this place are `removed`, and these are put there."""

    at: int
    removed: int
    added: Sequence[Shown] = ()


class Page:
    """The lines of a conversation; `day_line` makes what stands before those of a day."""

    def __init__(self, day_line: Callable[[date], Shown]) -> None:
        self.lines: list[Shown] = []
        self.scrolled_up = False
        """Somebody looks at older lines, which are not to go under their eyes."""

        self.whole = False
        """There is nothing older."""

        self._day_line = day_line
        self._day: date | None = None
        self._edits: list[Edit] | None = None

    def follow(self) -> Sequence[Shown]:
        """All lines as they stand; every change from here on is an edit."""
        self._edits = []
        return self.lines

    def edits(self) -> list[Edit]:
        """What changed since it was last asked, in this order."""
        edits = self._edits or []
        if edits:
            self._edits = []
        return edits

    @property
    def oldest(self) -> int | None:
        """The number of the first line that has one."""
        for shown in self.lines:
            if isinstance(shown.source, Said) and shown.source.seq is not None:
                return shown.source.seq
        return None

    def add(self, shown: Shown, days: bool = True) -> None:
        """One more line at the end; of those that say where the new ones begin there is one."""
        if shown.kind is LineKind.NEW:
            self._take_away([place for place, line in enumerate(self.lines) if line.kind is LineKind.NEW])
        added = [shown]
        if shown.at is not None and shown.at.date() != self._day:
            self._day = shown.at.date()
            if days:
                added.insert(0, self._day_line(self._day))
        if shown.day is not None:
            self._day = shown.day
        self._edit(Edit(len(self.lines), 0, added))
        self.trim()

    def add_older(self, older: Sequence[Shown], days: bool = True) -> None:
        """Lines that were said before all others."""
        added: list[Shown] = []
        day = None
        for shown in older:
            if days and shown.at is not None and shown.at.date() != day:
                day = shown.at.date()
                added.append(self._day_line(day))
            added.append(shown)
        # What the service says at first has no date.
        first = next((place for place, shown in enumerate(self.lines) if shown.day is not None or shown.at), None)
        if first is not None and day is not None and self.lines[first].day == day:
            self._edit(Edit(first, 1))
        self._edit(Edit(0, 0, added))
        if first is None:
            self._day = day

    def take_back(self, gone: Redacted) -> None:
        """These are to be read no more."""
        self._take_away([place for place, shown in enumerate(self.lines) if is_taken_back(shown, gone)])

    def trim(self) -> None:
        """Let the oldest lines go where there are too many, some at a time."""
        most = limits.PAGE_LINES * (2 if self.scrolled_up else 1)
        over = len(self.lines) - most
        if over >= limits.PAGE_TRIM:
            self._edit(Edit(0, over))
            self.whole = False

    def empty(self) -> None:
        """Nothing stands on it any more; what did is older history."""
        self._edit(Edit(0, len(self.lines)))
        self._day, self.whole = None, False

    def _take_away(self, places: Sequence[int]) -> None:
        for place in reversed(places):
            self._edit(Edit(place, 1))

    def _edit(self, edit: Edit) -> None:
        self.lines[edit.at : edit.at + edit.removed] = edit.added
        if self._edits is not None:
            last = self._edits[-1] if self._edits else None
            if last is not None and not edit.removed and edit.at == last.at + len(last.added):
                self._edits[-1] = last._replace(added=[*last.added, *edit.added])  # lines that come one after another
            else:
                self._edits.append(edit)
