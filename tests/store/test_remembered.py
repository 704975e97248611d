"""What is remembered of people, of which only what changed is written."""

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from database import Database, lines, person, session
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.core.ports import PersonRecord, SessionRecord

HERE, THERE = {"#lobby": 1}, {"#lobby": 2, "@bob": 1}
PEOPLE = st.sampled_from(
    [
        None,
        person("amy", rooms=HERE, read=HERE),
        person("amy", rooms=THERE, read=THERE, ignored={"p1": "bob"}, roles={"#ops": "owner"}, password="hash"),
        person("ana", rooms=HERE, senders=["p1", "p2"], roles={"#ops": "operator", "*": "operator"}, password="hash"),
    ]
)
SESSIONS = st.sampled_from([None, session("a", given=HERE), session("a", given=THERE)])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from("ab"), PEOPLE),
            st.dictionaries(st.sampled_from("xy"), SESSIONS),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_they_are_as_they_were_kept_last_also_where_a_batch_between_was_refused(changes: list[Any]) -> None:
    """A batch is refused where it has a number of before."""
    with TemporaryDirectory() as directory:
        database = Database(Path(directory) / "chat.sqlite3")
        database.commit(lines("one"))
        of_people: dict[str, PersonRecord | None] = {}
        of_sessions: dict[str, SessionRecord | None] = {}
        for some, others, refused in changes:
            if refused:
                with pytest.raises(sqlite3.IntegrityError):
                    database.commit(lines("one"), people=some, sessions=others)
            else:
                database.commit(people=some, sessions=others)
                of_people.update(some)
                of_sessions.update(others)
        database.close()
        reopened = Database(Path(directory) / "chat.sqlite3")
        reopened.close()
    remembered = reopened.prepared.kept.remembered
    assert remembered.people == {id: record for id, record in of_people.items() if record is not None}
    assert remembered.sessions == {id: record for id, record in of_sessions.items() if record is not None}
