"""The web door: on the same port, beside all others; whom it answers, and how a page talks."""

import json
import re
from importlib.resources import files
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import Asker, Page, head, masked, open_web, upgrade
from sealed import Sealed
from twisted.internet.defer import Deferred, fail
from world import Logged, World

from chat.base import limits
from chat.core.ports import Record
from chat.doors.tcp import Browsers
from chat.doors.web import Settings, is_ours, may_be_called
from chat.log.events import Measured, RoleGiven
from chat.wire.framed import PING, PONG


@pytest.fixture
def web(world: World) -> World:
    open_web(world)
    return world


def test_the_page_comes_from_the_port_of_everybody(web: World) -> None:
    code, headers, body = Asker(web).ask(head())
    assert (code, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<!doctype html>" in body
    assert int(headers["content-length"]) == len(body)


@pytest.mark.parametrize("path", ["/chat.js", "/chat.css", "/icon.svg", "/manifest.json", "/about.json"])
def test_so_does_all_that_it_needs(web: World, path: str) -> None:
    code, headers, body = Asker(web).ask(head(path))
    assert code == 200
    assert body
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("port", "addresses"), [(12345, ["http://192.0.2.9:12345/"]), (80, ["http://192.0.2.9/"]), (0, [])]
)
def test_it_knows_where_others_find_it_if_they_can(world: World, port: int, addresses: list[str]) -> None:
    open_web(world, Settings(addresses=lambda: ["192.0.2.9"], port=port))
    assert json.loads(Asker(world).ask(head("/about.json"))[2])["addresses"] == addresses


def test_it_has_a_sentence_for_all_that_it_may_be_told() -> None:
    script = (files("chat.doors") / "page" / "chat.js").read_text()
    table = script.partition("const SENTENCES = {\n")[2].partition("\n};\n")[0]
    known = set(re.findall(r'^  "?([\w-]+)"?: \[', table, re.MULTILINE))
    measures, roles = get_args(get_type_hints(Measured)["what"]), get_args(get_type_hints(RoleGiven)["role"])
    assert "mute" in measures
    assert "owner" in roles
    assert known >= {f"m_{what}" for what in measures} | {f"role_{role}" for role in roles}
    assert known >= set(re.findall(r'\bt\("([\w-]+)"', script))


@pytest.mark.parametrize("path", ["/", "/ws", "/nothing", "/chat.js/x", "/%00", "/../chat.js"])
def test_no_answer_tells_a_version(web: World, path: str) -> None:
    _, headers, body = Asker(web).ask(head(path))
    assert "server" not in headers
    assert b"Twisted" not in body


def test_what_has_not_changed_does_not_come_again(web: World) -> None:
    browser = Asker(web)
    tag = browser.ask(head("/chat.js"))[1]["etag"]
    assert browser.ask(head("/chat.js", if_none_match=tag))[0] == 304


