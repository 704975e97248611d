"""Programs that people have for IRC: each is told where to go, said lines to, and read from as its user does."""

import os
import signal
import ssl
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from tests.support.ports import held_port

from .desktop import Desktop
from .peers import Program, need
from .screen import Screen
from .waiting import SECONDS, until

ROOM = "#lobby"

T = TypeVar("T")

AS_A_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000") if os.geteuid() == 0 else ()
"""Before programs that root has to wait for: ZNC for half a minute, HexChat until a button is pressed."""


class Place(NamedTuple):
    """Where a client goes, and with what."""

    host: str
    port: str
    nick: str
    code: str = ""
    """The password of the server."""
    tls: bool = False


class Someone(Protocol):
    """Whoever uses a client."""

    def says(self, line: str) -> None:
        """Type a line: `/join #room`, or talk in the room they are in."""

    def sees(self, words: str) -> str:
        """Wait until these words are shown; returns all that is."""

    def dies(self) -> None:
        """Be gone without a word."""


def _shown(text: str, words: str) -> str:
    text = " ".join(text.split())
    return text if words in text else ""


class OnAScreen:
    """One with a screen of its own, in tmux."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.says = screen.types
        screen.resizes("200", "50")  # so that nothing is wrapped

    def sees(self, words: str) -> str:
        return self._waits(lambda: _shown(" ".join(self._screen.lines), words), f"{words!r} is on the screen")

    def _waits(self, condition: Callable[[], T], what: str) -> T:
        """(until) With what is on the screen where that does not happen."""
        try:
            return until(condition, what=what)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self._screen.lines])) from None

    def dies(self) -> None:
        self._screen.signals_itself(9)
        until(lambda: self._screen.has_ended, what="it has ended")


class InWindows(OnAScreen):
    """Finch: a window for the list of contacts, one for what the server says, one for a room."""

    def says(self, line: str) -> None:
        self._turns_to(not line.startswith("/"))
        self._screen.types(line)

    def sees(self, words: str) -> str:
        def shown() -> str:
            for room in (True, False):
                if self._window(room):
                    self._turns_to(room)
                    # What is wrapped stands between the lines of the window.
                    rows = [row.strip("│▒↑↓ ") for row in self._screen.lines]
                    if found := _shown(" ".join(rows), words):
                        return found
            return ""

        return self._waits(shown, f"{words!r} is in a window")

    def _window(self, room: bool) -> tuple[int, str] | None:
        """The number and the title of the room's window, or of the one of what the server says."""
        for number, title in enumerate(self._screen.lines[-1].split("│"), start=1):
            if number > 1 and title.startswith("#") == room:
                return number, title.strip()
        return None

    def _turns_to(self, room: bool) -> None:
        """Nothing is pressed for another window before this one is in front: who paints late would never be seen so."""

        def is_in_front() -> bool:
            if not (window := self._window(room)):
                return False
            number, title = window
            if self._screen.lines[0].strip("┌─┐").startswith(f"┤{title}"):
                return True
            self._screen.presses(f"M-{number}")
            return False

        until(is_in_front, what=f"the window of {'the room' if room else 'the server'} is in front")


class WithPipes:
    """sic: lines in, lines out."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def says(self, line: str) -> None:
        """A command of sic's begins with a colon and a letter."""
        self._program.says({f"/join {ROOM}": f":j {ROOM}"}.get(line, f":m {ROOM} {line}"))

    def sees(self, words: str) -> str:
        return until(lambda: _shown(self._program.heard, words), what=f"{words!r} of sic: {self._program.heard}")

    def dies(self) -> None:
        self._program.close()


class Behind(WithPipes):
    """ZNC, which stays when sic, by which one talks here, goes."""

    def __init__(self, znc: Program, program: Program) -> None:
        super().__init__(program)
        self._znc = znc

    def dies(self) -> None:
        self._znc.close()
        super().dies()


