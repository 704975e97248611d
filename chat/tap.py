"""`twistd chat`: options in, a service out; the only file that names everything, and that touches the reactor."""

import secrets
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python import usage

from chat import doors, limits
from chat.factory import ChatFactory
from chat.fanout import Wire
from chat.hub import Hub, Settings
from chat.language import Language, known_languages, language, say
from chat.store import Store
from chat.store.memory import MemoryStore
from chat.text import visible
from chat.wire.jsonl import JsonLines
from chat.wire.plain import Plain

logger = Logger()


def _number(least: int, most: int, what: str) -> Any:
    """A coercion for an option; what is not a whole number of this range is answered with what would be right."""

    def coerce(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and least <= int(value) <= most):
            raise ValueError(f"{value!r} is not {what}, a whole number from {least} to {most}.")
        return int(value)

    coerce.coerceDoc = f"{what}, {least} to {most}"  # type: ignore[attr-defined]  # read by twisted.python.usage
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
        [
            "history",
            None,
            limits.HISTORY_DEFAULT,
            "How many lines people see of what was said before they came.",
            _number(0, limits.HISTORY_MOST, "a number of lines"),
        ],
        [
            "grace",
            None,
            int(limits.GRACE_SECONDS),
            "How many seconds a nickname is held after a line dropped.",
            _number(0, 86400, "a number of seconds"),
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
            _number(0, 10**6, "a number"),
        ],
        [
            "max-per-host",
            None,
            limits.MAX_PER_HOST,
            "How many may be connected from one address; 0 is no limit.",
            _number(0, 10**6, "a number"),
        ],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["ports"] = []

    def opt_port(self, port: str) -> None:
        """Where to listen: a number, for all interfaces, or a Twisted endpoint such as tcp:4000:interface=127.0.0.1.

        May be given several times; 12345 if not at all.
        """
        if port.isdecimal() and not 0 < int(port) < 65536:
            raise usage.UsageError(f"--port {port}: a port is a number from 1 to 65535.")
        self["ports"].append(port)

    def postOptions(self) -> None:
        """Check what depends on more than one word."""
        self["ports"] = self["ports"] or [str(doors.DEFAULT_PORT)]
        try:
            self["rate"] = float(self["rate"])
        except ValueError:
            self["rate"] = -1.0
        if not 0 <= self["rate"] < 1e6:
            raise usage.UsageError("--rate: a number of lines a second, such as 2 or 0.5; 0 is no limit.")
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
    """The running server: it listens from the start, and owns the order in which everything stops."""

    def __init__(self, hub: Hub, store: Store, factory: ChatFactory, ports: Sequence[IListeningPort]) -> None:
        self._hub = hub
        self._store = store
        self._factory = factory
        self._ports = ports

    async def _stop(self) -> None:
        """No newcomers, the last commit, everyone reads what they are owed; who does not read is not waited for."""
        abort = self._hub.clock.callLater(limits.CLOSE_SECONDS, self._factory.abort)
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        self._factory.hold()
        await self._in_time(self._hub.turn.flush())
        await self._factory.drain()
        if abort.active():
            abort.cancel()
        await self._in_time(self._hub.turn.stop())
        await self._in_time(self._store.close())

    def _in_time(self, done: Deferred[None]) -> Deferred[None]:
        """Not waited for longer than there is time: a disk that hangs does not keep the server from ending."""
        return done.addTimeout(limits.CLOSE_SECONDS / 2, self._hub.clock).addErrback(
            lambda failure: logger.failure("Stopping: the store did not answer in time", failure)
        )

    def stopService(self) -> Deferred[None]:
        """(IService) Fires when all is stored, told and closed."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())


def makeService(options: Options, reactor: Any = None) -> IService:
    """Everything wired together and listening; raises `UsageError` where that cannot be.

    The ports are opened here, not when the service starts: by then `twistd` may be in the background, where nobody
    reads why it failed.
    """
    if reactor is None:
        from twisted.internet import reactor

        # A wall clock that is set back an hour would stop every timer for an hour.
        reactor.seconds = time.monotonic  # type: ignore[attr-defined]  # typed as what it is before it is installed
    words = language(options["language"])
    zone = datetime.now().astimezone().tzinfo
    assert zone is not None
    wires: dict[str, Wire] = {"plain": Plain(words, zone), "json": JsonLines(words)}
    store = MemoryStore()
    settings = Settings(options["name"], options["motd"], options["history"], float(options["grace"]))
    hub = Hub(reactor, lambda: datetime.now(UTC), store, lambda: secrets.token_hex(8), settings)
    factory = ChatFactory(hub, wires, options["rate"], options["max-clients"], options["max-per-host"])
    ports = [listening for port in options["ports"] for listening in _listen(reactor, port, factory, words)]
    _announce(options, words, ports)
    return ChatService(hub, store, factory, ports)


def _listen(reactor: Any, port: str, factory: ChatFactory, words: Language) -> list[IListeningPort]:
    try:
        return doors.listen(reactor, port, factory)
    except CannotListenError as error:
        raise usage.UsageError(words.words(doors.failure(error))) from None
    except ValueError as error:
        raise usage.UsageError(f"--port {port}: {error}.") from None


def _announce(options: Options, words: Language, ports: Sequence[IListeningPort]) -> None:
    """Say with which lines people can join, how to stop, and where the log is: on the screen and in the log."""
    lines = [words.words(line) for line in doors.invitation(ports)]
    twistd: Mapping[str, Any] = options.parent or {}
    rundir = Path(twistd.get("rundir") or ".")
    log, pid = twistd.get("logfile"), twistd.get("pidfile") or ""
    if twistd.get("nodaemon", True):
        lines.append(words.words(say("Ctrl-C stops it.")))
    else:
        log = log or "twistd.log"
        lines.append(words.words(say("Stop it with: {command}", command=f"kill $(cat {(rundir / pid).absolute()})")))
    if log and log != "-":
        lines.append(words.words(say("The log is {path}", path=(rundir / log).absolute())))
        for line in lines:
            logger.info("{line}", line=line)
    # Without a log file the log is this screen; either way people can copy a line that has no date before it.
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()
