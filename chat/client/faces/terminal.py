"""A person at a terminal that shows lines as they come: the nickname is asked for, what is typed is sent.

The terminal itself echoes and edits, and nothing is redrawn, so this works on every terminal and in a screen reader.
"""

from shutil import get_terminal_size
from unicodedata import normalize

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet

from chat.base import names
from chat.base.errors import Refused
from chat.base.fingerprint import normal
from chat.base.language import Sentence, say
from chat.client.faces.stdio import Ground, Status, StreamFace, cannot_remember, layout
from chat.client.link.lines import TooLong
from chat.client.link.trust import Unknown, Unsafe
from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.me import SentLine
from chat.client.talk.objects import Hello, Object, Problem, Raw
from chat.wire import grammar, phrases, vocabulary

_NICKNAME = say("Nickname:")
_TRUST = say("Go on, and remember it? (yes, no, or the fingerprint you were told):")
_YES, _NO = say("yes"), say("no")


class TerminalFace(StreamFace):
    """The face for somebody who looks; `nick` None is asked for, unless an earlier run left who they are."""

    def __init__(self, ground: Ground, nick: str | None) -> None:
        super().__init__(ground, recorder=False)
        self._asking = nick is None and self.connection.me.code is None
        self._prompted = False
        self._proposal: str | None = None
        self._told = False
        self._stranger: Unknown | None = None

    def start(self, reactor: IReactorFDSet) -> "Deferred[Status]":
        """Begin; fires when it is over."""
        done = super().start(reactor)
        self._dialing()
        return done

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

    def worse(self, status: Status) -> None:
        """What went wrong on the way was seen; the exit code tells what is wrong at the end."""
        if self.connection.leaving:
            super().worse(status)

    # Reader

    def typed(self, line: str | TooLong) -> None:
        """The answer to a question, or something to say."""
        self._prompted = False
        if self._stranger is not None:
            self._decide(self._stranger, line.strip() if isinstance(line, str) else "")
            return
        if self._asking and isinstance(line, str):
            line = vocabulary.for_nickname(line)
            if grammar.command_in(line) is None:
                self._choose(line.strip())
                return
        super().typed(line)
        if not (self.connection.connected or self._asking or self._told):
            self._told = True
            self.state(say("not connected: what you type is kept, and sent as soon as you are"))

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
            self._prompt(_NICKNAME)

    def nickname_wanted(self, refused: Problem | None) -> None:
        """Ask for it."""
        if self.takes_proposal(refused):
            return
        if refused is not None:
            self._again(refused.code, refused.text, refused.proposal)
        self._asking = True
        self._prompt(_NICKNAME)

    def entered(self) -> None:
        """From now on what is typed is said."""
        self._asking = self._told = False

    def unsafe(self, problem: Unsafe) -> None:
        """Ask whether it is the right one, where that is the question."""
        if not isinstance(problem, Unknown):
            super().unsafe(problem)
            return
        self.tell(problem)
        self._stranger = problem
        self._prompt(_TRUST)

    def _prompt(self, question: Sentence) -> None:
        if not self._prompted:
            self._prompted = True
            self._streams.write(self._words(question) + " ")

    def _dialing(self) -> None:
        self.state(say("connecting to {server}", server=self._server))

    # A server that nobody knows.

    def _decide(self, stranger: Unknown, answer: str) -> None:
        """Take a clear answer; what was typed for somebody else to read is none."""
        word = _bare(answer)
        if word in ("no", _bare(self._words(_NO))):
            self._leave()
        elif word in ("yes", _bare(self._words(_YES))) or normal(answer) == stranger.fingerprint:
            self._stranger = None
            try:
                stranger.accept()
            except OSError as error:
                self.state(cannot_remember(error))
            self._dialing()
            self.connection.dial()
        else:
            if normal(answer) is not None:
                self.put(Shown(LineKind.ERROR, self._words(say("That is another fingerprint."))))
            self._prompt(_TRUST)

    def _leave(self) -> None:
        """Whoever leaves instead of an answer gives one, too."""
        if self._stranger is None:
            self.connection.leave()
        else:
            self.give_up(Status.UNSAFE)

    # The nickname.

    def _choose(self, nick: str) -> None:
        if nick or self._proposal:
            try:
                # What the server proposed may be what nobody can choose by themselves: guest7.
                chosen = self._proposal if nick in ("", self._proposal) else names.check_nickname(nick)
            except Refused as error:
                self._again(error.code, self._words(error.sentence), names.propose(nick, lambda name: True))
                self._prompt(_NICKNAME)
                return
            self.connection.enter(chosen or nick)
        else:
            self.enter_as_anyone()
        self._asking = False

    def _again(self, code: str, text: str, proposal: str | None) -> None:
        self._proposal = proposal
        offer = "" if proposal is None else self._words(phrases.proposal(proposal))
        self.put(self._conversation.error(code, f"{text} {offer}".rstrip()))


def _bare(word: str) -> str:
    """A word as somebody in a hurry types it, without accents: si for sí."""
    return normalize("NFKD", word).encode("ascii", "ignore").decode().casefold()
