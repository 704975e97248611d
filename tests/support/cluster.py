"""Several whole chats on one store, and what each of them has of everybody."""

from nodes import Cluster, Node
from twisted.internet.task import Clock
from world import World

from chat.core.hub import Hub
from chat.core.presence import Presence


class Nodes:
    """So many servers, with one clock; while they are `slow` each hears what a test lets it hear."""

    def __init__(self, count: int, **settings: object) -> None:
        self.cluster = Cluster()
        self.clock = Clock()
        self.stores: list[Node] = []
        self.worlds: list[World] = []
        for _ in range(count):
            self.start(**settings)

    def start(self, **settings: object) -> World:
        """One more of them."""
        store = self.cluster.node()
        self.stores.append(store)
        world = World(store, clock=self.clock, tokens=f"{store.name}.", **settings)  # type: ignore[arg-type]
        self.worlds.append(world)
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
        if self.stores[node].comes:
            self.stores[node].let()
            self.clock.advance(0)

    def settle(self) -> None:
        """Everybody hears everything, until nothing more comes of it."""
        self.clock.advance(0)
        while any(store.comes for store in self.stores):
            for node in range(len(self.stores)):
                self.let(node)


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
        "names": {nick: person.id for person, nick in hub._nicknames._names.items()},
        "codes": {digest: session.person.id for digest, session in hub.codes.items()},
        "measures": sorted(measure.record for measure in hub.measures.all()),
        "roles": {key: sorted(some) for key, some in hub.roles._holders.items() if some},
        "waiting": {key: sorted(some) for key, some in hub.locked._waiting.items()},
        "passes": {key: sorted(some) for key, some in hub.locked._passes.items()},
        "log": hub.log.head,
    }
