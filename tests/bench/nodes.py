"""What other nodes cost a node, without a database: `python -m tests.bench.nodes [PEOPLE]`.

How much memory each person takes who is elsewhere, and for how long everybody waits when a turn of somebody else's
comes, and when a node with all of these people dies and this one adopts them.
"""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "support"))

from cluster import Nodes
from nodes import Row
from world import START, World

from chat.base import limits
from chat.core.ports import Appended, Claim, Elsewhere, PersonRecord, Remembered, SessionRecord
from chat.log.events import Author, Entry, Message
from chat.store.postgresql import people

_AT_ONCE = 100


def main(count: int) -> None:
    """Print the three figures."""
    nodes = Nodes(2)
    nodes.cluster.adopted_at_once = limits.ADOPTED_AT_ONCE
    here, elsewhere = nodes.stores[0], nodes.stores[1].name
    world = nodes.worlds[0]
    told = [_came(range(first, first + _AT_ONCE), elsewhere) for first in range(0, count, _AT_ONCE)]
    for one in told:
        nodes.cluster.sessions.update({key: Row(row, elsewhere, 0) for key, row in one.remembered.sessions.items()})
    texts = [[people.written(record) for part in one.remembered for record in part.values()] for one in told]
    gc.collect()
    tracemalloc.start()
    for one, parts in zip(told, texts, strict=True):
        here._tell(_as_read(one, parts))
    gc.collect()
    sys.stdout.write(f"{tracemalloc.get_traced_memory()[0] // count} bytes a person elsewhere\n")
    tracemalloc.stop()
    author, head = Author("p0", "s0", "nick0"), world.hub.lobby.log.head
    turns = [
        Elsewhere([Appended("#lobby", "#lobby", True, [Entry(head + 32 * turn + n + 1, START, Message(author, "hello"))
                                                       for n in range(32)])], ())
        for turn in range(1000)
    ]  # fmt: skip
    sys.stdout.write(
        f"{_milliseconds(lambda: [here._tell(turn) for turn in turns]) / 32_000:.4f} ms a line of another node's\n"
    )
    _without_sorting(world)
    nodes.hang(1)
    nodes.lapse(1)
    sys.stdout.write(
        f"{_milliseconds(lambda: here.adopt(elsewhere)):.0f} ms to adopt {len(world.hub.down) or count} people\n"
    )
    assert len(world.hub.down) == count


def _came(numbers: range, node: str) -> Elsewhere:
    """So many who came in on this node, each from an address of their own."""
    given = {"#lobby": 0, "#tea": 0, "@": 0}
    records = {
        f"p{n}": PersonRecord(f"nick{n}", False, None, None, START, START, {"#lobby": 0, "#tea": 0}, given, {}, ())
        for n in numbers
    }
    sessions = {
        f"code{n}": SessionRecord(f"p{n}", f"p{n}", f"10.{n >> 8}.{n & 255}.7", "#tea", False, None, START, None, given)
        for n in numbers
    }
    claims = [Claim(id, person.nick) for id, person in records.items()]
    return Elsewhere((), (), claims=claims, remembered=Remembered(records, sessions), node=node)


def _as_read(one: Elsewhere, texts: Sequence[str]) -> Elsewhere:
    """The same out of these records as they stand in a database."""
    half = len(texts) // 2
    read = Remembered(
        dict(zip(one.remembered.people, map(people.person, texts[:half]), strict=True)),
        dict(zip(one.remembered.sessions, map(people.session, texts[half:]), strict=True)),
    )
    return one._replace(remembered=read)


def _milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begun)


def _without_sorting(world: World) -> None:
    """A reactor has a heap; a test's clock sorts all of its calls for each one."""
    world.clock._sortCalls = lambda: None  # type: ignore[method-assign]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
