"""Somebody is forgotten: nothing of theirs is left where they said it, nor in what is remembered of them or of others.

They go first, then what is held is gone through, a part after the other, while everybody else talks on.  Those who are
here are told which lines went, as of any that are taken back.
"""

import json
from collections import deque
from collections.abc import Collection, Iterable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from chat.base import limits, names
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.base.unchanged import all_but
from chat.core.hub import Hub
from chat.core.person import Person
from chat.core.ports import Emptied, Record, Redaction
from chat.log.events import Redacted
from chat.log.forgetting import Forgotten, without
from chat.log.log import Log

logger = Logger()

FORGOTTEN = "forgotten"
"""The kind of a record that tells other nodes of it, and is kept nowhere: it takes away what is not there."""


class Gone(NamedTuple):
    """So many lines say nothing any more, and so many other entries name somebody less."""

    lines: int
    others: int


async def forget(hub: Hub, person: Person | None, nick: str) -> Gone:
    """Forget somebody who is known, or all guests who are not any more and were called so.

    Raises `Refused` where nothing names them, and `NotStored` on the way: what went until then is gone, and who asks
    again goes on with what is left.
    """
    if person is None:
        ids = await _guests(hub, nick)
    else:
        nick, ids = person.nick, {person.id}
        _send_away(hub, person)
    await hub.turn.flush()
    gone = Forgotten(ids, {names.fold(known) for known in (nick, *await hub.store.nicks(ids))})
    _forget_what_is_stored(hub, gone)
    for room in hub.rooms.values():
        room.tell_of(gone.ids)  # it goes with all else: nothing that names them is written after that
    if hub.others is not None:
        hub.turn.append_with(Record(FORGOTTEN, json.dumps([*map(sorted, gone)]), None))
    await hub.turn.flush()
    await _forget_in_memory(hub, gone)
    lines = others = behind = 0
    while True:
        emptied = await hub.store.forget(gone, behind)
        _tell(hub, emptied)
        lines += sum(map(len, emptied.lines.values()))
        others += emptied.others
        for key, topic in emptied.topics:
            if key in hub.rooms and hub.rooms[key].topic == topic:
                hub.rooms[key].topic = ""
                await hub.turn.change(Record("topic", key, None))
        if emptied.behind is None:
            break
        behind = emptied.behind
    if not (ids or lines or others):
        raise unknown(nick)
    return Gone(lines, others)


async def _guests(hub: Hub, nick: str) -> Collection[str]:
    """The ids of those who stand anywhere under this nickname and are not known any more: perhaps nobody's, where only
    others name them."""
    ids = await hub.store.called(names.fold(nick))
    return {id for id in ids if id and id not in hub.people and id not in hub.absent}


def unknown(nick: str) -> Refused:
    """There is nobody of this nickname, and never was as far as is kept."""
    return Refused("not-here", say("Nobody is known here as {nick}.", nick=nick[: limits.NAME_READ]))


def _send_away(hub: Hub, person: Person) -> None:
    """They go, with their account and all that it has."""
    hub.tokens.end(person, list(person.tokens))
    hub.give_up(person)
    why = say("Whoever runs the server has you forgotten here.")
    hub.tell_elsewhere(person, why)
    hub.send_away(person, Refused("taken-over", why))


def forgotten(hub: Hub, key: str) -> None:
    """Another node forgets somebody, as a record of this key says: what is stored it tells of, what is in the memory
    here it cannot know."""
    ids, nicks = json.loads(key)
    Deferred.fromCoroutine(_forget_in_memory(hub, Forgotten(set(ids), set(nicks)))).addErrback(
        lambda failure: logger.failure("What another server forgets is still in memory here", failure)
    )


async def _forget_in_memory(hub: Hub, gone: Forgotten) -> None:
    """Who left, and what was said last."""
    left = [one for one in hub.departed if not _is_gone(hub, gone, one.id, one.nick)]
    hub.departed = deque(left, hub.departed.maxlen)
    for log in list(_logs(hub)):
        if log.replace(partial(without, gone=gone)):
            await hub.rounds.turn_to_read()


def _is_gone(hub: Hub, gone: Forgotten, id: str, nick: str) -> bool:
    """Whether it is one of them: somebody else who is known may have had a nickname of theirs."""
    known = id in hub.people or id in hub.absent
    return id in gone.ids or (not known and names.fold(nick) in gone.nicks)


def _forget_what_is_stored(hub: Hub, gone: Forgotten) -> None:
    """What others remember of them, who did something to whom, and whose PIN is whose."""
    for other in (*hub.people.values(), *hub.absent.values()):
        known = [id for id in gone.ids if id in other.ignored or id in other.senders or id == other.last_from]
        for id in known:
            other.ignored = all_but(other.ignored, id)
            other.senders = tuple(sender for sender in other.senders if sender != id)
            other.last_from = None if other.last_from == id else other.last_from
        if known:
            hub.turn.touch(other)

    hub.read_markers.forget_places(gone.nicks)
    for measure in hub.measures.all():
        if _is_gone(hub, gone, measure.whom, measure.nick):
            hub.measures.end(measure)
            hub.turn.append_with(measure.record._replace(value=None))
        elif measure.by is not None and names.fold(measure.by) in gone.nicks:
            after = measure._replace(by=None)
            hub.measures.take(after)
            hub.turn.append_with(after.record)
    for pin in list(hub.roster.pins.values()):
        if pin.person and _is_gone(hub, gone, pin.person, pin.nick):
            hub.roster.end(pin.person)


def _logs(hub: Hub) -> Iterable[Log]:
    rooms = [room.log for room in hub.rooms.values()]
    return [*rooms, hub.log, *(person.log for some in (hub.people, hub.absent) for person in some.values())]


def _tell(hub: Hub, emptied: Emptied) -> None:
    """Whoever hears these logs is told what went, and shows it no more."""
    for key, targets in emptied.lines.items():
        hub.archive.readings.taken_back(key, targets)
        if (log := hub.log_of(key)) is None:
            continue
        for start in range(0, len(targets), limits.REDACTED_AT_ONCE):
            part = tuple(targets[start : start + limits.REDACTED_AT_ONCE])
            fact = Redacted(None, part, hub.now())
            if hub.others is None:
                hub.turn.append(log, fact)
            else:  # what they hold of it, or read just now, goes there as well
                hub.turn.append_with(Redaction(key, part), log, fact)
