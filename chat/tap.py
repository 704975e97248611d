"""`twistd chat`: options in, a service out; the only file that names everything, and that touches the reactor.

What only some servers have is imported where they begin to have it: it takes time and memory at each start.
"""

# ruff: noqa: E402
import gc

# What is imported stays: to look through it for garbage, again and again as it grew, took a sixth of the time.
gc.disable()

import io
import resource
import secrets
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorTime
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from chat.base import addresses, limits
from chat.base.bans import Bans
from chat.base.clock import RunningTime, Unhurried, elapsed
from chat.base.errors import Unfit, about
from chat.base.language import Language, Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.base.reasons import system_reason
from chat.base.reserved import Reserved
from chat.base.run_as import of_who_runs
from chat.core.hub import Hub, Settings
from chat.core.ports import NOTHING_KEPT, Kept, NodeState, Store
from chat.core.restoring import restore
from chat.core.roles import SERVER
from chat.doors import certificate, control, listening
from chat.doors.factory import ChatFactory
from chat.doors.sniffing import Reception
from chat.doors.tcp import Browsers
from chat.doors.tls import Certificates
from chat.doors.tls_connection import TlsFactory
from chat.server import operator_code, presets, shared_files, status
from chat.server.log_counts import LogCounts
from chat.server.logbook import LogBook
from chat.server.logfile import log_path, twistd_log
from chat.server.options import MEMORY, Options, give_up
from chat.server.passwords import Argon2
from chat.server.process import RunningProcess
from chat.server.reload import Reload
from chat.server.service import ChatService, Companion
from chat.server.shared_files import Secrets
from chat.server.sleeping import let_sleep
from chat.server.watchdog import Watchdog
from chat.store.address import is_address
from chat.store.maintenance import Maintenance, OnDisk, Tended
from chat.store.memory import MemoryStore
from chat.store.sqlite.free_space import shortage
from chat.store.sqlite.schema import prepare
from chat.store.sqlite.store import SqliteStore
from chat.store.unusable import Unusable
from chat.wire.wires import Wires, kinds

gc.freeze()
gc.enable()

logger = Logger()

STATUS = "chat-status.txt"
"""Where SIGUSR2 has it written who is here, in the directory of data."""

_now = partial(datetime.now, UTC)


