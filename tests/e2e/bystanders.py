"""Two who talk all the time, and one who listens: they must not notice what others do to the server."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .peers import Client
from .server import Server, no_tracebacks
from .waiting import until

MEGABYTE = 2**20
SLOWEST_SECONDS = 1.0
_PAUSE_SECONDS = 0.02


class Bystanders:
    """They are in the lobby; `slowest` is the longest that something said took to be heard, in seconds."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.ann, self.bob, self.listener = (Client(server, name).joins() for name in ("ann", "bob", "listener"))
        self.slowest = 0.0
        self._ticks = 0

    def exchange(self) -> float:
        """One says something, the other answers; the seconds that took."""
        self._ticks += 1
        begun = time.monotonic()
        for one, other in ((self.ann, self.bob), (self.bob, self.ann)):
            one.says(f"tick {self._ticks}")
            other.hears(f"<{one.name}> tick {self._ticks}\r\n", 10)
        return time.monotonic() - begun

    @contextmanager
    def unharmed(self, megabytes: float, seconds: float = SLOWEST_SECONDS) -> Iterator[None]:
        """Whatever happens meanwhile: they talk, memory and files stay within bounds, and the log has no traceback."""
        server, over = self._server, threading.Event()
        logged, files = len(server.said), server.files()
        # From here on VmHWM is the most since now.
        Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
        before = server.memory()
        failures: list[BaseException] = []
        self.slowest = 0.0

        def talk() -> None:
            try:
                while not over.wait(_PAUSE_SECONDS):
                    self.slowest = max(self.slowest, self.exchange())
            except BaseException as failure:
                failures.append(failure)

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        assert not failures, failures
        assert max(self.slowest, self.exchange()) < seconds
        until(lambda: server.files() <= files, what="all connections are closed")
        grown = server.memory("VmHWM") - before
        assert grown < megabytes * MEGABYTE, f"{grown / MEGABYTE:.1f} MB"
        no_tracebacks(server.said[logged:])

    def close(self) -> None:
        """Be gone."""
        for client in (self.ann, self.bob, self.listener):
            client.close()


@contextmanager
def besieged(directory: Path, *options: str, **limits: float) -> Iterator[tuple[Server, Bystanders]]:
    """A server and those who talk there, for many attacks."""
    server = Server(directory, *options, **limits)
    try:
        bystanders = Bystanders(server)
        yield server, bystanders
        bystanders.close()
    finally:
        server.close()
