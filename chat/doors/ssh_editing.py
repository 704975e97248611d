"""Somebody at a terminal by ssh: what comes stands above the line that they type, and never in it."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from chat.base import limits
from chat.base.language import known_languages
from chat.base.text import visible
from chat.commands.registry import TABLE, permits
from chat.core.roles import SERVER
from chat.core.session import Session
from chat.doors.reactor_loop import ReactorLoop
from chat.doors.ssh_terminal import SshTerminal
from chat.editing.completing import Argument, Command, Completing, Offer
from chat.editing.desk import MANY_PASTED, pasted
from chat.editing.editor import Editor
from chat.visit.visit import Visit
from chat.wire import vocabulary
from chat.wire.requests import Typed

_CHOICES = {"switch": ("on", "off"), "language": known_languages()}


class _Typed:
    """Nothing, but for what they typed in this session."""

    lines = limits.SSH_HISTORY
    characters = limits.SSH_HISTORY_TEXT

    def read(self) -> list[str]:
        """(TypedBefore)"""
        return []

    def add(self, line: str) -> None:
        """(TypedBefore) It is in memory."""


class Edited:
    """(chat.editing.desk.Desk) One who types at this terminal, and whose lines go to a visit; `ended` is called when
    nothing more can be typed."""

    def __init__(
        self,
        visit: Visit,
        clock: IReactorTime,
        size: tuple[str, int, int],
        write: Callable[[bytes], None],
        ended: Callable[[], None],
        busy: Callable[[bool], None],
    ) -> None:
        self._visit = visit
        self._clock = clock
        self._ended = ended
        self._busy = busy
        self._loop = ReactorLoop(clock, self._spend)
        self.terminal = SshTerminal(*size, self._loop, write)
        self._editor = Editor(self.terminal, _Typed(), limits.SSH_GATHER_SECONDS)
        self._editor.desk = self
        self._editor.paints = False
        self._typed = b""
        self._feeds = self._over = self._hidden = False
        self._gathered = 0
        self._known: tuple[object, Completing] | None = None
        self._editor.open(self, clock)  # type: ignore[arg-type]  # of a reactor it needs the timers

    def _spend(self, seconds: float) -> None:
        self._visit.spend(seconds * 1e6)

    # Of the door.

    def feed(self, data: bytes) -> None:
        """They typed this; of much, the rest when others had their turn, and until then no more is read."""
        self._typed += data
        if not self._feeds:
            self._feed_some()
            if self._feeds:
                self._busy(True)

    def _feed_some(self) -> None:
        self._feeds = False
        if self._over:
            return
        begun, most = perf_counter(), limits.SSH_PASTE if self.terminal.keys.pastes else limits.SSH_KEYS_AT_ONCE
        some, self._typed = self._typed[:most], self._typed[most:]
        self._loop.within(self.terminal.keys.feed, some)
        if self._typed:
            self._feeds = True
            # Four fifths of the time are others'.
            self._clock.callLater(4 * (perf_counter() - begun), self._feed_on)

    def _feed_on(self) -> None:
        self._feed_some()
        if not self._feeds and not self._over:
            self._busy(False)

    def show(self, chunk: bytes) -> None:
        """Above what is typed, soon; of much, at once, for it is to be known whether they take it."""
        self._editor.write(chunk.decode("utf-8", "replace").replace("\r\n", "\n"))
        self._gathered += len(chunk)
        if self._gathered >= limits.SSH_GATHERED:
            self._gathered = 0
            self._editor.show_now()

    @property
    def waits_to_be_shown(self) -> bool:
        """Something is gathered."""
        return self._editor.waits_to_be_shown

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has this size now."""
        self.terminal.resize(columns, rows)
        self._loop.within(self._editor.resize)

    def hold(self, held: bool) -> None:
        """They take nothing more, or again."""
        self._editor.lend(held)

    def pause(self, paused: bool) -> None:
        """No line is taken."""
        self._editor.pause(paused)

    def hide(self, hidden: bool) -> None:
        """Stars stand for what is typed, or no more."""
        self._hidden = hidden
        self._editor.hide(hidden)

    def propose(self, text: str) -> None:
        """It stands there as if it were typed."""
        self._editor.put(text)

    def close(self) -> "Deferred[None]":
        """Show what is left, and take the line away; fires when that is done."""
        self._over = True
        closed = self._loop.within(self._editor.close)
        self.terminal.keys.close()
        return closed

    # chat.editing.desk.Desk

    @property
    def _session(self) -> Session:
        return self._visit.session

    def prompt(self) -> str:
        """Where what is typed goes."""
        session = self._session
        return f"[{session.current.log.name}] " if session.named and session.rooms and not self._hidden else "> "

    def above(self) -> Sequence[str]:
        """Nothing is on its way here."""
        return ()

    def below(self, columns: int) -> Sequence[tuple[bool, str]]:
        """Nothing that is read out again and again."""
        return ()

    def hint(self, text: str) -> str:
        """How a command is used."""
        return "" if self._hidden or not text.startswith("/") else self._completing.hint(text)

    def paste(self, lines: int) -> tuple[str, str]:
        """They are one message."""
        words = self._visit.wire.format.language.words
        return words(pasted(lines)), words(MANY_PASTED)

    def offers(self, text: str) -> Sequence[Offer]:
        """Commands, who is in the room, and where they are."""
        if self._hidden:
            return ()
        session = self._session
        here = session.current.first(limits.USERS_LISTED) if session.named else []
        return self._completing.offers(text, sorted(here), [room.log.name for room in session.rooms.values()])

    @property
    def _completing(self) -> Completing:
        session, language = self._session, self._visit.wire.format.language
        state = language.code, session.named, session.person.has_account, SERVER in session.person.roles
        if self._known is None or self._known[0] != state:
            completing = Completing((), _CHOICES)
            completing.server = [_command(row, language.words) for row in TABLE.values() if permits(row, self._visit)]
            self._known = state, completing
        return self._known[1]

    @property
    def hides(self) -> bool:
        """A password is asked for."""
        return self._hidden

    def keeps(self, line: str) -> bool:
        """Nothing that may be a password or a code."""
        return not self._hidden and all(
            vocabulary.code_in(row) is None and vocabulary.quotable(row) == row for row in line.split("\n")
        )

    def waits(self) -> bool:
        """Nothing changes with the time."""
        return False

    def attended(self) -> None:
        """There was a key."""

    def go_to(self, number: int) -> None:
        """The room of this number, in the order of their coming."""
        rooms = list(self._session.rooms.values()) if self._session.named else []
        if 0 < number <= len(rooms):
            self._say(f"/join {rooms[number - 1].log.name}")

    def go_on(self, step: int) -> None:
        """The next room, or the one before."""
        rooms = list(self._session.rooms.values()) if self._session.named else []
        if len(rooms) > 1 and self._session.current in rooms:
            self.go_to((rooms.index(self._session.current) + step) % len(rooms) + 1)

    def page_up(self) -> None:
        """What was said before."""
        if self._session.named:
            self._say("/last")

    def interrupted(self) -> None:
        """Ctrl-C on an empty line leaves."""
        self._ended()

    def typed(self, line: str) -> None:
        """It stays where it was typed, but for a password, and is handled."""
        if not self._hidden:
            prompt = self.prompt()
            rows = f"\n{' ' * len(prompt)}".join(map(visible, line.split("\n")))
            self._editor.write(f"{prompt}{rows}\n")
        self._say(line)

    def dropped(self) -> None:
        """It was nobody's."""

    def input_ended(self, rest: str) -> None:
        """Ctrl-D on an empty line."""
        self._ended()

    def output_closed(self, failed: bool) -> None:
        """It is over."""
        if not self._over:
            self._over = True
            self._ended()

    def _say(self, line: Typed) -> None:
        self._visit.received([line], len(line))
        self._editor.refresh()


def _command(row: Any, words: Callable[..., str]) -> Command:
    arguments = tuple(Argument(argument.kind, argument.optional) for argument in row.arguments)
    return Command(row.name, words(row.usage), words(row.help), row.aliases, arguments, row.family)
