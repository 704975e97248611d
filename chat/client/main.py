"""`chat-client`: options in, a face chosen, the reactor run, an exit code out.

The only place that touches the reactor, the signals and the standard streams' settings; it leaves the latter as they
were, for a terminal is shared with the shell.
"""

import fcntl
import os
import secrets
import signal
import sys
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, NoReturn

from twisted.internet.endpoints import HostnameEndpoint
from twisted.logger import globalLogPublisher

from chat.base import limits
from chat.base.clock import elapsed
from chat.base.command_line import Wrong
from chat.base.language import say
from chat.base.reasons import system_reason
from chat.base.text import visible
from chat.client.faces.ours import not_remembered
from chat.client.faces.person import PersonFace
from chat.client.faces.stdio import PASSWORD, Ground, Status, StreamFace, cannot_keep
from chat.client.faces.streams import StandardStreams, Streams
from chat.client.link.dialer import Address, AnyOf
from chat.client.link.known_servers import KnownServers
from chat.client.link.trust import Trust
from chat.client.options import TOKEN, Options
from chat.client.report import Report
from chat.client.settings import Saved, Settings, settings_path
from chat.client.starting import Asker, asked_server, remember_both, remember_nick, usual_server
from chat.client.talk.connection import Connection
from chat.client.talk.face import Face
from chat.client.talk.state import StateFile, state_path
from chat.client.typed_lines import TypedLines

if TYPE_CHECKING:
    from chat.client.faces.post import Post
    from chat.client.faces.window.app import App

STANDARD = (0, 1, 2)
LOBBY = "#lobby"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the client with these arguments, or this process's."""
    _open_missing()
    settings = Settings(settings_path(os.environ))
    options = Options(saved=settings.server)
    try:
        options.parseOptions(arguments)
    except Wrong as error:
        words = options.language.words
        hint = words(say("chat-client --help shows what can be chosen."))
        sys.stderr.write(f"chat-client: {visible(words(error.sentence))}\n{hint}\n")
        sys.exit(Status.USAGE)
    os.environ.pop(TOKEN, None)  # it is not for programs that we start
    if options["find"]:
        sys.exit(_find(options))
    flags = {descriptor: fcntl.fcntl(descriptor, fcntl.F_GETFL) for descriptor in STANDARD}
    modes = termios.tcgetattr(0) if os.isatty(0) else None
    try:
        status = _run(options, settings)
    except (KeyboardInterrupt, EOFError):  # at a question before the start
        sys.stdout.write("\n")
        status = Status.WELL
    finally:
        for descriptor, flag in flags.items():
            fcntl.fcntl(descriptor, fcntl.F_SETFL, flag)
        if modes is not None:
            with suppress(termios.error):  # it may be gone
                termios.tcsetattr(0, termios.TCSADRAIN, modes)
    sys.exit(status)


def _run(options: Options, settings: Settings) -> Status:
    kept = _prepare(options, settings)
    # Not at the top: the reactor opens files, which must not become the standard streams.
    if _is_screen(options):
        # prompt_toolkit runs on asyncio, and Twisted on either.
        import asyncio

        from twisted.internet import asyncioreactor

        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        asyncioreactor.install(loop)
    from twisted.internet import reactor as installed

    reactor: Any = installed
    # Not the clock on the wall, which may be set, and not the server's: after a laptop's lid, or Ctrl-Z, what is late
    # is due at once, so the first key finds out whether the server is still there.
    reactor.seconds = elapsed
    pool = reactor.getThreadPool()
    pool.threadFactory = partial(Thread, daemon=True)
    stopping = signalled = False
    report = Report(os.environ, lambda: datetime.now(UTC), lambda: reactor.callLater(0, stop))
    if _at_terminal(options) or options["gui"]:
        globalLogPublisher.addObserver(report.observe)  # type: ignore[arg-type]  # zope's interface is a callable
    if _is_screen(options):
        loop.set_exception_handler(report.handle)
    try:
        app = _app(options, settings, kept, reactor, lambda: signalled)
    except Wrong as error:
        sys.stderr.write(f"chat-client: {visible(options.language.words(error.sentence))}\n")
        return Status.USAGE
    result = Status.WELL

    def finish(status: Status) -> None:
        nonlocal result
        result = status
        if reactor.running:
            # A thread that asks a name server which does not answer is not waited for.
            pool.threads.clear()
            reactor.stop()

    def stop() -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            app.stop()
            # The goodbye has its time, and whoever reads our output as much; a terminal stopped with ^S reads nothing.
            reactor.callLater(2 * limits.LEAVE_SECONDS, lambda: finish(app.status))

    def ask_to_stop(number: int, frame: object) -> None:
        nonlocal signalled
        signalled = True
        reactor.callFromThread(stop)

    def start() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, ask_to_stop)
        app.start(reactor).addCallback(finish)

    reactor.callWhenRunning(start)
    reactor.run(installSignalHandlers=False)
    if report.wanted:
        path = "" if report.path is None else str(report.path)
        told = say("This program is at fault, and has ended. What happened stands in {path}", path=path)
        sys.stderr.write(f"! {visible(options.language.words(told))}\n")
        return Status.FAULT
    return result


