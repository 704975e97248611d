"""`chat-server copy`, and `--database` with an address: what is wrong is told in one line, without a secret."""

from pathlib import Path

import pytest

from chat.base.errors import Unfit
from chat.base.language import language
from chat.server import copy_command
from chat.server.options import Options

NAMED = (
    "copy: name a file and a database, one after the other, as in chat-server copy sqlite:/var/lib/chat/chat.sqlite3 "
    "postgresql://chat@db1/chat."
)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], NAMED),
        (["sqlite:one"], NAMED),
        (["sqlite:one", "sqlite:two"], NAMED),
        (["one", "postgresql://chat@127.0.0.1:1/chat"], NAMED),
        (["sqlite:one", "postgresql://chat@127.0.0.1:1/chat"], "{here}/one: there is no such file."),
        (["postgresql://chat@127.0.0.1:1/chat", "sqlite:there"], "{here}/there: it is there already."),
    ],
)
def test_what_cannot_be_copied_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    reason: str,
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").touch()
    assert copy_command.main(words) == 1
    assert capsys.readouterr() == ("", f"chat-server copy: {reason.format(here=tmp_path)}\n")


def test_where_nobody_answers_no_file_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("psycopg")
    assert copy_command.main(["postgresql://amy:secret@127.0.0.1:1/chat", f"sqlite:{tmp_path}/new"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("chat-server copy: postgresql://amy@127.0.0.1:1/chat cannot be used (")
    assert "secret" not in said
    assert not list(tmp_path.iterdir())


def refusal(*words: str) -> str:
    with pytest.raises(Unfit) as caught:
        Options().read(words)
    return language("en").words(caught.value.sentence)


def test_without_psycopg_one_sentence_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.server.options.find_spec", lambda name: None)
    assert refusal("--database", "postgresql://amy:secret@db/chat") == (
        "--database postgresql://amy@db/chat: it needs psycopg: pip install 'twisted-chat[postgres]'"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--node", "a"], "--node: that goes with a --database of PostgreSQL, which several servers use."),
        (["--database", "postgresql://db/chat", "--node", "a b"], "--node a b: letters, digits, dots and dashes would"),
        (["--database", "postgresql://db/chat", "--node", "x" * 33], f"--node {'x' * 33}: letters, digits, dots"),
        (["--address", "https://north.example/"], "--address: that goes with --node: it is for people of other nodes."),
        (["--address", "north.example"], "--address north.example: https://HOST/ for browsers, or tls://HOST for"),
        ([f"--address=tls://n{number}" for number in range(9)], "--address: 8 are the most."),
    ],
)
def test_a_node_has_a_name_and_a_database(words: list[str], said: str) -> None:
    assert refusal(*words).startswith(said)


@pytest.mark.parametrize("words", [["--sync", "normal"], ["--min-free", "0"], ["--skip-damaged"]])
def test_what_is_for_a_file_is_refused_beside_a_database(words: list[str]) -> None:
    pytest.importorskip("psycopg")
    said = refusal("--database", "postgresql://db/chat", *words)
    assert said == f"{words[0]}: that is for a database that is a file."


def test_psycopg_is_imported_only_where_such_a_database_is_named() -> None:
    import subprocess
    import sys

    script = "import sys; import chat.tap, chat.__main__; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
