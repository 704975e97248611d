"""The pictures of the page's address, read by a program as a telephone reads them."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.ports import held_port

from .conftest import Browse, OnTerminal, Serve
from .peers import need
from .server import TWISTD

pytestmark = pytest.mark.slow

BLOCKS = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}
"""What is light in the upper and the lower half, on a terminal that is dark."""


@pytest.fixture
def free() -> Iterator[int]:
    """A port that nobody listens on."""
    with held_port() as holder:
        yield holder.getsockname()[1]


def read(picture: Path) -> str:
    """What a picture says."""
    need("zbarimg")
    done = subprocess.run(["zbarimg", "--quiet", "--raw", picture], capture_output=True, text=True)
    assert done.returncode == 0, f"no code is found in {picture}: {done.stderr}"
    return done.stdout.rstrip("\n")


def picture_of(lines: Sequence[str], path: Path, scale: int = 6) -> Path:
    """What a terminal shows, as a picture."""
    rows = [[BLOCKS[sign][half] for sign in line] for line in lines for half in (0, 1)]
    width, height = scale * len(rows[0]), scale * len(rows)
    data = b"".join(bytes(dot for dot in row for _ in range(scale)) * scale for row in rows)
    path.write_bytes(b"P5 %d %d 255\n" % (width, height) + data)
    return path


@pytest.mark.parametrize("everywhere", [False, True])
def test_that_of_an_invitation(serve: Serve, browse: Browse, everywhere: bool, free: int, tmp_path: Path) -> None:
    server = serve("--port", str(free) if everywhere else f"tcp:{free}:interface=127.0.0.1", "--tls-port", "none")
    ana = browse(server, "#café", width=360, height=640).joins("ana").told("#café")
    ana.presses("Menu").presses("Invite")
    address = ana.finds("dialog input").get_attribute("value")
    ana.finds("dialog img")
    ana.looks(tmp_path / "invite.png")
    assert read(tmp_path / "invite.png") == address
    # From this machine alone it is the page's own; else that of this machine, for it is for others.
    assert address.startswith(f"http://127.0.0.1:{free}/#") != everywhere
    bob = ana.browser.tab()
    bob.driver.get(address)
    if not everywhere:  # what the browser keeps is of this address
        bob.presses("Somebody else")
    bob.joins("bob").told("#café")
    ana.presses("Close").hears("bob came in")


def test_that_of_the_start_at_a_terminal(on_terminal: OnTerminal, free: int, tmp_path: Path) -> None:
    port = ("--port", str(free), "--tls-port", "none")
    started = on_terminal("operator", str(TWISTD), "-n", "--pidfile=", "chat", *port, "--data", str(tmp_path))
    said = started.hears("Ctrl-C stops it.").replace("\r", "")
    found = re.search(r"(http://\S+) is the chat, in any browser\.", said)
    assert found, said
    drawn = [line for line in said.split("\n") if line and set(line) <= set(BLOCKS)]
    assert read(picture_of(drawn, tmp_path / "start.pgm")) == found[1]
    started.presses("\x03")
    started.ends()
