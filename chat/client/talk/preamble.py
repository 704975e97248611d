"""What a server says before it speaks JSON: text for people, of which a program needs only why it is turned away.

That is a line, or some as wide as a screen, with the mark of an error: `! needs-tls: This port is encrypted. …`.
"""

import re
from typing import get_args

from chat.base import limits
from chat.base.errors import Code
from chat.base.language import Sentence, say
from chat.base.patterns import pattern
from chat.client.link.lines import TooLong
from chat.client.talk.objects import Raw

_MARK = b"! "
_BEGINNING = pattern(f"({'|'.join(get_args(Code))}): (.*)", re.DOTALL)


_STRANGERS = (
    (pattern(rb"HTTP/\d|<!doctype|<html|<\?xml", re.IGNORECASE), say("a web server (HTTP) answers there")),
    (pattern(rb"SSH-\d"), say("an SSH server answers there")),
    (pattern(rb"(:\S+ )?(NOTICE|ERROR|\d{3}) (\S+ )?:"), say("an IRC server answers there, for IRC clients")),
    (pattern(rb"220[ -]|\+OK|\* OK"), say("a mail or file server answers there")),
    (pattern(rb"[\x15\x16]\x03"), say("it is encrypted there; chat-client --tls may be what you want")),
)
"""How others begin."""


class Preamble:
    """The lines up to `hello`, or up to the end."""

    def __init__(self) -> None:
        self.stranger: Sentence | None = None
        """What speaks there, where that is no chat server."""

        self._begun = False
        self._code = ""
        self._text = ""
        self._goes_on = False

    def take(self, line: bytes | TooLong) -> None:
        """A line came; of several errors the first one says it, and of another server its first line what it is."""
        if not self._begun and not isinstance(line, TooLong):
            self._begun = True
            self.stranger = next((what for kind, what in _STRANGERS if kind.match(line)), None)
        if isinstance(line, TooLong) or not line.startswith(_MARK):
            self._goes_on = False
            return
        text = line.removeprefix(_MARK).decode("utf-8", "replace")
        begins = _BEGINNING.fullmatch(text)
        if begins is None and self._goes_on:
            self._text = f"{self._text} {text}"[: limits.TEXT]
        elif begins is not None and not self._code:
            self._code, self._text = begins[1], begins[2][: limits.TEXT]
            self._goes_on = True
        else:
            self._goes_on = False

    @property
    def error(self) -> Raw | None:
        """The object that a program would have been sent."""
        return {"type": "error", "code": self._code, "text": self._text} if self._code else None
