"""The options of `twistd chat`: what the operator can choose; a bad value is answered with what would be right."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from twisted.python import usage

from chat import doors, limits, names
from chat.errors import Refused
from chat.language import Language, known_languages
from chat.store.retention import parse_keep
from chat.text import visible

MEMORY = "memory:"
"""The database that is none."""


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
        f"{doors.DEFAULT_PORT} of all interfaces, IPv4 and IPv6."
    )

    optParameters: ClassVar[list[list[Any]]] = [
        ["name", None, None, "What the server calls itself; the host's name if not given."],
        ["motd", None, None, "A file with a message of the day, five lines at most."],
        ["language", None, "en", f"The language of the server's sentences: {', '.join(known_languages())}."],
        ["database", None, "chat.sqlite3", "Where talk is kept; memory: keeps it only until the server ends."],
        ["sync", None, "full", "What is acknowledged survives a power cut (full), or kill -9 (normal, faster)."],
        ["keep", None, "all", "What is kept: all, 30d (a month), or 100000 (lines of each room)."],
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
        self["ports"] = []
        self["unrecorded"] = frozenset()

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """(usage.Options) Read the words of the command line; the first that is wrong ends the process."""
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            give_up(str(error))

    def parseArgs(self, *words: str) -> None:
        """(usage.Options) What stands behind the options."""
        if words:
            raise usage.UsageError(f"{words[0]}: options begin with two dashes, as in --port {doors.DEFAULT_PORT}.")

    def opt_port(self, port: str) -> None:
        """Where to listen: a number, for all interfaces, or a Twisted endpoint such as tcp:4000:interface=127.0.0.1.

        May be given several times; 12345 if not at all.
        """
        if port.isdecimal() and not 0 < int(port) < 65536:
            raise usage.UsageError(f"--port {port}: a port is a number from 1 to 65535.")
        self["ports"].append(port)

    def opt_unrecorded(self, room: str) -> None:
        """A room, such as #coffee, of which nothing is kept; who enters it is told. May be given several times."""
        try:
            self["unrecorded"] |= {names.fold(names.check_room(room))}
        except Refused as error:
            raise usage.UsageError(f"--unrecorded {room}: {Language('en').words(error.sentence)}") from None

    def postOptions(self) -> None:
        """Check what depends on more than one word."""
        self["ports"] = self["ports"] or [str(doors.DEFAULT_PORT)]
        try:
            self["rate"] = float(self["rate"])
        except ValueError:
            self["rate"] = -1.0
        if not 0 <= self["rate"] < 1e6:
            raise usage.UsageError("--rate: a number of lines a second, such as 2 or 0.5; 0 is no limit.")
        if self["sync"] not in ("full", "normal"):
            raise usage.UsageError(f"--sync {self['sync']}: choose full or normal.")
        try:
            self["keep"] = parse_keep(self["keep"])
        except ValueError as error:
            raise usage.UsageError(f"--keep: {error}") from None
        if self["backup-to"] and not Path(self["backup-to"]).is_dir():
            raise usage.UsageError(f"--backup-to {self['backup-to']}: there is no such directory.")
        if self["language"] not in known_languages():
            raise usage.UsageError(f"--language {self['language']}: choose from {', '.join(known_languages())}.")
        self["motd-file"] = Path(self["motd"]).absolute() if self["motd"] else None
        self["motd"] = read_motd(self["motd-file"]) if self["motd-file"] else ()
        self["name"] = visible(self["name"] or socket.gethostname())


def read_motd(path: Path) -> tuple[str, ...]:
    """The message of the day, as it may be shown; raises `UsageError` where it may not, or cannot be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise usage.UsageError(f"--motd {path}: {error.strerror}.") from None
    lines = text.rstrip("\n").split("\n")
    if len(lines) > limits.MOTD_LINES:
        raise usage.UsageError(f"--motd {path}: {len(lines)} lines, the limit is {limits.MOTD_LINES}.")
    return tuple(map(visible, lines))


def give_up(reason: str) -> NoReturn:
    """End with one line: for a `UsageError` twistd prints all its help, and from `makeService` a traceback."""
    raise SystemExit(f"twistd chat: {reason}") from None
