"""What may be a password, and in which form it is compared.

One form for what looks and is typed alike (RFC 8265, OpaqueString): composed letters, the usual blank for any other.
Nothing is cut: what is too long is refused.
"""

import unicodedata

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say


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
    if len(set(password)) < limits.PASSWORD_DIFFERENT or password.casefold() == nick.casefold():
        raise Refused("usage", say("Anybody would guess that password. Choose another one."))
    return password
