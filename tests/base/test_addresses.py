"""Addresses by which people come to a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base import addresses, limits


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://North.example", "https://north.example/"),
        ("https://north.example:443/", "https://north.example/"),
        ("https://north.example:12346", "https://north.example:12346/"),
        ("http://north.example:443", "http://north.example:443/"),
        ("https://example.org/chat", "https://example.org/chat/"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"),
        ("tls://north", "tls://north"),
        ("CHAT://north:7/", "chat://north:7"),
    ],
)
def test_one_is_told_in_one_way_however_it_is_written(text: str, told: str) -> None:
    assert addresses.normal(text) == told
    assert addresses.normal(told) == told


@pytest.mark.parametrize(
    "text",
    [
        "north",
        "ftp://north",
        "https://",
        "https://north:0",
        "https://north:65536",
        "https://north; connect-src *",
        "https://north/a b",
        "https://north/?x",
        "https://north\r\nX: y",
        "https://amy@north",
        "tls://north/path",
        "https://" + "n" * limits.ADDRESS,
    ],
)
def test_what_is_none_is_not_told(text: str) -> None:
    assert addresses.normal(text) is None


def test_of_a_page_it_says_where_it_is_from_and_where_it_talks() -> None:
    page = "https://example.org:8443/chat/"
    assert addresses.is_page(page)
    assert not addresses.is_page("tls://example.org")
    assert addresses.origin(page) == "https://example.org:8443"
    assert addresses.socket(page) == "wss://example.org:8443/chat/ws"
    assert addresses.socket("http://north/") == "ws://north/ws"
    assert [addresses.host(one) for one in (page, "http://[::1]:7/")] == ["example.org", "::1"]


@given(st.text() | st.from_regex(r"(https?|tls|chat)://.{0,20}", fullmatch=True))
def test_none_holds_a_sign_that_means_something_in_a_header(text: str) -> None:
    told = addresses.normal(text)
    assert told is None or not set(told) & set(" ;,'\"\r\n\t*")
