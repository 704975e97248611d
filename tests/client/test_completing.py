"""What a text may go on with: from the server's own table, and from who is here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import World

from chat.editing.completing import Argument, Command, Completing, Deed, commands_in

OWN = [Command("set", "/set [name]", "settings", (), (Argument("setting", True),))]
NICKS, ROOMS = ["bob", "José", "carl"], ["#lobby", "#ops"]


@pytest.fixture(scope="module")
def completing() -> Completing:
    """With the table of a real server."""
    world = World()
    amy = world.enter("amy", wire="json")
    amy.take()
    amy.type("/help all", id="1")
    (reply,) = [keys for keys in amy.objects if keys["type"] == "reply"]
    completing = Completing(OWN, {"switch": ("on", "off"), "language": ["en", "es"], "setting": ["show", "time"]})
    completing.server = commands_in(reply)
    return completing


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("/whoi", ["/whois "]),
        ("/mens", ["/mensaje "]),
        ("bo", ["bob: "]),
        ("hi bo", ["bob "]),
        ("jos", ["José: "]),
        ("@ca", ["@carl: "]),
        ("see #o", ["#ops "]),
        ("hi ", []),
        ("a\nbo", ["bob "]),
        ("/msg ", ["bob ", "José ", "carl ", "#lobby ", "#ops "]),
        ("/w b", ["bob "]),
        ("/msg bob ask c", ["carl "]),
        ("/msg bob", ["bob "]),
        ("/join o", ["#ops "]),
        ("/whois c", ["carl "]),
        ("/quiet o", ["on ", "off "]),
        ("/language e", ["en ", "es "]),
        ("/help top", ["topic "]),
        ("/set t", ["time "]),
        ("/topic #o", ["#ops "]),
        ("/topic #ops b", ["bob "]),
        ("/topic b", ["bob "]),
        ("/nonsense b", ["bob "]),
        ("//etc b", ["bob "]),
    ],
)
def test_a_text_goes_on(completing: Completing, text: str, texts: list[str]) -> None:
    offers = completing.offers(text, NICKS, ROOMS)
    assert [offer.text for offer in offers] == texts
    assert all(0 <= offer.replaces <= len(text) for offer in offers)


def test_a_command_is_explained_while_it_is_typed(completing: Completing) -> None:
    for text in ("/msg", "/msg bob hi", "/mensaje", "/ms"):
        assert completing.hint(text).startswith("/msg NICK|#room text: ")
    assert [completing.hint(text) for text in ("", "hi", "/", "/w", "/usr/bin/x", "/nonsense")][:1] == [""]
    assert completing.hint("/nonsense x") == completing.hint("hi") == ""


def test_a_table_that_is_none_is_left_out() -> None:
    rows = [None, 3, {}, {"name": ""}, {"name": 3}, {"name": "x", "arguments": [3, {}], "aliases": [3, "y"], "help": 3}]
    assert commands_in({"commands": rows}) == [Command("x", "/x", "", ("y",), (Argument("", False),))]
    assert commands_in({"commands": "all"}) == commands_in({}) == []
    assert commands_in({"commands": [{"name": "\x1b[2J"}]})[0].usage == "/\u241b[2J"


@given(st.text(), st.lists(st.text(min_size=1)))
def test_whatever_is_typed_some_of_its_end_is_replaced(completing: Completing, text: str, nicks: list[str]) -> None:
    for offer in completing.offers(text, nicks, ROOMS):
        assert 0 <= offer.replaces <= len(text)
    completing.hint(text)


def test_what_one_may_do_about_somebody_is_what_the_server_says() -> None:
    rows = [
        {"name": "whois", "family": "people", "help": "who", "arguments": [{"kind": "nick", "optional": True}]},
        {
            "name": "kick",
            "family": "rooms",
            "help": "out",
            "arguments": [
                {"kind": "room", "optional": True},
                {"kind": "nick", "optional": False},
                {"kind": "text", "optional": True},
            ],
        },
        {
            "name": "report",
            "family": "people",
            "help": "tell",
            "arguments": [{"kind": "nick", "optional": False}, {"kind": "text", "optional": False}],
        },
        {"name": "login", "family": "account", "help": "", "arguments": [{"kind": "nick", "optional": True}]},
        {"name": "who", "family": "people", "help": "", "arguments": [{"kind": "room", "optional": True}]},
    ]
    completing = Completing([], {})
    completing.server = commands_in({"commands": rows})
    assert completing.deeds("bob") == [
        Deed("/whois bob", "who", True),
        Deed("/kick bob", "out", False),
        Deed("/report bob", "tell", False),
    ]
