"""`python -m tests.storm.program COMMIT LEASE …`: `twistd …` on a disk that needs so many seconds before each commit,
and where a node that was not heard for so many is taken for gone; 0 changes nothing.

What is promised before it is stored then stays a lie for long enough to be caught at it.
"""

import sys
import time
from typing import Any

from twisted.scripts.twistd import run

from chat.base import limits
from chat.store.sqlite import commits, store

_COMMIT, _LEASE = float(sys.argv.pop(1)), float(sys.argv.pop(1))


def _commit_slowly(*what: Any) -> Any:
    time.sleep(_COMMIT)
    return commits.commit(*what)


if _COMMIT:
    store.commit = _commit_slowly  # type: ignore[attr-defined]  # the name under which it calls it
if _LEASE:
    limits.LEASE_SECONDS, limits.BEAT_SECONDS = _LEASE, _LEASE / 6  # type: ignore[misc]
    limits.GATHER_FROM = 1000  # type: ignore[misc]  # who leaves is told of before the storm is over
run()
