"""`python -m tests.bench.turns`: nodes on one database of PostgreSQL, each a process with a reactor: how long a commit
takes, and how long it is from its beginning until another node has it; two alone, and ten that talk at once."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).parent.parent / "support")]

from database import AMY, BOB, batch, lines, log, private  # noqa: E402
from postgresql import server  # noqa: E402
from twisted.internet import reactor  # noqa: E402
from twisted.internet.defer import Deferred  # noqa: E402
from twisted.internet.task import deferLater  # noqa: E402

from chat.core.ports import Appended, Batch, Elsewhere  # noqa: E402
from chat.store.postgresql.node import PostgresNode  # noqa: E402
from chat.store.postgresql.opening import prepare  # noqa: E402

TEXT = "hello there, this is a line of some words"
_REST_SECONDS = 1.0


class Talk(NamedTuple):
    """What a node commits: so many turns of so many lines, one as soon as there was an answer, or so many a second; of
    the lines so many are private ones, which stand in two logs."""

    turns: int
    lines: int
    a_second: float = 0.0
    private: int = 0

    def made(self, name: str) -> Batch:
        """One of them."""
        said = [lines(name, *[TEXT] * (self.lines - self.private - 1))]
        if self.private:
            facts = [private(AMY, BOB, TEXT)] * self.private
            said += [log(f"@{author.person}", facts) for author in (AMY, BOB)]
        return batch(*said)


def main() -> None:
    """Each scene three times."""
    with server() as database:
        for size in (1, 32):
            for _ in range(3):
                took, seen = scene(database.emptied(), [Talk(500, size), Talk(0, 0)])
                ratio = part(seen, 0.5) / part(took, 0.5)
                _tell(f"two nodes, {size:2} lines a turn: commit {told(took)}, there {told(seen)}: {ratio:.2f} x")
        for _ in range(3):
            took, seen = scene(database.emptied(), [Talk(300, 11, 30, 1)] * 10)
            _tell(f"ten nodes, each 30 turns a second of 11 lines: commit {told(took)}, there {told(seen)}")


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def part(seconds: Sequence[float], of: float) -> float:
    """So many of these are shorter, in ms."""
    return sorted(seconds)[int(len(seconds) * of)] * 1000


def told(seconds: Sequence[float]) -> str:
    return f"p50 {part(seconds, 0.5):.2f} p99 {part(seconds, 0.99):.2f} ms"


def scene(where: str, talks: Sequence[Talk]) -> tuple[list[float], list[float]]:
    """How long each commit took, and from its beginning until each other node had it."""
    nodes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.turns", where, f"n{number}", json.dumps(talk)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, talk in enumerate(talks)
    ]
    for one in nodes:
        assert one.stdout is not None
        one.stdout.readline()
    starts_at = time.monotonic() + _REST_SECONDS
    for one in nodes:
        assert one.stdin is not None
        one.stdin.write(f"{starts_at}\n")
        one.stdin.flush()
    results = [json.loads(one.communicate()[0]) for one in nodes]
    began = {name: at for begun, _, _ in results for name, at in begun.items()}
    took = [seconds for _, some, _ in results for seconds in some]
    seen = [at - began[name] for _, _, some in results for name, at in some.items()]
    assert len(took) == sum(talk.turns for talk in talks)
    assert len(seen) == len(took) * (len(talks) - 1)
    return took, seen


def node(where: str, name: str, talk: Talk) -> None:
    """One of the processes: tells when what was begun, how long it took, and when what others said was there."""
    prepared = prepare(where, name)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    starts_at = float(sys.stdin.readline())
    begun: dict[str, float] = {}
    took: list[float] = []
    seen: dict[str, float] = {}
    last = [0.0]

    def hear(elsewhere: Elsewhere) -> None:
        last[0] = time.monotonic()
        if elsewhere.appended:
            seen[_first(elsewhere.appended[0])] = last[0]

    def answered(_: object, at: float) -> None:
        last[0] = time.monotonic()
        took.append(last[0] - at)

    def commit() -> Deferred[object]:
        made = talk.made(f"{name} {len(begun)}")
        begun[_first(made.appended[0])] = at = time.monotonic()
        return store.commit(made).addCallback(answered, at)

    async def run() -> None:
        await deferLater(reactor, starts_at - time.monotonic())
        pause = Random(name)
        for number in range(talk.turns):
            await commit()
            if talk.a_second:
                due = starts_at + (number + 1 + pause.random()) / talk.a_second
                await deferLater(reactor, max(0, due - time.monotonic()))
        last[0] = time.monotonic()
        while time.monotonic() < last[0] + _REST_SECONDS:
            await deferLater(reactor, _REST_SECONDS)
        await store.close()

    store = PostgresNode(prepared, reactor)
    store.follow(hear)
    store.start()
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(run()).addBoth(ended))

    def ended(result: object) -> None:
        sys.stdout.write(json.dumps([begun, took, seen]))
        if result is not None:
            sys.stderr.write(str(result))
        reactor.stop()

    reactor.run()


def _first(log: Appended) -> str:
    return str(log.entries[0].fact.text)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        where, name, talk = sys.argv[1:]
        node(where, name, Talk(*json.loads(talk)))
    else:
        main()
