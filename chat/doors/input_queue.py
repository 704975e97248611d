"""The lines of one connection, in their time.

Lines are handled in portions, in `fair_rounds` with the others, so that nobody's burst holds them up; and not while a
command of this client is waiting, it is over its rate or does not read: then the rest of the input waits in the
kernel, and nothing is lost.  Of one that is over its rate some more is read, for what goes
first (see `chat.doors.input_order`).
"""

from collections.abc import Sequence
from itertools import accumulate
from time import perf_counter
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from chat.base import limits
from chat.base.fair_rounds import FairRounds
from chat.base.token_bucket import TokenBucket
from chat.core.turn import Turn
from chat.doors.input_order import Order, Priority
from chat.doors.lines import END_OF_INPUT, INTERRUPT, LineDecoder
from chat.wire.requests import Typed


class Handler(Protocol):
    """Who handles the lines."""

    @property
    def blocked(self) -> bool:
        """They do not read: what they ask is not handled until they do; then `InputQueue.work` is called."""

    @property
    def pondering(self) -> bool:
        """What comes next may not be meant as what it would be taken for: whether more comes is looked at first."""

    def talked(self, lines: Sequence[Typed]) -> int:
        """Say those of these lines, from the first on, that are nothing but talk; returns how many these were."""

    def lineReceived(self, line: Typed) -> None:
        """Do what a line asks; calls `InputQueue.wait` if that takes time."""

    def slowed(self) -> None:
        """Lines come too fast: from now on they wait."""

    def order(self) -> Order:
        """In which order the lines that wait from now on are handled."""

    def dropped(self, lines: Sequence[Typed]) -> None:
        """Those of the lines that waited are not handled: the next one drops them."""

    def interrupted(self) -> None:
        """They pressed what stops, and lines were dropped."""

    def hung_up(self) -> bool:
        """Whether nobody is there any more, though lines of theirs wait."""

    def finished(self) -> None:
        """The input has ended, and all of it that could be handled was."""

    def pause(self, paused: bool) -> None:
        """Read from the socket no more, or again."""


