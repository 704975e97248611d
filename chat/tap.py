"""`twistd chat`: options in, a service out; the only file that names everything, and that touches the reactor."""

import secrets
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python import usage

from chat import doors, limits, names
from chat.errors import Refused
from chat.factory import ChatFactory
from chat.fanout import Wire
from chat.hub import Hub, Settings
from chat.language import Language, known_languages, language, say
from chat.session import Session
from chat.store import NOTHING_KEPT, Kept, Store
from chat.store.memory import MemoryStore
from chat.store.retention import parse_keep
from chat.store.schema import Unusable, prepare
from chat.store.sqlite import SqliteStore
from chat.store.upkeep import Upkeep
from chat.text import visible
from chat.wire.jsonl import JsonLines
from chat.wire.plain import Plain

logger = Logger()

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
            _give_up(str(error))

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
        self["motd"] = _read_motd(self["motd"]) if self["motd"] else ()
        self["name"] = visible(self["name"] or socket.gethostname())


def _read_motd(path: str) -> tuple[str, ...]:
    """The message of the day, as it may be shown."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise usage.UsageError(f"--motd {path}: {error.strerror}.") from None
    lines = text.rstrip("\n").split("\n")
    if len(lines) > limits.MOTD_LINES:
        raise usage.UsageError(f"--motd {path}: {len(lines)} lines, the limit is {limits.MOTD_LINES}.")
    return tuple(map(visible, lines))


class ChatService(Service):
    """The running server: it listens from the start, and owns the order in which everything begins and stops."""

    def __init__(
        self, hub: Hub, store: Store, upkeep: Upkeep | None, factory: ChatFactory, ports: Sequence[IListeningPort]
    ) -> None:
        self._hub = hub
        self._store = store
        self._upkeep = upkeep
        self._factory = factory
        self._ports = ports

    def startService(self) -> None:
        """(IService) Begin what must not begin before `twistd` is in the background: threads do not survive that."""
        super().startService()
        if isinstance(self._store, SqliteStore):
            self._store.start()
        if self._upkeep is not None:
            self._upkeep.start()

    async def _stop(self) -> None:
        """No newcomers, the last commit, everyone reads what they are owed; who does not read is not waited for."""
        self._hub.stopping = True
        if self._upkeep is not None:
            self._upkeep.stop()
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        self._factory.hold()
        await self._in_time(self._hub.turn.flush(), limits.CLOSE_SECONDS / 2)
        abort = self._hub.clock.callLater(limits.CLOSE_SECONDS / 2, self._factory.abort)
        await self._in_time(self._factory.drain(), limits.CLOSE_SECONDS)
        if abort.active():
            abort.cancel()
        await self._in_time(self._hub.turn.stop(), limits.CLOSE_SECONDS / 4)
        await self._in_time(self._store.close(), limits.CLOSE_SECONDS / 4)

    def _in_time(self, done: Deferred[None], seconds: float) -> Deferred[None]:
        """Not waited for longer: a disk that hangs does not keep the server from ending."""
        return done.addTimeout(seconds, self._hub.clock).addErrback(
            lambda failure: logger.failure("Stopping: this took too long", failure)
        )

    def stopService(self) -> Deferred[None]:
        """(IService) Fires when all is stored, told and closed."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())


def makeService(options: Options, reactor: Any = None) -> IService:
    """Everything wired together and listening; raises `SystemExit` with the reason where that cannot be.

    The ports are opened here, not when the service starts: by then `twistd` may be in the background, where nobody
    reads why it failed.
    """
    if reactor is None:
        from twisted.internet import reactor

        # A wall clock that is set back an hour would stop every timer for an hour.
        reactor.seconds = time.monotonic  # type: ignore[attr-defined]  # typed as what it is before it is installed
    words = language(options["language"])
    wires: dict[str, Wire] = {"plain": Plain(words), "json": JsonLines(words)}
    settings = Settings(
        options["name"], options["motd"], options["history"], float(options["grace"]), options["unrecorded"]
    )
    store, kept, lines = _open_store(options, reactor, words)
    hub = Hub(reactor, _now, store, lambda: secrets.token_hex(8), settings, kept)
    Session.restore(hub, kept.records)
    factory = ChatFactory(hub, wires, options["rate"], options["max-clients"], options["max-per-host"])
    ports = [listening for port in options["ports"] for listening in _listen(reactor, port, factory, words)]
    reactor.addSystemEventTrigger("before", "shutdown", _expect_another_signal, reactor, factory)
    _announce(options, [*map(words.words, doors.invitation(ports)), *lines], words)
    upkeep = None
    if isinstance(store, SqliteStore):
        backup_to = _below_rundir(options, options["backup-to"]) if options["backup-to"] else None
        upkeep = Upkeep(reactor, _now, store, options["keep"], backup_to)
    return ChatService(hub, store, upkeep, factory, ports)


def _now() -> datetime:
    return datetime.now(UTC)


def _below_rundir(options: Options, path: str) -> Path:
    """A path as it will be understood once `twistd` is in its run directory."""
    twistd: Mapping[str, Any] = options.parent or {}
    return (Path(twistd.get("rundir") or ".") / path).absolute()


def _open_store(options: Options, reactor: Any, words: Language) -> tuple[Store, Kept, list[str]]:
    """The store, what it holds, and what is said about it at the start."""
    if options["database"] == MEMORY:
        return MemoryStore(), NOTHING_KEPT, [words.words(say("Talk is kept until the server ends."))]
    try:
        prepared = prepare(_below_rundir(options, options["database"]))
    except Unusable as error:
        _give_up(words.words(error.sentence))
    store = SqliteStore(prepared, reactor.callFromThread, options["sync"])
    return store, prepared.kept, [words.words(prepared.summary)]


def _expect_another_signal(reactor: Any, factory: ChatFactory) -> None:
    """The server stops: a second Ctrl-C means that nobody is waited for.  Twisted would answer with a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: reactor.callFromThread(factory.abort))


def _listen(reactor: Any, port: str, factory: ChatFactory, words: Language) -> list[IListeningPort]:
    try:
        return doors.listen(reactor, port, factory)
    except CannotListenError as error:
        _give_up(words.words(doors.failure(error)))
    except ValueError as error:
        _give_up(f"--port {port}: {error}.")


def _give_up(reason: str) -> NoReturn:
    """End with one line: for a `UsageError` twistd prints all its help, and from `makeService` a traceback."""
    raise SystemExit(f"twistd chat: {reason}") from None


def _announce(options: Options, lines: list[str], words: Language) -> None:
    """Say with which lines people can join, how to stop, and where the log is: on the screen and in the log."""
    twistd: Mapping[str, Any] = options.parent or {}
    log, pid = twistd.get("logfile"), twistd.get("pidfile") or ""
    if twistd.get("nodaemon", True):
        lines.append(words.words(say("Ctrl-C stops it.")))
    else:
        log = log or "twistd.log"
        lines.append(words.words(say("Stop it with: {command}", command=f"kill $(cat {Path(pid).absolute()})")))
    if log and log != "-":
        lines.append(words.words(say("The log is {path}", path=Path(log).absolute())))
        for line in lines:
            logger.info("{line}", line=line)
    # Without a log file the log is this screen; either way people can copy a line that has no date before it.
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()
