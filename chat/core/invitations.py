"""Invitations: codes that the server makes, each of which lets one person register; only their hashes are kept.

One that is used is somebody's who comes in by it, until their account is stored, and it is gone with that.  Where they
never come, for their server has died, it is good again.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from chat.base import limits, resume_codes
from chat.base.errors import Refused
from chat.base.language import say
from chat.core.ports import Record
from chat.core.turn import Turn

_KIND = "invitation"


class Invitations:
    """Those by which nobody has registered, by the hash of their code, with their end; `is_there` says whether the
    person of an id is here, absent, or about to come in."""

    def __init__(
        self, turn: Turn, now: Callable[[], datetime], records: Iterable[Record], is_there: Callable[[str], bool]
    ) -> None:
        self._turn = turn
        self._now = now
        self._is_there = is_there
        self._ends: dict[str, datetime] = {}
        self._used_by: dict[str, str] = {}
        """Those that somebody uses, with their id."""
        for record in records:
            self.stored(record)

    def stored(self, record: Record) -> None:
        """One was made, or used, before this server was started or on another node."""
        if record.kind == _KIND:
            self._ends.pop(record.key, None)
            self._used_by.pop(record.key, None)
            end, _, person = (record.value or "").partition(" ")
            with suppress(ValueError):  # there is none, or no date: it has ended
                self._ends[record.key] = datetime.fromisoformat(end)
                if person:
                    self._used_by[record.key] = person

    async def make(self, count: int) -> tuple[list[str], datetime]:
        """So many codes, and until when they are good; raises `Refused` where there are too many, and `NotStored`."""
        self._forget_old()
        if len(self._ends) + count > limits.INVITATIONS:
            raise Refused("too-many", say("{limit} invitations are open already.", limit=limits.INVITATIONS))
        end = self._now() + timedelta(seconds=limits.INVITATION_SECONDS)
        codes = [resume_codes.for_people() for _ in range(count)]
        digests = list(map(resume_codes.digest, codes))
        await self._turn.change(*(Record(_KIND, digest, end.isoformat()) for digest in digests))
        self._ends |= dict.fromkeys(digests, end)
        return codes, end

    def find(self, text: str) -> str | None:
        """The invitation whose code this is, however it is written."""
        code = resume_codes.short(text.strip())
        digest = "" if code is None else resume_codes.digest(code)
        return digest if self._is_good(digest) else None

    def _is_good(self, digest: str) -> bool:
        if digest not in self._ends or self._ends[digest] <= self._now():
            return False
        person = self._used_by.get(digest)
        return person is None or not self._is_there(person)

    async def use(self, found: str, person: str) -> Callable[[], None]:
        """Whoever has this id registers by it, then it is `used`; returns what gives it back where they do not.

        Raises `Refused` where it was used meanwhile, also on another node, and `NotStored`.
        """
        if not self._is_good(found):
            raise nobodys()
        good = Record(_KIND, found, self._ends.pop(found).isoformat())
        before = self._used_by.pop(found, None)
        asked = good if before is None else good._replace(value=f"{good.value} {before}")

        def give_back() -> None:
            self.stored(good)
            self._turn.append_with(good)

        try:
            is_first = await self._turn.exchange(asked, f"{good.value} {person}")
        except BaseException:
            self.stored(asked)
            raise
        if not is_first:
            raise nobodys()
        return give_back

    def used(self, found: str) -> None:
        """The account is there, and is stored in the same turn."""
        self._turn.append_with(Record(_KIND, found, None))

    def _forget_old(self) -> None:
        now = self._now()
        old = [digest for digest, end in self._ends.items() if end <= now]
        for digest in old:
            del self._ends[digest]
        self._forget(old)

    def _forget(self, digests: Iterable[str]) -> None:
        """Where that cannot be stored, what they were used for is not either."""
        for digest in digests:
            self._turn.append_with(Record(_KIND, digest, None))


def nobodys() -> Refused:
    """The answer to a code that is none, is used, or has ended."""
    return Refused("code-wrong", say("This is no invitation, or it was used, or its time is over."))
