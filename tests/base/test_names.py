"""Names: which are allowed, what is said of one that is not, and what is proposed instead."""
# ruff: noqa: RUF001

import unicodedata
from pathlib import Path

import pytest
from alike import same
from hypothesis import given
from hypothesis import strategies as st
from letters import CYRILLIC_A, any_text

from chat.base.errors import Refused
from chat.base.limits import MARKS, NICKNAME, NICKNAME_COLUMNS, ROOM
from chat.base.lookalikes import looks
from chat.base.names import check_nickname, check_room, looks_like_code, propose
from chat.base.reserved import RESERVED, Reserved
from chat.base.text import visible, width

# Letters that are near to each other or to what is reserved come up far more often than by chance.


def code_of(check, text: str) -> str | None:
    try:
        check(text)
    except Refused as refusal:
        return refusal.code
    return None


# nicknames


ALLOWED = """
    a amy Amy.2 jean-paul Fernanda José o_O R2D2 Ægir Straße guest chatty xxxxxxxxxxxxxxxxxxxx
    иван Ελένη שלום محمد नमस्ते မြို့ ชัยภัทร アリス 王小明 김철수 ｗｉｄｅ
"""


@pytest.mark.parametrize("name", ALLOWED.split())
def test_names_of_any_script_are_allowed(name):
    assert check_nickname(name) == unicodedata.normalize("NFC", name)


BAD = "7amy -amy .amy _ 1 * #amy @amy amy! a/b ../x 😀 a😀 ①a a² Ⅷ xxxxxxxxxxxxxxxxxxxxx"
BAD_UNSEEN = """
    \u202eb \u200bb \u200db \ue000 \ufffd \u3164 \u115f \u1161 \u11a8 \u034fb \ufe0f \U000e0100 \u0640b
    \ufdfa
"""


@pytest.mark.parametrize(
    "name", ["", " ", "amy bob", " amy", "amy ", "a\n", "a\0b", "a\x1b[A", "\u0301a", *BAD.split()]
)
def test_what_is_no_name_is_refused_as_bad(name):
    assert code_of(check_nickname, name) == "nick-bad"


@pytest.mark.parametrize("unseen", BAD_UNSEEN.split())
def test_what_nobody_sees_is_in_no_name(unseen):
    assert code_of(check_nickname, unseen) == "nick-bad"
    assert code_of(check_nickname, "a" + unseen) == "nick-bad"


def test_a_pile_of_marks_is_in_no_name():
    assert check_nickname("q" + "\u0301" * MARKS)
    assert code_of(check_nickname, "q" + "\u0301" * (MARKS + 1)) == "nick-bad"


