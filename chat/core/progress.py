"""How far people have read, where several nodes use the store: beside the order in which it keeps all else.

It changes all the time, and no other node needs it before somebody comes back there.  So each node stores it of its own
sessions now and then, and of others' it has what stood in their records, which is as old as these are: the store is
asked when somebody comes back, and of all that were a dead node's.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
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
        """Those that have become this node's, and of which the store has not been asked yet."""
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

    def adopted(self, sessions: Iterable[str]) -> None:
        """These have become this node's; until the store has told of them nothing that is known here is stored."""
        self._unread.update(dict.fromkeys(sessions))
        self._read()

    def is_unread(self, session: Device) -> bool:
        """The store has later news of it than this node."""
        return session.digest in self._unread and session not in session.person.attached

    def _read(self) -> None:
        if self._unread and not self._reading:
            self._reading = True
            self._ask(list(islice(self._unread, limits.ADOPTED_AT_ONCE))).addBoth(self._was_read)

    def _was_read(self, result: Failure | None) -> None:
        self._reading = False
        if isinstance(result, Failure):
            if result.check(Refused) is None:
                logger.failure("How far people have read could not be read", result)
            self._clock.callLater(limits.BEAT_SECONDS, self._read)
        else:
            self._read()

    async def learn(self, person: Person) -> None:
        """Before somebody comes back here: how far they have read elsewhere is known, and what they read there was
        heard.  Where it cannot be read now it is as it was last told."""
        others = [
            session.digest
            for session in (*person.elsewhere, *person.detached)
            if session.node or session.digest in self._unread
        ]
        if not others:
            return
        try:
            ahead = await self._ask(others)
        except Refused:
            return
        if ahead:
            await self._hear()

    def _ask(self, sessions: Collection[str]) -> Deferred[bool]:
        """Fires with whether they have read what was not heard here yet."""
        told = {digest: session.seen_at for digest in sessions if (session := self._codes.get(digest)) is not None}
        return self._store.progress(list(sessions)).addCallback(self._learnt, sessions, told)

    def _learnt(self, found: Mapping[str, Progress], sessions: Iterable[str], told: Mapping[str, datetime]) -> bool:
        ahead = False
        for digest in sessions:
            self._unread.pop(digest, None)
            session, progress = self._codes.get(digest), found.get(digest)
            if session is None or progress is None or session in session.person.attached:
                continue
            person = session.person
            person.spoke_at = max(person.spoke_at, progress.spoke_at)
            person.read = furthest(person.read, progress.read)
            # What was told meanwhile is later, and what a node had not stored when it was taken for dead.
            if progress.given is not None and told.get(digest) == session.seen_at <= progress.seen_at:
                session.seen_at = progress.seen_at
                session.was_given(progress.given)
                ahead = ahead or any(progress.given.get(log.key, 0) > log.head for log in person.logs.values())
        return ahead


def furthest(one: Mapping[K, int], other: Mapping[K, int]) -> dict[K, int]:
    """Of two places in the same log the later one."""
    return {key: max(one.get(key, 0), other.get(key, 0)) for key in {**other, **one}}


def read_on(remembered: Remembered, progress: Mapping[str, Progress]) -> Remembered:
    """What is remembered of people and sessions, who have read on since then, so far."""
    people, sessions = dict(remembered.people), dict(remembered.sessions)
    for digest, (seen_at, spoke_at, given, read) in progress.items():
        if (session := sessions.get(digest)) is None:
            continue
        if given is not None:
            sessions[digest] = session._replace(seen_at=seen_at, given=given)
        if (person := people.get(session.person)) is not None:
            people[session.person] = person._replace(
                spoke_at=max(person.spoke_at, spoke_at), read=furthest(person.read, read)
            )
    return Remembered(people, sessions)
