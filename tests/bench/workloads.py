"""The workloads: each takes a fresh server and a generator, and says what it cost.

A delivery is one line reaching one recipient. `cost` is what is compared between servers: server CPU (user and kernel)
per delivery, or what `unit` says. Closed loops keep a number of lines in flight; open loops send by the clock, and the
latency of a late line counts from when it was due.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from tests.bench.authors import acknowledged
from tests.bench.generator import Generator, Heard
from tests.bench.lines import Author, Journal, listen, said
from tests.bench.logins import TRIES, logged_in, refused, register
from tests.bench.searches import fill, searched
from tests.bench.servers import PLAIN, Server

SENDERS = 10
CALM_SECONDS = 5.0
WARM_UP = 0.3  # seconds of the same load before the clock runs
LINES = 1000
SEARCHES = 20
INDEXED = 2.0  # seconds without a line after which the search index holds all
QUIET = 60.0  # seconds of silence that are measured
SETTLED = 60.0  # seconds after which nothing of what was said is unacknowledged, or to be kept
DRAIN = 60.0  # seconds after which an unfinished run is given up, and what is missing counts as lost


@dataclass(frozen=True, slots=True)
class Result:
    """One workload on one server, once."""

    cost: float
    unit: str = "µs/delivery"
    rate: float | None = None  # deliveries a second
    p50: float | None = None  # milliseconds until the last recipient had it
    p99: float | None = None
    peak: float = 0.0  # MiB
    grown: float = 0.0  # MiB above what it had before the load
    busy: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    error: str = ""
    extra: dict[str, float] = field(default_factory=dict)


class NotHere(Exception):
    """This server cannot do this workload; the text says why."""


def indexed(server: Server) -> None:
    """Wait until nothing is done any more for what was said; a search index may be made after it."""
    if server.database.exists():
        time.sleep(INDEXED)
    server.settle()


def _measured(server: Server, load: Generator, **run: Any) -> tuple[Heard, Result]:
    indexed(server)
    server.forget_peak()
    memory, cpu = server.memory(), server.cpu()
    heard = load.run(limit=DRAIN, **run)
    indexed(server)
    spent, peak = server.cpu() - cpu, server.peak()
    return heard, Result(
        cost=1e6 * spent / max(heard.delivered, 1),
        rate=heard.delivered / heard.seconds,
        p50=heard.p50,
        p99=heard.p99,
        peak=peak,
        grown=peak - memory,
        busy=heard.busy,
        faults=heard.faults,
        error=heard.error,
    )


def _everybody_told(server: Server) -> None:
    """Comings and goings that a server gathers are part of what they cost."""
    time.sleep(server.kind.gathers)
    server.settle()


def _talk(server: Server, load: Generator, n: int, seconds: float, **run: Any) -> Result:
    load.connect(n)
    load.run(seconds=WARM_UP, **run)
    return _measured(server, load, seconds=seconds, **run)[1]


def lat(server: Server, load: Generator, n: int, seconds: float) -> Result:
    return _talk(server, load, n, seconds, senders=1, window=1)


def paced(server: Server, load: Generator, n: int, seconds: float) -> Result:
    return _talk(server, load, n, seconds, senders=min(n, SENDERS), rate=20_000 / n)


def busy(server: Server, load: Generator, n: int, seconds: float) -> Result:
    return _talk(server, load, n, seconds, senders=min(n, SENDERS), rate=100_000 / n)


def calm(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """People who talk: between two lines all sleep, and the caches are somebody else's."""
    return _talk(server, load, n, max(seconds, CALM_SECONDS), senders=SENDERS, rate=50)


