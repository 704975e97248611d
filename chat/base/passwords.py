"""What may be a password, and in which form it is compared.

One form for what looks and is typed alike (RFC 8265, OpaqueString): composed letters, the usual blank for any other.
Nothing is cut: what is too long is refused.
"""

import hashlib
import hmac
import unicodedata

from chat.base import limits, tokens
from chat.base.errors import Refused
from chat.base.language import say

NONE = "!"
"""What is kept instead of a hash where no password is right: whose account it is comes by a key."""


def normal(text: str) -> str:
    """A password in the form in which it is compared; raises `Refused` where it can be none."""
    if len(text.encode("utf-8", "replace")) > limits.PASSWORD_MOST:
        raise Refused("too-long", say("A password has at most {limit} bytes.", limit=limits.PASSWORD_MOST))
    password = unicodedata.normalize(
        "NFC", "".join(" " if unicodedata.category(char) == "Zs" else char for char in text)
    )
    if not password or any(unicodedata.category(char) in ("Cc", "Cs", "Cn") for char in password):
        raise Refused("usage", say("A password is made of letters, digits, signs and blanks."))
    return password


def new(text: str, nick: str) -> str:
    """The same of one that is chosen; raises `Refused` where anybody would guess it."""
    password = normal(text)
    if len(password) < limits.PASSWORD_LEAST:
        raise Refused("usage", say("A password has at least {limit} characters.", limit=limits.PASSWORD_LEAST))
    if tokens.stands_in(password):
        raise Refused("usage", say("That is a token, for programs. Choose a password."))
    if len(set(password)) < limits.PASSWORD_DIFFERENT or password.casefold() == nick.casefold():
        raise Refused("usage", say("Anybody would guess that password. Choose another one."))
    return password


class Shared:
    """One that many people know, as what tells it from others: nobody who looks at this learns it."""

    __slots__ = ("_digest",)

    def __init__(self, password: str) -> None:
        """Raises `Refused` where it can be none.  The blanks around it do not count."""
        self._digest = _digest(password)

    def fits(self, text: str) -> bool:
        """Whether this is it; how long that takes says nothing about it."""
        try:
            return hmac.compare_digest(_digest(text), self._digest)
        except Refused:
            return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shared) and hmac.compare_digest(other._digest, self._digest)

    __hash__ = None  # type: ignore[assignment]


def _digest(text: str) -> bytes:
    return hashlib.sha256(normal(text.strip()).encode()).digest()