def test_a_name_may_not_be_wider_than_its_columns():
    assert check_nickname("字" * (NICKNAME_COLUMNS // 2))
    assert code_of(check_nickname, "字" * (NICKNAME_COLUMNS // 2 + 1)) == "nick-bad"


def test_a_name_is_kept_in_its_composed_form():
    assert check_nickname("Jose\u0301") == "José"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "A nickname is missing."),
        ("amy bob", "A name has no blanks in it."),
        ("amy\u3000bob", "A name has no blanks in it."),
        ("7up", "A nickname begins with a letter, not with 7."),
        ("_amy", "A nickname begins with a letter, not with _."),
        ("amy!", "A name has no ! in it: letters, digits, - _ . and apostrophes."),
        ("a\u200bb", "A name has no U+200B in it: letters, digits, - _ . and apostrophes."),
        ("a\x1b[A", "A name has no U+001B in it: letters, digits, - _ . and apostrophes."),
        ("a\u200db", "A name has no U+200D in it: letters, digits, - _ . and apostrophes."),
        ("amy'", "In a name ' stands between letters only."),
        ("O’’Brien", "In a name ’ stands between letters only."),
        ("x" * 21, "A name has at most 20 letters."),
        ("字" * 13, "A name is at most 24 columns wide."),
        ("q" + "\u0301" * 7, "A name has at most 6 marks on one letter."),
    ],
)
def test_a_refusal_says_which_rule_is_broken(text, rule):
    with pytest.raises(Refused) as refusal:
        check_nickname(text)
    sentence = refusal.value.sentence
    assert (refusal.value.code, sentence.text.format_map(sentence.fields)) == ("nick-bad", rule)


SAMPLE = [
    (locale, name)
    for line in (Path(__file__).parents[1] / "support" / "names_of_people.txt")
    .read_text(encoding="utf-8")
    .splitlines()[1:]
    for locale, *names in [line.split()]
    for name in names
]


@pytest.mark.parametrize("name", sorted({name for _, name in SAMPLE}))
def test_names_of_people_are_allowed(name):
    assert check_nickname(name) == unicodedata.normalize("NFC", name)


def test_ordinary_names_of_one_alphabet_are_not_alike():
    pairs = [
        {one, other}
        for place, (locale, one) in enumerate(SAMPLE)
        for where, other in SAMPLE[place + 1 :]
        if where == locale and one != other and same(one, other)
    ]
    assert pairs == []


# Beside those of the sample: joiners between Persian letters, behind an Indian virama, before a Bengali one;
# apostrophes of all kinds; the dots of Catalan, Japanese and Tibetan; a Hebrew name that ends with a geresh.
@pytest.mark.parametrize(
    "name",
    [
        *["علی\u200cرضا", "مه\u200cسا", "ക്\u200dരിസ്", "र\u094d\u200dयान", "র\u200d্যাচেল", "ශ්\u200dරී", "न्\u200cयास"],
        *["O'Brien", "O’Brien", "Мар'яна", "Мар’яна", "Марʼяна", "Oʻktam", "O‘ktam", "ʻIolani", "N'Golo", "Kang'ethe"],
        *["Gal·la", "マリア・ルイサ", "བསྟན་འཛིན", "ג׳ורג׳", "ג'ורג'", "רמב״ם", "J.R."],
    ],
)
def test_joiners_and_apostrophes_are_orthography(name):
    assert check_nickname(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("name", "proposal"),
    [
        ("am\u200dy", "amy"), ("\u200camy", "amy"), ("a\u200cmy", "amy"), ("иван\u200c", "иван"),
        ("न\u200dा", "ना"), ("рус\u200bлан", "руслан"), ("'amy'", "amy"), ("amy'", "amy"), ("a''b", "a-b"),
        ("am·y", "am-y"), ("ʼamy", "amy"),
    ],
)  # fmt: skip
def test_elsewhere_they_are_left_out_of_a_proposal(name, proposal):
    assert code_of(check_nickname, name) == "nick-bad"
    assert propose(name, free_unless(), RESERVED) == proposal


@pytest.mark.parametrize(
    "text",
    [
        *("K7F2-QX9M", "k7f2-qx9m", "2345-A6BC", "K7F2QX9M", "K7F2Q-X9M4T", "k7f2qx9m4t", "AUTO-K4F4-X4B4"),
        *("resume-K7F2Q-X9M4T", "my.k7f2qx9m4t", "Ｋ7F2Q-X9M4T"),
    ],
)
def test_a_resume_code_is_known_by_its_form(text):
    assert looks_like_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "jean-paul",
        "K7F2-QXYM",
        "K7F0-QX9M",
        "K7F2-QX9M2",
        "K1F2-QX9M",
        "AUTO-4x4x",
        "fernand2",
        "K7F2Q-X9M4",
        "amy2020",
    ],
)
def test_other_names_are_no_resume_codes(text):
    assert not looks_like_code(text)


@given(any_text)
def test_checking_any_text_gives_a_name_or_a_refusal(text):
    for check in (check_nickname, check_room):
        try:
            name = check(text)
        except Refused:
            continue
        assert name == unicodedata.normalize("NFC", text)
        assert visible(name) == name
        assert check(name) == name
        assert 0 < width(name.removeprefix("#")) <= NICKNAME_COLUMNS


@given(st.text(max_size=3), st.integers(min_value=0, max_value=50_000))
def test_the_longest_text_is_refused_quickly(text, size):
    pile = text + "\u0301\u0323" * size
    assert size < NICKNAME or (code_of(check_nickname, pile) == "nick-bad" and looks(pile))


