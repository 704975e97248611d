"""The password of the whole server: it comes first on every door, and until then nothing is told and nothing said."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxy_headers import binary, connect
from returning import KeepingStore, code_of
from sealed import Sealed
from twisted.internet.address import IPv4Address, UNIXAddress
from world import Client, Socket, World, until

from chat import __version__
from chat.base import limits
from chat.base.language import language
from chat.base.passwords import Shared
from chat.commands.registry import TABLE
from chat.doors.factory import ChatFactory
from chat.doors.sniffing import Reception
from chat.wire.join_hints import Directions

WORD = "tulip time"
LAN = "192.168.1.7"
INTERNET = "192.0.2.1"
TLS = ("\x20\0\x05\x01" + "\0" * 4).encode()
"""What a proxy adds for whoever came to it by TLS."""

ASKED = [
    "-> Welcome to the chat on pi.",
    "-> This chat has a password. Type it and press Enter.  (/quit: leave)",
    "-> What you type may be seen; in telnet press Enter alone first, and it is not.",
]
WRONG = "! login-failed: That is not the password of this chat. Try again; /quit leaves."
GREETED = ["-> Welcome to the chat on pi. One person is here.", "-> Be kind."]


@pytest.fixture
def guarded() -> World:
    """A chat with a password, in which somebody talks."""
    world = World(password=WORD, motd=["Be kind."])
    bob = world.connect(WORD, "bob", "secret plans", host=LAN)
    assert bob.take()[-2].startswith("-> Hello bob.")
    return world


def unix(world: World, *lines: str) -> Client:
    """Somebody who comes by a unix socket that is an ordinary door."""
    socket = Socket(world.kernel, "")
    socket.protocol = world.factory.buildProtocol(UNIXAddress("/run/chat"))
    client = Client(world, socket.protocol, socket)
    socket.startReading()
    socket.protocol.makeConnection(socket)
    client.type(*lines)
    return client


def telnet(world: World, *lines: str) -> Client:
    client = world.connect(host=LAN)
    for line in lines:
        client.send(line.encode() + b"\r\n")
        world.turn()
    return client


DOORS = {
    "a private network": lambda world, *lines: world.connect(*lines, host=LAN),
    "IPv6 of a private network": lambda world, *lines: world.connect(*lines, host="fd00::7"),
    "this machine": lambda world, *lines: world.connect(*lines, host="127.0.0.1"),
    "TLS": lambda world, *lines: Sealed(world, *lines),
    "a unix socket": unix,
    "telnet": telnet,
    "a proxy of a private network": lambda world, *lines: connect(
        world, binary(LAN), "".join(f"{line}\n" for line in lines).encode()
    ),
    "a proxy that tells of TLS": lambda world, *lines: connect(
        world, binary(INTERNET, more=TLS), "".join(f"{line}\n" for line in lines).encode()
    ),
}
"""Where people give it."""


@pytest.mark.parametrize("door", DOORS)
def test_the_right_one_lets_in_on_every_door(guarded: World, door: str) -> None:
    lines = DOORS[door](guarded, WORD, "amy").take()
    assert lines[:2] == ASKED[:2]
    assert any(line.endswith(GREETED[0]) for line in lines)
    assert GREETED[1] in lines
    assert any("<bob> secret plans" in line for line in lines)


@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_one_does_not_and_shows_nothing(guarded: World, door: str) -> None:
    client = DOORS[door](guarded, "Tulip time", "amy", "hello")
    lines = client.take()
    assert sum(line.endswith(WRONG) for line in lines) == 3
    assert "bob" not in str(lines)
    assert "kind" not in str(lines)
    assert "secret" not in str(lines)
    assert guarded.hub.lobby.log.head == 2
    assert [person.nick for person in guarded.hub.people.values()] == ["bob"]


def test_it_is_asked_for_before_the_nickname(guarded: World) -> None:
    amy = guarded.connect(host=LAN)
    assert amy.take() == ASKED
    amy.type(f"  {WORD} ")
    assert amy.take() == [*GREETED, "-> Type a nickname and press Enter.  (/help: commands, /quit: leave)"]
    amy.type("amy")
    assert "-> Hello amy. You are in #lobby with bob: what you type, they see." in amy.take()


def test_a_program_is_told_by_hello_and_gives_it_under_its_own_key(guarded: World) -> None:
    bot = guarded.connect(wire="json", host=LAN)
    assert bot.take_objects() == [
        {"type": "hello", "server": "pi", "version": __version__, "password": "wanted", "acks": True}
    ]
    bot.type("/nick bot", id="1")
    bot.type("hello", id="2")
    bot.type("tulip time", id="3")
    bot.send(b'{"read": {"#lobby": 1}}\n{"say": "tulip time", "id": "4"}\n')
    guarded.turn()
    assert [(keys["code"], keys.get("id")) for keys in bot.take_objects()] == [
        ("password-needed", "1"),
        ("password-needed", "2"),
        ("password-needed", "3"),
        ("password-needed", None),
        ("password-needed", "4"),
    ]
    bot.send(b'{"password": "tulip", "id": "5"}\n')
    guarded.turn()
    (error,) = bot.take_objects()
    assert (error["code"], error["id"]) == ("login-failed", "5")
    bot.send(json.dumps({"password": WORD, "id": "6"}).encode() + b"\n")
    guarded.turn()
    hello, done = bot.take_objects()
    assert (hello["type"], hello["here"], hello["motd"]) == ("hello", 1, ["Be kind."])
    assert "password" not in hello
    assert (done["type"], done["id"]) == ("ack", "6")
    bot.type("/nick bot", id="7")
    assert bot.take_objects()[0]["type"] == "welcome"


@pytest.mark.parametrize("wire", ["plain", "json"])
def test_through_the_internet_it_is_not_taken_in_clear_and_not_compared(guarded: World, wire: str) -> None:
    at = Directions((), [IPv4Address("TCP", "0.0.0.0", 12346)])
    guarded.factory.reception = Reception(language("en"), at)
    amy = guarded.connect(wire=wire, host=INTERNET)
    if wire == "plain":
        assert amy.take() == [
            ASKED[0],
            "! needs-tls: The password of this chat is taken on an encrypted connection only.",
            "!   Join with: ncat --ssl 10.0.0.1 12346  or  chat-client --tls 10.0.0.1:12346",
        ]
        amy.type(WORD, "wrong")
        assert [line.split(":")[0] for line in amy.take() if not line.startswith("!  ")] == ["! needs-tls"] * 2
    else:
        assert amy.take_objects()[0]["password"] == "needs-tls"
        amy.send(json.dumps({"password": WORD, "id": "1"}).encode() + b"\n")
        guarded.turn()
        assert [(keys["code"], keys["id"]) for keys in amy.take_objects()] == [("needs-tls", "1")]
    assert "bob" not in amy.socket.received.decode()


@pytest.mark.parametrize("host", ["127.0.0.1", LAN])
def test_where_a_proxy_hides_who_comes_it_is_not_taken_in_clear(host: str) -> None:
    world = World(password=WORD, proxies=[host])
    assert "needs-tls" in world.connect(WORD, host=host).bytes.decode()
    world = World(password=WORD)
    world.factory = ChatFactory(world.hub, world.factory.wires, behind_proxy=True)
    assert "needs-tls" in world.connect(WORD, host="127.0.0.1").bytes.decode()
    assert "needs-tls" in unix(world, WORD).bytes.decode()
    assert "needs-tls" in connect(world, binary(INTERNET), f"{WORD}\n".encode()).bytes.decode()


def test_whoever_runs_the_server_needs_none(guarded: World) -> None:
    boss = guarded.operator('{"line": "/admin who", "id": "1"}')
    assert [keys["type"] for keys in boss.take_objects()] == ["hello", "reply", "ack"]


# What else may be asked before it.


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/who", "! password-needed: This chat has a password, which comes first."),
        ("/who bob", "! password-needed: This chat has a password, which comes first."),
        ("/nick amy", "! password-needed: This chat has a password, which comes first."),
        ("/admin who", "! password-needed: This chat has a password, which comes first."),
        ("/last", "! password-needed: This chat has a password, which comes first."),
        ("/ping x", "-> pong x"),
        ("/help who", "-> /who [#room]: who is in the room, or in another one"),
        ("/version", f"-> chat {__version__} on pi"),
        ("/language es", "-> El servicio te habla en español; /language en: in English."),
        ("/cancel", "! usage: Nothing of yours waits to be said, and there is no draft."),
        ("/quit", "-> Bye. Press Enter (or Ctrl-C) if your prompt does not come back."),
        (" /quit", "! slash-space: A command begins at the start of the line; this was not said."),
        ("/nonsense", "! unknown-command: /nonsense. /help lists commands. To say it, type //nonsense"),
    ],
)
def test_a_command_before_it_does_what_one_expects_and_leaks_nothing(guarded: World, line: str, answer: str) -> None:
    amy = guarded.connect(host=LAN)
    amy.take()
    amy.type(line)
    assert amy.take()[0] == answer
    assert "bob" not in amy.socket.received.decode()
    if line == "/quit":
        assert amy.ended


def test_help_tells_what_is_asked(guarded: World) -> None:
    amy = guarded.connect(host=LAN)
    amy.take()
    amy.type("/help", "")
    assert amy.take() == [*ASKED[1:], "-> Password of this chat, which telnet does not show now:"]


def test_one_line_without_joining_needs_it_on_the_line_before(guarded: World) -> None:
    log = guarded.hub.lobby.log
    amy = guarded.connect("/post amy hello", host=LAN)
    assert "! password-needed: This chat has a password: give it on the line before, or post" in amy.take()
    assert amy.ended
    assert log.head == 2
    assert "-> posted" in guarded.connect(WORD, "/post amy hello", host=LAN).take()
    assert log.head == 3


def test_one_line_by_a_token_does_not_need_it(guarded: World) -> None:
    profe = guarded.connect(WORD, "profe", "/register", "mine alone", "mine alone", "/token new ci", host="127.0.0.1")
    token = next(word.rstrip(".") for word in profe.bytes.decode().split() if word.startswith("chat_token_"))
    head = guarded.hub.lobby.log.head
    assert "-> posted" in guarded.connect(f"/post profe:{token} hello", host=LAN).take()
    assert guarded.hub.lobby.log.head == head + 1
    assert "login-failed" in guarded.connect(f"/post profe:{token[:-1]} hello", host=LAN).bytes.decode()


def test_it_is_taken_on_the_wire_that_one_goes_on_with(guarded: World) -> None:
    amy = guarded.connect(WORD, host=LAN)
    amy.take()
    amy.type("/json")
    assert [(keys["type"], keys["here"]) for keys in amy.take_objects()] == [("hello", 1)]


# What replaces it.


@pytest.mark.parametrize("typed", ["{}", "/resume {}", "resume {}"])
@pytest.mark.parametrize("host", [LAN, INTERNET])
def test_a_resume_code_replaces_it(guarded: World, typed: str, host: str) -> None:
    amy = guarded.connect(WORD, "amy", host=LAN)
    code = amy.session.code
    amy.cut()
    back = guarded.connect(typed.format(code), host=host)
    assert any(line.startswith("-> Welcome back amy.") for line in back.lines)


def test_a_programs_code_replaces_it(guarded: World) -> None:
    bot = guarded.connect(wire="json", host=LAN)
    bot.send(json.dumps({"password": WORD}).encode() + b'\n{"line": "/nick bot"}\n')
    guarded.turn()
    code = code_of(bot)
    bot.cut()
    back = guarded.connect(wire="json", host=INTERNET)
    back.type(f"/resume {code}", id="1")
    assert back.objects[-2]["type"] == "welcome"


def test_one_of_32_signs_is_no_code(guarded: World) -> None:
    word = "0123456789abcdef" * 2
    guarded.hub.settings = replace(guarded.hub.settings, password=Shared(word))
    assert GREETED[0] in guarded.connect(word, host=LAN).lines


def test_a_login_replaces_it(guarded: World) -> None:
    profe = guarded.connect(WORD, "profe", "/register", "mine alone", "mine alone", "/quit", host="127.0.0.1")
    assert "profe is yours now" in profe.bytes.decode()
    back = guarded.connect("/login profe", host="127.0.0.1")
    assert back.take()[-1] == "-> Password of profe, or Enter to stop:"
    back.type("")
    assert back.take() == ["! usage: Nothing was done: no password came."], "no guest comes in by it"
    back.type("/login nobody", "mine alone", "/login profe wrong")
    assert [line for line in back.take() if line.startswith("!")] == [
        "! login-failed: That is not the password of nobody.",
        "! login-failed: That is not the password of profe.",
    ]
    back.type("amy")
    assert back.take() == [WRONG], "the password of the chat is still wanted"
    back.type("/login profe mine alone")
    assert any(line.startswith("-> Welcome back profe.") for line in back.lines)


# Guesses.


def test_after_some_wrong_ones_the_connection_ends(guarded: World) -> None:
    amy = guarded.connect(*["wrong"] * limits.GUESSES, "more", host=LAN)
    assert amy.take()[-1] == "! too-many: Connect again to try once more."
    assert amy.ended


def test_wrong_ones_of_an_address_wait_and_lock_no_class_out() -> None:
    world = World(password=WORD)
    for _ in range(limits.GUESSES_PER_HOST // limits.GUESSES):
        world.connect(*["wrong"] * limits.GUESSES, host=LAN)
    guessers = [world.connect("wrong", host=LAN) for _ in range(10)]
    assert not any(WRONG in guesser.lines for guesser in guessers)
    people = [world.connect(WORD, host=LAN) for _ in range(30)]
    assert WRONG not in world.connect("wrong", host=LAN).lines
    assert "-> Welcome to the chat on pi. Nobody is here yet." in world.connect(WORD, host="192.168.1.8").lines
    waited = until(world, lambda: all("Nobody is here yet." in person.bytes.decode() for person in people), 60, 1)
    assert waited <= len(guessers) + 2, "each of those who guess makes them wait a second, and they none"


# Telnet, time, what the operator changes.


def test_telnet_hides_it_from_the_first_enter_on(guarded: World) -> None:
    amy = telnet(guarded, "")
    assert amy.bytes.count(b"\xff\xfb\x01") == 1
    assert b"-> Password of this chat, which telnet does not show now:" in amy.bytes
    amy.send(b"\xff\xfd\x01wrong\r\n")
    guarded.turn()
    assert b"\xff\xfc\x01" not in amy.bytes, "and still is"
    amy.send(WORD.encode() + b"\r\n")
    guarded.turn()
    assert amy.bytes.count(b"\xff\xfc\x01") == 1, "the nickname is seen"
    assert amy.bytes.count(b"\xff\xfb\x01") == 1


def test_telnet_hides_it_again_after_a_login_that_failed(guarded: World) -> None:
    amy = telnet(guarded, "", "/login profe", "wrong")
    assert b"needs-tls" in amy.bytes
    amy.socket.received.clear()
    amy._taken = 0
    amy.send(WORD.encode() + b"\r\n")
    guarded.turn()
    assert amy.bytes.count(b"\xff\xfc\x01") == 1


def test_whoever_does_not_give_it_is_reminded_and_sent_away(guarded: World) -> None:
    amy = guarded.connect(host=LAN)
    amy.take()
    guarded.wait(limits.NICK_REMINDER_SECONDS)
    assert amy.take() == ["-> Type the password of this chat within 60 s to stay."]
    guarded.wait(limits.NICK_SECONDS - limits.NICK_REMINDER_SECONDS)
    assert amy.take() == ["! nick-timeout: The password of this chat was not given in 3 min."]


def test_another_one_counts_from_then_on_and_sends_nobody_away(guarded: World) -> None:
    amy, waiting = guarded.connect(WORD, host=LAN), guarded.connect(host=LAN)
    guarded.hub.settings = replace(guarded.hub.settings, password=Shared("rose"))
    amy.type("amy", "hello")
    assert guarded.hub.lobby.log.head == 4, "whoever gave the other one stays"
    waiting.take()
    waiting.type(WORD, "rose")
    assert waiting.take()[:2] == [WRONG, "-> Welcome to the chat on pi. 2 people are here."]
    nobody = guarded.connect(host=LAN)
    guarded.hub.settings = replace(guarded.hub.settings, password=None)
    nobody.type("ana")
    assert any(line.startswith("-> Hello ana.") for line in nobody.lines)


# Nothing leaks.


def test_it_is_said_shown_and_kept_nowhere() -> None:
    store = KeepingStore()
    world = World(store, password=WORD)
    bob = world.connect(WORD, "bob", host=LAN)
    amy = world.connect(f"{WORD}!", WORD, "amy", "hello", "/quit", host=LAN)
    telnet(world, "", WORD, "zoe")
    world.operator('{"line": "/admin who", "id": "1"}')
    seen = b"".join(bytes(client.socket.received) for client in (bob, amy, *world.clients))
    assert b"tulip" not in seen
    assert "tulip" not in str(store._logs) + str(store.remembered) + repr(world.hub.settings)


LINES = (
    st.text()
    | st.builds("/{} {}".format, st.sampled_from(sorted(TABLE)), st.text())
    | st.builds("/{} {}".format, st.sampled_from(sorted(TABLE)), st.sampled_from(["bob", "#lobby", "bob x", "#x 5"]))
    | st.dictionaries(
        st.sampled_from(["line", "say", "password", "read", "id", "room", "seen", "before"]),
        st.text()
        | st.integers()
        | st.sampled_from(["/who", "/last", "bob", "#lobby", "@bob"])
        | st.just({"#lobby": 1}),
    ).map(json.dumps)
)


@given(
    st.lists(LINES.filter(lambda line: WORD not in line), max_size=8), st.sampled_from(["plain", "json", "json echo"])
)
def test_whatever_is_sent_before_it_says_nothing_shows_nothing_and_breaks_nothing(lines: list[str], wire: str) -> None:
    world = World(password=WORD, motd=["Be kind."])
    bob = world.connect(WORD, "/nick bob", "/join #x", "my secret plans", host=LAN)
    bob.take()
    amy = world.connect(wire=wire, host=LAN)
    heads = {room.log.name: room.log.head for room in world.hub.rooms.values()}
    for line in lines:
        amy.send(line.encode("utf-8", "surrogatepass") + b"\n")
    world.turn()
    world.wait(5)
    amy.close()
    world.wait(5)
    assert bob.take() == []
    assert {room.log.name: room.log.head for room in world.hub.rooms.values()} == heads
    assert len(world.hub.people) == 1
    told = bytes(amy.socket.received)
    for secret in (b"plans", b"Be kind.", b"internal", b"One person"):
        assert secret not in told
