"""Who is here, as an operator asks for it: written into a file, for a log has no room for thousands.

It is what `/admin who` tells, of all of them; nothing in it was said by anybody.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from twisted.logger import Logger

from chat import __version__
from chat.base.language import language
from chat.commands.connections import present
from chat.core.hub import Hub
from chat.wire.prose import sentences

logger = Logger()


def report(hub: Hub) -> Iterator[str]:
    """The lines: how many there are, then one for each connection and each whose line is down."""
    yield f"chat {__version__} on {hub.settings.server}, {hub.now():%Y-%m-%d %H:%M:%S} UTC"
    yield from map(language("en").words, sentences(present(hub)))


def write(path: Path, hub: Hub) -> None:
    """Write the report into a file that nobody else may read, whole; what fails is logged."""
    part = path.with_name(f"{path.name}.part")
    lines = list(report(hub))
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        part.replace(path)
    except OSError as error:
        logger.error("Who is here could not be written to {path}: {reason}", path=path, reason=error.strerror)
    else:
        logger.info("Who is here stands in {path}: {count}", path=path, count=lines[1])
