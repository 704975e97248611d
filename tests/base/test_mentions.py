"""When a text calls somebody: by their nickname as a whole word; and that a search finds whatever does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base.errors import Refused
from chat.base.folding import holds, in_a_row
from chat.base.mentions import calls
from chat.base.names import check_nickname


@pytest.mark.parametrize(
    "text", ["amy", "AMY!", "(amy)", "@amy", "ask amy.", "amy's", "x,amy,y", "¿amy?", "amy\u200e: hi"]
)
def test_a_whole_word_calls(text: str) -> None:
    assert calls("amy")(text)


@pytest.mark.parametrize("text", ["amys", "dreamy", "amy-lou", "jo-amy", "amy.lou", "o'amy", "am y", "", "amy\u0301"])
def test_a_part_of_a_name_does_not(text: str) -> None:
    assert not calls("amy")(text)


@pytest.mark.parametrize(
    ("nick", "text"),
    [
        ("José", "JOSÉ, look"),
        ("José", "jose\u0301: look"),
        ("Straße", "STRASSE!"),
        ("小明", "小明\uff0c你好"),
        ("мария", "слушай, Мария!"),
        ("a.b", "ask a.b."),
        ("amy", "\uff41\uff4d\uff59 here"),
    ],
)
def test_case_and_how_it_is_written_do_not_count(nick: str, text: str) -> None:
    assert calls(nick)(text)


def test_what_is_a_pattern_elsewhere_is_none_here() -> None:
    assert not calls("a.b")("axb")
    assert not calls()("amy")
    assert calls("amy", "build")("the build is red")


NICKS = [
    "amy",
    "José",
    "小明",
    "o'neil",
    "a.b",
    "kim-lu",
    "มานี",
    "मोहन",
    "Straße",
    "محمد",
    "کیان",
    "d_e",
    "かな",
    "가나",
]
GLUE = st.text(max_size=3)


@given(st.sampled_from(NICKS) | st.text(max_size=6), GLUE, GLUE, st.booleans())
def test_whatever_calls_is_found_by_a_search(nick: str, before: str, behind: str, upper: bool) -> None:
    try:
        check_nickname(nick)
    except Refused:
        return
    text = before + (nick.upper() if upper else nick) + behind
    if calls(nick)(text):
        assert holds(text, [in_a_row(nick)])
