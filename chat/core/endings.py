"""Why all sessions of somebody end, for those on other nodes: what is stored tells that they do, and not why."""

import json
from collections.abc import Iterable

from chat.base.errors import Refused
from chat.base.language import Sentence
from chat.core.ports import Record

_ENDED = "ended"
"""The kind of a record that goes with the end of the sessions, and is kept nowhere: it takes away what is not there."""


def ended(person: str, why: Sentence) -> Record:
    """Those of whoever has this id; of a sentence without fields."""
    return Record(_ENDED, json.dumps([person, why.text]), None)


def why_ended(person: str, records: Iterable[Record]) -> Refused | None:
    """What they are told, where these records say it."""
    for record in records:
        if record.kind == _ENDED:
            id, text = json.loads(record.key)
            if id == person:
                return Refused("taken-over", Sentence(text, {}))
    return None
