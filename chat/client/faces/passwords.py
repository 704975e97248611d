"""The passwords that a server asks for: typed unseen, or those of logins from the keyring, where somebody wants that.

One that was typed and taken is kept there then.  None is sent twice, kept in a file, or shown.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from twisted.python.failure import Failure

from chat.base.errors import BadInput
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.client.kept_passwords import KeptPasswords, Unusable
from chat.client.talk.connection import Connection
from chat.client.talk.me import SentLine
from chat.client.talk.objects import Object, Problem, Reply, Welcome
from chat.wire import grammar, vocabulary

_PASSWORD, _PASSWORD_OF_CHAT, _CODE = say("Password:"), say("Password of this chat:"), say("Code:")
_CANNOT_KEEP = say("Passwords are kept for encrypted connections (chat-client --tls) and for this computer alone.")


class Person(Protocol):
    """Whoever types them."""

    connection: Connection

    @property
    def room(self) -> str | None:
        """The one that what is typed is about; None: as the server knows."""

    def state(self, sentence: Sentence) -> None:
        """Tell them how it stands."""

    def password_asked(self, asked: bool) -> None:
        """What is typed next is one, or no more."""

    def drop_typed(self) -> None:
        """What was begun to be typed is nobody's any more."""

    def went(self, room: str) -> None:
        """They are in this room now, by its word."""


class Told(NamedTuple):
    """What the server was told, with a password perhaps."""

    nick: str = ""
    password: str | None = None
    from_keyring: bool = False


class Passwords:
    """`wanted` while the next line is one, of an account or (`outside`) the server's own; `kept` are those of the
    keyring, where that is safe, asked while it is `on`."""

    def __init__(self, person: Person, on: Callable[[], bool]) -> None:
        self.wanted = self.outside = False
        self.question = _PASSWORD
        """By which it is asked for; the code of an invitation is one, too."""
        self.kept: KeptPasswords | None = None
        self._person = person
        self._on = on
        self._nick = ""
        self._looking = object()
        """What is looked for; another one where nobody wants that any more."""
        self._told: Told | None = None
        """What that answers which the server says just now."""
        self._command: str | None = None
        self._wrong: set[str] = set()

    def check(self) -> None:
        """Somebody wants the keyring: say so if it cannot be had."""
        if self.kept is None:
            self._person.state(_CANNOT_KEEP)
        else:
            self.kept.check().addErrback(self._tell)

    def asked(self, what: Reply, line: SentLine | None) -> None:
        """The server wants one; `line` is what that answers, unless it may have held one itself."""
        nick, wanted = what.facts.get("nick"), what.facts.get("asks")
        command = self._command if line is None else vocabulary.named(line.text)
        self._nick = nick if isinstance(nick, str) else ""
        if wanted == "present" and command in (None, "login"):
            self._look(self._nick, self._found)
        else:
            self._ask(_CODE if wanted == "invitation" else _PASSWORD)

    def log_in(self, nick: str, otherwise: Callable[[], None]) -> None:
        """Log in under a nickname that was refused, if its password is kept, else do this; unless they meanwhile chose
        another one."""
        connection = self._person.connection

        def found(password: str | None) -> None:
            if not connection.asking:
                return
            if password is None:
                otherwise()
            else:
                connection.ask(f"/login {nick}", partial(answered, password))

        def answered(password: str, what: Object | None) -> bool:
            if not (isinstance(what, Reply) and "asks" in what.facts):
                return False
            self._nick = nick
            self._found(password)
            return True

        self._look(nick, found)

    def ask_outside(self) -> None:
        """The server wants its own, of which nothing is kept."""
        self._ask(_PASSWORD_OF_CHAT)

    def answer(self, password: str) -> None:
        """One that was asked for."""
        tell = self._person.connection.let_in if self.outside else partial(self._send, False)
        question = self.question
        self._end()
        if not self._once(partial(tell, password)):
            self._ask(question)

    def command(self, line: str) -> None:
        """One that may hold one."""
        self._command = vocabulary.named(line)
        command = grammar.command_in(line)
        nick, *password = ("" if command is None else command.rest).split(maxsplit=1) or [""]
        told = Told(nick, password[0]) if self._command == "login" and password else Told()
        room = self._person.room if self._command == "word" else None
        self._once(partial(self._person.connection.ask, line, partial(self._answered, told), room=room))

    def _once(self, tell: Callable[[], None]) -> bool:
        """To the server alone, once: it is never sent again, and stands in no file; False where it is too long."""
        connection = self._person.connection
        if not (connection.connected or connection.asking):
            self._person.state(say("not connected: that was not sent, for it may hold a password"))
            return True
        try:
            tell()
        except BadInput as error:
            self._person.state(error.sentence)
            return False
        return True

    def drop(self) -> None:
        """The question is gone, as with the connection, whatever was typed of an answer."""
        if self.wanted:
            self._person.drop_typed()
        self._end()

    def _end(self) -> None:
        self._looking = object()
        if self.wanted:
            self.wanted = self.outside = False
            self._person.password_asked(False)

    def _found(self, password: str | None) -> None:
        if password is None or not self._once(partial(self._send, True, password)):
            self._ask()

    def _ask(self, question: Sentence = _PASSWORD) -> None:
        self.wanted, self.outside, self.question = True, question is _PASSWORD_OF_CHAT, question
        self._person.password_asked(True)

    def _send(self, from_keyring: bool, password: str) -> None:
        self._person.connection.tell(password, partial(self._answered, Told(self._nick, password, from_keyring)))

    def _answered(self, told: Told, what: Object | None) -> bool:
        """It is shown first."""
        self._told = told
        return False

    def received(self, what: Object | None) -> None:
        """What the server said, which may be what became of a password."""
        told, self._told = self._told, None
        if told is None:
            return
        match what:
            case Reply("join", facts={"room": str(room)}) if room in self._person.connection.me.rooms:
                self._person.went(room)
            case Welcome() | Reply(facts={"is_new": bool()}) if told.password is not None:
                self._keep(told, told.password)
            case Reply("unregister", facts=facts) if told.password is not None and "asks" not in facts:
                if self.kept is not None and self._on():
                    self.kept.forget(told.nick).addErrback(self._tell)
            case Problem("login-failed") if told.from_keyring:
                self._wrong.add(told.nick.casefold())
                self._person.state(_wrong(told.nick))

    def _keep(self, told: Told, password: str) -> None:
        """The server has taken it."""
        self._wrong.discard(told.nick.casefold())
        if self.kept is not None and self._on() and not told.from_keyring:
            kept = say("The password of {nick} is in the keyring now.", nick=told.nick)
            put = self.kept.put(told.nick, password)
            put.addCallbacks(lambda _: self._person.state(kept), self._tell)

    def _look(self, nick: str, found: Callable[[str | None], None]) -> None:
        """Whether it is kept; meanwhile nothing is asked, so that nothing typed is taken for what it is not."""
        if self.kept is None or not self._on() or nick.casefold() in self._wrong:
            found(None)
            return
        self._looking = looking = object()

        def still(password: str | None) -> None:
            if self._looking is looking:
                found(password)

        self._person.state(say("looking for the password of {nick} in the keyring", nick=nick))
        self.kept.get(nick).addErrback(self._tell).addCallback(still)

    def _tell(self, failure: Failure) -> None:
        failure.trap(Unusable)
        assert isinstance(failure.value, Unusable)
        self._person.state(failure.value.sentence)


def _wrong(nick: str) -> Sentence:
    """It was another one than the server knows."""
    return say("It was the password in the keyring. Type /login {nick}, and the right one.", nick=nick)
