"""`chat-server backup`: a copy that a server could start with, or the reason why there is none."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chat.server import backup_command
from chat.store.sqlite.schema import prepare


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a database that a server has open, and has just written to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


@pytest.fixture
def server(data: Path) -> sqlite3.Connection:
    """The server's own connection."""
    prepared = prepare(data / "chat.sqlite3")
    connection = sqlite3.connect(data / "chat.sqlite3")
    connection.execute("INSERT INTO records VALUES ('topic', '#lobby', 'tea')")
    connection.commit()
    yield connection
    connection.close()
    os.close(prepared.lock)


def topics(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM records")]


def test_it_holds_what_a_server_that_runs_wrote_last(
    server: sqlite3.Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backup_command.main(["--data", "data", "copy.sqlite3"]) == 0
    assert capsys.readouterr() == (f"The copy is {tmp_path}/copy.sqlite3\n", "")
    assert topics(tmp_path / "copy.sqlite3") == ["tea"]
    assert (tmp_path / "copy.sqlite3").stat().st_mode & 0o777 == 0o600
    os.close(prepare(tmp_path / "copy.sqlite3").lock)


def test_the_server_goes_on_writing(server: sqlite3.Connection, tmp_path: Path) -> None:
    assert backup_command.main(["--data", "data", "copy.sqlite3"]) == 0
    server.execute("INSERT INTO records VALUES ('topic', '#ops', 'coffee')")
    server.commit()
    assert backup_command.main(["--data", "data", "later.sqlite3"]) == 0
    assert (topics(tmp_path / "copy.sqlite3"), topics(tmp_path / "later.sqlite3")) == (["tea"], ["tea", "coffee"])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "backup: name the file to make, as in chat-server backup --data /var/lib/chat chat.copy."),
        (["one", "two"], "backup: name the file to make, as in chat-server backup --data /var/lib/chat chat.copy."),
        (["--data", "data", "data"], "{here}/data: it is there already."),
        (["--data", "data", "nowhere/copy"], "{here}/nowhere/copy: No such file or directory."),
        (["--data", "nowhere", "copy"], "--data nowhere: there is no such directory."),
        (["copy"], "{here}/chat.sqlite3: there is no such file; --data says where it is."),
        (["--database", "memory:", "copy"], "--database memory:: nothing of it is kept that could be copied."),
        (["--dta", "data", "copy"], "--dta: there is no such option; is it --data? --help lists all."),
        (
            ["--data", "data", "--language", "es", "data"],
            "{here}/data: ya existe.",
        ),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    server: sqlite3.Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert backup_command.main(words) == 1
    assert capsys.readouterr() == ("", f"chat-server backup: {reason.format(here=tmp_path)}\n")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_of_another_program_is_not_copied(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "chat.sqlite3").write_bytes(b"no database" * 1000)
    assert backup_command.main(["--data", "data", "copy"]) == 1
    assert "is damaged" in capsys.readouterr().err
    assert not Path("copy").exists()
