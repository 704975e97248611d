"""Bots: programs that came in by a token are known as such, and may speak for people of other networks."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returning import code_of, resume
from test_account import SECRET, come, register
from test_tokens import made, post
from world import Client, World

from chat.base import names


@pytest.fixture
def bridge(world: World) -> Client:
    """A bot."""
    return enter(world)


def enter(world: World, wire: str = "json") -> Client:
    """A bot, whose owner has left."""
    profe = register(world, "bridge")
    token = made(profe, "bot talk")
    bot = come(world, f"/login bridge {token}", wire=wire)
    profe.type("/quit")
    bot.take()
    return bot


def say(bot: Client, shown: object, text: str = "hi", **keys: object) -> dict:
    """Have it say something for somebody; returns how that was answered."""
    bot.take()
    bot.type(text, id=f"{shown} {text} {keys}"[:60], **{"as": shown, **keys})
    return bot.objects[-1]


def test_what_it_does_is_a_bots_on_the_wire_of_programs(world: World, bridge: Client) -> None:
    amy, people = world.enter("amy", wire="json"), world.enter("bob")
    for line in ("hello", "/me waves", "/msg amy psst", "/topic bots", "/quit"):
        bridge.type(line)
    events = [keys for keys in amy.objects if "seq" in keys and keys.get("from") == "bridge"]
    assert [keys["type"] for keys in events] == ["message", "action", "message", "topic", "left"]
    assert all(keys["bot"] is True for keys in events)
    people.type("hello")
    assert "bot" not in amy.objects[-1]


def test_people_are_told_by_whois_and_who(world: World, bridge: Client) -> None:
    bob, program = world.enter("bob"), world.enter("prog", wire="json")
    bob.type("/whois bridge", "/who")
    assert "-> bridge is a bot." in bob.lines
    assert bob.lines[-1] == "-> 3 people are in #lobby: bridge (bot), bob and prog"
    program.type("/whois bridge", id="1")
    program.type("/who", id="2")
    whois, _, who, _ = program.objects
    assert whois["bot"] is True
    assert {user["nick"]: user["bot"] for user in who["users"]} == {"bridge": True, "bob": False, "prog": False}


def test_whoever_is_there_themselves_beside_it_is_none(world: World, bridge: Client) -> None:
    bob = world.enter("bob")
    profe = come(world, "bridge", SECRET)
    bob.type("/whois bridge")
    assert "is a bot" not in bob.bytes.decode()
    program = world.enter("prog", wire="json")
    profe.type("hello from me")
    bridge.type("hello from it")
    assert [keys.get("bot") for keys in program.objects[-2:]] == [None, True]


def test_it_speaks_for_somebody_of_another_network(world: World, bridge: Client) -> None:
    bob, program = world.enter("bob"), world.enter("prog", wire="json")
    assert say(bridge, "amy/matrix", "hi all")["type"] == "ack"
    assert say(bridge, "amy/matrix", "/me waves")["type"] == "ack"
    assert bob.take()[-2:] == ["<amy/matrix> hi all", "* amy/matrix waves"]
    said = [(keys["from"], keys["as"], keys["bot"]) for keys in program.objects]
    assert said == [("bridge", "amy/matrix", True)] * 2


def test_every_way_of_reading_shows_the_same(world: World, bridge: Client) -> None:
    bob, code = world.enter("bob"), ""
    program = world.connect("/nick prog", wire="json")
    code = code_of(program)
    head = world.hub.lobby.log.head
    program.cut()
    say(bridge, "amy/matrix", "hi lamp")
    post(world, "cron hi lamp")
    for line in ("/last 2", "/grep lamp"):
        bob.take()
        bob.type(line)
        shown = [row for row in bob.lines if "hi lamp" in row]
        assert [row.split("> ")[0][-11:] for row in shown] == ["<amy/matrix", "6 <cron/post"[-11:]]
    newcomer = world.connect("/nick dora")
    assert sum("<amy/matrix> hi lamp" in row or "<cron/post> hi lamp" in row for row in newcomer.lines) == 2
    back = resume(world, code, "json", seen={"#lobby": head})
    back.type("/last", id="1")
    live = [keys for keys in back.objects if keys["type"] == "message"]
    (history,) = [keys["events"] for keys in back.objects if keys["type"] == "history"]
    assert live == history
    assert [(keys["from"], keys["as"], keys.get("bot")) for keys in live] == [
        ("bridge", "amy/matrix", True),
        ("cron", "cron/post", None),
    ]


def test_ignoring_names_the_bot(world: World, bridge: Client) -> None:
    bob = world.enter("bob", "/ignore bridge")
    say(bridge, "amy/matrix")
    say(bridge, "dora/irc")
    assert bob.take() == []


def test_nobody_else_speaks_for_others(world: World) -> None:
    amy = world.enter("amy", wire="json")
    assert say(amy, "bob/matrix")["code"] == "not-allowed"
    profe = come(world, wire="json")
    register(world, "bridge").type("/quit")
    profe.type(f"/login bridge {SECRET}")
    assert say(profe, "bob/matrix")["code"] == "not-allowed"


@pytest.mark.parametrize(
    "shown",
    ["amy", "amy/", "/matrix", "amy/a/b", "amy/Matrix", "amy/mat-rix", "amy/post", "amy/m\u0430trix", "amy/matrix ",
     "a b/irc", "7up/irc", "amy\n/irc", "<amy>/irc", "a\u202emy/irc", f"{'x' * 21}/irc", "amy/abcdefghijklm", "",
     "a" + "\u0301" * 9 + "/irc"],
)  # fmt: skip
def test_what_is_no_name_of_that_kind_is_refused(world: World, bridge: Client, shown: str) -> None:
    bob = world.enter("bob")
    assert say(bridge, shown)["code"] == "nick-bad"
    assert bob.take() == []


@pytest.mark.parametrize(
    ("shown", "code"),
    [("bob/irc", "nick-taken"), ("b\u043eb/irc", "nick-alike"), ("profe/irc", "nick-taken"),
     ("admin/irc", "nick-reserved"), ("K7F2Q-X9M4T/irc", "nick-reserved")],
)  # fmt: skip
def test_nor_is_anybody_of_this_chat_spoken_for(world: World, bridge: Client, shown: str, code: str) -> None:
    register(world).type("/quit")
    bob = world.enter("bob")
    assert say(bridge, shown)["code"] == code
    assert bob.take() == []
    assert say(bridge, "bridge/irc")["type"] == "ack", "but for itself"


@pytest.mark.parametrize(
    "keys", [{"text": "/topic tea"}, {"text": "/msg bob hi"}, {"text": "hi", "room": "@bob"}, {"text": "/who"}]
)
def test_only_what_is_said_to_a_room_is_shown_so(world: World, bridge: Client, keys: dict) -> None:
    bob = world.enter("bob")
    assert say(bridge, "amy/matrix", **keys)["code"] == "usage"
    assert bob.take() == []


@pytest.mark.parametrize("shown", [7, True, [], {}])
def test_it_is_a_text(bridge: Client, shown: object) -> None:
    assert say(bridge, shown)["code"] == "usage"


def test_the_same_line_for_somebody_else_is_another_line(bridge: Client) -> None:
    for shown, kind in (("amy/matrix", "ack"), ("amy/matrix", "ack"), ("dora/matrix", "error")):
        bridge.type("hi", id="x7qk-1", **{"as": shown})
        assert bridge.objects[-1]["type"] == kind
    assert bridge.objects[-1]["code"] == "id-used"
    assert bridge.objects[-2]["seq"] == bridge.objects[-3]["seq"]


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[\w.'-]{1,22}/[a-z0-9]{0,13}", fullmatch=True)))
def test_whatever_it_speaks_for_is_a_name_and_a_network_or_refused(shown: str) -> None:
    world = World()
    bob, bot = world.enter("bob"), enter(world)
    bob.take()
    answer = say(bot, shown)
    lines = bob.take()
    if answer["type"] == "error":
        assert (answer["code"].startswith("nick-"), lines) == (True, [])
        return
    name, _, network = lines[0].removeprefix("<").removesuffix("> hi").partition("/")
    assert names.check_nickname(name) == name == unicodedata.normalize("NFC", shown.partition("/")[0])
    assert network.isascii()
    assert network.isalnum()
    assert network != "post"