def makeService(options: Options, reactor: Any = None) -> IService:
    """Everything wired together and listening; raises `SystemExit` with the reason where that cannot be.

    The ports are opened here, not when the service starts: by then `twistd` may be in the background, where nobody
    reads why it failed.
    """
    twistd: Mapping[str, Any] = options.parent or {}
    stops_with_terminal = _stops_with_terminal(twistd)
    words = options.language
    if twistd.get("chroot"):
        reason = say("paths would mean other files after it; a systemd unit (RootDirectory=) or a container does it.")
        give_up(about("--chroot", reason), words)
    try:
        with of_who_runs(twistd):
            options.check_backups()
            asked = options.ask_for_word()
    except Unfit as error:
        give_up(error.sentence, words)
    companions: list[Companion] = []
    if reactor is None:
        from twisted.internet import reactor

        reactor.seconds = running = RunningTime()  # type: ignore[attr-defined]  # typed as it is before it is installed
        unhurried = Unhurried(reactor)  # type: ignore[arg-type]
        companions.append(Watchdog(reactor, let_sleep(reactor, running, unhurried)))
    else:
        unhurried = Unhurried(reactor)
    # All modules are there, and stay.  Where 1000 are connected a full collection takes 14 ms instead of 43 without
    # them, in which every line waits.  (Not later: whoever is brought back may go for good.)
    gc.freeze()
    wires = Wires(kinds(), words)
    with of_who_runs(twistd):
        store, kept, lines, tended, disk, shared = _open_store(options, reactor, words)
    written = options
    if shared is not None:
        from chat.core.nodes import OtherNodes
        from chat.server.node_options import NodeOptions

        try:
            agreed = NodeOptions(written, kept.records, shared.others)
        except Unfit as error:
            give_up(error.sentence, words)
        options = agreed.holding
    passwords = Argon2(reactor)
    companions.append(passwords)
    now = _now if shared is None else shared.store.now
    hub = Hub(reactor, now, store, lambda: secrets.token_hex(8), _settings(options), kept, passwords)
    restore(hub, kept.remembered, kept.elsewhere)
    if shared is not None:
        OtherNodes(hub, shared.store, kept, agreed.told)
        hub.addresses.tell(options["node"], options["address"])
    all_ports = [*options["ports"], *options["tls-ports"], *options["ssh-ports"]]
    behind_proxy = any(map(listening.is_proxys, all_ports))
    factory = ChatFactory(hub, wires, behind_proxy)
    factory.enforce_bans()
    common = None if shared is None else shared.common
    try:
        ports = _listen(reactor, "--port", options, factory)
        encrypted, certificates, not_encrypted = _listen_encrypted(reactor, unhurried, options, factory, ports, common)
        by_ssh, ssh_fingerprint, other_key = _listen_for_ssh(reactor, options, factory, [*ports, *encrypted], common)
        controls, not_controlled = _listen_for_operator(reactor, options, factory)
        metrics = _listen_for_monitoring(reactor, options, hub)
        coded = [] if not_controlled else _make_operator_code(options, hub, shared)
        readers = [] if shared is None else _readers(shared.common)
    except (Unfit, Unusable) as error:
        give_up(error.sentence, words)
    if certificates is not None:
        companions.append(certificates)
    factory.web = _web(options, factory, words, ports, encrypted)
    factory.reception = Reception(words, listening.directions(ports, encrypted, by_ssh))
    reactor.addSystemEventTrigger("before", "shutdown", _expect_another_signal, reactor, factory)
    page = listening.page(ports, encrypted) if options["web"] == "on" else None
    said = [
        *([] if page is None else [say("{address} is the chat, in any browser.", address=page)]),
        *listening.invitation(ports, encrypted, certificates.fingerprint if certificates else "", _needed(options)),
        *(certificates.warnings() if certificates else ()),
        *not_encrypted,
        *listening.ssh_invitation(by_ssh, ssh_fingerprint),
        *other_key,
        *not_controlled,
        *coded,
        *(listening.metrics(port) for port in metrics),
        *_how_many(options),
        *presets.told(options),
        *asked,
        *options.password_notes(),
    ]
    upkeep = None
    backup_to = options.below_data(options["backup-to"]) if options["backup-to"] else None
    if tended is not None:
        upkeep = Maintenance(unhurried, now, elapsed, tended, options["keep"], backup_to, disk)
        companions.append(upkeep)
    if options["discoverable"]:
        from chat.server.discovery import Discoverable

        try:
            companions.append(Discoverable(options["name"], ports, encrypted))
        except Unfit as error:
            give_up(error.sentence, words)
    if presets.beside(options).class_mode:
        from chat.server.class_at_start import ClassAtStart

        companions.append(ClassAtStart(hub))
    apply: Callable[[Options], None] = partial(_apply, factory, disk, upkeep)
    if shared is not None:
        keys = {} if certificates is None else {"certificate": certificates.shown}
        keys |= {"ssh-key": ssh_fingerprint} if by_ssh else {}
        said += agreed.begin(hub, apply, shared.store.introduce, keys)
        said += readers
        apply = agreed.reloaded
    reload = Reload(written, apply, [certificates.reload] if certificates else ())
    counts = LogCounts()
    companions.append(counts)
    hub.process = RunningProcess(reload, reactor.stop, tended, backup_to, now, counts)
    on_hangup = reactor.stop if stops_with_terminal else reload.on_signal
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(on_hangup))
    tell = partial(status.write, options.below_data(STATUS), hub)
    signal.signal(signal.SIGUSR2, lambda *_: reactor.callFromThread(tell))
    with of_who_runs(twistd):
        log = _open_log(options)
    signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(_reopen, log))
    _announce(options, [*map(words.words, said), *lines], words, page)
    return ChatService(hub, store, factory, [*ports, *encrypted, *by_ssh, *controls, *metrics], companions, log)


def _web(
    options: Options,
    factory: ChatFactory,
    words: Language,
    ports: Sequence[IListeningPort],
    encrypted: Sequence[IListeningPort],
) -> Callable[[], Deferred[Browsers]] | None:
    """What makes the web door, where there is one."""
    if options["web"] != "on":
        return None

    def make() -> Deferred[Browsers]:
        # Only for the first browser: a web server's modules take memory and time, 0.2 s, in which others are served.
        return deferToThread(import_module, "chat.doors.web").addCallback(opened)

    def opened(web: Any) -> Browsers:
        plain, sealed = (listening.open_to_all(some) or 0 for some in (ports, encrypted))
        shared = bool(options["shared-computers"])
        names = {*options["web-name"], *map(addresses.host, filter(addresses.is_page, options["address"]))}
        settings = web.Settings(names, shared, listening.addresses, options["public-log"], plain, sealed)
        return web.Web(factory.hub, factory, words, settings)  # type: ignore[no-any-return]  # it was not imported here

    return make


