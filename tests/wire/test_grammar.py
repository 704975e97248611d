"""Every command of the table, however it is written and with any arguments, in every state, on both wires.

A command that is added to the table is covered by itself.  A program's line is answered by objects that have its id,
of which the last one and no other is an ack or error, a person's by lines with marks, and nobody loses the connection
for it but who asked for that.
"""

import pytest
from any_input import check_lines, check_objects, nothing_goes_wrong
from hypothesis import given, settings
from hypothesis import strategies as st
from world import Client, World

from chat.base import limits
from chat.commands.registry import NAMES, TABLE

STATES = {
    "nameless": [],
    "refused a nickname": ["/nick bob"],
    "in the lobby": ["/nick amy"],
    "in two rooms": ["/nick amy", "/join #ops"],
    "in no room": ["/nick amy", "/leave"],
    "away, ignoring, quiet": ["/nick amy", "/away tea", "/ignore bob", "/quiet", "/msg ann hi"],
    "in a draft": ["/nick amy", "/paste", "first"],
}
"""What somebody typed before."""

ENDS = {"quit", "post"}
"""After these the connection is closed, whatever comes of them."""

SILENT = {"me", "msg"}
"""Talk, which the terminal shows anyway."""

WORDS = st.sampled_from(
    [
        *("ann", "bob", "amy", "nobody", "server", "bot", "\u0410NN", "é" * 30, "x" * 300, "-", "."),
        *("#lobby", "#ops", "#LOBBY", "#nowhere", "#", "##", "#" + "y" * 300),
        *("0", "1", "5", "501", "-1", "99999999999", "٣", "30m", "22:00", "yesterday", "2026-11-21", "24:61"),
        *("on", "off", "all", "tips", "/nick", "nick", "K7F2Q-X9M4T", "0" * 32, "two words", "many words of text"),
        *("\x1b[31m", "\u202e", "\ud800", "\x00", "{0} %s", "a\u0301" * 9, "\t", "  ", ""),
    ]
)
# What edits a line is for the line layer's tests.
ARGUMENTS = st.lists(
    WORDS | st.text(st.characters(exclude_characters="\n\r\x03\x08\x15\x17\x7f"), max_size=8), max_size=5
).map(" ".join)


def answers(client: Client, wire: str, id: str) -> int:
    """How many answers to this line came; of a program those that say that it was done or not."""
    if wire == "json":
        types = [keys["type"] for keys in client.take_objects() if keys.get("id") == id]
        assert types[-1] in ("ack", "error")
        return types.count("ack") + types.count("error")
    return len(client.take())


@pytest.mark.parametrize("wire", ["plain", "json"])
@pytest.mark.parametrize("command", TABLE)
@settings(max_examples=settings.default.max_examples // 8)
@given(state=st.sampled_from(list(STATES)), alias=st.integers(0, 5), arguments=ARGUMENTS, upper=st.booleans())
def test_a_command_is_answered_once_and_harms_nobody(
    command: str, wire: str, state: str, alias: int, arguments: str, upper: bool
) -> None:
    if wire == "json" and state == "in a draft":
        state = "in the lobby"  # only people have drafts
    names = [name for name, row in NAMES.items() if row.name == command]
    name = names[alias % len(names)]
    line = f"/{name.upper() if upper else name} {arguments}".rstrip(" \t")
    with nothing_goes_wrong():
        world = World()
        ann, bot = world.enter("ann", "/topic tea"), world.enter("bot", "/join #ops", wire="json")
        world.enter("bob", "/msg ann psst")
        amy = world.connect(*STATES[state], wire=wire)
        world.wait(1, step=limits.NICK_PAUSE_SECONDS)
        amy.take()
        if wire == "json":
            amy.type(line, id="c1")
        else:
            amy.send(line.encode("utf-8", "replace") + b"\n")
        world.wait(1, step=limits.NICK_PAUSE_SECONDS)
        if state != "in a draft":
            expect_an_answer(answers(amy, wire, "c1"), command, wire, state)
        if not amy.ended:
            amy.type("/cancel", "/ping still")
            world.wait(1, step=limits.NICK_PAUSE_SECONDS)
            assert "pong still" in amy.bytes.decode()
        else:
            assert command in ENDS
        amy.cut()
        check_lines(ann.bytes)
        check_objects(bot.bytes)


def expect_an_answer(count: int, command: str, wire: str, state: str) -> None:
    """One that ends it, or some lines."""
    named = state not in ("nameless", "refused a nickname")
    if wire == "json":
        assert count == 1
    elif command == "json":
        assert count
    else:
        assert count or (named and command in SILENT)
