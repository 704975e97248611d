"""Invitations: codes that the server makes, each of which lets one person register; only their hashes are kept."""

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
    """Those that nobody has used, by the hash of their code, with their end."""

    def __init__(self, turn: Turn, now: Callable[[], datetime], records: Iterable[Record]) -> None:
        self._turn = turn
        self._now = now
        self._ends: dict[str, datetime] = {}
        for record in records:
            self.stored(record)

    def stored(self, record: Record) -> None:
        """One was made, or used, before this server was started or on another node."""
        if record.kind == _KIND:
            self._ends.pop(record.key, None)
            with suppress(TypeError, ValueError):  # there is none, or no date: it has ended
                self._ends[record.key] = datetime.fromisoformat(record.value)  # type: ignore[arg-type]

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
        return digest if digest in self._ends and self._ends[digest] > self._now() else None

    async def use(self, found: str) -> Callable[[], None]:
        """Somebody registers by it; returns what gives it back where they do not.

        Raises `Refused` where it was used meanwhile, also on another node, and `NotStored`.
        """
        end = self._ends.pop(found, self._now())
        if end <= self._now():
            raise nobodys()
        good = Record(_KIND, found, end.isoformat())

        def give_back() -> None:
            self.stored(good)
            self._turn.append_with(good)

        try:
            is_first = await self._turn.exchange(good, None)
        except BaseException:
            self.stored(good)
            raise
        if not is_first:
            raise nobodys()
        return give_back

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
