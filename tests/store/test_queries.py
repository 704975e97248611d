"""That what is asked has a bound, however much is kept."""

import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from database import AMY, BOB, MINUTE, START, lines, log, opened, private

from chat.base import limits
from chat.core.ports import Query
from chat.log.events import Joined
from chat.store.sqlite.queries import said

ROWS = 2000


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with much presence and talk in a room and in private."""
    path = tmp_path_factory.mktemp("questions") / "chat.sqlite3"
    with opened(path) as database:
        database.commit(
            lines(*(f"red {number}" for number in range(ROWS))),
            log("#ops", [Joined(AMY, ("amy",), 1)] * ROWS),
            log("@p-amy", [private(AMY, BOB, f"red {number}") for number in range(ROWS)]),
        )
        database.index()
    return path


ASKED: list[dict[str, Any]] = [{}, {"before": 150}, {"since": START + 20 * MINUTE}, {"words": "red"}]


@pytest.mark.parametrize("more", ASKED, ids=str)
def test_only_the_newest_that_fit_are_looked_at_and_counted(
    path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    everything = _said(path, Query(["#lobby"], 30, **more))
    monkeypatch.setattr(limits, "COUNTED", 20)
    found = _said(path, Query(["#lobby"], 30, **more))
    assert found.total == 20
    assert found.entries == everything.entries[-20:]


@pytest.mark.parametrize("more", [*ASKED, {"other": "bob"}, {"other": "bob", "words": "red", "since": START}], ids=str)
@pytest.mark.parametrize("key", ["#lobby", "#ops", "@p-amy"])
def test_no_question_walks_through_all_that_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch, key: str, more: dict[str, Any]
) -> None:
    instructions = count()
    monkeypatch.setattr(limits, "COUNTED", 10)
    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(lambda: next(instructions) < 0, 1)
        said(connection, Query([key], 5, **more))
    assert next(instructions) < ROWS


def _said(path: Path, query: Query) -> Any:
    with closing(sqlite3.connect(path)) as connection:
        return said(connection, query)
