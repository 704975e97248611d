"""Stop before the disk is full: other programs need it, and SQLite what it takes to get smaller again.

It is looked at by those who write, once in a while, and now and then where nobody does.  What cannot be told, as some
network disks say nothing, stops nothing.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic

from twisted.logger import Logger

from chat.base import limits
from chat.base.errors import NotStored
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.base.sizes import shown

logger = Logger()

MinFree = int | None
"""How many bytes stay free; 0 is none, and None what is right for this disk."""


class Space(NamedTuple):
    """Bytes of a disk: those that we may still write, and all."""

    free: int
    total: int

    def least(self, wanted: MinFree) -> int:
        """What has to stay free of it."""
        return min(limits.MIN_FREE, self.total // limits.MIN_FREE_PART) if wanted is None else wanted


def space(path: Path) -> Space:
    """The disk on which a file is, or will be."""
    found = os.statvfs(path.parent)
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def shortage(path: Path, wanted: MinFree, space: Callable[[Path], Space] = space) -> Sentence | None:
    """What is to be said of the free space before a start; None where there is enough, or it cannot be told."""
    try:
        found = space(path)
    except OSError:
        return None
    least = found.least(wanted)
    if not found.total or found.free >= least * limits.SPACE_WARNED:
        return None
    if found.free < least:
        return say(
            "Only {free} are free where {path} is: no line is stored until there are {least} (--min-free).",
            free=shown(found.free),
            path=path,
            least=shown(least),
        )
    return say(
        "Only {free} are free where {path} is: below {least} no line is stored (--min-free).",
        free=shown(found.free),
        path=path,
        least=shown(least),
    )


class FreeSpace:
    """What is free on the disk of a database; asked by one thread, the one that writes."""

    wanted: MinFree
    """Another value counts from the next look on."""

    free: int | None
    """Bytes that were free at the last look, as far as that can be told."""

    def __init__(
        self,
        path: Path,
        wanted: MinFree,
        in_reactor: Callable[[Callable[[], object]], object],
        space: Callable[[Path], Space] = space,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self.wanted = wanted
        self.free = None
        self._path = path
        self._in_reactor = in_reactor
        self._space = space
        self._seconds = seconds
        self._look_at = seconds()
        self._unlooked = 0
        self._least = 0
        self._short = False
        self._warned = False

    def check(self) -> None:
        """Raises `NotStored` where too little is free."""
        if self._unlooked >= limits.SPACE_BYTES or self._seconds() >= self._look_at:
            self.look()
        if self._short:
            raise NotStored(say("less than {size} is free on its disk", size=shown(self._least)))

    def wrote(self, size: int) -> None:
        """So many bytes were stored."""
        self._unlooked += size

    def look(self) -> None:
        """Look now; what has changed is logged."""
        self._unlooked = 0
        try:
            found = self._space(self._path)
        except OSError:
            found = Space(0, 0)
        free, total = found
        self.free = free if total else None
        self._least = least = found.least(self.wanted)
        was_short, self._short = self._short, bool(total) and free < least
        warned_below = least * limits.SPACE_WARNED
        if self._short and not was_short:
            self._log(
                logger.error, "No line is stored: only {free} are free where {path} is, not {least} (--min-free)", free
            )
        elif was_short and not self._short:
            self._log(logger.info, "Lines are stored again: {free} are free where {path} is", free)
        elif total and free < warned_below and not self._warned:
            self._log(
                logger.warn, "Only {free} are free where {path} is: below {least} no line is stored (--min-free)", free
            )
        # Who is told of each small change to and fro reads none of it.
        self._warned = bool(total) and free < warned_below * (1.1 if self._warned else 1)
        self._look_at = self._seconds() + (limits.SPACE_LOW_SECONDS if self._short else limits.SPACE_SECONDS)

    def _log(self, log: Callable[..., None], text: str, free: int) -> None:
        self._in_reactor(partial(log, text, free=shown(free), path=self._path, least=shown(self._least)))
