"""How far people have read, where several nodes use the store: beside the order in which it keeps all else.

It changes all the time, and no other node needs it before somebody comes back there.  So each node stores it of its own
sessions now and then, and of others' it has what stood in their records, which is as old as these are: the store is
asked when somebody comes back, and of all that were a dead node's.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.errors import NotStored, Refused
from chat.core.person import Device, Person
from chat.core.ports import Progress, Remembered, SharedStore

logger = Logger()

K = TypeVar("K")


class OwnAndOthers:
    """Keeps what the store has of this node's sessions, and asks it for that of others', by the hashes of their codes.

    `codes` has all of them; `hear` brings what other nodes had stored by now.
    """

    def __init__(
        self, clock: IReactorTime, store: SharedStore, codes: Mapping[str, Device], hear: Callable[[], Any]
    ) -> None:
        self._clock = clock
        self._store = store
        self._codes = codes
        self._hear = hear
        self._moved: dict[Device, None] = {}
        """Who has read on since that was stored."""
        self._keeping = False
        """It is being stored, or will be in a moment."""
        self._unread: dict[str, None] = {}
        """What was a dead node's, and is to be asked for."""
        self._reading = False

    # This node's.

    def moved(self, session: Device) -> None:
        """They have read on; it is stored with what others read in the same moment."""
        self._moved[session] = None
        if not self._keeping:
            self._keeping = True
            self._clock.callLater(limits.PROGRESS_SECONDS, self._keep)

    def _keep(self) -> None:
        some = list(islice(self._moved, limits.PROGRESS_AT_ONCE))
        for session in some:
            del self._moved[session]
        if progress := {session.digest: session.progress() for session in some if session in session.person.attached}:
            self._store.keep_progress(progress).addCallbacks(
                lambda _: self._keep(), self._not_kept, errbackArgs=(some,)
            )
        elif some:
            self._keep()
        else:
            self._keeping = False

    def _not_kept(self, failure: Failure, some: Iterable[Device]) -> None:
        """They have read no less in a while."""
        if failure.check(NotStored) is None:
            logger.failure("How far people have read could not be stored", failure)
        self._moved = {**dict.fromkeys(some), **self._moved}
        self._clock.callLater(limits.BEAT_SECONDS, self._keep)

    # Others'.

    def learn_all(self, sessions: Iterable[str]) -> None:
        """These have become this node's."""
        self._unread.update(dict.fromkeys(sessions))
        self._read()

    def _read(self) -> None:
        if self._unread and not self._reading:
            some = list(islice(self._unread, limits.ADOPTED_AT_ONCE))
            self._reading = True
            self._ask(some).addCallbacks(lambda _: self._was_read(some), self._not_read)

    def _was_read(self, some: Iterable[str]) -> None:
        self._reading = False
        for digest in some:
            self._unread.pop(digest, None)
        self._read()

    def _not_read(self, failure: Failure) -> None:
        self._reading = False
        if failure.check(Refused) is None:
            logger.failure("How far people have read could not be read", failure)
        self._clock.callLater(limits.BEAT_SECONDS, self._read)

    async def learn(self, person: Person) -> None:
        """Before somebody comes back here: how far they have read elsewhere is known, and what they read there was
        heard; where it cannot be read, that stays unread."""
        if others := [session for session in (*person.elsewhere, *person.detached) if session.unread]:
            with suppress(Refused):
                await self._ask([session.digest for session in others])
                if any(session.given(log) > log.head for session in others for log in person.logs.values()):
                    await self._hear()

    def _ask(self, sessions: Collection[str]) -> Deferred[None]:
        told = {digest: session.seen_at for digest in sessions if (session := self._codes.get(digest)) is not None}
        return self._store.progress(list(told)).addCallback(self._learnt, told)

    def _learnt(self, found: Mapping[str, Progress], told: Mapping[str, datetime]) -> None:
        for digest, (seen_at, spoke_at, given, read) in found.items():
            session = self._codes.get(digest)
            if session is None or not session.unread or session.seen_at != told[digest]:
                continue  # meanwhile it was told, or has come back
            person = session.person
            if spoke_at > person.spoke_at:
                person.spoke_at = spoke_at
            if read:
                person.read = furthest(person.read, read)
            session.seen_at = seen_at
            session.was_given(given)


def furthest(one: Mapping[K, int], other: Mapping[K, int]) -> dict[K, int]:
    """Of two places in the same log the later one."""
    return {key: max(one.get(key, 0), other.get(key, 0)) for key in {**other, **one}}


def read_on(remembered: Remembered, progress: Mapping[str, Progress]) -> Remembered:
    """What is remembered of people and sessions, who have read on since then, so far."""
    people, sessions = dict(remembered.people), dict(remembered.sessions)
    for digest, (seen_at, spoke_at, given, read) in progress.items():
        if (session := sessions.get(digest)) is None:
            continue
        sessions[digest] = session._replace(seen_at=seen_at, given=given)
        if (person := people.get(session.person)) is not None:
            people[session.person] = person._replace(
                spoke_at=max(person.spoke_at, spoke_at), read=furthest(person.read, read)
            )
    return Remembered(people, sessions)
