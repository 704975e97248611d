"""A person at a real terminal: a `View` of all conversations above the line that they type.

What the server said is written above it, in the terminal's own scrollback; what is only so for the moment (lines on
their way, who came, how the connection is) stands around it and is drawn anew.  Commands that only a client has are
answered here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from chat.base import limits
from chat.base.errors import BadInput
from chat.base.language import Sentence, duration, known_languages, say, say_n
from chat.base.text import visible, width
from chat.client.alerts import Alerts, Run, run_in_thread
from chat.client.faces.ours import Own, nowhere
from chat.client.faces.person import PersonFace
from chat.client.faces.stdio import Ground, no_connection
from chat.client.faces.terminal.colours import Paint, paint_for, rows
from chat.client.faces.terminal.editor import Editor
from chat.client.link.lines import TooLong
from chat.client.settings import TABLE, Settings
from chat.client.talk.completing import Argument, Command, Completing, Offer, commands_in
from chat.client.talk.conversation import Shown
from chat.client.talk.me import PRIVATE, SentLine
from chat.client.talk.objects import Hello, Object, Problem, Raw, Reply
from chat.client.talk.view import Choices, Glance, View
from chat.wire import phrases, vocabulary
from chat.wire.grammar import command_in

_MANY = say("Enter says them as one message, Esc drops them.")
_LAG = 1.0
_PROMPT = 20


class TerminalFace(PersonFace):
    """The face that fills the bottom of a terminal; `editor` is what `ground` has for streams."""

    elsewhere = say("/again is for --plain; here the terminal scrolls back, and PageUp shows what is older.")

    def __init__(
        self,
        ground: Ground,
        nick: str | None,
        editor: Editor,
        settings: Settings,
        environ: Mapping[str, str],
        run: Run = run_in_thread,
    ) -> None:
        self._editor = editor
        editor.desk = self
        self._environ = environ
        self._ruled = editor.ruled
        self._choices = Choices()
        self._alerts = Alerts(editor.signal, run)
        super().__init__(ground, nick, settings)
        self.view = View(self.connection.me, ground.language, ground.now, self._choices)
        choices = {"switch": ("on", "off"), "language": known_languages(), "setting": tuple(TABLE)}
        self.ours["clear"] = Own(say("/clear"), say("empties the screen"), "", lambda rest: editor.clear())
        self._completing = Completing([self._own(name, own) for name, own in self.ours.items()], choices)
        self.configure()
        self._state: Sentence | None = say("connecting")
        self._quiet = self._knows_commands = False
        self._read_at: datetime | None = None

    # Showing.

    def put(self, shown: Shown) -> None:
        """Above what is typed."""
        self.view.put(shown)
        self._show()

    def ask(self, question: Sentence) -> None:
        """It stands before what is typed."""
        self._editor.refresh()

    def hide(self, hidden: bool) -> None:
        """Stars stand for what is typed, or no more."""
        self._editor.hide(hidden)

    def _show(self) -> None:
        for shown in self.view.printed():
            painted = rows(shown, self._paint, self._timed, self._editor.columns, self._ruled)
            self._editor.write("\n".join([*painted, ""]))
        for alert in self.view.alerts()[-limits.ALERTS_KEPT :]:
            room = "" if alert.private else f"{alert.room} "
            self._alerts.call(f"{room}{alert.author}", " ".join(alert.text.split("\n")))

    def configure(self) -> None:
        """Be as the settings say."""
        settings = self.settings
        self._paint = paint_for(settings.text("color"), self._environ)
        self._timed = bool(settings["time"])
        self._choices.everything = settings["show"] == "all"
        self._choices.days = self._timed
        self._choices.folded = bool(settings["fold"])
        self._choices.words = tuple(settings.text("words").split())
        self._alerts.how = settings.text("notify")
        self._alerts.command = settings.text("on-mention")
        self._editor.paints = self._paint is not Paint.OFF

    # Desk

    def prompt(self) -> str:
        """The question, or where what is typed goes."""
        if self.question is not None:
            return self._words(self.question) + " "
        room = self.view.open
        return "> " if room is None else f"[{visible(room[:_PROMPT])}] "

    def above(self) -> Sequence[str]:
        """Lines on their way, and who came and went."""
        lines = [f"... {row}" for row in self.view.waiting([*self.connection.unconfirmed, *self.connection.waiting])]
        folded = self.view.folded
        return lines if folded is None else [f"-!- {visible(self._words(folded))}", *lines]

    def below(self, columns: int) -> Sequence[tuple[bool, str]]:
        """How the connection is where that matters, the conversations by their numbers, and who we are."""
        parts: list[tuple[bool, str]] = []
        if self._state is not None:
            parts.append((True, f" {self._words(self._state)} "))
        elif (lag := self.connection.lag) > _LAG:
            owes = say("no answer for {time}", time=duration(round(lag)))
            parts.append((True, f" {self._words(owes)} "))
        away = self._words(phrases.AWAY)
        draft = self._draft.lines
        if draft:
            gathered = say_n("{count} line to /end", "{count} lines to /end", draft)
            parts.append((True, f" {self._words(gathered)} "))
        me: list[tuple[bool, str]] = []
        if self.connection.me.nick is not None and self.question is None:
            me.append((False, f" {visible(self.connection.me.nick)} "))
        if self.view.away is not None:
            me.append((False, f"({away}) "))
        # All of them where there is room, else what is open and what is new.
        talks = [(self._glance(number, glance, away), glance) for number, glance in enumerate(self.view.glance, 1)]
        room = columns - sum(width(text) for _, text in [*parts, *me])
        if sum(width(text) for (_, text), _ in talks) > room:
            talks = [(part, glance) for part, glance in talks if glance.open or glance.unread]
        return [*parts, *(part for part, _ in talks), *me]

    def _glance(self, number: int, glance: Glance, away: str) -> tuple[bool, str]:
        count = f" {glance.unread}" if glance.unread else ""
        count += "!" if glance.mentions else ""
        count += f" ({away})" if glance.away else ""
        return glance.open or bool(glance.mentions), f" {number}:{visible(glance.name)}{count} "

    def hint(self, text: str) -> str:
        """How a command is used."""
        return "" if self.question is not None else self._completing.hint(text)

    def paste(self, lines: int) -> tuple[str, str]:
        """They are one message."""
        shown = say_n("[{count} line]", "[{count} lines]", lines)
        return self._words(shown), self._words(_MANY)

    def offers(self, text: str) -> Sequence[Offer]:
        """With the server's commands, and who is here."""
        if self.question is not None:
            return ()
        rooms = [name for name in self.view.talks if not name.startswith(PRIVATE)]
        return self._completing.offers(text, self.view.nicknames, rooms)

    def keeps(self, line: str) -> bool:
        """No answer to a question, and nothing that may be a password or a code."""
        if self.question is not None or vocabulary.code_in(line) is not None:
            return False
        return vocabulary.quotable(line) == line

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

    def page_up(self) -> None:
        """What was said before the oldest line that was shown."""
        room = self.view.open
        talk = None if room is None else self.view.talks.get(room)
        if room is None or talk is None or not self.connection.connected:
            return
        self._send_from(room, f"/last {limits.HISTORY_DEFAULT}", talk.oldest)

    def interrupted(self) -> None:
        """Ctrl-C on an empty line leaves."""
        self._leave()

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
                self._show()
                return
            if name == "msg" and self._opens(command.rest):
                return
        if command is not None and "\n" in text and vocabulary.name_of(command.word) != "msg":
            self.view.error("usage", self._words(say("A command is one line. To say it, type / once more.")), text)
            self._show()
            return
        super().typed(line)
        self._show()

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
        if isinstance(what, Problem):
            self.refused(what)
        self._show()
        self._editor.refresh()

    def progressed(self) -> None:
        """A line of ours is done."""
        super().progressed()
        self._editor.refresh()

    def entered(self) -> None:
        """In: without a word, where we only were away."""
        super().entered()
        self.view.settled = True
        self._quiet = False
        if not self._knows_commands:
            self._knows_commands = True
            self.connection.ask("/help all", self._learn)

    def lost(self, reason: Sentence | None) -> None:
        """One quiet line."""
        self.passwords.drop()
        if reason is not None and self.connection.me.nick is not None:
            if not self._quiet:
                self.state(say("the connection is lost, {reason}; it comes back by itself", reason=reason))
            self._quiet = True
        elif reason is not None:
            super().lost(reason)
        self._state = say("not connected")
        self._editor.refresh()

    def unreachable(self, reason: Sentence) -> None:
        """Said once, then only seen below."""
        if self.connection.me.nick is None:
            if not self._advised:
                super().unreachable(reason)
        elif not self._quiet:
            self._quiet = True
            self.state(no_connection(self._server, reason))
        self._state = say("not connected: {reason}", reason=reason)
        self._editor.refresh()

    def trying_again(self, seconds: float) -> None:
        """Seen below."""
        self._state = say("not connected, next try in {seconds} s", seconds=max(1, round(seconds)))
        self._editor.refresh()

    # Ours.

    def _open(self, name: str) -> None:
        self.view.go(name)
        self._show()
        self._editor.refresh()

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
        self._state = say("connecting")
        super().reconnect()

    def _send_from(self, room: str, text: str, before: int | None) -> None:
        try:
            self.connection.post(self.view.asked(text)._replace(room=room, before=before))
        except BadInput as error:
            self._refused(error, text)

    def _learn(self, what: Object | None) -> bool:
        if isinstance(what, Reply):
            self._completing.server = commands_in(what.facts)
        return True

    def _own(self, name: str, own: Own) -> Command:
        """One of ours, as the server tells its own."""
        arguments = (Argument(own.kind, True),) if own.kind else ()
        return Command(name, self._words(own.usage), self._words(own.help), (), arguments)
