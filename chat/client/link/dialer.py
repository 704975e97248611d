"""Connects, and connects again when the connection is gone, sooner at first and then at leisure.

The pauses have a jitter, so that a server that comes back is not met by everybody at once; and a server that lets
nobody in is given as much peace as one that does not answer.  One that is not safe is not tried again.
"""

from collections.abc import Callable
from typing import Protocol

from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from chat.base import limits
from chat.base.language import Sentence
from chat.client.link.link import reason_of
from chat.client.link.trust import Unsafe


class DialObserver(Protocol):
    """Who is told how it goes; never in the middle of something else."""

    def unreachable(self, reason: Sentence) -> None:
        """An attempt to connect failed."""

    def unsafe(self, problem: Unsafe) -> None:
        """The server is not who it should be, or nobody knows; nothing is tried before the next `start`."""

    def trying_again(self, seconds: float) -> None:
        """The next attempt is in so many seconds."""


class Dialer:
    """Keeps one connection to an endpoint, made by a factory."""

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        factory: IProtocolFactory,
        clock: IReactorTime,
        listener: DialObserver,
        jitter: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._listener = listener
        self._failures = 0
        self._stopped = self._resting = False
        self._delay = backoffPolicy(limits.RETRY_SECONDS, limits.RETRY_MOST_SECONDS, jitter=jitter)
        self._service = ClientService(_Watched(endpoint, self._failed), factory, self._retry, clock)

    def start(self) -> None:
        """Connect."""
        self._resting = False
        self._service.startService()

    def hurry(self) -> None:
        """Connect now, if it is only waited for."""
        if not (self._stopped or self._resting):
            self._failures = 0
            self._service.stopService()
            self._service.startService()

    def succeeded(self) -> None:
        """The server let us in: the next pause is a short one again."""
        self._failures = 0

    def stop(self) -> Deferred[None]:
        """Let go, and do not come back; fires when it is done."""
        self._stopped = True
        return self._service.stopService()

    def _failed(self, failure: Failure) -> Failure:
        if self._stopped or failure.check(CancelledError):
            pass  # nobody waits for it
        elif isinstance(failure.value, Unsafe):
            self._resting = True
            self._clock.callLater(0, self._rest, failure.value)
        else:
            self._clock.callLater(0, self._listener.unreachable, reason_of(failure))
        return failure

    def _rest(self, problem: Unsafe) -> None:
        if not self._stopped:
            self._service.stopService()
            self._listener.unsafe(problem)

    def _retry(self, _failures: int) -> float:
        self._failures += 1
        delay = self._delay(self._failures)
        if not self._resting:
            self._clock.callLater(0, self._listener.trying_again, delay)
        return delay


@implementer(IStreamClientEndpoint)
class _Watched:
    """An endpoint whose failures are heard of, which `ClientService` keeps to itself."""

    def __init__(self, endpoint: IStreamClientEndpoint, failed: Callable[[Failure], Failure]) -> None:
        self._endpoint = endpoint
        self._failed = failed

    def connect(self, factory: IProtocolFactory) -> "Deferred[IProtocol]":
        """Connect."""
        return self._endpoint.connect(factory).addErrback(self._failed)
