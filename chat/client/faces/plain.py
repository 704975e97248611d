"""A person at a terminal that shows lines as they come: the nickname is asked for, what is typed is sent.

The terminal itself echoes and edits, and nothing is redrawn, so this works on every terminal and in a screen reader.
For whoever listens, what stands in marks elsewhere is said in words, and what repeats itself is left out.
"""

from collections import deque
from shutil import get_terminal_size

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.base.mentions import calls
from chat.client.alerts import Alerts, Run, run_in_thread
from chat.client.faces.ours import Own, nowhere
from chat.client.faces.person import NICKNAME, PersonFace
from chat.client.faces.spoken import spoken
from chat.client.faces.stdio import Ground, layout
from chat.client.link.lines import TooLong
from chat.client.settings import Settings
from chat.client.talk.conversation import LineKind, Shown, is_taken_back
from chat.client.talk.me import SentLine
from chat.client.talk.objects import Hello, Object, Raw, Redacted, Said, Welcome
from chat.wire import grammar

_AGAIN = 5


class PlainFace(PersonFace):
    """The face for any terminal; in `words` for whoever listens to it."""

    elsewhere = say("/clear is for a screen that is drawn; here lines come as they come.")

    def __init__(
        self,
        ground: Ground,
        nick: str | None,
        settings: Settings | None = None,
        words: bool = False,
        run: Run = run_in_thread,
    ) -> None:
        self._in_words = words
        self._prompted = False
        self._shown: deque[tuple[Shown, str]] = deque(maxlen=limits.LINES_AGAIN)
        super().__init__(ground, nick, settings)
        self._alerts = Alerts(lambda sequence: None, run)
        self.ours["again"] = Own(say("/again [n]"), say("shows the last lines once more"), "", self._repeat)
        self.configure()

    def stop(self) -> None:
        """Ctrl-C: the terminal shows ^C, and the shell's prompt belongs on the next line."""
        self._streams.write("\n")
        self._prompted = False
        self._leave()

    def put(self, shown: Shown) -> None:
        """To the screen, on lines of its own."""
        if self._in_words:
            lines = spoken(shown, self._words)
        else:
            time = "" if shown.at is None or not self.settings["time"] else f"{shown.at:%H:%M} "
            lines = layout(shown, time, get_terminal_size().columns)
        if lines and shown.kind is not LineKind.STATE:
            self._shown.append((shown, "\n".join(lines)))
        self._write(lines)

    def _write(self, lines: list[str]) -> None:
        if self._prompted and lines:
            self._prompted = False
            self._streams.write("\n")
        for line in lines:
            self._streams.write(f"{line}\n")

    def ask(self, question: Sentence) -> None:
        """Once, at the beginning of a line, where the answer is typed."""
        if not self._prompted:
            self._prompted = True
            self._streams.write(self._words(question) + " ")

    def configure(self) -> None:
        """Be as the settings say; there is no bell here that was not there before."""
        self._alerts.how = "off"
        self._alerts.command = self.settings.text("on-mention")

    def hide(self, hidden: bool) -> None:
        """The terminal shows what is typed, unless it is told not to."""
        self._streams.hide(hidden)
        if not hidden:
            self._streams.write("\n")  # the line's end was not shown either

    def go(self, name: str) -> None:
        """(Ours) Speak in another room that one is in; alone it is the one that was left longest ago."""
        wanted = grammar.fold(name).removeprefix("#")
        rooms = self.connection.me.rooms
        found = next((room for room in rooms if grammar.fold(room.removeprefix("#")).startswith(wanted)), None)
        if found is None:
            self._refused(Refused("no-room", nowhere(name)), "")
        else:
            super().typed(f"/join {found}")

    def _repeat(self, rest: str) -> None:
        """(Ours) Once more what was shown last."""
        number = rest.strip() or str(_AGAIN)
        if not (number.isascii() and number.isdecimal() and 0 < int(number[:9]) <= limits.LINES_AGAIN):
            most = say("/again takes a number up to {most}.", most=limits.LINES_AGAIN)
            self._refused(Refused("usage", most), f"/again {rest}")
            return
        self._write([text for _, text in list(self._shown)[-int(number) :]])

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
        if isinstance(what, Hello) and not self.passwords.outside:
            self.state(say("connected"))
        if isinstance(what, Redacted):
            held = [(shown, text) for shown, text in self._shown if not is_taken_back(shown, what)]
            self._shown = deque(held, limits.LINES_AGAIN)
        super().received(what, raw, line)
        self.answered(what, line)
        if isinstance(what, Said) and self._calls(what):
            self._alerts.call(what.author, " ".join(what.text.split("\n")))
        if self._asking and self.connection.asking and not (self.passwords.wanted or isinstance(what, Welcome)):
            self.ask(NICKNAME)

    def _calls(self, said: Said) -> bool:
        nick = self.connection.me.nick
        if nick is None or said.author == nick:
            return False
        words = (nick, *self.settings.text("words").split())
        return said.to is not None or calls(*words)(said.text)
