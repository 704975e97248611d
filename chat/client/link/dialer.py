"""Connects, and connects again when the connection is gone, sooner at first and then at leisure.

The pauses have a jitter, so that a server that comes back is not met by everybody at once; and a server that lets
nobody in is given as much peace as one that does not answer.  One that is not safe is not tried again.

A chat may have several addresses: when one is gone the next is tried at once, and only when none let us in there is a
pause.  One that is not safe is left out then.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from chat.base import limits
from chat.base.language import Sentence
from chat.base.named_tuples import NamedTuple
from chat.client.link.link import reason_of
from chat.client.link.trust import Unknown, Unsafe
from chat.client.link.turns import Turns


class Address(NamedTuple):
    """One of a chat's, as people name it, and the way there."""

    name: str
    endpoint: IStreamClientEndpoint


class DialObserver(Protocol):
    """Who is told how it goes; never in the middle of something else."""

    def dialing(self, server: str) -> None:
        """This address is tried now, another one than before."""

    def unreachable(self, reason: Sentence) -> None:
        """An attempt to connect failed, and no other address is left for now."""

    def skipped(self, why: Sentence | Unsafe) -> None:
        """The address that was tried is of no use, or not safe, and another one is tried at once."""

    def unsafe(self, problem: Unsafe) -> None:
        """The server is not who it should be, or nobody knows; nothing is tried before the next `start`."""

    def trying_again(self, seconds: float) -> None:
        """The next attempt is in so many seconds."""


class Dialer:
    """Keeps one connection to one of these addresses, made by a factory."""

    def __init__(
        self,
        addresses: Sequence[Address],
        factory: IProtocolFactory,
        clock: IReactorTime,
        listener: DialObserver,
        jitter: Callable[[], float],
    ) -> None:
        self._addresses = addresses
        self._turns = Turns(len(addresses))
        self._named = addresses[0].name
        self._clock = clock
        self._listener = listener
        self._failures = 0
        self._in_since: float | None = None
        self._stopped = self._resting = False
        self._delay = backoffPolicy(limits.RETRY_SECONDS, limits.RETRY_MOST_SECONDS, jitter=jitter)
        self._service = ClientService(_Way(self._connect), factory, self._retry, clock)

    @property
    def has_others(self) -> bool:
        """Whether another address is tried at once where this one comes to nothing."""
        return bool(self._turns.others)

    def start(self) -> None:
        """Connect."""
        self._resting = False
        self._service.startService()

    def hurry(self) -> None:
        """Connect now, if it is only waited for."""
        if not (self._stopped or self._resting):
            self._failures = 0
            self._turns.pardon()
            self._service.stopService()
            self._service.startService()

    def succeeded(self) -> None:
        """The server let us in: the next pause is a short one again."""
        self._failures = 0
        self._in_since = self._clock.seconds()

    def stop(self) -> Deferred[None]:
        """Let go, and do not come back; fires when it is done."""
        self._stopped = True
        return self._service.stopService()

    def _connect(self, factory: IProtocolFactory) -> "Deferred[IProtocol]":
        address = self._addresses[self._turns.at]
        if address.name != self._named:
            self._named = address.name
            self._clock.callLater(0, self._listener.dialing, address.name)
        return address.endpoint.connect(factory).addErrback(self._failed)

    def _failed(self, failure: Failure) -> Failure:
        """`ClientService` keeps that to itself."""
        if self._stopped or failure.check(CancelledError):
            pass  # nobody waits for it
        elif isinstance(failure.value, Unsafe):
            if isinstance(failure.value, Unknown) or not self._turns.bar():
                self._resting = True
                self._clock.callLater(0, self._rest, failure.value)
            else:
                self._clock.callLater(0, self._listener.skipped, failure.value)
        else:
            told = self._listener.skipped if self.has_others else self._listener.unreachable
            self._clock.callLater(0, told, reason_of(failure))
        return failure

    def _rest(self, problem: Unsafe) -> None:
        if not self._stopped:
            self._service.stopService()
            self._listener.unsafe(problem)

    def _retry(self, _failures: int) -> float:
        was_in, self._in_since = self._in_since, None
        if was_in is not None and self._clock.seconds() - was_in >= limits.STAYED_SECONDS:
            self._turns.stayed()
        if not self._resting and self._turns.go_on():
            return 0.0
        self._failures += 1
        delay = self._delay(self._failures)
        if not self._resting:
            self._clock.callLater(0, self._listener.trying_again, delay)
        return delay


@implementer(IStreamClientEndpoint)
class _Way:
    """What `ClientService` takes for one endpoint."""

    def __init__(self, connect: Callable[[IProtocolFactory], "Deferred[IProtocol]"]) -> None:
        self.connect = connect


@implementer(IStreamClientEndpoint)
class AnyOf:
    """Connects to the first of these that can be; fails as the last one did, unless one before was not safe."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses

    def connect(self, factory: IProtocolFactory) -> "Deferred[IProtocol]":
        """(IStreamClientEndpoint)"""
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        problem: Exception | None = None
        for address in self._addresses:
            try:
                return await address.endpoint.connect(factory)
            except CancelledError:
                raise
            except Exception as error:
                problem = problem if isinstance(problem, Unsafe) else error
        assert problem is not None
        raise problem
