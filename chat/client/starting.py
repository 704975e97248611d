"""What is asked before anything is shown: at the first start for the server, and whose place it is that was kept.

Plain questions on the terminal, which is not drawn on yet; they are asked before a reactor runs, so Ctrl-C and Ctrl-D
simply end the program.
"""

from collections.abc import Callable
from contextlib import suppress

from chat.base.command_line import Wrong
from chat.base.language import Language, say
from chat.base.text import visible
from chat.client.options import Servers, parse_addresses
from chat.client.settings import Settings


class Asker:
    """Asks on the standard streams; an answer is one line, without what surrounds it."""

    def __init__(self, language: Language, read: Callable[[], str], write: Callable[[str], object]) -> None:
        self._words = language.words
        self._read = read
        self._write = write

    def server(self, usual: Servers) -> Servers:
        """With which server, until the answer is one."""
        self._write(self._words(say("Screen reader? chat-client --plain")) + "\n")
        while True:
            answer = self._ask(self._words(say("Which server? (Enter: {server})", server=str(usual))))
            try:
                return parse_addresses(answer) if answer else usual
            except Wrong as error:
                self._write(f"! {visible(self._words(error.sentence))}\n")

    def goes_on(self, nick: str) -> str | None:
        """Whether it is the one whose place was kept; else the nickname of somebody else."""
        known = visible(nick)
        answer = self._ask(
            self._words(say("Go on as {nick}, or as somebody else? (Enter: {nick}; or another nickname)", nick=known))
        )
        return None if answer in ("", nick) else answer

    def _ask(self, question: str) -> str:
        self._write(question + " ")
        line = self._read()
        if not line:
            raise EOFError
        return line.strip()


def usual_server(settings: Settings) -> Servers | None:
    """The server where none is named: the one that was once, by its address or its name here."""
    if known := settings.text("server"):
        saved = settings.server(known)
        with suppress(Wrong):  # whatever stands in the file
            return parse_addresses(known if saved is None else saved.address)
    return None


def asked_server(settings: Settings, asker: Asker, usual: Servers) -> Servers:
    """The one that somebody names who is asked; it is the usual one from then on."""
    server = asker.server(usual)
    remember_server(settings, server)
    return server


def remember_server(settings: Settings, server: Servers) -> None:
    """For the next start without arguments; where that cannot be written, it is asked again."""
    _remember(settings, "server", server.address)


def remember_nick(settings: Settings, nick: str) -> None:
    """The same for the nickname."""
    if settings["nick"] == "":
        _remember(settings, "nick", nick)


def remember_both(settings: Settings, server: Servers, nick: str) -> None:
    """With which server somebody spoke last, and as whom."""
    remember_server(settings, server)
    _remember(settings, "nick", nick)


def _remember(settings: Settings, name: str, value: str) -> None:
    if settings[name] != value:
        with suppress(OSError):
            settings.put(name, value)
