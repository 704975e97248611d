"""When two names are the same to a reader: one of them is taken where somebody has the other."""

from chat.core.nicknames import Nicknames


def same(one: str, other: str) -> bool:
    """Whether two names are the same or too alike."""
    nicknames = Nicknames[str]()
    nicknames.claim(one, "somebody")
    return nicknames.holder(other) is not None
