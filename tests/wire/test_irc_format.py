"""Events for IRC clients: what nearly all of them are is made in a shorter way, to the same bytes."""

from datetime import UTC, datetime
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from chat.base.language import language
from chat.log.events import Author, Entry, Message
from chat.wire.irc.format import RENDERED, Conversation, IrcFormat

_TEXTS = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=600),
    st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), min_size=1, max_size=40),
)
_AUTHORS = st.builds(
    Author,
    person=st.just("p1"),
    session=st.just("s1"),
    nick=st.sampled_from(["amy", "José", "n" * 20, "名" * 20]),
    bot=st.booleans(),
    shown=st.sampled_from(["", "bob/matrix"]),
    account=st.booleans(),
)


@given(_TEXTS, _AUTHORS, st.sets(st.sampled_from(RENDERED)), st.sampled_from(["#lobby", "#Ópera"]), st.integers(1, 9))
def test_what_is_said_now_is_what_history_shows_of_it(
    text: str, author: Author, capabilities: set[str], room: str, seq: int
) -> None:
    format = IrcFormat(language("en"), *capabilities)
    at = datetime(2026, 11, 22, 10, 4, seq, tzinfo=UTC)
    entry = Entry(seq, at, Message(author, text), None)
    log = cast(Any, Conversation("#lobby" if room == "#lobby" else "#ópera", room))
    told = format.event(log, entry, named=True, timed=False)
    assert told.decode().split("\r\n") == [*format.remembered(room, entry, ""), ""]
