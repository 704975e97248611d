"""`python -m tests.bench.database`: commits of SQLite's file and of PostgreSQL, in turns: how long one takes, the
processor's time of a line, and how long adopting 10 000 people takes, and a commit meanwhile."""

import gc
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path[:0] = [str(Path(__file__).parent.parent / "support")]

from database import Database, Driven, batch, lines, person, session  # noqa: E402
from postgresql import Server, Stored, server  # noqa: E402
from world import World  # noqa: E402

from chat.core.ports import Batch, Claim  # noqa: E402

PEOPLE = 10_000
TEXT = "hello there, this is a line of some words"


def part(times: Sequence[float], of: float) -> str:
    """So many of these are shorter, in ms."""
    return f"{sorted(times)[int(len(times) * of)] * 1000:6.2f}"


def commits(store: Driven, count: int, size: int) -> tuple[list[float], list[float], float]:
    """When each began, how long it took, and the microseconds of a line."""
    begun, took = [], []
    before, seq = time.process_time(), 1
    for _ in range(count):
        made = batch(lines(*[TEXT] * size, first=seq, key="#bench"))
        seq += size
        begun.append(time.perf_counter())
        store.wait(store.store.commit(made))
        took.append(time.perf_counter() - begun[-1])
    return begun, took, (time.process_time() - before) / (count * size) * 1e6


def told(name: str, size: int, took: Sequence[float], more: str) -> None:
    times = f"commit p50 {part(took, 0.5)} p99 {part(took, 0.99)} ms"
    sys.stdout.write(f"{name:10} {size:3} lines a turn: {times}; {more}\n")


def coming() -> Iterator[Batch]:
    """All of them, as many at once as a busy node gathers."""
    for first in range(0, PEOPLE, 500):
        some = range(first, first + 500)
        people = {f"{number:016x}": person(f"nick{number}", rooms={"#lobby": 1}) for number in some}
        sessions = {
            f"{number:064x}": session(f"{number:016x}", host=f"10.{number >> 8}.{number & 255}.7") for number in some
        }
        claims = [Claim(f"{number:016x}", f"nick{number}") for number in some]
        yield batch(people=people, sessions=sessions)._replace(claims=claims)


def adoption(database: Server) -> None:
    """A node dies with 10 000 people; the one that takes them over has a whole chat, and goes on storing lines."""
    where = database.emptied()
    one, other = Stored(where, "a"), Stored(where, "b")
    world = World(other.store, kept=other.prepared.kept)
    world.clock._sortCalls = lambda: None  # type: ignore[method-assign]  # a reactor has a heap
    for come in coming():
        one.wait(one.store.commit(come))
    _, alone, _ = commits(other, 50, 1)
    gc.collect()
    gc.freeze()  # what was here before
    database.ask("UPDATE chat.servers SET until = 1 WHERE node = 'a'", "chat")
    begun = time.perf_counter()
    other.store.adopt("a")
    meanwhile: list[float] = []
    while len(world.hub.down) < PEOPLE:
        meanwhile += commits(other, 1, 1)[1]
    sys.stdout.write(
        f"{PEOPLE} people adopted: {(time.perf_counter() - begun) * 1000:.0f} ms; a commit meanwhile p50 "
        f"{part(meanwhile, 0.5)} most {max(meanwhile) * 1000:.0f} ms, before {part(alone, 0.5)} ms\n"
    )
    gc.unfreeze()
    begun = time.perf_counter()
    for come in coming():
        other.wait(other.store.commit(come._replace(claims=())))  # they are called as before
    sys.stdout.write(f"the turns in which {PEOPLE} come back: {(time.perf_counter() - begun) * 1000:.0f} ms\n")
    one.close()
    other.close()


def main() -> None:
    with server() as database, TemporaryDirectory() as directory:
        for size, count in ((1, 300), (32, 100)):
            for again in range(3):
                file = Database(Path(directory) / f"{size}-{again}.sqlite3", "full")
                _, took, line = commits(file, count, size)
                told("SQLite", size, took, f"{line:.1f} us of the processor a line")
                file.close()
                alone = Stored(database.emptied())
                _, took, line = commits(alone, count, size)
                told("PostgreSQL", size, took, f"{line:.1f} us of the processor a line")
                alone.close()
        for _ in range(3):
            adoption(database)


if __name__ == "__main__":
    main()
