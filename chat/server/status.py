"""Who is here, as an operator asks for it: written into a file, for a log has no room for thousands.

Nothing in it was said by anybody: names of people and rooms, addresses, and how far somebody is behind.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC
from pathlib import Path

from twisted.logger import Logger

from chat import __version__
from chat.core.hub import Hub
from chat.core.person import Person
from chat.visit.visit import Visit

logger = Logger()


def report(hub: Hub, clients: Iterable[Visit]) -> Iterator[str]:
    """The lines: how many there are, then one for each connection and each whose line is down.

    Each has since when somebody is here (UTC), from where, how many entries of what they hear they were not given yet,
    or since when their line is down, and their nickname and rooms.
    """
    now, down, rows, nameless = hub.now(), list(hub.down), [], 0
    for client in clients:
        session = client.session
        if session.named:
            rows.append(_row(session.person, session.host, f"behind {session.subscriptions.behind}"))
        else:
            nameless += 1
            rows.append(("", client.host, "", "(no nickname)"))
    for person in down:
        seconds = hub.clock.seconds() - (person.down_since or 0)
        rows.append(_row(person, person.host, f"line down {seconds:.0f} s"))
    here = len(rows) - nameless - len(down)
    yield f"chat {__version__} on {hub.settings.server}, {now:%Y-%m-%d %H:%M:%S} UTC"
    yield f"{here} here, {len(down)} with their line down, {nameless} without a nickname"
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for *columns, who in sorted(rows):
        yield "  ".join([*(text.ljust(width) for text, width in zip(columns, widths, strict=True)), who])


def _row(person: Person, host: str, state: str) -> tuple[str, str, str, str]:
    who = " ".join([person.nick, *(room.log.name for room in person.rooms.values())])
    return f"{person.entered_at.astimezone(UTC):%Y-%m-%d %H:%M}", host, state, who


def write(path: Path, hub: Hub, clients: Iterable[Visit]) -> None:
    """Write the report into a file that nobody else may read, whole; what fails is logged."""
    part = path.with_name(f"{path.name}.part")
    lines = list(report(hub, clients))
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        part.replace(path)
    except OSError as error:
        logger.error("Who is here could not be written to {path}: {reason}", path=path, reason=error.strerror)
    else:
        logger.info("Who is here stands in {path}: {count}", path=path, count=lines[1])