def window(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """32 lines in flight in all: who waits for lines that cannot come loses time."""
    return _talk(server, load, n, seconds, senders=8, window=4)


def win(server: Server, load: Generator, n: int, seconds: float) -> Result:
    return _talk(server, load, n, seconds, senders=min(n, SENDERS), window=32)


def sat(server: Server, load: Generator, n: int, seconds: float) -> Result:
    load.connect(n)
    load.run(senders=min(n, SENDERS), window=1, seconds=WARM_UP)
    return _measured(server, load, senders=min(n, SENDERS), count=2_000_000 // n)[1]


def acks(server: Server, load: Generator, n: int, seconds: float) -> Result:
    if server.kind.wires != PLAIN or not server.kind.gathers:
        raise NotHere("acknowledges nothing")
    server.settle()
    cpu = server.cpu()
    took = sorted(acknowledged(server.port, n, seconds))
    spent = server.cpu() - cpu
    return Result(
        1e6 * spent / len(took),
        "µs/line",
        rate=len(took) / seconds,
        p50=took[len(took) // 2],
        p99=took[len(took) * 99 // 100],
        peak=server.peak(),
    )


def line(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """At once, what each costs by itself."""
    return _durable(server, n, LINES, 0.0)


def beat(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """One each 20 ms, so that everybody sleeps in between."""
    return _durable(server, n, LINES // 2, 0.02)


def _durable(server: Server, n: int, count: int, every: float) -> Result:
    """The search index may be made after the lines: what that takes, and writes, is theirs."""
    if not server.database.exists():
        raise NotHere("keeps nothing on a disk")
    listeners, journal = listen(server.port, n - 1), Journal(server.database)
    author = Author(server.port, "author")
    said(author, 100, every, journal)
    indexed(server)
    journal.look()
    written, cpu = journal.bytes, server.cpu()
    took = sorted(said(author, count, every, journal))
    indexed(server)
    journal.look()
    spent = server.cpu() - cpu
    for connection in (author, *listeners):
        connection.close()
    return Result(
        1e6 * spent / count,
        "µs/line",
        p50=took[count // 2],
        p99=took[count * 99 // 100],
        peak=server.peak(),
        extra={"journal KiB/line": (journal.bytes - written) / count / 1024},
    )


def grep(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """The cost is the longest search."""
    if not server.database.exists():
        raise NotHere("keeps nothing on a disk")
    fill(server.port, server.database, n)
    took, said = searched(server.port, SEARCHES)
    took.sort()
    said.sort()
    return Result(
        took[-1],
        "ms/search",
        p50=said[len(said) // 2],
        p99=said[len(said) * 99 // 100],
        peak=server.peak(),
        extra={"ms, median search": took[len(took) // 2], "ms, longest ack": said[-1], "acks": len(said)},
    )


def logins(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """The cost is the time of all, for each."""
    nicks = [f"person-{number}" for number in range(n)]
    register(server.port, nicks)
    server.settle()
    server.forget_peak()
    pinged, took = logged_in(server.port, nicks)
    known, unknown = (
        sorted(refused(server.port, names)) for names in (nicks[:TRIES], [f"no-{n}" for n in nicks[:TRIES]])
    )
    pinged.sort()
    return Result(
        1e3 * took / n,
        "ms/login",
        p50=pinged[len(pinged) // 2],
        p99=pinged[len(pinged) * 99 // 100],
        peak=server.peak(),
        extra={
            "pings": len(pinged),
            "ms, wrong password": known[len(known) // 2],
            "ms, unknown name": unknown[len(unknown) // 2],
        },
    )


def storm(server: Server, load: Generator, n: int, seconds: float) -> Result:
    server.settle()
    memory, cpu = server.memory(), server.cpu()
    took = load.connect(n)
    _everybody_told(server)
    peak = server.peak()
    cost = 1e6 * (server.cpu() - cpu) / n
    return Result(cost, "µs/connection", peak=peak, grown=peak - memory, extra={"connections/s": n / took})


def idle(server: Server, load: Generator, n: int, seconds: float) -> Result:
    first = n // 10  # the first ones pay for what is loaded and allocated once
    load.connect(first, lobby=False)
    server.settle()
    memory = server.memory()
    load.connect(n - first, lobby=False)
    server.settle()
    peak, grown = server.peak(), server.memory() - memory
    return Result(1024 * grown / (n - first), "KiB/connection", peak=peak, grown=grown)


def quiet(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """A night: nobody says anything, and all that was said is acknowledged."""
    if n:
        load.connect(n)
        _everybody_told(server)
    time.sleep(SETTLED)
    server.settle()
    wake_ups, cpu = server.wake_ups(), server.cpu()
    time.sleep(QUIET)
    return Result(
        1000 * (server.cpu() - cpu) / QUIET,
        "ms of CPU/s",
        peak=server.peak(),
        extra={"wake-ups/minute": (server.wake_ups() - wake_ups) * 60 / QUIET},
    )


def slow(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """Lines of 400 bytes, so that the sockets of those who stop reading (about 2.6 MB on loopback) are soon full."""
    deaf = n // 10
    senders = min(n - deaf, SENDERS)
    load.connect(n)
    load.run(senders=senders, window=32, size=400, count=2_000)
    before = load.run(senders=senders, window=32, size=400, count=6_000)
    load.deaf(n - deaf, deaf)
    heard, during = _measured(server, load, senders=senders, window=32, size=400, count=20_000)
    ratios = {
        "p99 with/without": heard.p99 / max(before.p99, 0.001),
        "rate with/without": heard.delivered / heard.seconds * before.seconds / max(before.delivered, 1),
    }
    faults = {name: count for name, count in heard.faults.items() if name != "dropped"}
    return Result(
        during.cost,
        rate=during.rate,
        p50=during.p50,
        p99=during.p99,
        peak=during.peak,
        grown=during.grown,
        busy=during.busy,
        faults=faults,
        error=during.error,
        extra=ratios,
    )


def mixed(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """A day: everyone sits in one of many rooms of 5 to 50 and talks in turn, with at most 20 000 deliveries a second.

    One line in ten is private, and one action in twenty is a leave and join of one of the tenth that comes and goes.
    With our server every second room is on the JSON wire, and every second person of every room has left #lobby, so
    that the lines of the room come with and without its name.
    """
    if not server.kind.rooms:
        raise NotHere("it has only one room")
    if len(server.kind.wires) > 1:
        raise NotHere("its people do not speak alike")
    load.connect(n)
    if server.kind.irc:
        load.leave_lobby(0, n)
    sizes, first, people = cycle((5, 50, 10, 35, 20)), 0, 0
    for room, size in enumerate(sizes, start=1):
        size = min(size, n - first)
        load.join(first, size, room)
        load.room(first, size, room)
        if not server.kind.irc:
            load.leave_lobby(first, size // 2)
            if room % 2:
                load.say(first, size, "/json")
        load.mover(first + size - max(size // 10, 1), max(size // 10, 1))
        people += size * size
        first += size
        if first == n:
            break
    rate = min(20_000 / (people / n), 5_000)
    day: dict[str, Any] = {"senders": n, "rate": rate, "private": 10, "moves": 5}
    load.run(seconds=WARM_UP, **day)
    return _measured(server, load, seconds=seconds, **day)[1]


def join(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """As many as are in a room join it, all at once; until everybody was told."""
    if not server.kind.rooms:
        raise NotHere("it has only one room")
    if len(server.kind.wires) > 1:
        raise NotHere("its people do not speak alike")
    load.connect(2 * n, lobby=False)
    load.join(0, n, 1)
    server.settle()
    server.forget_peak()
    memory, cpu = server.memory(), server.cpu()
    load.join(n, n, 1)
    _everybody_told(server)
    peak = server.peak()
    return Result(server.cpu() - cpu, "s of CPU", peak=peak, grown=peak - memory)


def alone(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """The way in: one sender with nobody there to hear it, so that the cost is from bytes to log."""
    lines = 20_000
    load.connect(1)
    load.run(senders=1, count=lines // 10)
    indexed(server)
    server.forget_peak()
    memory, cpu = server.memory(), server.cpu()
    heard = load.run(senders=1, count=lines)
    if server.kind.rooms:
        load.answered(0, 1)
    indexed(server)
    peak = server.peak()
    cost = 1e6 * (server.cpu() - cpu) / lines
    return Result(
        cost,
        "µs/line",
        peak=peak,
        grown=peak - memory,
        busy=heard.busy,
        faults=heard.faults,
        error=heard.error,
    )


def start(server: Server, load: Generator, n: int, seconds: float) -> Result:
    return Result(1000 * server.cpu(), "ms of CPU", peak=server.peak())


@dataclass(frozen=True, slots=True)
class Workload:
    run: Callable[[Server, Generator, int, float], Result]
    about: str
    sizes: tuple[int, ...] | None = None  # the numbers of people it makes sense with, if not those asked for
    connections: int = 1  # for each of the people
    chats: bool = True  # needs a server that is a chat
    sealed: bool = False  # over TLS


WORKLOADS = {
    "lat": Workload(lat, "one line in flight: nothing can be batched"),
    "paced": Workload(paced, "open loop, 20 000 deliveries a second"),
    "busy": Workload(busy, "open loop, 100 000 deliveries a second (1 000 lines a second with 100 people)"),
    "ten": Workload(calm, "a room of ten, 50 lines a second; cost and latency are cold", sizes=(10,)),
    "hundred": Workload(calm, "a room of a hundred, 50 lines a second; cost and latency are cold", sizes=(100,)),
    "window": Workload(window, "8 senders with 4 lines in flight each; cost and latency are hot, but for pauses"),
    "win": Workload(win, "10 senders with 32 lines in flight each"),
    "sat": Workload(sat, "10 senders write 2 000 000 / N lines as fast as the socket takes them, to the end"),
    "acks": Workload(
        acks, "each author waits for the acknowledgement of a line before the next: what a commit adds", sizes=(1, 100)
    ),
    "line": Workload(
        line, "one after the other (hot), each acknowledged, ten people hear them; CPU and journal", sizes=(10,)
    ),
    "beat": Workload(beat, "the same with one line each 20 ms (cold)", sizes=(10,)),
    "logins": Workload(
        logins, "so many log in at once; p50 and p99 are of pings meanwhile", sizes=(100,), connections=0
    ),
    "grep": Workload(
        grep,
        "20 times seven searches in a million lines, while somebody talks: the longest; p50 and p99 are of the talk",
        sizes=(1_000_000,),
        connections=0,
    ),
    "storm": Workload(storm, "N connect and enter at once"),
    "idle": Workload(idle, "memory of a connection that says nothing"),
    "quiet": Workload(quiet, "a minute in which nobody says anything: CPU, and how often it wakes up", sizes=(0, 1000)),
    "slow": Workload(slow, "as win with lines of 400 bytes, a tenth of the people has stopped reading"),
    "mixed": Workload(mixed, "rooms of 5 to 50, private messages, joins and leaves, both of our wires"),
    "join": Workload(join, "N join a room of N", connections=2),
    "alone": Workload(alone, "one sender alone in the room: the way in", sizes=(1,)),
    "start": Workload(start, "from the start of the process until it listens", sizes=(0,), chats=False),
}
