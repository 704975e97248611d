"""The process that is killed: a real `twistd chat` in a directory of its own, always on the same port."""

import asyncio
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from tests.storm.link import Wire
from tests.storm.network import Machine
from tests.storm.proxy import Place
from tests.support.ports import held_port

CHECKOUT = Path(__file__).parent.parent.parent
START_SECONDS = 30.0
STOP_SECONDS = 20.0
HAS_SSH = bool(shutil.which("ssh") and find_spec("bcrypt"))
"""There is a program to come with, and the extra that lets it in."""


class Broken(Exception):
    """The server ended by itself, does not listen, or does not answer what it must; the text says more."""


class Server:
    """One server and its successors on the same files; what they print and log is in `said`."""

    def __init__(
        self,
        directory: Path,
        *options: str,
        commit_seconds: float = 0.0,
        lease_seconds: float = 0.0,
        machine: Machine | None = None,
    ) -> None:
        self.directory = directory
        self.machine = machine
        self.host = "127.0.0.1" if machine is None else machine.address
        self._holders = [held_port(), held_port(), held_port()]
        self._port, self._tls_port, self._ssh_port = (holder.getsockname()[1] for holder in self._holders)
        self.started_at = 0.0
        self._process: asyncio.subprocess.Process | None = None
        listen = ["--port", f"tcp:{self._port}:interface={self.host}", "--rate", "0", "--max-per-host", "0"]
        listen += ["--tls-port", f"tcp:{self._tls_port}:interface={self.host}"]
        if HAS_SSH:
            listen += ["--ssh-port", f"tcp:{self._ssh_port}:interface={self.host}"]
        twistd = [str(Path(sys.executable).with_name("twistd"))]
        if commit_seconds or lease_seconds:
            twistd = [sys.executable, "-m", "tests.storm.program", str(commit_seconds), str(lease_seconds)]
        within = () if machine is None else machine.within
        self._command = [*within, *twistd, "-n", "--pidfile=", "-l", "log", "chat", *listen, *options]

    async def start(self) -> None:
        """Have it begin to start."""
        self.started_at = time.monotonic()
        with (self.directory / "output").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=self.directory,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONPATH": str(CHECKOUT), "LC_ALL": "C.UTF-8"},
            )

    async def listening(self) -> None:
        """Wait until it lets people in; raises Broken if it will not."""
        try:
            async with asyncio.timeout(START_SECONDS):
                while True:
                    self.check_alive()
                    with suppress(OSError):
                        _, writer = await asyncio.open_connection(self.host, self._port)
                        writer.close()
                        return
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise Broken(f"it does not listen after {START_SECONDS:g} s") from None

    async def answering(self) -> None:
        """The same until it answers: it listens before it has its database."""
        await self.listening()
        try:
            async with asyncio.timeout(START_SECONDS):
                reader, writer = await asyncio.open_connection(self.host, self._port)
                writer.write(b"/json\n")
                while b"hello" not in (line := await reader.readline()):
                    if not line:
                        raise ConnectionError("it ended")
                writer.close()
        except (OSError, TimeoutError):
            self.check_alive()
            raise Broken(f"it does not answer after {START_SECONDS:g} s") from None

    def check_alive(self) -> None:
        """Raises Broken where it has ended by itself, or logged an error."""
        assert self._process is not None
        if self._process.returncode is not None:
            printed = (self.directory / "output").read_text("utf-8", "replace")
            raise Broken(f"it ended with status {self._process.returncode}: {printed[-500:]} {self.said[-1500:]}")
        if "Traceback" in (said := self.said):
            raise Broken(f"it logged {said[said.index('Traceback') :][:2000]}")

    def send(self, how: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(how)

    async def ended(self) -> None:
        """Wait until it is gone; raises TimeoutError if that takes too long."""
        assert self._process is not None
        async with asyncio.timeout(STOP_SECONDS):
            await self._process.wait()

    async def close(self) -> None:
        """End it, however."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        for holder in self._holders:
            holder.close()

    def place_of(self, wire: Wire | Literal["ssh"]) -> Place:
        """Where clients come in by this wire."""
        return self.host, {"tls": self._tls_port, "ssh": self._ssh_port}.get(wire, self._port)

    @property
    def said(self) -> str:
        """All that it printed and logged."""
        files = [self.directory / "output", *sorted(self.directory.glob("log*"))]
        return "".join(file.read_text("utf-8", "replace") for file in files if file.exists())
