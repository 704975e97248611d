"""Real proxies that end idle, cut and restarted connections, each in its way; docs/proxies.md tells of them."""

import json
import re
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import Connect, OnTerminal, Serve
from .peers import Client, Program, Sealed, need
from .proxies import DEBIANS_OWN, IDLE_SECONDS, Proxy, through
from .server import Server
from .waiting import SECONDS, pass_by, until

pytestmark = pytest.mark.slow

DOOR = ("--port", "haproxy:tcp:0:interface=127.0.0.1")
"""Where proxies come in, which say for whom."""

BEFORE = ("haproxy", "nginx", "stunnel")

Before = Callable[..., Proxy]
Enter = Callable[[Proxy, str], Client]


@pytest.fixture
def before(tmp_path: Path, stack: ExitStack) -> Before:
    """A proxy before a server, or before another port of it: `before(server, "nginx")`."""

    def before(server: Server, kind: str, port: int = 0) -> Proxy:
        if "Debian" in kind and not DEBIANS_OWN.exists():
            pytest.skip("no haproxy of Debian's")
        proxy = Proxy(tmp_path, kind, port or server.port)
        stack.callback(proxy.close)
        return proxy

    return before


@pytest.fixture
def enter(stack: ExitStack) -> Enter:
    """Somebody comes in by a proxy."""

    def enter(proxy: Proxy, name: str) -> Client:
        client = through(proxy, name)
        stack.callback(client.close)
        return client

    return enter


def comes_in(peer: Client | Program) -> str:
    """They enter, and have read the code to come back with."""
    peer.joins()
    found = until(lambda: re.search(r"/resume (\S+)\r\n", peer.heard))
    return str(found[1])


# --- cut, by each of the three, in each of three ways ----------------------------------------------------------------


def silence(proxy: Proxy, client: Client) -> None:
    client.hears_the_end()


def reset(proxy: Proxy, client: Client) -> None:
    client.resets()


def restart(proxy: Proxy, client: Client) -> None:
    proxy.stop()
    client.hears_the_end()
    proxy.start()


CUTS = (silence, reset, restart)


class Witness:
    """Somebody whose line no proxy cuts; at a proxies' door they say the header themselves."""

    def __init__(self, client: Client, header: bytes = b"PROXY TCP4 198.51.100.7 127.0.0.1 50000 12345\r\n") -> None:
        self.client = client
        client.sends(header)
        client.joins()

    def sees_line_down(self, name: str) -> None:
        """`/who` says so."""

        def seen() -> bool:
            start = len(self.client.heard)
            self.client.says("/who")
            until(lambda: self.client.heard.count("\r\n", start) >= 1)
            return re.search(rf"{name} \(line down", self.client.heard[start:]) is not None

        until(seen)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("kind", BEFORE)
def test_people_cut_by_a_proxy_are_held_and_back_by_code_with_what_was_said(
    serve: Serve, connect: Connect, before: Before, enter: Enter, kind: str, cut: Callable[[Proxy, Client], None]
) -> None:
    server = serve(*DOOR, "--rate", "0")
    proxy = before(server, kind)
    bob = Witness(connect(server, "bob"))
    amy = enter(proxy, "amy")
    code = comes_in(amy)
    cut(proxy, amy)
    bob.sees_line_down("amy")
    assert "amy left" not in bob.client.heard
    bob.client.says("said meanwhile")
    again = enter(proxy, "amy")
    again.hears("Type a nickname")
    again.says(code)
    again.hears("Welcome back amy")
    heard = again.hears("-- now")
    assert heard.count("<bob> said meanwhile") == 1


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("kind", BEFORE)
def test_programs_cut_by_a_proxy_get_each_line_once(
    serve: Serve, connect: Connect, before: Before, enter: Enter, kind: str, cut: Callable[[Proxy, Client], None]
) -> None:
    server = serve(*DOOR, "--rate", "0")
    proxy = before(server, kind)
    bob = Witness(connect(server, "bob"))
    bot = enter(proxy, "bot")
    bot.sends(b'/json\n{"line": "/nick bot"}\n')
    bot.hears('"welcome"')
    until(lambda: '"resume":"' in bot.heard)
    found = re.search(r'"resume":"([^"]+)"', bot.heard)
    assert found
    bob.client.says("one")
    bot.hears('"one"')
    last = json.loads(next(line for line in bot.heard.split("\n") if '"one"' in line))["seq"]
    cut(proxy, bot)
    bob.client.says("two")
    bob.client.says("three")
    again = enter(proxy, "bot")
    asked = {"line": f"/resume {found[1]}", "seen": {"#lobby": last}}
    again.sends(b"/json\n" + json.dumps(asked).encode() + b"\n")
    again.hears('"three"')
    bob.client.says("four")
    again.hears('"four"')
    told = [
        keys for line in again.heard.split("\n") if line.startswith('{"type":"message"') for keys in [json.loads(line)]
    ]
    assert [keys["text"] for keys in told] == ["two", "three", "four"]


# --- HAProxy as Debian ships it, before a usual port -----------------------------------------------------------------


