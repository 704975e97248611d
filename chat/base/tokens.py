"""Tokens: by which programs of an account are let in, each made by the server and told once.

Whoever has one may act by it, so only its hash is kept.  It has 128 bits, so nobody guesses one, and a beginning by
which scanners for secrets find it where it should not stand, and by which it is never said.
"""

import hashlib
import secrets
import unicodedata

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.patterns import pattern
from chat.base.text import visible

BEGINNING = "chat_token_"

_TOKEN = pattern(f"{BEGINNING}[0-9a-f]{{32}}")
_PART = pattern(f"{BEGINNING}[0-9a-f]{{8}}")
"""So much of one that something is lost where it is shown."""


def new() -> str:
    """A new one."""
    return BEGINNING + secrets.token_hex(16)


def normal(text: str) -> str | None:
    """A token as it was given, from how somebody wrote it; None where the text is none."""
    token = text.strip().lower()
    return token if _TOKEN.fullmatch(token) else None


def stands_in(text: str) -> bool:
    """Whether one stands in a text, or a good part of one; whose, and whether it is good yet, does not matter."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return "_" in text and _PART.search(text.lower()) is not None


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def check_name(text: str) -> str:
    """What a token is called by whoever made it; raises `Refused` where it cannot be called so."""
    name = unicodedata.normalize("NFC", text[: limits.NAME_READ])
    if len(name) > limits.NICKNAME or visible(name) != name or name.startswith("#"):
        raise Refused("usage", say("A token's name is a word of 1 to {most} letters.", most=limits.NICKNAME))
    return name