def test_the_head_alone_may_be_asked_for(web: World) -> None:
    code, headers, body = Asker(web).ask(head(method="HEAD"))
    assert (code, body) == (200, b"")
    assert int(headers["content-length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_else_may_be_done_with_it(web: World, method: str) -> None:
    assert Asker(web).ask(head(method=method, content_length="0"))[0] in (404, 405)


def test_a_head_may_come_byte_by_byte_and_nobody_is_greeted_meanwhile(web: World) -> None:
    browser = Asker(web)
    for byte in head():
        browser.send(bytes([byte]))
        web.wait(0.05)
    assert browser.answer()[0] == 200


def test_a_pause_in_the_first_line_is_waited_for(web: World) -> None:
    browser = Asker(web)
    browser.send(head()[:9])
    web.wait(limits.WEB_SECONDS * 0.9)
    assert browser.bytes == b""
    browser.send(head()[9:])
    web.turn()
    assert browser.answer()[0] == 200


def test_who_types_such_a_word_and_waits_is_greeted(web: World) -> None:
    amy = web.connect(greeted=False)
    amy.send(b"GET")
    web.turn()
    web.wait(limits.WEB_SECONDS)
    assert "nickname" in amy.lines[-1]


@pytest.mark.parametrize("said", ["GET off my lawn", "POST no bills", "HEAD over heels HTTP/1.1", "GET"])
def test_talk_that_begins_so_is_talk(web: World, said: str) -> None:
    ann = web.enter("ann")
    web.connect("/nick amy", said)
    assert ann.lines[-1] == f"<amy> {said}"


def test_without_a_web_door_the_answer_is_how_one_joins(world: World) -> None:
    browser = world.connect(greeted=False)
    browser.send(head())
    world.turn()
    assert browser.bytes.startswith(b"HTTP/1.1 400 ")
    assert b"This is a chat, not a web server." in browser.bytes


# Connections that a browser opens ahead.


def test_a_silent_connection_beside_a_browser_is_not_greeted_at_once(web: World) -> None:
    before, browser = Asker(web), Asker(web)
    browser.ask(head())
    after, other = Asker(web), Asker(web, "192.0.2.9")
    web.wait(limits.WEB_QUIET_SECONDS * 0.9)
    assert before.bytes == after.bytes == b""
    assert b"nickname" in other.bytes
    assert before.ask(head("/chat.js"))[0] == after.ask(head("/chat.css"))[0] == 200


def test_nor_while_the_web_door_is_opened(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    open_web(world)
    assert world.factory.web is not None
    web = world.factory.web()
    later: Deferred[Browsers] = Deferred()
    monkeypatch.setattr(world.factory, "web", lambda: later)
    before, browser, other = Asker(world), Asker(world), Asker(world)
    browser.send(head())
    other.send(head("/chat.js"))
    world.turn()
    world.wait(limits.WEB_QUIET_SECONDS)
    assert before.bytes == browser.bytes == b""
    web.addCallback(later.callback)
    world.turn()
    assert browser.answer()[0] == other.answer()[0] == before.ask(head())[0] == 200


def test_where_it_cannot_be_opened_browsers_are_let_go(world: World, logged: Logged) -> None:
    world.factory.web = lambda: fail(ImportError("it is damaged"))
    browser, again = Asker(world), Asker(world)
    browser.send(head())
    again.send(head())
    world.turn()
    assert browser.gone
    assert again.gone
    assert len(logged.expect(ImportError)) == 2


def test_but_a_person_is_in_the_end(web: World) -> None:
    Asker(web).ask(head())
    amy = web.connect(greeted=False)
    web.wait(limits.WEB_QUIET_SECONDS)
    assert "nickname" in amy.lines[-1]


# Who asks too much, or too slowly.


def test_who_does_not_ask_in_time_is_let_go(web: World) -> None:
    browser = Asker(web)
    for byte in head()[:-1]:
        browser.send(bytes([byte]))
        web.wait(limits.WEB_SECONDS / 40)
    web.wait(limits.WEB_SECONDS)
    assert browser.gone
    assert web.factory.quiet_for("192.0.2.1") == limits.WEB_GREET_SECONDS


def test_who_asks_no_more_is_let_go(web: World) -> None:
    browser = Asker(web)
    browser.ask(head())
    web.wait(limits.WEB_SECONDS)
    assert browser.gone


def test_who_does_not_take_the_answer_is_let_go(web: World) -> None:
    browser = Asker(web)
    browser.full(10)
    browser.send(head("/chat.js"))
    web.turn()
    web.wait(limits.WEB_SECONDS)
    web.wait(limits.WEB_LAST_SECONDS)
    web.turn()
    assert browser.gone


def test_a_long_head_is_refused(web: World) -> None:
    browser = Asker(web)
    browser.send(head(x="y" * 8_000, y="y" * 8_000, z="y" * 8_000))
    web.turn()
    assert browser.bytes.startswith(b"HTTP/1.1 400 ")


def test_what_is_sent_along_is_not_kept(web: World) -> None:
    browser = Asker(web)
    size = limits.WEB_BODY + 1
    assert browser.ask(head(method="POST", content_length=str(size)) + bytes(size))[0] == 413


def test_browsers_are_not_counted_as_people_and_have_a_number_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(max_per_host=2)
    open_web(world)
    monkeypatch.setattr(limits, "WEB_PER_HOST", 5)
    browsers = [Asker(world)]
    for _ in range(4):
        browsers[-1].ask(head())
        browsers.append(Asker(world))
    assert browsers[-1].ask(head())[0] == 200
    assert Asker(world).ask(head())[0] == 503
    Page(world, "/nick amy", host="192.0.2.2")
    Page(world, "/nick ben", host="192.0.2.2")
    code, _, body = Asker(world, "192.0.2.2").ask(head())
    assert (code, body) == (503, b"Your address has 2 connections already.\n")


def test_the_handshakes_of_browsers_are_counted_as_arrivals_where_they_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "WEB_PER_HOST", 4)
    world = World(max_per_host=3)
    open_web(world)

    def ask(host: str = "192.0.2.1") -> bytes:
        browser = Sealed(world, host=host)
        browser.say(head())
        browser.goodbye()
        browser.fin()
        assert browser.gone
        return bytes(browser.received).partition(b"\r\n")[0]

    many = limits.ARRIVALS * 4 + limits.ARRIVALS * 3
    assert [ask() for _ in range(many)] == [b"HTTP/1.1 200 OK"] * many
    assert ask() == b"HTTP/1.1 503 Service Unavailable"
    assert ask("192.0.2.2") == b"HTTP/1.1 200 OK"
    for _ in range(2 * many):  # in clear they take little
        assert Asker(world, "192.0.2.3").ask(head())[0] == 200
        world.clients.pop().close()
    world.wait(limits.ARRIVALS_REFILL_SECONDS)
    assert ask() == b"HTTP/1.1 200 OK"


def test_who_asks_for_the_page_in_clear_where_tls_is_spoken_is_told_where_it_is(world: World) -> None:
    for with_door, told in ((False, b"not a web server"), (True, b"encrypted: the page is https://10.0.0.1:12345/\n")):
        if with_door:
            open_web(world)
        browser = Sealed(world, handshake=False)
        browser.raw(head())
        assert browser.clear.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert told in browser.clear


def test_a_person_is_counted_when_they_talk() -> None:
    world = World(max_per_host=1)
    open_web(world)
    first = Page(world, "/nick amy")
    assert first.objects[1]["nick"] == "amy"
    ann = world.connect("ann")
    assert ann.lines == ["! too-many: Your address has 1 connections already."]


@pytest.mark.parametrize("with_door", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_who_may_not_come_is_told_so_in_their_language(with_door: bool, whole: bool) -> None:
    world = World(bans=["192.0.2.9"], max_clients=1)
    if with_door:
        open_web(world)
    world.enter("amy")
    for host, expected, sentence in (
        ("192.0.2.2", 503, b"The chat is full: 1 connections.\n"),
        ("192.0.2.9", 403, b"The operator of this server has banned your address.\n"),
    ):
        for method in ("GET", "HEAD", "POST"):
            browser, asked = Asker(world, host), head("/", method)
            if not whole:
                browser.send(asked[:5])
                asked = asked[5:]
            code, headers, body = browser.ask(asked)
            assert (code, body) == (expected, b"" if method == "HEAD" else sentence)
            assert int(headers["content-length"]) == len(sentence)
            assert browser.gone
    assert world.factory.clients == {world.clients[0].visit}


def test_by_connections_that_a_refused_browser_opened_ahead_it_comes_in_as_soon_as_there_is_room() -> None:
    world = World(max_clients=1)
    open_web(world)
    amy = world.enter("amy")
    browser, ahead, later = Asker(world), Asker(world), Asker(world)
    assert browser.ask(head())[0] == 503
    world.wait(limits.WEB_SECONDS - 1)
    assert ahead.bytes == later.bytes == b""
    amy.cut()
    assert ahead.ask(head())[0] == 200
    world.enter("ben")
    code, _, body = later.ask(head())
    assert (code, body) == (503, b"The chat is full: 1 connections.\n")


def test_where_browsers_may_come_a_person_who_may_not_is_told_so_a_little_later() -> None:
    world = World(max_clients=1)
    open_web(world)
    world.enter("amy")
    person = world.connect(greeted=False)
    world.wait(limits.WEB_QUIET_SECONDS - 0.1)
    assert person.lines == []
    world.wait(0.1)
    assert person.lines == ["! too-many: The chat is full: 1 connections."]


# Under which name, and of which page.


@pytest.mark.parametrize(
    ("host", "is_right"),
    [
        ("192.0.2.1", True),
        ("192.0.2.1:12345", True),
        ("[2001:db8::1]:12345", True),
        ("[::1]", True),
        ("localhost:12345", True),
        ("pi", True),
        ("pi:80", True),
        ("PI.LOCAL:12345", True),
        ("pi.local.", True),
        ("chat.example.org", True),
        ("Chat.Example.org:443", True),
        ("evil.example", False),
        ("chat.example.org.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example:12345", False),
        ("2001:db8::1", True),
        ("", False),
        (":80", False),
        ("a b", False),
        ("user@pi", False),
        ("evil.local/x", False),
        ("[evil.example]", False),
        ("pi:port", False),
    ],
)
def test_a_name_that_a_stranger_may_have_given_is_refused(host: str, is_right: bool) -> None:
    assert may_be_called(host, {"chat.example.org"}) is is_right


@given(st.text(max_size=40))
def test_whatever_the_name_is_the_answer_is_yes_or_no(host: str) -> None:
    assert may_be_called(host, ()) in (True, False)
    assert is_ours(host, "pi:80") in (True, False)
    assert is_ours("http://pi", host) in (True, False)


@pytest.mark.parametrize(
    ("origin", "host", "ours"),
    [
        ("http://pi:12345", "pi:12345", True),
        ("http://PI:12345", "pi:12345", True),
        ("http://pi", "pi:80", True),
        ("https://pi", "pi", True),
        ("https://pi:443", "pi", True),
        ("http://pi:1", "pi:12345", False),
        ("http://evil.example", "pi", False),
        ("null", "pi", False),
        ("", "pi", False),
        ("file://", "pi", False),
        ("http://[::1]:5", "[::1]:5", True),
        ("http://pi:x", "pi", False),
    ],
)
def test_a_page_of_another_place_is_not_ours(origin: str, host: str, ours: bool) -> None:
    assert is_ours(origin, host) is ours


@pytest.mark.parametrize("path", ["/", "/ws", "/nothing", "/about.json"])
def test_every_path_is_closed_to_strange_names_and_pages(web: World, path: str) -> None:
    assert Asker(web).ask(head(path, host="evil.example"))[0] == 421
    assert Asker(web).ask(head(path, origin="http://evil.example"))[0] == 403


def test_a_name_that_the_operator_tells_is_right(world: World) -> None:
    open_web(world, Settings(names=["chat.example.org"]))
    assert Asker(world).ask(head(host="chat.example.org"))[0] == 200


def test_no_host_or_two_are_refused(web: World) -> None:
    assert Asker(web).ask(head(host=None))[0] == 421
    assert Asker(web).ask(b"GET / HTTP/1.1\r\nHost: pi\r\nHost: pi\r\n\r\n")[0] == 421


# Where several servers are one chat.


NORTH = "https://north.example/chat/"


def told(world: World) -> None:
    """Another server of this chat has told its addresses."""
    keys = {"at": world.now().isoformat(), "addresses": [NORTH, "tls://north.example"]}
    world.hub.addresses.stored(Record("address", "north", json.dumps(keys)))


def test_a_page_of_another_node_talks_here_and_may_do_nothing_else(web: World) -> None:
    assert Asker(web).ask(upgrade(origin="https://north.example"))[0] == 403
    told(web)
    assert Asker(web).ask(upgrade(origin="https://north.example"))[0] == 101
    assert Asker(web).ask(upgrade(origin="HTTPS://North.example"))[0] == 101
    for path in ("/", "/about.json", "/post/ops", "/log/ops", "/healthz", "/ws/"):
        assert Asker(web).ask(head(path, origin="https://north.example"))[0] == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://north.example",
        "https://north.example:8443",
        "https://north.example.evil",
        "https://north.example/chat",
        "null",
    ],
)
def test_one_that_is_only_called_alike_does_not(web: World, origin: str) -> None:
    told(web)
    assert Asker(web).ask(upgrade(origin=origin))[0] == 403


def test_a_page_of_another_node_may_not_come_under_a_strange_name(web: World) -> None:
    told(web)
    assert Asker(web).ask(upgrade(origin="https://north.example", host="evil.example"))[0] == 421


def test_the_page_may_go_to_the_other_nodes_and_nowhere_else(web: World) -> None:
    policy = Asker(web).ask(head())[1]["content-security-policy"]
    assert "connect-src" not in policy
    told(web)
    headers = Asker(web).ask(head())[1]
    assert headers["content-security-policy"] == f"{policy}; connect-src 'self' wss://north.example/chat/ws"


# Talking.


def test_a_page_talks_with_all_others(web: World) -> None:
    ann = web.enter("ann")
    zoe = Page(web)
    assert [found["type"] for found in zoe.take_objects()] == ["hello"]
    zoe.tell({"line": "/nick zoe", "id": "1"})
    assert [found["type"] for found in zoe.take_objects()] == ["welcome", "history", "joined", "ack"]
    ann.type("hello, zoe")
    [heard] = zoe.take_objects()
    assert (heard["from"], heard["text"]) == ("ann", "hello, zoe")
    zoe.tell({"say": "hello, ann", "id": "2"})
    assert ann.lines[-1] == "<zoe> hello, ann"
    message, ack = zoe.take_objects()
    assert (message["text"], message["id"], ack["seq"]) == ("hello, ann", "2", message["seq"])


def test_a_frame_may_come_in_pieces_and_several_at_once(web: World) -> None:
    ann, zoe = web.enter("ann"), Page(web, "/nick zoe")
    data = masked(b'{"say": "one"}') + masked("¡dos!".encode()) + masked(b"three")
    for byte in data:
        zoe.send(bytes([byte]))
    web.turn()
    assert ann.lines[-3:] == ["<zoe> one", "<zoe> ¡dos!", "<zoe> three"]


def test_what_comes_with_the_request_itself_is_not_lost(web: World) -> None:
    ann, zoe = web.enter("ann"), Asker(web)
    zoe.send(upgrade() + masked(b"/nick zoe") + masked(b"hi"))
    web.turn()
    assert ann.lines[-1] == "<zoe> hi"


def test_other_ways_of_its_wire_are_framed_too(web: World) -> None:
    zoe = Page(web, "/nick zoe", "/language es", "/json", "/json echo", "/who", "/last")
    assert all(json.loads(text) for text in zoe.take())


def test_a_ping_is_answered_and_pages_are_pinged(web: World) -> None:
    zoe = Page(web, "/nick zoe")
    zoe.take()
    zoe.send(masked(b"x", PING) + masked(b"y", PING))
    web.turn()
    assert zoe.frames == [(PONG, b"y")]
    zoe.take()
    web.wait(60, 1)
    assert [kind for kind, _ in zoe.frames].count(PING) == 2


def test_who_says_goodbye_is_cut_off_and_comes_back(web: World) -> None:
    zoe = Page(web, "/nick zoe")
    code = zoe.objects[1]["resume"]
    seen = {"#lobby": zoe.objects[1]["rooms"]["#lobby"]["head"]}
    zoe.take()
    zoe.send(masked(b"\x03\xe9", 0x88))
    web.turn()
    assert zoe.closed_with == 1001
    ann = web.enter("ann")
    ann.type("one")
    back = Page(web)
    back.take()
    back.tell({"line": f"/resume {code}", "seen": seen, "id": "1"})
    found = back.take_objects()
    assert found[0]["back"] is True
    assert [event.get("text") for event in found if event["type"] == "message"] == ["one"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (masked(b"x" * (limits.MESSAGE + 1)), 1009),
        (masked(b"x" * limits.MESSAGE, 0x01) + masked(b"x", 0x80), 1009),
        (masked(b"x", 0x82), 1003),
        (masked(b"\xff"), 1007),
        (masked(b"x", 0x83), 1002),
        (masked(b"x", 0xC1), 1002),
        (b"\x81\x01x", 1002),
        (masked(b"\x00", 0x88), 1002),
    ],
)
def test_what_breaks_the_rules_ends_with_the_reason(web: World, sent: bytes, code: int) -> None:
    zoe = Page(web, "/nick zoe")
    zoe.take()
    zoe.send(sent)
    web.turn()
    assert zoe.closed_with == code


