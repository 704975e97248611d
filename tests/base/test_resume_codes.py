"""Resume codes as texts: how they are made, and where one is seen."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits, resume_codes

CODE = re.compile(f"[{resume_codes.SIGNS}]{{5}}-[{resume_codes.SIGNS}]{{5}}")
halves = st.builds(
    lambda others, digit, place: f"{others[:place]}{digit}{others[place:]}",
    st.text(alphabet=resume_codes.SIGNS, min_size=4, max_size=4),
    st.sampled_from("23456789"),
    st.integers(0, 4),
)


def test_a_new_code_has_two_halves_of_five_signs_each_with_a_digit():
    made = {resume_codes.for_people() for _ in range(500)}
    assert len(made) == 500
    for code in made:
        assert CODE.fullmatch(code)
        assert all(re.search("[2-9]", half) for half in code.split("-"))
        assert resume_codes.short(code) == code


def test_a_program_gets_128_bits():
    code = resume_codes.for_programs()
    assert len(bytes.fromhex(code)) == 16
    assert resume_codes.short(code) is None
    assert resume_codes.normal(f" {code.upper()} ") == code


@given(halves, halves, st.sampled_from(["-", "", "\u2013", "\u2212"]), st.booleans())
def test_however_it_is_written_it_is_the_same(one, other, dash, lower):
    text = f"{one}{dash}{other}"
    text = text.lower() if lower else text
    assert resume_codes.normal(text) == resume_codes.short(text) == f"{one}-{other}"
    assert resume_codes.stands_in(text)
    assert resume_codes.shorts_in(f"see ({text}), please") == [f"{one}-{other}"]
    assert resume_codes.holds(f"see {text}!", f"{one}-{other}")


@pytest.mark.parametrize("text", ["K7F2-QX9M", "k7f2qx9m"])
def test_codes_of_before_are_as_they_were_given(text):
    assert resume_codes.short(text) == "K7F2-QX9M"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "jean-paul",
            "K7F2Q-XAMAT",
            "K7F0Q-X9M4T",
            "K7F2Q-X9M4",
            "K7F2Q-X9M4T2",
            "fernand2",
            "basement2",
            "2026-11-29",
        ),
        "550e8400-e29b-41d4-a716-446655442222",
        "K7F2Q-X9M4T-K7F2Q",
        "ABCD2345_",
    ],
)
def test_what_is_no_code_is_not_looked_for(text):
    assert resume_codes.short(text) is None
    assert not resume_codes.shorts_in(text)


def test_those_with_their_dash_are_looked_for_first_and_each_once():
    bare = [f"{sign}2345678{sign}9" for sign in resume_codes.SIGNS]
    found = resume_codes.shorts_in(" ".join([*bare, *bare, "K7F2Q-X9M4T", "k7f2q-x9m4t"]))
    assert len(found) == limits.CODES_LOOKED_FOR
    assert found[0] == "K7F2Q-X9M4T"
    assert len(set(found)) == len(found)


@given(st.text())
def test_a_code_that_is_seen_is_one(text):
    for code in resume_codes.shorts_in(text):
        assert resume_codes.short(code) == code


SIGNS_AROUND = st.sampled_from([*"AKZaz", *"279", *"01_- .,\n", "é", "\u2013"])


@given(
    st.lists(SIGNS_AROUND | st.sampled_from(["K7F2Q-X9M4T", "k7f2qx9m4t", "2222", "22222"]), max_size=40).map("".join)
)
def test_it_is_seen_wherever_it_stands_and_nowhere_else(text):
    plain = resume_codes._plain(text)
    everywhere = {resume_codes._as_given(match) for match in resume_codes._WORD.finditer(plain)}
    assert set(resume_codes.shorts_in(text)) == everywhere
