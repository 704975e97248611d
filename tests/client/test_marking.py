"""What is marked in a line: links, and the nickname that it begins with."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.marking import author_in, links
from chat.client.talk.objects import Said


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("see https://example.org/x?y=1.", ["https://example.org/x?y=1"]),
        ("(https://example.org/a_(b))", ["https://example.org/a_(b)"]),
        ("http://a.b, http://c.d!", ["http://a.b", "http://c.d"]),
        ('"https://example.org"', ["https://example.org"]),
        ("https://", []),
        ("https://...", []),
        ("xhttps://example.org javascript://example.org file:///etc", []),
    ],
)
def test_links_end_where_their_sentence_goes_on(row: str, found: list[str]) -> None:
    assert [row[link] for link in links(row)] == found


@given(st.text(alphabet="htps:/.,)(x \u2026", max_size=60))
def test_whatever_stands_there_links_are_parts_of_it(row: str) -> None:
    found = links(row)
    assert all(row[link].startswith(("http://", "https://")) for link in found)
    assert all(one.stop <= other.start for one, other in pairwise(found))


@pytest.mark.parametrize(("row", "name"), [("<bob> hi", "bob"), ("* bob waves", "bob"), ("[bob -> you] hi", "bob")])
def test_a_line_begins_with_who_said_it(row: str, name: str) -> None:
    shown = Shown(LineKind.TALK, row, source=Said("#lobby", "bob", "hi", 1, None, None, False))
    found = author_in(row, shown)
    assert found is not None
    assert row[found] == name
    assert author_in("hi", shown) is None
