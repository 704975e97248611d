"""That the index is the same whether its writer knows of each new line or finds them in the database."""

import sqlite3
from contextlib import closing
from functools import cache
from unittest.mock import patch
from weakref import WeakSet

from database import AMY, batch, log
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.base import limits
from chat.log.events import Fact, Joined, Message
from chat.store.rows import SEQ_BITS
from chat.store.sqlite.commits import commit
from chat.store.sqlite.indexing import Indexing
from chat.store.sqlite.people import Written
from chat.store.sqlite.schema import MIGRATIONS

SIGNS = "aB1 $+<=>|~#'_-\0\x7f\n"
JOINED = Joined(None, ("amy",), 1)
texts = st.text(SIGNS, max_size=8) | st.text("ab #é漢か가", max_size=6) | st.text(max_size=6)
facts = texts.map(lambda text: Message(AMY, text)) | st.just(JOINED)
batches = st.lists(st.lists(facts, min_size=1, max_size=6), max_size=6)


@cache
def _empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for script in MIGRATIONS:
        connection.executescript(script)
    return connection


def new_database() -> sqlite3.Connection:
    """In memory, for a disk's is made anew in tenths of a second."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _empty().backup(connection)
    return connection


def index(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Every token of the index with its line and place."""
    connection.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.tokens USING fts5vocab(main, search, instance)")
    return connection.execute('SELECT term, doc, "offset" FROM temp.tokens ORDER BY doc, "offset"').fetchall()


def step_to_the_end(indexing: Indexing, connection: sqlite3.Connection) -> None:
    while indexing.wanted() is not None:
        indexing.step(connection)


@given(
    said=batches,
    rows=st.integers(1, 5),
    known=st.sampled_from([100, 2, 0]),
    from_batch=st.integers(0, 2),
    steps=st.sets(st.integers(0, 5), max_size=3),
    emptied=st.sets(st.integers(1, 12), max_size=3),
)
@example(said=[[Message(AMY, "a~b"), Message(AMY, "é~c"), Message(AMY, "d\0e")]], rows=5, known=3, from_batch=0,
         steps=set(), emptied=set())  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_what_is_known_of_new_lines_makes_the_index_that_is_made_without(
    said: list[list[Fact]], rows: int, known: int, from_batch: int, steps: set[int], emptied: set[int]
) -> None:
    with (
        patch.object(limits, "INDEX_ROWS", rows),
        patch.object(limits, "INDEX_KNOWN", known),
        closing(new_database()) as connection,
    ):
        indexing, written, first = Indexing(), Written(), 1
        indexing.step(connection)
        for number, part in enumerate(said):
            new = batch(log("#lobby", part, first))
            commit(connection, new, written)
            first += len(part)
            if number >= from_batch:  # as if the server had been started then
                indexing.note(new.appended)
            else:
                indexing = Indexing()
            for place in (place for place in emptied if place < first and not indexed(connection, place)):
                connection.execute("UPDATE entries SET text = NULL WHERE id = ?", ((1 << SEQ_BITS) + place,))
            if number in steps:
                indexing.step(connection)
        step_to_the_end(indexing, connection)
        found = index(connection)
        assert connection.execute("SELECT count(*) FROM logs WHERE indexed < head").fetchone() == (0,)

        connection.execute("INSERT INTO search (search) VALUES ('delete-all')")
        connection.execute("UPDATE logs SET indexed = 0")
        step_to_the_end(Indexing(), connection)
        assert found == index(connection)


def indexed(connection: sqlite3.Connection, seq: int) -> bool:
    return bool(connection.execute("SELECT 1 FROM logs WHERE indexed >= ?", (seq,)).fetchone())


def test_few_lines_are_held_until_it_is_known_what_is_in_them() -> None:
    """Their texts would take as much memory as they are long."""

    class Text(str):
        """One that tells whether it is held."""

    indexing, held = Indexing(), WeakSet[Text]()
    for seq in range(1, 2 * limits.INDEX_NOTED):
        text = Text(f"line {seq}")
        held.add(text)
        indexing.note(batch(log("#lobby", [Message(AMY, text)], seq)).appended)
    del text
    assert len(held) == limits.INDEX_NOTED - 1


def test_a_step_that_failed_is_done_again_whole() -> None:
    with closing(new_database()) as connection:
        indexing = Indexing()
        indexing.step(connection)
        said = batch(log("#lobby", [Message(AMY, "é one"), Message(AMY, "two~")]))
        commit(connection, said, Written())
        indexing.note(said.appended)
        connection.execute("CREATE TEMP TRIGGER full BEFORE UPDATE ON main.logs BEGIN SELECT RAISE(ABORT, 'full'); END")
        for _ in range(2):
            try:
                indexing.step(connection)
            except sqlite3.Error:
                connection.execute("DROP TRIGGER full")
                assert index(connection) == []
        assert [term for term, *_ in index(connection)] == ["e", "one", "two", "~"]
