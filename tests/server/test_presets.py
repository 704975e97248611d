"""`--for`: which options it changes, what wins over it, and that the docs say so."""

import re
from pathlib import Path

import pytest

from chat.base import limits
from chat.base.durations import exactly
from chat.base.errors import Unfit
from chat.base.language import language
from chat.server import check_command
from chat.server.options import Options
from chat.server.presets import PRESETS, beside, told
from chat.server.reload import RELOADED, Reload
from chat.tap import _settings

DOCS = Path(__file__).parents[2] / "docs"
_NONE = "\N{EN DASH}"


def read(*words: str) -> Options:
    options = Options()
    options.read(["--name", "pi", *words])
    return options


def changed(options: Options) -> dict[str, object]:
    """What is not as usual."""
    usual = read()
    return {name: value for name, value in options.items() if value != usual[name]}


@pytest.mark.parametrize("use", PRESETS)
def test_it_changes_these_options_and_no_others(use: str) -> None:
    found = changed(read("--for", use))
    assert found.pop("for") == use
    assert {name: f"{value:g}" for name, value in found.items()} == PRESETS[use]


@pytest.mark.parametrize("page", ["operating.md", "operating.es.md"])
def test_the_table_in_the_docs_is_what_runs(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    head, *rows = re.findall(r"^\| (?:option|opción) \| `.*|^\| `--[\w-]+` \| [\d.]+ \| [\d.]+ \|.*", text, re.M)
    uses = re.findall(r"`(\w+)`", head)
    assert uses == list(PRESETS)
    cells = [[cell.strip(" `-") for cell in row.split("|")[1:5]] for row in rows]
    for number, use in enumerate(uses, 1):
        running = read("--for", use)
        assert {row[0]: row[number] for row in cells} == {row[0]: f"{running[row[0]]:g}" for row in cells}
    assert {row[0] for row in cells} == {name for values in PRESETS.values() for name in values}


@pytest.mark.parametrize("page", ["operating.md", "operating.es.md"])
def test_so_is_the_one_of_what_comes_beside_them(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    rows = re.findall(r"^\| `(class-mode|newcomer\S*|word)` \| (\S+) \| (\S+) \| (\S+) \|", text, re.M)
    shown = {name: dict(zip(PRESETS, values, strict=True)) for name, *values in rows}
    for use in PRESETS:
        running = beside(read("--for", use))
        assert _settings(read("--for", use)).guards_newcomers is running.guards_newcomers
        new = {
            "newcomer": exactly(limits.NEWCOMER_SECONDS),
            "newcomer-pace": exactly(limits.NEWCOMER_PACE_SECONDS),
            "newcomer-links": exactly(limits.LINK_SECONDS),
        }
        values = {
            "class-mode": "on" if running.class_mode else _NONE,
            **{name: value.replace(" ", "") if running.guards_newcomers else _NONE for name, value in new.items()},
            "word": "on" if running.asks_for_word else _NONE,
        }
        assert {name: row[use] for name, row in shown.items()} == values


def test_the_docs_quote_what_the_start_says() -> None:
    for page, code in (("operating.md", "en"), ("operating.es.md", "es")):
        for use in PRESETS:
            (sentence,) = told(read("--for", use))
            assert f"`{language(code).words(sentence)}`" in " ".join((DOCS / page).read_text("utf-8").split())


def test_what_is_given_by_itself_wins_wherever_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "chat.conf"
    file.write_text("grace 60\nfor class\n")
    for options in (
        read("--grace", "60", "--for", "class"),
        read("--for=class", "--grace=60"),
        read("--config", str(file)),
        read("--config", str(file), "--for", "class"),
    ):
        assert (options["grace"], options["max-per-host"]) == (60, 120)
        (sentence,) = told(options)
        assert language("en").words(sentence) == _CLASS


_CLASS = "Set up for class (--for): grace 60, max-per-host 120 and /class on at the start."


def test_the_last_one_is_meant(tmp_path: Path) -> None:
    file = tmp_path / "chat.conf"
    file.write_text("for class\n")
    options = read("--config", str(file), "--for", "home")
    assert (options["for"], options["grace"], options["rate"]) == ("home", 180, 0)


def test_without_it_nothing_is_told() -> None:
    assert [*told(read())] == []


def test_another_word_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(Unfit) as refused:
        read("--for", "school")
    assert str(refused.value) == "--for school: choose one of class open home."
    found = check_command.findings(["--data", str(tmp_path), "--port", "none", "--tls-port", "1", "--for", "school"])
    assert "--for school: choose one of class open home." in found.wrong


def test_what_it_chooses_can_be_read_again(tmp_path: Path) -> None:
    assert {"for", *(name for values in PRESETS.values() for name in values)} <= RELOADED.keys()
    file = tmp_path / "chat.conf"
    file.write_text("for class\n")
    options = read("--config", str(file))
    applied: list[Options] = []
    reload = Reload(options, applied.append)
    file.write_text("for home\n")
    changes = {language("en").words(change).partition(" (")[0] for change in reload()}
    assert changes == {"for: class -> home", "grace: 900 -> 180", "max-per-host: 120 -> 200", "rate: 2.0 -> 0.0"}
    assert (applied[0]["grace"], applied[0]["rate"]) == (180, 0)