def _settings(options: Options) -> Settings:
    return Settings(
        options["name"],
        options["motd"],
        options["history"],
        float(options["grace"]),
        options["unrecorded"],
        options["rate"],
        _max_clients(options),
        options["max-per-host"],
        Bans(options["bans"]),
        Bans(options["proxy"]),
        Reserved(options["language"], options["reserved"]),
        bool(options["log-connections"]),
        bool(options["registered-only"]),
        options["password"],
        presets.beside(options).guards_newcomers,
    )


def _apply(factory: ChatFactory, disk: OnDisk | None, upkeep: Maintenance | None, options: Options) -> None:
    """What `chat.server.reload.RELOADED` lists is as these options say from now on."""
    hub = factory.hub
    hub.settings = replace(
        _settings(options),
        unrecorded=hub.settings.unrecorded,
        # Which words a language reserves waits for a restart, as the language does.
        reserved=Reserved(hub.settings.reserved.language, options["reserved"]),
    )
    if disk is not None:
        disk.min_free(options["min-free"])
    if upkeep is not None:
        upkeep.keep(options["keep"])
    factory.enforce_bans()
    for person in hub.people.values():
        hub.newcomers.watch(person)


def _max_clients(options: Options) -> int:
    """How many may be connected: as many as there are file descriptors, less those that the rest of us needs."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    fit = max(1, files - limits.RESERVED_FILES) if files != resource.RLIM_INFINITY else 0
    return min(options["max-clients"] or fit, fit or options["max-clients"])


def _needed(options: Options) -> Sentence:
    """What people need to come in."""
    if options["registered-only"]:
        return say("for accounts only")
    return listening.NOTHING_NEEDED if options["password"] is None else say("with a password")


def _how_many(options: Options) -> list[Sentence]:
    """What is said of it at the start: something where the system allows fewer than one may expect."""
    files, fit = resource.getrlimit(resource.RLIMIT_NOFILE)[0], _max_clients(options)
    if not fit or fit >= (options["max-clients"] or limits.FEW_CLIENTS):
        return []
    right = max(limits.OPEN_FILES, options["max-clients"] + limits.RESERVED_FILES)
    return [
        say(
            "At most {count} people: this system allows {files} open files; {command} before the start would be right.",
            count=fit,
            files=files,
            command=f"ulimit -n {right}",
        )
    ]


class _Shared(NamedTuple):
    """What there is where several nodes use the store: it, what of theirs nobody else may know, and which are there."""

    store: Any
    common: Any
    others: Sequence[NodeState]


class _Opened(NamedTuple):
    """The store, what it holds, what is said about it at the start, and what of it is looked after."""

    store: Store
    kept: Kept
    said: list[str]
    tended: Tended | None = None
    disk: OnDisk | None = None
    shared: _Shared | None = None


def _open_store(options: Options, reactor: Any, words: Language) -> _Opened:
    if options["database"] == MEMORY:
        told = say("Talk is kept until the server ends.")
        return _Opened(MemoryStore(clock=reactor), NOTHING_KEPT, [words.words(told)])
    if is_address(options["database"]):
        return _open_in_database(options, reactor, words)
    try:
        prepared = prepare(
            options.below_data(options["database"]),
            keep=options["keep"],
            now=_now(),
            skip_damaged=bool(options["skip-damaged"]),
        )
    except Unusable as error:
        give_up(error.sentence, words)
    store = SqliteStore(prepared, reactor, options["sync"], options["min-free"])
    short = shortage(prepared.path, options["min-free"])
    said = list(map(words.words, [*prepared.summary, *([] if short is None else [short])]))
    return _Opened(store, prepared.kept, said, store, store)


def _node(name: str, others: Sequence[NodeState]) -> Sentence:
    """Whoever starts one sees whether it is where they think it is."""
    if not others:
        return say("This is the node {node}; no other one is there now.", node=name)
    return say("This is the node {node}, one chat with {others}.", node=name, others=tuple(one.name for one in others))


def _open_in_database(options: Options, reactor: Any, words: Language) -> _Opened:
    from chat.store.postgresql.node import PostgresNode
    from chat.store.postgresql.opening import prepare
    from chat.store.postgresql.secrets import Secrets as SecretsOfDatabase
    from chat.store.postgresql.store import PostgresStore

    try:
        prepared = prepare(options["database"], options["node"] or "", keep=options["keep"], now=_now())
    except Unusable as error:
        give_up(error.sentence, words)
    said = list(map(words.words, prepared.summary))
    if prepared.node:
        said.append(words.words(_node(prepared.node, prepared.others)))
        node = PostgresNode(prepared, reactor)
        shared = _Shared(node, SecretsOfDatabase(prepared.address, prepared.writer), prepared.others)
        return _Opened(node, prepared.kept, said, node, None, shared)
    store = PostgresStore(prepared, reactor)
    return _Opened(store, prepared.kept, said, store)


def _open_log(options: Options) -> LogBook | None:
    """The log that `twistd` is to write; None where it is not ours."""
    twistd: Mapping[str, Any] = options.parent or {}
    if twistd.get("logfile") == "-" and not twistd.get("nodaemon", True):
        reason = say("in the background there is no screen; name a file, or start with twistd -n.")
        give_up(about("--logfile -", reason), options.language)
    try:
        log = twistd_log(twistd, bool(options["log-json"]))
    except OSError as error:
        give_up(about(f"--logfile {log_path(twistd)}", say("{reason}.", reason=system_reason(error))), options.language)
    if options["log-json"] and log is None:
        reason = say("that is for the log that twistd writes by itself, without --syslog or --logger.")
        give_up(about("--log-json", reason), options.language)
    return log


def _reopen(log: LogBook | None) -> None:
    """SIGUSR1: whoever looks after logs has put ours aside."""
    if log is not None:
        log.reopen()
        logger.info("The log was opened anew")


def _expect_another_signal(reactor: Any, factory: ChatFactory) -> None:
    """The server stops: a second Ctrl-C means that nobody is waited for.  Twisted would answer with a traceback."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal sends several
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: reactor.callFromThread(factory.abort))


