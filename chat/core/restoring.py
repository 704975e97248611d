"""Everybody is brought back after a restart, with their lines down."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from chat.base.names import fold
from chat.core.hub import Hub
from chat.core.ports import PersonRecord, Remembered, SessionRecord
from chat.core.session import Session


def restore(hub: Hub, remembered: Remembered, elsewhere: Mapping[str, str] = MappingProxyType({})) -> None:
    """Bring everybody back, in the order of their going; these sessions are of other nodes, by their codes' hashes."""
    now = hub.now()
    sessions: dict[str, list[tuple[str, SessionRecord]]] = {}
    for digest, session in remembered.sessions.items():
        if session is not None:
            sessions.setdefault(session.person, []).append((digest, session))
    found = [
        (max((session.ended_at or now for _, session in sessions.get(id, ())), default=now), id, person)
        for id, person in remembered.people.items()
        if person is not None and (id in sessions or person.password is not None)
    ]
    # Accounts first, for their nicknames are theirs.
    found.sort(key=lambda item: (item[2].password is None, item[0]))
    for _, id, person in found:
        in_order = sorted(sessions.get(id, ()), key=lambda item: item[1].ended_at or now)
        _restore(hub, id, person, in_order, elsewhere)
    hub.all_are_back()


def _restore(
    hub: Hub,
    id: str,
    record: PersonRecord,
    sessions: Iterable[tuple[str, SessionRecord]],
    elsewhere: Mapping[str, str],
) -> None:
    person = hub.stranger(id)
    person.stored = True
    person.away, person.last_from, person.password = record.away, record.last_from, record.password
    for token in record.tokens:
        hub.tokens.keep(person, token)
    person.entered_at, person.spoke_at = record.entered_at, record.spoke_at
    person.ignored, person.senders = record.ignored, tuple(record.senders)
    person.admitted = record.admitted
    person.user, person.realname = record.user, record.realname
    seen = [key for key in record.rooms if key in hub.rooms and hub.rooms.is_seen(key, person.admitted)]
    person.rooms = {key: hub.rooms[key] for key in seen}
    heads = {log.key: log.head for log in person.logs.values()}
    person.joined = _up_to(heads, {key: record.rooms[key] for key in person.rooms})
    person.read = _up_to(heads, record.read)
    for digest, session in sessions:
        if session.token is not None and fold(session.token) not in person.tokens:
            continue
        device = Session(hub, None, person, session.id)
        restore_session(device, digest, session, _up_to(heads, session.given))
        device.node = elsewhere.get(digest, "")
        if device.node and session.ended_at is None:
            device.unread = True
            person.attach_elsewhere(device)
        else:
            person.detach(device)
    if person.has_account:
        hub.roles.restore(person, record.roles)
    hub.restored(person, record.nick, record.absent)


def restore_session(session: Session, digest: str, record: SessionRecord, given: Mapping[str, int]) -> None:
    """A session is as it was stored; its person has the token by which it came in."""
    hub = session.hub
    session.digest, session.host = digest, record.host
    if record.token is not None:
        session.scope = hub.scope(session.person.tokens[fold(record.token)])
    session.was(record.guest)
    session.stored = session.welcomed = True
    session.current = hub.rooms.get(record.current, hub.lobby)
    session.quiet, session.language = record.quiet, record.language
    now = hub.now()
    session.seen_at = record.seen_at
    session.down_since = hub.clock.seconds() - max(0.0, (now - (record.ended_at or now)).total_seconds())
    session.was_given(given)


def _up_to(heads: Mapping[str, int], places: Mapping[str, int]) -> dict[str, int]:
    """Places in logs that are there, none beyond its head."""
    return {key: min(seq, heads[key]) for key, seq in places.items() if key in heads}
