"""That every fact comes back from the database as it was."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest
from database import AMY, lines, log, opened
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.core.ports import Appended
from chat.log.events import (
    Action,
    Announced,
    Audited,
    Author,
    Entry,
    Fact,
    Invited,
    Joined,
    Left,
    Measured,
    Message,
    NotDelivered,
    OtherDevice,
    PrivacySet,
    Private,
    Redacted,
    Renamed,
    RoleGiven,
    StopAnnounced,
    TopicSet,
)

dates = st.timedeltas(timedelta(0), timedelta(days=366 * 200)).map(lambda time: datetime(1970, 1, 1, tzinfo=UTC) + time)
tokens = st.text("0123456789abcdef", min_size=1, max_size=16)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
authors = st.builds(Author, tokens, tokens, texts, st.booleans(), texts)
names = st.lists(texts, max_size=3).map(tuple)
kinds: dict[type[Fact], st.SearchStrategy[Fact]] = {
    Message: st.builds(Message, authors, texts),
    Action: st.builds(Action, authors, texts),
    Private: st.builds(Private, authors, texts, tokens, texts),
    Joined: st.builds(Joined, st.none() | authors, names, st.integers(0, 10**6)),
    Left: st.builds(
        Left,
        st.none() | authors,
        names,
        st.integers(0, 10**6),
        st.none() | st.integers(0, 10**9),
        texts,
        st.booleans(),
        tokens,
        names,
    ),
    Renamed: st.builds(Renamed, authors, texts, tokens, names),
    TopicSet: st.builds(TopicSet, authors, texts),
    RoleGiven: st.builds(
        RoleGiven, st.none() | authors, texts, st.sampled_from(["owner", "operator", "member"]), texts
    ),
    Measured: st.builds(
        Measured,
        st.none() | authors,
        st.sampled_from(["mute", "unmute", "kick", "ban", "unban"]),
        texts,
        texts,
        st.none() | st.integers(1, 10**9),
        texts,
        tokens,
        names,
    ),
    PrivacySet: st.builds(PrivacySet, st.none() | authors, st.booleans()),
    Invited: st.builds(Invited, st.none() | authors, texts, texts),
    Announced: st.builds(Announced, st.none() | authors, texts),
    StopAnnounced: st.builds(StopAnnounced, st.none() | authors, st.none() | st.integers(0, 10**6)),
    NotDelivered: st.builds(NotDelivered, texts),
    Audited: st.builds(
        Audited,
        st.none() | authors,
        texts,
        texts,
        texts,
        st.none() | st.integers(0, 10**9),
        texts,
        st.none() | st.integers(0, 10**4),
        tokens,
    ),
    Redacted: st.builds(
        Redacted, st.none() | authors, st.lists(st.integers(1, 10**9), min_size=1).map(tuple), dates, texts, texts
    ),
    OtherDevice: st.builds(OtherDevice, authors, st.sampled_from(["joined", "left", "renamed"]), texts),
}
entries = st.builds(Entry, st.just(1), dates, st.one_of(*kinds.values()), st.none())


def test_every_kind_of_fact_is_tried() -> None:
    assert set(kinds) == set(get_args(Fact))


@given(written=st.lists(entries, min_size=1, max_size=20))
@settings(max_examples=40)
def test_every_fact_comes_back_as_it_was(written: list[Entry]) -> None:
    written = [entry._replace(seq=seq) for seq, entry in enumerate(written, 1)]
    with TemporaryDirectory() as directory, opened(Path(directory) / "chat.sqlite3") as database:
        database.commit(Appended("@p", "@", True, written))
        assert database.wait(database.store.after("@p", 0, 100)) == written


@pytest.mark.parametrize("unkeepable", ["\0", "\ud800"])
@pytest.mark.parametrize("make", [Message, Action, lambda author, text: Private(author, text, "p", text)])
def test_what_sqlite_cannot_hold_is_replaced(
    tmp_path: Path, make: Callable[[Author, str], Fact], unkeepable: str
) -> None:
    with opened(tmp_path / "chat.sqlite3") as database:
        database.commit(log("#lobby", [make(AMY, f"a {unkeepable} b"), make(AMY, "ñ")]))
        assert database.texts() == ["a \ufffd b", "ñ"]


def test_a_presence_with_any_character_comes_back_as_it_was(tmp_path: Path) -> None:
    facts: list[Fact] = [Left(None, ("\0", "\ud800"), 1, 2, "bye \0\ud800\\u0000"), TopicSet(AMY, "\udfff")]
    with opened(tmp_path / "chat.sqlite3") as database:
        database.commit(log("#lobby", facts))
        assert [entry.fact for entry in database.wait(database.store.after("#lobby", 0, 9))] == facts


def test_a_backslash_is_not_taken_for_an_escape(tmp_path: Path) -> None:
    with opened(tmp_path / "chat.sqlite3") as database:
        database.commit(lines("\\u0000 \\ud800 \\n \\", "ñ \\u0000"))
        assert database.texts() == ["\\u0000 \\ud800 \\n \\", "ñ \\u0000"]
