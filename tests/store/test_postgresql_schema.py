"""Tables and functions of a database of PostgreSQL: those of builds of before are brought up, or refused."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from database import lines, person, session

from chat.base.errors import NotStored
from chat.base.language import language
from chat.store.unusable import Unusable

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'twisted-chat[postgres]'")

import psycopg  # they need it
from postgresql import Server, Stored, stored

from chat.server.backup_command import copied
from chat.store.postgresql.opening import examine, prepare
from chat.store.postgresql.schema import BUILD

pytestmark = [pytest.mark.slow, pytest.mark.door]

BEFORE: Sequence[str] = (
    "ALTER TABLE servers DROP build; ALTER TABLE version DROP build; UPDATE version SET number = 2",
    "DROP TABLE refusals",
    "DROP TABLE progress; UPDATE version SET number = 1",
    "ALTER TABLE people DROP nick; ALTER TABLE sessions DROP ended_at; DROP INDEX sessions_of_nodes; "
    "CREATE INDEX sessions_of_nodes ON sessions (node) WHERE node != ''",
    "DROP TABLE turns; CREATE TABLE turns (tick bigint PRIMARY KEY, at bigint NOT NULL, told text NOT NULL)",
    "DROP TABLE secrets; INSERT INTO nodes VALUES ('south', '0.1', 0, '{}', 0)",
    "DROP FUNCTION tell; ALTER TABLE clock DROP channel",
    "DROP TABLE nodes",
)
"""What builds of before had not yet or otherwise, back to the first one that several nodes could use."""


def changed(server: Server, *statements: str) -> None:
    for statement in statements:
        server.ask(f"SET search_path = chat, pg_catalog; {statement}", "chat")


def shape(server: Server) -> Sequence[Any]:
    """All columns, indexes and functions."""
    ask = """
        SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default, generation_expression
        FROM information_schema.columns WHERE table_schema = 'chat' ORDER BY 1, 2;
        """
    columns = server.ask(ask, "chat")
    indexes = server.ask("SELECT indexdef FROM pg_indexes WHERE schemaname = 'chat' ORDER BY 1", "chat")
    functions = "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'chat'::regnamespace ORDER BY 1"
    return [columns, indexes, server.ask(functions, "chat")]


def refusal(start: Callable[[], object]) -> str:
    with pytest.raises(Unusable) as caught:
        start()
    return language("en").words(caught.value.sentence)


def opened(where: str, node: str = "") -> None:
    prepare(where, node).writer.close()


@pytest.fixture
def north(postgresql: Server) -> Iterator[Stored]:
    """A node that runs."""
    with stored(postgresql.emptied(), "north") as store:
        yield store


def of_another_build(server: Server, *functions: str) -> None:
    """All have started with other functions."""
    changed(server, "UPDATE version SET build = 'another'", "UPDATE servers SET build = 'another'")
    changed(server, *(f"CREATE OR REPLACE FUNCTION {function}" for function in functions))


# Tables.


@pytest.mark.parametrize("count", range(len(BEFORE) + 1))
def test_what_any_build_made_becomes_as_new_ones_are_with_all_that_is_in_it(postgresql: Server, count: int) -> None:
    where = postgresql.emptied()
    with stored(where, "north") as held:
        held.commit(lines("one"), people={"p": person("amy")}, sessions={"d": session("p")})
        held.wait(held.store.beat(1))
        expected = shape(postgresql)
    changed(postgresql, *BEFORE[:count])
    with stored(where, "south") as held:
        assert held.texts() == ["one"]
        assert held.prepared.kept.remembered.people.keys() == {"p"}
        assert held.prepared.kept.remembered.sessions.keys() == {"d"}
        held.commit(lines("two"))
        held.wait(held.store.beat(1))
        assert [node.name for node in held.wait(held.store.nodes())] == []
    assert shape(postgresql) == expected


@pytest.mark.parametrize("node", ["", "north"])
def test_what_the_first_build_made_becomes_as_new_ones_are(postgresql: Server, node: str) -> None:
    opened(postgresql.emptied(), node)
    expected = shape(postgresql)
    opened(postgresql.of_first(), node)
    assert shape(postgresql) == expected


def test_several_may_start_at_once_on_one_of_before(postgresql: Server) -> None:
    where = postgresql.of_first()
    with ThreadPoolExecutor() as threads:
        started = list(threads.map(lambda node: prepare(where, node), ["a", "b", "c"]))
    for one in started:
        one.writer.close()
        assert len(one.kept.remembered.people) == 2


@pytest.mark.parametrize("node", ["", "south"])
def test_while_a_node_of_before_runs_it_is_named_and_all_stays_as_it_is(
    north: Stored, postgresql: Server, node: str
) -> None:
    changed(postgresql, *BEFORE[:3])
    before = shape(postgresql)
    for start in (partial(opened, north.address, node), partial(examine, north.address, node)):
        assert refusal(start) == (
            f"north uses {north.address} with another build of this server, which does not go together with this one. "
            "Stop it first, then start this one."
        )
    assert shape(postgresql) == before
    north.commit(lines("one"))


def test_one_that_uses_it_alone_is_not_taken_for_a_node(postgresql: Server) -> None:
    with stored(postgresql.emptied()) as held:
        changed(postgresql, *BEFORE[:3])
        assert refusal(lambda: opened(held.address, "north")).startswith("Another server uses")


def test_a_node_of_before_that_was_cut_off_writes_nothing_any_more(north: Stored, postgresql: Server) -> None:
    north.commit(people={"p": person("amy")}, sessions={"d": session("p")})
    changed(postgresql, *BEFORE[:3])
    cut_off(postgresql)
    with stored(north.address, "south") as south:
        with pytest.raises(NotStored, match="another server uses the database now"):
            north.commit(lines("late"))
        with pytest.raises(NotStored):
            north.wait(north.store.beat(1))
        assert south.prepared.kept.remembered.sessions["d"].ended_at is not None
        assert south.texts() == []


def test_nor_does_one_that_a_server_has_followed_which_uses_the_database_alone(
    north: Stored, postgresql: Server
) -> None:
    cut_off(postgresql)
    with stored(north.address), pytest.raises(NotStored, match="another server uses the database now"):
        north.commit(lines("late"))


def cut_off(server: Server) -> None:
    """Nobody is connected, and whoever was does not know it yet."""
    server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'chat'")
    while server.ask("SELECT FROM pg_locks WHERE locktype = 'advisory'"):
        pass


def test_of_one_of_before_no_copy_is_made(postgresql: Server, tmp_path: Path) -> None:
    where = postgresql.of_first()
    assert refusal(lambda: copied(where, tmp_path / "copy")) == (
        f"{where} is of an older version of this server. Start this one with it once, and try again."
    )
    where = postgresql.emptied()
    assert refusal(lambda: copied(where, tmp_path / "copy")) == f"In {where} there is no chat."
    assert list(tmp_path.iterdir()) == []


# Functions.


def test_those_of_another_build_are_replaced_under_nodes_that_run(north: Stored, postgresql: Server) -> None:
    expected = shape(postgresql)
    of_another_build(postgresql, "moment() RETURNS bigint LANGUAGE sql VOLATILE RETURN 1")
    with stored(north.address, "south") as south:
        assert shape(postgresql) == expected
        north.commit(lines("one"))
        south.commit(lines("two"))
        assert north.texts() == ["one", "two"]


def test_one_that_only_another_build_has_stays_for_its_nodes(north: Stored, postgresql: Server) -> None:
    of_another_build(postgresql, "older() RETURNS int LANGUAGE sql RETURN 1")
    opened(north.address, "south")
    assert postgresql.ask("SELECT chat.older()", "chat") == [(1,)]


def test_turns_go_on_while_they_are_replaced(north: Stored, postgresql: Server) -> None:
    with ThreadPoolExecutor() as threads:
        replaced = threads.submit(replace_again_and_again, postgresql, north.address)
        count = 0
        while not replaced.done():
            north.commit(lines(f"{count}"))
            north.wait(north.store.beat(1))
            count += 1
        replaced.result()
    assert north.texts() == [f"{number}" for number in range(count)]


def replace_again_and_again(server: Server, where: str) -> None:
    for _ in range(20):
        of_another_build(server)
        opened(where, "south")


def test_where_they_cannot_be_the_nodes_of_the_other_build_are_named(north: Stored, postgresql: Server) -> None:
    with stored(north.address, "south"):
        changed(postgresql, "DROP FUNCTION keep_progress")
        kind = "keep_progress(mine bigint, name text, kept jsonb) RETURNS int LANGUAGE sql RETURN 1"
        of_another_build(postgresql, kind, "older() RETURNS int LANGUAGE sql RETURN 1")
        before = shape(postgresql)
        assert refusal(lambda: opened(north.address, "west")) == (
            f"north, south use {north.address} with another build of this server, which does not go together with "
            "this one. Stop all of them first, then start this one."
        )
        changed(postgresql, f"UPDATE servers SET build = '{BUILD}' WHERE node = 'south'")
        assert refusal(lambda: opened(north.address, "west")).startswith(f"north uses {north.address}")
        assert shape(postgresql) == before
    cut_off(postgresql)
    with stored(north.address, "west"), pytest.raises(NotStored, match="another server uses the database now"):
        north.commit(lines("late"))
    with pytest.raises(psycopg.errors.UndefinedFunction, match="older"):
        postgresql.ask("SELECT chat.older()", "chat")
