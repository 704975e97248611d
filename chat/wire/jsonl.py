"""The objects of programs: one in JSON a line, ended by LF; see `chat.wire.json_wire` for when the server sends them.

Input is an object `{"line": "/msg bob hi", "id": "c42", "room": "#ops"}`, or a plain line as a person types it: one
grammar for both wires.  What is JSON as a whole, and no object, is a program's mistake, and not said.  An object may
gain keys at any time; what is unknown is skipped.  The server's direction comes first, the client's after it.

What people said is `visible` here too, whatever was stored; and as JSON may be looked at with nc, whatever else a
terminal would obey stands in a line as an escape.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import NoReturn

from chat.base import limits
from chat.base.errors import BadInput
from chat.base.language import Sentence, language, say
from chat.base.text import visible
from chat.log.events import (
    Action,
    Annotated,
    Announced,
    Audited,
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
    StopAnnounced,
    TopicSet,
)
from chat.wire import phrases
from chat.wire.requests import Request

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def decode(line: str) -> Request:
    """A request from an object or a plain line; raises `BadInput` for an object that is none, and other JSON."""
    if line[:1] != "{" and not may_be_json(line):
        return Request(line)
    try:
        keys = json.loads(line)
    except (ValueError, RecursionError) as error:
        if not line.lstrip().startswith("{") and isinstance(error, ValueError):
            return Request(line)
        raise BadInput("usage", _USAGE) from None
    if not isinstance(keys, dict):
        raise BadInput("usage", say("That is JSON, but no object. To say it, send {example}", example='{"say": "…"}'))
    asked, text = keys.get("line"), keys.get("say")
    id, room, before, shown = keys.get("id"), keys.get("room"), keys.get("before"), keys.get("as")
    seen, read, take = keys.get("seen", {}), keys.get("read", {}), keys.get("take", True)
    if not isinstance(id, str | None):
        raise BadInput("usage", say("An id is a text: {example}", example='{"line": "hello", "id": "1"}'))
    if id is not None and len(id) > limits.ID:
        raise BadInput("too-long", say("An id has at most {limit} characters.", limit=limits.ID))
    password = keys.get("password")
    if isinstance(password, str) and asked is None and text is None:
        return Request("", id, password=password)
    said = asked is None and isinstance(text, str)
    if said:
        asked = text
    elif asked is None and read:
        asked = ""
    if not (
        isinstance(asked, str)
        and (said or text is None)
        and isinstance(room, str | None)
        and isinstance(shown, str | None)
        and (before is None or _is_number(before))
        and isinstance(seen, dict)
        and all(map(_is_number, seen.values()))
        and isinstance(read, dict)
        and all(map(_is_number, read.values()))
        and not (asked and read)
        and isinstance(take, bool)
    ):
        raise BadInput("usage", _USAGE, id)
    return Request(asked, id, room, before, seen, said, read, shown=shown, take=take)


def may_be_json(line: str) -> bool:
    """Whether a line begins as a value of JSON does; talk may do so, too."""
    return line.lstrip()[:1] in _BEGIN_VALUES or line.strip() in ("true", "false", "null")


_BEGIN_VALUES = tuple('{["-0123456789')


def _is_number(value: object) -> bool:
    """Whether this can be the number of an entry; True is an int in Python."""
    return type(value) is int and 0 <= value < 2**63


_USAGE = say(
    "Send an object such as {example}; only its line is needed.",
    example='{"line": "hello", "id": "1", "room": "#lobby"}',
)


_IN_ENGLISH = language("en").words


def event(room: str, entry: Entry, words: Callable[[Sentence], str] = _IN_ENGLISH) -> dict[str, object]:
    """An entry as an object; what it says in the service's own words is in these."""
    fact = entry.fact
    kind = fact.what if isinstance(fact, OtherDevice) else _TYPES[type(fact)]
    keys = {"type": kind, "room": room, "seq": entry.seq, "at": stamp(entry.at), **_keys(fact, words)}
    if (author := fact.author) is not None and (author.bot or author.shown):
        keys |= {"bot": True} if author.bot else {}
        keys |= {"as": author.shown} if author.shown else {}
    return keys


_TYPES: Mapping[type, str] = {
    Message: "message",
    Annotated: "message",
    Action: "action",
    Private: "message",
    Joined: "joined",
    Left: "left",
    Renamed: "renamed",
    TopicSet: "topic",
    RoleGiven: "role",
    Measured: "measure",
    PrivacySet: "privacy",
    Invited: "invited",
    Announced: "announced",
    StopAnnounced: "announced",
    NotDelivered: "not-delivered",
    Audited: "audited",
    Redacted: "redacted",
}


