"""`--for class`: class mode is on from the start."""

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from chat.commands.class_mode import switch_class_mode
from chat.core.hub import Hub

logger = Logger()


class ClassAtStart:
    """(Companion) Turns it on; where it is on already, since before a restart, nothing is done."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def start(self) -> None:
        """Begin."""
        done = Deferred.fromCoroutine(switch_class_mode(self._hub, None, True))
        done.addErrback(lambda failure: logger.failure("Class mode could not be begun", failure))

    def stop(self) -> None:
        """It stays on."""
