"""Lines of somebody, found again and taken back in each log in which they stand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chat.core.hub import Hub
from chat.core.ports import Line, Query, Redaction
from chat.core.turn import Outcome
from chat.log.events import Author, Entry, Private, Redacted
from chat.log.log import Log
from chat.log.redaction import Speaker, is_by
from chat.log.tail import said


async def spoken(
    hub: Hub,
    log: Log,
    behind: int,
    speaker: Speaker,
    most: int,
    since: datetime | None = None,
    before: int | None = None,
) -> Sequence[Entry]:
    """The last that somebody said in a log behind a place, oldest first; of a room that is not recorded, what is still
    in memory."""
    if log.recorded:
        found = await hub.archive.said(Query((log.key,), most, before, since, behind={log.key: behind}, by=speaker))
        entries = [entry for _, entry in found.entries if entry.seq <= log.head]
    else:
        entries = [
            entry
            for entry in log.oldest()
            if entry.seq > behind
            and (before is None or entry.seq < before)
            and (since is None or entry.at >= since)
            and is_by(entry.fact, speaker)
        ]
    return [*said(entries)][-most:]


async def take_back(
    hub: Hub,
    by: Author | None,
    log: Log,
    entries: Sequence[Entry],
    whose: str = "",
    line: Line | None = None,
    why: str = "",
) -> Outcome:
    """These lines of a log are told to nobody any more, and whoever hears it is told so; of private ones it is one.

    A private line goes from the log of the other one as well, with the same turn.  Fails with `NotStored`.
    """
    last = entries[-1]
    to, fact, copy = "", "", None
    if isinstance(last.fact, Private):
        to, fact, copy = last.fact.to, last.fact.fact, await _copy(hub, log, last)
    targets = tuple(entry.seq for entry in entries)
    redacted = Redacted(by, targets, last.at, whose, to, fact, why)
    outcome = hub.turn.write(log, redacted, line, record=Redaction(log.key, targets))
    if copy is not None:
        elsewhere = hub.log_of(copy.key)
        if elsewhere is not None:
            hub.turn.append_with(copy, elsewhere, replace(redacted, targets=tuple(copy.targets)))
        else:
            hub.turn.append_with(copy)
    return await outcome


async def _copy(hub: Hub, log: Log, entry: Entry) -> Redaction | None:
    """Where a private line stands in the log of the other one: of several that are the same, as the same of them."""
    assert isinstance(entry.fact, Private)
    key = "@" + entry.fact.to_person
    if key == log.key:
        return None
    mine, theirs = await hub.archive.copies(log.key, entry), await hub.archive.copies(key, entry)
    place = list(mine).index(entry.seq) if entry.seq in mine else len(theirs)
    return Redaction(key, (theirs[place],)) if place < len(theirs) else None
