"""The numbers of IRC's answers, and which of them stands for a refusal."""

from collections.abc import Mapping
from typing import NamedTuple

from chat.base.errors import Code
from chat.base.language import say

END_OF_NAMES = say("End of the list of names")

Where = str
"""What a refusal names besides its sentence: "" nothing, "verb" the command, "target" what it was about."""


class Refusal(NamedTuple):
    """A number, and what it names."""

    number: str
    names: Where = ""


REFUSALS: Mapping[Code, Refusal] = {
    "nick-taken": Refusal("433", "target"),
    "nick-alike": Refusal("433", "target"),
    "nick-bad": Refusal("432", "target"),
    "nick-reserved": Refusal("432", "target"),
    "no-nick": Refusal("451"),
    "nothing-said": Refusal("412"),
    "unknown-command": Refusal("421", "verb"),
    "usage": Refusal("461", "verb"),
    "not-here": Refusal("401", "target"),
    "gone": Refusal("401", "target"),
    "no-room": Refusal("403", "target"),
    "room-bad": Refusal("403", "target"),
    "not-in-room": Refusal("442", "target"),
    "too-long": Refusal("417"),
    "slow-down": Refusal("263", "verb"),
    "busy": Refusal("263", "verb"),
    "code-wrong": Refusal("464"),
    "login-failed": Refusal("464"),
    "password-needed": Refusal("464"),
    "banned": Refusal("465"),
    "locked": Refusal("473", "target"),
}

OF_JOINING: Mapping[Code, Refusal] = {"too-many": Refusal("405", "target")}
OF_TALK: Mapping[Code, Refusal] = dict.fromkeys(
    ("not-in-room", "muted", "locked", "not-allowed", "not-stored", "code-private"), Refusal("404", "target")
)
"""Talk that a room does not get is shown in its window (irssi, WeeChat, HexChat, The Lounge), which no other is."""

LAST_WORDS = frozenset[Code](("taken-over", "nick-timeout", "internal", "stalled", "banned", "kicked"))
"""Refusals with which a connection ends."""
