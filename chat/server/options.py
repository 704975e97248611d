"""The options of `twistd chat`: what the operator can choose; a bad value is answered with what would be right.

The file of `--config` becomes words in front of those of the command line, so that these win; see `Options.again` for
how both are read anew.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from chat.base import addresses, limits, names
from chat.base.bans import parse_ban
from chat.base.command_line import CommandLine, Wrong, language_of
from chat.base.errors import Refused, Unfit, about
from chat.base.language import Language, Sentence, say
from chat.base.passwords import Shared
from chat.base.patterns import pattern
from chat.base.reasons import system_reason
from chat.base.sizes import parse_size
from chat.base.text import visible
from chat.doors import control
from chat.server import config, first_word, presets
from chat.server.option_help import CLIENTS_MOST, GRACE_MOST, GROUPS, LONG
from chat.server.presets import PRESETS
from chat.store.address import is_address, shown
from chat.store.keep import parse_keep
from chat.wire import grammar
from chat.wire.join_hints import DEFAULT_PORT, DEFAULT_TLS_PORT

MEMORY = "memory:"
"""The database that is none."""

NO_PORT = "none"
"""The port that is none: it opens nothing."""

_FOR_OTHERS = 0o006

_DOMAIN = pattern(r"([A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?\.?)+")

_NODE = pattern(r"[A-Za-z0-9.-]{1,32}")

NO_CONTROL = "none"
"""The control socket that is none."""

_NOT_A_PORT = "0"
"""Where one was meant, and is wrong."""


def _number(option: str, least: int, most: int) -> Any:
    """A coercion for an option; what is not a whole number of this range is answered with what would be right."""

    def coerce(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and least <= int(value) <= most):
            right = say("a whole number from {least} to {most} would be right.", least=least, most=most)
            raise Wrong(f"--{option} {value}", right)
        return int(value)

    return coerce


class Options(CommandLine):
    """What the operator can choose; nothing has to be."""

    program = "chat"
    command = "twistd chat"
    """Another one where the process was started in another way."""
    longdesc, groups = LONG, GROUPS

    optFlags: ClassVar[list[list[Any]]] = [
        ["discoverable"],
        ["skip-damaged"],
        ["registered-only"],
        ["shared-computers"],
        ["log-json"],
        ["log-connections"],
    ]
    optParameters: ClassVar[list[list[Any]]] = [
        ["name", None, None],
        ["motd", None, None],
        ["web", None, "on"],
        ["language", None, "en"],
        ["certificate", None, None],
        ["private-key", None, None],
        ["data", None, None],
        ["control", None, None],
        ["database", None, "chat.sqlite3"],
        ["node", None, None],
        ["sync", None, "full"],
        ["keep", None, "all"],
        ["min-free", None, None],
        ["backup-to", None, None],
        ["history", None, limits.HISTORY_DEFAULT, None, _number("history", 0, limits.HISTORY_MOST)],
        ["grace", None, int(limits.GRACE_SECONDS), None, _number("grace", 0, GRACE_MOST)],
        ["rate", None, limits.RATE],
        ["password-file", None, None],
        ["max-clients", None, 0, None, _number("max-clients", 0, CLIENTS_MOST)],
        ["max-per-host", None, limits.MAX_PER_HOST, None, _number("max-per-host", 0, CLIENTS_MOST)],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["ports"] = []
        self["tls-ports"] = []
        self["ssh-ports"] = []
        self["metrics-ports"] = []
        self.wants_tls = False
        """An encrypted port was asked for: where it cannot be opened, nothing is."""
        self.named = False
        """It was chosen what the server is called."""
        self["unrecorded"] = frozenset()
        self["bans"] = frozenset()
        self["proxy"] = frozenset()
        self["web-name"] = frozenset()
        self["address"] = []
        self["public-log"] = frozenset()
        self["reserved"] = frozenset()
        self["for"] = None
        self["config"] = None
        self["password"] = None
        self._words: Sequence[str] = ()
        self._directory = Path.cwd()
        self._whole = True

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """(usage.Options) Read the words of the command line; the first that is wrong ends the process."""
        try:
            self.read(sys.argv[1:] if options is None else options)
            self._check_pidfile()
        except Unfit as error:
            give_up(error.sentence, self.language)

    def read(self, words: Sequence[str]) -> None:
        """Read the words of a command line; raises `Unfit` for the first that is wrong."""
        self._words = list(words)
        self._read()

    def again(self) -> "Options":
        """The same words, read with the files as they are now; raises `Unfit`."""
        options = Options()
        options.parent = self.parent
        options._words, options._directory = self._words, self._directory
        options._read()
        return options

    def _read(self) -> None:
        lines, wrong = self._lines()
        if wrong:
            raise Unfit(wrong[0])
        words = [*(line.word for _, line in lines), *self._words]
        try:
            super().parseOptions([*self._preset(words), *words])
        except Wrong as error:
            raise Unfit(self._located(error, lines)) from None

    def read_all(self, words: Sequence[str]) -> Sequence[Sentence]:
        """Read the words of the command line; returns all that is wrong with them and the files they name.

        What is right counts, so that it can be looked at further.
        """
        self._words = list(words)
        lines, wrong = self._lines()
        given = [*([line.word] for _, line in lines), *self.apart(self._words)]
        preset = self._preset([word for words in given for word in words])
        for part in [*([word] for word in preset), *given]:
            try:
                self._take(part)
            except Wrong as error:
                wrong.append(self._located(error, lines))
                option, _ = self.meant(part)
                if option in ("--port", "--tls-port", "--ssh-port", "--metrics-port"):
                    # One is meant: that there is none of its kind would be wrong to say.
                    self[f"{option.removeprefix('--')}s"].append(_NOT_A_PORT)
        for check in self._checks():
            try:
                check()
            except Wrong as error:
                wrong.append(self._located(error, lines))
        return [sentence for number, sentence in enumerate(wrong) if sentence not in wrong[:number]]

    def _preset(self, words: Sequence[str]) -> list[str]:
        """What the last --for among these words stands for, as words."""
        uses = [use for option, use in map(self.meant, self.apart(words)) if option == "--for"]
        values = PRESETS.get(uses[-1], {}) if uses else {}
        return [f"--{name}={value}" for name, value in values.items()]

    def _lines(self) -> tuple[list[tuple[Path, config.OptionLine]], list[Sentence]]:
        """The lines of the files that are options, and what is wrong with others; their language is taken."""
        lines: list[tuple[Path, config.OptionLine]] = []
        wrong: list[Sentence] = []
        for path in self._files():
            right, others = config.read(path, self._known())
            lines += [(path, line) for line in right]
            wrong += others
        self.speak([*(line.word for _, line in lines), *self._words])
        return lines, wrong

    def _located(self, error: Wrong, lines: Sequence[tuple[Path, config.OptionLine]]) -> Sentence:
        """What is wrong, with the line of a file that it is about, if it is about one."""
        for path, line in lines:
            if self._wrong_with(line) == error.sentence:
                return config.in_line(path, line.number, about(error.what.removeprefix("--"), error.reason))
        return error.sentence

    def _take(self, words: Sequence[str]) -> None:
        """Some of the words; what depends on others is not looked at."""
        self._whole = False
        try:
            super().parseOptions(words)
        finally:
            self._whole = True

    def _known(self) -> set[str]:
        """What may stand in a file."""
        return set(self.longOpt) - {"config=", "help", "version"}

    def _files(self) -> list[Path]:
        """The files that the command line names; what is wrong with it otherwise is told later."""
        chosen = map(self.meant, self.apart(self._words))
        return [self._directory / path for option, path in chosen if option == "--config"]

    def _wrong_with(self, line: config.OptionLine) -> Sentence | None:
        """What would be said of this line alone."""
        alone = Options()
        alone.parent, alone._directory = self.parent, self._directory
        try:
            super(Options, alone).parseOptions([line.word])
        except Wrong as error:
            return error.sentence
        return None

    def parseArgs(self, *words: str) -> None:
        """(usage.Options) What stands behind the options."""
        if words:
            example = f"--port {DEFAULT_PORT}"
            raise Wrong(words[0], say("options begin with two dashes, as in {example}.", example=example))

    def opt_port(self, port: str) -> None:
        """(usage.Options)"""
        self["ports"].append(check_port("--port", port))

    def opt_tls_port(self, port: str) -> None:
        """(usage.Options)"""
        self["tls-ports"].append(check_port("--tls-port", port))

    def opt_ssh_port(self, port: str) -> None:
        """(usage.Options)"""
        self["ssh-ports"].append(check_port("--ssh-port", port))

    def opt_metrics_port(self, port: str) -> None:
        """(usage.Options) A number is one of this machine alone: what is there is nobody else's business."""
        check_port("--metrics-port", port)
        self["metrics-ports"].append(f"tcp:{port}:interface=127.0.0.1" if port.isdecimal() else port)

    def opt_for(self, use: str) -> None:
        """(usage.Options) Its values are taken before: see `_preset`."""
        if use not in PRESETS:
            raise Wrong(f"--for {use}", say("choose one of {uses}.", uses=" ".join(PRESETS)))
        self["for"] = use

    def opt_config(self, path: str) -> None:
        """(usage.Options)"""
        self["config"] = path

    def opt_ban(self, network: str) -> None:
        """(usage.Options)"""
        with _of(f"--ban {network}"):
            self["bans"] |= {parse_ban(network)}

    def opt_proxy(self, network: str) -> None:
        """(usage.Options)"""
        with _of(f"--proxy {network}"):
            self["proxy"] |= {parse_ban(network)}

    def opt_web_name(self, name: str) -> None:
        """(usage.Options)"""
        if not _DOMAIN.fullmatch(name):
            raise Wrong(f"--web-name {name}", say("a name such as chat.example.org would be right."))
        self["web-name"] |= {name.lower().removesuffix(".")}

    def opt_address(self, address: str) -> None:
        """(usage.Options)"""
        if (found := addresses.normal(address)) is None:
            raise Wrong(
                f"--address {visible(address)}",
                say("https://HOST/ for browsers, or tls://HOST for chat-client, would be right."),
            )
        self["address"] = list(dict.fromkeys([*self["address"], found]))
        if len(self["address"]) > limits.ADDRESSES:
            raise Wrong("--address", say("{limit} are the most.", limit=limits.ADDRESSES))

    def opt_public_log(self, room: str) -> None:
        """(usage.Options)"""
        with _of(f"--public-log {room}"):
            self["public-log"] |= {names.check_room(room)}

    def opt_reserved(self, name: str) -> None:
        """(usage.Options)"""
        with _of(f"--reserved {name}"):
            self["reserved"] |= {names.check_nickname(name)}

    def opt_unrecorded(self, room: str) -> None:
        """(usage.Options)"""
        with _of(f"--unrecorded {room}"):
            self["unrecorded"] |= {names.fold(names.check_room(room))}

    def postOptions(self) -> None:
        """Check what depends on more than one word."""
        if self._whole:
            for check in self._checks():
                check()

    def _checks(self) -> Sequence[Callable[[], None]]:
        """Each raises `Wrong`; a value that is right is made what it means."""
        return (
            self._check_ports,
            self._check_certificate,
            self._check_ssh,
            self._check_metrics,
            self._check_web,
            self._check_rate,
            self._check_sync,
            self._check_keep,
            self._check_min_free,
            partial(self._check_directory, "data"),
            self._check_database,
            self._check_control,
            partial(self._check_directory, "backup-to"),
            self._check_language,
            self._check_motd,
            self._check_password,
            self._check_name,
        )

    def _check_ports(self) -> None:
        self["ports"] = self["ports"] or [str(DEFAULT_PORT)]
        self._check_tls_ports()
        if NO_PORT in self["ports"]:
            if len(self["ports"]) > 1 or not (self["tls-ports"] or self["ssh-ports"]):
                example = f"--port none --tls-port {DEFAULT_TLS_PORT}"
                raise Wrong(
                    "--port none",
                    say("that goes with --tls-port or --ssh-port alone, as in {example}.", example=example),
                )
            self["ports"] = []

    def _check_tls_ports(self) -> None:
        """Without a word there is one beside a port that is a number.  An endpoint may be there to let in few, or to be
        reached by a proxy alone: beside it none is opened to all."""
        ports = self["tls-ports"]
        self.wants_tls = bool(ports or self["certificate"])
        if not ports and any(map(str.isdecimal, self["ports"])) and str(DEFAULT_TLS_PORT) not in self["ports"]:
            self["tls-ports"] = [str(DEFAULT_TLS_PORT)]
        elif NO_PORT in ports:
            if len(ports) > 1:
                raise Wrong("--tls-port none", say("that goes without another --tls-port."))
            self["tls-ports"] = []

    def _check_certificate(self) -> None:
        for option in ("certificate", "private-key"):
            if self[option] and not self["tls-ports"]:
                example = f"--tls-port {DEFAULT_TLS_PORT}"
                raise Wrong(f"--{option}", say("it is for an encrypted port, as in {example}.", example=example))
        if self["private-key"] and not self["certificate"]:
            raise Wrong("--private-key", say("it goes with a --certificate."))

    def _check_ssh(self) -> None:
        if self["ssh-ports"] and find_spec("bcrypt") is None:
            raise Wrong("--ssh-port", say("it needs Conch: pip install 'twisted-chat[ssh]'"))

    def _check_metrics(self) -> None:
        if self["metrics-ports"] and find_spec("prometheus_client") is None:
            raise Wrong("--metrics-port", say("it needs prometheus-client: pip install 'twisted-chat[metrics]'"))

    def _check_web(self) -> None:
        if self["web"] not in ("on", "off"):
            raise Wrong(f"--web {self['web']}", say("choose on or off."))

    def _check_rate(self) -> None:
        try:
            self["rate"] = float(self["rate"])
        except ValueError:
            self["rate"] = -1.0
        if not 0 <= self["rate"] < 1e6:
            raise Wrong("--rate", say("a number of lines a second, such as 2 or 0.5; 0 is no limit."))

    def _check_sync(self) -> None:
        if self["sync"] not in ("full", "normal"):
            raise Wrong(f"--sync {self['sync']}", say("choose full or normal."))

    def _check_keep(self) -> None:
        with _of(f"--keep {self['keep']}"):
            self["keep"] = parse_keep(self["keep"])

    def _check_min_free(self) -> None:
        text = self["min-free"]
        if text is not None:
            self["min-free"] = 0 if text == "0" else parse_size(text)
            if self["min-free"] is None:
                raise Wrong(f"--min-free {text}", say("a size, such as 500MB or 1GB; 0 is none."))

    def _check_directory(self, option: str) -> None:
        if self[option] == "" and option == "data":
            raise Wrong("--data", say("a directory would be right."))
        if self[option] and not self.below_data("" if option == "data" else self[option]).is_dir():
            raise Wrong(f"--{option} {self[option]}", say("there is no such directory."))

    def _check_database(self) -> None:
        if self["database"] == "":
            raise Wrong("--database", say("a file, or {memory} would be right.", memory=MEMORY))
        if self["node"] is not None:
            if not is_address(self["database"]):
                raise Wrong("--node", say("that goes with a --database of PostgreSQL, which several servers use."))
            if not _NODE.fullmatch(self["node"]):
                raise Wrong(
                    f"--node {visible(self['node'])}",
                    say("letters, digits, dots and dashes would be right, 32 at most."),
                )
        if self["address"] and self["node"] is None:
            raise Wrong("--address", say("that goes with --node: it is for people of other nodes."))
        if is_address(self["database"]):
            check_extra(f"--database {shown(self['database'])}")
            given = {
                "min-free": self["min-free"] is not None,
                "skip-damaged": self["skip-damaged"],
                "sync": self["sync"] != "full",
            }
            for option in filter(given.get, given):
                raise Wrong(f"--{option}", say("that is for a database that is a file."))

    def _check_control(self) -> None:
        if self["control"] == "":
            raise Wrong("--control", say("a file, or {none} would be right.", none=NO_CONTROL))

    @property
    def control(self) -> Path | None:
        """Where the control socket is to be, if there is to be one."""
        if self["control"] == NO_CONTROL:
            return None
        return self.below_data(self["control"] or control.NAME)

    def _check_language(self) -> None:
        self.language = language_of(self["language"])

    def _check_motd(self) -> None:
        self["motd-file"] = self._directory / self["motd"] if self["motd"] else None
        self["motd"] = read_motd(self["motd-file"]) if self["motd-file"] else ()

    def _check_password(self) -> None:
        path = self["password-file"]
        if path is None and presets.beside(self).asks_for_word and self.word.exists():
            path = self["password-file"] = str(self.word)
        self["password"] = None if path is None else read_password(self._directory / path)

    @property
    def word(self) -> Path:
        """Where the password stands that was asked for, if it was."""
        return self.below_data(first_word.NAME)

    def ask_for_word(self) -> list[Sentence]:
        """Where a use wants a password and there is none, ask for one; returns what the start says, raises `Unfit`."""
        if self["password"] is not None or not presets.beside(self).asks_for_word:
            return []
        first = self["database"] == MEMORY or not (
            is_address(self["database"]) or self.below_data(self["database"]).exists()
        )
        return first_word.ask(self.word, first, self.language, self._take_word)

    def _take_word(self) -> None:
        try:
            self._check_password()
        except Wrong as error:
            self["password-file"] = None
            raise Unfit(error.reason) from None

    def password_notes(self) -> list[Sentence]:
        """What is to be known of the file with the server's password."""
        if self["password"] is None:
            return []
        path = self._directory / self["password-file"]
        try:
            everybodys = path.stat().st_mode & _FOR_OTHERS
        except OSError:
            return []
        if not everybodys:
            return []
        return [
            say(
                "Everybody on this machine may open {path}, with the chat's password; {command} would be right.",
                path=path,
                command=f"chmod 600 {path}",
            )
        ]

    def _check_name(self) -> None:
        self.named = bool(self["name"])
        self["name"] = visible(self["name"] or socket.gethostname())

    def _check_pidfile(self) -> None:
        """`twistd` looks too, later, and says it in five lines of English; what else is wrong there it tells."""
        twistd: Mapping[str, Any] = self.parent or {}
        path = twistd.get("pidfile") or ""
        try:
            pid = int(Path(path).read_text("ascii")) if path else 0
            if pid > 0:
                os.kill(pid, 0)
        except (OSError, ValueError):
            return
        if pid > 0:
            raise Unfit(
                say(
                    "A server runs here already: process {pid}, says {path}. Stop it with  kill {pid}  or start in "
                    "another directory; if that process is another program, remove the file.",
                    pid=pid,
                    path=os.path.abspath(path),
                )
            )

    def check_backups(self) -> None:
        """The directory of copies has to be writable to whoever runs; raises `Wrong`."""
        if self["backup-to"]:
            path = self.below_data(self["backup-to"])
            if not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
                raise Wrong(f"--backup-to {path}", say("no copy can be written there."))

    def below_data(self, path: str) -> Path:
        """Where a file of the server's own is: a path that is not absolute is one in the directory of its data."""
        twistd: Mapping[str, Any] = self.parent or {}
        # systemd may name several, with colons between them.
        data = self["data"] or os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        return (self._directory / (twistd.get("rundir") or ".") / data / path).absolute()


