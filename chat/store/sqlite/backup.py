"""Consistent copies of a database that is in use: each under a name of its own, whole or not there at all."""

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from glob import escape
from pathlib import Path

from chat.base import limits


class Interrupted(Exception):
    """The server ended before a copy was whole."""


def copy(source: sqlite3.Connection, target: Path, ends: Callable[[], bool] = lambda: False) -> None:
    """Copy the database of a connection; writers go on meanwhile, and what they write is not in the copy.  Raises
    `Interrupted` where the server `ends`."""

    def pause(*_: int) -> None:
        if ends():
            raise Interrupted
        time.sleep(limits.COPY_PAUSE_SECONDS)

    with partial(target) as part:
        # One moment's view for all steps: without it the copy would begin again with each write.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(part)) as copied:
            source.backup(copied, pages=limits.COPY_PAGES, progress=pause)
        source.execute("COMMIT")


@contextmanager
def partial(target: Path) -> Iterator[Path]:
    """An empty file to write to, which is this one at the end of the block; where that fails, nothing is left of it."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield part
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def back_up(copy: Callable[[Path], None], directory: Path, name: str, stamp: str) -> Path:
    """The copy of this date, or moment, made if there is none; of those that are stamped alike the newest stay."""
    target = directory / f"{name}-{stamp}.sqlite3"
    if not target.exists():
        copy(target)
        copies = sorted(directory.glob(f"{escape(name)}-{re.sub('[0-9]', '[0-9]', stamp)}.sqlite3"))
        for old in copies[: -limits.BACKUPS]:
            old.unlink()
    return target
