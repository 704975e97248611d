"""IRC's messages: any line is read as one, and what goes out is never longer than clients read."""

import irctokens
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits
from chat.wire.irc.messages import Message, broken, escaped, line, lines, parse, rows, tagged, unformatted, word

READ = {
    "PING": Message("PING", []),
    "ping x": Message("PING", ["x"]),
    "NICK :amy": Message("NICK", ["amy"]),
    "PRIVMSG #ops :two words": Message("PRIVMSG", ["#ops", "two words"]),
    "PRIVMSG   #ops   :  as it stands ": Message("PRIVMSG", ["#ops", "  as it stands "]),
    "PRIVMSG #ops :": Message("PRIVMSG", ["#ops", ""]),
    "PRIVMSG #ops ::)": Message("PRIVMSG", ["#ops", ":)"]),
    "PRIVMSG #ops a:b c": Message("PRIVMSG", ["#ops", "a:b", "c"]),
    "MODE #ops  ": Message("MODE", ["#ops"]),
    ":amy!a@b QUIT": Message("QUIT", [], source="amy!a@b"),
    ":amy   QUIT  :see you": Message("QUIT", ["see you"], source="amy"),
    "@label=7 PING x": Message("PING", ["x"], {"label": "7"}),
    r"@a=1;b;+c/d=x\:y\sz\\\r\n;e= :amy PING": Message(
        "PING", [], {"a": "1", "b": "", "+c/d": "x;y z\\\r\n", "e": ""}, "amy"
    ),
    r"@a=\b\ PING": Message("PING", [], {"a": "b"}),
    "@a=1;a=2 PING": Message("PING", [], {"a": "2"}),
    "": Message("", []),
    "@a=1": Message("", [], {"a": "1"}),
    ":amy": Message("", [], source="amy"),
    "  PING x": Message("PING", ["x"]),
    "MSG bob tab\there": Message("MSG", ["bob", "tab\there"]),
}


@pytest.mark.parametrize("given", READ, ids=repr)
def test_a_line_is_read(given: str) -> None:
    assert parse(given) == READ[given]


@given(st.text())
def test_any_line_is_read(given: str) -> None:
    parse(given)


_ANY = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=40)
_WORDS = st.text(st.characters(exclude_characters=" \r\n\0:@", exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(st.dictionaries(st.from_regex(r"\A\+?[a-z]{1,5}(/[a-z]+)?\Z"), _ANY), _WORDS, st.lists(_WORDS), _ANY)
def test_it_is_read_as_another_program_reads_it(tags: dict, command: str, middle: list, last: str) -> None:
    text = tagged(f"{key}={escaped(value)}" for key, value in tags.items()) + line("amy!a@b", command, *middle, last)
    ours, theirs = parse(text), irctokens.tokenise(text)
    assert (ours.params, ours.source, dict(ours.tags)) == (theirs.params, theirs.source, dict(theirs.tags or {}))
    assert (ours.params, ours.tags) == ([*middle, last], tags)


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=3000))
def test_of_a_long_text_nothing_is_left_out_and_no_line_is_too_long(text: str) -> None:
    told = list(lines("amy!chat@chat", "PRIVMSG", "#ops", text))
    assert "".join(parse(part).params[1] for part in told) == text
    assert all(len(part.encode()) <= limits.IRC_LINE for part in told)


def test_a_long_text_is_broken_at_a_blank_and_not_within_a_letter() -> None:
    assert list(broken("one two three", 9)) == ["one two ", "three"]
    assert list(broken("ééé", 5)) == ["éé", "é"]
    assert list(broken("aaae\u0301", 5)) == ["aaa", "e\u0301"]
    assert list(broken("\u0301" * 4, 4)) == ["\u0301\u0301", "\u0301\u0301"]


def test_words_take_as_many_lines_as_they_need() -> None:
    names = [f"person{number}" for number in range(200)]
    told = list(rows("pi", "353", ("amy", "=", "#ops"), names))
    assert all(len(part.encode()) <= limits.IRC_LINE for part in told)
    assert " ".join(parse(part).params[3] for part in told).split() == names
    assert len(told) < 5
    assert [parse(part).params for part in rows("pi", "303", ("amy",), [])] == [["amy", ""]]


@given(st.text())
def test_what_an_answer_repeats_is_one_word(text: str) -> None:
    repeated = word(text)
    assert parse(f"401 amy {repeated} :x").params == ["amy", repeated, "x"]
    assert 0 < len(repeated.encode()) <= limits.IRC_WORD


def test_colours_and_the_like_are_no_words() -> None:
    assert unformatted("\x02bold\x0f \x0304,12red\x03 \x1ditalic\x1d \x04ff0000x\x04 7\x0315") == "bold red italic x 7"