class InFiles:
    """ii: a directory for each server and room, with a file to read and one to write."""

    def __init__(self, program: Program, directory: Path) -> None:
        self._program = program
        self._server = directory / "127.0.0.1"
        until(lambda: (self._server / "in").exists(), what="ii is there")

    def says(self, line: str) -> None:
        room = self._server / ROOM
        place = self._server if line.startswith("/join") else room
        (place / "in").write_text(f"{line.replace('/join', '/j')}\n", "utf-8")
        until(lambda: (room / "in").exists(), what="ii has the room")

    def sees(self, words: str) -> str:
        files = lambda: " ".join(path.read_text("utf-8") for path in self._server.glob("**/out"))  # noqa: E731
        return until(lambda: _shown(files(), words), what=f"{words!r} in the files of ii")

    def dies(self) -> None:
        self._program.close()


class OnADesktop:
    """HexChat, in a window that nobody looks at: its remote control tells it what to do, and it keeps what it shows."""

    def __init__(self, desktop: Desktop, home: Path, place: Place, stack: ExitStack) -> None:
        need("dbus-run-session")
        need("dbus-send")
        self._home = home
        settings = {
            "irc_nick1": place.nick, "irc_nick2": f"{place.nick}_", "irc_user_name": "zed", "irc_real_name": "Zed",
            "gui_slist_skip": "1", "gui_join_dialog": "0", "irc_logging": "1",
        }  # fmt: skip
        (home / "hexchat.conf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        start = f"echo $$ $DBUS_SESSION_BUS_ADDRESS; exec hexchat --cfgdir={home}"
        self._process = subprocess.Popen(
            [*AS_A_USER, "dbus-run-session", "--", "sh", "-c", start],
            env=desktop.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout
        pid, bus = self._process.stdout.readline().decode().split()
        self._pid = int(pid)
        stack.callback(self.dies)
        self._environment = {**desktop.environment, "DBUS_SESSION_BUS_ADDRESS": bus}
        until(self._is_there, what="HexChat is there")
        self._does(f"server {'-ssl-noverify ' * place.tls}{place.host} {place.port} {place.code}")

    def _is_there(self) -> bool:
        asked = ("NameHasOwner", "string:org.hexchat.service")
        bus = ("--dest=org.freedesktop.DBus", "/org/freedesktop/DBus", f"org.freedesktop.DBus.{asked[0]}", asked[1])
        return b"true" in self._run("dbus-send", "--session", "--print-reply", *bus)

    def _run(self, *words: str) -> bytes:
        return subprocess.run(
            [*AS_A_USER, *words], env=self._environment, stdout=subprocess.PIPE, check=True, timeout=SECONDS
        ).stdout

    def _does(self, command: str) -> None:
        self._run("hexchat", f"--cfgdir={self._home}", "-e", "-c", command)

    def says(self, line: str) -> None:
        self._does(line.removeprefix("/") if line.startswith("/") else f"msg {ROOM} {line}")

    def sees(self, words: str) -> str:
        files = lambda: " ".join(path.read_text("utf-8") for path in self._home.glob("logs/**/*.log"))  # noqa: E731
        return until(lambda: _shown(files(), words), what=f"{words!r} in what HexChat keeps: {files()}")

    def dies(self) -> None:
        if self._process.poll() is None:
            os.kill(self._pid, signal.SIGKILL)
            self._process.communicate(timeout=SECONDS)


class Means(NamedTuple):
    """What clients are started with."""

    home: Path
    """A directory of this one's own."""
    on_screen: Callable[..., Screen]
    desktop: Callable[[], Desktop]
    stack: ExitStack

    def program(self, *command: str, **environment: str) -> Program:
        program = Program(command[0], "env", *(f"{name}={value}" for name, value in environment.items()), *command)
        self.stack.callback(program.close)
        return program


def _irssi(place: Place, means: Means) -> Someone:
    someone = OnAScreen(means.on_screen("irssi", f"--home={means.home}", "-n", place.nick))
    tls = "-tls " * place.tls
    someone.says(f"/connect {tls}{place.host} {place.port} {place.code} {place.nick if place.code else ''}")
    return someone


def _weechat(place: Place, means: Means) -> Someone:
    options = [f"-nicks={place.nick}", *([f"-password={place.code}"] if place.code else ())]
    if place.tls:  # by its name before 4.0; the other one is nothing to it then
        options += ["-ssl -ssl_verify=off"]
    commands = (
        f"/server add chat {place.host}/{place.port} {' '.join(options)}",
        "/connect chat",
        "/set irc.look.server_buffer independent",
    )
    words = [word for line in commands for word in ("-r", line)]
    return OnAScreen(means.on_screen("weechat", "-d", str(means.home), *words))


def _epic5(place: Place, means: Means) -> Someone:
    """It reads no settings of anybody (-q), and has no window for what is said in private."""
    where = ":".join((place.host, place.port, place.code, "", "", "irc-ssl" if place.tls else "irc"))
    return OnAScreen(means.on_screen("env", f"HOME={means.home}", "IRCUSER=zed", "epic5", "-q", place.nick, where))


def _sic(place: Place, means: Means) -> Someone:
    code = ("-k", place.code) if place.code else ()
    return WithPipes(means.program("sic", "-h", place.host, "-p", place.port, "-n", place.nick, *code))


def _ii(place: Place, means: Means) -> Someone:
    code = ("-k", "CODE") if place.code else ()
    where = ("-s", place.host, "-p", place.port, "-n", place.nick)
    return InFiles(means.program("ii", *where, "-i", str(means.home), *code, CODE=place.code), means.home)


def _hexchat(place: Place, means: Means) -> Someone:
    need("hexchat")
    return OnADesktop(means.desktop(), means.home, place, means.stack)


def _finch(place: Place, means: Means) -> Someone:
    need("finch")
    settings = means.home / ".purple"
    settings.mkdir()
    if place.tls:  # it would ask whether to trust it, once
        known = settings / "certificates" / "x509" / "tls_peers"
        known.mkdir(parents=True)
        (known / place.host).write_text(ssl.get_server_certificate((place.host, int(place.port))))
    values = {"username": ("string", "zed"), "port": ("int", place.port), "ssl": ("bool", int(place.tls))}
    rows = "".join(f"<setting name='{name}' type='{kind}'>{value}</setting>" for name, (kind, value) in values.items())
    account = f"<protocol>prpl-irc</protocol><name>{place.nick}@{place.host}</name><password>{place.code}</password>"
    by_itself = "<settings ui='gnt-purple'><setting name='auto-login' type='bool'>1</setting></settings>"
    (settings / "accounts.xml").write_text(
        f"<account version='1.0'><account>{account}<settings>{rows}</settings>{by_itself}</account></account>"
    )
    return InWindows(means.on_screen("env", f"HOME={means.home}", "finch"))


def _znc(place: Place, means: Means) -> Someone:
    need("znc")
    need("sic")
    (means.home / "configs").mkdir()
    with held_port() as holder:
        port = str(holder.getsockname()[1])
        (means.home / "configs" / "znc.conf").write_text(
            f"Version = 1.8\n<Listener all>\nPort = {port}\nHost = 127.0.0.1\nSSL = false\n</Listener>\n"
            f"<User zed>\nPass = plain#secret\nNick = {place.nick}\n"
            f"<Network chat>\nTrustAllCerts = true\nServer = {place.host} {'+' * place.tls}{place.port} {place.code}\n"
            "</Network>\n</User>\n"
        )
        znc = means.program(*AS_A_USER, "znc", "--foreground", f"--datadir={means.home}")
        znc.hears("Staying open")
    user = Place("127.0.0.1", port, place.nick, "zed/chat:secret")
    return Behind(znc, means.program("sic", "-h", user.host, "-p", user.port, "-n", user.nick, "-k", user.code))


CLIENTS: dict[str, Callable[[Place, Means], Someone]] = {
    "irssi": _irssi,
    "weechat": _weechat,
    "hexchat": _hexchat,
    "epic5": _epic5,
    "finch": _finch,
    "znc": _znc,
    "sic": _sic,
    "ii": _ii,
}
"""How each is started."""

WITHOUT_TLS = ("sic", "ii")
"""These know none; who uses them has it done by another program."""
