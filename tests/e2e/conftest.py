"""A server for each test, and whoever is to talk with it; all are gone when the test ends."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .browser import Chromium, Tab
from .nodes import Nodes
from .peers import COMMANDS, Client, Program, Terminal
from .screen import Screen
from .server import ENVIRONMENT, Server

Serve = Callable[..., Server]
Connect = Callable[..., Client]
Run = Callable[..., Program]
OnTerminal = Callable[..., Terminal]
OnScreen = Callable[..., Screen]
Browse = Callable[..., Tab]


@pytest.fixture(autouse=True)
def _at_home_in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the client keeps for after a crash is not the user's, who runs these tests."""
    monkeypatch.setitem(ENVIRONMENT, "XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(ENVIRONMENT, "XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is to be closed at the end, the newest first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def serve(tmp_path: Path, stack: ExitStack) -> Serve:
    """Start a server with these options and other limits; at the end its log may hold no traceback."""

    def serve(*options: str, **how: Any) -> Server:
        server = Server(tmp_path, *options, **how)
        stack.callback(server.close)
        return server

    return serve


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server with the usual options."""
    return serve()


@pytest.fixture
def nodes(postgresql: Any, serve: Serve, tmp_path: Path, stack: ExitStack) -> Nodes:
    return Nodes(postgresql, serve, tmp_path, stack)


@pytest.fixture
def connect(stack: ExitStack) -> Connect:
    """Connect a socket: `connect(server, name)`."""

    def connect(server: Server, name: str = "nobody", from_address: str = "") -> Client:
        client = Client(server, name, from_address)
        stack.callback(client.close)
        return client

    return connect


@pytest.fixture
def run(stack: ExitStack) -> Run:
    """Run a program of COMMANDS, or any command, with pipes: `run(server, name, "ncat")`."""

    def run(server: Server, name: str, *command: str) -> Program:
        words = COMMANDS[command[0]](*server.address) if command[0] in COMMANDS and len(command) == 1 else command
        program = Program(name, *words)
        stack.callback(program.close)
        return program

    return run


@pytest.fixture
def on_terminal(stack: ExitStack) -> OnTerminal:
    """Run a command on a terminal of its own: `on_terminal(name, "telnet", host, port)`."""

    def on_terminal(name: str, *command: str) -> Terminal:
        terminal = Terminal(name, *command)
        stack.callback(terminal.close)
        return terminal

    return on_terminal


@pytest.fixture
def on_screen(tmp_path: Path, stack: ExitStack) -> OnScreen:
    """Run a command in tmux: `on_screen("nc.openbsd", host, port)`."""

    def on_screen(*command: str) -> Screen:
        screen = Screen(tmp_path, *command)
        stack.callback(screen.close)
        return screen

    return on_screen


@pytest.fixture
def browse(stack: ExitStack) -> Browse:
    """Open the page: `browse(server, width=360)`."""

    def browse(server: Server, path: str = "", port: int = 0, **how: Any) -> Tab:
        browser = Chromium(**how)
        stack.callback(browser.close)
        return browser.first.opens(server, path, port=port)

    return browse
