"""`--for home`: a word is asked for at the first start, at a terminal, and kept; `--for class`: class mode is on."""

import io
import sys
from pathlib import Path

import pytest
from test_tap import Reactor, options
from world import World

from chat.server import first_word
from chat.server.class_at_start import ClassAtStart
from chat.server.options import Options
from chat.tap import makeService


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_word, "_is_terminal", lambda: True)


def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *typed: str) -> Options:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
    made = options("--for", "home", "--data", str(tmp_path))
    makeService(made, Reactor())
    return made


def test_a_word_is_asked_for_and_is_the_password_from_then_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at_terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    made = started(monkeypatch, tmp_path, "blue bicycle bell")
    path = tmp_path / "word"
    assert made["password"].fits("blue bicycle bell")
    assert path.read_text() == "blue bicycle bell\n"
    assert path.stat().st_mode & 0o777 == 0o600
    said = capsys.readouterr().out
    assert "A word that everybody has to know who comes in (Enter: none): " in said
    assert f"Whoever comes in has to know the word; it stands in {path}." in said
    assert "bicycle" not in said
    again = started(monkeypatch, tmp_path)
    assert again["password"].fits("blue bicycle bell")
    assert "Enter: none" not in capsys.readouterr().out
    assert options("--data", str(tmp_path))["password"] is None, "another use has its own"


def test_enter_alone_is_none_which_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at_terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    made = started(monkeypatch, tmp_path, "")
    assert made["password"] is None
    assert not (tmp_path / "word").exists()
    assert f"A word in {tmp_path / 'word'} would keep others out." in capsys.readouterr().out


def test_what_cannot_be_a_word_is_told_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at_terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    made = started(monkeypatch, tmp_path, "/quit", "x" * 600, "tulip")
    assert made["password"].fits("tulip")
    said = capsys.readouterr().out
    assert "what begins with a slash is a command: choose another password." in said
    assert said.count("Enter: none") == 3


def test_where_nobody_can_be_asked_it_is_said_how_to_have_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = started(monkeypatch, tmp_path, "tulip")
    assert made["password"] is None
    assert "would keep others out." in capsys.readouterr().out


def test_later_starts_do_not_ask_nor_where_a_password_was_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at_terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "chat.sqlite3").write_bytes(b"")
    made = Options()
    made.parseOptions(["--for", "home", "--data", str(tmp_path), "--control", "none", "--tls-port", "none"])
    assert "would keep others out" in str(made.ask_for_word()[0].text)
    assert "Enter: none" not in capsys.readouterr().out
    chosen = tmp_path / "chosen"
    chosen.write_text("tulip\n")
    assert options("--for", "home", "--data", str(tmp_path), "--password-file", str(chosen)).ask_for_word() == []


def test_class_mode_is_on_from_the_start_and_stays_on() -> None:
    world = World()
    companion = ClassAtStart(world.hub)
    companion.start()
    world.turn()
    assert world.hub.measures.class_mode is not None
    head = world.hub.log.head
    companion.start()
    world.turn()
    assert world.hub.log.head == head, "it is told once"
    companion.stop()
    assert world.hub.measures.class_mode is not None
