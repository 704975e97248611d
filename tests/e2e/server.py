"""`twistd chat` as a process of its own, in a directory of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.ports import held_port

from .waiting import SECONDS, until

CHECKOUT = Path(__file__).parent.parent.parent
TWISTD = Path(sys.executable).with_name("twistd")

_SIZE = ("COLUMNS", "LINES")
"""pytest-xdist gives its workers 80 and 24: a program on a terminal would take that for the size it has."""

# The server runs what is tested, also where another version is installed.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name not in _SIZE},
    "PYTHONPATH": str(CHECKOUT),
    "LC_ALL": "C.UTF-8",
}


class Server:
    """A server in the foreground, on a free port of one address, which stays its successor's until it is closed; what
    it prints goes to the file `log`."""

    def __init__(
        self,
        directory: Path,
        *options: str,
        host: str = "127.0.0.1",
        first: str = "",
        twistd: Sequence[str] = (),
        **limits: float,
    ) -> None:
        """`limits` are names and values that stand for those of `limits`, `first` is what its Python does before
        all else, and `twistd` are options of twistd itself."""
        self.host = host
        self.log = directory / "server.log"
        self._holder = held_port(host)
        port = ("--port", f"tcp:{self._holder.getsockname()[1]}:interface={host}") if "--port" not in options else ()
        program = _with_other(limits, first) if limits or first else [TWISTD]
        command = [*program, "-n", "--pidfile=", *twistd, "chat", *port, *options]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=directory, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        until(self._says_how_to_stop, what="the server says that it runs")
        found = re.search(r"(?:open on .*:|open on port )(\d+)", self.said)
        assert found, self.said
        self.port = int(found[1])

    def _says_how_to_stop(self) -> bool:
        assert self.process.poll() is None, self.said
        return "Ctrl-C stops it." in self.said

    @property
    def said(self) -> str:
        """All that it printed so far."""
        return self.log.read_text("utf-8", "replace")

    @property
    def address(self) -> tuple[str, str]:
        """Host and port, as programs take them."""
        return self.host, str(self.port)

    def memory(self, key: str = "VmRSS") -> int:
        """Bytes of memory, now (VmRSS) or at most so far (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"^{key}:\s+(\d+) kB$", status, re.MULTILINE)
        assert found
        return int(found[1]) * 1024

    def cpu_seconds(self) -> float:
        """The time that it has computed so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def files(self) -> int:
        """How many file descriptors it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = SECONDS) -> int:
        """Ask it to end; returns its status, of a signal as a negative number."""
        self.process.send_signal(how)
        return self.process.wait(seconds)

    def close(self) -> None:
        """End it if it still runs; nothing may have gone wrong in it."""
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.kill()
        no_tracebacks(self.said)

    def kill(self) -> None:
        """End it at once, and let go of its port."""
        self.process.kill()
        self.process.wait()
        self._holder.close()


def _with_other(limits: Mapping[str, float], first: str) -> Sequence[str]:
    """twistd, in a process where something was done first and these limits are others."""
    changes = "".join(f"limits.{name} = {value!r}; " for name, value in limits.items())
    program = f"{first}\nfrom chat.base import limits; {changes}from twisted.scripts.twistd import run; run()"
    return [sys.executable, "-c", program]


def no_tracebacks(log: str) -> None:
    """A log must hold none, nor what Twisted writes of errors that nobody took."""
    for sign in ("Traceback", "Unhandled", "CRITICAL", "Warning"):
        assert sign not in log, log
