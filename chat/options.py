"""The options of `twistd chat`: what the operator can choose; a bad value is answered with what would be right.

The file of `--config` becomes words in front of those of the command line, so that these win; see `Options.again` for
how both are read anew.
"""

import getopt
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from twisted.python import usage

from chat import config, limits, names
from chat.bans import parse_ban
from chat.directions import DEFAULT_PORT
from chat.errors import Refused
from chat.language import Language, known_languages
from chat.store.retention import parse_keep
from chat.text import visible

MEMORY = "memory:"
"""The database that is none."""

NO_PORT = "none"
"""The port that is none."""

_NOT_A_PORT = "0"
"""Where one was meant, and is wrong."""


def _number(option: str, least: int, most: int) -> Any:
    """A coercion for an option; what is not a whole number of this range is answered with what would be right."""

    def coerce(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and least <= int(value) <= most):
            raise usage.UsageError(f"--{option} {value}: a whole number from {least} to {most} would be right.")
        return int(value)

    coerce.coerceDoc = f"A whole number, {least} to {most}."  # type: ignore[attr-defined]  # for twisted.python.usage
    return coerce


class Options(usage.Options):
    """What the operator can choose; nothing has to be."""

    synopsis = "[options]"
    longdesc = (
        "A chat that people join with netcat, telnet or chat-client. Without options it listens on port "
        f"{DEFAULT_PORT} of all interfaces, IPv4 and IPv6. chat-server check, with the same options, says all that is "
        "wrong with them, and starts nothing."
    )

    optFlags: ClassVar[list[list[Any]]] = [
        ["skip-damaged", None, "Start without the rows of the database that are damaged; they stay in the file."],
        ["log-json", None, "The log has one JSON object a line, for programs."],
    ]
    optParameters: ClassVar[list[list[Any]]] = [
        ["name", None, None, "What the server calls itself; the host's name if not given."],
        ["motd", None, None, "A file with a message of the day, five lines at most."],
        ["language", None, "en", f"The language of the server's sentences: {', '.join(known_languages())}."],
        [
            "certificate",
            None,
            None,
            "For --tls-port: a PEM file, or a directory as certbot's; if not given, one is made.",
        ],
        ["private-key", None, None, "Its key; if not given, it is in the certificate's file or directory."],
        [
            "data",
            None,
            None,
            "The directory of database, certificate and key; $STATE_DIRECTORY or the current one if not given.",
        ],
        ["database", None, "chat.sqlite3", "Where talk is kept; memory: keeps it only until the server ends."],
        ["sync", None, "full", "What is acknowledged survives a power cut (full), or kill -9 (normal, faster)."],
        [
            "keep",
            None,
            "all",
            "What is kept: all, 30d (a month; also 12h, 8w), or 5000lines (what people said last in each room).",
        ],
        ["backup-to", None, None, "A directory for a copy of the database each night; seven are kept."],
        [
            "history",
            None,
            limits.HISTORY_DEFAULT,
            "How many lines people see of what was said before they came.",
            _number("history", 0, limits.HISTORY_MOST),
        ],
        [
            "grace",
            None,
            int(limits.GRACE_SECONDS),
            "How many seconds a nickname is held after a line dropped.",
            _number("grace", 0, 86400),
        ],
        [
            "rate",
            None,
            limits.RATE,
            f"Lines a second that one may say after a burst of {limits.BURST}; 0 is no limit.",
        ],
        [
            "max-clients",
            None,
            0,
            "How many may be connected; 0 is what the system allows.",
            _number("max-clients", 0, 10**6),
        ],
        [
            "max-per-host",
            None,
            limits.MAX_PER_HOST,
            "How many may be connected from one address; 0 is no limit.",
            _number("max-per-host", 0, 10**6),
        ],
    ]

    def __init__(self) -> None:
        super().__init__()
        # Before 3.13 docstrings keep their indentation, which --help would show as ten blanks.
        self.docs = {name: " ".join(text.split()) for name, text in self.docs.items()}
        self["ports"] = []
        self["tls-ports"] = []
        self["unrecorded"] = frozenset()
        self["bans"] = frozenset()
        self["proxy"] = frozenset()
        self["reserved"] = frozenset()
        self["config"] = None
        self._words: Sequence[str] = ()
        self._directory = Path.cwd()
        self._whole = True

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """(usage.Options) Read the words of the command line; the first that is wrong ends the process."""
        self._words = list(sys.argv[1:] if options is None else options)
        try:
            self._read()
        except usage.UsageError as error:
            give_up(str(error))

    def again(self) -> "Options":
        """The same words, read with the files as they are now; raises `UsageError`."""
        options = Options()
        options.parent = self.parent
        options._words, options._directory = self._words, self._directory
        options._read()
        return options

    def _read(self) -> None:
        lines = [line for path in self._files() for line in self._lines_of(path)]
        try:
            super().parseOptions([*(line.word for _, line in lines), *self._words])
        except usage.UsageError as error:
            raise usage.UsageError(self._located(str(error), lines)) from None

    def read_all(self, words: Sequence[str]) -> Sequence[str]:
        """Read the words of the command line; returns all that is wrong with them and the files they name.

        What is right counts, so that it can be looked at further.
        """
        self._words = list(words)
        apart = _apart(self._words, self.shortOpt, self.longOpt)
        known = self._known()
        lines: list[tuple[Path, config.Line]] = []
        wrong: list[str] = []
        for path in [self._directory / value for option, value in map(self._meant, apart) if option == "--config"]:
            right, others = config.read_all(path, known)
            lines += [(path, line) for line in right]
            wrong += others
        for part in [*([line.word] for _, line in lines), *apart]:
            try:
                self._take(part)
            except usage.UsageError as error:
                wrong.append(self._located(str(error), lines))
                option, _ = self._meant(part)
                if option in ("--port", "--tls-port"):
                    # One is meant: that there is none of its kind would be wrong to say.
                    self[f"{option.removeprefix('--')}s"].append(_NOT_A_PORT)
        for check in self._checks():
            try:
                check()
            except usage.UsageError as error:
                wrong.append(self._located(str(error), lines))
        return list(dict.fromkeys(wrong))

    def _located(self, error: str, lines: Sequence[tuple[Path, config.Line]]) -> str:
        """What is wrong, with the line of a file that it is about, if it is about one."""
        for path, line in lines:
            if self._wrong_with(line) == error:
                return f"{path}, line {line.number}: {error.removeprefix('--')}"
        return error

    def _take(self, words: Sequence[str]) -> None:
        """Some of the words; what depends on others is not looked at."""
        self._whole = False
        try:
            super().parseOptions(words)
        finally:
            self._whole = True

    def _meant(self, words: Sequence[str]) -> tuple[str, str]:
        """The option, by its whole name, and the value of what stands apart; empty where it is none."""
        try:
            found, _ = getopt.getopt(list(words), self.shortOpt, self.longOpt)
        except getopt.error:
            return "", ""
        return found[0] if found else ("", "")

    def _known(self) -> set[str]:
        """What may stand in a file."""
        return set(self.longOpt) - {"config=", "help", "version"}

    def _files(self) -> list[Path]:
        """The files that the command line names; what is wrong with it otherwise is told later."""
        try:
            found, _ = getopt.getopt(list(self._words), self.shortOpt, self.longOpt)
        except getopt.error:
            return []
        return [self._directory / path for name, path in found if name == "--config"]

    def _lines_of(self, path: Path) -> list[tuple[Path, config.Line]]:
        try:
            return [(path, line) for line in config.read(path, self._known())]
        except ValueError as error:
            raise usage.UsageError(str(error)) from None

    def _wrong_with(self, line: config.Line) -> str | None:
        """What would be said of this line alone."""
        alone = Options()
        alone.parent, alone._directory = self.parent, self._directory
        try:
            super(Options, alone).parseOptions([line.word])
        except usage.UsageError as error:
            return str(error)
        return None

    def parseArgs(self, *words: str) -> None:
        """(usage.Options) What stands behind the options."""
        if words:
            raise usage.UsageError(f"{words[0]}: options begin with two dashes, as in --port {DEFAULT_PORT}.")

    def opt_port(self, port: str) -> None:
        """Where to listen: a number, for all interfaces, or a Twisted endpoint such as tcp:4000:interface=127.0.0.1.

        May be given several times; 12345 if not at all. none opens only what --tls-port says.
        """
        self["ports"].append(check_port("--port", port))

    def opt_tls_port(self, port: str) -> None:
        """Where to listen with TLS: a number or an endpoint as for --port, without TLS in it.

        May be given several times. chat-client --tls expects 12346 where it is told no other.
        """
        self["tls-ports"].append(check_port("--tls-port", port))

    def opt_config(self, path: str) -> None:
        """A file of options, one a line, as `name value` without dashes; # begins a comment.

        The command line wins over it, and adds to what may be given several times. SIGHUP reads it again.
        """
        self["config"] = path

    def opt_ban(self, network: str) -> None:
        """An address or network, such as 192.0.2.7 or 2001:db8::/48, that may not connect.

        May be given several times; of IPv6, what is smaller than a network of 64 bits bans that.
        """
        try:
            self["bans"] |= {parse_ban(network)}
        except ValueError as error:
            raise usage.UsageError(f"--ban {network}: {error}") from None

    def opt_proxy(self, network: str) -> None:
        """The address of a proxy that hands people on without a PROXY header, such as 127.0.0.1.

        When a line from there ends, the nickname is held for the grace, as after a cut. May be given several times.
        """
        try:
            self["proxy"] |= {parse_ban(network)}
        except ValueError as error:
            raise usage.UsageError(f"--proxy {network}: {error}") from None

    def opt_reserved(self, name: str) -> None:
        """A nickname, such as caretaker, that nobody may take, as those of the service.

        May be given several times.
        """
        try:
            self["reserved"] |= {names.check_nickname(name)}
        except Refused as error:
            raise usage.UsageError(f"--reserved {name}: {Language('en').words(error.sentence)}") from None

    def opt_unrecorded(self, room: str) -> None:
        """A room, such as #coffee, of which nothing is kept; who enters it is told. May be given several times."""
        try:
            self["unrecorded"] |= {names.fold(names.check_room(room))}
        except Refused as error:
            raise usage.UsageError(f"--unrecorded {room}: {Language('en').words(error.sentence)}") from None

    def postOptions(self) -> None:
        """Check what depends on more than one word."""
        if self._whole:
            for check in self._checks():
                check()

    def _checks(self) -> Sequence[Callable[[], None]]:
        """Each raises `UsageError`; a value that is right is made what it means."""
        return (
            self._check_ports,
            self._check_certificate,
            self._check_rate,
            self._check_sync,
            self._check_keep,
            partial(self._check_directory, "data"),
            self._check_database,
            partial(self._check_directory, "backup-to"),
            self._check_language,
            self._check_motd,
            self._check_name,
        )

    def _check_ports(self) -> None:
        self["ports"] = self["ports"] or [str(DEFAULT_PORT)]
        if NO_PORT in self["ports"]:
            if len(self["ports"]) > 1 or not self["tls-ports"]:
                raise usage.UsageError(
                    "--port none: that goes with --tls-port alone, as in --port none --tls-port 12346."
                )
            self["ports"] = []

    def _check_certificate(self) -> None:
        for option in ("certificate", "private-key"):
            if self[option] and not self["tls-ports"]:
                raise usage.UsageError(f"--{option}: it is for a --tls-port, such as --tls-port 12346.")
        if self["private-key"] and not self["certificate"]:
            raise usage.UsageError("--private-key: it goes with a --certificate.")

    def _check_rate(self) -> None:
        try:
            self["rate"] = float(self["rate"])
        except ValueError:
            self["rate"] = -1.0
        if not 0 <= self["rate"] < 1e6:
            raise usage.UsageError("--rate: a number of lines a second, such as 2 or 0.5; 0 is no limit.")

    def _check_sync(self) -> None:
        if self["sync"] not in ("full", "normal"):
            raise usage.UsageError(f"--sync {self['sync']}: choose full or normal.")

    def _check_keep(self) -> None:
        try:
            self["keep"] = parse_keep(self["keep"])
        except ValueError as error:
            raise usage.UsageError(f"--keep {error}") from None

    def _check_directory(self, option: str) -> None:
        if self[option] == "" and option == "data":
            raise usage.UsageError("--data: a directory would be right.")
        if self[option] and not self.below_data("" if option == "data" else self[option]).is_dir():
            raise usage.UsageError(f"--{option} {self[option]}: there is no such directory.")

    def _check_database(self) -> None:
        if self["database"] == "":
            raise usage.UsageError(f"--database: a file, or {MEMORY} would be right.")

    def _check_language(self) -> None:
        if self["language"] not in known_languages():
            raise usage.UsageError(f"--language {self['language']}: choose from {', '.join(known_languages())}.")

    def _check_motd(self) -> None:
        self["motd-file"] = self._directory / self["motd"] if self["motd"] else None
        self["motd"] = read_motd(self["motd-file"]) if self["motd-file"] else ()

    def _check_name(self) -> None:
        self["name"] = visible(self["name"] or socket.gethostname())

    def check_backups(self) -> None:
        """The directory of copies has to be writable to whoever runs; raises `UsageError`."""
        if self["backup-to"]:
            path = self.below_data(self["backup-to"])
            if not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
                raise usage.UsageError(f"--backup-to {path}: no copy can be written there.")

    def below_data(self, path: str) -> Path:
        """Where a file of the server's own is: a path that is not absolute is one in the directory of its data."""
        twistd: Mapping[str, Any] = self.parent or {}
        # systemd may name several, with colons between them.
        data = self["data"] or os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        return (self._directory / (twistd.get("rundir") or ".") / data / path).absolute()


