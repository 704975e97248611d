"""Who is connected, as whoever runs the server sees it: from where, by which wire, how far behind."""

from chat.core.carrier import Carrier
from chat.core.hub import Hub
from chat.core.person import Device, Person
from chat.core.session import Session
from chat.wire import replies


def present(hub: Hub) -> replies.Present:
    """All connections and all whose line is down, the earliest first; then those who have no nickname yet."""
    named, nameless = [], []
    for connection in hub.connections:
        if connection.session.named:
            named.append(_connected(connection))
        elif not connection.operator:  # who asks, for one
            nameless.append(_connected(connection))
    here, down = len(named), [_down(hub, person) for person in hub.down]
    ordered = sorted([*named, *down], key=lambda one: (one.since, one.nick))
    return replies.Present([*ordered, *sorted(nameless, key=lambda one: one.host)], here, len(down), len(nameless))


def of_person(hub: Hub, person: Person) -> list[replies.Connection]:
    """Those of somebody who is here."""
    found = [_connected(connection) for connection in hub.connections if connection.session.person is person]
    found += [_elsewhere(person, device) for device in person.elsewhere]
    return found or [_down(hub, person)]


def _elsewhere(person: Person, device: Device) -> replies.Connection:
    """Where the others have their wire it has the name of its node."""
    name, account, rooms = person.nick, person.has_account, _rooms(person)
    return replies.Connection(name, account, device.host, person.entered_at, device.node, 0, None, rooms)


def _connected(connection: Carrier[Session]) -> replies.Connection:
    session, wire, host = connection.session, connection.wire.format.name, connection.host
    if not session.named:
        return replies.Connection(None, False, host, None, wire, 0, None, ())
    person, behind = session.person, session.subscriptions.behind
    return replies.Connection(
        person.nick, person.has_account, host, person.entered_at, wire, behind, None, _rooms(person)
    )


def _down(hub: Hub, person: Person) -> replies.Connection:
    seconds = int(hub.clock.seconds() - (person.down_since or 0))
    return replies.Connection(
        person.nick, person.has_account, person.host, person.entered_at, None, 0, seconds, _rooms(person)
    )


def _rooms(person: Person) -> tuple[str, ...]:
    return tuple(room.log.name for room in person.rooms.values())
