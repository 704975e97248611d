"""Painted lines: nicknames have a colour that can be read, and nothing depends on it."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base.text import visible
from chat.client.faces.terminal.colours import Paint, colour_of, paint_for, rows
from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.marking import READABLE, contrast
from chat.client.talk.objects import Said

AT = datetime(2026, 11, 22, 9, 4, tzinfo=UTC)
CODES = re.compile(r"\x1b\[([0-9;]*)m")


def said(author: str, text: str, to: str | None = None, loud: bool = False) -> Shown:
    what = Said("#lobby", author, text, 1, AT, to, False)
    begin = f"<{visible(author)}> " if to is None else f"[{visible(author)} -> you] "
    return Shown(LineKind.TALK, begin + visible(text), AT, room="#lobby", source=what, loud=loud)


def test_a_nickname_has_one_colour_that_can_be_read_on_black_and_on_white() -> None:
    colours = {colour_of(f"nick{number}", Paint.MANY) for number in range(1000)}
    assert len(colours) > 30
    assert all(contrast(int(colour.removeprefix("38;5;"))) >= READABLE for colour in colours)
    assert colour_of("Amy", Paint.MANY) == colour_of("amy", Paint.MANY) == "38;5;67"
    assert {colour_of(f"nick{number}", Paint.BASIC) for number in range(100)} == {"31", "32", "35", "36"}


@pytest.mark.parametrize(
    ("choice", "environ", "paint"),
    [
        ("auto", {"TERM": "xterm-256color"}, Paint.MANY),
        ("auto", {"TERM": "xterm"}, Paint.BASIC),
        ("auto", {"TERM": "xterm", "COLORTERM": "truecolor"}, Paint.MANY),
        ("auto", {"TERM": "xterm-256color", "NO_COLOR": "1"}, Paint.BOLD),
        ("auto", {"TERM": "xterm-256color", "NO_COLOR": ""}, Paint.MANY),
        ("on", {"TERM": "xterm", "NO_COLOR": "1"}, Paint.BASIC),
        ("off", {"TERM": "xterm-256color"}, Paint.OFF),
    ],
)
def test_what_one_chose_counts_and_then_no_color(choice: str, environ: dict[str, str], paint: Paint) -> None:
    assert paint_for(choice, environ) is paint


def test_a_line_is_painted() -> None:
    assert rows(said("amy", "hi"), Paint.BASIC, True, 80, True) == ["\x1b[2m09:04 \x1b[0m<\x1b[36mamy\x1b[0m> hi"]
    assert rows(said("bob", "amy?", loud=True), Paint.BOLD, False, 80, True) == [
        "<\x1b[1;7mbob\x1b[0m\x1b[1m> amy?\x1b[0m"
    ]
    title = Shown(LineKind.TITLE, "#ops, 5 new")
    assert rows(title, Paint.OFF, True, 80, True) == ["\u2500\u2500 #ops, 5 new \u2500\u2500"]
    assert rows(title, Paint.OFF, True, 80, False) == ["-- #ops, 5 new --"]


@given(st.text(), st.text(), st.sampled_from([None, "amy"]), st.booleans(), st.sampled_from(Paint))
def test_paint_adds_nothing_but_styles(author: str, text: str, to: str | None, loud: bool, paint: Paint) -> None:
    shown = said(author, text, to, loud)
    painted = "\n".join(rows(shown, paint, True, 80, True))
    assert CODES.sub("", painted) == f"09:04 {shown.text}"
    codes = ";".join(CODES.findall(painted)).split(";")
    allowed = {Paint.OFF: {""}, Paint.BOLD: {"", "0", "1", "2", "7"}}.get(paint)
    assert allowed is None or set(codes) <= allowed
