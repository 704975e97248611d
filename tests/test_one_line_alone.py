"""A line that comes by itself goes a shorter way (`Visit.says`, `Turn._turn_of_one`, `Fanout._advanced_by_one`).

Whatever anybody does meanwhile, everybody is sent the same bytes as by the way that all else goes.  Every command is
among what they do, so one that changes what a line means, or who may say it, is found here.
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from random import Random
from unittest.mock import patch

import irc_client
import pytest
from any_input import nothing_goes_wrong
from hypothesis import given
from hypothesis import strategies as st
from stores import SlowStore
from world import Client, World

from chat.base import limits
from chat.commands.registry import NAMES, WITHIN
from chat.core.turn import Turn
from chat.visit.visit import Visit

PEOPLE = ("amy", "bob", "bot", "iri", "cat")
WIRES = {"bot": "json"}
TALK = (
    "hello", "and a longer line of somebody who has more to say", "12345678 is a number, and so is 9", "K7F2Q-X9M4T",
    "a token chat_0123456789abcdef0123456789abcdef", "Grüße", " indented", "//slashed", "", "x" * 500, "y" * 3000,
    "rub\x08bed", "a\tb", "\ufeffmark", '{"line": "hi", "id": "7"}', "PRIVMSG #lobby :hello", "PRIVMSG amy :psst",
)  # fmt: skip
EFFECTIVE = (
    "/join #ops", "/leave #ops", "/room #lobby", "/mute bob 5", "/unmute bob", "/slow 10", "/slow off", "/lock #lobby",
    "/unlock #lobby", "/kick bob", "/ban cat", "/paste", "/end", "/cancel", "/json", "/plain", "/away tea",
    "/ignore amy", "/nick bobby", "/private #ops", "/room #ops", "/redact last", "/register", "tulip and rose",
    "/class on", "/quit", "JOIN #ops", "PART #lobby", "NICK irene", "MODE #lobby +m", '{"line": "hello", "id": "8"}',
)  # fmt: skip
WORDS = ("amy", "bob", "cat", "#lobby", "#ops", "on", "off", "10", "5m", "last", "-", "some words of text")
COMMANDS = [f"/{name}" for name in chain(NAMES, (row.name for rows in WITHIN.values() for row in rows.values()))]
ENDS = ("\n", "\n", "\n", "\r\n", "\r", "\nand one more\n", "")

anybody = st.sampled_from(PEOPLE)
asked = st.builds(
    lambda name, words: " ".join((name, *words)),
    st.sampled_from(COMMANDS),
    st.lists(st.sampled_from(WORDS), max_size=3),
)
line = st.builds(str.__add__, st.sampled_from(TALK) | st.sampled_from(EFFECTIVE) | asked, st.sampled_from(ENDS))
does = st.tuples(st.sampled_from(("send", "type", "type")), anybody, line)
step = st.one_of(
    does,
    does,
    does,
    st.tuples(st.sampled_from(("full", "drain", "cut", "device")), anybody),
    st.tuples(st.just("wait"), st.sampled_from((0.01, 1, 20))),
    st.tuples(st.sampled_from(("slow", "fast", "let", "refuse"))),
)
"""What somebody does, or what becomes of a connection or of the disk."""

steps = st.lists(st.tuples(step, st.lists(anybody, max_size=5)), max_size=20)
"""After each of these some say a line."""


@contextmanager
def as_all_else() -> Iterator[None]:
    """No line goes the shorter way."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(Visit, "says", lambda *_: False))
        stack.enter_context(patch.object(Turn, "_is_idle", False))
        stack.enter_context(patch("chat.core.fanout.Message", None))
        yield


def heard(steps: list, rate: float) -> dict[str, bytes]:
    """What everybody was sent."""
    chance = Random(1)
    with patch.object(secrets, "_sysrand", chance), patch.object(secrets, "choice", chance.choice):
        store = SlowStore()
        world = World(store, rate=rate)
        people = {
            nick: irc_client.enter(world, nick, caps="echo-message")
            if nick == "iri"
            else world.enter(nick, wire=WIRES.get(nick, "plain"))
            for nick in PEOPLE
        }
        people["iri"].type("JOIN #lobby")
        people["amy"].type("/join #ops", "/room #lobby")
        world.hub.give_role(None, people["amy"].session.person, "operator", None)
        world.turn()
        for client in people.values():
            client.socket.bufferSize = 300  # it is full soon
        talk(people, PEOPLE)
        for what, talkers in steps:
            do(world, store, people, what)
            talk(people, talkers)
        store.slow = False
        while store.commits:
            store.let()
        for client in people.values():
            client.drain()
        world.wait(60, step=5)
        return {name: client.bytes for name, client in people.items()}


