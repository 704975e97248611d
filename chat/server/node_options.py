"""Where several servers are one chat: which of the options matter to all of them, and how these are told."""

from collections.abc import Mapping
from typing import Any

from chat.server.reload import spelled_value

SHARED = (
    "for",
    "name",
    "motd",
    "history",
    "grace",
    "rate",
    "max-per-host",
    "bans",
    "registered-only",
    "reserved",
    "keep",
)
"""What a reload can change, and is the same for everybody."""

TOLD = (*SHARED, "unrecorded", "language", "password", "web", "public-log", "shared-computers")
"""Where it is another one on another node, people see another chat there."""


def told(options: Mapping[str, Any]) -> dict[str, str]:
    """These, as others are told of them."""
    return {name: spelled_value(name, options[name]) for name in TOLD}