def test_a_message_without_end_is_not_kept(web: World) -> None:
    zoe = Page(web, "/nick zoe")
    zoe.take()
    zoe.send(masked(b"x" * 2**20)[: limits.MESSAGE + 100])
    web.turn()
    assert zoe.closed_with == 1009


def test_a_long_line_is_told_of_and_the_connection_stays(web: World) -> None:
    zoe = Page(web, "/nick zoe")
    zoe.take()
    zoe.send(masked(b"x" * (limits.LINE + 1)))
    zoe.tell({"line": "/ping"})
    assert [(found["type"], found.get("code")) for found in zoe.objects] == [("error", "too-long"), ("reply", None)]


def test_when_the_server_stops_pages_are_told_so(web: World) -> None:
    zoe = Page(web, "/nick zoe")
    zoe.take()
    web.factory.hold()
    web.factory.drain()
    web.turn()
    assert zoe.closed_with == 1001


def test_when_the_server_stops_browsers_that_ask_nothing_are_let_go(web: World) -> None:
    browser = Asker(web)
    browser.ask(head())
    web.factory.hold()
    web.factory.drain()
    web.turn()
    assert browser.gone


def test_a_download_under_way_is_finished_and_waited_for(web: World) -> None:
    browser = Asker(web)
    browser.full(1000)
    browser.send(head("/chat.js"))
    web.turn()
    web.factory.hold()
    gone = web.factory.drain()
    web.turn()
    assert not gone.called
    browser.drain()
    code, headers, body = browser.answer()
    assert (code, len(body)) == (200, int(headers["content-length"]))
    assert gone.called


