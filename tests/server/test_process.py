"""Copies that are asked for while the server runs."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from world import Logged

from chat.base.errors import Refused
from chat.server.log_counts import LogCounts
from chat.server.process import RunningProcess

NOW = datetime(2026, 11, 22, 10, 4, 5, tzinfo=UTC)


class Store:
    """Copies when a test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path, str]] = []
        self.copy: Deferred[Path] = Deferred()

    def backup(self, directory: Path, stamp: str) -> Deferred[Path]:
        self.asked.append((directory, stamp))
        self.copy = Deferred()
        return self.copy


def process(store: Store | None, directory: Path | None = Path("/copies")) -> RunningProcess:
    return RunningProcess(lambda: (), lambda: None, store, directory, lambda: NOW, LogCounts())


def refusal(copy: Deferred[Path]) -> Refused:
    failures: list[Failure] = []
    copy.addErrback(failures.append)
    (failure,) = failures
    assert isinstance(failure.value, Refused)
    return failure.value


def test_a_copy_has_the_moment_in_its_name() -> None:
    store, copied = Store(), []
    process(store).back_up().addCallback(copied.append)
    assert store.asked == [(Path("/copies"), f"{NOW.astimezone():%Y-%m-%d-%H%M%S}")]
    assert copied == []
    store.copy.callback(Path("/copies/one"))
    assert copied == [Path("/copies/one")]


def test_one_is_made_at_a_time() -> None:
    store = Store()
    server = process(store)
    first = server.back_up()
    assert refusal(server.back_up()).code == "busy"
    store.copy.callback(Path("/copies/one"))
    assert first.result == Path("/copies/one")
    server.back_up()
    assert len(store.asked) == 2


def test_without_a_database_or_a_directory_there_is_none() -> None:
    assert refusal(process(None).back_up()).code == "unavailable"
    refused = refusal(process(Store(), None).back_up())
    assert (refused.code, "--backup-to DIR" in refused.sentence.text) == ("unavailable", True)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk I/O error")])
def test_what_the_disk_says_is_told_and_another_may_be_asked_for(error: Exception, logged: Logged) -> None:
    store = Store()
    server = process(store)
    failing = server.back_up()
    store.copy.errback(error)
    assert refusal(failing).code == "unavailable"
    logged.expect(type(error))
    server.back_up()
    assert len(store.asked) == 2


def test_a_bug_is_none_of_these(logged: Logged) -> None:
    store = Store()
    failing = process(store).back_up()
    store.copy.errback(ZeroDivisionError())
    failing.addErrback(lambda failure: failure.trap(ZeroDivisionError))
    logged.expect(ZeroDivisionError)
