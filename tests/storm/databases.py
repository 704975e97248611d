"""The database of several nodes: a primary, and a standby that it waits for by a line that can be cut."""

import asyncio
import os
import sys
from pathlib import Path
from shutil import chown, rmtree
from tempfile import mkdtemp

sys.path.append(str(Path(__file__).parent.parent / "support"))

import psycopg
from postgresql import USER, Server

from tests.storm.database import logs_of
from tests.storm.proxy import Proxy
from tests.storm.record import Event, Fault

NAME = "storm"
_SETTINGS = ("wal_retrieve_retry_interval=200ms", "wal_receiver_timeout=5s", "wal_sender_timeout=5s")
_PATIENCE = 20.0  # seconds until a standby has all


class Databases:
    """Both, which change their parts when the primary is gone."""

    def __init__(self) -> None:
        self._servers: list[Server] = []
        self._relay = Proxy([], "relay")
        self._relay.calm()

    async def start(self) -> None:
        """Have both run; the first one is the primary."""
        for follows in (None, await self._relay.start()):
            await asyncio.to_thread(self._start, follows)
        await self._wait_for_the_standby()

    def _start(self, follows: int | None) -> None:
        # In memory, and where the user may look that it runs as: see `tests.support.postgresql`.
        directory = Path(mkdtemp(prefix="storm-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        if os.geteuid() == 0:
            chown(directory, USER)
        self._servers.append(Server(directory, _SETTINGS, follows))
        if follows is None:
            self.primary.emptied(NAME)
            self._relay.servers = [self.primary.port]

    @property
    def primary(self) -> Server:
        """The one that is written to."""
        return self._servers[0]

    @property
    def address(self) -> str:
        """Of both."""
        return f"postgresql://chat@{','.join(f'127.0.0.1:{server.port}' for server in self._servers)}/{NAME}"

    def cut(self, cut: bool) -> None:
        """The standby hears nothing of the primary any more, or again."""
        self._relay.cut(cut)

    async def fail_over(self, seconds: float) -> None:
        """The primary dies, the standby takes its place; the old one comes back beside it for so long, and follows it
        from then on."""
        old, new = self._servers
        self._relay.cut(True)
        await asyncio.to_thread(old.stop)
        await asyncio.to_thread(new.promote)
        await self._waits_for_a_standby(new, False)
        await asyncio.to_thread(old.start)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(old.stop)
        self._servers.reverse()
        self._relay.servers = [new.port]
        self._relay.cut(False)
        await asyncio.to_thread(old.follow, self._relay.port)
        await self._wait_for_the_standby()

    async def crash(self, seconds: float) -> None:
        """The primary dies, and is started again after so long."""
        await asyncio.to_thread(self.primary.stop)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.primary.start)

    async def disconnect(self) -> None:
        """All who have a connection lose it."""
        ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat'"
        await asyncio.to_thread(self.primary.ask, ends)

    def read(self) -> tuple[dict[str, list[Event]], list[Fault]]:
        """Each room's log, past the servers, and what is wrong with it."""
        faults: list[Fault] = []
        with psycopg.connect(self.primary.address(NAME), options="-c search_path=chat") as connection:
            return logs_of(lambda statement: connection.execute(statement).fetchall(), faults), faults

    async def _wait_for_the_standby(self) -> None:
        await self._waits_for_a_standby(self.primary, True)
        await self.caught_up()

    async def caught_up(self) -> None:
        """Wait until the standby has what the primary has."""
        async with asyncio.timeout(_PATIENCE):
            while await asyncio.to_thread(self.primary.ask, "SELECT sync_state FROM pg_stat_replication") != [
                ("sync",)
            ]:
                await asyncio.sleep(0.05)

    async def _waits_for_a_standby(self, server: Server, waits: bool) -> None:
        """Whether what is committed there is to be on the standby, too; both inherit what the primary has."""
        for statement in (
            "ALTER SYSTEM SET synchronous_standby_names = '*'"
            if waits
            else "ALTER SYSTEM RESET synchronous_standby_names",
            "SELECT pg_reload_conf()",
        ):
            await asyncio.to_thread(server.ask, statement)

    async def close(self) -> None:
        """End both."""
        for server in self._servers:
            await asyncio.to_thread(server.stop)
            server.held.close()
            rmtree(server.directory, ignore_errors=True)
        await self._relay.close()
