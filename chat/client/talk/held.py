"""One conversation of several: what is held of it until somebody goes there, how much of it is new, and who is there.

The server counts what is new, too, on whatever device it was read; what came here and what only the server knows of
are kept apart, so that nothing counts twice.  Pure.
"""

from collections import deque
from datetime import datetime

from chat.base import limits
from chat.base.named_tuples import NamedTuple
from chat.client.talk.conversation import Shown, is_taken_back
from chat.client.talk.folding import Fold
from chat.client.talk.objects import Redacted, Said, Standing
from chat.client.talk.page import Page


class Somebody(NamedTuple):
    """Who is in a room; what they said about being `away`, and whether their line is `down`."""

    nick: str
    away: str | None = None
    down: bool = False
    role: str = "member"
    bot: bool = False


class Talk:
    """One conversation, and what is held of it: lines that were not printed yet, of very many the newest."""

    def __init__(self, page: Page, most: int) -> None:
        self.page = page
        self.held: deque[Shown] = deque(maxlen=most)
        self.lost = 0
        self.fold = Fold()
        self.spoke: dict[str, datetime] = {}
        self.users: dict[str, None] = {}
        self.people: dict[str, Somebody] = {}
        """What was told of those who were there when it was last asked."""

        self.oldest: int | None = None
        self.away = False
        """Whoever this is with said so, or the server did."""

        self.newest = 0
        """The last number that was printed."""

        self.read: int | None = None
        """Up to where the server knows that it was read; None where it keeps nothing of the kind."""

        self.new: deque[tuple[int, bool]] = deque(maxlen=limits.UNREAD_MOST)
        """The numbers of lines that came and were not printed, and which call somebody; of very many the newest."""

        self.before = self.before_mentions = 0
        """So much is new, and calls, that the server counted and that has not come here."""

        self.counted = 0
        """Up to this number it counted."""

    @property
    def unread(self) -> int:
        """How much is new."""
        return self.before + len(self.new)

    @property
    def mentions(self) -> int:
        """How much of that calls somebody."""
        return self.before_mentions + sum(called for _, called in self.new)

    def stands(self, standing: Standing) -> None:
        """The server tells how far this was read, on whatever device, and how much is new."""
        if standing.read is not None:
            self.read_elsewhere(standing.read)
            self.read = standing.read
        if standing.unread is not None:
            self.counted = standing.last or 0
            self.before = max(0, standing.unread - len(self.new))
            self.before_mentions = max(0, (standing.mentions or 0) - sum(called for _, called in self.new))

    def taken_back(self, gone: Redacted) -> None:
        """Lines that are held, and count as new, are neither any more."""
        for shown in [shown for shown in self.held if is_taken_back(shown, gone)]:
            self.held.remove(shown)
            if isinstance(shown.source, Said):
                left = (line for line in self.new if line[0] != shown.source.seq)
                self.new = deque(left, maxlen=limits.UNREAD_MOST)

    def came(self, seq: int, called: bool) -> None:
        """A line came that is not printed."""
        if seq <= self.counted:
            self.before = max(0, self.before - 1)
            self.before_mentions = max(0, self.before_mentions - called)
        self.new.append((seq, called))

    def read_elsewhere(self, seq: int) -> None:
        """Another device has read so far."""
        if self.read is not None:
            self.read = max(self.read, seq)
        new = [line for line in self.new if line[0] > seq]
        self.new.clear()
        self.new.extend(new)
        if seq >= self.counted:
            self.before = self.before_mentions = 0

    def seen(self) -> int:
        """Nothing of it is new any more; returns how much was not shown."""
        gone = self.lost + self.before
        self.lost = self.before = self.before_mentions = 0
        self.new.clear()
        return gone

    def hold(self, shown: Shown) -> None:
        """Keep a line for later."""
        self.lost += len(self.held) == self.held.maxlen
        self.held.append(shown)
