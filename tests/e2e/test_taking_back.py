"""Lines that are taken back, and somebody who is forgotten, with a real server: nothing is left in any file."""

import json
from pathlib import Path

import pytest

from .conftest import Connect, Serve
from .test_admin import admin
from .waiting import until

pytestmark = pytest.mark.slow


def files(directory: Path) -> bytes:
    """All that the server keeps."""
    return b"".join(file.read_bytes() for file in directory.glob("chat.sqlite3*"))


def test_what_was_taken_back_is_in_no_file_a_moment_later_and_after_a_restart(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    server = serve("--rate", "0")
    amy, bob = connect(server, "amy").joins(), connect(server, "bob").joins()
    amy.says("the password is Zanzibar77")
    bob.hears("<amy> the password is Zanzibar77")
    until(lambda: b"Zanzibar77" in files(tmp_path))
    amy.says("/delete")
    number = amy.hears("takes the last one back").rpartition("/delete ")[2].split()[0]
    amy.says(f"/delete {number}")
    amy.hears('Taken back: "the password is Zanzibar77"')
    bob.hears("amy took back a line of ")
    until(lambda: b"anzibar77" not in files(tmp_path))
    server.process.kill()
    server.process.wait()
    server = serve("--rate", "0")
    late = connect(server, "late").joins()
    late.says("/grep Zanzibar77")
    late.hears("Nothing was found.")
    assert "anzibar77" not in late.heard


def test_whoever_is_forgotten_is_in_no_file_and_was_exported_before(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    server = serve("--rate", "0")
    amy, bob = connect(server, "amyzanzibar").joins(), connect(server, "bob").joins()
    amy.says("tulip one")
    amy.says("/msg bob tulip two")
    bob.hears("tulip two")
    done = admin(tmp_path, "export", "amyzanzibar")
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["tulip one", "tulip two"]
    done = admin(tmp_path, "forget", "amyzanzibar", "amyzanzibar")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "amyzanzibar is forgotten: 2 lines say nothing any more.",
    )
    assert "! taken-over: " in amy.hears_the_end()
    until(lambda: not any(word in files(tmp_path) for word in (b"zanzibar", b"tulip")))
    bob.says("/last 5")
    bob.hears("Nothing was found.")
