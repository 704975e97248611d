"""The page behind real proxies, as docs/proxies/ sets them up, and below a path."""

import socket
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.pages import upgrade

from .browser import Chromium
from .conftest import Connect, Serve
from .proxies import Proxy
from .waiting import until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["nginx, web", "caddy, web", "haproxy, web"])
def test_the_page_talks_through_it(kind: str, serve: Serve, connect: Connect, stack: ExitStack, tmp_path: Path) -> None:
    server = serve("--proxy", "127.0.0.1", "--log-connections")
    proxy = stack.enter_context(closing(Proxy(tmp_path, kind, server.port)))
    bob = connect(server, "bob").joins()
    browser = Chromium()
    stack.callback(browser.close)
    ana = browser.first.opens(server, "chat/", port=proxy.port).joins("ana")
    ana.says("through a proxy")
    bob.hears("<ana> through a proxy")
    bob.says("hello, ana")
    ana.hears("bob: hello, ana")
    # What a stranger puts in front is not believed.
    with socket.create_connection((proxy.host, proxy.port)) as forger:
        forged = upgrade(origin=None, host=f"{proxy.host}:{proxy.port}", x_forwarded_for="6.6.6.6")
        forger.sendall(forged.replace(b"GET /ws", b"GET /chat/ws"))
        assert b" 101 " in forger.recv(4096)
        until(lambda: server.said.count("A connection from 127.0.0.1") >= 3)
    assert "6.6.6.6" not in server.said


def test_where_the_name_does_not_come_through_it_is_told(serve: Serve, stack: ExitStack, tmp_path: Path) -> None:
    server = serve("--proxy", "127.0.0.1")
    with socket.create_connection((server.host, server.port)) as browser:
        browser.sendall(upgrade(host=f"127.0.0.1:{server.port}", origin="https://chat.example.org"))
        told = b""
        while b"http_host" not in told:
            told += browser.recv(4096)
    assert told.startswith(b"HTTP/1.1 403 ")
