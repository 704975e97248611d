"""`python -m tests.storm.slowly SECONDS …`: `twistd …` on a disk that needs so long before each commit.

What is promised before it is stored then stays a lie for long enough to be caught at it.
"""

import sys
import time
from typing import Any

from twisted.scripts.twistd import run

from chat.store.sqlite import commits, store

_SECONDS = float(sys.argv.pop(1))


def _commit_slowly(*what: Any) -> Any:
    time.sleep(_SECONDS)
    return commits.commit(*what)


store.commit = _commit_slowly  # type: ignore[attr-defined]  # the name under which it calls it
run()
