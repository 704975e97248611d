"""Which of a chat's addresses is tried next.  Pure.

They are tried in the order in which they were named, at once and each once; where none of them led in, there is a
pause before the next round.  Who is in stays where they are, and goes on from there.
"""


class Turns:
    """Those of so many addresses, by their numbers; `at` is the one whose turn it is."""

    def __init__(self, count: int) -> None:
        self.at = 0
        self._count = count
        self._tried: set[int] = {0}
        self._barred: set[int] = set()

    @property
    def others(self) -> list[int]:
        """Those that may still be tried in this round, the next one first."""
        return [turn for turn in self._round() if turn not in self._tried]

    def go_on(self) -> bool:
        """It is the next one's turn: at once, or else after a pause, for this was the last of the round."""
        others = self.others
        if not others:
            self._tried.clear()
        self.at = next(iter(others or self._round()), self.at)
        self._tried.add(self.at)
        return bool(others)

    def stayed(self) -> None:
        """Somebody was in by this one for a while: the others may be tried again."""
        self._tried = {self.at}

    def bar(self) -> bool:
        """This one is not tried any more; tells whether there is one that is."""
        self._barred.add(self.at)
        return bool(self._round())

    def pardon(self) -> None:
        """All may be tried again."""
        self._tried = {self.at}
        self._barred.clear()

    def _round(self) -> list[int]:
        """All that are not barred, from the one behind this one to itself."""
        turns = [(self.at + step) % self._count for step in range(1, self._count + 1)]
        return [turn for turn in turns if turn not in self._barred]
