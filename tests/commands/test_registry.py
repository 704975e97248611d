"""The one table of what can be asked."""

import re
from collections.abc import Iterator

import pytest
from world import Client, World

from chat.base.errors import Refused
from chat.commands.registry import NAMES, TABLE, known
from chat.commands.registry import arguments as read_arguments
from chat.wire.grammar import command_in


def arguments_of(line: str) -> tuple:
    typed = command_in(line)
    assert typed is not None
    row = known(typed.word)
    assert row is not None
    return read_arguments(row, typed.rest)


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("/msg bob hi there", ("bob", "hi there")),
        ("/msg  bob   hi  there ", ("bob", "hi  there")),
        ("/msg\tbob\thi", ("bob", "hi")),
        ("/post deploy #ops all is well", ("deploy", "#ops", "all is well")),
        ("/post deploy all is well", ("deploy", None, "all is well")),
        ("/last", (None, None)),
        ("/last 5", (5, None)),
        ("/last #ops", (None, "#ops")),
        ("/last 5 bob", (5, "bob")),
        ("/last 5 #ops", (5, "#ops")),
        ("/last #ops 5", (5, "#ops")),
        ("/last bob  5", (5, "bob")),
        ("/leave", (None, None)),
        ("/leave #ops see you", ("#ops", "see you")),
        ("/join lobby", ("#lobby", None)),
        ("/leave ops", (None, "ops")),
        ("/topic #ops tea", ("#ops", "tea")),
        ("/topic tea", (None, "tea")),
        ("/since #ops 22:00", ("#ops", "22:00")),
        ("/since 22:00", (None, "22:00")),
        ("/since 22:00 #ops", ("#ops", "22:00")),
        ("/since 22:00 \uff03ops", ("#ops", "22:00")),
        ("/since 2026-11-21 22:00  #ops", ("#ops", "2026-11-21 22:00")),
        ("/since #ops 2026-11-21 22:00", ("#ops", "2026-11-21 22:00")),
        ("/since 22:00 ops", (None, "22:00 ops")),
        ("/topic tea #ops", (None, "tea #ops")),
        ("/grep tea #ops", (None, "tea #ops")),
        ("/grep #ops tea", ("#ops", "tea")),
        ("/missed ops", ("#ops",)),
        ("/msg @bob: hi", ("bob", "hi")),
        ("/post @deploy: all is well", ("deploy", None, "all is well")),
        ("/quit", (None,)),
        ("/quit see you", ("see you",)),
    ],
)
def test_arguments_are_read_in_order(line: str, values: tuple[object, ...]) -> None:
    assert tuple(arguments_of(line)) == values


@pytest.mark.parametrize(
    "line",
    [
        "/msg",
        "/msg bob",
        "/nick",
        "/join",
        "/rooms now",
        "/paste x",
        "/msg @ hi",
        "/last #ops x",
        "/last 5 #ops 5",
        "/since #a 1h #b",
        "/since #ops",
    ],
)
def test_arguments_that_do_not_fit_are_answered_with_the_usage(line: str) -> None:
    with pytest.raises(Refused) as refused:
        arguments_of(line)
    assert refused.value.code == "usage"


@pytest.mark.parametrize(
    ("alias", "name"),
    [("w", "msg"), ("r", "reply"), ("j", "join"), ("part", "leave"), ("names", "who"), ("exit", "quit")],
)
def test_the_usual_aliases_are_known(alias: str, name: str) -> None:
    assert known(alias) is known(name) is TABLE[name]


def test_case_does_not_count_in_a_command(world: World) -> None:
    amy = world.enter("amy", "/PING")
    amy.type("/PiNg x")
    assert amy.take() == ["-> pong x"]


def test_every_command_of_the_design_is_there() -> None:
    words = """msg reply me paste end cancel post nick who whois away back ignore unignore quiet ping join leave rooms
    topic last since missed grep resume quit help version"""
    assert set(words.split()) <= set(TABLE)


ARGUMENTS = ["", " x", " #x", " 1", " x y z", " #x y", " -", "  ", " \t", " é\u202e", " ann", " ann x", " #lobby"]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_command_with_any_arguments_in_any_state_is_answered_and_harms_nobody(name: str) -> None:
    world = World()
    ann = world.enter("ann")

    def in_any_state() -> Iterator[Client]:
        yield world.connect()
        yield world.connect(wire="json")
        yield world.enter("amy")
        yield world.enter("dee", "/leave")
        yield world.enter("bot", wire="json")

    for arguments in ARGUMENTS:
        for client in in_any_state():
            client.take()
            client.type(f"/{name}{arguments}", **({} if client.visit.wire.asks else {"id": "1"}))
            world.wait(1)
            assert client.lines or (name == "me" and arguments.strip()), (arguments, client.visit.wire)
            client.type("/cancel", "/quit")
            world.wait(2, step=0.5)
            assert client.gone
        assert not ann.ended
    ann.type("/ping")
    assert ann.lines[-1] == "-> pong"


def test_help_tells_programs_of_each_command_what_the_table_holds(world: World) -> None:
    amy = world.enter("amy", "/language es", wire="json")
    amy.type("/help all", id="1")
    told = {command["name"]: command for command in amy.objects[0]["commands"]}
    assert told.keys() == {name for name, row in TABLE.items() if row.role == "anybody"}
    families = list(dict.fromkeys(command["family"] for command in told.values()))
    assert families == ["talk", "people", "rooms", "history", "account", "staying"]
    kinds = {name: [argument["kind"] for argument in command["arguments"]] for name, command in told.items()}
    assert (kinds["msg"], kinds["last"], kinds["since"]) == (["place", "text"], ["number", "place"], ["room", "time"])
    assert (kinds["quiet"], kinds["help"], kinds["language"]) == (["switch"], ["command"], ["language"])
    assert (kinds["json"], kinds["who"], kinds["whois"], kinds["quit"]) == (["word"], ["place"], ["nick"], ["text"])
    assert told["topic"]["arguments"] == [{"kind": "room", "optional": True}, {"kind": "text", "optional": True}]
    assert (told["msg"]["family"], told["msg"]["aliases"][0]) == ("talk", "w")
    assert told["msg"]["usage"] == "/msg APODO|#sala texto"
    assert told["ping"]["help"] == "ver si el servidor responde"


@pytest.mark.parametrize("name", TABLE)
def test_the_arguments_of_a_command_are_those_of_its_usage(name: str) -> None:
    row = TABLE[name]
    shown = re.findall(r"\[[^\]]*\]|\S+", row.usage.text)[1:]
    if name == "last":
        shown.reverse()  # the number may stand at either end
    assert len(shown) == len(row.arguments)
    assert [word.startswith("[") for word in shown] == [argument.optional for argument in row.arguments]
