"""A storm from its first word to the verdict.

Clients talk through proxies, some die and are replaced, people on the plain wire and on IRC are cut off; a nemesis
kills the server, or each of several nodes, and the database of these.  Then all becomes calm: every line is answered,
an observer who suffers nothing says a last word in each room and to everybody, and when all have been shown it, the
server's history is read and the checker has its say.
"""

import asyncio
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Literal

from tests.storm.checker import Evidence, check
from tests.storm.client import Client
from tests.storm.company import Company
from tests.storm.database import read
from tests.storm.device import Device, register
from tests.storm.irc_person import IrcPerson
from tests.storm.link import Object, Wire
from tests.storm.network import Network
from tests.storm.nodes import GRACE, LEASE, Nemesis, possible
from tests.storm.person import Person
from tests.storm.proxy import Place, Proxy
from tests.storm.record import PRIVATE, Event, Fault, Heard, Record, event_of
from tests.storm.report import Forecast, Report
from tests.storm.server import HAS_SSH, Broken, Server
from tests.storm.ssh_person import SshPerson
from tests.storm.words import letters
from tests.support.wall_clock import LIBRARIES

if TYPE_CHECKING:
    from tests.storm.databases import Databases

NAMES = (
    "anna", "bela", "carl", "dora", "emil", "fritz", "gerd", "hanna", "igor", "jan",
    "kira", "lena", "nora", "otto", "paul", "rosa", "sven", "tina", "uta", "zoe",
)  # fmt: skip
PEOPLE = ("pia", "quim", "vera", "xaver")
"""The second one is on IRC, the third one comes by ssh where that is there, and the fourth again with netcat."""

ACCOUNT = "duo"
OBSERVER = "storm"
WITNESS = "witness"
WIRES: tuple[Wire, ...] = ("json", "tls", "web")
PAGE = 500  # events of history asked for at once, the most that a server gives


