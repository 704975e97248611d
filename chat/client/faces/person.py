"""Somebody who sits there, however it looks: they are asked for a nickname, and whether a server is the right one."""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ClassVar
from unicodedata import normalize

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet

from chat.base import names, pins
from chat.base.errors import Refused
from chat.base.fingerprint import normal
from chat.base.language import Sentence, say
from chat.client.faces.ours import Own, set_one
from chat.client.faces.passwords import Passwords
from chat.client.faces.stdio import Ground, Status, StreamFace, cannot_remember
from chat.client.link.lines import TooLong
from chat.client.link.trust import Unknown, Unsafe
from chat.client.settings import Settings
from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.me import SentLine
from chat.client.talk.objects import Object, Problem, Reply
from chat.wire import grammar, phrases, vocabulary

NICKNAME = say("Nickname:")
"""Asked for where somebody enters."""

_TRUST = say("Go on, and remember it? (yes, no, or the fingerprint you were told):")
_YES, NO = say("yes"), say("no")


class PersonFace(StreamFace):
    """The face for somebody who looks; `nick` None is asked for, unless an earlier run left who they are."""

    elsewhere: ClassVar[Sentence]
    """What whoever asks for a command of the other face is told."""

    def __init__(self, ground: Ground, nick: str | None, settings: Settings | None = None) -> None:
        super().__init__(ground, recorder=False)
        self.settings = settings or Settings()
        self.ours = {
            "go": Own(
                say("/go [#room|NICK]"),
                say("opens a conversation; the beginning of its name is enough"),
                "place",
                self.go,
            ),
            "set": Own(
                say("/set [name [value]]"),
                say("shows the settings of this program, or changes one"),
                "setting",
                self._set,
            ),
            "reconnect": Own(say("/reconnect"), say("connects anew, at once"), "", lambda rest: self.reconnect()),
        }
        """Commands that only a client has, by their names."""

        self.passwords = Passwords(self, lambda: bool(self.settings["keyring"]))
        self._tried = nick
        self._asking = nick is None and self.connection.me.code is None
        self._proposal: str | None = None
        self._told = False
        self._stranger: Unknown | None = None
        self._chosen = self._advised = False
        self.remember: Callable[[str], object] = lambda nick: None
        """Takes the nickname that somebody chose, for the next start."""

    @property
    def room(self) -> str | None:
        """The one that what is typed is about; None: as the server knows."""
        return None

    @abstractmethod
    def ask(self, question: Sentence) -> None:
        """Let them see this question: what is typed next answers it."""

    @abstractmethod
    def go(self, name: str) -> None:
        """(Ours) Speak there."""

    def start(self, reactor: IReactorFDSet) -> "Deferred[Status]":
        """Begin; fires when it is over."""
        done = super().start(reactor)
        self._dialing()
        return done

    def worse(self, status: Status) -> None:
        """What went wrong on the way was seen; the exit code tells what is wrong at the end."""
        if self.connection.leaving:
            super().worse(status)

    @property
    def question(self) -> Sentence | None:
        """What they are asked."""
        if self._stranger is not None:
            return _TRUST
        if self.passwords.wanted:
            return self.passwords.question
        return NICKNAME if self._asking else None

    @property
    def hides(self) -> bool:
        """What is typed is not shown."""
        return self.passwords.wanted and self._stranger is None

    # Reader

    def typed(self, line: str | TooLong) -> None:
        """The answer to a question, or something to say."""
        if self._stranger is not None:
            self._decide(self._stranger, line.strip() if isinstance(line, str) else "")
            return
        command = grammar.command_in(line) if isinstance(line, str) and "\n" not in line else None
        text = line if isinstance(line, str) else ""
        if self.passwords.wanted and not (self.passwords.outside and command is not None):
            self.passwords.answer(text)
            return
        if vocabulary.quotable(text) != text:
            self.passwords.command(text)
            return
        if command is not None and not command.misplaced and self._is_ours(command):
            return
        if self._asking and isinstance(line, str):
            line = vocabulary.for_nickname(line)
            if grammar.command_in(line) is None:
                self._choose(line.strip())
                return
        super().typed(line)
        if not (self.connection.connected or self.connection.asking or self._asking):
            self.kept_for_later()

    def _is_ours(self, command: grammar.TypedCommand) -> bool:
        """Do, or explain, what only a client does; whether it was that."""
        name, topic = vocabulary.name_of(command.word), grammar.fold(command.rest).lstrip("/")
        wanted = topic if name == "help" else name
        if wanted not in vocabulary.OF_CLIENTS:
            return False
        own = self.ours.get(wanted)
        if own is None:
            self._refused(Refused("not-here", self.elsewhere), "")
        elif name == "help":
            self._explain(own)
        else:
            own.do(command.rest)
        return True

    def _explain(self, own: Own) -> None:
        self.put(Shown(LineKind.REPLY, self._words(phrases.manual(own.usage, own.help))))

    def password_asked(self, asked: bool) -> None:
        """A password is wanted now, or no more."""
        self.hide(asked)
        if asked and self.question is not None:
            self.ask(self.question)

    def hide(self, hidden: bool) -> None:
        """What is typed is shown no more, or again."""

    def drop_typed(self) -> None:
        """What was begun to be typed is nobody's any more."""
        self._streams.drop()

    def went(self, room: str) -> None:
        """They are in this room now, by its word."""

    def answered(self, what: Object | None, line: SentLine | None) -> None:
        """A password may be asked for, after a login that failed that of the server again; or all commands, of which
        the server does not know ours."""
        self.passwords.received(what)
        if isinstance(what, Reply) and what.facts.get("asks") in ("new", "again", "present", "invitation"):
            self.passwords.asked(what, line)
        elif isinstance(what, Problem) and self.connection.outside and not self.passwords.wanted:
            self.passwords.ask_outside()
        elif isinstance(what, Problem) and self.connection.asking and not (self.passwords.wanted or self._asking):
            self._asking = True
            self.ask(NICKNAME)
        if isinstance(what, Reply) and what.command == "help" and line is not None:
            command = grammar.command_in(line.text)
            if command is not None and grammar.fold(command.rest) in vocabulary.ALL:
                self.put(Shown(LineKind.REPLY, self._words(say("Of this program:"))))
                for own in self.ours.values():
                    self._explain(own)

    def ask_password(self) -> None:
        """The server's, for which nobody looks in any file."""
        self.passwords.ask_outside()

    def configure(self) -> None:
        """Be as the settings say."""

    def reconnect(self) -> None:
        """(Ours) Try at once."""
        self.connection.reconnect()

    def _set(self, rest: str) -> None:
        try:
            told, trouble = set_one(self.settings, rest)
        except Refused as error:
            self._refused(error, f"/set {rest}")
            return
        self.configure()
        if trouble is None and self.settings["keyring"] and rest.split()[1:] and rest.casefold().startswith("keyring"):
            self.passwords.check()
        for setting, help in told:
            self.put(Shown(LineKind.REPLY, f"{setting}: {self._words(help)}"))
        if trouble is not None:
            self.state(trouble)

    def kept_for_later(self) -> None:
        """Say what becomes of what is typed now."""
        if not self._told:
            self._told = True
            self.state(say("not connected: what you type is kept, and sent as soon as you are"))

    # Face

    def nickname_wanted(self, refused: Problem | None) -> None:
        """Ask for it, unless it is one's own, by a password that is kept."""
        if self.takes_proposal(refused):
            return
        self._asking = True
        if refused is not None and refused.code == "nick-taken" and self._tried is not None:
            self.passwords.log_in(self._tried, partial(self._ask_nickname, refused))
        else:
            self._ask_nickname(refused)

    def _ask_nickname(self, refused: Problem | None) -> None:
        if refused is not None:
            self._again(refused.code, refused.text, refused.proposal)
        self.ask(NICKNAME)

    def lost(self, reason: Sentence | None) -> None:
        """What was asked for is not any more."""
        self.passwords.drop()
        super().lost(reason)

    def entered(self) -> None:
        """From now on what is typed is said."""
        self.passwords.drop()
        self._asking = self._told = False
        if self._chosen and self.connection.me.nick is not None:
            self._chosen = False
            self.remember(self.connection.me.nick)

    def dialing(self, server: str) -> None:
        """Say where one is led."""
        super().dialing(server)
        self._dialing()

    def unreachable(self, reason: Sentence) -> None:
        """The first time with what to do about it."""
        super().unreachable(reason)
        if self.connection.me.nick is None and not self._advised:
            self._advised = True
            self.state(say("is that the right name and port? chat-client HOST:PORT; Ctrl-C gives up"))

    def unsafe(self, problem: Unsafe) -> None:
        """Ask whether it is the right one, where that is the question."""
        if not isinstance(problem, Unknown):
            super().unsafe(problem)
            return
        self.tell(problem)
        self._stranger = problem
        self.ask(_TRUST)

    def _dialing(self) -> None:
        self.state(connecting(self._server))

    # A server that nobody knows.

    def _decide(self, stranger: Unknown, answer: str) -> None:
        """Take a clear answer; what was typed for somebody else to read is none."""
        word = _bare(answer)
        if word in ("no", _bare(self._words(NO))):
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
            self.ask(_TRUST)

    def _leave(self) -> None:
        """Whoever leaves instead of an answer gives one, too."""
        if self._stranger is None:
            self.connection.leave()
        else:
            self.give_up(Status.UNSAFE)

    # The nickname.

    def _choose(self, nick: str) -> None:
        if nick or self._proposal:
            name, *pin = pins.given(nick) or (nick,)  # of a class
            try:
                # What the server proposed may be what nobody can choose by themselves: guest7.
                chosen = self._proposal if nick in ("", self._proposal) else names.check_nickname(name)
            except Refused as error:
                self._again(error.code, self._words(error.sentence), names.propose(name, lambda free: True))
                self.ask(NICKNAME)
                return
            self._chosen, self._tried = True, chosen or name
            self.connection.enter(" ".join((self._tried, *pin)))
        else:
            self.enter_as_anyone()
        self._asking = False

    def _again(self, code: str, text: str, proposal: str | None) -> None:
        self._proposal = proposal
        offer = "" if proposal is None else self._words(phrases.proposal(proposal))
        self.put(self._conversation.error(code, f"{text} {offer}".rstrip()))


def connecting(server: str) -> Sentence:
    """An attempt begins."""
    return say("connecting to {server}", server=server)


def _bare(word: str) -> str:
    """A word as somebody in a hurry types it, without accents: si for sí."""
    return normalize("NFKD", word).encode("ascii", "ignore").decode().casefold()
