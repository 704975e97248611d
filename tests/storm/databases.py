"""The database of several nodes: a primary, and a standby that it waits for by a line that can be cut."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import chown, rmtree
from tempfile import mkdtemp
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "support"))

import psycopg
from postgresql import USER, Server
from wall_clock import WallClock

from tests.storm.database import logs_of
from tests.storm.network import Network, both
from tests.storm.proxy import Proxy
from tests.storm.record import Event, Fault

NAME = "storm"
_SETTINGS = ("wal_retrieve_retry_interval=200ms", "wal_receiver_timeout=5s", "wal_sender_timeout=5s")
Rows = list[Any]
_PATIENCE = 20.0  # seconds until a standby has all


class Databases:
    """Both, which change their parts when the primary is gone; in a network each has a machine of its own."""

    def __init__(self, network: Network | None = None, *, clocks: bool = False) -> None:
        self._servers: list[Server] = []
        self._network = network
        self._clocks: dict[Server, WallClock] | None = {} if clocks else None
        """Each of them has one, which can be set."""
        self._relay = Proxy([], "relay")
        self._relay.calm()

    async def start(self) -> None:
        """Have both run; the first one is the primary."""
        await self._relay.start()
        for _ in range(2):
            await asyncio.to_thread(self._start)
        await self._wait_for_the_standby()

    def _start(self) -> None:
        # In memory, and where the user may look that it runs as: see `tests.support.postgresql`.
        directory = Path(mkdtemp(prefix="storm-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        if os.geteuid() == 0:
            chown(directory, USER)
        follows = self._followed if self._servers else None
        clock = None if self._clocks is None else WallClock(directory / "clock")
        environment = {} if clock is None else clock.environment
        if self._network is None:
            server = Server(directory, _SETTINGS, follows, environment=environment)
        else:
            machine = self._network.machine()
            server = Server(directory, _SETTINGS, follows, machine.address, machine.within, environment)
        self._servers.append(server)
        if clock is not None and self._clocks is not None:
            self._clocks[server] = clock
        if follows is None:
            server.emptied(NAME)
            self._relay.servers = [(server.host, server.port)]

    @property
    def _followed(self) -> tuple[str, int]:
        """Where the standby finds the primary."""
        return self._relay.place if self._network is None else (self.primary.host, self.primary.port)

    @property
    def primary(self) -> Server:
        """The one that is written to."""
        return self._servers[0]

    @property
    def standby(self) -> Server:
        """The other one."""
        return self._servers[1]

    @property
    def hosts(self) -> list[str]:
        """The addresses of both."""
        return [server.host for server in self._servers]

    @property
    def address(self) -> str:
        """Of both."""
        return f"postgresql://chat@{','.join(f'{server.host}:{server.port}' for server in self._servers)}/{NAME}"

    def cut(self, cut: bool) -> None:
        """The standby hears nothing of the primary any more, or again."""
        if self._network is None:
            self._relay.cut(cut)
        else:
            ways = both(self.primary.host, [self.standby.host])
            (self._network.cut if cut else self._network.mend)(ways)

    async def fail_over(self, seconds: float) -> None:
        """The primary dies, the standby takes its place; the old one comes back beside it for so long, and follows it
        from then on."""
        self.cut(True)
        old = self.primary
        await asyncio.to_thread(old.stop)
        await self.promote()
        await asyncio.to_thread(old.start)
        await asyncio.sleep(seconds)
        await self.follow()

    async def promote(self) -> None:
        """The standby takes the place of the primary, and waits for nobody."""
        await asyncio.to_thread(self.standby.promote)
        self._servers.reverse()
        await asyncio.to_thread(self.primary.wait_for_a_standby, False)

    async def follow(self) -> None:
        """What was the primary before follows the new one."""
        await asyncio.to_thread(self.standby.stop)
        self._relay.servers = [(self.primary.host, self.primary.port)]
        self.cut(False)
        await asyncio.to_thread(self.standby.follow, *self._followed)
        await self._wait_for_the_standby()

    async def crash(self, seconds: float) -> None:
        """The primary dies, and is started again after so long."""
        await asyncio.to_thread(self.primary.stop)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.primary.start)

    def set_clock(self, server: Server, step: str) -> None:
        """Its machine's clock on the wall is so far off."""
        assert self._clocks is not None
        self._clocks[server].set(step)

    async def disconnect(self) -> None:
        """All who have a connection lose it."""
        ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat'"
        await asyncio.to_thread(self.primary.ask, ends)

    async def asked_from(self, host: str, seconds: float) -> None:
        """Wait until somebody on this machine has asked the primary something; so long at most, for who never does may
        be what is to be seen."""
        ((now,),) = await asyncio.to_thread(self.primary.ask, "SELECT clock_timestamp()")
        asked = (
            "SELECT FROM pg_stat_activity WHERE application_name = 'chat' AND state = 'idle' "
            f"AND client_addr = '{host}' AND query_start > '{now}'"
        )
        with suppress(TimeoutError):
            await self._until(self.primary, asked, lambda rows: bool(rows), seconds)

    async def nobody_waits(self, server: Server) -> None:
        """Wait until what is under way there is done, also what waited for a standby, or for another one that did."""
        active = "SELECT FROM pg_stat_activity WHERE application_name = 'chat' AND state != 'idle'"
        await self._until(server, active, lambda rows: not rows)

    async def _until(
        self, server: Server, statement: str, done: Callable[[Rows], bool], seconds: float = _PATIENCE
    ) -> None:
        async with asyncio.timeout(seconds):
            while not done(await asyncio.to_thread(server.ask, statement)):
                await asyncio.sleep(0.05)

    def turns(self, server: Server) -> Counter[str]:
        """How many turns of which node were kept there."""
        rows = server.ask("SELECT node FROM chat.turns JOIN chat.servers USING (epoch)", NAME)
        return Counter(node for (node,) in rows)

    def read(self) -> tuple[dict[str, list[Event]], list[Fault]]:
        """Each room's log, past the servers, and what is wrong with it."""
        faults: list[Fault] = []
        with psycopg.connect(self.primary.address(NAME), options="-c search_path=chat") as connection:
            return logs_of(lambda statement: connection.execute(statement).fetchall(), faults), faults

    async def _wait_for_the_standby(self) -> None:
        await asyncio.to_thread(self.primary.wait_for_a_standby, True)
        await self.caught_up()

    async def caught_up(self) -> None:
        """Wait until the standby has what the primary has."""
        await self._until(self.primary, "SELECT sync_state FROM pg_stat_replication", lambda rows: rows == [("sync",)])

    async def close(self) -> None:
        """End both."""
        for server in self._servers:
            await asyncio.to_thread(server.stop)
            server.held.close()
            rmtree(server.directory, ignore_errors=True)
        await self._relay.close()