def talk(people: dict[str, Client], talkers: Iterable[str]) -> None:
    for nick in talkers:
        people[nick].type({"bot": '{"line": "hello"}', "iri": "PRIVMSG #lobby :hello"}.get(nick, "hello"))


def do(world: World, store: SlowStore, people: dict[str, Client], what: tuple) -> None:
    match what:
        case "send", nick, text:
            people[nick].send(text.encode())
        case "type", nick, text:
            people[nick].send(text.encode())
            world.turn()
        case "full", nick:
            people[nick].full()
        case "drain", nick:
            people[nick].drain()
        case "cut", nick:
            people[nick].cut()
        case "device", nick if people[nick].session.named:
            people[f"{nick} again"] = world.device(people[nick])
        case "wait", seconds:
            world.wait(seconds)
        case ("slow",):
            store.slow = True
        case ("fast",):
            store.slow = False
        case ("let",) if store.commits:
            store.let()
            world.turn()
        case ("refuse",) if store.commits:
            store.refuse()
            world.turn()


def same(steps: list, rate: float = 0) -> None:
    """Everybody is sent the same, whichever way lines go."""
    with nothing_goes_wrong():
        shorter = heard(steps, rate)
        with as_all_else():
            longer = heard(steps, rate)
    assert shorter == longer


@given(steps, st.sampled_from((0, limits.RATE)))
def test_whatever_happens_everybody_is_sent_the_same_as_by_the_way_of_all_else(steps: list, rate: float) -> None:
    same(steps, rate)


@pytest.mark.parametrize("words", ["", " cat 5", " #ops some words of text"])
def test_whatever_command_somebody_gives_before(words: str) -> None:
    for command in COMMANDS:
        same([(("type", "amy", f"{command}{words}\n"), ("amy", "bob", "amy", "cat"))])


ODD = {
    "somebody takes no more": [
        (("full", "cat"), ("amy", "bob") * 20),
        (("type", "cat", "waits\n"), ("amy", "bob")),
        (("drain", "cat"), ("cat",)),
    ],
    "the disk takes its time": [
        (("slow",), ("amy", "bob", "cat")),
        (("type", "amy", "/msg bob psst\n"), ("amy", "bob")),
        (("let",), ("amy",)),
    ],
    "the disk is full": [
        (("slow",), ("amy",)),
        (("refuse",), ("amy", "bob")),
        (("refuse",), ("bob",)),
        (("fast",), ("bob",)),
    ],
    "somebody is not heard by all": [
        (("type", "bob", "/ignore amy\n"), ("amy", "bob", "amy")),
        (("device", "cat"), ("cat", "amy", "cat again", "bob")),
    ],
    "lines are gathered": [
        (("type", "amy", "/paste\n"), ("amy", "bob", "amy")),
        (("type", "amy", "/end\n"), ("amy",)),
    ],
    "lines come in pieces": [
        (("send", "amy", "half "), ("bob",)),
        (("type", "amy", "a line\n"), ("amy",)),
        (("type", "amy", "x\r"), ("amy",)),
    ],
    "somebody goes over to objects": [
        (("type", "cat", "/json\n"), ("bob", "cat")),
        (("type", "cat", '{"line": "a"}\n'), ("bob", "amy", "iri")),
    ],
}


@pytest.mark.parametrize("what", ODD)
def test_where_it_is_no_ordinary_line(what: str) -> None:
    same(ODD[what])
    same(ODD[what], limits.RATE)


def test_at_whatever_pace() -> None:
    many, long = ("amy",) * (limits.BURST + 5), "x" * 3 * limits.LINE_PRICE
    same(
        [
            (("type", "bob", f"{long}\n"), ("bob",) * (limits.BURST - 2)),
            (("wait", 30), many),
            (("wait", 0.5), ("bob", "amy")),
            (("wait", 60), many),
            (("wait", 1), many),
        ],
        limits.RATE,
    )


def test_where_little_more_may_be_asked_of_the_server() -> None:
    with patch.multiple(limits, BUDGET_BURST=2_500.0, BUDGET_RATE=500.0):
        same([(("wait", 1), ("amy", "bob") * 55), (("wait", 0.5), ("amy", "bob") * 10), (("wait", 9), ("amy",))], 1000)


def test_nearly_every_line_goes_it() -> None:
    world = World()
    amy, bob = world.enter("amy"), world.enter("bob")
    amy.type("the first one shows that she talks")
    gone = []
    with patch.object(Visit, "says", lambda *asked, says=Visit.says: gone.append(says(*asked)) or gone[-1]):
        amy.type("one", "two")
        amy.type("/who", "Grüße", "three", "four")
    assert gone == [True, True, False, True]
    assert [line for line in bob.lines if line.startswith("<amy>")] == [
        "<amy> the first one shows that she talks",
        "<amy> one", "<amy> two", "<amy> Grüße", "<amy> three", "<amy> four",
    ]  # fmt: skip