def run(forecast: Forecast) -> Report:
    """Have a storm, in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="storm-") as directory:
        return asyncio.run(_Storm(forecast, Path(directory)).run())


class _Storm:
    def __init__(self, forecast: Forecast, directory: Path) -> None:
        self.forecast = forecast
        self.report = Report(forecast)
        self.directory = directory
        self.network: Network | None = None
        self.befalls = forecast.befalls or possible(forecast.network, clocks=forecast.network and bool(LIBRARIES))
        self.databases: Databases | None = None
        self.servers: list[Server] = []
        self.proxies: dict[Wire, Proxy] = {}
        self.random = Random(f"{forecast.seed}/storm")
        self.company = Company(tally=self.report.tally)
        self.clients: dict[str, Client] = {}
        """Those who are alive, by their seats."""

        self.people: list[Person] = []
        self.blowing = True

    async def run(self) -> Report:
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            try:
                await self._start(stack)
                await self._storm()
            except Broken as error:
                self.report.faults.append(Fault("server", "the server", str(error)))
            await asyncio.sleep(0.1)  # in which all that was closed is gone
        self.report.seconds = time.monotonic() - began
        for proxy in self.proxies.values():
            self.report.cuts += proxy.cuts
        self.report.records += [person.record for person in self.people]
        self.report.said = {server.directory.name: server.said for server in self.servers}
        return self.report

    async def _start(self, stack: AsyncExitStack) -> None:
        options = self.forecast.options
        if self.forecast.network:
            self.network = Network()
            stack.callback(self.network.close)
        if self.forecast.nodes:
            # A clock that can be set makes the database slower: only where it is to be.
            self.databases = _databases(self.network, "clock" in self.befalls)
            stack.push_async_callback(self.databases.close)
            await self.databases.start()
            options += ("--database", self.databases.address, "--grace", f"{GRACE:g}")
            self.company.expected.add("not-stored")
        for number in range(max(1, self.forecast.nodes)):
            name = letters(number)
            directory = self.directory / name
            directory.mkdir()
            node = ("--node", name, "--name", name) if self.databases is not None else ()
            lease = LEASE if node else 0.0
            slow, machine = self.forecast.commit_seconds, self.network and self.network.machine()
            server = Server(directory, *options, *node, commit_seconds=slow, lease_seconds=lease, machine=machine)
            stack.push_async_callback(server.close)
            self.servers.append(server)
            await server.start()
        for server in self.servers:
            await server.answering()
        for wire in WIRES:
            self.proxies[wire] = proxy = Proxy(self._places(wire), f"{self.forecast.seed}/{wire}")
            if self.forecast.faults:
                proxy.faults = {name: proxy.faults[name] for name in self.forecast.faults}
            await proxy.start()
            stack.push_async_callback(proxy.close)

    def _places(self, wire: Wire | Literal["ssh"]) -> Sequence[Place]:
        """Where one comes in by this wire, without a proxy."""
        return [server.place_of(wire) for server in self.servers]

    async def _storm(self) -> None:
        if self.forecast.devices:
            await register(self.server.place_of("tls"), ACCOUNT, self.forecast.rooms[1:])
        async with asyncio.TaskGroup() as group:
            for name in NAMES[: self.forecast.clients]:
                group.create_task(self._seat(name))
            for number in range(self.forecast.devices):
                # From another machine a password is taken by TLS alone.
                wire: Wire = "tls" if self.network else WIRES[number % len(WIRES)]
                name = f"{ACCOUNT}-{letters(number)}"
                random = Random(f"{self.forecast.seed}/{name}")
                places = [self.proxies[wire].place]
                self.clients[name] = device = Device(name, places, random, self.company, wire, ACCOUNT)
                self.report.records.append(device.record)
                group.create_task(device.run())
            for number, name in enumerate(PEOPLE[: self.forecast.people]):
                random = Random(f"{self.forecast.seed}/{name}")
                rooms = self.forecast.rooms[:2]
                if number == 2 and HAS_SSH:
                    places = self._places("ssh")
                    person: Person = SshPerson(name, places, rooms, random, self.company, self.directory)
                else:
                    kind = IrcPerson if number == 1 else Person
                    person = kind(name, self._places("json"), rooms, random, self.company)
                self.people.append(person)
                group.create_task(person.run())
            try:
                await self._nemesis(group)
                await self._calm(group)
            except (Broken, TimeoutError) as error:
                noticed = [fault for record in self.report.records for fault in record.faults]
                self.report.faults += [Fault("server", "the server", str(error) or "it takes too long"), *noticed]
            finally:
                self.blowing = False
                for person in self.people:
                    person.stop()
                for client in self.clients.values():
                    client.stop()

    # While it blows.

    async def _seat(self, name: str) -> None:
        """One client after another, each under a name of its own."""
        lives = 0
        while self.blowing:
            life = name if not lives else f"{name}-{letters(lives)}"
            random = Random(f"{self.forecast.seed}/{life}")
            rooms = random.sample(self.forecast.rooms[1:], random.randint(1, len(self.forecast.rooms) - 1))
            wire = random.choice(WIRES)
            # Now and then the shortest way, to see what the server promises as early as it does.
            places = [self.proxies[wire].place] if random.random() < 0.75 else self._places(wire)
            client = self.forecast.kind(life, places, rooms, random, self.company, wire)
            self.clients[name] = client
            self.report.records.append(client.record)
            death = None
            if self.forecast.mortal:
                death = asyncio.get_running_loop().call_later(
                    5 + random.expovariate(1 / self.forecast.mortal), self._kill, client
                )
            await client.run()
            if death is not None:
                death.cancel()
            lives += 1

    def _kill(self, client: Client) -> None:
        if self.blowing:
            client.die()

    async def _nemesis(self, group: asyncio.TaskGroup) -> None:
        """End the server again and again, in the middle of its work or of its start."""
        random, loop = self.random, asyncio.get_running_loop()
        ends_at = loop.time() + self.forecast.seconds
        if self.databases is not None:
            witness = self._quiet(WITNESS, self._places("json"), group)
            happens, records = self.report.happens, self.report.records
            nemesis = Nemesis(self.servers, self.databases, happens, records, random, self.network, self.befalls)
            await nemesis.run(witness, lambda: loop.time() < ends_at)
            self.report.faults += nemesis.faults
            return
        for _ in range(self.forecast.kills):
            dice = random.random()
            if dice < 0.2:
                await asyncio.sleep(random.uniform(0.0, 0.6))
            else:
                await self._back()
                await asyncio.sleep(random.choice([0.0, random.uniform(0.0, 0.1), random.uniform(0.2, 2.0)]))
            if dice > 0.35:
                await self._promise(random.choice(["ack", "ack", "join", "leave", "nick", "welcome"]))
            self.server.check_alive()
            await self._shoot(random)
            await asyncio.sleep(random.choice([0.0, 0.0, random.uniform(0.0, 1.0)]))
            await self.server.start()
        await self._back()
        await asyncio.sleep(max(0.0, ends_at - loop.time()))

    def _quiet(self, name: str, places: Sequence[Place], group: asyncio.TaskGroup) -> Client:
        """Somebody who suffers nothing, and says what they are asked to."""
        client = Client(name, places, self.forecast.rooms[1:], Random(0), self.company)
        client.be_patient()
        self.clients[name] = client
        self.report.records.append(client.record)
        group.create_task(client.run())
        return client

    @property
    def server(self) -> Server:
        """The first one."""
        return self.servers[0]

    async def _back(self) -> None:
        await self.server.listening()
        self.report.slowest = max(self.report.slowest, time.monotonic() - self.server.started_at)

    async def _promise(self, kind: str) -> None:
        """Wait until the server has promised something, and not a moment longer."""
        self.company.watched = kind
        self.company.seen.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.company.seen.wait(), 2)

    async def _shoot(self, random: Random) -> None:
        """Kill it, or end it in another way."""
        dice = random.random()
        if dice < 0.1:
            await self._end(signal.SIGTERM)
        elif dice < 0.2:
            self.server.send(signal.SIGTERM)
            await asyncio.sleep(random.uniform(0.0, 0.1))
            await self._end(signal.SIGKILL)
        elif dice < 0.3:
            self.server.send(signal.SIGSTOP)
            await asyncio.sleep(random.uniform(0.1, 1.5))
            self.server.send(signal.SIGCONT)
            await asyncio.sleep(random.uniform(0.0, 0.1))
            await self._end(signal.SIGKILL)
        else:
            await self._end(signal.SIGKILL)

    async def _end(self, how: signal.Signals) -> None:
        """End all for good."""
        for server in self.servers:
            server.send(how)
            self.report.happens(how.name)
        for server in self.servers:
            await server.ended()

    # Afterwards.

    async def _calm(self, group: asyncio.TaskGroup) -> None:
        """Everything is answered and shown; then the evidence."""
        self.blowing = False
        for proxy in self.proxies.values():
            proxy.calm()
        everybody = [client for client in self.clients.values() if not client.record.dead]
        for client in everybody:
            client.be_patient()
        for person in self.people:
            person.calm = True
        await self._until("every line is answered", lambda: [c for c in everybody if not c.settled])
        observers = [
            self._quiet(OBSERVER + letters(number) * bool(number), [server.place_of("json")], group)
            for number, server in enumerate(self.servers)
        ]
        observer = observers[0]
        await self._until("the observers are there", lambda: [each for each in observers if not each.settled])
        if self.databases is not None:
            await self._gone(observer)
        rooms = {room: observer.say(room).number for room in self.forecast.rooms}
        nicks = {client.record.name: client.nick for client in everybody}
        nicks |= {person.record.name: person.nick for person in self.people if person.heard.rooms}
        private = {name: observer.say(PRIVATE + nick).number for name, nick in nicks.items()}
        await self._until(
            "the last words are shown",
            lambda: [
                *(each for each in observers if not each.settled),
                *(client for client in everybody if not _has_all(client.record, rooms, private)),
                *(person for person in self.people if not _heard_all(person.heard, rooms, private)),
            ],
        )
        async with asyncio.timeout(self.forecast.patience):
            history = {room: await _pages(observer, room) for room in self.forecast.rooms}
            living = [client for client in everybody if not client.record.dead]
            talks = {client.record.name: await self._talk(client) for client in living}
        await self._alike(observers)
        for server in self.servers:
            server.check_alive()
        await self._end(signal.SIGTERM)
        logs: Mapping[str, Sequence[Event]] = {}
        if self.databases is not None:
            logs, faults = self.databases.read()
            self.report.faults += faults
        elif (database := self.server.directory / "chat.sqlite3").exists():
            logs, faults = read(database)
            self.report.faults += faults
        self.report.logs = logs
        heard = [person.heard for person in self.people]
        several = self.databases is not None
        evidence = Evidence(self.report.records, history, heard, talks, logs, several_servers=several)
        self.report.faults += check(evidence)
        self.report.tally["lines in the rooms"] = sum(map(len, history.values()))

    async def _until(self, what: str, missing: Callable[[], Sequence[Client | Person]]) -> None:
        """Wait for something; whoever holds it up for too long is a broken promise, and all goes on without."""
        ends_at = time.monotonic() + self.forecast.patience
        while held_up := missing():
            if time.monotonic() > ends_at:
                faults = [
                    Fault("settled", who.record.name, f"not after {self.forecast.patience:g} s: {what}")
                    for who in held_up
                ]
                self.report.faults += faults
                return
            await asyncio.sleep(0.05)

    async def _gone(self, observer: Client) -> None:
        """Wait until those who do not come back are gone."""
        records = [*self.report.records, *(person.record for person in self.people)]
        nicks = {nick for record in records if record.dead and not record.account for nick in record.nicks}
        ends_at = time.monotonic() + LEASE + GRACE + self.forecast.patience
        while late := nicks & (await self._present(observer)).keys():
            if time.monotonic() > ends_at:
                self.report.faults.append(
                    Fault("presence", ", ".join(sorted(late)), "did not come back, and never left")
                )
                return
            await asyncio.sleep(0.5)

    async def _present(self, observer: Client) -> Object:
        """What `/who` tells of everybody, in all rooms."""
        answers = [await observer.ask(f"/who {room}") for room in self.forecast.rooms]
        return {user["nick"]: user for answer in answers for user in answer["users"]}

    async def _alike(self, observers: Sequence[Client]) -> None:
        """Within a second all nodes tell the same of everybody."""
        ends_at = time.monotonic() + 1
        while True:
            told = await asyncio.gather(*map(self._present, observers))
            if all(each == told[0] for each in told):
                return
            if time.monotonic() > ends_at:
                break
            await asyncio.sleep(0.1)
        for observer, each in zip(observers, told, strict=True):
            differs = {nick: (told[0].get(nick), each.get(nick)) for nick in told[0] | each}
            differs = {nick: both for nick, both in differs.items() if both[0] != both[1]}
            if differs:
                self.report.faults.append(Fault("presence", observer.record.name, f"is told otherwise: {differs}"))

    async def _talk(self, client: Client) -> list[Event]:
        """The private history of one client, with whomever it talked to, on whatever device, under whatever name."""
        record = client.record
        devices = [other for other in self.report.records if other.account == record.account != ""]
        partners = {line.room[1:] for other in (record, *devices) for line in other.lines if line.room[0] == PRIVATE}
        partners |= {event.author for event in record.private.events if event.said}
        found = {event.seq: event for nick in partners for event in await _pages(client, nick)}
        return [found[seq] for seq in sorted(found)]


def _databases(network: Network | None, clocks: bool) -> "Databases":
    from tests.storm.databases import Databases  # not where psycopg is missing

    return Databases(network, clocks=clocks)


async def _pages(client: Client, place: str) -> list[Event]:
    """All that history has of a room, or of somebody's talk with a nickname, page by page from its end."""
    events: list[Event] = []
    before = None
    while True:
        page = await client.ask(f"/last {PAGE} {place}", before)
        if page.get("code") == "not-here":
            return events  # nobody has that name, and nothing was ever said to whoever had it
        if page["type"] != "history":
            raise Broken(f"/last {PAGE} {place} was answered with {page}")
        events = [event_of(each) for each in page["events"]] + events
        if not page["more"]:
            return events
        before = events[0].seq


def _has_all(record: Record, rooms: Mapping[str, int], private: Mapping[str, int]) -> bool:
    """Whether a client was shown the observer's last word wherever it is."""
    if record.dead or record.name.startswith(OBSERVER):
        return True
    # Not only the last event: after it somebody may have left, whose grace is over only now.
    shown = {(stay.room, event.token) for stay in [*record.open, record.private] for event in stay.events}
    wanted = {(stay.room, (OBSERVER, rooms[stay.room])) for stay in record.open}
    return shown >= wanted | {(PRIVATE, (OBSERVER, private[record.name]))}


def _heard_all(heard: Heard, rooms: Mapping[str, int], private: Mapping[str, int]) -> bool:
    """The same for a person."""
    numbers = [*(rooms[room] for room in heard.rooms), private.get(heard.record.name)]
    shown = {token for token, _ in heard.shown}
    return not heard.rooms or heard.record.dead or shown >= {(OBSERVER, number) for number in numbers}