def _read_line() -> str:
    """From standard input, which may be closed."""
    return "" if sys.stdin is None else sys.stdin.readline()


def _prepare(options: Options, settings: Settings) -> StateFile | None:
    """Ask what has to be known first, where somebody sits there; returns what an earlier run left."""
    for name in ("color", "on-mention"):
        if options[name] is not None:
            settings.override(name, options[name])
    asker = Asker(options.language, _read_line, _write)
    if _at_terminal(options):
        for sentence in settings.problems:
            sys.stderr.write(f"-- {visible(options.language.words(sentence))} --\n")
        if not options.names_server and not options["tls"]:
            options.take(usual_server(settings) or asked_server(settings, asker, options.servers))
    if options["save"] is not None:
        try:
            settings.save_server(options["save"], Saved(options.servers.address, options["nick"], options["room"]))
        except OSError as error:
            sys.stderr.write(f"-- {options.language.words(not_remembered(error))} --\n")
    if not _at_terminal(options):
        return None
    kept = _kept(options, options["nick"] or "")
    state = None if kept is None else kept.read()
    if kept is not None and state is not None and state.nick and options["nick"] is None:
        other = asker.goes_on(state.nick)
        if other is not None:
            kept.close()
            options["nick"] = other
            return _kept(options, other)
    return kept


def _find(options: Options) -> Status:
    """Say which servers there are."""
    from chat.client.finding import Missing, find, told

    words = options.language.words
    try:
        found = find()
    except Missing:
        sys.stderr.write("! " + words(say("--find needs zeroconf: pip install 'twisted-chat[lan]'")) + "\n")
        return Status.USAGE
    except OSError as error:
        sys.stderr.write("! " + words(say("{reason}.", reason=system_reason(error))) + "\n")
        return Status.NO_CONNECTION
    _write("\n".join([*told(options.language, found), ""]))
    return Status.WELL if found else Status.NO_CONNECTION


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _kept(options: Options, *names: str) -> StateFile | None:
    """What brings back whoever ran this before, unless another run has it."""
    try:
        # What brings us back goes to nobody through TLS and then to somebody else in clear.
        tls = ["tls"] if options["tls"] else []
        return StateFile.take(state_path(os.environ, str(options.servers[0]).lower(), *names, *tls))
    except (OSError, RuntimeError) as error:
        sys.stderr.write(f"-- {options.language.words(cannot_keep(error))} --\n")
        return None


def _app(
    options: Options, settings: Settings, kept: StateFile | None, reactor: Any, stopped: Callable[[], bool]
) -> "StreamFace | Post | App":
    # Each start loads what it needs and no more: it is the time until something is seen.
    if options["gui"]:
        return _window(options, settings, reactor)
    streams = Streams(sys.stdout.encoding if sys.stdout else "utf-8")
    run, nick, room = secrets.token_hex(8), options["nick"], options["room"]
    if nick is None and _at_terminal(options):
        nick = settings.text("nick") or None
    follow, raw, since = bool(options["follow"]), bool(options["json"]), options["since"]
    at_terminal = _at_terminal(options)
    # A script that is run with a mistake in a room's name is to be told, not to talk to nobody.
    makes_room = at_terminal or follow or (raw and since is None)
    addresses = _addresses(options, reactor)

    def ground(kept: StateFile | None = None, streams: StandardStreams = streams, echoes: bool = False) -> Ground:
        return _ground(options, addresses, reactor, run, nick, makes_room, kept, streams, echoes)

    if options["post"]:
        from chat.client.faces.post import Post

        # It does not stay with any: what it tells is told of all of them.
        return Post(
            ground()._replace(server=str(options.servers)),
            AnyOf(addresses),
            reactor,
            run,
            nick if options.token is None else f"{nick}:{options.token}",
            room,
        )
    if since is not None:
        from chat.client.faces.transcript import Transcript

        return Transcript(ground(), nick, since, room or LOBBY, raw)
    if follow or not at_terminal:
        from chat.client.faces.pipe import Pipe
    if follow:
        # What one recorder has written is not what another one has.
        return Pipe(ground(_kept(options, nick or "", room or "", "follow")), nick, follow, raw)
    if not at_terminal:
        # A script that is run again has something else to say; and two at a time are not to be one person.
        return Pipe(ground(), nick, follow, raw)
    face: PersonFace
    if _is_screen(options):
        face = _screen(ground, kept, nick, settings, stopped)
    else:
        from chat.client.faces.plain import PlainFace

        face = PlainFace(ground(kept), nick, settings, _in_words(options))
    _keeping_passwords(face, options, reactor)
    if not options.names_server:
        face.remember = partial(remember_nick, settings)
    return face


def _keeping_passwords(face: PersonFace, options: Options, reactor: Any) -> None:
    """Where that is safe."""
    if options.servers.is_safe:
        from twisted.internet.threads import deferToThread

        from chat.client.kept_passwords import KeptPasswords

        face.passwords.kept = KeptPasswords(
            [server.address.lower() for server in options.servers], deferToThread, reactor
        )


