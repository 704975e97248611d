"""What an entry looks like when somebody in it is forgotten: they have no name any more, and what they said is gone."""

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any

from chat.base import names
from chat.base.named_tuples import NamedTuple
from chat.log.events import Author, Entry, Redacted, Said

NOBODY = "?"
"""Stands where their nickname stood; it can be nobody's."""

_NAMED = ("to", "nick", "name", "whose")
_MANY = ("who", "operators", "voiced")
_WORDS = ("text", "why")


class Forgotten(NamedTuple):
    """Somebody, or several: by their ids, and by the nicknames that they had, folded."""

    ids: Collection[str]
    nicks: Collection[str]

    def said(self, entry: Entry) -> bool:
        """Whether they said it, or said why."""
        return entry.fact.author is not None and entry.fact.author.person in self.ids


def without(entry: Entry, gone: Forgotten) -> Entry:
    """This entry without them; the very same where they are not in it."""
    fact, mine = entry.fact, gone.said(entry)
    whom = getattr(fact, "to_person", "") or getattr(fact, "about", "")
    others = bool(whom) and whom not in gone.ids  # who has a nickname by now that one of them had
    if mine and isinstance(fact, Said):
        return entry._replace(fact=Redacted(None, (entry.seq,), entry.at), id=None)
    changes: dict[str, Any] = {}
    for field in fields(fact):
        value = getattr(fact, field.name)
        if field.name == "author" and mine:
            changes["author"] = Author("", "", NOBODY)
        elif field.name in _WORDS and mine and value:
            changes[field.name] = ""
        elif field.name in _NAMED and not others and isinstance(value, str) and names.fold(value) in gone.nicks:
            changes[field.name] = NOBODY
        elif field.name in ("to_person", "about") and value in gone.ids:
            changes[field.name] = ""
        elif field.name == "authors" and any(author.person in gone.ids for author in value):
            changes["authors"] = ()  # as it comes from the store, too
        elif field.name in _MANY and any(names.fold(nick) in gone.nicks for nick in value):
            changes[field.name] = tuple(NOBODY if names.fold(nick) in gone.nicks else nick for nick in value)
    return entry._replace(fact=replace(fact, **changes)) if changes else entry