# rooms


@pytest.mark.parametrize("name", ["#ops", "#2026", "#a.b-c_d", "#日本語", "#" + "x" * ROOM])
def test_rooms_have_a_hash_and_a_name(name):
    assert check_room(name) == name


@pytest.mark.parametrize(
    "name", ["", "#", "ops", "#ops team", "##ops", "#-", "#..", "#\u0301a", "#a/b", "#" + "x" * (ROOM + 1)]
)
def test_what_is_no_room_name_is_refused(name):
    assert code_of(check_room, name) == "room-bad"


def test_a_room_name_without_its_hash_is_repaired_in_the_refusal():
    with pytest.raises(Refused) as refusal:
        check_room("ops")
    assert refusal.value.sentence.fields["room"] == "#ops"


# proposals


def free_unless(*taken: str):
    """Whether a nickname is free where these people are."""
    return lambda name: not any(same(name, other) for other in taken)


@pytest.mark.parametrize(
    ("text", "taken", "proposal"),
    [
        ("amy", [], "amy"),
        ("amy", ["amy"], "amy2"),
        ("amy", ["Amy", "amy2"], "amy3"),
        ("amy", ["amy", "amy2", "amy3", "amy4"], "amy5"),
        ("amy2", ["amy2"], "amy2-2"),
        ("José María", [], "José-María"),
        ("José María", ["José-María"], "José-María2"),
        ("@amy!", [], "amy"),
        ("<amy & bob>", [], "amy-bob"),
        ("7 of 9", [], "of-9"),
        ("Maximiliano Fernando de la Vega", [], "Maximiliano-Fernando"),
        ("Maximiliano Fernando de la Vega", ["Maximiliano-Fernando"], "Maximiliano-Fernand2"),
        ("abcdefghijklmnopqr-xyz", ["abcdefghijklmnopqr-x"], "abcdefghijklmnopqr2"),
        ("字" * 30, ["字" * 12], "字" * 11 + "2"),
        ("admin", [], "guest1"),
        ("_admin2_", [], "guest1"),
        ("José  O’Brien", [], "José-O’Brien"),
        ("O'Brien", ["O’Brien"], "O'Brien2"),
        ("Мар'яна!", [], "Мар'яна"),
        ("7up", [], "up"),
        ("Ämy Lou", [], "Ämy-Lou"),
        ("amy.", ["amy"], "amy2"),
        ("عل\u06cc\u200cرضا خان", [], "علی\u200cرضا-خان"),
        (f"{CYRILLIC_A}my", ["amy"], f"{CYRILLIC_A}my2"),
        ("", [], "guest1"),
        ("", ["guest1", "guest2"], "guest3"),
        ("😀", [], "guest1"),
        ("guest7", [], "guest1"),
        ("K7F2-QX9M", [], "guest1"),
        ("resume k7f2q-x9m4t", [], "guest1"),
        ("/resume my own code K7F2Q-X9M4T", [], "guest1"),
    ],
)
def test_a_proposal_is_near_to_what_was_asked_for(text, taken, proposal):
    assert propose(text, free_unless(*taken), RESERVED) == proposal


@given(any_text, st.lists(any_text, max_size=5))
def test_a_proposal_is_always_allowed_and_free(text, taken):
    is_free = free_unless(*taken, text)
    proposal = propose(text, is_free, RESERVED)
    assert is_free(proposal)
    assert proposal.startswith("guest") or check_nickname(proposal) == proposal


def test_where_another_language_is_spoken_guests_have_its_word():
    assert propose("", free_unless("visita1"), Reserved("es")) == "visita2"
    assert propose("servidor", free_unless(), Reserved("es")) == "visita1"


def test_thousands_of_guests_are_not_asked_for_one_by_one():
    asked = []

    def is_free(name: str) -> bool:
        asked.append(name)
        return int(name.removeprefix("guest")) > 10_000

    assert propose("", is_free, RESERVED) == "guest10001"
    assert len(asked) < 40


def test_where_nothing_is_free_the_server_is_busy():
    assert code_of(lambda text: propose(text, lambda name: False, RESERVED), "amy") == "busy"
