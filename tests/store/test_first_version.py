"""A database that the first version wrote goes on: its people, their places, what was said, and the ids of lines.

`of_version_1.sql` was made of such a file, after a server of that time was stopped under two people, and
`of_postgresql_version_1.sql` of a database of PostgreSQL into which that was copied.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from database import opened
from twisted.internet.task import Clock
from world import Client, World

from chat.core.hub import Hub, Settings
from chat.core.restoring import restore
from chat.store.sqlite.schema import prepare

STOPPED = timedelta(days=7)
"""How long after START it was stopped, within the day that codes live."""
OF_AMY = "KT7Q-XN84"
OF_BOB = "3863d1e14669066a6b33a582738142bc"


class Old:
    """A chat that began with that database."""

    def __init__(self, database: Any) -> None:
        self.database = database
        self.world = World(database.store)
        self.world.wrong_by = STOPPED
        kept = database.prepared.kept
        clock: Clock = self.world.clock
        self.world.hub = Hub(
            clock, self.world.now, database.store, iter(map(str, range(10**6, 10**7))).__next__, Settings("pi"), kept
        )
        self.world.factory.hub = self.world.hub
        restore(self.world.hub, kept.remembered)

    def ask(self, client: Client, line: str, answer: str, **keys: object) -> str:
        """What somebody reads until it holds an answer; the store's threads take their time."""
        client.take()
        client.type(line, **keys)
        while answer not in client.bytes.decode():
            self.database.call_next()
            self.world.turn()
        return client.bytes.decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "chat.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((Path(__file__).parent / "of_version_1.sql").read_text())
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.slow, pytest.mark.door])])
def old(request: pytest.FixtureRequest) -> Iterator[Old]:
    if request.param == "sqlite":
        with opened(request.getfixturevalue("path")) as database:
            yield Old(database)
    else:
        server = request.getfixturevalue("postgresql")
        from postgresql import stored  # it needs psycopg

        with stored(server.of_first()) as store:
            yield Old(store)


def test_people_come_back_by_their_codes_into_their_rooms(old: Old) -> None:
    amy = old.world.connect(f"/resume {OF_AMY}")
    assert "Welcome back amy." in old.ask(amy, "/ping there", "pong there")
    assert "release on Friday" in old.ask(amy, "/topic #ops", "release")
    assert "deploy at noon" in old.ask(amy, "/last #ops", "deploy")


def test_the_numbers_of_rooms_and_of_private_talk_go_on(old: Old) -> None:
    bob = old.world.connect(wire="json")
    bob.type(f"/resume {OF_BOB}", seen={"#lobby": 6, "@": 3})
    assert '"seq":7' in old.ask(bob, "after that", '"ack"', id="b-3")
    assert '"seq":4' in old.ask(bob, "/msg amy are you there", '"ack"', id="b-4")
    amy = old.world.connect(f"/resume {OF_AMY}")
    assert "[bob -> you] heard" in old.ask(amy, "/last bob", "are you there")


def test_ids_are_still_known_once(old: Old) -> None:
    bob = old.world.connect(wire="json")
    bob.type(f"/resume {OF_BOB}", seen={"#lobby": 6, "@": 3})
    again = json.loads(old.ask(bob, "said once", '"ack"', id="b-2").splitlines()[-1])
    assert (again["room"], again["seq"]) == ("#lobby", 6)
    again = json.loads(old.ask(bob, "/msg amy heard", '"ack"', id="b-1").splitlines()[-1])
    assert again["seq"] == 3


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("red", "the build is red"),
        ("pinas nino", "El niño comió piñas"),
        ("北京", "我们明天去北京开会"),
        ("psst two", "psst, two"),
    ],
)
@pytest.mark.parametrize("indexed", [False, True])
def test_search_finds_what_was_said_then(old: Old, words: str, found: str, indexed: bool) -> None:
    if indexed:
        old.database.index()
    amy = old.world.connect(f"/resume {OF_AMY}")
    old.ask(amy, "/ping there", "pong there")
    assert found in old.ask(amy, f"/grep {words}", found)


def test_the_file_of_before_stays_beside_it(path: Path) -> None:
    os.close(prepare(path).lock)
    with closing(sqlite3.connect(path.with_name("chat.sqlite3.v1.copy"))) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (1,)
        assert copy.execute("SELECT count(*) FROM entries WHERE text IS NOT NULL").fetchone() == (11,)
