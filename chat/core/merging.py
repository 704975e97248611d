"""What two nodes made of somebody at the same time, put together.

Each began from what both had been told.  What only one of them changed is as that one made it; of what both changed,
ours is it: it is stored later.  But of two passwords, and two tokens with one name, the first is it, for who chose
the other one is told that it is none; and who gave the account up has none.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from chat.base.names import fold
from chat.core.ports import PersonRecord
from chat.core.progress import furthest

K = TypeVar("K")
V = TypeVar("V")


def merged(before: PersonRecord, ours: PersonRecord, theirs: PersonRecord) -> PersonRecord:
    """What comes of the two, field by field; of those that hold many, one by one."""
    if ours == before:
        return theirs
    parts: dict[str, Any] = {}
    for field in PersonRecord._fields:
        one, other, old = (getattr(record, field) for record in (ours, theirs, before))
        if field == "read":
            parts[field] = furthest(one, other)
        elif field == "password" and one is not None:
            parts[field] = one if other == old else other
        elif field in ("entered_at", "spoke_at"):
            parts[field] = max(one, other)
        elif field == "senders":
            parts[field] = tuple(_of_both(*(dict.fromkeys(ids) for ids in (old, one, other))))
        elif field == "tokens":
            both = _of_both(*({token.digest: token for token in some} for some in (old, one, other))).values()
            first = {fold(token.name): token for token in reversed([*both])}
            parts[field] = [token for token in both if first[fold(token.name)] is token]
        elif isinstance(one, Mapping):
            parts[field] = _of_both(old, one, other)
        else:
            parts[field] = other if one == old else one
    return PersonRecord(**parts)


def _of_both(before: Mapping[K, V], ours: Mapping[K, V], theirs: Mapping[K, V]) -> dict[K, V]:
    """Theirs with what we changed: in their order, and ours that is new behind it."""
    found = {key: value for key, value in theirs.items() if key in ours or key not in before}
    for key, value in ours.items():
        if key not in before or (value != before[key] and key in theirs):
            found[key] = value
    return found
