"""What the web door has for others than the page: health, transcripts, posting by a token, and what a proxy says."""

import json

import pytest
from pages import Asker, Page, head, open_web
from twisted.internet.defer import Deferred
from world import Client, World

from chat.base import limits
from chat.doors.sockets import Caller
from chat.doors.web import Settings
from chat.doors.web_outside import caller, text_of


@pytest.fixture
def web(world: World) -> World:
    open_web(world, Settings(public=["#news", "#coffee"]))
    return world


# Health.


def test_who_asks_whether_it_works_is_told(web: World) -> None:
    code, _, body = Asker(web).ask(head("/healthz"))
    assert (code, body) == (200, b"It works.\n")


def test_a_store_that_does_not_answer_is_no_health(web: World, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Asker(web)
    monkeypatch.setattr(web.store, "after", lambda *_: Deferred())
    browser.send(head("/healthz"))
    web.turn()
    assert browser.bytes == b""
    web.wait(limits.HEALTH_SECONDS)
    assert browser.answer()[0] == 503


# Transcripts.


def test_everybody_may_read_a_room_that_was_named(web: World) -> None:
    amy = web.enter("amy", "/join #news", "<script>alert(1)</script> & more", "/me waves", "/topic a & b")
    code, headers, body = Asker(web).ask(head("/log/news"))
    assert (code, headers["content-type"]) == (200, "text/html; charset=utf-8")
    text = body.decode()
    assert "<b>amy</b>: &lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text
    assert "* <b>amy</b> waves" in text
    assert "a &amp; b" in text
    assert "<script" not in text
    amy.type("/delete 2")
    assert "alert" not in Asker(web).ask(head("/log/news"))[2].decode()


def test_no_other_room_and_none_that_is_private(web: World) -> None:
    amy = web.device(web.enter("amy"))
    amy.type("hi")
    assert Asker(web).ask(head("/log/lobby"))[0] == 404
    assert Asker(web).ask(head("/log/news"))[0] == 404
    assert Asker(web).ask(head("/log/"))[0] == 404


def test_a_long_transcript_has_more_before(web: World) -> None:
    web.enter("amy", "/join #news", *(f"line {number}" for number in range(limits.HISTORY_MOST + 10)))
    text = Asker(web).ask(head("/log/news"))[2].decode()
    assert "line 0<" not in text
    before = text.partition('href="?before=')[2].partition('"')[0]
    earlier = Asker(web).ask(head(f"/log/news?before={before}"))[2].decode()
    assert "line 0<" in earlier
    assert "line 9<" in earlier
    assert "line 10<" not in earlier


# Posting.


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"done", "done"),
        (b"done\n", "done"),
        (b'{"text": "done"}', "done"),
        ("¡hecho!".encode(), "¡hecho!"),
        (b"\xff", None),
        (b"{", None),
        (b'{"text": 5}', None),
        (b"{}", None),
        (b"[1]", "[1]"),
    ],
)
def test_what_is_to_be_said_is_text_or_an_object(body: bytes, text: str | None) -> None:
    assert text_of(body) == text


def token_of(world: World, *words: str) -> tuple[Client, str]:
    """An account, and a token of it."""
    amy = world.connect("/nick amy", wire="json", host="127.0.0.1")
    amy.type("/register")
    for _ in range(2):
        amy.type(json.dumps({"password": "correct horse battery"}))
    amy.take()
    amy.type(" ".join(["/token new bot post", *words]))
    [told] = [found for found in amy.take_objects() if found["type"] == "reply"]
    return amy, told["token"]


def post(world: World, path: str, body: str, token: str | None, host: str = "127.0.0.1") -> tuple[int, bytes]:
    data = body.encode()
    authorization = None if token is None else f"Bearer {token}"
    browser = Asker(world, host)
    code, _, answer = browser.ask(head(path, "POST", content_length=str(len(data)), authorization=authorization) + data)
    return code, answer


def test_a_program_posts_by_its_token(web: World) -> None:
    _, token = token_of(web)
    ann = web.enter("ann")
    code, answer = post(web, "/post/lobby", '{"text": "deploy done\\nin 3 s"}', token)
    assert code == 200, answer
    assert json.loads(answer)["room"] == "#lobby"
    assert "<amy/post> deploy done" in ann.lines


@pytest.mark.parametrize("token", [None, "x", "K7F2Q-X9M4T"])
def test_without_a_good_token_nothing_is_posted(web: World, token: str | None) -> None:
    ann = web.enter("ann")
    assert post(web, "/post/lobby", "hi", token)[0] == 401
    assert ann.lines == []