@contextmanager
def _of(what: str) -> Iterator[None]:
    """What a value cannot be is said of the option, as it was written."""
    try:
        yield
    except (Refused, Unfit) as error:
        raise Wrong(what, error.sentence) from None


def check_extra(what: str) -> None:
    """A database of PostgreSQL needs what not everybody has; raises `Wrong`."""
    if find_spec("psycopg") is None:
        raise Wrong(what, say("it needs psycopg: pip install 'twisted-chat[postgres]'"))


def check_port(option: str, port: str) -> str:
    """A port as it was given; raises `Wrong` for a number that is none, and for TLS where it is not expected."""
    if port.isdecimal() and not 0 < int(port) < 65536:
        raise Wrong(f"{option} {port}", say("a port is a number from 1 to 65535."))
    if port.removeprefix("haproxy:").startswith(("ssl:", "tls:")):
        example = f"--tls-port tcp:{DEFAULT_TLS_PORT}"
        raise Wrong(f"{option} {port}", say("for TLS there is another option, as in {example}.", example=example))
    return port


def read_motd(path: Path) -> tuple[str, ...]:
    """The message of the day, as it may be shown; raises `Wrong` where it may not, or cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Wrong(f"--motd {path}", say("{reason}.", reason=system_reason(error))) from None
    except UnicodeDecodeError as error:
        raise Wrong("--motd", config.not_utf_8(path, error)) from None
    lines = text.rstrip("\n").split("\n")
    if len(lines) > limits.MOTD_LINES:
        count = say("{count} lines, the limit is {limit}.", count=len(lines), limit=limits.MOTD_LINES)
        raise Wrong(f"--motd {path}", count)
    return tuple(map(visible, lines))


def read_password(path: Path) -> Shared:
    """The password of the whole server, the one line of a file; raises `Wrong`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Wrong(f"--password-file {path}", say("{reason}.", reason=system_reason(error))) from None
    except UnicodeDecodeError as error:
        raise Wrong("--password-file", config.not_utf_8(path, error)) from None
    password = text.strip()
    if not password or "\n" in password:
        raise Wrong(f"--password-file {path}", say("one line with the password would be right."))
    if grammar.command_in(password) is not None:
        raise Wrong(f"--password-file {path}", say("what begins with a slash is a command: choose another password."))
    with _of(f"--password-file {path}"):
        return Shared(password)


def give_up(reason: Sentence, words: Language) -> NoReturn:
    """End with one line: for a `UsageError` twistd prints all its help, and from `makeService` a traceback."""
    raise SystemExit(f"{Options.command}: {words.words(reason)}") from None
