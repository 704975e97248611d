"""Waiting for what must happen; the only place of these tests where time passes."""

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 15.0
"""Long enough for a busy machine; whatever takes this long has failed."""

_PAUSE = 0.01

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = SECONDS, what: str = "") -> T:
    """What the condition returns, once that is true."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or condition}; at the end: {result!r}"
        time.sleep(_PAUSE)
    return result


def pass_by(seconds: float) -> None:
    """Let time go by, where that is what is tried."""
    time.sleep(seconds)
