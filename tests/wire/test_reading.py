"""What any line means, on each wire and whatever is expected: said, asked or refused, and nothing lost on the way."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat.base.errors import BadInput
from chat.base.language import language
from chat.commands.registry import NAMES, TABLE
from chat.wire import grammar, jsonl, vocabulary
from chat.wire.json_wire import JsonFormat, JsonWire
from chat.wire.plain import Plain, PlainFormat
from chat.wire.rendering import Wire
from chat.wire.requests import Expected, Invoke, Say, Secret, interpret

PLAIN: Wire = Plain(PlainFormat(language("en")))
JSON: Wire = JsonWire(JsonFormat(language("en")))

COMMANDS = st.builds(
    "/{}{}{}".format, st.sampled_from(sorted(NAMES)), st.sampled_from(["", " ", ": ", "  "]), st.text()
)
ANY_LINE = st.text() | COMMANDS | st.text().map("/".__add__) | st.sampled_from(["resume K7F2Q-X9M4T", "K7F2Q-X9M4T"])
"""Lines as a door makes them have no newline; a program's may."""


@pytest.mark.parametrize("wire", [PLAIN, JSON], ids=["plain", "json"])
@pytest.mark.parametrize("expected", Expected)
@given(line=ANY_LINE)
@example(line='{"say":""}')
def test_a_line_is_said_asked_or_refused(wire: Wire, expected: Expected, line: str) -> None:
    try:
        parsed = wire.read(line, expected)
    except BadInput:
        assert "\n" in line or grammar.command_in(line) or jsonl.may_be_json(line)
        return
    if isinstance(parsed, Secret):
        assert expected in (Expected.SECRET, Expected.PASSWORD)
        assert (wire, parsed.request.line) == (PLAIN, "")
        return
    if wire is PLAIN or not jsonl.may_be_json(line):
        assert parsed.request.line in (line, f"/{line}")
    if isinstance(parsed, Invoke):
        assert parsed.name == "resume" or parsed.name == vocabulary.name_of(parsed.word)


@given(COMMANDS.filter(lambda line: "\n" not in line))
def test_a_command_reaches_the_row_of_its_name_on_every_wire(line: str) -> None:
    plain = PLAIN.read(line)
    assert isinstance(plain, Invoke)
    assert JSON.read(json.dumps({"line": line})) == plain
    if grammar.fold(plain.word) in NAMES:
        assert plain.name in TABLE


@given(st.text())
def test_a_draft_keeps_each_line_as_it_was_typed(line: str) -> None:
    parsed = PLAIN.read(line, Expected.DRAFT)
    assert (isinstance(parsed, Say) and parsed.text == line) or parsed.name in ("end", "cancel")


@given(st.text(), st.text(max_size=9) | st.none(), st.sampled_from(["#ops", "@ben"]) | st.none())
def test_a_program_says_exactly_what_it_means_to(text: str, id: str | None, room: str | None) -> None:
    parsed = JSON.read(json.dumps({"say": text, "id": id, "room": room}))
    assert isinstance(parsed, Say)
    assert (parsed.text, parsed.request.id, parsed.request.room) == (text, id, room)


@given(st.text())
def test_what_is_meant_as_talk_is_said_as_it_was_meant(text: str) -> None:
    line = grammar.talk(text)
    if grammar.command_in(line) is None:
        assert interpret(PLAIN.read(line).request) == PLAIN.read(line)
        assert PLAIN.read(line).text == text
