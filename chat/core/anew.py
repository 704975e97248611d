"""What must have happened elsewhere, where that is not known any more: told by what is held now beside what was."""

from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import datetime

from chat.core.hub import Hub
from chat.core.ports import Claim, Elsewhere, Kept, PersonRecord, Record, Remembered, SessionRecord
from chat.core.session import Session


def events(
    hub: Hub,
    kept: Kept,
    me: str,
    people: Mapping[str, PersonRecord],
    sessions: Set[str],
    records: Set[tuple[str, str]],
) -> Iterator[Elsewhere]:
    """Turns that lead this node, `me`, from what it has to what is `kept`; it was told that the store had these
    `people`, `sessions` and `records`, by their ids, the hashes of their codes, and kinds and keys."""
    gone = records - {(record.kind, record.key) for record in kept.records}
    yield Elsewhere((), [*(Record(kind, key, None) for kind, key in sorted(gone)), *kept.records])
    adopted = _adopted(hub, kept, me)
    for (node, before), ended in adopted.items():
        yield Elsewhere((), (), node=node, adopted=before, ended=ended)
    claimed = {claim.person for claim in kept.claims}
    claims = [Claim(person.id, None) for person in hub.naming.holders if person.id not in claimed]
    # What one of this node's is called it decides itself, with the next turn.
    claims = [claim for claim in (*claims, *kept.claims) if not hub.turn.is_claiming(claim.person)]
    found: dict[str, PersonRecord | None] = dict.fromkeys(people.keys() - kept.remembered.people.keys())
    # Who is as this node had it stored may be another one here by now, which is stored with the next turn.
    found |= {id: record for id, record in kept.remembered.people.items() if record != people.get(id)}
    yield Elsewhere((), (), claims=claims, remembered=Remembered(found))
    for node, others in _of_nodes(hub, kept, sessions, {digest for some in adopted.values() for digest in some}):
        yield Elsewhere((), (), remembered=Remembered({}, others), node=node)
    yield Elsewhere((), (), heads={log.key: log.head for log in kept.logs})


def _adopted(hub: Hub, kept: Kept, me: str) -> Mapping[tuple[str, str], Mapping[str, datetime]]:
    """Sessions that are known here as of one node, and are another one's now, without a connection."""
    found: dict[tuple[str, str], dict[str, datetime]] = {}
    for digest, record in kept.remembered.sessions.items():
        session = hub.codes.get(digest)
        if record is None or record.ended_at is None or (session is None and digest not in hub.gone):
            continue
        now, before = kept.elsewhere.get(digest, me), (session and session.node) or me
        if now != before:
            found.setdefault((now, before), {})[digest] = record.ended_at
    return found


def _of_nodes(
    hub: Hub, kept: Kept, known: Set[str], told: Set[str]
) -> Iterable[tuple[str, Mapping[str, SessionRecord | None]]]:
    """Those of other nodes, those that this one has not heard of, and those that are no more, but what is told already;
    with whose they are."""
    found: dict[str, dict[str, SessionRecord | None]] = {}
    left_out = told | ({one.digest for one in hub.turn.touched if isinstance(one, Session)} - hub.codes.keys())
    for digest, record in kept.remembered.sessions.items():
        if digest not in left_out and (digest in kept.elsewhere or digest not in known):
            found.setdefault(kept.elsewhere.get(digest, ""), {})[digest] = record
    found.setdefault("", {}).update(dict.fromkeys(known - kept.remembered.sessions.keys()))
    return found.items()
