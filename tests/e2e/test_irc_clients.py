"""Real IRC clients: each joins, talks, is shown what was said, and comes back by its code, as the docs say."""

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import Connect, OnScreen, Serve
from .peers import Client, Program, need
from .screen import Screen
from .server import Server
from .waiting import until

pytestmark = pytest.mark.slow


class OnAScreen:
    """One with a screen of its own, in tmux."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.says = screen.types
        screen.resizes("200", "50")  # so that nothing is wrapped

    def sees(self, words: str) -> str:
        """Wait until these words are on it; returns all."""

        def shown() -> str:
            text = " ".join(" ".join(self._screen.lines).split())
            return text if words in text else ""

        try:
            return until(shown)
        except AssertionError:
            raise AssertionError(f"{words!r} is not on the screen:\n" + "\n".join(self._screen.lines)) from None

    def dies(self) -> None:
        """Be gone without a word."""
        self._screen.signals_itself(9)
        until(lambda: self._screen.has_ended, what="it has ended")


class WithPipes:
    """sic: lines in, lines out."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def says(self, line: str) -> None:
        """Type a line; a command of sic's begins with a colon and a letter."""
        self._program.says({"/join #lobby": ":j #lobby"}.get(line, f":m #lobby {line}"))

    def sees(self, words: str) -> str:
        """Wait until these words were printed; returns all."""

        def shown() -> str:
            text = " ".join(self._program.heard.split())
            return text if words in text else ""

        return until(shown, what=f"{words!r} of sic")

    def dies(self) -> None:
        """Be gone without a word."""
        self._program.close()


class InFiles:
    """ii: a directory for each server and room, with a file to read and one to write."""

    def __init__(self, program: Program, directory: Path) -> None:
        self._program = program
        self._server = directory / "127.0.0.1"
        until(lambda: (self._server / "in").exists(), what="ii is there")

    def says(self, line: str) -> None:
        """Write a line where it belongs."""
        room = self._server / "#lobby"
        place = self._server if line.startswith("/join") else room
        (place / "in").write_text(f"{line.replace('/join', '/j')}\n", "utf-8")
        until(lambda: (room / "in").exists(), what="ii has the room")

    def sees(self, words: str) -> str:
        """Wait until these words stand in one of its files; returns all."""

        def shown() -> str:
            text = " ".join(" ".join(path.read_text("utf-8") for path in self._server.glob("**/out")).split())
            return text if words in text else ""

        return until(shown, what=f"{words!r} in the files of ii")

    def dies(self) -> None:
        """Be gone without a word."""
        self._program.close()


Someone = OnAScreen | WithPipes | InFiles
Start = Callable[..., Someone]


@pytest.fixture
def start(tmp_path: Path, stack: ExitStack, on_screen: OnScreen) -> Start:
    """Start a client: `start("irssi", server, nick, code)`."""

    def start(name: str, server: Server, nick: str, code: str = "") -> Someone:
        need(name)
        host, port = server.address
        home = tmp_path / f"{name}-{nick}{code}"
        home.mkdir()
        if name == "irssi":
            password: Sequence[str] = ("-w", code) if code else ()
            return OnAScreen(on_screen("irssi", f"--home={home}", "-c", host, "-p", port, "-n", nick, *password))
        if name == "epic5":  # which reads no settings of anybody (-q), and has no window for what is said in private
            where = ":".join((host, port, *([code] if code else ())))
            return OnAScreen(on_screen("env", f"HOME={home}", "IRCUSER=zed", "epic5", "-q", nick, where))
        if name == "weechat":
            options = f"-nicks={nick}" + (f" -password={code}" if code else "")
            commands = (
                f"/server add chat {host}/{port} {options}",
                "/connect chat",
                "/set irc.look.server_buffer independent",
            )
            return OnAScreen(
                on_screen("weechat", "-d", str(home), *(word for line in commands for word in ("-r", line)))
            )
        if name == "sic":
            program = Program(nick, "sic", "-h", host, "-p", port, "-n", nick, *(("-k", code) if code else ()))
            stack.callback(program.close)
            return WithPipes(program)
        command = f"exec ii -s {host} -p {port} -n {nick} -i {home} {'-k CODE' if code else ''}"
        program = Program(nick, "env", f"CODE={code}", "sh", "-c", command)
        stack.callback(program.close)
        return InFiles(program, home)

    return start


