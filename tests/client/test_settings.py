"""`client.toml`: what is read, what is written, and that nothing in it can stop the client."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base.errors import Refused
from chat.client.settings import TABLE, Saved, Settings, settings_path, toml


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat" / "client.toml"


def test_without_a_file_all_are_their_defaults(path: Path) -> None:
    settings = Settings(path)
    assert {name: settings[name] for name in TABLE} == {name: row.default for name, row in TABLE.items()}
    assert settings.problems == []


def test_what_is_set_survives_and_a_default_is_not_written(path: Path) -> None:
    settings = Settings(path)
    settings.put("notify", "osc9")
    settings.put("time", False)
    settings.put("show", "open")
    assert (Settings(path)["notify"], Settings(path)["time"]) == ("osc9", False)
    assert tomllib.loads(path.read_text()) == {"notify": "osc9", "time": False}
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_not_known_stays_and_what_cannot_be_is_told(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('later = 3\ntime = "perhaps"\nnotify = "trumpet"\nshow = "all"\n')
    settings = Settings(path)
    assert (settings["time"], settings["notify"], settings["show"]) == (True, "auto", "all")
    assert len(settings.problems) == 2
    settings.put("fold", False)
    assert tomllib.loads(path.read_text()) == {"later": 3, "show": "all", "fold": False}


def test_a_file_that_is_none_is_told_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("time = = off\n")
    settings = Settings(path)
    settings.put("time", False)
    assert (len(settings.problems), settings["time"], path.read_text()) == (1, False, "time = = off\n")


def test_the_command_line_counts_for_this_run_only(path: Path) -> None:
    settings = Settings(path)
    settings.override("color", "off")
    settings.put("time", False)
    assert (settings["color"], Settings(path)["color"]) == ("off", "auto")
    settings.put("color", "on")
    assert settings["color"] == "on"


def test_servers_are_saved_by_name(path: Path) -> None:
    settings = Settings(path)
    settings.save_server("work", Saved("tls://chat.example:12346", "amy"))
    settings.save_server("the class", Saved("pi", room="#class"))
    again = Settings(path)
    assert again.server("work") == Saved("tls://chat.example:12346", "amy")
    assert again.server("the class") == Saved("pi", room="#class")
    assert again.server("pi") is None
    path.write_text('[servers]\nhome = "localhost:1"\nodd = 3\n')
    assert (Settings(path).server("home"), Settings(path).server("odd")) == (Saved("localhost:1"), None)


@pytest.mark.parametrize(("name", "text"), [("time", "perhaps"), ("notify", "trumpet"), ("show", "")])
def test_what_a_setting_cannot_be_is_refused(name: str, text: str) -> None:
    with pytest.raises(Refused):
        TABLE[name].parse(text)


def test_switches_are_said_in_any_language() -> None:
    assert [TABLE["time"].parse(word) for word in ("on", "off", "sí", "no")] == [True, False, True, False]


def test_they_stand_where_xdg_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_path({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "chat" / "client.toml"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings_path({"XDG_CONFIG_HOME": "relative"}) == tmp_path / ".config" / "chat" / "client.toml"


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.one_of(TEXT, st.booleans(), st.integers(-(2**63), 2**63 - 1)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=10,
)


@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_whatever_is_written_is_read_again(keys: dict[str, object]) -> None:
    assert tomllib.loads(toml(keys)) == keys
