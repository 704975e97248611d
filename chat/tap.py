"""`twistd chat`: options in, a service out; the only file that names everything, and that touches the reactor."""

import resource
import secrets
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
from chat.language import Language, language, say
from chat.options import MEMORY, Options, give_up, read_motd
from chat.session import Session
from chat.store import NOTHING_KEPT, Kept, Store
from chat.store.memory import MemoryStore
from chat.store.schema import Unusable, prepare
from chat.store.sqlite import SqliteStore
from chat.store.upkeep import Upkeep
from chat.wire.jsonl import JsonLines
from chat.wire.plain import Plain

logger = Logger()


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
    factory = ChatFactory(hub, wires, options["rate"], _max_clients(options), options["max-per-host"])
    ports = [listening for port in options["ports"] for listening in _listen(reactor, port, factory, words)]
    reactor.addSystemEventTrigger("before", "shutdown", _expect_another_signal, reactor, factory)
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(_hung_up, reactor, hub, options))
    _announce(options, [*map(words.words, doors.invitation(ports)), *lines], words)
    upkeep = None
    if isinstance(store, SqliteStore):
        backup_to = _below_rundir(options, options["backup-to"]) if options["backup-to"] else None
        upkeep = Upkeep(reactor, _now, store, options["keep"], backup_to)
    return ChatService(hub, store, upkeep, factory, ports)


def _max_clients(options: Options) -> int:
    """How many may be connected: as many as there are file descriptors, less those that the rest of us needs."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    fit = max(1, files - limits.RESERVED_FILES) if files != resource.RLIM_INFINITY else 0
    return min(options["max-clients"] or fit, fit or options["max-clients"])


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
        give_up(words.words(error.sentence))
    store = SqliteStore(prepared, reactor.callFromThread, options["sync"])
    return store, prepared.kept, [words.words(prepared.summary)]


def _expect_another_signal(reactor: Any, factory: ChatFactory) -> None:
    """The server stops: a second Ctrl-C means that nobody is waited for.  Twisted would answer with a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: reactor.callFromThread(factory.abort))


def _hung_up(reactor: Any, hub: Hub, options: Options) -> None:
    """SIGHUP: the terminal was closed under a server in the foreground; else the operator wants things read anew."""
    if sys.stdin is not None and sys.stdin.isatty():
        reactor.stop()
        return
    if options["motd-file"]:
        try:
            hub.settings = replace(hub.settings, motd=read_motd(options["motd-file"]))
            logger.info("The message of the day was read again")
        except usage.UsageError as error:
            logger.error("The message of the day stays as it was: {reason}", reason=str(error))


def _listen(reactor: Any, port: str, factory: ChatFactory, words: Language) -> list[IListeningPort]:
    try:
        return doors.listen(reactor, port, factory)
    except CannotListenError as error:
        give_up(words.words(doors.failure(error)))
    except ValueError as error:
        give_up(f"--port {port}: {error}.")


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
