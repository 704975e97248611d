"""Passwords in the system's keyring, by the package keyring (the extra of that name), and in no other place.

A keyring may take long, for a desktop asks somebody to unlock it, and may fail in any way, for what it stands on is
many things: then it is `Unusable`, and why is one sentence.
"""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.language import Sentence, say

Run = Callable[..., "Deferred[Any]"]
"""Calls a function out of the way, with arguments; fires with what it returns."""

_T = TypeVar("_T")
_RECOMMENDED = 1
"""The priority from which on a keyring is one; those below keep passwords in files, or nowhere."""


class Unusable(Exception):
    """Nothing can be kept, and nothing found, and why."""

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence


class KeptPasswords:
    """Those of one chat, by nickname, kept under its first address; `run` calls what may block."""

    def __init__(self, servers: Sequence[str], run: Run, clock: IReactorTime) -> None:
        self._services = [f"chat-client {server}" for server in servers]
        self._run = run
        self._clock = clock

    def get(self, nick: str) -> "Deferred[str | None]":
        """The password of this nickname, if there is one; fails with `Unusable`."""

        def find(keyring: Any) -> str | None:
            found = (keyring.get_password(service, nick.casefold()) for service in self._services)
            return next((password for password in found if password is not None), None)

        return self._call(find)

    def put(self, nick: str, password: str) -> "Deferred[None]":
        """Keep it; fails with `Unusable`."""
        return self._call(lambda keyring: keyring.set_password(self._services[0], nick.casefold(), password))

    def forget(self, nick: str) -> "Deferred[None]":
        """Keep it no more, if it was kept; fails with `Unusable`."""

        def delete(keyring: Any) -> None:
            for service in self._services:
                if keyring.get_password(service, nick.casefold()) is not None:
                    keyring.delete_password(service, nick.casefold())

        return self._call(delete)

    def check(self) -> "Deferred[None]":
        """Whether there is one; fails with `Unusable`."""
        return self._call(lambda keyring: None)

    def _call(self, what: Callable[[Any], _T]) -> "Deferred[_T]":
        called: Deferred[_T] = self._run(lambda: what(_keyring()))
        return called.addTimeout(limits.KEYRING_SECONDS, self._clock).addErrback(_unusable)


def _keyring() -> Any:
    """The system's; raises `Unusable`."""
    try:
        import keyring
    except ImportError:
        raise Unusable(say("The keyring needs a package: pip install 'twisted-chat[keyring]'")) from None
    found = keyring.get_keyring()
    if found.priority < _RECOMMENDED:
        raise Unusable(say("There is no keyring of the system that can be used here."))
    return found


def _unusable(failure: Failure) -> NoReturn:
    """Without what was said by whoever knew the password."""
    if isinstance(failure.value, Unusable):
        raise failure.value
    raise Unusable(say("The keyring fails: {reason}", reason=type(failure.value).__name__)) from None
