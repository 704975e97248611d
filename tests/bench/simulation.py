"""`python -m tests.bench.simulation [PEOPLE]`: ten nodes with so many people each (10 000), of whom one in five is in
one room: how much of each second a node, and the one lock of the database, need for who comes, talks and reads on.

Real are PostgreSQL and what it is given, one node's hub with its part of the room, and what a second hub makes of what
the first one tells.  The rest is simulated: of nine nodes with all their people one is told of, whose every turn counts
nine times.  Nobody has a socket: what a delivery costs `python -m tests.bench -w paced -n 2000` tells.
"""

import gc
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

from cluster import Nodes  # noqa: E402
from postgresql import Stored, server  # noqa: E402
from world import Client, World  # noqa: E402

from chat.base import limits  # noqa: E402
from chat.core.ports import Batch  # noqa: E402
from tests.bench.nodes import _AT_ONCE, _came, _without_sorting  # noqa: E402
from tests.bench.turns import Talk  # noqa: E402

NODES = 10
ROOM = "#big"
TURNS, LINES = 30, 11
"""What each node stores in a second, and how many lines that is."""


def main(people: int) -> None:
    """Tell what each costs, and how full a second is."""
    _mirror(people * (NODES - 1))
    nodes, members = Nodes(2, max_per_host=0, rate=0), people // 5
    here = nodes.worlds[0]
    readers = [here.connect(f"/nick r{number}", f"/join {ROOM}", greeted=False) for number in range(members)]
    here.wait(2 * limits.GATHER_SECONDS)
    here.take_all()
    gc.collect()
    gc.freeze()
    stored: list[Batch] = []
    commit = nodes.stores[0].commit
    nodes.stores[0].commit = lambda batch: (stored.append(batch), commit(batch))[1]  # type: ignore[method-assign]
    nodes.stores[1].slow = True
    readers[0].type("hello")
    _hear(nodes)
    here.take_all()
    stored.clear()
    keeps = _seconds(lambda: _sweep(here, readers))
    hears = _hear(nodes)
    seen = [batch for batch in stored if batch.remembered.sessions]
    count = sum(len(batch.remembered.sessions) for batch in seen)
    with server() as database:
        one, other = Stored(database.emptied(), "a"), Stored(database.address("chat"), "b")

        def locked(batches: Sequence[Batch]) -> float:
            return min(_seconds(lambda: [one.wait(one.store.commit(batch)) for batch in batches]) for _ in range(5))

        talks, reads = locked([Talk(1, LINES, private=1).made("talk")]), locked(seen)
        one.close()
        other.close()
    each = f"{keeps / count * 1e6:.0f} us here, {hears / count * 1e6:.0f} us on each other node"
    _tell(f"{count} have read on, in {len(seen)} turns: of each {each}, {reads / count * 1e6:.0f} us of the lock")
    a_second = people / limits.SWEEP_SECONDS
    lock, node = a_second * NODES * reads / count, a_second * (keeps + (NODES - 1) * hears) / count
    _tell(f"where all {people} of each node have read on in {limits.SWEEP_SECONDS:.0f} s, of each second:")
    _tell(f"  {lock:.2f} s of the lock, {node:.2f} s of each node")
    _tell(f"  {TURNS * NODES * talks:.2f} s of the lock for {TURNS * NODES} turns of {LINES} lines beside it")


def _sweep(world: World, readers: Sequence[Client]) -> None:
    """What is done now and then: where each of them stands is stored."""
    for first in range(0, len(readers), limits.LOOK_AT):
        for reader in readers[first : first + limits.LOOK_AT]:
            reader.session.mark_seen()
            reader.session.keep_seen()
        world.turn()


def _mirror(count: int) -> None:
    """What a node has of so many people who are elsewhere."""
    nodes = Nodes(2)
    _without_sorting(nodes.worlds[0])
    begun, before = time.perf_counter(), _resident()
    for first in range(0, count, _AT_ONCE):
        nodes.stores[0]._tell(_came(range(first, first + _AT_ONCE), nodes.stores[1].name))
    mirror, took = _resident() - before, time.perf_counter() - begun
    _tell(f"{count} people elsewhere: {mirror >> 20} MiB, {took / count * 1e6:.0f} us each who comes")


def _hear(nodes: Nodes) -> float:
    """How long the second node needs for what it was not told yet."""

    def hear() -> None:
        while nodes.stores[1].comes:
            nodes.let(1)

    return _seconds(hear)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
