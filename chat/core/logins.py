"""Who is let in by a password, and how tries of it are slowed.

Tries of one account from one address come one after the other, and after wrong ones the next waits for longer and
longer; so it does after very many wrong ones from addresses from which nobody ever logged in.  Nobody is locked out:
an address where the owner was waits for its own tries only, and whoever is here, or comes back by a code, is not asked.
"""

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Any, Protocol

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, DeferredLock, fail
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import Interface, implementer

from chat.base import limits, names, passwords
from chat.base.errors import Refused
from chat.base.language import say
from chat.core.guesses import Asker
from chat.core.person import Device, Person
from chat.core.ports import Passwords


class Accounts(Protocol):
    """Who has an account: what logins need of the hub."""

    clock: IReactorTime
    people: dict[str, Person]
    absent: dict[str, Person]
    codes: dict[str, Device]

    def account(self, nick: str) -> Person | None:
        """Whose account this nickname is."""


class NoPasswords:
    """(Passwords) For a chat without accounts."""

    def hash(self, password: str) -> Deferred[str]:
        """There are none."""
        return fail(Refused("not-allowed", say("There are no accounts here.")))

    def verify(self, hash: str | None, password: str) -> Deferred[bool]:
        """There are none."""
        return fail(Refused("not-allowed", say("There are no accounts here.")))


class IPerson(Interface):
    """What a login gives: the person whose account it is."""


class _Line:
    """Tries that wait for one another."""

    def __init__(self) -> None:
        self.lock = DeferredLock()
        self.wrong = 0
        self.waiting = 0
        self.after = 0.0
        """The next one may be made then (in the clock's seconds)."""

    def went_wrong(self, now: float, free: int) -> None:
        """One more was wrong; so many cost nothing.

        The pause is shared by those who wait: whoever is among them waits for no more than one, not for one each.
        """
        self.wrong += 1
        if self.wrong >= free:
            pause = min(2.0 ** min(self.wrong - free, 10), limits.LOGIN_PAUSE_MOST)
            self.after = now + pause / max(1, self.waiting)


@implementer(ICredentialsChecker)
class PasswordChecker:
    """Knows accounts by their nicknames and passwords; of one that there is not it takes as long."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, accounts: Accounts, passwords: Passwords) -> None:
        self._accounts = accounts
        self._passwords = passwords

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """The person's id; fails with `UnauthorizedLogin`."""
        return Deferred.fromCoroutine(self._look(credentials.username.decode(), credentials.password.decode()))

    async def _look(self, nick: str, password: str) -> bytes:
        person = self._accounts.account(nick)
        kept = None if person is None or person.password == passwords.NONE else person.password
        is_right = await self._passwords.verify(kept, password)
        if person is None or not is_right or person.password != kept:
            raise UnauthorizedLogin
        return person.id.encode()


@implementer(IRealm)
class People:
    """Those who have accounts."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: Any) -> Any:
        """The person; their sessions end by themselves."""
        id = avatarId.decode()
        return IPerson, self._accounts.people.get(id) or self._accounts.absent[id], lambda: None


class Logins:
    """All who try to log in."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: Passwords,
        tell: Callable[[str, str], None] = lambda host, person: None,
    ) -> None:
        """`tell` is told of each wrong try, by its address, and by whose account it is, if it is one."""
        self._accounts = accounts
        self._tell = tell
        self._portal = Portal(People(accounts), [PasswordChecker(accounts, passwords)])
        self._lines: OrderedDict[tuple[str | None, str | None], _Line] = OrderedDict()
        """By account and address.  None stands for any: an empty text would not do, for a nickname may fold to one."""
        self._known: OrderedDict[str, None] = OrderedDict()
        """Addresses from which somebody logged in, or made an account."""
        self._waiting: dict[Asker, Deferred[Any]] = {}

    async def log_in(self, nick: str, password: str, asker: Asker) -> Person:
        """The person whose account it is; raises `Refused` where it is nobody's, after a while where many tried, and
        `CancelledError` where the asker is dropped while they wait."""
        key, host = names.fold(nick), asker.host
        own, hosts = self._line((key, host)), self._line((None, host))
        own.waiting += 1
        try:
            await self._wait(asker, own.lock.acquire())
        finally:
            own.waiting -= 1
        try:
            clock = self._accounts.clock
            lines = self._of(key, host)
            if (wait := max(line.after for line in lines) - clock.seconds()) > 0:
                await self._wait(asker, deferLater(clock, wait, lambda: None))
            # One at a time of an address: what waits for the threads is not to be one address's tries alone.
            await self._wait(asker, hosts.lock.acquire())
            try:
                _, person, _ = await self._portal.login(
                    UsernamePassword(nick.encode("utf-8", "replace"), password.encode("utf-8", "replace")),
                    None,
                    IPerson,
                )
            except UnauthorizedLogin:
                self._went_wrong(lines)
                if (guessed_at := self._accounts.account(nick)) is not None:
                    self._tell(host, guessed_at.id)
                shown = nick[: limits.NAME_READ]
                raise Refused("login-failed", say("That is not the password of {nick}.", nick=shown)) from None
            finally:
                hosts.lock.release()
            self.remember(host)
            own.wrong, own.after = 0, 0.0
        finally:
            own.lock.release()
        assert isinstance(person, Person)
        return person

    def _of(self, key: str, host: str) -> list[_Line]:
        """In which lines a try of this account from this address is."""
        own = self._line((key, host))
        return [own] if self._knows(host) else [own, self._line((key, None))]

    def _went_wrong(self, lines: list[_Line]) -> None:
        free = (limits.LOGIN_TRIES, limits.LOGIN_TRIES_OF_STRANGERS)
        for line, tries in zip(lines, free, strict=False):
            line.went_wrong(self._accounts.clock.seconds(), tries)

    def count(self, person: Person, host: str) -> None:
        """A try of this account from this address was wrong on another node."""
        self._went_wrong(self._of(names.fold(person.nick), host))

    def came(self, person: Person, host: str) -> None:
        """The owner of this account logged in from this address on another node."""
        if (own := self._lines.get((names.fold(person.nick), host))) is not None:
            own.wrong, own.after = 0, 0.0

    async def _wait(self, asker: Asker, turn: Deferred[Any]) -> None:
        if not turn.called:
            self._waiting[asker] = turn
        try:
            await turn
        finally:
            self._waiting.pop(asker, None)

    def drop(self, asker: Asker) -> None:
        """They are gone: what they tried is tried no more, and nobody waits for it."""
        if (turn := self._waiting.get(asker)) is not None:
            turn.cancel()

    def _knows(self, host: str) -> bool:
        """Whether somebody logged in from this address, as far as is remembered."""
        return host in self._known or any(
            session.host == host and session.person.has_account for session in self._accounts.codes.values()
        )

    def remember(self, host: str) -> None:
        """From this address the owner of an account came."""
        self._known[host] = None
        self._known.move_to_end(host)
        if len(self._known) > limits.LOGINS_REMEMBERED:
            self._known.popitem(last=False)

    def _line(self, key: tuple[str | None, str | None]) -> _Line:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line()
            self._forget_some()
        self._lines.move_to_end(key)
        return line

    def _forget_some(self) -> None:
        """Of very many the oldest in which nobody waits."""
        now = self._accounts.clock.seconds()
        for key, line in list(islice(self._lines.items(), max(0, len(self._lines) - limits.LOGINS_REMEMBERED))):
            if not line.lock.locked and line.after <= now:
                del self._lines[key]
