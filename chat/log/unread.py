"""What others said to somebody, and what of it calls them: what is new for them is counted by it, wherever it is."""

from collections.abc import Iterable
from itertools import islice

from chat.base import limits
from chat.base.mentions import calls
from chat.base.named_tuples import NamedTuple
from chat.log.events import Entry, Fact
from chat.log.tail import said


class Listener(NamedTuple):
    """Somebody, by their id and their nickname, and the ids of those whom they do not hear."""

    person: str
    nick: str
    ignored: frozenset[str] = frozenset()


class Unread(NamedTuple):
    """How many things others said behind a place, and how many of these call somebody."""

    said: int = 0
    mentions: int = 0


def count(key: str, entries: Iterable[Entry], listener: Listener) -> Unread:
    """How much of the last `UNREAD_MOST` things in the log of this key is new for somebody; the newest come first."""
    of_others = [entry.fact for entry in islice(said(entries), limits.UNREAD_MOST) if is_heard(entry.fact, listener)]
    return Unread(len(of_others), sum(is_for(key, fact, listener) for fact in of_others))


def is_heard(fact: Fact, listener: Listener) -> bool:
    """Whether another one did it, whom they hear."""
    return fact.author is None or fact.author.person not in (listener.person, *listener.ignored)


def is_for(key: str, fact: Fact, listener: Listener) -> bool:
    """Whether it calls them: all that stands in their own log does."""
    return key == "@" + listener.person or calls(listener.nick)(getattr(fact, "text", ""))
