"""`python -m tests.storm.slowly SECONDS …`: `twistd …` on a disk that needs so long before each commit.

What is promised before it is stored then stays a lie for long enough to be caught at it.
"""

import sqlite3
import sys
import time

from twisted.scripts.twistd import run

from chat.core.ports import Batch
from chat.store.sqlite import commits, store

_SECONDS = float(sys.argv.pop(1))


def _commit_slowly(connection: sqlite3.Connection, batch: Batch) -> int:
    time.sleep(_SECONDS)
    return commits.commit(connection, batch)


store.commit = _commit_slowly  # type: ignore[attr-defined]  # the name under which it calls it
run()
