"""Several whole chats on one store, and what each of them has of everybody."""

from typing import Any

from nodes import Cluster, Node
from twisted.internet.task import Clock
from world import World

from chat.core.hub import Hub
from chat.core.presence import Presence


class NodesClock(Clock):
    """That of one server: where it goes on, the others do what needs no time."""

    def __init__(self, nodes: "Nodes") -> None:
        super().__init__()
        self._nodes = nodes

    @property
    def is_due(self) -> bool:
        """Something waits that needs no time."""
        return any(call.getTime() <= self.seconds() for call in self.getDelayedCalls())

    def advance(self, amount: float) -> None:
        super().advance(amount)
        clocks = [world.clock for node, world in enumerate(self._nodes.worlds) if node not in self._nodes.away]
        while any(clock.is_due for clock in clocks):  # type: ignore[attr-defined]
            for clock in clocks:
                Clock.advance(clock, 0)


class Nodes:
    """So many servers; while they are `slow` each hears what a test lets it hear."""

    def __init__(self, count: int, **settings: Any) -> None:
        self.settings = settings
        self.cluster = Cluster()
        self.stores: list[Node] = []
        self.worlds: list[World] = []
        self.away: set[int] = set()
        """Those that are dead, or hang."""
        self.started = 0
        for _ in range(count):
            self.start()

    def start(self, again: int | None = None) -> World:
        """One more of them, or one that is started again."""
        self.started += 1
        store = self.cluster.node("" if again is None else self.stores[again].name)
        kept = self.cluster.kept(store.name)
        tokens = f"{store.name}.{self.started}."
        world = World(store, clock=NodesClock(self), tokens=tokens, kept=kept, **self.settings)
        self.cluster.now = world.now if again is None else self.cluster.now
        world.clock.advance(max([one.clock.seconds() for one in self.worlds], default=0))
        if again is None:
            self.stores.append(store)
            self.worlds.append(world)
        else:
            self.stores[again], self.worlds[again] = store, world
            self.away.discard(again)
        return world

    @property
    def slow(self) -> bool:
        """Nobody hears anything by itself."""
        return any(store.slow for store in self.stores)

    @slow.setter
    def slow(self, slow: bool) -> None:
        for store in self.stores:
            store.slow = slow

    def let(self, node: int) -> None:
        """This node hears the next turn, if there is one."""
        if node not in self.away and self.stores[node].comes:
            self.stores[node].let()
            self.worlds[node].turn()

    @property
    def late(self) -> bool:
        """What is sent is stored when a test says so."""
        return any(store.late for store in self.stores)

    @late.setter
    def late(self, late: bool) -> None:
        for store in self.stores:
            store.late = late

    def arrive(self, node: int) -> None:
        """What this node has sent is stored, if there is something."""
        if node not in self.away and self.stores[node].under_way:
            self.stores[node].arrive()
            self.worlds[node].turn()

    def read_anew(self, node: int) -> None:
        """This node has not listened for long, and reads what there is."""
        if node not in self.away:
            self.stores[node].read_anew()
            self.worlds[node].turn()

    def settle(self) -> None:
        """Everybody hears everything, until nothing more comes of it."""
        alive = [node for node in range(len(self.stores)) if node not in self.away]
        for node in alive:
            self.worlds[node].turn()
        while any(self.stores[node].comes or self.stores[node].under_way for node in alive):
            for node in alive:
                self.arrive(node)
                self.let(node)

    def wait(self, seconds: float) -> None:
        """Let time pass where somebody is alive; a lease that is not renewed runs out."""
        while seconds > 0:
            step = min(1.0, seconds)
            seconds -= step
            for node, world in enumerate(self.worlds):
                if node not in self.away:
                    world.clock.advance(step)
            if not self.slow:
                self.settle()

    def hang(self, node: int) -> None:
        """It does nothing more: it is dead, or a test lets it `go_on`."""
        self.away.add(node)
        self.stores[node].slow = True

    def lapse(self, node: int) -> None:
        """Its lease has run out."""
        self.cluster.lapsed.add(self.stores[node].name)

    def go_on(self, node: int) -> None:
        """It does what it did not do, all at once."""
        self.away.discard(node)
        self.stores[node].slow = self.slow_others(node)
        world = self.worlds[node]
        while not self.stores[node].slow and (self.stores[node].comes or self.stores[node].under_way):
            self.arrive(node)
            self.let(node)
        world.clock.advance(max(one.clock.seconds() for one in self.worlds) - world.clock.seconds())
        world.turn()

    def slow_others(self, node: int) -> bool:
        """Whether the others hear nothing by themselves."""
        return any(store.slow for number, store in enumerate(self.stores) if number != node)


def seen_by(hub: Hub) -> dict[str, object]:
    """What a node has of everybody, as it is asked for."""
    people = {
        id: (
            person.nick,
            person.presence is Presence.DOWN,
            person.away,
            sorted(person.rooms),
            sorted(person.joined.items()),
            sorted(person.roles.items()),
            sorted(person.ignored.items()),
            sorted(person.admitted.items()),
            person.password,
            sorted(session.digest for session in person.detached),
            sorted(session.digest for session in (*person.attached, *person.elsewhere)),
            person.log.head,
        )
        for id, person in hub.people.items()
    }
    absent = {id: (person.nick, sorted(person.rooms), person.log.head) for id, person in hub.absent.items()}
    rooms = {
        key: (sorted(room.members), room.topic, room.privacy, room.log.head, room.log.name)
        for key, room in hub.rooms.items()
        if room.log.head
    }
    return {
        "people": people,
        "absent": absent,
        "rooms": rooms,
        "names": {nick: person.id for person, nick in hub.naming._nicknames._names.items()},
        "codes": {digest: session.person.id for digest, session in hub.codes.items()},
        "privacy": dict(hub.rooms._privacy),
        "pins": hub.roster.pins,
        "invitations": hub.invitations._ends,
        "keys": hub.keys._keys,
        "read markers": hub.read_markers._of,
        "measures": sorted(measure.record for measure in hub.measures.all()),
        "roles": {key: sorted(some) for key, some in hub.roles._holders.items() if some},
        "waiting": {key: sorted(some) for key, some in hub.locked._waiting.items()},
        "passes": {key: sorted(some) for key, some in hub.locked._passes.items()},
        "log": hub.log.head,
    }
