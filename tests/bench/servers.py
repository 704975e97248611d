"""The servers that are measured: how each is started on a loopback port, and what the kernel says that it used.

Every measurement gets a fresh process in a temporary directory of its own. All limits against floods and on connections
are open: people of one address who never stop talking are what a benchmark is. A server that is not installed raises
Missing.
"""

import compileall
import functools
import os
import pwd
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from chat.base.limits import BACKLOG
from tests.bench.native import HERE, Missing, compiled
from tests.support import certificates

ROOT = HERE.parent.parent
MEMORY = "memory:"
DATABASE = "chat.sqlite3"
START_SECONDS = 20.0  # a server that does not listen by then is broken


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Missing(f"{name} is not installed")
    return found


@functools.cache
def _bytecode(root: Path) -> None:
    """Compile our modules as pip does where it installs them: from a checkout where Python may not write that, each
    start would."""
    for package in ("chat", "twisted"):
        compileall.compile_dir(root / package, quiet=2)


def _twistd() -> str:
    twistd = Path(sys.executable).parent / "twistd"
    if not twistd.exists():
        raise Missing(f"no twistd beside {sys.executable}")
    return str(twistd)


Command = Callable[[Path, int, bool], list[str]]
"""For a directory, where it writes its configuration, and a port, with TLS or not."""


def _certificate(directory: Path) -> str:
    """A file with one and its key."""
    return str(certificates.make("localhost").write(directory / "shown.pem"))


def _chat(database: str, sync: str = "full", root: Path = ROOT) -> Command:
    def command(directory: Path, port: int, sealed: bool) -> list[str]:
        _bytecode(root)
        store = ["--database", database, "--sync", sync]
        listen = ["--tls-port" if sealed else "--port", f"tcp:{port}:interface=127.0.0.1:backlog={BACKLOG}"]
        listen += [*(["--port", "none"] if sealed else []), "--rate", "0", "--max-per-host", "0"]
        return [_twistd(), "-n", "--pidfile=", "-l", str(directory / "twistd.log"), "chat", *listen, *store]

    return command


def _forwarder(directory: Path, port: int, sealed: bool) -> list[str]:
    listen = ["--port", f"tcp:{port}:interface=127.0.0.1", "--host", "127.0.0.1", "--dest_port", "1"]
    return [_twistd(), "-n", "--pidfile=", "-l", str(directory / "twistd.log"), "portforward", *listen]


def _naive(directory: Path, port: int, sealed: bool) -> list[str]:
    return [sys.executable, str(HERE / "naive.py"), str(port), *([_certificate(directory)] if sealed else [])]


def _limit(directory: Path, port: int, sealed: bool) -> list[str]:
    return [str(compiled("fanout", sealed=sealed)), str(port), *([_certificate(directory)] if sealed else [])]


def _ngircd(directory: Path, port: int, sealed: bool) -> list[str]:
    program, config = _program("ngircd"), directory / "ngircd.conf"
    ports = f"Ports = {port}"
    if sealed:  # those without TLS it opens all the same
        shown = _certificate(directory)
        ports, sealed_ports = f"Ports = {_free_port()}", f"[SSL]\n{ports}\nCertFile = {shown}\nKeyFile = {shown}\n"
    config.write_text(f"""[Global]
Name = bench.invalid
Info = benchmark
Listen = 127.0.0.1
{ports}
MotdPhrase = benchmark
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 600
[Options]
DNS = no
Ident = no
PAM = no
{sealed_ports if sealed else ""}""")
    return [program, "--nodaemon", "--config", str(config)]


def _at_once(command: Command) -> Command:
    """The same server, whose connections do not wait for one packet to be acknowledged before they send the next."""
    return lambda *how: ["env", f"LD_PRELOAD={compiled('nodelay', library=True)}", *command(*how)]


def _inspircd(directory: Path, port: int, sealed: bool) -> list[str]:
    program, config = _program("inspircd"), directory / "inspircd.conf"
    config.write_text(f"""<server name="bench.invalid" description="benchmark" network="Benchmark" id="001">
<admin name="benchmark" nick="benchmark" email="benchmark@bench.invalid">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect allow="*" timeout="60" pingfreq="600" resolvehostnames="no" useident="no" fakelag="no"
         commandrate="1000000000" threshold="1000000" recvq="1000000000" softsendq="1000000000"
         hardsendq="1000000000" localmax="30000" globalmax="30000" maxconnwarn="no" maxchans="100">
<performance softlimit="30000" somaxconn="1024" quietbursts="yes" netbuffersize="65534">
<path datadir="{directory}" logdir="{directory}" runtimedir="{directory}">
""")
    return [program, "--nofork", "--nopid", "--nolog", "--config", str(config)]


_WAKE_UPS = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)


class Broken(Exception):
    """A workload could not be carried out: the server does not start or lets nobody in, or the generator ended."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A server one can choose to measure."""

    wires: tuple[str, ...]  # what its people speak, in turn: see load.c
    command: Command
    about: str
    backlog: int = BACKLOG  # connections opened before one is accepted; a full listen queue costs a second's retry
    chats: bool = True  # else only its start can be measured
    rooms: bool = True  # has rooms and private messages, not only one room
    gathers: float = 0.0  # seconds until comings and goings were told to everyone
    seals: bool = True  # may be had with TLS
    root: Path = ROOT  # from where it imports
    as_nobody: bool = False  # it does not like to be run by root

    @property
    def irc(self) -> bool:
        """All of its people are on IRC."""
        return all(wire.startswith("irc") for wire in self.wires)


