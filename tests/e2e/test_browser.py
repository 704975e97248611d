"""The page in a real browser, against a real server: what people see of it."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from .browser import Chromium, Tab
from .conftest import Connect, Serve
from .server import Server
from .waiting import until

pytestmark = pytest.mark.slow

Browse = Callable[..., Tab]


@pytest.fixture
def browse(stack: ExitStack) -> Browse:
    """Open the page: `browse(server, width=360)`."""

    def browse(server: Server, path: str = "", **how: Any) -> Tab:
        browser = Chromium(**how)
        stack.callback(browser.close)
        return browser.first.opens(server, path)

    return browse


@pytest.mark.door
def test_the_page_talks_with_netcat(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    bob.hears("-!- ana joined #lobby (2 here)")
    ana.says("hello, nc ☃")
    bob.hears("<ana> hello, nc ☃")
    bob.says("hello, ana")
    bob.says('<img src=x onerror="document.title=1"> & <b>bold</b>')
    ana.hears('bob: <img src=x onerror="document.title=1"> & <b>bold</b>')
    assert ana.lines == [
        "ana: hello, nc ☃",
        "bob: hello, ana",
        'bob: <img src=x onerror="document.title=1"> & <b>bold</b>',
    ]
    assert ana.runs("return document.querySelectorAll('#log b').length") == 3
    assert ana.runs("return document.title").startswith("#lobby ")


def test_a_server_that_ends_and_comes_back_is_noticed_and_nothing_is_lost(
    serve: Serve, browse: Browse, connect: Connect
) -> None:
    server = serve()
    ana = browse(server).joins("ana")
    ana.says("before").hears("ana: before")
    server.stop()
    ana.told("The line is down.")
    ana.says("meanwhile")
    again = serve("--port", f"tcp:{server.port}:interface={server.host}")
    until(lambda: ana.lines == ["ana: before", "ana: meanwhile"])
    bob = connect(again, "bob").joins()
    assert bob.heard.count("<ana> meanwhile") == 1
