"""Real IRC clients: each joins, talks, is shown what was said, and comes back by its code, as the docs say."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from .conftest import Connect, OnScreen, Serve
from .desktop import Desktop
from .irc_clients import CLIENTS, ROOM, WITHOUT_TLS, Means, Place, Someone
from .peers import Client
from .relay import Relay
from .server import Server
from .test_tls import line_is_down, tls_port
from .waiting import until

pytestmark = pytest.mark.slow


Start = Callable[..., Someone]


@pytest.fixture
def start(tmp_path: Path, stack: ExitStack, on_screen: OnScreen) -> Start:
    """Start a client: `start("irssi", address, nick, code, tls)`."""
    numbers = count()

    def desktop() -> Desktop:
        desktop = Desktop(tmp_path)
        stack.callback(desktop.close)
        return desktop

    def start(name: str, address: tuple[str, str], nick: str, code: str = "", tls: bool = False) -> Someone:
        home = tmp_path / f"{name}-{next(numbers)}"
        home.mkdir()
        return CLIENTS[name](Place(*address, nick, code, tls), Means(home, on_screen, desktop, stack))

    return start


@pytest.fixture
def bob(server: Server, connect: Connect) -> Client:
    """Somebody with netcat, who was here first."""
    bob = connect(server, "bob").joins()
    bob.says("red again ☃")
    return bob


def enter(start: Start, name: str, address: tuple[str, str], nick: str, tls: bool = False) -> tuple[Someone, str]:
    """Somebody comes in with this client; returns their code, too."""
    someone = start(name, address, nick, tls=tls)
    told = someone.sees("as the server password (PASS).")
    code = re.search(r"connect again with (\S+) as", told)
    assert code
    return someone, code[1]


def comes_back(start: Start, name: str, address: tuple[str, str], bob: Client, code: str, tls: bool = False) -> None:
    """By the code, with another nickname in the settings."""
    back = start(name, address, "other", code, tls)
    if name == "irssi":  # which makes a window for the room and stays where it is
        back.sees(ROOM)
        back.says(f"/window goto {ROOM}")
    back.sees("<bob> and you missed this")
    back.says("I am back")
    bob.hears("<zed> I am back\r\n")


_ONE_FOR_THE_DOOR = [pytest.param(name, marks=pytest.mark.door if name == "irssi" else ()) for name in CLIENTS]


@pytest.mark.parametrize("name", _ONE_FOR_THE_DOOR)
def test_it_joins_talks_is_shown_what_was_said_and_comes_back(
    name: str, server: Server, bob: Client, start: Start
) -> None:
    zed, code = enter(start, name, server.address, "zed")
    zed.says("/join #lobby")
    bob.hears("-!- zed joined #lobby (2 here)\r\n")
    zed.sees("<bob> red again ☃")
    zed.says("olá from me")
    bob.hears("<zed> olá from me\r\n")
    bob.says("olá from bob")
    zed.sees("olá from bob")
    zed.dies()
    bob.hears("-!- zed left")
    bob.says("and you missed this")
    comes_back(start, name, server.address, bob, code)


@pytest.mark.parametrize("name", CLIENTS)
def test_after_a_cut_it_comes_back_as_though_it_had_been_there(
    name: str, serve: Serve, connect: Connect, start: Start, stack: ExitStack
) -> None:
    """Encrypted, where it knows that."""
    server = serve("--tls-port", "tcp:0:interface=127.0.0.1")
    bob, tls = connect(server, "bob").joins(), name not in WITHOUT_TLS
    relay = Relay(server.host, tls_port(server) if tls else server.port)
    stack.callback(relay.close)
    bob.says("red again")
    zed, code = enter(start, name, relay.address, "zed", tls)
    zed.says("/join #lobby")
    zed.sees("<bob> red again")
    zed.says("olá from me")
    bob.hears("<zed> olá from me\r\n")
    relay.cuts()
    until(lambda: line_is_down(bob), what="the cut")
    zed.dies()
    bob.says("and you missed this")
    comes_back(start, name, (server.host, str(tls_port(server))) if tls else server.address, bob, code, tls)
    assert "zed left" not in bob.heard
    assert bob.heard.count("zed joined") == 1


def test_all_of_them_talk_in_one_room(serve: Serve, connect: Connect, start: Start) -> None:
    server = serve()
    nora = connect(server, "nora").joins()
    people: dict[str, Someone] = {}
    for name in CLIENTS:
        people[name], _ = enter(start, name, server.address, f"with-{name}")
        people[name].says("/join #lobby")
        nora.hears(f"-!- with-{name} joined #lobby")
    for name, someone in people.items():
        someone.says(f"I use {name}")
        nora.hears(f"<with-{name}> I use {name}\r\n")
        for other in people.values():
            if other is not someone:
                other.sees(f"I use {name}")


ON_A_SCREEN = {"irssi": "[+t]", "weechat": "[+t]", "epic5": '"+t"'}
"""How each of them shows a mode."""


def test_what_an_operator_does_is_seen_by_each_of_them(serve: Serve, connect: Connect, start: Start) -> None:
    server = serve()
    nora = connect(server, "nora").joins()
    for line in ("/register", "tulip time 7", "tulip time 7"):
        nora.says(line)
    nora.hears("nora is yours now")
    nora.says("/join #ops")
    nora.hears("You speak in #ops now.")
    people: dict[str, Someone] = {}
    for name in ON_A_SCREEN:
        people[name], _ = enter(start, name, server.address, f"with-{name}")
        people[name].says("/join #ops")
        nora.hears(f"-!- with-{name} joined #ops")
        if name == "irssi":
            people[name].says("/window goto #ops")
    nora.says("/topic lock on")
    for name, mode in ON_A_SCREEN.items():
        people[name].sees(mode)
    others = list(people.values())
    for name in ON_A_SCREEN:
        nora.says(f"/kick with-{name} be kind, {name}")
        for someone in others:
            shown = someone.sees(f"be kind, {name}")
            assert "has left" not in shown, "who is kicked does not leave besides"
        others.remove(people[name])