PLAIN, IRC = ("plain",), ("irc",)
WEECHAT = "account-notify away-notify extended-join invite-notify message-tags multi-prefix server-time setname"
WEECHATS = "irc:" + WEECHAT.replace(" ", ":")
HALF = ("plain", "irc", "plain", WEECHATS)
ALL = ("plain", "json", WEECHATS, "web")

KINDS = {
    "chat": Kind(PLAIN, _chat(MEMORY), "our server, the store in memory", gathers=31.0),
    "durable": Kind(PLAIN, _chat(DATABASE), "our server, the default store on disk", gathers=31.0),
    "normal": Kind(PLAIN, _chat(DATABASE, "normal"), "the same with --sync normal", gathers=31.0),
    "irc": Kind(IRC, _chat(MEMORY), "our server over IRC, the store in memory", gathers=31.0),
    "half": Kind(
        HALF, _chat(MEMORY), "the same, half of its people on IRC with two sets of capabilities", gathers=31.0
    ),
    "wires": Kind(ALL, _chat(MEMORY), "the same, its people with netcat, programs, IRC and pages", gathers=31.0),
    "limit": Kind(PLAIN, _limit, "fanout.c: epoll, one chunk a turn, nothing else", rooms=False),
    "naive": Kind(PLAIN, _naive, "naive.py: Twisted, a write for each recipient and line", rooms=False),
    "twistd": Kind(
        PLAIN, _forwarder, "twistd's own port forwarder, for `start`: a service of nothing", chats=False, seals=False
    ),
    "ngircd": Kind(IRC, _ngircd, "ngIRCd over IRC", backlog=8, as_nobody=True),
    "ngircd-at-once": Kind(IRC, _at_once(_ngircd), "ngIRCd with TCP_NODELAY (nodelay.c)", backlog=8, as_nobody=True),
    "inspircd": Kind(IRC, _inspircd, "InspIRCd over IRC", backlog=512, seals=False, as_nobody=True),
}


def checkout(root: Path, database: str = DATABASE) -> Kind:
    """Our server as it is in another checkout, with its default store on disk, or as said."""
    if not (root / "chat" / "tap.py").exists():
        raise Missing(f"no checkout of ours in {root}")
    return Kind(PLAIN, _chat(database, root=root), f"our server of {root}", gathers=31.0, root=root)


def cores() -> tuple[int, int] | None:
    """A core for the server and another for the generator, or None where there is only one or it cannot be chosen."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else None


def open_files(count: int) -> None:
    """Let this process and its children have `count` descriptors. Raises Missing where the system forbids it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Missing(f"{count} open files are needed, the limit is {hard} (ulimit -n)")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Server:
    """One running server: a context manager that has it listen, with TLS perhaps and pinned to `core`, and kills it at
    the end.

    `wrapper` is put before the command line (strace); then `pid` is the wrapper's.
    """

    def __init__(
        self, kind: Kind, core: int | None = None, wrapper: list[str] | None = None, sealed: bool = False
    ) -> None:
        self.kind = kind
        self.sealed = sealed
        self.port = _free_port()
        self._directory = tempfile.TemporaryDirectory(prefix="chat-bench-", ignore_cleanup_errors=True)
        directory = Path(self._directory.name)
        command = kind.command(directory, self.port, sealed)
        self.database = directory / DATABASE
        self._output = directory / "output"
        nobody: dict[str, Any] = {}
        if os.geteuid() == 0 and kind.as_nobody:
            account = pwd.getpwnam("nobody")
            nobody = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            shutil.chown(directory, account.pw_uid)
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*(wrapper or []), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=directory,
                env={**os.environ, "PYTHONPATH": str(kind.root)},
                **nobody,
            )
        self.pid = self._process.pid
        if core is not None:
            os.sched_setaffinity(self.pid, {core})

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.01)
        said = self._output.read_text(errors="replace")[-600:]
        self.__exit__()
        raise Broken(f"it does not listen; it said: {said.strip() or 'nothing'}")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._directory.cleanup()

    def cpu(self) -> float:
        """Seconds of CPU, user and kernel, of all its threads; the scheduler counts them in nanoseconds."""
        if self._process.poll() is not None:
            raise Broken("the server ended")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in self._tasks()) / 1e9

    def wake_ups(self) -> int:
        """How often its threads went to sleep, and so woke up, so far."""
        counted = [_WAKE_UPS.search((task / "status").read_text()) for task in self._tasks()]
        return sum(int(found[1]) for found in counted if found)

    def _tasks(self) -> Iterator[Path]:
        return Path(f"/proc/{self.pid}/task").iterdir()

    def _status(self, field: str) -> float:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
        raise Broken("the server ended")

    def memory(self) -> float:
        """Resident MiB now."""
        return self._status("VmRSS:")

    def peak(self) -> float:
        """The most resident MiB since `forget_peak`, or since the start where the kernel does not let us forget."""
        return self._status("VmHWM:")

    def forget_peak(self) -> None:
        with suppress(PermissionError):  # somebody else's process: the peak is then that of its whole life
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until it does nothing any more (under 1 ms of CPU in 100 ms), or `seconds` have passed."""
        deadline = time.monotonic() + seconds
        before = self.cpu()
        while time.monotonic() < deadline:
            time.sleep(0.1)
            now = self.cpu()
            if now - before < 0.001:
                return
            before = now
