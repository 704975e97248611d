"""`chat-server check`: all that would keep a server with these options from starting, at once; it changes nothing.

What is wrong with one thing does not hide what is wrong with another: each is looked at by itself, by those who would
use it.  Ports are opened for a moment, but for files of unix sockets and what systemd hands over.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from twisted.internet import tcp
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock

from chat.base.command_line import Wrong
from chat.base.errors import Unfit, about
from chat.base.language import Language, Sentence, say
from chat.base.reasons import system_reason
from chat.doors import certificate, control, listening, ssh_keys
from chat.doors.certificate import BadCertificate
from chat.doors.tls import usable
from chat.server.options import MEMORY, NO_PORT, Options, check_port
from chat.store.address import is_address
from chat.store.sqlite.free_space import shortage
from chat.store.sqlite.schema import examine
from chat.store.unusable import Unusable


class _Choice(Options):
    command = "chat-server check"


class Findings:
    """What is `wrong`, and what is only to be known (`notes`), in the words of a language."""

    def __init__(self, words: Language, wrong: Sequence[Sentence] = ()) -> None:
        self.words = words
        self.wrong = list(map(words.words, wrong))
        self.notes: list[str] = []

    def look(self, at: Callable[[], Sequence[Sentence]]) -> bool:
        """Do it; what it raises is wrong, what it returns are notes.  Returns whether all is right."""
        try:
            self.notes += map(self.words.words, at())
        except (BadCertificate, Unfit, Unusable) as error:
            self.wrong.append(self.words.words(error.sentence))
        else:
            return True
        return False


def main(words: Sequence[str]) -> int:
    """Say what there is to say, one thing a line; returns 1 where anything is wrong."""
    found = findings(words)
    last = [] if found.wrong else [found.words.words(say("Nothing is wrong: a server with these options can start."))]
    sys.stderr.writelines(f"{line}\n" for line in found.wrong)
    sys.stdout.writelines(f"{line}\n" for line in [*found.notes, *last])
    return 1 if found.wrong else 0


def findings(words: Sequence[str]) -> Findings:
    """Look at everything that these words of a command line, and the files that they name, ask for."""
    options = _Choice()
    wrong = options.read_all(words)
    found = Findings(options.language, wrong)
    # Where there is no directory of data, what is in it cannot be told; that it is not there has been.
    has_data = options["data"] != "" and options.below_data("").is_dir()
    if is_address(options["database"]):
        if find_spec("psycopg") is not None:  # else that is told
            from chat.store.postgresql import opening  # only here, for it is an extra

            found.look(lambda: opening.examine(options["database"], options["node"] or ""))
    elif has_data and options["database"] not in ("", MEMORY):
        path, skip = options.below_data(options["database"]), bool(options["skip-damaged"])
        found.look(lambda: examine(path, skip_damaged=skip))
        found.look(lambda: _space(path, options))
    if options["backup-to"] and options.below_data(options["backup-to"]).is_dir():
        found.look(lambda: _backups(options))
    if options["certificate"]:
        _look_at_theirs(options, found)
    elif options["tls-ports"] and has_data:
        _look_at_ours(options, found)
    if options["ssh-ports"] and has_data:
        found.look(lambda: _host_key(options.below_data(ssh_keys.NAME)))
    if options.control is not None and has_data:
        found.look(lambda: _control(options))
    found.look(options.password_notes)
    for sentence, matters in _ports(options):
        (found.wrong if matters else found.notes).append(found.words.words(sentence))
    return found


def _space(path: Path, options: Options) -> Sequence[Sentence]:
    note = shortage(path, options["min-free"])
    return () if note is None else [note]


def _backups(options: Options) -> Sequence[Sentence]:
    options.check_backups()
    return ()


def _control(options: Options) -> Sequence[Sentence]:
    assert options.control is not None
    try:
        control.check(options.control)
    except Unfit as error:
        if options["control"]:
            raise
        # That the server runs of which one asks is told by its port and its database.
        return [] if isinstance(error, control.InUse) else [control.not_open(error.sentence)]
    return ()


def _look_at_theirs(options: Options, found: Findings) -> None:
    key = options["private-key"] and Path(options["private-key"]).absolute()
    files = certificate.find(Path(options["certificate"]).absolute(), key or None)
    right = found.look(lambda: _nothing(certificate.read_chain(files.certificate)))
    # The key is looked at whatever is wrong with the certificate.
    if found.look(lambda: _nothing(certificate.read_key(files.key))) and right:
        found.look(lambda: _judged(files))


def _look_at_ours(options: Options, found: Findings) -> None:
    directory = options.below_data("")

    def look() -> Sequence[Sentence]:
        try:
            return look_at_it()
        except BadCertificate as error:
            if options.wants_tls:
                raise
            return [listening.not_encrypted(error.sentence)]

    def look_at_it() -> Sequence[Sentence]:
        files = certificate.own(directory)
        if files.certificate.exists():
            return _judged(files)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise certificate.cannot_make(directory, PermissionError(errno.EACCES, ""))
        return _nothing(certificate.read_key(files.key) if files.key.exists() else None)

    found.look(look)


def _host_key(path: Path) -> Sequence[Sentence]:
    try:
        return _nothing(ssh_keys.read(path) if path.exists() else None)
    except OSError as error:
        raise Unfit(about(str(path), say("{reason}.", reason=system_reason(error)))) from None


def _nothing(_: object) -> Sequence[Sentence]:
    """It could be read, and there is nothing to be said of it."""
    return ()


def _judged(files: certificate.Files) -> Sequence[Sentence]:
    now = datetime.now(UTC)
    current, _ = usable(files)
    warning = current.warning(now)
    if warning is not None and not current.is_valid(now):
        raise BadCertificate(warning)
    return () if warning is None else [warning]


def _ports(options: Options) -> Iterator[tuple[Sentence, bool]]:
    """What is wrong with each, and whether it matters; all stay open until the last one is, so that one that is there
    twice shows."""
    reactor = _Doorway()
    try:
        for option in ("--port", "--tls-port", "--ssh-port", "--metrics-port"):
            for port in options[f"{option.removeprefix('--')}s"]:
                if not _is_port(option, port):
                    continue
                for wrong in _port(reactor, option, port):
                    if option == "--tls-port" and not options.wants_tls:
                        yield listening.not_encrypted(wrong), False
                    else:
                        yield wrong, True
    finally:
        reactor.close()


def _is_port(option: str, port: str) -> bool:
    """Whether it is worth a look: what is none has been told."""
    try:
        check_port(option, port)
    except Wrong:
        return False
    return port != NO_PORT and not port.removeprefix("haproxy:").startswith("systemd:")


def _port(reactor: "_Doorway", option: str, port: str) -> Iterator[Sentence]:
    already = list(reactor.ports)
    try:
        listening.listen(reactor, port, Factory())
    except CannotListenError as error:
        yield listening.failure(error, option, already)
    except Unfit as error:
        yield about(f"{option} {port}", error.sentence)


class _Doorway(Clock):
    """As much of a reactor as it takes to open ports, at which nobody is let in, and to close them."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[tcp.Port] = []

    def listenTCP(self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = "") -> tcp.Port:
        """(IReactorTCP) At once."""
        opened = tcp.Port(port, factory, backlog, interface, self)
        opened.startListening()
        self.ports.append(opened)
        return opened

    def listenUNIX(
        self, address: str, factory: IProtocolFactory, backlog: int = 50, mode: int = 0o666, wantPID: bool = False
    ) -> None:
        """(IReactorUNIX) It would make a file: only where that can be is looked at."""
        directory = Path(address).absolute().parent
        if not os.access(directory, os.W_OK | os.X_OK):
            number = errno.EACCES if directory.is_dir() else errno.ENOENT
            raise CannotListenError(None, address, OSError(number, os.strerror(number)))

    def addReader(self, reader: object) -> None:
        """(IReactorFDSet) Nobody is let in."""

    def close(self) -> None:
        """Close all of them."""
        for port in self.ports:
            port.socket.close()