def test_what_cannot_be_posted_is_told_with_the_reason(web: World) -> None:
    _, token = token_of(web)
    assert post(web, "/post/nowhere", "hi", token)[0] == 404
    assert post(web, "/post/lobby", "", token)[0] == 400
    assert post(web, "/post/lobby", "x" * 3000, token)[0] == 413
    code, answer = post(web, "/post/lobby", "hi", token, host="203.0.113.5")
    assert (code, json.loads(answer)["code"]) == (403, "needs-tls")


def test_a_token_for_one_room_posts_in_no_other(web: World) -> None:
    amy, token = token_of(web, "#lobby")
    amy.type("/join #ops")
    assert post(web, "/post/ops", "hi", token)[0] == 403
    assert post(web, "/post/lobby", "hi", token)[0] == 200


def test_who_only_looks_is_told_how(web: World) -> None:
    assert Asker(web).ask(head("/post/lobby"))[0] == 405


# What a proxy says.


def told(*lines: tuple[str, str]) -> Caller:
    def values(name: str, default: list[str]) -> list[str]:
        return [value for key, value in lines if key == name] or default

    return caller(Caller("127.0.0.1", proxied=True, forwards=True), values)


@pytest.mark.parametrize(
    ("lines", "host", "sealed"),
    [
        ([], "127.0.0.1", False),
        ([("x-forwarded-for", "203.0.113.5")], "203.0.113.5", False),
        ([("x-forwarded-for", "6.6.6.6, 203.0.113.5")], "203.0.113.5", False),
        ([("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.5")], "203.0.113.5", False),
        ([("x-forwarded-for", "203.0.113.5"), ("x-forwarded-proto", "http, https")], "203.0.113.5", True),
        ([("x-forwarded-for", "203.0.113.5"), ("x-forwarded-proto", "https, http")], "203.0.113.5", False),
        ([("x-forwarded-for", "2001:db8::5")], "2001:db8::/64", False),
        ([("forwarded", "for=6.6.6.6"), ("x-real-ip", "6.6.6.6")], "127.0.0.1", False),
    ],
)
def test_the_last_word_is_the_proxys(lines: list[tuple[str, str]], host: str, sealed: bool) -> None:
    found = told(*lines)
    assert (found.host, found.sheltered) == (host, sealed)


def test_who_is_no_proxy_is_not_believed(web: World) -> None:
    page = Page(web, "/nick amy", x_forwarded_for="6.6.6.6", x_forwarded_proto="https")
    assert page.visit.host == "192.0.2.1"
    assert not page.visit.sealed


def test_behind_a_proxy_people_have_addresses_of_their_own() -> None:
    world = World(proxies=["192.0.2.1"], max_per_host=1)
    open_web(world)
    amy = Page(world, "/nick amy", x_forwarded_for="203.0.113.5", x_forwarded_proto="https")
    ben = Page(world, "/nick ben", x_forwarded_for="203.0.113.6")
    assert (amy.visit.host, amy.visit.sealed) == ("203.0.113.5", True)
    assert (ben.visit.host, ben.visit.sealed) == ("203.0.113.6", False)


def test_a_banned_address_is_banned_behind_a_proxy() -> None:
    world = World(proxies=["192.0.2.1"], bans=["203.0.113.5"])
    open_web(world)
    amy = Page(world, x_forwarded_for="203.0.113.5")
    assert amy.objects[0]["code"] == "banned"
    assert amy.closed_with == 1000


def test_who_asks_for_much_has_to_wait() -> None:
    world = World(rate=2, max_per_host=200)
    open_web(world)
    browser, most = Asker(world), int(limits.BUDGET_BY * limits.BUDGET_BURST / limits.PRICE_PICTURE) + 1
    codes = [browser.ask(head("/qr.svg?of=http%3A%2F%2Fpi%2F"))[0] for _ in range(most)]
    assert codes[0] == 200
    assert codes[-1] == 429
    assert Asker(world, "192.0.2.9").ask(head())[0] == 200
    world.wait(limits.BUDGET_WAIT_SECONDS)
    assert Asker(world).ask(head())[0] == 200


def test_a_picture_of_an_address_is_drawn(web: World) -> None:
    code, headers, body = Asker(web).ask(head("/qr.svg?of=http%3A%2F%2Fpi%3A12345%2F"))
    assert (code, headers["content-type"]) == (200, "image/svg+xml")
    assert b"<svg" in body
    assert Asker(web).ask(head("/qr.svg?of=javascript%3Ax"))[0] == 404
    assert Asker(web).ask(head("/qr.svg"))[0] == 404
