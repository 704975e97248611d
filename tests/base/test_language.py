"""Sentences in their language; and the catalogues: nothing that is said is missing there, nothing is stale."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import pytest

from chat.base.language import LOCALE, Language, Sentence, known_languages, language, say, say_n

if TYPE_CHECKING:
    from babel.messages.catalog import Message

CHAT = LOCALE.parent
CHECKOUT = CHAT.parent
TRANSLATED = sorted(path.parent.parent.name for path in LOCALE.glob("*/LC_MESSAGES/chat.po"))

# --- words ------------------------------------------------------------------------------------------


def test_a_sentence_has_its_fields_filled_in() -> None:
    assert language("en").words(say("{nick} is here already.", nick="amy")) == "amy is here already."


def test_what_people_wrote_is_never_a_format() -> None:
    assert language("en").words(say("{nick} left", nick="{secret}")) == "{secret} left"


def test_a_field_may_be_a_sentence() -> None:
    reason = say("{count} lines", count=3)
    assert language("en").words(say("Not stored: {reason}.", reason=reason)) == "Not stored: 3 lines."


@pytest.mark.parametrize("code", ["en", "es"])
@pytest.mark.parametrize(
    ("sentence", "right", "wrong"),
    [
        (say("Hello {nick}.", nick="J.R."), "J.R.", "J.R.."),
        (say("Bye {nick}. {hint}", nick="J.R.", hint="…"), "J.R. …", "J.R.. …"),
        (say("{nick} is in {rooms}.", nick="J.R.", rooms=("#a.", "#b.")), "#b.", "#b.."),
        (say("You ignore {nicks}.", nicks=("amy", "J.R.")), "J.R.", "J.R.."),
        (
            say("{hello} Nobody else is in {room} yet.", hello=say("Hello {nick}.", nick="J.R."), room="#a"),
            "J.R. ",
            "..",
        ),
        (say("{nick} is here already.", nick="{nick}."), "{nick}. ", "{nick} "),
    ],
)
def test_a_name_that_ends_with_a_dot_ends_the_sentence_with_it(
    code: str, sentence: Sentence, right: str, wrong: str
) -> None:
    words = language(code).words(sentence)
    assert right in words
    assert wrong not in words


@pytest.mark.parametrize(("count", "words"), [(0, "0 people"), (1, "1 person"), (2, "2 people")])
def test_a_number_chooses_between_one_and_many(count: int, words: str) -> None:
    assert language("en").words(say_n("{count} person", "{count} people", count)) == words


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("bob",), "bob"),
        (("bob", "carl"), "bob and carl"),
        (("bob", "carl", "dee"), "bob, carl and dee"),
    ],
)
def test_names_stand_in_a_row_as_people_write_them(names: tuple[str, ...], words: str) -> None:
    assert language("en").words(say("{who}", who=names)) == words


def test_a_region_without_a_catalogue_of_its_own_speaks_its_language() -> None:
    names = ("bob", "carl")
    assert language("es_MX").names(names) == language("es").names(names) == "bob y carl"


@pytest.mark.parametrize(
    ("names", "words"),
    [(("ana", "Iván"), "ana e Iván"), (("ana", "bob", "hilda"), "ana, bob e hilda"), (("ana", "Iago"), "ana y Iago")],
)
def test_spanish_says_e_for_y_before_the_sound_of_i(names: tuple[str, ...], words: str) -> None:
    assert language("es").names(names) == words


def test_a_language_without_a_catalogue_is_a_lookup_error() -> None:
    with pytest.raises(LookupError):
        Language("tlh")


def test_english_and_spanish_are_known() -> None:
    assert {"en", "es"} <= set(known_languages())


# --- catalogues -------------------------------------------------------------------------------------


def _calls(name: str) -> Iterator[tuple[Path, ast.Call]]:
    for path in sorted(CHAT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield path, node


@pytest.mark.parametrize(("function", "sentences"), [("say", 1), ("say_n", 2)])
def test_a_sentence_is_written_out_where_it_is_said(function: str, sentences: int) -> None:
    """The catalogue's tools skip what is computed, an f-string for one, without a word."""
    computed = [
        f"{path.relative_to(CHECKOUT)}:{call.lineno}"
        for path, call in _calls(function)
        for argument in call.args[:sentences]
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str))
    ]
    assert computed == []


def test_no_sentence_stands_in_two_files() -> None:
    """What is said about one thing is said in one place; marks around what others say are no sentences."""
    places: dict[str, set[Path]] = {}
    for function in ("say", "say_n"):
        for path, call in _calls(function):
            text = ast.literal_eval(call.args[0])
            if re.search("[a-z]", re.sub(r"{\w+}", "", text)):
                places.setdefault(text, set()).add(path.relative_to(CHECKOUT))
    assert {text: paths for text, paths in places.items() if len(paths) > 1} == {}


def test_every_sentence_that_is_said_is_in_the_catalogue() -> None:
    """The catalogue's tools do not look into f-strings either."""
    found = {form for sentence in _said(LOCALE / "chat.pot") for form in sentence}
    said = {
        argument.value
        for function, sentences in (("say", 1), ("say_n", 2))
        for _, call in _calls(function)
        for argument in call.args[:sentences]
        if isinstance(argument, ast.Constant)
    }
    assert said - found == set()


def _forms(text: str | Sequence[str]) -> tuple[str, ...]:
    """A sentence's singular and plural, or the sentence alone."""
    return (text,) if isinstance(text, str) else tuple(text)


def _messages(catalogue: Path) -> list[Message]:
    """What a .po, .pot or .mo file holds, without its header."""
    if catalogue.suffix == ".mo":
        read = pytest.importorskip("babel.messages.mofile").read_mo
    else:
        read = pytest.importorskip("babel.messages.pofile").read_po
    with catalogue.open("rb") as file:
        return [message for message in read(file) if message.id]


def _said(catalogue: Path) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {_forms(message.id): _forms(message.string) for message in _messages(catalogue)}


def test_making_the_catalogues_again_changes_nothing(tmp_path: Path) -> None:
    pytest.importorskip("babel", reason="needs Babel")
    shutil.copytree(CHAT, tmp_path / "chat", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(CHECKOUT / ".ci", tmp_path / ".ci")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([tmp_path / ".ci" / "catalogue"], env=os.environ | {"PATH": path}, check=True)
    made = tmp_path / "chat" / "locale"
    catalogues = sorted(file.relative_to(made) for file in made.rglob("chat.*"))
    assert {file: _said(made / file) for file in catalogues} == {file: _said(LOCALE / file) for file in catalogues}


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_sentence_is_translated(code: str) -> None:
    messages = _messages(LOCALE / code / "LC_MESSAGES" / "chat.po")
    assert [message.id for message in messages if message.fuzzy or not all(_forms(message.string))] == []


def _fields(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text)} - {None}


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_has_the_fields_of_its_sentence(code: str) -> None:
    different = [
        (english, translated)
        for message in _messages(LOCALE / code / "LC_MESSAGES" / "chat.po")
        for english, translated in zip(_forms(message.id), _forms(message.string), strict=True)
        if translated and _fields(english) != _fields(translated)
    ]
    assert different == []