def _addresses(options: Options, reactor: Any) -> Sequence[Address]:
    servers = options.servers
    patience = limits.ANSWER_SECONDS if len(servers) > 1 else limits.ONLY_ANSWER_SECONDS
    plain = [HostnameEndpoint(reactor, server.host, server.port, patience) for server in servers]
    if not options["tls"]:
        return [Address(str(server), endpoint) for server, endpoint in zip(servers, plain, strict=True)]
    from chat.client.link.tls import TLSEndpoint

    return [
        Address(str(server), TLSEndpoint(endpoint, server.host, trust, reactor))
        for server, endpoint, trust in zip(servers, plain, _trust(options), strict=True)
    ]


def _ground(
    options: Options,
    addresses: Sequence[Address],
    reactor: Any,
    run: str,
    nick: str | None,
    makes_room: bool,
    kept: StateFile | None,
    streams: StandardStreams,
    echoes: bool,
) -> Ground:
    def connect(face: Face) -> Connection:
        code = options.language.code.partition("_")[0]
        room, token = options["room"], options.token
        return Connection(
            addresses, reactor, face, run, nick, room, makes_room, kept, language=code, echoes=echoes, token=token
        )

    password = os.environ.get(PASSWORD) or None
    return Ground(streams, options.language, lambda: datetime.now(UTC), addresses[0].name, connect, password)


def _window(options: Options, settings: Settings, reactor: Any) -> "App":
    """Raises `Wrong` where there can be none."""
    try:
        from tkinter import TclError

        from twisted.internet import tksupport

        from chat.client.faces.window.app import App
        from chat.client.faces.window.face import NoStreams, WindowFace
        from chat.client.faces.window.form import Filled, Form
        from chat.client.faces.window.window import Window
    except ImportError:
        needs = say("it needs Tk and a theme: apt install python3-tk, and pip install 'twisted-chat[gui]'")
        raise Wrong("--gui", needs) from None

    def connect(window: Window, form: Form, filled: Filled, again: Callable[[], None]) -> WindowFace:
        options.take(filled.servers)
        kept = _kept(options)
        state = None if kept is None else kept.read()
        if kept is not None and state is not None and filled.nick and state.nick != filled.nick:
            kept.close()
            kept = _kept(options, filled.nick)
        nick, streams = filled.nick or None, NoStreams()
        run = secrets.token_hex(8)
        ground = _ground(options, _addresses(options, reactor), reactor, run, nick, True, kept, streams, True)
        face = WindowFace(ground, streams, nick, settings, window, form, TypedLines.of(os.environ), again)
        _keeping_passwords(face, options, reactor)
        face.remember = partial(remember_both, settings, filled.servers)
        return face

    known = usual_server(settings) if not options.names_server else options.servers
    nick = options["nick"] or settings.text("nick")
    try:
        app = App(options.language, settings, (known, nick), connect)
    except TclError as error:
        reason = visible(str(error))
        raise Wrong("--gui", say("it needs a display, X11 or XWayland: {reason}", reason=reason)) from None
    tksupport.install(app.root, round(limits.WINDOW_SECONDS * 1000))
    app.closing = tksupport.uninstall
    return app


def _screen(
    ground: Callable[..., Ground],
    kept: StateFile | None,
    nick: str | None,
    settings: Settings,
    stopped: Callable[[], bool],
) -> PersonFace:
    from chat.client.faces.terminal.face import TerminalFace
    from chat.editing.editor import Editor
    from chat.editing.terminal import Tty

    editor = Editor(Tty(sys.stdin, sys.stdout, stopped), TypedLines.of(os.environ))
    return TerminalFace(ground(kept, editor, echoes=True), nick, editor, settings, os.environ)


def _at_terminal(options: Options) -> bool:
    """Somebody sits there."""
    elsewhere = (
        options["json"] or options["follow"] or options["post"] or options["since"] is not None or options["gui"]
    )
    return not elsewhere and os.isatty(0) and os.isatty(1)


def _in_words(options: Options) -> bool:
    """Whether somebody asked for lines without marks, to listen to."""
    return bool(options["plain"]) or os.environ.get("CHAT_PLAIN", "0") not in ("", "0")


def _is_screen(options: Options) -> bool:
    """Whether there is a terminal that can be drawn on, and nobody wants it plain."""
    return not _in_words(options) and _at_terminal(options) and os.environ.get("TERM", "") not in ("", "dumb")


def _trust(options: Options) -> Sequence[Trust]:
    try:
        path = state_path(os.environ, "known_servers")
    except RuntimeError:  # there is no home
        path = None
    names = [str(server).lower() for server in options.servers]
    return Trust.of_chat(names, KnownServers(path), options["fingerprint"])


def _open_missing() -> None:
    """Give a descriptor to each standard stream that was closed (`<&-`): else the next file opened becomes it."""
    for descriptor in STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
