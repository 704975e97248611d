"""The load generator as an object: starts load.c against one server, tells it what to do, reads what it saw.

All methods block until the generator has answered. Latencies are in milliseconds, all else in seconds; what each
command means stands at the top of load.c.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any, Self

from tests.bench.native import compiled
from tests.bench.servers import Broken, Server


@dataclass(frozen=True, slots=True)
class Heard:
    """What one run of talk came to."""

    messages: int
    delivered: int
    seconds: float
    p50: float
    p99: float
    faults: dict[str, int]
    busy: float  # the share of its core that the generator needed; near 1 the rates are the generator's
    error: str  # the first refusal of the server, if there was one


FAULTS = ("lost", "skipped", "misordered", "divergent", "duplicate", "stray", "errors", "dropped")


class Generator:
    """Up to 20 000 people who speak with `server`."""

    def __init__(self, server: Server, core: int | None) -> None:
        kind = server.kind
        self._irc = kind.irc
        self.core = core
        self._process = subprocess.Popen(
            [compiled("load", sealed=server.sealed), ",".join(kind.wires), str(server.port), str(kind.backlog)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if core is not None:
            os.sched_setaffinity(self._process.pid, {core})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()

    def _ask(self, *words: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(" ".join(map(str, words)) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Broken("the load generator ended") from None
        answer = self._process.stdout.readline()
        if not answer:
            raise Broken("the load generator ended")
        found: dict[str, Any] = json.loads(answer)
        return found

    def yield_to_others(self) -> None:
        """Let others of its core have it when they want it."""
        os.setpriority(os.PRIO_PROCESS, self._process.pid, 19)

    def connect(self, count: int, *, lobby: bool = True) -> float:
        """`count` more people enter; how many seconds that took. Without `lobby` IRC people are in no channel."""
        answer = self._ask("connect", count, int(lobby))
        if answer["entered"] != count:
            raise Broken(f"only {answer['entered']} of {count} could enter; {answer['error'] or 'no reason was given'}")
        return float(answer["seconds"])

    def say(self, first: int, count: int, text: str) -> None:
        """People `first` … send the line `text`; returns when the server has answered to all of them."""
        answer = self._ask("say", first, count, text)
        if answer["unanswered"]:
            raise Broken(f"{answer['unanswered']} of {count} got no answer to {text!r}; {answer['error']}")

    def answered(self, first: int, count: int) -> None:
        """Returns when the server has handled all that people `first` … have sent."""
        self.say(first, count, "PING done" if self._irc else "/ping done")

    def join(self, first: int, count: int, room: int) -> None:
        """People `first` … join room `room`."""
        self.say(first, count, f"JOIN #bench-{room}" if self._irc else f"/join #bench-{room}")

    def leave_lobby(self, first: int, count: int) -> None:
        self.say(first, count, "PART #lobby" if self._irc else "/leave #lobby")

    def room(self, first: int, count: int, room: int) -> None:
        """From now on these speak in, and are expected to hear, room `room`."""
        self._ask("room", first, count, room)

    def mover(self, first: int, count: int) -> None:
        """These come and go where a run says so, and are checked no more."""
        self._ask("mover", first, count)

    def deaf(self, first: int, count: int) -> None:
        """These stop reading for good."""
        self._ask("deaf", first, count)

    def run(
        self,
        *,
        senders: int,
        window: int = 0,
        rate: float = 0.0,
        count: int = 0,
        seconds: float = 0.0,
        limit: float = 60.0,
        size: int = 40,
        private: int = 0,
        moves: int = 0,
    ) -> Heard:
        answer = self._ask("run", senders, window, rate, count, seconds, limit + seconds, size, private, moves)
        return Heard(
            messages=answer["messages"],
            delivered=answer["delivered"],
            seconds=answer["seconds"],
            p50=answer["p50"],
            p99=answer["p99"],
            faults={name: answer[name] for name in FAULTS if answer[name]},
            busy=answer["busy"],
            error=answer["error"],
        )
