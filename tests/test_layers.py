"""What import-linter cannot say: who may touch the reactor.

The order of the streets is in setup.cfg, `[importlinter]`, and checked with `lint-imports`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHAT = Path(__file__).parent.parent / "chat"
REACTOR = "twisted.internet.reactor"
MAY_TOUCH_THE_REACTOR = {"tap.py", "client/main.py"}


def _imported(source: str) -> Iterator[str]:
    """The dotted names that a module's text imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_in(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def _touches_the_reactor(source: str) -> bool:
    return any(_is_in(name, REACTOR) for name in _imported(source))


def test_only_the_two_mains_import_the_reactor() -> None:
    culprits = {
        path.relative_to(CHAT).as_posix()
        for path in CHAT.rglob("*.py")
        if _touches_the_reactor(path.read_text(encoding="utf-8"))
    }
    assert culprits <= MAY_TOUCH_THE_REACTOR


@pytest.mark.parametrize(
    "source",
    [
        "from twisted.internet import reactor",
        "from twisted.internet import defer, reactor as r",
        "import twisted.internet.reactor",
        "from twisted.internet.reactor import callLater",
        "def late():\n    from twisted.internet import reactor",
    ],
)
def test_every_way_to_import_the_reactor_is_noticed(source: str) -> None:
    assert _touches_the_reactor(source)


def test_the_interfaces_of_the_reactor_are_not_the_reactor() -> None:
    assert not _touches_the_reactor("from twisted.internet.interfaces import IReactorTime")


@pytest.mark.parametrize("modules", ["chat.tap, chat.__main__", "chat.client.main, chat.client.faces.pipe"])
def test_only_a_real_terminal_loads_the_line_editor(modules: str) -> None:
    program = f"import sys, {modules}; sys.exit('prompt_toolkit' in sys.modules or 'zeroconf' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
