"""What a start loads: nothing of what only some servers have, or only some people ask for.

Each module takes time, memory and a dozen system calls, and few are noticed one by one.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHAT = Path(__file__).parent.parent / "chat"

ONLY_WITH = {
    "a database of several servers": "chat.store.postgresql chat.core.nodes chat.core.merging chat.server.node_options",
    "an IRC client": "chat.commands.irc chat.wire.irc",
    "a browser": "chat.doors.web chat.doors.web_outside chat.doors.web_resources chat.doors.websocket twisted.web",
    "--ssh-port": "chat.doors.ssh chat.doors.ssh_keys chat.doors.ssh_session chat.doors.ssh_editing chat.editing "
    "twisted.conch",
    "--metrics-port": "chat.server.metrics prometheus_client",
    "--discoverable": "chat.server.discovery zeroconf",
    "--for class": "chat.server.class_at_start",
    "another command of chat-server": "chat.server.check_command chat.server.backup_command chat.server.copy_command "
    "chat.server.admin_command",
    "whoever runs the server": "chat.wire.prose_for_operators",
    "the client": "chat.client prompt_toolkit tkinter keyring",
    "somebody who looks at a terminal": "segno",
    "a test": "pytest hypothesis twisted.trial unittest",
}
"""Modules by what needs them."""

_STARTED = """
import sys
from chat.tap import Options, makeService
options = Options()
options.parseOptions(sys.argv[1:])
makeService(options)
print(*sys.modules)
"""


@pytest.fixture(scope="module", params=["memory:", "chat.sqlite3"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Modules of a server that has begun to listen, and of whom nobody asked anything."""
    data = tmp_path_factory.mktemp("data")
    words = ["--port", "tcp:0:interface=127.0.0.1", "--data", str(data), "--database", request.param]
    out = subprocess.check_output([sys.executable, "-c", _STARTED, *words], text=True)
    return set(out.splitlines()[-1].split())


@pytest.mark.parametrize("what", ONLY_WITH)
def test_a_plain_start_loads_nothing_that_belongs_to(what: str, loaded: set[str]) -> None:
    assert "chat.core.hub" in loaded
    packages = ONLY_WITH[what].split()
    assert {name for name in loaded if any(f"{name}.".startswith(f"{package}.") for package in packages)} == set()


def test_what_is_said_of_a_module_is_said_of_one_that_there_is() -> None:
    for name in " ".join(ONLY_WITH.values()).split():
        path = CHAT.parent / name.replace(".", "/")
        assert not name.startswith("chat.") or path.is_dir() or path.with_suffix(".py").exists(), name


def test_a_start_compiles_few_patterns() -> None:
    """Only those that every line is held against: see `chat.base.patterns`."""
    program = """
import twisted.scripts.twistd, twisted.internet.reactor, twisted.internet.ssl, twisted.cred.checkers
import difflib, sqlite3, re, re._compiler, sys
compiled, compile = [], re._compiler.compile
re._compiler.compile = lambda *how: compiled.append(how[0]) or compile(*how)
import chat.tap
print(len(compiled))
"""
    assert int(subprocess.check_output([sys.executable, "-c", program], text=True)) <= 6


def test_named_tuples_are_those_that_are_quickly_made() -> None:
    """See `chat.base.named_tuples`."""
    imports = re.compile("^ *from typing import .*NamedTuple", re.MULTILINE)
    assert [path.name for path in CHAT.rglob("*.py") if imports.search(path.read_text())] == ["named_tuples.py"]
