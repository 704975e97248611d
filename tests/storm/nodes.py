"""Several servers on one database, and what befalls them: each is killed and stopped, and so is the database.

Who is away for as long as the grace is gone; what is said while the line to the standby is cut is seen by nobody.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

from tests.storm.client import LOBBY, Client
from tests.storm.record import Fault, Record
from tests.storm.server import Server

if TYPE_CHECKING:
    from tests.storm.databases import Databases

LEASE = 3.0
"""Seconds after which a node that was not heard is taken for gone."""

GRACE = 8.0


class Nemesis:
    """What befalls the servers; a `witness` suffers nothing of it, but what all suffer."""

    def __init__(
        self,
        servers: Sequence[Server],
        databases: "Databases",
        ends: Counter[str],
        records: Sequence[Record],
        random: Random,
    ) -> None:
        self._servers = servers
        self._databases = databases
        self._ends = ends
        self._records = records
        self._random = random
        self.faults: list[Fault] = []

    async def run(self, witness: Client, goes_on: Callable[[], bool]) -> None:
        """One thing after the other, all of them once at least."""
        while True:
            what = [self._kill, self._hang, self._cut, self._fail_over, self._crash, self._disconnect]
            self._random.shuffle(what)
            for each in what:
                await asyncio.sleep(self._random.uniform(0.2, 1.5))
                for server in self._servers:
                    server.check_alive()
                await each(witness)
            if not goes_on():
                return

    async def _kill(self, witness: Client) -> None:
        """A node dies, and comes back before it was taken for gone, or after."""
        server = self._random.choice(self._servers)
        server.send(signal.SIGKILL)
        self._ends["SIGKILL of a node"] += 1
        await server.ended()
        await asyncio.sleep(self._random.choice([0.0, 1.0, LEASE + 1.0]))
        await server.start()
        await server.answering()

    async def _hang(self, witness: Client) -> None:
        """A node hangs for twice its lease, or so short that nobody sees it."""
        server = self._random.choice(self._servers)
        seconds = self._random.choice([1.0, 2 * LEASE, 2 * LEASE])
        server.send(signal.SIGSTOP)
        self._ends[f"SIGSTOP of a node for {seconds:g} s"] += 1
        await asyncio.sleep(seconds)
        server.send(signal.SIGCONT)

    async def _cut(self, witness: Client) -> None:
        """The standby hears nothing, and a line is said; then it hears again, or takes the place of the primary."""
        await self._there(witness)
        self._databases.cut(True)
        self._ends["line to the standby cut"] += 1
        line = witness.say(LOBBY)
        await asyncio.sleep(self._random.choice([1.0, 3.0, 7.0]))
        token = (witness.record.name, line.number)
        seen = [
            record.name for record in self._records if any(e.token == token for s in record.stays for e in s.events)
        ]
        if line.outcome == "acknowledged" or seen:
            text = f"line {line.number} was {line.outcome} and shown to {seen} while no standby had it"
            self.faults.append(Fault("durable", witness.record.name, text, witness.record.now))
        if self._random.random() < 0.5:
            await self._fail_over(witness)
        else:
            self._databases.cut(False)
            await self._databases.caught_up()

    async def _there(self, witness: Client) -> None:
        for _ in range(100):
            if witness.settled:
                return
            await asyncio.sleep(0.1)

    async def _fail_over(self, witness: Client) -> None:
        self._ends["primary lost, standby promoted"] += 1
        await self._databases.fail_over(self._random.choice([0.0, 2.0]))

    async def _crash(self, witness: Client) -> None:
        self._ends["database crashed"] += 1
        await self._databases.crash(self._random.choice([0.0, 1.0, 6.0]))

    async def _disconnect(self, witness: Client) -> None:
        self._ends["connections to the database cut"] += 1
        await self._databases.disconnect()
