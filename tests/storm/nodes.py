"""Several servers on one database, and what befalls them: each is killed and stopped, and so is the database, and the
network between them loses what goes one way or both.

Who is away for as long as the grace is gone; what is said while the line to the standby is cut is seen by nobody.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

from tests.storm.client import LOBBY, Client
from tests.storm.network import Machine, Network, Way, both
from tests.storm.record import Fault, Record
from tests.storm.server import Server

if TYPE_CHECKING:
    from tests.storm.databases import Databases
    from tests.support.postgresql import Server as Database

LEASE = 3.0
"""Seconds after which a node that was not heard is taken for gone."""

GRACE = 8.0


class Nemesis:
    """What befalls the servers, of which each `happens`; a `witness` suffers nothing of it, but what all suffer."""

    def __init__(
        self,
        servers: Sequence[Server],
        databases: "Databases",
        happens: Callable[[str], None],
        records: Sequence[Record],
        random: Random,
        network: Network | None,
        only: Sequence[str],
    ) -> None:
        self._servers = servers
        self._databases = databases
        self._happens = happens
        self._records = records
        self._random = random
        self._network = network
        self._only = only
        self.faults: list[Fault] = []

    async def run(self, witness: Client, goes_on: Callable[[], bool]) -> None:
        """One thing after the other, all of them once at least."""
        while True:
            names = list(self._only)
            self._random.shuffle(names)
            for name in names:
                await asyncio.sleep(self._random.uniform(0.2, 1.5))
                for server in self._servers:
                    server.check_alive()
                await BEFALLS[name](self, witness)
            if not goes_on():
                return

    async def _kill(self, witness: Client) -> None:
        """A node dies, and comes back before it was taken for gone, or after."""
        server = self._random.choice(self._servers)
        server.send(signal.SIGKILL)
        self._happens("SIGKILL of a node")
        await server.ended()
        await asyncio.sleep(self._random.choice([0.0, 1.0, LEASE + 1.0]))
        await server.start()
        await server.answering()

    async def _hang(self, witness: Client) -> None:
        """A node hangs for twice its lease, or so short that nobody sees it."""
        server = self._random.choice(self._servers)
        seconds = self._random.choice([1.0, 2 * LEASE, 2 * LEASE])
        server.send(signal.SIGSTOP)
        self._happens(f"SIGSTOP of a node for {seconds:g} s")
        await asyncio.sleep(seconds)
        server.send(signal.SIGCONT)

    async def _cut(self, witness: Client) -> None:
        """The standby hears nothing, and a line is said; then it hears again, or takes the place of the primary."""
        await self._there(witness)
        self._databases.cut(True)
        self._happens("line to the standby cut")
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
        self._happens("primary lost, standby promoted")
        await self._databases.fail_over(self._random.choice([0.0, 2.0]))

    async def _crash(self, witness: Client) -> None:
        self._happens("database crashed")
        await self._databases.crash(self._random.choice([0.0, 1.0, 6.0]))

    async def _disconnect(self, witness: Client) -> None:
        self._happens("connections to the database cut")
        await self._databases.disconnect()

    async def _set_clock(self, witness: Client) -> None:
        """The clock of the database is wrong, and set right."""
        server, step = self._databases.primary, self._random.choice(["+1h", "+1d", "-1h"])
        self._happens(f"the database's clock set by {step}")
        self._databases.set_clock(server, step)
        await asyncio.sleep(self._random.choice([1.0, 2 * LEASE]))
        self._databases.set_clock(server, "+0")

    # Where each has a machine of its own.

    async def _lost(self, what: str, ways: Sequence[Way], seconds: float) -> None:
        """For so long nothing goes these ways."""
        assert self._network is not None
        self._happens(f"{what} for {seconds:g} s")
        self._network.cut(ways)
        await asyncio.sleep(seconds)
        self._network.mend(ways)

    def _node(self) -> Machine:
        """The machine of one of them."""
        machine = self._random.choice(self._servers).machine
        assert machine is not None
        return machine

    @property
    def _shorter_or_longer(self) -> float:
        """For less than a lease, or for more."""
        return self._random.choice([LEASE / 2, 2 * LEASE])

    async def _no_database(self, witness: Client) -> None:
        """A node is cut off from the database."""
        ways = both(self._node().address, self._databases.hosts)
        await self._lost("a node without the database", ways, self._shorter_or_longer)

    async def _no_answers(self, witness: Client) -> None:
        """What a node asks arrives, and no answer does; or the other way round."""
        node = self._node().address
        if self._random.random() < 0.5:
            ways = [(host, node) for host in self._databases.hosts]
            await self._lost("answers to a node lost", ways, self._shorter_or_longer)
        else:
            ways = [(node, host) for host in self._databases.hosts]
            await self._lost("questions of a node lost", ways, self._shorter_or_longer)

    async def _no_primary(self, witness: Client) -> None:
        """A node reaches the standby alone."""
        ways = both(self._node().address, [self._databases.primary.host])
        await self._lost("a node without the primary", ways, self._shorter_or_longer)

    async def _no_standby(self, witness: Client) -> None:
        """A node reaches the primary alone."""
        ways = both(self._node().address, [self._databases.standby.host])
        await self._lost("a node without the standby", ways, self._shorter_or_longer)

    async def _old_primary(self, witness: Client) -> None:
        """The standby is promoted, and one node reaches the old primary alone: first while the old one still waits for
        a standby; then once that was told not to, when the node has asked the new one something."""
        network, databases = self._network, self._databases
        assert network is not None
        self._happens("primary cut off with one node, standby promoted")
        node = self._node().address
        without_new = both(node, [databases.standby.host])
        old, without_old = await self._replaced(node, without_new)
        await asyncio.sleep(self._shorter_or_longer)
        network.mend(without_new)
        await databases.asked_from(node, 4 * LEASE)
        network.cut(without_new)
        await asyncio.to_thread(old.wait_for_a_standby, False)
        await databases.nobody_waits(old)
        await self._keeps_nothing(old)
        network.mend([*without_new, *without_old])
        await databases.follow()

    async def _two_primaries(self, witness: Client) -> None:
        """The standby is promoted while a node reaches neither, and the old primary waits for none; then it reaches
        both."""
        network, databases = self._network, self._databases
        assert network is not None
        self._happens("a node without the database, standby promoted, two primaries")
        node = self._node().address
        without_both = both(node, databases.hosts)
        old, without_old = await self._replaced(node, without_both)
        await asyncio.sleep(2 * LEASE)  # what was on its way is given up
        await asyncio.to_thread(old.wait_for_a_standby, False)
        await databases.nobody_waits(old)
        network.mend(without_both)
        await self._keeps_nothing(old)
        network.mend(without_old)
        await databases.follow()

    async def _replaced(self, node: str, lost: Sequence[Way]) -> tuple["Database", Sequence[Way]]:
        """Nothing goes these ways, and the standby is promoted; returns the old primary, and the ways to it that
        nothing goes either, those of all but this node."""
        assert self._network is not None
        old, new = self._databases.primary, self._databases.standby
        others = [server.host for server in self._servers if server.host != node]
        without_old = both(old.host, [*others, new.host])
        self._network.cut([*lost, *without_old])
        await self._databases.promote()
        return old, without_old

    async def _keeps_nothing(self, old: "Database") -> None:
        """For a while nobody says anything by way of it."""
        before = await asyncio.to_thread(self._databases.turns, old)
        await asyncio.sleep(2 * LEASE)
        if kept := (await asyncio.to_thread(self._databases.turns, old)) - before:
            text = f"kept turns of {dict(kept)} when another one had been promoted"
            self.faults.append(Fault("durable", "the old primary", text))

    async def _bad_line(self, witness: Client) -> None:
        """Between a node and the database packets are lost and late."""
        assert self._network is not None
        self._happens("a bad line between a node and the database")
        ways = both(self._node().address, self._databases.hosts)
        self._network.spoil(ways)
        await asyncio.sleep(3 * LEASE)
        self._network.mend(ways)

    async def _no_clients(self, witness: Client) -> None:
        """A node and its people hear nothing of each other."""
        node = self._node()
        ways = both(node.address, [node.gateway])
        await self._lost("a node without its people", ways, self._shorter_or_longer)


_ANYWHERE: dict[str, Callable[[Nemesis, Client], Awaitable[None]]] = {
    "kill": Nemesis._kill,
    "hang": Nemesis._hang,
    "cut": Nemesis._cut,
    "fail-over": Nemesis._fail_over,
    "crash": Nemesis._crash,
    "disconnect": Nemesis._disconnect,
}
_WITH_CLOCKS = {"clock": Nemesis._set_clock}
_IN_NETWORK: dict[str, Callable[[Nemesis, Client], Awaitable[None]]] = {
    "no-database": Nemesis._no_database,
    "no-answers": Nemesis._no_answers,
    "no-primary": Nemesis._no_primary,
    "no-standby": Nemesis._no_standby,
    "old-primary": Nemesis._old_primary,
    "two-primaries": Nemesis._two_primaries,
    "bad-line": Nemesis._bad_line,
    "no-clients": Nemesis._no_clients,
}
BEFALLS = {**_ANYWHERE, **_WITH_CLOCKS, **_IN_NETWORK}
"""By their names, what befalls them."""


def possible(network: bool, clocks: bool) -> Sequence[str]:
    """What can befall them, where they have machines of their own, or their databases clocks that can be set."""
    return [*_ANYWHERE, *(_WITH_CLOCKS if clocks else ()), *(_IN_NETWORK if network else ())]
