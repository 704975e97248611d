"""Entries as rows of the table `entries` of a database, and back.

A row's id is the entry's place: the number of its log, then its number in that log.  So a log is one range of ids,
in the table as in the search index.  What a fact has beside its author and what was said stands in `details`, under
the names of its fields; under `author`, where they are a bot or are shown otherwise than by their nickname.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, get_args, get_type_hints

from chat.base import names
from chat.base.patterns import pattern
from chat.log.events import (
    Action,
    Annotated,
    Announced,
    Audited,
    Author,
    Entry,
    Fact,
    Invited,
    Joined,
    Left,
    Measured,
    Message,
    NotDelivered,
    OtherDevice,
    PrivacySet,
    Private,
    Redacted,
    Renamed,
    RoleGiven,
    Said,
    StopAnnounced,
    TopicSet,
)
from chat.log.private_talk import partner

SEQ_BITS = 36
"""Numbers of one log: a thousand a second for two years; it leaves 2^27 logs."""
SEQ_MOST = (1 << SEQ_BITS) - 1

COLUMNS = "entries.id, at, kind, person, session, nick, text, details"
"""What `entry` reads."""


def entry_size(text: str | None) -> int:
    """What an entry takes in a database, roughly, by what was said: its bytes, half as much in the search index, and
    what its row and its places in the other indexes need (measured: a short line took 204 bytes, where this says 240).
    """
    if text is None:
        return 150
    return 150 + (len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))) * 3 // 2


_KINDS: Mapping[str, type[Fact]] = {
    "message": Message,
    "action": Action,
    "private": Private,
    "joined": Joined,
    "left": Left,
    "renamed": Renamed,
    "topic": TopicSet,
    "role": RoleGiven,
    "measure": Measured,
    "privacy": PrivacySet,
    "invited": Invited,
    "announced": Announced,
    "stop": StopAnnounced,
    "not-delivered": NotDelivered,
    "audited": Audited,
    "redacted": Redacted,
    "other-device": OtherDevice,
}
_NAMES = {kind: name for name, kind in _KINDS.items()} | {Annotated: "message"}
_SAID = get_args(Said)
_ELSEWHERE = ("author", "authors", "operators", "voiced", "tags", "breaks")
"""Fields that have columns of their own, or that no store keeps."""

_DETAILS = {
    kind: [
        field.name
        for field in fields(kind)
        if field.name not in _ELSEWHERE and not (field.name == "text" and issubclass(kind, _SAID))
    ]
    for kind in _NAMES
}

KINDS = ", ".join(f"'{kind}'" for kind in _KINDS)
SAID_KINDS = ", ".join(f"'{_NAMES[kind]}'" for kind in _SAID)
"""The kinds of entries, and of those that people said, as SQL lists them."""

KINDS_WITHOUT_AUTHOR = ", ".join(
    f"'{name}'" for name, kind in _KINDS.items() if type(None) in get_args(get_type_hints(kind)["author"])
)
"""The kinds of entries that may have nobody who did it, likewise."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# SQLite would cut a text at the one, PostgreSQL refuses it, and neither holds the others; `text.visible` lets none of
# them through.
_UNKEEPABLE = pattern("[\0\ud800-\udfff]")


@lru_cache(1)  # all that a turn brings has one date
def microseconds(at: datetime) -> int:
    """A date as it is stored: since 1970, in UTC."""
    return (at - _EPOCH) // _MICROSECOND


def date(at: int) -> datetime:
    """A stored date."""
    return _EPOCH + timedelta(microseconds=at)


DATES = 0, microseconds(datetime(9000, 1, 1, tzinfo=UTC))
"""What a date can be that was ever stored: any clock's, and so that a time zone does not lead beyond what there is."""


def is_usual(fact: Fact) -> bool:
    """Whether it is a message that somebody said as they are, as nearly all are."""
    return type(fact) is Message and not (fact.author.bot or fact.author.shown)


def values_of_message(log: int, entry: Entry) -> tuple[object, ...]:
    """An entry of this log that `is_usual`: these few values cost a fifth less (measured)."""
    seq, at, fact, _ = entry
    assert isinstance(fact, Message)
    author = fact.author
    place = (log << SEQ_BITS) + seq
    return place, microseconds(at), author.person, author.session, storable(author.nick), storable(fact.text)


def values(log: int, key: str, entry: Entry) -> list[object]:
    """Any entry of the log of this number and key."""
    seq, at, fact, _ = entry
    kind, author = type(fact), fact.author
    details = {name: getattr(fact, name) for name in _DETAILS[kind]}
    for name in ("notice", "put_out", "fact", "most"):  # rare
        if not details.get(name, True):
            del details[name]
    if author is not None and (author.bot or author.shown):
        details["author"] = {"bot": author.bot, "shown": author.shown}
    return [
        (log << SEQ_BITS) + seq,
        microseconds(at),
        _NAMES[kind],
        *((author.person, author.session, storable(author.nick)) if author is not None else (None,) * 3),
        storable(fact.text) if isinstance(fact, Said) else None,
        # In ASCII, so that every character comes back as it was.
        json.dumps(details, default=microseconds) if details else None,
        storable(names.fold(partner(key, fact) or "")) if isinstance(fact, Private) else None,
    ]


def entry(row: Sequence[Any]) -> Entry:
    """The entry of a row of these `COLUMNS`."""
    place, at, *rest = row
    return Entry(place & SEQ_MOST, date(at), fact_of(*rest))


def fact_of(kind: str, person: Any, session: Any, nick: Any, text: Any, details: Any) -> Fact:
    """What the columns behind the place and the date tell of."""
    if kind == "message" and details is None and person is not None and text is not None:  # nearly all: half the time
        return Message(Author(person, session, nick), text)
    parts: dict[str, Any] = json.loads(details) if details else {}
    for name, part in parts.items():
        if isinstance(part, list):
            parts[name] = tuple(part)
    if kind == "redacted":
        parts["said_at"] = date(parts["said_at"])
    marks = parts.pop("author", {})
    parts["author"] = Author(person, session, nick, **marks) if person is not None else None
    if text is not None:
        parts["text"] = text
    made = Annotated if "notice" in parts and kind == "message" else _KINDS[kind]
    return made(**parts)


def storable(text: str) -> str:
    """A text that a database holds as it is."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNKEEPABLE.sub("\ufffd", text)


def as_json(rows: object, default: Callable[[Any], object] | None = None) -> str:
    """Rows, or more than one kind of them, as one parameter, which one statement takes apart."""
    text = json.dumps(rows, ensure_ascii=False, default=default)
    if "\\u0000" in text or (not text.isascii() and _UNKEEPABLE.search(text)):
        text = json.dumps(_storable(rows), ensure_ascii=False, default=default)
    return text


def _storable(part: object) -> object:
    """The same with texts that a database holds as they are."""
    match part:
        case str():
            return storable(part)
        case dict():
            return {key: _storable(value) for key, value in part.items()}
        case list() | tuple():
            return [_storable(one) for one in part]
    return part


def in_ascii(id: str) -> str:
    """An id that a program made up, so that two different ones stay different whatever is in them."""
    return json.dumps(id)
