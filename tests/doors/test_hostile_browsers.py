"""The web door: who asks in ways in which no browser does costs nobody anything, and is told nothing."""

import tracemalloc

import pytest
from pages import Asker, head, masked, open_web, upgrade
from sealed import Sealed
from world import Logged, World

from chat.base import limits
from chat.doors.web import Browser
from chat.doors.websocket import WebSocketLines


@pytest.fixture
def web(world: World) -> World:
    open_web(world)
    return world


def test_who_asks_much_at_once_gets_one_answer(web: World) -> None:
    browser = Asker(web)
    browser.send(head() * 50)
    web.turn()
    assert browser.bytes.count(b"HTTP/1.1 200 ") == 1
    assert browser.gone


@pytest.mark.parametrize("length", [0, 3])
def test_nor_is_more_answered_behind_a_body(web: World, length: int) -> None:
    browser = Asker(web)
    browser.send(head(method="POST", content_length=str(length)) + b"x" * length + head() * 50)
    web.turn()
    assert browser.bytes.count(b"HTTP/1.1 ") == 1
    assert browser.gone


def test_who_reads_the_answers_may_ask_as_often_as_they_like(web: World) -> None:
    browser = Asker(web)
    assert [browser.ask(head("/chat.js"))[0] for _ in range(20)] == [200] * 20


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "HEAD"])
def test_the_asterisk_is_answered_as_every_path(web: World, method: str) -> None:
    code, headers, _ = Asker(web).ask(head("*", method=method, host="evil.example"))
    assert code == 421
    assert "server" not in headers
    assert "content-security-policy" in headers


@pytest.mark.parametrize(
    "header", [b"Host: \xff", b"Host: pi\r\nOrigin: http://\xff", b"Host: pi\r\nCookie: \xff=\xfe"]
)
def test_bytes_that_are_no_letters_are_no_fault_of_ours(web: World, header: bytes, logged: Logged) -> None:
    code, headers, _ = Asker(web).ask(b"GET / HTTP/1.1\r\n" + header + b"\r\n\r\n")
    assert code in (200, 403, 421)
    assert "server" not in headers


def test_a_length_of_thousands_of_digits_is_refused(web: World) -> None:
    browser = Asker(web)
    browser.send(head(content_length="9" * 5_000))
    web.turn()
    assert browser.bytes.startswith(b"HTTP/1.1 400 ")
    assert browser.gone


@pytest.mark.parametrize("asked", [upgrade().replace(b"GET", b"HEAD"), upgrade().replace(b"HTTP/1.1", b"HTTP/1.0")])
def test_nothing_is_upgraded_by_a_request_that_cannot(web: World, asked: bytes) -> None:
    assert Asker(web).ask(asked)[0] == 400


def test_a_fault_of_ours_costs_that_one_browser_its_connection(
    web: World, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    def fail(self: Browser) -> None:
        raise ZeroDivisionError

    browser, other = Asker(web), Asker(web)
    monkeypatch.setattr(Browser, "allHeadersReceived", fail)
    browser.send(head())
    web.turn()
    assert browser.gone
    monkeypatch.undo()
    assert other.ask(head())[0] == 200
    assert logged.expect(ZeroDivisionError)


def test_who_is_one_too_many_is_let_go_though_they_do_not_say_goodbye(
    web: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WEB_PER_HOST", 0)
    browser = Sealed(web)
    browser.tls.send(head())
    browser.raw(browser.tls.bio_read(2**16))
    web.wait(limits.CLOSE_SECONDS)
    web.turn()
    assert browser.socket.disconnected


def test_parts_of_a_message_that_are_empty_are_not_kept() -> None:
    decoder = WebSocketLines(0.0)
    decoder.feed(masked(b"x", 0x01))
    tracemalloc.start()
    try:
        for _ in range(100):
            decoder.feed(masked(b"", 0x00) * 100)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 10_000
    assert decoder.feed(masked(b"y", 0x80)) == ["xy"]
