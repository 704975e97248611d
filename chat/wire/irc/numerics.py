"""The numbers of IRC's answers, and which of them stands for a refusal."""

from collections.abc import Mapping

from chat.base.errors import Code
from chat.base.language import say
from chat.base.named_tuples import NamedTuple

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
    "full": Refusal("471", "target"),
}

_OF_OPERATORS: Mapping[Code, Refusal] = {"not-allowed": Refusal("482", "target")}
_OF_THE_SERVERS: Mapping[Code, Refusal] = {"not-allowed": Refusal("481")}

OF_VERBS: Mapping[str, Mapping[Code, Refusal]] = {
    "JOIN": {"too-many": Refusal("405", "target"), "banned": Refusal("474", "target")},
    "MODE": _OF_OPERATORS,
    "KICK": _OF_OPERATORS,
    "INVITE": _OF_OPERATORS,
    "TOPIC": _OF_OPERATORS,
    "OPER": {"not-allowed": Refusal("491"), "needs-tls": Refusal("491")},
    "KILL": _OF_THE_SERVERS,
    "WALLOPS": _OF_THE_SERVERS,
}
"""What a refusal is in answer to one command."""

WRONG_WORD = Refusal("475", "target")
"""Instead of 473, for whoever gave a word: whether the room has one is told to nobody."""

OF_TALK: Mapping[Code, Refusal] = dict.fromkeys(
    ("not-in-room", "muted", "locked", "not-allowed", "not-stored", "code-private"), Refusal("404", "target")
)
"""Talk that a room does not get is shown in its window (irssi, WeeChat, HexChat, The Lounge), which no other is."""

LAST_WORDS = frozenset[Code](("taken-over", "nick-timeout", "internal", "stalled", "banned", "kicked"))
"""Refusals with which a connection ends."""
