"""Several lines as one message: between `/paste` and `/end` what is typed is gathered here and sent as one line.

It is gathered by the client, not by the server, so that a connection that is lost takes no draft with it: the lines
after it would be said one by one, and `/end` with them.
"""

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import Sentence
from chat.wire import grammar, phrases, vocabulary


class Draft:
    """What is typed, on its way to being said."""

    def __init__(self) -> None:
        self._lines: list[str] | None = None

    @property
    def lines(self) -> int:
        """Lines that are not said yet."""
        return len(self._lines or ())

    def take(self, line: str) -> str | Sentence | None:
        """What to send for a typed line, or what to answer to it; raises `Refused` for a line that has no room."""
        # The whole line, and nothing behind it: the server tells whoever writes more.
        typed = grammar.command_in(line)
        word = None if typed is None or typed.rest else vocabulary.name_of(typed.word)
        if self._lines is None:
            if word != "paste" or (typed is not None and typed.misplaced):
                return line or None
            self._lines = []
            return phrases.DRAFT_BEGUN
        if word == "cancel" or (word == "end" and not self._lines):
            self._lines = None
            return phrases.NOTHING_SAID
        if word == "end":
            text = "\n".join(self._lines)
            self._lines = None
            return grammar.talk(text)
        size = sum(len(other.encode()) + 1 for other in self._lines) + len(line.encode())
        if len(self._lines) >= limits.PASTE_LINES or size > limits.PASTE_TEXT:
            raise Refused("too-long", phrases.DRAFT_FULL)
        self._lines.append(line)
        return None