def _stops_with_terminal(twistd: Mapping[str, Any]) -> bool:
    """Whether SIGHUP means that the terminal was closed under a server in the foreground, and not a reload.

    Asked at the start: when the signal comes that terminal is no terminal any more.
    """
    if not twistd.get("nodaemon", True) or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as nohup has it
        return False
    return sys.stdin is not None and sys.stdin.isatty()


def _listen_encrypted(
    reactor: Any,
    unhurried: Unhurried,
    options: Options,
    factory: ChatFactory,
    open_already: Sequence[IListeningPort],
    common: Secrets | None,
) -> tuple[list[IListeningPort], Certificates | None, list[Sentence]]:
    """The ports with TLS and what they show, or why there are none though nobody forbade it; raises `Unfit` where
    somebody asked for them."""
    if not options["tls-ports"]:
        return [], None, []
    try:
        certificates, other = _certificates(options, unhurried, common)
        tls = TlsFactory(certificates, factory)
        return _listen(reactor, "--tls-port", options, tls, open_already), certificates, other
    except Unfit as error:
        if options.wants_tls:
            raise
        return [], None, [listening.not_encrypted(error.sentence)]


def _listen_for_ssh(
    reactor: Any,
    options: Options,
    factory: ChatFactory,
    open_already: Sequence[IListeningPort],
    common: Secrets | None,
) -> tuple[list[IListeningPort], str, list[Sentence]]:
    """The ports of ssh, the fingerprint of the key that they show, and what is to be said of it; raises `Unfit`."""
    if not options["ssh-ports"]:
        return [], "", []
    from chat.doors.ssh import SshFactory
    from chat.doors.ssh_keys import NAME, host_key

    directory = options.below_data("")
    make = partial(host_key, directory)
    try:
        with of_who_runs(options.parent or {}):
            key, other = shared_files.shared(common, NAME, {directory / NAME: 0o600}, make)
    except OSError as error:
        raise Unfit(say("{path}: {reason}.", path=directory / NAME, reason=system_reason(error))) from None
    ssh = SshFactory(factory, key)
    return _listen(reactor, "--ssh-port", options, ssh, open_already), ssh.fingerprint, other


def _listen_for_operator(
    reactor: Any, options: Options, factory: ChatFactory
) -> tuple[list[IListeningPort], list[Sentence]]:
    """The control socket, or why there is none though nobody forbade it; raises `Unfit` where somebody asked for it."""
    if options.control is None:
        return [], []
    try:
        with of_who_runs(options.parent or {}):
            return [control.open_control(reactor, options.control, control.ControlFactory(factory))], []
    except Unfit as error:
        if options["control"]:
            raise
        return [], [control.not_open(error.sentence)]