def _apart(words: Sequence[str], short: str, long: Sequence[str]) -> Sequence[Sequence[str]]:
    """Each option of the command line with its value; a word by itself may be one that is none."""
    parts: list[Sequence[str]] = []
    rest = list(words)
    while rest:
        size = next((size for size in (1, 2) if _is_whole(rest[:size], short, long)), 1)
        parts.append(rest[:size])
        unknown = size == 1 and not _is_whole(rest[:1], short, long)
        del rest[:size]
        if unknown and rest and not rest[0].startswith("-"):
            del rest[0]  # what was to be its value
    return parts


def _is_whole(words: Sequence[str], short: str, long: Sequence[str]) -> bool:
    try:
        getopt.getopt(list(words), short, list(long))
    except getopt.error:
        return False
    return True


def check_port(option: str, port: str) -> str:
    """A port as it was given; raises `UsageError` for a number that is none, and for TLS where it is not expected."""
    if port.isdecimal() and not 0 < int(port) < 65536:
        raise usage.UsageError(f"{option} {port}: a port is a number from 1 to 65535.")
    if port.removeprefix("haproxy:").startswith(("ssl:", "tls:")):
        raise usage.UsageError(f"{option} {port}: for TLS there is --tls-port, as in --tls-port tcp:12346.")
    return port


def read_motd(path: Path) -> tuple[str, ...]:
    """The message of the day, as it may be shown; raises `UsageError` where it may not, or cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise usage.UsageError(f"--motd {path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        raise usage.UsageError(f"--motd {path}, line {number}: this is not UTF-8.") from None
    lines = text.rstrip("\n").split("\n")
    if len(lines) > limits.MOTD_LINES:
        raise usage.UsageError(f"--motd {path}: {len(lines)} lines, the limit is {limits.MOTD_LINES}.")
    return tuple(map(visible, lines))


def give_up(reason: str) -> NoReturn:
    """End with one line: for a `UsageError` twistd prints all its help, and from `makeService` a traceback."""
    raise SystemExit(f"twistd chat: {reason}") from None
