"""What a reply says to people, and which facts programs get: every kind of them."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple, get_args, get_origin, get_type_hints

import pytest

from chat.base.language import Sentence, language, say
from chat.wire import replies
from chat.wire.answers import Reply
from chat.wire.json_wire import JsonFormat, JsonWire
from chat.wire.plain import Plain, PlainFormat
from chat.wire.prose import sentences

KINDS = get_args(replies.Facts)


def some(kind: object, name: str = "tea") -> object:
    """Something of this type."""
    if kind in (str, str | None):
        return {"languages": "en", "languages2": "es"}.get(name, name)
    if kind is bool:
        return True
    if kind in (int, int | None):
        return 2
    if kind in (datetime, datetime | None):
        return datetime(2026, 11, 22, tzinfo=UTC)
    if kind in (float, float | None):
        return 0.5
    if kind == Mapping[str, int]:
        return {name: 2}
    if kind is Sentence:
        return say("yes")
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) is Sequence:
        return [some(get_args(kind)[0], name), some(get_args(kind)[0], f"{name}2")]
    return kind(**{name: some(kind, name) for name, kind in get_type_hints(kind).items()})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", ["en", "es"])
def test_each_kind_of_reply_is_told_in_whole_sentences(kind: type, code: str) -> None:
    facts = some(kind)
    told = [language(code).words(sentence) for sentence in sentences(facts)]
    assert told
    assert all(told)
    lines = Plain(PlainFormat(language(code))).answer(Reply("x", facts)).decode().splitlines()
    assert all(re.match("->( |   )", line) for line in lines)
    (keys,) = map(json.loads, JsonWire(JsonFormat(language(code))).answer(Reply("x", facts, "1")).splitlines())
    assert keys["text"] == "\n".join(told)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fact_that_programs_do_not_get_stands_in_the_sentence(kind: type) -> None:
    facts = some(kind)
    (keys,) = map(json.loads, JsonWire(JsonFormat(language("en"))).answer(Reply("x", facts)).splitlines())
    got = keys.keys() - {"type", "command", "text"}
    fields = {name.rstrip("_"): name for name in kind._fields}
    assert got <= fields.keys()
    for name in fields.keys() - got:
        assert differs(facts, fields[name]), name


def differs(facts: NamedTuple, name: str) -> bool:
    """Whether another value of this fact is told otherwise."""
    value = getattr(facts, name)
    for other in ("dee", "users", 7, False, None, [], [say("no")]):
        if type(other) is type(value) or (other is None and isinstance(value, str)):
            words = [language("en").words(sentence) for sentence in sentences(facts)]
            changed = [language("en").words(sentence) for sentence in sentences(facts._replace(**{name: other}))]
            if words != changed:
                return True
    return False
