"""What happened while the store was away, and others have to know: it goes with the first turn that can be stored."""

from collections.abc import Callable, Sequence

from chat.base import limits
from chat.core.batch import Change, OpenBatch
from chat.core.ports import Record


class Owed:
    """Who came, went and was called otherwise, and records for which nobody waits; of too many the oldest are lost."""

    def __init__(self) -> None:
        self._changes: Sequence[Change] = ()
        self._records: dict[tuple[str, str], Record] = {}

    def __bool__(self) -> bool:
        return bool(self._changes or self._records)

    def add(self, refused: OpenBatch) -> None:
        """This could not be stored."""
        self._changes = [*self._changes, *refused.happened][-limits.PENDING_EVENTS :]
        self._records |= {(record.kind, record.key): record for record in refused.owed}

    def refine(self, refined: Callable[[Change], Change | None]) -> None:
        """They did this instead, or (None) nothing."""
        self._changes = [change for change in map(refined, self._changes) if change is not None]

    def go_first(self, batch: OpenBatch) -> None:
        """All of it goes with this batch, before what has gathered there."""
        batch.put_first(self._changes)
        batch.records[:0] = batch.owed[:0] = self._records.values()
