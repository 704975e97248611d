"""`python -m tests.bench.simulation [PEOPLE]`: ten nodes with so many people each (10 000), of whom one in five is in
one room: how much of each second a node, and the one lock of the database, need for who comes, talks and reads on.

Real are PostgreSQL and what it is given, one node's hub with its part of the room, and what a second hub makes of what
the first one tells.  The rest is simulated: of nine nodes with all their people one is told of, whose every turn counts
nine times.  Nobody has a socket: what a delivery costs `python -m tests.bench -w paced -n 2000` tells.
"""

import gc
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

from cluster import Nodes  # noqa: E402
from postgresql import Stored, server  # noqa: E402
from twisted.internet.defer import Deferred  # noqa: E402
from world import Client, World  # noqa: E402

from chat.base import limits  # noqa: E402
from chat.core.ports import Progress  # noqa: E402
from chat.store.postgresql.people import written  # noqa: E402
from tests.bench.nodes import _AT_ONCE, _as_read, _came, _without_sorting  # noqa: E402
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
    kept: list[Mapping[str, Progress]] = []
    keep = nodes.stores[0].keep_progress
    nodes.stores[0].keep_progress = lambda some: (kept.append(some), keep(some))[1]  # type: ignore[method-assign]
    nodes.stores[1].slow = True
    readers[0].type("hello")
    _hear(nodes)
    here.take_all()
    tick = nodes.cluster.tick
    reads = _seconds(lambda: _sweep(here, readers))
    assert nodes.cluster.tick == tick
    count = sum(map(len, kept))
    everybody, sessions = (
        {key: row.record for key, row in rows.items() if row.node == nodes.stores[0].name}
        for rows in (nodes.cluster.people, nodes.cluster.sessions)
    )
    with server() as database:
        one, other = Stored(database.emptied(), "a"), Stored(database.address("chat"), "b")
        one.commit(people=everybody, sessions=sessions)

        def seconds(work: Callable[[], Sequence[Deferred[Any]]]) -> float:
            return min(_seconds(lambda: [one.wait(each) for each in work()]) for _ in range(5))

        keeps = seconds(lambda: [one.store.keep_progress(some) for some in kept])
        talks = seconds(lambda: [one.store.commit(Talk(1, LINES, private=1).made("talk"))])
        one.close()
        other.close()
    a_second = people / limits.SWEEP_SECONDS
    mine, thread = reads / count, keeps / count
    _tell(f"{count} have read on: of each {mine * 1e6:.0f} us here, {thread * 1e6:.0f} us of the writer's thread")
    _tell(f"where all {people} of each node have read on in {limits.SWEEP_SECONDS:.0f} s, of each second:")
    _tell(f"  no lock, {a_second * mine:.3f} s of each node, {a_second * thread:.3f} s of each node's writer")
    _tell(f"  {TURNS * NODES * talks:.2f} s of the lock for {TURNS * NODES} turns of {LINES} lines beside it")


def _sweep(world: World, readers: Sequence[Client]) -> None:
    """What is done now and then: where each of them stands is stored."""
    for first in range(0, len(readers), limits.LOOK_AT):
        for reader in readers[first : first + limits.LOOK_AT]:
            reader.session.mark_seen()
            reader.session.keep_seen()
        world.clock.advance(limits.PROGRESS_SECONDS)


def _mirror(count: int) -> None:
    """What a node has of so many people who are elsewhere."""
    nodes = Nodes(2)
    _without_sorting(nodes.worlds[0])
    begun, before = time.perf_counter(), _resident()
    for first in range(0, count, _AT_ONCE):
        came = _came(range(first, first + _AT_ONCE), nodes.stores[1].name)
        texts = [written(record) for some in came.remembered for record in some.values()]
        nodes.stores[0]._tell(_as_read(came, texts))
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
