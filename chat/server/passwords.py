"""Passwords are hashed by argon2id, on threads of their own: that is dear on purpose, and nobody else waits for it."""

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say

T = TypeVar("T")


class Argon2:
    """A few threads, made with the first password; so many wait at most, for each takes memory (`limits.HASH_KIB`)."""

    def __init__(self, reactor: IReactorFromThreads) -> None:
        self._reactor = reactor
        self._pool: ThreadPool | None = None
        self._waiting = 0
        self._nobodys = ""

    def hash(self, password: str) -> Deferred[str]:
        """What is kept of a password."""
        return self._do(lambda: _hasher().hash(password))

    def verify(self, hash: str | None, password: str) -> Deferred[bool]:
        """Whether it is the one of this hash; without one it takes as long, and is not."""
        return self._do(lambda: self._verify(hash, password))

    def _verify(self, hash: str | None, password: str) -> bool:
        from argon2.exceptions import Argon2Error, InvalidHashError  # nobody pays for it at the start

        if (
            not self._nobodys
        ):  # for whomever the first one is: who waits longer is not to learn by that whether they are
            self._nobodys = _hasher().hash("nobody's")
        try:
            return _hasher().verify(hash or self._nobodys, password) and hash is not None
        except (Argon2Error, InvalidHashError):
            return False

    def _do(self, work: Callable[[], T]) -> Deferred[T]:
        if self._waiting >= limits.HASHES_WAITING:
            return fail(Refused("busy", say("Very many log in just now. Try again in a minute.")))
        if self._pool is None:
            self._pool = ThreadPool(0, limits.HASH_THREADS, "chat-passwords")
            self._pool.start()
        self._waiting += 1
        return deferToThreadPool(self._reactor, self._pool, work).addBoth(self._done)

    def _done(self, result: T) -> T:
        self._waiting -= 1
        return result

    def start(self) -> None:
        """The threads are made with the first password."""

    def stop(self) -> None:
        """No password comes any more."""
        if self._pool is not None:
            self._pool.stop()
            self._pool = None


def _hasher():  # type: ignore[no-untyped-def]
    from argon2 import PasswordHasher  # nobody pays for it at the start

    return PasswordHasher(time_cost=limits.HASH_ROUNDS, memory_cost=limits.HASH_KIB, parallelism=1)
