"""What every test gets: a log that is watched, and hypothesis in a profile.

A failure that was logged, and a Deferred's error that nobody took, fail the test in which they happened;
pytest alone would notice neither. A test that provokes one asks for `logged` and says so, as in
`logged.expect(ZeroDivisionError)`.

HYPOTHESIS_PROFILE=nightly looks for new counterexamples; the default tries the same inputs every time that the same
modules are imported (findings/hypothesis-derandomized-depends-on-imports.sh).
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis
import pytest
from database import opened
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from world import World

# No deadline: a busy machine is not a bug. No database: it would make a run depend on the one before.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("nightly", max_examples=2_000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


# What starts the tests in the background (nohup, a shell's &) has these ignored, and every program that a test starts
# would inherit it and not end when it is told to.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """Exempt all that was imported from garbage collection: after each test it then takes 0.1 ms, not 40."""
    gc.collect()
    gc.freeze()


class LoggedFailures:
    """The failures that were logged since the test began and that it did not expect."""

    def __init__(self) -> None:
        self._failures: list[Failure] = []

    def __call__(self, event: LogEvent) -> None:
        """Observe the log."""
        if "log_failure" in event:
            self._failures.append(event["log_failure"])

    def expect(self, *kinds: type[BaseException]) -> list[Failure]:
        """Take the failures of these kinds, lost Deferreds' included; the test fails if there are none."""
        taken = [failure for failure in self.all() if failure.check(*kinds)]
        self._failures = [failure for failure in self._failures if failure not in taken]
        assert taken, f"nothing logged was of {kinds}; logged: {self._failures}"
        return taken

    def all(self) -> list[Failure]:
        """Everything not yet taken; a Deferred logs its lost error when it is collected."""
        gc.collect()
        return list(self._failures)


@pytest.fixture(autouse=True)
def logged(request: pytest.FixtureRequest) -> Iterator[LoggedFailures]:
    """The watched log; trial's own test cases watch theirs."""
    failures = LoggedFailures()
    if isinstance(request.instance, SynchronousTestCase):
        yield failures
        return
    globalLogPublisher.addObserver(failures)
    try:
        yield failures
        request.node.funcargs.clear()  # else a Deferred in a fixture would be blamed on a later test
        unexpected = failures.all()
    finally:
        globalLogPublisher.removeObserver(failures)
    if unexpected:
        pytest.fail("\n".join(failure.getTraceback() for failure in unexpected), pytrace=False)


@pytest.fixture
def world() -> World:
    """An empty chat."""
    return World()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    """A server of PostgreSQL for all tests, where its programs are there."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'twisted-chat[postgres]'")
    from postgresql import server  # not where psycopg is missing

    with server() as running:
        yield running


@pytest.fixture(scope="session")
def opened_as(request: pytest.FixtureRequest) -> Callable[[str], AbstractContextManager[Any]]:
    """A new store of a kind, until the end of a block."""

    @contextmanager
    def opened_as(kind: str) -> Iterator[Any]:
        if kind == "postgresql":
            server = request.getfixturevalue("postgresql")
            from postgresql import stored

            with stored(server.cleared()) as store:
                yield store
        else:
            with TemporaryDirectory() as directory, opened(Path(directory) / "chat.sqlite3") as database:
                yield database

    return opened_as
