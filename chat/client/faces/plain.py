"""A person at a terminal that shows lines as they come: the nickname is asked for, what is typed is sent.

The terminal itself echoes and edits, and nothing is redrawn, so this works on every terminal and in a screen reader.
"""

from shutil import get_terminal_size

from chat.base.language import Sentence, say
from chat.client.faces.person import NICKNAME, PersonFace
from chat.client.faces.stdio import Ground, layout
from chat.client.link.lines import TooLong
from chat.client.talk.conversation import Shown
from chat.client.talk.me import SentLine
from chat.client.talk.objects import Hello, Object, Raw


class PlainFace(PersonFace):
    """The face for any terminal, and for whoever listens to it."""

    def __init__(self, ground: Ground, nick: str | None) -> None:
        super().__init__(ground, nick)
        self._prompted = False

    def stop(self) -> None:
        """Ctrl-C: the terminal shows ^C, and the shell's prompt belongs on the next line."""
        self._streams.write("\n")
        self._prompted = False
        self._leave()

    def put(self, shown: Shown) -> None:
        """To the screen, on lines of its own."""
        if self._prompted:
            self._prompted = False
            self._streams.write("\n")
        time = "" if shown.at is None else f"{shown.at:%H:%M} "
        for line in layout(shown, time, get_terminal_size().columns):
            self._streams.write(f"{line}\n")

    def ask(self, question: Sentence) -> None:
        """Once, at the beginning of a line, where the answer is typed."""
        if not self._prompted:
            self._prompted = True
            self._streams.write(self._words(question) + " ")

    # Reader

    def typed(self, line: str | TooLong) -> None:
        """The terminal went on to the next line."""
        self._prompted = False
        super().typed(line)

    def input_ended(self, rest: str | TooLong) -> None:
        """Ctrl-D; a line that was only begun is not sent."""
        if rest != "" or self._prompted:
            self._streams.write("\n")
        self._prompted = False
        self._leave()

    # Face

    def received(self, what: Object | None, raw: Raw, line: SentLine | None) -> None:
        """Show it, and ask again for the nickname if there is none yet."""
        if isinstance(what, Hello):
            self.state(say("connected"))
        super().received(what, raw, line)
        if self._asking and self.connection.asking:
            self.ask(NICKNAME)