def _keys(fact: Fact, words: Callable[[Sentence], str]) -> dict[str, object]:
    match fact:
        case Message(author, text) | Action(author, text) | TopicSet(author, text):
            return {"from": author.nick, "text": _shown(text)}
        case Private(author, to, _, text):
            return {"from": author.nick, "to": to, "text": _shown(text)}
        case Joined(_, who, here):
            return {"from": who[0], "who": list(who), "here": here}
        case Left(_, who, here, stayed, text, quit, fact_id):
            keys: dict[str, object] = {"from": who[0], "who": list(who), "here": here, "quit": quit}
            keys |= {"stayed": stayed} if stayed is not None else {}
            keys |= {"text": _shown(text)} if text else {}
            return keys | ({"fact": fact_id} if fact_id else {})
        case Renamed(author, to, fact_id):
            return {"from": author.nick, "to": to, "fact": fact_id}
        case Announced(author, text):
            return {"text": _shown(text)} if author is None else {"from": author.nick, "text": _shown(text)}
        case StopAnnounced(by, seconds):
            text = words(phrases.stops(None if by is None else by.nick, seconds))
            stops: dict[str, object] = {"text": _shown(text), "stops_in": seconds}
            return stops if by is None else {"from": by.nick, **stops}
        case RoleGiven(by, to, role, room):
            given: dict[str, object] = {"to": to, "role": role, "of": room}
            return given if by is None else {"from": by.nick, **given}
        case Measured(by, what, to, room, seconds, why, fact_id, _, most):
            taken: dict[str, object] = {"what": what, "to": to, "of": room, "seconds": seconds, "why": _shown(why)}
            taken |= {"fact": fact_id} if fact_id else {}
            taken |= {"most": most} if most else {}
            return taken if by is None else {"from": by.nick, **taken}
        case PrivacySet(by, private):
            privacy: dict[str, object] = {"private": private}
            return privacy if by is None else {"from": by.nick, **privacy}
        case Invited(by, to, room):
            invited: dict[str, object] = {"to": to, "of": room}
            return invited if by is None else {"from": by.nick, **invited}
        case NotDelivered(nick):
            return {"to": nick}
        case Audited(by, what, to, room, seconds, text, lines):
            done: dict[str, object] = {} if by is None else {"from": by.nick}
            done |= {"what": what, "to": to, "of": room, "for": seconds, "text": _shown(text)}
            return done if lines is None else {**done, "lines": lines}
        case Redacted(by, targets, said_at, whose, other, _, why):
            gone: dict[str, object] = {} if by is None else {"from": by.nick}
            gone |= {"target": targets[0]} if len(targets) == 1 else {"targets": list(targets)}
            gone |= {"whose": whose} if whose else {}
            gone |= {"why": _shown(why)} if why else {}
            return gone | ({"to": other} if other else {}) | {"said": stamp(said_at)}
        case OtherDevice(author, "renamed", to):
            return {"from": author.nick, "to": to, "self": True}
        case OtherDevice(author):
            return {"from": author.nick, "who": [author.nick], "self": True}


def _shown(text: str) -> str:
    return "\n".join(shown_lines(text))


def shown_lines(text: str) -> list[str]:
    """What somebody said, in one line or several, with nothing in it that is not to be seen."""
    return list(map(visible, text.split("\n")))


def with_id(keys: dict[str, object], id: str | None) -> dict[str, object]:
    """An object with the id of the line that it answers, if that had one."""
    return keys if id is None else {**keys, "id": id}


@lru_cache(maxsize=8)
def stamp(at: datetime) -> str:
    """RFC 3339, UTC, milliseconds; all entries of a turn share one date, hence the cache."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def encode(keys: Mapping[str, object]) -> bytes:
    """One object as a line that no terminal obeys."""
    line = _dumps(keys)
    if visible(line) != line:
        line = "".join(char if visible(char) == char else _escaped(char) for char in line)
    return line.encode() + b"\n"


def _escaped(char: str) -> str:
    """A character as it may stand in a JSON string; the encoder takes DEL for a letter."""
    return json.dumps(char)[1:-1].replace("\x7f", "\\u007f")


# The client's direction.


def encode_request(request: Request) -> bytes:
    """A request as an object; raises `BadInput` if it is longer than a server reads."""
    keys: dict[str, object] = {"say" if request.said else "line": request.line, "id": request.id}
    if request.password is not None:
        keys = {"password": request.password, "id": request.id}
    keys |= {} if request.room is None else {"room": request.room}
    keys |= {} if request.shown is None else {"as": request.shown}
    keys |= {"seen": dict(request.seen)} if request.seen else {}
    keys |= {} if request.before is None else {"before": request.before}
    data = _dumps(keys).encode("utf-8", "replace") + b"\n"
    if len(data) > limits.LINE:
        raise BadInput("too-long", phrases.too_long(len(data), limits.LINE), request.id)
    return data


def encode_read(read: Mapping[str, int]) -> bytes:
    """How far somebody has read, as an object."""
    return _dumps({"read": dict(read)}).encode("utf-8", "replace") + b"\n"


def parse(line: bytes) -> dict[str, object] | None:
    """The object in a line of the server's; None if there is none, whatever the bytes are."""
    try:
        found = _decoder.decode(line.decode())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def safe(keys: Mapping[str, object]) -> str:
    """An object as one line of ASCII, which no terminal obeys."""
    return json.dumps(keys, separators=(",", ":")).replace("\x7f", "\\u007f")


def _no_number(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(name)


def _finite(digits: str) -> float:
    """1e999 is JSON, and would be passed on as Infinity, which is none."""
    number = float(digits)
    return number if isfinite(number) else _no_number(digits)


_decoder = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)
"""Made once: to make one for each line took as long as to read it."""
