"""A long answer that is made in pages is the one that is made at once."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits
from chat.base.language import language
from chat.log.events import Action, Author, Entry, Message
from chat.wire.answers import History, Latest
from chat.wire.json_wire import JsonFormat, JsonWire
from chat.wire.plain import Plain, PlainFormat

NOW = datetime(2026, 11, 22, 10, 4, tzinfo=UTC)
AMY = Author("p1", "s1", "amy")
WIRES = [Plain(PlainFormat(language("en"), UTC)), JsonWire(JsonFormat(language("en")))]


def history(texts: list[str], **keys: object) -> History:
    entries = [
        ("#lobby", Entry(number, NOW + timedelta(hours=number), (Action if number % 5 == 4 else Message)(AMY, text)))
        for number, text in enumerate(texts)
    ]
    return History(Latest(), "#lobby", entries, True, NOW, **keys)  # type: ignore[arg-type]


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.format.name)
@given(
    texts=st.lists(
        st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), min_size=1), max_size=120
    ),
    id=st.none() | st.text(max_size=9),
    total=st.none() | st.just(500),
)
def test_pages_together_are_the_answer(
    wire: Plain | JsonWire, texts: list[str], id: str | None, total: int | None
) -> None:
    asked = history(texts, id=id, total=total)
    assert b"".join(wire.pages(asked)) == wire.answer(asked)


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.format.name)
def test_a_page_has_so_many_lines_or_bytes(wire: Plain | JsonWire) -> None:
    assert len(list(wire.pages(history(["hi"] * limits.HISTORY_AT_ONCE)))) <= 2
    assert len(list(wire.pages(history(["hi"] * 500)))) >= 500 // limits.HISTORY_AT_ONCE
    long = list(wire.pages(history(["x" * limits.TEXT] * 40)))
    assert max(map(len, long)) < limits.HISTORY_BYTES_AT_ONCE + 2 * limits.TEXT