class InputQueue:
    """What one client sends, on its way to being handled."""

    __slots__ = (
        "_ahead", "_bytes", "_clock", "_closed", "_fasting", "_first", "_handled_at", "_handler", "_held", "_in_line",
        "_lines", "_order", "_pace", "_pondered", "_rounds", "_scheduled", "_slowed", "_turn", "_waiting", "_working",
        "decoder", "delayed", "ended", "heard", "paused", "signed_off",
    )  # fmt: skip

    decoder: LineDecoder
    """What makes lines of it, and knows what telnet is to be answered."""

    delayed: bool
    """The line that takes time waits for its turn."""

    ended: bool
    """Nothing more comes."""

    heard: int
    """0: nothing came yet; 1: something did; 2: something did since `look`."""

    paused: bool
    """Their socket is not read."""

    signed_off: bool
    """They have typed the end of their input themselves."""

    def __init__(self, handler: Handler, clock: IReactorTime, turn: Turn, rounds: FairRounds, rate: float) -> None:
        self.delayed = self.ended = self.paused = self.signed_off = False
        self.heard = 0
        self._handler = handler
        self._clock = clock
        self._turn = turn
        self._rounds = rounds
        self._in_line = False
        self.decoder = LineDecoder()
        self._lines: list[Typed] = []  # the next one last
        self._first = 0  # how many of them go before the others
        self._ahead = 0  # the characters in them, or more
        self._order: Order | None = None  # of those that wait for their time
        self._pace = TokenBucket(limits.BURST, rate, clock.seconds())
        self._bytes = TokenBucket(limits.READ_BURST, limits.READ_LINES * limits.LINE * rate, clock.seconds())
        self._fasting: IDelayedCall | None = None  # until more bytes may be read
        self._scheduled: IDelayedCall | None = None
        self._working = False
        self._waiting = False
        self._held = False
        self._closed = False
        self._slowed = False
        self._pondered = False
        self._handled_at = 0.0

    @property
    def rate(self) -> float:
        """Lines a second that are handled of a client who is faster."""
        return self._pace.rate

    def __len__(self) -> int:
        """How many lines wait."""
        return len(self._lines)

    @property
    def first(self) -> Typed | None:
        """The line that is handled next."""
        return self._lines[-1] if self._lines else None

    def feed(self, data: bytes) -> None:
        """Bytes came; `work` then handles the lines in them."""
        self.heard = 2
        self._bytes.take(len(data))
        lines = self.decoder.feed(data)
        if self._order is not None and (self._lines or self.delayed):
            self._ahead += len(data)
            self._put_in_order(lines)
        else:
            self._order = None
            self._lines[:0] = lines[::-1]

    def look(self) -> bool:
        """Whether something came since the last look, or could not have come, or waits for its time."""
        news = self.paused or bool(self._lines) or self.heard == 2
        self.heard = min(self.heard, 1)
        return news

    def end(self) -> None:
        """No more bytes come, and a last line without its end is one; `work` then handles it."""
        self.ended = True
        self._lines[:0] = self.decoder.end()[::-1]

    def wait(self) -> None:
        """A line takes time: handle no other before `go_on`, as replies keep the order of lines."""
        self._waiting = True

    def delay(self) -> None:
        """The line that takes time waits for its turn; what goes before other lines is read meanwhile."""
        self.delayed = True
        self._put_all_in_order()

    def go_on(self) -> None:
        """What was waited for is done."""
        self._waiting = self._held
        self.delayed = False
        self.work()

    def hold(self) -> None:
        """Handle no more lines: the server stops."""
        self._held = self._waiting = True
        self._pause(True)

    def close(self) -> int:
        """Nothing more is handled; returns how many lines will not be."""
        self._closed = True
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        if self._fasting is not None:
            self._fasting.cancel()
            self._fasting = None
        return self.forget()

    def forget(self) -> int:
        """The lines that wait will not be handled; returns how many they are."""
        count = len(self._lines)
        self._lines.clear()
        self._first = 0
        return count

    def work(self) -> None:
        """Handle lines until there are none, or something has to happen first; then read no more than is handled."""
        if self._working or self._closed:
            return
        if self._lines and not self._in_line:
            if self._rounds.busy:
                self._stand_in_line(for_more=False)
            else:
                self._handle_some()
        self._see_to_the_rest()

    def _stand_in_line(self, for_more: bool) -> None:
        self._in_line = True
        self._rounds.stand_in_line(self._their_turn, for_more)

    def _their_turn(self) -> None:
        self._in_line = False
        if not self._closed:
            self._handle_some()
            self._see_to_the_rest()

    def _handle_some(self) -> None:
        """Handle a portion of the lines."""
        self._working = True
        budget, begun = limits.LINES_PER_READ, perf_counter()
        while self._lines and self._is_free:
            if not budget or perf_counter() - begun > limits.PORTION_SECONDS:
                self._stand_in_line(for_more=True)
                break
            allowed = self._allowed(budget)
            if not allowed:
                break
            budget -= self._handle(allowed)
        self._working = False

    def _see_to_the_rest(self) -> None:
        """Of the lines that were not handled, and of the input's end."""
        if self._bytes.overdrawn and self._fasting is None and not self._closed:
            self._fast()
        if not (self._lines or self.ended or self.paused or self._fasting):
            return
        if self._is_over and not (self._waiting or self._closed):
            self._handler.finished()
        waits = bool(self._lines) and not (self._handler.pondering or self._reads_ahead())
        self._pause(waits or self._fasting is not None)

    def _fast(self) -> None:
        """So many bytes came that no more are read for a while."""
        if not self._bytes.allows(1, self._clock.seconds()):
            self._fasting = self._clock.callLater(self._bytes.wait(), self._read_on)

    def _read_on(self) -> None:
        self._fasting = None
        self._see_to_the_rest()

    def _reads_ahead(self) -> bool:
        """Lines wait for nothing but their time, and there is room for what may go before them."""
        if self._order is None or not (self._scheduled or self.delayed) or len(self._lines) >= limits.AHEAD_LINES:
            return False
        if self.paused or self._ahead >= limits.AHEAD:
            self._ahead = sum(len(line) for line in self._lines if isinstance(line, str))
        # Who was full reads on when half of it is handled, so that it is not counted for each byte.
        return self._ahead < (limits.AHEAD // 2 if self.paused else limits.AHEAD)

    def _put_all_in_order(self) -> None:
        """From now on lines wait for their time."""
        if self._order is None:
            self._order = self._handler.order()
            self._ahead = limits.AHEAD  # it is counted when that matters
            lines, self._lines = self._lines[::-1], []
            self._put_in_order(lines)

    def _put_in_order(self, lines: Sequence[Typed]) -> None:
        """Take lines in where others wait for their time."""
        assert self._order is not None
        last: list[Typed] = []
        for line in lines:
            place = self._order.place(line)
            if place is Priority.LAST:
                last.append(line)
                continue
            if place is Priority.INSTEAD:
                waiting = len(self._lines) - self._first
                dropped = self._lines[:waiting][::-1] + last
                if line == INTERRUPT and not (dropped or self.delayed):
                    continue
                del self._lines[:waiting]
                last.clear()
                self._handler.dropped(dropped)
            self._lines.insert(len(self._lines) - self._first, line)
            self._first += 1
        self._lines[:0] = last[::-1]

    def _handle(self, most: int) -> int:
        """Handle one line, or up to so many that can be said together; returns how many these were."""
        self._pondered = False
        lines = self._lines[: -most - 1 : -1]
        prices = None
        if max(map(len, lines)) > limits.LINE_CHEAP:
            prices = list(map(_price, lines))
            del lines[_affordable(prices, most) :]
        talked = self._handler.talked(lines)
        self._pace.take(sum(prices[: talked or 1]) if prices else talked or 1)
        if talked:
            del self._lines[-talked:]
            return talked
        line = self._lines.pop()
        if self._first:
            self._first -= 1
        if line == END_OF_INPUT:
            self._lines.clear()
            self.ended = self.signed_off = True
        elif line == INTERRUPT:
            self._handler.interrupted()
        else:
            self._handled_at = self._clock.seconds()
            self._handler.lineReceived(line)
        return 1

    @property
    def _is_free(self) -> bool:
        """Nothing is under way that calls `work` when it is over."""
        return not (self._waiting or self._closed or self._handler.blocked or self._scheduled is not None)

    def _allowed(self, most: int) -> int:
        """How many of the next lines may be handled now; if none, `work` is called when one may."""
        if self._turn.crowded:
            self._waiting = True
            self._turn.when_calm(self.go_on)
            return 0
        if self._handler.pondering and not self._pondered and not self._was_read:
            self._pondered = True
            self._work_later(limits.NICK_PAUSE_SECONDS)
            return 0
        allowed = self._pace.allows(most, self._clock.seconds())
        if not allowed:
            if not self._slowed:
                self._slowed = True
                self._handler.slowed()
            self._put_all_in_order()
            self._work_later(self._pace.wait())
        elif self._slowed and self._pace.rested:
            self._slowed = False
        return allowed

    @property
    def _was_read(self) -> bool:
        """They had time to read the answer to their last line before they sent the next."""
        return self._clock.seconds() - self._handled_at >= limits.NICK_READ_SECONDS

    @property
    def _is_over(self) -> bool:
        """The input has ended; so it has, in effect, where more lines wait for a nickname than anybody types."""
        if self._handler.pondering:
            return self.ended or len(self._lines) > limits.LINES_PER_READ
        return self.ended and not self._lines

    def _work_later(self, seconds: float) -> None:
        self._scheduled = self._clock.callLater(seconds, self._work_now)

    def _work_now(self) -> None:
        self._scheduled = None
        if self._order is not None and self._lines and self._handler.hung_up():
            self.forget()
            self.ended = True
        self.work()

    def _pause(self, paused: bool) -> None:
        if paused != self.paused and not self._closed:
            self.paused = paused
            self._handler.pause(paused)


def _price(line: Typed) -> int:
    """How many lines of the rate this one takes."""
    size = len(line.encode("utf-8", "surrogatepass")) if isinstance(line, str) else min(len(line), limits.LINE)
    return max(1, -(-size // limits.LINE_PRICE))


def _affordable(prices: Sequence[int], most: int) -> int:
    """How many of the first lines can be paid for together; the first one at any rate, the next ones then wait."""
    return max(1, sum(paid <= most for paid in accumulate(prices)))
