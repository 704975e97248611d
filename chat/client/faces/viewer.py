"""Somebody who sees a `View` of all their conversations, on whatever is drawn: what a terminal and a window share.

What is only so for the moment (lines on their way, how the connection is) is looked up whenever it is drawn anew.
Commands that only a client has are answered here.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime

from chat.base import limits
from chat.base.errors import BadInput
from chat.base.language import Sentence, duration, known_languages, say
from chat.client.alerts import Alerts, Run, run_in_thread
from chat.client.faces.ours import Own, nowhere
from chat.client.faces.person import PersonFace, connecting
from chat.client.faces.stdio import Ground, no_connection
from chat.client.link.lines import TooLong
from chat.client.link.trust import Unsafe
from chat.client.settings import TABLE, Settings
from chat.client.talk.conversation import Shown
from chat.client.talk.me import PRIVATE, SentLine
from chat.client.talk.objects import Hello, Object, Problem, Raw, Reply, RoleGiven
from chat.client.talk.view import Choices, View
from chat.editing.completing import Argument, Command, Completing, Offer, commands_in
from chat.wire import vocabulary
from chat.wire.grammar import command_in

CONNECTING, NOT_CONNECTED = say("connecting"), say("not connected")
_LAG = 1.0


class ViewerFace(PersonFace):
    """The face that draws a view, each conversation on a page if `paged`; `signal` sends what a call makes ring."""

    def __init__(
        self,
        ground: Ground,
        nick: str | None,
        settings: Settings,
        signal: Callable[[str], None],
        paged: bool,
        run: Run = run_in_thread,
    ) -> None:
        self._choices = Choices(paged=paged)
        self._alerts = Alerts(signal, run)
        super().__init__(ground, nick, settings)
        self.view = View(self.connection.me, ground.language, ground.now, self._choices)
        choices = {"switch": ("on", "off"), "language": known_languages(), "setting": tuple(TABLE)}
        self.ours["clear"] = Own(say("/clear"), say("empties the screen"), "", lambda rest: self.clear())
        self._completing = Completing([self._own(name, own) for name, own in self.ours.items()], choices)
        self._state: Sentence | None = CONNECTING
        self._quiet = self._knows_commands = False
        self._read_at: datetime | None = None
        self._in_by: str | None = None
        self.configure()

    @abstractmethod
    def show(self) -> None:
        """Draw what is new in the view."""

    @abstractmethod
    def refresh(self) -> None:
        """What is only so for the moment may look different now."""

    @abstractmethod
    def clear(self) -> None:
        """(Ours) Empty the screen."""

    def put(self, shown: Shown) -> None:
        """In what is open."""
        self.view.put(shown)
        self.show()

    def ask(self, question: Sentence) -> None:
        """It stands where it is answered."""
        self.refresh()

    def call(self) -> None:
        """Let it be heard who called since."""
        for alert in self.view.alerts()[-limits.ALERTS_KEPT :]:
            room = "" if alert.private else f"{alert.room} "
            self._alerts.call(f"{room}{alert.author}", " ".join(alert.text.split("\n")))

    def configure(self) -> None:
        """Be as the settings say."""
        settings = self.settings
        self._choices.everything = settings["show"] == "all" and not self._choices.paged
        self._choices.days = bool(settings["time"])
        self._choices.folded = bool(settings["fold"])
        self._choices.words = tuple(settings.text("words").split())
        self._alerts.how = settings.text("notify")
        self._alerts.command = settings.text("on-mention")

    # What is drawn.

    @property
    def trouble(self) -> Sentence | None:
        """How the connection is, where it is not as it should be."""
        if self._state is None and (lag := self.connection.lag) > _LAG:
            return say("no answer for {time}", time=duration(round(lag)))
        return self._state

    @property
    def on_their_way(self) -> list[str]:
        """Lines that were typed and do not stand in their place yet."""
        return self.view.waiting([*self.connection.unconfirmed, *self.connection.waiting])

    def hint(self, text: str) -> str:
        """How a command is used."""
        return "" if self.question is not None else self._completing.hint(text)

    def offers(self, text: str) -> Sequence[Offer]:
        """With the server's commands, and who is here."""
        if self.question is not None:
            return ()
        rooms = [name for name in self.view.talks if not name.startswith(PRIVATE)]
        return self._completing.offers(text, self.view.nicknames, rooms)

    def keeps(self, line: str) -> bool:
        """No answer to a question, and nothing that may be a password or a code, in none of its rows."""
        rows = line.split("\n")
        return self.question is None and all(
            vocabulary.code_in(row) is None and vocabulary.quotable(row) == row for row in rows
        )

    def waits(self) -> bool:
        """An answer is owed."""
        return self.connection.lag > 0

    def attended(self) -> None:
        """Somebody reads: the server is told how far, if not with each key."""
        self.view.attended()
        now = self._now()
        if self._read_at is None or (now - self._read_at).total_seconds() >= limits.READ_SECONDS:
            self._read_at = now
            self.connection.read(self.view.marks())

    def go_to(self, number: int) -> None:
        """The conversation of this number."""
        names = list(self.view.talks)
        if number <= len(names):
            self._open(names[number - 1])

    def go_on(self, step: int) -> None:
        """To what is new."""
        if (name := self.view.next(step)) is not None:
            self._open(name)

    def went(self, room: str) -> None:
        """What is typed next is said there."""
        self.view.go(room)

    @property
    def room(self) -> str | None:
        """The one that is open."""
        return self.view.asked("/word").room

    # Reader

    def typed(self, line: str | TooLong) -> None:
        """A command of ours, an answer, or something to say in what is open."""
        text = line if isinstance(line, str) else ""
        command = command_in(text)
        if command is not None and self._stranger is None:
            name = vocabulary.name_of(command.word)
            if name == "leave" and not command.rest and self.view.close():
                self.show()
                return
            if name == "msg" and self._opens(command.rest):
                return
        if command is not None and "\n" in text and vocabulary.name_of(command.word) != "msg":
            self.view.error("usage", self._words(say("A command is one line. To say it, type / once more.")), text)
            self.show()
            return
        super().typed(line)
        self.show()

    def _opens(self, rest: str) -> bool:
        """Whether it is a nickname without a text: `/query bob` is how people of IRC begin to talk with somebody."""
        words = rest.split()
        found = self.view.found(PRIVATE + words[0].strip("@,:")) if len(words) == 1 else None
        if found is None or not found.startswith(PRIVATE) or self.connection.me.nick is None:
            return False
        self._open(found)
        return True

    def kept_for_later(self) -> None:
        """It stands above the prompt."""

    def send(self, text: str) -> None:
        """Say it where it was typed."""
        self.connection.post(self.view.asked(text))

    def input_ended(self, rest: str | TooLong) -> None:
        """Ctrl-D on an empty line."""
        self._leave()

    # Face

    def received(self, what: Object | None, raw: Raw, line: SentLine | None) -> None:
        """Where it belongs."""
        if isinstance(what, Hello):
            self._state = None
        self.view.take(what, line)
        self.answered(what, line)
        match what:
            case RoleGiven(to=nick) if nick == self.connection.me.nick:
                self._ask_commands()
            case Reply("join", facts={"role": str(role)}) if role != "member":
                self._ask_commands()
        if isinstance(what, Problem):
            self.refused(what)
        self.show()
        self.refresh()

    def progressed(self) -> None:
        """A line of ours is done."""
        super().progressed()
        self.refresh()

    def entered(self) -> None:
        """In: without a word, where we only were away, unless it is by another address."""
        super().entered()
        if self._in_by not in (None, self._server):
            self.state(say("connected to {server} now", server=self._server))
        self._in_by = self._server
        self.view.settled = True
        self._quiet = False
        if not self._knows_commands:
            self._knows_commands = True
            self._ask_commands()

    def lost(self, reason: Sentence | None) -> None:
        """One quiet line."""
        self.passwords.drop()
        if reason is not None and self.connection.me.nick is not None:
            if not self._quiet:
                self.state(say("the connection is lost, {reason}; it comes back by itself", reason=reason))
            self._quiet = True
        elif reason is not None:
            super().lost(reason)
        self._state = NOT_CONNECTED
        self.refresh()

    def _dialing(self) -> None:
        """Seen below; said to who was not in yet."""
        if self.connection.me.nick is None:
            super()._dialing()
        self._state = connecting(self._server)
        self.refresh()

    def skipped(self, why: Sentence | Unsafe) -> None:
        """Seen below; said to who was not in yet, and where it is not safe."""
        if isinstance(why, Unsafe) or self.connection.me.nick is None:
            super().skipped(why)

    def unreachable(self, reason: Sentence) -> None:
        """Said once, then only seen below."""
        if self.connection.me.nick is None:
            if not self._advised:
                super().unreachable(reason)
        elif not self._quiet:
            self._quiet = True
            self.state(no_connection(self._server, reason))
        self._state = say("not connected: {reason}", reason=reason)
        self.refresh()

    def trying_again(self, seconds: float) -> None:
        """Seen below."""
        self._state = say("not connected, next try in {seconds} s", seconds=max(1, round(seconds)))
        self.refresh()

    # Ours.

    def _open(self, name: str) -> None:
        self.view.go(name)
        self.show()
        self.refresh()

    def go(self, name: str) -> None:
        """(Ours) Open a conversation; alone it is the next one."""
        wanted = name.strip()
        found = self.view.next(1) if not wanted else self.view.found(wanted)
        if found is None:
            self.view.error("no-room", self._words(nowhere(wanted)))
        else:
            self.view.go(found)

    def reconnect(self) -> None:
        """(Ours) Try at once."""
        self._state = CONNECTING
        super().reconnect()

    def ask_older(self, room: str, count: int, before: int | None) -> None:
        """Have so much of what was said before this number."""
        text = f"/last {count}"
        try:
            self.connection.post(self.view.asked(text)._replace(room=room, before=before))
        except BadInput as error:
            self._refused(error, text)

    def _ask_commands(self) -> None:
        """What one may do changes with one's roles."""
        self.connection.ask("/help all", self._learn)

    def _learn(self, what: Object | None) -> bool:
        if isinstance(what, Reply):
            self._completing.server = commands_in(what.facts)
        return True

    def _own(self, name: str, own: Own) -> Command:
        """One of ours, as the server tells its own."""
        arguments = (Argument(own.kind, True),) if own.kind else ()
        return Command(name, self._words(own.usage), self._words(own.help), (), arguments)