def test_a_fault_costs_this_connection_alone(web: World, monkeypatch: pytest.MonkeyPatch, logged: Logged) -> None:
    ann, zoe = web.enter("ann"), Page(web, "/nick zoe")
    zoe.take()

    def fault(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("chat.visit.visit.handle", fault)
        zoe.tell({"say": "hi"})
    logged.expect(RuntimeError)
    assert zoe.closed_with == 1011
    ann.type("still here")
    assert not ann.gone


def test_after_the_goodbye_nothing_more_is_sent(web: World) -> None:
    ann, zoe = web.enter("ann"), Page(web, "/nick zoe")
    zoe.tell({"line": "/quit"})
    ann.type("one", "two")
    assert zoe.closed_with == 1000


def test_who_is_elsewhere_already_is_not_thrown_out_by_a_copy(web: World) -> None:
    zoe = Page(web, "/nick zoe")
    code = zoe.objects[1]["resume"]
    copy = Page(web)
    copy.take()
    copy.tell({"line": f"/resume {code}", "take": False, "id": "1"})
    assert [(found["type"], found["code"]) for found in copy.take_objects()] == [("error", "in-use")]
    copy.tell({"line": f"/resume {code}", "id": "2"})
    assert copy.take_objects()[0]["type"] == "welcome"
    assert zoe.objects[-1]["code"] == "taken-over"


def test_who_was_not_heard_for_long_is_not_there(web: World) -> None:
    zoe = Page(web, "/nick zoe")
    code = zoe.objects[1]["resume"]
    web.wait(2 * limits.IN_USE_SECONDS, 1)
    copy = Page(web)
    copy.take()
    copy.tell({"line": f"/resume {code}", "take": False, "id": "1"})
    assert copy.take_objects()[0]["type"] == "welcome"
