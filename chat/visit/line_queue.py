"""The lines of one visit that wait, in the order in which they are handled.  Pure.

That is the order in which they came, until lines have to wait for their time: from then on some overtake others, or
drop them (see `chat.visit.order`), and so more is read than is handled, within limits.
"""

from collections.abc import Sequence
from itertools import accumulate

from chat.base import limits
from chat.visit.order import Order, Priority
from chat.wire.requests import INTERRUPT, Typed


class LineQueue:
    """What one client has sent and what was not handled yet."""

    __slots__ = ("_ahead", "_first", "_order", "lines", "rest")

    lines: list[Typed]
    """The next one last."""

    rest: Sequence[Typed]
    """Lines behind these, the next one first, of which it is not known yet which of them overtake (see `place`)."""

    def __init__(self) -> None:
        self.lines = []
        self.rest = ()
        self._first = 0  # how many of them go before the others
        self._ahead = 0  # the characters in them, or more
        self._order: Order | None = None  # of those that wait for their time

    def __bool__(self) -> bool:
        return bool(self.lines or self.rest)

    def __len__(self) -> int:
        """How many lines wait."""
        return len(self.lines) + len(self.rest)

    @property
    def in_order(self) -> bool:
        """Lines wait for their time."""
        return self._order is not None

    def add(self, lines: Sequence[Typed], size: int, one_waits: bool) -> Sequence[Typed] | None:
        """Lines came, in so many bytes, while the one before them waits or not; returns those that they drop.

        That may be none of them, but the one that waits; None is returned where nothing is to be dropped.
        """
        if self._order is not None and (self.lines or self.rest or one_waits):
            self._ahead += size
            if self.rest:
                self.rest = [*self.rest, *lines]
                return None
            self.rest = lines
            return self.place(one_waits)
        self._order = None
        self.lines[:0] = lines[::-1]
        return None

    def begin_to_wait(self, order: Order, one_waits: bool) -> Sequence[Typed] | None:
        """From now on lines wait for their time; returns what `add` does."""
        self._order = order
        self._ahead = limits.AHEAD  # it is counted when that matters
        self.rest = self.lines[::-1]
        self.lines.clear()
        return self.place(one_waits)

    def place(self, one_waits: bool) -> Sequence[Typed] | None:
        """Put some of the `rest` in order: each has to be read for that, which takes a moment; returns what `add`
        does."""
        order, lines = self._order, self.rest
        assert order is not None
        self.rest = lines[limits.LINES_PER_READ :]
        dropped: list[Typed] | None = None
        last: list[Typed] = []
        for line in lines[: limits.LINES_PER_READ]:
            place = order.place(line)
            if place is Priority.LAST:
                last.append(line)
                continue
            if place is Priority.INSTEAD:
                waiting = len(self.lines) - self._first
                some = self.lines[:waiting][::-1] + last
                if line == INTERRUPT and not (some or one_waits):
                    continue
                del self.lines[:waiting]
                last.clear()
                dropped = [*(dropped or ()), *some]
                one_waits = False
            self.lines.insert(len(self.lines) - self._first, line)
            self._first += 1
        self.lines[:0] = last[::-1]
        return dropped

    def pop(self) -> Typed:
        """The next line."""
        if self._first:
            self._first -= 1
        return self.lines.pop()

    def put_back(self, line: Typed) -> None:
        """A line was not handled after all."""
        self.lines.append(line)

    def forget(self) -> Sequence[Typed]:
        """Returns the lines in their order, which will not be handled."""
        lines = [*self.lines[::-1], *self.rest]
        self.lines.clear()
        self.rest = ()
        self._first = 0
        return lines

    def has_room_ahead(self, paused: bool) -> bool:
        """Whether more may be read while lines wait for their time, for what may go before them."""
        if self.rest or len(self.lines) >= limits.AHEAD_LINES:
            return False
        if paused or self._ahead >= limits.AHEAD:
            self._ahead = sum(len(line) for line in self.lines if isinstance(line, str))
        # Who was full reads on when half of it is handled, so that it is not counted for each byte.
        return self._ahead < (limits.AHEAD // 2 if paused else limits.AHEAD)


def _price(line: Typed) -> int:
    """How many lines of the rate this one takes."""
    size = len(line.encode("utf-8", "surrogatepass")) if isinstance(line, str) else min(len(line), limits.LINE)
    return max(1, -(-size // limits.LINE_PRICE))


def affordable(lines: list[Typed], most: int) -> Sequence[int]:
    """Leave of these lines those that can be paid for together, and the first one at any rate; returns their prices."""
    prices = list(map(_price, lines))
    del lines[max(1, sum(paid <= most for paid in accumulate(prices))) :]
    return prices