@pytest.fixture
def bob(server: Server, connect: Connect) -> Client:
    """Somebody with netcat, who was here first."""
    bob = connect(server, "bob").joins()
    bob.says("red again ☃")
    return bob


CLIENTS = ("irssi", "weechat", "epic5", "sic", "ii")


def enter(start: Start, name: str, server: Server, nick: str) -> tuple[Someone, str]:
    """Somebody comes in with this client; returns their code, too."""
    someone = start(name, server, nick)
    told = someone.sees("as the server password (PASS).")
    code = re.search(r"connect again with (\S+) as", told)
    assert code
    return someone, code[1]


@pytest.mark.door
@pytest.mark.parametrize("name", CLIENTS)
def test_it_joins_talks_is_shown_what_was_said_and_comes_back(
    name: str, server: Server, bob: Client, start: Start
) -> None:
    zed, code = enter(start, name, server, "zed")
    zed.says("/join #lobby")
    bob.hears("-!- zed joined #lobby (2 here)\r\n")
    zed.sees("<bob> red again ☃")
    zed.says("olá from me")
    bob.hears("<zed> olá from me\r\n")
    bob.says("olá from bob")
    zed.sees("olá from bob")
    zed.dies()
    bob.hears("-!- zed left")
    bob.says("and you missed this")
    back = start(name, server, "other", code)
    bob.hears("-!- zed joined #lobby (2 here)\r\n")
    if name == "irssi":  # which makes a window for the room and stays where it is
        back.says("/window goto #lobby")
    back.sees("<bob> and you missed this")
    back.says("I am back")
    bob.hears("<zed> I am back\r\n")


def test_all_of_them_talk_in_one_room(serve: Serve, connect: Connect, start: Start) -> None:
    server = serve()
    nora = connect(server, "nora").joins()
    people: dict[str, Someone] = {}
    for name in CLIENTS:
        people[name], _ = enter(start, name, server, f"with-{name}")
        people[name].says("/join #lobby")
        nora.hears(f"-!- with-{name} joined #lobby")
    for name, someone in people.items():
        someone.says(f"I use {name}")
        nora.hears(f"<with-{name}> I use {name}\r\n")
        for other in people.values():
            if other is not someone:
                other.sees(f"I use {name}")


ON_A_SCREEN = {"irssi": "[+t]", "weechat": "[+t]", "epic5": '"+t"'}
"""How each of them shows a mode."""


def test_what_an_operator_does_is_seen_by_each_of_them(serve: Serve, connect: Connect, start: Start) -> None:
    server = serve()
    nora = connect(server, "nora").joins()
    for line in ("/register", "tulip time 7", "tulip time 7"):
        nora.says(line)
    nora.hears("nora is yours now")
    nora.says("/join #ops")
    nora.hears("You speak in #ops now.")
    people: dict[str, Someone] = {}
    for name in ON_A_SCREEN:
        people[name], _ = enter(start, name, server, f"with-{name}")
        people[name].says("/join #ops")
        nora.hears(f"-!- with-{name} joined #ops")
        if name == "irssi":
            people[name].says("/window goto #ops")
    nora.says("/topic lock on")
    for name, mode in ON_A_SCREEN.items():
        people[name].sees(mode)
    others = list(people.values())
    for name in ON_A_SCREEN:
        nora.says(f"/kick with-{name} be kind, {name}")
        for someone in others:
            shown = someone.sees(f"be kind, {name}")
            assert "has left" not in shown, "who is kicked does not leave besides"
        others.remove(people[name])