def _make_operator_code(options: Options, hub: Hub, shared: _Shared | None) -> list[Sentence]:
    """While nobody runs the server, and accounts are kept, a file that lets somebody; returns what is said of it.

    Not where another server, as its control socket tells, has the directory.
    """
    path = options.below_data(operator_code.NAME)
    if options["database"] == MEMORY:
        return []
    try:
        with of_who_runs(options.parent or {}):
            wanted = not hub.roles.holders(SERVER)
            if shared is None:
                code = shared_files.code(None, path, wanted, False)
            else:
                code = shared_files.code(shared.common, path, wanted, bool(shared.others))
            if code is None:
                return []
            if shared is not None:
                code.when_used = partial(shared.store.drop_secret, shared_files.CODE)
            hub.operator_code = code
    except OSError as error:
        why = about(str(path), say("{reason}.", reason=system_reason(error)))
        return [say("There is no operator code. {why}", why=why)]
    return [say("{path} lets an account run this server: /operator CODE, with the code in it.", path=path)]


def _readers(common: Any) -> list[Sentence]:
    """What is to be known of who else may read what the nodes share."""
    return [
        say(
            "The role {role} of the database may read the private keys of this chat; {command} would be right.",
            role=role,
            command=f"REVOKE ALL ON chat.secrets FROM {role}",
        )
        for role in common.readers()
    ]


def _listen_for_monitoring(reactor: Any, options: Options, hub: Hub) -> list[IListeningPort]:
    """The metrics ports; raises `Unfit`."""
    if not options["metrics-ports"]:
        return []
    from chat.server.metrics import site

    return _listen(reactor, "--metrics-port", options, site(hub))


def _certificates(options: Options, clock: IReactorTime, common: Secrets | None) -> tuple[Certificates, list[Sentence]]:
    """The certificate to show: the operator's, or one that is made once, and what is to be said of that; raises
    `Unfit`."""
    try:
        if options["certificate"]:
            key = options["private-key"] and Path(options["private-key"]).absolute()
            return Certificates(certificate.find(Path(options["certificate"]).absolute(), key or None), clock, _now), []
        directory = options.below_data("")
        own = {directory / certificate.KEY: 0o600, directory / certificate.CERTIFICATE: 0o644}
        make = partial(certificate.make, directory, options["name"], listening.addresses(), _now())
        with of_who_runs(options.parent or {}):
            files, other = shared_files.shared(common, certificate.CERTIFICATE, own, make)
            return Certificates(files, clock, _now), other
    except OSError as error:
        raise Unfit(certificate.cannot_make(directory, error).sentence) from None
    except certificate.BadCertificate as error:
        raise Unfit(error.sentence) from None


def _listen(
    reactor: Any,
    option: str,
    options: Options,
    factory: IProtocolFactory,
    open_already: Sequence[IListeningPort] = (),
) -> list[IListeningPort]:
    """Open the ports of an option; raises `Unfit`."""
    opened: list[IListeningPort] = []
    for port in options[f"{option.removeprefix('--')}s"]:
        try:
            # The file of a unix socket is one of those that whoever runs has to remove.
            with of_who_runs(options.parent or {}) if listening.makes_a_file(port) else nullcontext():
                opened += listening.listen(reactor, port, factory)
        except CannotListenError as error:
            raise Unfit(listening.failure(error, option, [*open_already, *opened])) from None
        except Unfit as error:
            raise Unfit(about(f"{option} {port}", error.sentence)) from None
    return opened


def _announce(options: Options, lines: list[str], words: Language, page: str | None) -> None:
    """Say with which lines people can join, how to stop, and where the log is: on the screen and in the log.

    At a terminal also the address of the page as a picture, for telephones.
    """
    twistd: Mapping[str, Any] = options.parent or {}
    log, pid = log_path(twistd), twistd.get("pidfile") or ""
    if twistd.get("nodaemon", True):
        lines.append(words.words(say("Ctrl-C stops it.")))
    else:
        lines.append(words.words(say("Stop it with: {command}", command=f"kill $(cat {Path(pid).absolute()})")))
    if log is not None:
        lines.append(words.words(say("The log is {path}", path=log)))
    if log is not None or options["log-json"] or twistd.get("syslog") or twistd.get("logger"):
        for line in lines:
            logger.info("{line}", line=line)
    # Without a log file the log is this screen; either way people can copy a line that has no date before it, and a
    # program that reads the log from standard output finds nothing but objects.
    screen = sys.stderr if log is None and options["log-json"] else sys.stdout
    with suppress(OSError, AttributeError):  # it may be closed, or be none
        if page is not None and screen.isatty():
            lines[1:1] = _drawn(page)
        screen.write("\n".join([*lines, ""]))
        screen.flush()


def _drawn(address: str) -> Sequence[str]:
    """An address as a QR code in lines."""
    import segno  # only where somebody looks at it, and a start without a terminal is sooner

    drawn = io.StringIO()
    segno.make(address, micro=False).terminal(drawn, compact=True, border=2)
    return drawn.getvalue().splitlines()
