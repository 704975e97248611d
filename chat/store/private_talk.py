"""Whom somebody talked with in private."""

from chat.base import names
from chat.log.events import Private


def partner(key: str, private: Private) -> str:
    """The folded nickname, at that time, of the other one in private talk that stands in this log."""
    return names.fold(private.to if key == "@" + private.author.person else private.author.nick)
