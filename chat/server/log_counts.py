"""How many entries of the log tell of something that should not be."""

from collections import Counter
from collections.abc import Mapping
from threading import Lock

from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer

_TOLD = (LogLevel.warn, LogLevel.error, LogLevel.critical)


@implementer(ILogObserver)
class LogCounts:
    """Counts from `start` to `stop` (a companion of the service), also what is left out of the log as it is too much.

    Any thread may log.
    """

    def __init__(self) -> None:
        self._counts = Counter({level.name: 0 for level in _TOLD})
        self._lock = Lock()

    def start(self) -> None:
        """(Companion) Count from now on."""
        globalLogPublisher.addObserver(self)

    def stop(self) -> None:
        """(Companion) Count no more."""
        globalLogPublisher.removeObserver(self)

    def __call__(self, event: LogEvent) -> None:
        """(ILogObserver)"""
        level = event.get("log_level")
        if level in _TOLD:
            with self._lock:
                self._counts[level.name] += 1

    @property
    def by_level(self) -> Mapping[str, int]:
        """How many there were of each: `warn`, `error`, and `critical`, which is a fault of ours."""
        return dict(self._counts)
