"""Whom somebody talked with in private."""

from chat.log.events import Fact, Private, Redacted


def partner(key: str, fact: Fact) -> str | None:
    """The nickname, at that time, of the other one, where it is of private talk and stands in this log; else None."""
    if not isinstance(fact, Private | Redacted) or fact.author is None or not fact.to:
        return None
    return fact.to if key == "@" + fact.author.person else fact.author.nick
