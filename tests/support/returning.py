"""Coming back: after a cut, and after a restart."""

import re
from itertools import count

from world import Client, Hashed, World

from chat.core.hub import Hub, Settings
from chat.core.ports import Kept, KeptLog, Remembered
from chat.core.restoring import restore
from chat.store.memory import MemoryStore


def code_of(client: Client) -> str:
    """The resume code that somebody was told."""
    match = re.search(r'/resume (\S+)|"resume":"(\w+)"', client.bytes.decode())
    assert match is not None, client.lines
    return match[1] or match[2]


def enter(world: World, nick: str, wire: str = "plain") -> tuple[Client, str]:
    """Somebody who has read everything so far, and their code."""
    client = world.connect(f"/nick {nick}", wire=wire)
    code = code_of(client)
    client.take()
    return client, code


def resume(world: World, code: str, wire: str = "plain", **keys: object) -> Client:
    """Somebody who comes back on a new connection."""
    client = world.connect(wire=wire)
    client.take()
    client.type(f"/resume {code}", **keys)
    return client


def texts(client: Client) -> list[str]:
    """What they were given of what people said, on the wire of programs."""
    return [keys["text"] for keys in client.objects if keys["type"] == "message"]


_NUMBERS = count(10**6)
"""Of the ids that servers give which were started again: never those of before."""


class KeepingStore(MemoryStore):
    """Remembers the records and heads as a durable store does."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[tuple[str, str], object] = {}
        self.remembered = Remembered({}, {})
        self.heads: dict[str, KeptLog] = {}

    def commit(self, batch):  # type: ignore[no-untyped-def]
        """Keep a batch."""
        done = super().commit(batch)
        for record in batch.records:
            self.records[record.kind, record.key] = record
        self.remembered.people.update(batch.remembered.people)  # type: ignore[attr-defined]
        self.remembered.sessions.update(batch.remembered.sessions)  # type: ignore[attr-defined]
        for log in batch.appended:
            self.heads[log.key] = KeptLog(log.key, log.name, log.entries[-1].seq)
        return done

    def kept(self) -> Kept:
        """What the next server finds."""
        records = [record for record in self.records.values() if record.value is not None]  # type: ignore[attr-defined]
        return Kept(list(self.heads.values()), records, remembered=self.remembered)  # type: ignore[arg-type]


def restarted(world: World, store: KeepingStore) -> World:
    """The same chat after its server died and was started again."""
    after = World(store)
    after.clock.advance(world.clock.seconds())
    after.hub = Hub(
        after.clock, after.now, store, lambda: f"token{next(_NUMBERS)}", Settings("pi", (), 20), store.kept(), Hashed()
    )
    after.factory.hub = after.hub
    restore(after.hub, store.kept().remembered)
    after.turn()
    return after
