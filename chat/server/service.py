"""The running server as `twistd` knows it: the order in which everything begins, and in which it ends."""

from collections.abc import Sequence
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.failure import Failure

from chat.base import limits
from chat.core.hub import Hub
from chat.core.io_uring import the_ring
from chat.core.ports import Store
from chat.doors.factory import ChatFactory
from chat.server.logbook import LogBook

logger = Logger()


class Companion(Protocol):
    """What runs beside the chat, and looks after something."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""


class ChatService(Service):
    """It listens from its making; all else begins once `twistd` is in the background, for threads do not survive
    the way there."""

    def __init__(
        self,
        hub: Hub,
        store: Store,
        factory: ChatFactory,
        ports: Sequence[IListeningPort],
        companions: Sequence[Companion],
        log: LogBook | None,
    ) -> None:
        self._hub = hub
        self._store = store
        self._factory = factory
        self._ports = ports
        self._companions = companions
        self._log = log

    def setServiceParent(self, parent: Any) -> None:
        """(IService) The application that `twistd` runs logs as we do."""
        if self._log is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._log)
        super().setServiceParent(parent)

    def startService(self) -> None:
        """(IService) Begin."""
        super().startService()
        self._store.start()
        for companion in self._companions:
            companion.start()
        # Now, as a fork would come between the ring and its memory, and later descriptors may be scarce.
        the_ring()

    def stopService(self) -> Deferred[None]:
        """(IService) Fires when all is stored, told and closed."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        """No newcomers, the last commit, everyone reads what they are owed; who does not read is not waited for."""
        self._hub.stopping = True
        self._hub.shutdown.cancel()
        for companion in self._companions:
            companion.stop()
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        self._factory.hold()
        await self._in_time("the last commit", self._hub.turn.flush(), limits.CLOSE_SECONDS / 2)
        abort = self._hub.clock.callLater(limits.CLOSE_SECONDS / 2, self._factory.abort)
        await self._in_time("people who do not read", self._factory.drain(), limits.CLOSE_SECONDS)
        if abort.active():
            abort.cancel()
        await self._in_time("the last commit", self._hub.turn.stop(), limits.CLOSE_SECONDS / 4)
        await self._in_time("the end of the store", self._store.close(), limits.CLOSE_SECONDS / 4)

    def _in_time(self, what: str, done: Deferred[None], seconds: float) -> Deferred[None]:
        """Not waited for longer: a disk that hangs does not keep the server from ending."""

        def failed(failure: Failure) -> None:
            if failure.check(TimeoutError):
                logger.warn(
                    "Stopping: {what} was not waited for any longer, after {seconds:g} s", what=what, seconds=seconds
                )
            else:
                logger.failure("Stopping: {what}", failure, what=what)

        return done.addTimeout(seconds, self._hub.clock).addErrback(failed)
