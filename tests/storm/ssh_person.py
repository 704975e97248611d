"""Somebody with `ssh -T` and a key, which is their way back; only what befalls the servers cuts their line."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.storm.client import LOBBY
from tests.storm.company import Company
from tests.storm.person import Person
from tests.storm.proxy import Place
from tests.storm.record import TOKEN

_OPTIONS = (
    "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "LogLevel=ERROR",
    "ConnectTimeout=3", "ServerAliveInterval=1", "ServerAliveCountMax=3",
)  # fmt: skip


class SshPerson(Person):
    """One who talks and listens as the others of the plain wire; their key is made in this directory."""

    def __init__(
        self,
        name: str,
        places: Sequence[Place],
        rooms: Sequence[str],
        random: Random,
        company: Company,
        directory: Path,
    ) -> None:
        super().__init__(name, places, rooms, random, company)
        self._key = directory / name
        self._has_come = False
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Connect again and again."""
        made = await asyncio.create_subprocess_exec("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._key)
        await made.wait()
        await super().run()

    def stop(self) -> None:
        """It is over."""
        super().stop()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _connection(self) -> None:
        host, port = self._random.choice(self._places)
        where = ("-p", str(port), f"{self.record.name}@{host}")
        options = [word for option in _OPTIONS for word in ("-o", option)]
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        self._process = process = await asyncio.create_subprocess_exec(
            "ssh", "-T", "-i", self._key, *options, *where, stdin=pipe, stdout=pipe, stderr=nothing
        )
        self._rest, self._is_in = b"", False
        self.record.note("connected", (host, port))
        talking = asyncio.create_task(self._talk(process))
        try:
            assert process.stdout is not None
            while data := await process.stdout.read(65536):
                self._received(data)
        finally:
            talking.cancel()
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            if self._is_in:
                self.record.note("cut")
                self._company.tally["cuts by ssh"] += 1

    async def _talk(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        while not self._stopped:
            await asyncio.sleep(self._random.uniform(0.1, 0.5))
            if self._is_in and not self.calm and self._random.random() < 0.1:
                process.stdin.write(self._something())

    def _type(self, *lines: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self.record.note("sends", lines)
        self._process.stdin.write("".join(f"{line}\n" for line in lines).encode())

    def _shown(self, line: bytes) -> None:
        text = line.decode()
        if TOKEN.search(text) and not text.startswith(("!", "-")):
            super()._shown(line)
            return
        self.record.note("shown", text)
        if text.startswith("-> Type a nickname"):
            if self._has_come:
                self._is_gone()
                raise ConnectionError("would come as somebody new")
            self._type(self.nick)
        elif text.startswith(("-> Hello ", "-> Welcome back ")):
            self._has_come = self._is_in = True
            self._company.nicks[self.record.name] = self.nick
            self.heard.rooms.setdefault(LOBBY, len(self.heard.shown))
            self._type(*(f"/join {room}" for room in self._rooms if room not in self.heard.rooms))
        elif text.startswith(("! not-stored", "! slow-down")) and not self._is_in:
            raise ConnectionError("comes again later")
        elif text.startswith(("! nick-taken", "! nick-alike")):
            self._rename()
        elif room := re.match(r"-> You speak in (#\w+) now", text):
            self.heard.rooms.setdefault(room[1], len(self.heard.shown))