def test_behind_debians_haproxy_who_was_silent_with_nc_is_back_by_code(
    serve: Serve, connect: Connect, before: Before, stack: ExitStack
) -> None:
    need("nc.openbsd")
    server = serve()
    proxy = before(server, "haproxy as Debian ships it")
    bob = connect(server, "bob").joins()
    amy = Program("amy", "nc.openbsd", proxy.host, str(proxy.port))
    stack.callback(amy.close)
    code = comes_in(amy)
    bob.hears("amy left", IDLE_SECONDS + SECONDS)
    bob.says("said meanwhile")
    again = Program("amy", "nc.openbsd", proxy.host, str(proxy.port))
    stack.callback(again.close)
    again.hears("Type a nickname")
    again.says(code)
    again.hears("Welcome back amy")
    assert again.hears("-- now").count("<bob> said meanwhile") == 1


def test_behind_debians_haproxy_a_silent_telnet_stays(
    serve: Serve, connect: Connect, before: Before, on_terminal: OnTerminal
) -> None:
    server = serve(IDLE_TELNET_SECONDS=0.4, LOOK_SECONDS=0.2, SWEEP_SECONDS=0.4)
    proxy = before(server, "haproxy as Debian ships it")
    bob = connect(server, "bob").joins()
    amy = on_terminal("amy", "telnet", proxy.host, str(proxy.port)).joins()
    pass_by(3 * IDLE_SECONDS)
    bob.says("still there?")
    amy.hears("<bob> still there?")
    amy.says("Ünal is „here”")
    bob.hears("<amy> Ünal is „here”")
    assert "amy left" not in bob.heard


@pytest.mark.parametrize("cut", [silence, restart])
def test_behind_debians_haproxy_tls_that_is_passed_through_tells_a_cut_from_a_leave(
    serve: Serve, connect: Connect, before: Before, stack: ExitStack, cut: Callable[[Proxy, Client], None]
) -> None:
    server = serve("--tls-port", "tcp:0:interface=127.0.0.1", "--rate", "0")
    found = re.search(r"open on .*:(\d+), encrypted", server.said)
    assert found, server.said
    proxy = before(server, "haproxy as Debian ships it", int(found[1]))
    bob = Witness(connect(server, "bob"), header=b"")
    amy, carl = Sealed(proxy.host, proxy.port, "amy"), Sealed(proxy.host, proxy.port, "carl")
    stack.callback(amy.close)
    stack.callback(carl.close)
    comes_in(amy)
    carl.joins()
    carl.says("/quit")
    bob.client.hears("carl left")
    cut(proxy, amy)
    bob.sees_line_down("amy")


def test_a_proxy_that_says_for_whom_it_speaks_to_nobody_may_be_named(
    serve: Serve, connect: Connect, before: Before, enter: Enter
) -> None:
    server = serve("--proxy", "127.0.0.1", "--rate", "0")
    proxy = before(server, "haproxy as Debian ships it")
    bob = Witness(connect(server, "bob", "127.0.0.2"), header=b"")
    carl = connect(server, "carl", "127.0.0.2").joins()
    comes_in(enter(proxy, "amy"))
    bob.sees_line_down("amy")
    carl.ends_input()
    bob.client.hears("carl left")


def test_a_program_that_pinged_and_vanished_behind_a_proxy_is_noticed(
    serve: Serve, connect: Connect, before: Before, enter: Enter
) -> None:
    server = serve(*DOOR, "--rate", "0", SILENT_SECONDS=0.4, LOOK_SECONDS=0.2, SWEEP_SECONDS=0.2)
    proxy = before(server, "nginx")
    bob = Witness(connect(server, "bob"))
    bot = enter(proxy, "bot")
    bot.sends(b'/json\n{"line": "/nick bot"}\n{"line": "/ping", "id": "1"}\n')
    bot.hears('"code":"stalled"')
    bob.sees_line_down("bot")


# --- half of a connection --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_a_script_that_closes_its_half_hears_its_answer(serve: Serve, before: Before, enter: Enter, kind: str) -> None:
    proxy = before(serve(*DOOR), kind)
    script = enter(proxy, "script")
    script.says("/post deploy done")
    script.ends_input()
    script.hears("-> posted")


def test_without_proxy_half_close_nginx_loses_the_answer_and_the_line_is_said(
    serve: Serve, connect: Connect, before: Before, enter: Enter
) -> None:
    server = serve(*DOOR)
    proxy = before(server, "nginx without proxy_half_close")
    bob = Witness(connect(server, "bob"))
    script = enter(proxy, "script")
    script.says("/post deploy done")
    script.ends_input()
    assert "posted" not in script.hears_the_end()
    bob.client.hears("<deploy/post> done")


# --- our own client --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_chat_client_comes_back_through_a_proxy_that_restarts(
    serve: Serve, connect: Connect, before: Before, stack: ExitStack, kind: str
) -> None:
    server = serve(*DOOR, "--rate", "0")
    proxy = before(server, kind)
    bob = Witness(connect(server, "bob"))
    client = Program(
        "amy", sys.executable, "-m", "chat.client", f"{proxy.host}:{proxy.port}", "--nick", "amy", "--follow"
    )
    stack.callback(client.close)
    bob.client.hears("amy joined")
    bob.client.says("one")
    client.hears("one")
    proxy.stop()
    bob.client.says("two")
    proxy.start()
    client.hears("two", 2 * SECONDS)
    bob.client.says("three")
    client.hears("three")
    assert [client.heard.count(text) for text in ("<bob> one", "<bob> two", "<bob> three")] == [1, 1, 1]
    assert "amy left" not in bob.client.heard
    client.process.send_signal(signal.SIGINT)
