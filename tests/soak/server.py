"""The server under load: a real `twistd chat`, whose memory, files and objects can be counted."""

import asyncio
import json
import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent
MEGABYTE = 2**20

# SIGRTMIN, which the server itself leaves alone, has it count its objects by type, after a collection, into a file.
_COUNTING = """
import gc, json, os, signal
from collections import Counter

def count(*_):
    gc.collect()
    counts = Counter(type(thing).__name__ for thing in gc.get_objects())
    with open("objects.new", "w") as file:
        json.dump(counts, file)
    os.replace("objects.new", "objects")

signal.signal(signal.SIGRTMIN, count)
from twisted.scripts.twistd import run
run()
"""


class Server:
    """One server in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.port = 0
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str) -> None:
        """Begin, and wait until people can come."""
        command = [sys.executable, "-c", _COUNTING, "-n", "--pidfile=", "chat", "--port", "tcp:0:interface=127.0.0.1"]
        with (self._directory / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, *options, cwd=self._directory, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "PYTHONPATH": str(CHECKOUT), "LC_ALL": "C.UTF-8"},
            )  # fmt: skip
        async with asyncio.timeout(30):
            while not (found := re.search(r"open on 127\.0\.0\.1:(\d+)", self.said)):
                assert self._process.returncode is None, self.said
                await asyncio.sleep(0.05)
        self.port = int(found[1])

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def said(self) -> str:
        """All that it printed."""
        return (self._directory / "log").read_text("utf-8", "replace")

    def megabytes(self) -> float:
        """The memory that it has now."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1]) / 1024

    def cpu_seconds(self) -> float:
        """The time that it has computed."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def files(self) -> int:
        """Its open file descriptors."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    async def objects(self) -> dict[str, int]:
        """How many objects of each type it has."""
        path = self._directory / "objects"
        path.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGRTMIN)
        async with asyncio.timeout(30):
            while not path.exists():
                await asyncio.sleep(0.05)
        counts: dict[str, int] = json.loads(path.read_text())
        return counts

    async def close(self) -> None:
        """End it."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(15):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
