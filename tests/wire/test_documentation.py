"""docs/wire.md is the specification: each example in it is run, and its tables are those of the code."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from world import Client, World

from chat.base import limits
from chat.base.errors import Code
from chat.base.language import say
from chat.commands.registry import TABLE, WITHIN
from chat.log.events import Audited, Invited, PrivacySet, StopAnnounced

DOCS = Path(__file__).parents[2] / "docs"
ENGLISH, SPANISH = ((DOCS / name).read_text() for name in ("wire.md", "wire.es.md"))

_BLOCKS = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
EXAMPLES = [text for kind, text in _BLOCKS.findall(ENGLISH) if not kind]
(BOT,) = (text for kind, text in _BLOCKS.findall(ENGLISH) if kind == "python")

ANY = "…"
"""Stands in an example for any text."""


def rows(heading: str, text: str = ENGLISH) -> list[tuple[str, str]]:
    """The first table behind a heading, without its head."""
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = [line.strip("|").split("|") for line in section.replace("\\|", "¦").splitlines() if line.startswith("|")]
    return [(first, "|".join(rest)) for first, *rest in table[2:]]


def quoted(text: str) -> set[str]:
    """What stands in backticks."""
    return set(re.findall(r"`([^`]*)`", text))


# What the tables say.

KEYS = {kind: quoted(rest) for first, rest in rows("What comes") for kind in quoted(first)}
COMMANDS = [(quoted(first), quoted(rest)) for first, rest in rows("Answers")]


def check(keys: dict) -> None:
    """No key comes that is not documented."""
    kind = keys["type"]
    known = KEYS[kind] | {"type"}
    if kind == "reply":
        asked = [
            facts
            for names, facts in COMMANDS
            if any(f"/{keys['command']}" in (name.split()[0], " ".join(name.split()[:2])) for name in names if name)
        ]
        assert asked or "id" not in keys, keys
        known |= set().union(*asked)
    if kind in ("joined", "left"):
        known |= KEYS["joined"]
    if kind == "action":
        known |= KEYS["message"]
    assert keys.keys() - {"id"} <= known, keys
    for room in keys["rooms"].values() if kind == "welcome" else ():
        assert all(f"`{key}`" in ENGLISH for key in room)
    for told in keys.get("commands", ()):
        words = [*told, *(word for argument in told["arguments"] for word in (*argument, argument["kind"]))]
        assert all(f"`{word}`" in ENGLISH for word in words)
    for event in keys.get("events", ()):
        check(event)


def is_like(shown: object, got: object) -> bool:
    """Whether an object is as it stands in an example."""
    if isinstance(shown, dict) and isinstance(got, dict):
        return shown.keys() == got.keys() and all(is_like(shown[key], got[key]) for key in shown)
    if isinstance(shown, list) and isinstance(got, list):
        return len(shown) == len(got) and all(map(is_like, shown, got))
    return shown in (ANY, got)


def play(example: str) -> Iterator[tuple[str, list[dict], list[dict]]]:
    """Each line of an example that is sent, what it says comes then, and what does."""
    world = World()
    ben = world.enter("ben", wire="json")
    amy = world.connect(greeted=False)
    code = ""
    if not example.startswith("> /json\n"):
        amy.type("/json", "/nick amy")
        code = _code(amy, code)
    steps: list[tuple[str, list[dict]]] = []
    for line in example.splitlines():
        mark, _, rest = line.partition(" ")
        if mark == "<":
            steps[-1][1].append(json.loads(rest))
        else:
            steps.append((line, []))
    for line, shown in steps:
        mark, _, rest = line.partition(" ")
        amy.take()
        if mark == ">":
            amy.type(rest.replace(ANY, code) if "/resume" in rest else rest)
        elif mark == "ben>":
            ben.type(rest)
        else:
            assert line == "(the connection breaks, and a new one is made)"
            amy.cut()
            amy = world.connect(greeted=False)
        for keys in amy.objects:
            check(keys)
        code = _code(amy, code)
        yield line, shown, amy.objects


def _code(amy: Client, code: str) -> str:
    return next((keys["resume"] for keys in amy.objects if keys["type"] == "welcome"), code)


@pytest.mark.parametrize("example", EXAMPLES, ids=[str(number) for number in range(1, len(EXAMPLES) + 1)])
def test_an_example_is_what_happens(example: str) -> None:
    for line, shown, got in play(example):
        assert is_like(shown, got), (line, json.dumps(got, ensure_ascii=False))


def test_the_bot_answers_where_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    ben = world.enter("ben", wire="json")
    chat = Chat(world, ben)
    monkeypatch.setattr(socket, "create_connection", lambda address: chat)
    exec(BOT, {})
    told = [(keys["room"], keys["from"], keys["text"]) for keys in ben.objects if keys["type"] == "message"]
    assert told == [("#lobby", "echobot", "pong"), ("@echobot", "echobot", "pong")]


class Chat:
    """A connection as the bot has it, over which somebody asks it twice."""

    def __init__(self, world: World, ben: Client) -> None:
        self._world, self._ben, self._bot = world, ben, world.connect(greeted=False)

    def makefile(self, *_: object, **__: object) -> "Chat":
        return self

    def write(self, text: str) -> None:
        self._bot.send(text.encode())

    def flush(self) -> None:
        self._world.turn()

    def __iter__(self) -> Iterator[str]:
        for asked in ("ping", "no ping", "/msg echobot ping", ""):
            yield from self._bot.take()
            self._ben.type(asked)


def test_each_error_code_is_explained_and_there_is_no_other() -> None:
    for heading, text in (("Errors", ENGLISH), ("Errores", SPANISH)):
        codes = [code for first, _ in rows(heading, text) for code in re.findall(r"`([a-z-]+)`", first)]
        assert sorted(codes) == sorted(get_args(Code))


def test_what_each_command_answers_is_told() -> None:
    told = {name.split()[0].lstrip("/") for names, _ in COMMANDS for name in names if name.startswith("/")}
    assert told | {"paste", "end"} == set(TABLE)
    assert "`/paste` and `/end` are for people" in ENGLISH


def test_what_works_without_a_nickname_is_told() -> None:
    section = ENGLISH.partition("## Coming in")[2].partition("## ")[0].rpartition("```")[2]
    told = {name.lstrip("/") for name in re.findall(r"`/(\w+)`", section)}
    assert told == {row.name for row in TABLE.values() if row.nameless}


def test_what_the_operator_is_answered_is_documented() -> None:
    world = World()
    ben, boss = world.enter("ben", wire="json"), world.operator("/nick boss")
    world.enter("amy").cut()
    told = {name for names, _ in COMMANDS for name in names if name.startswith("/admin")}
    shown = {row.usage.text.replace("|", "¦") for row in WITHIN["admin"].values()}
    assert told == {"/admin", *shown}
    world.process.changes = [say("added {new}", new="x")]
    world.process.copy.callback(Path("/copy"))
    asked = (
        "",
        " who",
        " who ben",
        " stats",
        " announce tea",
        " x",
        " reload",
        " backup",
        " shutdown 10m",
        " shutdown off",
        " mute ben spam",
        " bans",
        " unmute ben",
        " ban amy",
        " audit",
        " export #lobby",
        " forget amy amy",
    )
    for number, line in enumerate(["/help all", "/who", *(f"/admin{rest}" for rest in asked)]):
        boss.type(line, id=f"o{number}")
    for keys in [*boss.objects, *ben.objects]:
        check(keys)
    for name in ("connections", "measures"):
        for row in (keys for reply in boss.objects for keys in reply.get(name, ())):
            assert all(f"`{key}`" in ENGLISH for key in row)


_ASKED = (
    "who whois rooms topic last missed away back ignore quiet resume help version motd cancel paste end leave language"
)
EVERYTHING = [
    *(f"/{name}" for name in _ASKED.split()),
    *("/join #ops", "/whois ben", "/topic tea", "/last ben", "/since 1h", "/grep hi", "/ignore ben", "/unignore ben"),
    *("/quiet on", "/ping x", "/help all", "/help msg", "/help tips", "/nick dee", "/nick ben", "/who", "hi"),
    *("/export", "/report ben spam", "/delete", "/delete 1", "/delete @", "/delete @1", "/delete x"),
    *("/quiet off", "/json echo", "/join #lobby", "/msg ben psst", "/reply hi", "/msg nobody x"),
]


def test_no_key_comes_that_is_not_documented() -> None:
    world = World()
    ben = world.enter("ben", "/msg amy psst", wire="json")
    amy = world.connect("/who", "/nick amy", wire="json echo")
    ben.type("/msg amy psst", "/me waves", "/join #ops")
    for number, line in enumerate(EVERYTHING):
        amy.type(line, id=f"c{number}")
    ben.type("/away tea")
    amy.type("/msg ben psst", id="away")
    carl = world.enter("carl", wire="json")
    carl.cut()
    amy.type("/msg carl psst", id="cut")
    world.wait(limits.GRACE_SECONDS)
    world.hub.announce("backup at noon", ben.session.author)
    world.hub.tell_all(StopAnnounced(ben.session.author, 600))
    world.hub.give_role(ben.session.author, ben.session.person, "operator", world.hub.lobby)
    world.operator("/admin mute dee spam", "/admin unmute dee")
    world.hub.turn.append(world.hub.lobby.log, PrivacySet(ben.session.author, True))
    world.hub.turn.append(world.hub.lobby.log, Invited(ben.session.author, "carl", "#lobby"))
    world.hub.turn.append(world.hub.lobby.log, Audited(ben.session.author, "delete", "carl", "#lobby", None, "why", 3))
    ben.type("/delete", "/delete @", f"/delete {world.hub.rooms['#ops'].log.head - 1}", "/delete @1")
    ben.type("/nick dan", "/leave #ops", "/quit bye")
    amy.type("/quit bye", id="quit")
    for keys in amy.objects:
        check(keys)
    assert {keys["type"] for keys in amy.objects} == KEYS.keys() - {"missed"}


def test_what_is_told_of_another_device_is_documented() -> None:
    world = World()
    ben, amy = world.enter("ben"), world.enter("amy", wire="json")
    other = world.device(amy, "json")
    other.take()
    ben.type("hello")
    amy.type("/join #ops", "/nick dee", "/away", "/ignore ben")
    amy.type("", read={"#lobby": 3})
    other.type("/join #ops")
    amy.type("/leave #ops")
    notices = ("current", "away", "ignoring", "read")
    told = [keys for keys in other.objects if "self" in keys or keys["type"] in notices]
    assert {keys["type"] for keys in told} == {"joined", "renamed", "left", "current", "away", "ignoring", "read"}
    for keys in told:
        assert all(f"`{key}`" in ENGLISH for key in (keys["type"], *keys) if key != "type"), keys


def test_both_languages_have_the_same_examples() -> None:
    assert _BLOCKS.findall(ENGLISH) == _BLOCKS.findall(SPANISH)
