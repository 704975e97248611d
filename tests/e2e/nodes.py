"""A chat of two nodes on one database, which can be started again where they were."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.ports import held_port

from .server import Server

NAMES = ("one", "two")
QUICK = {"LEASE_SECONDS": 2, "BEAT_SECONDS": 0.5}
"""One that is gone is noticed soon."""


class Nodes:
    """Two of one chat, `one` and `two`, which can be started again where they were."""

    def __init__(self, postgresql: Any, serve: Callable[..., Server], directory: Path, stack: ExitStack) -> None:
        self._serve = serve
        self._directory = directory
        self._where = postgresql.emptied("served")
        self._ports, self._sealed = (
            [stack.enter_context(held_port()).getsockname()[1] for _ in NAMES] for _ in range(2)
        )
        self.all = [self._start(0), self._start(1)]

    def _start(self, number: int) -> Server:
        name, port = NAMES[number], self._ports[number]
        data = self._directory / name
        data.mkdir(exist_ok=True)
        words = ("--database", self._where, "--node", name, "--control", "none", "--rate", "0", "--data", str(data))
        where = ("--port", f"tcp:{port}:interface=127.0.0.1", "--address", f"http://127.0.0.1:{port}/")
        sealed = ("--tls-port", f"tcp:{self._sealed[number]}:interface=127.0.0.1")
        return self._serve(*words, *where, *sealed, **QUICK)

    def comes_back(self, number: int) -> None:
        """One that was killed is started again, at its port."""
        self.all[number] = self._start(number)

    @property
    def addresses(self) -> Sequence[str]:
        """As they are named to a client."""
        return [":".join(server.address) for server in self.all]

    @property
    def sealed(self) -> Sequence[str]:
        """The same of their encrypted ports."""
        return [f"127.0.0.1:{port}" for port in self._sealed]
