"""When two names are the same to a reader, as the tests understand it: any key of the one is a key of the other."""

from chat.names import keys


def same(one: str, other: str) -> bool:
    """Whether two names are the same or too alike."""
    return not set(keys(one)).isdisjoint(keys(other))
